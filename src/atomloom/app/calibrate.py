"""``atomloom calibrate``: thousands of combinations of VPIN's parameters, judged before and after a split in time."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import click

from atomloom.app.options import RunOptions, run_options
from atomloom.app.sources import tick_options

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from atomloom.app.options import Chatter
    from atomloom.app.runs import RunFolder
    from atomloom.app.settings import CalibrateSettings
    from atomloom.market.calibration import Calibration

_PARTS = ("train", "test")


@click.command(short_help="Calibrate VPIN over thousands of combinations of parameters.")
@tick_options
@click.option("--split", type=float, help="Share of the data to choose by; the rest tests. [default: 0.5]")
@click.option("--split-at", help="Moment at which the test part begins instead, UTC.")
@click.option("--min-events", type=int, help="Judged events that the best combination must have. [default: 20]")
@run_options
def command(run: RunOptions, file: Path | None, **given: Any) -> None:
    """Calibrate VPIN on the trades of FILE; of a store without --symbol, on all instruments.

    The default grid has 16,000 combinations; another one goes into the [grid] table of --config.
    """
    from atomloom.app import on_trades  # noqa: PLC0415  # --help owes nobody numpy
    from atomloom.app.settings import CalibrateSettings  # noqa: PLC0415  # same

    own = ("split", "split_at", "min_events")
    on_trades.execute("calibrate", CalibrateSettings(), run, file, given, own, _work, _say)


def _work(
    path: Path, settings: CalibrateSettings, run: RunOptions, folder: RunFolder, chatter: Chatter
) -> dict[str, Any]:
    from atomloom import market  # noqa: PLC0415  # same
    from atomloom.app.pipeline import listener_of  # noqa: PLC0415  # same

    with contextlib.ExitStack() as stack:
        trades = _trades(path, settings, run, folder, chatter, stack)
        with folder.stage("calibrate"):
            found = market.calibrate(
                trades,
                settings.grid.axes(),
                base=settings.vpin,
                split=settings.split_at or settings.split,
                threads=run.threads,
                journal=folder.path / "journal",
                progress=listener_of(folder, run),
                min_events=settings.min_events,
            )
    with folder.stage("tables"):
        folder.write_frame("combinations.csv", found.to_frame())
        folder.write_frame("effects.csv", _effects(found))
        heat = _heat(found)
        if heat is not None:
            folder.write_frame("heat.csv", heat)
    values = found.to_dict()
    return {
        "symbols": found.symbols,
        "trades": int(sum(values["trades"].values())),
        "text": found.summary(),
        "varied": found.varied,
        **{
            name: values[name] for name in ("n_combinations", "n_runs", "n_feasible", "min_events", "best", "shrinkage")
        },
        "sensitivity": values["sensitivity"],
        "work_seconds": values["seconds"],
    }


def _trades(
    path: Path,
    settings: CalibrateSettings,
    run: RunOptions,
    folder: RunFolder,
    chatter: Chatter,
    stack: contextlib.ExitStack,
) -> Any:
    """Give one instrument's trades, or the store itself for all of its instruments."""
    import atomloom  # noqa: PLC0415  # with the store behind it
    from atomloom.app.sources import is_store, read_trades  # noqa: PLC0415  # same

    how = settings.ticks
    if is_store(path) and how.symbol is None and not how.start and not how.end:
        return stack.enter_context(atomloom.store.open_store(path))
    return read_trades(path, how, folder, chatter, run.threads)


def _effects(found: Calibration) -> pd.DataFrame:
    """Tell the pooled rate of each value of each parameter, in training and test."""
    import pandas as pd  # noqa: PLC0415  # same

    tables = []
    for name in found.varied:
        for part in _PARTS:
            table = found.curve(name, part).rename(columns={name: "value"})
            tables.append(table.assign(value=table["value"].astype(str), parameter=name, part=part))
    return pd.concat(tables) if tables else pd.DataFrame({"parameter": [], "value": [], "part": []})


def _heat(found: Calibration) -> pd.DataFrame | None:
    """Tell the test rate by the two parameters that matter most."""
    known = {name: share for name, share in found.sensitivity("all").items() if share == share}  # noqa: PLR0124  # not NaN
    names = sorted(known, key=lambda name: -known[name])[:2]
    if len(names) < 2:
        return None
    table = found.table(names[0], names[1], "test").reset_index().melt(names[1], var_name="across", value_name="rate")
    return table.rename(columns={names[1]: "down"}).assign(across_name=names[0], down_name=names[1])


def feasible(summary: dict[str, Any]) -> str:
    """Say how much of a grid had enough data; of several instruments, out of how many runs.

    Examples
    --------
    >>> feasible({"n_feasible": 7, "n_runs": 8, "symbols": ["A", "B"]})
    '7 of 8 runs of 2 instruments'
    """
    of = f" of {summary['n_runs']:,} runs of {len(summary['symbols'])} instruments"
    return f"{summary['n_feasible']:,}{of if len(summary['symbols']) > 1 else ''}"


def _say(folder: RunFolder) -> list[tuple[str, str]]:
    summary = folder.record["summary"]
    rows = [
        ("trades", f"{summary['trades']:,} of {', '.join(summary['symbols'])}"),
        ("grid", f"{summary['n_combinations']:,} combinations, {feasible(summary)} feasible"),
    ]
    best = summary["best"]
    if best is None:
        rows.append(("best", f"none has {summary['min_events']} judged training events"))
        return rows
    rows.append(("best", ", ".join(f"{name} {best['config'][name]}" for name in summary["varied"])))
    for part in _PARTS:
        judged = best[part]
        rate = judged["false_positive_rate"]
        text = "no event could be judged" if rate is None else (
            f"false positive rate {rate:.0%} ({judged['false']} of {judged['judged']}, "
            f"95% interval {judged['interval'][0]:.0%} to {judged['interval'][1]:.0%})"
        )  # fmt: skip
        rows.append((part, text))
    rows.append(("note", "the training rate is the lowest of many tries; only the test rate had no hand in the choice"))
    return rows
