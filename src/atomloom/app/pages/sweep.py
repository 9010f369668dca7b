"""The page of a run of `atomloom sweep`: the verdict first, then the best, their windows and paths, and all trials."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from atomloom.app import page as html
from atomloom.app.pages import Page
from atomloom.app.pages.parts import how_it_ran, what_was_asked
from atomloom.app.sweep_files import read_parquet
from atomloom.app.sweep_words import headline, ratio
from atomloom.portfolio.price_layout import many

if TYPE_CHECKING:
    from atomloom.app.runs import RunFolder

_SHOWN = 4000  # configurations that are drawn as points
_SPLITS = 30  # splits that are listed
_LONG = 90
_FIGURES = ("Sharpe", "return", "volatility", "deepest fall", "turnover", "costs", "p", "survives")


def page(run: RunFolder) -> Page:
    """Build the page from the tables of the folder."""
    summary = run.record["summary"]
    title = "Which configuration is real?"
    return Page(title, lede(summary), [*sections(run, summary), how_it_ran(run), what_was_asked(_short(run.record))])


def lede(summary: dict[str, Any]) -> str:
    """Say what was tried, and what it is worth."""
    prices, told = summary["prices"], summary["ledger"]
    span = f" from {prices['start']} to {prices['end']}" if prices["start"] else ""
    text, assets = headline(summary), many(len(prices["assets"]), "asset")
    tried = f"{many(told['configurations'], 'configuration')} on {assets}{span}, {summary['n_returns']:,} returns each"
    return f"{tried}. {text[0].upper()}{text[1:]}."


def sections(run: RunFolder, summary: dict[str, Any]) -> list[str]:
    """Draw everything that is of the sweep itself."""
    found = [html.tiles(_tiles(summary)), _verdict(run, summary), _best(run, summary)]
    if (run.path / "heat.csv").is_file():
        found.append(_around(run, summary))
    if (run.path / "splits.csv").is_file():
        found.append(_windows(run, summary))
    if (run.path / "cpcv.csv").is_file():
        found.append(_paths(run))
    return [*found, _all(run, summary)]


def _tiles(summary: dict[str, Any]) -> list[tuple[str, str]]:
    verdict, chosen = summary["verdict"], summary["selection"]
    rows = [("configurations", f"{summary['ledger']['configurations']:,}")]
    if verdict is not None:
        rows += [("survive", f"{verdict['n_survivors']:,}"), ("p of the clearest", f"{summary['clearest']['p']:.2g}")]
    rows += [
        ("best Sharpe", ratio(summary["best"]["sharpe"])),
        ("benchmark", ratio(summary["benchmark"]["sharpe"])),
    ]
    if chosen is not None:
        worth = summary["walk"]["sharpe"] if summary["walk"] else chosen["test_sharpe"]
        rows.append(("out of sample", ratio(worth)))
        rows += [("benchmark in those windows", ratio(summary["benchmark_walk"]["sharpe"]))] if summary["walk"] else []
    if verdict is not None:
        rows += [] if verdict["pbo"] is None else [("PBO", f"{verdict['pbo']['value']:.0%}")]
    return rows


def _verdict(run: RunFolder, summary: dict[str, Any]) -> str:
    from atomloom.app import sweep_charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    verdict = summary["verdict"]
    if verdict is None:
        return html.section("The verdict", note="There is none: too few returns for a bootstrap, or nothing varies.")
    drawn = []
    halves = None
    if (run.path / "logits.csv").is_file():
        table = run.read_frame("logits.csv")
        low, high, counts = (table[name].to_numpy(dtype=float) for name in ("low", "high", "splits"))
        halves = (np.append(low, high[-1]), counts, verdict["pbo"]["value"])
    null, clearest = run.read_frame("null.csv")["t_max"].to_numpy(dtype=float), summary["clearest"]
    if len(null) and clearest is not None:
        svg = sweep_charts.chance(null, (clearest["t"], verdict["steps"]["critical"][0]), verdict["alpha"], halves)
        drawn.append(html.figure(svg, _of_chance(summary)))
    survivors = run.read_frame("survivors.csv")
    if len(survivors):
        rows = [_row(row)[:-1] for row in cast("Any", survivors.itertuples(index=False))]
        drawn.append(html.table(("survives, the largest t first", *_FIGURES[:-1]), rows, wrap=(0,)))
    words = "".join(f"<p>{escape(_sentence(line))}</p>" for line in summary["judgement"].split("\n"))
    words += "".join(f'<p class="note">{escape(_sentence(line))}</p>' for line in summary["notes"])
    return html.section("The verdict", words, *drawn)


def _sentence(line: str) -> str:
    return line[0].upper() + line[1:] + ("" if line.endswith(".") else ".")


def _of_chance(summary: dict[str, Any]) -> str:
    verdict = summary["verdict"]
    blocks, rows = verdict["blocks"]
    told = (
        f"{verdict['steps']['n_boot']:,} samples of {blocks:,} blocks of {rows:,} returns, drawn alike for all "
        "configurations, so that what is alike in them counts once; what is right of the dashed line survives."
    )
    if verdict["pbo"] is None:
        return told
    return f"Left: {told} Right: the probability of backtest overfitting, from all ways to halve the blocks."


def _best(run: RunFolder, summary: dict[str, Any]) -> str:
    from atomloom.app import sweep_charts  # noqa: PLC0415  # same

    lines = read_parquet(run.path / "paths.parquet")
    times = lines.pop("time", None)
    table = run.read_frame("top.csv")
    title = f"The best {len(table)} in sample, and {summary['benchmark']['name'].replace('_', ' ')}"
    svg = sweep_charts.values(times, lines, title)
    walk = (
        "What was chosen on train windows begins at the benchmark's value; changing from one winner to the next is not "
        "charged. " if "walk" in lines else ""
    )  # fmt: skip
    rows = [_row(row) for row in cast("Any", table.itertuples(index=False))]
    return html.section(
        "The best",
        html.figure(svg, f"{walk}After costs. Falls are drawn of the lines that stand out."),
        html.table(("configuration", *_FIGURES), rows, text=(0, 8), wrap=(0,)),
        note="Ordered by the Sharpe ratio in sample: the first has been chosen for looking best. A year's figures; "
        "costs are the sum of all, as shares of the value when they were paid; p is adjusted for the whole search.",
    )


def _row(row: Any) -> tuple[str, ...]:
    tested = hasattr(row, "p") and row.p == row.p  # NaN: it does not vary
    return (
        str(row.label).replace("_", " "), ratio(row.sharpe), f"{row.annual_return:.1%}", f"{row.volatility:.1%}",
        f"{row.max_drawdown:.1%}", f"{row.turnover:.3g}", f"{row.costs:.2%}",
        f"{row.p:.2g}" if tested else "", "yes" if hasattr(row, "survives") and row.survives else "",
    )  # fmt: skip


def _around(run: RunFolder, summary: dict[str, Any]) -> str:
    from atomloom.app import heat_chart  # noqa: PLC0415  # same

    cells = run.read_frame("heat.csv").fillna("")
    figures = []
    for (name_down, name_across), rows in cells.groupby(["down_name", "across_name"], sort=False):
        names = str(name_down), str(name_across)
        down, across = ([_word(value) for value in rows[name]] for name in ("down", "across"))
        svg = heat_chart.heat(
            down, across, rows["sharpe"].to_numpy(dtype=float), rows["best"] == 1, names, str(rows["fixed"].iloc[0])
        )
        figures.append(html.figure(svg))
    plateau = (summary["verdict"] or {}).get("plateau")
    note = "An edge that is real is rarely a single cell: what stands next to the winner should be nearly as good."
    if plateau and plateau["count"]:
        year = summary["periods_per_year"] ** 0.5
        note += (
            f" Its {plateau['count']} neighbours, one step away on one axis, have {ratio(plateau['median'] * year)} in "
            f"the middle, beside its {ratio(plateau['best'] * year)}."
        )
    return html.section("Around the best", *figures, note=note)


def _word(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _windows(run: RunFolder, summary: dict[str, Any]) -> str:
    from atomloom.app import sweep_charts  # noqa: PLC0415  # same

    table = run.read_frame("splits.csv")
    train, test, rank = (table[name].to_numpy(dtype=float) for name in ("train_sharpe", "test_sharpe", "rank"))
    labels = [f"{_day(row.test_from)}\nto {_day(row.test_to)}" for row in cast("Any", table.itertuples(index=False))]
    svg = sweep_charts.windows(labels, train, test, rank)
    rows = [
        (
            _rows_of(row, "train"), _rows_of(row, "test"),
            str(row.label).replace("_", " "), ratio(row.train_sharpe), ratio(row.test_sharpe), f"{row.rank:.0%}",
            ratio(row.rank_correlation),
        )
        for row in cast("Any", table.head(_SPLITS).itertuples(index=False))
    ]  # fmt: skip
    header = ("trained on", "tested on", "chosen", "train", "test", "better than", "rank correlation")
    more = f" The first {_SPLITS} of {len(table):,} splits are listed." if len(table) > _SPLITS else ""
    chosen = summary["selection"]
    return html.section(
        "Chosen in training, tested outside it",
        html.figure(svg),
        html.table(header, rows, text=(0, 1, 2), wrap=(2,)),
        note=f"{_sentence(summary['windows'])} What is fitted is the choice among the configurations. It is better "
        f"than {chosen['rank']:.0%} of them in the tests, where chance gives 50%. The rank correlation is that of all "
        f"configurations from training to test.{more}",
    )


def _rows_of(row: Any, side: str) -> str:
    """Say from when to when rows are; of several pieces, between which moments."""
    low, high, pieces = (getattr(row, f"{side}_{name}") for name in ("from", "to", "pieces"))
    return f"{_day(low)} to {_day(high)}" if pieces == 1 else f"{pieces} pieces between {_day(low)} and {_day(high)}"


def _day(value: Any) -> str:
    return str(value).removesuffix("Z").removesuffix(":00").replace("T", " ")


def _paths(run: RunFolder) -> str:
    from atomloom.app import sweep_charts  # noqa: PLC0415  # same

    lines = read_parquet(run.path / "cpcv.parquet")
    times = lines.pop("time", None)
    sharpes = run.read_frame("cpcv.csv")["sharpe"].to_numpy(dtype=float)
    svg = sweep_charts.paths(times, lines, sharpes, "Paths, each row of them out of sample")
    note = (
        "Every path goes through all rows; each fold of it is served by the configuration that was best on the train "
        "rows of the split it is a test fold of."
    )
    return html.section("Paths of combinatorial cross-validation", html.figure(svg), note=note)


def _all(run: RunFolder, summary: dict[str, Any]) -> str:
    from atomloom.app import sweep_charts  # noqa: PLC0415  # same

    held = read_parquet(run.path / "result.parquet", ["config", "sharpe", "turnover"])
    order = np.argsort(held["config"], kind="stable")
    sharpe, turnover, config = held["sharpe"][order], held["turnover"][order], held["config"][order]
    best = int(np.flatnonzero(config == summary["best"]["config"])[0])
    marks = {"benchmark": summary["benchmark"]["sharpe"]} if summary["benchmark"]["sharpe"] is not None else {}
    if summary["verdict"] is not None:
        marks["luck alone"] = summary["verdict"]["luck"] * summary["periods_per_year"] ** 0.5
    kept = np.unique(np.append(np.linspace(0, len(sharpe) - 1, _SHOWN).astype(np.int64), best))
    svg = sweep_charts.everything(sharpe, (turnover, kept), best, marks)
    told = summary["ledger"]
    words = {
        "configurations": "tried", "different": "of them different", "ok": "worked", "failed": "failed",
        "ruined": "lost everything", "excluded": "left out by a constraint (no trials)",
        "counted": "trials that the verdict reckons with",
    }  # fmt: skip
    parts = [
        html.figure(svg, _of_all(len(sharpe), summary)),
        _half([(words.get(n, n), f"{v:,}") for n, v in told.items()]),
    ]
    if (run.path / "failed.csv").is_file():
        failed = run.read_frame("failed.csv")
        rows = [
            (r.reason, f"{r.configurations:,}", r.first) for r in cast("Any", failed.head(30).itertuples(index=False))
        ]
        parts.append(
            html.table(("why it failed", "configurations", "the first of them"), rows, text=(0, 2), wrap=(0, 2))
        )
    return html.section("All trials", *parts, note="Every configuration counts, whatever became of it.")


def _half(rows: list[tuple[str, str]]) -> str:
    return f'<div class="half"><div>{html.pairs(rows)}</div><div></div></div>'


def _of_all(number: int, summary: dict[str, Any]) -> str:
    some = f" {_SHOWN:,} of {number:,} points are drawn on the right." if number > _SHOWN else ""
    if summary["verdict"] is None:
        return some.strip()
    return (
        f"Luck alone: the best Sharpe ratio to be expected of {summary['verdict']['n_trials']:,} independent trials "
        f"without an edge.{some}"
    )


def _short(record: dict[str, Any]) -> dict[str, Any]:
    """Leave long grids to run.json."""
    asked = dict(record["config"])
    grids = asked.pop("grid")
    for k, table in enumerate(grids):
        asked[f"grid {k + 1}" if len(grids) > 1 else "grid"] = table
    asked["random"] = {
        name: value if len(str(value)) < _LONG else "see run.json" for name, value in asked["random"].items()
    }
    return {**record, "config": asked}
