"""How workers come to life: forked from this process, or from a clean server process.

Forking shares every page of this process with its workers, so arguments need no copy; but
a process with running threads must not be forked (a lock held by a thread that does not
exist in the child is never released). Then a small server, started once without threads,
forks the workers instead.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from typing import Protocol

from atomloom.engine.blas import environment, openblas_threads
from atomloom.engine.worker import rss, worker_main
from atomloom.errors import BadInput, JobFailed

_HARMLESS = frozenset({"jemalloc_bg_thd"})
"""Threads whose library has fork handlers of its own."""

HEAVY_PARENT = 512 << 20
"""Workers forked from a larger process are not kept: they would hold its memory alive."""


class Spawner(Protocol):
    """Starts and reaps workers."""

    name: str
    inherits: bool

    def usable(self) -> bool:
        """Whether new workers may be started this way now."""
        ...

    def worth_keeping(self) -> bool:
        """Whether idle workers should stay warm after a run."""
        ...

    def spawn(self, sock: socket.socket, cell: int) -> tuple[int, int]:
        """Start a worker on its end of a socket pair and its shared cell; give process id and pidfd."""
        ...

    def reap(self, pid: int) -> int | None:
        """Wait for a worker that has been killed or has ended; give its wait status."""
        ...

    def close(self) -> None:
        """Free what the spawner holds."""
        ...

    def disown(self) -> None:
        """Close a forked child's copies of what the parent's spawner holds."""
        ...


def spawner(method: str) -> Spawner:
    """Choose a way to start workers.

    Raises
    ------
    BadInput
        For an unknown method.
    """
    if method == "auto":
        method = "fork" if fork_is_safe() else "forkserver"
    if method == "fork":
        return ForkSpawner()
    if method == "forkserver":
        return ServerSpawner()
    raise BadInput(f"start is {method!r}; it must be 'auto', 'fork' or 'forkserver'.")


def fork_is_safe() -> bool:
    """Tell whether this process may be forked: one Python thread, no live OpenMP or CUDA runtime.

    OpenBLAS stops and restarts its own threads around a fork, and so does the allocator that
    comes with pandas; other native threads do not.
    """
    if threading.active_count() > 1 or not hasattr(os, "fork"):
        return False
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return False
    native = 0
    for task in os.listdir("/proc/self/task"):  # noqa: PTH208  # on the path of every warm run
        # A thread may end while it is looked at.
        with contextlib.suppress(OSError), open(f"/proc/self/task/{task}/comm") as file:  # noqa: PTH123
            native += file.read().strip() not in _HARMLESS
    return native <= 1 + openblas_threads()


class ForkSpawner:
    """Forks workers from this process; they inherit its arrays without a copy."""

    name = "fork"
    inherits = True

    def __init__(self) -> None:
        self._heavy = False

    def usable(self) -> bool:
        """Whether this process may (still) be forked."""
        return fork_is_safe()

    def worth_keeping(self) -> bool:
        """Whether the parent was small when it was forked."""
        return not self._heavy

    def spawn(self, sock: socket.socket, cell: int) -> tuple[int, int]:
        """Fork one worker."""
        self._heavy = self._heavy or rss() > HEAVY_PARENT
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # a closed or odd stream has nothing to flush
                stream.flush()
        parent = os.getpid()
        with warnings.catch_warnings():
            # Python 3.12 warns of every native thread; those that are left here have fork handlers.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            worker_main(sock, cell, parent)
        return pid, os.pidfd_open(pid)

    def reap(self, pid: int) -> int | None:
        """Wait for a child."""
        try:
            return os.waitpid(pid, 0)[1]
        except ChildProcessError:
            return None

    def close(self) -> None:
        """Nothing to free."""

    def disown(self) -> None:
        """Nothing was copied."""


class ServerSpawner:
    """Asks a clean, threadless server process to fork the workers."""

    name = "forkserver"
    inherits = False

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        package_root = str(Path(__file__).resolve().parents[2])
        code = (
            "import sys; sys.path[:0] = [sys.argv[3]]; "
            "from atomloom.engine.start import serve_forks; "
            "serve_forks(int(sys.argv[1]), int(sys.argv[2]))"
        )
        # The kernel tells a child of the death of the thread that made it, so only the main thread counts;
        # the server also leaves when its socket closes.
        watched = os.getpid() if threading.current_thread() is threading.main_thread() else 0
        arguments = [str(theirs.fileno()), str(watched), package_root]
        self._process = subprocess.Popen(  # noqa: S603  # our own interpreter, our own code
            [sys.executable, "-c", code, *arguments],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            env={**os.environ, **environment()},
            start_new_session=False,
        )
        theirs.close()
        self._sock = ours
        preload = [name for name in ("pandas", "scipy", "numba") if name in sys.modules]
        self._sock.send(pickle.dumps(preload))

    def usable(self) -> bool:
        """Whether the server lives."""
        return self._process.poll() is None

    def worth_keeping(self) -> bool:
        """Workers of a clean server hold nothing but themselves."""
        return True

    def spawn(self, sock: socket.socket, cell: int) -> tuple[int, int]:
        """Have one worker forked."""
        try:
            socket.send_fds(self._sock, [b"fork"], [sock.fileno(), cell])
            pid = int(self._answer())
        except (ConnectionError, ValueError) as error:
            code = self._process.poll()
            raise JobFailed(
                f"The fork server ended (code {code}) before it started a worker. "
                "Hint: run once with executor='serial' to see whether the machine is out of memory or processes.",
            ) from error
        return pid, os.pidfd_open(pid)

    def reap(self, pid: int) -> int | None:
        """Ask the server how a worker ended."""
        try:
            self._sock.send(b"reap %d" % pid)
            status = int(self._answer())
        except (ConnectionError, ValueError):
            return None
        return status if status >= 0 else None

    def _answer(self) -> bytes:
        answer = self._sock.recv(64)
        if not answer:
            raise ConnectionResetError
        return answer

    def close(self) -> None:
        """End the server."""
        self._sock.close()
        self._process.kill()
        self._process.wait()

    def disown(self) -> None:
        """Close the copy of the socket; the server is the parent's."""
        self._sock.close()
        self._process.returncode = 0  # not ours to wait for


def serve_forks(fd: int, parent: int) -> None:
    """Be the fork server: fork a worker for every descriptor received, until the parent is gone."""
    from atomloom.engine.worker import die_with_parent, only_descriptor  # noqa: PLC0415  # the server's own needs

    if parent:
        die_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    only_descriptor({fd})
    sock = socket.socket(fileno=fd)
    for name in (
        "atomloom.engine.jobs",
        *pickle.loads(sock.recv(1 << 16)),
    ):  # imported once here, so that workers start warm
        with contextlib.suppress(ImportError):
            importlib.import_module(name)

    me = os.getpid()
    while True:
        data, fds, _, _ = socket.recv_fds(sock, 64, 2)
        if not data:
            os._exit(0)
        if data == b"fork":
            pid = os.fork()
            if pid == 0:
                worker_main(socket.socket(fileno=fds[0]), fds[1], me)
            for each in fds:
                os.close(each)
            sock.send(b"%d" % pid)
        else:
            try:
                status = os.waitpid(int(data.split()[1]), 0)[1]
            except ChildProcessError:
                status = -1
            sock.send(b"%d" % status)
