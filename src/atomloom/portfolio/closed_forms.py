"""Weights of many windows at once by the methods that are formulas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.quadratic_kernels import quadratic_portfolios
from atomloom.portfolio.row_windows import RowWindows, WindowError
from atomloom.portfolio.window_kernels import (
    FLAT,
    block_sums,
    portfolio_variances,
    window_covariances,
    window_growth,
    window_squares,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

    Parameters = Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Sample:
    """Returns, and what many windows share.

    Attributes
    ----------
    returns : (T, N) float64, read-only
    names : tuple of str or None
    blocks : tuple of three (T // 16, N) float64
        Sum, squares and growth of blocks of rows.
    """

    returns: Reals
    names: tuple[str, ...] | None
    blocks: tuple[Reals, Reals, Reals]

    @classmethod
    def of(cls, returns: Reals, names: tuple[str, ...] | None) -> Sample:
        """Prepare returns."""
        return cls(returns, names, block_sums(returns))

    @property
    def assets(self) -> int:
        """Number of assets."""
        return int(self.returns.shape[1])

    def name(self, asset: int) -> str:
        """Say which asset."""
        return f"asset {asset}" if self.names is None else f"{self.names[asset]}"


@dataclass(frozen=True, eq=False)
class Spread:
    """Mean, covariance (ddof=1), and the Ledoit-Wolf share of each window: (R, N), (R, N, N), (R,)."""

    mean: Reals
    cov: Reals
    share: Reals

    @classmethod
    def of(cls, sample: Sample, windows: RowWindows) -> Spread:
        """Measure windows."""
        return cls(*window_covariances(sample.returns, *windows.arrays()))

    def shrunk(self, shrinkage: float | str) -> Reals:
        """Draw the covariances to the mean variance on the diagonal: (1 - d) S + d tr(S) / N I."""
        if shrinkage == 0.0:
            return self.cov
        n = self.cov.shape[1]
        share = self.share if isinstance(shrinkage, str) else np.full(len(self.cov), shrinkage)
        found = self.cov * (1.0 - share)[:, None, None]
        diagonal = np.einsum("rii->ri", found)
        diagonal += (share * np.einsum("rii->r", self.cov) / n)[:, None]
        return found

    def variances(self, weights: Reals) -> Reals:
        """Variance of a portfolio in each window."""
        return portfolio_variances(self.cov, weights)


def _fixed(sample: Sample, windows: RowWindows, parameters: Parameters) -> Reals:
    row = np.asarray(parameters["weights"])
    if len(row) != sample.assets:
        raise BadInput(f"weights of fixed are {len(row)}, of {sample.assets} assets. Hint: give one for each asset.")
    return np.tile(row, (len(windows), 1))


def _equal_weight(sample: Sample, windows: RowWindows, parameters: Parameters) -> Reals:  # noqa: ARG001 - one face
    return np.full((len(windows), sample.assets), 1.0 / sample.assets)


def _cash(sample: Sample, windows: RowWindows, parameters: Parameters) -> Reals:  # noqa: ARG001 - one face
    return np.zeros((len(windows), sample.assets))


def _inverse_volatility(sample: Sample, windows: RowWindows, parameters: Parameters) -> Reals:  # noqa: ARG001 - same
    total, square, _ = sample.blocks
    mean, about = window_squares(sample.returns, total, square, *windows.arrays())
    flat = np.isfinite(about) & (about <= FLAT * (about + windows.counts[:, None] * mean**2))
    still = np.flatnonzero(flat.all(axis=1))
    if len(still):
        window = int(still[0])
        message = f"no asset moves in {windows.counts[window]} returns. Hint: look back further"
        raise WindowError(window, message)
    with np.errstate(divide="ignore"):
        weights = np.where(flat, 0.0, 1.0 / np.sqrt(about))
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def _momentum(sample: Sample, windows: RowWindows, parameters: Parameters) -> Reals:
    top = parameters["top"]
    if top > sample.assets:
        raise BadInput(f"top of momentum is {top}, of {sample.assets} assets. Hint: hold at most all of them.")
    growth = _growth(sample, windows, parameters["skip"])
    best = np.argsort(-growth, axis=1, kind="stable")[:, :top]
    weights = np.zeros_like(growth)
    np.put_along_axis(weights, best, 1.0 / top, axis=1)
    return weights


def _time_series_momentum(sample: Sample, windows: RowWindows, parameters: Parameters) -> Reals:
    rose: NDArray[np.bool_] = _growth(sample, windows, parameters["skip"]) > 1.0
    return np.where(rose, 1.0 / sample.assets, 0.0)


def _growth(sample: Sample, windows: RowWindows, skip: int) -> Reals:
    kept = windows.without_last(skip)
    return window_growth(sample.returns, sample.blocks[2], *kept.arrays())


def _minimum_variance(spread: Spread, parameters: Parameters) -> Reals:
    cov = spread.shrunk(parameters["shrinkage"])
    return quadratic_portfolios(cov, np.zeros_like(spread.mean), True, parameters["long_only"])


def _mean_variance(spread: Spread, parameters: Parameters) -> Reals:
    cov = spread.shrunk(parameters["shrinkage"])
    return quadratic_portfolios(cov, spread.mean / parameters["risk_aversion"], True, parameters["long_only"])


def _maximum_sharpe(spread: Spread, parameters: Parameters) -> Reals:
    found = quadratic_portfolios(spread.shrunk(parameters["shrinkage"]), spread.mean, False, parameters["long_only"])
    size = np.abs(found).sum(axis=1, keepdims=True)
    shares: Reals = np.divide(found, size, out=np.zeros_like(found), where=size != 0.0)
    return shares


FORMULAS: dict[str, Callable[[Sample, RowWindows, Parameters], Reals]] = {
    "fixed": _fixed,
    "equal_weight": _equal_weight,
    "cash": _cash,
    "inverse_volatility": _inverse_volatility,
    "momentum": _momentum,
    "time_series_momentum": _time_series_momentum,
}
"""Methods that need no covariance."""

OF_SPREAD: dict[str, Callable[[Spread, Parameters], Reals]] = {
    "minimum_variance": _minimum_variance,
    "mean_variance": _mean_variance,
    "maximum_sharpe": _maximum_sharpe,
}
"""Methods that share the covariances of their windows."""
