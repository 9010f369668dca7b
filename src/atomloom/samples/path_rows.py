"""The bars of one path of a market, made of what happens inside them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.samples import bootstrap_kernels as rows
from atomloom.samples import inside_kernels as inside
from atomloom.samples.path_groups import Inner, RowRecipe
from atomloom.samples.shock_kernels import BRIDGE, INSIDE, VOLUME, word_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.samples.market_paths import MarketPaths

    Reals = NDArray[np.float64]

_USUAL = math.sqrt(2.0 / math.pi)  # mean of |z|


@dataclass(frozen=True, eq=False)
class InnerPath:
    """A path with what happens inside its bars.

    Attributes
    ----------
    levels : (n + 1,) float64
        Logarithms of close over first price, 0 before the first bar.
    volatility : (n,) float64
        Of each bar's log-return.
    closes : (n,) float64
        Prices.
    extremes : (3, n) float64
        Open, highest and lowest log-price.
    points : (bars_inside + 1, n) float64
        Log-prices from open to close.
    """

    levels: Reals
    volatility: Reals
    closes: Reals
    extremes: Reals
    points: Reals


def inner_of(market: MarketPaths, path: int, asset: int) -> InnerPath:
    """Give a path of a model with what happens inside its bars.

    Parameters
    ----------
    market : MarketPaths
        Of a model other than a bootstrap.
    path, asset : int

    Returns
    -------
    InnerPath
    """
    recipe: Any = market._recipe  # noqa: SLF001 - one noun in two files
    ids = np.array([path], np.uint64)
    shape = (1, market.n_assets, market.n_bars)
    found, closes = Inner(np.empty(shape), np.empty(shape)), np.empty(shape)
    recipe.fill(ids, closes, inner=found)
    levels, volatility = np.append(0.0, found.levels[0, asset]), found.volatility[0, asset]
    extremes, points = np.empty((3, market.n_bars)), np.empty((market.bars_inside + 1, market.n_bars))
    words = (word_of(INSIDE, asset), word_of(BRIDGE, asset), *market.key)
    inside.bridge(
        levels,
        volatility,
        (market.gap, market.bars_inside),
        ids[0],
        words,
        extremes,
        points,
        np.empty((4, market.n_bars)),
    )
    return InnerPath(levels, volatility, closes[0, asset], extremes, points)


def rows_of(market: MarketPaths, path: int, asset: int) -> Reals:
    """Give open, high, low, close and volume of a path.

    Parameters
    ----------
    market : MarketPaths
    path, asset : int

    Returns
    -------
    (n_bars, 5) float64
    """
    recipe: Any = market._recipe  # noqa: SLF001 - one noun in two files
    out = np.empty((market.n_bars, 5))
    if isinstance(recipe, RowRecipe):
        drawn = recipe.numbers(np.array([path], np.uint64))[0]
        rows.chain_rows(drawn, recipe.model.ratios[asset], market.prices[asset], out)
        return out
    inner = inner_of(market, path, asset)
    link, sigma = market.volume, market.models[asset].volatility
    response = (link.response / sigma, link.response * _USUAL) if sigma > 0.0 else (0.0, 0.0)
    words, volume = (word_of(VOLUME, asset), *market.key), np.empty(market.n_bars)
    inside.volumes(inner.levels, (link.typical, response, link.noise), np.uint64(path), words, volume)
    inside.bars(inner.extremes, inner.closes, volume, market.prices[asset], out)
    return out
