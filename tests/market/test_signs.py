"""Trade signs against a twin that looks at every earlier quote, and on a day of real trades and quotes."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.data import es_2013_09
from atomloom.errors import BadInput
from atomloom.market import imbalance_bars, lee_ready, tick_rule
from atomloom.market.signs import best_quotes_at
from atomloom.store import Quotes, Trades, read_trades
from oracles import bars_oracle as twin

PX = st.one_of(st.integers(95, 105), st.sampled_from([-5, 0, 2**31 - 1]))
SIZES = st.integers(0, 2)
VENUES = ("N", "P", "Q")


@st.composite
def quotes_of(draw):
    n = draw(st.integers(1, 25))

    def column(values):
        return draw(st.lists(values, min_size=n, max_size=n))

    return Quotes(
        sorted(column(st.integers(0, 40))),
        *(column(values) for values in (PX, SIZES, PX, SIZES)),
        venue=column(st.integers(0, 2)), venues=VENUES, flags=column(st.sampled_from([0, 0, 1])),
    )  # fmt: skip


@st.composite
def trades_of(draw):
    n = draw(st.integers(1, 20))
    ts = sorted(draw(st.lists(st.integers(0, 45), min_size=n, max_size=n)))
    dtype = draw(st.sampled_from([np.int32, np.int64]))
    return Trades(ts, np.array(draw(st.lists(PX, min_size=n, max_size=n)), dtype), [1] * n)


@given(trades_of())
def test_tick_rule(trades):
    assert tick_rule(trades).tolist() == twin.tick_rule(trades.px.tolist())
    assert tick_rule(trades).dtype == np.int8


@given(trades_of(), quotes_of(), st.sampled_from([0, 1, 7]), st.booleans())
def test_lee_ready(trades, quotes, delay, flagged):
    columns = (quotes.ts, quotes.venue, quotes.bid_px, quotes.bid_size, quotes.ask_px, quotes.ask_size)
    rows = [row for row, flag in zip(zip(*(c.tolist() for c in columns), strict=True), quotes.flags, strict=True)
            if flagged or not flag]  # fmt: skip
    expected = twin.midquote_signs(list(zip(trades.ts.tolist(), trades.px.tolist(), strict=True)), rows, delay)
    assert lee_ready(trades, quotes, delay * 1e-9, flagged=flagged).tolist() == expected


def test_consolidated_rows_replace_one_another_whatever_their_venue():
    trades = Trades([10], [101], [1])
    quotes = Quotes([1, 2], [105, 99], [1, 1], [107, 101], [1, 1], venue=[0, 1], venues=VENUES)
    assert [int(best[0]) for best in best_quotes_at(trades, quotes)] == [105, 101]
    assert lee_ready(trades, quotes).tolist() == [0]
    assert [int(best[0]) for best in best_quotes_at(trades, quotes, consolidated=True)] == [99, 101]
    assert lee_ready(trades, quotes, consolidated=True).tolist() == [1]


@pytest.mark.parametrize("gone", [(99, 0, 0, 0), (99, 0, 101, 0), (0, 0, 0, 0), (98, 0, 0, 0), (7, 0, 101, 4)])
def test_a_withdrawn_quote_no_longer_stands(gone):
    """The bid of venue 0, 99, is taken back; then that of venue 1, 97, is the best, and then there is none."""
    rows = [(1, 0, 99, 5, 101, 5), (2, 1, 97, 5, 101, 5), (4, 0, *gone), (6, 1, 97, 0, 0, 0)]
    ts, venue, *sides = zip(*rows, strict=True)
    quotes = Quotes(ts, *sides, venue=venue, venues=VENUES)
    trades = Trades([3, 5, 7], [100, 98, 99], [1, 1, 1])
    bid, ask = best_quotes_at(trades, quotes)
    none = np.iinfo(np.int64).min
    assert bid.tolist() == [99, 97, none]
    assert ask.tolist() == [101, 101, 101]
    assert lee_ready(trades, quotes).tolist() == [0, -1, 1]  # at the middle; below it; by the tick rule


def test_a_side_that_a_row_does_not_tell_still_stands():
    quotes = Quotes([1, 2], [99, 0], [5, 0], [0, 101], [0, 5])
    assert [int(best[0]) for best in best_quotes_at(Trades([3], [1], [1]), quotes)] == [99, 101]


def test_every_quote_flagged_leaves_the_tick_rule():
    trades = Trades([5, 6], [10, 11], [1, 1])
    quotes = Quotes([1], [20], [1], [30], [1], flags=[1])
    assert lee_ready(trades, quotes).tolist() == [0, 1]
    assert lee_ready(trades, quotes, flagged=True).tolist() == [-1, -1]


def test_bad_arguments_are_refused_with_advice():
    trades, quotes = Trades([5], [10], [1], symbol="A"), Quotes([1], [20], [1], [30], [1], symbol="A")
    for wrong in (Quotes([1], [20], [1], [30], [1], symbol="B"), Quotes([1], [20], [1], [30], [1], 0.5, "A")):
        with pytest.raises(BadInput, match="one instrument"):
            lee_ready(trades, wrong)
    for delay in (-1, float("nan"), "5"):
        with pytest.raises(BadInput, match="0 or more"):
            lee_ready(trades, quotes, delay)


def test_signs_make_bars():
    es = read_trades(es_2013_09())
    own = imbalance_bars(es, "volume", expected_ticks=1000)
    given_signs = imbalance_bars(es, "volume", expected_ticks=1000, signs=tick_rule(es))
    assert own.close_px.tolist() == given_signs.close_px.tolist()


@pytest.fixture(scope="module")
def ibm(root):
    folder = root.parent / "shared" / "data"
    if not (folder / "ibm_20131009_quote.zip").is_file():
        pytest.skip("../shared/data has no quotes here")

    def read(name):
        with zipfile.ZipFile(folder / name) as held:
            return list(csv.reader(io.StringIO(held.read(held.namelist()[0]).decode())))

    rows = [row for row in read("ibm_20131009_trade.zip") if int(row[2]) > 0]
    venues = sorted({row[3] for row in rows} | {row[5] for row in read("ibm_20131009_quote.zip")})
    code = {name: k for k, name in enumerate(venues)}
    trades = Trades(
        [int(row[0]) * 10**6 for row in rows], *([int(row[k]) for row in rows] for k in (1, 2)), 1e-4, "IBM",
        [code[row[3]] for row in rows], venues, [int(row[5]) for row in rows],
    )  # fmt: skip
    rows = read("ibm_20131009_quote.zip")
    quotes = Quotes(
        [int(row[0]) * 10**6 for row in rows], *([int(row[k]) for row in rows] for k in (1, 2, 3, 4)), 1e-4, "IBM",
        [code[row[5]] for row in rows], venues, [int(row[7]) for row in rows],
    )  # fmt: skip
    return trades, quotes


def test_a_real_day_of_consolidated_quotes(ibm):
    trades, quotes = ibm
    signs, ticks = lee_ready(trades, quotes, consolidated=True), tick_rule(trades)
    bid, ask = best_quotes_at(trades, quotes, consolidated=True)
    session = (trades.ts >= 34_200 * 10**9) & (trades.ts < 57_600 * 10**9)
    known = (bid > 0) & (ask > 0) & session
    assert known[session].mean() > 0.99
    spread = (ask - bid)[known]
    assert 0 <= np.median(spread) <= 500  # five cents of a stock at 180 dollars
    # most trades lie within the best quotes, and the two rules agree on most of them
    inside = (trades.px >= bid) & (trades.px <= ask)
    assert inside[known].mean() > 0.5
    assert 0.6 < (signs == ticks)[known].mean() < 0.99
    some = np.random.default_rng(0).choice(np.flatnonzero(known), 20, replace=False)
    for t in some:
        before = quotes.ts < trades.ts[t]
        best = []
        for px, size in ((quotes.bid_px, quotes.bid_size), (quotes.ask_px, quotes.ask_size)):
            rows = np.flatnonzero(before & (size > 0) & (quotes.flags == 0))
            best.append(int(px[rows[-1]]))
        assert [bid[t], ask[t]] == best


def test_delays_and_tables_that_are_none_are_refused():
    trades, quotes = Trades([10], [1], [1]), Quotes([5], [99], [1], [101], [1])
    assert lee_ready(trades, quotes, np.float32(0.5)).tolist() == lee_ready(trades, quotes, 0.5).tolist()
    for delay in (-1, float("nan"), "x", None, True, 1e10, 1e30):
        with pytest.raises(BadInput, match="delay"):
            lee_ready(trades, quotes, delay)
    for call in (lambda: lee_ready(quotes, trades), lambda: lee_ready(trades, [1]), lambda: tick_rule([1])):
        with pytest.raises(BadInput, match="are needed"):
            call()
