"""Where the trades of a run come from: a store, or a file that is ingested into the run's folder first."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from atomloom.app.options import say_result
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from atomloom.app.options import Chatter, RunOptions
    from atomloom.app.runs import RunFolder
    from atomloom.app.settings import TickSource
    from atomloom.store.account import IngestProgress
    from atomloom.store.schema import Trades

Settings = TypeVar("Settings")

_HDF5 = b"\x89HDF\r\n\x1a\n"
_MANY_REJECTED = 0.01  # share of the rows above which a run says so even under --quiet

# What the store says to Python, and what a shell can do about it.
_IN_CLI_WORDS = (
    (r"pass out_of_order='merge'[^.]*", "--sort weaves them in by time"),
    (r"out_of_order='merge'[^.]*", "--sort weaves them in by time"),
    (r"[Pp]ass columns=\{'(\w+)': '(.*?)'\}, or another delimiter", r'set [ticks] \1 = "\2" or delimiter in --config'),
    (r"add one, or pass positions, for example columns=\{.*?\}", "add one, or name positions in [ticks] of --config"),
    (
        r"check delimiter, columns, time format and tick_size",
        "check the time format and --tick-size, and delimiter and names of columns in [ticks] of --config",
    ),
    (r"pass tick_size|give tick_size|give the true tick_size", "give --tick-size"),
    (r"pass symbol=\.\.\.", "give --symbol."),
    (r"\bkind='(\w+)'", r"--kind \1"),
    (r"\bformat='([\w-]+)'(?: of ingest)?", r"--format \1"),
    (r"pass format=\{'(\w+)': (\S+)\} to ingest", r"set \1 = \2 in [ticks] of --config"),
    (r"pass date=\S+", "give --date"),
    (r"overwrite=True", "another store"),
)

_OPTIONS = (
    click.option("--symbol", help="Name of the instrument. [default: from the store, or the file's name]"),
    click.option("--start", help="Only trades from this time on, UTC."),
    click.option("--end", help="Only trades before this time, UTC."),
    click.option(
        "--format", "format", help="Layout of a vendor, for example quantconnect. [default: look at the file]"
    ),
    click.option("--tz", help="Time zone of times without offset. [default: UTC]"),
    click.option("--date", help="Day of times that count from midnight. [default: from the file's name]"),
    click.option("--tick-size", type=float, help="Smallest price step. [default: found in the prices]"),
    click.option("--sort", is_flag=True, default=None, help="Sort by time instead of refusing."),
)


def tick_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command the file of trades and the options that say how to read it.

    Examples
    --------
    >>> @click.command()
    ... @tick_options
    ... def command(file, **given): ...
    >>> [option.name for option in command.params][:3]
    ['file', 'symbol', 'start']
    """
    for option in reversed(_OPTIONS):
        function = option(function)
    argument = click.argument(
        "file", metavar="FILE", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
    )
    return argument(function)


def with_given(how: TickSource, given: dict[str, Any], run: RunOptions, file: Path | None) -> TickSource:
    """Put what the command line says over the settings of a run.

    Raises
    ------
    UsageError
        If something is said beside ``--resume``.
    """
    from atomloom.app import config  # noqa: PLC0415  # --help owes nobody numpy

    asked = {name: value for name, value in given.items() if value is not None}
    if run.resume is not None and (asked or file is not None):
        raise click.UsageError("--resume takes the file and settings of its run. Hint: give it alone.")
    return config.update(how, asked, "command line")


def settle(
    command: str, defaults: Settings, run: RunOptions, file: Path | None, given: dict[str, Any], own: Iterable[str]
) -> Settings | None:
    """Find the settings of a run on trades; None if they were only to be printed.

    Parameters
    ----------
    command : str
    defaults : spec
        With a field ``ticks``.
    run : RunOptions
    file : Path or None
    given : dict
        Values of the options, None where not given.
    own : iterable of str
        Names of those that are fields of the spec itself; the others are fields of ``ticks``.
    """
    from atomloom.app import config, pipeline  # noqa: PLC0415  # --help owes nobody numpy

    settings: Any = pipeline.settled(run, defaults, command)
    asked = {name: value for name in own if (value := given.pop(name)) is not None}
    settings = replace(settings, ticks=with_given(settings.ticks, given, run, file))
    if asked and run.resume is not None:
        raise click.UsageError("--resume takes the file and settings of its run. Hint: give it alone.")
    settings = config.update(settings, asked, "command line")
    if run.print_config:
        say_result(config.to_toml(settings, f"atomloom {command} FILE --config CONFIG").rstrip("\n"))
        return None
    found: Settings = settings
    return found


def is_store(file: Path) -> bool:
    """Say whether a file is HDF5.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> is_store(es_2013_09())
    True
    """
    with file.open("rb") as opened:
        return opened.read(8) == _HDF5


def read_trades(file: Path, how: TickSource, folder: RunFolder, chatter: Chatter, threads: int | None) -> Trades:
    """Give the trades of a run; a file that is no store is ingested into ``trades.h5`` of the folder first."""
    found: Trades = read_ticks(file, how, folder, chatter, threads)
    return found


def read_ticks(
    file: Path, how: TickSource, folder: RunFolder, chatter: Chatter, threads: int | None, kind: str = "trades"
) -> Any:
    """Give the trades or the quotes of a run; what is no store becomes ``trades.h5`` or ``quotes.h5`` of the folder."""
    import atomloom  # noqa: PLC0415  # with the store behind it
    from atomloom.store.files import only_symbol  # noqa: PLC0415  # same
    from atomloom.store.intake import AlreadyStored  # noqa: PLC0415  # same

    store, symbol = file, how.symbol
    try:
        if not is_store(file):
            store = folder.path / f"{kind}.h5"
            if "ingest" not in folder.record:
                with folder.stage("ingest"):
                    try:
                        report = ingest(file, store, how, threads, chatter, folder.path / "rejects.csv", kind=kind)
                    except AlreadyStored as error:  # this run was killed before it noted what it had stored
                        if error.report is None:
                            raise
                        report = error.report
                folder.record["ingest"] = report.to_dict()
                folder.save()
                account(report, chatter, file)
            symbol = folder.record["ingest"]["symbol"]
        with folder.stage(f"read {kind}"), atomloom.store.open_store(store) as opened:
            instrument = opened[only_symbol(opened, symbol, kind)]
            return getattr(instrument, kind)(how.start or None, how.end or None)
    except BadInput as error:
        raise BadInput(in_cli_words(str(error))) from error


def ingest(
    file: Any, store: Path, how: TickSource, threads: int | None, chatter: Chatter, rejects: Path | None, **more: Any
) -> Any:
    """Ingest a file as its spec says, drawing how far it is."""
    import atomloom  # noqa: PLC0415  # same

    meter = Meter(chatter)
    try:
        return atomloom.store.ingest(
            file,
            store,
            symbol=how.symbol,
            format=_layout(how, more.get("kind", "trades")),
            columns=how.columns or None,
            tz=how.tz or None,
            tick_size=how.tick_size,
            price_scale=how.price_scale,
            date=how.date or None,
            delimiter=how.delimiter or None,
            ambiguous=how.ambiguous,
            out_of_order="merge" if how.sort else "refuse",
            rejects=rejects,
            threads=threads,
            progress=meter,
            **more,
        )
    finally:
        meter.end()


def _layout(how: TickSource, kind: str) -> Any:
    said = {"time": "" if how.time == "auto" else how.time, "lot": how.lot, "decimal": how.decimal}
    changes: dict[str, Any] = {name: value for name, value in said.items() if value not in {None, ""}}
    if not changes:
        return how.format or None
    from atomloom.store import formats  # noqa: PLC0415  # same

    return replace(formats.format_of(how.format or None, kind), **changes)


def account(report: Any, chatter: Chatter, file: Any) -> None:
    """Say what became of the rows; many rejects are a warning even to the quiet."""
    chatter.say(report.summary())
    if report.n_rejected > _MANY_REJECTED * report.n_read:
        reason, count = next(iter(report.reasons.items()))  # the most frequent
        chatter.warn(
            f"{report.n_rejected:,} of {report.n_read:,} rows of {file} were rejected ({count:,}: {reason}). "
            f"Hint: look at {report.rejects}."
        )


def in_cli_words(message: str) -> str:
    """Turn the hints of the library into those of the shell.

    Examples
    --------
    >>> in_cli_words("rows go back in time. Hint: sort them by time, or pass out_of_order='merge'.")
    'rows go back in time. Hint: sort them by time, or --sort weaves them in by time.'
    """
    for pattern, words in _IN_CLI_WORDS:
        message = re.sub(pattern, words, message)
    return message


class Meter:
    """Draws how far an ingest is: one line on stderr, with the time that is left, where stderr is a terminal.

    Examples
    --------
    >>> from atomloom.app.options import Chatter
    >>> Meter(Chatter(quiet=True)).end()
    """

    def __init__(self, chatter: Chatter) -> None:
        self._drawn = False
        self._silent = chatter.quiet or not sys.stderr.isatty()
        self._began = self._last = time.monotonic()

    def __call__(self, event: IngestProgress) -> None:
        """Draw an event, ten times a second at most; an interruption that was lost is found here."""
        from atomloom.app import interrupts  # noqa: PLC0415  # same

        interrupts.check()
        now = time.monotonic()
        if self._silent or now - self._last < 0.1:
            return
        self._last, self._drawn = now, True
        share = event.bytes_done / event.bytes_total if event.bytes_total else 0.0
        left = f", {(now - self._began) * (1 - share) / share:.0f} s left" if share > 0.02 else ""
        click.echo(f"\r{event.rows:,} rows, {event.rejected:,} rejected, {share:.0%}{left}\x1b[K", err=True, nl=False)

    def end(self) -> None:
        """Leave the line."""
        if self._drawn:
            click.echo("\r\x1b[K", err=True, nl=False)
