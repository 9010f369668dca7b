"""Models of a market's returns: how many parameters they have, in which units, and which values are possible."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Self

from atomloom.errors import BadInput
from atomloom.samples.market_checks import MOST, check_number, plain
from atomloom.samples.model_fits import garch_terms, log_returns, reverting_terms

_MOST_NU = 1e9  # from there on the formula of Student's t loses its digits


@dataclass(frozen=True)
class GBM:
    """Geometric Brownian motion: independent normal log-returns.

    Parameters
    ----------
    mu : float
        Logarithm of the expected growth of the price, per bar.
    sigma : float
        Standard deviation of log-returns, per bar; 0 or more.

    Raises
    ------
    BadInput
        For numbers that are not finite, or out of these ranges: in all models, log-returns of more than 100 per bar.

    Notes
    -----
    ``r = mu - sigma^2 / 2 + sigma z``: the price is expected to grow by ``exp(mu)`` per bar.

    Examples
    --------
    >>> GBM(0.0003, 0.01).to_dict()
    {'model': 'GBM', 'mu': 0.0003, 'sigma': 0.01}
    """

    mu: float = 0.0
    sigma: float = 0.01

    def __post_init__(self) -> None:
        check_number(self, "mu", least=-MOST, most=MOST)
        check_number(self, "sigma", least=0.0, most=MOST)

    @classmethod
    def fit(cls, data: Any) -> Self:
        """Take mean and standard deviation of the log-returns of prices.

        Parameters
        ----------
        data : DataFrame with a column close, Series, or (T,) array
            Prices, T at least 3.

        Raises
        ------
        BadInput
            For prices that are not positive and finite, too few, or that never change.
        """
        returns = log_returns(data, "GBM.fit", 2)
        sigma = float(returns.std())
        return cls(float(returns.mean()) + sigma**2 / 2.0, sigma)

    def to_dict(self) -> dict[str, Any]:
        """Give the name and the parameters, as plain values."""
        return plain(self)

    @property
    def volatility(self) -> float:
        """Standard deviation of a log-return in the long run, per bar."""
        return self.sigma


@dataclass(frozen=True)
class OrnsteinUhlenbeck:
    """A log-price that reverts to a mean (Ornstein-Uhlenbeck in discrete time).

    Parameters
    ----------
    half_life : float
        Bars in which half of the distance to the mean is gone, in expectation; more than 0.
    sigma : float
        Standard deviation of a bar's shock, as a log-return; 0 or more.
    mean : float
        What the logarithm of price / start price reverts to; 0 is the start price.

    Raises
    ------
    BadInput
        For numbers that are not finite or out of these ranges.

    Notes
    -----
    ``x' = (1 - phi) mean + phi x + sigma z`` with ``phi = 2^(-1 / half_life)``, as in AFML 13.5; in the long run x has
    the variance ``sigma^2 / (1 - phi^2)``.

    Examples
    --------
    >>> OrnsteinUhlenbeck(5).phi
    0.8705505632961241
    """

    half_life: float
    sigma: float = 0.01
    mean: float = 0.0

    def __post_init__(self) -> None:
        check_number(self, "half_life", above=0.0)
        check_number(self, "sigma", least=0.0, most=MOST)
        check_number(self, "mean", least=-MOST, most=MOST)

    @property
    def phi(self) -> float:
        """Share of the distance to the mean that is left after a bar."""
        return float(2.0 ** (-1.0 / self.half_life))

    @classmethod
    def fit(cls, data: Any) -> Self:
        """Regress log-prices on those before (AFML snippet 13.1); levels are over the first price.

        A random walk seems to revert, too, at half-lives of a fifth of the rows and more: mind those.

        Parameters
        ----------
        data : DataFrame with a column close, Series, or (T,) array
            Prices, T at least 31.

        Raises
        ------
        BadInput
            For prices that are not positive and finite, too few, or that do not revert.
        """
        return cls(**reverting_terms(data))

    def to_dict(self) -> dict[str, Any]:
        """Give the name and the parameters, as plain values."""
        return plain(self)

    @property
    def volatility(self) -> float:
        """Standard deviation of a log-return in the long run, per bar."""
        return self.sigma * math.sqrt(2.0 / (1.0 + self.phi))


@dataclass(frozen=True)
class Garch:
    """Log-returns whose variance follows GARCH(1, 1); GJR with `gamma`, Student's t shocks with `nu`.

    Parameters
    ----------
    omega : float
        Constant of the variance, squared log-return per bar; more than 0.
    alpha, beta : float
        Weights of the last squared shock and of the last variance; 0 or more.
    gamma : float
        Weight that the last squared shock has besides `alpha` where it was negative; ``alpha + gamma >= 0``.
    nu : float, optional
        Degrees of freedom of the shocks, more than 2 and at most 1e9; normal shocks where not given.
    mu : float
        Mean of log-returns, per bar.

    Raises
    ------
    BadInput
        For numbers out of these ranges, and where ``alpha + beta + gamma / 2 >= 1``: the variance has no mean then.

    Notes
    -----
    ``r = mu + e``, ``e = sqrt(h) z``, ``h' = omega + (alpha + gamma [e < 0]) e^2 + beta h``; z has variance 1. A path
    begins with the mean variance ``omega / (1 - alpha - beta - gamma / 2)``. Bollerslev (1986); Glosten, Jagannathan
    and Runkle (1993).

    Examples
    --------
    >>> round(Garch(1e-6, 0.08, 0.91).volatility, 12)
    0.01
    """

    omega: float
    alpha: float
    beta: float
    gamma: float = 0.0
    nu: float | None = None
    mu: float = 0.0

    def __post_init__(self) -> None:
        check_number(self, "omega", above=0.0, most=MOST**2)
        check_number(self, "alpha", least=0.0)
        check_number(self, "beta", least=0.0)
        check_number(self, "gamma", least=-self.alpha)
        check_number(self, "mu", least=-MOST, most=MOST)
        if self.nu is not None:
            check_number(self, "nu", above=2.0, most=_MOST_NU)
        if self.persistence >= 1.0:
            message = f"Garch: alpha + beta + gamma / 2 is {self.persistence:.6g}"
            raise BadInput(f"{message}. Hint: below 1, or the variance has no mean to begin with.")

    @property
    def persistence(self) -> float:
        """Share of a deviation of the variance that is left after a bar."""
        return self.alpha + self.beta + self.gamma / 2.0

    @classmethod
    def fit(cls, data: Any, *, leverage: bool = False, heavy_tails: bool = True) -> Self:
        """Fit to prices: the variance is that of the data, the weights have the highest normal likelihood.

        Parameters
        ----------
        data : DataFrame with a column close, Series, or (T,) array
            Prices, T at least 251.
        leverage : bool
            Fit gamma, too.
        heavy_tails : bool
            Take nu from the kurtosis of what is left, ``4 + 6 / excess``; it is above 4 by that.

        Raises
        ------
        BadInput
            For prices that are not positive and finite, too few, or that never change.
        """
        return cls(**garch_terms(data, leverage, heavy_tails))  # type: ignore[arg-type]

    def to_dict(self) -> dict[str, Any]:
        """Give the name and the parameters, as plain values."""
        return plain(self)

    @property
    def volatility(self) -> float:
        """Standard deviation of a log-return in the long run, per bar."""
        return math.sqrt(self.omega / (1.0 - self.persistence))


@dataclass(frozen=True)
class JumpDiffusion:
    """Geometric Brownian motion with normal jumps of the log-price at random times (Merton 1976).

    Parameters
    ----------
    mu : float
        Logarithm of the expected growth of the price, jumps included, per bar.
    sigma : float
        Standard deviation of log-returns without jumps, per bar; 0 or more.
    intensity : float
        Expected jumps per bar, from 0 to 100.
    jump_mean, jump_sigma : float
        Mean and standard deviation of a jump, as a log-return.

    Raises
    ------
    BadInput
        For numbers that are not finite or out of these ranges.

    Notes
    -----
    ``r = mu - sigma^2/2 - intensity (exp(jump_mean + jump_sigma^2/2) - 1) + sigma z + jumps``.

    Examples
    --------
    >>> round(JumpDiffusion(0.0, 0.01, 0.02, -0.03, 0.02).volatility, 6)
    0.011225
    """

    mu: float = 0.0
    sigma: float = 0.01
    intensity: float = 0.01
    jump_mean: float = 0.0
    jump_sigma: float = 0.03

    def __post_init__(self) -> None:
        check_number(self, "mu", least=-MOST, most=MOST)
        check_number(self, "sigma", least=0.0, most=MOST)
        check_number(self, "intensity", least=0.0, most=100.0)
        check_number(self, "jump_mean", least=-10.0, most=10.0)
        check_number(self, "jump_sigma", least=0.0, most=10.0)

    def to_dict(self) -> dict[str, Any]:
        """Give the name and the parameters, as plain values."""
        return plain(self)

    @property
    def volatility(self) -> float:
        """Standard deviation of a log-return in the long run, per bar."""
        return math.sqrt(self.sigma**2 + self.intensity * (self.jump_mean**2 + self.jump_sigma**2))


@dataclass(frozen=True)
class Heston:
    """Log-returns whose variance reverts to a mean with shocks of its own (Heston 1993).

    Parameters
    ----------
    mu : float
        Logarithm of the expected growth of the price, per bar.
    kappa : float
        Share of the distance to `theta` that the variance loses in a bar; above 0, at most 1.
    theta : float
        Mean variance, squared log-return per bar; more than 0.
    xi : float
        Volatility of the variance, per bar; 0 or more.
    rho : float
        Correlation of both shocks, from -1 to 1.
    v0 : float, optional
        Variance of the first bar; `theta` where not given.

    Raises
    ------
    BadInput
        For numbers that are not finite or out of these ranges.

    Notes
    -----
    One Euler step per bar with full truncation (Lord, Koekkoek and van Dijk 2010): ``r = mu - v+/2 + sqrt(v+) z``,
    ``v' = v + kappa (theta - v+) + xi sqrt(v+) y`` with ``v+ = max(v, 0)``. Where ``2 kappa theta < xi^2`` the
    variance often touches 0, and its mean is above theta.

    Examples
    --------
    >>> Heston(0.0, 0.05, 1e-4, 0.002, -0.7).volatility
    0.01
    """

    mu: float = 0.0
    kappa: float = 0.05
    theta: float = 1e-4
    xi: float = 2e-3
    rho: float = -0.7
    v0: float | None = None

    def __post_init__(self) -> None:
        check_number(self, "mu", least=-MOST, most=MOST)
        check_number(self, "kappa", above=0.0, most=1.0)
        check_number(self, "theta", above=0.0, most=MOST**2)
        check_number(self, "xi", least=0.0, most=MOST**2)
        check_number(self, "rho", least=-1.0, most=1.0)
        if self.v0 is not None:
            check_number(self, "v0", least=0.0, most=MOST**2)

    def to_dict(self) -> dict[str, Any]:
        """Give the name and the parameters, as plain values."""
        return plain(self)

    @property
    def volatility(self) -> float:
        """Standard deviation of a log-return in the long run, per bar (of the process without truncation)."""
        return math.sqrt(self.theta)
