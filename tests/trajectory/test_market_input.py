"""Problems from prices: what is estimated from which rows, and that no row is used before its time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput, Infeasible
from atomloom.trajectory import problem_from_prices

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "sp500_20_daily_1990-2022.csv.gz"


def walk(rows, assets, seed=0):
    return 100 * np.exp(np.random.default_rng(seed).normal(0, 0.01, (rows, assets)).cumsum(axis=0))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 4), st.integers(2, 12), st.integers(1, 15), st.integers(0, 5),
    st.sampled_from([0.0, 0.1, 1.0]), st.sampled_from(["simple", "log"]),
)  # fmt: skip
def test_each_horizon_is_estimated_from_the_window_before_it(assets, horizons, window, step, spare, shrink, returns):
    prices = walk((horizons - 1) * step + window + 1 + spare, assets)
    made = problem_from_prices(
        prices, horizons=horizons, window=window, step=step, units=2, cost=0.01, shrink=shrink, returns=returns
    )
    for h in range(horizons):
        last = len(prices) - 1 - (horizons - 1 - h) * step  # the row that the horizon begins after
        rows = range(last - window + 1, last + 1)
        change = [
            [
                np.log(prices[t][n] / prices[t - 1][n]) if returns == "log" else prices[t][n] / prices[t - 1][n] - 1
                for n in range(assets)
            ]
            for t in rows
        ]
        means = [sum(row[n] for row in change) / window for n in range(assets)]
        assert made.mu[h] == pytest.approx([step * mean for mean in means], rel=1e-9, abs=1e-15)
        for i in range(assets):
            for j in range(assets):
                s = step * sum((row[i] - means[i]) * (row[j] - means[j]) for row in change) / (window - 1)
                assert made.cov[h, i, j] == pytest.approx(s if i == j else (1 - shrink) * s, rel=1e-8, abs=1e-14)


@pytest.mark.parametrize("row", [30, 59, 60, 61, 79, 80, 99])
def test_a_row_changes_only_horizons_that_begin_after_it(row) -> None:
    prices = walk(100, 3)
    asked = {"horizons": 3, "window": 20, "step": 20, "units": 2, "cost": 0.0}
    before = problem_from_prices(prices, **asked)
    other = prices.copy()
    other[row] *= 1.5
    after = problem_from_prices(other, **asked)
    changed = [not np.array_equal(before.mu[h], after.mu[h]) for h in range(3)]
    begins = [59, 79, 99]  # the last row known when each horizon begins
    for h in range(3):
        assert changed[h] <= (row <= begins[h])
        assert changed[h] == (begins[h] - 20 <= row <= begins[h])


def test_everything_else_goes_to_the_problem() -> None:
    asked = {"horizons": 2, "window": 10, "units": 2, "objective": "mean_variance", "risk_aversion": 2.0}
    made = problem_from_prices(walk(40, 2), cost=[0.1, 0.2], w0=[0.5, 0.5], cost_fn="linear", **asked)
    assert (made.cost_fn, made.risk_aversion, made.w0.tolist()) == ("linear", 2.0, [0.5, 0.5])
    assert made.cost.tolist() == [[0.1, 0.2], [0.1, 0.2]]
    by_horizon = problem_from_prices(walk(40, 2), cost=[[0.1, 0.2], [0.3, 0.4]], **asked)
    assert by_horizon.cost.tolist() == [[0.1, 0.2], [0.3, 0.4]]


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"horizons": 0}, BadInput, "horizons is 0"),
        ({"window": 1}, BadInput, "window is 1. Hint: give a whole number of at least 2"),
        ({"step": 0}, BadInput, "step is 0"),
        ({"shrink": 1.5}, BadInput, "shrink is 1.5"),
        ({"shrink": float("nan")}, BadInput, "shrink is nan"),
        ({"returns": "lgo"}, BadInput, "did you mean 'log'"),
        ({"horizons": 5}, Infeasible, "5 horizons of 10 rows after windows of 10 need 51 prices of each asset"),
        ({"prices": [[1.0, -1.0]] * 40}, BadInput, r"prices\[0, 1\] is -1, not positive"),
        ({"prices": [[1.0, float("nan")]] * 40}, BadInput, "prices has 40 values that are not finite"),
        ({"prices": [1.0] * 40}, BadInput, "prices has shape"),
        ({"units": 0}, BadInput, "units is 0"),
    ],
)
def test_what_cannot_be_estimated_is_said(change, error, said) -> None:
    asked = {"prices": walk(40, 2), "horizons": 2, "window": 10, "units": 2, "cost": 0.0, **change}
    with pytest.raises(error, match=said):
        problem_from_prices(asked.pop("prices"), **asked)


@pytest.mark.skipif(not REAL.is_file(), reason="the real prices are not here")
def test_a_year_of_months_of_real_stocks_is_solved_with_a_certificate() -> None:
    import pandas as pd

    from atomloom.trajectory import evaluate, solve, verify_certificate

    prices = pd.read_csv(REAL, index_col=0).iloc[:, :5]
    assert prices.shape == (8313, 5)
    problem = problem_from_prices(prices, horizons=12, window=252, step=21, units=5, cost=0.002)
    assert np.diag(problem.cov[0]).min() > 0
    found = solve(problem, method="exact")
    assert found.status == "optimal"
    assert verify_certificate(found, problem)
    assert evaluate(problem, found.weights).sr == pytest.approx(found.sr, rel=1e-14)
    free = solve(problem_from_prices(prices, horizons=12, window=252, step=21, units=5, cost=0.0), method="exact")
    assert free.sr >= found.sr
    assert free.turnover.sum() > found.turnover.sum()
