"""Paths of a market, a group at a time: shocks, returns, closes, tile after tile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.side_by_side import in_threads, spans
from atomloom.samples import bootstrap_kernels as rows
from atomloom.samples import model_kernels as formulas
from atomloom.samples import shock_kernels as draws
from atomloom.samples.bootstrap import KINDS, BlockBootstrap
from atomloom.samples.market_models import GBM, Garch, Heston, JumpDiffusion, OrnsteinUhlenbeck
from atomloom.samples.regime_model import RegimeSwitching
from atomloom.samples.shock_kernels import BEGIN, BLOCK, CHANCE, JUMP, SECOND, SHOCK, word_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ids = NDArray[np.uint64]

LANES, TILE = 64, 1 << 15  # paths of a group at least; numbers of a tile, which stay in the second cache
MOST_LANES = 4096


@dataclass(frozen=True, eq=False)
class PathRecipe:
    """All that the closes of any path depend on.

    Attributes
    ----------
    models : tuple of A specs
    factor : (A, A) float64, optional
        Cholesky factor of the correlation of shocks; independent where not given.
    key : tuple of 2 uint64
    prices : tuple of A float
        At the start.
    n_bars : int
    """

    models: tuple[Any, ...]
    factor: Reals | None
    key: tuple[np.uint64, np.uint64]
    prices: tuple[float, ...]
    n_bars: int

    def fill(self, ids: Ids, closes: NDArray[Any], *, inner: Inner | None = None, threads: int | None = 1) -> None:
        """Write the closes of some paths.

        Parameters
        ----------
        ids : (n,) uint64
        closes : (n, A, n_bars) float64 or float32
            Out.
        inner : Inner, optional
            Out: log-prices and volatilities, too.
        threads : int, optional
        """
        lanes = min(MOST_LANES, max(LANES, TILE // self.n_bars // LANES * LANES))
        pieces = spans(len(ids), min(lanes, max(8, -(-len(ids) // 2))), threads, most=4)
        in_threads(lambda low, high: self._some(ids, low, high, lanes, (closes, inner)), pieces, threads)

    def _some(self, ids: Ids, low: int, high: int, lanes: int, out: tuple[NDArray[Any], Inner | None]) -> None:
        width = min(lanes, high - low)
        steps = max(2, min(TILE // width, self.n_bars + 1) // 2 * 2)
        scratch = np.empty((len(self.models) + 3, steps * width))
        for first in range(low, high, width):
            last = min(high, first + width)
            self._group(ids[first:last], slice(first, last), scratch, steps, out)

    def _group(
        self, ids: Ids, place: slice, scratch: Reals, steps: int, out: tuple[NDArray[Any], Inner | None]
    ) -> None:
        closes, inner = out
        count, lanes = len(self.models), len(ids)
        levels = np.zeros((count, lanes))
        states = [begin(model, ids, self.key) for model in self.models]
        chances = chances_of(self.models)
        for step in range(0, self.n_bars, steps):
            here = min(steps, self.n_bars - step)
            even = here + here % 2
            tiles = scratch[:, : even * lanes].reshape(len(scratch), even, lanes)
            for a, model in enumerate(self.models):
                shocks(model, ids, step, self.key, a, tiles[a])
            if self.factor is not None:
                draws.correlate(self.factor, tiles[:count])
            for a, model in enumerate(self.models):
                volatility = tiles[count]
                more = tiles[count + 1 :]
                returns(model, ids, step, self.key, (a, chances[a]), states[a], (tiles[a], volatility, more))
                if inner is not None:
                    formulas.gather(volatility[:here], inner.volatility[place, a, step : step + here])
                formulas.prices(tiles[a], levels[a], self.prices[a], volatility)
                formulas.gather(volatility[:here], closes[place, a, step : step + here])
                if inner is not None:
                    formulas.gather(tiles[a][:here], inner.levels[place, a, step : step + here])


@dataclass(frozen=True, eq=False)
class RowRecipe:
    """All that the closes of any path of drawn rows depend on.

    Attributes
    ----------
    model : BlockBootstrap
    key, prices, n_bars
        See :class:`PathRecipe`.
    """

    model: BlockBootstrap
    key: tuple[np.uint64, np.uint64]
    prices: tuple[float, ...]
    n_bars: int

    def numbers(self, ids: Ids) -> NDArray[np.int64]:
        """Give the rows of some paths, (n, n_bars)."""
        ratios, kind = self.model.ratios, KINDS.index(self.model.kind)
        out = np.empty((len(ids), self.n_bars), np.int64)
        rows.drawn_rows(ids, ratios.shape[1], kind, self.model.block, (word_of(BLOCK), *self.key), out)
        return out

    def fill(self, ids: Ids, closes: NDArray[Any], *, threads: int | None = 1) -> None:
        """Write the closes of some paths; see :meth:`PathRecipe.fill`."""

        def some(low: int, high: int) -> None:
            for first in range(low, high, width):
                numbers = self.numbers(ids[first : min(high, first + width)])
                for p, drawn in enumerate(numbers, first):
                    for a, price in enumerate(self.prices):
                        rows.chain_closes(drawn, self.model.ratios[a], price, closes[p, a])

        width = max(1, TILE // self.n_bars)
        in_threads(some, spans(len(ids), width, threads, most=4), threads)


def factor_of(correlation: Reals) -> Reals:
    """Give the Cholesky factor of a correlation, which may be singular.

    Parameters
    ----------
    correlation : (A, A) float64

    Returns
    -------
    (A, A) float64
        Lower triangle.

    Examples
    --------
    >>> factor_of(np.array([[1.0, 1.0], [1.0, 1.0]]))
    array([[1., 0.], [1., 0.]])
    """
    out = np.zeros_like(correlation)
    draws.cholesky(np.ascontiguousarray(correlation), out)
    return out


@dataclass(frozen=True, eq=False)
class Inner:
    """Where log-prices and volatilities go.

    Attributes
    ----------
    levels, volatility : (n, A, n_bars) float64
    """

    levels: Reals
    volatility: Reals


def begin(model: Any, ids: Ids, key: tuple[np.uint64, np.uint64]) -> NDArray[Any]:
    """Give the state that paths of a model begin with.

    Parameters
    ----------
    model : spec
    ids : (W,) uint64
    key : tuple of 2 uint64

    Returns
    -------
    (W,) float64 or int64
        Variances, levels or regimes; zeros where a model has no state.
    """
    if isinstance(model, Garch):
        return np.full(len(ids), model.omega / (1.0 - model.persistence))
    if isinstance(model, Heston):
        return np.full(len(ids), model.theta if model.v0 is None else model.v0)
    if isinstance(model, RegimeSwitching):
        first = np.empty((2, len(ids)))
        draws.uniforms(ids, 0, word_of(BEGIN), *key, first)
        found = np.searchsorted(np.cumsum(model.long_run), first[0], side="right")
        return np.asarray(np.minimum(found, len(model.mu) - 1), dtype=np.int64)
    return np.zeros(len(ids))


def shocks(model: Any, ids: Ids, step: int, key: tuple[np.uint64, np.uint64], asset: int, tile: Reals) -> None:
    """Fill a tile with shocks of mean 0 and variance 1.

    Parameters
    ----------
    model : spec
    ids : (W,) uint64
    step : int
        Of the first row; even.
    key : tuple of 2 uint64
    asset : int
    tile : (T, W) float64
        Out.
    """
    if isinstance(model, Garch) and model.nu is not None:
        draws.students(ids, step, word_of(SHOCK, asset), *key, model.nu, tile)
    else:
        draws.normals(ids, step, word_of(SHOCK, asset), *key, tile)


def chances_of(models: Sequence[Any]) -> list[np.uint64]:
    """Give the word that jumps of each asset are drawn with: that of its chances, which no other asset may have.

    Regimes are those of all assets, and have the chances of the first one; its jumps then have words of their own.

    Examples
    --------
    >>> regimes = RegimeSwitching([[0.9, 0.1], [0.5, 0.5]], [0.0, 0.0], [0.01, 0.02])
    >>> [hex(word) for word in chances_of([JumpDiffusion(), regimes])], hex(chances_of([JumpDiffusion()])[0])
    (['0xb02', '0x10202'], '0x202')
    """
    taken = any(isinstance(model, RegimeSwitching) for model in models)
    return [word_of(JUMP if taken and a == 0 else CHANCE, a) for a in range(len(models))]


def returns(
    model: Any,
    ids: Ids,
    step: int,
    key: tuple[np.uint64, np.uint64],
    words: tuple[int, np.uint64],
    state: NDArray[Any],
    tiles: tuple[Reals, Reals, Reals],
) -> None:
    """Turn a tile of shocks into log-returns.

    Parameters
    ----------
    model, ids, step, key
        See :func:`shocks`.
    words : tuple of int and uint64
        The asset; the word that its jumps are drawn with.
    state : (W,)
        In and out; see :func:`begin`.
    tiles : tuple of (T, W), (T, W) and (2, T, W) float64
        Shocks in and returns out; volatility out; scratch.
    """
    (asset, chance), (z, volatility, more) = words, tiles
    if isinstance(model, GBM):
        formulas.constant(z, model.mu - model.sigma**2 / 2.0, model.sigma, volatility)
    elif isinstance(model, Garch):
        terms = (model.omega, model.alpha, model.beta, model.gamma, model.mu)
        formulas.garch(z, state, terms, volatility)
    elif isinstance(model, OrnsteinUhlenbeck):
        formulas.reverting(z, state, model.half_life, model.mean, model.sigma, volatility)
    elif isinstance(model, RegimeSwitching):
        draws.uniforms(ids, step, word_of(CHANCE), *key, more[0])
        passed = np.cumsum(np.array(model.transition), axis=1)
        formulas.switching(z, more[0], state, passed, np.array(model.mu), np.array(model.sigma), volatility)
    elif isinstance(model, JumpDiffusion):
        draws.uniforms(ids, step, chance, *key, more[0])
        draws.normals(ids, step, word_of(SECOND, asset), *key, more[1])
        jump = (model.mu, model.sigma, model.jump_mean, model.jump_sigma, model.intensity)
        formulas.jumping(z, more[0], more[1], jump, volatility)
    else:
        draws.normals(ids, step, word_of(SECOND, asset), *key, more[0])
        terms = (model.mu, model.kappa, model.theta, model.xi, model.rho)
        formulas.heston(z, more[0], state, terms, volatility)
