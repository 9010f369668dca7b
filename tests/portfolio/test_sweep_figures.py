"""What a sweep says, beside each configuration worked alone by plain Python, and beside brute force over splits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.portfolio import (
    CombinatorialPurgedCV,
    Grid,
    PurgedKFold,
    WalkForward,
    path_metrics,
    sweep,
)
from portfolio.sweeps_to_try import days, drawn_grid, plain_path, returns_of, walk

SAME = {
    "total_return": "total_return", "annual_return": "annual_return", "volatility": "annual_volatility",
    "sharpe": "sharpe", "sortino": "sortino", "calmar": "calmar", "max_drawdown": "max_drawdown",
    "hit_rate": "hit_rate", "skew": "skew", "kurtosis": "kurtosis",
}  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), timed=st.booleans())
def test_figures_equal_those_of_paths_worked_by_plain_python(seed, timed):
    rng = np.random.default_rng(seed)
    prices, times = walk(seed, rows=120), days(120) if timed else None
    market = {"asset_costs": [1.0, 0.5, 2.0], "cash_rate": 1e-5, "borrow_rate": 3e-5}
    found = sweep(prices, drawn_grid(rng, timed=timed), times=times, periods_per_year=252.0, verdict=False, **market)
    start = found.job.field.start
    assert start == 12 + found.configs[0]["lag"]
    for place in rng.choice(len(found), 8, replace=False):
        config = found.configs[int(place)]
        values, book = plain_path(
            prices, config, start, times=times, scale=market["asset_costs"], cash_rate=1e-5, borrow_rate=3e-5
        )
        returns = returns_of(values)
        np.testing.assert_allclose(found.path(int(place)).returns, returns, rtol=0, atol=1e-12, err_msg=str(config))
        own = {name: row[place] for name, row in zip(found.to_frame().columns[-14:], found.figures, strict=True)}
        expected = path_metrics(returns)
        for name, other in SAME.items():
            got, wanted = own[name], getattr(expected, other)
            np.testing.assert_allclose(got, wanted, rtol=1e-7, atol=1e-11, err_msg=f"{name} of {config}")
        np.testing.assert_allclose(own["turnover"], book["turnover"] * 252 / len(returns), rtol=1e-9)
        np.testing.assert_allclose([own["costs"], own["trades"]], [book["cost"], book["trades"]], rtol=1e-9, atol=1e-15)


def test_sharpe_ratios_are_above_the_risk_free_rate():
    prices = walk(3)
    found = sweep(prices, Grid(method="equal_weight", interval=[1, 5]), risk_free=0.0002, verdict=False)
    for place in range(2):
        returns = found.path(place).returns
        np.testing.assert_allclose(
            found.figure("sharpe")[place], path_metrics(returns, risk_free=0.0002).sharpe, rtol=1e-9
        )


def brute(found, splits):
    """Simulate every configuration, choose on train rows and test on test rows, with numpy only."""
    paths = np.stack([found.path(place).returns for place in range(len(found))], axis=1)
    for train, test in splits:
        trained = paths[train].mean(axis=0) / paths[train].std(axis=0, ddof=1)
        tested = paths[test].mean(axis=0) / paths[test].std(axis=0, ddof=1)
        yield int(np.argmax(trained)), trained, tested, paths[test]


SPLITTERS = [
    WalkForward(120, 60),
    WalkForward(120, 40, expanding=True, purge=5),
    CombinatorialPurgedCV(6, 2, purge=3, embargo=2),
    PurgedKFold(5, purge=10),
]


@pytest.mark.parametrize("splitter", SPLITTERS, ids=repr)
def test_the_choice_on_train_rows_equals_brute_force(splitter):
    prices = walk(5, rows=500, assets=4)
    grid = Grid(
        method=["momentum", "inverse_volatility"], lookback=[10, 21, 42], top=[1, 2], interval=[3, 21], cost=0.001
    )
    found = sweep(prices, grid, splits=splitter, verdict=False)
    splits = [(found.splits.train(k), found.splits.test(k)) for k in range(found.splits.n_splits)]
    chosen = found.selection
    for k, (winner, trained, tested, _) in enumerate(brute(found, splits)):
        assert trained[chosen.winners[k]] >= trained[winner] - 1e-12
        np.testing.assert_allclose(chosen.train_sharpe[k], trained[winner], rtol=1e-9)
        np.testing.assert_allclose(chosen.test_sharpe[k], tested[chosen.winners[k]], rtol=1e-9)
        own = tested[chosen.winners[k]]
        near = abs(tested - own) < 1e-12
        np.testing.assert_allclose(chosen.rank[k], ((tested < own) & ~near).mean() + 0.5 * near.mean(), atol=1e-12)


def test_the_stitched_walk_is_the_winners_returns_one_window_after_the_other():
    found = sweep(
        walk(6, rows=500), Grid(method="momentum", lookback=[10, 21], top=[1, 2]), splits=WalkForward(150, 50)
    )
    splits = [(found.splits.train(k), found.splits.test(k)) for k in range(found.splits.n_splits)]
    parts = [tests[:, winner] for winner, _, _, tests in brute(found, splits)]
    walked = found.walk()
    np.testing.assert_allclose(walked.returns, np.concatenate(parts), rtol=1e-12)
    np.testing.assert_allclose(walked.values[-1], np.prod(1.0 + np.concatenate(parts)), rtol=1e-12)


def test_each_path_through_combinations_is_served_by_the_winners_of_its_folds():
    grid = Grid(method=["momentum", "inverse_volatility"], lookback=[10, 21], top=[1, 2], interval=[3, 21])
    found = sweep(walk(6, rows=500), grid, splits=CombinatorialPurgedCV(6, 2, purge=2), verdict=False)
    splits = found.splits
    assert splits.path_of.shape == (5, 6)
    for p in range(5):
        parts = []
        for fold, split in enumerate(splits.path_of[p]):
            rows = np.arange(splits.folds[fold], splits.folds[fold + 1])
            assert np.isin(rows, splits.test(int(split))).all()
            parts.append(found.path(int(found.selection.winners[split])).returns[rows])
        expected = np.concatenate(parts)
        assert found.walk(p).returns.tobytes() == expected.tobytes()
        ratio = expected.mean() / expected.std(ddof=1)
        np.testing.assert_allclose(found.selection.path_sharpe[p], ratio, rtol=1e-9)


def test_of_test_windows_that_overlap_the_later_one_counts():
    grid = Grid(method="momentum", lookback=[10, 21], top=[1, 2])
    found = sweep(walk(6, rows=500), grid, splits=WalkForward(150, 60, step=40), verdict=False)
    last = np.full(found.n_returns, np.nan)
    for k in range(found.splits.n_splits):
        rows = found.splits.test(k)
        last[rows] = found.path(int(found.selection.winners[k])).returns[rows]
    np.testing.assert_array_equal(found.walk().returns, last[~np.isnan(last)])


def test_splitters_of_others_are_taken():
    sklearn, skfolio = pytest.importorskip("sklearn.model_selection"), pytest.importorskip("skfolio.model_selection")
    prices = walk(7, rows=500)
    grid = Grid(method=["momentum", "inverse_volatility"], lookback=[10, 21], top=1)
    for theirs, ours in (
        (sklearn.TimeSeriesSplit(4, test_size=50), WalkForward(228, 50, expanding=True, anchor="end")),
        (skfolio.WalkForward(test_size=50, train_size=150), WalkForward(150, 50)),
        (skfolio.CombinatorialPurgedCV(6, 2), CombinatorialPurgedCV(6, 2)),
    ):
        other, own = (sweep(prices, grid, splits=splitter, verdict=False) for splitter in (theirs, ours))
        assert other.selection.to_dict() == own.selection.to_dict()


def test_windows_that_begin_anew_are_sweeps_of_their_own():
    """With targets decided at every row, a window is a sweep that starts there and ends there."""
    prices = walk(8, rows=400)
    grid = Grid(
        method=["momentum", "inverse_volatility"], lookback=[5, 20], top=1, refit=1, interval=[1, 7],
        threshold=[0, 0.1], cost=0.002, lag=[0],
    )  # fmt: skip
    found = sweep(prices, grid, splits=WalkForward(100, 70), state="reset", start=30, verdict=False)
    for k in range(found.splits.n_splits):
        rows = found.splits.test(k)
        first, last = 30 + rows[0], 30 + rows[-1] + 1
        alone = sweep(prices[: last + 1], grid, start=int(first), verdict=False)
        for place in range(len(grid)):
            np.testing.assert_allclose(found.path(place).returns[rows], alone.path(place).returns, rtol=0, atol=1e-13)


def test_positions_are_carried_over_borders_unless_told_otherwise():
    grid = Grid(method="equal_weight", interval=[5, 1000], cost=0.01)
    plain = sweep(walk(9), grid, verdict=False)
    carried = sweep(walk(9), grid, splits=WalkForward(100, 50), verdict=False)
    again = sweep(walk(9), grid, splits=WalkForward(100, 50), state="reset", verdict=False)
    np.testing.assert_allclose(carried.figures, plain.figures, rtol=1e-10)
    assert (again.figure("trades") > plain.figure("trades")).all()
    assert (again.figure("total_return") < plain.figure("total_return")).all()


@pytest.mark.parametrize(
    ("name", "config"),
    [("equal_weight", {"method": "equal_weight", "interval": 21, "lag": 0}),
     ("buy_and_hold", {"method": "equal_weight", "threshold": float("inf"), "lag": 0}),
     ("cash", {"method": "cash", "lag": 0})],
)  # fmt: skip
def test_benchmarks_are_portfolios(name, config):
    prices = walk(10)
    grid = Grid(method="momentum", lookback=[5, 20], top=1)
    named, own = (sweep(prices, grid, benchmark=given) for given in (name, config))
    np.testing.assert_array_equal(named.benchmark.returns, own.benchmark.returns)
    np.testing.assert_array_equal(named.t, own.t)
    values, _ = plain_path(prices, config, named.job.field.start)
    np.testing.assert_allclose(named.benchmark.returns, returns_of(values), rtol=0, atol=1e-13)
    rows = np.concatenate([np.zeros(named.job.field.start), named.benchmark.returns])
    given_rows = sweep(prices, grid, benchmark=rows)
    np.testing.assert_array_equal(given_rows.t, named.t)


def test_a_configuration_that_is_the_benchmark_is_left_out_and_counted():
    same = {"method": "equal_weight", "interval": 21, "lag": 0}
    found = sweep(walk(11), [same, {"method": "momentum", "lookback": 10, "top": 1, "lag": 0}])
    assert np.isnan(found.t[0])
    assert found.verdict.n_left_out == 1
    assert found.ledger()["counted"] == 2


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), row=st.integers(40, 118))
def test_the_future_changes_nothing_before_it(seed, row):
    rng = np.random.default_rng(seed)
    prices = walk(seed, rows=120)
    other = prices.copy()
    other[row + 1 :] *= rng.uniform(0.5, 2.0, (119 - row, 3))
    grid = drawn_grid(rng)
    one, two = (sweep(given, grid, times=days(120), start=30, verdict=False) for given in (prices, other))
    for place in range(len(one)):
        before, after = (each.path(place).returns[: row - 30] for each in (one, two))
        assert before.tobytes() == after.tobytes()


def test_a_configuration_does_not_depend_on_the_lags_of_others():
    one = {"method": "inverse_volatility", "lookback": 21, "lag": 0, "interval": 5}
    alone, beside = (sweep(walk(12), some, start=100, verdict=False) for some in ([one], [one, one | {"lag": 7}]))
    np.testing.assert_array_equal(alone.path(0).returns, beside.path(0).returns)


def test_the_best_hindsight_is_worth_nothing_a_row_later():
    """A method that sees only its window cannot earn what happens after it: returns of alternating signs."""
    signs = np.where(np.arange(300) % 2, 0.01, -0.01)
    prices = np.exp(np.cumsum(np.stack([signs, -signs], axis=1), axis=0))
    follow = {"method": "momentum", "lookback": 1, "top": 1, "refit": 1, "interval": 1}
    found = sweep(prices, [follow | {"lag": lag} for lag in (0, 1)], start=10, verdict=False)
    lost, earned = (sweep(prices, [follow | {"lag": lag}], start=10, verdict=False).figures[0, 0] for lag in (0, 1))
    assert lost < -0.9  # held over the next row, what rose falls
    assert earned > 1.0  # and a row later it rises again
    np.testing.assert_allclose(found.figures[0], [lost, earned], rtol=1e-9)
