"""From trades to a finished run folder: HDF5, bars, VPIN, events, a grid of parameters, the report."""

from __future__ import annotations

import math
import time
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import atomloom
from atomloom.app import config, interrupts
from atomloom.app.facts import provenance
from atomloom.app.options import Chatter, RunOptions, emit_json, say_result
from atomloom.app.report import write_report
from atomloom.app.runs import RunFolder
from atomloom.engine.budget import resolve_threads
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import pandas as pd

    from atomloom.app.settings import DemoSettings
    from atomloom.market.result import VPINResult
    from atomloom.store.schema import Trades

    Reader = Callable[[RunFolder, Chatter], Trades]


Settings = TypeVar("Settings", bound="DemoSettings")


def settled(run: RunOptions, defaults: Settings, command: str) -> Settings:
    """Find the settings of a run: those of the resumed run, or the defaults under the user's file.

    Raises
    ------
    BadInput
        The file or the folder does not fit the command.
    """
    if run.resume is None:
        return config.load(run.config, defaults) if run.config else defaults
    record = RunFolder.open(run.resume).record
    if record["command"] != command:
        raise BadInput(f"{run.resume} is a run of {record['command']!r}. Hint: atomloom {record['command']} --resume.")
    return config.update(defaults, record["config"], str(run.resume / "run.json"))


def execute(command: str, settings: DemoSettings, run: RunOptions, read: Reader, source: str) -> None:
    """Run the pipeline into a folder, new or resumed, and print the summary on stdout.

    Parameters
    ----------
    command : str
        Name of the subcommand, for the folder and for resuming.
    settings : DemoSettings or VpinSettings
    run : RunOptions
    read : callable
        Reads the trades; called once, unless the folder holds them already.
    source : str
        Where they come from, as the user named it.
    """
    chatter = Chatter(quiet=run.quiet)
    if run.resume is not None:
        folder = RunFolder.open(run.resume)
        folder.event("resumed", **provenance())
    else:
        seed = 0 if run.seed is None else run.seed
        folder = RunFolder.create(command, config.to_dict(settings), out=run.out, seed=seed)
        folder.record["source"] = source
    if folder.record["status"] == "done":
        chatter.say(f"{folder.path} is done already; here is its summary")
        if not (folder.path / "report.html").is_file():  # killed after the numbers, before the page
            write_report(folder)
    else:
        chatter.say(f"run folder: {folder.path}")
        with folder.running():
            _work(folder, settings, run, read, chatter)
    if run.as_json:
        emit_json({"run": str(folder.path), "report": str(folder.path / "report.html"), **folder.record["summary"]})
    else:
        say_result(_page(folder))


def _work(folder: RunFolder, settings: DemoSettings, run: RunOptions, read: Reader, chatter: Chatter) -> None:
    trades = _trades(folder, read, chatter)
    with folder.stage("VPIN"):
        chatter.say("computing VPIN (the first time ever, kernels are compiled: some seconds)")
        result = atomloom.market.vpin(trades, settings.vpin)
    grid = _grid(folder, settings, run, trades)
    with folder.stage("tables"):
        folder.write_frame("bars.csv", result.bars.to_frame())
        folder.write_frame("buckets.csv", result.to_frame())
        folder.write_frame("episodes.csv", _episodes(result))
        folder.write_frame("grid.csv", _rows(grid))
        folder.write_lines("trace.jsonl", grid.trace.records)
    folder.finish({**_summary(folder, trades, result, grid), "seconds": folder.seconds()})
    # Not a stage: a report that told its own time could not be rebuilt to the same bytes.
    began = time.monotonic()
    write_report(folder)
    folder.event("report written", seconds=round(time.monotonic() - began, 6))


def _trades(folder: RunFolder, read: Reader, chatter: Chatter) -> Trades:
    """Read the trades, keep them as typed HDF5, and go on from what the file says."""
    file = folder.path / "trades.h5"
    if not file.is_file():
        chatter.say(f"reading {folder.record['source']}")
        with folder.stage("read trades"):
            trades = read(folder, chatter)
        with folder.stage("write HDF5"):
            atomloom.store.write_trades(file, trades, source=folder.record["source"])
    with folder.stage("read HDF5"):
        return atomloom.store.read_trades(file)


def _grid(folder: RunFolder, settings: DemoSettings, run: RunOptions, trades: Trades) -> Any:
    """Work the grid on the engine, a leaf for each kind of bars, journalled so that it can be resumed."""
    from atomloom.engine.progress import Event, listener, to_json  # noqa: PLC0415  # the engine, only when it runs

    axes = settings.grid.axes(settings.vpin)
    grain = math.prod(len(values) for name, values in axes.items() if name not in settings.grid.BARS)
    leaves = math.prod(len(axes[name]) for name in settings.grid.BARS)
    workers = resolve_threads(run.threads)
    draw = None if run.quiet else listener(None)

    def note(event: Event) -> None:
        interrupts.check()  # the longest stage: an interruption that was lost is found at its next event
        details = to_json(event)
        folder.event(details.pop("event"), **details)
        if draw is not None:
            draw(event)

    with folder.stage("grid"):
        return atomloom.run_parallel(
            partial(grid_rows, base=settings.vpin.to_dict()),
            atomloom.grid(**axes),
            num_threads=workers,
            mp_batches=max(1, math.ceil(leaves / workers)),
            grain=grain,
            journal=folder.path / "journal",
            progress=note,
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
    scalars = result.scalars()
    first, last = (f"{moment}Z" for moment in _iso(trades.ts[[0, -1]]))
    csv = folder.record.get("csv")
    return {
        "symbol": trades.symbol,
        "trades": len(trades),
        **({"rows_read": csv["n_read"], "rejected": csv["n_rejected"]} if csv else {}),
        "volume": trades.volume,
        "first": first,
        "last": last,
        **scalars,
        "combinations": sum(len(leaf) for leaf in grid.value),
        "infeasible": sum(row["infeasible"] != "" for leaf in grid.value for row in leaf),
        "molecules": len(grid.plan.molecules),
        "workers": grid.trace.workers,
        "utilisation": grid.trace.utilisation(),
        "deaths": grid.trace.deaths,
    }


def _iso(ts: Any) -> list[str]:
    return [str(moment) for moment in ts.astype("datetime64[ns]").astype("datetime64[ms]")]


def _page(folder: RunFolder) -> str:
    """Say the summary in a few lines for a person."""
    summary = folder.record["summary"]
    rate = summary["false_positive_rate"]
    judged = summary["n_true"] + summary["n_false"]
    verdict = (
        "no event can be judged" if rate is None else f"{summary['n_false']} of {judged} not followed by a large move"
    )
    top = "undefined" if summary["vpin_max"] is None else f"{summary['vpin_max']:.4f}"
    threshold = folder.record["config"]["vpin"]["threshold"]
    rejected, infeasible = summary.get("rejected", 0), summary["infeasible"]
    count = f"{summary['trades']:,}"
    if rejected:
        count += f" of {summary['rows_read']:,} rows ({rejected:,} rejected, see rejects.csv)"
    rows = [
        ("trades", f"{count} of {summary['symbol']}, {summary['first'][:16]} to {summary['last'][:16]} UTC"),
        ("bars", f"{summary['n_bars']:,} of equal volume in {summary['n_buckets']:,} buckets"),
        ("VPIN", f"{summary['n_vpin']:,} values, highest {top}"),
        ("events", f"{summary['n_events']:,} above CDF {threshold:g}; {verdict} (a small sample shows little)"),
        (
            "grid",
            f"{summary['combinations']:,} points, "
            + (f"{infeasible:,} infeasible, " if infeasible else "")
            + f"{summary['molecules']:,} molecules, {summary['workers']} workers",
        ),
        ("time", f"{summary['seconds']:.1f} s"),
        ("report", str(folder.path / "report.html")),
    ]
    return "\n".join(f"{name:<7} {value}" for name, value in rows)
