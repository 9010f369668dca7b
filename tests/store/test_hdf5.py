"""What goes into a file comes out of it, damage is named, and a crash leaves the old file."""

from __future__ import annotations

import zlib

import h5py
import hdf5plugin  # noqa: F401 - registers the filter
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput, StoreError
from atomloom.store import Trades, hdf5, read_trades, symbols, write_trades

COLUMNS = ("ts", "px", "size")


def make(n, *, symbol="ES", seed=0, big=False):
    rng = np.random.default_rng(seed)
    top = 2**40 if big else 1000
    return Trades(np.sort(rng.integers(0, 10**15, n)), rng.integers(1, top, n), rng.integers(1, top, n), 0.25, symbol)


def same(one, other):
    for name in COLUMNS:
        assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert (one.tick_size, one.symbol) == (other.tick_size, other.symbol)


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(-(2**63), 2**63 - 1), st.integers(-(2**63), 2**63 - 1), st.integers(1, 2**56)),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 7),
    st.integers(1, 9),
)
def test_round_trip(tmp_path_factory, rows, chunk, level):
    rows.sort(key=lambda row: row[0])
    ts, px, size = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    trades = Trades(ts, px, size, 0.01, "A b")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hdf5, "CHUNK_ROWS", chunk)
        file = write_trades(tmp_path_factory.mktemp("h5") / "t.h5", trades, level=level)
    same(read_trades(file), trades)
    lo, hi = int(ts[len(ts) // 3]), int(ts[2 * len(ts) // 3]) + 1 if ts[2 * len(ts) // 3] < 2**63 - 1 else 2**63 - 1
    if ((ts >= lo) & (ts < hi)).any():
        same(read_trades(file, start=lo, end=hi), trades.slice(lo, hi))


def test_the_same_trades_give_the_same_bytes(tmp_path):
    trades = make(70_000)
    one, two = write_trades(tmp_path / "1.h5", trades), write_trades(tmp_path / "2.h5", trades)
    assert one.read_bytes() == two.read_bytes()


def test_plain_h5py_can_read_it_and_the_index_is_true(tmp_path):
    trades = make(150_000)
    path = write_trades(tmp_path / "t.h5", trades, source="drawn")
    with h5py.File(path) as file:
        group = file["ES/trades"]
        assert group["ts"].dtype == np.int64
        assert group["px"].dtype == group["size"].dtype == np.int32
        assert np.array_equal(group["px"][:], trades.px)
        assert group.attrs["source"] == "drawn"
        index = group["chunks"][:]
        assert index["count"].tolist() == [65536, 65536, 150_000 - 2 * 65536]
        for entry in index:
            part = slice(entry["start"], entry["start"] + entry["count"])
            assert (entry["ts_first"], entry["ts_last"]) == (trades.ts[part][0], trades.ts[part][-1])
            assert (entry["px_min"], entry["px_max"]) == (trades.px[part].min(), trades.px[part].max())
            assert (entry["size_min"], entry["size_max"]) == (trades.size[part].min(), trades.size[part].max())
            assert entry["crc_ts"] == zlib.crc32(trades.ts[part].astype("<i8").tobytes())
            assert entry["crc_px"] == zlib.crc32(trades.px[part].astype("<i4").tobytes())


def test_a_range_reads_only_the_chunks_that_can_match(tmp_path, monkeypatch):
    trades = make(5 * 65_536)
    path = write_trades(tmp_path / "t.h5", trades)
    seen = []
    crc = zlib.crc32
    monkeypatch.setattr(hdf5.zlib, "crc32", lambda data: seen.append(len(data)) or crc(data))
    lo, hi = int(trades.ts[70_000]), int(trades.ts[80_000])
    same(read_trades(path, start=lo, end=hi), trades.slice(lo, hi))
    assert len(seen) == 4  # the index, and one chunk of each column
    with pytest.raises(BadInput, match="Hint: read without a range"):
        read_trades(path, start=2 * 10**15)


def test_several_symbols_in_one_file(tmp_path):
    path = tmp_path / "t.h5"
    es, nq = make(10), make(20, symbol="NQ", big=True)
    write_trades(path, es)
    write_trades(path, nq)
    assert symbols(path) == ["ES", "NQ"]
    same(read_trades(path, "ES"), es)
    same(read_trades(path, "NQ"), nq)
    with pytest.raises(BadInput, match=r"holds 2 symbols \['ES', 'NQ'\].*symbol="):
        read_trades(path)
    with pytest.raises(BadInput, match="has no symbol 'YM'"):
        read_trades(path, "YM")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"already holds ES.*overwrite=True"):
        write_trades(path, make(3, seed=1))
    assert path.read_bytes() == before
    write_trades(path, make(3, seed=1), overwrite=True)
    same(read_trades(path, "ES"), make(3, seed=1))
    same(read_trades(path, "NQ"), nq)
    assert [child.name for child in tmp_path.iterdir()] == ["t.h5"]


@pytest.mark.parametrize("when", ["_fill", "_flush"])
def test_a_crash_while_writing_leaves_the_old_file(tmp_path, monkeypatch, when):
    path = write_trades(tmp_path / "t.h5", make(10))
    before = path.read_bytes()

    def crash(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(hdf5, when, crash)
    with pytest.raises(StoreError, match=r"No space left.*Hint"):
        write_trades(path, make(10, symbol="NQ"))
    assert path.read_bytes() == before
    assert [child.name for child in tmp_path.iterdir()] == ["t.h5"]


def rewrite(path, column, change):
    """Change a stored column behind the index's back."""
    with h5py.File(path, "r+") as file:
        values = file[f"ES/trades/{column}"][:]
        change(values)
        file[f"ES/trades/{column}"][:] = values


def test_an_open_reader_keeps_the_file_it_opened(tmp_path):
    path = write_trades(tmp_path / "t.h5", make(10))
    before = path.read_bytes()
    with path.open("rb") as reader:
        write_trades(path, make(500, seed=1), overwrite=True)
        assert reader.read() == before  # replaced by name, never written over


@pytest.mark.parametrize("column", COLUMNS)
def test_a_changed_value_is_found_and_its_chunk_named(tmp_path, column):
    path = write_trades(tmp_path / "t.h5", make(150_000))

    def change(values):
        values[70_000] += 1 if column != "ts" else 0
        values[70_001] = values[70_000] if column == "ts" else values[70_001]

    rewrite(path, column, change)
    with pytest.raises(StoreError, match=rf"/ES/trades/{column} chunk 1 \(rows 65,536 to 131,071\) .*checksum.*Hint"):
        read_trades(path)
    assert len(read_trades(path, verify=False)) == 150_000


@settings(max_examples=200)
@given(st.data())
def test_a_damaged_file_never_gives_other_trades(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("h5") / "t.h5"
    trades = make(300, big=True)
    raw = bytearray(write_trades(path, trades).read_bytes())
    if data.draw(st.booleans(), label="cut"):
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(bytes(raw))
    try:
        back = read_trades(path)
    except (StoreError, BadInput):
        return
    for name in COLUMNS:
        assert np.array_equal(getattr(back, name), getattr(trades, name))
    assert (back.tick_size, back.symbol) == (trades.tick_size, trades.symbol)


def test_what_is_no_such_file(tmp_path):
    with pytest.raises(StoreError, match="is not a file"):
        read_trades(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("ts,px,size\n")
    with pytest.raises(StoreError, match="not a readable HDF5"):
        read_trades(tmp_path / "text.h5")
    with pytest.raises(StoreError, match="not a readable HDF5"):
        write_trades(tmp_path / "text.h5", make(3))
    assert (tmp_path / "text.h5").read_text() == "ts,px,size\n"
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = [1]
    with pytest.raises(StoreError, match="holds no trades"):
        read_trades(tmp_path / "other.h5")
    path = write_trades(tmp_path / "t.h5", make(3))
    with h5py.File(path, "r+") as file:
        file["ES/trades"].attrs["schema_version"] = 99
    with pytest.raises(StoreError, match=r"version 99.*upgrade"):
        read_trades(path)
    write_trades(path, make(3), overwrite=True)
    with h5py.File(path, "r+") as file:
        index = file["ES/trades/chunks"][:]
        index["ts_last"] = 0
        file["ES/trades/chunks"][:] = index
    with pytest.raises(StoreError, match="index of chunks does not match its checksum"):
        read_trades(path, start=1)
    with pytest.raises(StoreError, match="could not be written"):
        write_trades(tmp_path / "no" / "folder.h5", make(3))
    with pytest.raises(BadInput, match="level is 12"):
        write_trades(path, make(3), level=12)
