"""What is asked of numbers and prices that a market is made of."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.side_by_side import in_threads
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

MOST = 100.0
"""Largest mean and standard deviation of a log-return per bar that a model may have."""
COLUMNS = ("open", "high", "low", "close", "volume")


def check_number(
    spec: Any, name: str, *, least: float | None = None, most: float | None = None, above: float | None = None
) -> None:
    """Refuse what is no finite number in a range; make a float of it.

    Parameters
    ----------
    spec : frozen dataclass
        Whose field is checked, and replaced by a float.
    name : str
    least, most, above : float, optional
        Bounds; `above` is not allowed itself.

    Raises
    ------
    BadInput
        Naming the spec, the field and what was seen.
    """
    value = getattr(spec, name)
    owner = type(spec).__name__
    what = name if owner.startswith("_") else f"{owner}: {name}"
    bounds = [f"{word} {bound:g}" for word, bound in (("at least", least), ("more than", above), ("at most", most))
              if bound is not None]  # fmt: skip
    hint = f"Hint: give a finite number{', ' if bounds else ''}{' and '.join(bounds)}."
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise BadInput(f"{what} is {value!r}. {hint}")
    number = float(value)
    low = (least is None or number >= least) and (above is None or number > above)
    if not math.isfinite(number) or not low or (most is not None and number > most):
        raise BadInput(f"{what} is {value!r}. {hint}")
    object.__setattr__(spec, name, number)


def plain(spec: Any) -> dict[str, Any]:
    """Give the name and the fields of a spec, as plain values.

    Parameters
    ----------
    spec : dataclass
    """
    return {"model": type(spec).__name__, **asdict(spec)}


def whole(name: str, value: Any, least: int, most: int) -> int:
    """Give a whole number in a range.

    Parameters
    ----------
    name : str
    value : int
        A float that is whole (1e5) is taken too.
    least, most : int

    Raises
    ------
    BadInput
        For anything else.

    Examples
    --------
    >>> whole("n_bars", 1e5, 1, 10**9)
    100000
    """
    given = value.item() if isinstance(value, np.generic) else value
    good = isinstance(given, (int, float)) and not isinstance(given, bool) and math.isfinite(given)
    if not good or given != int(given) or not least <= given <= most:
        raise BadInput(f"{name} is {value!r}. Hint: give a whole number from {least:,} to {most:,}.")
    return int(given)


def check_out(out: Any, shape: tuple[int, ...], kinds: tuple[Any, ...] = (np.float64, np.float32)) -> None:
    """Refuse what closes cannot be written to.

    Parameters
    ----------
    out : array
    shape : tuple of int
    kinds : tuple of dtype
        That it may have.

    Raises
    ------
    BadInput
        For another shape or dtype than these, another order than C, or a read-only array.

    Examples
    --------
    >>> check_out(np.zeros(3), (3,))
    """
    hint = f"Hint: give a {' or '.join(str(np.dtype(kind)) for kind in kinds)} array {shape} in C order, or nothing"
    if not isinstance(out, np.ndarray):
        raise BadInput(f"out is {type(out).__name__}. {hint}.")
    flags = [word for word, bad in (("not in C order", not out.flags.c_contiguous),
                                    ("read-only", not out.flags.writeable)) if bad]  # fmt: skip
    if out.shape != shape or out.dtype not in kinds or flags:
        raise BadInput(f"{', '.join([f'out is {out.dtype} {out.shape}', *flags])}. {hint}.")


def check_prices(prices: NDArray[Any], where: Callable[[int], str], num_threads: int | None = 1) -> None:
    """Refuse prices that left what their dtype can hold: 0, infinite or no numbers.

    Parameters
    ----------
    prices : (n, A, T) float64 or float32, C order
    where : callable
        Says which path row i of n is.
    num_threads : int, optional

    Raises
    ------
    BadInput
        Naming the first path, asset and bar.

    Examples
    --------
    >>> check_prices(np.array([[[1.0, 2.0, np.inf]]]), "path {}".format)
    Traceback (most recent call last):
    atomloom.errors.BadInput: the price of path 0 is inf at bar 2: beyond float64. Hint: ...
    """

    def good(low: int, high: int) -> bool:
        part = prices[low:high]
        return bool(part.min() > 0.0 and part.max() < np.inf)  # both are NaN where one is

    grain = max(1, (1 << 16) // max(1, prices[0].size))
    if all(in_threads(good, [(low, low + grain) for low in range(0, len(prices), grain)], num_threads)):
        return
    row, asset, bar = (int(place) for place in np.argwhere(~((prices > 0.0) & (prices < np.inf)))[0])
    which = f" of asset {asset}" if prices.shape[1] > 1 else ""
    seen = f"the price{which} of {where(row)} is {float(prices[row, asset, bar])!r} at bar {bar:,}"
    hint = "a smaller mean and volatility, fewer bars, or another price to begin with"
    raise BadInput(f"{seen}: beyond {prices.dtype}. Hint: {hint}.")


def close_prices(data: Any, what: str = "prices") -> Reals:
    """Give the close prices of a frame, a series or an array.

    Parameters
    ----------
    data : DataFrame with a column close (any case), Series, or (T,) array
    what : str
        How errors call it.

    Returns
    -------
    (T,) float64

    Raises
    ------
    BadInput
        For fewer than two rows, prices that are not positive and finite, or a frame without such a column.

    Examples
    --------
    >>> close_prices([100, 101.5])
    array([100. , 101.5])
    """
    columns = getattr(data, "columns", None)
    found = data if columns is None else _column(data, "close", what)
    return _positive(found, f"{what}: close")


def ohlcv_rows(frame: Any, what: str = "frame") -> Reals:
    """Give open, high, low, close and volume of a frame as rows.

    Parameters
    ----------
    frame : DataFrame
        With these columns, in any case and order. Rows in time order.
    what : str
        How errors call it.

    Returns
    -------
    (R, 5) float64, C order

    Raises
    ------
    BadInput
        For columns that are missing, prices that are not positive and finite, a high below or a low above the other
        prices, a volume that is negative or not finite, times that do not increase, or fewer than two rows.
    """
    if getattr(frame, "columns", None) is None:
        raise BadInput(f"{what} is a {type(frame).__name__}. Hint: give a DataFrame with {', '.join(COLUMNS)}.")
    own = [_positive(_column(frame, name, what), f"{what}: {name}") for name in COLUMNS[:4]]
    volume = _numbers(_column(frame, "volume", what), f"{what}: volume")
    _refuse(~(np.isfinite(volume) & (volume >= 0.0)), volume, f"{what}: volume", "give finite numbers, 0 or more.")
    op, high, low, close = own
    _refuse(high < np.maximum(op, close), high, f"{what}: high", "a high is at least open and close.")
    _refuse(low > np.minimum(op, close), low, f"{what}: low", "a low is at most open and close.")
    times = getattr(frame, "index", None)
    if times is not None and not times.is_monotonic_increasing:
        raise BadInput(f"{what}: rows are not in time order. Hint: frame.sort_index().")
    return np.ascontiguousarray(np.column_stack([*own, volume]))


def _column(frame: Any, name: str, what: str) -> Any:
    names = [column for column in frame.columns if str(column).strip().lower() == name]
    if len(names) != 1:
        seen = ", ".join(map(str, list(frame.columns)[:12]))
        problem = f"has {len(names)} columns {name!r} (columns: {seen})"
        raise BadInput(f"{what} {problem}. Hint: exactly one column {name}, in any case.")
    return frame[names[0]]


def _numbers(values: Any, what: str) -> Reals:
    try:
        found = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{what}: {error}. Hint: give numbers.") from None
    if found.ndim != 1 or len(found) < 2:
        raise BadInput(f"{what} has shape {found.shape}. Hint: give two rows or more, in one dimension.")
    return np.ascontiguousarray(found)


def _positive(values: Any, what: str) -> Reals:
    found = _numbers(values, what)
    _refuse(~(np.isfinite(found) & (found > 0.0)), found, what, "prices are finite and more than 0; drop other rows.")
    return found


def _refuse(bad: NDArray[np.bool_], values: Reals, what: str, hint: str) -> None:
    if bad.any():
        first = int(np.argmax(bad))
        seen = f"{what} has {int(bad.sum()):,} bad values (first {float(values[first])!r} in row {first:,})"
        raise BadInput(f"{seen}. Hint: {hint}")
