"""One verb for every method: find a path, score it, and say how good it is known to be."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.trajectory.certificate import Certificate
from atomloom.trajectory.checks import check_choice
from atomloom.trajectory.result import Found, TrajectoryResult
from atomloom.trajectory.score import check_path, evaluate

if TYPE_CHECKING:
    from collections.abc import Callable

    from atomloom.trajectory.problem import TrajectoryProblem

METHODS = ("auto", "exact", "brute", "beam", "coordinate", "genetic", "anneal")
PROVED = 1e-12


def solve(
    problem: TrajectoryProblem,
    method: str = "auto",
    *,
    seed: int = 0,
    threads: int | None = None,
    time_limit: float | None = None,
    memory: int | str | None = None,
    reference: TrajectoryResult | float | None = None,
    listen: Callable[[Any], None] | None = None,
    **options: Any,
) -> TrajectoryResult:
    """Find the best trading trajectory, or a good one.

    Parameters
    ----------
    problem : TrajectoryProblem
    method : {"auto", "exact", "brute", "beam", "coordinate", "genetic", "anneal"}
        "exact" proves the global optimum; "brute" looks at every path; the others prove nothing. "auto" is exact where
        its tables fit into memory, else the better of beam and coordinate.
    seed : int
        Of methods that draw.
    threads : int, optional
        None is every physical core; the same bits for any number.
    time_limit : float, optional
        Seconds; the best path so far is given with status "bounded" (or "heuristic").
    memory : int or str, optional
        Most memory to take, in bytes or like "2GB".
    reference : TrajectoryResult or float, optional
        A bound known already (that of a result, or a number), for the gap of a heuristic.
    listen : callable, optional
        Told about progress.
    **options
        Of the method: see its function.

    Returns
    -------
    TrajectoryResult

    Raises
    ------
    BadInput
        For unknown methods or options.
    OverBudget
        If a method's tables do not fit into memory, or there are too many paths to look at each.
    Infeasible
        If a path without variance earns something.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> result = solve(random_problem(3, 3, 3, seed=1))
    >>> result.status, result.gap <= 1e-12
    ('optimal', True)
    """
    check_choice("method", method, METHODS)
    size = _bytes(memory)
    began = time.monotonic()
    deadline = None if time_limit is None else began + _positive(time_limit)
    common = {"seed": seed, "deadline": deadline, "listen": listen}
    clock = time.perf_counter()
    if method == "auto":
        method, found = _auto(problem, threads, size, common, options)
    else:
        found = _call(method, problem, threads, size, common, options)
    runtime = time.perf_counter() - clock
    config = {"method": method, "seed": seed, "time_limit": time_limit, **options}
    return _result(problem, method, found, reference, config, runtime)


def _auto(
    problem: TrajectoryProblem, threads: int | None, memory: int | None, common: dict[str, Any], options: dict[str, Any]
) -> tuple[str, Found]:
    """Be exact where that fits, else take the better of two heuristics."""
    from atomloom.errors import OverBudget  # noqa: PLC0415 - only here
    from atomloom.trajectory.exact import check_memory  # noqa: PLC0415 - same

    try:
        check_memory(problem.assets, problem.units, problem.horizons, memory)
    except OverBudget:
        tried = [("coordinate", _call("coordinate", problem, threads, memory, common, {}))]
        with contextlib.suppress(OverBudget):  # its tables are smaller, and may still be too large
            tried.append(("beam", _call("beam", problem, threads, memory, common, {})))
        return max(tried, key=lambda one: evaluate(problem, one[1].units / problem.units).value)
    return "exact", _call("exact", problem, threads, memory, common, options)


def _call(
    method: str,
    problem: TrajectoryProblem,
    threads: int | None,
    memory: int | None,
    common: dict[str, Any],
    options: dict[str, Any],
) -> Found:
    import importlib  # noqa: PLC0415 - only the method that is asked for is loaded
    import inspect  # noqa: PLC0415 - same

    work = getattr(importlib.import_module(f"atomloom.trajectory.{method}"), method)
    takes = inspect.signature(work).parameters
    for name in options:
        check_choice(f"an option of {method}", name, [each for each in takes if each not in {"problem", *common}])
    given = {name: value for name, value in {"threads": threads, "memory": memory}.items() if name in takes}
    found: Found = work(problem, **common, **given, **options)
    return found


def _result(
    problem: TrajectoryProblem,
    method: str,
    found: Found,
    reference: TrajectoryResult | float | None,
    config: dict[str, Any],
    runtime: float,
) -> TrajectoryResult:
    units = check_path(problem, found.units)
    weights = units / problem.units
    score = evaluate(problem, weights)
    bound: float | None = None
    proof = found.certificate
    if proof is None and found.detail.get("proved"):
        proof = Certificate("exhaustive", (), (), 0.0, score.value)
    if proof is not None:
        bound = max(proof.bound, score.value)
    elif isinstance(reference, TrajectoryResult):
        bound = reference.upper_bound
    elif reference is not None:
        bound = float(reference)
    near = bound is not None and bound - score.value <= PROVED * max(abs(bound), abs(score.value))
    status = "heuristic" if proof is None else ("optimal" if near and found.complete else "bounded")
    for array in (units, weights):
        array.flags.writeable = False
    detail = {name: value for name, value in found.detail.items() if name not in {"n_passes", "proved"}}
    return TrajectoryResult(
        method, status, weights, units, score, bound, proof, int(found.detail.get("n_passes", 0)),
        found.n_explored, found.n_pruned, config, runtime, detail | ({} if found.complete else {"complete": False}),
    )  # fmt: skip


def _bytes(memory: int | str | None) -> int | None:
    if memory is None:
        return None
    from atomloom.engine.budget import parse_size  # noqa: PLC0415 - only where asked

    return int(parse_size(memory))


def _positive(seconds: float) -> float:
    if not np.isfinite(seconds) or seconds <= 0:
        message = f"time_limit is {seconds!r}. Hint: give seconds above 0, or None."
        raise BadInput(message)
    return float(seconds)
