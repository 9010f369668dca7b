"""Metrics of paths: against plain Python, empyrical-reloaded, closed forms, and what could break them."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput
from atomloom.portfolio import PathMetrics, path_metrics
from oracles import metrics_oracle as oracle


def drawn(seed, n, columns=None):
    rng = np.random.default_rng(seed)
    return rng.standard_t(4, n if columns is None else (n, columns)) * 0.01 + 0.0004


returns_of = st.one_of(
    st.lists(st.floats(-0.2, 0.25).map(lambda value: round(value, 9)), min_size=1, max_size=30),
    st.lists(st.sampled_from([0.0, 0.1, -0.1, 0.5, -0.5, -1.0, -1.5, 1.0]), min_size=1, max_size=12),
    st.builds(lambda value, n: [value] * n, st.floats(-0.1, 0.1).map(lambda value: round(value, 9)), st.integers(1, 8)),
)


@settings(max_examples=400, deadline=None)
@given(returns_of, st.integers(0, 10**6), st.booleans())
def test_one_path(returns, seed, against):
    benchmark = drawn(seed, len(returns)).tolist() if against else None
    mine = path_metrics(returns, benchmark=benchmark, periods_per_year=52, risk_free=1e-4, required=2e-4)
    wanted = oracle.measures(returns, benchmark, per_year=52.0, risk_free=1e-4, required=2e-4)
    for name, value in wanted.items():
        found = getattr(mine, name)
        assert type(found) is type(value), name
        assert found == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), name


def test_many_paths_are_each_by_itself():
    table = drawn(1, 300, 37)
    table[:, 5] = 0.001
    table[100, 9] = -1.0
    extra = {"benchmark": drawn(2, 300), "turnover": np.full((300, 37), 0.1), "costs": np.full(300, 1e-4)}
    found = path_metrics(table, **extra)
    for c in range(37):
        alone = path_metrics(table[:, c], **{**extra, "turnover": np.full(300, 0.1)})
        for name, value in alone.to_dict().items():
            if name not in {"n_periods", "periods_per_year", "names"}:
                assert np.array_equal(getattr(found, name)[c], value, equal_nan=True), name  # the same bits
    assert found.turnover == pytest.approx(np.full(37, 25.2))
    assert found.costs == pytest.approx(np.full(37, 0.03))


def test_tiles_do_not_show(monkeypatch):
    table = drawn(3, 50, 40)
    whole = path_metrics(table).to_frame()
    monkeypatch.setattr("atomloom.portfolio.metrics._TILE", 130)
    assert path_metrics(table).to_frame().equals(whole)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [2, 3, 50, 1_000])
def test_empyrical(seed, n):
    peer = pytest.importorskip("empyrical")
    returns, benchmark, per_year = drawn(seed, n), drawn(seed + 100, n), 252
    cash, required = 1e-4, 3e-4
    mine = path_metrics(returns, benchmark=benchmark, risk_free=cash, required=required)
    year = {"annualization": per_year}
    sortino = peer.sortino_ratio(returns, required, **year)
    pairs = {
        "total_return": peer.cum_returns_final(returns),
        "annual_return": peer.annual_return(returns, **year),
        "annual_volatility": peer.annual_volatility(returns, **year),
        "sharpe": peer.sharpe_ratio(returns, cash, **year),
        "sortino": math.nan if math.isinf(sortino) else sortino,
        "calmar": peer.calmar_ratio(returns, **year),
        "max_drawdown": -peer.max_drawdown(returns),
        "tail_ratio": peer.tail_ratio(returns),
        "beta": peer.beta(returns, benchmark, cash),
        "alpha": peer.alpha(returns, benchmark, cash, **year),
        "tracking_error": peer.annual_volatility(returns - benchmark, **year),
        "information_ratio": peer.excess_sharpe(returns, benchmark) * math.sqrt(per_year),
    }
    for name, value in pairs.items():
        assert getattr(mine, name) == pytest.approx(value, rel=1e-12, abs=1e-14, nan_ok=True), name


def test_scipys_moments():
    stats = pytest.importorskip("scipy.stats")
    returns = drawn(7, 500)
    found = path_metrics(returns)
    assert found.skew == pytest.approx(stats.skew(returns), rel=1e-12)
    assert found.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False), rel=1e-12)


def test_closed_forms():
    found = path_metrics([0.01] * 12, periods_per_year=12)
    assert found.total_return == pytest.approx(1.01**12 - 1, rel=1e-14)
    assert found.annual_return == pytest.approx(found.total_return, rel=1e-14)
    assert (found.annual_volatility, found.max_drawdown, found.longest_drawdown) == (0.0, 0.0, 0)
    assert all(math.isnan(getattr(found, name)) for name in ("sharpe", "sortino", "calmar", "skew", "kurtosis"))
    assert (found.drawdown_start, found.drawdown_trough, found.drawdown_recovery) == (-1, -1, -1)
    swing = path_metrics([0.5, -0.5] * 50)
    assert swing.total_return == pytest.approx(0.75**50 - 1, rel=1e-12)
    assert swing.max_drawdown == pytest.approx(1 - 0.75**50 / 1.5, rel=1e-12)
    assert (swing.sharpe, swing.skew, swing.kurtosis, swing.hit_rate) == (0.0, 0.0, 1.0, 0.5)
    scaled = path_metrics(drawn(1, 100), benchmark=drawn(1, 100) / 2)
    assert scaled.beta == pytest.approx(2.0, rel=1e-12)
    itself = path_metrics(drawn(1, 100), benchmark=drawn(1, 100))
    assert (itself.beta, itself.tracking_error) == (pytest.approx(1.0, rel=1e-14), 0.0)
    assert itself.alpha == pytest.approx(0.0, abs=1e-13)
    assert math.isnan(itself.information_ratio)


def test_rows_of_a_drawdown():
    found = path_metrics([0.1, -0.2, 0.1, 0.2, -0.05, 0.1, -0.1])
    rows = (found.drawdown_start, found.drawdown_trough, found.drawdown_recovery, found.longest_drawdown)
    assert rows == (1, 1, 3, 2)  # the values are 1.1, .88, .968, 1.16, 1.10, 1.21, 1.09
    open_end = path_metrics([0.1, -0.2, 0.05, 0.05])
    rows = (open_end.drawdown_start, open_end.drawdown_trough, open_end.drawdown_recovery, open_end.longest_drawdown)
    assert rows == (1, 1, -1, 3)
    at_once = path_metrics([-0.5])
    assert (at_once.drawdown_start, at_once.max_drawdown, at_once.annual_return) == (0, 0.5, 0.5**252 - 1)


def test_a_ruin_is_for_good():
    for returns in ([0.5, -1.0, 9.0], [0.5, -1.5, 9.0, -3.0]):
        found = path_metrics(returns)
        assert (found.ruined, found.total_return, found.annual_return, found.max_drawdown) == (True, -1.0, -1.0, 1.0)
        assert found.drawdown_recovery == -1
        assert "ruined" in found.summary()
    assert not path_metrics([-0.999]).ruined


def test_the_least_there_can_be():
    one = path_metrics([0.25], benchmark=[0.1], periods_per_year=1)
    assert (one.total_return, one.best, one.hit_rate) == (0.25, 0.25, 1.0)
    assert one.annual_return == pytest.approx(0.25)
    for name in ("annual_volatility", "sharpe", "sortino", "calmar", "beta", "tracking_error", "information_ratio"):
        assert math.isnan(getattr(one, name)), name
    none = path_metrics(np.zeros(10))
    assert (none.total_return, none.annual_return, none.annual_volatility, none.max_drawdown) == (0.0, 0.0, 0.0, 0.0)
    assert all(math.isnan(getattr(none, name)) for name in ("sharpe", "sortino", "calmar", "tail_ratio"))
    assert math.isinf(path_metrics([1e5]).annual_return)


def test_frames_keep_their_names():
    index = pd.date_range("2020-01-01", periods=50)
    frame = pd.DataFrame(drawn(0, 50, 2), index=index, columns=["slow", "fast"])
    found = path_metrics(frame, benchmark=frame["slow"])
    assert found.names == ("slow", "fast")
    assert found.to_frame().index.tolist() == ["slow", "fast"]
    assert found.beta[0] == pytest.approx(1.0)
    assert "best" in found.summary()
    assert "slow" in found._repr_html_()
    one = path_metrics(frame["fast"], turnover=np.ones(50), costs=np.full(50, 0.001))
    assert one.sharpe == pytest.approx(found.sharpe[1], rel=1e-15)
    assert (one.turnover, one.costs) == (252.0, pytest.approx(0.05))
    assert "turnover 252 a year" in one.summary()
    assert isinstance(one, PathMetrics)
    assert json.loads(json.dumps(one.to_dict()))["n_periods"] == 50
    with pytest.raises(BadInput, match="index of benchmark"):
        path_metrics(frame, benchmark=frame["slow"].iloc[::-1])


@pytest.mark.parametrize(
    ("returns", "extra", "message"),
    [
        ([0.1, math.nan, math.nan], {}, r"returns has 2 values that are not finite \(first at row 1\)"),
        ([0.1, math.inf], {}, "1 value that is not finite"),
        ([], {}, "returns has no row"),
        (np.zeros((3, 0)), {}, r"shape \(3, 0\)"),
        (np.zeros((2, 2, 2)), {}, "shape"),
        (0.1, {}, "shape"),
        (["a"], {}, "no table of numbers"),
        ([[0.1], [0.1, 0.2]], {}, "no table of numbers"),
        ([True, False], {}, "returns holds bool"),
        ([0.1, 0.2], {"benchmark": [0.1]}, "benchmark has shape"),
        ([0.1, 0.2], {"benchmark": [[0.1, 0.2], [0.1, 0.2]]}, "benchmark has shape"),
        ([[0.1, 0.2]], {"benchmark": [[0.1, 0.2]]}, "benchmark has shape"),
        ([0.1, 0.2], {"turnover": [0.1, math.nan]}, "turnover has 1 value"),
        ([0.1, 0.2], {"costs": [0.1]}, "costs has shape"),
        ([0.1, 0.2], {"periods_per_year": 0}, "periods_per_year is 0"),
        ([0.1, 0.2], {"periods_per_year": math.nan}, "periods_per_year is nan"),
        ([0.1, 0.2], {"risk_free": "1%"}, "risk_free is '1%'"),
        ([0.1, 0.2], {"required": math.inf}, "required is inf"),
    ],
)
def test_what_cannot_be_measured_is_refused(returns, extra, message):
    with pytest.raises(BadInput, match=message):
        path_metrics(returns, **extra)
