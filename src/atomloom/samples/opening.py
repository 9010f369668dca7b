"""open_dataset: a recipe, files of samples, or a run of the command line that has either."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from atomloom.errors import BadInput
from atomloom.samples.manifest import MANIFEST
from atomloom.samples.reading import StoredDataset, open_stored
from atomloom.samples.recipe import FILE, open_recipe, read_recipe

if TYPE_CHECKING:
    import os

    from atomloom.samples.sample_set import Dataset

RECIPE_FOLDER, EXPORT_FOLDER = "recipe", "samples"


class Places(NamedTuple):
    """What a folder has.

    Attributes
    ----------
    recipe : Path or None
    written : dict of str to Path
        Folders of files, by the part that they are of; "" where there is no split.
    """

    recipe: Path | None
    written: dict[str, Path]


def places_in(path: Path) -> Places:
    """Find the recipe and the files of samples in a folder: either itself, or a run that has both.

    Parameters
    ----------
    path : Path
        A run has ``recipe/``, and ``samples/`` with files, or with a folder of files for each part.
    """
    recipe = next((each for each in (path / RECIPE_FOLDER, path) if (each / FILE).is_file()), None)
    for each in (path, path / EXPORT_FOLDER):
        if (each / MANIFEST).is_file():
            return Places(recipe, {_told(each)[1]: each})
    found = {_told(each.parent): each.parent for each in sorted((path / EXPORT_FOLDER).glob(f"*/{MANIFEST}"))}
    return Places(recipe, {part: found[place, part] for place, part in sorted(found)})


def _told(folder: Path) -> tuple[int, str]:
    """Give the place of the part that files are of among all, and its name; "" of none, or no manifest to read."""
    try:
        told = json.loads((folder / MANIFEST).read_bytes())
        part = told["part"] or ""
        return (list(told["spec"]["split"]["parts"]).index(part), part) if part else (0, "")
    except (OSError, ValueError, LookupError, TypeError):
        return 0, ""


def open_dataset(path: str | os.PathLike[str], part: str | None = None, *, data: Any = None) -> StoredDataset | Dataset:
    """Open samples that were written, or a recipe of them.

    Parameters
    ----------
    path : path
        A folder that :func:`atomloom.samples.write` made; a recipe; or a run of `atomloom samples`, whose files are
        opened if it wrote some, and whose recipe if not.
    part : str, optional
        Which part of a split, where there are several.
    data : frame, mapping of symbol to frame, or Store, optional
        The bars, for a recipe that names them and has no copy.

    Returns
    -------
    StoredDataset or Dataset
        Of files only the manifest is read; shards are opened when a sample of theirs is asked for. Of a recipe the
        samples are computed.

    Raises
    ------
    BadInput
        For a part that there is not, or bars that are not those of the recipe.
    StoreError
        Where there is neither, or it was not finished, or is not as it was written.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from atomloom.samples import dataset, write
    >>> samples = dataset({"close": np.arange(1.0, 50.0)}, 1000, {"lookback": 4, "channels": ["close"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = write(samples, Path(folder) / "out", format="npy", shard_rows=300)
    ...     stored = open_dataset(Path(folder) / "out")
    ...     (stored.batch([3, 999])["x"] == samples.batch([3, 999])["x"]).all()
    np.True_
    """
    folder = Path(path)
    recipe, written = places_in(folder)
    if not written:
        return open_stored(folder) if recipe is None else open_recipe(recipe, part, data)
    names = list(written)
    if part is None and recipe is not None:  # of parts, files may be there of some
        names = [row["part"] or "" for row in read_recipe(recipe)["parts"]]
    if part is None and len(names) > 1:
        raise BadInput(f"{folder} has parts {', '.join(names)}. Hint: say which: part={names[0]!r}.")
    if part is not None and part not in written:
        if recipe is not None:
            return open_recipe(recipe, part, data)
        names = [name for name in written if name]
        seen = f"it has {', '.join(names)}" if names else "it is of no split"
        raise BadInput(f"{folder} has no part {part!r}: {seen}. Hint: leave part out, or another folder.")
    return open_stored(next(iter(written.values())) if part is None else written[part])
