"""Stylised facts of a market in numbers: tails, memory, leverage, ranges, volume."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.samples.market_checks import close_prices, ohlcv_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

LAGS, CELLS, OWN = 50, 4000, 12
SHORT, LONG = slice(0, 10), slice(10, LAGS)

FACTS = {
    "volatility": "standard deviation of log-returns, per bar",
    "kurtosis": "fourth moment of log-returns; 3 where they are normal",
    "skewness": "third moment of log-returns",
    "memory of returns": "mean autocorrelation of log-returns, lags 1 to 10",
    "clustering": "mean autocorrelation of their size, lags 1 to 10",
    "long memory": "mean autocorrelation of their size, lags 11 to 50",
    "leverage": "mean correlation of a log-return with the size of the next 10",
    "range over body": "mean log(high / low) over mean |log(close / open)|",
    "volume and size": "correlation of log volume with the size of the log-return",
}
"""What is measured, and how it is defined."""

RATIOS = np.array([name in {"volatility", "kurtosis", "range over body"} for name in FACTS])
"""Facts that are compared as ratios; the others as differences."""

LEAST = 4 * LAGS


def columns_of(data: Any, what: str) -> Reals:
    """Give what facts are computed from.

    Parameters
    ----------
    data : DataFrame of OHLCV or with a column close, Series, or (T,) array
        Prices; T at least 201.
    what : str
        How errors call it.

    Returns
    -------
    (T - 1, 4) float64
        Log-return; log(high / low); |log(close / open)|; log volume. NaN where a series has only closes, or a bar has
        no volume.

    Raises
    ------
    BadInput
        For prices that cannot be used, too few, or that never change.
    """
    names = {str(column).strip().lower() for column in getattr(data, "columns", ())}
    if {"open", "high", "low", "close", "volume"} <= names:
        rows = ohlcv_rows(data, what)
        return facts_columns(rows, what)
    closes = close_prices(data, what)
    rows = np.full((len(closes), 5), np.nan)
    rows[:, 3] = closes
    return facts_columns(rows, what)


def facts_columns(rows: Reals, what: str) -> Reals:
    """Give what facts are computed from, of (T, 5) rows; see :func:`columns_of`."""
    out = np.full((len(rows) - 1, 4), np.nan)
    with np.errstate(divide="ignore"):
        logs = np.log(rows)
    out[:, 0] = np.diff(logs[:, 3])
    out[:, 1] = (logs[:, 1] - logs[:, 2])[1:]
    out[:, 2] = np.abs(logs[:, 3] - logs[:, 0])[1:]
    out[:, 3] = np.where(rows[1:, 4] > 0.0, logs[1:, 4], np.nan)
    if len(out) < LEAST or not out[:, 0].std() > 1e-14:
        seen = f"{len(out):,} returns of standard deviation {out[:, 0].std():.3g}"
        raise BadInput(f"{what} has {seen}. Hint: give {LEAST:,} returns or more, of prices that change.")
    return out


def cells_of(columns: Reals) -> tuple[Reals, int]:
    """Give what facts are means of, added up in some thousand cells of neighbouring bars.

    Parameters
    ----------
    columns : (n, 4) float64
        See :func:`columns_of`.

    Returns
    -------
    (cells, 162) float64
        Means of each cell; products with later bars are those of the series, whatever is done with the cells. The last
        50 bars, and what is left over of a cell, are only the later ones.
    int
        Bars of a cell.
    """
    used = len(columns) - LAGS
    size = max(1, used // CELLS)
    count = used // size
    r = columns[:, 0] - columns[:, 0].mean()
    bare = np.abs(columns[:, 0])
    y = bare - bare.mean()
    known = np.isfinite(columns[:, 3])
    volume = np.where(known, columns[:, 3], 0.0)
    volume = np.where(known, volume - volume.sum() / max(1, known.sum()), 0.0)
    size_known = np.where(known, y, 0.0)
    out = np.empty((count, OWN + 3 * LAGS))
    single = [r**2, r**3, r**4, y**2, columns[:, 1], columns[:, 2], known * 1.0, volume, volume**2, size_known,
              size_known**2, volume * size_known]  # fmt: skip
    for k, values in enumerate(single):
        out[:, k] = values[: count * size].reshape(count, size).mean(axis=1)
    for lag in range(1, LAGS + 1):
        for k, (now, later) in enumerate(((r, r), (y, y), (r, y))):
            products = now[: count * size] * later[lag : lag + count * size]
            out[:, OWN + k * LAGS + lag - 1] = products.reshape(count, size).mean(axis=1)
    return out, size


def facts_of(means: Reals) -> tuple[Reals, Reals]:
    """Give the facts of :data:`FACTS`, and correlations by lag.

    Parameters
    ----------
    means : (..., 162) float64
        Of cells, see :func:`cells_of`.

    Returns
    -------
    (..., 9) float64
        NaN where the series does not tell.
    (..., 3, 50) float64
        Autocorrelation of log-returns, of their size; correlation of a log-return with the size so much later.
    """
    square, third, fourth, size_square = (means[..., k] for k in range(4))
    lines = means[..., OWN:].reshape(*means.shape[:-1], 3, LAGS)
    scale = np.stack([square, size_square, np.sqrt(square * size_square)], axis=-1)
    lines = lines / scale[..., None]
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = means[..., 4] / means[..., 5]
        known, v, vv, s, ss, vs = (means[..., k] for k in range(6, OWN))
        together = known * vs - v * s
        linked = together / np.sqrt((known * vv - v * v) * (known * ss - s * s))
    found = [np.sqrt(square), fourth / square**2, third / square**1.5, lines[..., 0, SHORT].mean(axis=-1),
             lines[..., 1, SHORT].mean(axis=-1), lines[..., 1, LONG].mean(axis=-1), lines[..., 2, SHORT].mean(axis=-1),
             np.where(np.isfinite(ratio), ratio, np.nan), np.where(np.isfinite(linked), linked, np.nan)]  # fmt: skip
    return np.stack(found, axis=-1), lines
