"""Trades of a path of a market: columns that any reader of trades takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.samples.bootstrap import BlockBootstrap
from atomloom.samples.market_checks import check_number

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.samples.market_paths import MarketPaths

SETTINGS = ("per_bar", "tick_size", "half_spread", "informed")
_MOST = (1 << 32) // 3  # a trade takes three blocks of a counter with 32 bits

_LARGEST = 2.0**53
_LOG_LARGEST = math.log(_LARGEST) - 1.0


@dataclass(frozen=True, eq=False, repr=False)
class Ticks:
    """Trades in time order; made by :meth:`MarketPaths.ticks`.

    Attributes
    ----------
    ts : (T,) int64
        Time of each trade, ns since 1970-01-01 UTC.
    px : (T,) int64
        Price, in steps of the grid.
    size : (T,) int64
        At least 1.
    sign : (T,) int8
        1 where a buyer began the trade, -1 where a seller did.
    tick_size : float
        Step of the grid, in units of price.
    symbol : str

    Examples
    --------
    >>> from atomloom.samples import GBM, market
    >>> ticks = market(GBM(0.0, 0.01), 20, bars_inside=8, freq="5min").ticks(per_bar=50)
    >>> ticks
    Ticks(asset, 1,001 trades, 21,910,090 volume, tick 0.01)
    >>> from atomloom.store import Trades
    >>> len(Trades(**ticks.columns()).px)
    1001
    """

    ts: NDArray[np.int64]
    px: NDArray[np.int64]
    size: NDArray[np.int64]
    sign: NDArray[np.int8]
    tick_size: float
    symbol: str

    def __len__(self) -> int:
        return len(self.ts)

    @property
    def price(self) -> NDArray[np.float64]:
        """Price of each trade, (T,) float64."""
        return np.asarray(self.px * self.tick_size, dtype=np.float64)

    def columns(self) -> dict[str, Any]:
        """Give what ``atomloom.store.Trades(**columns)`` takes: ts, px, size, tick_size, symbol."""
        return {name: getattr(self, name) for name in ("ts", "px", "size", "tick_size", "symbol")}

    def to_frame(self) -> pd.DataFrame:
        """Give a row for each trade: price, size, sign; the index is its time."""
        import pandas as pd  # noqa: PLC0415  # loaded when a frame is asked for

        index = pd.DatetimeIndex(self.ts.view("M8[ns]"), name="time")
        return pd.DataFrame({"price": self.price, "size": self.size, "sign": self.sign}, index=index)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return {**{name: getattr(self, name).tolist() for name in ("ts", "px", "size", "sign")},
                "tick_size": self.tick_size, "symbol": self.symbol}  # fmt: skip

    def summary(self) -> str:
        """Say in a line or two what there is."""
        bought = float(self.size[self.sign > 0].sum() / self.size.sum())
        span = f"{self.ts[:1].view('M8[ns]')[0]} to {self.ts[-1:].view('M8[ns]')[0]} UTC"
        return f"{self!r}\n{span}; {bought:.1%} of the volume began with buyers"

    def __repr__(self) -> str:
        volume = int(self.size.sum())
        return f"Ticks({self.symbol}, {len(self):,} trades, {volume:,} volume, tick {self.tick_size:g})"

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.to_frame().head(5).to_html()}"


@dataclass(frozen=True)
class _Settings:
    per_bar: float
    tick_size: float
    half_spread: float
    informed: float

    def __post_init__(self) -> None:
        check_number(self, "per_bar", least=1.0, most=1e8)
        check_number(self, "tick_size", above=0.0)
        check_number(self, "half_spread", least=0.0, most=1e6)
        check_number(self, "informed", least=0.0, most=1.0)


def ticks_of(
    market: MarketPaths,
    path: int,
    asset: int,
    *,
    per_bar: float = 100.0,
    tick_size: float = 0.01,
    half_spread: float = 0.5,
    informed: float = 0.2,
) -> Ticks:
    """Give the trades of a path.

    Parameters
    ----------
    market : MarketPaths
        Of a model other than a bootstrap, whose bars begin at whole nanoseconds.
    path, asset : int
    per_bar : float
        Mean trades of a bar; a bar has as many of them as it has of the volume, and one at least.
    tick_size : float
        Step of the grid, in units of price.
    half_spread : float
        What a buyer pays above the price, and a seller gets below it, in steps of the grid.
    informed : float
        Share of trades that know on which side the bar will close, and trade in that direction.

    Returns
    -------
    Ticks
        Sizes add up to each bar's volume in whole units. Prices without the spread stay between low and high of their
        bar; the first is near its open and the last near its close, as near as trades are to the ends of the bar.

    Raises
    ------
    BadInput
        For numbers out of range, bootstrapped rows (nothing is known inside them), bars without a length or longer
        than ns can say, a grid that is wider than the prices or so fine that 2^53 steps do not reach them, volumes
        above 2^53, or more than 1.4 billion trades.

    Notes
    -----
    Times are uniform within a bar. Prices continue the path inside the bar (a Brownian bridge), so that every number
    of trades tells of the same path. O(T) time and memory.

    Examples
    --------
    >>> from atomloom.samples import GBM, market
    >>> ticks = ticks_of(market(GBM(0.0, 0.01), 20), 0, 0, per_bar=1000, informed=0.5)
    >>> bool(0.45 < (ticks.sign > 0).mean() < 0.55)
    True
    """
    own = _Settings(per_bar, tick_size, half_spread, informed)
    if isinstance(market.models[0], BlockBootstrap):
        raise BadInput("bootstrapped rows have no path inside. Hint: ticks need a model, GBM or Garch for example.")
    begins = _begins(market)
    from atomloom.samples import tick_kernels as formulas  # noqa: PLC0415 - compiles
    from atomloom.samples.path_rows import inner_of  # noqa: PLC0415 - same
    from atomloom.samples.shock_kernels import PAUSE, TICK, word_of  # noqa: PLC0415 - same

    inner, volume = inner_of(market, path, asset), market.rows(path, asset)[:, 4]
    if not inner.closes.min() > own.tick_size:
        message = f"tick_size is {own.tick_size:g}, and prices go down to {float(inner.closes.min()):.3g}"
        raise BadInput(f"{message}. Hint: the grid must be finer than the prices.")
    if inner.points.max() + math.log(market.prices[asset] / own.tick_size) > _LOG_LARGEST:
        message = f"tick_size is {own.tick_size:g}, and prices go up to {float(inner.closes.max()):.3g}"
        raise BadInput(f"{message}. Hint: a grid that reaches them in less than 2^53 steps.")
    if volume.max() > _LARGEST:
        message = f"a bar has a volume of {float(volume.max()):.3g}"
        raise BadInput(f"{message}. Hint: ticks need whole sizes, below 2^53; a VolumeLink of less.")
    whole = np.maximum(np.floor(volume + 0.5), 1.0)
    typical = np.cumsum(whole)[-1] / len(whole)
    counts = np.clip(np.floor(own.per_bar * whole / typical + 0.5), 1.0, whole).astype(np.int64)
    total = int(counts.sum())
    if total >= _MOST:
        raise BadInput(f"there would be {total:,} trades. Hint: fewer than {_MOST:,}; lower per_bar, or shorter paths.")
    when, share = np.empty(total), np.empty(total)
    px, sign = np.empty(total, np.int64), np.empty(total, np.int8)
    terms = (own.half_spread, own.informed, 1.0 - market.gap, market.prices[asset], own.tick_size)
    words = (word_of(TICK, asset), *market.key, word_of(PAUSE, asset))
    points = np.ascontiguousarray(inner.points.T)
    bounds = np.ascontiguousarray(inner.extremes[[2, 1]])
    formulas.trades(counts, points, bounds, terms, np.uint64(path), words, (inner.volatility, when, share, px, sign))
    ts = np.repeat(begins[:-1], counts) + (when * np.repeat(np.diff(begins), counts)).astype(np.int64)
    return Ticks(ts, px, _sizes(counts, whole, share), sign, own.tick_size, market.names[asset])


def _begins(market: MarketPaths) -> NDArray[np.int64]:
    """Give when bars begin, and when the last one ends, in ns."""
    times = market.times
    if times.dtype != np.dtype("M8[ns]") or len(times) < 2:
        message = f"bars begin at {times[0]} ({times.dtype}), {len(times):,} of them"
        raise BadInput(f"{message}. Hint: trades need two bars or more, and times in ns (years 1678 to 2262).")
    found = times.astype(np.int64)
    return np.append(found, 2 * found[-1] - found[-2])


def _sizes(counts: NDArray[np.int64], volume: NDArray[np.float64], share: NDArray[np.float64]) -> NDArray[np.int64]:
    """Cut volumes into whole sizes of at least 1 that add up to them."""
    ends = np.cumsum(counts)
    starts = ends - counts
    spare = np.repeat(volume - counts, counts)
    running = np.cumsum(share)
    base = np.repeat(running[starts] - share[starts], counts)
    upto = np.minimum(np.floor((running - base) * spare), spare)
    upto[ends - 1] = volume - counts
    before = np.append(0.0, upto[:-1])
    before[starts] = 0.0
    return np.asarray(upto - before, dtype=np.int64) + 1
