"""What channels are divided by, for every window: the last close, the largest volume, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.samples.window_kernels import log_of_one_more

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.samples.series import Series
    from atomloom.samples.spec import SampleSpec
    from atomloom.samples.windows import Windows

_LARGEST_HALF = 65_505.0  # float16 holds a ratio less 1
PRICES = ("open", "high", "low", "close")


def divide_by(series: Series, spec: SampleSpec) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.int64]]:
    """Give what the kernels divide, by what, and which channel by which.

    Parameters
    ----------
    series : Series
    spec : SampleSpec

    Returns
    -------
    values : (C, T) float
        The channels; volume is log(1 + volume) where that is asked for.
    divisors : (K, T + 1) float
        By the row behind a window. Infinite where a volume to divide by is 0: the window then is 0.
    which : (C,) int64

    Notes
    -----
    O(T log L) time; the mean O(T L).
    """
    kind, n = series.values.dtype, series.n_rows
    values, rows = series.values, [np.ones(n + 1, dtype=kind)]
    which = np.zeros(len(series.channels), dtype=np.int64)
    prices = [c for c, name in enumerate(series.channels) if name in PRICES]
    if spec.scale == "last_close" and prices and series.close is not None:
        which[prices] = len(rows)
        rows.append(np.concatenate([np.ones(1, dtype=kind), series.close]))
    if "volume" in series.channels and spec.volume != "none":
        c = series.channels.index("volume")
        if spec.volume == "log1p":
            values = values.copy()
            log_of_one_more(values[c].copy(), values[c])
        else:
            which[c] = len(rows)
            rows.append(_of_volume(values[c], spec.lookback, spec.volume))
    divisors = np.ascontiguousarray(rows)
    values.flags.writeable = divisors.flags.writeable = False
    return values, divisors, which


def check_ratios(windows: Windows, spec: SampleSpec, divided: tuple[NDArray[Any], NDArray[Any], NDArray[Any]]) -> None:
    """Refuse windows with a ratio that their dtype cannot hold: it would be infinite.

    Parameters
    ----------
    windows : Windows
    spec : SampleSpec
    divided
        What :func:`divide_by` gives.

    Raises
    ------
    BadInput

    Notes
    -----
    O(T); O(T log L) where the largest value of a channel over the least divisor of any window is beyond the dtype.
    """
    values, divisors, which = divided
    most = _LARGEST_HALF if spec.dtype == "float16" else float(np.finfo(values.dtype).max)
    for c, k in enumerate(which.tolist()):
        by = divisors[k]
        with np.errstate(over="ignore"):
            if k == 0 or spec.dtype == "int16" or np.float64(values[c].max()) / np.float64(by.min()) <= most:
                continue  # int16 has a rule for what is too large
            ends = windows.end_of(np.arange(len(windows)))
            ratios = window_largest(values[c], spec.lookback)[ends - spec.lookback].astype(np.float64) / by[ends]
        bad = np.flatnonzero(ratios > most)
        if len(bad):
            seen = f"{spec.channels[c]} is up to {ratios[bad].max():.3g} times what it is divided by"
            message = f"{seen} in {len(bad):,} windows, which {spec.dtype} cannot hold"
            hint = "dtype='float64', or other bars" if most > _LARGEST_HALF else "dtype='float32'"
            raise BadInput(f"{message} (the first ends at row {int(ends[bad[0]]) - 1:,} of all). Hint: {hint}.")


def _of_volume(volume: NDArray[Any], lookback: int, mode: str) -> NDArray[Any]:
    """Give the divisor of each window of volumes."""
    found = np.full(len(volume) + 1, np.inf, dtype=volume.dtype)
    if mode == "last":
        found[1:] = volume
    elif len(volume) >= lookback:
        found[lookback:] = window_largest(volume, lookback) if mode == "window_max" else window_mean(volume, lookback)
    found[found == 0.0] = np.inf
    return found


def window_largest(values: NDArray[Any], length: int) -> NDArray[Any]:
    """Largest of each ``length`` values in a row, (n - length + 1,): of two overlapping spans of a power of two.

    Examples
    --------
    >>> window_largest(np.array([3, 1, 2, 0, 5]), 3)
    array([3, 2, 5])
    """
    found, span = values, 1
    while 2 * span <= length:
        found = np.maximum(found[:-span], found[span:])
        span *= 2
    rest = length - span
    return np.maximum(found[: len(found) - rest], found[rest:]) if rest else found.copy()


def window_mean(values: NDArray[Any], length: int) -> NDArray[Any]:
    """Mean of each ``length`` values in a row: added from the first to the last in float64, whatever the machine.

    Examples
    --------
    >>> window_mean(np.array([3.0, 1.0, 2.0]), 2)
    array([2. , 1.5])
    """
    number = len(values) - length + 1
    total = np.zeros(number)
    for k in range(length):
        total += values[k : k + number]
    return (total / length).astype(values.dtype)
