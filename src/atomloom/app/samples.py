"""``atomloom samples``: training samples by the hundred million, as a recipe of kilobytes or as files."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from atomloom.app.options import Chatter, RunOptions, emit_json, say_result
from atomloom.errors import BadInput, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from atomloom.app.runs import RunFolder
    from atomloom.app.samples_settings import SamplesSettings
    from atomloom.app.samples_work import Plan

FAILED = 1
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_FORMATS = "recipe, arrow, parquet, hdf5, zarr, npy or mds"
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_QUIET = click.option("--quiet", "-q", is_flag=True, help="Nothing on stderr but warnings and errors.")
_JOBS = click.option("--n-jobs", type=int, help="Threads; -1 all, -2 all but one. [default: by the number of samples]")
_MAKING = (
    click.argument("data", nargs=-1, metavar="[DATA]..."),
    click.option(
        "--config", "-c", type=_FILE, help="TOML or YAML file with the settings (see generate --print-config)."
    ),
    click.option("--n", help="Samples: any number, 40e6 too. [default: 1000000]"),
    click.option("--part", help="Part of the split that samples are of. [default: all of them, each with its share]"),
    click.option("--seed", type=click.IntRange(min=0), help="Seed of all draws. [default: 0]"),
    click.option("--lookback", type=int, help="Bars of a window. [default: 64]"),
    click.option("--timeframe", help="Bars of 1min, 1h, 1d, ... [default: rows as they are; 1min of a store]"),
    click.option("--symbols", help="Which ones, with commas between. [default: all]"),
    click.option("--tz", help="Time zone of times without offset, and of days. [default: UTC]"),
    click.option("--nan", help="Rows with missing values: refuse or split. [default: refuse]"),
    click.option("--bad-bars", help="Bars with a price beyond their high or low: refuse or keep. [default: refuse]"),
)
_OF_BARS = ("timeframe", "tz", "nan", "bad_bars")


def _making(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the data and the options that say what a sample is."""
    for option in reversed(_MAKING):
        function = option(function)
    return function


@click.group(short_help="Make training samples by the hundred million.")
def command() -> None:
    """Make training samples by the hundred million: windows of bars with trade states, of a recipe of kilobytes."""


@command.command("generate", short_help="Make samples: a recipe, or files.")
@_making
@_JOBS
@click.option("--format", "format", help=f"What to leave: {_FORMATS}. [default: recipe]")
@click.option("--compression", help="Of an export: lz4 or zstd, where its format has them.")
@click.option("--shard-rows", help="Samples in a file of an export, or its size (256MB). [default: 65536]")
@click.option("--memory-limit", help="Of buffers of an export, for example 150MB.")
@click.option("--no-copy", is_flag=True, help="Name the files of the bars in the recipe, do not copy the bars into it.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Run folder to make. [default: in runs/]")
@click.option("--print-config", is_flag=True, help="Print the settings as commented TOML and stop.")
@_JSON
@_QUIET
def generate(*, no_copy: bool, out: Path | None, print_config: bool, as_json: bool, quiet: bool, **given: Any) -> None:
    """Make samples of DATA: a recipe that computes any of them where it is used, or files where --format asks for them.

    DATA is CSV or Parquet of bars (times, open, high, low, close, volume; a column of symbols where there are several)
    or of closes (a column for each symbol), or a store of trades. Several files are several symbols. Without it, or as
    es, 25,000 bars of the package's trades; as sp500, the closes of its 20 stocks.
    """
    from atomloom.app import pipeline, samples_work  # noqa: PLC0415  # --help owes nobody numpy

    settings = _settled({**given, "copy_bars": False if no_copy else None})
    if print_config:
        say_result(settings.to_toml("atomloom samples generate [DATA] --config FILE").rstrip("\n"))
        return
    planned = samples_work.plan(settings)
    samples_work.checked(planned, out or Path("runs"))  # refused, if it cannot be written, before there is a folder
    run = RunOptions(as_json=as_json, out=out, seed=planned.samples.spec.seed, quiet=quiet)
    source = ", ".join(planned.settings.data) or "es"
    try:
        pipeline.execute("samples", planned.settings, run, source, partial(_work, planned), _say)
    except BadInput as error:  # of the run folder: how to go on with the run in it
        raise BadInput(str(error).replace("--resume ", "atomloom samples resume ")) from error


@command.command("resume", short_help="Go on with a run that was interrupted.")
@click.argument("run", type=_FOLDER)
@_JOBS
@_JSON
@_QUIET
def resume(run: Path, *, n_jobs: int | None, as_json: bool, quiet: bool) -> None:
    """Go on with the run in folder RUN where it was interrupted; shards that are there are not written again."""
    from atomloom.app import config, pipeline, samples_work  # noqa: PLC0415  # same
    from atomloom.app.runs import RunFolder  # noqa: PLC0415  # same
    from atomloom.app.samples_settings import SamplesSettings  # noqa: PLC0415  # same

    options = RunOptions(as_json=as_json, quiet=quiet, resume=run)
    settings: Any = pipeline.settled(options, SamplesSettings(), "samples")
    if n_jobs is not None:
        how = replace(settings.performance, n_jobs=n_jobs)
        settings = replace(settings, performance=how)
    folder = RunFolder.open(run)
    planned = None
    if folder.record["status"] != "done":
        planned = samples_work.reopened(folder, settings, folder.record.get("recipe"))
    source = config.to_dict(settings)["data"]
    pipeline.execute("samples", settings, options, ", ".join(source), partial(_work, planned), _say)


@command.command("verify", short_help="Look whether samples are as they were written.")
@click.argument("path", type=_FOLDER)
@click.option("--recompute", is_flag=True, help="Also compare every sample with what the recipe gives.")
@_JOBS
@_JSON
@_QUIET
def verify(path: Path, *, recompute: bool, n_jobs: int | None, as_json: bool, quiet: bool) -> int:
    """Look whether the samples in folder PATH are as they were written; exit code 1 if a byte is not.

    PATH is the folder of a run, or one that atomloom.samples.write made.
    """
    from atomloom.app import bars_input, samples_work  # noqa: PLC0415  # same

    exports, recipe = samples_work.place_of(path)
    told: dict[str, Any] = {"path": str(path), "ok": True}
    lines, gone = [], []
    if recipe is not None:
        parts = samples_work.opened(path)[0]  # refused, if it is not as it was written
        digests = {part: samples.digest for part, samples in parts.items()}
        told["recipe"] = digests if len(digests) > 1 else next(iter(digests.values()))
        count = sum(map(len, parts.values()))
        lines.append(f"{recipe}: the recipe of {count:,} samples is as it was written")
        gone = samples_work.gone(path, parts, exports)
    if exports:
        from atomloom.samples.verifying import verify as look  # noqa: PLC0415  # the readers of all formats

        try:
            heard = False if quiet else None
            look_at = partial(look, n_jobs=n_jobs, recompute=recompute, progress=heard)
            found = {part: look_at(export) for part, export in exports.items()}
        except StoreError as error:
            raise StoreError(bars_input.in_cli_words(str(error))) from error
        lines += [bars_input.in_cli_words(each.summary()) for each in found.values()]
        each = {part: own.to_dict() for part, own in found.items()}
        told |= next(iter(each.values())) | ({"parts": each} if len(each) > 1 else {})
        told |= {name: sum(own[name] for own in each.values()) for name in ("rows", "shards", "bytes", "seconds")}
        told |= {"path": str(path), "ok": all(own.ok for own in found.values())}
        told["problems"] = [problem for own in each.values() for problem in own["problems"]]
    if gone:
        told |= {"ok": False, "problems": [*gone, *told.get("problems", [])]}
        hint = "`atomloom samples resume` of the run, if it was cut off; else generate them again in a new folder"
        lines += [*(f"{path}: {each}" for each in gone), f"Hint: {hint}."]
    if as_json:
        emit_json(told)
    else:
        say_result("\n".join(lines))
    return 0 if told["ok"] else FAILED


@command.command("info", short_help="Say what samples are, and what they are worth.")
@_making
@_JSON
def info(*, as_json: bool, **given: Any) -> None:
    """Say what samples of DATA are: windows, fields, what they are worth, and their size in every format.

    DATA is as for generate, or the folder of a run, or of a dataset that was written.
    """
    from atomloom.app import bars_input, samples_rate, samples_words, samples_work  # noqa: PLC0415  # same

    folder = _only_folder(given)
    stored: list[str] = []
    if folder is None:
        planned = samples_work.plan(_settled(given))
    else:
        planned = samples_work.opened_plan(folder)
        try:
            stored = samples_work.stored_words(folder)
        except StoreError as error:
            raise StoreError(bars_input.in_cli_words(str(error))) from error
    formats = samples_rate.sizes(planned.samples)
    size = samples_work.recipe_bytes(planned, folder)
    summary = {**samples_work.describe(planned.parts, planned.source), "recipe_bytes": size}
    if as_json:
        emit_json({**summary, "formats": formats})
    else:
        say_result(samples_words.information(summary, formats, stored))


@command.command("bench", short_help="Measure samples a second on this machine.")
@_making
@_JOBS
@_JSON
@_QUIET
def bench(*, n_jobs: int | None, as_json: bool, quiet: bool, **given: Any) -> None:
    """Stream samples of DATA on one thread and on all, and say how fast, beside how fast this machine fills memory."""
    from atomloom.app import samples_rate, samples_words, samples_work  # noqa: PLC0415  # same
    from atomloom.app.samples_meter import SamplesMeter  # noqa: PLC0415  # same

    given["n"] = given["n"] or "4e6"
    settings = _settled({**given, "n_jobs": n_jobs})
    planned = samples_work.plan(settings, first=True)
    chatter = Chatter(quiet=quiet)
    for note in planned.notes:
        chatter.say(f"note: {note}")
    chatter.say(repr(planned.samples))
    meter = SamplesMeter(None, chatter, planned.samples)
    try:
        threads = settings.performance.threads or settings.performance.n_jobs
        found = samples_rate.measured(planned.samples, len(planned.samples), threads, meter.count)
    finally:
        meter.end()
    if as_json:
        emit_json({"n": len(planned.samples), "source": planned.source, **found})
    else:
        say_result(samples_words.speeds(found))


def _settled(given: dict[str, Any]) -> SamplesSettings:
    """Put the options over the file of --config."""
    from atomloom.app.samples_settings import SamplesSettings  # noqa: PLC0415  # same

    asked = {name: value for name, value in given.items() if value not in (None, ())}
    file = asked.pop("config", None)
    settings = SamplesSettings() if file is None else SamplesSettings.read(file)
    bars = {name: asked.pop(name) for name in _OF_BARS if name in asked}
    if "symbols" in asked:
        bars["symbols"] = [name.strip() for name in asked.pop("symbols").split(",") if name.strip()]
    if str(asked.get("shard_rows", "")).isdigit():
        asked["shard_rows"] = int(asked["shard_rows"])
    output = {name: asked.pop(name) for name in ("format", "compression", "shard_rows", "copy_bars") if name in asked}
    how = {name: asked.pop(name) for name in ("n_jobs", "memory_limit") if name in asked}
    tables = {name: table for name, table in (("bars", bars), ("output", output), ("performance", how)) if table}
    return settings.changed({**asked, **tables}, "command line")


def _only_folder(given: dict[str, Any]) -> Path | None:
    """Give the folder that was named instead of bars."""
    data = given["data"]
    if len(data) != 1 or not Path(data[0]).is_dir():
        return None
    if any(value is not None for name, value in given.items() if name != "data"):
        raise BadInput(f"{data[0]} is a folder, which has its own settings. Hint: give it alone.")
    return Path(data[0])


def _work(planned: Plan | None, folder: RunFolder, chatter: Chatter) -> dict[str, Any]:
    from atomloom.app import samples_work  # noqa: PLC0415  # same

    assert planned is not None  # noqa: S101  # a run that is done does no work
    return samples_work.generate(planned, folder, chatter)


def _say(folder: RunFolder) -> list[tuple[str, str]]:
    """Tell a finished run in a few lines."""
    from atomloom.app import samples_words  # noqa: PLC0415  # same

    return samples_words.lines(folder.record["summary"], str(folder.path))
