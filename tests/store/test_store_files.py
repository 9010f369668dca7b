"""What goes into a store comes out of it, and damage is named."""

from __future__ import annotations

import h5py
import hdf5plugin  # noqa: F401 - registers the filter
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput, StoreError
from atomloom.store import Trades, fresh, open_store, read_trades, symbols, verify, write_trades
from store.made import columns_of, make, same

ROWS = 131_072


@settings(max_examples=40, deadline=None)
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
    path = tmp_path_factory.mktemp("h5") / "t.h5"
    with open_store(path, "a") as store:
        with store.writer("A b", tick_size=0.01, level=level, chunk_rows=chunk) as writer:
            writer.append(columns_of(trades))
        same(store["A b"].trades(), trades)
        lo, hi = int(ts[len(ts) // 3]), min(int(ts[2 * len(ts) // 3]) + 1, 2**63 - 1)
        if ((ts >= lo) & (ts < hi)).any():
            same(store["A b"].trades(lo, hi), trades.slice(lo, hi))
        days = store["A b"].days()
        assert days["rows"].sum() == len(ts)
        assert days["first_row"].tolist() == np.flatnonzero(np.diff(ts // (86_400 * 10**9), prepend=-(10**9))).tolist()
    assert verify(path).ok


def test_the_same_trades_give_the_same_bytes(tmp_path, monkeypatch):
    """But for the id, which is drawn."""
    monkeypatch.setattr(fresh, "new_id", lambda: "atomloom:" + 8 * "0123")
    trades = make(70_000, venues=5)
    one, two = write_trades(tmp_path / "1.h5", trades), write_trades(tmp_path / "2.h5", trades)
    assert one.read_bytes() == two.read_bytes()


def test_plain_h5py_can_read_it_and_the_index_is_true(tmp_path):
    trades = make(2 * ROWS + 50_000, venues=13)
    path = write_trades(tmp_path / "t.h5", trades, source="drawn")
    with h5py.File(path) as file:
        group = file["ES/trades"]
        assert group["ts"].dtype == np.int64
        assert group["px"].dtype == group["size"].dtype == np.int32
        for name, column in columns_of(trades).items():
            assert np.array_equal(group[name][:], column), name
        assert group.attrs["source"] == "drawn"
        assert file.attrs["schema_version"] == 2
        index = group["chunks"][:]
        assert index["count"].tolist() == [ROWS, ROWS, 50_000]
        for entry in index:
            part = slice(entry["start"], entry["start"] + entry["count"])
            assert (entry["ts_first"], entry["ts_last"]) == (trades.ts[part][0], trades.ts[part][-1])
            assert (entry["px_min"], entry["px_max"]) == (trades.px[part].min(), trades.px[part].max())
            assert entry["volume"] == trades.size[part].sum()
            words = {code for code in range(256) if int(entry["venue_set"][code // 64]) >> code % 64 & 1}
            assert words == set(trades.venue[part].tolist())


def test_a_range_reads_only_the_blocks_that_can_match(tmp_path):
    trades = make(5 * ROWS)
    path = write_trades(tmp_path / "t.h5", trades)
    with open_store(path) as store:
        source = store.source()
        seen, read = [], source.read
        source.read = lambda at, size: seen.append(at) or read(at, size)
        lo, hi = int(trades.ts[ROWS + 70_000]), int(trades.ts[ROWS + 80_000])
        same(store["ES"].trades(lo, hi), trades.slice(lo, hi))
        assert len(set(seen)) == 3  # one chunk of each column
        seen.clear()
        day = 86_400 * 10**9
        same(store["ES"].trades(3 * day, 4 * day), trades.slice(3 * day, 4 * day))
        chunks = {k // ROWS for k in np.searchsorted(trades.ts, [3 * day, 4 * day - 1])}
        assert len(seen) == 3 * len(chunks)  # the table of days knows the rows: no time is looked at to find them
    with pytest.raises(BadInput, match=r"has no trades of ES with .*Hint: it holds 1970"):
        read_trades(path, start=2 * 10**15)


def test_several_symbols_in_one_file(tmp_path):
    path = tmp_path / "t.h5"
    es, nq = make(10), make(20, symbol="NQ", big=True)
    write_trades(path, es)
    write_trades(path, nq)
    assert symbols(path) == ["ES", "NQ"]
    same(read_trades(path, "ES"), es)
    same(read_trades(path, "NQ"), nq)
    with pytest.raises(BadInput, match=r"holds trades of 2 symbols \['ES', 'NQ'\].*symbol="):
        read_trades(path)
    with pytest.raises(BadInput, match="has no symbol 'YM'"):
        read_trades(path, "YM")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"already holds trades of ES.*overwrite=True"):
        write_trades(path, make(3, seed=1))
    assert path.read_bytes() == before
    write_trades(path, make(3, seed=1), overwrite=True)
    same(read_trades(path, "ES"), make(3, seed=1))
    same(read_trades(path, "NQ"), nq)
    assert [child.name for child in tmp_path.iterdir()] == ["t.h5"]


@pytest.mark.parametrize("column", ["ts", "px", "size", "venue", "flags"])
def test_a_flipped_byte_is_found_and_its_chunk_named(tmp_path, column):
    path = write_trades(tmp_path / "t.h5", make(2 * ROWS, venues=4))
    with h5py.File(path) as file:
        info = file[f"ES/trades/{column}"].id.get_chunk_info(1)
    raw = bytearray(path.read_bytes())
    raw[info.byte_offset + info.size // 2] ^= 1
    path.write_bytes(bytes(raw))
    named = rf"/ES/trades/{column} chunk 1 \(rows 131,072 to 262,143\) .*checksum.*Hint"
    with pytest.raises(StoreError, match=named):
        read_trades(path)
    report = verify(path)
    assert len(report.damage) == 1
    assert f"bytes {info.byte_offset:,} to" in report.damage[0]
    same(read_trades(path, end=int(make(2 * ROWS, venues=4).ts[1000])), make(2 * ROWS, venues=4).rows(0, 1000))


def test_an_index_that_lies_is_found(tmp_path):
    path = write_trades(tmp_path / "t.h5", make(3))
    with h5py.File(path, "r+") as file:
        index = file["ES/trades/chunks"][:]
        index["ts_last"] = 0
        file["ES/trades/chunks"][:] = index
    with pytest.raises(StoreError, match="index does not match its checksum"):
        read_trades(path, start=1)
    assert not verify(path).ok


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_damaged_file_never_gives_other_trades(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("h5") / "t.h5"
    trades = make(300, big=True, venues=3)
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
    same(back, trades)


def test_what_is_no_store(tmp_path):
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
    with pytest.raises(StoreError, match="schema is None"):
        read_trades(tmp_path / "other.h5")
    path = write_trades(tmp_path / "t.h5", make(3))
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = 99
    with pytest.raises(StoreError, match=r"version 99.*upgrade"):
        read_trades(path)
    with pytest.raises(StoreError, match="could not be written"):
        write_trades(tmp_path / "no" / "folder.h5", make(3))
    with pytest.raises(BadInput, match="level is 12"):
        write_trades(tmp_path / "u.h5", make(3), level=12)
    with pytest.raises(BadInput, match="mode is 'x'"):
        open_store(path, "x")
