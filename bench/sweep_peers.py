"""The sweep of fixed weights as others do it: a plain Python loop, and vectorbt's simulation by order functions.

Each configuration is a set of weights, a drift threshold, a least interval and a cost; prices are 1,000 rows of four
assets. Both are called in a process of their own, and give configurations per second and some of the figures.
"""

from __future__ import annotations

import math
import time

import numpy as np

ROWS, ASSETS = 1001, 4


def market(seed, rows=ROWS, assets=ASSETS):
    return np.exp(np.cumsum(np.random.default_rng(seed).normal(2e-4, 0.015, (rows, assets)), axis=0))


def asked(number, seed, assets=ASSETS):
    rng = np.random.default_rng([seed, 1])
    return {
        "weights": rng.dirichlet(np.ones(assets), number),
        "threshold": rng.choice([0.01, 0.02, 0.03, 0.05, 0.08, 0.1], number),
        "interval": rng.choice([1, 5, 10, 21, 42, 63], number),
        "cost": rng.choice([0.0, 0.0005, 0.001, 0.002], number),
    }


def one(prices, target, threshold, interval, cost):
    """Nine figures of one configuration, by Python floats."""
    value, held, trades, turnover, paid, last = 1.0, None, 0, 0.0, 0.0, 0
    values = []
    for row, closes in enumerate(prices):
        if held is not None:
            money = [h * p for h, p in zip(held, closes, strict=True)]
            value = sum(money)
            weights = [x / value for x in money]
            wants = row - last >= interval and max(abs(w - t) for w, t in zip(weights, target, strict=True)) > threshold
        else:
            weights, wants = [0.0] * len(target), True
        if wants:
            moved = sum(abs(w - t) for w, t in zip(weights, target, strict=True))
            value *= 1.0 - cost * moved
            held = [t * value / p for t, p in zip(target, closes, strict=True)]
            trades, turnover, paid, last = trades + 1, turnover + moved, paid + cost * moved, row
        values.append(value)
    returns = [b / a - 1.0 for a, b in zip([1.0, *values[1:-1]], values[1:], strict=True)]
    n = len(returns)
    mean = sum(returns) / n
    deviation = math.sqrt(sum((r - mean) ** 2 for r in returns) / (n - 1))
    down = math.sqrt(sum(min(r, 0.0) ** 2 for r in returns) / n)
    peak, worst = 1.0, 0.0
    for v in values[1:]:
        peak = max(peak, v)
        worst = max(worst, 1.0 - v / peak)
    annual = value ** (252 / n) - 1.0
    year = math.sqrt(252)
    return (value - 1.0, annual, deviation * year, mean / deviation * year, mean / down * year,
            annual / worst, worst, turnover * 252 / n, trades)  # fmt: skip


def plain(number, seed):
    prices, ask = market(seed).tolist(), asked(number, seed)
    columns = [ask[name].tolist() for name in ("weights", "threshold", "interval", "cost")]
    began = time.perf_counter()
    found = [one(prices, *each) for each in zip(*columns, strict=True)]
    return {"rate": number / (time.perf_counter() - began), "figures": found}


def vectorbt(number, seed, part=250):
    """Simulate by order functions; six of the nine figures."""
    import numba
    import vectorbt as vbt
    from vectorbt.portfolio import nb
    from vectorbt.portfolio.enums import SizeType

    @numba.njit
    def before_group(c):  # noqa: ARG001 - vectorbt's face
        return (np.full(1, -1000000, dtype=np.int64),)

    @numba.njit
    def before_segment(c, last, closes, weights, thresholds, intervals):
        value = c.last_cash[c.group]
        for col in range(c.from_col, c.to_col):
            c.last_val_price[col] = closes[c.i, col]
            value += c.last_position[col] * closes[c.i, col]
        wants = c.i == 0
        if not wants and c.i - last[0] >= intervals[c.group]:
            for col in range(c.from_col, c.to_col):
                drift = abs(c.last_position[col] * closes[c.i, col] / value - weights[col])
                wants = wants or drift > thresholds[c.group]
        if wants:
            last[0] = c.i
            for k in range(c.group_len):  # sell first
                c.call_seq_now[k] = k
            moves = np.empty(c.group_len)
            for k in range(c.group_len):
                col = c.from_col + k
                moves[k] = weights[col] * value - c.last_position[col] * closes[c.i, col]
            c.call_seq_now[:] = np.argsort(moves)
        return (wants, value)

    @numba.njit
    def order(c, wants, value, closes, weights, costs):
        if not wants:
            return nb.order_nothing_nb()
        size = weights[c.col] * value / closes[c.i, c.col]
        return nb.order_nb(size, closes[c.i, c.col], SizeType.TargetAmount, fees=costs[c.group])

    prices, ask = market(seed), asked(number, seed)

    def some(first, last):
        count = last - first
        closes = np.tile(prices, (1, count))
        groups = np.repeat(np.arange(count), prices.shape[1])
        weights = ask["weights"][first:last].ravel()
        folio = vbt.Portfolio.from_order_func(
            closes, order, closes, weights, ask["cost"][first:last],
            pre_group_func_nb=before_group, pre_segment_func_nb=before_segment,
            pre_segment_args=(closes, weights, ask["threshold"][first:last], ask["interval"][first:last]),
            group_by=groups, cash_sharing=True, init_cash=1e6, freq="1D", update_value=False,
        )  # fmt: skip
        returns = folio.returns_acc
        return [folio.total_return(), returns.annualized(), returns.annualized_volatility(), returns.sharpe_ratio(),
                returns.sortino_ratio(), returns.max_drawdown()]  # fmt: skip

    some(0, min(part, number))
    began = time.perf_counter()
    parts = [some(first, min(first + part, number)) for first in range(0, number, part)]
    seconds = time.perf_counter() - began
    return {"rate": number / seconds, "total": np.concatenate([np.asarray(one[0]) for one in parts]).tolist()}


def installed(module):
    from importlib.util import find_spec

    return find_spec(module) is not None


def real_returns():
    """Daily returns of 20 stocks, 8,312 rows; made ones where the data are not there."""
    from atomloom.data import sp500_20
    from atomloom.portfolio import read_prices

    return read_prices(sp500_20()).returns()


def walked(train, test):
    """Walk forward by inverse volatility as skfolio does it; gives its seconds and the weights."""
    from skfolio.model_selection import WalkForward, cross_val_predict
    from skfolio.optimization import InverseVolatility

    returns = real_returns()
    cross_val_predict(InverseVolatility(), returns[:600], cv=WalkForward(test_size=test, train_size=train))
    times = []
    for _ in range(3):
        began = time.perf_counter()
        found = cross_val_predict(InverseVolatility(), returns, cv=WalkForward(test_size=test, train_size=train))
        times.append(time.perf_counter() - began)
    return {"seconds": sorted(times)[1], "weights": [list(map(float, part.weights)) for part in found.portfolios]}


def split_by_skfolio(rows, folds, tests):
    import tracemalloc

    from skfolio.model_selection import CombinatorialPurgedCV

    dummy = np.zeros((rows, 1))
    began = time.perf_counter()
    splits = sum(1 for _ in CombinatorialPurgedCV(n_folds=folds, n_test_folds=tests).split(dummy))
    seconds = time.perf_counter() - began
    tracemalloc.start()
    next(iter(CombinatorialPurgedCV(n_folds=folds, n_test_folds=tests).split(dummy)))
    return {"seconds": seconds, "splits": splits, "bytes": tracemalloc.get_traced_memory()[1]}


def million(rows, assets, thin=1):
    """Sweep a million configurations in this process, verdict and all; gives seconds of each stage and peak memory."""
    import resource

    from atomloom.portfolio import Grid, WalkForward, sweep

    prices = market(3, rows, assets)
    grid = Grid(
        method=["inverse_volatility", "minimum_variance", "momentum", "time_series_momentum"],
        lookback=[21, 42, 63, 84, 105, 126, 189, 252],
        threshold=np.linspace(0.0, 0.2, 41)[::thin].tolist(),
        interval=[1, 2, 3, 5, 10, 15, 21, 42, 63, 84, 105, 126, 160, 189, 252],
        cost=np.linspace(0.0, 0.005, 51)[::thin].tolist(),
    )
    n = rows - 254
    began = time.perf_counter()
    found = sweep(prices, grid, splits=WalkForward(n // 4, n // 12))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    told = found.verdict
    return {
        "seconds": seconds, "stages": found.seconds, "peak": peak, "number": len(found),
        "windows": found.splits.n_splits, "pbo": told.pbo.value, "p": told.steps.p_value,
    }  # fmt: skip


def process():
    """Run the command line once, as a user does; gives the seconds of the whole process."""
    import subprocess
    import sys
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        started = "from atomloom.app.front import main; main()"
        command = [sys.executable, "-c", started, "sweep", "--quick", "--quiet"]
        began = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)
        return {"seconds": time.perf_counter() - began}
