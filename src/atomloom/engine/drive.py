"""The driver of a run: hands molecules out in order, folds replies in order, bounds what waits.

Molecules go out oldest first and never further ahead than the window, so the oldest
unfinished one always has a place and nothing can wait for ever. What is folded, and in
which order, is fixed by the plan.
"""

from __future__ import annotations

import heapq
import math
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Any

from atomloom.engine.atoms import name_of
from atomloom.engine.jobs import REDUCER, Failure, Outcome, take
from atomloom.engine.ledger import Ledger
from atomloom.engine.progress import RunFinished, RunStarted, WorkerLost
from atomloom.engine.redux import MISSING, Tree, cover
from atomloom.engine.sizes import check_memory, shallow_size
from atomloom.engine.worker import rss
from atomloom.errors import AtomloomError, JobFailed, WorkerDied

if TYPE_CHECKING:
    from collections.abc import Callable

    from atomloom.engine.backend import Backend
    from atomloom.engine.jobs import Piece, Work
    from atomloom.engine.journal import Journal
    from atomloom.engine.known import Known
    from atomloom.engine.plan import Plan
    from atomloom.engine.progress import Listener
    from atomloom.engine.reply import Reply

TINY = 5e-3
"""Seconds of work below which a worker is given several molecules at a time."""

SHORT = 0.1
"""Seconds of work below which a worker is given its next molecule before it has finished."""

MOLECULE_BYTES = 4 << 20
"""Results that one molecule of a strict fold may return, unless a single leaf returns more."""

TICK = 0.5
"""Longest wait between looks at timeouts, listeners and evidence."""


class Driver:
    """One run of a plan on a backend.

    Parameters
    ----------
    plan, work, backend : Plan, Work, Backend
    atoms : sequence
        Needed here when each job carries its own slice.
    known : Known
    journal : Journal or None
    listen : callable or None
    retries : int
    on_error : {"raise", "skip", "collect"}
    inspect : callable or None
        Called now and then with this driver; may raise to refuse the rest of the run.
    budget : int or None
        Bytes that this process may come to hold.
    """

    def __init__(self, plan: Plan, work: Work, backend: Backend, atoms: Any, known: Known, *,
                 journal: Journal | None, listen: Listener | None, retries: int, on_error: str,
                 inspect: Callable[[Driver], None] | None, began: float,
                 budget: int | None = None) -> None:  # fmt: skip
        self.plan, self.work, self.backend = plan, work, backend
        self._ledger = Ledger(backend.workers, listen, began)
        self.trace = self._ledger.trace
        self.failures: list[Failure] = []
        self.result_bytes = 0
        self.leaves_done = 0
        self.blas_threads = 0
        self._atoms, self._known, self._journal = atoms, known, journal
        self._retries, self._on_error, self._inspect = retries, on_error, inspect
        self.began = began
        self._reducer = work.reducer
        self._budget = budget
        self._rss = 0 if budget is None else rss()
        self._todo = list(range(len(plan.molecules)))
        heapq.heapify(self._todo)
        self._flying: dict[int, float] = {}
        self._arrived: dict[int, list[Piece]] = {}
        self._attempts: Counter[int] = Counter()
        self._poison: set[int] = set()
        self._next = 0
        self._finished = 0
        self._mean = math.inf
        self._returned = 0
        self._tree = Tree(plan.n_leaves, self._reducer) if self._reducer.tree else None
        self._slack = plan.window + 2 * max(1, plan.n_leaves).bit_length() if self._tree else plan.window
        self._fold: Any = MISSING
        self._values: dict[int, Any] = {}

    # ---- the loop ------------------------------------------------------------------------

    def run(self) -> Any:
        """Work everything; give the reduced value."""
        status = "failed"
        try:
            resumed = self._take_known()
            self.trace.startup = time.monotonic() - self.began
            self._ledger.tell(
                RunStarted(name_of(self.work.func), len(self.plan.molecules), self.backend.workers, resumed)
            )
            looked = time.monotonic()
            self._advance()
            while self._finished < len(self.plan.molecules):
                self._dispatch()
                for reply in self.backend.poll(TICK if self._flying else 0.0):
                    self._receive(reply)
                self._advance()
                if self._inspect is not None and time.monotonic() - looked > TICK:
                    looked = time.monotonic()
                    self._inspect(self)
            status = "done"
        except KeyboardInterrupt as error:
            status = "interrupted"
            if self._journal is not None:
                error.add_note(f"Call again with journal={str(self._journal.folder)!r} to resume.")
            raise
        finally:
            self.trace.wall = time.monotonic() - self.began
            self._ledger.tell(RunFinished(status, self.trace.wall))
        return self._value()

    def _take_known(self) -> int:
        """Count molecules that need no work; in a tree, put everything known in at once."""
        todo = []
        for index in self._todo:
            lo, hi = self.plan.molecules[index]
            if self._known.gaps(lo, hi):
                todo.append(index)
                continue
            self._finished += 1
            self._ledger.share += self.plan.share_of(index)
            self._ledger.record(self.plan, self._attempts, index, "journal")
            if self._tree is None:
                self._arrived[index] = []
        resumed = len(self._todo) - len(todo)
        self._todo = todo
        if self._tree is not None:
            for lo, hi in self._known.ranges:
                self._tree.add(lo, hi, self._known.take(lo, hi))
        return resumed

    def _dispatch(self) -> None:
        depth = self._depth()
        capacity = self.backend.workers * depth
        if depth > 2 and 2 * len(self._flying) > capacity:
            return  # refill in one go: one packet for many small molecules
        while self._todo and len(self._flying) < capacity:
            index = self._todo[0]
            waiting = self._tree.held if self._tree is not None else self._waiting()
            if (
                self._reducer.func is not None
                and self._flying
                and index != self._next
                and len(self._flying) + waiting >= self._slack
            ):
                return
            heapq.heappop(self._todo)
            self._flying[index] = time.monotonic()
            a, b = self.plan.atoms_of(index)
            part = None if self.work.atoms is not None else take(self._atoms, a, b)
            self.backend.submit(index, self._gaps(index), part, a)

    def _depth(self) -> int:
        """How many molecules a worker is given at a time: its next one is there when it has finished.

        Not where molecules are long, nor at the end of a run, when the others would stand idle.
        """
        if self._mean > SHORT or (self._mean > TINY and len(self._todo) <= 2 * self.backend.workers):
            return 1
        return 2 if self._mean > TINY else min(8, 2 + int(1e-3 / max(self._mean, 1e-6)))

    def _waiting(self) -> int:
        return sum(1 for pieces in self._arrived.values() if pieces)

    # ---- replies ---------------------------------------------------------------------------

    def _receive(self, reply: Reply) -> None:
        index = reply.index
        if index not in self._flying:
            return
        if reply.status == "untouched":
            del self._flying[index]
            heapq.heappush(self._todo, index)
        elif reply.status == "done" and reply.outcome is not None:
            self._done(reply, reply.outcome)
        elif reply.status == "broken":
            self._give_up(reply, f"molecule {index} could not be worked: {reply.note}", JobFailed)
        else:
            self._lost(reply)

    def _done(self, reply: Reply, outcome: Outcome) -> None:
        index = reply.index
        queued = self._flying.pop(index)
        seconds = outcome.end - outcome.start
        self._mean = seconds if math.isinf(self._mean) else 0.8 * self._mean + 0.2 * seconds
        self._returned += 1
        if self._returned == 1:  # a foreign pool starts its workers only now
            self.trace.startup = outcome.start - self.began
        self.result_bytes += reply.bytes_out
        if self._budget is not None:
            check_memory(self._budget, self._rss, self.leaves_done, self.plan.n_leaves)
        self.leaves_done += outcome.leaves
        if self._returned == 1 and self._reducer.kind == "fold":
            self._fit_molecules(index, outcome, reply.bytes_out)
        self.blas_threads = max(self.blas_threads, reply.blas_threads)
        status = "failed" if outcome.failures else "done"
        self._ledger.record(self.plan, self._attempts, index, status, reply, outcome, queued)
        if outcome.failures:
            self.failures += outcome.failures
            fatal = [failure for failure in outcome.failures if failure.by_reducer]
            if fatal or self._on_error == "raise":
                raise self._error((fatal or outcome.failures)[0])
        elif self._journal is not None:
            self._journal.append(outcome.pieces)
        self._arrive(index, outcome.pieces)
        self._end_molecule(index, status, reply.worker, seconds)

    def _fit_molecules(self, index: int, outcome: Outcome, size: int) -> None:
        """Cut what has not been handed out so that no molecule of a fold returns much more than a few MB.

        Leaves stay as they are, and so do the bits.
        """
        each = (size or sum(shallow_size(value) for *_, value in outcome.pieces)) / max(1, outcome.leaves)
        most = max(1, int(MOLECULE_BYTES / max(1.0, each)))
        first = 1 + max(index, self._next - 1, *self._flying, *self._arrived)
        rest = self.plan.molecules[first:]
        if all(hi - lo <= most for lo, hi in rest):
            return
        self.plan = self.plan.recut(first, most)
        self._todo = [*(each for each in self._todo if each < first), *range(first, len(self.plan.molecules))]
        heapq.heapify(self._todo)

    def _arrive(self, index: int, pieces: list[Piece]) -> None:
        if self._tree is None:
            self._arrived[index] = pieces
            self.trace.peak_held = max(self.trace.peak_held, self._waiting())
            return
        for lo, hi, value in pieces:
            self._guard(lo, lambda lo=lo, hi=hi, value=value: self._tree.add(lo, hi, value))  # type: ignore[misc]
        self.trace.peak_held = max(self.trace.peak_held, self._tree.held)

    def _end_molecule(self, index: int, status: str, worker: int, seconds: float) -> None:
        self._finished += 1
        self._ledger.end(self.plan, index, status, worker, seconds, self._finished, len(self.failures))

    def _lost(self, reply: Reply) -> None:
        """Charge a molecule whose worker ended; try it again, or name it and give up."""
        index = reply.index
        self._attempts[index] += 1
        self._ledger.record(self.plan, self._attempts, index, reply.status, reply, None, self._flying[index])
        self.trace.deaths += 1
        self._ledger.tell(WorkerLost(index, reply.note, self._attempts[index]))
        if self.backend.retries_deaths and self._attempts[index] <= self._retries:
            del self._flying[index]
            heapq.heappush(self._todo, index)
            return
        if self._on_error != "raise" and reply.leaf >= 0:
            self._leave_out(reply)
            return
        times = "once" if self._attempts[index] == 1 else f"{self._attempts[index]} times"
        self._give_up(reply, f"molecule {index} ended its worker {times}: {reply.note}", WorkerDied)

    def _leave_out(self, reply: Reply) -> None:
        """Leave the one leaf out that ends its workers; the rest of its molecule is worked."""
        index, leaf = reply.index, reply.leaf
        self.failures.append(self._death(reply, leaf, WorkerDied))
        self._poison.add(leaf)
        if self._tree is not None:
            self._tree.add(leaf, leaf + 1, MISSING)
        del self._flying[index]
        self._attempts[index] = 0
        if self._gaps(index):
            heapq.heappush(self._todo, index)
        else:
            self._arrive(index, [])
            self._end_molecule(index, "failed", reply.worker, 0.0)

    def _gaps(self, index: int) -> list[tuple[int, int]]:
        """Give the stretches of a molecule that have to be worked."""
        gaps = self._known.gaps(*self.plan.molecules[index])
        if not self._poison:
            return gaps
        cut = []
        for lo, hi in gaps:
            ends = [lo, *(end for leaf in sorted(self._poison) if lo <= leaf < hi for end in (leaf, leaf + 1)), hi]
            cut += [(a, b) for a, b in zip(ends[::2], ends[1::2], strict=True) if a < b]
        return cut

    def _death(self, reply: Reply, leaf: int, kind: type[JobFailed]) -> Failure:
        a, b = self.plan.leaves[leaf], self.plan.leaves[leaf + 1]
        return Failure(
            leaf=leaf, atom_lo=a, atom_hi=b, atoms=self._shown(a, b), kind=kind.__name__, message=reply.note, trace="",
            repro=self.work.repro(a, b), attempts=max(1, self._attempts[reply.index]),
        )  # fmt: skip

    def _shown(self, a: int, b: int) -> str:
        shown = ", ".join(repr(atom)[:60] for atom in take(self._atoms, a, min(b, a + 5)))
        return f"[{shown}{', ...' if b - a > 5 else ''}]"

    def _give_up(self, reply: Reply, message: str, kind: type[JobFailed]) -> None:
        index = reply.index
        lo, hi = (reply.leaf, reply.leaf + 1) if reply.leaf >= 0 else self.plan.molecules[index]
        if self._on_error == "raise":
            a, b = self.plan.leaves[lo], self.plan.leaves[hi]
            raise kind(
                f"{message}. Atoms {a}:{b} = {self._shown(a, b)}. Repeat it here with: {self.work.repro(a, b)}",
                [self._death(reply, leaf, kind) for leaf in range(lo, hi)],
            )
        gaps = self._gaps(index)
        self.failures += [self._death(reply, leaf, kind) for lo, hi in gaps for leaf in range(lo, hi)]
        queued = self._flying.pop(index)
        if reply.status == "broken":
            self._ledger.record(self.plan, self._attempts, index, "failed", reply, None, queued)
        pieces = [(a, b, MISSING) for gap in gaps for a, b in cover(0, self.plan.n_leaves, *gap)] if self._tree else []
        self._arrive(index, pieces)
        self._end_molecule(index, "failed", reply.worker, 0.0)

    def _error(self, failure: Failure) -> JobFailed:
        index = next(i for i, (lo, hi) in enumerate(self.plan.molecules) if lo <= failure.leaf < hi)
        error = JobFailed(
            f"{name_of(self.work.func)} failed in molecule {index}, leaf {failure.leaf}: {failure.kind}: "
            f"{failure.message}. Atoms {failure.atom_lo}:{failure.atom_hi} = {failure.atoms}. "
            f"Repeat it here with: {failure.repro}\n--- where it happened ---\n{failure.trace}".rstrip(),
            [failure],
        )
        error.__cause__ = failure.cause()
        return error

    # ---- folding -----------------------------------------------------------------------------

    def _advance(self) -> None:
        """Fold every molecule whose turn has come, handing out new work between the steps."""
        if self._tree is not None:
            return
        while self._next in self._arrived:
            pieces = self._arrived.pop(self._next)
            lo, hi = self.plan.molecules[self._next]
            fresh = {(a, b) for a, b, _ in pieces}
            stored = [(a, b, None) for a, b in self._known.starting_in(lo, hi) if (a, b) not in fresh]
            ordered = deque(sorted([*pieces, *stored], key=_first_leaf) if stored else pieces)
            pieces.clear()  # so that every value is freed as soon as it is folded
            while ordered:
                a, b, value = ordered.popleft()
                if (a, b) not in fresh:
                    value = self._known.take(a, b)
                self._fold_in(a, value)
            self._next += 1
            if self._reducer.func is not None:
                self._dispatch()

    def _fold_in(self, leaf: int, value: Any) -> None:
        if self._reducer.func is None:
            self._values[leaf] = value
        elif self._fold is MISSING:
            self._fold = self._guard(leaf, lambda: self._reducer.first(value))
        else:
            self._fold = self._guard(leaf, lambda: self._reducer.combine(self._fold, value))

    def _guard(self, leaf: int, step: Callable[[], Any]) -> Any:
        """Run a step of the user's reducer; say which leaf it failed at."""
        begun = time.monotonic()
        try:
            return step()
        except AtomloomError:
            raise
        except Exception as error:
            failure = self.work.failure(leaf, error, where=REDUCER, atoms=self._atoms)
            raise JobFailed(
                f"redux {name_of(self._reducer.func)} failed at the result of leaf {leaf} "
                f"(atoms {failure.atom_lo}:{failure.atom_hi}): {failure.kind}: {failure.message}",
                [failure],
            ) from error
        finally:
            self.trace.reducing += time.monotonic() - begun

    def _value(self) -> Any:
        if self._tree is not None:
            return None if self._tree.value is MISSING else self._tree.value
        if self._reducer.func is not None:
            return None if self._fold is MISSING else self._fold
        if self._on_error == "collect":
            for failure in self.failures:
                self._values.setdefault(failure.leaf, failure)
        return [self._values[leaf] for leaf in sorted(self._values)]


def _first_leaf(piece: Piece) -> int:
    return piece[0]
