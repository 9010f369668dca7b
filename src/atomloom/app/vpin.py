"""``atomloom vpin``: VPIN, its events and a grid of parameters on the user's own trades."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from atomloom.app.options import RunOptions, run_options
from atomloom.app.sources import tick_options

if TYPE_CHECKING:
    from pathlib import Path

    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.app.settings import VpinSettings
    from atomloom.store.schema import Trades


@click.command(short_help="Run VPIN on your own trades and write a report.")
@tick_options
@run_options
def command(run: RunOptions, file: Path | None, **given: Any) -> None:
    """Run VPIN on a store or a file of trades and write a report.

    FILE is a store, or text (time, price, size; .gz and .zip too) or Parquet. Columns with other names, vendors'
    layouts, parameters: see --print-config.
    """
    from atomloom.app import on_trades, vpin_run  # noqa: PLC0415  # --help owes nobody numpy
    from atomloom.app.settings import VpinSettings  # noqa: PLC0415  # same

    on_trades.execute("vpin", VpinSettings(), run, file, given, (), _work, vpin_run.say)


def _work(path: Path, settings: VpinSettings, run: RunOptions, folder: RunFolder, chatter: Chatter) -> dict[str, Any]:
    from atomloom.app import vpin_run  # noqa: PLC0415  # same
    from atomloom.app.sources import read_trades  # noqa: PLC0415  # same

    def read(folder: RunFolder, chatter: Chatter) -> Trades:
        return read_trades(path, settings.ticks, folder, chatter, run.threads)

    return vpin_run.work(read, settings, run, folder, chatter)
