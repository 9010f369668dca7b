"""Where every path loses: the least bad one, found by labels, and bounds from passes with negative prices.

With a negative mean the ratio is quasi-concave, so the best path need not touch a support line. For any price p > 0 and
g = max of mean + p variance: if g < 0, then mean <= g - p variance for every path, so mean / sqrt(variance) is at most
(g - p variance) / sqrt(variance) <= -2 sqrt(-g p).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from atomloom.trajectory.certificate import Certificate, corner_ratio
from atomloom.trajectory.result import Found

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.trajectory.passes import Chain, Line, Runner
    from atomloom.trajectory.search import Search

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]

_ROUNDS = 40
_MOST_LABELS = 5_000_000


def least_bad(runner: Runner, search: Search, on_negative: str) -> Found:
    """Find the best path where none earns anything: by labels where asked for, else the best of some passes."""
    chain = runner.chain
    lines, bound = _bounds(runner, search)
    best = max(lines, key=lambda line: corner_ratio(line.variance, line.mean))
    value = corner_ratio(best.variance, best.mean)
    path, complete, exact = best.path, True, False
    if on_negative == "exact" and not search.late and bound > value * (1.0 - 1e-12):
        found = _by_labels(chain, [-line.price for line in lines if line.price < 0.0], value, search)
        complete = found is not None
        if found is not None:
            exact = True
            path = best.path if found[0] is None else found[0]
            bound = value if found[0] is None else found[1]
    proof = Certificate(
        "labels" if exact else "negative",
        tuple((line.price, line.level) for line in lines),
        tuple((line.variance, line.mean) for line in lines),
        0.0,
        bound,
    )
    horizons, states = chain.gain.shape
    units = chain.states[path].astype(np.int64)
    detail = {"n_passes": runner.count, "all_paths_lose": True}
    return Found(units, runner.count, states**horizons - runner.count, proof, complete, detail)


def _bounds(runner: Runner, search: Search) -> tuple[list[Line], float]:
    """Make passes at negative prices until the bound does not fall any more."""
    lines = [search.lines[0]]
    bound = 0.0
    price = -lines[0].level / lines[0].variance if lines[0].variance > 0.0 else 1.0
    low = 0.0
    for _ in range(_ROUNDS):
        if search.late:
            break
        line = runner.line(-price)
        if line.level >= 0.0:  # the price is too high: between it and the last good one
            price = (low + price) / 2.0
            if price <= low * (1.0 + 1e-9):
                break
            continue
        lines.append(line)
        new = -2.0 * math.sqrt(-line.level * price)
        better = new < bound * (1.0 + 1e-12) if bound < 0.0 else new < bound
        bound, low = min(bound, new), max(low, price)
        # the bound is tight where a touching path has variance -level / price
        following = -line.mean / line.variance if line.variance > 0.0 else 2.0 * price
        if not better or abs(following - price) <= 1e-12 * price:
            break
        price = following
    return lines, bound


def _by_labels(chain: Chain, prices: list[float], value: float, search: Search) -> tuple[Ints | None, float] | None:
    """Carry along, for each state, every (mean, variance) that no other one beats in both.

    Gives a better path than `value` and its ratio; (None, value) where there is none; None where time or memory ended.
    """
    ahead = _ahead(chain, [0.0, *prices], search)
    if ahead is None:
        return None
    horizons, half = len(chain.gain), chain.cost.shape[2] // 2
    held = chain.states.astype(np.int64)
    assets = np.arange(held.shape[1])
    start = np.flatnonzero(np.isfinite(chain.gain[0]))
    steps: list[tuple[Ints, Ints, Reals, Reals]] = []
    at, before = start, np.full(len(start), -1)
    mean, variance = chain.gain[0, start], chain.risk[0, start]
    for h in range(horizons):
        if h:
            parts = []
            for j in np.flatnonzero(np.isfinite(chain.gain[h])):
                cost = chain.cost[h, assets, held[at] - held[j] + half].sum(axis=1)
                m, v = mean - cost + chain.gain[h, j], variance + chain.risk[h, j]
                kept = _undominated(m, v, _promising(m, v, ahead, h, int(j), value))
                parts.append((np.full(len(kept), j), kept, m[kept], v[kept]))
                if search.late or sum(len(part[1]) for part in parts) > _MOST_LABELS:
                    return None
            at, before, mean, variance = (np.concatenate([part[i] for part in parts]) for i in range(4))
        if len(at) == 0:
            return None, value
        steps.append((at, before, mean, variance))
    ratios = np.array([corner_ratio(v, m) for m, v in zip(mean, variance, strict=True)])
    last = int(ratios.argmax())
    if not ratios[last] > value:
        return None, value
    path = np.empty(horizons, np.int64)
    place = last
    for h in range(horizons - 1, -1, -1):
        path[h] = steps[h][0][place]
        place = int(steps[h][1][place])
    return path, float(ratios[last])


def _ahead(chain: Chain, prices: list[float], search: Search) -> list[tuple[float, Reals]] | None:
    """For some prices, the most mean + price * variance that can follow each state, (H, S); None where time ended."""
    horizons, states = chain.gain.shape
    held, half = chain.states.astype(np.int64), chain.cost.shape[2] // 2
    assets = np.arange(held.shape[1])
    found = []
    for price in prices[:6]:
        node = chain.gain + price * chain.risk
        after = np.zeros((horizons, states))
        for h in range(horizons - 1, 0, -1):
            for i in range(states):
                cost = chain.cost[h, assets, held[i] - held + half].sum(axis=1)
                after[h - 1, i] = (after[h] + node[h] - cost).max()
                if search.late:
                    return None
        found.append((price, after))
    return found


def _promising(
    mean: Reals, variance: Reals, ahead: list[tuple[float, Reals]], horizon: int, state: int, value: float
) -> NDArray[np.bool_]:
    """Mark what may still lead to a better path, by the bound at each price."""
    kept = np.ones(len(mean), np.bool_)
    for price, after in ahead:
        level = mean + price * variance + after[horizon, state]
        if price > 0.0:
            kept &= (level >= 0.0) | (-2.0 * np.sqrt(np.maximum(-level, 0.0) * price) > value)
    return kept


def _undominated(mean: Reals, variance: Reals, allowed: NDArray[np.bool_]) -> Ints:
    """Places of the labels than which no other one has both more mean and more variance."""
    places = np.flatnonzero(allowed)
    order = places[np.lexsort((-variance[places], -mean[places]))]
    rising = variance[order]
    so_far = np.maximum.accumulate(np.concatenate([[-np.inf], rising[:-1]])) if len(order) else rising
    return np.sort(order[rising > so_far])
