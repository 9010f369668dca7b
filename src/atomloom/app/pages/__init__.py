"""The pages of reports, one module per kind of run: ``page(run)`` gives title, lede and sections."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NamedTuple

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from atomloom.app.runs import RunFolder

MODULES = {
    "bars": "bars",
    "calibrate": "calibrate",
    "demo": "demo",
    "hhi": "hhi",
    "ingest": "ingest",
    "samples": "samples",
    "spectrum": "spectrum",
    "sweep": "sweep",
    "trajectory": "trajectory",
    "vpin": "vpin",
}


class Page(NamedTuple):
    """What a report says: plain title and lede, sections as HTML."""

    title: str
    lede: str
    sections: list[str]


def page_of(run: RunFolder) -> Page:
    """Build the page of a run by the module of its command.

    Raises
    ------
    BadInput
        The run is of a command that this version does not know.
    """
    command = run.record["command"]
    if command not in MODULES:
        raise BadInput(f"{run.path} is a run of {command!r}, which has no report. Hint: upgrade atomloom.")
    made: Page = importlib.import_module(f"atomloom.app.pages.{MODULES[command]}").page(run)
    return made
