"""Methods side by side on one problem: what each path earns, varies, costs and trades, and how far it is from best."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom._choices import check_choice
from atomloom.errors import AtomloomError, BadInput
from atomloom.trajectory.score import evaluate
from atomloom.trajectory.solver import METHODS, solve
from atomloom.trajectory.static import ill_conditioned, static_solution

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.trajectory.problem import TrajectoryProblem
    from atomloom.trajectory.result import TrajectoryResult
    from atomloom.trajectory.score import Score

    Reals = NDArray[np.float64]

STATIC = ("static", "static_grid")
_NAN = float("nan")
_NOTHING = (_NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN, _NAN)


class ComparisonRow(NamedTuple):
    """One method's path.

    Attributes
    ----------
    method : str
    value : float
        The objective; NaN where there is no path.
    sr, mean, variance, cost, turnover : float
        Of the whole path, after costs.
    regret : float
        How far the value lies below the best that is known to be possible on the grid, relative to the larger size of
        both; negative for a path off the grid that is better.
    runtime : float
        Seconds.
    note : str
        Why there is no path, or what to know about it.

    Examples
    --------
    >>> ComparisonRow("exact", 1.5, 1.5, 3.0, 4.0, 0.1, 2.0, 0.0, 0.01, "").sr
    1.5
    """

    method: str
    value: float
    sr: float
    mean: float
    variance: float
    cost: float
    turnover: float
    regret: float
    runtime: float
    note: str


@dataclass(frozen=True, eq=False, repr=False)
class Comparison:
    """Paths of several methods on one problem.

    Attributes
    ----------
    problem : TrajectoryProblem
    rows : tuple of ComparisonRow
    best : float
        What regret is measured from: the least bound that a method proved, or else the best value on the grid.
    proved : bool
        Whether that is a bound.
    weights : dict of str to (H, N) float64
        Path of each method that has one.
    scores : dict of str to Score
        What each is worth, horizon by horizon.
    results : dict of str to TrajectoryResult
        Of the methods that search.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> compare(random_problem(3, 3, 6, seed=1), methods=("static_grid", "exact")).to_frame()["regret"].round(3)
    method
    static_grid    0.012
    exact          0.000
    Name: regret, dtype: float64
    """

    problem: TrajectoryProblem
    rows: tuple[ComparisonRow, ...]
    best: float
    proved: bool
    weights: dict[str, Reals]
    scores: dict[str, Score]
    results: dict[str, TrajectoryResult]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, method: str) -> ComparisonRow:
        for row in self.rows:
            if row.method == method:
                return row
        names = ", ".join(row.method for row in self.rows)
        raise BadInput(f"{method!r} was not compared. Hint: one of {names}.")

    def to_frame(self) -> pd.DataFrame:
        """Give a row per method."""
        import pandas as pd  # noqa: PLC0415 - heavy, and only wanted here

        return pd.DataFrame(list(self.rows), columns=list(ComparisonRow._fields)).set_index("method")

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values, ready for JSON; None where there is no number."""
        return {
            "best": _plain(self.best),
            "proved": self.proved,
            "rows": [{name: _plain(value) for name, value in row._asdict().items()} for row in self.rows],
            "weights": {name: value.tolist() for name, value in self.weights.items()},
        }

    def summary(self) -> str:
        """Say in a table how the methods compare."""
        head = f"{'method':<12} {'SR':>10} {'mean':>10} {'variance':>10} {'cost':>9} {'turnover':>9} {'regret':>8}"
        lines = [head]
        for row in self.rows:
            if np.isnan(row.value):
                lines.append(f"{row.method:<12} no path: {row.note}")
                continue
            numbers = f"{row.sr:>10.6g} {row.mean:>10.5g} {row.variance:>10.5g} {row.cost:>9.4g} {row.turnover:>9.4g}"
            note = f"  {row.note}" if row.note else ""
            lines.append(f"{row.method:<12} {numbers} {_percent(row.regret):>8}{note}")
        known = (
            "no path on the grid is worth more than" if self.proved else "nothing is proved; the best on the grid is"
        )
        return "\n".join([*lines, f"{known} {self.best:.10g}"])

    def __repr__(self) -> str:
        shown = ", ".join(f"{row.method} {row.sr:.4g}" for row in self.rows)
        return f"Comparison({shown}; {'bound' if self.proved else 'best'} {self.best:.6g})"

    def _repr_html_(self) -> str:
        return f"<p>{self!r}</p>{self.to_frame().to_html(float_format=lambda value: f'{value:.5g}')}"


def compare(
    problem: TrajectoryProblem,
    *,
    methods: Sequence[str] = ("static", "static_grid", "exact"),
    options: Mapping[str, Mapping[str, Any]] | None = None,
    seed: int = 0,
    threads: int | None = None,
    time_limit: float | None = None,
    memory: int | str | None = None,
    known: TrajectoryResult | None = None,
) -> Comparison:
    """Solve a problem in several ways, and put the paths side by side.

    Static solutions are chosen as if changes cost nothing, and then pay for them: what that loses against the path
    that was chosen with its costs is why the problem is one of paths (AFML 21.4 to 21.6).

    Parameters
    ----------
    problem : TrajectoryProblem
    methods : sequence of str
        "static" (the book's, off the grid), "static_grid", and methods of :func:`solve`.
    options : mapping of str to mapping, optional
        Options of methods by their name, for example ``{"beam": {"width": 10}}``.
    seed, threads, time_limit, memory
        As in :func:`solve`, for each method.
    known : TrajectoryResult, optional
        A result of this problem: its method is not worked again.

    Returns
    -------
    Comparison

    Raises
    ------
    BadInput
        For unknown methods, or one named twice; or a known result that is not of this problem or of these methods.

    Notes
    -----
    A method that refuses the problem (no static solution, too many paths, a missing extra) has a row that says why.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> comparison = compare(random_problem(3, 3, 3, seed=1))
    >>> [row.method for row in comparison.rows], comparison["exact"].regret
    (['static', 'static_grid', 'exact'], 0.0)
    """
    _check(methods, options)
    _check_known(problem, methods, known)
    common: dict[str, Any] = {"seed": seed, "threads": threads, "time_limit": time_limit, "memory": memory}
    weights: dict[str, Reals] = {}
    scores: dict[str, Score] = {}
    results: dict[str, TrajectoryResult] = {}
    notes: dict[str, str] = {}
    spent: dict[str, float] = {}
    for method in methods:
        began = time.perf_counter()
        try:
            if method in STATIC:
                found = static_solution(problem, grid=method == "static_grid")
                scores[method], notes[method] = evaluate(problem, found), _note(problem, method)
                weights[method] = found
            else:
                if known is not None and known.method == method:
                    results[method] = known
                else:
                    results[method] = solve(problem, method, **common, **(options or {}).get(method, {}))
                scores[method], weights[method] = results[method].score, results[method].weights
        except AtomloomError as error:
            if isinstance(error, BadInput) and method not in STATIC:
                raise
            notes[method] = str(error)
        spent[method] = results[method].runtime if method in results else time.perf_counter() - began
    best, proved = _best(scores, results)
    rows = tuple(
        _row(method, scores.get(method), best, results.get(method), notes.get(method, ""), spent[method])
        for method in methods
    )
    return Comparison(problem, rows, best, proved, weights, scores, results)


def _check(methods: Sequence[str], options: Mapping[str, Any] | None) -> None:
    if isinstance(methods, str) or not methods:
        raise BadInput(f"methods is {methods!r}. Hint: give a list of methods.")
    for method in methods:
        check_choice("a method", method, (*STATIC, *METHODS))
    if len(set(methods)) < len(methods):
        raise BadInput(f"methods {list(methods)} names one twice. Hint: name each once.")
    for method in options or {}:
        check_choice("a method with options", method, [each for each in methods if each not in STATIC])


def _check_known(problem: TrajectoryProblem, methods: Sequence[str], known: TrajectoryResult | None) -> None:
    if known is None:
        return
    check_choice("the method of the known result", known.method, methods)
    if known.weights.shape != (problem.horizons, problem.assets) or (
        evaluate(problem, known.weights).value != known.value
    ):
        raise BadInput(f"{known!r} is no result of {problem!r}. Hint: give what solve() gave for this problem.")


def _best(scores: Mapping[str, Score], results: Mapping[str, TrajectoryResult]) -> tuple[float, bool]:
    """Give the least bound, or the best value on the grid."""
    bounds = [result.upper_bound for result in results.values() if result.upper_bound is not None]
    if bounds:
        return min(bounds), True
    values = [score.value for method, score in scores.items() if method != "static"]
    return max(values, default=_NAN), False


def _note(problem: TrajectoryProblem, method: str) -> str:
    if method == "static" and ill_conditioned(problem):
        return "covariances are singular or nearly so: pseudo-inverse"
    return "bounds ignored" if method == "static" and problem.bounds is not None else ""


def _row(
    method: str, score: Score | None, best: float, result: TrajectoryResult | None, note: str, runtime: float
) -> ComparisonRow:
    if score is None:
        return ComparisonRow(method, *_NOTHING, note)
    value = score.value
    regret = 0.0 if value == best else (best - value) / max(abs(best), abs(value))
    if result is not None:
        note = note or ("" if result.status == "optimal" else result.status)
    cost, turnover = float(score.cost.sum()), float(score.turnover.sum())
    return ComparisonRow(method, value, score.sr, score.mean, score.variance, cost, turnover, regret, runtime, note)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
