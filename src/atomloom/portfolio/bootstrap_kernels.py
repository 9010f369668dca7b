"""Formulas of the block bootstrap: how often each block is drawn, and the largest t of each sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

LANES = 64


@kernel
def count_draws(raw: NDArray[np.uint64], counts: Reals) -> None:
    """Turn random 64-bit words into draws of blocks with replacement, and count them.

    Parameters
    ----------
    raw : (B, m) uint64
    counts : (B, m) float64
        In: zeros. Out: how often each of the m blocks is drawn in each sample.

    Notes
    -----
    The upper 32 bits of a word times m, shifted: uneven by less than m / 2^32.
    """
    samples, blocks = raw.shape
    for b in range(samples):
        for k in range(blocks):
            place = ((raw[b, k] >> np.uint64(32)) * np.uint64(blocks)) >> np.uint64(32)
            counts[b, np.int64(place)] += 1.0


@kernel
def raise_to_largest(sums: Reals, squares: Reals, blocks: float, floor: float, largest: Reals) -> None:
    """Raise the largest signed square of t of each sample to that of these configurations.

    Parameters
    ----------
    sums, squares : (B, c) float64
        Of the blocks drawn: sums and sums of squares of a configuration's block sums, centred and scaled so that
        their squares over all blocks add up to 1. NaN is left out.
    blocks : float
        Blocks in a sample.
    floor : float
        Least sum of squared deviations that a sample may have: a share of 1, what all blocks have.
    largest : (B,) float64
        In and out.

    Notes
    -----
    O(B c). As in the cross-validation kernels products find the candidates, and only those are divided.
    """
    share = 1.0 / blocks
    for b in range(len(largest)):
        best, row, squared = largest[b], sums[b], squares[b]
        for begin in range(0, len(row), LANES):
            end, found = min(begin + LANES, len(row)), False
            for j in range(begin, end):
                square = row[j] * row[j]
                spread = squared[j] - square * share
                spread = max(spread, floor)
                found |= row[j] * abs(row[j]) >= best * spread
            if found:
                for j in range(begin, end):
                    spread = max(squared[j] - row[j] * row[j] * share, floor)
                    ratio = row[j] * abs(row[j]) / spread
                    best = max(best, ratio)
        largest[b] = best
