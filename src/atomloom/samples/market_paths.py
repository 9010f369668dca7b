"""Numbered paths of a market: closes of any of them, OHLCV bars in several timeframes, trades."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._choices import check_choice
from atomloom.engine.budget import machine, show_size
from atomloom.errors import BadInput, OverBudget
from atomloom.kernels import memory
from atomloom.samples.bootstrap import BlockBootstrap
from atomloom.samples.market_checks import COLUMNS, check_number, check_out, check_prices, whole

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from atomloom.samples.market_ticks import Ticks

    Reals = NDArray[np.float64]


@dataclass(frozen=True)
class VolumeLink:
    """Volume that goes with volatility.

    Parameters
    ----------
    typical : float
        Volume whose logarithm is about the mean of all (exactly so for normal returns); more than 0.
    response : float
        What a return that is larger by one long-run volatility adds to the log-volume.
    noise : float
        Standard deviation of the log-volume otherwise; 0 or more.

    Raises
    ------
    BadInput
        For numbers out of these ranges.

    Notes
    -----
    ``log V = log typical + response (|r| / sigma - sqrt(2 / pi)) + noise z``, sigma the model's volatility in the long
    run, z normal and independent from bar to bar. Volume clusters as volatility does, and no more than that.

    Examples
    --------
    >>> VolumeLink(5e5, response=0.6)
    VolumeLink(typical=500000.0, response=0.6, noise=0.35)
    """

    typical: float = 1e6
    response: float = 0.4
    noise: float = 0.35

    def __post_init__(self) -> None:
        check_number(self, "typical", above=0.0)
        check_number(self, "response", least=-100.0, most=100.0)
        check_number(self, "noise", least=0.0, most=100.0)


@dataclass(frozen=True, eq=False, repr=False)
class MarketPaths:
    """Paths of a market, each a function of the seed and its number; made by :func:`market`.

    Attributes
    ----------
    models : tuple of specs
        One for each asset; a single :class:`BlockBootstrap` for all.
    names : tuple of str
        Of the assets.
    n_paths, n_bars : int
    correlation : (A, A) float64, optional
        Of the assets' shocks; independent where not given.
    prices : tuple of float
        Before the first bar.
    bars_inside : int
        Equal steps of the path inside a bar.
    gap : float
        Share of a bar's variance before its open.
    volume : VolumeLink
    times : (n_bars,) datetime64
        When bars begin.
    key : tuple of 2 uint64
    num_threads : int, optional

    Examples
    --------
    >>> from atomloom.samples import GBM, market
    >>> paths = market(GBM(0.0, 0.01), 250, n_paths=10, seed=3)
    >>> paths
    MarketPaths(GBM, 10 paths, 1 asset, 250 bars)
    >>> paths.closes.shape, paths.ohlcv(7).columns.tolist()
    ((10, 250), ['open', 'high', 'low', 'close', 'volume'])
    """

    models: tuple[Any, ...]
    names: tuple[str, ...]
    n_paths: int
    n_bars: int
    correlation: Reals | None
    prices: tuple[float, ...]
    bars_inside: int
    gap: float
    volume: VolumeLink
    times: NDArray[np.datetime64]
    key: tuple[np.uint64, np.uint64]
    num_threads: int | None = None

    @property
    def n_assets(self) -> int:
        """Assets of each path."""
        return len(self.names)

    @cached_property
    def closes(self) -> NDArray[Any]:
        """Close prices of all paths: (n_paths, n_bars) of one asset, (n_paths, n_assets, n_bars) of more; float64.

        Raises OverBudget where they do not fit into free memory: :meth:`fill` gives some at a time.
        """
        inner = (self.n_bars,) if self.n_assets == 1 else (self.n_assets, self.n_bars)
        _fitting((self.n_paths, *inner))
        return self.fill(np.arange(self.n_paths, dtype=np.uint64))

    def fill(self, ids: ArrayLike, out: NDArray[Any] | None = None, *, num_threads: int | None = None) -> NDArray[Any]:
        """Give the closes of some paths, by their numbers.

        Parameters
        ----------
        ids : (n,) int
            In any order; any number below 2^63, also beyond `n_paths`.
        out : (n, n_bars) or (n, n_assets, n_bars) float64 or float32, C order, optional
            Written and returned.
        num_threads : int, optional
            That of :func:`market` where not given. Values do not depend on it.

        Returns
        -------
        array
            As `out`.

        Raises
        ------
        BadInput
            For ids that are no whole numbers of 0 or more, or an `out` of another shape, dtype or order.
            For a path of which a price leaves what the dtype holds (0, infinite, no number): a market is never
            silently without prices.
        OverBudget
            Where no `out` is given and the result would not fit into the memory that is free.

        Notes
        -----
        O(n n_assets n_bars) time; some hundred KB for each thread beyond the result.
        """
        numbers = _ids(ids)
        inner = (self.n_bars,) if self.n_assets == 1 else (self.n_assets, self.n_bars)
        shape = (len(numbers), *inner)
        if out is None:
            out = memory.empty(_fitting(shape))
        else:
            check_out(out, shape)
        threads = self.num_threads if num_threads is None else num_threads
        closes = out.reshape(len(numbers), self.n_assets, self.n_bars)
        self._recipe.fill(numbers, closes, threads=threads)
        check_prices(closes, lambda row: f"path {int(numbers[row]):,}", threads)
        return out

    @cached_property
    def _recipe(self) -> Any:
        from atomloom.samples.path_groups import PathRecipe, RowRecipe, factor_of  # noqa: PLC0415 - compiles

        first = self.models[0]
        if isinstance(first, BlockBootstrap):
            return RowRecipe(first, self.key, self.prices, self.n_bars)
        factor = None if self.correlation is None else factor_of(self.correlation)
        return PathRecipe(self.models, factor, self.key, self.prices, self.n_bars)

    def rows(self, path: int = 0, asset: int | str = 0) -> Reals:
        """Give the bars of a path as an array.

        Parameters
        ----------
        path : int
        asset : int or str

        Returns
        -------
        (n_bars, 5) float64
            Open, high, low, close, volume; low <= open, close <= high.

        Raises
        ------
        BadInput
            For a path or an asset that there is not, and for prices or volumes that leave what float64 holds.
        """
        from atomloom.samples.path_rows import rows_of  # noqa: PLC0415 - compiles

        number = self._path(path)
        found = rows_of(self, number, self._asset(asset))
        for column in (1, 2):  # high and low
            check_prices(found[None, None, :, column], lambda _: f"path {number:,}")
        if not (found[:, 4] < np.inf).all():
            bar = int(np.argmin(found[:, 4] < np.inf))
            message = f"the volume of path {number:,} is {float(found[bar, 4])!r} at bar {bar:,}: beyond float64"
            raise BadInput(f"{message}. Hint: a VolumeLink of a smaller typical volume, response and noise.")
        return found

    def ohlcv(self, path: int = 0, asset: int | str | None = None) -> Any:
        """Give the bars of a path as a frame.

        Parameters
        ----------
        path : int
        asset : int or str, optional
            All of them where not given.

        Returns
        -------
        DataFrame
            Columns open, high, low, close, volume; the index is when bars begin. A mapping of names to frames where
            there are several assets and none is named.

        Raises
        ------
        BadInput
            For a path or an asset that there is not.
        """
        return self.timeframe(1, path, asset)

    def timeframe(self, bars: int, path: int = 0, asset: int | str | None = None) -> Any:
        """Give bars made of several bars of a path.

        Parameters
        ----------
        bars : int
            How many make one; what is left over at the end makes none.
        path, asset
            See :meth:`ohlcv`.

        Returns
        -------
        DataFrame, or mapping of str to DataFrame
            First open, highest high, lowest low, last close and the sum of volumes.

        Raises
        ------
        BadInput
            For a number of bars that is not from 1 to `n_bars`, or a path or an asset that there is not.
        """
        import pandas as pd  # noqa: PLC0415  # loaded when a frame is asked for

        width = whole("bars", bars, 1, self.n_bars)
        if asset is None and self.n_assets > 1:
            return {name: self.timeframe(width, path, name) for name in self.names}
        table = joined_bars(self.rows(path, 0 if asset is None else asset), width)
        index = pd.DatetimeIndex(self.times[::width][: len(table)], name="time")
        return pd.DataFrame(table, columns=list(COLUMNS), index=index)

    def ticks(self, path: int = 0, asset: int | str = 0, **settings: Any) -> Ticks:
        """Give trades of a path: times, prices on a grid, sizes, and who began them.

        Parameters
        ----------
        path, asset
            See :meth:`rows`.
        **settings
            Of :func:`atomloom.samples.market_ticks.ticks_of`: `per_bar`, `tick_size`, `half_spread`, `informed`.

        Returns
        -------
        Ticks

        Raises
        ------
        BadInput
            For unknown settings (with the one that was meant), and what :func:`ticks_of` refuses.
        """
        from atomloom.samples.market_ticks import SETTINGS, ticks_of  # noqa: PLC0415 - compiles

        for name in settings:
            check_choice("a setting of ticks", name, SETTINGS)
        return ticks_of(self, self._path(path), self._asset(asset), **settings)

    def _path(self, path: Any) -> int:
        return whole("path", path, 0, self.n_paths - 1)

    def _asset(self, asset: Any) -> int:
        if isinstance(asset, str):
            if asset not in self.names:
                raise BadInput(f"there is no asset {asset!r}. Hint: there is {', '.join(self.names[:12])}.")
            return self.names.index(asset)
        return whole("asset", asset, 0, self.n_assets - 1)

    def to_frame(self) -> pd.DataFrame:
        """Give the closes of all paths: a row for each bar, a column for each path (and asset)."""
        import pandas as pd  # noqa: PLC0415  # loaded when a frame is asked for

        index = pd.DatetimeIndex(self.times, name="time")
        if self.n_assets == 1:
            return pd.DataFrame(self.closes.T, index=index, columns=pd.RangeIndex(self.n_paths, name="path"))
        columns = pd.MultiIndex.from_product([range(self.n_paths), self.names], names=["path", "asset"])
        return pd.DataFrame(self.closes.reshape(-1, self.n_bars).T, index=index, columns=columns)

    def to_dict(self) -> dict[str, Any]:
        """Give all that paths depend on, as plain values."""
        return {
            "models": [model.to_dict() for model in self.models],
            "names": list(self.names),
            "n_paths": self.n_paths,
            "n_bars": self.n_bars,
            "correlation": None if self.correlation is None else self.correlation.tolist(),
            "prices": list(self.prices),
            "bars_inside": self.bars_inside,
            "gap": self.gap,
            "volume": {name: getattr(self.volume, name) for name in ("typical", "response", "noise")},
            "first": str(self.times[0]),
            "last": str(self.times[-1]),
            "key": [int(word) for word in self.key],
        }

    def summary(self) -> str:
        """Say in some lines what there is."""
        lines = [
            repr(self),
            f"bars from {self.times[0]} to {self.times[-1]}",
            *(f"{name}: {_words(model)}" for name, model in zip(self.names, self.models, strict=False)),
        ]
        if self.correlation is not None:
            lines.append(f"shocks correlated, from {np.min(self.correlation):.3g}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        kinds = ", ".join(dict.fromkeys(type(model).__name__ for model in self.models))
        counts = f"{self.n_paths:,} path{'s' * (self.n_paths > 1)}, {self.n_assets:,} asset{'s' * (self.n_assets > 1)}"
        return f"MarketPaths({kinds}, {counts}, {self.n_bars:,} bars)"

    def _repr_html_(self) -> str:
        head = self.ohlcv(0, 0).head(5)
        return f"<p>{self!r}</p>{head.to_html(float_format='{:,.4g}'.format)}"


def _words(model: Any) -> str:
    own = {name: value for name, value in model.to_dict().items() if name != "model" and value is not None}
    return f"{type(model).__name__}, " + ", ".join(f"{name} {value}" for name, value in own.items())


def _ids(ids: Any) -> NDArray[np.uint64]:
    found = np.atleast_1d(np.asarray(ids))
    whole_numbers = found.dtype.kind in "iu" and found.ndim == 1
    if not whole_numbers or not len(found) or (found.dtype.kind == "i" and found.min() < 0):
        raise BadInput(f"ids are {found.dtype} {found.shape}. Hint: give whole numbers of 0 or more, one at least.")
    return np.array(found, dtype=np.uint64)  # a copy: kernels know writable arrays only


def _fitting(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse a shape of float64 that free memory cannot hold."""
    needed, free = 8 * math.prod(shape), machine().memory_available
    if needed > free:
        message = f"closes of shape {shape} take {show_size(needed)}, and {show_size(free)} are free"
        raise OverBudget(f"{message}. Hint: take some paths at a time, .fill(ids, out) with one out for all.")
    return shape


def joined_bars(rows: Reals, width: int) -> Reals:
    """Make one bar of several.

    Parameters
    ----------
    rows : (n, 5) float64
        Open, high, low, close, volume.
    width : int
        How many make one.

    Returns
    -------
    (n // width, 5) float64

    Examples
    --------
    >>> joined_bars(np.array([[5.0, 7, 4, 6, 10], [6, 6, 3, 3, 1], [3, 4, 3, 4, 1]]), 2)
    array([[ 5.,  7.,  3.,  3., 11.]])
    """
    if width == 1:
        return rows
    parts = rows[: len(rows) // width * width].reshape(-1, width, 5)
    own = [parts[:, 0, 0], parts[:, :, 1].max(axis=1), parts[:, :, 2].min(axis=1), parts[:, -1, 3]]
    volume = np.cumsum(parts[:, :, 4], axis=1)[:, -1]  # one after the other: the same bits everywhere
    return np.column_stack([*own, volume])
