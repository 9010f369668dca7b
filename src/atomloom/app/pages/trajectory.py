"""The page of a run of `atomloom trajectory`: the path, its proof, and other ways beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from atomloom.app import page as html
from atomloom.app.pages import Page
from atomloom.app.pages.parts import how_it_ran, what_was_asked

if TYPE_CHECKING:
    from atomloom.app.runs import RunFolder

_SAID = {
    "optimal": "This is the best of all paths: ",
    "bounded": "Time, memory or precision ended before the proof did: ",
    "heuristic": "A heuristic found this path, which proves nothing by itself: ",
}
_LONG = 60


def page(run: RunFolder) -> Page:
    """Build the page from the result, its table, the cloud, and the methods where there are some."""
    from atomloom.app import path_charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    summary = run.record["summary"]
    result = json.loads((run.path / "result.json").read_text(encoding="utf-8"))
    table = run.read_frame("result.csv")
    cloud = run.read_frame("cloud.csv")
    sections = [
        html.tiles(_facts(summary)),
        html.section("The path", html.figure(path_charts.path(table, summary["names"])), note=_of_path(summary)),
    ]
    proof = result["certificate"]
    if proof is not None:
        drawn = []
        if proof["lines"]:
            svg = path_charts.hull(cloud, proof, (result["variance"], result["mean"]))
            drawn.append(html.figure(svg, "Grey: some paths, made from this one by drawing some of its horizons anew."))
        sections.append(html.section("The proof", *drawn, note=_of_proof(result)))
    if (run.path / "methods.csv").is_file():
        sections.append(_methods(run))
    sections += [how_it_ran(run), what_was_asked(_short(run.record))]
    lede = (
        f"{summary['assets']} assets, {summary['horizons']} horizons, {summary['units']} units: "
        f"{summary['portfolios']:,} portfolios, 10^{summary['paths_log10']:.1f} paths. {_SAID[summary['status']]}"
        f"{_bound(summary)}"
    )
    return Page("The optimal trading trajectory", lede, sections)


def _facts(summary: dict[str, Any]) -> list[tuple[str, str]]:
    value = [] if summary["objective"] == "sharpe" else [("mean - a x variance", f"{summary['value']:.5g}")]
    return [
        *value,
        ("Sharpe ratio", f"{summary['sr']:.5g}"),
        ("status", summary["status"]),
        ("gap", "unknown" if summary["gap"] is None else f"{summary['gap']:.1e}"),
        ("mean", f"{summary['mean']:.4g}"),
        ("cost", f"{summary['cost']:.4g}"),
        ("turnover", f"{summary['turnover']:.4g}"),
        ("seconds", f"{summary['runtime']:.3g}"),
    ]


def _bound(summary: dict[str, Any]) -> str:
    if summary["upper_bound"] is None:
        return "nothing is known of how much better a path could be."
    return f"no path is worth more than {summary['upper_bound']:.10g}."


def _of_path(summary: dict[str, Any]) -> str:
    return (
        f"Weights are multiples of 1/{summary['units']}, and their absolute values add up to 1 in each horizon. "
        "Turnover is the sum of the absolute changes of weights; the first horizon begins from what was held before."
    )


def _of_proof(result: dict[str, Any]) -> str:
    count = len(result["certificate"]["lines"])
    lines = f"{count} lines" if count != 1 else "one line"
    checked = "The proof is in result.json, for anyone to check (verify_certificate)."
    text = {
        "lines": f"{lines}, each made by a pass over all portfolios of all horizons: no path lies above it. The "
        f"largest ratio of mean to root of variance in the region below them is the bound. {checked}",
        "line": f"The objective is a sum, so one pass over all portfolios of all horizons is the proof. {checked}",
        "negative": f"Every path loses. {lines} of negative price bound the ratio from above. {checked}",
        "labels": "Every path loses, so lines alone prove nothing: all paths that were not known to be worse were "
        "looked at, as pairs of mean and variance.",
        "exhaustive": "Every path was looked at, or known to be worse without.",
    }[result["certificate"]["kind"]]
    return text[0].upper() + text[1:]


def _methods(run: RunFolder) -> str:
    from atomloom.app import path_charts  # noqa: PLC0415  # same

    table = run.read_frame("methods.csv")
    rows = [
        (str(row.method).replace("_", " "), *_numbers(row), row.note if isinstance(row.note, str) else "")
        for row in cast("Any", table.itertuples(index=False))
    ]
    header = ("method", "Sharpe ratio", "mean", "variance", "cost", "turnover", "seconds", "regret", "note")
    return html.section(
        "Other ways to choose a path",
        html.figure(path_charts.methods(table)),
        html.table(header, rows, text=(0, 8)),
        note="All are charged the same costs. Static weights are chosen horizon by horizon as if trading were free; "
        "the book's are continuous and need not be on the grid, so they may even lie above what is best on it.",
    )


def _numbers(row: Any) -> tuple[str, ...]:
    if row.sr != row.sr:  # NaN: there is no path
        return ("",) * 7
    return (
        f"{row.sr:.6g}", f"{row.mean:.5g}", f"{row.variance:.5g}", f"{row.cost:.5g}", f"{row.turnover:.4g}",
        f"{row.runtime:.3g}", f"{row.regret:.3%}",
    )  # fmt: skip


def _short(record: dict[str, Any]) -> dict[str, Any]:
    """Leave the numbers of a problem to problem.toml: a page is no place for matrices."""
    asked = dict(record["config"])
    asked["problem"] = {
        name: "see problem.toml" if isinstance(value, list) and len(str(value)) > _LONG else value
        for name, value in asked["problem"].items()
    }
    return {**record, "config": asked}
