"""``atomloom spectrum``: what beats in the times of trades: a band, a line, the second of the minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from atomloom.app.options import RunOptions, run_options
from atomloom.app.sources import tick_options

if TYPE_CHECKING:
    from pathlib import Path

    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.app.signal_settings import SpectrumSettings

_PEAKS = 12


@click.command(short_help="Find what beats in the times of trades (extra nufft).")
@tick_options
@click.option("--low", type=float, help="First frequency of the band, Hz. [default: 0.01]")
@click.option("--high", type=float, help="Last frequency of the band, Hz. [default: 0.04]")
@click.option("--modes", type=int, help="Frequencies in the band. [default: 20000]")
@click.option("--line", type=float, help="Period of the line to test, seconds. [default: 60]")
@click.option("--harmonics", type=int, help="Harmonics of the line that are added up. [default: 1]")
@click.option("--period", type=float, help="Period by which trades are folded, seconds. [default: 60]")
@click.option("--bins", type=int, help="Bins of that period. [default: 60]")
@click.option("--surrogates", type=int, help="Random copies that tests compare with. [default: 999]")
@click.option("--weighted", is_flag=True, default=None, help="Weigh trades by their size.")
@run_options
def command(run: RunOptions, file: Path | None, **given: Any) -> None:
    """Compute the spectrum of the times of trades in FILE, test a line, fold by a period (the minute)."""
    from atomloom.app import on_trades  # noqa: PLC0415  # --help owes nobody numpy
    from atomloom.app.signal_settings import SpectrumSettings  # noqa: PLC0415  # same

    own = ("low", "high", "modes", "line", "harmonics", "period", "bins", "surrogates", "weighted")
    on_trades.execute("spectrum", SpectrumSettings(), run, file, given, own, _work, _say)


def _work(
    path: Path, settings: SpectrumSettings, run: RunOptions, folder: RunFolder, chatter: Chatter
) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415  # same
    import pandas as pd  # noqa: PLC0415  # same

    from atomloom import market  # noqa: PLC0415  # same
    from atomloom._lazy import need  # noqa: PLC0415  # same
    from atomloom.app.on_trades import about  # noqa: PLC0415  # same
    from atomloom.app.sources import read_trades  # noqa: PLC0415  # same

    need("finufft", extra="nufft", why="spectra")
    trades = read_trades(path, settings.ticks, folder, chatter, run.threads)
    weights = trades.size.astype(float) if settings.weighted else None
    seed = folder.record["seed"]
    with folder.stage("spectrum"):
        band = (settings.low, settings.high)
        found = market.spectrum(trades.ts, weights, band, modes=settings.modes, threads=run.threads)
    with folder.stage("line test"):
        line = market.line_test(
            trades.ts, 1 / settings.line, weights=weights, harmonics=settings.harmonics,
            surrogates=settings.surrogates, seed=seed, threads=run.threads,
        )  # fmt: skip
    with folder.stage("folding"):
        folded = market.fold(trades.ts, settings.period, settings.bins, surrogates=settings.surrogates, seed=seed)
        # a burst at the same second of every session fills a bin without any clock: seconds that traded count once
        seconds = np.unique(trades.ts // 10**9) * 10**9
        once = market.fold(seconds, settings.period, settings.bins, surrogates=settings.surrogates, seed=seed)
    with folder.stage("tables"):
        folder.write_frame("spectrum.csv", pd.DataFrame({"frequency": found.frequency, "power": found.power}))
        folder.write_frame("peaks.csv", _peaks(found))
        folder.write_frame("fold.csv", folded.to_frame())
        folder.write_frame("line.csv", line.to_frame())
    return {
        **about(folder, trades),
        "line": {**line.to_dict(), "found": line.found, "text": line.summary()},
        "fold": {**folded.to_dict(), "top": int(folded.top), "text": folded.summary()},
        "fold_once": {**once.to_dict(), "top": int(once.top)},
        "sigma": float(folded.sigma),
        "spectrum_text": found.summary(),
    }


def _peaks(found: Any) -> Any:
    """List the highest frequencies of a spectrum, none beside a higher one."""
    import numpy as np  # noqa: PLC0415  # same
    import pandas as pd  # noqa: PLC0415  # same

    power = found.power
    inner = np.r_[False, (power[1:-1] > power[:-2]) & (power[1:-1] >= power[2:]), False]
    at = np.flatnonzero(inner)
    at = at[np.argsort(-power[at], kind="stable")[:_PEAKS]]
    frequency = found.frequency[at]
    return pd.DataFrame({"frequency": frequency, "period": 1 / frequency, "power": power[at]})


def _say(folder: RunFolder) -> list[tuple[str, str]]:
    from atomloom.app.on_trades import trades_line  # noqa: PLC0415  # same

    summary = folder.record["summary"]
    once = summary["fold_once"]
    return [
        trades_line(summary),
        ("band", summary["spectrum_text"].splitlines()[0]),
        ("line", summary["line"]["text"].splitlines()[0]),
        ("folded", summary["fold"]["text"].splitlines()[0]),
        ("once", f"each second counted once: bin {once['top']} fullest, p {once['p_value']:.3g}"),
    ]
