"""What a solver tells while it works: small frozen records, one for each pass."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PassDone"]


@dataclass(frozen=True)
class PassDone:
    """One pass over all horizons is done, and the bound has closed by so much.

    Parameters
    ----------
    n_passes : int
        Passes done so far, this one among them.
    lam : float
        The price of variance this pass was worked for.
    best : float
        The best value of the objective found so far.
    bound : float
        No path can be better than this (``inf`` while nothing is known).
    seconds : float
        Since the call began.

    Examples
    --------
    >>> PassDone(n_passes=3, lam=0.5, best=1.75, bound=2.0, seconds=0.01).gap
    0.25
    """

    n_passes: int
    lam: float
    best: float
    bound: float
    seconds: float

    @property
    def gap(self) -> float:
        """How far the bound still is from the best, in the objective's own unit."""
        return self.bound - self.best
