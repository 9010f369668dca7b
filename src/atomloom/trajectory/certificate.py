"""What proves that no path is better: support lines of the cloud of (variance, mean), and the best ratio below."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Certificate:
    """Support lines under which all paths lie.

    Attributes
    ----------
    kind : {"lines", "line", "negative", "labels", "exhaustive"}
        Lines that bound a ratio; the one line of mean - risk_aversion * variance; lines of negative price, that bound a
        ratio where every path loses; the same, and all labels were carried to the end; or every path was looked at. The
        last two are verified by enumeration.
    lines : tuple of (price, level)
        No path has a mean above level + price * variance; by falling price.
    points : tuple of (variance, mean)
        Of the path that touches each line.
    variance_min : float
        No path that earns anything varies less.
    bound : float
        What follows: no path is worth more.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem, solve
    >>> proof = solve(random_problem(2, 2, 2, seed=1)).certificate
    >>> proof.kind, outer_bound(proof.lines, proof.variance_min) == proof.bound
    ('lines', True)
    """

    kind: str
    lines: tuple[tuple[float, float], ...]
    points: tuple[tuple[float, float], ...]
    variance_min: float
    bound: float

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return {
            "kind": self.kind,
            "lines": [list(line) for line in self.lines],
            "points": [list(point) for point in self.points],
            "variance_min": self.variance_min,
            "bound": self.bound,
        }


def outer_bound(lines: Sequence[tuple[float, float]], variance_min: float) -> float:
    """Give the largest mean / sqrt(variance) under support lines, variance at least `variance_min`.

    Parameters
    ----------
    lines : sequence of (price, level)
        By falling price, the last of price 0, its level at least 0.
    variance_min : float

    Notes
    -----
    The sets {mean <= c sqrt(variance)} are convex for c >= 0, so the ratio is quasi-convex and its largest value over
    a polygon is at a corner. O(lines).

    Examples
    --------
    >>> outer_bound([(1.0, 0.0), (0.0, 2.0)], 1.0)  # corners (1, 1) and (2, 2)
    1.414213562373095
    """
    kept: list[tuple[float, float, float, float]] = []
    for price, level in lines:
        line = (price, level, math.inf, variance_min)
        while len(kept) > 1 and corner(kept[-2], line)[0] <= corner(kept[-2], kept[-1])[0]:
            kept.pop()  # it lies above where its neighbours meet
        kept.append(line)
    return max(corner_ratio(*each) for each in corners(kept, variance_min))


def corners(lines: Sequence[tuple[float, float, float, float]], variance_min: float) -> list[tuple[float, float]]:
    """Give the corners (variance, mean) under lines (price, level, most, least), from left to right.

    `most` is the variance of the point that touches the line, and `least` the same where it bounds the corner from
    below: corners of nearly parallel lines are kept between the points, where they belong.

    Examples
    --------
    >>> corners([(1.0, 0.0, 1.5, 1.5), (0.0, 2.0, 3.0, 3.0)], 1.0)
    [(1.0, 1.0), (2.0, 2.0)]
    """
    price, level, _, _ = lines[0]
    found = [(variance_min, level + price * variance_min)]
    for left, right in itertools.pairwise(lines):
        found.append(corner(left, right))
    return found


def corner(left: Sequence[float], right: Sequence[float]) -> tuple[float, float]:
    """Give where two lines (price, level, most, least) meet.

    Examples
    --------
    >>> corner((1.0, 0.0, 1.5, 1.5), (0.0, 2.0, 3.0, 3.0))
    (2.0, 2.0)
    """
    steep = left[0] - right[0]
    variance = (right[1] - left[1]) / steep if steep > 0.0 else left[2]
    variance = max(left[3], min(variance, right[2]))
    return variance, min(left[1] + left[0] * variance, right[1] + right[0] * variance)


def corner_ratio(variance: float, mean: float) -> float:
    """Give mean / sqrt(variance) of a corner; where nothing varies, 0 if nothing is earned, else without bound.

    Examples
    --------
    >>> corner_ratio(4.0, 1.0), corner_ratio(0.0, 0.0), corner_ratio(0.0, 1.0)
    (0.5, 0.0, inf)
    """
    if variance > 0.0:
        return mean / math.sqrt(variance)
    return math.inf if mean > 0.0 else (0.0 if mean == 0.0 else -math.inf)
