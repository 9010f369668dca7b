"""The page of a run of `atomloom bars`: the bars over time, and how their returns are spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomloom.app import page as html
from atomloom.app.pages import Page
from atomloom.app.pages.parts import how_it_ran, moment, rejected, what_was_asked

if TYPE_CHECKING:
    from atomloom.app.runs import RunFolder


def page(run: RunFolder) -> Page:
    """Build the page from the table of bars."""
    from atomloom.app import market_charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    record, summary = run.record, run.record["summary"]
    bars = run.read_frame("bars.csv", times=("start", "end"))
    lede = (
        f"{summary['trades']:,} trades from {moment(summary['first'])} to {moment(summary['last'])} UTC in "
        f"{summary['n_bars']:,} {summary['kind']} bars." + rejected(record)
    )
    facts = [
        ("trades", f"{summary['trades']:,}"),
        ("bars", f"{summary['n_bars']:,}"),
        ("trades per bar", f"{summary['trades_mean']:,.1f}"),
    ]
    if summary["return_kurtosis"] is not None:
        facts += [
            ("kurtosis", f"{summary['return_kurtosis']:.2f}"),
            ("skewness", f"{summary['return_skew']:+.2f}"),
            ("autocorrelation", f"{summary['return_autocorrelation']:+.3f}"),
        ]
    note = (
        "Returns are logs of close over close. The book expects bars that follow activity to have returns nearer to a "
        "normal distribution (kurtosis 3) that depend less on each other (AFML 2.3); compare with --kind time."
    )
    sections = [
        html.tiles(facts),
        html.section("Bars", html.figure(market_charts.bars_over_time(bars))),
    ]
    if summary["return_std"]:
        sections.append(html.section("Returns", html.figure(market_charts.returns(bars)), note=note))
    sections += [how_it_ran(run), what_was_asked(record)]
    return Page(f"Bars of {summary['symbol']}", lede, sections)
