"""Sweeps of portfolio configurations: the kernel beside plain Python and vectorbt, a million with a verdict."""

from __future__ import annotations

import statistics
import time
import tracemalloc

import numpy as np

from atomloom.portfolio import CombinatorialPurgedCV, WalkForward, sweep, window_weights
from bench import sweep_peers as peers
from bench.bench_trajectory import of
from bench.child import fresh
from bench.measure import quiet, row

SEED = 1
FIGURES = (
    "total_return", "annual_return", "volatility", "sharpe", "sortino", "calmar", "max_drawdown", "turnover", "trades",
)  # fmt: skip


def configs(number):
    return {"method": "fixed", "lag": 0, **peers.asked(number, SEED)}


def swept(prices, asked, threads):
    began = time.perf_counter()
    found = sweep(prices, asked, verdict=False, num_threads=threads)
    return time.perf_counter() - began, found


def against_loops(smoke):
    """Rows of the sweep of fixed weights."""
    number, few = (2_000, 20) if smoke else (200_000, 400)
    prices, asked = peers.market(SEED), configs(number)
    plain = fresh("bench.sweep_peers:plain", 120, number=few, seed=SEED)
    some = swept(prices, configs(few), 1)[1]
    ours = np.array([some.figure(name) for name in FIGURES]).T
    theirs = np.array(plain["figures"])
    apart = (np.abs(ours - theirs) / (1.0 + np.abs(theirs))).max()
    if not apart < 1e-9:
        raise ArithmeticError(f"figures differ from plain Python's by {apart:.1e}; nothing is timed.")
    times = {1: [], 2: []}
    for _ in range(1 if smoke else 7):
        quiet(0 if smoke else 10)
        digests = set()
        for threads, taken in times.items():
            seconds, found = swept(prices, asked, threads)
            taken.append(seconds)
            digests.add(found.digest())
        if len(digests) > 1:
            raise ArithmeticError("one thread and two give other bits; nothing is timed.")
    one, two = (number / statistics.median(times[threads]) for threads in (1, 2))
    trades = float(found.figure("trades").mean())
    note = f"{trades:.1f} trades each; largest difference from plain Python {apart:.0e}"
    what = f"{number:,} configurations of fixed weights, 1,000 x 4, drift threshold, costs, 14 figures"
    beside = None
    if peers.installed("vectorbt"):
        beside = fresh("bench.sweep_peers:vectorbt", 300, number=200 if smoke else 2_000, seed=SEED)["rate"]
    return [
        row(what, two, "configurations/s", least=850_000, peer=f"vectorbt{of('vectorbt')}, order functions, 6 figures",
            peer_value=beside, least_ratio=None if beside is None else 700, headline=True, note=note),
        row("the same beside a loop of plain Python, one core", two, "configurations/s", peer="plain Python, 9 figures",
            peer_value=plain["rate"]),
        row("the same on one core", one, "configurations/s"),
        row("two threads over twice one", two / (2 * one), "", least=0.95),
    ]  # fmt: skip


def of_million(smoke):
    rows = []
    for size in ({"rows": 600, "assets": 4, "thin": 20},) if smoke else (
        {"rows": 2520, "assets": 10}, {"rows": 8313, "assets": 20}
    ):  # fmt: skip
        found = fresh("bench.sweep_peers:million", 350, **size)
        stages = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found["stages"].items())
        judged = size["rows"] != 8313
        shown = f"{size['rows']:,} x {size['assets']}"
        what = f"{found['number']:,} configurations x {found['windows']} windows, PBO, bootstrap, {shown}"
        rows += [
            row(what, found["seconds"], "s", most=90, headline=judged, note=stages),
            row(f"peak resident memory of it, {shown}", found["peak"] / 2**30, "GiB", most=2),
        ]
    return rows


def of_windows(smoke):
    """Rows of walk-forward weights and of splits."""
    rows, n, folds = [], 5000, (8, 4) if smoke else (16, 8)
    if not smoke:
        returns = peers.real_returns()
        splitter = WalkForward(252, 21)
        times = []
        for _ in range(20):
            began = time.perf_counter()
            weights = window_weights(returns, "inverse_volatility", splitter)
            times.append(time.perf_counter() - began)
        seconds, beside = statistics.median(times), None
        if peers.installed("skfolio"):
            theirs = fresh("bench.sweep_peers:walked", 120, train=252, test=21)
            apart = np.abs(weights - np.array(theirs["weights"])).max()
            if not apart < 1e-10:
                raise ArithmeticError(f"weights differ from skfolio's by {apart:.1e}; they are not timed.")
            beside = 1e3 * theirs["seconds"]
        rows.append(row(f"walk-forward inverse volatility, 8,312 x 20, {len(weights)} windows", 1e3 * seconds, "ms",
                        peer=f"skfolio{of('skfolio')} cross_val_predict", peer_value=beside,
                        most_ratio=None if beside is None else 1 / 300, headline=True))  # fmt: skip
    splitter = CombinatorialPurgedCV(*folds)
    began = time.perf_counter()
    found = splitter.ranges(n)
    seconds = time.perf_counter() - began
    tracemalloc.start()
    splitter.ranges(n)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    theirs = None
    if peers.installed("skfolio"):
        theirs = fresh("bench.sweep_peers:split_by_skfolio", 120, rows=n, folds=folds[0], tests=folds[1])
    what = f"CPCV C({folds[0]}, {folds[1]}): {found.n_splits:,} splits of {n:,} rows"
    rows.append(row(what, seconds, "s", most=0.2, peer=f"skfolio{of('skfolio')}",
                    peer_value=None if theirs is None else theirs["seconds"]))  # fmt: skip
    rows.append(row("peak memory of it", peak / 1e6, "MB", most=50, peer="skfolio",
                    peer_value=None if theirs is None else theirs["bytes"] / 1e6))  # fmt: skip
    return rows


def of_small(smoke):
    """Rows of one configuration, and of the whole process of a short sweep."""
    prices = peers.market(SEED)
    one = [{"method": "fixed", "weights": (0.25,) * 4, "threshold": 0.05, "interval": 5, "cost": 0.001, "lag": 0}]
    times = []
    for _ in range(20 if smoke else 200):
        began = time.perf_counter()
        sweep(prices, one, verdict=False)
        times.append(time.perf_counter() - began)
    walls = [fresh("bench.sweep_peers:process", 60)["seconds"] for _ in range(2 if smoke else 6)][1:]
    return [
        row("one configuration, warm", 1e3 * statistics.median(times), "ms", most=1),
        row("atomloom sweep --quick, whole process, kernels cached", statistics.median(walls), "s", most=1.5),
    ]


def run(smoke: bool) -> dict:
    rows = against_loops(smoke)
    rows += of_million(smoke)
    rows += of_windows(smoke)
    rows += of_small(smoke)
    return {
        "title": "Sweeps of portfolio configurations",
        "claim": "A million portfolios side by side in vector registers; windows, cross-validation and verdict from "
        "sums alone. Figures equal plain Python's, weights equal skfolio's, bits are the same for any threads.",
        "rows": rows,
        "repeats": "medians of 7 alternating repeats of one and two threads; a million and peers once",
    }
