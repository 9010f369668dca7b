"""Periods of a clock: which one a time lies in, and when it begins."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

_DAY = 86_400_000_000_000
_MONDAY = 4 * _DAY  # 1970-01-05


def periods_of(times: Ints, width: int, tz: str | None) -> Ints:
    """Give the number of the period that each time lies in; days and weeks (from Monday) by the clock of a zone.

    Parameters
    ----------
    times : (n,) int64
        ns UTC.
    width : int
        Length of a period, ns.
    tz : str or None
        Only days and weeks go by it.

    Examples
    --------
    >>> periods_of(np.array([0, 86_400_000_000_000]), 86_400_000_000_000, None)
    array([0, 1])
    """
    wall = times
    if _zoned(width, tz):
        import pandas as pd  # noqa: PLC0415 - only where there is a zone

        wall = np.asarray(pd.DatetimeIndex(times, tz="UTC").tz_convert(tz).tz_localize(None).as_unit("ns").asi8)
    shift = _MONDAY if width % (7 * _DAY) == 0 else 0
    return np.asarray((wall - shift) // width, dtype=np.int64)


def starts_of(periods: Ints, width: int, tz: str | None) -> Ints:
    """When periods begin, ns UTC; a midnight that the clock leaves out is the moment after it.

    Examples
    --------
    >>> starts_of(np.array([1]), 3_600_000_000_000, None)
    array([3600000000000])
    """
    wall = periods * width + (_MONDAY if width % (7 * _DAY) == 0 else 0)
    if not _zoned(width, tz):
        return wall
    import pandas as pd  # noqa: PLC0415 - only where there is a zone

    first = np.ones(len(wall), dtype=bool)
    local = pd.DatetimeIndex(wall).tz_localize(tz, ambiguous=first, nonexistent="shift_forward")
    return np.asarray(local.as_unit("ns").asi8, dtype=np.int64)


def _zoned(width: int, tz: str | None) -> bool:
    return tz is not None and tz.upper() != "UTC" and width % _DAY == 0
