"""Every result noun of the room: parameters that tell runs apart, frames, text, tables, and what comes of bad input."""

from __future__ import annotations

import dataclasses
import json
import math
from fractions import Fraction

import numpy as np
import pytest

from atomloom import market
from atomloom.errors import BadInput, Infeasible
from atomloom.market import (
    Alerts,
    BarStream,
    VPINConfig,
    alerts,
    build_bars,
    calibrate,
    controls,
    dollar_bars,
    early_warning,
    find_events,
    fold,
    herfindahl,
    high_frequency_power,
    imbalance_bars,
    leap_year_check,
    line_test,
    provenance,
    runs_bars,
    spectrum,
    start_sensitivity,
    tick_bars,
    time_bars,
    volume_bars,
    vpin,
    vpin_grid_row,
    vpin_grid_rows,
)
from atomloom.store import Trades

NOT_RESULTS = {"Alert", "VPINConfig", "BarStream", "HHIStream", "VPINStream"}
CONFIG = VPINConfig(buckets_per_day=50, support_days=0.2, threshold=0.9)
NEEDS_FINUFFT = {"Spectrum", "Growth"}


def made(n=9000, seed=0):
    rng = np.random.default_rng(seed)
    px, size, venue = 900 + rng.integers(0, 9, n), rng.integers(1, 9, n), rng.integers(0, 4, n)
    ts = np.arange(n) * 10**10
    return Trades(ts, px, size, symbol="MADE", venue=venue, venues=["N", "P", "Q", "Z"])


TRADES = made()
DAYS = np.arange(365 * 2) * 86_400 * 10**9


def _vpin(**changed):
    return vpin(TRADES, dataclasses.replace(CONFIG, **changed))


def _warning(**changed):
    return early_warning(_vpin(), herfindahl(TRADES, 3600), **{"hhi_threshold": 0.5, **changed})


#: A way to make each result, and one change of a parameter that provenance must show.
MAKERS = {
    "Bars": (lambda size=500: volume_bars(TRADES, size), {"size": 501}),
    "VPINResult": (_vpin, {"nu": 0.2}),
    "Events": (lambda threshold=0.9: _vpin(threshold=threshold).events, {"threshold": 0.8}),
    "Controls": (lambda seed=0: controls(_vpin(), seed), {"seed": 1}),
    "StartSensitivity": (lambda shifts=2: start_sensitivity(TRADES, CONFIG, shifts=shifts), {"shifts": 3}),
    "Calibration": (lambda nu=(0.0, 0.1): calibrate(TRADES, {"nu": nu}, base=CONFIG), {"nu": (0.0, 0.2)}),
    "Fragmentation": (lambda window=3600: herfindahl(TRADES, window), {"window": 7200}),
    "EarlyWarning": (_warning, {"hhi_threshold": 0.6}),
    "Alerts": (lambda nu=0.1: alerts(_vpin(nu=nu)), {"nu": 0.2}),
    "Spectrum": (lambda high=Fraction(1, 30): spectrum(TRADES.ts, band=(0, high), modes=9), {"high": Fraction(1, 20)}),
    "LineTest": (lambda seed=0: line_test(TRADES.ts, 1 / 60, surrogates=19, seed=seed), {"seed": 5}),
    "Fold": (lambda seed=0: fold(TRADES.ts, surrogates=19, seed=seed), {"seed": 5}),
    "LeapYears": (lambda coverage=0.95: leap_year_check(DAYS, coverage=coverage), {"coverage": 0.9}),
    "Growth": (lambda modes=8: high_frequency_power(TRADES.ts, window=10_000, modes=modes), {"modes": 9}),
}


def make(name, **changed):
    if name in NEEDS_FINUFFT:
        pytest.importorskip("finufft", reason="the nufft extra is not installed")
    return MAKERS[name][0](**changed)


def test_no_result_is_forgotten_here():
    nouns = {name for name in market.__all__ if isinstance(getattr(market, name), type)}
    assert nouns - NOT_RESULTS == set(MAKERS)


@pytest.mark.parametrize("name", MAKERS)
def test_every_result_tells_what_made_it(name):
    result = make(name)
    told = provenance(result)
    assert type(result).__name__ == told["result"] == name
    assert json.loads(json.dumps(told)) == told
    assert told["config"]
    assert {"atomloom", "numpy", "numba", "python"} <= set(told["versions"])
    again, other = provenance(make(name)), provenance(make(name, **MAKERS[name][1]))
    assert (again["config"], again["config_hash"]) == (told["config"], told["config_hash"])
    assert other["config_hash"] != told["config_hash"]
    if hasattr(result, "symbol"):
        assert told["symbol"] == "MADE"


@pytest.mark.parametrize("name", MAKERS)
def test_every_result_has_its_faces(name):
    result = make(name)
    assert repr(result).startswith(f"{name}(")
    assert len(repr(result)) < 300
    assert "\n" not in repr(result)
    assert len(result.to_frame()) > 0
    assert result.summary().strip()
    json.dumps(result.to_dict())
    page = result._repr_html_()
    assert page.startswith("<")
    assert page.endswith(">")


def test_every_kind_of_bar_keeps_what_it_was_asked_for():
    expect = {"alpha_bars": 0.1, "alpha_trades": None, "limits": [0.1, 10.0], "signs": "tick rule"}
    for bars, asked in (
        (tick_bars(TRADES, 7), {"size": 7}),
        (time_bars(TRADES, 60), {"size": 60.0}),
        (dollar_bars(TRADES, 1e5), {"size": 1e5}),
        (volume_bars(TRADES, 50, split=False), {"size": 50, "split": False}),
        (volume_bars(TRADES, bars_per_day=20), {"bars_per_day": 20, "split": True}),
        (imbalance_bars(TRADES, expected_ticks=50), {"size": 50, **expect}),
        (runs_bars(TRADES, expected_ticks=50, limits=None), {"size": 50, **expect, "limits": None}),
        (imbalance_bars(TRADES, expected_ticks=50, signs=[0] * 9000), {"size": 50, **expect, "signs": "given"}),
    ):
        assert bars.config == asked
        assert bars.to_dict()["n_bars"] == len(bars)
    bars = build_bars(TRADES, CONFIG)
    assert bars.config == {"buckets_per_day": 50, "bars_per_bucket": 30, "bucket_volume": None, "days": "calendar"}
    empty = tick_bars(TRADES, 10**6)
    assert empty.to_dict()["trades_min"] is None
    assert empty.summary() == "MADE: 0 tick bars (size 1000000)"


@pytest.mark.parametrize("kind", ["time", "tick", "volume", "dollar", "tick_imbalance", "volume_runs"])
def test_bars_of_a_stream_keep_the_same(kind):
    whole = {
        "time": lambda: time_bars(TRADES, 500),
        "tick": lambda: tick_bars(TRADES, 500),
        "volume": lambda: volume_bars(TRADES, 500),
        "dollar": lambda: dollar_bars(TRADES, 500),
        "tick_imbalance": lambda: imbalance_bars(TRADES, expected_ticks=500),
        "volume_runs": lambda: runs_bars(TRADES, "volume", expected_ticks=500),
    }[kind]()
    stream = BarStream(kind, 500, warm=False)
    parts = [stream.update(TRADES.rows(0, 1234)), stream.update(TRADES.rows(1234, len(TRADES))), stream.finish()]
    assert type(whole).concat(parts).config == whole.config
    assert provenance(type(whole).concat(parts)) == provenance(whole)


def test_one_configuration_has_one_hash():
    for one, other in (
        (_vpin(support_days=1), _vpin(support_days=1.0)),
        (_vpin(threshold=np.float64(0.9)), _vpin(threshold=0.9)),
        (herfindahl(TRADES, 3600), herfindahl(TRADES, 3600.0)),
        (herfindahl(TRADES, volume=100), herfindahl(TRADES, volume=100, by="volume")),
    ):
        assert provenance(one)["config_hash"] == provenance(other)["config_hash"]


def test_what_is_no_result_has_no_provenance():
    for thing in (3, TRADES, None):
        with pytest.raises(BadInput, match="Hint"):
            provenance(thing)


def test_long_symbols_are_kept_whole():
    long = ["S" * 40 + end for end in "AB"]
    store = {symbol: Trades(TRADES.ts, TRADES.px, TRADES.size, symbol=symbol) for symbol in long}

    class Store:
        symbols = long

        def __getitem__(self, symbol):
            return type("One", (), {"trades": staticmethod(lambda: store[symbol])})

    found = calibrate(Store(), {"nu": (0.0, 0.1)}, base=CONFIG)
    assert found.symbols == long
    assert len(found.combined()) == 2
    assert found.combined()["symbol"][0] == "+".join(long)


def test_rows_of_a_grid_are_those_one_by_one():
    grid = [{"buckets_per_day": 50, "support_days": 0.2, "price": price, "nu": nu}
            for price in ("median", "vwap", "close") for nu in (0.0, 0.1)]  # fmt: skip
    grid += [{"buckets_per_day": 10**6}, {"buckets_per_day": 50, "support_days": 40.0}]
    assert vpin_grid_rows(TRADES, grid) == [vpin_grid_row(TRADES, point) for point in grid]
    assert [bool(row["infeasible"]) for row in vpin_grid_rows(TRADES, grid)] == [False] * 6 + [True] * 2


@pytest.mark.parametrize(
    "call",
    [
        lambda: VPINConfig(support_days=1e307),
        lambda: VPINConfig(horizon_days=1e30),
        lambda: VPINConfig(bucket_volume=10**30),
        lambda: VPINConfig(threshold=np.array([0.9])),
        lambda: VPINConfig(price=np.array(["median", "close"])),
        lambda: vpin([1]),
        lambda: vpin(TRADES, {"nu": 0}),
        lambda: vpin(TRADES, CONFIG, bars=3),
        lambda: vpin_grid_rows([1], [CONFIG]),
        lambda: vpin_grid_row(TRADES, 3),
        lambda: build_bars(3),
        lambda: find_events([0.5, 0.9], [0, 1], [0.1], threshold=0.9),
        lambda: find_events(["a"], [0], [0.1], threshold=0.9),
        lambda: find_events([0.5], [0.5], [0.1], threshold=0.9),
        lambda: find_events([0.5], [0], [0.1], threshold=5),
        lambda: find_events([0.5], [0], [0.1], threshold=0.9, null_quantile=5),
        lambda: find_events([0.5], [0], [0.1], threshold=0.9, horizon=-1),
        lambda: controls(TRADES),
        lambda: controls(_vpin(), 0.5),
        lambda: controls(_vpin(), 2**70),
        lambda: controls(_vpin(), draws=2.5),
        lambda: controls(_vpin(), draws=10**9),
        lambda: start_sensitivity([1], CONFIG),
        lambda: start_sensitivity(TRADES, CONFIG, shifts=2.5),
        lambda: start_sensitivity(TRADES, CONFIG, shifts=10**9),
        lambda: start_sensitivity(TRADES, CONFIG, prices="close"),
        lambda: start_sensitivity(TRADES, CONFIG, prices=[]),
        lambda: calibrate(TRADES, 3),
        lambda: calibrate(TRADES, [3]),
        lambda: calibrate(TRADES, {"nu": (0.0,)}, base={"nu": 0}),
        lambda: calibrate(TRADES, {"nu": (0.0,)}, base=CONFIG, min_events="a"),
        lambda: calibrate(TRADES, {"nu": (0.0,)}, base=CONFIG, min_events=2.7),
        lambda: calibrate(TRADES, {"bucket_volume": (10**30,)}),
    ],
)
def test_bad_arguments_are_refused_with_advice(call):
    with pytest.raises(BadInput, match="Hint"):
        call()


def test_lists_and_dates_make_events():
    found = find_events([0.5, 0.99, 0.5], np.array([0, 5, 9], "M8[ns]"), [0.1, 0.3, 0.2], threshold=0.9)
    assert found.duration_ns.tolist() == [4]
    assert found.config == {"threshold": 0.9, "null_quantile": 0.5, "horizon": 0}


def test_a_split_is_a_share_of_any_float():
    rows = [calibrate(TRADES, {"nu": (0.0,)}, base=CONFIG, split=split).rows for split in (0.5, np.float32(0.5))]
    assert rows[0].tobytes() == rows[1].tobytes()


def test_starts_without_a_common_moment_are_infeasible():
    config = VPINConfig(bucket_volume=100, bars_per_bucket=5, buckets_per_day=5, support_days=2.0)
    with pytest.raises(Infeasible, match="no moment at which all 2 starts"):
        start_sensitivity(TRADES.rows(0, 300), config, shifts=2, by="day")


def test_power_that_is_nowhere_is_no_line():
    tested = line_test([0, 0], 1 / 60, weights=[1, -1], surrogates=19)
    assert not tested.found
    assert math.isnan(tested.contrast)
    assert tested.to_dict()["contrast"] is None
    assert "not found" in repr(tested)


def test_years_and_windows_without_weight_are_left_out():
    weights = np.concatenate([np.zeros(365), np.ones(365)])
    checked = leap_year_check(DAYS, weights)
    assert (checked.year.tolist(), checked.skipped) == ([1971], (1970,))
    pytest.importorskip("finufft", reason="the nufft extra is not installed")
    seconds, weights = np.arange(20_000) * 10**9, np.concatenate([np.zeros(5000), np.ones(15_000)])
    grown = high_frequency_power(seconds, window=5000, modes=16, weights=weights)
    assert grown.start_ts.tolist() == [5000 * 10**9 * k for k in (1, 2, 3)]


def test_alerts_know_their_hashes():
    found = alerts(_vpin())
    assert found.config == {"symbols": ["MADE"], "signals": ["vpin"], "config_hashes": [found[0].config_hash]}
    assert Alerts().config == {"symbols": [], "signals": [], "config_hashes": []}


def test_a_calibration_says_what_looks_over_its_split():
    def said(**changed):
        return calibrate(TRADES, {"nu": (0.0, 0.1)}, base=dataclasses.replace(CONFIG, **changed))

    assert said().looks_ahead == ("bucket_volume",)
    assert said().summary().splitlines()[-1] == "looks ahead, over the split too, in: bucket_volume"
    assert said(bucket_volume=400, sigma="sample", cdf="sample").looks_ahead == ("sigma", "cdf")
    honest = said(bucket_volume=400)
    assert honest.looks_ahead == ()
    assert "looks ahead" not in honest.summary()


def test_nothing_of_the_test_part_reaches_the_training_counts():
    """Everything after the split is replaced: what was counted before it stays, to the bit."""
    moment = int(TRADES.ts[6000])
    other = made(seed=9)
    px, size = (np.where(TRADES.ts < moment, a, b) for a, b in ((TRADES.px, other.px), (TRADES.size, other.size)))
    later = Trades(TRADES.ts, px, size, symbol="MADE")
    base = dataclasses.replace(CONFIG, bucket_volume=100, bars_per_bucket=5, threshold=0.7)
    grid = {"nu": (0.0, 0.1), "price": ("median", "close"), "horizon_days": (0.02, 0.1)}
    one, two = (calibrate(trades, grid, base=base, split=moment).rows for trades in (TRADES, later))
    assert one["train_true"].sum() + one["train_false"].sum() > 20
    for name in ("train_true", "train_false", "train_undecided", "train_null_move"):
        assert one[name].tobytes() == two[name].tobytes()
    assert one["vpin_mean"].tobytes() != two["vpin_mean"].tobytes()
