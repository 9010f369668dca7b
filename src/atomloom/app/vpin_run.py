"""The work of `atomloom vpin` and `demo`: bars, VPIN, events, a grid of parameters."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any

import atomloom
from atomloom.app.on_trades import about, trades_line
from atomloom.app.pipeline import listener_of
from atomloom.engine.budget import resolve_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from atomloom.app.options import Chatter, RunOptions
    from atomloom.app.runs import RunFolder
    from atomloom.app.settings import DemoSettings
    from atomloom.market.result import VPINResult
    from atomloom.store.schema import Trades


def work(
    read: Callable[[RunFolder, Chatter], Trades],
    settings: DemoSettings,
    run: RunOptions,
    folder: RunFolder,
    chatter: Chatter,
) -> dict[str, Any]:
    """Compute everything of a VPIN run into its folder and give the summary."""
    trades = read(folder, chatter)
    with folder.stage("VPIN"):
        chatter.say("computing VPIN (the first time ever, kernels are compiled: some seconds)")
        result = atomloom.market.vpin(trades, settings.vpin)
    with folder.stage("controls"):
        controls = atomloom.market.controls(result, folder.record["seed"])
    grid = _grid(folder, settings, run, trades)
    with folder.stage("tables"):
        folder.write_frame("bars.csv", result.bars.to_frame())
        folder.write_frame("buckets.csv", result.to_frame())
        folder.write_frame("episodes.csv", _episodes(result))
        folder.write_frame("alerts.csv", atomloom.market.alerts(result).to_frame())
        folder.write_frame("controls.csv", controls.to_frame())
        folder.write_frame("grid.csv", _rows(grid))
        folder.write_lines("trace.jsonl", grid.trace.records)
    return _summary(folder, trades, result, grid)


def say(folder: RunFolder) -> list[tuple[str, str]]:
    """Tell a finished run in a few lines."""
    summary = folder.record["summary"]
    rate = summary["false_positive_rate"]
    judged = summary["n_true"] + summary["n_false"]
    verdict = (
        "no event can be judged" if rate is None else f"{summary['n_false']} of {judged} not followed by a large move"
    )
    top = "undefined" if summary["vpin_max"] is None else f"{summary['vpin_max']:.4f}"
    threshold = folder.record["config"]["vpin"]["threshold"]
    infeasible = summary["infeasible"]
    return [
        trades_line(summary),
        ("bars", f"{summary['n_bars']:,} of equal volume in {summary['n_buckets']:,} buckets"),
        ("VPIN", f"{summary['n_vpin']:,} values, highest {top}"),
        ("events", f"{summary['n_events']:,} above CDF {threshold:g}; {verdict} (a small sample shows little)"),
        (
            "grid",
            f"{summary['combinations']:,} points, "
            + (f"{infeasible:,} infeasible, " if infeasible else "")
            + f"{summary['molecules']:,} molecules, {summary['workers']} workers",
        ),
    ]


def _grid(folder: RunFolder, settings: DemoSettings, run: RunOptions, trades: Trades) -> Any:
    """Work the grid on the engine, a leaf for each kind of bars, journalled so that it can be resumed."""
    axes = settings.grid.axes(settings.vpin)
    grain = math.prod(len(values) for name, values in axes.items() if name not in settings.grid.BARS)
    leaves = math.prod(len(axes[name]) for name in settings.grid.BARS)
    workers = resolve_threads(run.threads)
    with folder.stage("grid"):
        return atomloom.run_parallel(
            partial(grid_rows, base=settings.vpin.to_dict()),
            atomloom.grid(**axes),
            num_threads=workers,
            mp_batches=max(1, math.ceil(leaves / workers)),
            grain=grain,
            journal=folder.path / "journal",
            progress=listener_of(folder, run),
            trades=trades,
        )


def grid_rows(molecule: Iterable[dict[str, Any]], trades: Trades, base: dict[str, Any]) -> list[dict[str, Any]]:
    """Compute the numbers of some points of the grid, one row each; no tables yet, so no worker loads pandas.

    Parameters
    ----------
    molecule : iterable of dict
        Points of the grid; neighbours share their bars.
    trades : Trades
    base : dict
        Fields of ``VPINConfig`` that the points leave open.

    Returns
    -------
    list of dict
        As :func:`atomloom.market.vpin_grid_row`.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store import read_trades
    >>> grid_rows([{"nu": 0.0}], read_trades(es_2013_09()), {"support_days": 0.5})[0]["n_buckets"]
    400
    """
    return atomloom.market.vpin_grid_rows(trades, [{**base, **point} for point in molecule])


def _rows(grid: Any) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  # after the workers: a process with pandas is costly to fork

    return pd.DataFrame([row for leaf in grid.value for row in leaf])


def _episodes(result: VPINResult) -> pd.DataFrame:
    """List the events with what a reader asks first: when, how long, at what price, how high, what came after."""
    import pandas as pd  # noqa: PLC0415  # the command line starts without it

    events = result.events
    spans = list(zip(events.start.tolist(), events.end.tolist(), strict=True))
    return pd.DataFrame(
        {
            "start": pd.to_datetime(events.start_ts, unit="ns", utc=True),
            "end": pd.to_datetime(events.end_ts, unit="ns", utc=True),
            "minutes": events.duration_ns / 6e10,
            "price": result.close[events.start],
            "cdf_max": [float(result.cdf[lo : max(hi, lo + 1)].max()) for lo, hi in spans],
            "move": events.move,
            "large": [{1: "yes", 0: "no"}.get(int(flag), "unknown") for flag in events.true],
        }
    )


def _summary(folder: RunFolder, trades: Trades, result: VPINResult, grid: Any) -> dict[str, Any]:
    return {
        **about(folder, trades),
        **result.scalars(),
        "combinations": sum(len(leaf) for leaf in grid.value),
        "infeasible": sum(row["infeasible"] != "" for leaf in grid.value for row in leaf),
        "molecules": len(grid.plan.molecules),
        "workers": grid.trace.workers,
        "utilisation": grid.trace.utilisation(),
        "deaths": grid.trace.deaths,
    }
