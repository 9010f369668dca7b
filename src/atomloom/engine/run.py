"""run_parallel: the one verb of the engine."""

from __future__ import annotations

import os
import platform
import time
import warnings
from typing import TYPE_CHECKING, Any

from atomloom.engine.blas import one_thread
from atomloom.engine.budget import usable_cores
from atomloom.engine.call import checked
from atomloom.engine.drive import MOLECULE_BYTES, Driver
from atomloom.engine.executors import SerialBackend, ThreadBackend
from atomloom.engine.findings import Evidence, Finding, diagnose
from atomloom.engine.foreign import FuturesBackend
from atomloom.engine.journal import Journal
from atomloom.engine.known import Known
from atomloom.engine.probe import fit_by_probe, fit_memory
from atomloom.engine.progress import listener
from atomloom.engine.redux import Reducer
from atomloom.engine.result import ReducedResult, stitch
from atomloom.engine.sizes import shallow_size
from atomloom.engine.trace import Trace
from atomloom.errors import AntiPattern, BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from atomloom.engine.backend import Backend
    from atomloom.engine.call import Call
    from atomloom.engine.jobs import Piece
    from atomloom.engine.plan import Plan


def run_parallel(
    func: Callable[..., Any],
    atoms: Any,
    arg_name: str = "molecule",
    num_threads: int | None = None,
    mp_batches: int = 1,
    partition: str = "linear",
    redux: Callable[..., Any] | None = None,
    redux_args: Mapping[str, Any] | None = None,
    redux_in_place: bool = False,
    debug: bool = False,
    *,
    executor: Any = None,
    cost: Any = None,
    memory: float | str | None = None,
    retries: int = 2,
    timeout: float | None = None,
    on_error: str = "raise",
    journal: str | os.PathLike[str] | None = None,
    progress: Any = None,
    seed: int | None = None,
    strict: bool = False,
    grain: int | None = None,
    **func_kwargs: Any,
) -> ReducedResult:
    """Work atoms in parallel and fold the results as they arrive, with the same bits anywhere.

    The atoms are cut into *leaves*, fixed by the atoms, their declared cost and the grain;
    ``func`` is called once per leaf. Consecutive leaves form molecules, the unit that
    travels to a worker. Workers, batches, crashes and resumption change the molecules,
    never the leaves, so they never change the result.

    Parameters
    ----------
    func : callable
        ``func(**{arg_name: atoms_of_a_leaf}, **func_kwargs)``. Lambdas, closures, bound
        methods and functions of ``__main__`` travel too. It must not change its arguments:
        arrays among them are read-only, everywhere alike.
    atoms : sequence
        List, range, array (rows), pandas object, :func:`grid`, or any iterable.
    arg_name : str
        The argument of ``func`` that receives a slice of the atoms.
    num_threads : int, optional
        Workers; None is every physical core this process may use, -1 every processor,
        -2 all but one.
    mp_batches : int
        Molecules per worker; more of them even out unequal costs.
    partition : {"linear", "nestedLower", "nestedUpper", "auto"}
        Equal numbers of atoms; equal parts of a triangle; or equal cost as fitted to a few
        timed leaves.
    redux : callable, optional
        ``redux(accumulated, result, **redux_args)``. Known associative reducers (operator.add,
        numpy.maximum, ..., or marked with :func:`associative`) are combined along a fixed
        tree, inside the workers first; any other is a strict left fold in input order.
        Without a reducer pandas results are stitched, others listed.
    redux_args : mapping, optional
        Keyword arguments of every call of ``redux``.
    redux_in_place : bool
        ``redux`` changes its first argument (a copy of the first result) and returns nothing.
    debug : bool
        Work sequentially in this thread, same plan, same bits, breakpoints work.
    executor : {"serial", "threads", "processes"} or concurrent.futures.Executor, optional
        None is processes, or serial for a single worker.
    cost : array, callable or {"linear", "lower", "upper"}, optional
        Declared cost of every atom (any unit); balances leaves and molecules.
    memory : int or str, optional
        Bytes (or "2GB") that results may fill: projected from a few leaves, then re-planned
        into smaller molecules, or refused; and watched while the run goes on.
    retries : int
        How often a molecule is tried again after its worker died or ran out of time.
    timeout : float, optional
        Seconds a molecule may run (processes only).
    on_error : {"raise", "skip", "collect"}
        Stop at the first failure; leave failed leaves out; or put their
        :class:`~atomloom.engine.jobs.Failure` in their place in the list.
    journal : path, optional
        Folder that makes the run resumable: call again after a crash.
    progress : bool or callable, optional
        None draws a bar on stderr if that is a terminal; a callable receives typed events.
    seed : int, optional
        Offers every leaf its own random stream as ``rng``.
    strict : bool
        Refuse measured misuses of the engine instead of warning.
    grain : int, optional
        Atoms per leaf; by default up to 480 leaves (960 with "auto").

    Returns
    -------
    ReducedResult
        ``.value``, ``.plan``, ``.trace``, ``.failures``, ``.findings``, ``.summary()``,
        ``.to_frame()``.

    Raises
    ------
    BadInput
        An argument cannot be used; or a misuse was found under ``strict``.
    JobFailed
        The function or the reducer raised; ``WorkerDied`` if it ended its worker too often.
    OverBudget
        ``memory`` does not suffice; the message has the numbers.

    Notes
    -----
    Some 20 to 30 us per molecule of dispatch and below 1 ms per call on a warm pool
    (``docs/performance.md``). AFML chapter 20.

    Examples
    --------
    >>> import operator
    >>> squares = lambda molecule: sum(i * i for i in molecule)
    >>> run_parallel(squares, range(1000), num_threads=2, redux=operator.add).value
    332833500
    """
    began = time.monotonic()
    call = checked(
        func, atoms, func_kwargs, arg_name=arg_name, num_threads=num_threads, mp_batches=mp_batches,
        partition=partition, reducer=Reducer.of(redux, redux_args, in_place=redux_in_place), debug=debug,
        executor=executor, cost=cost, memory=memory, retries=retries, timeout=timeout, on_error=on_error, seed=seed,
        grain=grain, journalled=journal is not None,
    )  # fmt: skip
    listen = listener(progress)
    plan = call.plan()
    if call.n == 0:
        return ReducedResult([] if redux is None else None, plan, Trace(workers=call.workers), meta=_meta(call, plan))
    record = None
    backend: Backend | None = None
    spoken: set[str] = set()
    try:
        with one_thread():
            record = _open_journal(journal, call, plan)
            backend = call.backend()
            plan, probed = _prepare(call, plan, backend, record)
            driver = Driver(
                plan, call.work(plan.leaves), backend, call.atoms, Known(probed, record), journal=record,
                listen=listen, retries=retries, on_error=on_error, began=began, budget=call.memory,
                inspect=_inspector(call, backend, spoken, strict=strict),
            )  # fmt: skip
            value = driver.run()
            backend.end(abort=False)
    except BaseException:
        if backend is not None:
            backend.end(abort=True)
        raise
    finally:
        if record is not None:
            record.close()
    value = stitch(value) if redux is None else value
    found = diagnose(_evidence(call, driver, backend, value, finished=True))
    _speak(found, spoken, strict=strict)
    failures = sorted(driver.failures, key=lambda failure: failure.leaf)
    return ReducedResult(value, driver.plan, driver.trace, failures, found, _meta(call, plan))


def plan_parallel(
    func: Callable[..., Any],
    atoms: Any,
    arg_name: str = "molecule",
    num_threads: int | None = None,
    mp_batches: int = 1,
    partition: str = "linear",
    redux: Callable[..., Any] | None = None,
    redux_args: Mapping[str, Any] | None = None,
    redux_in_place: bool = False,
    debug: bool = False,
    *,
    executor: Any = None,
    cost: Any = None,
    memory: float | str | None = None,
    retries: int = 2,
    timeout: float | None = None,
    on_error: str = "raise",
    journal: str | os.PathLike[str] | None = None,
    progress: Any = None,  # noqa: ARG001  # taken so that the call may be that of run_parallel
    seed: int | None = None,
    strict: bool = False,  # noqa: ARG001  # same
    grain: int | None = None,
    **func_kwargs: Any,
) -> Plan:
    """Make the plan that :func:`run_parallel` would follow, without running it.

    Takes the arguments of :func:`run_parallel`. With ``partition="auto"`` or ``memory=`` a few
    leaves are worked to measure them, in this process; a journal is not looked into.

    Returns
    -------
    Plan

    Raises
    ------
    BadInput, OverBudget
        As :func:`run_parallel`.

    Examples
    --------
    >>> plan = plan_parallel(lambda molecule: len(molecule), range(20), num_threads=6)
    >>> [plan.atoms_of(i)[1] for i in range(6)]
    [4, 7, 10, 14, 17, 20]
    """
    call = checked(
        func, atoms, func_kwargs, arg_name=arg_name, num_threads=num_threads, mp_batches=mp_batches,
        partition=partition, reducer=Reducer.of(redux, redux_args, in_place=redux_in_place), debug=debug,
        executor=executor, cost=cost, memory=memory, retries=retries, timeout=timeout, on_error=on_error, seed=seed,
        grain=grain, journalled=journal is not None,
    )  # fmt: skip
    plan = call.plan()
    if call.n == 0:
        return plan
    backend = SerialBackend()
    try:
        with one_thread():
            return _prepare(call, plan, backend, None)[0]
    finally:
        backend.end(abort=True)


def _prepare(call: Call, plan: Plan, backend: Backend, journal: Journal | None) -> tuple[Plan, list[Piece]]:
    """Begin the backend; measure cost and memory where the plan asks for it."""
    keep = call.reducer.func is None or call.reducer.keeps_all
    backend.begin(call.work(plan.leaves), keep=keep)
    known = Known([], journal)
    pieces: list[Piece] = []
    if call.memory is not None and known.gaps(0, plan.n_leaves):
        plan, pieces = fit_memory(plan, call.reducer, backend, call.atoms, whole=call.travels_whole, budget=call.memory)
    if call.partition == "auto" and call.cost is None and not known.ranges:
        plan, probed = fit_by_probe(plan, backend, call.atoms, call.travels_whole)
        have = {lo for lo, _, _ in pieces}
        pieces += [piece for piece in probed if piece[0] not in have]
    # What the journal has is not needed twice, and twice in a sum would be wrong.
    pieces = [piece for piece in pieces if known.gaps(piece[0], piece[1])]
    if journal is not None and pieces:
        journal.append(pieces)
        return plan, []
    if call.reducer.kind == "fold" and sum(shallow_size(value) for *_, value in pieces) > MOLECULE_BYTES:
        pieces = [piece for piece in pieces if piece[0] == 0]  # values out of turn would wait outside the window
    return plan, pieces


def _open_journal(folder: Any, call: Call, plan: Plan) -> Journal | None:
    if folder is None:
        return None
    if isinstance(folder, bool) or not isinstance(folder, str | os.PathLike):
        raise BadInput(f"journal is {folder!r}; it must be the path of a folder.")
    from atomloom.engine.digest import digest  # noqa: PLC0415  # only journalled runs pay for it

    key = {
        "function": digest(call.func),
        "arguments": digest([call.arg_name, call.kwargs]),
        "atoms": digest(call.atoms),
        "leaves": digest(plan.leaves),
        "redux": digest([call.reducer.kind, call.reducer.func, call.reducer.args, call.reducer.in_place]),
        "seed": str(call.seed),
    }
    return Journal(folder, key)


def _evidence(call: Call, driver: Driver, backend: Backend, value: Any, *, finished: bool) -> Evidence:
    return Evidence(
        plan=driver.plan, trace=driver.trace, reducer=call.reducer, func=call.func, atoms=call.atoms,
        backend=backend.name, foreign=isinstance(backend, FuturesBackend), cores=usable_cores(), memory=call.memory,
        arg_name=call.arg_name, finished=finished, payload_bytes=backend.payload_bytes,
        blas_threads=driver.blas_threads, result_bytes=driver.result_bytes, leaves_done=driver.leaves_done, value=value,
        lateness=backend.lateness if isinstance(backend, ThreadBackend) else [],
    )  # fmt: skip


def _inspector(call: Call, backend: Backend, spoken: set[str], *, strict: bool) -> Callable[[Driver], None]:
    """Look at the evidence while the run goes on: a warning about memory is of no use at the end."""

    def inspect(driver: Driver) -> None:
        driver.trace.wall = time.monotonic() - driver.began
        found = diagnose(_evidence(call, driver, backend, None, finished=False))
        _speak([each for each in found if strict or each.kind == "keeps-all"], spoken, strict=strict)

    return inspect


def _speak(found: list[Finding], spoken: set[str], *, strict: bool) -> None:
    """Warn of every kind of misuse once; under strict, refuse."""
    worth = [finding for finding in found if finding.worth_warning and finding.kind not in spoken]
    if strict and worth:
        raise BadInput("refused under strict=True: " + " ".join(finding.message for finding in worth))
    for finding in worth:
        spoken.add(finding.kind)
        warnings.warn(finding.message, AntiPattern, stacklevel=3)


def _meta(call: Call, plan: Plan) -> dict[str, Any]:
    import numpy as np  # noqa: PLC0415  # for its version only

    from atomloom import __version__  # noqa: PLC0415  # the front door is not needed before a run ends

    return {
        "seed": call.seed,
        "fingerprint": plan.fingerprint,
        "atomloom": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
    }
