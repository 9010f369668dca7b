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


def figures_of(out: Reals, n: int, periods_per_year: float, risk_free: float = 0.0) -> Reals:
    """Figures of configurations.

    Parameters
    ----------
    out : (len(OUT), c) float64
        Totals, see ``lane_layout.OUT``.
    n : int
        Number of returns.
    periods_per_year : float
    risk_free : float
        Return of a row that Sharpe and Sortino ratios are measured above.

    Returns
    -------
    (len(FIGURES), c) float64
        Total and annual (geometric) return; volatility, Sharpe and Sortino ratio of a year; annual return over the
        deepest drawdown; that drawdown as a share of its peak and the rows of the longest; weight traded in a year;
        sum of costs, each as a share of the value then; trades; share of positive returns; skew and kurtosis
        (biased, a normal distribution has 3). Ratios without a denominator are nan.

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
    variance = square - mean * mean
    flat = (variance <= _NO_VARIANCE[0] * square) | (variance <= _NO_VARIANCE[1])
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = np.where(flat, np.nan, np.sqrt(np.maximum(variance, 0.0)))
        volatility = np.where(flat, 0.0, spread * np.sqrt(n / max(n - 1, 1)))
        annual = np.where(row["value"] > RUINED, row["value"], 0.0) ** (periods_per_year / n) - 1.0
        worst = 1.0 - row["low"] / row["low_peak"]
        excess = mean - risk_free
        year = np.sqrt(periods_per_year)
        power = spread * spread
        third = row["s3"] / n - 3 * mean * square + 2 * mean**3
        fourth = row["s4"] / n - 4 * mean * row["s3"] / n + 6 * mean**2 * square - 3 * mean**4
        return np.stack([
            np.where(row["value"] > RUINED, row["value"], 0.0) - 1.0,
            annual,
            volatility * year,
            np.where(flat, np.nan, excess / volatility * year),
            np.where(row["down"] > 0.0, excess / np.sqrt(row["down"] / n) * year, np.nan),
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
