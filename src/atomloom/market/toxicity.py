"""VPIN, the measure of order flow toxicity: its series, its distribution and its events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, Infeasible
from atomloom.market.bars import split_bars, volume_days, volume_edges
from atomloom.market.events import find_events
from atomloom.market.result import VPINResult
from atomloom.market.spec import VPINConfig
from atomloom.store.units import to_price

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from atomloom.market.bar_table import Bars
    from atomloom.store.schema import Trades


def vpin(trades: Trades, config: VPINConfig | None = None, *, bars: Bars | None = None) -> VPINResult:
    """Compute VPIN bucket by bucket, where it stands in its own distribution, and the events.

    Parameters
    ----------
    trades : Trades
        Positive prices.
    config : VPINConfig, optional
        Defaults where not given.
    bars : Bars, optional
        Bars by :func:`build_bars` for a configuration with the same ``bars_key``; saves most of the work.

    Returns
    -------
    VPINResult

    Raises
    ------
    Infeasible
        If the volume does not fill the bars, or the buckets do not fill one window.
    BadInput
        If a price is not positive or the bars are not those of the configuration.

    Notes
    -----
    With bar volume V, bought share f = F((p - p_before) / sigma) and a window of n buckets::

        VPIN = sum over the window of |sum over the bucket of V (2 f - 1)| / sum over the window of V

    Easley, Lopez de Prado and O'Hara (2012). Under the defaults sigma of a bucket comes from the bars of
    earlier buckets, and the CDF is the mid-rank of each VPIN among those up to now. O(T + N + B window).

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store import read_trades
    >>> result = vpin(read_trades(es_2013_09()), VPINConfig(buckets_per_day=50, support_days=0.5))
    >>> len(result.bars), len(result), result.n_defined
    (3000, 100, 75)
    """
    from atomloom.market import kernels  # noqa: PLC0415 - numba loads when a formula is first used

    config = VPINConfig() if config is None else config
    _check_prices(trades)
    if bars is None:
        bars = build_bars(trades, config)
    else:
        _check_bars(trades, bars, config)
    n = len(bars) // config.bars_per_bucket
    _check_window(n, config)
    change = np.diff(bars.price_px, prepend=bars.price_px[:1])
    fraction = kernels.buy_fraction(change, _sigma(change, config), config.nu)
    bought, imbalance, total = kernels.bucket_flow(fraction, bars.volume, config.bars_per_bucket)
    series = kernels.rolling_share(imbalance, total, config.window)
    start = slice(0, n * config.bars_per_bucket, config.bars_per_bucket)
    end = slice(config.bars_per_bucket - 1, None, config.bars_per_bucket)
    close = to_price(bars.close_px[end], bars.tick_size)
    cdf = _cdf(series, config.cdf)
    events = find_events(
        cdf,
        bars.end_ts[end],
        _moves(bars, close, config),
        threshold=config.threshold,
        null_quantile=config.null_quantile,
    )
    return VPINResult(config, bars, bars.start_ts[start], bars.end_ts[end], close, total, bought, series, cdf, events)


def build_bars(trades: Trades, config: VPINConfig | None = None) -> Bars:
    """Cut trades into the volume bars of a configuration; shared by all with the same ``bars_key``.

    With ``bucket_volume`` a bucket has exactly that volume and what is left over is dropped.
    Otherwise the whole volume is cut into ``volume_days(trades) * buckets_per_day`` buckets.

    Parameters
    ----------
    trades : Trades
    config : VPINConfig, optional

    Returns
    -------
    Bars
        A whole number of buckets.

    Raises
    ------
    Infeasible
        If there is less than one contract per bar, or less volume than one bucket.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store import read_trades
    >>> len(build_bars(read_trades(es_2013_09())))
    12000
    """
    config = VPINConfig() if config is None else config
    return split_bars(trades, volume_edges(*_layout(trades, config)), config.price)


def vpin_grid_row(
    trades: Trades, config: VPINConfig | Mapping[str, Any], *, bars: Bars | None = None
) -> dict[str, Any]:
    """Compute VPIN for one point of a grid and keep the scalars only.

    Parameters
    ----------
    trades : Trades
    config : VPINConfig or mapping of its fields
    bars : Bars, optional
        As for :func:`vpin`.

    Returns
    -------
    dict
        The parameters, then ``n_bars, n_buckets, bucket_volume_mean, n_vpin, vpin_mean, vpin_max,
        event_share, n_events, n_true, n_false, n_undecided, false_positive_rate, false_positive_low,
        false_positive_high, null_move, looks_ahead`` and ``infeasible``: empty, or the reason why the
        data cannot carry this point, in which case the scalars are None.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store import read_trades
    >>> row = vpin_grid_row(read_trades(es_2013_09()), {"buckets_per_day": 50, "support_days": 0.5})
    >>> row["n_buckets"], row["infeasible"]
    (100, '')
    """
    spec = VPINConfig.from_dict(config) if isinstance(config, Mapping) else config
    try:
        result = vpin(trades, spec, bars=bars)
    except Infeasible as reason:
        return {**spec.to_dict(), **dict.fromkeys(SCALARS), "infeasible": str(reason)}
    return {**result.to_dict(), "infeasible": ""}


def vpin_grid_rows(trades: Trades, configs: Iterable[VPINConfig | Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Compute a row for each point of a grid, building the bars once per distinct ``bars_key``.

    Parameters
    ----------
    trades : Trades
    configs : iterable of VPINConfig or mapping
        A molecule: any part of the grid. Points that share bars cost least side by side; only the
        bars last used are kept.

    Returns
    -------
    list of dict
        As :func:`vpin_grid_row`, in the order given; the same rows however the grid is cut.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store import read_trades
    >>> trades = read_trades(es_2013_09())
    >>> rows = vpin_grid_rows(trades, [{"buckets_per_day": 50, "nu": nu} for nu in (0, 0.1)])
    >>> [row["n_bars"] for row in rows]
    [3000, 3000]
    """
    rows = []
    held: tuple[Any, Bars | None] = (None, None)
    for config in configs:
        spec = VPINConfig.from_dict(config) if isinstance(config, Mapping) else config
        if held[0] != spec.bars_key:
            try:
                held = (spec.bars_key, build_bars(trades, spec))
            except Infeasible:
                held = (None, None)  # the row below meets the same error and records it
        rows.append(vpin_grid_row(trades, spec, bars=held[1]))
    return rows


SCALARS = (
    "n_bars",
    "n_buckets",
    "bucket_volume_mean",
    "n_vpin",
    "vpin_mean",
    "vpin_max",
    "event_share",
    "n_events",
    "n_true",
    "n_false",
    "n_undecided",
    "false_positive_rate",
    "false_positive_low",
    "false_positive_high",
    "null_move",
    "looks_ahead",
)


def _layout(trades: Trades, config: VPINConfig) -> tuple[int, int, int]:
    """Return the number of bars, and the volume of one as a fraction: numerator, denominator."""
    total, per_bucket = trades.volume, config.bars_per_bucket
    if config.bucket_volume is None:
        n = volume_days(trades) * config.buckets_per_day * per_bucket
        if total < n:
            message = (
                f"{n:,} bars are asked for and {trades.symbol} has a volume of {total:,}. "
                "Hint: lower buckets_per_day or bars_per_bucket, or give more data."
            )
            raise Infeasible(message)
        return n, total, n
    n = total // config.bucket_volume * per_bucket
    if n == 0:
        message = (
            f"{trades.symbol} has a volume of {total:,}, less than one bucket of {config.bucket_volume:,}. "
            "Hint: lower bucket_volume, or give more data."
        )
        raise Infeasible(message)
    return n, config.bucket_volume, per_bucket


def _sigma(change: NDArray[np.float64], config: VPINConfig) -> NDArray[np.float64]:
    from atomloom.market import kernels  # noqa: PLC0415 - numba loads when a formula is first used

    if config.sigma == "expanding":
        spread: NDArray[np.float64] = kernels.expanding_sigma(change, config.bars_per_bucket)
        return spread
    known = change[1:]  # the first bar has no bar before it
    return np.full(len(change), float(np.std(known, ddof=1)) if len(known) > 1 else 0.0)


def _cdf(series: NDArray[np.float64], when: str) -> NDArray[np.float64]:
    """Mid-rank of each VPIN among those up to now, or among all; never 0 or 1, and 1/2 for a constant."""
    from atomloom.market import kernels  # noqa: PLC0415 - numba loads when a formula is first used

    cdf = np.full(len(series), np.nan)
    defined = ~np.isnan(series)
    values = series[defined]
    distinct, rank, counts = np.unique(values, return_inverse=True, return_counts=True)
    if when == "expanding":
        cdf[defined] = kernels.expanding_rank(rank.astype(np.int64), len(distinct))
    else:
        through = np.cumsum(counts)
        cdf[defined] = ((through - 0.5 * counts) / max(len(values), 1))[rank]
    return cdf


def _moves(bars: Bars, close: NDArray[np.float64], config: VPINConfig) -> NDArray[np.float64]:
    from atomloom.market import kernels  # noqa: PLC0415 - numba loads when a formula is first used

    shape = (len(close), config.bars_per_bucket)
    used = len(close) * config.bars_per_bucket
    high = to_price(bars.high_px[:used].reshape(shape).max(axis=1), bars.tick_size)
    low = to_price(bars.low_px[:used].reshape(shape).min(axis=1), bars.tick_size)
    moves: NDArray[np.float64] = kernels.range_ahead(close, high, low, config.horizon)
    return moves


def _check_prices(trades: Trades) -> None:
    if int(trades.px.min()) <= 0:
        row = int(np.argmax(trades.px <= 0))
        message = (
            f"px has values that are not positive (first at row {row:,}: {int(trades.px[row])} ticks), "
            "and the moves after events are log returns. Hint: shift the prices of a spread."
        )
        raise BadInput(message)


def _check_bars(trades: Trades, bars: Bars, config: VPINConfig) -> None:
    n, numerator, denominator = _layout(trades, config)
    same = (
        len(bars) == n
        and bars.price_kind == config.price
        and int(bars.start_ts[0]) == int(trades.ts[0])
        and int(bars.volume.sum()) == -(-n * numerator // denominator)
    )
    if not same:
        message = (
            f"bars are {bars!r}; these trades and this configuration need {n:,} with price {config.price!r}. "
            "Hint: bars=build_bars(trades, config)."
        )
        raise BadInput(message)


def _check_window(n: int, config: VPINConfig) -> None:
    needed = config.window + (config.sigma == "expanding")
    if n < needed:
        why = ", one of which only serves to learn sigma" if needed > config.window else ""
        message = (
            f"{n:,} buckets do not fill a window: {needed:,} are needed{why}. "
            "Hint: lower support_days, or give more data."
        )
        raise Infeasible(message)
