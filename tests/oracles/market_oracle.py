"""Plain-Python twins of the formulas of market/: slow, short, and written from the definitions."""

from __future__ import annotations

import math
import statistics
from fractions import Fraction
from itertools import accumulate, pairwise


def units(size):
    """The trade that each unit of volume belongs to (small volumes only)."""
    return [trade for trade, amount in enumerate(size) for _ in range(amount)]


def split_by_units(size, edges):
    """Per bar the list of (trade, volume taken), by laying all contracts in a row."""
    row = units(size)
    bars = []
    for lo, hi in pairwise(edges):
        part = row[lo:hi]
        bars.append([(trade, part.count(trade)) for trade in sorted(set(part))])
    return bars


def split_by_sums(size, edges):
    """The same from cumulative sums in unlimited integers (any volumes)."""
    after = list(accumulate(int(amount) for amount in size))
    before = [0, *after[:-1]]
    bars = []
    for lo, hi in pairwise(int(edge) for edge in edges):
        taken = [(trade, min(hi, after[trade]) - max(lo, before[trade])) for trade in range(len(after))]
        bars.append([(trade, amount) for trade, amount in taken if amount > 0])
    return bars


def even_edges(total, bars):
    """Edge k is the least volume v with v * bars >= k * total."""
    return [math.ceil(Fraction(k * total, bars)) for k in range(bars + 1)]


def overshoot(weight, threshold):
    """Bars as lists of trades; the trade that reaches the threshold ends its bar."""
    bars, now = [], []
    for trade, _ in enumerate(weight):
        now.append(trade)
        if sum(weight[k] for k in now) >= threshold:
            bars.append(now)
            now = []
    return bars


def stands_for(kind, px, bar):
    """The price of a bar given as (trade, volume taken) pairs."""
    prices = [int(px[trade]) for trade, _ in bar]
    if kind == "close":
        return float(prices[-1])
    if kind == "median":
        return float(statistics.median([Fraction(price) for price in prices]))
    if kind == "mean":
        return float(Fraction(sum(prices), len(prices)))
    volume = sum(amount for _, amount in bar)
    return float(Fraction(sum(int(px[trade]) * amount for trade, amount in bar), volume))


def expanding_sigma(change, per_bucket):
    """Sample deviation of the changes of bars 1 .. (start of the bucket) - 1."""
    out = []
    for k in range(len(change)):
        known = [Fraction(value) for value in change[1 : k - k % per_bucket]]
        out.append(math.nan if len(known) < 2 else math.sqrt(statistics.variance(known)))
    return out


def buy_fraction(change, sigma, cdf):
    """Bulk volume classification with a given distribution function."""
    out = []
    for move, spread in zip(change, sigma, strict=True):
        if math.isnan(spread) or math.isnan(move):
            out.append(math.nan)
        elif spread == 0:
            out.append(0.5 if move == 0 else float(move > 0))
        else:
            out.append(cdf(move / spread))
    return out


def vpin(fraction, volume, per_bucket, window):
    """(bought, volume) per bucket, and VPIN per bucket in exact arithmetic."""
    buckets = []
    for b in range(len(volume) // per_bucket):
        part = range(b * per_bucket, (b + 1) * per_bucket)
        total = sum(int(volume[k]) for k in part)
        if any(math.isnan(fraction[k]) for k in part):
            buckets.append((None, total))
        else:
            buckets.append((sum(int(volume[k]) * Fraction(fraction[k]) for k in part), total))
    series = []
    for b in range(len(buckets)):
        part = buckets[max(0, b - window + 1) : b + 1]
        if len(part) < window or any(bought is None for bought, _ in part):
            series.append(math.nan)
        else:
            apart = sum(abs(bought - (total - bought)) for bought, total in part)
            series.append(float(Fraction(apart) / sum(total for _, total in part)))
    return buckets, series


def mid_rank(values, among):
    """Share of `among` below each value plus half the share equal to it."""
    return [
        (sum(other < value for other in group) + sum(other == value for other in group) / 2) / len(group)
        for value, group in zip(values, among, strict=True)
    ]


def expanding_mid_rank(values):
    return mid_rank(values, [values[: k + 1] for k in range(len(values))])


def largest_move(close, high, low, horizon):
    """Largest |log return| between any two of the prices from each close through the horizon."""
    out = []
    for b in range(len(close)):
        if b + horizon >= len(close):
            out.append(math.nan)
            continue
        prices = [close[b]] + [price for k in range(b + 1, b + horizon + 1) for price in (high[k], low[k])]
        out.append(max(abs(math.log(one / other)) for one in prices for other in prices))
    return out


def events(cdf, threshold):
    """(start, end, open) of each run above the threshold."""
    runs, start = [], None
    for b, value in enumerate(cdf):
        above = not math.isnan(value) and value > threshold
        if above and start is None:
            start = b
        elif not above and start is not None:
            runs.append((start, b, False))
            start = None
    if start is not None:
        runs.append((start, len(cdf) - 1, True))
    return runs
