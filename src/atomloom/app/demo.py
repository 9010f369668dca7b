"""``atomloom demo``: the first run, on real trades that travel with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from atomloom.app.options import RunOptions, run_options, say_result

if TYPE_CHECKING:
    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.store.schema import Trades

SOURCE = "500,000 E-mini S&P 500 trades of the package (atomloom.data.es_2013_09)"


@click.command(short_help="Run VPIN on embedded real trades and write a report.")
@run_options
def command(run: RunOptions) -> None:
    """Run VPIN on embedded real trades and write a report.

    E-mini S&P 500 trades become typed HDF5, volume bars, VPIN with its CDF, and events; then a grid of
    parameters is worked on all cores. No network, less than a minute.
    """
    from functools import partial  # noqa: PLC0415  # --help owes nobody numpy

    from atomloom.app import config, pipeline, vpin_run  # noqa: PLC0415  # same
    from atomloom.app.settings import DemoSettings  # noqa: PLC0415  # same

    settings = pipeline.settled(run, DemoSettings(), "demo")
    if run.print_config:
        say_result(config.to_toml(settings, "atomloom demo --config FILE").rstrip("\n"))
        return
    pipeline.execute("demo", settings, run, SOURCE, partial(vpin_run.work, _read, settings, run), vpin_run.say)


def _read(folder: RunFolder, _chatter: Chatter) -> Trades:
    import atomloom  # noqa: PLC0415  # with the store behind it
    from atomloom.data import es_2013_09  # noqa: PLC0415  # same

    with folder.stage("read trades"):
        return atomloom.store.read_trades(es_2013_09())
