"""``atomloom vpin``: the demo's pipeline on the user's own CSV of trades."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from atomloom.app.options import RunOptions, run_options, say_result
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.app.settings import CsvColumns
    from atomloom.store.schema import Trades

_MANY_REJECTED = 0.01  # share of the rows above which a run says so even under --quiet

# What the store says to Python, and what a shell can do about it.
_IN_CLI_WORDS = (
    (r"pass sort=True for a stable sort by time", "--sort sorts by time (stable)"),
    (
        r"[Pp]ass columns=\{'(\w+)': '(.*?)'\}, or another delimiter",
        r'set [csv] \1 = "\2" or delimiter in a --config file',
    ),
    (r"add one, or pass positions, for example columns=\{.*?\}", "add one, for example time,price,size"),
    (r"pass tick_size", "give --tick-size"),
    (
        r"check delimiter, columns, time format and tick_size",
        "check the time format and --tick-size, and delimiter and names of columns in [csv] of a --config file",
    ),
)


@click.command(short_help="Run VPIN on your own CSV of trades and write a report.")
@click.argument(
    "file", metavar="FILE.csv", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--symbol", help="Name of the instrument. [default: from the file's name]")
@click.option("--tz", help="Time zone of times without offset. [default: UTC]")
@click.option("--tick-size", type=float, help="Smallest price step. [default: found in the prices]")
@click.option("--sort", is_flag=True, default=None, help="Sort by time instead of refusing.")
@run_options
def command(run: RunOptions, file: Path | None, **given: str | float | bool | None) -> None:
    """Run VPIN on a CSV of trades (time, price, size; .gz too) and write a report.

    Columns with other names, separators, price scales: see --print-config.
    """
    from atomloom.app import config, pipeline  # noqa: PLC0415  # --help owes nobody numpy
    from atomloom.app.settings import VpinSettings  # noqa: PLC0415  # same

    settings = pipeline.settled(run, VpinSettings(), "vpin")
    asked = {name: value for name, value in given.items() if value is not None}
    if run.resume is not None and (asked or file is not None):
        raise click.UsageError("--resume takes the file and settings of its run. Hint: give it alone.")
    settings = replace(settings, csv=config.update(settings.csv, asked, "command line"))
    if run.print_config:
        say_result(config.to_toml(settings, "atomloom vpin FILE.csv --config FILE").rstrip("\n"))
        return
    if run.resume is not None:
        from atomloom.app.runs import RunFolder  # noqa: PLC0415  # same

        file = Path(RunFolder.open(run.resume).record["source"])
    if file is None:
        raise click.UsageError("Missing argument 'FILE.csv'.")
    pipeline.execute("vpin", settings, run, partial(_read, file, settings.csv), str(file))


def _read(file: Path, how: CsvColumns, folder: RunFolder, chatter: Chatter) -> Trades:
    """Read the CSV; the account of its rows goes into the folder, refused rows line by line."""
    import atomloom  # noqa: PLC0415  # with the store behind it

    try:
        read = atomloom.store.read_csv(
            file,
            how.columns or None,
            tz=how.tz,
            tick_size=how.tick_size,
            price_scale=how.price_scale,
            symbol=how.symbol,
            sort=how.sort,
            ambiguous=how.ambiguous,
            delimiter=how.delimiter,
        )
    except BadInput as error:
        raise BadInput(_in_cli_words(str(error))) from error
    folder.record["csv"] = read.to_dict()
    folder.save()
    if read.n_rejected:
        folder.write_frame("rejects.csv", read.rejects.to_frame())
    chatter.say(read.summary())
    if read.n_rejected > _MANY_REJECTED * read.n_read:
        reason, count = next(iter(read.rejects.counts().items()))  # the most frequent
        chatter.warn(
            f"{read.n_rejected:,} of {read.n_read:,} rows of {file} were rejected ({count:,}: {reason}). "
            f"Hint: look at {folder.path / 'rejects.csv'}."
        )
    return read.trades


def _in_cli_words(message: str) -> str:
    for pattern, words in _IN_CLI_WORDS:
        message = re.sub(pattern, words, message)
    return message
