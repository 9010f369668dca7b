"""The page of `atomloom demo`: VPIN on trades, a sweep on daily prices, and a million training samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomloom.app import page as html
from atomloom.app.pages import Page, samples, sweep, vpin

if TYPE_CHECKING:
    from atomloom.app.runs import RunFolder

_LAST = 2  # sections of the VPIN page that are of the whole run: how it ran, what was asked


def page(run: RunFolder) -> Page:
    """Build the page of all three from the tables of the folder."""
    made = vpin.page(run)
    if "sweep" not in run.record["summary"]:  # a run of an earlier version
        return made
    summary = run.record["summary"]["sweep"]
    begin = html.section("A sweep: which portfolio configuration is real?", note=sweep.lede(summary))
    own = [begin, *sweep.sections(run, summary)]
    if "samples" in run.record["summary"]:
        own.append(samples.short(run, run.record["summary"]["samples"]))
    return Page(made.title, made.lede, [*made.sections[:-_LAST], *own, *made.sections[-_LAST:]])
