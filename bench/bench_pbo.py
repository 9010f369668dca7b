"""The probability of backtest overfitting beside the packages that have it, and where none of them goes."""

from __future__ import annotations

import time
from contextlib import contextmanager

import numpy as np

from atomloom.engine.side_by_side import in_threads
from atomloom.portfolio import (
    CombinatorialPurgedCV,
    bootstrap_counts,
    pbo,
    ranges_of,
    select,
    step_down,
    tile_statistics,
)
from bench.measure import alternate, medians, row

TILE = 2048


@contextmanager
def plain(work):
    yield work


def noise(rows, configs, seed=0):
    return np.random.default_rng(seed).standard_normal((rows, configs)) / 100


def peer_pbo(name, returns, blocks):
    """Value by another package; None where it is not installed."""
    try:
        if name == "phacker":
            from phacker.cscv import cscv

            return lambda: float(cscv(returns, blocks)[0])
        if name == "ffn":
            import ffn
            import pandas as pd

            frame = pd.DataFrame(returns)
            return lambda: float(ffn.core.calc_prob_backtest_overfitting(frame, blocks))
        from purgedcv import probability_of_backtest_overfitting
    except ImportError:
        return None
    return lambda: float(probability_of_backtest_overfitting(returns.T, blocks).pbo)


def beside(name, rows, configs, blocks, repeats, least_ratio=None, headline=False):
    """Rows of our time and a peer's, in turn, equal values asked for."""
    returns = noise(rows, configs)
    expected = pbo(returns, blocks).value
    contestants = {"ours": lambda: plain(lambda: pbo(returns, blocks).value)}
    other = peer_pbo(name, returns, blocks)
    if other is not None:
        contestants[name] = lambda: plain(other)
    seconds = medians(alternate(contestants, repeats, lambda value: abs(value - expected) < 1e-12))
    what = f"PBO of {configs:,} configurations, {rows:,} rows, {blocks} blocks"
    theirs = seconds.get(name, "absent")
    found = [row(what, seconds["ours"], "s", peer=name, peer_value=theirs, headline=headline)]
    if least_ratio is not None and other is not None:
        found.append(row(f"{what}: times as fast as {name}", theirs / seconds["ours"], "x", least=least_ratio))
    return found


def sums_of(segments, configs, length):
    """Drawn sums and sums of squares by segment."""
    draws = np.random.default_rng(1)
    s1 = draws.standard_normal((segments, configs))
    s1 *= np.sqrt(length)[:, None]
    s2 = draws.random((segments, configs))
    s2 += length[:, None]
    return s1, s2


def timed(work):
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def selection_row(splitter, rows, configs, most):
    ranges = ranges_of(splitter, rows)
    length = np.diff(ranges.cuts())
    s1, s2 = sums_of(len(length), configs, length)
    segments = ranges.segments()
    select(s1[:, :64], s2[:, :64], length, segments)
    seconds = min(timed(lambda: select(s1, s2, length, segments))[0] for _ in range(3))
    what = f"selection over {segments.n_splits:,} splits of {configs:,} configurations (purged)"
    return row(what, seconds, "s", most=most)


def many_row(configs, blocks):
    length = np.full(blocks, 125)
    moments = (*sums_of(blocks, configs, length), length)
    seconds, found = timed(lambda: pbo(moments=moments))
    what = f"PBO of {configs:,} configurations from sums by block, {len(found.logits):,} splits"
    return row(what, seconds, "s", most=20, headline=True)


def headline_row(configs, samples):
    """The headline test from block sums: every tile once, then the steps."""
    sums = np.random.default_rng(2).standard_normal((100, configs))
    sums[:, configs // 3] += 1.2
    counts = bootstrap_counts(100, samples)

    def tile(k):
        return sums[:, k * TILE : (k + 1) * TILE]

    def work():
        tiles = [(k,) for k in range(-(-configs // TILE))]
        found = in_threads(lambda k: tile_statistics(tile(k), None, counts), tiles, None)
        t, maxima = np.concatenate([one.t for one in found]), np.stack([one.maxima for one in found])
        return step_down(t, maxima, np.arange(configs) // TILE, tile, counts)

    seconds, steps = timed(work)
    if configs // 3 not in steps.survivors:
        raise ArithmeticError("the edge was not found; it is not timed.")
    return row(f"largest t of {configs:,} configurations, {samples:,} samples of 100 blocks, steps included", seconds,
               "s", most=10, headline=True)  # fmt: skip


def run(smoke: bool) -> dict:
    repeats = 1 if smoke else 5
    small, large, many = (40, 200, 300) if smoke else (500, 10_000, 1_000_000)
    blocks = 8 if smoke else 16
    rows = [
        *beside("phacker", 2000, small, blocks, 3 * repeats, 3, headline=True),
        *beside("phacker", 2000, large, blocks, repeats, 3),
        *beside("ffn", 2000, small, 8 if smoke else 10, repeats),
        *beside("purgedcv", 2000, small, 4 if smoke else 10, 1),
    ]
    rows.append(many_row(many, blocks))
    few, half = (500, 4) if smoke else (100_000, 8)
    rows.append(selection_row(CombinatorialPurgedCV(10, 2, purge=5), 2000, few, 0.15))
    rows.append(selection_row(CombinatorialPurgedCV(2 * half, half, purge=5), 2000, few // 10, 5))
    rows.append(headline_row(300 if smoke else 1_000_000, 100 if smoke else 1000))
    return {
        "title": "Overfit statistics",
        "claim": "Cross-validation of the choice among a million configurations takes seconds, from sums by block.",
        "rows": rows,
        "repeats": f"medians of {repeats} alternating repeats beside peers, equal values; the others 1 to 3 times",
    }
