"""The block bootstrap of many configurations at once: their t, and the largest t that chance makes of them.

Blocks of rows are drawn with replacement, the same for all configurations, so whatever correlates them stays. Each
sample gives every configuration a t of its own, of the deviation from its mean and with a standard error from the
sample: two matrix products. What is kept is the largest t of each sample.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.engine.blas import one_thread
from atomloom.errors import BadInput
from atomloom.kernels import memory
from atomloom.portfolio.power_sums import FLAT

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Reals = NDArray[np.float64]

LEAST_BLOCKS = 20
"""Fewer blocks tell too little of how a configuration varies."""

FLOOR = 0.25
"""Least variance of a configuration in a sample, as a share of that in all blocks."""

STRIP, SAMPLES = 256, 1024  # configurations and samples of one matrix product
_NOISE = 1e-20  # of sums of squares: what differs by less from the benchmark is the benchmark


class TileStatistics(NamedTuple):
    """What the bootstrap says of a tile of configurations.

    Attributes
    ----------
    t : (c,) float64
        Mean of (return - benchmark) over its standard error; NaN for what failed, or does not differ from the
        benchmark by anything that varies.
    maxima : (B,) float64
        Largest t of each sample; -inf where no configuration is a candidate.

    Examples
    --------
    >>> TileStatistics(np.array([2.0]), np.array([0.5, 1.5])).maxima
    array([0.5, 1.5])
    """

    t: Reals
    maxima: Reals


def bootstrap_counts(n_blocks: int, n_boot: int = 1000, seed: int = 0) -> Reals:
    """Draw blocks with replacement, as many as there are, for each sample; give how often each is drawn.

    Parameters
    ----------
    n_blocks : int
        At least 20.
    n_boot : int
        Samples; the least probability that can be told is 1 / (n_boot + 1).
    seed : int
        Of Philox, a counter-based generator: the first samples are the same for any number of them.

    Returns
    -------
    (n_boot, n_blocks) float64
        Whole numbers; each row adds up to n_blocks.

    Raises
    ------
    BadInput
        For too few blocks or samples, or a negative seed.

    Examples
    --------
    >>> counts = bootstrap_counts(20, 3)
    >>> counts.shape, counts.sum(axis=1).tolist()
    ((3, 20), [20.0, 20.0, 20.0])
    """
    from atomloom.portfolio.bootstrap_kernels import count_draws  # noqa: PLC0415 - compiles

    check_draws(n_boot, seed)
    check_whole("n_blocks", n_blocks, LEAST_BLOCKS)
    raw = np.random.Philox(int(seed)).random_raw(n_boot * n_blocks).reshape(n_boot, n_blocks)
    counts = np.zeros((n_boot, n_blocks))
    count_draws(raw, counts)
    return counts


def check_draws(n_boot: Any, seed: Any) -> None:
    """Refuse what is no number of samples, or no seed.

    Examples
    --------
    >>> check_draws(1000, -1)
    Traceback (most recent call last):
    atomloom.errors.BadInput: seed is -1. Hint: give a whole number of at least 0.
    """
    check_whole("n_boot", n_boot, 1)
    check_whole("seed", seed, 0)


def check_whole(name: str, value: Any, least: int) -> None:
    """Refuse what is no whole number of at least so much.

    Examples
    --------
    >>> check_whole("n_boot", 1000, 1)
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise BadInput(f"{name} is {value!r}. Hint: give a whole number of at least {least}.")


def tile_statistics(
    sums: ArrayLike, benchmark_sums: ArrayLike | None, counts: Reals, *, keep: NDArray[np.bool_] | None = None
) -> TileStatistics:  # fmt: skip
    """Give t of each configuration of a tile, and the largest t of each bootstrap sample.

    Parameters
    ----------
    sums : (m, c) float64
        Sums of returns by block, blocks of (nearly) equal length in time order; NaN for failed configurations.
    benchmark_sums : (m,) float64, optional
        Of the benchmark; None is a return of 0.
    counts : (B, m) float64
        By :func:`bootstrap_counts`.
    keep : (c,) bool, optional
        Only these may make the maxima; t is given for all.

    Returns
    -------
    TileStatistics

    Raises
    ------
    BadInput
        For shapes that do not agree.

    Notes
    -----
    With d the block sums less those of the benchmark and w the counts of a sample,
    ``t = sqrt(m) mean(d) / std(d)`` and ``t* = sqrt(m) (mean_w(d) - mean(d)) / std_w(d)``, standard deviations with
    m - 1. A variance in a sample counts as at least a quarter of that in all blocks: where one rare loss is not drawn,
    next to nothing varies, and one such configuration would hide all others. Configurations with
    ``t < -sqrt(2 log log m)`` are no candidates for the largest (Hansen's rule): they are worse than the benchmark.

    A standard error that is kept from the data instead of the sample's own fails: of 10,000 independent configurations
    with 100 blocks it accepts noise in 18 % of searches at 5 %, and in half of them where returns have rare losses;
    signs drawn at random fail there too. See bench/bench_verdict.py.

    O(B m c) time in matrix products by one BLAS thread (call it from several threads); O(B) memory beyond some MB.
    The bits depend on what is in the tile, and on nothing else.

    References
    ----------
    White, A Reality Check for Data Snooping, Econometrica 68 (2000); Hansen, A Test for Superior Predictive Ability,
    Journal of Business and Economic Statistics 23 (2005); Romano and Wolf, Stepwise Multiple Testing as Formalized
    Data Snooping, Econometrica 73 (2005).

    Examples
    --------
    >>> sums = np.random.default_rng(0).normal(size=(50, 3)) + [0.0, 0.1, 0.9]
    >>> found = tile_statistics(sums, None, bootstrap_counts(50, 200))
    >>> found.t.round(2), bool(found.t[2] > np.quantile(found.maxima, 0.95))
    (array([-1.25,  1.6 ,  9.88]), True)
    """
    given = np.asarray(sums, dtype=np.float64)
    if given.ndim == 2 and given.shape[1] == 1:
        found = tile_statistics(
            np.repeat(given, 2, axis=1), benchmark_sums, counts, keep=None if keep is None else np.repeat(keep, 2)
        )
        return TileStatistics(found.t[:1], found.maxima)
    excess = _excess(given, benchmark_sums, counts)
    m = len(excess[0])
    t, centred = _studentise(*excess)
    candidate = t >= -math.sqrt(2.0 * math.log(math.log(m)))
    if keep is not None:
        candidate &= np.asarray(keep, dtype=bool)
    largest = np.full(len(counts), -math.inf)
    columns = np.flatnonzero(candidate)
    with one_thread():
        for low in range(0, len(columns), STRIP):
            _raise(centred[:, columns[low : low + STRIP]], counts, largest)
    return TileStatistics(t, np.sign(largest) * np.sqrt(np.abs(largest) * (m - 1) / m))


def _excess(sums: ArrayLike, benchmark_sums: ArrayLike | None, counts: Reals) -> tuple[Reals, Reals]:
    """Give the sums less the benchmark's, and for each configuration the size below which that is rounding."""
    given = np.ascontiguousarray(sums, dtype=np.float64)  # other orders would add up in another order
    if given.ndim != 2 or counts.ndim != 2 or len(given) != counts.shape[1] or len(given) < LEAST_BLOCKS:
        message = f"sums has shape {given.shape} and counts {counts.shape}"
        raise BadInput(f"{message}. Hint: (m, c) and (B, m) with m of at least {LEAST_BLOCKS} blocks.")
    size = np.einsum("kc,kc->c", given, given)
    if benchmark_sums is None:
        return given, size * 0.0
    reference = np.asarray(benchmark_sums, dtype=np.float64)
    if reference.shape != (len(given),) or not np.isfinite(reference).all():
        message = f"benchmark_sums has shape {reference.shape}, or values that are not finite"
        raise BadInput(f"{message}. Hint: a number for each of {len(given)} blocks.")
    return given - reference[:, None], _NOISE * (size + float(reference @ reference))


def _studentise(excess: Reals, noise: Reals) -> tuple[Reals, Reals]:
    """Give t, and what is centred and scaled to squares that add up to 1; NaN for what does not vary."""
    m = len(excess)
    total = np.add.reduce(excess, axis=0)
    centred = excess - total / m
    squares = np.einsum("kc,kc->c", centred, centred)
    least = np.maximum(FLAT * np.einsum("kc,kc->c", excess, excess), noise)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.where(squares > least, 1.0 / np.sqrt(squares), np.nan)
        centred *= scale
        return total * math.sqrt((m - 1) / m) * scale, centred


def _raise(centred: Reals, counts: Reals, largest: Reals) -> None:
    from atomloom.portfolio.bootstrap_kernels import raise_to_largest  # noqa: PLC0415 - compiles

    m, c = centred.shape
    both = np.concatenate([centred, centred * centred], axis=1)
    out: Any = memory.empty((min(SAMPLES, len(counts)), 2 * c))
    for low in range(0, len(counts), SAMPLES):
        drawn = counts[low : low + SAMPLES]
        product = out[: len(drawn)]
        np.matmul(drawn, both, out=product)
        raise_to_largest(product[:, :c], product[:, c:], float(m), FLOOR, largest[low : low + SAMPLES])
