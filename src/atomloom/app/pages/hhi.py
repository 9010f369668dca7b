"""The page of a run of `atomloom hhi`: the index over time, and the venues."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from atomloom.app import page as html
from atomloom.app.pages import Page
from atomloom.app.pages.parts import how_it_ran, moment, rejected, what_was_asked

if TYPE_CHECKING:
    from atomloom.app.runs import RunFolder


def page(run: RunFolder) -> Page:
    """Build the page from the table of windows and the table of venues."""
    from atomloom.app import market_charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    record, summary = run.record, run.record["summary"]
    windows = run.read_frame("hhi.csv", times=("start", "end"))
    venues = run.read_frame("venues.csv")
    kind = "trades" if "trades" in summary else "quotes"
    lede = (
        f"{summary[kind]:,} {kind} from {moment(summary['first'])} to {moment(summary['last'])} UTC at "
        f"{summary['venues']} venues." + rejected(record)
    )
    note = (
        "The Herfindahl index is the sum of the squared shares of the venues: 1 where one venue has everything, 1/k "
        "where k venues share alike. "
        + (f"{summary['flagged']:,} {kind} that the source doubts are left out. " if summary["flagged"] else "")
        + (f"{summary['outside']:,} {kind} lie outside the session." if summary["outside"] else "")
    )
    facts = [
        ("mean HHI", f"{summary['hhi_mean']:.4f}"),
        ("lowest", f"{summary['hhi_min']:.4f}"),
        ("highest", f"{summary['hhi_max']:.4f}"),
        ("equal venues", f"{1 / summary['hhi_mean']:.1f}"),
        ("windows", f"{summary['windows']:,}"),
        ("left out", f"{summary['flagged'] + summary['outside']:,}"),
    ]
    rows = [
        (venue, f"{count:,}", f"{size:,}", "< 0.01%" if share < 5e-5 else f"{share:.2%}")
        for venue, count, size, share in cast("Any", venues.itertuples(index=False))
    ]
    sections = [
        html.tiles(facts),
        html.section("Fragmentation", html.figure(market_charts.hhi_over_time(windows)), note=note),
        html.section(
            "Venues",
            html.table((*venues.columns[:3], f"share of {venues.columns[2]}"), rows),
            note=f"All {kind} that count by their flags, inside and outside the session.",
        ),
        how_it_ran(run),
        what_was_asked(record),
    ]
    return Page(f"Fragmentation of {summary['symbol']}", lede, sections)
