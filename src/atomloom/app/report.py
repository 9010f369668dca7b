"""``atomloom report``: the page of a run, rebuilt from its folder alone, the same bytes every time."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from atomloom.app import page
from atomloom.app.options import emit_json, say_result
from atomloom.app.pages import page_of

if TYPE_CHECKING:
    from atomloom.app.runs import RunFolder


@click.command(short_help="Rebuild the report of a run from its folder.")
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the run's summary as one JSON object.")
def command(run: Path, *, as_json: bool) -> None:
    """Rebuild report.html of the run folder RUN from the files in it."""
    from atomloom.app.runs import RunFolder  # noqa: PLC0415  # --help of other commands need not load it

    folder = RunFolder.open(run)
    path = write_report(folder)
    if as_json:
        emit_json({"report": str(path), "status": folder.record["status"], "summary": folder.record["summary"]})
    else:
        say_result(str(path))


def write_report(run: RunFolder) -> Path:
    """Write ``report.html`` into a run folder and give its path.

    Raises
    ------
    StoreError
        A result file of the run is missing.
    """
    run.write_text("report.html", build(run))
    return run.path / "report.html"


def build(run: RunFolder) -> str:
    """Build the page of a run from its files.

    Returns
    -------
    str
        HTML without scripts or outside addresses.
    """
    made, record = page_of(run), run.record
    version = record["versions"]["atomloom"]
    footer = f"Made by atomloom {version} at {record['created']}, configuration {record['config_hash']}."
    return page.document(made.title, made.lede, made.sections, footer)
