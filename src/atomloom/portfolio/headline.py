"""The headline test: is the best of all configurations better than chance would make the best of as many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.blas import one_thread
from atomloom.engine.side_by_side import in_threads
from atomloom.errors import BadInput
from atomloom.portfolio.block_bootstrap import LEAST_BLOCKS, bootstrap_counts, check_draws, tile_statistics
from atomloom.portfolio.dependence import default_block_length
from atomloom.portfolio.power_sums import take_returns
from atomloom.portfolio.stepping import StepDown, step_down

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Reals = NDArray[np.float64]

TILE = 1024
_TESTED = "mean return above the benchmark's; block bootstrap of the largest t, stepwise"


@dataclass(frozen=True, eq=False, repr=False)
class MaxT:
    """Probabilities of all configurations, and how they were computed; made by :func:`max_t`.

    Attributes
    ----------
    steps : StepDown
        t, adjusted probabilities, survivors.
    n_blocks, block_length : int
        Blocks, and rows of each.
    seed : int
    names : tuple of str or None
        Of the configurations.

    Examples
    --------
    >>> returns = np.random.default_rng(3).normal(size=(500, 40))
    >>> returns[:, 7] += 0.25
    >>> found = max_t(returns)
    >>> found
    MaxT(1 of 40 survive, p 0.001, 500 blocks of 1)
    >>> found.survivors.tolist(), found.block_length
    ([7], 1)
    """

    steps: StepDown
    n_blocks: int
    block_length: int
    seed: int
    names: tuple[str, ...] | None = None

    @property
    def t(self) -> Reals:
        """Mean over standard error of each configuration, (C,) float64."""
        return self.steps.t

    @property
    def p(self) -> Reals:
        """Adjusted probability of each configuration, (C,) float64."""
        return self.steps.p

    @property
    def p_value(self) -> float:
        """Probability that the best of as many configurations without an edge would look as good."""
        return self.steps.p_value

    @property
    def best(self) -> int | None:
        """Configuration with the largest t."""
        return self.steps.best

    @property
    def survivors(self) -> NDArray[np.int64]:
        """Configurations that pass at alpha, the largest t first."""
        return self.steps.survivors

    def summary(self) -> str:
        """Say in some lines what was found."""
        steps, number = self.steps, len(self.t)
        if steps.best is None:
            return f"none of {number:,} configurations varies against the benchmark; nothing was tested"
        lines = [
            f"{len(steps.survivors):,} of {number:,} configurations survive at {steps.alpha:.0%} ({_TESTED})",
            (
                f"the best, {self._name(steps.best)}, has t {steps.t[steps.best]:.3g}; {steps.critical[0]:.3g} had to "
                f"be passed. The best of as many without an edge looks as good in {self.p_value:.2%} of searches"
            ),
            f"{steps.n_boot:,} samples of {self.n_blocks:,} blocks of {self.block_length} rows, seed {self.seed}",
        ]
        if steps.n_left_out:
            lines.append(f"{steps.n_left_out:,} configurations do not vary against the benchmark and were left out")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Give the test as plain values, ready for JSON."""
        more = {"n_blocks": self.n_blocks, "block_length": self.block_length, "seed": self.seed}
        return self.steps.to_dict() | more

    def to_frame(self) -> pd.DataFrame:
        """Give a row per configuration: t, p, whether it survives."""
        import pandas as pd  # noqa: PLC0415 - heavy, and only wanted here

        survives = np.zeros(len(self.t), dtype=bool)
        survives[self.survivors] = True
        columns = {"t": self.t, "p": self.p, "survives": survives}
        return pd.DataFrame(columns, index=self.names).rename_axis("configuration")

    def _name(self, c: int) -> str:
        return str(c) if self.names is None else self.names[c]

    def __repr__(self) -> str:
        survive = f"{len(self.survivors):,} of {len(self.t):,} survive"
        return f"MaxT({survive}, p {self.p_value:.2g}, {self.n_blocks:,} blocks of {self.block_length})"

    def _repr_html_(self) -> str:
        return "".join(f"<p>{line}</p>" for line in self.summary().split("\n"))


def max_t(
    returns: Any, benchmark: ArrayLike | None = None, *, n_boot: int = 1000, block_length: int | None = None,
    seed: int = 0, alpha: float = 0.05, threads: int | None = None,
) -> MaxT:  # fmt: skip
    """Test whether any configuration beats the benchmark, for the number of them and for what correlates them.

    The hypothesis for each is that its mean return is at most the benchmark's. Blocks of rows are drawn with
    replacement, the same for all configurations; the largest t of each sample tells what the best of a search without
    an edge looks like (White's reality check, studentised, with Hansen's rule for poor configurations). Survivors are
    taken out and the others tested again (StepM).

    Parameters
    ----------
    returns : (T, C) array or DataFrame
        A column for each configuration, of all that were tried; none chosen beforehand.
    benchmark : (T,) array, optional
        Its returns; None is cash without interest.
    n_boot : int
        Samples.
    block_length : int, optional
        Rows of a block; by default as short as the returns' own dependence allows: see
        :func:`atomloom.portfolio.dependence.default_block_length`. Rows beyond a multiple are left out at the end.
    seed : int
    alpha : float
        Accepted probability of a false survivor.
    threads : int, optional
        None is every physical core; the same bits for any number.

    Returns
    -------
    MaxT

    Raises
    ------
    BadInput
        For values that are not finite, a benchmark of another length, or fewer than 20 blocks.

    Notes
    -----
    O(n_boot C T / block_length) time in matrix products. How well it holds its level is measured, not assumed: see
    bench/bench_verdict.py.

    References
    ----------
    As for :func:`tile_statistics`.

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(500, 200))
    >>> found = max_t(noise)
    >>> len(found.survivors), found.p_value > 0.05
    (0, True)
    """
    check_draws(n_boot, seed)
    matrix, names = take_returns(returns, LEAST_BLOCKS)
    excess_of = _take_benchmark(benchmark, len(matrix))
    if block_length is None:
        length = default_block_length(matrix, excess_of, n_boot)
    else:
        length = _check_length(block_length, len(matrix))
    blocks = len(matrix) // length
    counts = bootstrap_counts(blocks, n_boot, seed)

    def sums_of(tile: int) -> Reals:
        part = matrix[: blocks * length, tile * TILE : (tile + 1) * TILE]
        return np.add.reduceat(part, np.arange(0, blocks * length, length), axis=0) if length > 1 else part

    reference = None
    if excess_of is not None:
        reference = np.add.reduceat(excess_of[: blocks * length], np.arange(0, blocks * length, length))
    tiles = -(-matrix.shape[1] // TILE)
    with one_thread():
        found = in_threads(
            lambda tile: tile_statistics(sums_of(tile), reference, counts), [(k,) for k in range(tiles)], threads
        )
        t, maxima = np.concatenate([one.t for one in found]), np.stack([one.maxima for one in found])
        tile_of = np.arange(len(t)) // TILE
        steps = step_down(t, maxima, tile_of, sums_of, counts, reference, alpha=alpha, threads=threads)
    return MaxT(steps, blocks, length, int(seed), None if names is None else tuple(names))


def _take_benchmark(benchmark: ArrayLike | None, rows: int) -> Reals | None:
    if benchmark is None:
        return None
    found = np.asarray(benchmark, dtype=np.float64).reshape(-1)
    if len(found) != rows or not np.isfinite(found).all():
        message = f"benchmark has {len(found):,} returns for {rows:,} rows, or values that are not finite"
        raise BadInput(f"{message}. Hint: give its return in each row.")
    return found


def _check_length(length: Any, rows: int) -> int:
    whole = isinstance(length, (int, np.integer)) and not isinstance(length, bool)
    if not whole or length < 1 or rows // length < LEAST_BLOCKS:
        message = f"block_length is {length!r} for {rows:,} rows"
        raise BadInput(f"{message}. Hint: give a whole number up to {rows // LEAST_BLOCKS}: {LEAST_BLOCKS} blocks.")
    return int(length)
