"""``atomloom demo``: the first run, on real trades and prices that travel with the package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from atomloom.app.options import RunOptions, run_options, say_result

if TYPE_CHECKING:
    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.app.settings import DemoSettings
    from atomloom.store.schema import Trades

SAMPLES = 1_000_000
SOURCE = "500,000 E-mini S&P 500 trades of the package (atomloom.data.es_2013_09)"


@click.command(short_help="Run VPIN and a sweep on embedded real data and write a report.")
@run_options
def command(run: RunOptions) -> None:
    """Run VPIN and a sweep on embedded real data and write a report.

    E-mini S&P 500 trades become typed HDF5, volume bars, VPIN with its CDF, and events; then a grid of
    parameters is worked on all cores. 96 portfolio configurations on 20 stocks are swept, walk-forward, and
    judged. A million training samples are streamed of bars of the same trades. No network, less than a minute.
    """
    from functools import partial  # noqa: PLC0415  # --help owes nobody numpy

    from atomloom.app import config, pipeline  # noqa: PLC0415  # same
    from atomloom.app.settings import DemoSettings  # noqa: PLC0415  # same

    settings = pipeline.settled(run, DemoSettings(), "demo")
    if run.print_config:
        say_result(config.to_toml(settings, "atomloom demo --config FILE").rstrip("\n"))
        return
    pipeline.execute("demo", settings, run, SOURCE, partial(_work, settings, run), _say)


def _work(settings: DemoSettings, run: RunOptions, folder: RunFolder, chatter: Chatter) -> dict[str, Any]:
    from atomloom.app import vpin_run  # noqa: PLC0415  # same

    summary = vpin_run.work(_read, settings, run, folder, chatter)
    return {**summary, "sweep": _swept(run, folder, chatter), "samples": _sampled(run, folder, chatter)}


def _swept(run: RunOptions, folder: RunFolder, chatter: Chatter) -> dict[str, Any]:
    """Sweep the quick grid over the stocks of the package, into the same folder."""
    from atomloom.app import price_input, sweep_files, sweep_words, sweep_work  # noqa: PLC0415  # same
    from atomloom.app.sweep_settings import SweepSettings  # noqa: PLC0415  # same

    asked = SweepSettings(quick=True).filled()
    with folder.stage("sweep"):
        chatter.say("sweeping portfolio configurations over 20 stocks")
        read = price_input.read(price_input.path_of(None), asked.prices)
        planned = sweep_work.plan(asked, read.prices, folder.record["seed"])
        found = sweep_work.swept(planned, run.threads, folder=folder.path)
        sweep_files.leave(folder, found, asked.top)
    return sweep_words.summary_of(found, planned, None)


def _sampled(run: RunOptions, folder: RunFolder, chatter: Chatter) -> dict[str, Any]:
    """Stream a million samples of bars of the same trades, and leave their recipe and the first of them."""
    from atomloom.app import samples_files, samples_rate, samples_work  # noqa: PLC0415  # same
    from atomloom.app.samples_settings import SamplesSettings  # noqa: PLC0415  # same

    asked = SamplesSettings.from_dict({"n": SAMPLES, "seed": folder.record["seed"]})
    with folder.stage("samples"):
        chatter.say(f"streaming {SAMPLES:,} training samples of bars of 20 trades")
        planned = samples_work.plan(asked)
        samples = planned.samples
        size = samples_work.write_recipe(planned, folder.path / samples_work.RECIPE_FOLDER)
        threads = samples_rate.threads_of(run.threads)
        done, seconds = samples_rate.streamed(samples, SAMPLES, threads)
        folder.write_bytes("sample.parquet", samples_files.some(samples))
    rate = {"threads": threads, "samples": done, "seconds": seconds, "rate": done / seconds}
    return {**samples_work.describe(planned.parts, planned.source), "recipe_bytes": size, "rate": rate, "written": None}


def _say(folder: RunFolder) -> list[tuple[str, str]]:
    from atomloom.app import samples_words, sweep_words, vpin_run  # noqa: PLC0415  # same

    summary = folder.record["summary"]
    told = dict(sweep_words.lines(summary["sweep"]))
    rows = [*vpin_run.say(folder), *((name, told[name]) for name in ("sweep", "best", "verdict"))]
    return rows if "samples" not in summary else [*rows, ("samples", samples_words.streamed(summary["samples"]))]


def _read(folder: RunFolder, _chatter: Chatter) -> Trades:
    import atomloom  # noqa: PLC0415  # with the store behind it
    from atomloom.data import es_2013_09  # noqa: PLC0415  # same

    with folder.stage("read trades"):
        return atomloom.store.read_trades(es_2013_09())
