"""One verb for every method: find a path, score it, and say how good it is known to be."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import math
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from atomloom._choices import check_choice
from atomloom.engine.budget import resolve_threads
from atomloom.errors import BadInput
from atomloom.trajectory.certificate import Certificate
from atomloom.trajectory.checks import check_count, check_seconds, numbers
from atomloom.trajectory.problem import TrajectoryProblem
from atomloom.trajectory.result import Found, TrajectoryResult
from atomloom.trajectory.score import check_path, evaluate, rounding
from atomloom.trajectory.search import refuse_riskless

if TYPE_CHECKING:
    from collections.abc import Callable

METHODS = ("auto", "exact", "brute", "beam", "coordinate", "genetic", "anneal")
PROVED = 1e-12
_COMMON = {"problem", "seed", "threads", "memory", "deadline", "listen"}
_ROUNDING = 1e-9  # as much as a check of the certificate allows


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
        For unknown methods or options, and a reference below what a path is worth.
    OverBudget
        If a method's tables do not fit into memory, or there are too many paths to look at each.
    Infeasible
        If a path without variance earns something, or the best one loses without any.

    Notes
    -----
    Arithmetic is in float64. Where terms cancel so far that more than 1e-9 of a value is rounding, nothing is called
    optimal: the bound is widened by what rounding may hide, and ``result.detail["rounding"]`` says how large a share.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> result = solve(random_problem(3, 3, 3, seed=1))
    >>> result.status, result.gap <= 1e-12
    ('optimal', True)
    """
    if not isinstance(problem, TrajectoryProblem):
        raise BadInput(f"problem is {type(problem).__name__}. Hint: give a TrajectoryProblem.")
    check_options(method, options)
    check_count("seed", seed, least=0)
    resolve_threads(threads)
    if listen is not None and not callable(listen):
        raise BadInput(f"listen is {listen!r}. Hint: give a function of one event.")
    known, size, seconds = _known(reference), _bytes(memory), check_seconds(time_limit)
    deadline = None if seconds is None else time.monotonic() + seconds
    common = {"seed": seed, "deadline": deadline, "listen": listen}
    clock = time.perf_counter()
    if method == "auto":
        method, found = _auto(problem, threads, size, common, options)
    else:
        found = _call(method, problem, threads, size, common, options)
    runtime = time.perf_counter() - clock
    config = {"method": method, "seed": seed, "time_limit": time_limit, **options}
    return _result(problem, method, found, known, config, runtime)


def check_options(method: str, options: dict[str, Any]) -> None:
    """Refuse unknown methods, and options that a method does not have; "auto" has those of "exact".

    Examples
    --------
    >>> check_options("beam", {"widht": 3})
    Traceback (most recent call last):
    atomloom.errors.BadInput: an option of beam is 'widht'. Hint: did you mean 'width'? One of width, rounds.
    """
    check_choice("method", method, METHODS)
    name = "exact" if method == "auto" else method
    for option in options:
        check_choice(f"an option of {name}", option, [each for each in _work_of(name)[1] if each not in _COMMON])


@lru_cache
def _work_of(method: str) -> tuple[Callable[..., Found], tuple[str, ...]]:
    """Load only the method that is asked for, and see what it takes."""
    work = getattr(importlib.import_module(f"atomloom.trajectory.{method}"), method)
    return work, tuple(inspect.signature(work).parameters)


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
    work, takes = _work_of(method)
    given = {name: value for name, value in {"threads": threads, "memory": memory}.items() if name in takes}
    return work(problem, **common, **given, **options)


def _result(
    problem: TrajectoryProblem,
    method: str,
    found: Found,
    reference: float | None,
    config: dict[str, Any],
    runtime: float,
) -> TrajectoryResult:
    units = check_path(problem, found.units)
    weights = units / problem.units
    score = evaluate(problem, weights)
    if math.isinf(score.value):
        refuse_riskless(score.mean)
    bound: float | None = None
    detail = {name: value for name, value in found.detail.items() if name not in {"n_passes", "proved"}}
    detail |= {} if found.complete else {"complete": False}
    proof = found.certificate
    if proof is None and found.detail.get("proved"):
        proof = Certificate("exhaustive", (), (), 0.0, score.value)
    if proof is not None:
        bound = max(proof.bound, score.value)
        hidden = rounding(problem, weights, score)
        if hidden > _ROUNDING:
            bound += 8.0 * hidden * abs(score.value)
            detail["rounding"] = hidden
    elif reference is not None:
        bound = reference
    if reference is not None and score.value - reference > _ROUNDING * max(abs(reference), abs(score.value)):
        message = f"reference is {reference!r}, and a path is worth {score.value!r}, so it is no bound"
        raise BadInput(f"{message}. Hint: it was proved for another problem, or not at all.")
    near = bound is not None and bound - score.value <= PROVED * max(abs(bound), abs(score.value))
    status = "heuristic" if proof is None else ("optimal" if near and found.complete else "bounded")
    for array in (units, weights):
        array.flags.writeable = False
    return TrajectoryResult(
        method, status, weights, units, score, bound, proof, int(found.detail.get("n_passes", 0)),
        found.n_explored, found.n_pruned, config, runtime, detail,
    )  # fmt: skip


def _bytes(memory: int | str | None) -> int | None:
    if memory is None:
        return None
    from atomloom.engine.budget import parse_size  # noqa: PLC0415 - only where asked

    return int(parse_size(memory))


def _known(reference: TrajectoryResult | float | None) -> float | None:
    """Give a bound that is known already."""
    if isinstance(reference, TrajectoryResult):
        return reference.upper_bound
    if reference is None:
        return None
    try:
        return float(numbers(reference, "reference", ()))
    except BadInput as error:
        raise BadInput(f"reference is {reference!r}. Hint: give a result with a bound, or a number.") from error
