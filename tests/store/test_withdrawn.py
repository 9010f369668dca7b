"""Quotes that are withdrawn: sides that are empty or NaN are stored, from any source, and mean what the rule says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from atomloom.market.signs import best_quotes_at
from atomloom.store import Quotes, Trades, ingest, open_store

NONE = -(2**63)
START = 1_378_072_800
ROWS = [  # bid, bid_size, ask, ask_size; None for an empty field; then best bid and ask after it, in ticks of 0.5
    ((99.5, 3, 100.0, 1), (199, 200)),
    ((None, None, 100.5, 4), (199, 201)),  # says nothing of the bid
    ((99.5, 0, None, None), (NONE, 201)),  # withdraws the bid
    ((99.0, 2, 100.5, None), (198, NONE)),  # a price without a size: withdraws the ask
    ((98.5, 1, 101.0, 1), (197, 202)),
    ((None, None, None, None), (NONE, NONE)),  # withdraws both
    ((98.5, 1, 0, 0), (197, NONE)),
]
NAMES = ("bid", "bid_size", "ask", "ask_size")


def as_text(missing, *, header=True):
    lines = ["ts,bid,bid_size,ask,ask_size"] if header else []
    for k, (sides, _) in enumerate(ROWS):
        lines.append(",".join([str(START + k), *(missing if side is None else str(side) for side in sides)]))
    return ("\n".join(lines) + "\n").encode()


def as_columns(missing):
    sides = {name: [missing if row[k] is None else row[k] for row, _ in ROWS] for k, name in enumerate(NAMES)}
    return {"ts": [(START + k) * 10**9 for k in range(len(ROWS))], **sides}


def parquet(tmp_path, table):
    pq.write_table(table, tmp_path / "q.parquet")
    return tmp_path / "q.parquet"


SOURCES = {
    "empty": lambda _: as_text(""),
    "spaces": lambda _: as_text("  "),
    "NaN": lambda _: as_text("NaN"),
    "nan": lambda _: as_text("nan"),
    "quoted": lambda _: as_text('"nan"'),
    "pandas": lambda _: pd.DataFrame(as_columns(None)),
    "pandas NaN": lambda _: pd.DataFrame(as_columns(float("nan"))),
    "nullable": lambda _: pd.DataFrame(as_columns(None)).astype({"bid_size": "Int64", "ask_size": "Int64"}),
    "arrays": lambda _: {name: np.asarray(column) for name, column in as_columns(float("nan")).items()},
    "arrow": lambda _: pa.table(as_columns(None)),
    "arrow NaN": lambda _: pa.table(as_columns(float("nan"))),
    "parquet": lambda folder: parquet(folder, pa.table(as_columns(float("nan")))),
}


@pytest.mark.parametrize("name", SOURCES)
def test_withdrawn_sides_are_stored_and_mean_what_the_rule_says(tmp_path, name):
    report = ingest(SOURCES[name](tmp_path), tmp_path / "a.h5", symbol="A", kind="quotes", tick_size=0.5)
    assert (report.n_stored, report.n_rejected) == (len(ROWS), 0)
    with open_store(tmp_path / "a.h5") as store:
        quotes = store["A"].quotes()
    for k, column in enumerate(("bid_px", "bid_size", "ask_px", "ask_size")):
        scale = 2 if column.endswith("px") else 1
        assert getattr(quotes, column).tolist() == [int((row[k] or 0) * scale) for row, _ in ROWS]
    trades = Trades(quotes.ts + 1, [1] * len(ROWS), [1] * len(ROWS), 0.5, "A")
    bid, ask = best_quotes_at(trades, quotes)
    assert list(zip(bid.tolist(), ask.tolist(), strict=True)) == [best for _, best in ROWS]


def test_a_first_row_with_nothing_is_a_row(tmp_path):
    for k, missing in enumerate(("", "nan")):
        text = f"{START},{missing},{missing},{missing},{missing}\n".encode() + as_text(missing, header=False)
        layout = {"kind": "quotes", "columns": {"ts": 0, "bid_px": 1, "bid_size": 2, "ask_px": 3, "ask_size": 4}}
        report = ingest(text, tmp_path / f"{k}.h5", symbol="A", kind="quotes", format=layout, tick_size=0.5)
        assert (report.n_stored, report.n_rejected) == (len(ROWS) + 1, 0)


def test_what_is_neither_a_number_nor_missing_is_rejected(tmp_path):
    text = "ts,bid,bid_size,ask,ask_size\n" + "".join(
        f"{START + k},{side},0,100,1\n" for k, side in enumerate(["99.5", "nan", "inf", "-nan", "nano", "x", "n/a"])
    )
    report = ingest(text.encode(), tmp_path / "a.h5", symbol="A", kind="quotes", tick_size=0.5)
    assert (report.n_stored, dict(report.reasons)) == (2, {"bid_px is not a number": 5})
    frame = pa.table({**as_columns(float("nan")), "bid": [99.5, np.inf, -np.inf, np.nan, 1.0, 1.0, 1.0]})
    report = ingest(frame, tmp_path / "b.h5", symbol="A", kind="quotes", tick_size=0.5)
    assert (report.n_stored, dict(report.reasons)) == (4, {"bid_px is not a number": 3})


def test_a_size_without_a_price_is_rejected(tmp_path):
    """Stored as a price of 0 it would be the best ask there is."""
    sides = [(99.5, 1, None, 4), (None, 3, 100.0, 1), (None, 0, 100.0, 1), (0, 3, 100.0, 1), (99.5, 2**70, None, 2**70)]
    text = "ts,bid,bid_size,ask,ask_size\n" + "".join(
        f"{START + k}," + ",".join("" if side is None else str(side) for side in row) + "\n"
        for k, row in enumerate(sides)
    )
    report = ingest(text.encode(), tmp_path / "a.h5", symbol="A", kind="quotes", tick_size=0.5)
    expect = {"ask_px is not a number": 1, "bid_px is not a number": 1}
    assert (report.n_stored, dict(report.reasons)) == (2, {**expect, "bid_size is not a whole number": 1})
    odd = f"ts,bid,bid_size,ask,ask_size\n{START},99.5,1,100,1\n{START},nan,1.00000000000000000000,100,1\n"
    report = ingest(odd.encode(), tmp_path / "c.h5", symbol="A", kind="quotes", tick_size=0.5)
    assert (report.n_stored, dict(report.reasons)) == (1, {"bid_px is not a number": 1})
    frame = {name: [row[k] for row in sides[:4]] for k, name in enumerate(NAMES)}
    frame["ts"] = [START + k for k in range(4)]
    report = ingest(pd.DataFrame(frame), tmp_path / "b.h5", symbol="A", kind="quotes", tick_size=0.5)
    assert (report.n_stored, dict(report.reasons)) == (2, expect)


def test_trades_have_no_missing_numbers(tmp_path):
    text = f"ts,price,size\n{START},1.5,1\n{START},nan,1\n{START},1.5,nan\n{START},,1\n".encode()
    report = ingest(text, tmp_path / "a.h5", symbol="A")
    assert (report.n_stored, report.n_rejected) == (1, 3)


def test_the_tick_is_not_inferred_from_what_is_missing(tmp_path):
    report = ingest(as_text("NaN"), tmp_path / "a.h5", symbol="A", kind="quotes")
    assert (report.tick_size, report.n_stored) == (0.5, len(ROWS))


def test_a_number_too_large_beside_what_is_missing_is_read_with_care(tmp_path):
    text = f"ts,bid,bid_size,ask,ask_size\n{START},99.500000000000000000000,1,nan,nan\n{START},99.5,1,,\n"
    report = ingest(text.encode(), tmp_path / "a.h5", symbol="A", kind="quotes", tick_size=0.5)
    assert (report.n_stored, report.n_rejected) == (2, 0)


def test_quotes_made_by_hand_follow_the_same_rule():
    quotes = Quotes([0, 1, 2, 3], [5, 5, 4, 0], [1, 0, 2, 0], [7, 7, 7, 0], [1, 1, 1, 0])
    bid, ask = best_quotes_at(Trades([1, 2, 3, 4], [1] * 4, [1] * 4), quotes)
    assert (bid.tolist(), ask.tolist()) == ([5, NONE, 4, NONE], [7, 7, 7, NONE])
