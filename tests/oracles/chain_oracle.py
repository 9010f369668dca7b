"""Plain-Python twins of the exact search: every path, one after the other, from the definition of the problem."""

from __future__ import annotations

import itertools
import math


def portfolios(assets, units):
    """Every vector of whole numbers whose absolute values add up to `units`, in lexicographic order."""
    span = range(-units, units + 1)
    return [state for state in itertools.product(span, repeat=assets) if sum(map(abs, state)) == units]


def price_of_change(problem, h, n, before, after):
    """What it costs to change asset n from weight `before` to `after`."""
    if problem.cost_fn == "table":
        change = round((after - before) * problem.units)
        return problem.cost[h][n][change + 2 * problem.units]
    size = abs(after - before)
    power = {"sqrt": 0.5, "linear": 1.0, "quadratic": 2.0}[problem.cost_fn]
    return problem.cost[h][n] * (size**power if size else 0.0)


def ratio(mean, variance):
    if variance > 0:
        return mean / math.sqrt(variance)
    return 0.0 if mean == 0 else math.copysign(math.inf, mean)


def all_paths(problem):
    """(mean, variance, path) of every path, depth first."""
    units, horizons, assets = problem.units, problem.horizons, problem.assets
    states = portfolios(assets, units)
    if problem.bounds is not None:
        low, high = problem.bounds
        states = [
            state for state in states if all(low[n] - 1e-9 <= state[n] / units <= high[n] + 1e-9 for n in range(assets))
        ]
    weights = [[count / units for count in state] for state in states]

    def gain(h, w):
        return sum(problem.mu[h][n] * w[n] for n in range(assets))

    def risk(h, w):
        return sum(w[a] * problem.cov[h][a][b] * w[b] for a in range(assets) for b in range(assets))

    def change(h, before, after):
        return sum(price_of_change(problem, h, n, before[n], after[n]) for n in range(assets))

    gains = [[gain(h, w) for w in weights] for h in range(horizons)]
    risks = [[max(risk(h, w), 0.0) for w in weights] for h in range(horizons)]

    def go(h, last, mean, variance, path):
        if h == horizons:
            end = 0.0 if problem.terminal is None else change(h - 1, weights[last], problem.terminal)
            yield mean - end, variance, path
            return
        for s, w in enumerate(weights):
            before = problem.w0 if last is None else weights[last]
            cost = change(h, before, w)
            yield from go(h + 1, s, mean + gains[h][s] - cost, variance + risks[h][s], (*path, states[s]))

    yield from go(0, None, 0.0, 0.0, ())


def best_value(problem):
    """Largest objective over every path, and the largest mean."""
    best = most = -math.inf
    for mean, variance, _ in all_paths(problem):
        most = max(most, mean)
        if problem.risk_aversion is None:
            best = max(best, ratio(mean, variance))
        else:
            best = max(best, mean - problem.risk_aversion * variance)
    return best, most


def best_chain(states, reward, risk, cost, start, aversion):
    """Largest sum of reward - aversion * risk - cost over every path of states, by trying all."""
    middle = (len(cost[0][0]) - 1) // 2
    best = -math.inf
    for path in itertools.product(range(len(states)), repeat=len(reward)):
        total, before = 0.0, start
        for h, s in enumerate(path):
            total += reward[h][s] - aversion * risk[h][s]
            if before is not None:
                total -= sum(cost[h][n][states[s][n] - before[n] + middle] for n in range(len(states[s])))
            before = states[s]
        best = max(best, total)
    return best
