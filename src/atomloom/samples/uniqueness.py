"""How much there is in a dataset: how many windows are its own, and how much of them is shared."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.samples.sample_set import Dataset


@dataclass(frozen=True)
class Honesty:
    """What a number of samples is worth.

    Attributes
    ----------
    samples : int
    windows : int
        Different windows that there are.
    unique_windows : float
        Different windows that the samples have; expected, where they are drawn at random.
    reuse : float
        Samples for each of those.
    bars : int
        Bars that windows are cut from.
    mean_uniqueness : float
        Average over the samples of the average over a sample's bars of one over the number of samples that have the
        bar (expected likewise). AFML chapter 4.
    effective : float
        Samples times mean uniqueness: about how many samples without a common bar they are worth.

    Examples
    --------
    >>> Honesty(100, 50, 50.0, 2.0, 57, 0.07, 7.1).summary().splitlines()[0]
    '100 samples of 50 windows: each window 2.0 times'
    """

    samples: int
    windows: int
    unique_windows: float
    reuse: float
    bars: int
    mean_uniqueness: float
    effective: float

    def summary(self) -> str:
        """Say it in words."""
        times = f"{self.reuse:,.1f}" if self.reuse < 1e4 else f"{self.reuse:,.0f}"
        worth = f"as much as {self.effective:,.1f} samples that share no bar"
        lines = [
            f"{self.samples:,} samples of {self.windows:,} windows: each window {times} times",
            f"mean uniqueness {self.mean_uniqueness:.3g} (AFML ch. 4): {worth}",
        ]
        if self.reuse > 2.0:
            lines.append("samples of one window differ in their trade state alone")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Give the numbers by name."""
        return asdict(self)


def honesty(samples: Dataset) -> Honesty:
    """Say how many windows a dataset has, how often each is used, and how unique samples are on average.

    Parameters
    ----------
    samples : Dataset

    Returns
    -------
    Honesty

    Notes
    -----
    A bar that c of W windows reach over is in a sample with probability p = c / W, and in none of n with (1 - p)^n.
    The mean uniqueness of n windows of L bars is (bars in at least one) / (n L): each bar of a sample counts as one
    over the number of samples that have it. O(T) time and memory.

    Examples
    --------
    >>> from atomloom.samples import dataset
    >>> found = honesty(
    ...     dataset({"close": np.arange(1.0, 12.0)}, 8, {"lookback": 3, "channels": ["close"], "index": "permuted"})
    ... )
    >>> found.unique_windows, found.bars
    (8.0, 10)
    """
    windows, n, length = samples.windows, len(samples), samples.spec.lookback
    weights = _chances(samples)
    steps = np.zeros(samples.series.n_rows + 1)
    ends = windows.end_of(np.arange(len(windows)))
    np.add.at(steps, ends - length, weights)
    np.add.at(steps, ends, -weights)
    reach = np.clip(np.cumsum(steps)[:-1], 0.0, 1.0)
    reach[reach < 1e-12] = 0.0
    with np.errstate(divide="ignore"):
        if samples.spec.index.mode == "permuted":  # without replacement: every window in n / W of all cases
            seen = float(min(n, len(windows)))
            over, times = np.unique(np.rint(reach[reach > 0.0] * len(windows)), return_counts=True)
            covered = float(sum(k * (1.0 - _missed(len(windows), int(c), n)) for c, k in zip(over, times, strict=True)))
        else:
            seen = float(-np.expm1(n * np.log1p(-weights)).sum())
            covered = float(-np.expm1(n * np.log1p(-reach)).sum())
    uniqueness = min(1.0, covered / (n * length))
    return Honesty(n, len(windows), seen, n / seen, int(np.count_nonzero(reach)), uniqueness, n * uniqueness)


def _missed(windows: int, over: int, n: int) -> float:
    """Chance that none of n different windows is one of the ``over`` that reach over a bar."""
    if n > windows - over:
        return 0.0
    parts = (windows - over + 1, windows - n + 1), (windows - over - n + 1, windows + 1)
    return math.exp(sum(map(math.lgamma, parts[0])) - sum(map(math.lgamma, parts[1])))


def _chances(samples: Dataset) -> NDArray[np.float64]:
    """Chance of each window to be that of a sample."""
    windows = samples.windows
    if samples.spec.index.mode != "stratified":
        return np.full(len(windows), 1.0 / len(windows))
    sizes = np.diff(windows.strata)
    by_place = np.repeat(1.0 / (sizes * len(sizes)), sizes)
    if not len(windows.order):
        return by_place
    chances = np.empty(len(windows))
    chances[windows.order] = by_place
    return chances
