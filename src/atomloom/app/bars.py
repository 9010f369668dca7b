"""``atomloom bars``: bars of any kind from a store or a file of trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from atomloom.app.options import RunOptions, run_options
from atomloom.app.sources import tick_options
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from pathlib import Path

    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.app.signal_settings import BarsSettings
    from atomloom.market.bar_table import Bars
    from atomloom.store.schema import Trades

_OWN = ("kind", "size", "per_day", "price", "split", "alpha", "alpha_trades", "limits")


@click.command(short_help="Cut trades into bars and write a report.")
@tick_options
@click.option("--kind", help="time, tick, volume, dollar, tick-imbalance, volume-runs, ... [default: volume]")
@click.option("--size", type=float, help="Seconds, trades, volume or value of a bar; trades expected at first.")
@click.option("--per-day", type=int, help="Volume bars per average day, without --size. [default: 50]")
@click.option("--price", help="close, mean, median, vwap or weighted_median. [default: close]")
@click.option("--whole", is_flag=True, help="Do not cut trades at the edges of volume bars.")
@click.option("--alpha", type=float, help="How fast imbalance and runs bars follow bars, 0 to 1. [default: 0.1]")
@click.option("--alpha-trades", type=float, help="How fast they follow trades. [default: 0.1 / size]")
@click.option("--limits", type=float, nargs=2, help="Fewest and most trades of them, in sizes. [default: 0.1 10]")
@click.option("--no-limits", is_flag=True, help="Let them run away instead.")
@run_options
def command(run: RunOptions, file: Path | None, **given: Any) -> None:
    """Cut the trades of FILE (a store, text or Parquet) into bars; the table goes to bars.csv."""
    from atomloom.app import on_trades  # noqa: PLC0415  # --help owes nobody numpy
    from atomloom.app.signal_settings import BarsSettings  # noqa: PLC0415  # same

    given["split"] = False if given.pop("whole") else None
    if given.pop("no_limits"):
        if given["limits"] is not None:
            raise click.UsageError("--limits and --no-limits say the opposite. Hint: give one of them.")
        given["limits"] = ()
    named = {name for name in _OWN if given[name] is not None}

    def check(settings: BarsSettings) -> None:
        idle = settings.unused(named)
        if idle:
            option = {"split": "whole"}.get(idle, idle.replace("_", "-"))
            size = " of a given size" if settings.kind == "volume" else ""
            raise BadInput(f"--{option} says nothing to {settings.kind} bars{size}. Hint: leave it out.")

    on_trades.execute("bars", BarsSettings(), run, file, given, _OWN, _work, _say, check)


def _work(path: Path, settings: BarsSettings, run: RunOptions, folder: RunFolder, chatter: Chatter) -> dict[str, Any]:
    from atomloom.app.on_trades import about  # noqa: PLC0415  # same
    from atomloom.app.sources import read_trades  # noqa: PLC0415  # same

    trades = read_trades(path, settings.ticks, folder, chatter, run.threads)
    with folder.stage("bars"):
        bars = cut(trades, settings)
    if not len(bars):
        raise BadInput(f"{trades.symbol} has too little for one bar of that size. Hint: lower --size.")
    with folder.stage("tables"):
        folder.write_frame("bars.csv", bars.to_frame())
    return {**about(folder, trades), "kind": settings.kind, "n_bars": len(bars), **shape(bars)}


def cut(trades: Trades, settings: BarsSettings) -> Bars:
    """Cut trades as the settings say.

    Examples
    --------
    >>> from atomloom.app.signal_settings import BarsSettings
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
    if kind == "tick":
        return market.tick_bars(trades, int(size), price=price)
    if kind == "volume":
        return market.volume_bars(trades, int(size), split=settings.split, price=price)
    by, _, family = kind.partition("-")
    verb = market.imbalance_bars if family == "imbalance" else market.runs_bars
    learn = settings.expectations()
    return verb(
        trades,
        by,
        expected_ticks=learn.expected_ticks,
        alpha_bars=learn.alpha_bars,
        alpha_trades=learn.alpha_trades,
        limits=learn.limits,
        price=price,
    )


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
    from atomloom.app.on_trades import trades_line  # noqa: PLC0415  # same

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
