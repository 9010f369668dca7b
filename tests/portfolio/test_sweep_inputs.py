"""What a sweep takes, in whichever form it comes, and what it refuses that could be read as something else."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from atomloom.errors import BadInput
from atomloom.portfolio import Between, Grid, RandomSearch, as_configs, as_prices, sweep
from portfolio.sweeps_to_try import days, plain_path, returns_of, walk

EQUAL = {"method": "equal_weight", "interval": 5}
NAMES = ["a", "b", "c"]
ON_DAYS = pd.DatetimeIndex(days(400))


def scaled(window, power=1.0):
    """The same weight in each of three assets."""
    return np.full(window.shape[1], power / window.shape[1])


def anything(window, **options):
    """Weights by options of any name."""
    return np.full(window.shape[1], options.get("share", 1.0) / window.shape[1])


def frame(index=None, names=NAMES):
    return pd.DataFrame(walk(0), index=index, columns=names)


# --- nothing that a caller changes later changes a result ---


def test_a_sweep_keeps_copies_of_what_it_was_given():
    weights, thresholds = np.random.default_rng(0).dirichlet(np.ones(3), 4), np.array([0.0, 0.01, 0.05, 0.1])
    top, row = np.array([1, 2, 3, 1]), np.array([0.2, 0.3, 0.5])
    costs, index = np.array([1.0, 2.0, 3.0]), np.full(399, 0.0001)
    given = [
        {"method": "fixed", "weights": weights, "threshold": thresholds, "cost": 0.01},
        {"method": "momentum", "lookback": 10, "top": top},
        {"method": "fixed", "weights": row, "cost": thresholds},
    ]
    alone = sweep(walk(0), given[0], asset_costs=costs)
    found = sweep(walk(0), given, asset_costs=costs, benchmark=index, start=20)
    before = [sweep_.path(k).returns for sweep_ in (alone, found) for k in range(4)]
    labels, configs = [found.configs.label(k) for k in range(len(found))], found.configs[1]
    for array in (weights, thresholds, top, row, costs, index):
        array[:] = 0
    after = [sweep_.path(k).returns for sweep_ in (alone, found) for k in range(4)]
    assert all(one.tobytes() == other.tobytes() for one, other in zip(before, after, strict=True))
    assert [found.configs.label(k) for k in range(len(found))] == labels
    assert found.configs[1] == configs
    assert (found.benchmark.returns == 0.0001).all()
    assert found.market.asset_costs.tolist() == [1.0, 2.0, 3.0]


def test_columns_of_configurations_cannot_be_written_to():
    configs = as_configs({"method": "fixed", "weights": np.ones((2, 3)), "threshold": np.zeros(2)})
    for name in ("weights", "threshold"):
        with pytest.raises(ValueError, match="read-only"):
            configs.columns[name][0][0] = 1.0


# --- labels ---


@pytest.mark.parametrize("kind", [pd.Series, dict])
def test_costs_with_names_go_to_their_assets(kind):
    config = EQUAL | {"cost": 0.01, "lag": 0}
    labelled = kind({"c": 3.0, "a": 1.0, "b": 2.0})
    found = sweep(frame(), [config], asset_costs=labelled, start=5)
    assert found.market.asset_costs.tolist() == [1.0, 2.0, 3.0]
    values, _ = plain_path(walk(0), config, 5, scale=[1.0, 2.0, 3.0])
    np.testing.assert_allclose(found.path(0).returns, returns_of(values), rtol=0, atol=1e-12)


def test_costs_in_a_series_without_names_go_by_position():
    assert sweep(frame(), [EQUAL], asset_costs=pd.Series([1, 2, 3])).market.asset_costs.tolist() == [1.0, 2.0, 3.0]
    counted = frame(names=[2, 1, 0])  # names that are numbers are names
    assert sweep(counted, [EQUAL], asset_costs=pd.Series([1, 2, 3])).market.asset_costs.tolist() == [3.0, 2.0, 1.0]


@pytest.mark.parametrize(
    ("costs", "message"),
    [(pd.Series({"a": 1.0, "b": 2.0}), "differ in 'c'"), (pd.Series({"a": 1.0, "b": 2.0, "x": 3.0}), "differ in 'x'"),
     (pd.Series([1.0, 2.0, 3.0], index=["a", "b", "b"]), "'c'"), (pd.Series([1.0, 2.0, 3.0], index=[1, 2, 3]), "'1'"),
     (pd.Series([1.0, 2.0, 3.0, 4.0], index=["a", "b", "c", "c"]), "twice"),
     ({"a": 1.0, "b": 2.0}, "'c'"), (pd.Series({"a": 1.0, "b": 2.0, "c": -1.0}), "at or above 0")],
)  # fmt: skip
def test_costs_of_other_names_are_refused(costs, message):
    with pytest.raises(BadInput, match=message):
        sweep(frame(), [EQUAL], asset_costs=costs)


# --- times ---


def test_a_frame_by_periods_has_times():
    found = as_prices(frame(pd.period_range("2000-01", periods=400, freq="M")))
    ends = pd.date_range("2000-01-31", periods=400, freq="ME").as_unit("ns")
    assert found.times.tolist() == ends.asi8.tolist()
    assert found.periods_per_year() == pytest.approx(12.0, rel=1e-3)
    hours = as_prices(frame(pd.period_range("2024-01-01", periods=400, freq="h")))
    assert str(hours.times[:1].view("datetime64[ns]")[0])[:19] == "2024-01-01T00:59:59"
    config = EQUAL | {"calendar": "month", "interval": 1}
    by_period = sweep(frame(pd.period_range("2000-01-01", periods=400, freq="D")), [config])
    assert by_period.digest() == sweep(frame(pd.date_range("2000-01-01", periods=400)), [config]).digest()


@pytest.mark.parametrize("kind", ["dates", "text", "objects", "zoned text"])
def test_dates_and_text_are_times(kind):
    given = {
        "dates": pd.Index([date.fromisoformat(str(day.date())) for day in ON_DAYS]),
        "text": pd.Index([str(day.date()) for day in ON_DAYS]),
        "objects": pd.Index(list(ON_DAYS), dtype=object),
        "zoned text": pd.Index([f"{day.date()}T00:00:00+00:00" for day in ON_DAYS]),
    }[kind]
    found = as_prices(frame(given))
    assert found.times.tolist() == ON_DAYS.as_unit("ns").asi8.tolist()
    assert found.periods_per_year() == as_prices(frame(ON_DAYS)).periods_per_year()


def test_whole_numbers_are_no_times():
    for index in (
        None,
        pd.RangeIndex(5, 405),
        pd.Index(np.arange(400)[::-1]),
        pd.Index(list(range(400)), dtype=object),
    ):
        assert as_prices(frame(index)).times is None
    assert as_prices(frame(pd.Index(np.arange(400) / 2.0)), times=days(400)).times is not None


@pytest.mark.parametrize(
    ("index", "message"),
    [(np.arange(400) / 2.0, "neither times nor row numbers"), ([f"row {k}" for k in range(400)], "row 0"),
     ([f"{day.day}.{day.month}.{day.year}" for day in ON_DAYS], "ISO8601"), ([True] * 400, "neither"),
     (pd.timedelta_range("1D", periods=400), "neither"),
     (pd.MultiIndex.from_product([range(20), range(20)]), "neither"),
     ([1, *map(str, range(399))], "neither"), ([None, *ON_DAYS[1:]], "NaT"), ([str(ON_DAYS[0])] * 400, "times repeat"),
     (pd.period_range("2000-01", periods=400, freq="M")[::-1], "times go back")],
)  # fmt: skip
def test_an_index_of_anything_else_is_refused(index, message):
    with pytest.raises(BadInput, match=message) as error:
        as_prices(frame(index))
    assert "Hint: " in str(error.value)


@pytest.mark.parametrize("calendar", ["week", "month", "quarter", "year"])
def test_a_calendar_needs_times(calendar):
    for configs in ([EQUAL, EQUAL | {"calendar": calendar}], Grid(method="cash", calendar=[None, calendar])):
        with pytest.raises(BadInput, match=r"no times\. Hint: give times="):
            sweep(walk(0), configs)
        sweep(walk(0), configs, times=days(400), verdict=False)
    with pytest.raises(BadInput, match="no times"):
        sweep(walk(0), [EQUAL], benchmark=EQUAL | {"calendar": calendar})
    assert sweep(walk(0), [EQUAL | {"calendar": None}, EQUAL | {"calendar": "none"}]).status.tolist() == ["ok"] * 2


# --- names of parameters ---


@pytest.mark.parametrize("name", ["threshhold", "lookbak", "top", "volatilty_target"])
def test_names_that_no_method_takes_are_refused_beside_methods_of_ones_own(name):
    for method in ([scaled], [scaled, "inverse_volatility"]):
        with pytest.raises(BadInput, match=f"a parameter is '{name}'"):
            sweep(walk(0), Grid(method=method, lookback=10, **{name: 1}))


def test_a_name_that_one_of_the_methods_takes_is_left_out_of_the_others():
    found = sweep(walk(0), Grid(method=[scaled, "momentum"], lookback=10, power=[0.5, 1.0], top=[1, 2]))
    assert found.status.tolist() == ["ok"] * 8
    assert len(found.asked.specs) == 4  # two powers, two tops
    assert found.path(0).returns.tobytes() == found.path(1).returns.tobytes()  # top is nothing to it
    assert found.path(0).returns.tobytes() != found.path(2).returns.tobytes()


def test_a_method_that_takes_any_name_gets_all():
    found = sweep(walk(0), [{"method": anything, "lookback": 5, "share": 0.5}, {"method": scaled, "lookback": 5}])
    assert found.status.tolist() == ["ok", "ok"]
    assert dict(found.asked.specs[0].parameters)["share"] == 0.5


# --- what could be read as a number ---


@pytest.mark.parametrize(
    ("options", "message"),
    [({"mp_batches": 0}, "mp_batches is 0"), ({"mp_batches": -1}, "mp_batches is -1"),
     ({"mp_batches": "x"}, "mp_batches is 'x'"), ({"num_threads": "x"}, "num_threads is 'x'"),
     ({"verdict": "no"}, "verdict is 'no'"), ({"verdict": 1}, "verdict is 1"), ({"verdict": None}, "verdict is None"),
     ({"match_volatility": "no"}, "match_volatility is 'no'"),
     ({"n_boot": None}, "n_boot is None"), ({"state": np.array(["carry", "reset"])}, "state is"),
     ({"state": True}, "state is True"), ({"seed": "x"}, "seed is 'x'"), ({"alpha": None}, "alpha is None"),
     ({"block_length": 30}, "398 returns make 13 blocks of it. Hint: .* at most 19"),
     ({"n_blocks": 400}, "n_blocks is 400, of 398 returns. Hint: .* at most 198"),
     ({"n_blocks": None}, "n_blocks is None"), ({"periods_per_year": "x"}, "periods_per_year is 'x'"),
     ({"cash_rate": True}, "cash_rate is True")],
)  # fmt: skip
def test_options_that_are_none_are_refused(options, message):
    with pytest.raises(BadInput, match=message) as error:
        sweep(walk(0), [EQUAL, EQUAL | {"interval": 1}], **options)
    assert "Hint: " in str(error.value) or "must be" in str(error.value)
    if not {"block_length", "n_blocks", "n_boot", "alpha"} & set(options):
        with pytest.raises(BadInput, match=message):
            sweep(walk(0), EQUAL, **({"verdict": False} | options))


@pytest.mark.parametrize(
    ("config", "message"),
    [({"threshold": "0.1"}, "threshold is no number"), ({"threshold": np.array(["0.1", "0.2"])}, "no number"),
     ({"threshold": True}, "threshold is a flag"), ({"cost": 0.001 + 0j}, "cost is complex"),
     ({"cost": None}, "cost is NoneType"), ({"cost": np.array([0.1, None], dtype=object)}, "cost is NoneType"),
     ({"lag": float("inf")}, "lag is inf"), ({"lag": np.array([1.0, np.inf])}, "lag is inf"),
     ({"interval": "5"}, "interval is no number"), ({"relative": np.array([0, 1])}, "relative is"),
     ({"method": "fixed", "weights": np.array([["0.1", "0.2", "0.3"]])}, "weights are"),
     ({"method": "fixed", "weights": np.ones((2, 3)) + 0j}, "weights are complex")],
)  # fmt: skip
def test_values_that_could_be_read_as_numbers_are_refused(config, message):
    with pytest.raises(BadInput, match=message):
        sweep(walk(0), EQUAL | config)
    mixed = [EQUAL | {name: value} for name, value in config.items() if not isinstance(value, np.ndarray)]
    if mixed and "method" not in config:  # the good one does not hide the other
        with pytest.raises(BadInput, match=message):
            sweep(walk(0), [EQUAL | {"threshold": 0.1, "cost": 0.1, "relative": True}, *mixed])


@pytest.mark.parametrize(
    "prices",
    [walk(0) > 100.0, walk(0) + 0j, walk(0).astype(str), walk(0).astype("datetime64[s]"),
     pd.DataFrame({"a": walk(0)[:, 0], "b": walk(0)[:, 0] > 100.0}),
     pd.DataFrame({"a": walk(0)[:, 0], "b": walk(0)[:, 0].astype(str)}), [[1.0, "2"]] * 9,
     np.array([[1.0, True]] * 9, object)],
    ids=["flags", "complex", "text", "times", "column of flags", "column of text", "listed text", "flag"],
)  # fmt: skip
def test_prices_that_could_be_read_as_numbers_are_refused(prices):
    with pytest.raises(BadInput, match="no numbers"):
        as_prices(prices)


def test_an_odd_value_of_a_column_fails_alone():
    found = sweep(walk(0), {"method": "momentum", "lookback": 10, "top": np.array([1, None, 2], dtype=object)})
    assert found.status.tolist() == ["ok", "failed", "ok"]
    assert "top of momentum is None" in found.error(1)
    methods = np.array(["momentum", scaled], dtype=object)
    found = sweep(walk(0), {"method": methods, "lookback": np.array([10, 20]), "top": 1})
    assert found.status.tolist() == ["ok", "ok"]


@pytest.mark.parametrize("place", ["a", 1.0, None, True, np.arange(2), 2, -1])
def test_a_path_has_a_number(place):
    with pytest.raises(BadInput, match="configuration"):
        sweep(walk(0), [EQUAL, EQUAL | {"interval": 1}], verdict=False).path(place)


def test_numbers_of_numpy_are_numbers():
    plain = {"n_blocks": 8, "block_length": 10, "periods_per_year": 260, "n_boot": 99, "seed": 3, "n_trials": 7,
             "mp_batches": 2, "num_threads": 1}  # fmt: skip
    shares = {"cash_rate": 0.0001, "borrow_rate": 0.0002, "risk_free": 0.0001, "alpha": 0.25}
    held = {name: np.int64(value) for name, value in plain.items()} | {k: np.float64(v) for k, v in shares.items()}
    configs = [EQUAL, EQUAL | {"interval": 1}]
    one, two = sweep(walk(0), configs, **plain, **shares), sweep(walk(0), configs, **held)
    assert one.digest() == two.digest()
    assert one.verdict.to_dict() == two.verdict.to_dict()
    small = sweep(walk(0), configs, cash_rate=np.float32(0.0001), alpha=np.float32(0.25), verdict=np.True_)
    assert small.market.cash_rate == float(np.float32(0.0001))
    kinds = {type(value) for value in two.settings.values()}
    assert not any(issubclass(kind, np.generic) for kind in kinds - {np.int64})


# --- the verdict ---


def test_too_few_returns_for_a_verdict_are_told():
    found = sweep(walk(0)[:20], [EQUAL | {"lag": 0}])
    assert found.verdict is None
    assert "no verdict: 19 returns are too few (a bootstrap needs 20 blocks)" in found.summary()
    assert "no verdict" not in sweep(walk(0)[:20], [EQUAL], verdict=False).summary()
    assert "no verdict" not in sweep(walk(0)[:23], [EQUAL]).summary()
    with pytest.raises(BadInput, match=r"block_length is 1, and 19 returns .* more prices; or verdict=False"):
        sweep(walk(0)[:20], [EQUAL | {"lag": 0}], block_length=1)
    assert sweep(walk(0)[:22], [EQUAL], block_length=1).verdict is not None
    assert sweep(walk(0)[:20], [EQUAL | {"lag": 0}], block_length=1, verdict=False).verdict is None


# --- benchmarks ---


def test_a_benchmark_may_be_a_series():
    rising = walk(3)[:, 0]
    returns = rising[1:] / rising[:-1] - 1.0
    wanted = sweep(frame(ON_DAYS), [EQUAL], benchmark=returns)
    series = pd.Series(rising, index=ON_DAYS).pct_change()
    longer = pd.concat([pd.Series([0.5, 0.7], index=[ON_DAYS[-1] + pd.Timedelta(days=k) for k in (1, 2)]), series])
    for given in (series, series.iloc[1:], longer, longer.iloc[::-1], series.to_frame("x"), series.to_numpy(),
                  pd.Series(returns), series.reset_index(drop=True)):  # fmt: skip
        assert sweep(frame(ON_DAYS), [EQUAL], benchmark=given).verdict.to_dict() == wanted.verdict.to_dict()
        assert sweep(walk(0), [EQUAL], benchmark=series).benchmark.returns.tobytes() == returns[1:].tobytes()
    months = pd.period_range("2000-01", periods=400, freq="M")
    monthly = pd.Series(returns, index=months[1:].to_timestamp(how="end").normalize())
    found = sweep(frame(months), [EQUAL], benchmark=monthly)
    assert found.benchmark.returns.tobytes() == returns[1:].tobytes()


@pytest.mark.parametrize(
    ("given", "message"),
    [(pd.Series(np.zeros(399), index=ON_DAYS[:-1]), "no return at 1 of the 399 times of prices .first at 2016-07"),
     (pd.Series(np.zeros(400), index=ON_DAYS.tz_localize("America/New_York")), "no return at 399 .* zone"),
     (pd.Series(np.zeros(800), index=ON_DAYS.append(ON_DAYS)), "twice"), (pd.Series(np.zeros(400)), r"shape \(400,\)"),
     (pd.Series([0.5, 0.5], index=["a", "b"]), "the index of benchmark is of str"), (pd.Series(dtype=float), "shape"),
     (pd.DataFrame(np.zeros((399, 2))), "frame of 2 columns"), (np.full(399, np.nan), "399 of them are not finite"),
     (np.array(["0.1"] * 399), "benchmark is ndarray of <U3"), (np.zeros(399) + 0j, "complex"),
     (EQUAL | {"interval": np.array([1, 5])}, "benchmark is 2 configurations")],
)  # fmt: skip
def test_what_is_no_benchmark_is_refused(given, message):
    with pytest.raises(BadInput, match=message) as error:
        sweep(frame(ON_DAYS), [EQUAL], benchmark=given)
    assert "Hint: " in str(error.value)


# --- configurations and axes ---


def test_a_frame_has_a_configuration_in_each_row():
    listed = [
        {"method": "momentum", "lookback": 10, "top": 1, "threshold": 0.05},
        {"method": "equal_weight", "relative": True, "threshold": 0.1},
        {"method": "fixed", "weights": (0.5, 0.2, 0.3)},
        {"method": scaled, "lookback": 5, "power": 0.5},
    ]
    table = pd.DataFrame(listed)
    assert table["lookback"].dtype == float  # as gaps make them
    assert [as_configs(table)[k] for k in range(4)] == listed
    assert sweep(walk(0), table, start=20).digest() == sweep(walk(0), listed, start=20).digest()
    whole = as_configs(pd.DataFrame({"method": "momentum", "lookback": [5, 10], "trade": ["band", "target"]}))
    trades = ((5, "band"), (10, "target"))
    assert [whole[k] for k in range(2)] == [{"method": "momentum", "lookback": n, "trade": how} for n, how in trades]
    assert [as_configs([table, EQUAL])[k] for k in (0, 4)] == [listed[0], EQUAL]
    grid = Grid(method=["momentum", "cash"], lookback=[5, 10], top=2)
    back = as_configs(as_configs([grid, EQUAL]).to_frame())
    assert [back[k] for k in range(5)] == [as_configs([grid, EQUAL])[k] for k in range(5)]
    assert as_configs(pd.Series(EQUAL))[0] == EQUAL
    columns = {"method": "momentum", "lookback": pd.Series([5, 10]), "top": pd.Index([1, 2])}
    assert as_configs(columns)[1] == {"method": "momentum", "lookback": 10, "top": 2}
    with pytest.raises(BadInput, match="there is no configuration"):
        as_configs(table.iloc[:0])
    with pytest.raises(BadInput, match="method, lookback, lookback"):
        as_configs(table[["method", "lookback", "lookback"]])


def test_an_axis_may_be_anything_in_order():
    wanted = Grid(method="momentum", lookback=[5, 10, 15]).axes
    for given in ((5, 10, 15), range(5, 20, 5), np.array([5, 10, 15]), pd.Series([5, 10, 15]), pd.Index([5, 10, 15]),
                  (k for k in (5, 10, 15)), {5: 0, 10: 1, 15: 2}.keys(), map(int, ["5", "10", "15"]),
                  pd.array([5, 10, 15])):  # fmt: skip
        assert Grid(method="momentum", lookback=given).axes == wanted
    search = RandomSearch({"method": "cash", "interval": (k for k in (5, 10, 15))}, 20)
    assert search.configs().size == 20  # the generator was read once
    assert [search.configs()[k] for k in range(20)] == [search.configs()[k] for k in range(20)]
    for given in ({5, 10}, frozenset({5, 10})):
        with pytest.raises(BadInput, match=r"is a set.*Hint: give a list"):
            Grid(lookback=given)
        with pytest.raises(BadInput, match="is a set"):
            RandomSearch({"lookback": given}, 3)


def test_flat_weights_of_a_grid_are_one_value():
    for given in ((0.5, 0.5, 0), [0.5, 0.5, 0], np.array([0.5, 0.5, 0.0]), [(0.5, 0.5, 0)], np.array([[0.5, 0.5, 0]])):
        grid = Grid(method="fixed", weights=given, interval=[1, 5])
        assert len(grid) == 2
        assert grid.configs()[0]["weights"] == (0.5, 0.5, 0)
    assert len(Grid(method="fixed", weights=np.eye(3))) == 3
    assert len(RandomSearch({"method": "fixed", "weights": (0.5, 0.5, 0)}, 4).configs()) == 4


def test_long_axes_are_taken_in_time_that_grows_with_them():
    values = [k / 1000 for k in range(300_000)]
    assert len(Grid(threshold=values)) == 300_000  # pairs of them would take half an hour
    with pytest.raises(BadInput, match=r"0\.007 twice"):
        Grid(threshold=[*values, 0.007])
    assert Grid(x=[1, 1.0, True, "1", (1,), (1, 2)]).shape == (6,)
    with pytest.raises(BadInput, match="twice"):
        Grid(x=[[1, 2], np.array([1, 2])])


@pytest.mark.parametrize(
    ("where", "message"),
    [(3, "where is 3. Hint: a function"), ("a > 1", "where is 'a > 1'"),
     (lambda b: b > 1, "TypeError.*b has values of several kinds: compare with =="), (max, "where tells no names")],
)  # fmt: skip
def test_a_constraint_that_cannot_be_asked_is_refused(where, message):
    with pytest.raises(BadInput, match=message) as error:
        Grid(a=[1, 2], b=[None, 3], where=where).configs()
    assert "Hint: " in str(error.value)


def test_a_constraint_sees_values_as_they_are():
    assert len(Grid(s=[0.1, "ledoit_wolf"], b=[1, 2], where=lambda s, b: (s == 0.1) & (b > 1))) == 1
    assert len(Grid(b=[None, 3], where=lambda b: b != None)) == 1  # noqa: E711 - of each element
    assert len(Grid(weights=[(0.5, 0.5), (1.0, 0.0)], where=lambda weights: weights[:, 0] > 0.6)) == 1
    assert len(Grid(weights=[(0.5, 0.5), (1.0,)], where=lambda weights: weights != (1.0,))) <= 2


def test_ends_and_numbers_of_a_search_may_be_of_numpy():
    plain, held = Between(1, 9), Between(np.int32(1), np.int64(9))
    assert held == plain
    assert held.draw(np.array([0.999])).tolist() == [9]
    assert Between(np.float32(0.5), 1.5) == Between(0.5, 1.5)
    one = RandomSearch({"interval": held}, np.int64(5), seed=np.int64(2))
    assert one == RandomSearch({"interval": plain}, 5, seed=2)
    for ends in ((np.True_, 3), (1, np.nan), ("1", 2)):
        with pytest.raises(BadInput, match="two finite numbers"):
            Between(*ends)
