"""Calibration: 16,000 combinations of VPIN's parameters on one contract of 30 million trades."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from atomloom.market import calibrate, paper_grid, vpin
from atomloom.market.points import config_of
from atomloom.store import Trades
from bench import synthetic
from bench.measure import alternate, medians, row


@contextmanager
def plain(work):
    yield work


def alone(made, found, picks):
    """The same rows one by one, by vpin() and its events; gives the seconds of one."""
    import time

    began = time.perf_counter()
    for pick in picks:
        line = found.rows[pick]
        result = vpin(made, config_of(line), threads=1)
        if len(result.events) != line["n_events"] or result.events.n_false != line["n_false"]:
            raise ArithmeticError(f"combination {pick} differs from vpin(); it is not timed.")
    return (time.perf_counter() - began) / len(picks)


def planted(made, truth, found):
    """How many planted episodes lie within half a day of an event of the best configuration, and of a random one."""
    best = found.best()
    if best is None:
        return None
    events = vpin(made, best["config"]).events
    near = np.searchsorted(events.start_ts, truth.start)
    after = events.start_ts[np.minimum(near, len(events) - 1)] - truth.start
    return float(((after >= 0) & (after < synthetic.DAY // 2)).mean())


def run(smoke: bool) -> dict:
    n, days, repeats = (200_000, 20, 1) if smoke else (30_000_000, 1_400, 3)
    made, truth = synthetic.trades(n, days)
    made = Trades.trusted({name: getattr(made, name) for name in ("ts", "px", "size")}, made.tick_size, made.symbol)
    grid = paper_grid()
    if smoke:
        grid |= {"buckets_per_day": (5, 10), "support_days": (0.5, 1.0), "bars_per_bucket": (5,)}
    first = calibrate(made, grid, threads=1 if smoke else None)

    def same(found):
        return np.array_equal(found.rows["n_false"], first.rows["n_false"])

    contestants = {
        "two": lambda: plain(lambda: calibrate(made, grid, threads=2)),
        **({} if smoke else {"one": lambda: plain(lambda: calibrate(made, grid, threads=1))}),
    }
    seconds = medians(alternate(contestants, repeats, same))
    feasible = np.flatnonzero(first.rows["infeasible"] == "")
    each = alone(made, first, feasible[:: max(1, len(feasible) // (3 if smoke else 12))])
    found = planted(made, truth, first)
    what = f"{len(first):,} combinations, {n:,} trades, two cores"
    rows = [
        row(what, seconds["two"], "s", most=5, peer="one vpin() after the other (a sample, extrapolated)",
            peer_value=each * len(first), headline=True),

        row("milliseconds per combination", 1e3 * seconds["two"] / len(first), "ms"),
    ]  # fmt: skip
    if "one" in seconds:
        rows.append(row("one core over two", seconds["one"] / seconds["two"], "x"))
    rows += [row(f"stage: {name}, summed over threads", spent, "s") for name, spent in first.seconds.items()]
    if found is not None:
        rows.append(row("planted episodes followed by an event of the best within half a day", 100 * found, "%"))
    return {
        "title": "Calibration",
        "claim": "Combinations share bars, classification, windows and labels: thousands cost little more than some.",
        "rows": rows,
        "repeats": f"medians of {repeats} alternating repeats; every result has the same rows",
    }
