"""What can go wrong in a sweep: configurations that fail alone, inputs that are refused, and prices that are odd."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from atomloom.errors import BadInput, Infeasible, OverBudget, StoreError
from atomloom.portfolio import Between, CombinatorialPurgedCV, Grid, RandomSearch, WalkForward, as_prices, sweep
from portfolio.sweeps_to_try import plain_path, returns_of, walk

EQUAL = {"method": "equal_weight"}


def raises_late(window):
    """Weights, but for windows in which the first asset rose by more than 2 % in the end."""
    if window[-1, 0] > 0.02:
        raise ArithmeticError("it rose")
    return np.full(3, 0.2)


def gives_nan(window):
    """Weights of which one is none."""
    return np.array([0.5, np.nan, 0.1])


def gives_two(window):
    """Weights for two assets."""
    return np.ones(2)


def last_winner(window):
    """All in what rose last."""
    return (window[-1] == window[-1].max()).astype(float)


FAULTS = {
    "history longer than the prices": ({"method": "momentum", "lookback": 500, "top": 1}, "needs 500 returns"),
    "skip as long as the lookback": ({"method": "momentum", "lookback": 5, "skip": 5}, "skip of momentum is 5"),
    "more held than there are": ({"method": "momentum", "lookback": 5, "top": 4}, "top of momentum is 4, of 3 assets"),
    "a window of one return": ({"method": "inverse_volatility", "lookback": 1}, "at least 2"),
    "too few weights": ({"method": "fixed", "weights": (0.5, 0.5)}, "2 weights for 3 assets"),
    "no weights": ({"method": "fixed"}, "fixed needs weights"),
    "raises in some window": ({"method": raises_late, "lookback": 5, "refit": 1}, "raises_late at price row .*it rose"),
    "gives nan": ({"method": gives_nan, "lookback": 5}, "gives_nan at price row .*nan for asset_1"),
    "gives another shape": ({"method": gives_two, "lookback": 5}, r"shape \(2,\)"),
    "no method": ({"method": 3}, "method is 3"),
}


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_configuration_that_fails_fails_alone(fault):
    config, message = FAULTS[fault]
    good = [EQUAL | {"interval": k, "lag": 0} for k in (1, 5)]
    options = {"start": 30, "splits": WalkForward(100, 50)}
    found = sweep(walk(0), [good[0], config | {"lag": 0}, good[1]], **options)
    alone = sweep(walk(0), good, **options)
    assert found.status.tolist() == ["ok", "failed", "ok"]
    assert np.isnan(found.figures[:, 1]).all()
    assert np.isnan(found.split_sums[..., 1]).all()
    for name in ("figures", "sums", "split_sums", "block_sums", "t"):
        assert getattr(found, name)[..., [0, 2]].tobytes() == getattr(alone, name).tobytes(), name
    with pytest.raises(BadInput, match=message):
        found.path(1)
    pd.testing.assert_frame_equal(found.to_frame([1]).isna().iloc[:, -14:], pd.DataFrame(
        True, index=pd.Index([1], name="config"), columns=found.to_frame().columns[-14:]))  # fmt: skip
    told = found.ledger()
    assert (told["configurations"], told["failed"], told["counted"]) == (3, 1, 3)
    assert found.verdict.n_trials == 3
    assert found.selection.n_failed == 1
    assert 1 not in found.order()
    assert found.best != 1
    with pytest.raises(Infeasible, match=message):
        sweep(walk(0), [config | {"lag": 0}], start=30)


def test_a_method_of_ones_own_equals_its_twin():
    prices = walk(1, rows=150)
    config = {"method": last_winner, "lookback": 4, "refit": 3, "interval": 2, "cost": 0.001}
    (name, weights) = ("momentum", {"lookback": 1, "top": 1})
    twin = {**config, "method": name, **weights}
    values, _ = plain_path(prices, twin, 20)
    np.testing.assert_allclose(
        sweep(prices, [config], start=20).path(0).returns, returns_of(values), rtol=0, atol=1e-12
    )


def test_an_estimator_with_the_face_of_scikit_learn():
    optimization = pytest.importorskip("skfolio.optimization")
    prices = walk(2, rows=150)
    configs = [
        {"method": method, "lookback": 40, "refit": 30, "interval": 30}
        for method in (optimization.InverseVolatility(), "inverse_volatility")
    ]
    found = sweep(prices, configs)
    theirs, ours = (found.path(k).returns for k in (0, 1))
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-12)


REFUSED = [
    ({"configs": []}, "there is no configuration"),
    ({"configs": "momentum"}, "configurations are str"),
    ({"configs": 3}, "configurations are int"),
    ({"configs": [EQUAL, {"interval": 3}]}, "has no method"),
    ({"configs": [{"method": "equal_wieght"}]}, "did you mean 'equal_weight'"),
    ({"configs": [EQUAL | {"lookback": 3}]}, "a parameter is 'lookback'"),
    ({"configs": [EQUAL | {"treshold": 0.1}]}, "did you mean 'threshold'"),
    ({"configs": [EQUAL | {"threshold": -0.1}]}, "threshold is -0.1"),
    ({"configs": [EQUAL | {"threshold": float("nan")}]}, "threshold is nan"),
    ({"configs": [EQUAL | {"threshold": [0.1, 0.2]}]}, "threshold is"),
    ({"configs": [EQUAL | {"interval": 0}]}, "interval is 0"),
    ({"configs": [EQUAL | {"interval": 2.5}]}, "interval is 2.5"),
    ({"configs": [EQUAL | {"cost": -0.001}]}, "cost is -0.001"),
    ({"configs": [EQUAL | {"cost": 1.0}]}, "cost is 1.0"),
    ({"configs": [EQUAL | {"cost": "much"}]}, "cost is no number"),
    ({"configs": [EQUAL | {"lag": -1}]}, "lag is -1"),
    ({"configs": [EQUAL | {"lag": 399}]}, "leaves nothing"),
    ({"configs": [EQUAL | {"calendar": "mnth"}]}, "did you mean 'month'"),
    ({"configs": [EQUAL | {"trade": "tagret"}]}, "trade"),
    ({"configs": [EQUAL | {"relative": 1}]}, "relative is"),
    (
        {"configs": {"method": "equal_weight", "cost": np.array([0.1, 0.2]), "lag": np.array([1, 2, 3])}},
        "differ in length",
    ),
    ({"configs": {"method": "fixed", "weights": np.ones((4, 2))}}, "2 columns for 3 assets"),
    ({"configs": {"method": "fixed", "weights": np.full((4, 3), np.nan)}}, "not finite"),
    ({"prices": walk(0)[:2]}, "2 rows"),
    ({"prices": np.where(np.arange(400)[:, None] == 7, np.nan, walk(0))}, "3 NaN .first at row 7"),
    ({"prices": np.where(np.arange(400)[:, None] == 7, np.inf, walk(0))}, "infinite"),
    ({"prices": np.where(np.arange(400)[:, None] == 7, 0.0, walk(0))}, "at or below 0"),
    ({"prices": -walk(0)}, "at or below 0"),
    ({"prices": [["a"], ["b"], ["c"]]}, "no numbers"),
    ({"times": np.zeros(400, dtype="datetime64[ns]")}, "times"),
    ({"times": np.arange(400)[::-1].astype("datetime64[D]")}, "times"),
    ({"times": np.arange(10).astype("datetime64[D]")}, "times"),
    ({"names": ["a", "a", "b"]}, "names"),
    ({"state": "forget"}, "state is 'forget'"),
    ({"start": 0}, "start is row 0"),
    ({"start": 399}, "start is row 399"),
    ({"start": 1.5}, "start is 1.5"),
    ({"start": "2020-01-01"}, "no times"),
    ({"benchmark": "equal_wieght"}, "did you mean 'equal_weight'"),
    ({"benchmark": np.zeros(3)}, "benchmark has shape"),
    ({"benchmark": ["a"]}, "benchmark is list"),
    ({"asset_costs": [1.0, 2.0]}, "asset_costs has shape"),
    ({"asset_costs": [1.0, 2.0, -1.0]}, "asset_costs"),
    ({"asset_costs": ["a", "b", "c"]}, "no numbers"),
    ({"cash_rate": float("nan")}, "cash_rate is nan"),
    ({"borrow_rate": "x"}, "borrow_rate is 'x'"),
    ({"risk_free": float("nan")}, "risk_free is nan"),
    ({"risk_free": None}, "risk_free is None"),
    ({"periods_per_year": 0}, "periods_per_year is 0"),
    ({"n_blocks": 15}, "n_blocks is 15"),
    ({"n_boot": 0}, "n_boot is 0"),
    ({"n_boot": "9"}, "n_boot is '9'"),
    ({"alpha": 0}, "alpha is 0"),
    ({"alpha": 1}, "alpha is 1"),
    ({"alpha": "x"}, "alpha is 'x'"),
    ({"n_boot": 10}, "alpha is 0.05, and 10 samples"),
    ({"block_length": 0}, "block_length is 0"),
    ({"seed": -1}, "seed is -1"),
    ({"n_trials": -3}, "n_trials is -3"),
    ({"n_trials": "x"}, "n_trials is 'x'"),
    ({"num_threads": 0}, "num_threads is 0"),
    ({"memory": "much"}, "memory is 'much'"),
    ({"out": 3}, "out is 3"),
    ({"ledger": 3}, "the ledger is 3"),
    ({"splits": []}, "there is no split"),
    ({"splits": "walk"}, "splits are given as 'walk'"),
    ({"splits": WalkForward}, "is a class"),
    ({"splits": WalkForward(500, 10)}, "no window"),
    ({"splits": WalkForward("365D", "1D")}, "times"),
    ({"splits": CombinatorialPurgedCV(4, 2, embargo=400)}, "no train rows|embargo"),
    ({"splits": [([0, 1, 2], [2, 3])]}, "tested on rows it is trained on"),
]


@pytest.mark.parametrize("case", range(len(REFUSED)), ids=lambda k: str(REFUSED[k][0])[:60])
def test_what_cannot_be_used_is_refused_in_words(case):
    given, message = REFUSED[case]
    options = {"prices": walk(0), "configs": [EQUAL, EQUAL | {"interval": 5}]} | given
    with pytest.raises(BadInput, match=message) as error:
        sweep(**options)
    assert "Hint: " in str(error.value) or "must" in str(error.value)


@pytest.mark.parametrize(
    ("made", "message"),
    [(Grid, "no axes"), (lambda: Grid(lookback=[]), "no values"), (lambda: Grid(lookback=[1, 2, 1]), "1 twice"),
     (lambda: Grid(**{f"a{k}": range(1000) for k in range(7)}), "more than 200,000,000"),
     (lambda: Grid(a=[1, 2], where=lambda b: b > 1).configs(), "where asks for 'b'"),
     (lambda: Grid(a=[1, 2], where=lambda a: a > 1 and a < 3).configs(), "not and/or"),
     (lambda: Grid(a=[1, 2], where=lambda a: 1).configs(), "where gave"),
     (lambda: sweep(walk(0), Grid(method="cash", lag=[1, 2], where=lambda lag: lag > 2)), "no configuration"),
     (lambda: RandomSearch({}, 3), "no parameters"), (lambda: RandomSearch({"a": 1}, 0), "n is 0"),
     (lambda: RandomSearch({"a": 1}, 3, seed=-1), "seed is -1"),
     (lambda: RandomSearch({"a": 1}, 3, seed="x"), "seed is 'x'"),
     (lambda: Between(1, 1), "lower one first"), (lambda: Between(0, 1, log=True), "above 0"),
     (lambda: Between(True, 3), "two finite numbers"), (lambda: Between(-1e308, 1e308), "too wide")],
)  # fmt: skip
def test_spaces_that_are_none_are_refused(made, message):
    with pytest.raises(BadInput, match=message):
        made()


def test_results_that_would_not_fit_are_refused_beforehand():
    with pytest.raises(OverBudget, match="Hint: sweep fewer"):
        sweep(walk(0), [EQUAL] * 100, memory="10KB")
    with pytest.raises(OverBudget, match=r"take .* GB"):
        sweep(walk(0), RandomSearch(EQUAL | {"interval": Between(1, 50)}, 1_000_000),
              splits=CombinatorialPurgedCV(30, 2), n_blocks=100, memory="1GB")  # fmt: skip


def test_a_file_in_no_folder_is_refused_before_the_sweep(tmp_path):
    with pytest.raises(StoreError, match="no file can be"):
        sweep(walk(0), [EQUAL], out=tmp_path / "nowhere" / "x.parquet")


def test_one_configuration():
    found = sweep(walk(0), EQUAL | {"cost": 0.001}, splits=WalkForward(100, 50))
    assert found.verdict.pbo is None
    np.testing.assert_allclose(found.verdict.dsr, found.verdict.psr, rtol=1e-12)
    assert found.verdict.luck == 0.0
    assert set(found.selection.winners) == {0}
    assert "1 configurations" in found.summary()


def test_repeated_configurations_are_counted_and_known_as_such():
    found = sweep(walk(0), [EQUAL, EQUAL | {"interval": 21}, EQUAL | {"threshold": 0.0}, EQUAL | {"interval": 5}])
    told = found.ledger()
    assert (told["configurations"], told["different"], told["counted"]) == (4, 2, 4)
    assert found.figures[:, 0].tobytes() == found.figures[:, 1].tobytes() == found.figures[:, 2].tobytes()
    once = sweep(walk(0), [EQUAL, EQUAL | {"interval": 5}])
    assert found.verdict.p_value == pytest.approx(once.verdict.p_value, abs=1e-12)


def test_configurations_that_are_all_equal_have_the_same_chance():
    found = sweep(walk(0), [EQUAL | {"interval": 5}] * 5, splits=WalkForward(100, 50), benchmark="cash")
    assert len(set(found.verdict.p.tolist())) == 1
    assert found.verdict.luck == 0.0
    assert found.selection.rank.tolist() == [0.5] * found.splits.n_splits
    assert found.best == 0


def test_prices_that_never_move():
    still = np.full((300, 2), 7.0)
    found = sweep(still, Grid(method="equal_weight", interval=[1, 5], cost=[0.0, 0.01]), splits=WalkForward(100, 50))
    np.testing.assert_allclose(found.figure("total_return"), [0.0, -0.01, 0.0, -0.01], atol=1e-12)
    assert np.isnan(found.figure("sharpe")[[0, 2]]).all()
    free = sweep(still, Grid(method=["equal_weight", "cash"], interval=[1, 5]), splits=WalkForward(100, 50))
    assert free.verdict is None
    assert free.best == 0
    assert np.isnan(free.selection.test_sharpe).all()
    assert "goes from - to - on average" in free.summary()
    assert "best in sample" in free.summary()
    assert free.to_dict()["verdict"] is None


def test_nothing_varies_but_the_benchmark():
    found = sweep(walk(0), [{"method": "cash"}, {"method": "cash", "interval": 5}])
    assert found.verdict is None
    assert np.isnan(found.figure("sharpe")).all()


def test_a_portfolio_that_loses_everything_stays_at_nothing():
    prices = walk(0, rows=300)
    prices[150:, 0] *= 0.5
    borrowed = {"method": "fixed", "weights": (3.0, 0.0, 0.0), "interval": 1, "lag": 0}
    short = {"method": "fixed", "weights": (0.0, -8.0, 8.0), "interval": 1000, "lag": 0}
    found = sweep(
        prices, [borrowed, EQUAL | {"interval": 5}, short], start=10, splits=WalkForward(80, 60), verdict=True
    )
    values, book = plain_path(prices, borrowed, 10)
    assert book["ruin_row"] == 150
    assert found.status[0] == "ruined"
    assert found.ruined[0] == 150
    assert found.figure("total_return")[0] == -1.0
    assert found.figure("max_drawdown")[0] == 1.0
    np.testing.assert_allclose(found.path(0).returns, returns_of(values), rtol=0, atol=1e-9)
    assert (found.path(0).returns[141:] == 0.0).all()
    assert found.ledger()["ruined"] == int((found.status == "ruined").sum())
    assert found.best != 0
    assert 0 in found.order()
    assert np.isfinite(found.verdict.p[1])
    assert "lost everything" in found.summary()


def test_rows_that_are_too_few_for_a_verdict():
    found = sweep(walk(0)[:20], [EQUAL, EQUAL | {"interval": 2}])
    assert found.verdict is None
    assert found.n_returns == 18
    assert sweep(walk(0)[:3], [EQUAL]).n_returns == 1


def test_a_frame_gives_times_names_and_the_year():
    index = pd.date_range("2020-01-01", periods=400, freq="h", tz="UTC")
    frame = pd.DataFrame(walk(0), index=index, columns=["a", "b", "c"])
    found = sweep(frame, [EQUAL | {"calendar": "week"}], start=index[50])
    assert found.job.field.start == 50
    assert found.prices.names == ("a", "b", "c")
    assert found.job.periods_per_year == pytest.approx(365.25 * 24, rel=1e-9)
    assert found.times[0] == index[51].value
    assert found.figure("trades")[0] == 1 + 2  # entry, and two Sundays
    with pytest.raises(BadInput, match="start is row 400"):
        sweep(frame, [EQUAL], start="2021-01-01")
    with pytest.raises(BadInput, match="leave out times"):
        sweep(as_prices(walk(0)), [EQUAL], names=["a", "b", "c"])


def test_a_start_is_a_row_or_a_time_by_the_clock_of_the_prices():
    index = pd.date_range("2020-01-01", periods=400, freq="h", tz="America/New_York")
    frame = pd.DataFrame(walk(0), index=index)
    at = index[50]
    zoned = [at, at.tz_convert("UTC"), at.to_pydatetime(), index[49] + pd.Timedelta("1min")]
    for moment in [*zoned, at.tz_localize(None), "2020-01-03T02:00", 50, np.int64(50)]:
        assert sweep(frame, [EQUAL], start=moment).job.field.start == 50
    assert as_prices(frame).row_at(at.value) == 50


def test_more_trials_than_configurations_make_the_verdict_stricter():
    grid = Grid(method="momentum", lookback=[5, 10, 20], top=[1, 2], interval=[1, 5])
    few, many = (sweep(walk(4), grid, n_trials=count).verdict for count in (None, 1000))
    assert (few.n_trials, many.n_trials) == (12, 1000)
    assert many.dsr < few.dsr
    assert many.p_value > few.p_value
    assert many.luck > few.luck
    assert sweep(walk(4), grid, n_trials=5).verdict.n_trials == 12


def test_every_result_shows_itself():
    found = sweep(walk(4), Grid(method="momentum", lookback=[5, 10], top=[1, 2]), splits=CombinatorialPurgedCV(4, 2))
    frame = found.verdict.to_frame()
    assert frame.index.tolist() == [found.configs.label(k) for k in range(4)]
    assert found.top(2).index.tolist() == found.order()[:2].tolist()
    assert found.to_dict()["ledger"]["counted"] == 4
    assert found._repr_html_().count("<p>") == len(found.summary().split("\n"))
    assert len(found.configs.to_frame()) == 4
