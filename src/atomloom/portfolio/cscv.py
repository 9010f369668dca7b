"""The probability of backtest overfitting: is the best of one half of the data also good in the other half."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.side_by_side import in_threads, spans
from atomloom.errors import BadInput, Infeasible
from atomloom.portfolio.cscv_result import PBO
from atomloom.portfolio.power_sums import FLAT, alive, block_sums, fixed, sharpe_of_sums, take_returns, take_sums
from atomloom.portfolio.rank_correlation import rank_correlations

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]

TIES = ("low", "average")
MOST_BLOCKS = 20
_TILES = 16  # of configurations that a thread should have at least
_RANKED_SPLITS, _RANKED_CONFIGS = 32, 2048


def pbo(
    returns: Any = None, n_blocks: int = 16, *, moments: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
    ties: str = "low", threads: int | None = None,
) -> PBO:  # fmt: skip
    """Estimate the probability of backtest overfitting by combinatorially symmetric cross-validation.

    The rows are cut into blocks. For each choice of half of them the configuration with the best Sharpe ratio is
    looked up in the other half: its relative rank there is w, and lambda = log(w / (1 - w)). The probability is the
    share of choices with lambda <= 0: the winner is no better than the median of all configurations.

    Parameters
    ----------
    returns : (T, C) array or DataFrame, optional
        A column for each configuration, of all that were tried. Rows beyond a multiple of `n_blocks` are left out at
        the end.
    n_blocks : int
        Even, 2 to 20; 16 makes 12,870 splits. Not used with moments.
    moments : (s1, s2, n), optional
        Instead of returns: sums and sums of squares by block, (S, C) float64, and returns of each block, (S,). Failed
        configurations are NaN in every block; they are counted and left out.
    ties : {"low", "average"}
        Rank of a winner that others equal out of sample: below all of them, or their average.
    threads : int, optional
        None is every physical core; the same bits for any number.

    Returns
    -------
    PBO

    Raises
    ------
    BadInput
        For an odd number of blocks, more blocks than rows, or values that are not finite.
    Infeasible
        For fewer than two configurations: nothing was selected.

    Notes
    -----
    The best is the first among equals. A configuration that does not vary in a half has a Sharpe ratio of 0 there.
    O(C binom(S, S / 2)) time, about 0.4 ns each for choosing and for ranking on one core; memory is that of the
    moments and some megabytes.

    References
    ----------
    Bailey, Borwein, Lopez de Prado and Zhu, The Probability of Backtest Overfitting, Journal of Computational Finance
    20 (2017), section 3; AFML chapter 11.6.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(size=(1000, 50))
    >>> found = pbo(noise, 8)
    >>> found.value, len(found.logits)
    (0.6285714285714286, 70)
    """
    if ties not in TIES:
        raise BadInput(f"ties is {ties!r}. Hint: one of {', '.join(TIES)}.")
    if (returns is None) == (moments is None):
        raise BadInput("give either returns or moments. Hint: returns has a column for each configuration.")
    if moments is None:
        matrix, _ = take_returns(returns)
        _check_blocks(n_blocks, len(matrix))
        s1, s2, n = block_sums(matrix, n_blocks)
    else:
        s1, s2, n = take_sums(*moments)
        _check_blocks(len(s1), int(n.sum()))
    good = alive(s1, s2)
    number = int(good.sum())
    if number < 2:
        message = f"{number} of {len(good):,} configurations has returns; with fewer than two nothing is selected"
        raise Infeasible(f"{message}. Hint: probabilistic_sharpe judges a single one.")
    return _measure(fixed(s1), fixed(s2), n, number, ties, threads)


def _check_blocks(n_blocks: Any, rows: int) -> None:
    whole = isinstance(n_blocks, (int, np.integer)) and not isinstance(n_blocks, bool)
    if not whole or n_blocks % 2 or not 2 <= n_blocks <= MOST_BLOCKS:
        raise BadInput(f"n_blocks is {n_blocks!r}. Hint: give an even number from 2 to {MOST_BLOCKS}.")
    if n_blocks > rows:
        raise BadInput(f"n_blocks is {n_blocks} for {rows} rows. Hint: a block has at least one row.")


@lru_cache(maxsize=4)
def split_masks(blocks: int) -> Ints:
    """Give the blocks in sample of each split as bits, in lexicographic order; the complement of p is -1 - p.

    Examples
    --------
    >>> [f"{mask:04b}" for mask in split_masks(4)]
    ['0011', '0101', '1001', '0110', '1010', '1100']
    """
    picks = itertools.combinations([1 << k for k in range(blocks)], blocks // 2)
    masks = np.fromiter(map(sum, picks), np.int64, math.comb(blocks, blocks // 2))
    masks.flags.writeable = False
    return masks


def _measure(s1: Reals, s2: Reals, n: Ints, number: int, ties: str, threads: int | None) -> PBO:
    from atomloom.portfolio.cscv_kernels import half_sums  # noqa: PLC0415 - compiles

    blocks = len(s1)
    masks = split_masks(blocks)
    inside = (masks[:, None] >> np.arange(blocks)) & 1
    rows: Ints = inside @ n
    limits: Any = rows * (1.0 - FLAT)
    winners = _winners(s1, s2, masks, limits, threads)
    sums = np.empty((2, 2, len(masks)))
    half_sums(s1, s2, masks, winners, sums[0])
    half_sums(s1, s2, fixed(masks[::-1].copy()), winners, sums[1])
    worse, equal = _ranks(s1, s2, masks, limits, sums[1], threads)
    rank = 1.0 + worse if ties == "low" else worse + (equal + 1.0) / 2.0
    share = rank / (number + 1)
    logits = np.log(share / (1.0 - share))
    return PBO(
        value=float((logits <= 0.0).mean()),
        logits=logits,
        winners=winners,
        in_sample=sharpe_of_sums(sums[0, 0], sums[0, 1], rows),
        out_of_sample=sharpe_of_sums(sums[1, 0], sums[1, 1], rows[::-1]),
        rank_correlation=_rank_correlation(s1, s2, n, inside),
        n_configs=number,
        n_failed=s1.shape[1] - number,
        n_blocks=blocks,
        n_rows=int(n.sum()),
        ties=ties,
    )


def _winners(s1: Reals, s2: Reals, masks: Ints, limits: Reals, threads: int | None) -> Ints:
    """Give the first of the best configurations in sample, for each split."""
    from atomloom.portfolio.cscv_kernels import LANES, best_of_halves  # noqa: PLC0415 - compiles

    def work(low: int, high: int, first: int, last: int) -> tuple[Reals, Ints]:
        best, where = np.full(len(masks), -math.inf), np.full(len(masks), -1, dtype=np.int64)
        best_of_halves(s1, s2, masks, limits, low, high, first, last, best, where)
        return best, where

    found = in_threads(work, _pieces(s1.shape[1], LANES, len(masks) // 2, threads), threads)
    best: Reals
    where: Ints
    best, where = found[0]
    for later, place in found[1:]:
        better = later > best
        best, where = np.where(better, later, best), np.where(better, place, where)
    return where


def _ranks(
    s1: Reals, s2: Reals, masks: Ints, limits: Reals, sums: Reals, threads: int | None
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Count for each split the configurations that are worse than its winner out of sample, and those as good."""
    from atomloom.portfolio.cscv_kernels import LANES, count_worse  # noqa: PLC0415 - compiles

    square = sums[0] * np.abs(sums[0])
    square[np.abs(square) >= limits[::-1] * sums[1]] = 0.0  # as the kernel has it

    def work(low: int, high: int, first: int, last: int) -> tuple[Ints, Ints]:
        worse, equal = np.zeros(len(masks), dtype=np.int64), np.zeros(len(masks), dtype=np.int64)
        count_worse(s1, s2, masks, limits, low, high, first, last, square, sums[1], worse, equal)
        return worse, equal

    found = in_threads(work, _pieces(s1.shape[1], LANES, len(masks), threads), threads)
    return np.add.reduce([one for one, _ in found]), np.add.reduce([one for _, one in found])


def _pieces(configs: int, lanes: int, splits: int, threads: int | None) -> list[tuple[int, int, int, int]]:
    """Share out configurations, or, where these are few, splits; tables then are made by each thread."""
    parts = spans(configs, lanes, threads, most=1)
    if configs >= _TILES * lanes * len(parts):
        return [(low, high, 0, splits) for low, high in parts]
    return [(0, configs, first, last) for first, last in spans(splits, 1, threads, most=1)]


def _rank_correlation(s1: Reals, s2: Reals, n: Ints, inside: Ints) -> float:
    """Give the mean rank correlation of the two halves, over some splits and configurations spread evenly."""
    half = inside[: len(inside) // 2]  # the other splits are their complements and have the same correlations
    some = half[np.linspace(0, len(half) - 1, min(len(half), _RANKED_SPLITS)).astype(np.int64)]
    found = rank_correlations(s1, s2, n, some, 1 - some, most=_RANKED_CONFIGS)
    known = found[~np.isnan(found)]
    return float(known.mean()) if len(known) else math.nan
