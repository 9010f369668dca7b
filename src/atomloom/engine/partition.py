"""Partitions: where to cut a row of atoms into molecules, by count, by triangle or by cost.

A partition is an array of boundaries ``[0, ..., n]``: molecule m holds the atoms
``boundaries[m]:boundaries[m + 1]``. Linear and nested cuts are those of AFML chapter 20;
:func:`cost_parts` serves any cost there is.

The optimal cut is a bisection on the bottleneck with exact finishing, an idea of
A. Pinar and C. Aykanat, "Fast optimal load balancing algorithms for 1D partitioning",
J. Parallel Distrib. Comput. 64 (2004).
"""

from __future__ import annotations

import math
import operator
from bisect import bisect_left, bisect_right
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

_LARGEST = 2**63 - 1
# Beyond these products of atoms and parts the book's float64 formulas may miss a boundary;
# whole-number arithmetic takes over (and agrees with them below).
_LINEAR_FLOAT = 2**50
_NESTED_FLOAT = 2**40


def whole(value: Any, name: str, least: int) -> int:
    """Give a size as a Python int, or refuse it: ``name`` must be a whole number >= ``least``.

    Raises
    ------
    BadInput
        For floats, bools, strings, None, and anything below ``least`` or above 2**63 - 1.

    Examples
    --------
    >>> whole(np.int32(7), "parts", 1)
    7
    """
    if isinstance(value, bool | np.bool_) or not hasattr(value, "__index__"):
        message = f"{name} must be a whole number >= {least}, got {value!r} of type {type(value).__name__}."
        raise BadInput(message + " Hint: int(...) it first.")
    try:
        size = operator.index(value)
    except TypeError:  # an array has __index__ and yet is no number
        raise BadInput(f"{name} must be one whole number >= {least}, got an array.") from None
    if not least <= size <= _LARGEST:
        raise BadInput(f"{name} must lie between {least} and 2**63 - 1, got {size}.")
    return size


def lin_parts(n: int, parts: int) -> NDArray[np.int64]:
    """Cut n atoms into molecules of equal size (AFML snippet 20.5, ``linParts``).

    Parameters
    ----------
    n : int
        Number of atoms, >= 0.
    parts : int
        Number of molecules wanted, >= 1; never more than there are atoms.

    Returns
    -------
    boundaries : (k + 1,) int64, k = min(parts, n)
        ``ceil(linspace(0, n, k + 1))``; ``[0]`` when there are no atoms.

    Raises
    ------
    BadInput
        When ``n`` or ``parts`` is no whole number or too small.

    Notes
    -----
    Time and memory are O(parts).

    Examples
    --------
    >>> lin_parts(20, 6).tolist()
    [0, 4, 7, 10, 14, 17, 20]
    """
    n, parts = whole(n, "n", 0), whole(parts, "parts", 1)
    k = min(parts, n)
    if n * max(k, 1) <= _LINEAR_FLOAT:
        return np.ceil(np.linspace(0, n, k + 1)).astype(np.int64)
    quotient, remainder = divmod(n, k)
    steps = np.arange(k + 1, dtype=np.int64)
    return steps * quotient - (-steps * remainder) // k


def nested_parts(n: int, parts: int, upper: bool = False) -> NDArray[np.int64]:
    """Cut the rows of a triangle into molecules of equal area (AFML snippet 20.6, ``nestedParts``).

    Row i of a lower triangle costs i + 1, row i of an upper one n - i. The boundaries are
    the rounded roots of ``r_m**2 + r_m = r_{m-1}**2 + r_{m-1} + n * (n + 1) / parts``.

    Parameters
    ----------
    n : int
        Number of atoms (rows), >= 0.
    parts : int
        Number of molecules wanted, >= 1.
    upper : bool
        Cut an upper triangle instead: the first row is the dearest.

    Returns
    -------
    boundaries : (k + 1,) int64
        Strictly increasing from 0 to n. The book's formula gives empty molecules when parts
        are many; they are dropped, so k <= min(parts, n).

    Raises
    ------
    BadInput
        When ``n`` or ``parts`` is no whole number or too small.

    Notes
    -----
    Time and memory are O(parts). Use it only when the work per atom really grows linearly
    from nothing: on rows that cost about the same it is worse than :func:`lin_parts`, and
    on the wrong triangle much worse. ``partition="auto"`` measures instead of assuming.

    Examples
    --------
    >>> nested_parts(20, 6).tolist()
    [0, 8, 11, 14, 16, 18, 20]
    >>> nested_parts(20, 6, upper=True).tolist()
    [0, 2, 4, 6, 9, 12, 20]
    """
    n, parts = whole(n, "n", 0), whole(parts, "parts", 1)
    k = min(parts, n)
    bounds = _nested_float(n, k) if n * k <= _NESTED_FLOAT else _nested_exact(n, k)
    if upper:
        bounds = n - bounds[::-1]
    return np.unique(bounds)


def _nested_float(n: int, k: int) -> NDArray[np.int64]:
    """Follow the book's recursion to the letter: its rounding decides ties, and callers compare bits."""
    roots = [0.0]
    for _ in range(k):
        part = 1 + 4 * (roots[-1] ** 2 + roots[-1] + n * (n + 1.0) / k)
        roots.append((-1 + part**0.5) / 2.0)
    return np.round(roots).astype(np.int64)


def _nested_exact(n: int, k: int) -> NDArray[np.int64]:
    """Round the real root of r**2 + r = m n (n + 1) / k, half to even, in whole numbers only."""
    bounds = np.empty(k + 1, np.int64)
    area = 4 * n * (n + 1)
    for m in range(k + 1):
        # r >= j - 1/2  <=>  4 m n (n + 1) + k >= 4 k j**2
        above = m * area + k
        root = math.isqrt(above // (4 * k))
        tie = above == 4 * k * root * root
        bounds[m] = root - (root & 1) if tie else root
    return bounds


def cost_parts(cost: ArrayLike, parts: int, method: Literal["minmax", "quantile"] = "minmax") -> NDArray[np.int64]:
    """Cut atoms of known cost into contiguous molecules of balanced cost.

    Parameters
    ----------
    cost : (n,) array_like of float
        Cost of every atom, in any unit; finite and >= 0. All zeros mean equal costs.
    parts : int
        Number of molecules wanted, >= 1.
    method : {"minmax", "quantile"}
        ``"minmax"`` gives the smallest possible cost of the dearest molecule, and among
        such partitions moves the cuts towards equal shares. Use it when every worker gets
        one molecule: the dearest is then the wall time.
        ``"quantile"`` cuts where the cumulated cost comes nearest to m / parts of the total.
        Use it with many molecules per worker: one heavy atom then sets the bottleneck,
        a bound that no longer says anything about the others, and equal shares let errors
        of the predicted costs average out.

    Returns
    -------
    boundaries : (k + 1,) int64
        Strictly increasing from 0 to n, k <= min(parts, n): molecules without atoms are
        dropped, which happens when one atom outweighs total / parts. ``[0]`` for no atoms.

    Raises
    ------
    BadInput
        For costs that are no numbers, negative, NaN or infinite (the first position is
        named), for more than one dimension, for a bad ``parts`` or an unknown ``method``.

    Notes
    -----
    Loads are differences of float64 prefix sums and the bottleneck is optimal for them:
    exact when costs are whole numbers summing to less than 2**53, else to rounding.
    Time is O(n) once and O(parts log n) per probe, a dozen probes as a rule: a million atoms
    into 1024 molecules take 5 to 20 ms. Memory is one float64 per atom.

    Examples
    --------
    >>> cost_parts([1, 1, 1, 1, 4, 4], 3).tolist()
    [0, 4, 5, 6]
    >>> cost_parts([1, 1, 1, 9, 1, 1, 1, 1], 4, "quantile").tolist()
    [0, 3, 4, 8]
    """
    parts = whole(parts, "parts", 1)
    if method not in ("minmax", "quantile"):
        raise BadInput(f'method must be "minmax" or "quantile", got {method!r}.')
    costs = checked_cost(cost)
    n = len(costs)
    if n == 0:
        return np.zeros(1, np.int64)
    prefix = _prefix(costs)
    total = float(prefix[-1])
    if total == 0.0:
        return lin_parts(n, parts)
    targets = _targets(prefix, min(parts, n))
    if method == "quantile" or len(targets) == 2:
        return np.unique(targets)
    lowest = max(float(np.diff(prefix).max()), total / (len(targets) - 1))
    sums: Sequence[float] = prefix.data
    bottleneck, furthest = _least_bottleneck(sums, targets, lowest)
    return np.unique(_evened(sums, targets, bottleneck, furthest))


def checked_cost(cost: Any, n: int | None = None) -> NDArray[np.float64]:
    """Give costs as (n,) float64, or say what is wrong with them and where.

    Parameters
    ----------
    cost : (n,) array_like of float
    n : int, optional
        The number of atoms the costs must match.

    Raises
    ------
    BadInput
        For values that are no numbers, negative, NaN or infinite, and for a wrong shape.

    Examples
    --------
    >>> checked_cost([1, 2.5]).tolist()
    [1.0, 2.5]
    """
    try:
        raw = np.asarray(cost)
        # A timedelta or a text of digits would convert, but hardly means a cost.
        numbers = raw.dtype.kind in "biufO"
        costs: NDArray[np.float64] = raw.astype(np.float64, copy=False) if numbers else np.empty(0)
    except (TypeError, ValueError):
        numbers = False
    if not numbers:
        raise BadInput(f"cost must be numbers, one per atom, got {type(cost).__name__} {str(cost)[:40]!r}.")
    if costs.ndim != 1:
        raise BadInput(f"cost must be one-dimensional, one number per atom, got shape {costs.shape}.")
    if n is not None and len(costs) != n:
        raise BadInput(f"cost has {len(costs):,} values for {n:,} atoms. Hint: give one cost per atom.")
    # A NaN makes the minimum NaN, an infinity shows as the maximum: two cheap passes, no mask.
    if len(costs) and not (costs.min() >= 0.0 and costs.max() < np.inf):
        _refuse(costs)
    return costs


def _refuse(costs: NDArray[np.float64]) -> None:
    for what, wrong in (
        ("NaN", np.isnan(costs)),
        ("infinite", np.isinf(costs)),
        ("negative", costs < 0.0),
    ):
        if wrong.any():
            first, count = int(wrong.argmax()), int(wrong.sum())
            values = "value" if count == 1 else "values"
            message = f"cost has {count:,} {what} {values} (first at position {first:,}: {costs[first]})."
            raise BadInput(message + " Hint: a cost is a finite time or weight >= 0.")


def _prefix(costs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cumulate costs with a leading zero; scaled down first where the sum would overflow."""
    prefix = np.empty(len(costs) + 1)
    prefix[0] = 0.0
    with np.errstate(over="ignore"):
        np.cumsum(costs, out=prefix[1:])
    if prefix[-1] == np.inf:
        np.cumsum(costs / costs.max(), out=prefix[1:])
    return prefix


def _targets(prefix: NDArray[np.float64], parts: int) -> list[int]:
    """Give the boundaries nearest to equal shares of the total, possibly repeated."""
    shares = prefix[-1] * (np.arange(1, parts) / parts)
    right = np.searchsorted(prefix, shares)
    nearer = prefix[right] - shares > shares - prefix[right - 1]
    cuts: list[int] = (right - nearer).tolist()
    return [0, *cuts, len(prefix) - 1]


def _least_bottleneck(sums: Sequence[float], targets: list[int], low: float) -> tuple[float, list[int]]:
    """Find the smallest feasible bottleneck and the greedy cuts under it.

    ``low`` bounds the optimum from below up to rounding. Each infeasible probe moves it to
    the next value at which greedy cuts change at all, each feasible one moves the upper end
    down to a bottleneck that is attained: the ends meet exactly, not to a tolerance.
    """
    parts = len(targets) - 1
    low *= 1.0 - 1e-9
    high = max(sums[b] - sums[a] for a, b in pairwise(targets))
    best: list[int] | None = None
    while low < high:
        middle = low + (high - low) / 2
        probe = middle if middle < high else low
        feasible, value, cuts = _greedy(sums, parts, probe)
        if feasible:
            high, best = value, cuts
        else:
            low = value
    if best is None:
        best = _greedy(sums, parts, high)[2]
    return high, best


def _greedy(sums: Sequence[float], parts: int, limit: float) -> tuple[bool, float, list[int]]:
    """Fill molecules from the left up to ``limit``.

    Returns (True, dearest molecule, cuts) or (False, the next limit worth a try, cuts).
    """
    last = len(sums) - 1
    dearest, rival = 0.0, math.inf
    cuts = [0]
    for _ in range(parts):
        base = sums[cuts[-1]]
        stop = _reach(sums, cuts[-1], limit)
        cuts.append(stop)
        dearest = max(dearest, sums[stop] - base)
        if stop == last:
            return True, dearest, cuts
        rival = min(rival, sums[stop + 1] - base)
    return False, rival, cuts


def _reach(sums: Sequence[float], start: int, limit: float) -> int:
    """Give the last boundary to which a molecule from ``start`` stays within the limit.

    The bisection looks for a rounded sum, the load is what counts: the loops step over
    the difference, a run of equal sums at a time.
    """
    base, last = sums[start], len(sums) - 1
    stop = bisect_right(sums, base + limit, start) - 1
    while sums[stop] - base > limit:
        stop = bisect_left(sums, sums[stop], start) - 1
    while stop < last and sums[stop + 1] - base <= limit:
        stop = bisect_right(sums, sums[stop + 1], stop) - 1
    return stop


def _reach_back(sums: Sequence[float], stop: int, limit: float) -> int:
    """Give the first boundary from which a molecule up to ``stop`` stays within the limit."""
    top = sums[stop]
    start = bisect_left(sums, top - limit, 0, stop + 1)
    while top - sums[start] > limit:
        start = bisect_right(sums, sums[start], start, stop + 1)
    while start > 0 and top - sums[start - 1] <= limit:
        start = bisect_left(sums, sums[start - 1], 0, start)
    return start


def _evened(sums: Sequence[float], targets: list[int], limit: float, furthest: list[int]) -> list[int]:
    """Move every cut as near to its equal share as the bottleneck allows.

    Cut m may lie between the point from which the molecules right of it still suffice and
    the point to which those left of it reach; within that range each choice leaves the
    next one a way.
    """
    parts, last = len(targets) - 1, len(sums) - 1
    nearest = [0] * parts + [last]
    for m in range(parts - 1, 0, -1):
        nearest[m] = _reach_back(sums, nearest[m + 1], limit)
    cuts = [0]
    for m in range(1, parts):
        most = furthest[m] if m < len(furthest) else last
        cut = min(max(targets[m], nearest[m]), most)
        if sums[cut] - sums[cuts[-1]] > limit:
            cut = _reach(sums, cuts[-1], limit)
        cuts.append(cut)
    return [*cuts, last]
