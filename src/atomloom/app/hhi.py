"""``atomloom hhi``: how concentrated trading is over venues, window by window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from atomloom.app.options import RunOptions, run_options
from atomloom.app.sources import tick_options
from atomloom.errors import BadInput, Infeasible

if TYPE_CHECKING:
    from pathlib import Path

    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.app.signal_settings import HhiSettings
    from atomloom.market.fragmentation import Fragmentation
    from atomloom.store.quotes import Quotes
    from atomloom.store.schema import Trades


@click.command(short_help="Measure fragmentation over venues and write a report.")
@tick_options
@click.option("--window", help="day, or seconds. [default: day]")
@click.option("--volume", type=int, help="Windows of this volume instead.")
@click.option("--step", type=float, help="Slide by so many seconds, or so much volume.")
@click.option("--by", help="volume or trades; of quotes, quotes or size. [default: volume]")
@click.option("--session", help="Local times between which rows count, for example 09:30-16:00.")
@click.option("--zone", help="Time zone of days and session. [default: UTC]")
@click.option("--flagged", is_flag=True, default=None, help="Count doubted rows as well.")
@run_options
def command(run: RunOptions, file: Path | None, **given: Any) -> None:
    """Compute the Herfindahl index over venues of FILE: a store, or text with a column of venues; trades or quotes."""
    from atomloom.app import on_trades  # noqa: PLC0415  # --help owes nobody numpy
    from atomloom.app.signal_settings import HhiSettings  # noqa: PLC0415  # same

    given["session"] = given["session"].split("-") if given["session"] else None
    if given["window"] is not None and given["volume"] is not None:
        raise click.UsageError("--window and --volume are two ways to cut windows. Hint: give one of them.")
    own = ("window", "volume", "step", "by", "session", "zone", "flagged")
    on_trades.execute("hhi", HhiSettings(), run, file, given, own, _work, _say)


def _work(path: Path, settings: HhiSettings, run: RunOptions, folder: RunFolder, chatter: Chatter) -> dict[str, Any]:
    import pandas as pd  # noqa: PLC0415  # same

    from atomloom.app.on_trades import about  # noqa: PLC0415  # same
    from atomloom.app.sources import read_ticks  # noqa: PLC0415  # same

    ticks = read_ticks(path, settings.ticks, folder, chatter, run.threads, settings.kind)
    if ticks.venue is None:
        raise BadInput(f"{ticks.symbol} has no venues. Hint: name their column in [ticks] venue of --config.")
    with folder.stage("HHI"):
        found = _windows(ticks, settings)
    if not len(found.hhi):
        raise BadInput(f"{ticks.symbol} has less than one window of volume. Hint: lower --volume.")
    shares = _shares(ticks, settings)
    columns = (
        ("venue", "quotes", "size", "share") if settings.kind == "quotes" else ("venue", "trades", "volume", "share")
    )
    with folder.stage("tables"):
        folder.write_frame("hhi.csv", found.to_frame())
        folder.write_frame("venues.csv", pd.DataFrame(shares, columns=columns))
    return {
        **about(folder, ticks),
        "windows": len(found.hhi),
        "hhi_mean": float(found.hhi.mean()),
        "hhi_min": float(found.hhi.min()),
        "hhi_max": float(found.hhi.max()),
        "venues": len(shares),
        "flagged": found.n_flagged,
        "outside": found.n_outside,
    }


def _windows(ticks: Trades | Quotes, settings: HhiSettings) -> Fragmentation:
    """Compute the index; what the library says to Python is said to the shell."""
    from atomloom import market  # noqa: PLC0415  # same

    try:
        return market.herfindahl(
            ticks,
            settings.span(),
            volume=settings.volume,
            step=settings.pace(),
            by=settings.by,
            flagged=settings.flagged,
            session=(settings.session[0], settings.session[1]) if settings.session else None,
            tz=settings.zone,
        )
    except Infeasible as error:
        words = str(error).replace("flagged=True", "--flagged").replace("session and tz", "--session and --zone")
        raise Infeasible(words) from error


def _shares(ticks: Any, settings: HhiSettings) -> list[tuple[str, int, int, float]]:
    """List the venues with what they have of all that counts by its flag, largest first."""
    import numpy as np  # noqa: PLC0415  # same

    keep = slice(None) if settings.flagged or ticks.flags is None else ticks.flags == 0
    count = np.bincount(ticks.venue[keep], minlength=len(ticks.venues))
    size = ticks.size if settings.kind == "trades" else ticks.bid_size.astype(np.int64) + ticks.ask_size
    volume = np.bincount(ticks.venue[keep], weights=size[keep], minlength=len(ticks.venues)).astype(np.int64)
    rows = [
        (name, int(count[code]), int(volume[code]), float(volume[code] / max(1, volume.sum())))
        for code, name in enumerate(ticks.venues)
        if count[code]
    ]
    return sorted(rows, key=lambda row: -row[2])


def _say(folder: RunFolder) -> list[tuple[str, str]]:
    from atomloom.app.on_trades import trades_line  # noqa: PLC0415  # same

    summary = folder.record["summary"]
    line = trades_line(summary)
    span = f"{summary['hhi_min']:.4f} to {summary['hhi_max']:.4f} over {summary['windows']:,} windows"
    outside = f", {summary['outside']:,} outside the session" if summary["outside"] else ""
    alike = f"like {1 / summary['hhi_mean']:.1f} equal venues"
    return [
        line,
        ("venues", f"{summary['venues']}; {summary['flagged']:,} flagged {line[0]} left out{outside}"),
        ("HHI", f"{summary['hhi_mean']:.4f} on average ({alike}), {span}"),
    ]
