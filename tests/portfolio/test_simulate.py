"""The simulation of lanes beside a plain-Python twin, and beside closed forms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.portfolio.lane_layout import ASK_ROWS, OUT
from atomloom.portfolio.prices import as_prices
from atomloom.portfolio.simulate import Targets, make_field, open_rows, simulate
from oracles.portfolio_oracle import simulate_one, statistics_of


def walk(rng, rows, assets, size=0.02):
    return np.exp(np.cumsum(rng.normal(0.0, size, (rows, assets)), axis=0))


def one_table(weights, rows):
    weights = np.atleast_2d(np.asarray(weights, dtype=float))
    return Targets(weights, np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros((1, rows), np.int32))


def ask(threshold=0.0, interval=1, cost=0.0, fee=0.0, step=1.0, lag=0, calendar=0, relative=False):
    return [threshold, interval, cost, fee, step, lag, calendar, float(relative)]


def totals(out):
    return dict(zip(OUT, out, strict=True))


settings_of_lane = st.fixed_dictionaries(
    {
        "threshold": st.sampled_from([0.0, 0.01, 0.05, 0.3, np.inf]),
        "interval": st.sampled_from([1, 2, 5, 11, 1000]),
        "cost": st.sampled_from([0.0, 0.001, 0.02, 0.4]),
        "fee": st.sampled_from([0.0, 0.0005]),
        "step": st.sampled_from([1.0, 0.0, 0.5]),
        "lag": st.sampled_from([0, 0, 1, 3]),
        "calendar": st.sampled_from([0, 0, 1, 2]),
        "relative": st.booleans(),
    }
)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    lanes=st.lists(settings_of_lane, min_size=1, max_size=9),
    n_assets=st.sampled_from([1, 2, 4, 5]),
    short=st.booleans(),
    rates=st.sampled_from([(0.0, 0.0), (0.001, 0.002)]),
    resets=st.booleans(),
)
def test_equals_the_plain_twin(seed, lanes, n_assets, short, rates, resets):
    rng = np.random.default_rng(seed)
    rows, start = 60, 4
    values = walk(rng, rows, n_assets, 0.08 if short else 0.02)
    times = np.arange("2024-01-01", "2024-03-01", dtype="datetime64[D]")[:rows]
    prices = as_prices(values, times=times)
    # two tables, refitted at other rows
    tables = rng.dirichlet(np.ones(n_assets + 1), 12)[:, :n_assets]
    if short:
        tables = tables * 6.0 - 0.8
    in_force = np.stack([np.arange(rows) // 7, np.arange(rows) // 20]).astype(np.int32)
    targets = Targets(tables, np.array([0, 9]), np.array([0, 1]), in_force)
    cuts = np.array([0, 13, 30, rows - 1 - start])
    fresh = np.array([1, 0, int(resets)], np.uint8)
    scale = rng.uniform(0.5, 2.0, n_assets)
    field = make_field(prices, targets, start, cuts, fresh, asset_costs=scale, cash_rate=rates[0], borrow_rate=rates[1])
    asks = np.array([ask(**lane) for lane in lanes]).T
    table = rng.integers(0, 2, len(lanes))
    out, segments, path = simulate(field, asks, table, keep_path=True)
    opens = open_rows(prices)
    for k, lane in enumerate(lanes):
        first = targets.first[table[k]]
        expected, book = simulate_one(
            values.tolist(), lambda row, k=k, first=first: tables[first + in_force[table[k], row]].tolist(),
            start=start, n=rows - 1 - start, threshold=lane["threshold"], relative=lane["relative"],
            interval=lane["interval"], open_rows=opens[lane["calendar"]][:-1] == np.arange(rows), step=lane["step"],
            lag=lane["lag"], cost=lane["cost"], fee=lane["fee"], scale=scale.tolist(), cash_rate=rates[0],
            borrow_rate=rates[1], fresh=(0, 30) if resets else (0,),
        )  # fmt: skip
        np.testing.assert_allclose(path[:, k], expected, rtol=1e-9, err_msg=str(lane))
        found = totals(out[:, k])
        stats = statistics_of(expected)
        np.testing.assert_allclose(
            [found["s1"], found["s2"], found["s3"], found["s4"]], stats["sums"], rtol=1e-7, atol=1e-12
        )
        np.testing.assert_allclose(found["down"], stats["down"], rtol=1e-7, atol=1e-15)
        np.testing.assert_allclose(1 - found["low"] / found["low_peak"], stats["deepest"], rtol=1e-7, atol=1e-12)
        assert abs(found["hits"] - stats["hits"]) <= sum(abs(np.diff([1.0, *expected])) < 1e-12)
        assert found["trades"] == book["trades"]
        assert found["ruin_row"] == book["ruin_row"]
        np.testing.assert_allclose(
            [found["turnover"], found["cost"]], [book["turnover"], book["cost"]], rtol=1e-7, atol=1e-12
        )
        r = np.diff([1.0, *path[:, k]]) / np.array([1.0, *path[:-1, k]])
        for g in range(3):
            part = r[cuts[g] : cuts[g + 1]]
            np.testing.assert_allclose(segments[:, g, k], [part.sum(), (part**2).sum()], rtol=1e-9, atol=1e-14)


def test_a_lane_has_the_same_bits_whatever_its_neighbours_are():
    rng = np.random.default_rng(5)
    prices = as_prices(walk(rng, 300, 3), times=np.arange("2020-01-01", "2020-10-27", dtype="datetime64[D]")[:300])
    field = make_field(prices, one_table(rng.dirichlet(np.ones(3), 1), 300), 5, np.array([0, 100, 294]))
    lanes = [
        ask(
            rng.choice([0.0, 0.01, 0.05, np.inf]), rng.integers(1, 30), rng.choice([0, 0.001]), rng.choice([0, 1e-4]),
            rng.choice([0.0, 0.5, 1.0]), rng.integers(0, 3), rng.integers(0, 4), rng.integers(0, 2),
        )
        for _ in range(200)
    ]  # fmt: skip
    asks = np.array(lanes, dtype=float).T
    table = np.zeros(200, np.int64)
    out, segments, _ = simulate(field, asks, table)
    order = rng.permutation(200)
    for places in (order, np.arange(137, 139), np.array([7])):
        again, parts, _ = simulate(field, asks[:, places], table[places])
        assert again.tobytes() == np.ascontiguousarray(out[:, places]).tobytes()
        assert parts.tobytes() == np.ascontiguousarray(segments[:, :, places]).tobytes()


def test_closed_forms():
    rng = np.random.default_rng(1)
    values = walk(rng, 400, 4)
    prices = as_prices(values)
    field = make_field(prices, one_table([0.25] * 4, 400), 0, np.array([0, 399]))
    asks = np.array([ask(0.0, 1), ask(np.inf, 1)]).T
    path = simulate(field, asks, np.zeros(2, np.int64), keep_path=True)[2]
    daily = np.cumprod(1.0 + prices.returns().mean(axis=1))
    np.testing.assert_allclose(path[:, 0], daily, rtol=1e-12)
    np.testing.assert_allclose(path[:, 1], (values[1:] / values[0]).mean(axis=1), rtol=1e-12)
    single = make_field(as_prices(values[:, :1]), one_table([1.0], 400), 0, np.array([0, 399]))
    path = simulate(single, asks, np.zeros(2, np.int64), keep_path=True)[2]
    np.testing.assert_allclose(path[:, 0], values[1:, 0] / values[0, 0], rtol=1e-12)


def test_the_fee_axis_is_free():
    """With proportional costs and trading to target, weights and trades do not depend on the cost."""
    rng = np.random.default_rng(2)
    prices = as_prices(walk(rng, 500, 5))
    field = make_field(prices, one_table(rng.dirichlet(np.ones(5)), 500), 0, np.array([0, 499]))
    asks = np.array([ask(0.03, 5, cost) for cost in (0.0, 0.001, 0.01)]).T
    out, _, path = simulate(field, asks, np.zeros(3, np.int64), keep_path=True)
    assert len(set(out[12])) == 1
    np.testing.assert_allclose(out[10], out[10, 0], rtol=1e-12)
    assert path[-1, 0] > path[-1, 1] > path[-1, 2]


def test_the_future_changes_nothing_before_it():
    rng = np.random.default_rng(3)
    values = walk(rng, 200, 3)
    other = values.copy()
    other[120:] = walk(rng, 80, 3)
    asks = np.array([ask(0.01, 3, 0.001, 1e-4, 0.0, lag, 0, True) for lag in (0, 1, 5)]).T
    paths = []
    for given_values in (values, other):
        field = make_field(as_prices(given_values), one_table([0.5, 0.3, 0.2], 200), 10, np.array([0, 189]))
        paths.append(simulate(field, asks, np.zeros(3, np.int64), keep_path=True)[2])
    assert paths[0][:109].tobytes() == paths[1][:109].tobytes()
    assert not np.array_equal(paths[0][109:], paths[1][109:])


def test_a_constant_portfolio_has_returns_of_rounding_only():
    field = make_field(as_prices(np.full((30, 2), 3.7)), one_table([0.3, 0.7], 30), 0, np.array([0, 5, 29]))
    out, segments, _ = simulate(field, np.array([ask()]).T, np.zeros(1, np.int64))
    assert totals(out[:, 0])["s2"] < 1e-29
    assert abs(segments).max() < 1e-13


@pytest.mark.parametrize("growth", [1e-70, 1e-200, 1e45, 1e150])
def test_values_of_any_size(growth):
    """Statistics are those of the returns however much the value has grown, and fees stay shares of capital."""
    rng = np.random.default_rng(4)
    rows = 400
    drift = np.log(growth) / rows
    values = np.exp(np.cumsum(rng.normal(drift, 0.01, (rows, 2)), axis=0))
    field = make_field(as_prices(values), one_table([0.5, 0.5], rows), 0, np.array([0, 100, rows - 1]))
    asks = np.array([ask(0.01, 5, 0.001), ask(0.0, 1), ask(np.inf, 1, fee=1e-4)]).T
    out, _, path = simulate(field, asks, np.zeros(3, np.int64), keep_path=True)
    for k, lane in enumerate(
        ({"threshold": 0.01, "interval": 5, "cost": 0.001}, {}, {"threshold": np.inf, "fee": 1e-4})
    ):
        if growth < 1.0 and k != 1:
            continue  # the twin's cash of 1e-17 outgrows what is left; trading every day has a closed form
        expected, _ = simulate_one(values.tolist(), lambda _: [0.5, 0.5], start=0, n=rows - 1, **lane)
        if k == 1:
            expected = np.cumprod((values[1:] / values[:-1]).mean(axis=1)).tolist()
        np.testing.assert_allclose(path[:, k], expected, rtol=1e-9)
        stats = statistics_of(expected)
        np.testing.assert_allclose(out[:4, k], stats["sums"], rtol=1e-9)
        np.testing.assert_allclose(totals(out[:, k])["value"], expected[-1], rtol=1e-9)
        np.testing.assert_allclose(1 - out[6, k] / out[7, k], stats["deepest"], rtol=1e-9)


def test_an_order_to_the_band_lapses_where_nothing_is_left_to_do():
    values = np.ones((12, 2))
    values[3, 0] = 1.3
    values[4:, 0] = 1.02
    field = make_field(as_prices(values), one_table([0.5, 0.5], 12), 1, np.array([0, 10]))
    asks = np.array([ask(0.05, 1, fee=0.001, step=0.0, lag=1)]).T
    found = totals(simulate(field, asks, np.zeros(1, np.int64))[0][:, 0])
    assert (found["trades"], found["turnover"], found["cost"]) == (1.0, 1.0, 0.002)


def test_nothing_revives_a_portfolio_that_lost_everything():
    values = np.ones((60, 2))
    values[20:, 0] = 5.0
    values[40:, 1] = 1.1
    field = make_field(
        as_prices(values), one_table([-1.0, 1.5], 60), 0, np.array([0, 30, 59]), np.array([1, 1], np.uint8)
    )
    out, segments, path = simulate(field, np.array([ask()]).T, np.zeros(1, np.int64), keep_path=True)
    assert totals(out[:, 0])["ruin_row"] == 20
    assert (path[19:, 0] == path[19, 0]).all()
    assert not segments[:, 1].any()


@pytest.mark.parametrize("n", [1, 7, 8, 9, 17])
def test_lengths_that_are_no_multiple_of_eight(n):
    rng = np.random.default_rng(n)
    values = walk(rng, n + 2, 2)
    field = make_field(as_prices(values), one_table([0.6, 0.4], n + 2), 1, np.array([0, n]))
    out = simulate(field, np.array([ask(np.inf)]).T, np.zeros(1, np.int64))[0]
    path = (values[2:] / values[1] * [0.6, 0.4]).sum(axis=1)
    stats = statistics_of(path.tolist())
    assert totals(out[:, 0])["under"] == stats["longest"]
    np.testing.assert_allclose(out[0, 0], stats["sums"][0], rtol=1e-10, atol=1e-14)


def test_asks_have_the_rows_of_the_layout():
    assert len(ask()) == ASK_ROWS
