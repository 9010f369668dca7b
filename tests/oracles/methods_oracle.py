"""Plain-Python twins of the portfolio methods: sums with fsum, and quadratic programs by trying every set of assets."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction


def mean(rows, i):
    return math.fsum(row[i] for row in rows) / len(rows)


def covariance(rows):
    """Covariances of the columns, ddof=1."""
    n = len(rows[0])
    middle = [mean(rows, i) for i in range(n)]

    def about(i, j):
        return math.fsum((row[i] - middle[i]) * (row[j] - middle[j]) for row in rows) / (len(rows) - 1)

    return [[about(i, j) for j in range(n)] for i in range(n)]


def growth(rows, i):
    product = 1.0
    for row in rows:
        product *= 1.0 + row[i]
    return product


def inverse_volatility(rows):
    cov = covariance(rows)
    moves = [len({row[i] for row in rows}) > 1 for i in range(len(cov))]
    inverse = [1.0 / math.sqrt(cov[i][i]) if moves[i] else 0.0 for i in range(len(cov))]
    return [value / math.fsum(inverse) for value in inverse]


def momentum(rows, top, skip):
    kept = rows[: len(rows) - skip]
    order = sorted(range(len(rows[0])), key=lambda i: (-growth(kept, i), i))
    return [1.0 / top if i in order[:top] else 0.0 for i in range(len(rows[0]))]


def time_series_momentum(rows, skip):
    kept, n = rows[: len(rows) - skip], len(rows[0])
    return [1.0 / n if growth(kept, i) > 1.0 else 0.0 for i in range(n)]


def ledoit_wolf(rows):
    """Share of the scaled identity, from the definition: squared distances of outer products to their mean."""
    n, count = len(rows[0]), len(rows)
    middle = [mean(rows, i) for i in range(n)]
    apart = [[row[i] - middle[i] for i in range(n)] for row in rows]
    cov = [[math.fsum(x[i] * x[j] for x in apart) / count for j in range(n)] for i in range(n)]
    level = math.fsum(cov[i][i] for i in range(n)) / n
    target = [[level if i == j else 0.0 for j in range(n)] for i in range(n)]
    pairs = list(itertools.product(range(n), repeat=2))
    distance = math.fsum((cov[i][j] - target[i][j]) ** 2 for i, j in pairs)
    noise = math.fsum((x[i] * x[j] - cov[i][j]) ** 2 for x in apart for i, j in pairs) / count**2
    return 0.0 if noise == 0.0 else min(noise / distance, 1.0)


def shrunk(cov, share):
    n = len(cov)
    level = math.fsum(cov[i][i] for i in range(n)) / n
    return [[(1 - share) * cov[i][j] + (share * level if i == j else 0.0) for j in range(n)] for i in range(n)]


def solved(matrix, right):
    """Solution of linear equations in exact fractions, or None if there is no single one."""
    n = len(right)
    rows = [[*matrix[i], right[i]] for i in range(n)]
    for k in range(n):
        pivot = next((i for i in range(k, n) if rows[i][k] != 0), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for i in range(n):
            if i != k and rows[i][k] != 0:
                share = rows[i][k] / rows[k][k]
                rows[i] = [a - share * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [rows[i][n] / rows[i][i] for i in range(n)]


def least_quadratic(cov, linear, full, long_only):
    """Weights that make w'Sw / 2 - c'w least: the stationary point of every set of assets, in exact fractions."""
    n = len(linear)
    exact = [[Fraction(value) for value in row] for row in cov]
    slopes = [Fraction(value) for value in linear]
    best, found = None, None
    sets = [tuple(range(n))]
    if long_only:
        sets = [held for size in range(n + 1) for held in itertools.combinations(range(n), size)]
    for held in sets:
        weights = stationary(exact, slopes, held, full)
        if weights is None or (long_only and min(weights) < 0):
            continue
        square = sum(weights[i] * exact[i][j] * weights[j] for i in held for j in held)
        value = square / 2 - sum(slopes[i] * weights[i] for i in held)
        if best is None or value < best:
            best, found = value, [float(weight) for weight in weights]
    return found


def stationary(cov, linear, held, full):
    size, weights = len(held), [Fraction(0)] * len(linear)
    if not held:
        return None if full else weights
    matrix = [[cov[i][j] for j in held] for i in held]
    right = [linear[i] for i in held]
    if full:
        matrix = [[*row, Fraction(1)] for row in matrix] + [[Fraction(1)] * size + [Fraction(0)]]
        right = [*right, Fraction(1)]
    solution = solved(matrix, right)
    if solution is None:
        return None
    for place, i in enumerate(held):
        weights[i] = solution[place]
    return weights


def volatility(cov, weights, periods_per_year):
    n = len(weights)
    variance = math.fsum(weights[i] * cov[i][j] * weights[j] for i in range(n) for j in range(n))
    return math.sqrt(variance * periods_per_year)
