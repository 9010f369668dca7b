"""The book's spellings (AFML chapters 20 and 21): change the import, keep the code.

Every function takes the arguments of the book's snippet and gives the same results. What is
better here is free of charge: dead workers are replaced, jobs are never mutated, results are
folded in a fixed order. In chapter 20 one thing differs: ``mpPandasObj`` and ``mpJobList`` call the function
once per leaf (up to 480 groups of atoms, the same for any number of workers), not once per
molecule, so a list of results has an entry for each. More threads than processors are not
started. In chapter 21 `getAllWeights` lists each portfolio once, and `dynOptPort` finds the best path without
looking at every one.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

from atomloom.afml_trajectory import (
    dynOptPort,
    evalSR,
    evalTCosts,
    getAllWeights,
    pigeonHole,
    rndMatWithRank,
)
from atomloom.engine.budget import resolve_threads
from atomloom.engine.jobs import expand_call
from atomloom.engine.partition import lin_parts, nested_parts
from atomloom.engine.run import run_parallel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "dynOptPort",
    "evalSR",
    "evalTCosts",
    "expandCall",
    "getAllWeights",
    "linParts",
    "mpJobList",
    "mpPandasObj",
    "nestedParts",
    "pigeonHole",
    "processJobs",
    "processJobsRedux",
    "processJobs_",
    "reportProgress",
    "rndMatWithRank",
]

Job = dict[str, Any]


def linParts(numAtoms: int, numThreads: int) -> NDArray[np.int64]:
    """Boundaries of molecules of equal size (AFML 20.1).

    Examples
    --------
    >>> linParts(20, 6).tolist()
    [0, 4, 7, 10, 14, 17, 20]
    """
    return lin_parts(numAtoms, numThreads)


def nestedParts(numAtoms: int, numThreads: int, upperTriang: bool = False) -> NDArray[np.int64]:
    """Boundaries of molecules of equal area of a triangle (AFML 20.2).

    Examples
    --------
    >>> nestedParts(20, 6).tolist()
    [0, 8, 11, 14, 16, 18, 20]
    """
    return nested_parts(numAtoms, numThreads, upper=upperTriang)


def expandCall(kargs: Mapping[str, Any]) -> Any:
    """Call a job's function with its arguments (AFML 20.10); the job is not changed.

    Examples
    --------
    >>> expandCall({"func": dict, "a": 1})
    {'a': 1}
    """
    return expand_call(kargs)


def processJobs_(jobs: Sequence[Job]) -> list[Any]:
    """Run jobs one after another, for debugging (AFML 20.8).

    Examples
    --------
    >>> processJobs_([{"func": abs_, "x": -1} for abs_ in [lambda x: abs(x)]])
    [1]
    """
    return [expand_call(job) for job in jobs]


def _workers(numThreads: int) -> int:
    return max(1, min(numThreads, resolve_threads(-1)))


def _run_job(molecule: Sequence[Job]) -> Any:
    """Run the one job that a leaf holds; a module-level function, so that workers find it by name."""
    (job,) = molecule
    return expand_call(job)


def _run_and_wrap(molecule: Sequence[Job]) -> tuple[Any]:
    """Run a job whose result is to be listed as it is, also if it is a table that could be joined."""
    return (_run_job(molecule),)


def processJobs(jobs: Sequence[Job], task: str | None = None, numThreads: int = 24) -> list[Any]:
    """Run jobs in parallel and list their results (AFML 20.9); in the order of the jobs.

    Examples
    --------
    >>> processJobs([{"func": max, "default": 0, "iterable": []}][:0])
    []
    """
    return list(processJobsRedux(jobs, task, numThreads))


def processJobsRedux(
    jobs: Sequence[Job],
    task: str | None = None,
    numThreads: int = 24,
    redux: Callable[..., Any] | None = None,
    reduxArgs: Mapping[str, Any] | None = None,
    reduxInPlace: bool = False,
) -> Any:
    """Run jobs in parallel and fold the results while they arrive (AFML 20.12).

    The fold begins with a copy of the first result and goes through the jobs in order,
    whichever finishes first. Without ``redux`` the results are listed.

    Examples
    --------
    >>> jobs = [{"func": lambda molecule: sum(molecule), "molecule": range(i)} for i in range(5)]
    >>> processJobsRedux(jobs, numThreads=1, redux=lambda a, b: a + b)
    10
    """
    jobs = list(jobs)
    value = run_parallel(
        _run_and_wrap if redux is None else _run_job,
        jobs,
        num_threads=_workers(numThreads),
        mp_batches=max(1, len(jobs)),
        redux=redux,
        redux_args=reduxArgs,
        redux_in_place=reduxInPlace,
        grain=1,
        progress=_Report(task) if task is not None else False,
    ).value
    return [each for (each,) in value] if redux is None else value


class _Report:
    """Draws the book's progress line from the engine's events."""

    def __init__(self, task: str) -> None:
        self._task = task
        self._begun = time.time()

    def __call__(self, event: Any) -> None:
        if type(event).__name__ == "MoleculeDone":
            reportProgress(event.done, event.molecules, self._begun, self._task)


def reportProgress(jobNum: int, numJobs: int, time0: float, task: str) -> None:
    """Write the book's progress line to stderr (AFML 20.9).

    Examples
    --------
    >>> import time
    >>> reportProgress(1, 2, time.time(), "label")
    """
    done = jobNum / numJobs
    minutes = (time.time() - time0) / 60
    left = minutes * (1 / done - 1) if done else 0.0
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    text = f"{stamp} {done:.2%} {task} done after {minutes:.2f} minutes. Remaining {left:.2f} minutes."
    sys.stderr.write(text + ("\r" if jobNum < numJobs else "\n"))


def mpPandasObj(
    func: Callable[..., Any],
    pdObj: tuple[str, Any],
    numThreads: int = 24,
    mpBatches: int = 1,
    linMols: bool = True,
    **kargs: Any,
) -> Any:
    """Run a function over parts of an index in parallel and join what it returns (AFML 20.7).

    Parameters
    ----------
    func : callable
    pdObj : (str, sequence)
        Name of the argument that receives the molecule, and the list of atoms.
    numThreads, mpBatches : int
    linMols : bool
        Equal numbers of atoms, or (False) equal parts of a triangle.
    **kargs
        Further arguments of ``func``.

    Returns
    -------
    DataFrame or Series sorted by its index, or a list of results.

    Examples
    --------
    >>> import pandas as pd
    >>> close = pd.Series(range(6), index=list("fedcba"))
    >>> def double(molecule, close):
    ...     return 2 * close.loc[molecule]
    >>> mpPandasObj(double, ("molecule", close.index), numThreads=1, close=close).tolist()
    [10, 8, 6, 4, 2, 0]
    """
    name, atoms = pdObj
    value = run_parallel(
        partial(func, **kargs),
        atoms,
        arg_name=name,
        num_threads=_workers(numThreads),
        mp_batches=mpBatches,
        partition="linear" if linMols else "nestedLower",
        progress=False,
    ).value
    return value.sort_index(kind="stable") if hasattr(value, "sort_index") else value


def mpJobList(
    func: Callable[..., Any],
    argList: tuple[str, Any],
    numThreads: int = 24,
    mpBatches: int = 1,
    linMols: bool = True,
    redux: Callable[..., Any] | None = None,
    reduxArgs: Mapping[str, Any] | None = None,
    reduxInPlace: bool = False,
    **kargs: Any,
) -> Any:
    """Divide atoms into molecules, run them, and fold the results on the fly (AFML 20.11).

    Examples
    --------
    >>> mpJobList(lambda molecule: sum(molecule), ("molecule", range(10)), numThreads=1, redux=lambda a, b: a + b)
    45
    """
    name, atoms = argList
    return run_parallel(
        partial(func, **kargs),
        atoms,
        arg_name=name,
        num_threads=_workers(numThreads),
        mp_batches=mpBatches,
        partition="linear" if linMols else "nestedLower",
        redux=redux,
        redux_args=reduxArgs,
        redux_in_place=reduxInPlace,
        progress=False,
    ).value
