"""Many problems at once: each is an atom of the engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from atomloom.engine.run import run_parallel
from atomloom.errors import BadInput
from atomloom.trajectory.problem import TrajectoryProblem
from atomloom.trajectory.solver import check_options, solve

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from atomloom.trajectory.result import TrajectoryResult

_OF_SOLVE = {"seed", "time_limit", "memory", "reference"}


def solve_many(
    problems: Sequence[Any],
    method: str = "auto",
    *,
    num_threads: int | None = None,
    mp_batches: int = 8,
    executor: Any = None,
    journal: str | os.PathLike[str] | None = None,
    progress: Any = False,
    debug: bool = False,
    **options: Any,
) -> list[TrajectoryResult]:
    """Solve many problems in parallel, on the engine.

    Parameters
    ----------
    problems : sequence of TrajectoryProblem
    method : str
        As of :func:`solve`.
    num_threads, mp_batches, executor, progress, debug
        As of :func:`atomloom.run_parallel`; a problem is worked by one worker.
    journal : path, optional
        Folder that makes the run resumable: what was solved before a crash is not solved again.
    **options
        Of :func:`solve`: seed, time_limit (of each problem), memory, reference, and those of the method.

    Returns
    -------
    list of TrajectoryResult
        In the order of the problems; but for the runtimes the same for any number of workers.

    Raises
    ------
    BadInput
        If something is no problem, or an option is none.
    JobFailed
        If a problem cannot be solved; the message has its error.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> results = solve_many([random_problem(2, 2, 2, seed=seed) for seed in range(3)], num_threads=1)
    >>> [result.status for result in results]
    ['optimal', 'optimal', 'optimal']
    """
    if not isinstance(problems, Iterable):
        raise BadInput(f"problems is {type(problems).__name__}. Hint: give a list of TrajectoryProblem objects.")
    held = list(problems)
    for place, problem in enumerate(held):
        if not isinstance(problem, TrajectoryProblem):
            message = f"problems[{place}] is {type(problem).__name__}. Hint: give TrajectoryProblem objects."
            raise BadInput(message)
    if "threads" in options or "listen" in options:
        raise BadInput("threads and listen are of one problem. Hint: num_threads is how many are solved at once.")
    check_options(method, {name: value for name, value in options.items() if name not in _OF_SOLVE})
    if not held:
        return []
    found = run_parallel(
        _work, held, num_threads=num_threads, mp_batches=mp_batches, executor=executor, journal=journal,
        progress=progress, debug=debug, grain=1, method=method, options=options,
    )  # fmt: skip
    return [result for (result,) in found.value]


def _work(molecule: Sequence[TrajectoryProblem], method: str, options: dict[str, Any]) -> list[TrajectoryResult]:
    return [solve(problem, method, threads=1, **options) for problem in molecule]
