"""Frames of any kind give the rows that the same values give as text."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from atomloom.errors import BadInput, StoreError
from atomloom.store import Quotes, Trades, frame_rows, ingest, open_store, sink

N = 5000


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(11)
    ts = 1378072800083000000 + np.cumsum(rng.integers(0, 10**10, N))
    return {
        "ts": ts, "price": 1640 + np.cumsum(rng.integers(-1, 2, N)) / 4, "size": rng.integers(1, 90, N),
        "venue": rng.choice(["P", "Q", "NYSE ARCA"], N),
    }  # fmt: skip


def rows(path, symbol="ES"):
    with open_store(path) as store:
        trades = store[symbol].trades()
    venue = [None] * len(trades) if trades.venue is None else [trades.venues[code] for code in trades.venue]
    return list(zip(trades.ts.tolist(), trades.price.tolist(), trades.size.tolist(), venue, strict=True))


def expected(table):
    return list(zip(*(table[name].tolist() for name in ("ts", "price", "size", "venue")), strict=True))


def of_pandas(table):
    return pd.DataFrame(table)


def polars_of(table):
    polars = pytest.importorskip("polars")
    return polars.DataFrame({**table, "venue": table["venue"].tolist()})


def of_arrow_types(table):
    price = pa.array([Decimal(str(price)) for price in table["price"]])
    ts = pa.array(table["ts"], pa.timestamp("ns", "UTC"))
    return pa.table({**table, "ts": ts, "price": price, "size": table["size"].astype(np.uint16)})


def of_many(table):
    return iter(
        [of_pandas(table)[:7], pa.table(table)[7:2000], {name: column[2000:] for name, column in table.items()}]
    )


def of_categories(table):
    return of_pandas(table).astype({"venue": "category", "price": "float32", "size": "Int32"})


FRAMES = {
    "dict": dict,
    "lists": lambda table: {name: column.tolist() for name, column in table.items()},
    "pandas": of_pandas,
    "pandas datetimes": lambda table: of_pandas({**table, "ts": table["ts"].view("M8[ns]")}),
    "pandas zoned": lambda table: of_pandas(table).assign(
        ts=lambda frame: pd.to_datetime(frame.ts, utc=True).dt.tz_convert("America/Chicago")
    ),
    "pandas index": lambda table: of_pandas(table).assign(ts=lambda f: pd.to_datetime(f.ts, utc=True)).set_index("ts"),
    "pandas category": of_categories,
    "arrow": pa.table,
    "arrow batch": lambda table: pa.record_batch(pa.table(table).to_batches()[0]),
    "arrow decimals": of_arrow_types,
    "iterator": of_many,
    "list": lambda table: [of_pandas(table)[:7], of_pandas(table)[7:]],
    "polars": polars_of,
}  # fmt: skip


@pytest.mark.parametrize("tick_size", [0.25, None])
@pytest.mark.parametrize("name", sorted(FRAMES))
def test_the_same_rows_from_any_frame(tmp_path, table, name, tick_size):
    report = ingest(FRAMES[name](table), tmp_path / "a.h5", symbol="ES", tick_size=tick_size)
    assert rows(tmp_path / "a.h5") == expected(table)
    assert (report.n_read, report.n_stored, report.n_rejected, report.tick_size) == (N, N, 0, 0.25)
    assert report.bytes > 0
    assert report.time_unit


@pytest.mark.parametrize("tick_size", [0.25, None])
def test_parquet_goes_in_by_parts_and_is_remembered(tmp_path, table, monkeypatch, tick_size):
    monkeypatch.setattr(frame_rows, "BATCH_ROWS", 512)
    monkeypatch.setattr(sink, "COMMIT_BYTES", 40_000)
    path = tmp_path / "ES.parquet"
    parquet.write_table(pa.table({**table, "other": np.zeros(N)}), path, row_group_size=1000)
    seen = []

    def stop(event):
        seen.append(event)
        if len(seen) == 6:
            raise KeyError("stop")

    with pytest.raises(KeyError):
        ingest(path, tmp_path / "a.h5", tick_size=tick_size, progress=stop)
    assert 0 < len(rows(tmp_path / "a.h5")) < N
    report = ingest(path, tmp_path / "a.h5", tick_size=tick_size)
    assert rows(tmp_path / "a.h5") == expected(table)
    assert report.n_stored == N
    assert list(report.resumed_from) == [str(path)]
    with pytest.raises(BadInput, match="already"):
        ingest(path, tmp_path / "a.h5")
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(StoreError, match="cannot be read as Parquet"):
        ingest(broken, tmp_path / "b.h5", tick_size=0.25)


def test_bad_rows_are_listed_by_their_number(tmp_path):
    spring = ["2020-03-08 01:00", None, "2020-03-08 02:30", "2020-03-08 03:00", *["2020-03-08 04:00"] * 8]
    frame = pd.DataFrame({
        "time": pd.to_datetime([*spring, "2020-11-01 01:30"]),
        "last": [1.5, 1.5, 1.5, np.nan, np.inf, 1.6, 1e300, -0.5, 2, 2, 2, 2, 2],
        "volume": [1, 1, 1, 1, 1, 1, 1, 1, 0, -1, 1.5, None, 1],
    })  # fmt: skip
    report = ingest(frame, tmp_path / "a.h5", symbol="ES", tz="America/Chicago", tick_size=0.5)
    listed = pd.read_csv(tmp_path / "a.h5.ES.rejects.csv")
    assert dict(zip(listed.line, listed.reason, strict=True)) == {
        1: "time is missing",
        2: "time does not exist in America/Chicago (clocks went forward)",
        3: "price is not a number",
        4: "price is not a number",
        5: "price is off the tick grid of 0.5",
        6: "price is not within 64 bits in ticks",
        8: "size is below 1",
        9: "size is below 1",
        10: "size is not a whole number",
        11: "size is not a whole number",
        12: "time happens twice in America/Chicago (clocks went back)",
    }
    assert set(listed.byte_offset) == {-1}
    assert (report.n_read, report.n_stored) == (13, 2)
    assert [price for _, price, _, _ in rows(tmp_path / "a.h5")] == [1.5, -0.5]


def test_epochs_of_any_unit(tmp_path):
    for k, (unit, value) in enumerate({"s": 1378072800, "ms": 1378072800083, "us": 1378072800083000}.items()):
        report = ingest(
            {"ts": [value, value + 1, 5], "px": [1, 2, 3], "qty": [1, 1, 1]}, tmp_path / "a.h5", symbol=f"S{k}"
        )
        assert report.time_unit == f"epoch {unit}"
        assert report.reasons == {f"time is not of the magnitude of an epoch in {unit} like the first row": 1}
        assert rows(tmp_path / "a.h5", f"S{k}")[0][0] == value * 10 ** {"s": 9, "ms": 6, "us": 3}[unit]
    ingest({"ts": [1.0, 2.0], "px": [1, 2], "qty": [1, 1]}, tmp_path / "a.h5", symbol="D", format={"time": "epoch s"})
    assert [row[0] for row in rows(tmp_path / "a.h5", "D")] == [10**9, 2 * 10**9]
    midnight = {"time": "ms since midnight"}
    ingest(
        {"ts": [1, 86_400_000], "px": [1, 2], "qty": [1, 1]},
        tmp_path / "a.h5",
        symbol="M",
        format=midnight,
        date="1970-01-02",
    )
    assert [row[0] for row in rows(tmp_path / "a.h5", "M")] == [86_400_001 * 10**6]


def test_trades_and_quotes_keep_their_ticks(tmp_path):
    trades = Trades([0, 5], [3, 4], [1, 2], tick_size=0.5, symbol="A", venue=[0, 1], venues=("P", "Q"), flags=[0, 9])
    ingest(trades, tmp_path / "a.h5")
    ingest(
        iter([Trades([6], [1], [1], tick_size=1.0, symbol="A", venue=[0], venues=("R",), flags=[0])]),
        tmp_path / "a.h5",
        symbol="A",
    )
    assert rows(tmp_path / "a.h5", "A") == [(0, 1.5, 1, "P"), (5, 2.0, 2, "Q"), (6, 1.0, 1, "R")]
    with pytest.raises(BadInput, match="does not lie on the tick grid"):
        ingest(Trades([9], [1], [1], tick_size=0.3, symbol="A"), tmp_path / "a.h5")
    quotes = Quotes([0, 5], [99, 0], [3, 0], [0, 101], [0, 4], tick_size=0.25, symbol="A")
    report = ingest(quotes, tmp_path / "a.h5", kind="quotes")
    assert (report.n_stored, report.tick_size) == (2, 0.25)
    with pytest.raises(BadInput, match="kind is 'trades'"):
        ingest(quotes, tmp_path / "a.h5")


def test_quotes_of_a_frame(tmp_path):
    frame = {
        "ts": [10**18, 10**18 + 5],
        "bid": [99.5, None],
        "bid_size": [3, None],
        "ask": [100.0, 100.5],
        "ask_size": [1, 4],
    }
    report = ingest(pd.DataFrame(frame), tmp_path / "a.h5", symbol="A", kind="quotes")
    with open_store(tmp_path / "a.h5") as store:
        quotes = store["A"].quotes()
    assert (report.n_stored, report.tick_size) == (2, 0.5)
    assert (quotes.bid_px.tolist(), quotes.bid_size.tolist()) == ([199, 0], [3, 0])


def test_frames_that_go_back(tmp_path, monkeypatch):
    monkeypatch.setattr(frame_rows, "BATCH_ROWS", 3)
    frame = {"ts": [10**18 + k for k in (1, 2, 3, 4, 2, 5, 4)], "price": [1] * 7, "size": [1] * 7}
    with pytest.raises(BadInput, match=r"goes back in time 2 times \(first at row 4\)"):
        ingest(frame, tmp_path / "a.h5", symbol="A", tick_size=1)
    ingest(frame, tmp_path / "a.h5", symbol="A", tick_size=1, out_of_order="merge")
    assert [row[0] - 10**18 for row in rows(tmp_path / "a.h5", "A")] == [1, 2, 2, 3, 4, 4, 5]


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        ({"ts": ["2020-01-01"], "price": [1], "size": [1]}, {}, "ts should be times"),
        ({"ts": [1], "price": ["1"], "size": [1]}, {}, "price should be numbers"),
        ({"ts": [1], "prise": [1], "size": [1]}, {}, "did you mean 'prise'"),
        ({"date": [1], "time": [1], "price": [1], "size": [1]}, {}, "date and time in two columns"),
        ({"ts": [1, 2], "price": [1], "size": [1]}, {}, "cannot be taken as columns"),
        ({"ts": [1], "price": [1], "size": [1]}, {"format": {"time": "%Y%m%d"}}, "a layout of times is for text"),
        ({"ts": [None], "price": [1.0], "size": [1]}, {}, "no usable row"),
        ({"ts": [], "price": [], "size": []}, {}, "no price|no usable row"),
        (iter([3]), {}, "gave a int"),
        ({"ts": [1], "price": [1], "size": [1], "venue": ["x"]}, {"columns": {"venue": "exch"}}, "no column 'exch'"),
    ],
)
def test_frames_that_cannot_be_taken_say_why(tmp_path, source, options, says):
    with pytest.raises(BadInput, match=says) as caught:
        ingest(source, tmp_path / "a.h5", symbol="A", **options)
    assert "Hint: " in str(caught.value)
