"""The series beside the samples made of it: plain npy files, so that the recipe is whole."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import StoreError
from atomloom.samples.formats.hashing import hash_of
from atomloom.samples.series import Series

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

FOLDER = "series"
_ARRAYS = ("values", "close", "first", "runs", "rows", "times")


def contents_of(series: Series) -> dict[str, bytes]:
    """Give the files of a series by name: its arrays, and its names and labels as JSON.

    Labels are kept as texts: strata are told apart by them.
    """
    found = {}
    for name in _ARRAYS:
        array = getattr(series, name)
        if array is not None:
            file = io.BytesIO()
            np.save(file, np.ascontiguousarray(array), allow_pickle=False)
            found[f"{FOLDER}/{name}.npy"] = file.getvalue()
    names: dict[str, Any] = {"channels": list(series.channels), "symbols": list(series.symbols)}
    names["labels"] = {name: [str(value) for value in column] for name, column in series.labels.items()}
    found[f"{FOLDER}/names.json"] = (json.dumps(names) + "\n").encode()
    return found


def series_from(folder: Path, hashes: Mapping[str, str], digest: str) -> Series:
    """Read a series back.

    Parameters
    ----------
    folder : Path
        Of the dataset.
    hashes : mapping of str to str
        XXH64 of each file.
    digest : str
        Of the series.

    Raises
    ------
    StoreError
        For a file that is not there, or not as it was written.
    """
    contents = {}
    for name, wanted in hashes.items():
        try:
            contents[name] = (folder / name).read_bytes()
        except OSError as error:
            message = f"{folder / name} cannot be read: {error.strerror}. Hint: copy the whole folder of the dataset."
            raise StoreError(message) from error
        if hash_of(contents[name]) != wanted:
            message = f"{folder / name} is not as it was written"
            raise StoreError(f"{message}. Hint: copy it again from where the dataset came from.")
    arrays: dict[str, Any] = dict.fromkeys(_ARRAYS)
    for name in _ARRAYS:
        content = contents.get(f"{FOLDER}/{name}.npy")
        if content is not None:
            arrays[name] = np.load(io.BytesIO(content), allow_pickle=False)
            arrays[name].flags.writeable = False
    names = json.loads(contents[f"{FOLDER}/names.json"])
    labels = {name: np.array(column, dtype=object) for name, column in names["labels"].items()}
    return Series(
        channels=tuple(names["channels"]), symbols=tuple(names["symbols"]), labels=labels, digest=digest, **arrays
    )
