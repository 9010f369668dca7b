"""``atomloom report``: the page of a run, rebuilt from its folder alone, the same bytes every time."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from atomloom.app import page
from atomloom.app.options import emit_json, say_result
from atomloom.engine.budget import show_size

if TYPE_CHECKING:
    import pandas as pd

    from atomloom.app.runs import RunFolder

_EVENT_ROWS = 40
_MAPS = (
    ("threshold", "support_days", "n_events", "Number of events"),
    ("bars_per_bucket", "nu", "vpin_mean", "Mean VPIN"),
)


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
    record, summary = run.record, run.record["summary"]
    moments = ("start", "end")
    bars, buckets = run.read_frame("bars.csv", times=moments), run.read_frame("buckets.csv", times=moments)
    events = run.read_frame("episodes.csv", times=moments)
    lede = (
        f"{summary['trades']:,} trades with a volume of {summary['volume']:,}, from {_moment(summary['first'])} to "
        f"{_moment(summary['last'])} UTC, in {summary['n_bars']:,} bars of equal volume."
    )
    if summary.get("rejected"):
        lede += f" {summary['rejected']:,} of {summary['rows_read']:,} rows of the file were rejected: see rejects.csv."
    sections = [
        page.tiles(_tiles(summary)),
        _market(record, bars, buckets, events),
        _events(record, events),
        _grid(record, run.read_frame("grid.csv")),
        _work(record, _trace(run.path / "trace.jsonl")),
        _provenance(record),
    ]
    version = record["versions"]["atomloom"]
    footer = f"Made by atomloom {version} at {record['created']}, configuration {record['config_hash']}."
    return page.document(f"VPIN of {summary['symbol']}", lede, sections, footer)


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
    return page.section("Price and VPIN", page.figure(svg), note=note)


def _events(record: dict[str, Any], events: pd.DataFrame) -> str:
    asked, summary = record["config"]["vpin"], record["summary"]
    if events.empty:
        return page.section("Events", note=f"The CDF of VPIN was never above {asked['threshold']:g}.")
    shown = events.head(_EVENT_ROWS)
    places = _decimals(shown["price"].tolist())
    header = ["starts, UTC", "ends, UTC", "minutes", "price", "highest CDF", "move after", "large?"]
    rows = [
        [
            *(
                _moment(row.start),
                _moment(row.end),
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
    return page.section("Events", page.table(header, rows, text=(0, 1, 6)), note=note)


def _grid(record: dict[str, Any], grid: pd.DataFrame) -> str:
    from atomloom.app import charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    varying = {name for name in record["config"]["grid"] if len(set(grid[name])) > 1}
    figures = [
        page.figure(charts.grid_map(grid, x, y, value, label))
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
    return page.section("Grid of parameters", *figures, note=note)


def _work(record: dict[str, Any], trace: list[dict[str, Any]]) -> str:
    from atomloom.app import charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    return page.section(
        "How it ran",
        page.figure(charts.stages(record["stages"])),
        *([page.figure(charts.molecules(trace))] if trace else []),
    )


def _provenance(record: dict[str, Any]) -> str:
    machine = record["machine"]
    limit = f", limited to {show_size(machine['memory_limit'])}" if machine["memory_limit"] else ""
    where = [
        ("command", record["command_line"]),
        ("seed", record["seed"]),
        ("made", record["created"]),
        ("machine", f"{machine['system']} {machine['arch']}, {machine['cores']} of {machine['logical']} cores"),
        ("memory", f"{show_size(machine['memory_total'])}{limit}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in record["versions"].items())),
    ]
    settings = [
        (f"{table}.{name}", value) for table, values in record["config"].items() for name, value in values.items()
    ]
    halves = f'<div class="half"><div>{page.pairs(settings)}</div><div>{page.pairs(where)}</div></div>'
    return page.section("What was asked, and of what machine", halves)


def _trace(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


def _decimals(prices: list[float]) -> int:
    """Count the decimals that show every price to ten digits, so that a column of them is even."""
    return max((-int(Decimal(f"{price:.10g}").as_tuple().exponent) for price in [0.0, *prices]), default=0)


def _moment(value: Any) -> str:
    return str(value).replace("T", " ")[:19]
