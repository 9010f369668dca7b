"""What a sweep found, in words: the summary of its run, and the lines on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atomloom.app.sweep_files import failures_of, stamps
from atomloom.app.sweep_lines import rows_of_walk, stitches
from atomloom.portfolio.price_layout import many

if TYPE_CHECKING:
    from atomloom.app.sweep_work import Plan
    from atomloom.portfolio.sweep_result import SweepResult

_MEASURES = (
    "total_return", "annual_return", "annual_volatility", "sharpe", "sortino", "calmar", "max_drawdown",
    "longest_drawdown",
)  # fmt: skip
_FEW = 5
SHARED = 2048  # configurations that one thread works at a time


def summary_of(found: SweepResult, planned: Plan, proof: dict[str, Any] | None) -> dict[str, Any]:
    """Summarise a sweep as plain values."""
    values, prices = found.to_dict(), found.prices
    year = found.job.periods_per_year
    times = None if prices.times is None else stamps(prices.times[[0, -1]])
    walked = stitches(found)
    judged = found.verdict
    verdict = values["verdict"]
    if verdict is not None:
        verdict = {**verdict, "n_survivors": len(judged.survivors), "survivors": verdict["survivors"][:100]}
    chosen = None
    if found.splits is not None:
        own = found.selection
        chosen = {
            "n_splits": len(own),
            "rank": float(own.rank.mean()),
            **{f"{side}_sharpe": _annual(getattr(own, f"{side}_sharpe"), year) for side in ("train", "test")},
            "n_paths": 0 if own.path_sharpe is None else len(own.path_sharpe),
        }
    return {
        "prices": {
            "rows": len(prices), "assets": list(prices.names),
            "start": None if times is None else times[0], "end": None if times is None else times[1],
        },
        "notes": [*planned.notes, *found.notes()],
        "windows": planned.windows,
        "n_returns": found.n_returns,
        "periods_per_year": year,
        "entry": None if found.times is None else stamps(found.times[:1])[0],
        "ledger": values["ledger"],
        "varied": list(found.configs.varied),
        "failed": [f"{n:,}: {reason}" for reason, n in zip(*_failed(found), strict=True)][:_FEW],
        "best": values["best"],
        "benchmark": {"name": found.benchmark.name, **_measures(found.benchmark.returns, year)},
        "walk": _measures(found.walk().returns, year) if walked else None,
        "benchmark_walk": _measures(found.benchmark.returns[rows_of_walk(found)], year) if walked else None,
        "selection": chosen,
        "verdict": verdict,
        "clearest": _clearest(found),
        "text": found.summary(),
        "judgement": None if judged is None else judged.summary(),
        "digest": values["digest"],
        "work_seconds": found.seconds,
        "verify": proof,
    }  # fmt: skip


def _clearest(found: SweepResult) -> dict[str, Any] | None:
    """Tell of the configuration with the largest t: the first that survives, if any does."""
    judged = found.verdict
    if judged is None or judged.steps.best is None:
        return None
    place = judged.steps.best
    return {
        "config": place, "label": found.configs.label(place), "t": float(judged.steps.t[place]),
        "p": float(judged.p[place]), "sharpe": float(found.figure("sharpe")[place]),
    }  # fmt: skip


def _failed(found: SweepResult) -> tuple[list[str], list[int]]:
    failed = failures_of(found)
    return failed["reason"], failed["configurations"]


def _annual(ratios: Any, year: float) -> float | None:
    """Mean of ratios per period, a year; None where there is none."""
    from atomloom.portfolio.selection import mean_known  # noqa: PLC0415  # with the room behind it

    mean = mean_known(ratios)
    return None if mean is None else mean * year**0.5


def _measures(returns: Any, year: float) -> dict[str, Any]:
    from atomloom.portfolio import path_metrics  # noqa: PLC0415  # same

    metrics = path_metrics(returns, periods_per_year=year)
    return {name: getattr(metrics, name) for name in _MEASURES}


def lines(summary: dict[str, Any]) -> list[tuple[str, str]]:
    """Tell a sweep in a few lines."""
    prices, best, told = summary["prices"], summary["best"], summary["ledger"]
    span = f", {prices['start']} to {prices['end']}" if prices["start"] else ""
    failed = f", {told['failed']:,} failed ({summary['failed'][0].partition(': ')[2]})" if told["failed"] else ""
    ruined = f", {told['ruined']:,} lost everything" if told["ruined"] else ""
    beaten = f"benchmark {summary['benchmark']['name'].replace('_', ' ')}: {ratio(summary['benchmark']['sharpe'])}"
    rows = [
        ("prices", f"{prices['rows']:,} rows of {many(len(prices['assets']), 'asset')}{span}"),
        ("sweep", f"{many(told['configurations'], 'configuration')}{failed}{ruined}; {summary['windows']}"),
        ("best", f"{best['label']}: Sharpe ratio {ratio(best['sharpe'])} a year ({beaten})"),
    ]
    chosen = summary["selection"]
    if chosen is not None:
        walked = ""
        if summary["walk"]:
            there = f"the benchmark in those windows {ratio(summary['benchmark_walk']['sharpe'])}"
            walked = f"; stitched together {ratio(summary['walk']['sharpe'])}, {there}"
        moved = f"from {ratio(chosen['train_sharpe'])} to {ratio(chosen['test_sharpe'])} in the tests{walked}"
        better = f"better than {chosen['rank']:.0%} of all (50% is chance)"
        rows.append(("out of sample", f"chosen on train windows, the best goes {moved}; {better}"))
    rows.append(("verdict", headline(summary)))
    verdict = summary["verdict"]
    if verdict is not None:
        chance = "" if verdict["pbo"] is None else f", PBO {verdict['pbo']['value']:.0%}"
        luck = f"deflated Sharpe {verdict['dsr']:.0%} for {many(verdict['n_trials'], 'trial')}, beside a ratio of 0"
        rows.append(("", f"the best by Sharpe ratio has p {verdict['p_value']:.2g}, {luck}{chance}"))
    proof = summary["verify"]
    if proof is not None:
        workers = proof["threads"]
        rows.append(
            (
                "identical",
                f"yes: {workers} threads and 1 thread, every bit of figures and verdict ({proof['digest'][:16]})",
            )
        )
        took = f"{proof['seconds_serial']:.3g} s to {proof['seconds']:.3g} s"
        took += f", simulation alone x{proof['simulation_speedup']:.2f}"
        few = "; too few configurations to share out" if told["configurations"] <= SHARED else ""
        rows.append(
            ("speed-up", f"x{proof['speedup']:.2f}, efficiency {proof['efficiency']:.0%}, as measured ({took}{few})")
        )
    return rows


def headline(summary: dict[str, Any]) -> str:
    """Say how many survive, and how likely noise would look like that.

    Examples
    --------
    >>> headline({"verdict": None, "clearest": None})
    'none: too few returns, or nothing varies'
    """
    verdict, clearest = summary["verdict"], summary["clearest"]
    if verdict is None or clearest is None:
        return "none: too few returns, or nothing varies"
    count, number = verdict["n_survivors"], verdict["n_configs"]
    share = f"{clearest['p']:.1%}" if clearest["p"] < 0.1 else f"{clearest['p']:.0%}"
    what = "over the benchmark" if verdict["benchmark"] else "over 0"
    noise = f"the clearest edge {what} ({clearest['label']}) is one that noise alone has in {share} of such searches"
    if not count:
        return f"none of {number:,} survives at {verdict['alpha']:.0%}; {noise}"
    return f"{count:,} of {number:,} survive{'s' if count == 1 else ''} at {verdict['alpha']:.0%}; {noise}"


def ratio(value: float | None) -> str:
    """Write a ratio; a dash where it is not there.

    Examples
    --------
    >>> ratio(1.034), ratio(None)
    ('1.03', '-')
    """
    return "-" if value is None or value != value else f"{value:.2f}"  # noqa: PLR0124 - NaN
