"""From the world's units to the store's and back: times to ns UTC, prices to ticks."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OFFSET = re.compile(r"[T ]\d\d(?::?\d\d)?[\d:.]*\s*(Z|z|([+-])(\d\d):?(\d\d)?)$")
_GRID_TOLERANCE = 1e-6  # of a tick: far above float64 noise, far below a real half tick


def to_ns(when: Any) -> int:
    """Convert a time to ns since 1970-01-01 UTC.

    Examples
    --------
    >>> to_ns("1970-01-01T00:00:01"), to_ns(7), to_ns("1970-01-01T01:00:01+01:00")
    (1000000000, 7, 1000000000)
    """
    message = (
        f"{when!r} is not a time. Hint: give int ns UTC, a datetime64 or an ISO 8601 string (UTC, or with an offset)."
    )
    if isinstance(when, (bool, np.bool_)):
        raise BadInput(message)
    if isinstance(when, (int, np.integer)):
        return int(when)
    try:
        clock, ahead = _without_zone(when)
        moment = np.datetime64(clock, "ns")
    except (ValueError, TypeError) as error:
        raise BadInput(message) from error
    if np.isnat(moment):
        raise BadInput("the time is NaT. Hint: leave it out for an open end.")
    return int(moment.astype(np.int64)) - ahead * 10**9


def has_zone(when: Any) -> bool:
    """Say whether a time says itself how far it is from UTC: a number of ns does, and what has an offset.

    Examples
    --------
    >>> has_zone("2024-01-31T16:00-05:00"), has_zone("2024-01-31"), has_zone(7)
    (True, False, True)
    """
    if isinstance(when, str):
        return _OFFSET.search(when) is not None
    return isinstance(when, int | np.integer) or getattr(when, "tzinfo", None) is not None


def _without_zone(when: Any) -> tuple[Any, int]:
    """Give a time by its own clock, and by how many seconds that is ahead of UTC; numpy takes no zones."""
    if isinstance(when, str):
        match = _OFFSET.search(when)
        if match is None or match[1] in {"Z", "z"}:
            return (when if match is None else when[: match.start(1)].rstrip()), 0
        sign, hours, minutes = match[2], int(match[3]), int(match[4] or 0)
        return when[: match.start(1)].rstrip(), (hours * 3600 + minutes * 60) * (-1 if sign == "-" else 1)
    offset = when.utcoffset() if getattr(when, "tzinfo", None) is not None else None
    return (when, 0) if offset is None else (when.replace(tzinfo=None), round(offset.total_seconds()))


def to_price(ticks: NDArray[Any], tick_size: float) -> NDArray[np.float64]:
    """Turn ticks into quote currency, correctly rounded where 1 / tick_size is a whole number.

    Examples
    --------
    >>> to_price(np.array([3]), 0.1)  # 3 * 0.1 would be 0.30000000000000004
    array([0.3])
    """
    inverse = 1.0 / tick_size
    whole = round(inverse)
    if whole >= 1 and abs(inverse - whole) <= 1e-9 * inverse:
        return np.asarray(ticks / float(whole), dtype=np.float64)
    return np.asarray(ticks * tick_size, dtype=np.float64)


def to_ticks(prices: NDArray[np.float64], tick_size: float) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Round prices to whole ticks and say which of them lay on the grid.

    Returns
    -------
    ticks : (T,) int64
        Nearest tick; 0 where the price is not finite or not representable.
    on_grid : (T,) bool
        True within a millionth of a tick (or float64 resolution, where that is coarser).

    Examples
    --------
    >>> to_ticks(np.array([1.5, 1.6]), 0.5)
    (array([3, 3]), array([ True, False]))
    """
    if not (math.isfinite(tick_size) and tick_size > 0):
        message = f"tick_size is {tick_size!r}. Hint: give the smallest price step, for example 0.25."
        raise BadInput(message)
    with np.errstate(invalid="ignore", over="ignore"):
        exact = prices / tick_size
        usable = np.isfinite(exact) & (np.abs(exact) < 2.0**53)
        ticks = np.rint(np.where(usable, exact, 0.0)).astype(np.int64)
        slack = np.maximum(_GRID_TOLERANCE, 4 * np.spacing(np.abs(exact)))
        on_grid = usable & (np.abs(exact - ticks) <= slack)
    return ticks, on_grid
