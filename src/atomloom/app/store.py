"""``atomloom store``: look into a store, check it, search it, take things out of it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from atomloom.app.options import Chatter, emit_json, say_result
from atomloom.app.sources import in_cli_words
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_SPAN = (
    click.option("--start", help="Only from this time on, UTC, for example 2013-09-02T14:30."),
    click.option("--end", help="Only before this time, UTC."),
)
_KIND = click.option("--kind", type=click.Choice(["trades", "quotes"]), default="trades", show_default=True)
FAILED = 1


def _span(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_SPAN):
        function = option(function)
    return function


class _Spoken(click.Group):
    """A group whose refusals name options, not parameters."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except BadInput as error:
            raise BadInput(in_cli_words(str(error))) from error


def _one(argument: str | None, option: str | None) -> str | None:
    """Take a symbol that may be an argument or an option."""
    if argument is not None and option is not None:
        raise click.UsageError("SYMBOL and --symbol are the same. Hint: give it once.")
    return argument if option is None else option


@click.group(cls=_Spoken, short_help="List, describe, verify, search and export a store.")
def command() -> None:
    """List, describe, verify, search and export a store (an HDF5 file by `atomloom ingest`)."""


@command.command("ls")
@click.argument("file", type=FILE)
@_JSON
def ls(file: Path, *, as_json: bool) -> None:
    """List the tables of a store."""
    import atomloom  # noqa: PLC0415  # --help owes nobody numpy

    with atomloom.store.open_store(file) as store:
        rows = store.info()
    if as_json:
        emit_json({"path": str(file), "tables": rows})
        return
    header = ("symbol", "kind", "rows", "first", "last", "MB")
    lines = [
        (
            row["symbol"],
            row["kind"],
            f"{row['rows']:,}",
            str(row["first"])[:19],
            str(row["last"])[:19],
            f"{row['bytes'] / 1e6:.1f}",
        )
        for row in rows
    ]
    say_result(columns([header, *lines], right=(2, 5)))


@command.command("info")
@click.argument("file", type=FILE)
@click.argument("symbol", required=False)
@click.option("--symbol", "also", metavar="SYMBOL", help="The same as SYMBOL; needed where there are several.")
@_KIND
@_JSON
def info(file: Path, symbol: str | None, also: str | None, kind: str, *, as_json: bool) -> None:
    """Describe one table: rows, times, columns, bytes, venues, where it came from."""
    import atomloom  # noqa: PLC0415  # same
    from atomloom.store.files import only_symbol  # noqa: PLC0415  # same

    with atomloom.store.open_store(file) as store:
        found = store[only_symbol(store, _one(symbol, also), kind)].info(kind)
    if as_json:
        emit_json(found)
        return
    say_result(columns([(name.replace("_", " "), _said(value)) for name, value in found.items()]))


@command.command("verify")
@click.argument("file", type=FILE)
@_JSON
def verify(file: Path, *, as_json: bool) -> int:
    """Read every chunk and compare it with its checksum; exit code 1 if anything is damaged."""
    import atomloom  # noqa: PLC0415  # same

    report = atomloom.store.verify(file)
    if as_json:
        emit_json(report.to_dict())
    else:
        say_result(report.summary())
    return 0 if report.ok else FAILED


@command.command("days")
@click.argument("file", type=FILE)
@click.argument("symbol", required=False)
@click.option("--symbol", "also", metavar="SYMBOL", help="The same as SYMBOL; needed where there are several.")
@_KIND
@_JSON
def days(file: Path, symbol: str | None, also: str | None, kind: str, *, as_json: bool) -> None:
    """List the UTC days of a table with their rows and volume."""
    import atomloom  # noqa: PLC0415  # same
    from atomloom.store.files import only_symbol  # noqa: PLC0415  # same

    with atomloom.store.open_store(file) as store:
        name = only_symbol(store, _one(symbol, also), kind)
        frame = store[name].days(kind)
    frame["day"] = frame["day"].dt.strftime("%Y-%m-%d")
    if as_json:
        emit_json({"symbol": name, "kind": kind, "days": frame.to_dict("records")})
        return
    rows = [tuple(f"{cell:,}" if not isinstance(cell, str) else cell for cell in row) for row in frame.to_numpy()]
    say_result(columns([tuple(frame.columns.str.replace("_", " ")), *rows], right=(1, 2, 3)))


@command.command("find")
@click.argument("file", type=FILE)
@click.argument("condition")
@click.option("--symbol", help="Needed where the store holds more than one.")
@_span
@_KIND
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Rows to print.")
@_JSON
def find(  # one option, one argument
    file: Path, condition: str, symbol: str | None, start: str | None, end: str | None, kind: str, limit: int, *,
    as_json: bool,
) -> None:  # fmt: skip
    """Find the rows that a CONDITION holds for, for example "size >= 500 and venue == 'P'"."""
    import atomloom  # noqa: PLC0415  # same
    from atomloom.store.files import only_symbol  # noqa: PLC0415  # same

    with atomloom.store.open_store(file) as store:
        hits = store[only_symbol(store, symbol, kind)].where(condition, start, end, kind=kind)
        frame = hits.head(limit).to_frame()
    frame["ts"] = frame["ts"].map(lambda moment: moment.isoformat()) if len(frame) else frame["ts"].astype(str)
    if as_json:
        emit_json({"hits": len(hits), "plan": hits.plan, "rows": frame.to_dict("records")})
        return
    rows = [tuple(str(cell) for cell in row) for row in frame.to_numpy(dtype=object)]
    say_result(columns([tuple(frame.columns), *rows], right=range(2, frame.shape[1])))
    say_result(
        f"{len(hits):,} of {hits.meta.rows:,} rows" + (f", the first {limit:,} shown" if len(hits) > limit else "")
    )


@command.command("export")
@click.argument("file", type=FILE)
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--symbol", help="Needed where the store holds more than one.")
@_span
@_KIND
@click.option("--format", "layout", type=click.Choice(["parquet", "csv"]), help="[default: from the target's name]")
@_JSON
def export(  # one option, one argument
    file: Path, target: Path, symbol: str | None, start: str | None, end: str | None, kind: str, layout: str | None, *,
    as_json: bool,
) -> None:  # fmt: skip
    """Write a table to TARGET as Parquet or CSV."""
    import atomloom  # noqa: PLC0415  # same

    rows = atomloom.store.export(file, target, symbol, start=start, end=end, kind=kind, format=layout)
    if as_json:
        emit_json({"target": str(target), "rows": rows, "bytes": target.stat().st_size})
    else:
        say_result(f"{target}: {rows:,} rows, {target.stat().st_size / 1e6:.1f} MB")


@command.command("drop")
@click.argument("file", type=FILE)
@click.argument("symbol")
@click.option("--kind", type=click.Choice(["trades", "quotes"]), help="Only this kind of table.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(file: Path, symbol: str, kind: str | None, *, yes: bool) -> None:
    """Delete the tables of a symbol."""
    import atomloom  # noqa: PLC0415  # same

    with atomloom.store.open_store(file, "a") as store:
        rows = sum(store[symbol].info(found)["rows"] for found in store[symbol].kinds if kind in {None, found})
        if not yes and not (sys.stdin.isatty() and click.confirm(f"Delete {rows:,} rows of {symbol}?")):
            raise click.UsageError(f"{rows:,} rows of {symbol} are kept. Hint: --yes deletes them without asking.")
        store.drop(symbol, kind)
    Chatter(quiet=False).say(f"deleted {rows:,} rows of {symbol}")


def columns(rows: Sequence[Sequence[str]], right: Any = ()) -> str:
    """Lay rows out in columns as wide as their widest cell.

    Examples
    --------
    >>> print(columns([("a", "1"), ("bb", "22")], right=(1,)))
    a    1
    bb  22
    """
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(item)}" for name, item in value.items())
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
