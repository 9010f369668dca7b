"""The measures of paths: one number each, or one for each of many paths."""

from __future__ import annotations

import html
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    Reals = float | NDArray[np.float64]
    Rows = int | NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class PathMetrics:
    """Measures of one path of returns (floats), or of many ((C,) arrays); see :func:`path_metrics` for the formulas.

    Attributes
    ----------
    n_periods : int
    periods_per_year : float
    names : tuple of str or None
        Of the paths, where the returns had columns with names.
    total_return, annual_return, annual_volatility : float or (C,) float64
        Shares; annual ones geometric, and by the root of time.
    sharpe, sortino, calmar : float or (C,) float64
        Annual; NaN where they would be divided by zero.
    max_drawdown : float or (C,) float64
        Depth, from 0 to 1: positive.
    drawdown_start, drawdown_trough, drawdown_recovery : int or (C,) int64
        Rows of the deepest drawdown: the first below the peak, the lowest, and the first that is back at it; -1 where
        there is none.
    longest_drawdown : int or (C,) int64
        Most rows in a run that end below an earlier peak.
    skew, kurtosis : float or (C,) float64
        Biased; 3 is the kurtosis of a normal distribution.
    hit_rate, tail_ratio, best, worst : float or (C,) float64
    ruined : bool or (C,) bool
        Whether the value came to zero or below.
    turnover : float or (C,) float64, or None
        Of a year.
    costs : float or (C,) float64, or None
        Sum over all periods, as a share of the value.
    beta, alpha, tracking_error, information_ratio : float or (C,) float64, or None
        Against the benchmark; all but beta annual.

    Examples
    --------
    >>> from atomloom.portfolio import path_metrics
    >>> print(path_metrics([0.01, -0.02, 0.03]).summary().splitlines()[0])
    3 periods: total return 1.95 %, annual return 406.19 %, volatility 39.95 %
    """

    n_periods: int
    periods_per_year: float
    names: tuple[str, ...] | None
    total_return: Reals
    annual_return: Reals
    annual_volatility: Reals
    sharpe: Reals
    sortino: Reals
    calmar: Reals
    max_drawdown: Reals
    drawdown_start: Rows
    drawdown_trough: Rows
    drawdown_recovery: Rows
    longest_drawdown: Rows
    skew: Reals
    kurtosis: Reals
    hit_rate: Reals
    tail_ratio: Reals
    best: Reals
    worst: Reals
    ruined: bool | NDArray[np.bool_]
    turnover: Reals | None = None
    costs: Reals | None = None
    beta: Reals | None = None
    alpha: Reals | None = None
    tracking_error: Reals | None = None
    information_ratio: Reals | None = None

    @property
    def n_paths(self) -> int:
        """How many paths were measured."""
        return int(np.size(self.total_return))

    def to_dict(self) -> dict[str, Any]:
        """Give all measures as plain values, ready for JSON but for NaN; lists where there are many paths."""
        plain: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            plain[field.name] = value.tolist() if isinstance(value, np.ndarray) else value
        plain["names"] = None if self.names is None else list(self.names)
        return plain

    def to_frame(self) -> pd.DataFrame:
        """Give a row for each path and a column for each measure."""
        import pandas as pd  # noqa: PLC0415 - heavy, and only wanted here

        given = {name: np.atleast_1d(getattr(self, name)) for name in FIELDS if getattr(self, name) is not None}
        return pd.DataFrame(given, index=None if self.names is None else list(self.names)).rename_axis("path")

    def summary(self) -> str:
        """Say in some lines what the paths are worth: of many, the middle and the best by Sharpe ratio."""
        if isinstance(self.total_return, float):
            return self._told()
        sharpe = np.asarray(self.sharpe)
        known = np.flatnonzero(np.isfinite(sharpe))
        lines = [f"{self.n_paths:,} paths of {self.n_periods:,} periods, {int(np.sum(self.ruined)):,} ruined"]
        if len(known):
            best = int(known[np.argmax(sharpe[known])])
            name = f"path {best:,}" if self.names is None else self.names[best]
            lines.append(f"Sharpe ratio: median {np.median(sharpe[known]):.3f}, best {sharpe[best]:.3f} ({name})")
        if len(known) < self.n_paths:
            lines.append(f"{self.n_paths - len(known):,} have none: their returns do not vary")
        return "\n".join(lines)

    def _told(self) -> str:
        periods = "1 period" if self.n_periods == 1 else f"{self.n_periods:,} periods"
        annual = f"annual return {self.annual_return:.2%}, volatility {self.annual_volatility:.2%}"
        lines = [
            f"{periods}: total return {self.total_return:.2%}, {annual}",
            f"Sharpe ratio {self.sharpe:.3f}, Sortino {self.sortino:.3f}, Calmar {self.calmar:.3f}",
        ]
        if self.drawdown_start == -1:
            lines.append("no drawdown")
        else:
            back = "not recovered" if self.drawdown_recovery == -1 else f"recovered in row {self.drawdown_recovery:,}"
            lines.append(
                f"deepest drawdown {self.max_drawdown:.2%}: from row {self.drawdown_start:,}, lowest in row "
                f"{self.drawdown_trough:,}, {back}; longest {self.longest_drawdown:,} rows"
            )
        lines.append(f"hit rate {self.hit_rate:.1%}, tail ratio {self.tail_ratio:.3f}, skewness {self.skew:.3f}, "
                     f"kurtosis {self.kurtosis:.3f}, best {self.best:.2%}, worst {self.worst:.2%}")  # fmt: skip
        if self.ruined:
            lines.append("ruined: the value came to zero")
        if self.turnover is not None:
            lines.append(f"turnover {self.turnover:.3g} a year")
        if self.costs is not None:
            lines.append(f"costs {self.costs:.2%} in all")
        if self.beta is not None:
            lines.append(f"beta {self.beta:.3f}, alpha {self.alpha:.2%}, tracking error {self.tracking_error:.2%}, "
                         f"information ratio {self.information_ratio:.3f}")  # fmt: skip
        return "\n".join(lines).replace("%", " %")

    def __repr__(self) -> str:
        if isinstance(self.total_return, float):
            return f"PathMetrics({self.n_periods:,} periods, return {self.total_return:.4g}, Sharpe {self.sharpe:.4g})"
        return f"PathMetrics({self.n_periods:,} periods, {self.n_paths:,} paths)"

    def _repr_html_(self) -> str:
        frame = self.to_frame()
        table = (frame.T if isinstance(self.total_return, float) else frame).to_html(max_rows=30)
        return f"<p>{html.escape(repr(self))}</p>{table}"


FIELDS = tuple(field.name for field in fields(PathMetrics))[3:]
