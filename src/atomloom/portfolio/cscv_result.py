"""The result of cross-validation by halves: how the choice of a half fares in the other half."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class PBO:
    """Probability of backtest overfitting, and what lies behind it; made by :func:`pbo`.

    Attributes
    ----------
    value : float
        Share of splits whose winner is out of sample no better than the median of all configurations.
    logits : (P,) float64
        log(w / (1 - w)) of the winner's relative rank w out of sample, splits in lexicographic order.
    winners : (P,) int64
        Configuration with the best Sharpe ratio in sample.
    in_sample, out_of_sample : (P,) float64
        Its Sharpe ratios per period in both halves; 0 where it does not vary.
    rank_correlation : float
        Mean rank correlation of all Sharpe ratios in and out of sample (2,048 configurations and 32 splits at most,
        spread evenly); NaN where all are equal.
    n_configs, n_failed : int
        Configurations compared, and left out.
    n_blocks, n_rows : int
        Blocks, and returns in them.
    ties : str

    Examples
    --------
    >>> from atomloom.portfolio import pbo
    >>> found = pbo(np.random.default_rng(1).normal(size=(1000, 50)), 8)
    >>> found
    PBO(0.629, 50 configurations, 70 splits of 8 blocks)
    >>> round(found.loss, 3), round(found.slope, 2)
    (0.7, 0.32)
    """

    value: float
    logits: Reals
    winners: Ints
    in_sample: Reals
    out_of_sample: Reals
    rank_correlation: float
    n_configs: int
    n_failed: int
    n_blocks: int
    n_rows: int
    ties: str

    @property
    def loss(self) -> float:
        """Share of splits whose winner has a negative Sharpe ratio out of sample."""
        return float((self.out_of_sample < 0.0).mean())

    @property
    def mean_rank(self) -> float:
        """Mean relative rank of the winner out of sample, from 0 to 1; 0.5 is what a random choice has."""
        return float((1.0 / (1.0 + np.exp(-self.logits))).mean())

    @cached_property
    def _line(self) -> tuple[float, float]:
        x, y = self.in_sample, self.out_of_sample
        spread = float(((x - x.mean()) ** 2).sum())
        if spread == 0.0:
            return math.nan, math.nan
        slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread
        return slope, float(y.mean()) - slope * float(x.mean())

    @property
    def slope(self) -> float:
        """Degradation: slope of the winner's ratio out of sample over that in sample; NaN where that is constant.

        Below 0 where a few configurations win everywhere: what one half has more of the other half has less of.
        """
        return self._line[0]

    @property
    def intercept(self) -> float:
        """Ratio out of sample where the line of :attr:`slope` has 0 in sample."""
        return self._line[1]

    @property
    def dominance(self) -> float:
        """Largest excess of the share of splits with a winner's rank up to u over u, a random choice's share.

        At most 0: choosing the winner dominates choosing at random (first order, in ranks out of sample).
        """
        share = np.sort(1.0 / (1.0 + np.exp(-self.logits)))
        reached = np.arange(1, len(share) + 1) / len(share)
        steps = np.floor(share * (self.n_configs + 1) + 0.5) / self.n_configs  # a random choice's, ranks 1 to n
        return float((reached - np.minimum(steps, 1.0)).max())

    def summary(self) -> str:
        """Say in some lines what was found."""
        splits = len(self.logits)
        lines = [
            (
                f"PBO {self.value:.1%}: the best of one half is no better than the median in the other, in that "
                f"share of {splits:,} splits of {self.n_blocks} blocks ({self.n_configs:,} configurations)"
            ),
            f"its mean rank there is {self.mean_rank:.1%} (50% is chance), and it loses in {self.loss:.1%}",
            (
                f"Sharpe ratio out of sample = {self.intercept:.3g} + {self.slope:.3g} x in sample; rank correlation "
                f"of all configurations {self.rank_correlation:.3g}"
            ),
        ]
        if self.n_failed:
            lines.append(f"{self.n_failed:,} failed configurations were left out")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Give all but the splits as plain values, ready for JSON."""
        names = (
            "value", "loss", "mean_rank", "slope", "intercept", "dominance", "rank_correlation", "n_configs",
            "n_failed", "n_blocks", "n_rows", "ties",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names} | {"n_splits": len(self.logits)}

    def to_frame(self) -> pd.DataFrame:
        """Give a row per split: winner, its ratio in and out of sample, logit."""
        import pandas as pd  # noqa: PLC0415 - heavy, and only wanted here

        columns = {
            "winner": self.winners, "in_sample": self.in_sample, "out_of_sample": self.out_of_sample,
            "logit": self.logits,
        }  # fmt: skip
        return pd.DataFrame(columns).rename_axis("split")

    def __repr__(self) -> str:
        splits = f"{len(self.logits):,} splits of {self.n_blocks} blocks"
        return f"PBO({self.value:.3f}, {self.n_configs:,} configurations, {splits})"

    def _repr_html_(self) -> str:
        return "".join(f"<p>{line}</p>" for line in self.summary().split("\n"))
