"""Jobs: what one call of the user's function needs, and how a molecule of such calls is worked.

Atoms are grouped into *leaves* (fixed by the atoms alone) and consecutive leaves into
molecules (the unit that travels). The user's function is called once per leaf; the call is
a job, a dict as in AFML snippet 20.10. Because leaves never depend on the number of
workers, neither do the results.
"""

from __future__ import annotations

import importlib
import pickle
import signal
import threading
import time
import traceback
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atomloom.engine.arrays import own_layout, read_only
from atomloom.engine.redux import MISSING, Reducer, cover
from atomloom.engine.share import pack, pack_result
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from atomloom.engine.share import Payload

REDUCER = "the reducer"

Piece = tuple[int, int, Any]
"""A finished stretch of leaves (lo, hi) and its value."""


def expand_call(job: Mapping[str, Any]) -> Any:
    """Call the function of a job with the rest of the job as keyword arguments (AFML 20.10).

    Parameters
    ----------
    job : mapping
        ``{"func": callable, **arguments}``. It is not changed.

    Examples
    --------
    >>> job = {"func": max, "default": 0}
    >>> expand_call({"func": dict, "a": 1})
    {'a': 1}
    """
    arguments = dict(job)
    func = arguments.pop("func")
    return func(**arguments)


@dataclass(frozen=True)
class Failure:
    """Why one leaf has no result.

    Attributes
    ----------
    leaf, atom_lo, atom_hi : int
        The leaf and its half-open range of atoms.
    atoms : str
        The first five atoms, as text.
    kind, message, trace : str
        Type name, text and traceback of the exception (of the worker's death).
    exception : bytes or None
        The pickled exception where it survives a round trip.
    repro : str
        One line that repeats the failing call.
    attempts : int
        How often the molecule was tried.
    by_reducer : bool
        The reducer raised, not the function: such a failure always ends the run.

    Examples
    --------
    >>> from atomloom import run_parallel
    >>> result = run_parallel(lambda molecule: 1 // molecule[0], range(3), num_threads=1, on_error="skip")
    >>> failure = result.failures[0]
    >>> failure.kind, failure.atoms, failure.repro
    ('ZeroDivisionError', '[0]', 'func(molecule=atoms[0:1])')
    """

    leaf: int
    atom_lo: int
    atom_hi: int
    atoms: str
    kind: str
    message: str
    trace: str
    repro: str
    exception: bytes | None = None
    attempts: int = 1
    by_reducer: bool = False

    def __str__(self) -> str:
        return f"{self.kind}: {self.message} [leaf {self.leaf}, atoms {self.atom_lo}:{self.atom_hi} = {self.atoms}]"

    def cause(self) -> BaseException | None:
        """Rebuild the original exception, if it can travel."""
        if self.exception is None:
            return None
        try:
            error = pickle.loads(self.exception)
        except Exception:  # noqa: BLE001  # an exception that does not unpickle must not hide the failure itself
            return None
        return error if isinstance(error, BaseException) else None


@dataclass
class Outcome:
    """What one molecule gave: pieces, failures, and what it cost."""

    pieces: list[Piece]
    failures: list[Failure]
    start: float = 0.0
    end: float = 0.0
    cpu: float = 0.0
    own_cpu: float = 0.0
    leaves: int = 0
    cell: Any = None


@dataclass
class Work:
    """Everything that stays the same over a run: function, arguments, leaves, reducer.

    Attributes
    ----------
    func : callable
    arg_name : str
        The keyword under which a leaf's atoms are passed.
    kwargs : dict
    atoms : sequence or None
        The atoms, when they travel as a whole; None when each job carries its own.
    leaves : list of int
        Boundaries of the leaves in atoms, one more than there are leaves.
    reducer : Reducer
    seed : int or None
    keep_going : bool
        Work on after a leaf failed (``on_error`` is not "raise").
    module_data : dict
        Global data of the function's module, for workers that did not inherit it.
    """

    func: Callable[..., Any]
    arg_name: str
    kwargs: dict[str, Any]
    atoms: Any
    leaves: list[int]
    reducer: Reducer
    seed: int | None = None
    keep_going: bool = False
    module_data: dict[tuple[str, str], Any] = field(default_factory=dict)

    def install(self) -> Work:
        """Set the module data that came along, and protect the arguments again; in a worker, once."""
        for (module, name), value in self.module_data.items():
            setattr(importlib.import_module(module), name, value)
        self.kwargs.update({name: read_only(value) for name, value in self.kwargs.items()})
        return self

    def job(self, leaf: int, atoms: Any = None, first: int = 0) -> dict[str, Any]:
        """Build the job of one leaf; ``atoms`` (from atom ``first`` on) replaces the shared atoms."""
        lo, hi = self.leaves[leaf], self.leaves[leaf + 1]
        part = take(self.atoms, lo, hi) if atoms is None else take(atoms, lo - first, hi - first)
        job = {"func": self.func, self.arg_name: part, **self.kwargs}
        if self.seed is not None:
            job["rng"] = leaf_rng(self.seed, lo)
        return job

    def run(self, segments: Sequence[tuple[int, int]], atoms: Any = None, first: int = 0, cell: Any = None) -> Outcome:
        """Work the leaves of some segments in order, combining where the reducer allows it.

        ``cell[1]`` is set to the leaf under work, for whoever watches from outside.
        """
        outcome = Outcome([], [], start=time.monotonic(), cell=cell)
        cpu, own = time.process_time(), time.thread_time()
        for lo, hi in segments:
            self._segment(lo, hi, atoms, first, outcome)
            if outcome.failures and not self.keep_going:
                break
        outcome.cpu = time.process_time() - cpu
        outcome.own_cpu = time.thread_time() - own
        outcome.end = time.monotonic()
        outcome.cell = None
        return outcome

    def _segment(self, lo: int, hi: int, atoms: Any, first: int, outcome: Outcome) -> None:
        if not self.reducer.tree:
            for leaf in range(lo, hi):
                value = self._leaf(leaf, atoms, first, outcome)
                if value is not MISSING:
                    outcome.pieces.append((leaf, leaf + 1, value))
                elif not self.keep_going:
                    return
            return
        for a, b in cover(0, len(self.leaves) - 1, lo, hi):
            value, _ = self._node(a, b, atoms, first, outcome)
            if outcome.failures and not self.keep_going:
                return
            outcome.pieces.append((a, b, value))

    def _node(self, lo: int, hi: int, atoms: Any, first: int, outcome: Outcome) -> tuple[Any, bool]:
        """Reduce one node of the fixed tree; give its value and whether the engine owns it."""
        if hi - lo == 1:
            return self._leaf(lo, atoms, first, outcome), False
        middle = (lo + hi) // 2
        left, owned = self._node(lo, middle, atoms, first, outcome)
        if outcome.failures and not self.keep_going:
            return MISSING, True
        right, _ = self._node(middle, hi, atoms, first, outcome)
        try:
            return self.reducer.combine(left, right, owned=owned), True
        except Exception as error:  # noqa: BLE001  # the user's reducer: report it as the leaf's failure
            outcome.failures.append(self.failure(lo, error, where=REDUCER))
            return MISSING, True

    def _leaf(self, leaf: int, atoms: Any, first: int, outcome: Outcome) -> Any:
        outcome.leaves += 1
        if outcome.cell is not None:
            outcome.cell[1] = leaf
        try:
            value = own_layout(expand_call(self.job(leaf, atoms, first)))
        except BaseException as error:  # the user's function may raise anything
            if isinstance(error, KeyboardInterrupt) and _interrupted():
                raise
            outcome.failures.append(self.failure(leaf, error, atoms=atoms, first=first))
            value = MISSING
        return value

    def failure(
        self, leaf: int, error: BaseException, *, where: str = "", atoms: Any = None, first: int = 0
    ) -> Failure:
        """Describe an exception so that it can travel whatever it is made of."""
        lo, hi = self.leaves[leaf], self.leaves[leaf + 1]
        shown = "" if atoms is None and self.atoms is None else self._show(lo, hi, atoms, first)
        text = _text(error)
        return Failure(
            leaf=leaf,
            atom_lo=lo,
            atom_hi=hi,
            atoms=shown,
            kind=type(error).__qualname__,
            message=f"{text} (in {where})" if where else text,
            trace="".join(traceback.format_exception(error))[-8000:],
            repro=self.repro(lo, hi),
            exception=_portable(error),
            by_reducer=where == REDUCER,
        )

    def repro(self, lo: int, hi: int) -> str:
        """Write the one line that repeats the call on atoms lo:hi in this process."""
        name = getattr(self.func, "__name__", "")
        if not name.isidentifier() or "." in getattr(self.func, "__qualname__", "."):
            name = "func"
        extra = ", **func_kwargs" if self.kwargs else ""
        if self.seed is not None:
            extra += f", rng=atomloom.engine.jobs.leaf_rng({self.seed}, {lo})"
        return f"{name}({self.arg_name}=atoms[{lo}:{hi}]{extra})"

    def _show(self, lo: int, hi: int, atoms: Any, first: int) -> str:
        shown = min(hi, lo + 5)
        part = take(self.atoms, lo, shown) if atoms is None else take(atoms, lo - first, shown - first)
        text = ", ".join(_short(atom) for atom in part)
        return f"[{text}{', ...' if hi > shown else ''}]"


def seal(work: Work, outcome: Outcome) -> Payload:
    """Pickle an outcome; pieces that refuse become failures of their leaves, never a lost molecule."""
    try:
        return pack_result(outcome)
    except Exception:  # noqa: BLE001  # found piece by piece below
        good: list[Piece] = []
        for lo, hi, value in outcome.pieces:
            try:
                pack_result(value)
                good.append((lo, hi, value))
            except Exception as error:  # noqa: BLE001  # whatever a user's __reduce__ raises
                where = f"pickling a result of type {type(value).__name__}"
                outcome.failures.append(work.failure(lo, error, where=where))
        outcome.pieces = good
        return pack_result(outcome)


def unpicklable(work: Work, error: Exception) -> BadInput:
    """Say which part of the work cannot be sent to another process."""
    parts = {"func": work.func, **work.kwargs, "redux": work.reducer.func, **work.reducer.args, "atoms": work.atoms}
    for name, part in parts.items():
        try:
            pack(part)
        except Exception as cause:  # noqa: BLE001  # the one that refuses is what we look for
            return BadInput(
                f"{name} ({type(part).__name__}) cannot be sent to another process: {_text(cause)}. "
                "Hint: pass what it is made of and build it inside the function, or use executor='threads'.",
            )
    return BadInput(f"the call cannot be sent to another process: {_text(error)}. Hint: use executor='threads'.")


def _interrupted() -> bool:
    """Whether a KeyboardInterrupt is a person's: workers ignore SIGINT, and threads never get it."""
    ours = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    return ours and threading.current_thread() is threading.main_thread()


def take(atoms: Any, lo: int, hi: int) -> Any:
    """Slice atoms by position; pandas objects by their rows."""
    return atoms.iloc[lo:hi] if hasattr(atoms, "iloc") else atoms[lo:hi]


def leaf_rng(seed: int, first_atom: int) -> Any:
    """Make the random stream of the leaf that begins at an atom.

    A counter-based generator (Philox) keyed by seed and atom: the same numbers whichever
    worker draws them, and streams that never overlap.

    Examples
    --------
    >>> float(leaf_rng(7, 100).random()) == float(leaf_rng(7, 100).random())
    True
    """
    from numpy.random import Generator, Philox, SeedSequence  # noqa: PLC0415  # only runs with seed= pay for it

    key = int(SeedSequence(seed).generate_state(1, "uint64")[0])
    return Generator(Philox(key=(first_atom << 64) | key))


def _short(value: Any) -> str:
    text = _text(value, repr)
    return text if len(text) <= 60 else text[:57] + "..."


def _text(value: Any, how: Callable[[Any], str] = str) -> str:
    try:
        return how(value)[:2000]
    except Exception as error:  # noqa: BLE001  # a __str__ that raises must not hide the failure it describes
        return f"<{type(value).__name__} whose text raises {type(error).__name__}>"


def _portable(error: BaseException) -> bytes | None:
    """Pickle an exception if, and only if, it survives the round trip."""
    try:
        blob = pickle.dumps(error)
        return blob if len(blob) < 16_384 and type(pickle.loads(blob)) is type(error) else None
    except Exception:  # noqa: BLE001  # many exceptions cannot travel; their text always does
        return None
