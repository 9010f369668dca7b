"""Interrupt: Ctrl-C, SIGTERM and SIGKILL of the driver of a run."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.child import ROOT, end_group, environment
from bench.measure import row, wait_until

PEERS = {"ppe": "ProcessPoolExecutor", "joblib": "joblib (loky)", "pool": "multiprocessing.Pool (the book's)"}


class Driver:
    """A program of ``bench.drivers`` in a session and temp folder of its own."""

    def __init__(self, tool, seconds):
        self._room = tempfile.TemporaryDirectory()
        self.folder = Path(self._room.name) / "work"
        self.temp = Path(self._room.name) / "temp"
        self.folder.mkdir()
        self.temp.mkdir()
        self.shm = shm()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.drivers", tool, str(self.folder), str(seconds)], cwd=ROOT,
            env={**environment(), "TMPDIR": str(self.temp)}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        if wait_until(lambda: len(self.workers()) >= 2, 30, 0.01) is None:
            self.close()
            raise RuntimeError(f"{tool} did not start its workers")
        time.sleep(0.3)  # everybody is at work

    def workers(self):
        return [int(path.name[4:]) for path in self.folder.glob("pid-*")]

    def signal(self, number, group):
        """Send a signal, to the whole group as a terminal does, or to the driver alone."""
        if group:
            os.killpg(self.process.pid, number)
        else:
            self.process.send_signal(number)
        return time.monotonic()

    def returned(self, began, limit):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(max(0.01, began + limit - time.monotonic()))
            return time.monotonic() - began
        return None

    def clean(self):
        """No worker, no new shared memory or temp file, the lock free."""
        if any(alive(pid) for pid in self.workers()) or shm() - self.shm or any(self.temp.iterdir()):
            return False
        with (self.folder / "lock").open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
        return True

    def left(self):
        """What is left, in words."""
        left = []
        if count := sum(alive(pid) for pid in self.workers()):
            left.append(f"{count} workers")
        if shm() - self.shm or any(self.temp.iterdir()):
            left.append("files")
        with (self.folder / "lock").open("r+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                left.append("the lock")
        return " and ".join(left)

    def close(self):
        for pid in self.workers():
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if os.getsid(pid) == self.process.pid and alive(pid):
                    os.kill(pid, signal.SIGKILL)
        end_group(self.process)
        for path in shm() - self.shm:  # what a killed peer left behind in this test's own temp names
            if str(self.process.pid) in path:
                remove(Path("/dev/shm") / path)
        self._room.cleanup()


def remove(path):
    import shutil

    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def shm():
    with contextlib.suppress(FileNotFoundError):
        return set(os.listdir("/dev/shm"))  # noqa: PTH208
    return set()


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ended(tool, number, seconds, limit):
    """Signal a driver; give seconds until it returned, seconds until nothing is left, and what is."""
    driver = Driver(tool, seconds)
    try:
        began = driver.signal(number, group=number == signal.SIGINT)
        returned = driver.returned(began, limit)
        gone = wait_until(driver.clean, 1.5)
        after = None if gone is None else time.monotonic() - began
        return returned, after, "" if gone is not None else driver.left()
    finally:
        driver.close()


def together(number, seconds, limit):
    """All peers at the same time (they only sleep, and long): seconds to return from Ctrl-C, else what is left."""
    drivers = {tool: Driver(tool, seconds) for tool in PEERS}
    try:
        began = {tool: driver.signal(number, group=number == signal.SIGINT) for tool, driver in drivers.items()}
        if number != signal.SIGINT:
            time.sleep(1.0)
            left = {tool: sum(map(alive, driver.workers())) for tool, driver in drivers.items()}
            return {tool: f"{count} workers left after 1 s" if count else "clean" for tool, count in left.items()}
        returned = {}
        while len(returned) < len(drivers) and time.monotonic() - min(began.values()) < limit:
            for tool, driver in drivers.items():
                if tool not in returned and driver.process.poll() is not None:
                    returned[tool] = time.monotonic() - began[tool]
            time.sleep(0.005)
        return {tool: returned.get(tool, f"> {limit:g} s") for tool in drivers}
    finally:
        for driver in drivers.values():
            driver.close()


def rows_of(number, words, found, told, limit):
    """Seconds to return and seconds until nothing is left, each beside the peers that can be asked that."""
    peers = {PEERS[tool]: value for tool, value in told.items()}
    first, group = next(iter(peers)), number == signal.SIGINT
    took = statistics.median(one[0] if one[0] is not None else limit for one in found)
    missing = " and ".join(sorted({one[2] for one in found if one[2]}))
    gone = f"never: {missing}" if missing else max(one[1] for one in found)
    rows = []
    if number != signal.SIGKILL:  # which nobody survives
        rows += [
            row(f"{words}: time until the program has returned", took, "s", most=1.0 if name in ("", first) else None,
                peer=name, peer_value=value, headline=name == first)
            for name, value in (peers.items() if group else [("", None)])
        ]  # fmt: skip
    rows += [
        row(f"{words}: time until no worker, segment, temp file or lock is left", gone, "s",
            most=1.0 if name in ("", first) else None, peer=name, peer_value=value,
            headline=number == signal.SIGKILL and name == first)
        for name, value in ([("", None)] if group else peers.items())
    ]  # fmt: skip
    return rows


def run(smoke: bool) -> dict:
    repeats, seconds, limit = (1, 1.0, 6) if smoke else (3, 6.0, 30)
    rows = []
    for number, words in (
        (signal.SIGINT, "Ctrl-C"),
        (signal.SIGTERM, "SIGTERM of the driver"),
        (signal.SIGKILL, "SIGKILL of the driver"),
    ):
        found = [ended("atomloom", number, seconds, limit) for _ in range(repeats)]
        told = {"ppe": "not run in the smoke test"} if smoke else together(number, seconds, limit)
        rows += rows_of(number, words, found, told, limit)
    return {
        "title": "The driver is interrupted or killed",
        "claim": "Ctrl-C returns at once, and whatever ends the driver, nothing of the run outlives it.",
        "rows": rows,
        "repeats": f"{repeats} runs each (return: median, remains: worst); 6 molecules of {seconds:g} s, 2 workers, "
        "interrupted in the first; a lock taken before with an inheritable descriptor. Peers once",
    }
