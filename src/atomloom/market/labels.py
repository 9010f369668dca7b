"""What followed each bucket, and how much is large: shared by all combinations that cut the same buckets."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from atomloom.market.buckets import Buckets


@dataclass(frozen=True, eq=False)
class Moves:
    """Largest moves within one horizon after each bucket.

    Attributes
    ----------
    move : (B,) float64
        NaN where fewer buckets follow than the horizon has.
    cut : int
        First bucket of the test part.
    ordered, ordered_before : float64
        The known ones sorted: of all data, and of the horizons that end before the cut.
    held : dict
        Quantiles that were asked for.

    Examples
    --------
    >>> moves = Moves(np.array([3.0, 1.0, 2.0, np.nan]), 3, np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0]))
    >>> moves.nulls(1, 0.5)
    (1.5, 1.0)
    """

    move: NDArray[np.float64]
    cut: int
    ordered: NDArray[np.float64]
    ordered_before: NDArray[np.float64]
    held: dict[tuple[int, float], tuple[float, float]] = field(default_factory=dict)

    def nulls(self, first: int, quantile: float) -> tuple[float, float]:
        """Give the quantile of the moves after bucket `first` and later, of all data and of what the cut knew."""
        if (first, quantile) not in self.held:
            every, before = (
                quantile_without(ordered, self.move[: min(first, len(ordered))], quantile)
                for ordered in (self.ordered, self.ordered_before)
            )
            self.held[first, quantile] = every, before
        return self.held[first, quantile]


@dataclass(eq=False)
class _Slot:
    lock: Any = field(default_factory=threading.Lock)
    moves: Moves | None = None


class Labels:
    """Moves by buckets and horizon, each made once, whichever thread asks first.

    Examples
    --------
    >>> from atomloom.market.buckets import buckets_of
    >>> from atomloom.market.spec import VPINConfig
    >>> from atomloom.store import Trades
    >>> trades = Trades(ts=[0, 1, 2, 3], px=[4, 6, 5, 4], size=[2, 2, 2, 2])
    >>> buckets = buckets_of(trades, VPINConfig(buckets_per_day=2, bars_per_bucket=2))
    >>> labels = Labels()
    >>> labels.of("two", buckets, 1, 1) is labels.of("two", buckets, 1, 1)
    True
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._slots: dict[Hashable, _Slot] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), ()  # what it holds can be made again, so it does not travel

    def of(self, cutting: Hashable, buckets: Buckets, horizon: int, cut: int) -> Moves:
        """Give the moves after buckets that are known under the name `cutting`."""
        from atomloom.market.series_kernels import range_ahead  # noqa: PLC0415 - numba, when first used

        with self._lock:
            slot = self._slots.setdefault((cutting, horizon, cut), _Slot())
        with slot.lock:
            if slot.moves is None:
                move = range_ahead(buckets.close, buckets.high, buckets.low, horizon)
                known, before = max(len(move) - horizon, 0), max(cut - horizon, 0)
                slot.moves = Moves(move, cut, np.sort(move[:known]), np.sort(move[: min(known, before)]))
        return slot.moves


def quantile_without(ordered: NDArray[np.float64], removed: NDArray[np.float64], quantile: float) -> float:
    """Quantile of sorted values after some of them are taken out, as ``numpy.quantile`` interpolates.

    Parameters
    ----------
    ordered : (M,) float64
        Sorted.
    removed : (R,) float64
        Some of them, in any order.
    quantile : float

    Returns
    -------
    float
        NaN where nothing is left.

    Notes
    -----
    O(R log M): a thousand windows cost less than one more sort.

    Examples
    --------
    >>> quantile_without(np.array([1.0, 2.0, 2.0, 5.0]), np.array([2.0]), 0.5)
    2.0
    """
    left = len(ordered) - len(removed)
    if left <= 0:
        return math.nan
    gone = np.sort(removed)
    places = np.searchsorted(ordered, gone) + np.arange(len(gone)) - np.searchsorted(gone, gone)
    virtual = quantile * (left - 1)
    lower = math.floor(virtual)
    share = virtual - lower
    low, high = (float(ordered[_place(places, rank)]) for rank in (lower, min(lower + 1, left - 1)))
    away = high - low
    return high - away * (1 - share) if share >= 0.5 else low + away * share


def _place(places: NDArray[np.int64], rank: int) -> int:
    """Find the place in the full order of the element that has a rank once `places` (sorted) are taken out."""
    place = rank
    while True:
        moved = rank + int(np.searchsorted(places, place, side="right"))
        if moved == place:
            return place
        place = moved
