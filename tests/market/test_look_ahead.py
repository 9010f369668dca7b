"""What is known at a time does not change when everything after it does: every signal of the room that claims so."""

from __future__ import annotations

import numpy as np
import pytest

from atomloom.market import (
    VPINConfig,
    dollar_bars,
    early_warning,
    herfindahl,
    imbalance_bars,
    runs_bars,
    tick_bars,
    tick_rule,
    volume_bars,
    vpin,
)
from atomloom.store import Trades

N = 3000
TS = np.sort(np.random.default_rng(0).integers(0, 3 * 86_400 * 10**9, N))
CONFIG = VPINConfig(bucket_volume=100, bars_per_bucket=5, buckets_per_day=40, support_days=0.2, threshold=0.8)
VPIN = ("vpin", "cdf", "buy", "close", "volume")
HHI = ("hhi", "weight", "top", "n_rows")
BARS = ("price_px", "volume", "high_px", "low_px", "n_trades")


def two_futures(cut):
    """Trades that are the same before a row, and not after it."""
    pasts = []
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        pasts.append([rng.integers(90, 110, N), rng.integers(1, 9, N), rng.integers(0, 4, N)])
    mixed = [np.concatenate([one[:cut], other[cut:]]) for one, other in zip(*pasts, strict=True)]
    return [Trades(TS, px, size, venue=venue, venues=list("NPQZ")) for px, size, venue in (pasts[0], mixed)]


def _warnings(trades):
    return early_warning(vpin(trades, CONFIG), herfindahl(trades, 7200, step=600), hhi_threshold=0.5)


SIGNALS = {
    **{f"volume {price}": (lambda t, price=price: volume_bars(t, 50, price=price), BARS)
       for price in ("close", "median", "vwap", "mean", "weighted_median")},
    "volume, whole trades": (lambda t: volume_bars(t, 50, split=False), BARS),
    "tick": (lambda t: tick_bars(t, 10), BARS),
    "dollar": (lambda t: dollar_bars(t, 5000), BARS),
    "imbalance": (lambda t: imbalance_bars(t, "volume", expected_ticks=20), BARS),
    "runs": (lambda t: runs_bars(t, "dollar", expected_ticks=20), BARS),
    "vpin": (lambda t: vpin(t, CONFIG), VPIN),
    "vpin, normal": (lambda t: vpin(t, VPINConfig(**{**CONFIG.to_dict(), "cdf": "normal", "price": "vwap"})), VPIN),
    "hhi by time": (lambda t: herfindahl(t, 3600), HHI),
    "hhi by day": (lambda t: herfindahl(t, tz="America/New_York"), HHI),
    "hhi sliding": (lambda t: herfindahl(t, volume=200, step=50), HHI),
    "early warning": (_warnings, ("vpin_cdf", "hhi", "hhi_rank", "hhi_share", "hhi_age", "warning")),
}  # fmt: skip


@pytest.mark.parametrize("cut", [1500, 2500, N - 1])
@pytest.mark.parametrize("name", SIGNALS)
def test_what_is_known_before_a_time_stays(name, cut):
    signal, columns = SIGNALS[name]
    one, other = (signal(trades) for trades in two_futures(cut))
    known = int((one.end_ts < TS[cut]).sum())
    assert known == int((other.end_ts < TS[cut]).sum()) > 0
    for column in columns:
        assert getattr(one, column)[:known].tobytes() == getattr(other, column)[:known].tobytes(), column


def test_signs_and_starts_of_events_stay():
    one, other = two_futures(1500)
    assert tick_rule(one)[:1500].tolist() == tick_rule(other)[:1500].tolist()
    starts = [vpin(trades, CONFIG).events.start_ts for trades in (one, other)]
    early, again = (times[times < TS[1500]].tolist() for times in starts)
    assert early == again
    assert len(early) > 0


def test_the_test_sees_what_does_look_ahead():
    """The same comparison fails for a volume that the whole sample sets, and for a CDF over all of it."""
    one, other = two_futures(1500)
    for changed in ({"bucket_volume": None}, {"cdf": "sample"}, {"sigma": "sample"}):
        config = VPINConfig(**{**CONFIG.to_dict(), **changed})
        assert config.looks_ahead()
        a, b = (vpin(trades, config) for trades in (one, other))
        known = min(int((made.end_ts < TS[1500]).sum()) for made in (a, b))
        assert a.cdf[:known].tobytes() != b.cdf[:known].tobytes()
