"""The best ratio of mean and root of variance over all paths: support lines until no corner below them is better."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from atomloom.errors import Infeasible
from atomloom.trajectory.certificate import Certificate, corner_ratio, corners
from atomloom.trajectory.events import PassDone

if TYPE_CHECKING:
    from collections.abc import Callable

    from atomloom.trajectory.passes import Line, Runner

TOLERANCE = 1e-12
_MOST_PASSES = 2_000


class Search:
    """Support lines so far, the best path, and what the corners between the lines allow.

    Parameters
    ----------
    runner : Runner
    variance_min : float
        No path that earns anything varies less.
    deadline : float, optional
        Moment (``time.monotonic``) to stop at.
    listen : callable, optional
        Told about every pass.

    Notes
    -----
    Let (V, M) be variance and mean of a path, f = M / sqrt(V). A pass with price p gives the support line
    M <= g + p V and a path that touches it. f is quasi-convex where M >= 0, so under the lines it is largest in a
    corner.
    Passes at the price M / (2 V) of the best path so far climb; then the corner that allows most is cut off, by the
    line through the two paths beside it: either it touches (the edge is proved) or a new path splits the corner. Each
    pass proves an edge or finds a corner of the hull, so it ends; the lines are the certificate. The climb alone (as
    Dinkelbach 1967 for ratios) may stop at a path that is not the best; Nikolova et al. (2006) search the hull
    likewise for stochastic shortest paths.
    """

    def __init__(
        self,
        runner: Runner,
        variance_min: float,
        *,
        deadline: float | None = None,
        listen: Callable[[PassDone], None] | None = None,
    ) -> None:
        self._runner, self._least = runner, variance_min
        self._deadline, self._listen, self._began = deadline, listen, time.monotonic()
        self.lines: list[Line] = []
        self.best: Line | None = None
        self.value = -math.inf

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return self._deadline is not None and time.monotonic() >= self._deadline

    def add(self, price: float) -> Line:
        """Make a pass, and put its line among the others by falling price."""
        line = self._runner.line(price)
        place = sum(1 for other in self.lines if other.price > price)
        self.lines.insert(place, line)
        value = corner_ratio(line.variance, line.mean)
        if value > self.value and value < math.inf:
            self.best, self.value = line, value
        if self._listen is not None:
            seconds = time.monotonic() - self._began
            self._listen(PassDone(self._runner.count, price, self.value, self.bound(), seconds))
        return line

    def corners(self) -> list[tuple[float, float]]:
        """Give the corners under the lines, from left to right."""
        rows = [(line.price, line.level, line.variance, line.variance) for line in self.lines]
        return corners(rows, self._least)

    def bound(self) -> float:
        """No path is worth more."""
        return max(self.value, *(corner_ratio(*each) for each in self.corners()))

    def climb(self) -> None:
        """Pass at the price that the best path so far calls for, as long as that finds a better one."""
        while self.best is not None and self.best.variance > 0.0 and not self.late:
            before, price = self.value, self.best.mean / (2.0 * self.best.variance)
            if any(line.price == price for line in self.lines):
                return
            self.add(price)
            if not self.value > before * (1.0 + 1e-15):
                return

    def close(self) -> bool:
        """Cut off corners until none allows more than the best path has; False if time or passes end before."""
        while True:
            ratios = [corner_ratio(*each) for each in self.corners()]
            place = max(range(len(ratios)), key=ratios.__getitem__)
            if ratios[place] <= self.value * (1.0 + TOLERANCE):
                return True
            if self.late or self._runner.count >= _MOST_PASSES:
                return False
            price = self._price(place)
            if any(line.price == price for line in self.lines):
                return ratios[place] <= self.value * (1.0 + 1e3 * TOLERANCE)
            before = self.value
            self.add(price)
            if self.value > before:
                self.climb()

    def _price(self, place: int) -> float:
        """Choose the price that cuts off a corner."""
        right = self.lines[place]
        if place > 0:
            left = self.lines[place - 1]
            if right.variance > left.variance:
                slope = (right.mean - left.mean) / (right.variance - left.variance)
                if right.price < slope < left.price:
                    return slope
            return (left.price + right.price) / 2.0
        # the first corner is where nothing varies less: aim the line so that it allows there what the best path has
        width = right.variance - self._least
        if width > 0.0:
            slope = (right.mean - self.value * math.sqrt(self._least)) / width
            if slope > right.price:
                return slope
        return 2.0 * right.price if right.price > 0.0 else 1.0

    def certificate(self) -> Certificate:
        """Give the lines as the proof of the bound."""
        lines = tuple((line.price, line.level) for line in self.lines)
        points = tuple((line.variance, line.mean) for line in self.lines)
        return Certificate("lines", lines, points, self._least, self.bound())


def refuse_riskless(mean: float) -> None:
    """Refuse a problem in which nothing varies and something is earned, or lost at best: its ratio has no bound.

    Raises
    ------
    Infeasible
    """
    if mean < 0.0:
        message = f"a path without any variance loses {-mean:g}, so there is no Sharpe ratio."
        raise Infeasible(f"{message} Hint: shrink the covariances, or use objective='mean_variance'.")
    message = (
        f"a path without any variance earns {mean:g}, so the Sharpe ratio has no bound. "
        "Hint: the covariances are singular; shrink them, or use objective='mean_variance'."
    )
    raise Infeasible(message)
