"""The verb that makes a market of a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.samples.bootstrap import BlockBootstrap
from atomloom.samples.market_checks import whole
from atomloom.samples.market_models import GBM, Garch, Heston, JumpDiffusion, OrnsteinUhlenbeck
from atomloom.samples.market_paths import MarketPaths, VolumeLink
from atomloom.samples.market_times import bar_times
from atomloom.samples.regime_model import RegimeSwitching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

MODELS = (GBM, OrnsteinUhlenbeck, Garch, RegimeSwitching, JumpDiffusion, Heston, BlockBootstrap)
_MOST_BLOCKS = 1 << 32  # a counter has a word for the step


def market(
    model: Any,
    n_bars: int,
    *,
    n_paths: int = 1,
    n_assets: int | None = None,
    correlation: ArrayLike | None = None,
    seed: int | Sequence[int] | np.random.Generator = 0,
    price: float | Sequence[float] = 100.0,
    start: Any = "2000-01-03",
    freq: str = "1D",
    bars_inside: int = 4,
    gap: float = 0.0,
    volume: VolumeLink | None = None,
    names: Sequence[str] | None = None,
    num_threads: int | None = None,
) -> MarketPaths:
    """Make a market: paths of prices, OHLCV bars and trades of a model.

    Parameters
    ----------
    model : spec, or sequence of specs
        :class:`GBM`, :class:`OrnsteinUhlenbeck`, :class:`Garch`, :class:`RegimeSwitching`, :class:`JumpDiffusion`,
        :class:`Heston` or :class:`BlockBootstrap`; a sequence has one for each asset (no bootstrap among them).
    n_bars, n_paths : int
    n_assets : int, optional
        As many as models, or frames of a bootstrap, or rows of the correlation, where not given.
    correlation : (A, A) array, optional
        Of the shocks of a bar; independent where not given. It is that of log-returns where volatilities are constant.
        Shocks are sums of independent ones (Cholesky): with Student's t the first asset has its nu, and those after it
        have lighter tails the more they share; the variance is 1 for all. Jumps and shocks of variances are each own.
    seed : int, sequence of int or Generator
    price : float or sequence of float
        Of each asset before the first bar.
    start, freq
        When the first bar begins, and how far bars are apart, as pandas has it. Times are UTC.
    bars_inside : int
        Equal steps of the path inside a bar, whose extremes are drawn exactly: more make high and low less independent
        of each other, and cost time.
    gap : float
        Share of a bar's variance before its open, from 0 (opens are the closes before) to below 1.
    volume : VolumeLink, optional
        ``VolumeLink()`` where not given. Bootstrapped rows keep their own.
    names : sequence of str, optional
        Of the assets.
    num_threads : int, optional
        None is every physical core. Values do not depend on it.

    Returns
    -------
    MarketPaths
        A recipe: nothing is drawn before it is asked for.

    Raises
    ------
    BadInput
        For a model that is none, numbers out of range (and later, where prices are asked for, a path of which one
        leaves what its dtype holds: 0 or infinite), lengths that do not agree, a correlation that is not symmetric
        with ones on the diagonal or not positive semidefinite, or times that pandas does not know.

    Notes
    -----
    Shocks come from Philox with a counter of (path, step, purpose and asset): path 7 of ten is path 7 of a million,
    bar for bar, for any number of threads. Inside a bar the path is a Brownian bridge from open to close with the
    variance that the model has in that bar (a jump is part of it).

    Examples
    --------
    >>> from atomloom.samples import Garch
    >>> paths = market(Garch(1e-6, 0.08, 0.91), 3, n_paths=1000, seed=1)
    >>> paths.closes[7].round(4)
    array([100.2673, 101.4688, 101.9785])
    >>> weeks = market(Garch(1e-6, 0.08, 0.91), 500, seed=1).timeframe(5)
    >>> weeks.shape, bool((weeks["low"] <= weeks[["open", "close"]].min(axis=1)).all())
    ((100, 5), True)
    """
    bars, inside = whole("n_bars", n_bars, 1, 1 << 31), whole("bars_inside", bars_inside, 1, 1 << 20)
    if bars * inside >= _MOST_BLOCKS:
        raise BadInput(f"n_bars * bars_inside is {bars * inside:,}. Hint: below {_MOST_BLOCKS:,}; make several paths.")
    table = None if correlation is None else _correlation(correlation)
    models, count = _models(model, n_assets, table)
    if table is not None and len(table) != count:
        raise BadInput(f"correlation is {table.shape} for {count} assets. Hint: give ({count}, {count}).")
    share: Any = gap
    if not isinstance(share, (int, float)) or isinstance(share, bool) or not 0.0 <= share < 1.0:
        raise BadInput(f"gap is {gap!r}. Hint: give a share of the variance, from 0 to below 1.")
    if volume is not None and not isinstance(volume, VolumeLink):
        raise BadInput(f"volume is {volume!r}. Hint: give VolumeLink(typical, response, noise).")
    from atomloom.kernels.philox import key_of  # noqa: PLC0415 - loads numba

    return MarketPaths(
        models=models,
        names=_names(names, models, count),
        n_paths=whole("n_paths", n_paths, 1, 1 << 62),
        n_bars=bars,
        correlation=table,
        prices=_prices(price, count),
        bars_inside=inside,
        gap=float(gap),
        volume=volume or VolumeLink(),
        times=bar_times(start, freq, bars),
        key=key_of(seed),
        num_threads=num_threads,
    )


def _models(model: Any, n_assets: Any, table: NDArray[np.float64] | None) -> tuple[tuple[Any, ...], int]:
    """Give a model for each asset (or one bootstrap), and how many assets there are."""
    given = list(model) if isinstance(model, (list, tuple)) else [model]
    known = ", ".join(kind.__name__ for kind in MODELS)
    if not given:
        raise BadInput(f"model is empty. Hint: give one of {known}, or one for each asset.")
    for one in given:
        if not isinstance(one, MODELS):
            raise BadInput(f"model is a {type(one).__name__}: {one!r}. Hint: give one of {known}.")
    if any(isinstance(one, BlockBootstrap) for one in given):
        return _bootstrap(given, n_assets, table)
    wanted = None if n_assets is None else whole("n_assets", n_assets, 1, 1 << 16)
    count = wanted or (len(given) if len(given) > 1 or table is None else len(table))
    if len(given) not in {1, count}:
        raise BadInput(f"there are {len(given)} models for {count} assets. Hint: one for all, or one for each.")
    return tuple(given) if len(given) == count else tuple(given) * count, count


def _bootstrap(given: list[Any], n_assets: Any, table: NDArray[np.float64] | None) -> tuple[tuple[Any, ...], int]:
    if len(given) > 1 or table is not None:
        raise BadInput("a BlockBootstrap stands alone. Hint: BlockBootstrap({name: frame, ...}) keeps what correlates.")
    count = len(given[0].names)
    if n_assets not in {None, count}:
        raise BadInput(f"n_assets is {n_assets!r}, but the BlockBootstrap has {count} frames. Hint: leave it out.")
    return tuple(given), count


def _names(names: Any, models: tuple[Any, ...], count: int) -> tuple[str, ...]:
    if names is None:
        own = models[0].names if isinstance(models[0], BlockBootstrap) else ()
        return own or tuple(f"asset_{a}" for a in range(count)) if count > 1 else own or ("asset",)
    if not isinstance(names, str | Iterable):
        raise BadInput(f"names are {names!r}. Hint: give {count} different ones.")
    found = (names,) if isinstance(names, str) else tuple(map(str, names))
    if len(set(found)) != count:
        raise BadInput(f"names are {found!r}. Hint: give {count} different ones.")
    return found


def _prices(price: Any, count: int) -> tuple[float, ...]:
    try:
        found = np.broadcast_to(np.asarray(price, dtype=np.float64), (count,))
    except (TypeError, ValueError):
        raise BadInput(f"price is {price!r}. Hint: give a number, or one for each of {count} assets.") from None
    if not (np.isfinite(found) & (found > 0.0)).all():
        raise BadInput(f"price is {price!r}. Hint: prices are finite and more than 0.")
    return tuple(map(float, found))


def _correlation(given: Any) -> NDArray[np.float64]:
    try:
        table = np.array(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"correlation: {error}. Hint: give a square table of numbers.") from None
    hint = "Hint: symmetric, ones on the diagonal, and positive semidefinite."
    if table.ndim != 2 or table.shape[0] != table.shape[1] or not len(table):
        raise BadInput(f"correlation has shape {table.shape}. {hint}")
    if not np.isfinite(table).all() or np.abs(table - table.T).max() > 1e-9 or np.abs(np.diag(table) - 1).max() > 1e-9:
        raise BadInput(f"correlation is not symmetric with ones on the diagonal. {hint}")
    least = float(np.linalg.eigvalsh(table)[0])
    if least < -1e-9 * len(table):
        message = f"correlation is not positive semidefinite (least eigenvalue {least:.3g})"
        raise BadInput(f"{message}. {hint} Shrink it towards the identity, or take it of complete rows.")
    return table
