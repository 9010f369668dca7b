"""One portfolio for each train window: walk-forward and cross-validation of a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, JobFailed
from atomloom.portfolio.adapt import ranges_of
from atomloom.portfolio.fitted_weights import method_name
from atomloom.portfolio.method_table import METHODS
from atomloom.portfolio.overlays import overlay_all
from atomloom.portfolio.row_windows import RowWindows, WindowError
from atomloom.portfolio.sample_input import take_returns
from atomloom.portfolio.target_spec import check_method, check_overlay
from atomloom.portfolio.weight_work import ANYWHERE, Order, Workers, fit_orders

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]


def window_weights(
    returns: Any,
    method: Any,
    windows: Any,
    parameters: Mapping[str, Any] | None = None,
    *,
    volatility_target: float | None = None,
    volatility_lookback: int | None = None,
    max_leverage: float | None = None,
    periods_per_year: float = 252.0,
    times: Any = None,
    names: Sequence[str] | None = None,
    num_threads: int | None = None,
    executor: Any = None,
    progress: Any = False,
) -> Reals:
    """Fit a method to every train window.

    Parameters
    ----------
    returns : (T, N) float64 or DataFrame
        Rows in time order.
    method : str, callable or estimator
        As of :class:`TargetSpec`.
    windows : (starts, stops), or splitter
        A tuple of two (K,) arrays of integers, the rows from starts[k] to stops[k] - 1; or anything that
        :func:`ranges_of` takes, whose train rows are the windows. A train window of several ranges (purged or
        combinatorial cross-validation) is worked as one sample.
    parameters : mapping, optional
        Of the method. Unlike in a table the ``lookback`` is that of the whole window; where it is given, of its last
        rows.
    volatility_target, volatility_lookback, max_leverage, periods_per_year
        As of :class:`TargetSpec`; the volatility is that of the whole window unless told.
    times : (T,), optional
        Of the rows, for splitters that go by time; a data frame has them.
    names : sequence of str, optional
        Of the assets; a data frame has them.
    num_threads, executor, progress
        As of :func:`build_tables`.

    Returns
    -------
    (K, N) float64
        Weights; what they leave of 1 is cash.

    Raises
    ------
    BadInput
        For returns, windows or parameters that cannot be used.
    JobFailed
        If the method has no weights for some window; the message says which.
    MissingExtra
        If the method needs a package that is not there.

    Notes
    -----
    A formula takes microseconds per window (of 20 assets), a fit in Python milliseconds; see :func:`build_tables`.

    Examples
    --------
    >>> returns = np.array([[0.01, -0.02], [-0.01, 0.02], [0.02, -0.01], [0.01, 0.01]])
    >>> window_weights(returns, "inverse_volatility", ([0, 1], [3, 4])).round(3)
    array([[0.577, 0.423],
           [0.5  , 0.5  ]])
    """
    sample = take_returns(returns, names)
    train = _train_windows(windows, len(sample.returns), _times(returns) if times is None else times)
    given = dict(parameters or {})
    checked = check_method(method, given)
    overlay = check_overlay(volatility_target, volatility_lookback, max_leverage, periods_per_year)
    fitted = train.last(checked["lookback"] if "lookback" in given else None)
    _check_counts(fitted, method, checked, overlay["volatility_target"] is not None)
    workers = Workers(num_threads, executor, progress)
    (found,) = fit_orders(sample, [Order(method, checked, fitted)], workers)
    if not isinstance(found, WindowError):
        (found,) = overlay_all(sample, [(found, train.last(volatility_lookback), overlay)], workers)
    if isinstance(found, WindowError):
        where = "" if found.window == ANYWHERE else f" in window {found.window:,}"
        raise JobFailed(f"{method_name(method)}{where}: {found.message.rstrip('.')}.")
    return found


def _times(returns: Any) -> Any:
    """Give the index of a data frame if it has times."""
    index = getattr(returns, "index", None)
    return index if getattr(getattr(index, "dtype", None), "kind", "") == "M" else None


def _train_windows(windows: Any, n: int, times: Any) -> RowWindows:
    if isinstance(windows, RowWindows):
        return windows
    if isinstance(windows, tuple) and len(windows) == 2:
        start, stop = _bounds(windows[0]), _bounds(windows[1])
        if start is not None and stop is not None and len(start) == len(stop):
            bad = np.flatnonzero((start < 0) | (stop > n) | (stop <= start))
            if len(bad):
                k = bad[0]
                message = f"window {k:,} is rows {start[k]:,} to {stop[k]:,}, of {n:,}"
                raise BadInput(f"{message}. Hint: 0 <= start < stop <= {n:,}.")
            return RowWindows(start, stop, np.arange(len(start) + 1))
    splits = ranges_of(windows, n, times)
    return RowWindows(splits.train_start, splits.train_stop, splits.train_first)


def _bounds(given: Any) -> Any:
    try:
        found = np.asarray(given)
    except ValueError:  # rows of different lengths
        return None
    return found.astype(np.int64) if found.ndim == 1 and found.dtype.kind in "iu" else None


def _check_counts(windows: RowWindows, method: Any, parameters: Mapping[str, Any], risk: bool) -> None:
    """Refuse windows with fewer rows than the method can use."""
    least = max(METHODS[method].least_rows if isinstance(method, str) else 1, 2 if risk else 0)
    least = max(least, parameters.get("skip", 0) + 1 if isinstance(method, str) else 0)
    few = np.flatnonzero(windows.counts < least)
    if len(few):
        k = few[0]
        message = f"window {k:,} has {windows.counts[k]:,} rows, and {method_name(method)} needs {least:,}"
        raise BadInput(f"{message}. Hint: give longer train windows.")
