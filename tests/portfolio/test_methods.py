"""Methods against their plain-Python twins, exact programs, scikit-learn, scipy and skfolio."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput, JobFailed, MissingExtra
from atomloom.portfolio import (
    CombinatorialPurgedCV,
    TargetSpec,
    WalkForward,
    method_info,
    target_table,
    window_weights,
)
from atomloom.portfolio.method_table import METHODS
from oracles import methods_oracle as oracle
from portfolio import returns_to_try as tried

KERNELS = [name for name, info in METHODS.items() if info.extra is None]
seeds = st.integers(0, 2**32 - 1)


def one(returns, method, **parameters):
    """Weights of a single window of all rows."""
    return window_weights(returns, method, ([0], [len(returns)]), parameters)[0]


@given(seed=seeds, kind=st.sampled_from(tried.KINDS), rows=st.integers(2, 70), assets=st.integers(1, 9))
@settings(max_examples=60)
def test_formulas_equal_their_twins(seed, kind, rows, assets):
    returns = tried.drawn(seed, kind, rows, assets)
    listed = returns.tolist()
    skip, top = seed % rows, 1 + seed % assets
    assert one(returns, "momentum", top=top, skip=skip).tolist() == oracle.momentum(listed, top, skip)
    twin = oracle.time_series_momentum(listed, skip)
    assert one(returns, "time_series_momentum", skip=skip).tolist() == twin
    assert one(returns, "equal_weight").tolist() == [1 / assets] * assets
    assert one(returns, "cash").tolist() == [0.0] * assets
    flat = [i for i in range(assets) if np.ptp(returns[:, i]) == 0.0]
    if len(flat) == assets:
        with pytest.raises(JobFailed, match=f"in window 0: no asset moves in {rows} returns"):
            one(returns, "inverse_volatility")
    elif kind != "one huge return" or rows > 2:
        assert one(returns, "inverse_volatility") == pytest.approx(oracle.inverse_volatility(listed), rel=1e-12)


@given(
    seed=seeds, kind=st.sampled_from([kind for kind in tried.KINDS if kind not in tried.SINGULAR]),
    assets=st.integers(1, 4), long_only=st.booleans(), shrinkage=st.sampled_from([0.0, 0.3, "ledoit_wolf"]),
)  # fmt: skip
@settings(max_examples=50)
def test_quadratic_methods_equal_exact_programs(seed, kind, assets, long_only, shrinkage):
    returns = tried.drawn(seed, kind, 30, assets)
    listed, options = returns.tolist(), {"long_only": long_only, "shrinkage": shrinkage}
    share = oracle.ledoit_wolf(listed) if shrinkage == "ledoit_wolf" and assets > 1 else shrinkage
    cov = oracle.shrunk(oracle.covariance(listed), 0.0 if isinstance(share, str) else share)
    mu = [oracle.mean(listed, i) for i in range(assets)]
    # What rounding of the covariance itself may do grows with its condition.
    near = {"abs": 1e-13 * max(np.linalg.cond(np.array(cov)), 10.0), "rel": 1e-9}
    least = oracle.least_quadratic(cov, [0.0] * assets, full=True, long_only=long_only)
    assert one(returns, "minimum_variance", **options).tolist() == pytest.approx(least, **near)
    averse = oracle.least_quadratic(cov, [m / 7.0 for m in mu], full=True, long_only=long_only)
    found = one(returns, "mean_variance", risk_aversion=7.0, **options)
    near_averse = near | {"abs": near["abs"] * max(1.0, np.abs(averse).max())}
    assert found.tolist() == pytest.approx(averse, **near_averse)
    sharpe = np.array(oracle.least_quadratic(cov, mu, full=False, long_only=long_only))
    size = np.abs(sharpe).sum()
    found = one(returns, "maximum_sharpe", **options)
    assert found.tolist() == pytest.approx((sharpe / size if size else sharpe).tolist(), **near)


@given(seed=seeds, kind=st.sampled_from(tried.KINDS), assets=st.integers(2, 30), rows=st.integers(2, 80))
@settings(max_examples=60)
def test_long_only_programs_meet_their_conditions(seed, kind, assets, rows):
    """Nothing held has another slope than the rest, and nothing that is not held a better one: then w is the best."""
    returns = tried.drawn(seed, kind, rows, assets)
    cov, mu = np.atleast_2d(np.cov(returns.T)), returns.mean(axis=0)
    trace = np.trace(cov) / assets
    for method, slope_of in (
        ("minimum_variance", lambda w: cov @ w),
        ("mean_variance", lambda w: cov @ w - mu / 5.0),
    ):
        w = one(returns, method)
        assert (w >= 0.0).all()
        assert w.sum() == pytest.approx(1.0, abs=1e-12)
        slope = slope_of(w)
        common = (w * slope).sum()
        size = np.abs(cov) @ w + (np.abs(mu) / 5.0).max() + 1e-20
        ridge = 4e-8 * trace  # a singular covariance has it on its diagonal
        assert (slope - common >= -1e-9 * size.max() - ridge).all()
    w = one(returns, "maximum_sharpe")
    assert (w >= 0.0).all()
    assert w.sum() == pytest.approx(1.0 if (mu > 0.0).any() else 0.0, abs=1e-12)


def test_singular_covariances_have_a_rule():
    rng = np.random.default_rng(3)
    returns = rng.normal(0.001, 0.01, (50, 4))
    returns[:, 3] = returns[:, 1]
    w = one(returns, "minimum_variance")
    assert w[1] == pytest.approx(w[3], abs=1e-6)  # of two equal assets neither is better
    alone = one(returns[:, :3], "minimum_variance")
    assert w[1] + w[3] == pytest.approx(alone[1], abs=1e-5)
    returns[:, 0] = 0.0002
    assert one(returns, "minimum_variance")[0] > 0.999999  # what does not vary has the least variance
    assert one(returns, "minimum_variance", shrinkage=0.5)[0] < 0.9
    nothing = np.zeros((5, 3))
    assert one(nothing, "minimum_variance").tolist() == pytest.approx([1 / 3] * 3)
    assert one(nothing, "maximum_sharpe").tolist() == [0.0, 0.0, 0.0]
    assert one(np.tile([0.1, 0.2, 0.1], (5, 1)), "mean_variance").tolist() == pytest.approx([0.0, 1.0, 0.0])
    few = rng.normal(0.0, 0.01, (5, 12))
    for method in ("minimum_variance", "mean_variance", "maximum_sharpe"):
        for long_only in (True, False):
            assert np.isfinite(one(few, method, long_only=long_only)).all()


def test_falling_assets_are_cash_for_the_sharpe_ratio():
    falling = tried.drawn(1, "falling")
    assert one(falling, "maximum_sharpe").tolist() == [0.0] * 4
    short = one(falling, "maximum_sharpe", long_only=False)
    assert np.abs(short).sum() == pytest.approx(1.0)
    assert falling.mean(axis=0) @ short > 0.0


def test_maximum_sharpe_equals_non_negative_least_squares():
    optimize = pytest.importorskip("scipy.optimize")
    for seed in range(20):
        returns = tried.drawn(seed, "normal", 120, 25)
        factor = np.linalg.cholesky(np.cov(returns.T)).T
        y, _ = optimize.nnls(factor, np.linalg.solve(factor.T, returns.mean(axis=0)))
        assert one(returns, "maximum_sharpe") == pytest.approx(y / y.sum(), abs=1e-9)


def test_ledoit_wolf_equals_scikit_learn():
    covariance = pytest.importorskip("sklearn.covariance")
    returns = tried.drawn(5, "normal", 80, 12)
    cov, _ = covariance.ledoit_wolf(returns)
    inverse = np.linalg.inv(cov).sum(axis=1)
    found = one(returns, "minimum_variance", long_only=False, shrinkage="ledoit_wolf")
    assert found == pytest.approx(inverse / inverse.sum(), rel=1e-10)


def test_a_window_has_the_bits_of_itself_alone():
    returns = tried.drawn(7, "fat tails", 300, 5)
    starts, stops = np.arange(0, 200, 7), np.arange(100, 300, 7)
    for method in KERNELS:
        parameters = {"weights": [0.1] * 5} if method == "fixed" else {}
        together = window_weights(returns, method, (starts, stops), parameters)
        for k in (0, 11, 28):
            alone = window_weights(returns, method, (starts[k : k + 1], stops[k : k + 1]), parameters)
            assert (alone == together[k]).all()


def test_a_huge_return_leaves_no_trace_behind_it():
    """Sums are taken within a window: differences of long running sums would have lost everything after row 0."""
    returns = tried.drawn(2, "one huge return", 200, 3)
    window = returns[100:160]
    found = window_weights(returns, "inverse_volatility", ([100], [160]))[0]
    assert found == pytest.approx(oracle.inverse_volatility(window.tolist()), rel=1e-13)


def test_windows_of_several_ranges_are_one_sample():
    returns = tried.drawn(4, "normal", 240, 6)
    cv = CombinatorialPurgedCV(6, 2, purge=3)
    splits = cv.ranges(240)
    for method in ("inverse_volatility", "minimum_variance", "maximum_sharpe", "momentum", "time_series_momentum"):
        found = window_weights(returns, method, cv)
        for k in range(len(splits)):
            assert found[k] == pytest.approx(one(returns[splits.train(k)], method), abs=1e-13)
    last = window_weights(returns, "inverse_volatility", cv, {"lookback": 90})
    for k in range(len(splits)):
        rows = splits.train(k)[-90:]
        assert last[k] == pytest.approx(one(returns[rows], "inverse_volatility"), abs=1e-13)
    rows = splits.train(0)[:-50]
    skipped = window_weights(returns, "momentum", cv, {"top": 2, "skip": 50})[0]
    assert (skipped == one(returns[rows], "momentum", top=2)).all()


def test_windows_come_from_splitters_and_pairs_alike():
    pandas = pytest.importorskip("pandas")
    returns = tried.drawn(6, "normal", 400, 3)
    frame = pandas.DataFrame(returns, pandas.date_range("2020-01-01", periods=400), columns=["A", "B", "C"])
    cv = WalkForward(100, 20)
    splits = cv.ranges(400)
    by_splitter = window_weights(frame, "minimum_variance", cv)
    by_rows = window_weights(returns, "minimum_variance", (splits.train_start, splits.train_stop))
    assert (by_splitter == by_rows).all()
    by_pairs = window_weights(returns, "minimum_variance", list(cv.split(returns)))
    assert (by_pairs == by_rows).all()
    monthly = window_weights(frame, "minimum_variance", WalkForward("100D", "month"))
    assert monthly.shape[1] == 3


def test_volatility_targets_of_windows():
    returns = tried.drawn(8, "normal", 300, 4)
    windows = ([0, 50], [200, 250])
    found = window_weights(returns, "equal_weight", windows, volatility_target=0.1, periods_per_year=365)
    for row, start, stop in zip(found, *windows, strict=True):
        cov = oracle.covariance(returns[start:stop].tolist())
        assert oracle.volatility(cov, row.tolist(), 365) == pytest.approx(0.1, rel=1e-12)
    short = window_weights(returns, "equal_weight", windows, volatility_target=0.1, volatility_lookback=40)
    cov = oracle.covariance(returns[210:250].tolist())
    assert oracle.volatility(cov, short[1].tolist(), 252) == pytest.approx(0.1, rel=1e-12)


@pytest.mark.parametrize(
    ("method", "parameters", "says"),
    [
        ("minimal_variance", {}, "a method is 'minimal_variance'. Hint: did you mean 'minimum_variance'"),
        ("momentum", {"tops": 3}, "a parameter of momentum is 'tops'. Hint: did you mean 'top'"),
        ("momentum", {"top": 1.5}, "top of momentum is 1.5. Hint: give a whole number of at least 1"),
        ("momentum", {"top": True}, "top of momentum is True"),
        ("momentum", {"lookback": 5, "skip": 5}, "skip of momentum is 5, and lookback 5"),
        ("inverse_volatility", {"lookback": 1}, "lookback of inverse_volatility is 1"),
        ("minimum_variance", {"long_only": 1}, "long_only of minimum_variance is 1. Hint: give True or False"),
        ("minimum_variance", {"shrinkage": "ledoit"}, "did you mean 'ledoit_wolf'"),
        ("minimum_variance", {"shrinkage": 1.1}, "shrinkage of minimum_variance is 1.1"),
        ("mean_variance", {"risk_aversion": 0}, "risk_aversion of mean_variance is 0. Hint: give a number above 0"),
        ("mean_variance", {"risk_aversion": np.nan}, "risk_aversion of mean_variance is nan"),
        ("hrp", {"risk_measure": "cvr"}, "did you mean 'cvar'"),
        ("hrp", {"risk_measure": 3}, "risk_measure of hrp is 3"),
        ("fixed", {}, "fixed needs weights"),
        ("fixed", {"weights": [1.0, np.inf]}, r"weights of fixed is \[1.0, inf\]"),
        ("fixed", {"weights": "half"}, "weights of fixed is 'half'"),
        ("cash", {"lookback": 3}, "a parameter of cash is 'lookback'. Hint: There is none"),
        (3, {}, "method is 3. Hint: give a name, a function"),
        (dict, {}, "method is the class dict"),
        (lambda returns: returns[0], {"power": 1}, "a parameter of <lambda> is 'power'"),
        (
            lambda returns, power: returns[0],
            {"power": [1]},
            r"power of <lambda> is \[1\]. Hint: give what can be hashed",
        ),
        ("cash", 3, "parameters are 3. Hint: give a mapping"),
    ],
)
def test_bad_methods_and_parameters_are_named(method, parameters, says):
    with pytest.raises(BadInput, match=says):
        TargetSpec(method, parameters)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"refit": 0}, "refit is 0"),
        ({"refit": 2.0}, "refit is 2.0"),
        ({"volatility_target": 0}, "volatility_target is 0"),
        ({"volatility_target": "high"}, "volatility_target is 'high'"),
        ({"volatility_target": 0.1, "volatility_lookback": 1}, "volatility_lookback is 1"),
        ({"max_leverage": -1}, "max_leverage is -1"),
        ({"periods_per_year": None}, "periods_per_year is None"),
        ({"periods_per_year": np.nan}, "periods_per_year is nan"),
    ],
)
def test_bad_overlays_are_named(change, says):
    with pytest.raises(BadInput, match=says):
        TargetSpec("cash", **change)


@pytest.mark.parametrize(
    ("returns", "windows", "says"),
    [
        ([1.0, 2.0], ([0], [2]), r"returns has shape \(2,\)"),
        ([["a"]], ([0], [1]), "returns is no table of numbers"),
        ([[0.1], [np.nan]], ([0], [2]), "returns has 1 value that is not finite .first at row 1, asset 0: nan"),
        ([[0.1], [0.2]], ([0], [3]), "window 0 is rows 0 to 3, of 2"),
        ([[0.1], [0.2]], ([1], [1]), "window 0 is rows 1 to 1"),
        ([[0.1], [0.2]], ([0], [1]), "window 0 has 1 rows, and inverse_volatility needs 2"),
        ([[0.1], [0.2]], "week", "splits are given as 'week'"),
        ([[0.1], [0.2]], None, "splits are given as None"),
    ],
)
def test_bad_returns_and_windows_are_named(returns, windows, says):
    with pytest.raises(BadInput, match=says):
        window_weights(returns, "inverse_volatility", windows)


def test_more_assets_than_there_are_and_weights_that_do_not_fit():
    returns = tried.drawn(1, "normal")
    with pytest.raises(
        JobFailed, match=r"momentum: top of momentum is 5, of 4 assets. Hint: hold at most all of them.$"
    ):
        one(returns, "momentum")
    with pytest.raises(JobFailed, match="fixed: weights of fixed are 2, of 4 assets"):
        one(returns, "fixed", weights=[0.5, 0.5])


def test_without_skfolio_its_methods_say_so(monkeypatch):
    for name in ("skfolio", "skfolio.optimization"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtra, match=r"skfolio is needed for the method hrp .*atomloom\[portfolio\]"):
        one(tried.drawn(1, "normal"), "hrp")


def test_every_method_of_the_table_can_be_made():
    for name, info in METHODS.items():
        given = {"weights": [1.0]} if name == "fixed" else {}
        spec = TargetSpec(name, given)
        assert [key for key, _ in spec.parameters] == [each.name for each in info.parameters]
        assert hash(spec) == hash(TargetSpec(name, dict(spec.parameters)))
        assert info.summary.endswith(".")
        assert name in repr(method_info(name))
        assert spec.to_dict()["method"] == name


def test_skfolio_methods_are_those_of_skfolio():
    optimization = pytest.importorskip("skfolio.optimization")
    skfolio = pytest.importorskip("skfolio")
    returns = tried.drawn(9, "normal", 130, 5)
    windows = ([0, 20], [110, 130])
    cvar = skfolio.RiskMeasure.CVAR
    for method, parameters, estimator in (
        ("hrp", {}, optimization.HierarchicalRiskParity()),
        ("risk_parity", {"risk_measure": "cvar"}, optimization.RiskBudgeting(risk_measure=cvar)),
        ("mean_risk", {"risk_measure": "cvar"}, optimization.MeanRisk(risk_measure=cvar)),
    ):
        found = window_weights(returns, method, windows, parameters)
        for row, start, stop in zip(found, *windows, strict=True):
            assert row == pytest.approx(estimator.fit(returns[start:stop]).weights_, abs=1e-12)


@pytest.mark.filterwarnings("ignore:Solution may be inaccurate")  # asked for more than its solver promises
def test_skfolios_walk_forward_has_the_same_weights():
    optimization = pytest.importorskip("skfolio.optimization")
    selection = pytest.importorskip("skfolio.model_selection")
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(tried.drawn(11, "normal", 200, 6), pandas.date_range("2020-01-01", periods=200))
    tight = {"solver_params": {"tol_gap_abs": 1e-13, "tol_gap_rel": 1e-13}, "scale_objective": 1e4}
    ratio = optimization.ObjectiveFunction.MAXIMIZE_RATIO
    for method, estimator, near in (
        ("inverse_volatility", optimization.InverseVolatility(), 1e-14),
        ("minimum_variance", optimization.MeanRisk(**tight), 1e-6),
        ("maximum_sharpe", optimization.MeanRisk(objective_function=ratio, **tight), 1e-6),
    ):
        cv = selection.WalkForward(train_size=60, test_size=20)
        theirs = selection.cross_val_predict(estimator, frame, cv=cv)
        ours = window_weights(frame, method, cv)
        assert ours == pytest.approx(np.array([each.weights for each in theirs.portfolios]), abs=near)


def test_a_target_is_what_the_window_before_it_gives():
    returns = tried.drawn(12, "fat tails", 150, 4)
    for method in KERNELS:
        given = {"weights": [0.1, 0.2, 0.3, 0.4]} if method == "fixed" else {}
        given |= {"top": 2} if method == "momentum" else {}
        if method not in ("fixed", "equal_weight", "cash"):
            given |= {"lookback": 60}
        table = target_table(returns, TargetSpec(method, given), [60, 100, 150])
        windows = window_weights(returns, method, ([0, 40, 90], [60, 100, 150]), given)
        assert (table == windows).all()
