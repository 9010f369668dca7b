"""The worker's side of the process pool: one socket, one molecule at a time.

Messages are packets of a sequenced-packet socket, so there is no framing and no partial
read. Small results ride in the packet; large ones are written to a memory file (a slab)
that the parent maps, reads in place, and hands back when nobody refers to it any more.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import pickle
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomloom.engine.blas import environment, threads_in_use
from atomloom.engine.jobs import seal
from atomloom.engine.share import map_file, read_parcel, unpack
from atomloom.engine.slabs import Slabs

if TYPE_CHECKING:
    from atomloom.engine.jobs import Outcome, Work

PACKET = 1 << 16
"""Largest packet body; anything bigger goes through a memory file."""

FLUSH = 5e-4
"""Seconds that a small reply may wait for company."""

INHERITED: dict[int, list[memoryview]] = {}
"""Buffers that forked workers find in their own memory, by payload number."""

_PR_SET_PDEATHSIG = 1
_PAGE = os.sysconf("SC_PAGE_SIZE")


def in_worker() -> bool:
    """Tell whether this process is a worker of a pool (nested calls then run in place)."""
    return _State.active


class _State:
    active = False


def only_descriptor(keep: set[int]) -> None:
    """Point every inherited descriptor but those kept at /dev/null.

    Closing them would free their numbers, and an inherited file object that is collected
    later would close whatever had been opened there since.
    """
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    for entry in list(Path("/proc/self/fd").iterdir()):
        fd = int(entry.name)
        if fd not in keep and fd not in (1, 2, null):
            with contextlib.suppress(OSError):
                os.dup2(null, fd, inheritable=False)
    os.close(null)


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends, and leave if it already has."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


Surroundings = tuple[list[str], str | None, dict[str, str]]


def surroundings() -> Surroundings:
    """Give what a function may depend on beside its arguments: search path, folder, environment."""
    try:
        folder = os.getcwd()  # noqa: PTH109  # a text is what travels
    except FileNotFoundError:
        folder = None
    return sys.path, folder, dict(os.environ)


def adopt(around: Surroundings) -> None:
    """Take over the surroundings of the parent, which may have changed since this worker began."""
    path, folder, environ = around
    sys.path[:] = path
    if folder is not None:
        with contextlib.suppress(OSError):  # gone since, or not this user's to enter
            os.chdir(folder)
    environ |= environment()
    if environ != dict(os.environ):
        for name in os.environ.keys() - environ.keys():
            del os.environ[name]
        os.environ.update(environ)


def rss() -> int:
    """Resident memory of this process, in bytes."""
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  # a Path costs more than the read
        return int(file.read().split()[1]) * _PAGE


def worker_main(sock: socket.socket, cell_fd: int, parent: int) -> None:
    """Live as a worker: never returns to the caller's stack.

    The cell is two shared integers, the molecule and the leaf under work: the parent reads
    them after a death, so that exactly the guilty leaf is named.
    """
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        die_with_parent(parent)
        os.setpgid(0, 0)  # what the function starts can be ended with it
        _State.active = True
        cell = map_file(cell_fd, writable=True).cast("q")
        only_descriptor({sock.fileno()})
        gc.freeze()
        os.environ.update(environment())
        Loop(sock, cell).serve()
        code = 0
    except (ConnectionError, EOFError):
        code = 0
    except BaseException:  # noqa: BLE001  # last words of a process that is about to end
        import traceback  # noqa: PLC0415  # only on the way out

        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


class Loop:
    """Receive jobs, work them, send results; holds the payload of the current run."""

    def __init__(self, sock: socket.socket, cell: memoryview) -> None:
        self._sock = sock
        self._cell = cell
        self._replies: list[tuple[Any, ...]] = []
        self._waiting = 0
        self._flushed = 0.0
        self._pid = os.getpid()
        self._slabs = Slabs()
        self._work: Work | None = None
        self._broken = ""
        self._looked = False

    def serve(self) -> None:
        """Serve until the parent closes the socket."""
        while True:
            data, ancillary, _, _ = self._sock.recvmsg(2 * PACKET, socket.CMSG_SPACE(4 * 4))
            if not data:
                return
            message = pickle.loads(data)
            if message[0] == "large":
                (fd,) = descriptors(ancillary)
                (body,) = read_parcel(map_file(fd, writable=False), 1)
                os.close(fd)
                message = pickle.loads(body)
            if message[0] == "jobs":
                self._slabs.release(message[2])
                self._slabs.forget(message[3])
                for job in message[1]:
                    self._job(*job)
                self._flush()
            elif message[0] == "payload":
                self._payload(descriptors(ancillary), *message[1:])
            else:
                self._end()

    def _payload(self, fds: list[int], number: int, head: bytes | None, count: int, around: Surroundings) -> None:
        """Rebuild the work of a run from a pickle whose buffers are inherited or in a parcel."""
        adopt(around)
        for other in INHERITED.keys() - {number}:
            del INHERITED[other]
        self._end()
        self._broken, self._looked = "", False
        try:
            buffers: list[Any] = [view.toreadonly() for view in INHERITED.get(number, [])]
            if fds:
                parts = read_parcel(map_file(fds[0], writable=False), count)
                head, buffers = (bytes(parts[0]), parts[1:]) if head is None else (head, parts)
            self._work = unpack(head or b"", buffers).install()
        except Exception as error:  # noqa: BLE001  # reported with the first job, where someone listens
            self._broken = f"the function or its arguments do not unpickle: {type(error).__name__}: {error}"[:2000]
        finally:
            for fd in fds:
                os.close(fd)

    def _end(self) -> None:
        """Forget the run: its work and every slab."""
        self._work = None
        self._slabs.clear()

    def _job(self, index: int, segments: list[tuple[int, int]], atoms: Any, first: int) -> None:
        self._cell[0] = index
        self._cell[1] = -1
        work = self._work
        if work is None:
            reason = self._broken or "the work of this run never arrived"
            self._replies.append(("broken", index, reason))
            return
        if isinstance(atoms, bytes):
            atoms = pickle.loads(atoms)
        outcome = work.run(segments, atoms, first, self._cell)
        if os.getpid() != self._pid:
            os._exit(0)  # a child that the function forked came back: the socket is its parent's
        facts = (rss() if outcome.end - outcome.start > 1e-3 else 0, self._threads(outcome))
        payload = seal(work, outcome)
        if payload.buffers or len(payload.head) > PACKET // 4:
            self._flush()
            self._send_slab(index, facts, [payload.head, *payload.buffers])
            return
        self._replies.append(("done", index, facts, payload.head))
        self._waiting += len(payload.head)
        if self._waiting > PACKET // 4 or outcome.end - self._flushed > FLUSH:
            self._flush()

    def _flush(self) -> None:
        """Send the small replies that wait, in one packet."""
        if self._replies:
            self._sock.send(pickle.dumps(self._replies))
            self._replies, self._waiting = [], 0
        self._flushed = time.monotonic()

    def _send_slab(self, index: int, facts: tuple[int, int], parts: list[bytes | memoryview]) -> None:
        number, fd = self._slabs.put(parts)
        note = pickle.dumps([("slab", index, facts, number, len(parts), self._slabs.dropped())])
        if fd is None:
            self._sock.send(note)
        else:
            socket.send_fds(self._sock, [note], [fd])

    def _threads(self, outcome: Outcome) -> int:
        """Count the threads of this worker's BLAS, once per run and only if others than ours worked."""
        busy = outcome.cpu - outcome.own_cpu
        if self._looked or outcome.cpu < 0.05 or busy < 0.1 * outcome.cpu:
            return 0
        self._looked = True
        return threads_in_use()


def descriptors(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    """Take the descriptors out of a message's ancillary data."""
    fds: list[int] = []
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds += memoryview(data[: len(data) - len(data) % 4]).cast("i").tolist()
    return fds
