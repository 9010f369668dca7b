"""``atomloom report``: the page of a run, rebuilt from its folder alone, the same bytes every time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from atomloom.app import page
from atomloom.app.options import emit_json, say_result
from atomloom.app.runs import RunFolder
from atomloom.engine.budget import show_size

if TYPE_CHECKING:
    import pandas as pd

_EVENT_ROWS = 40


@click.command()
@click.argument("run", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the run's summary as one JSON object.")
def command(run: Path, *, as_json: bool) -> None:
    """Rebuild report.html of the run folder RUN from the files in it."""
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
    bars = run.read_frame("bars.csv", times=("time",))
    events = run.read_frame("episodes.csv", times=("start", "end"))
    trace = _trace(run.path / "trace.jsonl")
    lede = (
        f"{summary['trades']:,} trades from {_moment(summary['first'])} to {_moment(summary['last'])} UTC, "
        f"{summary['volume']:,} contracts or shares in {summary['bars']:,} volume bars."
    )
    sections = [
        page.tiles(_tiles(summary)),
        _market(record, bars, events),
        _events(events),
        _grid(run, record),
        _work(record, trace),
        _provenance(record),
    ]
    version = record["versions"]["atomloom"]
    footer = f"Made by atomloom {version} at {record['created']}, configuration {record['config_hash']}."
    return page.document(f"VPIN of {summary['symbol']}", lede, sections, footer)


def _tiles(summary: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("trades", f"{summary['trades']:,}"),
        ("volume bars", f"{summary['bars']:,}"),
        ("last VPIN", f"{summary['vpin_last']:.3f}"),
        ("highest VPIN", f"{summary['vpin_max']:.3f}"),
        ("VPIN events", f"{summary['events']:,}"),
        ("combinations", f"{summary['combinations']:,}"),
        ("time", f"{summary['seconds']:.1f} s"),
    ]


def _market(record: dict[str, Any], bars: pd.DataFrame, events: pd.DataFrame) -> str:
    from atomloom.app import charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    threshold = record["config"]["vpin"]["tau"]
    svg = charts.price_and_vpin(bars, events, threshold, "time, UTC")
    note = (
        "VPIN is the imbalance of volume classified as bought and sold, over a window of buckets of equal volume. "
        "Its CDF is the share of all VPIN values of the run that are no larger, so the threshold looks ahead: "
        "this page describes the past and predicts nothing."
    )
    return page.section("Price and VPIN", page.figure(svg), note=note)


def _events(events: pd.DataFrame) -> str:
    if events.empty:
        return page.section("Events", note="The CDF of VPIN never rose above the threshold.")
    header = ["starts, UTC", "ends, UTC", *(name.replace("_", " ") for name in events.columns[2:])]
    rows = [
        [_moment(row[0]), _moment(row[1]), *(_cell(value) for value in row[2:])]
        for row in events.head(_EVENT_ROWS).itertuples(index=False)
    ]
    more = f"The first {_EVENT_ROWS} of {len(events):,}; all are in episodes.csv." if len(events) > _EVENT_ROWS else ""
    return page.section("Events", page.table(header, rows, text=(0, 1)), note=more)


def _grid(run: RunFolder, record: dict[str, Any]) -> str:
    from atomloom.app import charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    grid = run.read_frame("grid.csv")
    axes = [name for name, values in record["config"]["grid"].items() if len(values) > 1]
    figures = []
    if len(axes) >= 2:
        x, y = axes[0], axes[1]
        figures.append(page.figure(charts.grid_map(grid, x, y, "events", "Number of VPIN events")))
    return page.section("Grid of parameters", *figures)


def _work(record: dict[str, Any], trace: list[dict[str, Any]]) -> str:
    from atomloom.app import charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    return page.section(
        "How it ran", page.figure(charts.stages(record["stages"])), page.figure(charts.molecules(trace))
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


def _moment(value: Any) -> str:
    return str(value).replace("T", " ")[:19]


def _cell(value: Any) -> str:
    return f"{value:,.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
