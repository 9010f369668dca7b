"""``atomloom bars``: bars of any kind from a store or a file of trades."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from atomloom.app.options import RunOptions, run_options
from atomloom.app.sources import tick_options
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.app.settings import BarsSettings
    from atomloom.market.bar_table import Bars
    from atomloom.store.schema import Trades


@click.command(short_help="Cut trades into bars and write a report.")
@tick_options
@click.option("--kind", help="time, tick, volume, dollar, tick-imbalance, volume-runs, ... [default: volume]")
@click.option("--size", type=float, help="Seconds, trades, volume or value of a bar; trades expected at first.")
@click.option("--per-day", type=int, help="Volume bars per average day, without --size. [default: 50]")
@click.option("--price", help="close, mean, median or vwap. [default: close]")
@click.option("--whole", is_flag=True, help="Do not cut trades at the edges of volume bars.")
@run_options
def command(run: RunOptions, file: Path | None, **given: Any) -> None:
    """Cut the trades of FILE (a store, text or Parquet) into bars; the table goes to bars.csv."""
    from atomloom.app import pipeline  # noqa: PLC0415  # --help owes nobody numpy
    from atomloom.app.settings import BarsSettings  # noqa: PLC0415  # same
    from atomloom.app.sources import settle  # noqa: PLC0415  # same

    given["split"] = False if given.pop("whole") else None
    settings = settle("bars", BarsSettings(), run, file, given, ("kind", "size", "per_day", "price", "split"))
    if settings is None:
        return
    path = pipeline.source_of(run, file)
    pipeline.execute("bars", settings, run, str(path), partial(_work, path, settings, run), _say)


def _work(path: Path, settings: BarsSettings, run: RunOptions, folder: RunFolder, chatter: Chatter) -> dict[str, Any]:
    from atomloom.app.sources import read_trades  # noqa: PLC0415  # same
    from atomloom.app.vpin_run import about  # noqa: PLC0415  # same

    trades = read_trades(path, settings.ticks, folder, chatter, run.threads)
    with folder.stage("bars"):
        bars = cut(trades, settings)
    if not len(bars):
        raise BadInput(f"{trades.symbol} has too little for one bar of that size. Hint: lower --size.")
    with folder.stage("tables"):
        folder.write_frame("bars.csv", bars.to_frame())
    return {**about(folder, trades), "kind": bars.kind, "n_bars": len(bars), **shape(bars)}


def cut(trades: Trades, settings: BarsSettings) -> Bars:
    """Cut trades as the settings say.

    Examples
    --------
    >>> from atomloom.app.settings import BarsSettings
    >>> from atomloom.store import Trades
    >>> len(cut(Trades(range(9), [1] * 9, [1] * 9), BarsSettings(kind="tick", size=2)))
    4
    """
    from atomloom import market  # noqa: PLC0415  # same

    kind, size, price = settings.kind, settings.size, settings.price
    if kind == "volume" and size is None:
        return market.volume_bars(trades, bars_per_day=settings.per_day, split=settings.split, price=price)
    assert size is not None  # noqa: S101  # the settings have seen to it
    if kind == "time":
        return market.time_bars(trades, size, price=price)
    if kind == "dollar":
        return market.dollar_bars(trades, size, price=price)
    if not float(size).is_integer():
        raise BadInput(f"size is {size}. Hint: {kind} bars take a whole number.")
    if kind == "tick":
        return market.tick_bars(trades, int(size), price=price)
    if kind == "volume":
        return market.volume_bars(trades, int(size), split=settings.split, price=price)
    by, _, family = kind.partition("-")
    verb = market.imbalance_bars if family == "imbalance" else market.runs_bars
    return verb(trades, by, expected_ticks=int(size), alpha_bars=settings.alpha, price=price)


def shape(bars: Bars) -> dict[str, Any]:
    """Describe the log returns from bar to bar: what bars are judged by (AFML 2.3)."""
    import numpy as np  # noqa: PLC0415  # same

    trades = bars.n_trades
    found: dict[str, Any] = {"trades_mean": float(trades.mean()), "trades_max": int(trades.max())}
    names = ("return_std", "return_skew", "return_kurtosis", "return_autocorrelation")
    if len(bars) < 4 or float(bars.close.min()) <= 0:
        return found | dict.fromkeys(names)
    returns = np.diff(np.log(bars.close))
    away = returns - returns.mean()
    spread = float(away.std())
    if spread == 0:
        return found | dict.fromkeys(names) | {"return_std": 0.0}
    moments = [float((away**power).mean() / spread**power) for power in (3, 4)]
    neighbours = float((away[1:] * away[:-1]).mean() / spread**2)
    return found | dict(zip(names, (spread, *moments, neighbours), strict=True))


def _say(folder: RunFolder) -> list[tuple[str, str]]:
    from atomloom.app.vpin_run import trades_line  # noqa: PLC0415  # same

    summary = folder.record["summary"]
    rows = [
        trades_line(summary),
        (
            "bars",
            f"{summary['n_bars']:,} {summary['kind']} bars, {summary['trades_mean']:,.1f} trades in each on average",
        ),
    ]
    if summary["return_kurtosis"] is not None:
        kurtosis, neighbours = summary["return_kurtosis"], summary["return_autocorrelation"]
        rows.append(("returns", f"kurtosis {kurtosis:.2f} (normal: 3), correlation of neighbours {neighbours:+.3f}"))
    return rows
