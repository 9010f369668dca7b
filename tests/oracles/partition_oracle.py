"""Plain-Python twins of the partition, cost and grid formulas; slow, obvious, independent."""

from __future__ import annotations

import heapq
import itertools
import math
from fractions import Fraction


def book_linear(n, parts):
    """AFML 20.5 in whole numbers: ceil(i n / k)."""
    k = min(parts, n)
    return [0] if k == 0 else [-(-i * n // k) for i in range(k + 1)]


def book_nested(n, parts, upper=False):
    """AFML 20.6, statement by statement, empty molecules included."""
    bounds, k = [0], min(parts, n)
    for _ in range(k):
        part = 1 + 4 * (bounds[-1] ** 2 + bounds[-1] + n * (n + 1.0) / k)
        bounds.append((-1 + part**0.5) / 2.0)
    bounds = [round(bound) for bound in bounds]  # round() is half to even, as np.round
    if upper:
        sizes = [b - a for a, b in itertools.pairwise(bounds)][::-1]
        bounds = [0, *itertools.accumulate(sizes)]
    return bounds


def nested_root(n, parts, m):
    """The real boundary m of a lower triangle, to 60 digits, as a Fraction from below."""
    digits = 10**60
    value = Fraction(4 * m * n * (n + 1), parts) + 1
    return (Fraction(math.isqrt(value.numerator * digits**2 // value.denominator), digits) - 1) / 2


def loads(cost, bounds):
    return [math.fsum(cost[a:b]) for a, b in itertools.pairwise(bounds)]


def least_bottleneck(cost, parts):
    """Dynamic programme over all contiguous partitions into at most ``parts`` molecules."""
    n = len(cost)
    best = [0.0] + [math.inf] * n
    for _ in range(parts):
        best = [min(max(best[a], math.fsum(cost[a:b])) for a in range(b + 1)) if b else 0.0 for b in range(n + 1)]
    return best[n]


def quantile_cuts(cost, parts):
    """For each share of the total: is this boundary among those nearest to it?  Returns the sets."""
    sums = [math.fsum(cost[:i]) for i in range(len(cost) + 1)]
    found = []
    for m in range(1, parts):
        share = sums[-1] * m / parts
        gap = min(abs(s - share) for s in sums)
        found.append({i for i, s in enumerate(sums) if abs(s - share) <= gap * (1 + 1e-9) + 1e-12 * sums[-1]})
    return found


def list_schedule(loads_, workers):
    """Makespan when each free worker takes the next molecule, in order."""
    free = [0.0] * workers
    for load in loads_:
        heapq.heappush(free, heapq.heappop(free) + load)
    return max(free)


def grid_points(axes):
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
