"""Written samples beside those that are computed, read by us and by the formats' own libraries."""

import itertools
import json

import numpy as np
import pytest
from files_to_try import FORMATS, WAYS, many, plain, same, tree
from hypothesis import given
from hypothesis import strategies as st

from atomloom.samples import Computed
from atomloom.samples.formats.hashing import Xxh64
from atomloom.samples.opening import open_dataset
from atomloom.samples.verifying import verify
from atomloom.samples.writing import write
from oracles.xxh64_oracle import xxh64


@pytest.mark.parametrize(("kind", "compression"), WAYS)
def test_what_is_read_is_what_was_computed(tmp_path, kind, compression):
    made = plain(n=5000)
    done = write(made, tmp_path, format=kind, compression=compression, shard_rows=2000, n_jobs=2)
    assert (done.rows, done.shards, done.resumed) == (5000, 3, 0)
    stored = open_dataset(tmp_path)
    assert len(stored) == 5000
    assert dict(stored.fields) == dict(made.fields)
    assert same(stored.batch(slice(None)), made.batch(slice(None)))
    ids = np.concatenate([np.random.default_rng(1).integers(0, 5000, 300), [4999, 0, 0, 1999, 2000]])
    assert same(stored.batch(ids), made.batch(ids))
    assert same(stored.batch(range(1990, 4100)), made.batch(range(1990, 4100)))
    assert same(stored.batch([]), made.batch([]))
    assert same(stored[-1], made[-1])
    found = verify(tmp_path, recompute=True)
    assert found.ok, found.problems
    assert found.bytes == done.bytes == sum(p.stat().st_size for p in tmp_path.rglob("*") if is_shard(p))


def is_shard(place):
    return place.is_file() and (place.name.startswith("shard-") or "/c/" in str(place))


@pytest.mark.parametrize(("kind", "compression"), WAYS)
def test_symbols_strata_parts_and_functions_come_back(tmp_path, kind, compression):
    made = many()
    write(made, tmp_path, format=kind, compression=compression, shard_rows=300)
    stored = open_dataset(tmp_path)
    whole = made.batch(slice(None))
    assert whole["steep"].dtype == bool
    assert whole["shares"].shape == (700, 3)
    assert same(stored.batch(slice(None)), whole)
    again = stored.recipe()
    assert again.digest == made.digest
    assert same(again.batch([699, 3]), made.batch([699, 3]))
    assert verify(tmp_path, recompute=True).ok


@pytest.mark.parametrize("dtype", ["float16", "int16", "float64"])
@pytest.mark.parametrize(("kind", "compression"), [*FORMATS, ("hdf5", "zstd"), ("hdf5", "lz4"), ("zarr", "zstd")])
def test_small_and_large_numbers(tmp_path, kind, compression, dtype):
    made = plain(n=700, dtype=dtype, state=("position",), horizon=0)
    write(made, tmp_path, format=kind, compression=compression, shard_rows=300)
    assert same(open_dataset(tmp_path).batch(slice(None)), made.batch(slice(None)))


@pytest.mark.parametrize(("kind", "compression"), WAYS)
def test_many_pieces_of_one_shard(tmp_path, kind, compression, monkeypatch):
    monkeypatch.setattr("atomloom.samples.planning.PIECE_BYTES", 20_000)
    made = plain(n=1000)
    write(made, tmp_path, format=kind, compression=compression, shard_rows=320)
    stored = open_dataset(tmp_path)
    assert stored.manifest["piece_rows"] == 64
    ids = np.random.default_rng(2).permutation(1000)
    assert same(stored.batch(ids), made.batch(ids))
    assert same(stored.batch(slice(30, 900)), made.batch(slice(30, 900)))
    assert verify(tmp_path, recompute=True).ok


def test_orders_of_epochs_are_those_of_the_dataset(tmp_path):
    made = plain(n=2000)
    write(made, tmp_path, shard_rows=600)
    stored = open_dataset(tmp_path)
    for settings in ({}, {"shuffle": True, "epoch": 2}, {"shuffle": True, "threads": 2, "reuse": True}):
        for ours, theirs in zip(stored.iter(64, **settings), made.iter(64, **settings), strict=True):
            assert same(ours, theirs)
    for ours, theirs in zip(stored.shard(1, 3).iter(50, shuffle=True), made.shard(1, 3).iter(50, shuffle=True),
                            strict=True):  # fmt: skip
        assert same(ours, theirs)
    batches = made.iter(100, shuffle=True)
    next(iter(batches))
    going_on = stored.iter(100, shuffle=True)
    going_on.load_state_dict(batches.state_dict())
    assert len(going_on) == 19


def test_numpy_opens_npy(tmp_path):
    made = plain(n=500)
    write(made, tmp_path, format="npy", shard_rows=300)
    whole = made.batch(range(300, 500))
    for name, column in whole.items():
        np.testing.assert_array_equal(np.load(tmp_path / f"shard-00000001.{name}.npy", mmap_mode="r"), column)


def test_arrow_opens_arrow(tmp_path):
    import pyarrow as pa

    made = plain(n=500)
    write(made, tmp_path, format="arrow", compression="zstd", shard_rows=300)
    with pa.memory_map(str(tmp_path / "shard-00000001.arrow")) as file:
        table = pa.ipc.open_file(file).read_all()
    table.validate(full=True)
    assert table.schema.metadata[b"atomloom.first"] == b"300"
    tensor = table["x"].combine_chunks()
    assert tensor.type == pa.fixed_shape_tensor(pa.float32(), (5, 12))
    np.testing.assert_array_equal(tensor.to_numpy_ndarray(), made.batch(range(300, 500))["x"])


@pytest.mark.parametrize("lists", [False, True])
def test_parquet_opens_parquet(tmp_path, lists):
    import pyarrow.parquet as pq

    made = plain(n=500)
    write(made, tmp_path, format="parquet", shard_rows=300, fixed_size_list=lists)
    table = pq.read_table(tmp_path / "shard-00000000.parquet")
    wanted = made.batch(range(300))
    if lists:
        found = np.array(table["x"].to_pylist(), dtype=np.float32).reshape(300, 5, 12)
    else:
        mark = json.loads(table.schema.field("x").metadata[b"atomloom.tensor"])
        assert mark == {"dtype": "<f4", "shape": [5, 12]}
        found = np.stack([np.frombuffer(v, "<f4").reshape(5, 12) for v in table["x"].to_pylist()])
    np.testing.assert_array_equal(found, wanted["x"])
    np.testing.assert_array_equal(table["idx"].to_numpy(), wanted["idx"])
    assert same(open_dataset(tmp_path).batch([3, 499]), made.batch([3, 499]))
    assert verify(tmp_path, recompute=True).ok


@pytest.mark.parametrize("compression", [None, "zstd", "lz4"])
def test_h5py_opens_hdf5(tmp_path, compression):
    import h5py
    import hdf5plugin  # noqa: F401 - the filters

    made = plain(n=1100, lookback=70)
    write(made, tmp_path, format="hdf5", compression=compression, shard_rows=768)
    with h5py.File(tmp_path / "shard-00000001.h5") as file:
        assert file.attrs["atomloom.first"] == "768"
        assert (file["x"].chunks is None) == (compression is None)
        for name, column in made.batch(range(768, 1100)).items():
            np.testing.assert_array_equal(file[name][()], column)


@pytest.mark.parametrize("compression", [None, "zstd"])
def test_zarr_opens_zarr(tmp_path, compression):
    zarr = pytest.importorskip("zarr")
    made = many()
    write(made, tmp_path, format="zarr", compression=compression, shard_rows=300)
    group = zarr.open_group(tmp_path, mode="r")
    for name, column in made.batch(slice(None)).items():
        np.testing.assert_array_equal(group[name][...], column)


def test_mds_is_what_its_documents_say(tmp_path):
    made = plain(n=500)
    write(made, tmp_path, format="mds", shard_rows=300)
    index, number = json.loads((tmp_path / "index.json").read_text()), 0
    whole = made.batch(slice(None))
    assert index["version"] == 2
    for shard in index["shards"]:
        content = (tmp_path / shard["raw_data"]["basename"]).read_bytes()
        assert len(content) == shard["raw_data"]["bytes"]
        assert xxh64(content) == shard["raw_data"]["hashes"]["xxh64"]
        assert int.from_bytes(content[:4], "little") == shard["samples"]
        places = np.frombuffer(content[4:], "<u4", shard["samples"] + 1)
        told = json.loads(content[4 + 4 * len(places) : places[0]])
        assert told == {name: shard[name] for name in told}
        assert places[-1] == len(content)
        for low, high in itertools.pairwise(places):
            sample, at = content[low:high], 0
            columns = zip(shard["column_names"], shard["column_encodings"], shard["column_sizes"], strict=True)
            for name, encoding, size in columns:
                kind, _, shape = encoding.removeprefix("ndarray:").partition(":")
                value = np.frombuffer(sample[at : at + size], kind).reshape([int(k) for k in shape.split(",") if k])
                np.testing.assert_array_equal(value, whole[name][number])
                at += size
            assert at == len(sample)
            number += 1
    assert number == 500


def test_files_have_no_times_in_them(tmp_path):
    import time

    made, trees = plain(n=300), []
    for turn in range(2):
        for kind, compression in WAYS:
            write(made, tmp_path / f"{turn}-{kind}-{compression}", format=kind, compression=compression, shard_rows=200)
        trees.append([tree(tmp_path / f"{turn}-{kind}-{compression}") for kind, compression in WAYS])
        time.sleep(1.1 * (1 - turn))  # HDF5 counts seconds
    assert trees[0] == trees[1]


def test_the_recipe_needs_no_shards(tmp_path):
    made = many()
    write(made, tmp_path, format="npy", shard_rows=300)
    for place in tmp_path.glob("shard-*"):
        place.unlink()
    assert same(open_dataset(tmp_path).recipe().batch(slice(None)), made.batch(slice(None)))


@given(st.binary(max_size=200), st.lists(st.integers(0, 70), max_size=6))
def test_xxh64_in_parts(content, cuts):
    found, at = Xxh64(), 0
    for cut in cuts:
        found.update(content[at : at + cut])
        at += cut
    found.update(content[at:])
    assert found.hexdigest() == xxh64(content)


def test_xxh64_gives_the_published_values():
    # from the tests of the reference implementation
    for content, wanted in ((b"", "ef46db3751d8e999"), (b"a", "d24ec4f1a98c6e5b"), (b"abc", "44bc2cf5ad770999")):
        found = Xxh64()
        found.update(content)
        assert found.hexdigest() == xxh64(content) == wanted


@pytest.mark.parametrize("piece_bytes", [1 << 22, 20_000])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int16"])
def test_parquet_is_to_the_byte_what_pyarrow_writes(tmp_path, monkeypatch, dtype, piece_bytes):
    from atomloom.samples.formats import parquet
    from atomloom.samples.planning import plan_of

    monkeypatch.setattr("atomloom.samples.planning.PIECE_BYTES", piece_bytes)
    state = {
        "position": {"values": [-1, 0, 1]},
        "steep": Computed("files_to_try:steep"),
        "equity": {"low": 1, "high": 2},
    }
    plan = plan_of(plain(n=3000, dtype=dtype, state=state), "parquet", None, 2000)
    for shard in (0, 1):
        ours, theirs = tmp_path / "ours", tmp_path / "theirs"
        (entry,) = parquet.write(plan.layout, shard, [ours], plan.pieces(shard, plan.room(), lambda: None))
        parquet.by_pyarrow(plan.layout, theirs, plan.pieces(shard, plan.room(), lambda: None))
        assert ours.read_bytes() == theirs.read_bytes()
        assert entry.bytes == ours.stat().st_size
        assert parquet.bones_of(plan.layout, shard) is not None


def test_parquet_with_pages_that_pyarrow_parts(tmp_path):
    """Small samples: a piece has more rows than a page of pyarrow."""
    made = plain(n=70_000, lookback=1, channels=("close",), state=())
    write(made, tmp_path, format="parquet")
    assert same(open_dataset(tmp_path).batch([0, 69_999, 30_000]), made.batch([0, 69_999, 30_000]))
    assert verify(tmp_path, recompute=True).ok
