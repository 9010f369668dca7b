"""``atomloom ingest``: files of trades or quotes into a store."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from atomloom.app.options import RunOptions, run_options, say_result
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.app.settings import IngestSettings

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(short_help="Put files of ticks into a store; every row is stored or listed.")
@click.argument("files", metavar="FILE...", nargs=-1, type=_FILE)
@click.option("--to", "store", type=click.Path(dir_okay=False, path_type=Path), help="The store; made if missing.")
@click.option("--symbol", help="Name of the instrument. [default: the file's name up to the first dot]")
@click.option("--kind", type=click.Choice(["trades", "quotes"]), help="What the rows are. [default: trades]")
@click.option("--format", help="Layout of a vendor, for example quantconnect. [default: look at the file]")
@click.option("--tz", help="Time zone of times without offset. [default: UTC]")
@click.option("--date", help="Day of times that count from midnight. [default: from the file's name]")
@click.option("--tick-size", type=float, help="Smallest price step. [default: found in the prices]")
@click.option("--price-scale", type=float, help="What prices are multiplied by in the file.")
@click.option("--sort", is_flag=True, default=None, help="Merge rows that go back in time instead of refusing.")
@run_options
def command(run: RunOptions, files: tuple[Path, ...], store: Path | None, **given: Any) -> None:
    """Put FILEs (CSV, .gz, .zip, Parquet) into a store; rejected rows go to a file beside it with place and reason.

    An ingest that was interrupted goes on where it was when the same command is given again. FILEs that are in the
    store already are passed over; what was stored of them then is part of the account.
    """
    from atomloom.app import config, pipeline  # noqa: PLC0415  # --help owes nobody numpy
    from atomloom.app.settings import IngestSettings  # noqa: PLC0415  # same

    settings = pipeline.settled(run, IngestSettings(), "ingest")
    asked = {name: value for name, value in given.items() if value is not None}
    if run.resume is not None and (asked or files or store):
        raise click.UsageError("--resume takes the files and settings of its run. Hint: give it alone.")
    kind = asked.pop("kind", settings.kind)
    settings = replace(settings, kind=kind, ticks=config.update(settings.ticks, asked, "command line"))
    if run.print_config:
        say_result(config.to_toml(settings, "atomloom ingest FILE... --to STORE --config CONFIG").rstrip("\n"))
        return
    if run.resume is not None:
        from atomloom.app.runs import RunFolder  # noqa: PLC0415  # same

        record = RunFolder.open(run.resume).record
        files, store = tuple(map(Path, record["files"])), Path(record["source"])
    if not files or store is None:
        raise click.UsageError("Files and a store are needed. Hint: atomloom ingest FILE... --to STORE.")
    if settings.ticks.start or settings.ticks.end:
        raise BadInput("ingest takes whole files. Hint: leave start and end out of [ticks]; vpin, bars ... know them.")
    work = partial(_work, files, store, settings, run)
    pipeline.execute("ingest", settings, run, str(store), work, _say)


def _work(
    files: tuple[Path, ...], store: Path, settings: IngestSettings, run: RunOptions, folder: RunFolder, chatter: Chatter
) -> dict[str, Any]:
    import atomloom  # noqa: PLC0415  # with the store behind it
    from atomloom.app.sources import account, in_cli_words, ingest  # noqa: PLC0415  # same
    from atomloom.store.intake import AlreadyStored  # noqa: PLC0415  # same

    folder.record["files"] = [str(file) for file in files]
    done = folder.record.setdefault("done", {})
    folder.save()
    for file in files:
        if str(file) in done:
            continue
        with folder.stage(f"ingest {file.name}"):
            before = False
            try:
                report = ingest(file, store, settings.ticks, run.threads, chatter, None, kind=settings.kind)
            except AlreadyStored as error:
                report, before = error.report, True
                chatter.warn(str(error).partition(" Hint:")[0])
            except BadInput as error:
                raise BadInput(in_cli_words(str(error))) from error
        done[str(file)] = {**report.to_dict(), "already": before}
        folder.save()
        account(report, chatter, file)
    reports = list(done.values())
    with atomloom.store.open_store(store) as opened:
        symbols = sorted({report["symbol"] for report in reports})
        tables = [opened[symbol].info(settings.kind) for symbol in symbols]
        for symbol in symbols:
            folder.write_frame(f"days-{symbol}.csv", opened[symbol].days(settings.kind))
    return {
        "store": str(store),
        "kind": settings.kind,
        "symbols": symbols,
        "files": len(files),
        "already": sum(report.get("already", False) for report in reports),
        **{name: sum(report[name] for report in reports) for name in ("n_read", "n_stored", "n_rejected", "bytes")},
        "rows": sum(table["rows"] for table in tables),
        "stored_bytes": sum(table["bytes"] for table in tables),
    }


def _say(folder: RunFolder) -> list[tuple[str, str]]:
    summary = folder.record["summary"]
    rejects = sorted({report["rejects"] for report in folder.record["done"].values() if report["rejects"]})
    return [
        (
            "read",
            f"{summary['n_read']:,} rows of {summary['files']:,} files"
            + (f", {summary['already']:,} of them before" if summary["already"] else ""),
        ),
        ("stored", f"{summary['n_stored']:,} {summary['kind']} of {', '.join(summary['symbols'])}"),
        ("rejected", f"{summary['n_rejected']:,}" + (f", see {', '.join(rejects)}" if rejects else "")),
        ("store", f"{summary['store']}: {summary['rows']:,} rows of these in {summary['stored_bytes'] / 1e6:.1f} MB"),
    ]
