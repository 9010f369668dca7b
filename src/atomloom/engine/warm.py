"""Processes as a backend: warm pools, lent to one run at a time."""

from __future__ import annotations

import atexit
import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cloudpickle

from atomloom.engine.globals_mark import Name, survey
from atomloom.engine.jobs import unpicklable
from atomloom.engine.pool import ProcessPool
from atomloom.engine.share import pack
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from atomloom.engine.backend import Segments
    from atomloom.engine.jobs import Work
    from atomloom.engine.reply import Reply


class ProcessBackend:
    """Work molecules in the supervised process pool, warm from one run to the next."""

    name = "processes"
    retries_deaths = True

    def __init__(self, workers: int, timeout: float | None = None, start: str = "auto") -> None:
        self.workers = workers
        self.payload_bytes = 0
        self._pool, self._own = _borrow(workers, start)
        self._timeout = timeout
        self._ended = False

    @property
    def pool(self) -> ProcessPool:
        """The pool that this run uses."""
        return self._pool

    def begin(self, work: Work, *, keep: bool) -> None:
        """Hand the work to every worker."""
        found = survey((work.func, work.reducer.func, *work.kwargs.values(), *work.reducer.args.values()))
        known = _known.setdefault(id(self._pool), {})
        fresh = found.stateful or not found.unchanged_since(known)
        if not self._pool.choose().inherits:
            work = replace(work, module_data=found.data)
        try:
            payload = pack(work)
        except Exception as error:
            raise unpicklable(work, error) from error
        self.payload_bytes = payload.nbytes
        self._pool.timeout = self._timeout
        self._pool.begin(payload, keep=keep, fresh=fresh)
        if fresh:
            known.clear()
        known.update(found.constants)

    def submit(self, index: int, segments: Segments, atoms: Any, first: int) -> None:
        """Queue one molecule."""
        try:
            body = None if atoms is None else cloudpickle.dumps(atoms, protocol=5)
        except Exception as error:
            raise BadInput(
                f"atoms {first}:{first + len(atoms)} cannot be sent to another process: {error}. "
                "Hint: pass what they are made of (names, numbers), or use executor='threads'.",
            ) from error
        self._pool.submit(index, segments, body, first)

    def poll(self, timeout: float | None) -> list[Reply]:
        """Wait for replies and deaths."""
        return self._pool.poll(timeout)

    def end(self, *, abort: bool) -> None:
        """Give the pool back; after an abort, busy workers are ended."""
        if self._ended:
            return
        self._ended = True
        try:
            if abort and not self._pool.idle:
                self._pool.close()
                _known.pop(id(self._pool), None)
            else:
                self._pool.end()
        finally:
            _give_back(self._pool, own=self._own)


# ---- warm pools ---------------------------------------------------------------------------

_pools: dict[tuple[int, str], ProcessPool] = {}
_lent: set[int] = set()
_known: dict[int, dict[Name, Any]] = {}
_lock = threading.Lock()
_owner = os.getpid()


def _borrow(workers: int, start: str) -> tuple[ProcessPool, bool]:
    """Lend the warm pool of this size, or a new one of its own while that is in use."""
    with _lock:
        pool = _pools.get((workers, start))
        if pool is None:
            for key, other in list(_pools.items()):  # one warm pool at a time: workers cost memory
                if id(other) not in _lent:
                    other.close()
                    _known.pop(id(other), None)
                    del _pools[key]
            pool = _pools[workers, start] = ProcessPool(workers, start)
        elif id(pool) in _lent:
            return ProcessPool(workers, start), True
        _lent.add(id(pool))
    return pool, False


def _give_back(pool: ProcessPool, *, own: bool) -> None:
    if own:
        pool.close()
        _known.pop(id(pool), None)
        return
    with _lock:
        _lent.discard(id(pool))


def _leave_to_parent() -> None:
    """In a forked child: the warm workers are the parent's; drop the copies of their sockets."""
    global _lock, _owner  # noqa: PLW0603  # a lock held by another thread would never be released here
    _lock = threading.Lock()
    _owner = os.getpid()
    for pool in _pools.values():
        pool.disown()
    _pools.clear()
    _lent.clear()
    _known.clear()


os.register_at_fork(after_in_child=_leave_to_parent)


def shutdown() -> None:
    """End the warm workers now; the next parallel run starts new ones.

    Examples
    --------
    >>> shutdown()
    """
    if os.getpid() != _owner:
        return  # a forked child does not own its parent's workers
    with _lock:
        for pool in _pools.values():
            pool.close()
        _pools.clear()
        _lent.clear()
        _known.clear()


atexit.register(shutdown)
