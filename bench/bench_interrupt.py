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
    """All peers at the same time: they only sleep, and their waiting is long."""
    drivers = {tool: Driver(tool, seconds) for tool in PEERS}
    told = {}
    try:
        began = {tool: driver.signal(number, group=number == signal.SIGINT) for tool, driver in drivers.items()}
        end = time.monotonic() + limit
        returned = {}
        while len(returned) < len(drivers) and time.monotonic() < end:
            for tool, driver in drivers.items():
                if tool not in returned and driver.process.poll() is not None:
                    returned[tool] = time.monotonic() - began[tool]
            time.sleep(0.005)
        if number == signal.SIGKILL:
            time.sleep(1.0)
            own = {tool: [pid for pid in driver.workers() if alive(pid)] for tool, driver in drivers.items()}
            told = {tool: f"{len(pids)} workers left after 1 s" if pids else "clean" for tool, pids in own.items()}
        else:
            told = {tool: returned.get(tool, f"> {limit:g} s") for tool in drivers}
    finally:
        for driver in drivers.values():
            driver.close()
    return told


def run(smoke: bool) -> dict:
    repeats, seconds, limit = (1, 1.0, 6) if smoke else (3, 6.0, 30)
    rows = []
    for number, words in (
        (signal.SIGINT, "Ctrl-C"), (signal.SIGTERM, "SIGTERM of the driver"), (signal.SIGKILL, "SIGKILL of the driver"),
    ):  # fmt: skip
        found = [ended("atomloom", number, seconds, limit) for _ in range(repeats)]
        told = {"ppe": "not run in the smoke test"} if smoke else together(number, seconds, limit)
        peers = {PEERS[tool]: value for tool, value in told.items()}
        first = next(iter(peers))
        if number != signal.SIGKILL:
            took = statistics.median(one[0] if one[0] is not None else limit for one in found)
            rows += [
                row(f"{words}: seconds until the program has returned", took, "s", most=1.0 if name == first else None,
                    peer=name, peer_value=value, headline=number == signal.SIGINT and name == first)
                for name, value in peers.items()
            ]  # fmt: skip
        gone = max(one[1] if one[1] is not None else float("inf") for one in found)
        left = " and ".join(sorted({one[2] for one in found if one[2]})) or "nothing"
        rows += [
            row(f"{words}: seconds until no worker, segment, temp file or lock is left",
                gone if gone != float("inf") else f"left: {left}", "s",
                **({"most": 1.0} if gone != float("inf") else {"least": 0}) if name == first else {},
                peer=name if number == signal.SIGKILL else "",
                peer_value=value if number == signal.SIGKILL else None,
                headline=number == signal.SIGKILL and name == first)
            for name, value in (peers.items() if number == signal.SIGKILL else [(first, None)])
        ]  # fmt: skip
    return {
        "title": "The driver is interrupted or killed",
        "claim": "Ctrl-C returns at once, and whatever ends the driver, nothing of the run outlives it.",
        "rows": rows,
        "repeats": f"{repeats} runs each (return: median, remains: worst); 6 molecules of {seconds:g} s, 2 workers, "
        "interrupted in the first; a lock taken before with an inheritable descriptor. Peers once",
    }
