"""Shards are molecules of the engine: handed out, told of, ended and gone on with by it; and files as pyarrow's."""

import errno
import os
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from files_to_try import plain, same, tree
from hypothesis import given
from hypothesis import strategies as st

import atomloom.engine.run as engine
from atomloom.engine.progress import MoleculeDone, RunFinished, RunStarted
from atomloom.errors import BadInput, JobFailed, StoreError
from atomloom.samples import Computed, open_dataset, shards, writing
from atomloom.samples.formats import parquet, sink, thrift
from atomloom.samples.formats.shuffle_kernels import shuffle_bytes
from atomloom.samples.planning import plan_of
from atomloom.samples.shards import Crew, Stopped, read_journal
from atomloom.samples.verifying import verify
from atomloom.samples.writing import write
from oracles.byte_shuffle_oracle import shuffled
from oracles.xxh64_oracle import xxh64

PACKED = ("zstd", "lz4", "snappy")
mood = {"bad": False}


def brittle(u, batch):
    """A function of a user that fails at some samples on some days."""
    if mood["bad"] and (batch["idx"] >= 0).all() and len(u) == 77:
        raise ZeroDivisionError("no such day")
    return u[:, 0]


def calls(monkeypatch):
    """What the engine is called with."""
    seen, inner = [], engine.run_parallel

    def run_parallel(*given, **settings):
        seen.append((len(given[1]), settings["executor"], settings["num_threads"], settings["grain"]))
        return inner(*given, **settings)

    monkeypatch.setattr(engine, "run_parallel", run_parallel)
    return seen


def test_writing_and_verifying_are_runs_of_the_engine(tmp_path, monkeypatch):
    seen = calls(monkeypatch)
    write(plain(n=700), tmp_path / "a", shard_rows=100, n_jobs=2)
    write(plain(n=300), tmp_path / "b", shard_rows=100, n_jobs=1)
    verify(tmp_path / "a", n_jobs=3)
    verify(tmp_path / "b", n_jobs=9)
    assert seen == [(7, "threads", 2, 1), (3, "serial", 1, 1), (7, "threads", 3, 1), (3, "threads", 3, 1)]
    write(plain(n=700), tmp_path / "a", shard_rows=100, n_jobs=2, resume=True)
    assert len(seen) == 4  # nothing is left to do


def test_a_shard_is_named_when_it_is_there_not_when_it_is_its_turn(tmp_path, monkeypatch):
    """A reducer takes results in their order: a process killed here would leave shards that nothing names."""
    inner, late = writing.write_shard, []

    def write_shard(plan, folder, shard, *rest):
        found = inner(plan, folder, shard, *rest)
        until = time.monotonic() + 20
        while shard == 0 and len(read_journal(folder)) < 5 and time.monotonic() < until:
            time.sleep(0.001)
        if shard == 0:
            late.append(sorted(read_journal(folder)))
        return found

    monkeypatch.setattr(writing, "write_shard", write_shard)
    write(plain(n=900), tmp_path, shard_rows=100, n_jobs=2)
    assert late == [[1, 2, 3, 4, 5]] or (len(late[0]) >= 5 and 0 not in late[0])


def test_what_is_told(tmp_path):
    made, events = plain(n=950), []
    write(made, tmp_path, shard_rows=100, n_jobs=2)
    for name in ("shard-00000003.arrow", "shard-00000009.arrow"):
        (tmp_path / name).unlink()
    write(made, tmp_path, shard_rows=100, n_jobs=2, resume=True, progress=events.append)
    assert events[0] == RunStarted("samples", 2, 2, resumed=8)
    assert [type(event) for event in events[1:]] == [MoleculeDone, MoleculeDone, RunFinished]
    assert events[-1].status == "done"
    events.clear()
    assert verify(tmp_path, n_jobs=2, progress=events.append).ok
    assert [event.done for event in events[1:-1]] == list(range(1, 11))
    with pytest.raises(BadInput, match="progress is 3"):
        verify(tmp_path, progress=3)


def test_a_listener_that_fails_costs_no_shard(tmp_path, caplog):
    def heard(event):
        raise ValueError(event)

    assert write(plain(n=300), tmp_path, shard_rows=100, progress=heard).rows == 300
    assert "listener raised" in caplog.text


def test_more_shards_than_molecules(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "_MOLECULES", 2)
    made, events = plain(n=4100), []
    write(made, tmp_path / "few", shard_rows=100, n_jobs=2, progress=events.append)
    assert events[0].molecules == 4
    assert sum(event.share for event in events[1:-1]) == pytest.approx(1.0)
    for number in range(0, 41, 2):
        (tmp_path / "few" / f"shard-{number:08d}.arrow").unlink()
    events.clear()
    write(made, tmp_path / "few", shard_rows=100, n_jobs=2, resume=True, progress=events.append)
    assert (events[0].molecules, events[0].resumed) == (4, 4)  # 20 of 41 shards are there, 21 are 4 molecules
    monkeypatch.undo()
    write(made, tmp_path / "many", shard_rows=100, n_jobs=1)
    assert tree(tmp_path / "few") == tree(tmp_path / "many")
    assert verify(tmp_path / "few", n_jobs=2).bytes == verify(tmp_path / "many", n_jobs=1).bytes > 0


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_function_that_raises(tmp_path, monkeypatch, jobs):
    made = plain(n=1077, state={"made": Computed("test_write_engine:brittle")})
    settings = {"format": "npy", "shard_rows": 100, "n_jobs": jobs}
    monkeypatch.setitem(mood, "bad", True)
    with pytest.raises(JobFailed, match=r"shard 10 could not be worked: .*no such day.*Hint: a function of the spec"):
        write(made, tmp_path / "out", **settings)
    assert not list(tmp_path.rglob("*.tmp"))
    monkeypatch.setitem(mood, "bad", False)
    assert write(made, tmp_path / "out", resume=True, **settings).resumed == 10
    write(made, tmp_path / "straight", **settings)
    assert tree(tmp_path / "out") == tree(tmp_path / "straight")
    monkeypatch.setitem(mood, "bad", True)
    with pytest.raises(JobFailed, match="shard 10 could not be worked"):
        verify(tmp_path / "out", jobs, recompute=True)


@pytest.mark.parametrize("ends", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_nothing_is_under_way_when_it_is_over(tmp_path, monkeypatch, ends):
    """One shard fails, or a person interrupts, while another is half written: it is waited for, and taken away."""
    monkeypatch.setattr("atomloom.samples.planning.PIECE_BYTES", 20_000)
    half, inner, busy = threading.Event(), sink.write_all, []

    def write_all(file, view, at):
        name = str(Path(f"/proc/self/fd/{file}").readlink())
        if "shard-00000001" in name:
            half.set()
            busy.append(name)
            time.sleep(0.01)
        elif "shard-00000000" in name and half.wait(20) and isinstance(ends, OSError):
            raise ends
        return inner(file, view, at)

    def heard(event):
        if isinstance(event, MoleculeDone) and isinstance(ends, KeyboardInterrupt):
            raise ends

    monkeypatch.setattr(sink, "write_all", write_all)
    made = plain(n=40_000, state=())
    wanted = StoreError if isinstance(ends, OSError) else KeyboardInterrupt
    with pytest.raises(wanted) as error:
        write(made, tmp_path / "out", format="npy", shard_rows=20_000, n_jobs=2, progress=heard)
    count = len(busy)
    assert 0 < count < 250  # the other was not finished
    assert not list(tmp_path.rglob("*.tmp"))
    assert wanted is KeyboardInterrupt or "No space left on device. Hint: free some space" in str(error.value)
    time.sleep(0.05)
    assert len(busy) == count  # and nobody goes on with it
    monkeypatch.setattr(sink, "write_all", inner)
    done = write(made, tmp_path / "out", format="npy", shard_rows=20_000, resume=True)
    assert done.resumed == (0 if wanted is StoreError else 1)
    assert verify(tmp_path / "out", recompute=True).ok


def test_a_crew_that_is_over_begins_nothing():
    crew, seen = Crew(2), []

    def task(shard):
        seen.append(shard)
        if shard == 0:
            raise BadInput("shard 0 is refused. Hint: none.")
        time.sleep(0.05)
        crew.going()

    with pytest.raises(BadInput, match="shard 0 is refused") as error:
        crew.work(range(1000), task)
    assert error.value.__cause__ is None
    assert len(seen) < 20
    with pytest.raises(Stopped):
        crew.going()
    assert Crew(3).work([], task) == []


def test_problems_do_not_depend_on_jobs(tmp_path):
    write(plain(n=2000), tmp_path, shard_rows=100)
    for number in (3, 4, 11, 19):
        place = tmp_path / f"shard-{number:08d}.arrow"
        content = bytearray(place.read_bytes())
        content[len(content) // 2] ^= 1
        place.write_bytes(content)
    found = [verify(tmp_path, n_jobs=jobs) for jobs in (1, 2, 3)]
    assert len(found[0].problems) == 4
    assert len({(each.problems, each.bytes, each.shards) for each in found}) == 1


@pytest.mark.parametrize("piece_bytes", [1 << 22, 20_000])
@pytest.mark.parametrize("dtype", ["float32", "float16", "int16", "float64"])
@pytest.mark.parametrize("compression", PACKED)
def test_packed_parquet_is_to_the_byte_what_pyarrow_writes(tmp_path, monkeypatch, compression, dtype, piece_bytes):
    monkeypatch.setattr("atomloom.samples.planning.PIECE_BYTES", piece_bytes)
    state = {
        "position": {"values": [-1, 0, 1]},
        "steep": Computed("files_to_try:steep"),
        "equity": {"low": 1, "high": 2},
        **{f"more{k}": {"low": 0, "high": 1} for k in range(15)},
    }
    plan = plan_of(plain(n=3000, dtype=dtype, state=state), "parquet", compression, 2000)
    for shard in (0, 1):
        ours, theirs = tmp_path / "ours", tmp_path / "theirs"
        assert parquet.packed_of(plan.layout, shard) is not None
        (entry,) = parquet.write(plan.layout, shard, [ours], plan.pieces(shard, plan.room(), lambda: None))
        parquet.by_pyarrow(plan.layout, theirs, plan.pieces(shard, plan.room(), lambda: None))
        assert ours.read_bytes() == theirs.read_bytes()
        assert entry._replace(name="") == sink.entry_of(ours)._replace(name="")


def test_others_read_packed_parquet(tmp_path):
    polars = pytest.importorskip("polars")
    made = plain(n=500)
    write(made, tmp_path, format="parquet", compression="zstd", shard_rows=300)
    table = polars.read_parquet(tmp_path / "shard-00000001.parquet")
    wanted = made.batch(range(300, 500))
    np.testing.assert_array_equal(table["idx"].to_numpy(), wanted["idx"])
    assert b"".join(table["x"].to_list()) == wanted["x"].tobytes()


def test_packed_parquet_with_pages_that_pyarrow_parts(tmp_path):
    """Small samples: pyarrow makes several pages of a piece, and writes them itself."""
    made = plain(n=70_000, lookback=1, channels=("close",), state=())
    assert parquet.packed_of(plan_of(made, "parquet", "zstd", 70_000).layout, 0) is None
    write(made, tmp_path, format="parquet", compression="zstd")
    assert same(open_dataset(tmp_path).batch([0, 69_999, 30_000]), made.batch([0, 69_999, 30_000]))
    assert verify(tmp_path, recompute=True).ok


whole = st.integers(-(2**63), 2**63 - 1)
values = st.recursive(
    st.one_of(
        st.tuples(st.sampled_from([thrift.I16, thrift.I32, thrift.I64]), whole),
        st.tuples(st.just(thrift.BINARY), st.binary(max_size=200)),
        st.tuples(st.just(thrift.DOUBLE), st.binary(min_size=8, max_size=8)),
        st.tuples(st.just(thrift.BYTE), st.integers(0, 255)),
        st.sampled_from([(thrift.TRUE, True), (thrift.FALSE, False)]),
        st.tuples(st.just(thrift.LIST), st.tuples(st.just(thrift.I32), st.lists(whole, max_size=20))),
    ),
    lambda inner: st.dictionaries(st.integers(1, 300), inner, max_size=6).map(
        lambda found: (thrift.STRUCT, dict(sorted(found.items())))
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.integers(1, 300), values, max_size=8).map(lambda found: dict(sorted(found.items()))))
def test_what_thrift_writes_it_reads(struct):
    content = thrift.write_struct(struct)
    assert thrift.read_struct(b"before" + content + b"after", 6) == (struct, 6 + len(content))


def test_thrift_of_what_it_does_not_know():
    with pytest.raises(ValueError, match="type 11"):
        thrift.read_struct(bytes([0x1B, 0, 0]))


@given(st.lists(st.integers(0, 300_000), max_size=8), st.sampled_from([1, 1000, 1 << 16]))
def test_small_writes_wait_for_one_another(tmp_path_factory, sizes, gathered):
    place = tmp_path_factory.mktemp("sink") / "file"
    content, count, inner = np.random.default_rng(1).integers(0, 256, sum(sizes), dtype=np.uint8), [0], os.pwrite

    def pwrite(*given):
        count[0] += 1
        return inner(*given)

    os.pwrite = pwrite
    try:
        at, told = 0, []
        with sink.Sink(place, gathered) as made:
            for size in sizes:
                own = content[at : at + size].copy()
                made.write(own)
                own[:] = 0  # what was written is not looked at again
                at += size
                told.append(made.tell() == at)
    finally:
        os.pwrite = inner
    assert all(told)
    assert place.read_bytes() == content.tobytes()
    assert made.entry == (place.name, len(content), sink.entry_of(place).xxh64)
    assert len(content) > 5000 or made.entry.xxh64 == xxh64(content.tobytes())
    assert count[0] <= 2 * sum(size > gathered for size in sizes) + len(content) // max(1, gathered // 2) + 1


@given(st.sampled_from([2, 4, 8]), st.integers(0, 70), st.integers(0, 2**32))
def test_bytes_of_equal_weight_are_put_together(size, count, seed):
    words = np.random.default_rng(seed).integers(0, 256, size * count, dtype=np.uint8).view(f"u{size}")
    words.flags.writeable = False
    out = np.empty((size, count), dtype=np.uint8)
    shuffle_bytes(words, out)
    assert out.tobytes() == shuffled(words.tobytes(), size)
