"""How much there is in a dataset: how many windows are its own, and how much of them is shared."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.samples.asking import check_computed

if TYPE_CHECKING:
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

    Raises
    ------
    BadInput
        For samples that are stored: their manifest has it.

    Notes
    -----
    A bar that c of W windows reach over is in a sample with probability p = c / W, and in none of n with (1 - p)^n;
    where windows are permuted, or strata take turns, likewise by their counts.
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
    check_computed(samples, "honesty")
    windows, n, length = samples.windows, len(samples), samples.spec.lookback
    if samples.spec.index.mode == "stratified":
        seen, covered, bars = _by_strata(samples)
        uniqueness = min(1.0, covered / (n * length))
        return Honesty(n, len(windows), seen, n / seen, bars, uniqueness, n * uniqueness)
    weights = np.full(len(windows), 1.0 / len(windows))
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


def _by_strata(samples: Dataset) -> tuple[float, float, int]:
    """Give expected windows and bars of samples whose strata take turns, and the bars that windows are cut from.

    A stratum of W windows has m = floor or ceil of n / S samples, none of which reaches over a bar that c of its
    windows have with (1 - c / W)^m; of several strata with the product. c changes at ends and begins of windows only.
    """
    windows, length = samples.windows, samples.spec.lookback
    sizes = np.diff(windows.strata)
    each, more = divmod(len(samples), len(sizes))
    ends = windows.end_of(windows.order if len(windows.order) else np.arange(len(windows)))
    logs, sure, over = np.zeros(samples.series.n_rows + 1), *np.zeros((2, samples.series.n_rows + 1), dtype=np.int64)
    seen = 0.0
    for k, (first, size) in enumerate(zip(windows.strata.tolist(), sizes.tolist(), strict=False)):
        turns, own = each + (k < more), ends[first : first + size]
        places, back = np.unique(np.concatenate([own - length, own]), return_inverse=True)
        begun, ended = (np.bincount(part, minlength=len(places)) for part in (back[:size], back[size:]))
        count = np.cumsum(begun - ended)
        over[places] += np.diff(count, prepend=0)
        if turns == 0:
            continue
        whole = count == size
        missed = turns * np.log1p(-np.where(whole, 0, count) / size)
        logs[places] += np.diff(missed, prepend=0.0)
        sure[places] += np.diff(whole.astype(np.int64), prepend=0)
        seen += size * -math.expm1(turns * math.log1p(-1.0 / size)) if size > 1 else 1.0
    reached, certain = np.cumsum(over)[:-1] > 0, np.cumsum(sure)[:-1] > 0
    chance = np.where(certain, 1.0, -np.expm1(np.minimum(np.cumsum(logs)[:-1], 0.0)))
    return seen, float(chance[reached].sum()), int(np.count_nonzero(reached))
