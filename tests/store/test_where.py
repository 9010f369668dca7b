"""A condition finds the rows that numpy finds, whatever the planner does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput
from atomloom.store import layout, open_store
from store.made import columns_of, make

N = 4_000


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    trades = make(N, venues=9, seed=5)
    path = tmp_path_factory.mktemp("h5") / "t.h5"
    with (
        pytest.MonkeyPatch.context() as patch,
        open_store(path, "a") as store,
        store.writer("ES", tick_size=0.25, venues=trades.venues, chunk_rows=700) as writer,
    ):
        patch.setattr(layout, "RARE_SHARE", 0.02)  # seven rows of a chunk
        writer.append(columns_of(trades))
        writer.commit()
    return open_store(path)["ES"], trades


def leaf():
    numbers = st.sampled_from(["size", "px", "flags", "price", "ts"])
    value = st.integers(-3, 1500) | st.sampled_from([1, 2, 50, 100, 200, 400])
    op = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    number = st.builds(lambda name, op, v: (f"{name} {op} {v}", name, op, v), numbers, op, value)
    halves = st.builds(lambda op, v: (f"price {op} {v / 8}", "price", op, v / 8), op, st.integers(0, 2000))
    venue = st.builds(
        lambda op, v: (f"venue {op} 'V{v}'", "venue", op, v), st.sampled_from(["==", "!="]), st.integers(0, 8)
    )
    return number | halves | venue


tree = st.recursive(
    leaf(),
    lambda inner: (
        st.builds(lambda a, b, op: (f"({a[0]}) {op} ({b[0]})", op, a, b), inner, inner, st.sampled_from(["and", "or"]))
        | st.builds(lambda a: (f"not ({a[0]})", "not", a), inner)
    ),
    max_leaves=5,
)
OPS = {"==": np.equal, "!=": np.not_equal, "<": np.less, "<=": np.less_equal, ">": np.greater, ">=": np.greater_equal}


def plain(node, trades):
    """The same condition by numpy, over all rows."""
    if node[1] == "not":
        return ~plain(node[2], trades)
    if node[1] in {"and", "or"}:
        a, b = plain(node[2], trades), plain(node[3], trades)
        return a & b if node[1] == "and" else a | b
    column = trades.price if node[1] == "price" else getattr(trades, node[1])
    return OPS[node[2]](column, node[3])


@settings(max_examples=300, deadline=None)
@given(tree, st.none() | st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)))
def test_it_finds_what_a_scan_finds(held, node, span):
    es, trades = held
    mask = plain(node, trades)
    start = end = None
    if span is not None:
        start, end = sorted(int(trades.ts[k]) for k in span)
        mask &= (trades.ts >= start) & (trades.ts < end)
    hits = es.where(node[0], start, end)
    assert np.array_equal(hits.row, np.flatnonzero(mask))
    assert sum(hits.plan[name] for name in ("ruled_out", "whole", "listed", "scanned")) == hits.plan["chunks"]
    for name, column in hits.columns().items():
        assert np.array_equal(column, getattr(trades, name)[mask]), name


def test_the_planner_takes_the_cheapest_way(held):
    es, trades = held
    large = int(np.sort(trades.size)[-5])
    assert es.where(f"size >= {large}").plan["scanned"] == 0
    assert es.where("size >= 10000000").plan["ruled_out"] == 6
    assert es.where("size >= 1").plan["whole"] == 6
    assert es.where("size == 2").plan["scanned"] == 6
    rare = f"V{np.argmin(np.bincount(trades.venue, minlength=9))}"
    both = es.where(f"size >= {large} and flags == 0 and price > 3")
    assert both.plan["scanned"] == 0
    assert es.where(f"venue == '{rare}' or size >= {large}").plan["scanned"] <= 6


def test_other_ways_to_say_it(held):
    es, trades = held
    assert np.array_equal(es.where("10 <= size < 20").row, np.flatnonzero((trades.size >= 10) & (trades.size < 20)))
    assert np.array_equal(es.where("100 < price").row, np.flatnonzero(trades.price > 100))
    assert np.array_equal(es.where("size in (3, 5)").row, np.flatnonzero(np.isin(trades.size, (3, 5))))
    assert np.array_equal(es.where("venue not in ('V1', 'V2')").row, np.flatnonzero(~np.isin(trades.venue, (1, 2))))
    assert np.array_equal(es.where("ts < '1970-01-03'").row, np.flatnonzero(trades.ts < 2 * 86_400 * 10**9))
    assert len(es.where("size == 2.5")) == 0
    assert len(es.where("size > 1e300")) == 0
    frame = es.where("size > 100").to_frame()
    assert frame["venue"].tolist() == [trades.venues[code] for code in trades.venue[trades.size > 100]]
    with pytest.raises(BadInput, match=r"no row .* meets the condition"):
        es.where("size < 0").trades()


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "the condition is ''"),
        ("size", "'size' is no comparison"),
        ("size >", "cannot be read"),
        ("sise > 3", "there is no column 'sise'; there are ts, px, size, venue, flags, price"),
        ("venue == 'X'", "there is no venue 'X'; there are 'V0'"),
        ("venue > 'V1'", "venues have no order"),
        ("size > 'a'", "size is compared with 'a', which is no number"),
        ("size > px", "does not compare a column with a value"),
        ("__import__('os').system('true') == 1", "does not compare a column with a value"),
        ("size > 1e400", "cannot be read"),
        ("ts > 'soon'", "not a time"),
        ("size in 3", "is no list of values"),
    ],
)
def test_what_cannot_be_read_is_said(held, query, message):
    with pytest.raises(BadInput, match=message.replace("(", r"\(")):
        held[0].where(query)
