"""Streaming: 100 instruments, each with minute bars, VPIN and HHI, one minute of trades after the other, one core.

Each VPIN stream carries the ranks of 1,400 days (280,000 buckets). What the streams gave is compared with
vpin(), time_bars() and herfindahl() over all trades, to the bit, before anything is reported.
"""

from __future__ import annotations

import gc
import os
import time

import numpy as np

from atomloom.market import Bars, BarStream, HHIStream, VPINConfig, VPINStream, herfindahl, time_bars, vpin
from atomloom.market.expanding import ExpandingRank
from atomloom.store import Trades
from bench.measure import row

MINUTE = 60 * 10**9
START = 1_262_613_000 * 10**9  # a Monday in 2010, 13:50 UTC
CONFIG = VPINConfig(bucket_volume=12_000)
VENUES = tuple(f"V{v}" for v in range(13))


def market(symbol, minutes, per_minute):
    """Give random trades of one instrument, about per_minute a minute."""
    rng = np.random.default_rng(symbol)
    counts = rng.poisson(per_minute * rng.lognormal(0, 0.5, minutes)) + 1
    ts = np.repeat(START + np.arange(minutes) * MINUTE, counts) + rng.integers(0, MINUTE, counts.sum())
    px = 6000 + np.cumsum(rng.choice(np.array([-1, 0, 1]), len(ts), p=[0.2, 0.6, 0.2]))
    return Trades(
        np.sort(ts), px, rng.geometric(0.02, len(ts)), 0.01, f"S{symbol}",
        rng.integers(0, 13, len(ts)).astype(np.uint8), VENUES,
    )  # fmt: skip


class Watch:
    """The three streams of one instrument and what they have given."""

    def __init__(self, history):
        self.vpin, self.bars = VPINStream(CONFIG), BarStream("time", 60)
        self.hhi = HHIStream(1800, step=60)
        self.vpin._rank = ExpandingRank(history)  # noqa: SLF001 - as after years of buckets
        self.rows, self.made, self.windows, self.alerts = [], [], [], 0

    def take(self, trades):
        self.rows.append(self.vpin.update(trades))
        self.alerts += len(self.vpin.alerts)
        self.made.append(self.bars.update(trades))
        self.windows.append(self.hhi.update(trades))

    def check(self, trades):
        """Compare with one call over all trades; the CDF stands on another history and is left out."""
        rows, whole = np.concatenate(self.rows), vpin(trades, CONFIG)
        bars, all_bars = Bars.concat(self.made), time_bars(trades, 60)
        windows, all_windows = np.concatenate(self.windows), herfindahl(trades, 1800, step=60)
        same = all(rows[name].tobytes() == getattr(whole, name).tobytes() for name in ("vpin", "buy", "close"))
        same &= all_bars.price_px[: len(bars)].tobytes() == bars.price_px.tobytes() and len(all_bars) == len(bars) + 1
        same &= all_windows.hhi[: len(windows)].tobytes() == windows["hhi"].tobytes()
        if not same:
            raise ArithmeticError(f"{trades.symbol}: the streams gave other bits than one call over all trades.")


def run(smoke: bool) -> dict:
    symbols, minutes = (5, 700) if smoke else (100, 1_500)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # one core; this process ends with the benchmark
    history = np.random.default_rng(0).beta(8, 30, 3_000 if smoke else 280_000)
    began = time.perf_counter()
    watches = [Watch(history) for _ in range(symbols)]
    warm = time.perf_counter() - began
    days = [market(k, minutes, 75) for k in range(symbols)]
    edges = [np.searchsorted(one.ts, START + np.arange(minutes + 1) * MINUTE) for one in days]
    gc.collect()
    gc.freeze()
    seconds, busy = [], []
    for minute in range(minutes):
        fed = [one.rows(int(cut[minute]), int(cut[minute + 1])) for one, cut in zip(days, edges, strict=True)]
        began, worked = time.perf_counter(), time.process_time()
        for watch, trades in zip(watches, fed, strict=True):
            watch.take(trades)
        seconds.append(time.perf_counter() - began)
        busy.append(time.process_time() - worked)
    for watch, trades in list(zip(watches, days, strict=True))[:5]:
        watch.check(trades)
    ms = 1e3 * np.array(seconds)
    trades = sum(map(len, days))
    what = f"a minute of trades of {symbols} instruments, bars + VPIN + HHI"
    return {
        "title": "Streaming",
        "claim": "A minute of a hundred instruments is through in a small part of a second.",
        "rows": [
            row(f"{what}: 99.9th percentile", float(np.quantile(ms, 0.999)), "ms", most=50, headline=True),
            row(
                f"{what}: 99.9th percentile of the time on the core",
                1e3 * float(np.quantile(busy, 0.999)),
                "ms",
                note="without what other programs took of it",
            ),
            row(f"{what}: median", float(np.median(ms)), "ms"),
            row(f"{what}: slowest of {minutes:,}", float(ms.max()), "ms"),
            row("trades through all three streams", trades / sum(seconds) / 1e6, "million a second"),
            row(f"making and warming {3 * symbols} streams", warm, "s"),
        ],
        "repeats": f"{minutes:,} minutes of {trades / minutes / symbols:.0f} trades each, one core, formulas compiled",
    }
