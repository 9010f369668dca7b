"""VPIN, the measure of order flow toxicity: its series, its distribution and its events."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.budget import resolve_threads
from atomloom.errors import BadInput, Infeasible
from atomloom.market.bar_cuts import check_kind
from atomloom.market.bar_table import Bars
from atomloom.market.buckets import across, buckets_of
from atomloom.market.events import events_against, null_of
from atomloom.market.flow import classify, sigma_of, vpin_of
from atomloom.market.layout import cut_bars
from atomloom.market.result import VPINResult
from atomloom.market.spec import VPINConfig, check_config
from atomloom.store.schema import Trades
from atomloom.store.units import to_price

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray

    from atomloom.market.buckets import Buckets


def vpin(
    trades: Trades, config: VPINConfig | None = None, *, bars: Bars | None = None, threads: int | None = None
) -> VPINResult:
    """Compute VPIN bucket by bucket, where it stands in its own distribution, and the events.

    Parameters
    ----------
    trades : Trades
        Positive prices.
    config : VPINConfig, optional
        Defaults where not given.
    bars : Bars, optional
        Bars by :func:`build_bars` for a configuration with the same ``bars_key``. Only of use for
        prices "mean" and "vwap": for the others VPIN needs no bars.
    threads : int, optional
        None is every physical core, -1 every processor. The same bits for any number.

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
    earlier buckets, and the CDF is the mid-rank of each VPIN among those up to now. O(T + N + B log B);
    memory for a number per bar and a dozen per bucket. ``docs/explanation/vpin.md`` has the arithmetic.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store import read_trades
    >>> result = vpin(read_trades(es_2013_09()), VPINConfig(buckets_per_day=50, support_days=0.5))
    >>> result.n_bars, len(result), result.n_defined
    (3000, 100, 75)
    """
    check_kind(trades, Trades)
    config = check_config(config)
    if not (bars is None or isinstance(bars, Bars)):
        raise BadInput(f"bars are a {type(bars).__name__}. Hint: bars=build_bars(trades, config), or none.")
    workers = resolve_threads(threads)
    return _vpin(trades, config, buckets_of(trades, config, bars=bars, threads=workers), workers, bars)


def _vpin(trades: Trades, config: VPINConfig, buckets: Buckets, workers: int, bars: Bars | None = None) -> VPINResult:
    """Carry on from the buckets of some trades."""
    check_window(buckets.layout.n_buckets, config)
    sigma = sigma_of(buckets, config.sigma)
    flow = classify(buckets.change, buckets.most, sigma, buckets.layout, config.nu, threads=workers)
    series = vpin_of(flow, config.window)

    def judged() -> tuple[NDArray[np.float64], tuple[float, int]]:
        moves = moves_of(buckets, config.horizon)
        return moves, null_of(series, moves, config.null_quantile)  # the CDF is known where the series is

    steps: tuple[Callable[[], Any], ...] = (lambda: stand(series, config.cdf), judged)
    cdf, (moves, null) = across(min(workers, 2), lambda step: step(), steps)
    asked = {"threshold": config.threshold, "null_quantile": config.null_quantile, "horizon": config.horizon}
    events = events_against(cdf, buckets.end_ts, moves, null, config=asked)
    return VPINResult(
        config=config,
        symbol=trades.symbol,
        n_bars=buckets.layout.n_bars,
        start_ts=buckets.start_ts,
        end_ts=buckets.end_ts,
        close=to_price(buckets.close, trades.tick_size),
        volume=flow.total,
        buy=flow.bought,
        vpin=series,
        cdf=cdf,
        move=moves,
        events=events,
        trades=trades,
        given=bars,
    )


def build_bars(trades: Trades, config: VPINConfig | None = None) -> Bars:
    """Cut trades into the volume bars of a configuration; shared by all with the same ``bars_key``.

    With ``bucket_volume`` a bucket has exactly that volume and what is left over is dropped.
    Otherwise the whole volume is cut into ``buckets_per_day`` times as many buckets as there are days.

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
    check_kind(trades, Trades)
    return cut_bars(trades, check_config(config))


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
        false_positive_high, precision, n_episodes, recall, null_move, looks_ahead`` and ``infeasible``:
        empty, or the reason why the data cannot carry this point, in which case the scalars are None.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store import read_trades
    >>> row = vpin_grid_row(read_trades(es_2013_09()), {"buckets_per_day": 50, "support_days": 0.5})
    >>> row["n_buckets"], row["infeasible"]
    (100, '')
    """
    spec = VPINConfig.from_dict(config) if isinstance(config, Mapping) else check_config(config)
    return _row(spec, lambda: vpin(trades, spec, bars=bars, threads=1))


def _row(spec: VPINConfig, compute: Callable[[], VPINResult]) -> dict[str, Any]:
    try:
        return {**compute().to_dict(), "infeasible": ""}
    except Infeasible as reason:
        return {**spec.to_dict(), **dict.fromkeys(SCALARS), "infeasible": str(reason)}


def vpin_grid_rows(trades: Trades, configs: Iterable[VPINConfig | Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Compute a row for each point of a grid, going over the trades once per distinct ``bars_key``.

    Parameters
    ----------
    trades : Trades
    configs : iterable of VPINConfig or mapping
        A molecule: any part of the grid. Points that share bars cost least side by side; only what was
        last made of the trades is kept.

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
    check_kind(trades, Trades)
    held: dict[Any, Buckets] = {}

    def compute(spec: VPINConfig) -> VPINResult:
        if spec.bars_key not in held:
            held.clear()
            held[spec.bars_key] = buckets_of(trades, spec, threads=1)
        return _vpin(trades, spec, held[spec.bars_key], 1)

    specs = (
        VPINConfig.from_dict(config) if isinstance(config, Mapping) else check_config(config) for config in configs
    )
    return [_row(spec, partial(compute, spec)) for spec in specs]


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
    "precision",
    "n_episodes",
    "recall",
    "null_move",
    "looks_ahead",
)


def stand(series: NDArray[np.float64], when: str) -> NDArray[np.float64]:
    """Place each VPIN in its distribution: never 0 or 1, and 1/2 for a constant.

    Parameters
    ----------
    series : (B,) float64
        NaN where undefined.
    when : {"expanding", "sample", "normal"}
        See :class:`VPINConfig`.

    Returns
    -------
    (B,) float64
        NaN where the series is.

    Examples
    --------
    >>> stand(np.array([np.nan, 0.5, 0.2, 0.5]), "sample")
    array([       nan, 0.66666667, 0.16666667, 0.66666667])
    """
    from atomloom.market import series_kernels  # noqa: PLC0415 - numba loads when a formula is first used

    cdf = np.full(len(series), np.nan)
    defined = ~np.isnan(series)
    values = series[defined]
    if when == "normal":
        cdf[defined] = series_kernels.expanding_normal(values)
        return cdf
    rank = np.empty(len(values), np.int64)
    n_ranks = series_kernels.dense_rank(values, np.argsort(values), rank)
    if when == "expanding":
        cdf[defined] = series_kernels.expanding_rank(rank, n_ranks)
    else:
        counts = np.bincount(rank, minlength=n_ranks)
        cdf[defined] = ((np.cumsum(counts) - 0.5 * counts) / max(len(values), 1))[rank]
    return cdf


def moves_of(buckets: Buckets, horizon: int) -> NDArray[np.float64]:
    """Largest log return from each bucket's close through the next `horizon` buckets, (B,) float64.

    Examples
    --------
    >>> from atomloom.market.buckets import buckets_of
    >>> from atomloom.store import Trades
    >>> trades = Trades(ts=[0, 1, 2, 3], px=[4, 6, 5, 4], size=[2, 2, 2, 2])
    >>> moves_of(buckets_of(trades, VPINConfig(buckets_per_day=2, bars_per_bucket=2)), 1)
    array([0.40546511,        nan])
    """
    from atomloom.market import series_kernels  # noqa: PLC0415 - numba loads when a formula is first used

    moves: NDArray[np.float64] = series_kernels.range_ahead(buckets.close, buckets.high, buckets.low, horizon)
    return moves


def check_window(n: int, config: VPINConfig) -> None:
    """Refuse a number of buckets that does not fill one window.

    Examples
    --------
    >>> check_window(201, VPINConfig())
    """
    needed = config.window + (config.sigma == "expanding")
    if n < needed:
        why = ", one of which only serves to learn sigma" if needed > config.window else ""
        message = (
            f"{n:,} buckets do not fill a window: {needed:,} are needed{why}. "
            "Hint: lower support_days, or give more data."
        )
        raise Infeasible(message)
