"""The search of AFML chapter 21 in plain Python: every portfolio, every path, one score at a time."""

from __future__ import annotations

import itertools
import math


def holes(units, count):
    """Ways to put units into holes, by where each unit goes."""
    for places in itertools.combinations_with_replacement(range(count), units):
        yield [places.count(hole) for hole in range(count)]


def columns(units, assets):
    """Signed portfolios with the book's duplicates, in its order; 0.0 and -0.0 are the same number."""
    return [
        [sign * part / units + 0.0 for sign, part in zip(signs, parts, strict=True)]
        for parts in holes(units, assets)
        for signs in itertools.product((-1, 1), repeat=assets)
    ]


def costs(path, params):
    """Cost of each horizon of a path (a list of portfolios), from nothing held on."""
    paid, held = [], [0.0] * len(path[0])
    for portfolio, each in zip(path, params, strict=True):
        paid.append(sum(c * math.sqrt(abs(new - old)) for c, new, old in zip(each["c"], portfolio, held, strict=True)))
        held = portfolio
    return paid


def sharpe(path, params, paid):
    """Ratio of all means less costs to the root of all variances."""
    mean = variance = 0.0
    for portfolio, each, cost in zip(path, params, paid, strict=True):
        n = range(len(portfolio))
        mean += sum(portfolio[i] * each["mean"][i][0] for i in n) - cost
        variance += sum(portfolio[i] * each["cov"][i][j] * portfolio[j] for i in n for j in n)
    return mean / math.sqrt(variance)


def best(params, units):
    """Highest ratio of all paths, and the first path that has it."""
    portfolios = columns(units, len(params[0]["mean"]))
    top, chosen = None, None
    for path in itertools.product(portfolios, repeat=len(params)):
        found = sharpe(path, params, costs(path, params))
        if top is None or found > top:
            top, chosen = found, path
    return top, chosen
