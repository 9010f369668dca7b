"""Which configurations survive: the stepwise test of Romano and Wolf, with what it has to compute anew kept small."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.side_by_side import in_threads
from atomloom.errors import BadInput
from atomloom.portfolio.block_bootstrap import tile_statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class StepDown:
    """Probabilities adjusted for the number of configurations, and who survives; made by :func:`step_down`.

    Attributes
    ----------
    t : (C,) float64
        NaN for configurations that were left out.
    p : (C,) float64
        Adjusted: the share of searches without any edge (of this configuration and those below it) whose best is as
        good. NaN for what was left out. For survivors of one step this is the step's probability, an upper bound of
        what a step for each of them would give.
    survivors : (K,) int64
        Configurations with p <= alpha, the largest t first.
    critical : tuple of float
        t that had to be passed in each step; the first is that of the reality check.
    alpha : float
    n_boot : int

    Examples
    --------
    >>> from atomloom.portfolio import bootstrap_counts
    >>> sums = np.random.default_rng(0).normal(size=(50, 3)) + [0.0, 0.1, 0.9]
    >>> counts = bootstrap_counts(50, 999)
    >>> tile = tile_statistics(sums, None, counts)
    >>> found = step_down(tile.t, tile.maxima[None], np.zeros(3, int), lambda _: sums, counts)
    >>> found.survivors, found.p.round(3)
    (array([2]), array([0.986, 0.104, 0.001]))
    """

    t: Reals
    p: Reals
    survivors: Ints
    critical: tuple[float, ...]
    alpha: float
    n_boot: int

    @property
    def best(self) -> int | None:
        """The configuration with the largest t, the first among equals; None where all were left out."""
        return None if np.isnan(self.t).all() else int(np.nanargmax(self.t))

    @property
    def p_value(self) -> float:
        """Probability that the best of a search without any edge is as good as this best one; 1 where there is none."""
        return 1.0 if self.best is None else float(self.p[self.best])

    @property
    def n_left_out(self) -> int:
        """Configurations that failed, or do not vary against the benchmark."""
        return int(np.isnan(self.t).sum())

    def to_dict(self) -> dict[str, Any]:
        """Give all but t and p of each as plain values, ready for JSON."""
        return {
            "best": self.best, "p_value": self.p_value, "survivors": self.survivors.tolist(),
            "critical": list(self.critical), "alpha": self.alpha, "n_boot": self.n_boot, "n_configs": len(self.t),
            "n_left_out": self.n_left_out,
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"StepDown({len(self.survivors):,} of {len(self.t):,} survive, p {self.p_value:.2g})"


def step_down(
    t: ArrayLike, maxima: ArrayLike, tile_of: ArrayLike, recompute: Callable[[int], ArrayLike], counts: Reals,
    benchmark_sums: ArrayLike | None = None, *, alpha: float = 0.05, threads: int | None = None,
) -> StepDown:  # fmt: skip
    """Test all configurations, those that remain again without those that passed, until none passes.

    Parameters
    ----------
    t : (C,) float64
    maxima : (n_tiles, B) float64
        Both by :func:`tile_statistics`, tile by tile; the order of tiles does not matter.
    tile_of : (C,) integers
        Tile of each configuration.
    recompute : callable
        Gives the sums (m, c) of a tile again, its configurations in ascending order. Called from several threads, only
        for tiles in which some passed and others did not.
    counts : (B, m) float64
    benchmark_sums : (m,) float64, optional
        As for :func:`tile_statistics`.
    alpha : float
        Probability of a single false survivor that is accepted.
    threads : int, optional

    Returns
    -------
    StepDown

    Raises
    ------
    BadInput
        For shapes that do not agree, or an alpha that is no probability.

    Notes
    -----
    ``p = (1 + #{samples whose maximum is at least t}) / (B + 1)``; the chance that one or more survive by luck is at
    most alpha, whatever correlates the configurations and however many have an edge.

    References
    ----------
    Romano and Wolf, Stepwise Multiple Testing as Formalized Data Snooping, Econometrica 73 (2005), algorithm 3.1; the
    adjusted probabilities: Romano and Wolf, Statistics and Probability Letters 113 (2016).

    Examples
    --------
    >>> from atomloom.portfolio import bootstrap_counts
    >>> sums = np.random.default_rng(0).normal(size=(50, 3)) + [0.0, 0.4, 0.9]
    >>> counts = bootstrap_counts(50, 999)
    >>> tile = tile_statistics(sums, None, counts)
    >>> step_down(tile.t, tile.maxima[None], np.zeros(3, int), lambda _: sums, counts)
    StepDown(2 of 3 survive, p 0.001)
    """
    values, peaks, tiles = np.asarray(t, np.float64), np.array(maxima, np.float64), np.asarray(tile_of, np.int64)
    if values.ndim != 1 or tiles.shape != values.shape or peaks.ndim != 2 or peaks.shape[1] != len(counts):
        message = f"t, maxima, tile_of and counts have shapes {values.shape}, {peaks.shape}, {tiles.shape}"
        raise BadInput(f"{message} and {counts.shape}. Hint: (C,), (n_tiles, B), (C,) and (B, m).")
    if len(tiles) and not 0 <= tiles.min() <= tiles.max() < len(peaks):
        raise BadInput(f"tile_of leads to tiles outside 0 to {len(peaks) - 1:,}. Hint: it numbers rows of maxima.")
    if not 1.0 / (len(counts) + 1.0) <= alpha < 1.0:
        message = (
            f"alpha is {alpha!r}, and {len(counts):,} samples tell probabilities from {1 / (len(counts) + 1):.3g} on"
        )
        raise BadInput(f"{message}. Hint: raise n_boot, or alpha (below 1).")
    order = np.argsort(tiles, kind="stable")
    first = np.searchsorted(tiles[order], np.arange(len(peaks) + 1))
    members = [order[first[k] : first[k + 1]] for k in range(len(peaks))]
    standing = ~np.isnan(values)
    p, floor, critical = np.full(len(values), np.nan), 0.0, []

    def again(tile: int) -> Reals:
        keep = standing[members[tile]]
        if not keep.any():
            return np.full(len(counts), -np.inf)
        return tile_statistics(recompute(tile), benchmark_sums, counts, keep=keep).maxima

    while True:
        samples = np.sort(peaks.max(axis=0)) if len(peaks) else np.full(len(counts), -np.inf)
        samples[np.isneginf(samples)] = np.inf  # no candidate is left: nothing more can pass
        critical.append(float(samples[_place(len(samples), alpha)]))
        reached = len(samples) - np.searchsorted(samples, values, side="left")
        here = np.maximum((1.0 + reached) / (len(samples) + 1.0), floor)
        passed = standing & (here <= alpha)
        if not passed.any():
            p[standing] = here[standing]
            break
        p[passed] = here[passed]
        floor = float(here[passed].max())
        standing &= ~passed
        touched = np.unique(tiles[passed])
        for tile, peak in zip(touched, in_threads(again, [(int(k),) for k in touched], threads), strict=True):
            peaks[tile] = peak
    survivors = np.flatnonzero(p <= alpha)
    ranked = survivors[np.argsort(-values[survivors], kind="stable")]
    return StepDown(values, p, ranked, tuple(critical), float(alpha), len(counts))


def _place(samples: int, alpha: float) -> int:
    """Give the place among sorted maxima that t must lie above to have p <= alpha."""
    allowed = int(np.floor(alpha * (samples + 1) + 1e-9)) - 1  # maxima that may reach t
    return samples - 1 - allowed
