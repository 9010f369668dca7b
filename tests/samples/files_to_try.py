"""Datasets to write, functions of their states, and what a folder holds."""

import hashlib

import numpy as np
from bars_to_try import bars, frame

from atomloom.samples import Computed, Index, SampleSpec, Split, dataset

WAYS = [
    ("arrow", None), ("arrow", "lz4"), ("arrow", "zstd"), ("parquet", None), ("parquet", "lz4"), ("parquet", "zstd"),
    ("parquet", "snappy"), ("hdf5", None), ("hdf5", "lz4"), ("hdf5", "zstd"), ("zarr", None), ("zarr", "zstd"),
    ("npy", None), ("mds", None),
]  # fmt: skip
FORMATS = [way for way in WAYS if way[1] is None]


def steep(u, batch):
    """Whether the window went up by more than a random amount."""
    return batch["x"][:, 3, -1] - batch["x"][:, 3, 0] > 0.1 * u[:, 0]


def shares(u, batch):
    """Three numbers that add up to 1, as float64."""
    found = u.astype(np.float64) + 1.0
    return found / found.sum(axis=1, keepdims=True)


def plain(n=5000, rows=300, **settings):
    return dataset(bars(rows), n, SampleSpec(**{"lookback": 12, "seed": 5, **settings}))


def many(n=700):
    """Two symbols, a gap, a split, strata by a column, and fields that functions make."""
    spec = SampleSpec(
        10, state={"position": {"values": [-1, 1]}, "steep": Computed("files_to_try:steep"),
                   "shares": Computed("files_to_try:shares", draws=3)},
        index=Index("stratified", by="regime"), split=Split({"train": 0.8, "test": 0.2}, embargo=3), dtype="float64",
        gap="5D", seed=2**40,
    )  # fmt: skip
    data = {}
    for number, name in enumerate("AB"):
        made = frame(200 + 50 * number, seed=number)
        made["regime"] = np.where(np.arange(len(made)) % 60 < 30, "calm", "wild")
        data[name] = made.drop(made.index[90:100])
    return dataset(data, n, spec, part="train")


def same(a, b):
    """Whether two batches have the same fields, in one order, to the byte."""
    assert list(a) == list(b)
    for name in a:
        assert a[name].dtype == b[name].dtype, name
        assert a[name].shape == b[name].shape, name
        assert np.ascontiguousarray(a[name]).tobytes() == np.ascontiguousarray(b[name]).tobytes(), name
    return True


def tree(folder):
    """Hash of all names and contents."""
    found = hashlib.sha256()
    for place in sorted(folder.rglob("*")):
        if place.is_file():
            found.update(f"{place.relative_to(folder)}\0{place.stat().st_size}\0".encode())
            found.update(place.read_bytes())
    return found.hexdigest()
