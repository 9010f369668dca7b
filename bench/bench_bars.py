"""Bars: the bars of AFML chapter 2 from 500,000 real trades, beside mlfinpy's, which must be equal to be timed.

mlfinpy pins old versions of numpy and numba; where it is not importable its rows say "absent".
"""

from __future__ import annotations

import statistics
import time
from contextlib import contextmanager
from functools import partial

import numpy as np

from atomloom.data import es_2013_09
from atomloom.market import dollar_bars, imbalance_bars, runs_bars, tick_bars, time_bars, volume_bars
from atomloom.store import read_trades
from bench.measure import row

# mlfinpy closes above its threshold, the book at it: on sums of whole numbers a half in between is the same for both.
# A window of one makes both kinds of averages the last value. With wider windows the definitions part: mlfinpy cuts
# its averages off at the window and divides by the sum of the weights, starts E[x] anew from the last window at each
# bar, and lets runs bars wait until each side alone has had the trades of the warm-up; it leaves out the last time bar.
STEADY = {"alpha_bars": 0.0, "alpha_trades": 1.0, "limits": None}


def contestants(trades):
    """Name -> (ours, mlfinpy's function and arguments, or None, and whether mlfinpy's bars must be equal)."""
    return {
        "tick": (partial(tick_bars, trades, 500), ("get_tick_bars", {"threshold": 500}), True),
        "volume": (partial(volume_bars, trades, 2000, split=False), ("get_volume_bars", {"threshold": 2000}), True),
        "dollar": (partial(dollar_bars, trades, 3e6), ("get_dollar_bars", {"threshold": 3e6}), True),
        "time": (partial(time_bars, trades, 60), ("get_time_bars", {"resolution": "MIN", "num_units": 1}), True),
        "tick imbalance, constant": (
            partial(imbalance_bars, trades, "tick", expected_ticks=20, **STEADY),
            ("get_const_tick_imbalance_bars", {"expected_imbalance_window": 1, "exp_num_ticks_init": 19.5}),
            True,
        ),
        "tick runs, EWMA": (
            partial(runs_bars, trades, "tick", expected_ticks=500),
            ("get_ema_tick_run_bars", {"num_prev_bars": 3, "expected_imbalance_window": 1000,
                                       "exp_num_ticks_init": 500}),
            False,
        ),
        "volume imbalance, EWMA": (
            partial(imbalance_bars, trades, "volume", expected_ticks=500),
            ("get_ema_volume_imbalance_bars", {"num_prev_bars": 3, "expected_imbalance_window": 1000,
                                               "exp_num_ticks_init": 500}),
            False,
        ),
    }  # fmt: skip


def frame_of(trades):
    import pandas as pd

    when = pd.to_datetime(trades.ts, unit="ns")
    return pd.DataFrame({"date_time": when, "price": trades.price, "volume": trades.size.astype(np.int64)})


def theirs(name, arguments, frame):
    from mlfinpy import data_structure

    made = getattr(data_structure, name)(frame, verbose=False, **arguments)
    return made[0] if isinstance(made, tuple) else made


def equal(bars, frame):
    """Same number of bars, same prices, volumes and numbers of trades."""
    pairs = (("open", bars.open), ("high", bars.high), ("low", bars.low), ("close", bars.close),
             ("volume", bars.volume), ("cum_ticks", bars.n_trades))  # fmt: skip
    n = len(frame)
    some = len(bars) == n or (bars.kind == "time" and len(bars) == n + 1)
    return some and all(np.array_equal(frame[name].to_numpy(float), ours[:n]) for name, ours in pairs)


@contextmanager
def gc_off():
    import gc

    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def median_seconds(work, repeats):
    seconds = []
    with gc_off():
        for _ in range(repeats):
            began = time.perf_counter()
            work()
            seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def run(smoke: bool) -> dict:
    trades = read_trades(es_2013_09())
    trades = trades.rows(0, 20_000 if smoke else len(trades))
    try:
        import mlfinpy  # noqa: F401

        peer, frame = "mlfinpy 0.1.2", frame_of(trades)
    except ImportError:
        peer, frame = "mlfinpy 0.1.2", None
    rows = []
    for name, (ours, (function, arguments), must) in contestants(trades).items():
        bars = ours()
        seconds, other, same = median_seconds(ours, 5 if smoke else 50), "absent", ""
        if frame is not None:
            began = time.perf_counter()
            made = theirs(function, arguments, frame)
            other = time.perf_counter() - began
            same = "equal bars" if equal(bars, made) else f"not the same bars: {len(bars):,} against {len(made):,}"
            if must and same != "equal bars":
                raise ArithmeticError(f"{name}: {same}")
        rows.append(
            row(f"{name} bars of {len(trades):,} trades", 1e3 * seconds, "ms", peer=peer,
                peer_value=other if isinstance(other, str) else 1e3 * other,
                most_ratio=None if isinstance(other, str) else 1 / 500, headline=name == "volume", note=same)
        )  # fmt: skip
    return {
        "title": "Bars",
        "claim": "Bars of 500,000 real trades take about a millisecond.",
        "rows": rows,
        "repeats": "medians of 50 (peer: once), formulas compiled",
    }
