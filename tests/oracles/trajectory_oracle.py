"""Plain-Python twin of the trajectory room: every path of units, one after the other (AFML ch. 21, in other words)."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction


def portfolios(assets, units):
    """All ways to hold `units` units, long or short, in lexicographic order: tried one by one."""
    levels = range(-units, units + 1)
    return [held for held in itertools.product(levels, repeat=assets) if sum(map(abs, held)) == units]


def pigeonhole(units, assets):
    """Ways to put units into holes, by what the first one takes."""
    if assets == 1:
        return [(units,)]
    return [(first, *rest) for first in range(units, -1, -1) for rest in pigeonhole(units - first, assets - 1)]


def cost(problem, horizon, asset, before, after):
    """Cost of changing one weight."""
    change = after - before
    if problem.cost_fn == "table":
        return float(problem.cost[horizon][asset][round(change * problem.units) + 2 * problem.units])
    scale = float(problem.cost[horizon][asset])
    size = abs(change)
    return scale * {"sqrt": math.sqrt(size), "linear": size, "quadratic": size * size}[problem.cost_fn]


def score(problem, path):
    """Mean and variance of a path of weights, as lists of lists."""
    assets, gains, risks = range(len(path[0])), [], []
    before = [float(w) for w in problem.w0]
    for h, held in enumerate(path):
        gains += [float(problem.mu[h][n]) * held[n] for n in assets]
        gains += [-cost(problem, h, n, before[n], held[n]) for n in assets]
        risks += [float(problem.cov[h][n][m]) * held[n] * held[m] for n in assets for m in assets]
        before = held
    if problem.terminal is not None:
        gains += [-cost(problem, len(path) - 1, n, before[n], float(problem.terminal[n])) for n in assets]
    return math.fsum(gains), max(0.0, math.fsum(risks))


def value(problem, mean, variance):
    """The objective."""
    if problem.objective == "mean_variance":
        return mean - problem.risk_aversion * variance
    if variance > 0:
        return mean / math.sqrt(variance)
    return 0.0 if mean == 0 else math.copysign(math.inf, mean)


def allowed(problem):
    """Portfolios within the bounds."""
    states = portfolios(problem.assets, problem.units)
    if problem.bounds is None:
        return states
    low, high = ([round(float(w) * problem.units, 6) for w in side] for side in problem.bounds)
    return [held for held in states if all(a <= x <= b for a, x, b in zip(low, held, high, strict=True))]


def best_path(problem):
    """The best value of all paths, the first path that has it, and the number of paths."""
    best, first, count = None, None, 0
    for path in itertools.product(allowed(problem), repeat=problem.horizons):
        worth = value(problem, *score(problem, [[x / problem.units for x in held] for held in path]))
        count += 1
        if best is None or worth > best:
            best, first = worth, path
    return best, [list(held) for held in first], count


def best_path_exactly(problem):
    """The first of the best paths for linear costs, in fractions: no rounding, so equals are equal."""
    exact = {name: _fractions(getattr(problem, name)) for name in ("mu", "cov", "cost", "w0")}
    best, first = None, None
    for path in itertools.product(allowed(problem), repeat=problem.horizons):
        before, mean, variance = exact["w0"], Fraction(0), Fraction(0)
        for h, held in enumerate(path):
            now = [Fraction(x, problem.units) for x in held]
            for n, w in enumerate(now):
                mean += exact["mu"][h][n] * w - exact["cost"][h][n] * abs(w - before[n])
                variance += sum(exact["cov"][h][n][m] * w * v for m, v in enumerate(now))
            before = now
        worth = mean * abs(mean) / variance
        if best is None or worth > best:
            best, first = worth, path
    return best, [list(held) for held in first]


def neighbours(problem, path):
    """Every path that differs in two assets of one horizon, or in the sign of one, within the bounds."""
    states = set(allowed(problem))
    for h, held in enumerate(path):
        for other in states:
            differing = [n for n, (x, y) in enumerate(zip(held, other, strict=True)) if x != y]
            if 1 <= len(differing) <= 2:
                yield [*path[:h], list(other), *path[h + 1 :]]


def _fractions(values):
    return [_fractions(each) for each in values] if getattr(values, "ndim", 0) else Fraction(float(values))
