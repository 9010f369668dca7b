"""Executors: serial and threads, and the choice of a backend by ``executor=``."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any

from atomloom.engine.backend import Backend, Segments, enter_parallel, inside_parallel
from atomloom.engine.foreign import FuturesBackend
from atomloom.engine.reply import Reply
from atomloom.engine.warm import ProcessBackend
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from atomloom.engine.jobs import Work


SAMPLES = 64
"""How often a run of threads looks whether the interpreter lock is held."""


class SerialBackend:
    """Work molecules one after another in this thread, where breakpoints work."""

    name = "serial"
    workers = 1
    payload_bytes = 0
    retries_deaths = False

    def __init__(self) -> None:
        self._work: Work | None = None
        self._queue: deque[tuple[int, Segments, Any, int]] = deque()

    def begin(self, work: Work, *, keep: bool) -> None:  # noqa: ARG002  # nothing is recycled here
        """Take the work of a run."""
        self._work = work

    def submit(self, index: int, segments: Segments, atoms: Any, first: int) -> None:
        """Queue one molecule."""
        self._queue.append((index, segments, atoms, first))

    def poll(self, timeout: float | None) -> list[Reply]:  # noqa: ARG002  # works instead of waiting
        """Work the next molecule."""
        if not self._queue or self._work is None:
            return []
        index, segments, atoms, first = self._queue.popleft()
        outcome = self._work.run(segments, atoms, first)
        return [Reply(index, "done", os.getpid(), outcome)]

    def end(self, *, abort: bool) -> None:  # noqa: ARG002  # nothing runs between polls
        """Forget the work."""
        self._work = None
        self._queue.clear()


class ThreadBackend:
    """Work molecules in threads of this process, for code that releases the GIL or waits.

    The threads are daemons: an interrupted run does not wait for them.
    """

    name = "threads"
    payload_bytes = 0
    retries_deaths = False

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._jobs: queue.SimpleQueue[tuple[int, Segments, Any, int] | None] = queue.SimpleQueue()
        self._replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self.lateness: list[float] = []

    def begin(self, work: Work, *, keep: bool) -> None:  # noqa: ARG002  # nothing is recycled here
        """Start the threads."""
        for number in range(self.workers):
            name = f"atomloom-{number}"
            threading.Thread(target=self._serve, args=(work, number), name=name, daemon=True).start()

    def _serve(self, work: Work, number: int) -> None:
        enter_parallel()
        while (job := self._jobs.get()) is not None:
            index, segments, atoms, first = job
            outcome = work.run(segments, atoms, first)
            outcome.cpu = outcome.own_cpu  # the process's clock counts the other threads too
            self._replies.put(Reply(index, "done", number, outcome))

    def submit(self, index: int, segments: Segments, atoms: Any, first: int) -> None:
        """Queue one molecule."""
        self._jobs.put((index, segments, atoms, first))

    def poll(self, timeout: float | None) -> list[Reply]:
        """Wait for replies."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while len(self.lateness) < SAMPLES and self._replies.empty():
            if deadline is not None and time.monotonic() >= deadline:
                return []
            # How late a sleeper wakes tells whether Python bytecode holds the interpreter (GIL).
            due = time.perf_counter() + 5e-4
            time.sleep(5e-4)
            self.lateness.append(time.perf_counter() - due)
            with contextlib.suppress(queue.Empty):
                return [self._replies.get(timeout=0.01), *self._ready()]
        with contextlib.suppress(queue.Empty):
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            return [self._replies.get(timeout=left), *self._ready()]
        return []

    def _ready(self) -> list[Reply]:
        replies = []
        with contextlib.suppress(queue.Empty):
            while True:
                replies.append(self._replies.get_nowait())
        return replies

    def end(self, *, abort: bool) -> None:
        """Let the threads go."""
        if abort:
            with contextlib.suppress(queue.Empty):
                while True:
                    self._jobs.get_nowait()
        for _ in range(self.workers):
            self._jobs.put(None)


def backend_for(executor: Any, workers: int, *, debug: bool, timeout: float | None) -> Backend:
    """Choose the backend that an ``executor=`` argument means.

    Raises
    ------
    BadInput
        For an unknown name, or something that is not an executor.
    """
    if executor == "serial" and timeout is not None and not debug:
        raise BadInput("timeout= needs executor='processes': nothing stops sequential work from outside.")
    if debug or executor == "serial" or (executor is None and workers == 1 and timeout is None):
        return SerialBackend()
    if isinstance(executor, str) or executor is None:
        name = executor or "processes"
        if timeout is not None and name == "threads":
            raise BadInput("timeout= needs executor='processes': a thread cannot be stopped from outside.")
        if inside_parallel() and name == "processes":
            return SerialBackend()
        return ThreadBackend(workers) if name == "threads" else ProcessBackend(workers, timeout)
    if timeout is not None:
        raise BadInput("timeout= needs executor='processes': a foreign executor's workers are not ours to stop.")
    return FuturesBackend(executor, workers)


def check_executor(executor: Any) -> None:
    """Refuse what is neither a known name nor an executor.

    Raises
    ------
    BadInput
    """
    names = ("serial", "threads", "processes")
    if executor is None or executor in names or (hasattr(executor, "submit") and hasattr(executor, "shutdown")):
        return
    close = [name for name in names if isinstance(executor, str) and executor[:2].lower() == name[:2]]
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise BadInput(
        f"executor is {executor!r}; it must be one of {', '.join(names)}, or a concurrent.futures.Executor.{hint}"
    )
