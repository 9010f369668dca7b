"""The page of a VPIN run: price and VPIN, events, the grid of parameters."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

from atomloom.app import page as html
from atomloom.app.pages import Page
from atomloom.app.pages.parts import decimals, how_it_ran, moment, rejected, what_was_asked

if TYPE_CHECKING:
    import pandas as pd

    from atomloom.app.runs import RunFolder

_EVENT_ROWS = 40
_ALARMS = {
    "vpin": "VPIN events",
    "always": "always",
    "random": "at random",
    "volatility": "at buckets of like volatility",
    "volume": "at buckets of like volume",
}
_MAPS = (
    ("threshold", "support_days", "n_events", "Number of events"),
    ("bars_per_bucket", "nu", "vpin_mean", "Mean VPIN"),
)


def page(run: RunFolder) -> Page:
    """Build the page from the tables of the folder."""
    record, summary = run.record, run.record["summary"]
    moments = ("start", "end")
    bars, buckets = run.read_frame("bars.csv", times=moments), run.read_frame("buckets.csv", times=moments)
    events = run.read_frame("episodes.csv", times=moments)
    lede = (
        f"{summary['trades']:,} trades with a volume of {summary['volume']:,}, from {moment(summary['first'])} to "
        f"{moment(summary['last'])} UTC, in {summary['n_bars']:,} bars of equal volume." + rejected(record)
    )
    sections = [
        html.tiles(_tiles(summary)),
        _market(record, bars, buckets, events),
        _events(record, events),
        _controls(run.read_frame("controls.csv")),
        _grid(record, run.read_frame("grid.csv")),
        how_it_ran(run),
        what_was_asked(record),
    ]
    return Page(f"VPIN of {summary['symbol']}", lede, sections)


def _tiles(summary: dict[str, Any]) -> list[tuple[str, str]]:
    judged = summary["n_true"] + summary["n_false"]
    return [
        ("trades", f"{summary['trades']:,}"),
        ("buckets", f"{summary['n_buckets']:,}"),
        ("highest VPIN", "none" if summary["vpin_max"] is None else f"{summary['vpin_max']:.4f}"),
        ("VPIN events", f"{summary['n_events']:,}"),
        ("false events", f"{summary['n_false']:,} of {judged:,}"),
        ("combinations", f"{summary['combinations']:,}"),
        ("time", f"{summary['seconds']:.1f} s"),
    ]


def _market(record: dict[str, Any], bars: pd.DataFrame, buckets: pd.DataFrame, events: pd.DataFrame) -> str:
    from atomloom.app import charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    asked, ahead = record["config"]["vpin"], record["summary"]["looks_ahead"].replace(",", ", ").replace("_", " ")
    among = "all of its values" if asked["cdf"] == "sample" else "its values up to then"
    note = (
        "VPIN is the imbalance between volume classified as bought and as sold, over a window of buckets of equal "
        f"volume; its CDF says where it stands among {among}. "
        f"An event lasts while the CDF is above {asked['threshold']:g}."
        + (f" Looks ahead in: {ahead}." if ahead else "")
    )
    svg = charts.price_and_vpin(bars, buckets, events, asked["threshold"])
    return html.section("Price and VPIN", html.figure(svg), note=note)


def _events(record: dict[str, Any], events: pd.DataFrame) -> str:
    asked, summary = record["config"]["vpin"], record["summary"]
    if events.empty:
        return html.section("Events", note=f"The CDF of VPIN was never above {asked['threshold']:g}.")
    shown = events.head(_EVENT_ROWS)
    places = decimals(shown["price"].tolist())
    header = ["starts, UTC", "ends, UTC", "minutes", "price", "highest CDF", "move after", "large?"]
    rows = [
        [
            *(
                moment(row.start),
                moment(row.end),
                f"{row.minutes:,.1f}",
                f"{row.price:,.{places}f}",
                f"{row.cdf_max:.3f}",
            ),
            *("" if math.isnan(float(row.move)) else f"{row.move:.2%}", row.large),
        ]
        for row in cast("Any", shown.itertuples(index=False))
    ]
    note = (
        f"The move is the widest log return within {asked['horizon_days']:g} days of volume after the start. "
        f"It is large above the {asked['null_quantile']:.0%} quantile of the moves after all buckets"
        + ("" if summary["null_move"] is None else f" ({summary['null_move']:.2%})")
        + ", so a signal that knows nothing is false in "
        + f"{asked['null_quantile']:.0%} of its events. A small sample shows little, and nothing about other days."
    )
    if len(events) > _EVENT_ROWS:
        note += f" The first {_EVENT_ROWS} of {len(events):,} events; all are in episodes.csv."
    return html.section("Events", html.table(header, rows, text=(0, 1, 6)), note=note)


def _controls(controls: pd.DataFrame) -> str:
    rows = [
        (
            _ALARMS.get(row.alarms, row.alarms),
            f"{row.n:,}",
            "" if math.isnan(float(row.false_positive_rate)) else f"{row.false_positive_rate:.0%}",
            "" if math.isnan(float(row.low)) else f"{row.low:.0%} to {row.high:.0%}",
        )
        for row in cast("Any", controls.itertuples(index=False))
    ]
    note = (
        "As many alarms placed without VPIN, and judged alike. If alarms matched by volatility or volume do as well, "
        "VPIN adds nothing to them."
    )
    header = ("alarms", "number", "false positive rate", "95% interval")
    return html.section("Controls", html.table(header, rows), note=note)


def _grid(record: dict[str, Any], grid: pd.DataFrame) -> str:
    from atomloom.app import charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    varying = {name for name in record["config"]["grid"] if len(set(grid[name])) > 1}
    figures = [
        html.figure(charts.grid_map(grid, x, y, value, label))
        for x, y, value, label in _MAPS
        if {x, y} <= varying and grid[value].notna().any()
    ]
    infeasible = record["summary"]["infeasible"]
    note = (
        f"{len(grid):,} combinations of {len(varying)} parameters, each computed from the trades; the numbers are in "
        "grid.csv."
        + (f" {infeasible:,} of them ask for more data than there is." if infeasible else "")
        + " The level of VPIN is a matter of parameters, only its rank says something."
        + (" A figure is the mean over the parameters that it does not show." if figures else "")
    )
    return html.section("Grid of parameters", *figures, note=note)
