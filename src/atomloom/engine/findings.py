"""Findings: misuses of the engine that a run gives evidence of, and what to do instead.

Each check looks at measurements of the run itself (times, bytes, threads) and stays silent
on the innocent twin of the pattern. A finding is a warning; ``strict=True`` refuses.
"""

from __future__ import annotations

import ast
import functools
import inspect
import opcode
import statistics
import textwrap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atomloom.engine.budget import machine, show_size
from atomloom.engine.sizes import shallow_size

if TYPE_CHECKING:
    from collections.abc import Callable

    from atomloom.engine.plan import Plan
    from atomloom.engine.redux import Reducer
    from atomloom.engine.trace import Trace

MANY_BYTES = 16 << 20
"""Copies or kept results below this size are nobody's problem."""

WORTH_SAYING = 0.1
"""Seconds that parallel work must lose against serial work before it is worth a warning."""


@dataclass(frozen=True)
class Finding:
    """One misuse, with its evidence and the way out.

    Attributes
    ----------
    kind : str
        ``process-per-atom, dispatch, keeps-all, gil, dimensions, copies, blas`` or ``serial``.
    message : str
        What was measured and what to do.
    evidence : dict
        The numbers.
    worth_warning : bool
        False for losses too small to interrupt anyone; they are still recorded.

    Examples
    --------
    >>> Finding("gil", "threads run one at a time. Fix: processes.", {"cores_used": 1.0}).to_dict()["kind"]
    'gil'
    """

    kind: str
    message: str
    evidence: dict[str, Any] = field(default_factory=dict)
    worth_warning: bool = True

    def to_dict(self) -> dict[str, Any]:
        """Give the finding as plain JSON types."""
        return {"kind": self.kind, "message": self.message, "evidence": self.evidence}


@dataclass
class Evidence:
    """What the checks look at; filled in by the driver while the run goes on."""

    plan: Plan
    trace: Trace
    reducer: Reducer
    func: Callable[..., Any]
    atoms: Any
    backend: str
    foreign: bool
    cores: int
    memory: int | None
    arg_name: str
    finished: bool = False
    payload_bytes: int = 0
    blas_threads: int = 0
    lateness: list[float] = field(default_factory=list)
    result_bytes: int = 0
    leaves_done: int = 0
    value: Any = None

    @property
    def budget(self) -> int:
        """Bytes that results may fill: what the user allowed, else what the machine has free."""
        return self.memory if self.memory is not None else machine().memory_available

    @property
    def done(self) -> list[dict[str, Any]]:
        """Records of molecules that ran to their end."""
        return [record for record in self.trace.records if record["status"] == "done"]


def diagnose(evidence: Evidence) -> list[Finding]:
    """Run every check on the evidence so far."""
    found = (check(evidence) for check in _CHECKS)
    return [finding for finding in found if finding is not None]


def _process_per_atom(e: Evidence) -> Finding | None:
    plan = e.plan
    if e.backend != "processes" or plan.num_threads <= 2 * e.cores or plan.num_threads < plan.n_atoms:
        return None
    return Finding(
        "process-per-atom",
        f"one process per atom: {plan.num_threads} workers for {plan.n_atoms} atoms on {e.cores} cores took "
        f"{e.trace.startup:.2f} s to start. Fix: num_threads=None uses every core once, and molecules share it.",
        {"workers": plan.num_threads, "atoms": plan.n_atoms, "startup": e.trace.startup},
    )


def _dispatch(e: Evidence) -> Finding | None:
    done = e.done
    if e.backend == "serial" or len(done) < 64 or len(e.plan.molecules) <= 4 * e.plan.num_threads:
        return None
    wall = max(r["end"] for r in done) - min(r["queued"] for r in done)
    work = statistics.fmean(r["end"] - r["start"] for r in done)
    overhead = wall * e.plan.num_threads / len(done) - work
    if overhead < work or work > 1e-3:
        return None
    return Finding(
        "dispatch",
        f"dispatch dominates: {len(done)} molecules of {1e6 * work:.1f} us cost {1e6 * overhead:.0f} us "
        f"each to hand out. Fix: fewer, larger molecules (mp_batches=1, now {e.plan.mp_batches}; or a larger grain).",
        {"molecules": len(done), "work_seconds": work, "overhead_seconds": overhead},
        worth_warning=overhead * len(done) >= 0.05 * WORTH_SAYING,
    )


def _keeps_all(e: Evidence) -> Finding | None:
    if e.leaves_done == 0 or e.backend in ("serial", "threads"):
        return None
    projected = e.result_bytes / e.leaves_done * e.plan.n_leaves
    if projected < (1 << 20 if e.memory is not None else MANY_BYTES):
        return None
    if e.reducer.func is None:
        if projected <= 0.8 * e.budget:
            return None
        why = f"no reducer is given and the results will fill {show_size(projected)} of {show_size(e.budget)}"
    else:
        collects = e.reducer.keeps_all or (
            e.finished and isinstance(e.value, list | dict | tuple) and shallow_size(e.value) > 0.5 * e.result_bytes
        )
        if not collects or projected < min(MANY_BYTES, 0.5 * e.budget):
            return None
        why = f"the reducer keeps every result ({show_size(projected)}) instead of reducing"
    return Finding(
        "keeps-all",
        f"all results are kept: {why}. Fix: pass a redux that folds (operator.add, np.maximum, your own merge), "
        "or write each result to disk inside the function and return its path.",
        {"projected_bytes": projected, "memory": e.budget},
    )


def _gil(e: Evidence) -> Finding | None:
    threads = e.plan.num_threads
    done = e.done
    if e.backend not in ("threads", "ThreadPoolExecutor") or threads < 2 or e.cores < 2 or len(done) < 2:
        return None
    wall = max(r["end"] for r in done) - min(r["start"] for r in done)
    cpu = sum(r["cpu"] for r in done)
    busy = sum(r["end"] - r["start"] for r in done)
    late = statistics.median(e.lateness) if len(e.lateness) >= 3 else 0.0
    one_core = 0.25 * wall < cpu < 1.35 * wall and busy > 1.5 * wall
    if wall < 0.05 or not one_core or (e.lateness and late < 0.002):
        return None
    return Finding(
        "gil",
        f"threads run one at a time: {threads} threads used {cpu / wall:.2f} cores, and a sleeping thread woke "
        f"{1e3 * late:.1f} ms late because Python code holds the interpreter lock. Fix: executor='processes', "
        "or a kernel that releases the lock (numpy, numba with nogil=True).",
        {"cores_used": cpu / wall, "lateness_seconds": late},
    )


def _dimensions(e: Evidence) -> Finding | None:
    loops = product_loops(e.func, e.arg_name)
    if len(loops) < 2:
        return None
    names = ", ".join(loops)
    return Finding(
        "dimensions",
        f"the function nests {len(loops)} loops that do not depend on each other ({names}): its dimensions are "
        "written into the code. Fix: atoms=grid(" + ", ".join(f"{name}=..." for name in loops) + ") makes every "
        "combination an atom, balanced over the workers and resumable.",
        {"loops": loops},
    )


def _copies(e: Evidence) -> Finding | None:
    done = e.done
    total = sum(record["bytes_in"] for record in done)
    each = total / max(1, len(done))
    projected = each * len(e.plan.molecules)
    if each < 1 << 20 or projected < MANY_BYTES or len(e.plan.molecules) <= e.plan.num_threads:
        return None
    if e.foreign and e.payload_bytes > 0.5 * each:
        why = f"{e.backend} pickles the arguments into every job"
        fix = "executor='processes' sends them once, by reference"
    elif _share_arrays(e.atoms):
        why = "the atoms carry the same array again and again"
        fix = "pass the array as a keyword argument: it reaches every worker once, without a copy"
    else:
        return None
    return Finding(
        "copies",
        f"large arrays are copied into each job: {show_size(each)} each, {show_size(projected)} in all, because {why}. "
        f"Fix: {fix}.",
        {"bytes_per_job": each, "bytes": projected},
    )


def _share_arrays(atoms: Any) -> bool:
    """Whether the first atoms of a list hold the very same large array."""
    if not isinstance(atoms, list | tuple) or len(atoms) < 2:
        return False

    def large(atom: Any) -> set[int]:
        parts = atom.values() if isinstance(atom, dict) else atom if isinstance(atom, list | tuple) else (atom,)
        return {id(part) for part in parts if getattr(part, "nbytes", 0) >= 1 << 16}

    return bool(large(atoms[0]) & large(atoms[1]))


def _blas(e: Evidence) -> Finding | None:
    total = e.blas_threads * e.plan.num_threads
    if e.blas_threads < 2 or total <= e.cores:
        return None
    return Finding(
        "blas",
        f"BLAS is oversubscribed: {e.plan.num_threads} workers x {e.blas_threads} threads = {total} threads on "
        f"{e.cores} cores. Fix: let the engine plan them (executor='processes', and no thread setting inside the "
        "function), or set OMP_NUM_THREADS before the workers start.",
        {"threads": total, "cores": e.cores},
    )


def _serial(e: Evidence) -> Finding | None:
    if e.backend == "serial" or e.plan.num_threads < 2 or not e.done or e.trace.wall <= 0:
        return None
    if not e.finished or any(record["status"] != "done" for record in e.trace.records):
        return None
    serial = e.trace.busy + e.trace.reducing + e.trace.listening
    if e.trace.wall < 1.2 * serial:
        return None
    lost = e.trace.wall - e.trace.startup - serial  # starting a pool is paid once, not per run
    return Finding(
        "serial",
        f"serial is predicted faster: the work itself took {e.trace.busy:.3g} s, the parallel run {e.trace.wall:.3g} s "
        f"(start {e.trace.startup:.3g} s, {show_size(sum(r['bytes_out'] for r in e.done))} returned). "
        "Fix: executor='serial', or more work per atom and smaller results.",
        {"busy_seconds": e.trace.busy, "wall_seconds": e.trace.wall},
        worth_warning=lost >= WORTH_SAYING,
    )


_CHECKS = (_process_per_atom, _dispatch, _keeps_all, _gil, _dimensions, _copies, _blas, _serial)


# ---- loops that are really axes ------------------------------------------------------------


def product_loops(func: Callable[..., Any], arg_name: str = "molecule") -> list[str]:
    """Find nested ``for`` loops of a function that run over independent axes.

    The loop over the molecule itself does not count, nor does a loop whose range depends on
    an outer loop's variable (a triangle is not a product).

    Examples
    --------
    >>> product_loops(len)
    []
    """
    tree = _tree(func)
    if tree is None:
        return []
    best: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.For):
            nest = _nest(node, arg_name, set())
            best = nest if len(nest) > len(best) else best
    return best if len(best) >= 2 else []


def _tree(func: Callable[..., Any]) -> ast.AST | None:
    while isinstance(func, functools.partial):
        func = func.func
    code = getattr(func, "__code__", None)
    if code is None or code.co_code[::2].count(opcode.opmap["FOR_ITER"]) < 2:
        return None  # fewer than two loops need no look at the source
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(func)))
    except (OSError, TypeError, SyntaxError, IndentationError):
        return None  # built-ins, and functions whose source is not on disk, are not judged


def _nest(loop: ast.For, arg_name: str, bound: set[str]) -> list[str]:
    """Give the names of the longest chain of independent loops from this loop inwards."""
    reads = _read(loop.iter)
    targets = {node.id for node in ast.walk(loop.target) if isinstance(node, ast.Name)}
    # A range that follows an outer variable, or anything computed from one, is no axis of its own; nor is the
    # extent of an array, nor a loop whose steps build on each other.
    free = targets and not reads & bound and arg_name not in reads
    own = [min(targets)] if free and not _is_extent(loop.iter) and not _carries_state(loop) else []
    stores = {node.id for node in ast.walk(loop) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    inner: list[str] = []
    for statement in loop.body:
        for node in ast.walk(statement):
            if isinstance(node, ast.For):
                chain = _nest(node, arg_name, bound | stores)
                inner = chain if len(chain) > len(inner) else inner
    return own + inner


def _read(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _is_extent(node: ast.AST) -> bool:
    """Whether a loop runs over the positions of an array or sequence."""
    return any(
        (isinstance(each, ast.Attribute) and each.attr in ("shape", "size"))
        or (
            isinstance(each, ast.Call)
            and isinstance(each.func, ast.Name)
            and each.func.id in ("len", "enumerate", "zip")
        )
        for each in ast.walk(node)
    )


def _carries_state(loop: ast.For) -> bool:
    """Whether a step of a loop uses what an earlier step computed, other than to sum or compare it up."""
    for node in ast.walk(loop):
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            if node.target.id in _read(node.value):
                return True
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in _read(node.value) and not _sums_up(name, node.value):
                return True
    return False


def _sums_up(name: str, value: ast.AST) -> bool:
    """Whether an expression only adds to a name, or keeps the better of it and something new."""
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in ("max", "min"):
        parts: list[ast.AST] = list(value.args)
    elif isinstance(value, ast.BinOp):
        parts = [value.left, value.right]
    else:
        return False
    rest = [part for part in parts if not (isinstance(part, ast.Name) and part.id == name)]
    return len(rest) < len(parts) and not any(name in _read(part) for part in rest)
