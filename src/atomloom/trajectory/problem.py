"""The problem: what each portfolio is expected to earn, how it varies, and what every trade costs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._choices import check_choice
from atomloom.errors import BadInput
from atomloom.trajectory.checks import check_count, check_units, covariances, numbers, reals

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Reals = NDArray[np.float64]

COSTS = ("sqrt", "linear", "quadratic", "table")
OBJECTIVES = ("sharpe", "mean_variance")
_LEAST, _MOST, _APART, _HELD = 1e-200, 1e200, 250, 1e20


@dataclass(frozen=True, eq=False, repr=False)
class TrajectoryProblem:
    """Choose a portfolio for each of H horizons, on a grid of K units, with costs for every change.

    Weights are whole multiples of 1 / K, long or short, and their absolute values add up to 1 (AFML 21.5). A path earns
    the sum of mu_h'w_h less the costs of all changes, and varies by the sum of w_h' V_h w_h; the objective is the ratio
    of the first to the root of the second, the Sharpe ratio of the whole path.

    Parameters
    ----------
    mu : (H, N) array_like
        Expected return of each asset in each horizon; (N,) or the book's (N, 1) for one horizon.
    cov : (H, N, N) array_like
        Covariances of the returns of each horizon, symmetric and positive semidefinite.
    cost : (H, N) array_like, or (H, N, 4 K + 1) for a table
        Scale of the costs; of a table the cost of each change of d units at place d + 2 K.
    units : int
        K: how many units are allocated.
    w0 : (N,) array_like, optional
        Weights held before the first horizon, on the grid or off it; nothing where not given.
    cost_fn : {"sqrt", "linear", "quadratic", "table"}
        Cost of a change x of a weight: c |x|^(1/2), c |x|, c x^2, or as the table says.
    bounds : (2,) or (2, N) array_like, optional
        Least and largest weight of an asset.
    terminal : (N,) array_like, optional
        Weights to end with: the change from the last portfolio costs what one in the last horizon costs.
    objective : {"sharpe", "mean_variance"}
        The latter is mean - risk_aversion * variance.
    risk_aversion : float, optional
        Only of "mean_variance", and needed there; at least 0.

    Raises
    ------
    BadInput
        For anything of another shape, not finite, negative costs (a table may hold rebates), covariances that are not
        symmetric or not positive semidefinite, a table with weights off the grid, bounds that leave no portfolio, and
        sizes beyond 1e-200 to 1e200 or so far apart that no float is a price of variance between them.

    Examples
    --------
    >>> problem = TrajectoryProblem(mu=[[0.1, 0.0]], cov=[[[1.0, 0.0], [0.0, 1.0]]], cost=[[0.0, 0.0]], units=2)
    >>> problem
    TrajectoryProblem(1 horizon, 2 assets, 2 units: 8 portfolios, 8 paths, sqrt costs, sharpe)
    """

    mu: Reals
    cov: Reals
    cost: Reals
    units: int
    w0: Reals | None = None
    cost_fn: str = "sqrt"
    bounds: Reals | None = None
    terminal: Reals | None = None
    objective: str = "sharpe"
    risk_aversion: float | None = None

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:
            if isinstance(value, np.ndarray):
                value.flags.writeable = False
            object.__setattr__(self, name, value)

        put("units", check_units(self.units))
        check_choice("cost_fn", self.cost_fn, COSTS)
        check_choice("objective", self.objective, OBJECTIVES)
        cov = reals(self.cov, "cov", "(H, N, N)")
        mu = _means(self.mu, cov.shape)
        put("mu", mu)
        put("cov", covariances(cov, mu.shape))
        put("cost", _costs(self.cost, mu.shape, self.cost_fn, self.units))
        for name in ("w0", "terminal"):
            given = getattr(self, name)
            if given is not None or name == "w0":
                raw = np.zeros(self.assets) if given is None else reals(given, name, f"({self.assets})").ravel()
                weights = numbers(raw, name, (self.assets,))
                put(name, weights)
                if self.cost_fn == "table":
                    on_grid(weights, self.units, name)
        put("bounds", None if self.bounds is None else _bounds(self.bounds, self.assets))
        if (self.objective == "mean_variance") != (self.risk_aversion is not None):
            message = (
                f"objective is {self.objective!r} and risk_aversion {self.risk_aversion!r}. "
                "Hint: mean_variance needs one, sharpe has none."
            )
            raise BadInput(message)
        if self.risk_aversion is not None:
            put("risk_aversion", float(numbers(self.risk_aversion, "risk_aversion", (), least=0.0)))
        if self.bounds is not None and not self._leaves_one():
            message = f"bounds {self.bounds.tolist()} leave no portfolio of {self.units} units. Hint: widen them."
            raise BadInput(message)
        _check_sizes(self)

    def __reduce__(self) -> tuple[Any, ...]:  # so that copies are checked, and as read-only as this one
        return TrajectoryProblem, tuple(getattr(self, name) for name in self.__dataclass_fields__)

    @property
    def horizons(self) -> int:
        """H."""
        return int(self.mu.shape[0])

    @property
    def assets(self) -> int:
        """N."""
        return int(self.mu.shape[1])

    @property
    def start(self) -> Reals:
        """Weights held before the first horizon, (N,)."""
        assert self.w0 is not None  # noqa: S101 - set when the problem was made
        return self.w0

    def limits(self) -> NDArray[np.int64] | None:
        """Give the least and the largest units of each asset, (2, N), where there are bounds."""
        if self.bounds is None:
            return None
        slack = 1e-9
        low = np.ceil(self.bounds[0] * self.units - slack)
        high = np.floor(self.bounds[1] * self.units + slack)
        limits: NDArray[np.int64] = np.clip(np.stack([low, high]), -self.units - 1, self.units + 1).astype(np.int64)
        return limits

    def _leaves_one(self) -> bool:
        limits = self.limits()
        assert limits is not None  # noqa: S101 - the caller looked
        low, high = np.clip(limits[0], -self.units, None), np.clip(limits[1], None, self.units)
        if (low > high).any():
            return False
        least = np.maximum(0, np.maximum(low, -high)).sum()
        return bool(least <= self.units <= np.maximum(abs(low), abs(high)).sum())

    def table(self) -> Reals:
        """Give the cost of each change of d units at place d + 2 K, (H, N, 4 K + 1) float64."""
        if self.cost_fn == "table":
            return self.cost
        change = np.arange(-2 * self.units, 2 * self.units + 1) / self.units
        table: Reals = self.cost[:, :, None] * shape_of(change, self.cost_fn)
        return table

    def to_dict(self) -> dict[str, Any]:
        """Give all parameters as plain values.

        Examples
        --------
        >>> TrajectoryProblem([[1.0]], [[[1.0]]], [[0.0]], 1).to_dict()["w0"]
        [0.0]
        """
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in values.items()}

    def __repr__(self) -> str:
        from atomloom.trajectory.lattice import omega_size  # noqa: PLC0415 - only to tell

        states = omega_size(self.assets, self.units)
        digits = self.horizons * math.log10(states)
        paths = f"{states**self.horizons:,}" if digits < 7 else f"10^{digits:.0f}"
        horizons = "1 horizon" if self.horizons == 1 else f"{self.horizons} horizons"
        assets = "1 asset" if self.assets == 1 else f"{self.assets} assets"
        return (
            f"TrajectoryProblem({horizons}, {assets}, {self.units} units: {states:,} portfolios, {paths} paths, "
            f"{self.cost_fn} costs, {self.objective})"
        )


def shape_of(change: Reals, cost_fn: str) -> Reals:
    """Give the cost of changes of a weight for a scale of one.

    Examples
    --------
    >>> shape_of(np.array([-0.25, 0.5]), "sqrt")
    array([0.5       , 0.70710678])
    """
    size = np.abs(change)
    if cost_fn == "sqrt":
        return np.asarray(np.sqrt(size))
    return size if cost_fn == "linear" else np.asarray(size * size)


def on_grid(weights: Reals, units: int, name: str) -> NDArray[np.int64]:
    """Give weights in units; refuse those that are no whole number of them.

    Examples
    --------
    >>> on_grid(np.array([0.5, -0.5]), 2, "w0")
    array([ 1, -1])
    """
    counts = np.rint(weights * units)
    if (np.abs(counts - weights * units) > 1e-9).any() or (np.abs(counts) > units).any():
        message = (
            f"{name} is {weights.tolist()}, not in units of 1 / {units}. Hint: a table of costs needs whole units."
        )
        raise BadInput(message)
    return counts.astype(np.int64)


def random_problem(
    assets: int,
    horizons: int,
    units: int,
    *,
    seed: int = 0,
    cost_scale: float = 0.1,
    rank: int | None = None,
    **more: Any,
) -> TrajectoryProblem:
    """Draw a problem as the book does (AFML snippets 21.5 and 21.7), from a seed.

    Means are normal, covariances those of normal samples that are mixed to the rank, and costs uniform times a scale.

    Parameters
    ----------
    assets, horizons, units : int
        N, H, K.
    seed : int
    cost_scale : float
        Largest cost of a whole weight.
    rank : int, optional
        Rank of the matrix that samples are mixed by; full where not given.
    **more
        Further parameters of :class:`TrajectoryProblem`.

    Raises
    ------
    BadInput
        For counts below 1, a negative seed or scale, a rank above the number of assets.

    Examples
    --------
    >>> random_problem(3, 2, 3, seed=1)
    TrajectoryProblem(2 horizons, 3 assets, 3 units: 38 portfolios, 1,444 paths, sqrt costs, sharpe)
    """
    for name, given in (("assets", assets), ("horizons", horizons), ("rank", 1 if rank is None else rank)):
        check_count(name, given)
    if rank is not None and rank > assets:
        raise BadInput(f"rank is {rank}, and there are {assets} assets. Hint: at most as many.")
    numbers(cost_scale, "cost_scale", (), least=0.0)
    draws = np.random.default_rng(check_count("seed", seed, least=0))
    mu, cov = np.empty((horizons, assets)), np.empty((horizons, assets, assets))
    for h in range(horizons):
        mu[h] = draws.normal(size=assets)
        cov[h] = np.cov(random_matrix(draws, 1_000, assets, assets if rank is None else rank), rowvar=False)
    return TrajectoryProblem(mu, cov, draws.uniform(0.0, cost_scale, (horizons, assets)), units, **more)


def random_matrix(draws: np.random.Generator, samples: int, columns: int, rank: int, sigma: float = 0.0) -> Reals:
    """Draw a matrix of a rank, with noise of size sigma (AFML snippet 21.5).

    Examples
    --------
    >>> int(np.linalg.matrix_rank(random_matrix(np.random.default_rng(0), 20, 4, 2)))
    2
    """
    turn, _ = np.linalg.qr(draws.normal(size=(columns, columns)))
    made = draws.normal(size=(samples, rank)) @ turn[:, :rank].T
    return np.asarray(made + sigma * draws.normal(size=(samples, columns)))


def _means(given: ArrayLike, cov: tuple[int, ...]) -> Reals:
    """Take (H, N), or one horizon as (N,) or the book's (N, 1), or a stack of those; the covariances tell which."""
    mu = reals(given, "mu", "(H, N)")
    if mu.ndim == 3 and mu.shape[2] == 1:
        mu = mu[:, :, 0]
    column = mu.ndim == 2 and mu.shape[1] == 1 and len(cov) > 1 and cov[-1] == mu.shape[0] > 1
    return numbers(mu.reshape(1, -1) if mu.ndim == 1 or column else mu, "mu", (None, None))


def _costs(given: ArrayLike, shape: tuple[int, ...], cost_fn: str, units: int) -> Reals:
    raw = reals(given, "cost", "(H, N)")
    if cost_fn == "table":
        return numbers(raw, "cost", (*shape, 4 * units + 1))
    if raw.ndim <= 1:  # one cost for all, or one for each asset
        raw = np.broadcast_to(raw, shape) if raw.ndim == 0 or raw.shape == (shape[1],) else raw
    return numbers(raw, "cost", shape, least=0.0)


def _bounds(given: ArrayLike, assets: int) -> Reals:
    raw = reals(given, "bounds", "(2)")
    if raw.shape == (2,):
        raw = np.repeat(raw[:, None], assets, axis=1)
    found = numbers(raw, "bounds", (2, assets))
    if (found[0] > found[1]).any():
        asset = int(np.argmax(found[0] > found[1]))
        message = f"bounds of asset {asset} are {found[:, asset].tolist()}. Hint: the least comes first."
        raise BadInput(message)
    return found


def _check_sizes(problem: TrajectoryProblem) -> None:
    """Refuse numbers whose sums, squares or ratios leave the range of floats."""
    earned = max(float(np.abs(problem.mu).max()), float(np.abs(problem.cost).max()))
    varied = float(np.abs(problem.cov).max())
    sizes = [size for size in (earned, varied) if size > 0.0]
    apart = math.log10(earned) - math.log10(varied) if len(sizes) == 2 else 0.0
    if any(not _LEAST < size < _MOST for size in sizes) or abs(apart) > _APART:
        message = f"mu, cost and cov are as large as {earned:.3g} and {varied:.3g}, beyond what floats can compare"
        raise BadInput(f"{message}. Hint: take other units; mu and cost scale together, cov with their square.")
    for name in ("w0", "terminal"):
        held = getattr(problem, name)
        if held is not None and float(np.abs(held).max()) > _HELD:
            raise BadInput(f"{name} is as large as {float(np.abs(held).max()):.3g}. Hint: weights are shares of 1.")
