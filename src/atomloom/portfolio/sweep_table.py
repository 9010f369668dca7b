"""The figures of every configuration, from the sums that its simulation left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.portfolio.lane_layout import OUT, RUINED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

FIGURES = (
    "total_return", "annual_return", "volatility", "sharpe", "sortino", "calmar", "max_drawdown", "drawdown_rows",
    "turnover", "costs", "trades", "hit_rate", "skew", "kurtosis",
)  # fmt: skip
"""Columns of a sweep's table, as :func:`figures_of` explains them."""
_NO_VARIANCE = 1e-12, 1e-24  # of the mean square of returns; of 1: below is rounding


def above_rate(out: Reals, segments: Reals, lengths: NDArray[np.int64], rate: float) -> tuple[Reals, Reals]:
    """Turn sums of powers of returns into those of returns less a rate.

    Parameters
    ----------
    out : (len(OUT), c) float64
    segments : (2, G, c) float64
    lengths : (G,) int64
        Returns of each segment.
    rate : float

    Examples
    --------
    >>> out, parts = np.array([[3.0], [5.0], [9.0], [17.0]]), np.array([[[3.0]], [[5.0]]])  # of 1 and 2
    >>> above_rate(out, parts, np.array([2]), 1.0)[0].ravel()
    array([1., 1., 1., 1.])
    """
    if rate == 0.0:
        return out, segments
    n = lengths[:, None].astype(np.float64)
    parts = np.stack([segments[0] - rate * n, segments[1] - 2 * rate * segments[0] + rate**2 * n])
    m, (s1, s2, s3, s4) = float(lengths.sum()), out[:4]
    moved = out.copy()
    moved[0] = s1 - rate * m
    moved[1] = s2 - 2 * rate * s1 + rate**2 * m
    moved[2] = s3 - 3 * rate * s2 + 3 * rate**2 * s1 - rate**3 * m
    moved[3] = s4 - 4 * rate * s3 + 6 * rate**2 * s2 - 4 * rate**3 * s1 + rate**4 * m
    return moved, parts


def rounded(sums: Reals, lengths: NDArray[np.int64]) -> Reals:
    """Round sums of returns and of their squares to what can be told: a 2^-42 of how much returns vary.

    Configurations that do the same in a window then have the same sums in it (but for one in a thousand): values
    differ by what came before, and so the last bits of returns, which ranks would tell apart.

    Parameters
    ----------
    sums : (2, G, c) float64
    lengths : (G,) int64

    Examples
    --------
    >>> once, again = (rounded(np.array([[[0.1 + tiny]], [[0.02]]]), np.array([5])) for tiny in (0.0, 1e-15))
    >>> bool((once == again).all()), abs(float(once[0, 0, 0]) - 0.1) < 1e-13
    (True, True)
    """
    s1, s2 = sums
    exponent = np.frexp(s2)[1]
    squares = np.ldexp(np.rint(np.ldexp(s2, 42 - exponent)), exponent - 42)
    step = np.frexp(np.sqrt(s2 * lengths[:, None]))[1] - 42
    return np.stack([np.ldexp(np.rint(np.ldexp(s1, -step)), step), squares])


def figures_of(out: Reals, n: int, periods_per_year: float, mean_return: Reals | None = None) -> Reals:
    """Figures of configurations.

    Parameters
    ----------
    out : (len(OUT), c) float64
        Totals, see ``lane_layout.OUT``; powers of what Sharpe ratios are made of (returns above a rate, say).
    n : int
        Number of returns.
    periods_per_year : float
    mean_return : (c,) float64, optional
        Of the returns themselves, for the Sortino ratio; that of ``out`` where not given.

    Returns
    -------
    (len(FIGURES), c) float64
        Total and annual (geometric) return; volatility, Sharpe and Sortino ratio (of losses below 0) of a year; annual
        return over the deepest drawdown; that drawdown as a share of its peak and the rows of the longest; weight
        traded in a year; sum of costs, each as a share of the value then; trades; share of positive returns; skew and
        kurtosis (biased, a normal distribution has 3). Ratios without a denominator are nan.

    Examples
    --------
    >>> r = np.array([0.1, -0.05, 0.1])
    >>> sums = [(r**k).sum() for k in (1, 2, 3, 4)]
    >>> out = np.array([*sums, 0.0025, 2, 1.045, 1.1, 1, 1.1495, 1.0, 0.0, 1, -1])[:, None]
    >>> found = dict(zip(FIGURES, figures_of(out, 3, 3.0)[:, 0].round(4).tolist()))
    >>> found["total_return"], found["sharpe"], found["max_drawdown"], found["hit_rate"]
    (0.1495, 1.0, 0.05, 0.6667)
    """
    row = dict(zip(OUT, out, strict=True))
    mean, square = row["s1"] / n, row["s2"] / n
    earned = mean if mean_return is None else mean_return
    variance = square - mean * mean
    flat = (variance <= _NO_VARIANCE[0] * square) | (variance <= _NO_VARIANCE[1])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = np.where(flat, np.nan, np.sqrt(np.maximum(variance, 0.0)))
        volatility = np.where(flat, 0.0, spread * np.sqrt(n / max(n - 1, 1)))
        annual = np.where(row["value"] > RUINED, row["value"], 0.0) ** (periods_per_year / n) - 1.0
        worst = 1.0 - row["low"] / row["low_peak"]
        year = np.sqrt(periods_per_year)
        power = spread * spread
        even = mean * mean
        third = row["s3"] / n - 3 * mean * square + 2 * even * mean
        fourth = row["s4"] / n - 4 * mean * row["s3"] / n + 6 * even * square - 3 * even * even
        return np.stack([
            np.where(row["value"] > RUINED, row["value"], 0.0) - 1.0,
            annual,
            volatility * year,
            np.where(flat, np.nan, mean / volatility * year),
            np.where(row["down"] > 0.0, earned / np.sqrt(row["down"] / n) * year, np.nan),
            np.where(worst > 0.0, annual / worst, np.nan),
            worst,
            row["under"],
            row["turnover"] * (periods_per_year / n),
            row["cost"],
            row["trades"],
            row["hits"] / n,
            third / (spread * power),
            fourth / (power * power),
        ])  # fmt: skip
