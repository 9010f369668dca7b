"""``atomloom vpin``: VPIN, its events and a grid of parameters on the user's own trades."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import click

from atomloom.app.options import RunOptions, run_options
from atomloom.app.sources import tick_options

if TYPE_CHECKING:
    from pathlib import Path

    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.store.schema import Trades


@click.command(short_help="Run VPIN on your own trades and write a report.")
@tick_options
@run_options
def command(run: RunOptions, file: Path | None, **given: Any) -> None:
    """Run VPIN on a store or a file of trades and write a report.

    FILE is a store, or text (time, price, size; .gz and .zip too) or Parquet. Columns with other names, vendors'
    layouts, parameters: see --print-config.
    """
    from atomloom.app import pipeline, vpin_run  # noqa: PLC0415  # --help owes nobody numpy
    from atomloom.app.settings import VpinSettings  # noqa: PLC0415  # same
    from atomloom.app.sources import read_trades, settle  # noqa: PLC0415  # same

    settings = settle("vpin", VpinSettings(), run, file, given, ())
    if settings is None:
        return
    path = pipeline.source_of(run, file)

    def read(folder: RunFolder, chatter: Chatter) -> Trades:
        return read_trades(path, settings.ticks, folder, chatter, run.threads)

    work = partial(vpin_run.work, read, settings, run)
    pipeline.execute("vpin", settings, run, str(path), work, vpin_run.say)
