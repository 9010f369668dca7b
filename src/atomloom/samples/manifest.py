"""The manifest of a written dataset: its recipe, how its files are laid out, and whether all of them are there."""

from __future__ import annotations

import hashlib
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, StoreError
from atomloom.samples.formats.hashing import hash_of
from atomloom.samples.formats.layout import Layout
from atomloom.samples.formats.sink import put
from atomloom.samples.spec import VERSION
from atomloom.samples.uniqueness import honesty

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from atomloom.samples.formats.layout import Format
    from atomloom.samples.sample_set import Dataset

MANIFEST = "manifest.json"
KIND = "atomloom samples"
FORMAT_VERSION = 2
_WORDS = {
    "version": "version of the files", "mapping": "version of the mapping from numbers to samples",
    "series_digest": "series", "fields": "fields", "part": "part", "n": "n", "shard_rows": "shard_rows",
    "piece_rows": "rows of a piece", "format": "format", "compression": "compression",
    "fixed_size_list": "fixed_size_list", "library": "version of the library that writes it",
}  # fmt: skip


def manifest_of(dataset: Dataset, layout: Layout, made: Format, kinds: Mapping[str, np.dtype[Any]],
                series: Mapping[str, bytes]) -> dict[str, Any]:  # fmt: skip
    """Give the manifest of a dataset that is about to be written.

    Parameters
    ----------
    dataset : Dataset
    layout : Layout
    made : Format
    kinds : mapping of str to dtype
        What each field is in memory.
    series : mapping of str to bytes
        Files of the series.
    """
    fields = {name: [kinds[name].str, list(shape)] for name, (_, shape) in layout.fields.items()}
    library = None if made.library is None else f"{made.library} {version(made.library)}"
    return {
        "kind": KIND, "version": FORMAT_VERSION, "complete": False, "n": layout.n, "format": made.name,
        "compression": layout.compression, "fixed_size_list": layout.fixed_size_list,
        "shard_rows": layout.shard_rows, "piece_rows": layout.piece_rows, "shards": layout.shards, "fields": fields,
        "recipe": layout.recipe, "mapping": VERSION, "spec": dataset.spec.to_dict(),
        "spec_digest": dataset.spec.digest(), "series_digest": dataset.series.digest, "part": dataset.part,
        "series": {name: hash_of(content) for name, content in series.items()},
        "honesty": honesty(dataset).to_dict(), "library": library,
        "versions": {name: version(name) for name in ("atomloom", "numpy", "numba")},
    }  # fmt: skip


def layout_of(manifest: Mapping[str, Any]) -> Layout:
    """Give the layout that a manifest tells of."""
    fields = {name: (stored(np.dtype(kind)), tuple(shape)) for name, (kind, shape) in manifest["fields"].items()}
    return Layout(
        fields, manifest["n"], manifest["shard_rows"], manifest["piece_rows"], manifest["compression"],
        manifest["recipe"], manifest["fixed_size_list"],
    )  # fmt: skip


def stored(kind: np.dtype[Any]) -> np.dtype[Any]:
    """Say what a dtype is stored as: itself, but for truth values, which are bytes.

    Examples
    --------
    >>> stored(np.dtype(bool))
    dtype('uint8')
    """
    return np.dtype(np.uint8) if kind == np.bool_ else kind


def put_manifest(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write a manifest, with its own digest."""
    plain = {name: value for name, value in manifest.items() if name != "digest"}
    text = json.dumps({**plain, "digest": _digest(plain)}, indent=1, ensure_ascii=False)
    put(folder / MANIFEST, text.encode() + b"\n")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read the manifest of a dataset.

    Raises
    ------
    StoreError
        Where there is none, or it is not as it was written, or of a later version.
    """
    place = folder / MANIFEST
    try:
        found = json.loads(place.read_bytes())
    except FileNotFoundError:
        message = f"{folder} holds no dataset of samples: there is no {MANIFEST}"
        raise StoreError(f"{message}. Hint: give the folder that write() made.") from None
    except NotADirectoryError:
        raise StoreError(f"{folder} is a file. Hint: give the folder that write() made.") from None
    except OSError as error:
        raise StoreError(f"{place} cannot be read: {error.strerror}. Hint: a file that you may read.") from error
    except ValueError as error:
        raise StoreError(f"{place} is no JSON: {error}. Hint: copy it again, or write the dataset again.") from None
    if not isinstance(found, dict) or found.get("kind") != KIND:
        raise StoreError(f"{place} is of something else. Hint: give the folder that write() made.")
    if found.get("version") != FORMAT_VERSION:
        message = f"{place} has version {found.get('version')}, and this atomloom reads version {FORMAT_VERSION}"
        raise StoreError(f"{message}. Hint: the atomloom that wrote it, or write it again.")
    if found.get("digest") != _digest({name: value for name, value in found.items() if name != "digest"}):
        raise StoreError(f"{place} is not as it was written. Hint: copy it again, or write the dataset again.")
    return found


def check_same(folder: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Refuse to go on with a dataset that is another one.

    Raises
    ------
    BadInput
        That names what differs, and how.
    """
    before, now = old["spec"], new["spec"]
    differs = [
        f"{name} {_short(before.get(name))} (now {_short(now.get(name))})"
        for name in dict.fromkeys([*before, *now])
        if json.dumps(before.get(name)) != json.dumps(now.get(name))
    ]
    for name, words in _WORDS.items():
        if old.get(name) != new.get(name):
            differs.append(f"{words} {_short(old.get(name))} (now {_short(new.get(name))})")
    if differs:
        message = f"{folder} holds the beginning of another dataset, which has {' and '.join(differs)}"
        raise BadInput(f"{message}. Hint: repeat the same call, write to another folder, or pass overwrite=True.")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _digest(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
