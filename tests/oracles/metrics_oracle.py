"""Plain-Python twin of the metrics of paths: loops and lists, from the definitions."""

from __future__ import annotations

import math

NAN = float("nan")


def divided(above, below):
    return above / below if below else NAN


def percentile(values, share):
    """Linear between the two nearest of the sorted values."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def drawdown(returns):
    """Largest drawdown with its rows, the longest in rows, the end value, and whether it came to ruin."""
    value = peak = 1.0
    ruined, depth, start, trough, recovery = False, 0.0, -1, -1, -1
    since, longest, below = 0, 0, 0
    waiting = False
    for row, change in enumerate(returns):
        value *= 1.0 + change
        if ruined or value <= 0.0:
            ruined, value = True, 0.0
        if value >= peak:
            peak, since, below = value, row + 1, 0
            if waiting:
                recovery, waiting = row, False
        else:
            below += 1
            longest = max(longest, below)
        if 1.0 - value / peak > depth:
            depth, start, trough, recovery, waiting = 1.0 - value / peak, since, row, -1, True
    return value, depth, start, trough, recovery, longest, ruined


def is_flat(values):
    mean = math.fsum(values) / len(values)
    return math.fsum((v - mean) ** 2 for v in values) <= 1e-12 * math.fsum(v * v for v in values)


def measures(returns, benchmark=None, per_year=252.0, risk_free=0.0, required=0.0):
    """Everything about one path."""
    n = len(returns)
    mean = math.fsum(returns) / n
    end, depth, start, trough, recovery, longest, ruined = drawdown(returns)
    moments = [math.fsum((r - mean) ** power for r in returns) / n for power in (2, 3, 4)]
    flat = is_flat(returns)
    deviation = math.sqrt(moments[0] * n / (n - 1)) if n > 1 else NAN
    spread = NAN if flat else deviation
    short = [r - required for r in returns]
    downside = math.sqrt(math.fsum(min(x, 0.0) ** 2 for x in short) / n)
    annual = end ** (per_year / n) - 1.0
    found = {
        "total_return": end - 1.0,
        "annual_return": annual,
        "annual_volatility": 0.0 if flat and n > 1 else deviation * math.sqrt(per_year),
        "sharpe": (mean - risk_free) / spread * math.sqrt(per_year),
        "sortino": divided(math.fsum(short) / n * math.sqrt(per_year), downside) if n > 1 else NAN,
        "calmar": divided(annual, depth),
        "max_drawdown": depth,
        "drawdown_start": start,
        "drawdown_trough": trough,
        "drawdown_recovery": recovery,
        "longest_drawdown": longest,
        "skew": NAN if flat else moments[1] / moments[0] ** 1.5,
        "kurtosis": NAN if flat else moments[2] / moments[0] ** 2,
        "hit_rate": sum(r > 0.0 for r in returns) / n,
        "tail_ratio": divided(abs(percentile(returns, 0.95)), abs(percentile(returns, 0.05))),
        "best": max(returns),
        "worst": min(returns),
        "ruined": ruined,
    }
    if benchmark is not None:
        base = math.fsum(benchmark) / n
        var = math.fsum((b - base) ** 2 for b in benchmark)
        nothing = n < 2 or is_flat(benchmark)
        beta = NAN if nothing else math.fsum(r * (b - base) for r, b in zip(returns, benchmark, strict=True)) / var
        active = [r - b for r, b in zip(returns, benchmark, strict=True)]
        ahead = math.fsum(active) / n
        error = math.sqrt(math.fsum((a - ahead) ** 2 for a in active) / (n - 1)) if n > 1 else NAN
        same = is_flat(active)
        found["beta"] = beta
        gain = 1.0 + mean - risk_free - beta * (base - risk_free)
        found["alpha"] = gain**per_year - 1.0 if gain >= 0.0 else NAN
        found["tracking_error"] = 0.0 if same and n > 1 else error * math.sqrt(per_year)
        found["information_ratio"] = NAN if same else ahead / error * math.sqrt(per_year)
    return found
