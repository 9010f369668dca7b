"""Is the winner a plateau or a peak? Its neighbours on the grid of parameters, one step away on one axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]


@dataclass(frozen=True)
class Plateau:
    """Sharpe ratios around the winner; made by :func:`plateau_of`.

    Attributes
    ----------
    best : float
        Ratio of the winner, per period.
    mean, median : float
        Of its neighbours; NaN where it has none.
    count : int
        Neighbours: configurations that differ from it by one step on one axis of numbers.
    axes : dict of str to float
        Mean ratio of the neighbours on each axis that has some.

    Examples
    --------
    >>> Plateau(0.4, 0.2, 0.2, 2, {"lookback": 0.2}).share
    0.5
    """

    best: float
    mean: float
    median: float
    count: int
    axes: dict[str, float]

    @property
    def share(self) -> float:
        """Median of the neighbours over the winner: near 1 on a plateau, near 0 or below on a lonely peak."""
        return self.median / self.best if self.best > 0.0 else math.nan

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, ready for JSON."""
        return {"best": self.best, "mean": self.mean, "median": self.median, "count": self.count, "axes": self.axes}


def plateau_of(sharpe: Reals, best: int, parameters: Mapping[str, Any]) -> Plateau:
    """Look at the neighbours of the best configuration.

    Parameters
    ----------
    sharpe : (C,) float64
        Per period; NaN is no neighbour.
    best : int
    parameters : mapping of str to (C,) array
        Value of each parameter in each configuration. A step leads to the next value that occurs on an axis of
        numbers; on others (methods, say) neighbours have the same value. NaN and None are values too.

    Returns
    -------
    Plateau

    Raises
    ------
    BadInput
        For another number of values than of configurations.

    Notes
    -----
    O(C log C) for each parameter. Grids may have holes, and configurations any order.

    Examples
    --------
    >>> plateau_of(np.array([0.1, 0.3, 0.2]), 1, {"lookback": [20, 40, 60]}).count
    2
    """
    steps, numeric = [], []
    for name, given in parameters.items():
        values = np.asarray(given)
        if values.shape != sharpe.shape:
            message = f"parameter {name!r} has shape {values.shape} for {len(sharpe):,} configurations"
            raise BadInput(f"{message}. Hint: give its value in each.")
        is_number = values.dtype.kind in "iuf"
        levels = values if is_number else np.array([str(value) for value in values.tolist()])
        place = np.unique(levels, return_inverse=True)[1].reshape(-1)
        steps.append(np.abs(place - place[best]))
        numeric.append(is_number)
    moved = np.array(steps, dtype=np.int64).reshape(len(steps), len(sharpe))
    near = (moved.sum(axis=0) == 1) & (moved[~np.array(numeric, dtype=bool)].sum(axis=0) == 0) & ~np.isnan(sharpe)
    found = sharpe[near]
    axes = {
        name: float(sharpe[near & (moved[k] == 1)].mean())
        for k, name in enumerate(parameters)
        if (near & (moved[k] == 1)).any()
    }
    mean, median = (float(found.mean()), float(np.median(found))) if len(found) else (math.nan, math.nan)
    return Plateau(float(sharpe[best]), mean, median, len(found), axes)
