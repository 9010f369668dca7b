"""Parameters of models from prices."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.samples.market_checks import close_prices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

LEAST = 250
"""Fewer returns tell next to nothing of how variance moves."""

_PERSISTENCE = (0.5, 0.75, 0.9, 0.95, 0.975, 0.9875, 0.995)
_ALPHA = (0.01, 0.03, 0.06, 0.1, 0.16, 0.25)
_ROUNDS = 12


def log_returns(data: Any, what: str, least: int) -> Reals:
    """Give log-returns of prices that vary.

    Parameters
    ----------
    data
        See :func:`close_prices`.
    what : str
    least : int
        Returns that are wanted.

    Returns
    -------
    (T,) float64

    Raises
    ------
    BadInput
        For prices that cannot be used, too few, or that never change.
    """
    returns = np.diff(np.log(close_prices(data, what)))
    if len(returns) < least or not returns.std() > 1e-14:
        seen = f"{len(returns):,} returns of standard deviation {returns.std():.3g}"
        raise BadInput(f"{what} has {seen}. Hint: give {least:,} returns or more, of prices that change.")
    return returns


def reverting_terms(data: Any) -> dict[str, float]:
    """Fit a regression of log-prices on those before; levels are over the first price.

    Raises
    ------
    BadInput
        Where prices do not revert: the slope is not between 0 and 1.
    """
    prices = close_prices(data, "OrnsteinUhlenbeck.fit")
    log_returns(prices, "OrnsteinUhlenbeck.fit", 30)
    x = np.log(prices / prices[0])
    before, after = x[:-1] - x[:-1].mean(), x[1:] - x[1:].mean()
    phi = float(before @ after) / float(before @ before)
    if not 0.0 < phi < 1.0:
        raise BadInput(f"OrnsteinUhlenbeck.fit: the slope is {phi:.6g}. Hint: such prices do not revert; GBM.fit does.")
    rest = after - phi * before
    mean = float(x[1:].mean() - phi * x[:-1].mean()) / (1.0 - phi)
    sigma = math.sqrt(float(rest @ rest) / (len(rest) - 2))
    return {"half_life": -math.log(2.0) / math.log(phi), "sigma": sigma, "mean": mean}


def garch_terms(data: Any, leverage: bool, heavy_tails: bool) -> dict[str, float | None]:
    """Fit GARCH by quasi-likelihood with the variance of the data; the tails by the kurtosis of what is left.

    Parameters
    ----------
    data
        See :func:`close_prices`.
    leverage, heavy_tails : bool
        Whether gamma and nu are fitted.

    Notes
    -----
    A grid over (persistence, alpha, share of gamma), and rounds of smaller steps about the best: O(T) for each of some
    300 to 1,000 points.
    """
    returns = log_returns(data, "Garch.fit", LEAST)
    from atomloom.samples.model_kernels import garch_shocks  # noqa: PLC0415 - compiles

    mu, variance = float(returns.mean()), float(returns.var())
    z = np.empty(len(returns))

    def terms(point: tuple[float, ...]) -> tuple[float, float, float, float, float]:
        persistence, alpha, gamma = point
        return variance * (1.0 - persistence), alpha, persistence - alpha - gamma / 2.0, gamma, mu

    def score(point: tuple[float, ...]) -> float:
        found = terms(point)
        fine = point[0] < 0.9995 and min(found[1], found[2], found[1] + found[3]) >= 0.0
        return float(garch_shocks(returns, found, z)) if fine else math.inf

    gammas = (0.0, 0.05, 0.12) if leverage else (0.0,)
    best: tuple[float, ...] = min(itertools.product(_PERSISTENCE, _ALPHA, gammas), key=score)
    step = (0.02, 0.02, 0.03 if leverage else 0.0)
    for _ in range(_ROUNDS):
        moves = itertools.product(*[sorted({x - d, x, x + d}) for x, d in zip(best, step, strict=True)])
        found = min(moves, key=score)
        step = step if found != best else (step[0] / 2.0, step[1] / 2.0, step[2] / 2.0)
        best = found
    score(best)
    omega, alpha, beta, gamma, mu = terms(best)
    excess = float((z**4).mean() / (z**2).mean() ** 2) - 3.0
    nu = 4.0 + 6.0 / excess if heavy_tails and excess > 0.06 else None
    return {"omega": omega, "alpha": alpha, "beta": beta, "gamma": gamma, "nu": nu, "mu": mu}
