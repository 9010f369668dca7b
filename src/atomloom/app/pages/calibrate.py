"""The page of a run of `atomloom calibrate`: the best in training, what it is worth, and what matters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atomloom.app import page as html
from atomloom.app.pages import Page
from atomloom.app.pages.parts import how_it_ran, rejected, what_was_asked

if TYPE_CHECKING:
    from atomloom.app.runs import RunFolder


def page(run: RunFolder) -> Page:
    """Build the page from the tables of the folder."""
    from atomloom.app import calibration_charts as charts  # noqa: PLC0415  # loads matplotlib

    record, summary = run.record, run.record["summary"]
    combinations, effects = run.read_frame("combinations.csv"), run.read_frame("effects.csv")
    lede = (
        f"{summary['n_combinations']:,} combinations of VPIN's parameters on {summary['trades']:,} trades of "
        f"{', '.join(summary['symbols'])}, chosen by the first part of the data and tested by the rest."
        + rejected(record)
    )
    sections = [html.tiles(_tiles(summary)), _best(summary)]
    chance = record["config"]["vpin"]["null_quantile"]
    curves = effects[effects["parameter"] == "threshold"] if len(effects) else effects
    if len(curves):
        note = (
            "The share of events that no large move followed, pooled over all other parameters. The bars are 95% "
            "intervals that take events as independent; combinations judge the same moves again and again, so they are "
            f"far too narrow. Knowing nothing gives {chance:.0%} (dashed)."
        )
        figure = html.figure(charts.curve(curves, chance))
        sections.append(html.section("False positives by threshold", figure, note=note))
    heat = run.read_frame("heat.csv") if (run.path / "heat.csv").is_file() else None
    if heat is not None and heat["rate"].notna().any():
        note = "False positive rate in the test part, by the two parameters that explain most of it, all others pooled."
        sections.append(html.section("Calibration", html.figure(charts.heat(heat)), note=note))
    known = {name: share for name, share in summary["sensitivity"].items() if share is not None}
    if known:
        note = "How much of the variance of the rate over the grid each parameter explains on its own (main effects)."
        sections.append(html.section("Sensitivity", html.figure(charts.sensitivity(known)), note=note))
    if charts.paired(combinations, summary["min_events"]).any():
        note = (
            "Each point is a combination with enough events in both parts. Were the training rate worth what it says, "
            "points would lie on the line; the lowest in training do not, because they were chosen for being low."
        )
        figure = html.figure(charts.shrinkage(combinations, summary["min_events"]))
        sections.append(html.section("In sample and out of sample", figure, note=note))
    sections += [how_it_ran(run), what_was_asked(record)]
    return Page(f"Calibration of VPIN, {', '.join(summary['symbols'])}", lede, sections)


def _tiles(summary: dict[str, Any]) -> list[tuple[str, str]]:
    best = summary["best"]
    rates = [(f"best, {part}", "none" if best is None else _rate(best[part])) for part in ("train", "test")]
    return [
        ("combinations", f"{summary['n_combinations']:,}"),
        ("feasible", f"{summary['n_feasible']:,}" + (f" of {summary['n_runs']:,}" if "n_runs" in summary else "")),
        *rates,
        ("time", f"{summary['seconds']:.1f} s"),
    ]


def _rate(judged: dict[str, Any]) -> str:
    rate = judged["false_positive_rate"]
    return "unknown" if rate is None else f"{rate:.0%}"


def _best(summary: dict[str, Any]) -> str:
    best = summary["best"]
    if best is None:
        note = f"No combination has {summary['min_events']} judged training events: there is nothing to choose from."
        return html.section("Best in training", note=note)
    rows = []
    for part, name in (("train", "training"), ("test", "test")):
        judged = best[part]
        if judged["interval"] is None:
            rows.append((name, "unknown", "", "0"))
            continue
        low, high = judged["interval"]
        rows.append((name, _rate(judged), f"{low:.0%} to {high:.0%}", f"{judged['false']} of {judged['judged']}"))
    note = (
        f"The training rate is the lowest of {summary['n_combinations']:,} correlated tries, so it is low by selection "
        "(a best of thousands in sample is selection bias). Only the test rate had no hand in the choice."
    )
    chosen = html.pairs([(name, best["config"][name]) for name in summary["varied"]])
    table = html.table(("part", "false positive rate", "95% interval", "false"), rows)
    return html.section("Best in training", chosen, table, note=note)
