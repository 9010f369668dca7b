"""``atomloom sweep``: portfolio configurations by the thousand, walk-forward, and whether the best is luck."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from atomloom.app.options import RunOptions, run_options, say_result, some_threads

if TYPE_CHECKING:
    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.app.sweep_settings import SweepSettings
    from atomloom.app.sweep_work import Plan

_SHOWN = 0.1  # seconds between two drawings of the progress
_OF_PRICES = ("timeframe", "missing", "tz")
_OF_SPLITS = ("window_days", "test_windows", "train_days")


@click.command(short_help="Sweep portfolio configurations; say whether the best is luck.")
@click.argument("data", required=False, metavar="[DATA]")
@click.option("--quick", is_flag=True, default=None, help="About 100 configurations instead of some 11,000.")
@click.option("--workers", type=int, callback=some_threads, help="The same as --threads.")
@click.option("--window-days", type=float, help="Days of a test window. [default: 365]")
@click.option("--test-windows", type=int, help="How many, the last ones of the data. [default: 5, or as many as fit]")
@click.option("--train-days", type=float, help="Days of the train window before each. [default: three test windows]")
@click.option("--splits", "kind", help="walk_forward, cpcv, kfold or none. [default: walk_forward]")
@click.option("--timeframe", help="Closes of 1d, 1h, 30min, 1w, ... [default: rows as they are; 1d of a store]")
@click.option("--assets", help="Which ones, with commas between. [default: all]")
@click.option("--missing", help="Where prices are missing: refuse, start, fill or drop. [default: start, see docs]")
@click.option("--tz", help="Time zone of times without offset, and of days. [default: UTC]")
@click.option("--benchmark", help="equal_weight, buy_and_hold or cash. [default: equal_weight]")
@click.option("--top", type=int, help="How many of the best to list and draw. [default: 10]")
@click.option("--ledger", help="File that counts all trials made on the same prices over time.")
@click.option("--verify", is_flag=True, default=None, help="Sweep again with one thread and compare every bit.")
@run_options
def command(run: RunOptions, data: str | None, **given: Any) -> None:
    """Try portfolio configurations on prices, choose on train windows, test behind them, and judge the best.

    DATA is CSV or Parquet (a column for each asset, or rows of time, symbol and price), or a store of trades; without
    it, 20 stocks of the S&P 500 from 1990 to 2022. Configurations go into [[grid]] of --config: see --print-config.
    """
    from atomloom.app import pipeline, price_input, sweep_work  # noqa: PLC0415  # --help owes nobody numpy

    run = _threads(run, given.pop("workers"))
    settings = _settle(run, data, given)
    if run.print_config and data is None:
        say_result(_written(settings.filled()))
        return
    source, seed, known = _source(run, data)
    path = price_input.path_of(source)
    read = price_input.read(path, settings.prices)
    settings, fitted = _filled(settings, len(read.prices), read.prices.n_assets)
    if run.print_config:
        say_result(_written(settings))
        return
    settings = _placed(settings)
    planned = sweep_work.plan(settings, read.prices, seed)  # refused, if it cannot be, before there is a folder
    planned = planned._replace(notes=[*read.notes, *fitted, *planned.notes])
    _same(known, planned)
    page = not settings.quick or run.out is not None or run.resume is not None
    pipeline.execute(
        "sweep", settings, run, price_input.called(path.absolute()), partial(work, settings, planned, run), say,
        page=page,
    )  # fmt: skip


def _written(settings: SweepSettings) -> str:
    from atomloom.app import config  # noqa: PLC0415  # same

    return config.to_toml(settings, "atomloom sweep [DATA] --config FILE").rstrip("\n")


def _placed(settings: SweepSettings) -> SweepSettings:
    """Write where the ledger is so that the run finds it from anywhere."""
    verdict = settings.verdict
    if not verdict.ledger:
        return settings
    return replace(settings, verdict=replace(verdict, ledger=str(Path(verdict.ledger).absolute())))


def _threads(run: RunOptions, workers: int | None) -> RunOptions:
    if workers is None:
        return run
    if run.threads not in {None, workers}:
        raise click.UsageError(f"--workers {workers} and --threads {run.threads} differ. Hint: give one of them.")
    return replace(run, threads=workers)


def _settle(run: RunOptions, data: str | None, given: dict[str, Any]) -> SweepSettings:
    """Put the options over the file of --config."""
    from atomloom.app import config, pipeline  # noqa: PLC0415  # same
    from atomloom.app.sweep_settings import SweepSettings  # noqa: PLC0415  # same

    asked = {name: value for name, value in given.items() if value is not None}
    if run.resume is not None and (set(asked) - {"ledger"} or data is not None):
        raise click.UsageError("--resume takes the prices and settings of its run. Hint: give it alone, or --ledger.")
    settings = pipeline.settled(run, SweepSettings(), "sweep")
    prices = {name: asked.pop(name) for name in _OF_PRICES if name in asked}
    if "assets" in asked:
        prices["assets"] = [name.strip() for name in asked.pop("assets").split(",") if name.strip()]
    splits = {name: asked.pop(name) for name in (*_OF_SPLITS, "kind") if name in asked}
    verdict = {name: asked.pop(name) for name in ("ledger",) if name in asked}
    return config.update(settings, {**asked, "prices": prices, "splits": splits, "verdict": verdict}, "command line")


def _source(run: RunOptions, data: str | None) -> tuple[str | None, int, str | None]:
    """Give the file of prices, the seed, and of a resumed run what its prices were."""
    if run.resume is None:
        return data, run.seed or 0, None
    from atomloom.app.price_input import EMBEDDED  # noqa: PLC0415  # same
    from atomloom.app.runs import RunFolder  # noqa: PLC0415  # same

    record = RunFolder.open(run.resume).record
    source = None if record["source"] == EMBEDDED else record["source"]
    return source, int(record["seed"]), record.get("prices_digest")


def _filled(settings: SweepSettings, rows: int, assets: int) -> tuple[SweepSettings, list[str]]:
    """Put a default grid where there is none, without what these prices have no room for."""
    from atomloom.app.sweep_settings import fitting  # noqa: PLC0415  # same
    from atomloom.portfolio.price_layout import many  # noqa: PLC0415  # same

    if not settings.stock:
        return settings, []
    whole = settings.filled()
    small = replace(whole, grid=fitting(whole.grid, rows, assets))
    if small == whole:
        return whole, []
    why = f"{rows:,} rows of {many(assets, 'asset')} have no room for all of it"
    if small.n_points < whole.n_points:
        return small, [f"the default grid was cut to {small.n_points:,} of {whole.n_points:,} configurations: {why}"]
    pairs = zip(whole.grid, small.grid, strict=True)
    other = dict.fromkeys(name for before, after in pairs for name in after if before[name] != after[name])
    return small, [f"the default grid has other values of {' and '.join(other)}: {why}"]


def _same(known: str | None, planned: Plan) -> None:
    """Refuse to go on with a run on other prices."""
    from atomloom.app.sweep_work import fingerprint  # noqa: PLC0415  # same
    from atomloom.errors import BadInput  # noqa: PLC0415  # same

    if known is not None and known != fingerprint(planned.prices):
        raise BadInput("the prices are not those that the run began with. Hint: begin a new run.")


def work(
    settings: SweepSettings, planned: Plan, run: RunOptions, folder: RunFolder, chatter: Chatter
) -> dict[str, Any]:
    """Sweep into a run folder and give the summary."""
    import shutil  # noqa: PLC0415  # only a run needs it

    from atomloom.app import sweep_files, sweep_words, sweep_work  # noqa: PLC0415  # same

    folder.record["prices_digest"] = sweep_work.fingerprint(planned.prices)
    folder.record["config"]["verdict"]["ledger"] = settings.verdict.ledger  # a resumed run may have another
    folder.save()  # before anything is worked: whoever goes on after a kill is to find it
    for note in planned.notes:
        chatter.say(f"note: {note}")
    chatter.say(f"{len(planned.configs):,} configurations, {planned.prices!r}; {planned.windows}")
    meter = SweepMeter(folder, chatter, planned)
    began = time.monotonic()
    with folder.stage("sweep"):
        try:
            found = sweep_work.swept(
                planned, run.threads, folder=folder.path, ledger=settings.verdict.ledger, listen=meter
            )
        finally:
            meter.end()
    took = time.monotonic() - began
    with folder.stage("tables"):
        sweep_files.leave(folder, found, settings.top)
    proof = None
    if settings.verify:
        with folder.stage("verify"):
            proof = sweep_work.verified(planned, found, run.threads, took)
    shutil.rmtree(folder.path / "journal", ignore_errors=True)  # of no more use, and as large as all results
    return sweep_words.summary_of(found, planned, proof)


def say(folder: RunFolder) -> list[tuple[str, str]]:
    """Tell a finished run in a few lines."""
    from atomloom.app import sweep_words  # noqa: PLC0415  # same

    return sweep_words.lines(folder.record["summary"])


class SweepMeter:
    """Writes the engine's events into the log, and draws how far it is: time to go, and the best so far."""

    def __init__(self, folder: RunFolder, chatter: Chatter, planned: Plan) -> None:
        self._folder, self._planned = folder, planned
        self._silent = chatter.quiet or not sys.stderr.isatty()
        self._began = self._last = time.monotonic()
        self._drawn = False
        self._best = ""
        self._share = 0.0

    def __call__(self, event: Any) -> None:
        """Take an event; an interruption that was lost is found here."""
        from dataclasses import asdict  # noqa: PLC0415  # same

        from atomloom.app import interrupts  # noqa: PLC0415  # same

        interrupts.check()
        kind = type(event).__name__
        if kind == "SweepProgress":
            if event.place >= 0:
                label = self._planned.configs.label(event.place)
                self._best = f", best Sharpe ratio {event.best:.2f} a year ({label})"
            self._share = event.done / max(event.total, 1)
        else:
            self._folder.event(kind, **asdict(event))
            self._share += event.share if kind == "MoleculeDone" and event.status != "lost" else 0.0
        now = time.monotonic()
        if self._silent or now - self._last < _SHOWN:
            return
        self._last, self._drawn = now, True
        click.echo(f"\r{self.line(now)}\x1b[K", err=True, nl=False)

    def line(self, now: float) -> str:
        """Say how far it is."""
        share = min(self._share, 1.0)
        spent = now - self._began
        left = f", {_clock(spent * (1 - share) / share)} to go" if share > 0.02 else ""
        number = len(self._planned.configs)
        return (
            f"{share:4.0%} of {number:,} configurations, {share * number / max(spent, 1e-9):,.0f}/s{left}{self._best}"
        )

    def end(self) -> None:
        """Leave the line."""
        if self._drawn:
            click.echo("\r\x1b[K", err=True, nl=False)


def _clock(seconds: float) -> str:
    """Write a duration as minutes and seconds.

    Examples
    --------
    >>> _clock(75.2)
    '1:15'
    """
    minutes, rest = divmod(int(seconds + 0.5), 60)
    return f"{minutes}:{rest:02d}"
