"""Plain-Python twins of imbalance and runs bars and of trade signs: loops over lists, written from the definitions."""

from __future__ import annotations

from itertools import pairwise


def tick_rule(px):
    """Sign of the last change of price before or at each trade; 0 before the first."""
    signs = []
    for t in range(len(px)):
        changes = [later - before for before, later in pairwise(px[: t + 1]) if later != before]
        signs.append(0 if not changes else (1 if changes[-1] > 0 else -1))
    return signs


class Gain:
    """A mean that turns into an exponentially weighted one: the n-th value has the weight max(alpha, 1/n)."""

    def __init__(self, alpha):
        self.alpha, self.n, self.value = alpha, 0, 0.0

    def see(self, x):
        self.n += 1
        self.value += max(self.alpha, 1.0 / self.n) * (x - self.value)


def imbalance(signs, weights, expected, alpha_bars, alpha_trades, fewest, most):
    """Bars as lists of trades: |theta| >= E[T] |E[b w]|, never before the warm-up of `expected` trades."""
    per_bar, mean, level = float(expected), Gain(alpha_trades), None
    bars, now = [], []
    for t, (sign, weight) in enumerate(zip(signs, weights, strict=True)):
        now.append(t)
        mean.see(sign * weight)
        if t + 1 == expected:
            level = abs(mean.value)
        if level is None:
            continue
        theta = abs(sum(signs[k] * weights[k] for k in now))
        if len(now) >= most or (len(now) >= fewest and theta and theta >= per_bar * level):
            bars.append(now)
            per_bar += alpha_bars * (len(now) - per_bar)
            level, now = abs(mean.value), []
    return bars


def runs(signs, weights, expected, alpha_bars, alpha_trades, fewest, most):
    """Bars as lists of trades: the larger side against E[T] max(P E[w | buy], (1 - P) E[w | sell])."""
    per_bar, buy, sell = float(expected), Gain(alpha_trades), Gain(alpha_trades)
    share = level = None
    bars, now = [], []
    for t, (sign, weight) in enumerate(zip(signs, weights, strict=True)):
        now.append(t)
        if sign:
            (buy if sign > 0 else sell).see(weight)
        buys = [k for k in now if signs[k] > 0]
        sells = [k for k in now if signs[k] < 0]
        if t + 1 == expected:
            share = len(buys) / (len(buys) + len(sells)) if buys or sells else 0.5
            level = max(share * buy.value, (1 - share) * sell.value)
        if level is None:
            continue
        theta = max(sum(weights[k] for k in buys), sum(weights[k] for k in sells))
        if len(now) >= most or (len(now) >= fewest and theta and theta >= per_bar * level):
            bars.append(now)
            per_bar += alpha_bars * (len(now) - per_bar)
            if buys or sells:
                share += alpha_bars * (len(buys) / (len(buys) + len(sells)) - share)
            level, now = max(share * buy.value, (1 - share) * sell.value), []
    return bars


def weighted_median(px, bar):
    """Median over units of volume, of a bar given as (trade, volume taken) pairs (small volumes only)."""
    units = sorted(int(px[trade]) for trade, amount in bar for _ in range(amount))
    n = len(units)
    return (units[(n - 1) // 2] + units[n // 2]) / 2


def midquote_signs(trades, quotes, delay):
    """Lee and Ready by looking at every earlier quote for every trade: rows are tuples.

    A trade is (ts, px), a quote (ts, venue, bid_px, bid_size, ask_px, ask_size).
    """
    ticks = tick_rule([px for _, px in trades])
    signs = []
    for (ts, px), tick in zip(trades, ticks, strict=True):
        bids, asks = {}, {}
        for when, venue, bid, bid_size, ask, ask_size in quotes:
            if when < ts - delay:
                empty = not (bid or bid_size or ask or ask_size)  # both sides are withdrawn
                for side, price, size in ((bids, bid, bid_size), (asks, ask, ask_size)):
                    if size:
                        side[venue] = price
                    elif price or empty:
                        side.pop(venue, None)
        best_bid, best_ask = max(bids.values(), default=None), min(asks.values(), default=None)
        if best_bid is None or best_ask is None or best_bid > best_ask or 2 * px == best_bid + best_ask:
            signs.append(tick)
        else:
            signs.append(1 if 2 * px > best_bid + best_ask else -1)
    return signs
