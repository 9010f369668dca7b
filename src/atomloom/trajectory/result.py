"""The result: a path, what it is worth, and how near to the best it is known to be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.trajectory.certificate import Certificate
    from atomloom.trajectory.score import Score

    Reals = NDArray[np.float64]

STATUSES = ("optimal", "bounded", "heuristic")


class Found(NamedTuple):
    """What a method hands back, before it is scored.

    Attributes
    ----------
    units : (H, N) integer
        The path.
    n_explored, n_pruned : int
        Paths that were looked at, and that were known to be no better without being looked at.
    certificate : Certificate, optional
        What proves the bound; only of the exact method and of brute force that ran to its end.
    complete : bool
        Whether the method ran to its own end.
    detail : dict
        What else is worth telling: plain values.
    """

    units: NDArray[Any]
    n_explored: int = 0
    n_pruned: int = 0
    certificate: Certificate | None = None
    complete: bool = True
    detail: dict[str, Any] = {}  # noqa: RUF012 - never changed


@dataclass(frozen=True, eq=False, repr=False)
class TrajectoryResult:
    """A path of portfolios, and how good it is known to be.

    Attributes
    ----------
    method : str
    status : {"optimal", "bounded", "heuristic"}
        "optimal" only with a certificate and a gap of at most 1e-12; "bounded" where time, memory or precision ended
        first; a heuristic proves nothing by itself.
    weights : (H, N) float64
    units : (H, N) int64
        Weights times K.
    score : Score
        Value, Sharpe ratio, mean, variance, and gain, risk, cost and turnover by horizon.
    upper_bound : float or None
        No path is worth more; None where nothing is known.
    certificate : Certificate or None
        What proves it; :func:`verify_certificate` checks that.
    n_passes : int
        Passes over all states (exact method).
    n_explored, n_pruned : int
        Paths looked at and paths excluded; Python integers, which do not overflow.
    config : dict
        Method, its options, seed.
    runtime : float
        Seconds.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem, solve
    >>> result = solve(random_problem(2, 2, 2, seed=1))
    >>> result.status, result.units.tolist()
    ('optimal', [[0, 2], [-1, -1]])
    """

    method: str
    status: str
    weights: Reals
    units: NDArray[np.int64]
    score: Score
    upper_bound: float | None
    certificate: Certificate | None
    n_passes: int
    n_explored: int
    n_pruned: int
    config: dict[str, Any]
    runtime: float
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The objective of the path."""
        return self.score.value

    @property
    def sr(self) -> float:
        """Sharpe ratio of the path."""
        return self.score.sr

    @property
    def mean(self) -> float:
        """Mean of the path after costs."""
        return self.score.mean

    @property
    def variance(self) -> float:
        """Variance of the path."""
        return self.score.variance

    @property
    def cost(self) -> Reals:
        """Cost by horizon, (H,) float64."""
        return self.score.cost

    @property
    def turnover(self) -> Reals:
        """Sum of absolute changes of weights by horizon, (H,) float64."""
        return self.score.turnover

    @property
    def seed(self) -> int | None:
        """Seed of the method, where it draws."""
        seed = self.config.get("seed")
        return None if seed is None else int(seed)

    @property
    def gap(self) -> float | None:
        """How far the bound lies above the value, relative to the bound's size; None where there is no bound."""
        return None if self.upper_bound is None else _above(self.upper_bound, self.value)

    def regret(self, best: TrajectoryResult | float | None = None) -> float | None:
        """Give how much better a path could be: relative to the bound of a result, to a number, or to the own bound.

        Parameters
        ----------
        best : TrajectoryResult or float, optional
            A result whose bound (or, without one, value) counts.
        """
        if best is None:
            return self.gap
        if isinstance(best, TrajectoryResult):
            best = best.value if best.upper_bound is None else best.upper_bound
        return _above(best, self.value)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values, ready for JSON."""
        return {
            "method": self.method, "status": self.status, "value": self.value, "sr": self.sr, "mean": self.mean,
            "variance": self.variance, "upper_bound": self.upper_bound, "gap": self.gap,
            "units": self.units.tolist(), "weights": self.weights.tolist(), "cost": self.cost.tolist(),
            "turnover": self.turnover.tolist(), "n_passes": self.n_passes, "n_explored": self.n_explored,
            "n_pruned": self.n_pruned, "config": dict(self.config), "runtime": self.runtime,
            "certificate": None if self.certificate is None else self.certificate.to_dict(),
            "detail": dict(self.detail),
        }  # fmt: skip

    def to_frame(self) -> pd.DataFrame:
        """Give a row per horizon: a weight for each asset, then gain, risk, cost and turnover."""
        import pandas as pd  # noqa: PLC0415 - heavy, and only wanted here

        names = [f"w{n}" for n in range(self.weights.shape[1])]
        frame = pd.DataFrame(self.weights, columns=names)
        for name in ("gain", "risk", "cost", "turnover"):
            frame[name] = getattr(self.score, name)
        return frame.rename_axis("horizon")

    def summary(self) -> str:
        """Say in some lines what was found."""
        first = f"{self.method}: {self.status}, Sharpe ratio {self.sr:.6g}"
        lines = [f"{first} (mean {self.mean:.6g} after costs {self.cost.sum():.6g}, variance {self.variance:.6g})"]
        if self.gap is not None:
            lines.append(f"no path is worth more than {self.upper_bound:.12g} (gap {self.gap:.2g})")
        if self.n_passes:
            lines.append(f"{self.n_passes} passes over all states")
        if self.n_explored:
            lines.append(f"{self.n_explored:,} paths looked at, {self.n_pruned:,} excluded")
        lines.append(f"turnover {self.turnover.sum():.4g} in {len(self.turnover)} horizons; {self.runtime:.4g} s")
        return "\n".join(lines)

    def __repr__(self) -> str:
        gap = "" if self.gap is None else f", gap {self.gap:.1e}"
        return f"TrajectoryResult({self.method}, {self.status}, SR {self.sr:.6g}{gap}, {self.runtime:.3g} s)"

    def _repr_html_(self) -> str:
        table = self.to_frame().to_html(float_format=lambda value: f"{value:.5g}")
        return f"<p>{self!r}</p>{table}"


def _above(bound: float, value: float) -> float:
    if bound == value:
        return 0.0
    return max(0.0, bound - value) / max(abs(bound), abs(value))
