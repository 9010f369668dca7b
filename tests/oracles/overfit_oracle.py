"""Plain-Python twins of the overfit statistics: one configuration, split, sample after the other, by definition."""

from __future__ import annotations

import itertools
import math
import statistics


def sharpe(returns, flat=0.0):
    """Mean over standard deviation (n - 1); `flat` where returns do not vary."""
    n = len(returns)
    mean = math.fsum(returns) / n
    square = math.fsum(r * r for r in returns)
    if n < 2 or math.fsum((r - mean) ** 2 for r in returns) <= 1e-12 * square:
        return flat
    return mean / math.sqrt(math.fsum((r - mean) ** 2 for r in returns) / (n - 1))


def first_best(values):
    return max(range(len(values)), key=lambda c: (values[c], -c))


def equal(a, b):
    return abs(a - b) <= 1e-9 * max(abs(a), abs(b))


def blocks_of(columns, blocks):
    """Rows of each block of each configuration; what is over at the end is left out."""
    length = len(columns[0]) // blocks
    return [[column[k * length : (k + 1) * length] for k in range(blocks)] for column in columns]


def joined(parts, places):
    return [r for k in places for r in parts[k]]


def cscv(parts, ties="low"):
    """(winner, ratio in sample, ratio out of sample, logit) of each split; parts[c][k] are rows of a block."""
    blocks, number = len(parts[0]), len(parts)
    found = []
    for inside in itertools.combinations(range(blocks), blocks // 2):
        outside = [k for k in range(blocks) if k not in inside]
        ratios = [sharpe(joined(one, inside)) for one in parts]
        tests = [sharpe(joined(one, outside)) for one in parts]
        winner = first_best(ratios)
        worse = sum(test < tests[winner] and not equal(test, tests[winner]) for test in tests)
        same = sum(equal(test, tests[winner]) for test in tests)
        rank = worse + 1 if ties == "low" else worse + (same + 1) / 2
        share = rank / (number + 1)
        found.append((winner, ratios[winner], tests[winner], math.log(share / (1 - share))))
    return found


def selection(parts, splits):
    """(winner, train ratio, test ratio, rank) of each split; a split is (train segments, test segments)."""
    found = []
    for train, test in splits:
        ratios = [sharpe(joined(one, train)) for one in parts]
        tests = [sharpe(joined(one, test)) for one in parts]
        winner = first_best(ratios)
        worse = sum(value < tests[winner] and not equal(value, tests[winner]) for value in tests)
        same = sum(equal(value, tests[winner]) for value in tests)
        found.append((winner, ratios[winner], tests[winner], (worse + same / 2) / len(parts)))
    return found


def rank(values):
    order = sorted(values)
    return [order.index(v) + (order.count(v) + 1) / 2 for v in values]


def spearman(a, b):
    a, b = rank(a), rank(b)
    return statistics.correlation(a, b) if len(set(a)) > 1 and len(set(b)) > 1 else math.nan


def largest_t(sums, counts, floor=0.25):
    """t of each configuration and the largest t of each sample; sums[c][k] are block sums less the benchmark's."""
    m = len(sums[0])
    ts, centred = [], []
    for x in sums:
        mean = math.fsum(x) / m
        square = math.fsum((v - mean) ** 2 for v in x)
        if square <= 1e-12 * math.fsum(v * v for v in x):
            ts.append(math.nan)
            centred.append(None)
            continue
        ts.append(mean / math.sqrt(square / (m - 1) / m))
        centred.append([v - mean for v in x])
    least = -math.sqrt(2 * math.log(math.log(m)))
    peaks = []
    for w in counts:
        best = -math.inf
        for t, x in zip(ts, centred, strict=True):
            if x is None or t < least:
                continue
            mean = math.fsum(k * v for k, v in zip(w, x, strict=True)) / m
            variance = math.fsum(k * (v - mean) ** 2 for k, v in zip(w, x, strict=True)) / (m - 1)
            variance = max(variance, floor * math.fsum(v * v for v in x) / (m - 1))
            best = max(best, mean / math.sqrt(variance / m))
        peaks.append(best)
    return ts, peaks


def romano_wolf(sums, counts):
    """Adjusted probability of each configuration, one step for each (Romano and Wolf 2016)."""
    ts, _ = largest_t(sums, counts)
    order = sorted((c for c in range(len(ts)) if not math.isnan(ts[c])), key=lambda c: -ts[c])
    p, floor = [math.nan] * len(ts), 0.0
    for place, c in enumerate(order):
        _, peaks = largest_t([sums[d] for d in order[place:]], counts)
        if math.isinf(peaks[0]):
            floor = 1.0
        else:
            floor = max(floor, (1 + sum(peak >= ts[c] for peak in peaks)) / (len(peaks) + 1))
        p[c] = floor
    return p
