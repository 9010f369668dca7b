"""Prices of some assets over time: what every portfolio is made from."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.row_times import RowTimes, take_times

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_DAY = 86_400_000_000_000
_LEAST_ROWS = 3
_NONE = (str, bytes, bool, np.bool_, complex)  # no prices, though float64 could be made of most


@dataclass(frozen=True)
class Prices:
    """Prices in time order, one column for each asset; made by :func:`as_prices`.

    Attributes
    ----------
    values : (T, N) float64, C-contiguous, read-only
        Quote currency; finite and above 0.
    names : tuple of str
        Of the assets.
    times : (T,) int64 or None
        ns since 1970-01-01 UTC.
    wall : (T,) int64 or None
        The same by the clock of their time zone; calendars go by it.
    memo : dict or None
        Tables of targets that a search has made and may want again.

    Examples
    --------
    >>> prices = as_prices([[1.0, 2.0], [1.1, 2.0], [1.2, 2.1]], names=["A", "B"])
    >>> prices
    Prices(3 rows, 2 assets: A, B)
    >>> prices.returns().round(3)
    array([[0.1  , 0.   ],
           [0.091, 0.05 ]])
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    times: NDArray[np.int64] | None = None
    wall: NDArray[np.int64] | None = None
    memo: dict[Any, Any] | None = field(default=None, repr=False, compare=False)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def n_assets(self) -> int:
        """Number of assets."""
        return int(self.values.shape[1])

    def returns(self) -> NDArray[np.float64]:
        """Give the returns from each row to the next, (T - 1, N): p[t + 1] / p[t] - 1."""
        return self.values[1:] / self.values[:-1] - 1.0

    def periods_per_year(self) -> float:
        """Rows in a year of 365.25 days, as the times have it; 252 where there are none.

        Days that are traded on 252 times a year or so count as 252.
        """
        if self.times is None:
            return 252.0
        years = float(self.times[-1] - self.times[0]) / (365.25 * _DAY)
        found = (len(self) - 1) / years
        return 252.0 if 240.0 <= found <= 265.0 else found

    def row_at(self, moment: Any) -> int:
        """First row at or after a moment; T if there is none.

        A moment without a zone is one by the clock of the prices; a whole number is ns UTC.

        Raises
        ------
        BadInput
            If the prices have no times.
        """
        if self.times is None:
            raise BadInput("the prices have no times. Hint: give a row number, or prices with times.")
        from atomloom.store.units import has_zone, to_ns  # noqa: PLC0415 - only where moments are given

        clock = self.times if has_zone(moment) or self.wall is None else self.wall
        return int(np.append(np.flatnonzero(clock >= to_ns(moment)), len(self))[0])

    def __repr__(self) -> str:
        named = ", ".join(self.names[:4]) + (", ..." if self.n_assets > 4 else "")
        return f"Prices({len(self):,} rows, {self.n_assets} assets: {named})"


def as_prices(data: Any, *, times: Any = None, names: Sequence[str] | None = None) -> Prices:
    """Take prices from an array or a frame, and refuse what no portfolio can be valued with.

    Parameters
    ----------
    data : (T, N) array, DataFrame, Series or Prices
        Rows in time order; a Series or a (T,) array is one asset. A frame's columns give the names and its index the
        times: times, dates, text in ISO 8601, or periods (their ends); whole numbers are no times.
    times : (T,) int64 ns UTC or datetime64, optional
        Instead of those of the index.
    names : sequence of str, optional

    Returns
    -------
    Prices

    Raises
    ------
    BadInput
        For prices that are missing, infinite, zero or negative, or no numbers (text, flags, complex ones); times that
        repeat or go back; an index of anything else; fewer than three rows.

    Examples
    --------
    >>> as_prices([[1.0], [float("nan")], [1.2]])
    Traceback (most recent call last):
    atomloom.errors.BadInput: prices has 1 NaN (first at row 1, asset 'asset_0'). Hint: drop those rows or assets, or
    fill them from the row before.
    """
    if isinstance(data, Prices):
        if times is not None or names is not None:
            raise BadInput("these prices have their times and names. Hint: leave out times and names.")
        return data
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(data, pandas.Series):
        data = data.to_frame(data.name if data.name is not None else "asset_0")
    if pandas is not None and isinstance(data, pandas.DataFrame):
        names = [str(name) for name in data.columns] if names is None else names
        times = index_times(data.index, "the index of prices") if times is None else times
    values = _numbers(data, data.dtypes if pandas is not None and isinstance(data, pandas.DataFrame) else ())
    values = values[:, None] if values.ndim == 1 else values
    return _checked(values, times, names)


def index_times(index: Any, name: str) -> RowTimes | None:
    """Take the times of a frame's index; None where it counts rows.

    Parameters
    ----------
    index : pandas.Index
        Of times, dates, text in ISO 8601, or periods, which count as their ends (their last day, where they
        are no shorter); or of whole numbers.
    name : str
        For the message.

    Raises
    ------
    BadInput
        For an index of anything else.

    Examples
    --------
    >>> import pandas as pd
    >>> months = pd.period_range("2024-01", periods=2, freq="M")
    >>> index_times(months, "the index").ns.astype("datetime64[ns]").astype("datetime64[D]")
    array(['2024-01-31', '2024-02-29'], dtype='datetime64[D]')
    >>> index_times(pd.RangeIndex(2), "the index") is None
    True
    """
    import pandas as pd  # noqa: PLC0415 - is there already, where an index is

    kinds = {type(each) for each in index} if index.dtype.kind == "O" else {type(index[0])} if len(index) else set()
    if all(issubclass(kind, int | np.integer) and kind is not bool for kind in kinds):
        return None
    if isinstance(index, pd.DatetimeIndex):
        return take_times(index, name, ordered=False)
    hint = "make it times (pd.to_datetime), or drop it (reset_index(drop=True)) where there are none"
    seen = f"{name} is of {type(index[0]).__name__} ({index[0]}, ...)"
    periods = isinstance(index, pd.PeriodIndex)
    if not periods and not all(issubclass(kind, str | date | np.datetime64) for kind in kinds):
        raise BadInput(f"{seen}: neither times nor row numbers. Hint: {hint}.")
    try:
        if periods:
            made = index.to_timestamp(how="end").floor("us")
            made = made.normalize() if made[0] - index[0].start_time > pd.Timedelta("23h") else made
        else:
            made = pd.DatetimeIndex(pd.to_datetime(list(index), format="ISO8601" if str in kinds else None))
    except (TypeError, ValueError, OverflowError) as error:
        told = str(error).splitlines()[0].split(". ")[0].rstrip(".")
        raise BadInput(f"{seen}: {told}. Hint: {hint}.") from error
    return take_times(made, name, ordered=False)


def _numbers(data: Any, columns: Any) -> NDArray[np.float64]:
    """Take numbers, and neither text nor flags that could be read as such."""
    hint = "Hint: one column of numbers for each asset"
    try:
        held = np.asarray(data)
        kinds = {held.dtype.kind} | {dtype.kind for dtype in columns}
        found = np.array(held, dtype=np.float64, order="C") if kinds <= set("iufO") else None
    except (TypeError, ValueError) as error:
        raise BadInput(f"prices are no numbers ({error}). {hint}.") from error
    if found is None or (held.dtype.kind == "O" and any(isinstance(each, _NONE) for each in held.flat)):
        raise BadInput(f"prices are no numbers: there are texts, flags, times or complex ones among them. {hint}.")
    return found


def _checked(values: NDArray[np.float64], times: Any, names: Sequence[str] | None) -> Prices:
    if values.ndim != 2 or values.shape[1] == 0:
        raise BadInput(f"prices have shape {values.shape}. Hint: rows of time by columns of assets.")
    if len(values) < _LEAST_ROWS:
        raise BadInput(f"prices have {len(values)} rows. Hint: give at least {_LEAST_ROWS}; a portfolio needs returns.")
    called = tuple(f"asset_{i}" for i in range(values.shape[1])) if names is None else tuple(map(str, names))
    if len(called) != values.shape[1] or len(set(called)) != len(called):
        seen = f"{len(called)} names, {len(set(called))} of them different, for {values.shape[1]} assets"
        raise BadInput(f"{seen}. Hint: one name for each column.")
    _refuse(values, called)
    values.flags.writeable = False
    if times is None:
        return Prices(values, called)
    taken = take_times(times.ns if isinstance(times, RowTimes) else times, "times", len(values))
    taken = taken._replace(wall=times.wall) if isinstance(times, RowTimes) else taken
    return Prices(values, called, taken.ns, taken.wall)


def _refuse(values: NDArray[np.float64], names: tuple[str, ...]) -> None:
    if np.isfinite(values).all() and values.min() > 0.0:
        return
    kinds = (
        ("NaN", np.isnan(values), "drop those rows or assets, or fill them from the row before"),
        ("infinite values", np.isinf(values), "drop those rows"),
        ("values at or below 0", values <= 0.0, "prices must be above 0 (add no spreads, adjust no further)"),
    )
    for kind, where, hint in kinds:
        if where.any():
            row, asset = (int(k[0]) for k in np.nonzero(where))
            seen = f"prices has {int(where.sum()):,} {kind} (first at row {row:,}, asset {names[asset]!r})"
            raise BadInput(f"{seen}. Hint: {hint}.")
