"""The page of a run of `atomloom ingest`: what became of the rows, and the days."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomloom.app import page as html
from atomloom.app.pages import Page
from atomloom.app.pages.parts import how_it_ran, what_was_asked

if TYPE_CHECKING:
    from atomloom.app.runs import RunFolder

_FIGURES = 8


def page(run: RunFolder) -> Page:
    """Build the page from the accounts of the files and the tables of days."""
    from atomloom.app import market_charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    record, summary = run.record, run.record["summary"]
    lede = (
        f"{summary['n_read']:,} rows read = {summary['n_stored']:,} stored + {summary['n_rejected']:,} rejected, "
        f"from {summary['files']:,} files."
    )
    facts = [
        ("stored", f"{summary['n_stored']:,}"),
        ("rejected", f"{summary['n_rejected']:,}"),
        ("text", f"{summary['bytes'] / 1e6:,.1f} MB"),
        ("in the store", f"{summary['stored_bytes'] / 1e6:,.1f} MB"),
    ]
    accounts = [
        (
            name,
            f"{report['n_read']:,}",
            f"{report['n_stored']:,}",
            f"{report['n_rejected']:,}",
            f"{report['tick_size']:g}",
        )
        for name, report in record["done"].items()
    ]
    reasons = [
        (name, reason, f"{count:,}")
        for name, report in record["done"].items()
        for reason, count in report["reasons"].items()
    ]
    days = [
        html.section(
            f"Days of {symbol}", html.figure(market_charts.rows_by_day(run.read_frame(f"days-{symbol}.csv", ("day",))))
        )
        for symbol in summary["symbols"][:_FIGURES]
    ]
    sections = [
        html.tiles(facts),
        html.section("Files", html.table(("file", "rows", "stored", "rejected", "tick"), accounts)),
        *([html.section("Reasons", html.table(("file", "reason", "rows"), reasons, text=(0, 1)))] if reasons else []),
        *days,
        how_it_ran(run),
        what_was_asked(record),
    ]
    return Page(f"Ingest into {summary['store']}", lede, sections)
