"""What a path of returns is worth: return, risk, drawdown and shape, for one path or many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.path_measures import FIELDS, PathMetrics

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Reals = NDArray[np.float64]
    Measures = dict[str, NDArray[Any]]

_TILE = 1 << 20  # numbers at a time: what is made on the way stays in the caches
_FLAT = 1e-12  # share of the mean square that is still no variance


def path_metrics(
    returns: ArrayLike,
    *,
    benchmark: ArrayLike | None = None,
    turnover: ArrayLike | None = None,
    costs: ArrayLike | None = None,
    periods_per_year: float = 252.0,
    risk_free: float = 0.0,
    required: float = 0.0,
) -> PathMetrics:
    """Measure paths of returns.

    Parameters
    ----------
    returns : (n,) or (n, C) array_like, Series or DataFrame
        Simple return of each period, as a share (0.01 is one per cent); a column for each path.
    benchmark : (n,) array_like, optional
        Returns of what paths are compared with.
    turnover : (n,) or (n, C) array_like, optional
        Sum of absolute changes of weights in each period.
    costs : (n,) or (n, C) array_like, optional
        Costs of each period as a share of the value; `returns` are after costs already.
    periods_per_year : float
        252 for days of trading, 365 for days, 52 for weeks.
    risk_free : float
        Return of cash in each period, not in a year.
    required : float
        Return of each period below which the Sortino ratio counts a loss.

    Returns
    -------
    metrics : PathMetrics
        Floats for one path, (C,) arrays for many.

    Raises
    ------
    BadInput
        For returns that are missing or not finite, no period at all, another number of rows in what goes with them,
        indices that differ, and no positive number of periods in a year.

    Notes
    -----
    With r_t the returns, v_0 = 1, v_t = v_{t-1} (1 + r_t), P periods in a year:

    - total return v_n - 1; annual return v_n^(P/n) - 1; annual volatility s sqrt(P), s with n - 1;
    - Sharpe ratio mean(r - risk_free) / s * sqrt(P); Sortino ratio mean(x) / sqrt(mean(min(x, 0)^2)) * sqrt(P) with
      x = r - required;
    - drawdown 1 - v_t / max(v_0..v_t), positive; Calmar is the annual return by the largest of them;
    - skewness m_3 / m_2^(3/2) and kurtosis m_4 / m_2^2 of central moments by n, not in excess of 3;
    - hit rate: share of periods with a return above 0; tail ratio: 95th percentile by the size of the 5th;
    - beta cov(r, b) / var(b); alpha (1 + mean(r - rf - beta (b - rf)))^P - 1; tracking error std(r - b) sqrt(P);
      information ratio mean(r - b) / std(r - b) * sqrt(P).

    What would be divided by zero is NaN: the Sharpe ratio of constant returns (a variance of at most 1e-12 of the mean
    square is none), Sortino without a loss, Calmar without a drawdown, everything with a standard deviation where n is
    1. A value at or below zero is a ruin: from there on it is 0, the total return -1 and the drawdown 1. These are the
    definitions of empyrical-reloaded, which gives drawdowns below zero, infinity for constant returns and for Sortino
    without a loss, leaves out NaN, lets values below zero go on, and does not annualise the information ratio
    (``excess_sharpe``). O(n C log n) time for the percentiles; memory for a tile of paths beside the returns.

    Examples
    --------
    >>> found = path_metrics([0.10, -0.50, 0.20, 0.80], periods_per_year=4)
    >>> print(f"{found.total_return:.3f} {found.max_drawdown:.2f} {found.longest_drawdown} {found.hit_rate}")
    0.188 0.50 2 0.75
    >>> path_metrics([[0.1, 0.0], [-0.1, 0.0]]).max_drawdown
    array([0.1, 0. ])
    """
    table, names = _table(returns, "returns")
    n = len(table)
    if n == 0:
        raise BadInput("returns has no row. Hint: give at least one period.")
    scalars = {"periods_per_year": periods_per_year, "risk_free": risk_free, "required": required}
    for name, value in scalars.items():
        scalars[name] = _number(value, name, positive=name == "periods_per_year")
    per_year = scalars["periods_per_year"]
    extras = {}
    for name, given in (("turnover", turnover), ("costs", costs)):
        if given is not None:
            table_of = _beside(given, name, returns, table)
            total = np.ascontiguousarray(table_of.T).sum(axis=1)
            extras[name] = np.broadcast_to(total * (per_year / n if name == "turnover" else 1.0), table.shape[1:])
    against = None if benchmark is None else _beside(benchmark, "benchmark", returns, table)
    if against is not None and against.shape[1] != 1:
        raise BadInput(f"benchmark has shape {against.shape}. Hint: one return for each period.")
    width = max(1, _TILE // n)
    tiles = [
        _measure(np.ascontiguousarray(table[:, k : k + width].T), against, scalars)
        for k in range(0, table.shape[1], width)
    ]
    found: dict[str, Any] = {name: np.concatenate([tile[name] for tile in tiles]) for name in tiles[0]}
    found.update(extras)
    if np.ndim(returns) == 1:
        found = {name: values[0].item() for name, values in found.items()}
    missing: dict[str, Any] = dict.fromkeys(name for name in FIELDS if name not in found)
    return PathMetrics(n_periods=n, periods_per_year=per_year, names=names, **found, **missing)


def _measure(paths: Reals, benchmark: Reals | None, scalars: dict[str, float]) -> Measures:
    """Measure paths that lie in rows, (C, n)."""
    per_year, n = scalars["periods_per_year"], paths.shape[1]
    with np.errstate(all="ignore"):
        found = _drawdowns(paths)
        end = 1.0 + found["total_return"]
        found["annual_return"] = end ** (per_year / n) - 1.0
        mean = paths.mean(axis=1)
        central = paths - mean[:, None]
        squares = np.square(central)
        flat = squares.sum(axis=1) <= _FLAT * np.square(paths).sum(axis=1)
        deviation = np.sqrt(squares.sum(axis=1) / (n - 1)) if n > 1 else np.full(len(paths), np.nan)
        found["annual_volatility"] = np.where(flat & (n > 1), 0.0, deviation) * per_year**0.5
        found["sharpe"] = (mean - scalars["risk_free"]) / np.where(flat, np.nan, deviation) * per_year**0.5
        short = paths - scalars["required"]
        downside = np.sqrt(np.square(np.minimum(short, 0.0)).mean(axis=1))
        found["sortino"] = short.mean(axis=1) * per_year**0.5 / np.where((downside > 0.0) & (n > 1), downside, np.nan)
        found["calmar"] = found["annual_return"] / np.where(found["max_drawdown"] > 0.0, found["max_drawdown"], np.nan)
        second = np.where(flat, np.nan, squares.mean(axis=1))
        found["skew"] = (squares * central).mean(axis=1) / second**1.5
        found["kurtosis"] = np.square(squares).mean(axis=1) / second**2
        found["hit_rate"] = (paths > 0.0).mean(axis=1)
        low, high = np.percentile(paths, (5.0, 95.0), axis=1)
        found["tail_ratio"] = np.abs(high) / np.where(low == 0.0, np.nan, np.abs(low))
        found["best"], found["worst"] = paths.max(axis=1), paths.min(axis=1)
        if benchmark is not None:
            found.update(_beside_benchmark(paths, benchmark[:, 0], mean, scalars))
    return found


def _drawdowns(paths: Reals) -> Measures:
    """Follow the values of paths: where they end, and their largest and longest drawdown."""
    n = paths.shape[1]
    values = np.cumprod(1.0 + paths, axis=1)
    ruined = np.minimum.reduce(values, axis=1) <= 0.0
    if ruined.any():
        values[ruined] *= np.logical_and.accumulate(values[ruined] > 0.0, axis=1)
    peaks = np.maximum.accumulate(np.maximum(values, 1.0), axis=1)
    depth = 1.0 - values / peaks
    deepest = depth.max(axis=1)
    trough = depth.argmax(axis=1)
    under = values < peaks
    row = np.arange(n)
    above = np.where(under, -1, row)  # rows at a peak
    last_above = np.maximum.accumulate(above, axis=1)
    next_above = np.minimum.accumulate(np.where(under, n, row)[:, ::-1], axis=1)[:, ::-1]
    paths_at = np.arange(len(paths))
    recovery = next_above[paths_at, trough]
    some = deepest > 0.0
    return {
        "total_return": values[:, -1] - 1.0,
        "max_drawdown": deepest,
        "drawdown_start": np.where(some, last_above[paths_at, trough] + 1, -1),
        "drawdown_trough": np.where(some, trough, -1),
        "drawdown_recovery": np.where(some & (recovery < n), recovery, -1),
        "longest_drawdown": (row - last_above).max(axis=1),
        "ruined": ruined,
    }


def _beside_benchmark(paths: Reals, benchmark: Reals, mean: Reals, scalars: dict[str, float]) -> Measures:
    """Compare paths with a benchmark."""
    per_year, cash, n = scalars["periods_per_year"], scalars["risk_free"], paths.shape[1]
    base = benchmark - benchmark.mean()
    spread = float(np.square(base).sum())
    flat = n < 2 or spread <= _FLAT * float(np.square(benchmark).sum())
    beta = np.full(len(paths), np.nan) if flat else (paths * base).sum(axis=1) / spread
    gain = 1.0 + mean - cash - beta * (benchmark.mean() - cash)
    alpha = np.where(gain >= 0.0, gain, np.nan) ** per_year - 1.0
    active = paths - benchmark
    central = active - active.mean(axis=1)[:, None]
    same = np.square(central).sum(axis=1) <= _FLAT * np.square(active).sum(axis=1)
    deviation = np.sqrt(np.square(central).sum(axis=1) / (n - 1)) if n > 1 else np.full(len(paths), np.nan)
    return {
        "beta": beta,
        "alpha": alpha,
        "tracking_error": np.where(same & (n > 1), 0.0, deviation) * per_year**0.5,
        "information_ratio": active.mean(axis=1) / np.where(same, np.nan, deviation) * per_year**0.5,
    }


def _table(given: Any, name: str) -> tuple[Reals, tuple[str, ...] | None]:
    """Take (n,) or (n, C) numbers as (n, C) float64, with the names of columns where they have some."""
    try:
        raw = np.asarray(given)
        table = np.asarray(raw, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name} is no table of numbers: {str(error).rstrip('.')}. Hint: give floats.") from error
    if raw.dtype.kind not in "iufO" and raw.size:
        raise BadInput(f"{name} holds {raw.dtype}. Hint: give floats.")
    if table.ndim not in {1, 2} or (table.ndim == 2 and table.shape[1] == 0):
        raise BadInput(f"{name} has shape {table.shape}. Hint: give (n,) for one path or (n, C) for many.")
    bad = ~np.isfinite(table)
    if bad.any():
        count, row = int(bad.sum()), int(np.argwhere(bad)[0][0])
        values = "value that is" if count == 1 else "values that are"
        message = f"{name} has {count:,} {values} not finite (first at row {row:,})"
        raise BadInput(f"{message}. Hint: drop those rows, or set them to 0 where nothing was held.")
    columns = getattr(given, "columns", None)
    names = None if columns is None else tuple(str(column) for column in columns)
    return (table[:, None] if table.ndim == 1 else table), names


def _beside(given: Any, name: str, returns: Any, table: Reals) -> Reals:
    """Take what goes with returns: as many rows, the same index, one column or as many."""
    found, _ = _table(given, name)
    if len(found) != len(table) or found.shape[1] not in {1, table.shape[1]}:
        raise BadInput(f"{name} has shape {np.shape(given)} and returns {np.shape(returns)}. Hint: give as many rows.")
    indices = (getattr(returns, "index", None), getattr(given, "index", None))
    if all(hasattr(index, "equals") for index in indices) and not indices[0].equals(indices[1]):  # type: ignore[union-attr]
        raise BadInput(f"the index of {name} is not that of returns. Hint: align them first.")
    return found


def _number(value: Any, name: str, *, positive: bool) -> float:
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise BadInput(f"{name} is {value!r}. Hint: give a number.")
    if not np.isfinite(value) or (positive and value <= 0):
        raise BadInput(f"{name} is {value!r}. Hint: give a {'positive' if positive else 'finite'} number.")
    return float(value)
