"""Partitions: time and optimality of cost cuts, and how well 24 cores would be used (goal G9).

Rows kernels are really worked: each molecule's processor time is measured, then molecules are
list-scheduled on 24 cores. 1.0 would be perfect use.

Run it:  python -m bench.run partition [--smoke]
"""

from __future__ import annotations

import heapq
import itertools
import statistics
import time

import numpy as np

from atomloom import cost_parts, plan_parallel
from bench.measure import row

CORES = 24
BLOCK = np.linspace(0.1, 1.0, 2048)

# Passes over one block for row x of the unit interval: the inner loop of a triangle, block by block.
SHAPES = {
    "flat": lambda x: 120 + 0 * x,
    "lower": lambda x: 240 * x,
    "upper": lambda x: 240 * (1 - x),
    "quadratic": lambda x: 360 * x * x,
    "a + b*i": lambda x: 80 + 80 * x,
    "a >> b*i": lambda x: 115 + 10 * x,
}


def rows(molecule, passes):
    """Work the rows of a leaf: ``passes`` over a block in cache for each."""
    total = 0.0
    for count in passes[molecule.start : molecule.stop]:
        for _ in range(count):
            total += float(np.sqrt(BLOCK).sum())
    return total


def list_schedule(loads):
    free = [0.0] * CORES
    for load in loads:
        heapq.heappush(free, heapq.heappop(free) + load)
    return max(free)


def used(plan, passes, repeats):
    """Share of 24 cores that the plan's molecules use, and their processor seconds together.

    Each molecule counts with its fastest repeat: its work is always the same, what varies is
    the machine's other load.
    """
    seconds = [float("inf")] * len(plan.molecules)
    for _ in range(repeats):
        for m, (lo, hi) in enumerate(plan.molecules):
            began = time.process_time()
            for a, b in itertools.pairwise(plan.leaves[lo : hi + 1]):
                rows(range(a, b), passes)
            seconds[m] = min(seconds[m], time.process_time() - began)
    return sum(seconds) / CORES / list_schedule(seconds), sum(seconds)


def balance_rows(n, repeats):
    """Efficiency of fitted cuts beside linear and nested ones, for each shape."""
    for shape, passes_of in SHAPES.items():
        passes = np.round(passes_of(np.arange(n) / (n - 1))).astype(int).tolist()
        nested = "nestedUpper" if shape == "upper" else "nestedLower"
        found, work = {}, 0.0
        for partition in ("auto", "linear", nested):
            plan = plan_parallel(rows, range(n), num_threads=CORES, partition=partition, passes=passes)
            found[partition], work = used(plan, passes, repeats)
        yield row(
            f"share of 24 cores used by {len(plan.molecules)} molecules, {shape} rows, {work:.2g} s of work",
            found["auto"], "of ideal", least=0.9, peer=f"{nested} cuts (AFML); linear: {found['linear']:.2f}",
            peer_value=found[nested], headline=shape == "quadratic",
        )  # fmt: skip


def textbook(cost, parts):
    """Plain bisection on the bottleneck to a relative 1e-9: what one writes without thinking twice."""
    prefix = np.concatenate([[0.0], np.cumsum(cost)])
    low, high = max(cost.max(), prefix[-1] / parts), prefix[-1]
    while high - low > 1e-9 * high:
        middle, at = (low + high) / 2, 0
        for _ in range(parts):
            at = int(np.searchsorted(prefix, prefix[at] + middle, side="right")) - 1
        low, high = (low, middle) if at == len(cost) else (middle, high)
    return high


def fewest(prefix, limit, parts):
    """Whether molecules filled up to ``limit`` hold all atoms."""
    at = 0
    for _ in range(parts):
        at = int(np.searchsorted(prefix, prefix[at] + limit, side="right")) - 1
    return at == len(prefix) - 1


def cut_rows(n, parts, repeats):
    """Time of cost_parts, and how far its bottleneck is from a certified lower bound."""
    rng = np.random.default_rng(0)
    costs = {
        "uniform": rng.random(n),
        "quadratic": np.arange(n) ** 2.0,
        "2% cost 60x": np.where(rng.random(n) < 0.02, 60.0, 1.0),
        "lognormal(3)": rng.lognormal(0, 3, n),
    }
    for name, cost in costs.items():
        seconds = []
        for _ in range(repeats):
            began = time.perf_counter()
            bounds = cost_parts(cost, parts)
            seconds.append(time.perf_counter() - began)
        prefix = np.concatenate([[0.0], np.cumsum(cost)])
        bottleneck = float(np.diff(prefix[bounds]).max())
        began = time.perf_counter()
        peer = textbook(cost, parts)
        plain = time.perf_counter() - began
        what = f"cost_parts, {n:,} atoms of {name} cost into {parts:,}"
        yield row(what, 1e3 * statistics.median(seconds), "ms", most=50, peer="plain bisection with searchsorted, once",
                  peer_value=1e3 * plain, headline=name == "lognormal(3)")  # fmt: skip
        better = fewest(prefix, bottleneck * (1 - 1e-9), parts)
        yield row(f"{what}: cuts with a smaller bottleneck (by 1e-9)", int(better), "exist", most=0,
                  peer="bottleneck over that of plain bisection", peer_value=f"{bottleneck / peer:.9f}")  # fmt: skip


def run(smoke: bool) -> dict:
    """Measure; ``smoke`` takes seconds and shows only that it runs."""
    size, parts, repeats = (20_000, 64, 1) if smoke else (1_000_000, 1024, 7)
    measured = list(cut_rows(size, parts, repeats))
    measured += balance_rows(300 if smoke else 3000, 1 if smoke else 3)
    return {
        "title": "Partition",
        "claim": "Cuts follow the cost of the atoms, fitted to a few timed leaves or declared, and are optimal.",
        "rows": measured,
        "repeats": f"cost_parts: median of {repeats}. Shares of 24 cores: every molecule's processor time (the fastest "
        f"of {1 if smoke else 3} interleaved repeats), list-scheduled on 24 cores",
    }
