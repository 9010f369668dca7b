"""Any ``concurrent.futures`` executor as a backend: other engines plug in here."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import cloudpickle

from atomloom.engine.backend import Segments, enter_parallel
from atomloom.engine.blas import one_thread, threads_in_use
from atomloom.engine.globals_mark import survey
from atomloom.engine.jobs import Outcome, Work, seal, unpicklable
from atomloom.engine.reply import Reply
from atomloom.engine.share import unpack
from atomloom.errors import WorkerDied


class FuturesBackend:
    """Work molecules on any ``concurrent.futures`` executor; it stays the caller's to shut down."""

    retries_deaths = False

    def __init__(self, executor: Executor, workers: int) -> None:
        self._executor = executor
        self.name = type(executor).__name__
        self.workers = workers
        self.payload_bytes = 0
        self._in_process = isinstance(executor, ThreadPoolExecutor)
        self._work: Work | None = None
        self._payload = b""
        self._pending: dict[Future[Any], int] = {}
        self._done: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()

    def begin(self, work: Work, *, keep: bool) -> None:  # noqa: ARG002  # nothing is recycled here
        """Pickle the work once; every job carries it, because workers cannot be addressed."""
        self._work = work
        if not self._in_process:
            travelling = replace(work, module_data=survey((work.func, *work.kwargs.values())).data)
            try:
                self._payload = cloudpickle.dumps(travelling, protocol=5)
            except Exception as error:
                raise unpicklable(work, error) from error
            self.payload_bytes = len(self._payload)

    def submit(self, index: int, segments: Segments, atoms: Any, first: int) -> None:
        """Submit one molecule."""
        try:
            future: Future[Any]
            if self._in_process and self._work is not None:
                future = self._executor.submit(_run_here, self._work, segments, atoms, first)
            else:
                future = self._executor.submit(_run_there, self._payload, segments, atoms, first)
        except (BrokenExecutor, RuntimeError) as error:
            raise WorkerDied(
                f"{self.name} takes no more work: {error}. Hint: executor='processes' replaces dead workers "
                "and reruns only what they were doing.",
            ) from error
        self._pending[future] = index
        future.add_done_callback(self._done.put)

    def poll(self, timeout: float | None) -> list[Reply]:
        """Wait for futures."""
        replies = []
        with contextlib.suppress(queue.Empty):
            replies.append(self._reply(self._done.get(timeout=timeout)))
            while True:
                replies.append(self._reply(self._done.get_nowait()))
        return [reply for reply in replies if reply is not None]

    def _reply(self, future: Future[Any]) -> Reply | None:
        index = self._pending.pop(future, None)
        if index is None or future.cancelled():
            return None
        error = future.exception()
        if error is not None:
            status = "lost" if isinstance(error, BrokenExecutor) else "broken"
            return Reply(index, status, 0, note=f"{type(error).__name__}: {error}")
        worker, body, size, threads = future.result()
        if isinstance(body, bytes):
            try:
                body = unpack(body)
            except Exception as cause:  # noqa: BLE001  # a result that does not unpickle is the molecule's failure
                return Reply(index, "broken", worker, note=f"its result does not unpickle: {cause!r}")
        return Reply(index, "done", worker, body, "", 0, self.payload_bytes, size, threads)

    def end(self, *, abort: bool) -> None:
        """Cancel what has not started."""
        if abort:
            for future in self._pending:
                future.cancel()
        self._pending.clear()


def _run_here(work: Work, segments: Segments, atoms: Any, first: int) -> tuple[int, Outcome, int, int]:
    enter_parallel()
    outcome = work.run(segments, atoms, first)
    outcome.cpu = outcome.own_cpu  # the process's clock counts the other threads too
    return threading.get_native_id(), outcome, 0, 0


_last: tuple[bytes, Work] | None = None


def _run_there(payload: bytes, segments: Segments, atoms: Any, first: int) -> tuple[int, bytes, int, int]:
    """Work a molecule in somebody else's worker; the unpickled work is kept for the next one."""
    global _last  # noqa: PLW0603  # one per worker process, by design
    enter_parallel()
    if _last is None or _last[0] != payload:
        _last = (payload, unpack(payload).install())
    work = _last[1]
    with one_thread():
        outcome = work.run(segments, atoms, first)
        threads = _busy_blas(outcome)
    try:
        body = cloudpickle.dumps(outcome, protocol=5)
    except Exception:  # noqa: BLE001  # seal finds the pieces that refuse and makes them failures
        seal(work, outcome)
        body = cloudpickle.dumps(outcome, protocol=5)
    return os.getpid(), body, len(body), threads


def _busy_blas(outcome: Outcome) -> int:
    if outcome.cpu < 0.05 or outcome.cpu - outcome.own_cpu < 0.1 * outcome.cpu:
        return 0
    return threads_in_use()
