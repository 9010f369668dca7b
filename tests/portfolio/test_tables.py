"""Tables of targets: nothing of the future, the same bits in any company, and failures that stay alone."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput, JobFailed
from atomloom.portfolio import FailedTable, TargetSpec, build_tables, target_table
from atomloom.portfolio import weight_work as work
from oracles import methods_oracle as oracle
from portfolio import returns_to_try as tried

SPECS = [
    TargetSpec("fixed", {"weights": [0.5, 0.25, 0.0, -0.25]}, max_leverage=0.5),
    TargetSpec("equal_weight", volatility_target=0.1, volatility_lookback=20, max_leverage=1.5),
    TargetSpec("cash", volatility_target=0.1),
    TargetSpec("inverse_volatility", {"lookback": 30}),
    TargetSpec("minimum_variance", {"lookback": 30}, refit=5),
    TargetSpec("minimum_variance", {"lookback": 40, "long_only": False, "shrinkage": "ledoit_wolf"}),
    TargetSpec("mean_variance", {"lookback": 30, "risk_aversion": 3.0}),
    TargetSpec("maximum_sharpe", {"lookback": 30}, refit=5, volatility_target=0.2, volatility_lookback=30),
    TargetSpec("maximum_sharpe", {"lookback": 30, "shrinkage": 0.2}, max_leverage=0.7),
    TargetSpec("momentum", {"lookback": 50, "top": 2, "skip": 5}),
    TargetSpec("time_series_momentum", {"lookback": 17}),
]
ROWS = {21: [63, 84, 105, 126], 5: list(range(63, 140, 5))}


def same(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@given(
    seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(["normal", "fat tails", "scales apart"]),
    row=st.integers(63, 139), size=st.sampled_from([0.01, 1e3]),
)  # fmt: skip
@settings(max_examples=25)
def test_the_future_changes_nothing_before_it(seed, kind, row, size):
    returns = tried.drawn(seed, kind, 140, 4)
    changed = returns.copy()
    changed[row:] = size * np.random.default_rng(seed).normal(size=(140 - row, 4))  # returns after price row `row`
    before, after = build_tables(returns, SPECS, ROWS), build_tables(changed, SPECS, ROWS)
    cut = build_tables(returns[:row], SPECS, {refit: [r for r in rows if r <= row] for refit, rows in ROWS.items()})
    for spec, one, other, short in zip(SPECS, before, after, cut, strict=True):
        seen = np.array(ROWS[spec.refit]) <= row
        assert np.array_equal(one[seen], other[seen])
        assert np.array_equal(one[seen], short)


def test_a_decision_sees_the_close_it_is_made_at():
    returns = tried.drawn(1, "normal", 80, 4) + 0.003
    changed = returns.copy()
    changed[69] *= -3.0  # the return that ends at price row 70
    for spec in SPECS[3:]:
        rows = [69, 70]
        one, other = target_table(returns, spec, rows), target_table(changed, spec, rows)
        assert np.array_equal(one[0], other[0])
        if spec.method not in ("momentum", "time_series_momentum"):  # whose ranks may stay
            assert not np.array_equal(one[1], other[1])


def test_tables_have_the_same_bits_in_any_company(monkeypatch):
    returns = tried.drawn(3, "fat tails", 400, 4)
    rows = {21: np.arange(63, 400, 21), 5: np.arange(63, 400, 5)}
    together = build_tables(returns, SPECS, rows, num_threads=1)
    for spec, table in zip(SPECS, together, strict=True):
        alone = target_table(returns, spec, rows[spec.refit])
        assert np.array_equal(alone, table)
        assert np.array_equal(target_table(returns, spec, rows[spec.refit][3:4])[0], table[3])
        assert not table.flags.writeable
    assert same(build_tables(returns, SPECS[::-1], rows)[::-1], together)
    monkeypatch.setattr(work, "_PIECE", 50_000.0)
    for threads in (1, 2, 3):
        assert same(build_tables(returns, SPECS, rows, num_threads=threads), together)


def test_rows_may_come_in_any_order_and_twice():
    returns = tried.drawn(3, "normal", 200, 4)
    table = target_table(returns, SPECS[4], [190, 63, 190])
    assert np.array_equal(table, target_table(returns, SPECS[4], [63, 190])[[1, 0, 1]])


def test_equal_tables_are_one_array():
    returns = tried.drawn(3, "normal", 200, 4)
    spec = TargetSpec("inverse_volatility", {"lookback": 30})
    first, second = build_tables(returns, [spec, TargetSpec("inverse_volatility", {"lookback": 30})], [100, 150])
    assert first is second


def test_overlays_reach_the_target_or_the_leverage():
    returns = tried.drawn(5, "normal", 300, 4)
    rows = np.arange(63, 300, 21)
    spec = TargetSpec("minimum_variance", {"lookback": 60}, volatility_target=0.15, periods_per_year=365)
    base = target_table(returns, TargetSpec("minimum_variance", {"lookback": 60}), rows)
    table = target_table(returns, spec, rows)
    capped = target_table(
        returns,
        TargetSpec(
            "minimum_variance", {"lookback": 60}, volatility_target=0.15, periods_per_year=365, max_leverage=0.9
        ),
        rows,
    )
    for j, row in enumerate(rows):
        cov = oracle.covariance(returns[row - 63 : row].tolist())
        assert oracle.volatility(cov, table[j].tolist(), 365) == pytest.approx(0.15, rel=1e-12)
        scale = 0.15 / oracle.volatility(cov, base[j].tolist(), 365)
        assert table[j] == pytest.approx(base[j] * scale, rel=1e-12)
        assert capped[j] == pytest.approx(base[j] * min(scale, 0.9), rel=1e-12)
    gross = np.abs(target_table(returns, TargetSpec("fixed", {"weights": [2, -1, 0, 0]}, max_leverage=1.2), rows))
    assert gross.sum(axis=1) == pytest.approx(1.2, rel=1e-12)


def test_a_portfolio_without_volatility():
    returns = tried.drawn(5, "normal", 100, 3)
    returns[:, 0] = 0.0001
    only = {"weights": [0.5, 0.0, 0.0]}
    (failed,) = build_tables(returns, [TargetSpec("fixed", only, volatility_target=0.1)], [80, 90])
    assert str(failed).startswith("fixed at price row 80: the portfolio has no volatility, so that no leverage")
    table = target_table(returns, TargetSpec("fixed", only, volatility_target=0.1, max_leverage=2.0), [80])
    assert table.tolist() == [[2.0, 0.0, 0.0]]
    assert not target_table(returns, TargetSpec("cash", volatility_target=0.1), [80]).any()


def halves(returns, share=0.5):
    weights = np.zeros(returns.shape[1])
    weights[:2] = share, 1.0 - share
    return weights


def stumbles(returns):
    if returns[-1, 0] > 0.0:
        raise ZeroDivisionError("no such luck")
    return halves(returns)


class Copycat:
    """An estimator with the face of scikit-learn."""

    def __init__(self, power=1.0):
        self.power = power

    def get_params(self, deep=True):
        return {"power": self.power}

    def set_params(self, **given):
        for name, value in given.items():
            setattr(self, name, value)
        return self

    def fit(self, X, y=None):
        rows = np.asarray(X)
        self.weights_ = rows.std(axis=0) ** self.power
        self.names_ = list(getattr(X, "columns", []))
        if self.power > 8:
            self.weights_ = None
        return self


@pytest.mark.parametrize("executor", [None, "serial", "threads", "processes"])
def test_own_methods_are_fitted_by_anyone(executor):
    returns = tried.drawn(6, "normal", 120, 4)
    rows = np.arange(30, 120, 3)
    specs = [
        TargetSpec(halves, {"lookback": 10, "share": 0.25}),
        TargetSpec(lambda window: window[-1], {"lookback": 3}, max_leverage=5.0),
        TargetSpec(Copycat(), {"lookback": 30, "power": 2.0}),
        TargetSpec("equal_weight"),
    ]
    fixed, last, copied, equal = build_tables(returns, specs, rows, num_threads=2, executor=executor)
    assert fixed.tolist() == [[0.25, 0.75, 0.0, 0.0]] * len(rows)
    assert np.array_equal(last, returns[rows - 1])
    assert copied[4] == pytest.approx(returns[rows[4] - 30 : rows[4]].std(axis=0) ** 2, rel=1e-14)
    assert (equal == 0.25).all()
    assert specs[2].method.power == 1.0


def test_slow_methods_go_to_processes_and_give_the_same(monkeypatch):
    returns = tried.drawn(6, "normal", 120, 4)
    rows = np.arange(30, 120, 3)
    spec = TargetSpec(Copycat(), {"lookback": 30})
    here = target_table(returns, spec, rows)
    monkeypatch.setattr(work, "_PATIENCE", 0.0)
    (there,) = build_tables(returns, [spec], rows, num_threads=2)
    assert np.array_equal(here, there)


@pytest.mark.parametrize("executor", [None, "processes"])
def test_a_failure_stays_alone_and_is_named(executor):
    returns = np.abs(tried.drawn(6, "normal", 120, 4))
    returns[:77, 0] *= -1.0
    names = ["A", "B", "C", "D"]

    def shape(window):
        return window

    def word(window):
        return "half"

    def nothing(window):
        return np.where(np.arange(window.shape[1]) == 2, np.nan, 0.1)

    def vandal(window):
        window[0] = 0.0
        return halves(window)

    small = {"lookback": 10}
    own = (stumbles, shape, word, nothing, vandal, halves, Copycat(9.0), "momentum", "time_series_momentum")
    specs = [TargetSpec(method, small) for method in own] + [TargetSpec("minimum_variance", {"lookback": 61})]
    found = build_tables(returns, specs, np.arange(60, 120, 2), names=names, num_threads=2, executor=executor)
    says = {
        0: "stumbles at price row 78: ZeroDivisionError: no such luck.",
        1: "shape at price row 60: it gave weights of shape (10, 4). Hint: give (4,), one for each asset.",
        2: "word at price row 60: it gave str. Hint: give a weight for each asset.",
        3: "nothing at price row 60: it gave nan for C. Hint: weights are finite; 0 holds nothing.",
        4: "vandal at price row 60: ValueError: assignment destination is read-only.",
        6: "Copycat at price row 60: it has no weights_ after fit. Hint: see its error_, or let it raise_on_failure.",
        7: "momentum: top of momentum is 5, of 4 assets. Hint: hold at most all of them.",
        9: "minimum_variance at price row 60: it looks back over 61 returns, and 60 are there. Hint: decide later, or "
        "look back less.",
    }
    for place, value in enumerate(found):
        if place in says:
            assert isinstance(value, FailedTable)
            assert str(value) == says[place]
            assert value.spec is specs[place]
        else:
            assert value.shape == (30, 4)


def test_a_row_that_fails_costs_only_those_who_ask_for_it():
    returns = tried.drawn(6, "normal", 120, 2)
    returns[40:60] = 0.0
    daily = TargetSpec("inverse_volatility", {"lookback": 15}, refit=1)
    rare = TargetSpec("inverse_volatility", {"lookback": 15}, refit=30)
    failed, table = build_tables(returns, [daily, rare], {1: np.arange(30, 120), 30: [30, 90]})
    assert failed.row == 55
    assert np.array_equal(table, target_table(returns, rare, [30, 90]))


def test_one_table_that_fails_raises():
    with pytest.raises(JobFailed, match="inverse_volatility at price row 5: no asset moves in 5 returns"):
        target_table(np.zeros((9, 2)), TargetSpec("inverse_volatility", {"lookback": 5}), [5])


def test_returns_too_large_for_their_squares():
    returns = 1e200 * tried.drawn(6, "normal", 30, 3)
    for method in ("inverse_volatility", "minimum_variance", "mean_variance", "maximum_sharpe"):
        (found,) = build_tables(returns, [TargetSpec(method, {"lookback": 20})], [20, 25])
        assert isinstance(found, FailedTable)
        assert f"{method} at price row 20: the weight of asset 0 is nan" in str(found)
    (found,) = build_tables(returns, [TargetSpec("equal_weight", volatility_target=0.1, volatility_lookback=20)], [20])
    assert "equal_weight at price row 20: the variance of the portfolio is" in str(found)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([], "decision_rows has shape"),
        ([[1, 2]], "decision_rows has shape"),
        ([1.0], "holds float64"),
        ([-1], "decision_rows has -1, and prices have rows 0 to 60"),
        ([61], "decision_rows has 61"),
        ({5: [30]}, "decision_rows has no rows for refit=21"),
    ],
)
def test_bad_rows_are_named(rows, says):
    with pytest.raises(BadInput, match=says):
        build_tables(tried.drawn(1, "normal"), [TargetSpec("cash")], rows)


def test_bad_specs_and_names_are_named():
    returns = tried.drawn(1, "normal")
    with pytest.raises(BadInput, match=r"specs\[1\] is str"):
        build_tables(returns, [TargetSpec("cash"), "cash"], [30])
    with pytest.raises(BadInput, match="names has 2 names, 2 different, of 4 assets"):
        build_tables(returns, [TargetSpec("cash")], [30], names=["A", "B"])
    with pytest.raises(BadInput, match="names is 'ABCD'"):
        build_tables(returns, [TargetSpec("cash")], [30], names="ABCD")
    assert build_tables(returns, [], [30]) == []


def test_specs_are_keys_and_travel():
    spec = SPECS[7]
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert {spec: 1}[TargetSpec(**{field: getattr(spec, field) for field in spec.__dataclass_fields__})] == 1
    assert spec != SPECS[8]
    assert spec.history == 30
    assert TargetSpec("cash", volatility_lookback=9) == TargetSpec("cash")
    assert TargetSpec("fixed", {"weights": [1, 2]}) == TargetSpec("fixed", {"weights": np.array([1.0, 2.0])})
    assert spec.to_dict() == {
        "method": "maximum_sharpe", "lookback": 30, "long_only": True, "shrinkage": 0.0, "refit": 5,
        "volatility_target": 0.2, "volatility_lookback": 30,
    }  # fmt: skip
    assert math.isclose(TargetSpec("cash", volatility_target=1, periods_per_year=365).periods_per_year, 365.0)
