"""Problems from prices: means and covariances of rolling windows, each of which ends before its horizon begins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._choices import check_choice
from atomloom.errors import BadInput, Infeasible
from atomloom.trajectory.checks import check_count, check_share, numbers, reals
from atomloom.trajectory.problem import TrajectoryProblem

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Reals = NDArray[np.float64]

RETURNS = ("simple", "log")


def problem_from_prices(
    prices: ArrayLike,
    *,
    horizons: int,
    window: int,
    units: int,
    cost: ArrayLike,
    step: int | None = None,
    shrink: float = 0.1,
    w0: ArrayLike | None = None,
    returns: str = "simple",
    **more: Any,
) -> TrajectoryProblem:
    """Estimate the means and covariances of H horizons from prices.

    A horizon is `step` rows long, the last one begins right after the last row, and the one before `step` rows earlier.
    Each is expected to earn and vary as the `window` rows before its beginning did: `step` times the mean of their
    returns, and `step` times their covariance (divisor window - 1), of which all but the diagonal is shrunk,
    (1 - shrink) S + shrink diag(S). Means are not shrunk, so they are as noisy as means of returns are.

    Parameters
    ----------
    prices : (T, N) array_like
        Rows in the order of time, one asset a column, all positive.
    horizons, window : int
        H; rows of returns in a window, at least 2.
    units : int
        K.
    cost : float, (N,) or (H, N) array_like
        Scale of the costs, as of :class:`TrajectoryProblem`; in the unit of returns of a horizon.
    step : int, optional
        Rows of a horizon; as many as the window has where not given, so that windows do not overlap.
    shrink : float
        0 keeps the covariances of the window, 1 leaves variances alone. A fixed number: nothing is estimated for it.
    w0 : (N,) array_like, optional
    returns : {"simple", "log"}
        Portfolios add up simple returns; log returns are nearly the same over short rows.
    **more
        Further parameters of :class:`TrajectoryProblem`.

    Raises
    ------
    BadInput
        For prices that are no numbers, not positive or not finite, and for parameters out of range.
    Infeasible
        If there are fewer than (H - 1) step + window + 1 rows.

    Notes
    -----
    **What looks ahead.** No horizon's estimate uses a row of that horizon or of a later one: changing a row changes
    only horizons that begin after it. But a path is chosen with the estimates of all its horizons, and all but those of
    the first become known only while it runs. So a path over past windows shows what an optimal path looks like and
    what costs do to it; its Sharpe ratio is no backtest, and could not have been earned. O(H window N^2).

    Examples
    --------
    >>> walk = np.exp(np.random.default_rng(0).normal(0.0, 0.01, (300, 3)).cumsum(axis=0))
    >>> problem_from_prices(walk, horizons=4, window=100, step=20, units=3, cost=0.001)
    TrajectoryProblem(4 horizons, 3 assets, 3 units: 38 portfolios, 2,085,136 paths, sqrt costs, sharpe)
    """
    known = numbers(prices, "prices", (None, None))
    check_choice("returns", returns, RETURNS)
    horizons, window = check_count("horizons", horizons), check_count("window", window, least=2)
    step = window if step is None else check_count("step", step)
    shrink = check_share("shrink", shrink, "a share of the covariances,")
    if (known <= 0.0).any():
        row, column = (int(i) for i in np.argwhere(known <= 0.0)[0])
        message = f"prices[{row}, {column}] is {known[row, column]:g}, not positive. Hint: drop or fill it."
        raise BadInput(message)
    need = (horizons - 1) * step + window + 1
    if len(known) < need:
        message = (
            f"{horizons} horizons of {step} rows after windows of {window} need {need:,} prices of each asset, and "
            f"there are {len(known):,}. Hint: fewer horizons, a smaller step or a shorter window."
        )
        raise Infeasible(message)
    change = np.diff(np.log(known), axis=0) if returns == "log" else known[1:] / known[:-1] - 1.0
    mu, cov = _estimates(change, horizons, window, step, shrink)
    return TrajectoryProblem(
        mu, cov, _by_horizon(cost, mu.shape), units, None if w0 is None else np.asarray(w0), **more
    )


def _estimates(change: Reals, horizons: int, window: int, step: int, shrink: float) -> tuple[Reals, Reals]:
    assets = change.shape[1]
    mu, cov = np.empty((horizons, assets)), np.empty((horizons, assets, assets))
    for h in range(horizons):
        begin = len(change) - (horizons - 1 - h) * step
        seen = change[begin - window : begin]
        mu[h] = step * seen.mean(axis=0)
        sample = step * np.cov(seen, rowvar=False).reshape(assets, assets)
        cov[h] = (1.0 - shrink) * sample
        np.fill_diagonal(cov[h], np.diag(sample))
    return mu, cov


def _by_horizon(cost: Any, shape: tuple[int, ...]) -> Any:
    """Repeat a cost that is one number, or one for each asset, for each horizon."""
    given = reals(cost, "cost", "(), (N) or (H, N)")
    return np.broadcast_to(given, shape) if given.ndim == 0 or given.shape == (shape[1],) else given
