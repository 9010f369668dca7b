"""Epoch folding: how many events fall into each second of the minute, and whether that is chance."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.bars import count as count_of
from atomloom.market.bars import whole_ns
from atomloom.market.exact_phase import event_times
from atomloom.market.surrogates import PValue, blocks_of, check_surrogates, p_value, streams
from atomloom.market.tables import html_table

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False, repr=False)
class Fold:
    """Events by their phase in a period.

    Attributes
    ----------
    period, block_seconds : float
        Seconds.
    count : (N,) int64
        Events in each bin.
    sigma : float
        Standard deviation of a bin over surrogates, the same for all bins, exact; 0 where nothing can vary.
    z : (N,) float64
        (count - events / N) / sigma.
    p : PValue
        Surrogates whose highest z reaches the highest here.
    n_events, n_blocks : int
    seed : int
        Of the surrogates.

    Examples
    --------
    >>> fold([0, 10**9, 60 * 10**9], surrogates=19).count[:3]
    array([2, 1, 0])
    """

    period: float
    block_seconds: float
    count: NDArray[np.int64]
    sigma: float
    z: NDArray[np.float64]
    p: PValue
    n_events: int
    n_blocks: int
    seed: int

    def __len__(self) -> int:
        return len(self.count)

    def __repr__(self) -> str:
        return (
            f"Fold({self.n_events:,} events over {self.period:g} s, highest bin {self.top}, z {self.z[self.top]:.3g})"
        )

    @property
    def share(self) -> NDArray[np.float64]:
        """Share of the events in each bin, (N,) float64."""
        return self.count / self.n_events

    @property
    def config(self) -> dict[str, Any]:
        """What was asked for: with the same times it gives the same counts and p-value."""
        return {
            "period": self.period,
            "bins": len(self),
            "block_seconds": self.block_seconds,
            "surrogates": self.p.n,
            "seed": self.seed,
        }

    @property
    def top(self) -> int:
        """Bin with the highest z."""
        return int(np.argmax(self.z))

    def to_frame(self) -> pd.DataFrame:
        """Return one row per bin as a pandas DataFrame."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        begin = np.arange(len(self)) * self.period / len(self)
        return pd.DataFrame({"second": begin, "count": self.count, "share": self.share, "z": self.z})

    def to_dict(self) -> dict[str, Any]:
        """Return the scalars as plain values."""
        return {
            "period": self.period,
            "bins": len(self),
            "n_events": self.n_events,
            "n_blocks": self.n_blocks,
            "block_seconds": self.block_seconds,
            "top_bin": self.top,
            "top_share": float(self.share[self.top]),
            "top_z": float(self.z[self.top]),
            **{f"p_{name}": value for name, value in asdict(self.p).items()},
            "seed": self.seed,
        }

    def summary(self) -> str:
        """Return the outcome in a few lines of text."""
        return (
            f"{self.n_events:,} events folded over {self.period:g} s: bin {self.top} has {self.share[self.top]:.2%} of "
            f"them ({1 / len(self):.2%} is even), z {self.z[self.top]:.3g}\n"
            f"surrogates with a bin as full: p {self.p.value:.3g} (95% interval {self.p.low:.3g} to {self.p.high:.3g})"
        )

    def _repr_html_(self) -> str:
        return html_table(repr(self), self.to_dict())


def fold(
    times: ArrayLike,
    period: float = 60,
    bins: int = 60,
    *,
    block: float | None = None,
    surrogates: int = 999,
    seed: int = 0,
) -> Fold:
    """Fold event times over a period and compare the bins with surrogates.

    Parameters
    ----------
    times : (T,) int64 ns UTC or datetime64
    period : float
        Seconds, a whole number of ns; phase 0 is at 1970-01-01, so 60 with 60 bins is the second of the minute.
    bins : int
        2 to 10,000.
    block : float, optional
        Seconds of the blocks that surrogates turn; five periods where not given.
    surrogates : int
    seed : int

    Returns
    -------
    Fold

    Raises
    ------
    BadInput
        If a parameter is out of range.

    Notes
    -----
    An execution algorithm that trades on the clock (TWAP) leaves a bin too full. Orders come in bursts, so
    counts vary far more than Poisson's; a surrogate turns the folded counts of each block of time by a random
    number of bins, bursts and all. The mean and variance of a bin over all such turns are known exactly: with n_b
    the counts of block b, sum_b (mean of n_b^2 - (mean of n_b)^2); z uses them, and the p-value of the highest
    z comes from random turns, keyed by their number (Philox). O(T + surrogates * blocks * bins) time.

    What happens daily at the same second, the open above all, fills a bin as well, and no surrogate knows of it. Fold
    ``np.unique(times // 10**9) * 10**9``, in which each second counts once, before you believe in a clock.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> times = np.sort(rng.integers(0, 86_400 * 10**9, 5000))
    >>> times[::20] = times[::20] // (60 * 10**9) * 60 * 10**9  # 5% of them on the minute
    >>> fold(times, surrogates=99).summary().splitlines()[0]
    '5,000 events folded over 60 s: bin 0 has 6.74% of them (1.67% is even), z ...'
    """
    from atomloom.market import spectrum_kernels  # noqa: PLC0415 - numba loads when a formula is first used

    length = whole_ns(period, "period")
    if count_of(bins, "bins") < 2 or bins > min(10_000, length) or length * bins >= 2**63:
        message = f"{bins!r} bins of a period of {period!r} s. Hint: 2 to 10,000 bins, for example 60 of 60 s."
        raise BadInput(message)
    check_surrogates(surrogates, seed)
    whole = 5 * length if block is None else whole_ns(block, "block")
    cut = blocks_of(event_times(times), None, whole)
    blocks = spectrum_kernels.fold_blocks(cut.times, length, int(bins), cut.edges)
    count = blocks.sum(axis=0, dtype=np.int64)
    even = len(cut.times) / bins
    squares = np.einsum("bk,bk->b", blocks, blocks, dtype=np.float64)
    variance = float((squares / bins - (blocks.sum(axis=1) / bins) ** 2).sum())
    sigma = math.sqrt(max(variance, 0.0))
    z = (count - even) / sigma if sigma > 0 else np.zeros(len(count))
    top = int(count.max())
    reached = 0
    for rng in streams(seed, surrogates):
        turned = spectrum_kernels.shifted_counts(blocks, rng.integers(0, bins, len(blocks)))
        reached += int(turned.max()) >= top
    return Fold(
        period=length / 1e9,
        block_seconds=whole / 1e9,
        count=count,
        sigma=sigma,
        z=z,
        p=p_value(reached, surrogates),
        n_events=len(cut.times),
        n_blocks=len(blocks),
        seed=int(seed),
    )
