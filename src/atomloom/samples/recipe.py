"""A recipe on the disk: the spec, how many samples, and the bars or their name; kilobytes for any number of them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomloom.errors import BadInput, StoreError
from atomloom.samples import spec as mapping
from atomloom.samples.divisors import divide_by
from atomloom.samples.formats.hashing import hash_of
from atomloom.samples.formats.sink import put
from atomloom.samples.manifest import MANIFEST
from atomloom.samples.sample_set import Dataset
from atomloom.samples.series import take_series
from atomloom.samples.series_files import contents_of, series_from
from atomloom.samples.spec import SampleSpec
from atomloom.samples.store_bars import bars_of_store
from atomloom.samples.uniqueness import honesty
from atomloom.samples.windows import windows_of
from atomloom.store import Store

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from atomloom.samples.series import Series

FILE = "recipe.json"
KIND = "atomloom samples recipe"
FORMAT_VERSION = 2


def write_recipe(
    samples: Dataset | Mapping[str, Dataset],
    path: str | os.PathLike[str],
    source: str = "",
    *,
    named: Mapping[str, Any] | None = None,
) -> int:
    """Write the recipe of a dataset, or of the parts of a split, into a folder, and give its bytes.

    Files appear whole or not at all; ``recipe.json`` comes last and holds the hash of the other, and its own.

    Parameters
    ----------
    samples : Dataset, or mapping of part to Dataset
        Parts of one series by one spec.
    path : path
        Folder; made if missing.
    source : str
        What a reader is told that the bars are.
    named : mapping, optional
        Names the bars instead of copying them: plain texts and numbers that say where they are ("files", each with
        "path" and "sha256") and how they are read ("nan", "bad_bars", and what the reader of them needs). Whoever
        opens the recipe gives the bars.

    Returns
    -------
    int
        Bytes on the disk, whatever the number of samples is.

    Raises
    ------
    BadInput
        For a spec with a function that has no name to import it by, parts that are not of one spec and series, or a
        folder that holds something else of samples.
    StoreError
        Where the disk is full or may not be written to.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from atomloom.samples import dataset, open_dataset
    >>> samples = dataset({"close": np.arange(1.0, 50.0)}, 10**12, {"lookback": 4, "channels": ["close"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = write_recipe(samples, folder)
    ...     again = open_dataset(folder)
    >>> again, size < 5000
    (Dataset(1,000,000,000,000 samples of 1 channels x 4 bars, 45 windows, seed 0), True)
    """
    parts = [samples] if isinstance(samples, Dataset) else list(samples.values())
    first = parts[0]
    if any((each.series.digest, each.spec) != (first.series.digest, first.spec) for each in parts):
        raise BadInput("samples are parts of several specs or series. Hint: a recipe for each.")
    contents = {} if named is not None else contents_of(first.series)
    told = {
        "kind": KIND, "version": FORMAT_VERSION, "mapping": mapping.VERSION, "spec": first.spec.to_dict(),
        "spec_digest": first.spec.digest(), "series_digest": first.series.digest, "source": source,
        "series": {name: hash_of(content) for name, content in contents.items()},
        "named": None if named is None else dict(named),
        "parts": [
            {"part": each.part, "n": len(each), "recipe": each.digest, "honesty": honesty(each).to_dict()}
            for each in parts
        ],
    }  # fmt: skip
    contents[FILE] = json.dumps({**told, "digest": _digest(told)}, indent=1, ensure_ascii=False).encode() + b"\n"
    folder = Path(path)
    _check_free(folder, contents[FILE])
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            put(folder / name, content)
    except OSError as error:
        seen = error.strerror or str(error)
        raise StoreError(f"{folder} could not be written: {seen}. Hint: a folder to write to, with room.") from error
    return sum(map(len, contents.values()))


def _check_free(folder: Path, content: bytes) -> None:
    """Refuse to write over another recipe, or beside files that have a series of their own."""
    if (folder / MANIFEST).exists():
        message = f"{folder} holds files of samples, which have their own copy of the series"
        raise BadInput(f"{message}. Hint: another folder; open_dataset({str(folder)!r}).recipe() computes them.")
    place = folder / FILE
    if place.exists() and place.read_bytes() != content:
        raise BadInput(f"{folder} holds another recipe. Hint: another folder, or delete {FILE} there.")


def read_recipe(folder: Path) -> dict[str, Any]:
    """Read what a recipe says of itself.

    Raises
    ------
    StoreError
        Where there is none, it is not as it was written, or it is of another version.
    """
    place = folder / FILE
    try:
        found = json.loads(place.read_bytes())
    except OSError as error:
        raise StoreError(f"{place} cannot be read: {error.strerror}. Hint: the folder of a recipe.") from None
    except ValueError as error:
        raise StoreError(f"{place} is no JSON: {error}. Hint: copy it again.") from None
    if not isinstance(found, dict) or found.get("kind") != KIND or found.get("version") != FORMAT_VERSION:
        message = f"{place} is no recipe of version {FORMAT_VERSION}"
        raise StoreError(f"{message}. Hint: the folder of a recipe; if it is one, the atomloom that wrote it.")
    if found.get("digest") != _digest({name: value for name, value in found.items() if name != "digest"}):
        raise StoreError(f"{place} is not as it was written. Hint: copy it again, or make it again.")
    return found


def open_recipe(folder: Path, part: str | None = None, data: Any = None) -> Dataset:
    """Give the dataset of a recipe.

    Parameters
    ----------
    folder : Path
    part : str, optional
        Which one, where it has several.
    data : frame, mapping of symbol to frame, or Store, optional
        The bars, as :func:`atomloom.samples.dataset` takes them, where the recipe names them and has no copy.

    Raises
    ------
    BadInput
        For a part that it has not, or bars that are others.
    StoreError
        Where it is not as it was written, or of another version of the mapping from numbers to samples.
    """
    told = read_recipe(folder)
    known = [row["part"] for row in told["parts"]]
    if part is None and len(known) > 1:
        raise BadInput(f"{folder} has parts {', '.join(known)}. Hint: say which: part={known[0]!r}.")
    if part is not None and part not in known:
        if known == [None]:
            raise BadInput(f"{folder} has no part {part!r}: it is of no split. Hint: leave part out.")
        raise BadInput(f"{folder} has no part {part!r}: it has {', '.join(known)}. Hint: part={known[0]!r}.")
    rows = [row for row in told["parts"] if part is None or row["part"] == part]
    return _made(folder, told, rows, data)[0]


def open_parts(folder: Path, data: Any = None) -> dict[str, Dataset]:
    """Give the datasets of a recipe by part; that of no split is "".

    Raises
    ------
    BadInput, StoreError
        As of :func:`open_recipe`.
    """
    told = read_recipe(folder)
    return {each.part or "": each for each in _made(folder, told, told["parts"], data)}


def looked_at(folder: Path) -> tuple[int, int, list[str]]:
    """Look whether a recipe is as it was written; of bars that it names only the name is looked at.

    Returns
    -------
    int
        Samples that it is of.
    int
        Bytes.
    list of str
        What is wrong.
    """
    try:
        told = read_recipe(folder)
        size = sum((folder / name).stat().st_size for name in (FILE, *told["series"]))
        if told["named"] is None:
            _made(folder, told, told["parts"], None)
    except (StoreError, OSError) as error:
        return 0, 0, [str(error).partition(" Hint:")[0]]
    return sum(row["n"] for row in told["parts"]), size, []


def _made(folder: Path, told: Mapping[str, Any], rows: list[Mapping[str, Any]], data: Any) -> list[Dataset]:
    """Make datasets of some parts, of one series."""
    spec = SampleSpec.from_dict(told["spec"])
    if told["named"] is None:
        series = series_from(folder, told["series"], told["series_digest"])
    else:
        series = _named(folder, told, spec, data)
    found = []
    for row in rows:
        part = row["part"]
        made = Dataset(series, spec, windows_of(series, spec, part), row["n"], part, *divide_by(series, spec))
        if made.digest != row["recipe"]:
            message = f"{folder / FILE} is of another version of the mapping"
            raise StoreError(f"{message}. Hint: the atomloom that wrote it, or make it again.")
        found.append(made)
    return found


def _named(folder: Path, told: Mapping[str, Any], spec: SampleSpec, data: Any) -> Series:
    """Take the bars that a recipe names, and look whether they are those."""
    named = told["named"]
    if data is None:
        what = ", ".join(str(each["path"]) for each in named.get("files", [])) or told["source"] or "bars"
        message = f"{folder} names its bars ({what}) and has no copy of them"
        raise BadInput(f"{message}. Hint: open_dataset(path, data=bars), as dataset() takes them.")
    if isinstance(data, Store):
        data = bars_of_store(data, named.get("timeframe"), named.get("tz") or None, named.get("symbols") or None)
    series = take_series(data, spec, nan=named.get("nan", "refuse"), bad_bars=named.get("bad_bars", "refuse"))
    if series.digest != told["series_digest"]:
        message = f"data has other bars than those that {folder} is of ({series.n_rows:,} of them)"
        raise BadInput(f"{message}. Hint: the bars as they were, read as they were; or make a new recipe.")
    return series


def _digest(told: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()
