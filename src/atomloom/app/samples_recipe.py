"""A recipe on the disk: the spec, the number of samples and a copy of the series, some hundred kilobytes for any n."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from atomloom.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

    from atomloom.samples import Dataset

FILE = "recipe.json"
KIND = "atomloom samples recipe"
VERSION = 1


def put_recipe(samples: Dataset, folder: Path, source: str = "") -> int:
    """Write the recipe of a dataset into a folder, and give its bytes.

    Files appear whole or not at all; ``recipe.json`` comes last and holds hashes of the others.

    Raises
    ------
    BadInput
        For a spec with a function that has no name to import it by.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from atomloom.samples import dataset
    >>> samples = dataset({"close": np.arange(1.0, 50.0)}, 10**12, {"lookback": 4, "channels": ["close"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     size = put_recipe(samples, Path(folder))
    ...     again = open_recipe(Path(folder))
    >>> again, size < 5000
    (Dataset(1,000,000,000,000 samples of 1 channels x 4 bars, 45 windows, seed 0), True)
    """
    from atomloom.samples import honesty  # noqa: PLC0415  # --help owes nobody numpy
    from atomloom.samples import spec as mapping  # noqa: PLC0415  # same
    from atomloom.samples.formats.hashing import hash_of  # noqa: PLC0415  # same
    from atomloom.samples.formats.sink import put  # noqa: PLC0415  # same
    from atomloom.samples.series_files import contents_of  # noqa: PLC0415  # same

    contents = contents_of(samples.series)
    told = {
        "kind": KIND, "version": VERSION, "mapping": mapping.VERSION, "n": len(samples), "part": samples.part,
        "recipe": samples.digest, "spec": samples.spec.to_dict(), "spec_digest": samples.spec.digest(),
        "series_digest": samples.series.digest, "source": source, "honesty": honesty(samples).to_dict(),
        "series": {name: hash_of(content) for name, content in contents.items()},
    }  # fmt: skip
    contents[FILE] = (json.dumps(told, indent=1, ensure_ascii=False) + "\n").encode()
    for name, content in contents.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        put(folder / name, content)
    return sum(map(len, contents.values()))


def read_recipe(folder: Path) -> dict[str, Any]:
    """Read what a recipe says of itself.

    Raises
    ------
    StoreError
        Where there is none, or of a later version.
    """
    place = folder / FILE
    try:
        found = json.loads(place.read_bytes())
    except OSError as error:
        raise StoreError(f"{place} cannot be read: {error.strerror}. Hint: the folder of a recipe.") from None
    except ValueError as error:
        raise StoreError(f"{place} is no JSON: {error}. Hint: copy it again.") from None
    if not isinstance(found, dict) or found.get("kind") != KIND or found.get("version") != VERSION:
        raise StoreError(
            f"{place} is no recipe of version {VERSION}. Hint: the folder of a recipe, or upgrade atomloom."
        )
    return found


def open_recipe(folder: Path) -> Dataset:
    """Give the dataset of a recipe.

    Raises
    ------
    StoreError
        Where it is not as it was written, or of another version of the mapping from numbers to samples.
    """
    from atomloom.samples.divisors import divide_by  # noqa: PLC0415  # same
    from atomloom.samples.sample_set import Dataset  # noqa: PLC0415  # same
    from atomloom.samples.series_files import series_from  # noqa: PLC0415  # same
    from atomloom.samples.spec import SampleSpec  # noqa: PLC0415  # same
    from atomloom.samples.windows import windows_of  # noqa: PLC0415  # same

    told = read_recipe(folder)
    series = series_from(folder, told["series"], told["series_digest"])
    spec, part = SampleSpec.from_dict(told["spec"]), told["part"]
    found = Dataset(series, spec, windows_of(series, spec, part), told["n"], part, *divide_by(series, spec))
    if found.digest != told["recipe"]:
        message = f"{folder / FILE} is not as it was written, or of another version of the mapping"
        raise StoreError(f"{message}. Hint: copy it again, or use the atomloom that wrote it.")
    return found
