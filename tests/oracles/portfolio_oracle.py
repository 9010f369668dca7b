"""Plain-Python twin of the simulation: one portfolio, money in each asset, one row after the other."""

import math

NOTHING = 1e-12
LEAST_TARGET = 1e-9


def drift_of(money, target, value, relative):
    apart = [abs(x / value - w) for x, w in zip(money, target, strict=True)]
    if relative:
        apart = [d / max(abs(w), LEAST_TARGET) for d, w in zip(apart, target, strict=True)]
    return max(apart)


def simulate_one(  # noqa: PLR0915 - a portfolio's life, told in one piece
    prices,
    target_at,
    *,
    start,
    n,
    threshold=0.0,
    relative=False,
    interval=1,
    open_rows=None,
    step=1.0,
    lag=0,
    cost=0.0,
    fee=0.0,
    scale=None,
    cash_rate=0.0,
    borrow_rate=0.0,
    fresh=(0,),
):
    """Values after each of n returns, and what trading came to.

    ``target_at(row)`` is the target decided at a price row; step 0 is trading to the band.
    """
    n_assets = len(prices[0])
    scale = [1.0] * n_assets if scale is None else scale
    capital = value = 1.0
    book = {"turnover": 0.0, "cost": 0.0, "trades": 0, "ruin_row": -1}
    money, cash, pending, not_before = [0.0] * n_assets, 1.0, None, 0
    values = []

    def trade(target, value, how_far):
        weights = [x / value for x in money]
        change = [abs(t - w) for t, w in zip(target, weights, strict=True)]
        if how_far == 0.0:
            most = drift_of(money, target, value, relative)
            how_far = 1.0 - min(threshold, most) / most if most > 0 else 0.0
            if how_far == 0.0:
                return "lapsed"
        paid = cost * how_far * sum(d * s for d, s in zip(change, scale, strict=True))
        paid += fee * sum(d > NOTHING for d in change) * capital / value
        book["turnover"] += how_far * sum(change)
        book["cost"] += paid
        book["trades"] += 1
        left = value * (1.0 - paid)
        if not left > 0.0:
            return None
        weights = [w + how_far * (t - w) for t, w in zip(target, weights, strict=True)]
        return [w * left for w in weights], left * (1.0 - sum(weights)), left

    for e in range(n):
        row = start + e
        if e in fresh and value != 1e-30:
            capital = value
            money, pending = [0.0] * n_assets, None
            done = trade(target_at(row - lag), value, 1.0)
            if done is None:
                money, cash, book["ruin_row"] = [0.0] * n_assets, 1e-30, row
                not_before = math.inf
            else:
                money, cash, _ = done
                not_before = row + max(interval - lag, 1)
        row += 1
        money = [x * prices[row][i] / prices[row - 1][i] for i, x in enumerate(money)]
        if cash != 1e-30:
            cash *= 1.0 + (cash_rate if cash > 0 else borrow_rate)
        value = cash + sum(money)
        if not value > 0.0 or value == 1e-30:
            if value != 1e-30:
                book["ruin_row"] = row
            money, cash, value, pending, not_before = [0.0] * n_assets, 1e-30, 1e-30, None, math.inf
            values.append(value)
            continue
        traded = None
        if pending is not None and pending[0] == row:
            traded, pending = pending[1], None
        elif pending is None and row >= not_before and (open_rows is None or open_rows[row]):
            target = target_at(row)
            if drift_of(money, target, value, relative) > threshold:
                if lag:
                    pending = (row + lag, target)
                else:
                    traded = target
        if traded is not None:
            done = trade(traded, value, step)
            if done is None:
                money, cash, value, not_before = [0.0] * n_assets, 1e-30, 1e-30, math.inf
                book["ruin_row"] = row
            elif done == "lapsed":
                not_before = row + 1
            else:
                money, cash, value = done
                not_before = row + max(interval - lag, 1)
        values.append(value)
    return values, book


def statistics_of(values):
    """Sums of powers of returns, squares of losses, positive returns, deepest drawdown and the longest one in rows."""
    before, peak, peak_row, deepest, longest = 1.0, 1.0, 0, 0.0, 0
    sums, down, hits = [0.0] * 4, 0.0, 0
    for row, value in enumerate(values, start=1):
        r = (value - before) / before
        sums = [s + r**k for k, s in enumerate(sums, start=1)]
        down += min(r, 0.0) ** 2
        hits += r > 0
        if value >= peak:
            peak, peak_row = value, row
        deepest = max(deepest, 1.0 - value / peak)
        longest = max(longest, row - peak_row)
        before = value
    return {"sums": sums, "down": down, "hits": hits, "deepest": deepest, "longest": longest}
