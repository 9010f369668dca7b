"""Sweeps to try: prices, grids drawn at random, and each configuration worked by the plain-Python twins."""

from __future__ import annotations

import numpy as np

from atomloom.portfolio import Grid
from oracles import methods_oracle
from oracles.portfolio_oracle import simulate_one

DEFAULTS = {
    "threshold": 0.0,
    "relative": False,
    "interval": 21,
    "lag": 1,
    "cost": 0.0,
    "slippage": 0.0,
    "fixed_cost": 0.0,
}
STEPS = {"target": 1.0, "band": 0.0}


def walk(seed: int, rows: int = 400, assets: int = 3, size: float = 0.012) -> np.ndarray:
    """Prices (rows, assets) of random walks."""
    return 100.0 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0004, size, (rows, assets)), axis=0))


def days(rows: int) -> np.ndarray:
    """Weekdays, as many as there are rows."""
    return np.busday_offset("2015-01-01", np.arange(rows), roll="forward").astype("datetime64[ns]")


def drawn_grid(rng: np.random.Generator, *, timed: bool = True) -> Grid:
    """A grid of some configurations, all of one lag; without calendars where there are no times."""
    others = ["cash", "equal_weight", "inverse_volatility", "time_series_momentum"]
    some = {
        "top": [1, 2],
        "refit": [1, 10, 21],
        "threshold": [0.0, 0.01, 0.05, float("inf")],
        "interval": [1, 5, 30],
        "calendar": [None, "week", "month"],
        "trade": ["target", "band", 0.5],
        "cost": [0.0, 0.001],
        "slippage": [0.0, 0.0005],
        "fixed_cost": [0.0, 0.0001],
        "relative": [False, True],
    }
    if not timed:
        del some["calendar"]
    methods = ["momentum", *rng.choice(others, 2, replace=False).tolist()]
    axes = {"method": methods, "lookback": [5, 12], "top": 2}
    for name in rng.choice(list(some), 4, replace=False):
        values = some[str(name)]
        axes[str(name)] = [values[k] for k in sorted(rng.choice(len(values), min(2, len(values)), replace=False))]
    return Grid(**axes, lag=int(rng.integers(0, 3)))


def target_of(config: dict, rows: list) -> list:
    """Weights by a plain-Python method from a window of returns."""
    method, assets = config["method"], len(rows[0])
    if method == "equal_weight":
        return [1.0 / assets] * assets
    if method == "cash":
        return [0.0] * assets
    if method == "fixed":
        return list(config["weights"])
    lookback = config.get("lookback", 252)
    window = rows[len(rows) - lookback :]
    if method == "inverse_volatility":
        return methods_oracle.inverse_volatility(window)
    if method == "momentum":
        return methods_oracle.momentum(window, config.get("top", 5), config.get("skip", 0))
    return methods_oracle.time_series_momentum(window, config.get("skip", 0))


def open_rows(times: np.ndarray, calendar: str | None, rows: int) -> list[bool]:
    """Whether a calendar is open on each price row: on the last of each week or month that a later one follows."""
    if calendar is None:
        return [True] * rows
    unit = {"week": lambda day: day.isocalendar()[:2], "month": lambda day: (day.year, day.month)}[calendar]
    period = [unit(day) for day in times.astype("datetime64[D]").astype(object)]
    return [k + 1 < rows and period[k + 1] != period[k] for k in range(rows)]


def plain_path(
    prices: np.ndarray, config: dict, start: int, *, times=None, stop: int | None = None, fresh=(0,), **market
):
    """Values after each return, and what trading came to, by plain Python."""
    own = DEFAULTS | {name: value for name, value in config.items() if value is not None}
    returns = (prices[1:] / prices[:-1] - 1.0).tolist()
    first = start - own["lag"]
    held: dict[int, list] = {}

    def target_at(row: int) -> list:
        decided = first + (row - first) // own.get("refit", 21) * own.get("refit", 21)
        if own["method"] in {"equal_weight", "fixed", "cash"}:
            decided = first
        if decided not in held:
            held[decided] = target_of(own, returns[:decided] or [[0.0] * prices.shape[1]])
        return held[decided]

    trade = own.get("trade", "target")
    return simulate_one(
        prices.tolist(), target_at, start=start, n=len(prices) - 1 - start,
        threshold=own["threshold"], relative=own["relative"], interval=own["interval"],
        open_rows=open_rows(times, own.get("calendar"), len(prices)), step=STEPS.get(trade, trade), lag=own["lag"],
        cost=own["cost"] + own["slippage"], fee=own["fixed_cost"], **market,
    )  # fmt: skip


def returns_of(values) -> np.ndarray:
    """Returns of a path of values that begins at 1."""
    path = np.concatenate([[1.0], values])
    return path[1:] / path[:-1] - 1.0
