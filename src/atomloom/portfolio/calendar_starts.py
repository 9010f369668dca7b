"""Where weeks, months, quarters and years begin."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

MONTHS = {"month": 1, "quarter": 3, "year": 12}
_DAY = 86_400_000_000_000
_WEEK = 7 * _DAY
_MONDAY = 4 * _DAY  # 1970-01-05


def period_starts(first: int, last: int, period: str) -> Ints:
    """Give the beginnings of all periods that begin at `first` or later, and not after `last`.

    Parameters
    ----------
    first, last : int
        ns since 1970-01-01 by the clock of the zone.
    period : {"week", "month", "quarter", "year"}
        Weeks begin on Monday.

    Returns
    -------
    starts : (P,) int64
        Midnights, ns.

    Examples
    --------
    >>> first, last = (int(np.datetime64(day, "ns").view("int64")) for day in ("2024-01-02", "2024-08-01"))
    >>> period_starts(first, last, "quarter").view("datetime64[ns]").astype("datetime64[D]").astype(str).tolist()
    ['2024-04-01', '2024-07-01']
    """
    if period == "week":
        low, high = -((_MONDAY - first) // _WEEK), (last - _MONDAY) // _WEEK
        return np.arange(low, high + 1, dtype=np.int64) * _WEEK + _MONDAY
    length = MONTHS[period]
    low, high = (int(np.datetime64(moment, "ns").astype("datetime64[M]").astype(np.int64)) for moment in (first, last))
    months = np.arange(low // length, high // length + 1, dtype=np.int64) * length
    starts = months.view("datetime64[M]").astype("datetime64[ns]").view(np.int64)
    return starts[(starts >= first) & (starts <= last)]
