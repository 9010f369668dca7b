"""A call of the engine, checked before any worker is started."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from atomloom.engine.arrays import dense, read_only
from atomloom.engine.atoms import as_atoms, check_call
from atomloom.engine.backend import Backend, inside_parallel
from atomloom.engine.budget import parse_size, resolve_threads
from atomloom.engine.cost import resolve_cost
from atomloom.engine.executors import backend_for, check_executor
from atomloom.engine.jobs import Work
from atomloom.engine.partition import whole
from atomloom.engine.plan import (
    FOLD_SPREAD,
    Plan,
    align,
    check_partition,
    cut_molecules,
    declared_leaf_cost,
    make_leaves,
    single_leaves_first,
)
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from atomloom.engine.redux import Reducer

ON_ERROR = ("raise", "skip", "collect")


@dataclass(frozen=True)
class Call:
    """A checked call: what to run, and how."""

    func: Callable[..., Any]
    atoms: Any
    n: int
    travels_whole: bool
    arg_name: str
    kwargs: dict[str, Any]
    reducer: Reducer
    seed: int | None
    cost: Any
    partition: str
    grain: int | None
    workers: int
    mp_batches: int
    executor: Any
    debug: bool
    memory: int | None
    timeout: float | None
    retries: int
    on_error: str
    journalled: bool = False

    def work(self, leaves: list[int]) -> Work:
        """Build what every worker needs."""
        return Work(
            self.func, self.arg_name, self.kwargs, self.atoms if self.travels_whole else None, leaves,
            self.reducer, self.seed, self.on_error != "raise",
        )  # fmt: skip

    def plan(self) -> Plan:
        """Cut leaves and molecules from what is declared."""
        leaves = make_leaves(self.n, self.partition, self.cost, self.grain)
        fold = self.reducer.kind == "fold" and self.mp_batches == 1
        spread = FOLD_SPREAD if fold or (self.journalled and self.mp_batches == 1) else 1
        parts = self.workers * self.mp_batches * spread
        molecules = cut_molecules(leaves, parts, self.partition, self.cost, self.workers)
        notes = []
        if fold:
            molecules = single_leaves_first(molecules, self.workers)
            notes.append(
                f"a strict fold looks ahead only {self.workers + 2} molecules, so they are cut {spread}x smaller"
            )
        elif spread > 1:
            notes.append(f"a journal saves whole molecules, so they are cut {spread}x smaller")
        if self.reducer.tree:
            molecules = align(molecules, len(leaves) - 1)
        if self.workers * self.mp_batches > len(leaves) - 1:
            notes.append(f"{self.workers * self.mp_batches} molecules asked for, {len(leaves) - 1} leaves are there")
        if inside_parallel() and self.executor in (None, "processes"):
            notes.append("inside a molecule of another run: sequential")
        return Plan(
            n_atoms=self.n, leaves=leaves, molecules=molecules, num_threads=self.workers, mp_batches=self.mp_batches,
            partition=self.partition, executor=self._name(), reduction=self.reducer.kind, window=self.workers + 2,
            notes=notes, leaf_cost=declared_leaf_cost(leaves, self.partition, self.cost),
        )  # fmt: skip

    def _name(self) -> str:
        if self.debug or (self.executor is None and self.workers == 1 and self.timeout is None):
            return "serial"
        if self.executor is None or isinstance(self.executor, str):
            name = self.executor or "processes"
            return "serial" if name == "processes" and inside_parallel() else name
        return type(self.executor).__name__

    def backend(self) -> Backend:
        """Open the backend."""
        return backend_for(self.executor, self.workers, debug=self.debug, timeout=self.timeout)


def checked(
    func: Any,
    atoms: Any,
    func_kwargs: dict[str, Any],
    *,
    arg_name: str,
    num_threads: int | None,
    mp_batches: int,
    partition: str,
    reducer: Reducer,
    debug: bool,
    executor: Any = None,
    cost: Any = None,
    memory: float | str | None = None,
    retries: int = 0,
    timeout: float | None = None,
    on_error: str = "raise",
    seed: int | None = None,
    grain: int | None = None,
    journalled: bool = False,
) -> Call:
    """Check everything that can be checked without running anything.

    Raises
    ------
    BadInput
        For the first argument that cannot be used.
    """
    check_call(func, arg_name, func_kwargs, seeded=seed is not None)
    check_partition(partition)
    if on_error not in ON_ERROR:
        raise BadInput(f"on_error is {on_error!r}; it must be one of {', '.join(ON_ERROR)}.")
    whole(mp_batches, "mp_batches", 1)
    whole(retries, "retries", 0)
    if grain is not None:
        whole(grain, "grain", 1)
    if seed is not None:
        whole(seed, "seed", 0)
    check_executor(executor)
    if timeout is not None and (isinstance(timeout, bool | str) or not timeout > 0):
        raise BadInput(f"timeout is {timeout!r}; it must be a positive number of seconds, or None.")
    workers = resolve_threads(num_threads)
    sequence, n, travels_whole = as_atoms(dense(atoms))
    kwargs = {name: read_only(dense(value)) for name, value in func_kwargs.items()}
    if executor == "serial" or debug:
        pass
    elif not isinstance(executor, str) and executor is not None and num_threads is None:
        workers = int(getattr(executor, "_max_workers", None) or workers)
    return Call(
        func, sequence, n, travels_whole, arg_name, kwargs, reducer, seed, resolve_cost(cost, n), partition, grain,
        max(1, min(workers, n)), mp_batches, executor, debug, None if memory is None else parse_size(memory), timeout,
        retries, on_error, journalled,
    )  # fmt: skip
