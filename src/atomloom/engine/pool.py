"""The supervised process pool: a socket per worker, and a death is one molecule's, not the run's.

Every worker has its own socket and its own queue, so a worker that dies (signal, exit,
out of memory) is noticed at once, by the kernel's word (pidfd), and exactly the molecule
it was working on is charged. Its other molecules go to the next worker untouched.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import select
import signal
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from atomloom.engine.reply import Reply, describe_exit
from atomloom.engine.share import map_file, new_parcel
from atomloom.engine.slabs import SlabReader
from atomloom.engine.start import Spawner, spawner
from atomloom.engine.worker import INHERITED, PACKET, descriptors, surroundings

if TYPE_CHECKING:
    from atomloom.engine.share import Payload

JOB_PACKET = 1 << 13
"""Larger jobs go through a memory file, so that queued jobs never fill a socket."""

REFORK = 32 << 20
"""From this many bytes of large arguments on, forking anew is cheaper than copying."""

_ONE_FD = socket.CMSG_SPACE(4)
_NOW = socket.MSG_DONTWAIT | socket.MSG_CMSG_CLOEXEC

_numbers = count(1)


@dataclass
class _Worker:
    pid: int
    pidfd: int
    sock: socket.socket
    cell: memoryview
    queue: deque[tuple[int, int]] = field(default_factory=deque)
    head_since: float = 0.0
    slabs: SlabReader = field(default_factory=SlabReader)
    condemned: str = ""
    outbox: list[tuple[int, Any, bytes | None, int]] = field(default_factory=list)
    outgoing: int = 0


def _queued(worker: _Worker) -> int:
    return len(worker.queue)


def _kill(worker: _Worker) -> None:
    """End a worker and whatever its function has started; it has not been waited for, so its number is its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # it may not have made its group yet
        os.killpg(worker.pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(worker.pidfd, signal.SIGKILL)


class ProcessPool:
    """Long-lived worker processes under supervision.

    Parameters
    ----------
    workers : int
    start : {"auto", "fork", "forkserver"}
        "auto" forks when this process is safe to fork, and asks a clean server otherwise.
    """

    def __init__(self, workers: int, start: str = "auto") -> None:
        self.size = workers
        self._start = start
        self._spawner: Spawner | None = None
        self._workers: list[_Worker] = []
        self._by_fd: dict[int, _Worker] = {}
        self._poll = select.poll()
        self._payload: tuple[bytes, int | None] | None = None
        self._number = 0
        self._keep = False
        self.timeout: float | None = None
        self._replaced = False

    # ---- a run -------------------------------------------------------------------------

    def begin(self, payload: Payload, *, keep: bool, fresh: bool = False) -> None:
        """Give every worker the payload of a run; start workers that are missing.

        Parameters
        ----------
        payload : Payload
        keep : bool
            Results are kept by the run, so their slabs will not come back.
        fresh : bool
            Replace warm workers, because what they inherited is out of date.
        """
        self._keep = keep
        self._number = next(_numbers)
        kind = self._spawner or self.choose()
        self._sweep()
        incomplete = len(self._workers) < self.size
        if self._workers and kind.inherits and (fresh or incomplete or payload.large >= REFORK):
            self._end_workers()
        self._payload = self._prepare(payload, inherit=kind.inherits and not self._workers)
        for worker in list(self._workers):
            self._send_payload(worker)
        while len(self._workers) < self.size:
            self._hire()

    def _sweep(self) -> None:
        """Forget workers that ended between two runs, so that no molecule is charged with it."""
        ended = {fd for fd, _ in self._poll.poll(0)}
        for worker in [each for each in self._workers if each.pidfd in ended]:
            self._dismiss(worker)

    def choose(self) -> Spawner:
        """Choose how workers are started, before a run begins; end those that were started otherwise."""
        if self._spawner is None or not self._spawner.usable():
            self.close()
            self._spawner = spawner(self._start)
        return self._spawner

    def _prepare(self, payload: Payload, *, inherit: bool) -> tuple[bytes, int | None]:
        """Decide how the payload travels; give the message and the parcel's descriptor, if any."""
        small = len(payload.head) <= PACKET // 2
        head = payload.head if small else None
        parts: list[bytes | memoryview] = [] if small else [payload.head]
        if inherit and payload.buffers and small:
            INHERITED[self._number] = payload.buffers
        else:
            parts += payload.buffers
        fd = new_parcel(parts) if parts else None
        return pickle.dumps(("payload", self._number, head, len(parts), surroundings())), fd

    def submit(self, index: int, segments: list[tuple[int, int]], atoms: bytes | None, first: int) -> None:
        """Queue a molecule at the worker with the shortest queue."""
        worker = min(self._workers, key=_queued)
        size = 0 if atoms is None else len(atoms)
        if not worker.queue:
            worker.head_since = time.monotonic()
        worker.queue.append((index, size))
        worker.outbox.append((index, segments, atoms, first))
        worker.outgoing += size + 64 + 16 * len(segments)
        if worker.outgoing > JOB_PACKET:
            self._flush(worker)

    def _flush(self, worker: _Worker) -> None:
        """Send what was submitted since the last time, in one packet."""
        message = pickle.dumps(("jobs", worker.outbox, *worker.slabs.returned()))
        worker.outbox, worker.outgoing = [], 0
        with contextlib.suppress(ConnectionError):  # a dead worker is noticed, with its status, by poll
            if len(message) <= 2 * JOB_PACKET:
                worker.sock.send(message)
            else:
                fd = new_parcel([message])
                try:
                    socket.send_fds(worker.sock, [pickle.dumps(("large",))], [fd])
                finally:
                    os.close(fd)

    def poll(self, timeout: float | None) -> list[Reply]:
        """Wait for replies and deaths; give at least one unless the time runs out."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            for worker in self._workers:
                if worker.outbox:
                    self._flush(worker)
            wait = None if deadline is None else max(0.0, deadline - time.monotonic())
            overdue = self._overdue()
            if overdue is not None:
                wait = overdue if wait is None else min(wait, overdue)
            events = self._poll.poll(None if wait is None else 1000 * wait)
            replies: list[Reply] = []
            dead: dict[int, _Worker] = {}
            for fd, _ in events:
                known = self._by_fd.get(fd)
                if known is not None and (fd == known.pidfd or not self._drain(known, replies)):
                    dead[known.pid] = known
            for worker in dead.values():
                self._bury(worker, replies)
            self._end_overdue()
            if replies or (deadline is not None and time.monotonic() >= deadline):
                return replies

    def end(self) -> None:
        """Finish a run: drop its payload, and workers that hold a copy of much memory."""
        large = self._payload is not None and self._payload[1] is not None
        if self._payload is not None and self._payload[1] is not None:
            os.close(self._payload[1])
        self._payload = None
        inherited = INHERITED.pop(self._number, None)
        # Workers forked at different times have seen different states of this process.
        mixed, self._replaced = self._replaced and self._spawner is not None and self._spawner.inherits, False
        if self._spawner is not None and (inherited or mixed or not self._spawner.worth_keeping()):
            self._end_workers()
            return
        message = pickle.dumps(("end",))
        for worker in self._workers:
            used, worker.slabs = worker.slabs.used, SlabReader()
            if used or large:  # else there is nothing worth waking it for: the next payload ends this run
                with contextlib.suppress(ConnectionError):
                    worker.sock.send(message)

    @property
    def idle(self) -> bool:
        """Whether every worker's queue is empty."""
        return not any(worker.queue for worker in self._workers)

    @property
    def pids(self) -> list[int]:
        """Process ids of the workers."""
        return [worker.pid for worker in self._workers]

    @property
    def method(self) -> str:
        """How the workers were started."""
        return "" if self._spawner is None else self._spawner.name

    # ---- hiring and burying ------------------------------------------------------------

    def _hire(self) -> None:
        if self._spawner is None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        cell_fd = new_parcel([bytes(16)])
        try:
            cell = map_file(cell_fd, writable=True).cast("q")
            worker = _Worker(*self._spawner.spawn(theirs, cell_fd), ours, cell)
            self._workers.append(worker)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
            os.close(cell_fd)
        for fd in (ours.fileno(), worker.pidfd):
            self._by_fd[fd] = worker
            self._poll.register(fd, select.POLLIN)
        self._send_payload(worker)

    def _send_payload(self, worker: _Worker) -> None:
        if self._payload is None:
            return
        message, fd = self._payload
        with contextlib.suppress(ConnectionError):
            if fd is None:
                worker.sock.send(message)
            else:
                socket.send_fds(worker.sock, [message], [fd])

    def _dismiss(self, worker: _Worker) -> str:
        """Forget a worker that ended (or is ended here); give its exit status in words."""
        self._workers.remove(worker)
        for fd in (worker.sock.fileno(), worker.pidfd):
            if self._by_fd.pop(fd, None) is not None:
                self._poll.unregister(fd)
        worker.sock.close()
        _kill(worker)
        status = self._spawner.reap(worker.pid) if self._spawner is not None else None
        os.close(worker.pidfd)
        return worker.condemned or describe_exit(status)

    def _bury(self, worker: _Worker, replies: list[Reply]) -> None:
        """Charge a dead worker's first molecule, give the others back untouched, hire a new one."""
        self._drain(worker, replies)
        note = self._dismiss(worker)
        if self._payload is None:
            return
        self._replaced = True
        guilty, leaf = worker.cell[0], worker.cell[1]
        if guilty not in {index for index, _ in worker.queue}:
            guilty, leaf = (worker.queue[0][0] if worker.queue else -1), -1
        for index, sent in worker.queue:
            status = "untouched" if index != guilty else "timeout" if worker.condemned else "lost"
            replies.append(Reply(index, status, worker.pid, note=note, bytes_in=sent, leaf=leaf))
        self._hire()

    def _overdue(self) -> float | None:
        """Seconds until the first running molecule exceeds its time."""
        if self.timeout is None:
            return None
        heads = [worker.head_since for worker in self._workers if worker.queue and not worker.condemned]
        return max(0.0, min(heads) + self.timeout - time.monotonic()) if heads else None

    def _end_overdue(self) -> None:
        if self.timeout is None:
            return
        now = time.monotonic()
        for worker in self._workers:
            if worker.queue and not worker.condemned and now - worker.head_since >= self.timeout:
                worker.condemned = f"ran longer than timeout={self.timeout:g} s"
                _kill(worker)

    def _end_workers(self) -> None:
        for worker in self._workers:
            _kill(worker)
        for worker in list(self._workers):
            self._dismiss(worker)

    def close(self) -> None:
        """End every worker now; safe to call at any time, and again."""
        self._end_workers()
        if self._spawner is not None:
            self._spawner.close()
            self._spawner = None
        if self._payload is not None and self._payload[1] is not None:
            os.close(self._payload[1])
        self._payload = None
        INHERITED.pop(self._number, None)

    def disown(self) -> None:
        """Close this process's copies of the descriptors and touch no worker: they are another process's."""
        for worker in self._workers:
            worker.sock.close()
            os.close(worker.pidfd)
        self._workers.clear()
        self._by_fd.clear()
        if self._spawner is not None:
            self._spawner.disown()
            self._spawner = None
        self._payload = None

    # ---- reading replies ---------------------------------------------------------------

    def _drain(self, worker: _Worker, replies: list[Reply]) -> bool:
        """Read every packet that is there; False when the other end is closed."""
        while True:
            try:
                data, ancillary, _, _ = worker.sock.recvmsg(2 * PACKET, _ONE_FD, _NOW)
            except BlockingIOError:
                return True
            except ConnectionError:
                return False
            if not data:
                return False
            fds = descriptors(ancillary) if ancillary else []
            replies += [self._read(worker, message, fds) for message in pickle.loads(data)]

    def _read(self, worker: _Worker, message: tuple[Any, ...], fds: list[int]) -> Reply:
        kind, index, *rest = message
        sent = worker.queue.popleft()[1] if worker.queue else 0
        worker.head_since = time.monotonic()
        if kind == "broken":
            return Reply(index, "broken", worker.pid, note=rest[0], bytes_in=sent)
        facts = rest[0]
        try:
            if kind == "done":
                outcome, size = pickle.loads(rest[1]), len(rest[1])
            else:
                outcome, size = worker.slabs.read(rest[1], rest[2], fds, rest[3], keep=self._keep)
        except Exception as error:  # noqa: BLE001  # a result that does not unpickle is the molecule's failure
            note = f"its result does not unpickle: {type(error).__name__}: {error}"
            return Reply(index, "broken", worker.pid, note=note, bytes_in=sent)
        return Reply(index, "done", worker.pid, outcome, "", facts[0], sent, size, facts[1])
