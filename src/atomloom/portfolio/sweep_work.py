"""A leaf of a sweep: some configurations simulated, and what is kept of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.portfolio.simulate import Field, simulate
from atomloom.portfolio.sweep_plan import LEAF, Cuts
from atomloom.portfolio.sweep_table import figures_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


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
    periods_per_year, risk_free : float
    benchmark : (m,) float64, or None
        Sums of the benchmark's returns in each block that the bootstrap draws.
    counts : (B, m) float64, or None
        How often each block is drawn.
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
        out, segments, _ = simulate(self.field, self.asks[:, own], self.table[own])
        return out, segments

    def drawn_sums(self, leaf: int) -> Reals:
        """Give sums of returns in the blocks that the bootstrap draws, (m, c): the leaf simulated again."""
        return self.cuts.gather(self.simulated(leaf)[1][0], self.cuts.draws)


class LeafFound(NamedTuple):
    """What a leaf found; c configurations in the order of work.

    Attributes
    ----------
    figures : (len(FIGURES), c) float64
    sums : (4, c) float64
        Sums of the first four powers of returns.
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
    figures = figures_of(out, n, job.periods_per_year, job.risk_free)
    splits, blocks = cuts.gather(segments, cuts.splits), cuts.gather(segments, cuts.blocks)
    t, maxima = np.zeros(0), np.zeros(0)
    if job.counts is not None:
        from atomloom.portfolio.block_bootstrap import tile_statistics  # noqa: PLC0415 - only with a verdict

        t, maxima = tile_statistics(cuts.gather(segments[0], cuts.draws), job.benchmark, job.counts)
    return LeafFound(figures, out[:4], out[13], splits, blocks, t, maxima)
