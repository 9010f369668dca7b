"""A leaf of a sweep: some configurations simulated, and what is kept of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.portfolio.simulate import Field, simulate
from atomloom.portfolio.sweep_plan import LEAF, Cuts, by_rhythm
from atomloom.portfolio.sweep_table import above_rate, figures_of, rounded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]

_LEAST_VARIANCE = 1e-24  # of returns: below is rounding


@dataclass(frozen=True, eq=False)
class SweepJob:
    """What every leaf needs.

    Attributes
    ----------
    field : Field
    order : (R,) int64
        Configurations that are worked, in the order of work; leaf k has those from k * LEAF on.
    asks : (ASK_ROWS, R) float64
    table : (R,) int64
        In the order of work.
    cuts : Cuts
    periods_per_year : float
    risk_free : float
        Return of a row that ratios are measured above.
    benchmark : (m,) float64, or None
        Sums of the benchmark's returns in each block that the bootstrap draws.
    counts : (B, m) float64, or None
        How often each block is drawn.
    volatility : float or None
        Of the benchmark's returns; None where returns are compared as they are.
    scattered : bool
        The order of work says nothing of when configurations trade: it is put right leaf by leaf.
    """

    field: Field
    order: Ints
    asks: Reals
    table: Ints
    cuts: Cuts
    periods_per_year: float
    risk_free: float
    benchmark: Any
    counts: Any
    volatility: float | None = None
    scattered: bool = False

    @property
    def n_leaves(self) -> int:
        """Number of leaves."""
        return -(-len(self.order) // LEAF)

    def places(self, leaf: int) -> Ints:
        """Give the configurations of a leaf."""
        return self.order[leaf * LEAF : (leaf + 1) * LEAF]

    def simulated(self, leaf: int) -> tuple[Reals, Reals]:
        """Totals and segments of a leaf."""
        own = slice(leaf * LEAF, (leaf + 1) * LEAF)
        asks, table = self.asks[:, own], self.table[own]
        if not self.scattered:
            return simulate(self.field, asks, table)[:2]
        order = by_rhythm(asks)
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        out, segments, _ = simulate(self.field, asks.take(order, axis=1), table[order])
        return out.take(back, axis=1), segments.take(back, axis=2)

    def drawn(self, out: Reals, segments: Reals) -> Reals:
        """Give sums of returns in the blocks that the bootstrap draws, (m, c), at the benchmark's volatility."""
        sums = self.cuts.gather(segments[0], self.cuts.draws)
        if self.volatility is None:
            return sums
        n = int(self.cuts.all[-1])
        variance = np.maximum(out[1] - out[0] * out[0] / n, 0.0) / max(n - 1, 1)
        with np.errstate(divide="ignore", invalid="ignore"):
            matched: Reals = sums * np.where(variance > _LEAST_VARIANCE, self.volatility / np.sqrt(variance), 1.0)
        return matched

    def drawn_sums(self, leaf: int) -> Reals:
        """Give the same of a leaf that is simulated again."""
        return self.drawn(*self.simulated(leaf))


class LeafFound(NamedTuple):
    """What a leaf found; c configurations in the order of work.

    Attributes
    ----------
    figures : (len(FIGURES), c) float64
    sums : (4, c) float64
        Sums of the first four powers of returns above the rate.
    ruined : (c,) float64
        Price row of ruin, or -1.
    splits, blocks : (2, G, c) float64
        Sums of returns and of their squares by segment of the splits, and by block of CSCV.
    t : (c,) float64
        Studentised mean above the benchmark.
    maxima : (B,) float64
        Largest t of each bootstrap sample.
    """

    figures: Reals
    sums: Reals
    ruined: Reals
    splits: Reals
    blocks: Reals
    t: Reals
    maxima: Reals


def work_leaves(molecule: Sequence[int], job: SweepJob) -> list[LeafFound]:
    """Work some leaves: what the engine calls.

    Parameters
    ----------
    molecule : sequence of int
        Numbers of leaves.
    job : SweepJob
    """
    return [work_leaf(leaf, job) for leaf in molecule]


def work_leaf(leaf: int, job: SweepJob) -> LeafFound:
    """Simulate one leaf and keep what statistics are made from; return paths are not among it."""
    out, segments = job.simulated(leaf)
    cuts = job.cuts
    n = int(cuts.all[-1])
    lengths = np.diff(cuts.all)
    moved, parts = above_rate(out, segments, lengths, job.risk_free)
    figures = figures_of(moved, n, job.periods_per_year, out[0] / n)
    splits, blocks = (rounded(cuts.gather(parts, own), np.diff(own)) for own in (cuts.splits, cuts.blocks))
    t, maxima = np.zeros(0), np.zeros(0)
    if job.counts is not None:
        from atomloom.portfolio.block_bootstrap import tile_statistics  # noqa: PLC0415 - only with a verdict

        t, maxima = tile_statistics(job.drawn(out, segments), job.benchmark, job.counts)
    return LeafFound(figures, moved[:4], out[13], splits, blocks, t, maxima)
