"""Optimal trading rules on synthetic data: the mesh of profit-taking and stop-loss levels (AFML chapter 13)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from atomloom.engine.side_by_side import in_threads
from atomloom.errors import BadInput
from atomloom.samples.market_checks import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    Reals = NDArray[np.float64]

LEVELS = tuple(k / 2.0 for k in range(1, 21))
"""The book's levels: half a sigma to ten."""

_PIECES, _TILE = 32, 1 << 15  # how many sums are kept apart, for the error; numbers of a tile
_LEAST_GROUPS = 8
_COLUMNS = ("sharpe", "error", "mean", "std", "bars", "won", "lost")
_LARGEST = 1e100
_MORE = {"forecast": "", "half_life": " more than 0", "sigma": " more than 0"}
_NUMBERS = {"forecast": -_LARGEST, "half_life": 1e-100, "sigma": 1e-100}
"""Least values; squares of what is smaller or larger would leave float64."""


@dataclass(frozen=True, eq=False, repr=False)
class RuleMesh:
    """What each pair of levels earns on Ornstein-Uhlenbeck paths; made by :func:`trading_rules`.

    Attributes
    ----------
    forecast, half_life, sigma : float
    profit_takes : (P,) float64
        Levels above the entry, in sigma.
    stop_losses : (S,) float64
        Levels below the entry, in sigma.
    n_paths, max_bars : int
    mean, std : (P, S) float64
        Of what a trade earns, in units of price.
    bars : (P, S) float64
        Mean bars until the exit.
    error : (P, S) float64
        Standard error of :attr:`sharpe`, by the jackknife over 32 groups of paths (fewer where paths are few); NaN for
        less than 8 paths.
    won, lost : (P, S) float64
        Share of trades that end above the profit-taking level, and below the stop-loss; the others ran out of time.

    Examples
    --------
    >>> mesh = trading_rules(0.0, 5, n_paths=20_000)
    >>> mesh
    RuleMesh(20 x 20 levels, 20,000 paths of 100 bars, best Sharpe ratio ...)
    >>> mesh.at(0.5, 9.5) > mesh.at(3.5, 3.5)
    True
    """

    forecast: float
    half_life: float
    sigma: float
    profit_takes: Reals
    stop_losses: Reals
    n_paths: int
    max_bars: int
    mean: Reals
    std: Reals
    error: Reals
    bars: Reals
    won: Reals
    lost: Reals

    @cached_property
    def sharpe(self) -> Reals:
        """Mean over standard deviation of a trade, (P, S).

        Where all trades earn the same to seven digits it is infinite, and 0 where that is nothing.
        """
        return _ratio(self.mean, self.std)

    @property
    def best(self) -> dict[str, float]:
        """The pair with the highest Sharpe ratio, and what it earns.

        It is the highest of many estimates on the same paths, so its ratio is a little too high; more paths help.
        """
        place = np.unravel_index(int(np.argmax(self.sharpe)), self.sharpe.shape)
        return self._node(int(place[0]), int(place[1]))

    def at(self, profit_take: float, stop_loss: float) -> float:
        """Give the Sharpe ratio of a pair of levels.

        Raises
        ------
        BadInput
            For levels that are not of the mesh.
        """
        places = []
        for name, level, levels in (
            ("profit_take", profit_take, self.profit_takes),
            ("stop_loss", stop_loss, self.stop_losses),
        ):
            found = np.flatnonzero(np.isclose(levels, level, rtol=1e-12, atol=0.0))
            if not len(found):
                raise BadInput(f"{name} {level!r} is no level of the mesh. Hint: there are {levels.tolist()}.")
            places.append(int(found[0]))
        return float(self.sharpe[places[0], places[1]])

    def _node(self, i: int, j: int) -> dict[str, float]:
        own = {name: float(getattr(self, name)[i, j]) for name in _COLUMNS}
        return {"profit_take": float(self.profit_takes[i]), "stop_loss": float(self.stop_losses[j]), **own}

    def to_frame(self) -> pd.DataFrame:
        """Give a row for each pair of levels: profit_take, stop_loss, sharpe, error, mean, std, bars, won, lost."""
        import pandas as pd  # noqa: PLC0415  # loaded when a frame is asked for

        pairs = np.meshgrid(self.profit_takes, self.stop_losses, indexing="ij")
        own = {name: getattr(self, name).ravel() for name in _COLUMNS}
        return pd.DataFrame({"profit_take": pairs[0].ravel(), "stop_loss": pairs[1].ravel(), **own})

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        plain = {name: getattr(self, name) for name in self.__dataclass_fields__}
        found = {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in plain.items()}
        return {**found, "best": self.best}

    def summary(self) -> str:
        """Say in some lines what was found."""
        best = self.best
        clear = bool((np.abs(self.sharpe) > 4.0 * self.error).any()) or not np.isfinite(self.error).any()
        process = f"forecast {self.forecast:g}, half-life {self.half_life:g} bars, sigma {self.sigma:g}"
        error = f"+-{2.0 * best['error']:.2g}; as the largest of all it is a little too high"
        lines = [
            f"{self.sharpe.size:,} rules on {self.n_paths:,} paths of at most {self.max_bars:,} bars: {process}",
            f"best: take profits above {best['profit_take']:g} sigma, stop below -{best['stop_loss']:g} sigma",
            f"Sharpe ratio of a trade {best['sharpe']:.3g} ({error})",
            f"{best['bars']:.3g} bars on average, {best['won']:.1%} won, {best['lost']:.1%} stopped",
        ]
        if not clear:
            lines.append("no rule differs from chance: there is nothing to optimise on such a process")
        return "\n".join(lines)

    def __repr__(self) -> str:
        best, shape = self.best, self.sharpe.shape
        where = f"best Sharpe ratio {best['sharpe']:.3g} at {best['profit_take']:g} and {best['stop_loss']:g}"
        return f"RuleMesh({shape[0]} x {shape[1]} levels, {self.n_paths:,} paths of {self.max_bars:,} bars, {where})"

    def _repr_html_(self) -> str:
        table = self.to_frame().nlargest(5, "sharpe").to_html(index=False, float_format="{:,.4g}".format)
        return f"<p>{self.summary().replace(chr(10), '<br>')}</p>{table}"


def trading_rules(
    forecast: float,
    half_life: float,
    sigma: float = 1.0,
    *,
    profit_takes: ArrayLike = LEVELS,
    stop_losses: ArrayLike = LEVELS,
    n_paths: int = 100_000,
    max_bars: int = 100,
    seed: int | Sequence[int] | np.random.Generator = 0,
    num_threads: int | None = None,
) -> RuleMesh:
    """Find the profit-taking and stop-loss levels that suit a price which reverts to a forecast.

    Parameters
    ----------
    forecast : float
        What the price less the entry price reverts to, in units of price.
    half_life : float
        Bars in which half of the distance is gone; more than 0.
    sigma : float
        Standard deviation of a bar's shock, in units of price; more than 0.
    profit_takes, stop_losses : (P,), (S,) array
        Levels in sigma, more than 0 and increasing; stops are given without their sign.
    n_paths : int
        The same paths for all pairs.
    max_bars : int
        A trade is over at the bar after so many, as in the book.
    seed : int, sequence of int or Generator
    num_threads : int, optional
        None is every physical core. Values do not depend on it.

    Returns
    -------
    RuleMesh

    Raises
    ------
    BadInput
        For numbers that are not finite or out of these ranges, or levels that do not increase. A half-life and a sigma
        are from 1e-100 to 1e100, a forecast and levels at most 1e100: squares of others would leave float64.

    Notes
    -----
    ``P' = (1 - phi) forecast + phi P + sigma z`` from 0 on, ``phi = 2^(-1 / half_life)``; a trade ends at the first
    close with ``P > profit_take sigma``, ``P < -stop_loss sigma``, or after more than `max_bars` bars: snippet 13.2 to
    the letter, where levels are in units of price and sigma is 1. A close that is equal to a level does not end it. It
    earns P at that close, whatever the level was, and the Sharpe ratio is the mean over the standard deviation (with
    n) of all trades.

    One pass over each path finds when it first passes each level, and each pair takes the earlier one:
    O(n_paths (max_bars + P S)) time, where the book's loop simulates each pair anew.

    References
    ----------
    López de Prado, Advances in Financial Machine Learning (2018), 13.4 to 13.6.

    Examples
    --------
    >>> mesh = trading_rules(forecast=5, half_life=10, n_paths=5_000)
    >>> bool(mesh.best["profit_take"] > 2), bool(mesh.best["stop_loss"] > 4)
    (True, True)
    """
    given = {"forecast": forecast, "half_life": half_life, "sigma": sigma}
    for name, value in cast("dict[str, Any]", given).items():
        real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
        if not real or not _NUMBERS[name] <= value <= _LARGEST:
            bounds = f"from {_NUMBERS[name]:g} to {_LARGEST:g}"
            raise BadInput(f"{name} is {value!r}. Hint: give a finite number{_MORE[name]}, {bounds}.")
    profits, stops = _levels("profit_takes", profit_takes), _levels("stop_losses", stop_losses)
    paths, bars = whole("n_paths", n_paths, 1, 1 << 40), whole("max_bars", max_bars, 1, 1 << 24)
    plain = (float(forecast), float(half_life), float(sigma))
    groups = _sums(plain, profits, stops, (paths, bars), seed, num_threads)
    total = groups[0].copy()
    for one in groups[1:]:  # in this order, whoever made them
        total += one
    mean, std = _moments(total / paths)
    if len(groups) < _LEAST_GROUPS:
        error = np.full(mean.shape, np.nan)
    else:
        left = paths - _spread(paths)[:, None, None, None]
        others = np.array([_ratio(*_moments(part)) for part in (total - groups) / left])
        with np.errstate(invalid="ignore"):  # NaN for an infinite ratio
            error = np.sqrt((len(groups) - 1.0) * others.var(axis=0))
    return RuleMesh(*plain, profits, stops, paths, bars, mean, std, error, total[2] / paths + 1.0, *total[3:] / paths)


def _moments(means: Reals) -> tuple[Reals, Reals]:
    """Give mean and standard deviation of the means of values and squares."""
    mean, square = means[0], means[1]
    spread = np.sqrt(np.maximum(square - mean * mean, 0.0))
    return mean, np.where(spread > 1e-7 * np.abs(mean), spread, 0.0)  # less is the rounding of equal values


def _ratio(mean: Reals, std: Reals) -> Reals:
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = mean / std
    return np.where(std > 0.0, ratio, np.where(mean == 0.0, 0.0, np.copysign(np.inf, mean)))


def _spread(paths: int) -> NDArray[np.int64]:
    """Give how many paths each group has."""
    size = -(-paths // _PIECES)
    return np.diff(np.append(np.arange(0, paths, size), paths))


def _levels(name: str, given: Any) -> Reals:
    try:
        found = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{name}: {error}. Hint: give numbers more than 0, in increasing order.") from None
    good = found.ndim == 1 and len(found) > 0 and bool((found <= _LARGEST).all())
    if not good or not found[0] > 0.0 or not (np.diff(found) > 0.0).all():
        raise BadInput(f"{name} are {given!r}. Hint: give finite numbers more than 0, in increasing order.")
    return found


def _sums(
    process: tuple[float, float, float],
    profits: Reals,
    stops: Reals,
    size: tuple[int, int],
    seed: Any,
    num_threads: int | None,
) -> Reals:
    """Give the sums of each group of paths, (groups, 5, P, S)."""
    from atomloom.kernels.philox import key_of  # noqa: PLC0415 - loads numba
    from atomloom.samples import rule_kernels as formulas  # noqa: PLC0415 - compiles
    from atomloom.samples.shock_kernels import RULE, normals, word_of  # noqa: PLC0415 - same

    forecast, half_life, sigma = process
    (paths, bars), key = size, key_of(seed)
    rows = (bars + 2) // 2 * 2
    lanes = max(8, min(256, _TILE // rows))

    def some(first: int, last: int) -> Reals:
        tile, work = np.empty(rows * lanes), np.empty((4, max(len(profits), len(stops))))
        sums = np.zeros((5, len(profits), len(stops)))
        for low in range(first, last, lanes):
            ids = np.arange(low, min(last, low + lanes), dtype=np.uint64)
            x = tile[: rows * len(ids)].reshape(rows, len(ids))
            normals(ids, 0, word_of(RULE), *key, x)
            formulas.revert(x, half_life, forecast, sigma)
            formulas.add_mesh(x, bars, profits * sigma, stops * sigma, work, sums)
        return sums

    ends = np.cumsum(_spread(paths)).tolist()
    return np.array(in_threads(some, list(zip([0, *ends[:-1]], ends, strict=True)), num_threads))
