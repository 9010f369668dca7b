"""What moves a false positive rate: pooled rates, main effects of parameters, tables of two of them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.events import Z95

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

#: Parts of the data that a rate can be taken from, and the prefix of their columns.
PARTS = {"all": "n", "train": "train", "test": "test"}


def wilson_ends(
    successes: NDArray[np.int64], trials: NDArray[np.int64], z: float = Z95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's interval of many proportions at once; NaN where there are no trials.

    Examples
    --------
    >>> wilson_ends(np.array([0]), np.array([10]))[1].round(4)
    array([0.2775])
    """
    n = np.where(trials > 0, trials, np.nan)
    share = successes / n
    shrink = 1 + z * z / n
    centre = (share + z * z / (2 * n)) / shrink
    half = z / shrink * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low = np.where(successes == 0, 0.0, np.maximum(0.0, centre - half))
    high = np.where(successes == trials, 1.0, np.minimum(1.0, centre + half))
    return np.where(trials > 0, low, np.nan), np.where(trials > 0, high, np.nan)


def rates(rows: NDArray[np.void], part: str = "all") -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Take the false positive rate of each row and the events it is made of; NaN where there are none.

    Parameters
    ----------
    rows : (P,) structured array
        With the columns of :data:`atomloom.market.leaves.FOUND`.
    part : {"all", "train", "test"}

    Examples
    --------
    >>> rows = np.array([(3, 1), (0, 0)], dtype=[("n_true", np.int64), ("n_false", np.int64)])
    >>> rates(rows)
    (array([0.25,  nan]), array([4, 0]))
    """
    if part not in PARTS:
        raise BadInput(f"part is {part!r}. Hint: choose one of {', '.join(PARTS)}.")
    false, true = rows[f"{PARTS[part]}_false"], rows[f"{PARTS[part]}_true"]
    judged = false + true
    return false / np.where(judged > 0, judged, np.nan), judged


def main_effects(rows: NDArray[np.void], axes: Sequence[str], part: str = "all") -> dict[str, float]:
    """Share of the variance of the rate that each parameter explains on its own.

    Parameters
    ----------
    rows : (P,) structured array
    axes : sequence of str
        Columns that make a full product; others are constant.
    part : {"all", "train", "test"}

    Returns
    -------
    dict of str to float
        First-order index of each axis, largest first; NaN if the rate does not vary. On a full grid
        without gaps the shares are exact and add up to at most 1, what is missing being interaction. Rows
        without a rate are left out, which makes them approximate.

    Notes
    -----
    Var(E[rate | axis]) / Var(rate), both over the points of the grid (Sobol 1993). O(P axes).

    Examples
    --------
    >>> kind = [("nu", float), ("price", "U8"), ("n_true", np.int64), ("n_false", np.int64)]
    >>> rows = np.array([(0, "a", 1, 1), (0, "b", 1, 1), (1, "a", 1, 3), (1, "b", 1, 3)], dtype=kind)
    >>> main_effects(rows, ["nu", "price"])
    {'nu': 1.0, 'price': 0.0}
    """
    rate, judged = rates(rows, part)
    used = judged > 0
    whole = float(np.var(rate[used])) if used.any() else math.nan
    effects = {}
    for axis in axes:
        _, group = np.unique(rows[axis][used], return_inverse=True)
        count = np.bincount(group)
        mean = np.bincount(group, rate[used]) / count
        between = float(np.average((mean - rate[used].mean()) ** 2, weights=count)) if used.any() else math.nan
        effects[axis] = between / whole if whole > 0 else math.nan
    return dict(sorted(effects.items(), key=lambda item: 0.0 if math.isnan(item[1]) else -item[1]))


def pooled(rows: NDArray[np.void], axes: Sequence[str], part: str = "all") -> dict[str, NDArray[Any]]:
    """Add up the events of the rows that share some parameters, and take the rate of all.

    Parameters
    ----------
    rows : (P,) structured array
    axes : sequence of str
    part : {"all", "train", "test"}

    Returns
    -------
    dict of str to (K,) array
        The axes, then ``n_points, n_judged, false_positive_rate, low, high`` with Wilson's interval. The
        rows judge the same data again and again, so the interval is too narrow by far.

    Examples
    --------
    >>> kind = [("nu", float), ("n_true", np.int64), ("n_false", np.int64)]
    >>> rows = np.array([(0, 1, 1), (1, 1, 3), (1, 3, 1)], dtype=kind)
    >>> pooled(rows, ["nu"])["false_positive_rate"]
    array([0.5, 0.5])
    """
    keys, group = np.unique(rows[list(axes)], return_inverse=True)
    prefix = PARTS[part]
    false = np.bincount(group, rows[f"{prefix}_false"]).astype(np.int64)
    judged = false + np.bincount(group, rows[f"{prefix}_true"]).astype(np.int64)
    low, high = wilson_ends(false, judged)
    return {
        **{axis: keys[axis] for axis in axes},
        "n_points": np.bincount(group),
        "n_judged": judged,
        "false_positive_rate": false / np.where(judged > 0, judged, np.nan),
        "low": low,
        "high": high,
    }
