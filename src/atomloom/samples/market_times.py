"""When bars begin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.budget import machine, show_size
from atomloom.errors import BadInput, OverBudget

if TYPE_CHECKING:
    from numpy.typing import NDArray


def bar_times(start: Any, freq: Any, n_bars: int) -> NDArray[np.datetime64]:
    """Give the times at which bars begin.

    Parameters
    ----------
    start : datetime64, Timestamp or str
        Of the first bar; without a time zone.
    freq : str
        As pandas has it: "1D", "B", "5min".
    n_bars : int

    Returns
    -------
    (n_bars,) datetime64[ns], or datetime64[s] where these do not reach

    Raises
    ------
    BadInput
        For a start or a frequency that pandas does not know, or that goes back, or a time zone.
    OverBudget
        For more times than free memory holds.

    Examples
    --------
    >>> bar_times("2024-01-01", "12h", 3).astype(str).tolist()[-1]
    '2024-01-02T00:00:00.000000000'
    """
    needed, free = 24 * n_bars, machine().memory_available  # pandas makes two copies on the way
    if needed > free:
        message = f"times of {n_bars:,} bars take {show_size(needed)}, and {show_size(free)} are free"
        raise OverBudget(f"{message}. Hint: fewer bars, and more paths.")
    import pandas as pd  # noqa: PLC0415  # loaded when times are asked for

    try:
        first: Any = pd.Timestamp(start)
        if pd.isna(first) or first.tzinfo is not None:
            raise BadInput(f"start is {start!r}. Hint: give a time without a zone; times are UTC.")
        found = pd.date_range(first.as_unit("s") if first.nanosecond == 0 else first, periods=n_bars, freq=freq)
    except (ValueError, TypeError, OverflowError) as error:
        if isinstance(error, BadInput):
            raise
        message = f"bars from {start!r}, every {freq!r}, {n_bars:,} of them: {error}"
        raise BadInput(f'{message}. Hint: start="2000-01-03", freq="1D", "B", "5min".') from None
    if n_bars > 1 and not found[0] < found[1]:
        hint = 'Hint: a length of time above 0, "1D", "B", "5min"'
        raise BadInput(f"bars every {freq!r} do not follow each other: {found[0]}, then {found[1]}. {hint}.")
    last = found.to_numpy()[-1].astype("M8[s]")
    unit = "ns" if np.datetime64("1678-01-01") < last < np.datetime64("2262-01-01") else "s"
    return np.asarray(found.to_numpy().astype(f"M8[{unit}]"))
