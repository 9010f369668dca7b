"""The page of a run of `atomloom spectrum`: the band with its lines, the line test, the second of the minute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from atomloom.app import page as html
from atomloom.app.pages import Page
from atomloom.app.pages.parts import how_it_ran, moment, rejected, what_was_asked

if TYPE_CHECKING:
    from atomloom.app.runs import RunFolder


_ONCE = (
    ". A burst at the same second of every session, as at an open, fills a bin without any clock; with each second "
    "that traded counted once, bin {top} is fullest, p {p:.3g}."
)


def page(run: RunFolder) -> Page:
    """Build the page from the tables of the folder."""
    from atomloom.app import spectrum_charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    record, summary = run.record, run.record["summary"]
    asked = record["config"]
    lede = (
        f"The times of {summary['trades']:,} trades from {moment(summary['first'])} to {moment(summary['last'])} UTC."
        + rejected(record)
    )
    peaks = [
        (f"{row.frequency:.6f}", f"{row.period:.3f}", f"{row.power:,.1f}")
        for row in cast("Any", run.read_frame("peaks.csv").itertuples(index=False))
    ]
    line, fold = summary["line"], summary["fold"]
    band_note = (
        "Power is 1 on average for events that come at random. Sessions repeat daily, so strong lines have sidebands a "
        "day's frequency away; only a comparison with those neighbours, and with random copies of the data that keep "
        "the profile of the day, says whether a line is more than them."
    )
    sections = [
        html.tiles(
            [
                ("trades", f"{summary['trades']:,}"),
                (f"line at {asked['line']:g} s", "found" if line["found"] else "not found"),
                (f"share of bin {fold['top']}", f"{fold['top_share']:.2%}"),
                ("p, each second once", f"{summary['fold_once']['p_value']:.3g}"),
            ]
        ),
        html.section(
            "Spectrum",
            html.figure(spectrum_charts.band(run.read_frame("spectrum.csv"), 1 / asked["line"])),
            html.table(("frequency, Hz", "period, s", "power"), peaks, text=()),
            note=band_note,
        ),
        html.section(
            f"Line at {asked['line']:g} seconds",
            html.figure(spectrum_charts.line(run.read_frame("line.csv"))),
            note=_sentence(line["text"]) + ".",
        ),
        html.section(
            "Second of the minute" if asked["period"] == 60 else f"Folded by {asked['period']:g} seconds",
            html.figure(spectrum_charts.folded(run.read_frame("fold.csv"), summary["sigma"])),
            note=_sentence(fold["text"])
            + _ONCE.format(top=summary["fold_once"]["top"], p=summary["fold_once"]["p_value"]),
        ),
        how_it_ran(run),
        what_was_asked(record),
    ]
    return Page(f"Spectrum of {summary['symbol']}", lede, sections)


def _sentence(text: str) -> str:
    """Make one sentence of the lines of a summary."""
    joined = text.replace("\n", "; ")
    return joined[:1].upper() + joined[1:]
