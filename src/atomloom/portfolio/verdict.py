"""The verdict on a search: how many configurations survive, and how likely noise would look like that."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.portfolio.cscv_result import PBO
    from atomloom.portfolio.neighbours import Plateau
    from atomloom.portfolio.stepping import StepDown

    Reals = NDArray[np.float64]

LIMITS = (
    "What this does not say: whether an edge lasts, whether costs were simulated as they will be, whether the edge is "
    "worth its risk, and anything about trials that were not counted."
)


@dataclass(frozen=True, eq=False, repr=False)
class Verdict:
    """Which configurations of a search are not explained by luck; made by :func:`overfit` or :func:`verdict_from`.

    Ratios are per period unless a name says annual.

    Attributes
    ----------
    best : int
        Configuration with the highest Sharpe ratio, the first among equals.
    sharpe, skew, kurtosis : float
        Of its returns.
    psr : float
        Probability that its true ratio is above 0, had it been the only trial.
    dsr : float
        The same above `luck`: deflated, by the raw number of trials and the deviation across them.
    luck : float
        Largest ratio to be expected of as many trials without an edge.
    min_track_record : float
        Returns needed to tell its ratio from 0 with 95 % confidence.
    min_backtest_length : float
        Years below which luck among as many independent trials is expected to reach its ratio.
    p : (C,) float64
        Probability of each configuration, adjusted for all trials; NaN where it does not vary.
    survivors : (K,) int64
        Those with p at most alpha, the largest t first. The decision is made here, not by `dsr` or `pbo`.
    pbo : PBO or None
        None where there is but one configuration.
    rank_correlation : float
        Of Sharpe ratios in and out of sample over configurations.
    plateau : Plateau or None
        The winner's neighbours, where parameters are known.
    steps : StepDown
        The headline test.
    sharpes : (C,) float64
        NaN where returns do not vary.
    n, n_trials : int
        Returns, and trials that are counted.
    blocks : tuple of (int, int)
        Blocks of the bootstrap, and rows of each.
    benchmark : bool
        Whether the headline test is against a benchmark (else against 0).
    periods_per_year : float
    matched : bool
        Whether returns were compared at the benchmark's volatility, so that leverage is no edge.
    names : tuple of str or None
    parameters : dict of str to (C,) array

    Examples
    --------
    >>> from atomloom.portfolio import overfit
    >>> returns = np.random.default_rng(3).normal(size=(500, 40))
    >>> returns[:, 7] += 0.25
    >>> verdict = overfit(returns, n_blocks=8)
    >>> verdict
    Verdict(1 of 40 survive, best 7 with p 0.001, PBO 0.01)
    >>> verdict.survivors.tolist()
    [7]
    """

    best: int
    sharpe: float
    skew: float
    kurtosis: float
    psr: float
    dsr: float
    luck: float
    min_track_record: float
    min_backtest_length: float
    p: Reals
    survivors: NDArray[np.int64]
    pbo: PBO | None
    rank_correlation: float
    plateau: Plateau | None
    steps: StepDown
    sharpes: Reals
    n: int
    n_trials: int
    blocks: tuple[int, int]
    benchmark: bool
    periods_per_year: float
    matched: bool = False
    names: tuple[str, ...] | None = None
    parameters: dict[str, Any] = field(default_factory=dict)

    @property
    def p_value(self) -> float:
        """Adjusted probability of the best; 1 where it could not be tested."""
        found = float(self.p[self.best])
        return 1.0 if math.isnan(found) else found

    @property
    def annual_sharpe(self) -> float:
        """Sharpe ratio of the best a year."""
        return self.sharpe * math.sqrt(self.periods_per_year)

    @property
    def detectable(self) -> float:
        """Annual ratio (of returns less the benchmark's) that the best had to pass; half of such edges are missed."""
        return self.steps.critical[0] * math.sqrt(self.periods_per_year / self.n)

    @property
    def n_left_out(self) -> int:
        """Configurations that failed or do not vary."""
        return int(np.isnan(self.p).sum())

    def label(self, c: int) -> str:
        """Name a configuration: its name, or its number and parameters."""
        if self.names is not None:
            return self.names[c]
        values = ", ".join(f"{name}={np.asarray(given)[c]}" for name, given in self.parameters.items())
        return f"{c} ({values})" if values else str(c)

    def summary(self) -> str:
        """Say in plain words what was found, and what not."""
        return "\n".join([*self._headline(), *self._record(), *self._selection(), LIMITS])

    def _headline(self) -> list[str]:
        number, year = len(self.p), f"{self.annual_sharpe:.3g} a year"
        what = "a mean return above the benchmark's" if self.benchmark else "a mean return above 0"
        what += " at the same volatility" if self.matched else ""
        lines = [
            (
                f"{len(self.survivors):,} of {number:,} configurations survive at {self.steps.alpha:.0%}: {what} that "
                f"the search does not explain"
            ),
            (
                f"best: {self.label(self.best)}, Sharpe ratio {year} over {self.n:,} returns; p {self.p_value:.2g}: "
                f"{self._luck(what)}"
            ),
        ]
        first = self.steps.best
        if first is not None and first != self.best:
            lines.append(
                f"largest t: {self.label(first)}, Sharpe ratio "
                f"{self.sharpes[first] * math.sqrt(self.periods_per_year):.3g} a year; p {self.p[first]:.2g}"
            )
        if not len(self.survivors) and self.detectable > 0.0:
            lines.append(
                f"no survivor is no proof of no edge: with this much data a ratio of {self.detectable:.3g} a year"
                f"{' of the returns less the benchmark' if self.benchmark else ''} had to be passed"
            )
        if self.n_trials > number:
            lines.append(f"{self.n_trials:,} trials were counted; probabilities allow for those that are not here")
        if self.n_left_out:
            what = "configuration" if self.n_left_out == 1 else "configurations"
            lines.append(f"{self.n_left_out:,} {what} failed or did not vary: counted, and not tested")
        return lines

    def _luck(self, what: str) -> str:
        if self.p_value > 0.5:
            return f"noise has {what} like its own more often than not"
        return f"in {_percent(self.p_value)} of searches without any edge the best would look as good"

    def _record(self) -> list[str]:
        scale = math.sqrt(self.periods_per_year)
        years = self.min_track_record / self.periods_per_year
        return [
            (
                f"beside a ratio of 0, not the benchmark's: PSR {self.psr:.1%} as if it were the only trial; DSR "
                f"{self.dsr:.1%} beyond what luck is expected to reach in {self.n_trials:,} trials, "
                f"{self.luck * scale:.3g} a year (strict where they are independent)"
            ),
            (
                f"telling its ratio from 0 takes {_length(years)}; luck among as many independent trials is expected "
                f"to reach it in less than {_length(self.min_backtest_length)}, and these are "
                f"{_length(self.n / self.periods_per_year)}"
            ),
        ]

    def _selection(self) -> list[str]:
        lines = []
        if self.pbo is not None:
            related = f"; rank correlation in to out of sample {self.rank_correlation:.2f}"
            lines.append(
                f"PBO {self.pbo.value:.1%}: how often the best of one half is no better than the median in the other "
                f"half{'' if math.isnan(self.rank_correlation) else related}"
            )
        if self.plateau is not None and self.plateau.count:
            scale = math.sqrt(self.periods_per_year)
            lines.append(
                f"its {self.plateau.count} neighbours on the grid have {self.plateau.median * scale:.3g} a year "
                f"(median) beside its {self.annual_sharpe:.3g}"
            )
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Give all but the tables of configurations as plain values, ready for JSON."""
        names = (
            "best", "sharpe", "annual_sharpe", "skew", "kurtosis", "psr", "dsr", "luck", "min_track_record",
            "min_backtest_length", "p_value", "rank_correlation", "detectable", "n", "n_trials", "n_left_out",
            "benchmark", "periods_per_year",
        )  # fmt: skip
        return {name: getattr(self, name) for name in names} | {
            "label": self.label(self.best),
            "n_configs": len(self.p),
            "alpha": self.steps.alpha,
            "survivors": self.survivors.tolist(),
            "blocks": list(self.blocks),
            "steps": self.steps.to_dict(),
            "pbo": None if self.pbo is None else self.pbo.to_dict(),
            "plateau": None if self.plateau is None else self.plateau.to_dict(),
        }

    def to_frame(self) -> pd.DataFrame:
        """Give a row per configuration: its parameters, Sharpe ratio, t, adjusted p, whether it survives."""
        import pandas as pd  # noqa: PLC0415 - heavy, and only wanted here

        survives = np.zeros(len(self.p), dtype=bool)
        survives[self.survivors] = True
        columns = {"sharpe": self.sharpes, "t": self.steps.t, "p": self.p, "survives": survives}
        frame = pd.DataFrame({**self.parameters, **columns}, index=None if self.names is None else list(self.names))
        return frame.rename_axis("configuration")

    def __repr__(self) -> str:
        survive = f"{len(self.survivors):,} of {len(self.p):,} survive"
        chance = "" if self.pbo is None else f", PBO {self.pbo.value:.2f}"
        return f"Verdict({survive}, best {self.label(self.best)} with p {self.p_value:.2g}{chance})"

    def _repr_html_(self) -> str:
        return "".join(f"<p>{escape(line)}</p>" for line in self.summary().split("\n"))


def _percent(share: float) -> str:
    return f"{share:.2%}" if share < 0.01 else f"{share:.0%}"


def _length(years: float) -> str:
    if not math.isfinite(years):
        return "for ever"
    return f"{years:.3g} years"
