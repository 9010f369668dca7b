"""Nothing outlives its driver, and nothing finished is lost: real processes, really killed."""

from __future__ import annotations

import contextlib
import fcntl
import json
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import count
from pathlib import Path

import pytest

from atomloom import run_parallel
from atomloom.engine.journal import Journal
from atomloom.engine.pool import ProcessPool
from atomloom.engine.progress import RunStarted
from atomloom.engine.share import pack
from atomloom.engine.warm import shutdown

from . import work

DRIVERS = Path(__file__).with_name("drivers.py")
ATOMS = 60


STARTED: list[subprocess.Popen[str]] = []


def start(*arguments):
    command = [sys.executable, str(DRIVERS), *map(str, arguments)]
    STARTED.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    return STARTED[-1]


@pytest.fixture(autouse=True)
def _no_driver_is_left():
    """End what a failed test has left running."""
    yield
    while STARTED:
        with STARTED.pop() as driver:
            driver.kill()


def wait_until(condition, seconds=20.0):
    """Wait for something that will happen; give whether it did."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"


def shared_memory():
    """Name what lies in shared memory, but for what other programs (joblib) may put there meanwhile."""
    return {entry.name for entry in Path("/dev/shm").iterdir() if not entry.name.startswith(("joblib", "sem.", "loky"))}


def pids(folder):
    return [int(path.name[4:]) for path in Path(folder).glob("pid-*")]


@pytest.mark.parametrize(("executor", "workers"), [("processes", 2), ("threads", 1), ("serial", 1)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_ended_driver_leaves_nothing_behind(tmp_path, executor, workers, number):
    before = shared_memory()
    driver = start("sleeper", tmp_path, executor)
    assert wait_until(lambda: len(pids(tmp_path)) == workers)
    driver.send_signal(number)
    driver.communicate(timeout=20)
    assert driver.returncode != 0
    assert wait_until(lambda: not any(alive(pid) for pid in pids(tmp_path)))
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert shared_memory() <= before


def test_an_interrupt_is_a_keyboard_interrupt(tmp_path):
    driver = start("sleeper", tmp_path, "processes")
    assert wait_until(lambda: len(pids(tmp_path)) == 2)
    driver.send_signal(signal.SIGINT)
    _, errors = driver.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors


def begun(folder):
    """Count how often each atom was begun."""
    return Counter(int(path.name.split("-")[1]) for path in folder.glob("atom-*"))


def kept(journal, copy):
    """Read which atoms a journal holds, with the package's own reader, from a copy: a live driver has it locked.

    Leaves are single atoms here, so ranges of leaves are ranges of atoms.
    """
    shutil.copytree(journal, copy)
    reader = Journal(copy, json.loads((copy / "call.json").read_text()))
    reader.close()
    return {atom for lo, hi in reader.done for atom in range(lo, hi)}


@pytest.fixture
def resumable(tmp_path):
    """Give the bits of a run that nobody ends, and how to start one that is ended: folder and journal."""
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
    expected, errors = start("resumable", tmp_path / "whole", tmp_path / "j", ATOMS).communicate(timeout=60)
    assert expected, errors
    assert begun(tmp_path / "whole") == Counter(range(ATOMS))
    return expected, tmp_path / "killed", tmp_path / "journal"


def test_a_killed_driver_resumes_with_the_same_bits(resumable, tmp_path):
    expected, folder, journal = resumable
    have, before = set(), Counter()
    for kills in range(3):
        driver = start("resumable", folder, journal, ATOMS)
        assert wait_until(lambda kills=kills: begun(folder).total() > 12 * (kills + 1))
        driver.kill()
        driver.communicate(timeout=20)  # until its workers, who hold the pipe too, have ended
        worked = begun(folder) - before
        now = kept(journal, tmp_path / f"copy-{kills}")
        assert not have & worked.keys()
        assert set(worked.values()) <= {1}
        assert have <= now <= have | worked.keys()
        # Wherever the kill strikes, only what was handed out and not taken back is lost. Each of the two workers is
        # given its next molecule of two atoms before it has finished one, and on a busy machine the driver may have
        # stood still while both were worked; nothing else is ever begun, for who would hand it out?
        assert len(worked.keys() - now) <= 2 * 2 * 2
        have, before = now, begun(folder)
    got, errors = start("resumable", folder, journal, ATOMS).communicate(timeout=60)
    assert got == expected, errors
    assert begun(folder) - before == Counter(set(range(ATOMS)) - have)


def test_a_kill_costs_the_molecules_under_way_and_no_other(resumable, tmp_path):
    """Both workers stand still within a molecule, and the driver has taken all else in, before it is killed."""
    expected, folder, journal = resumable
    lost = Counter()
    for kills in range(3):
        (folder / "stop").write_text(str(12 * (kills + 1)))
        driver = start("resumable", folder, journal, ATOMS)
        assert wait_until(lambda: len(list(folder.glob("stopped-*"))) == 2)
        stopped = {int(path.name.split("-")[2]) for path in folder.glob("stopped-*")}
        under_way = {atom for last in stopped for atom in (last // 2 * 2, last // 2 * 2 + 1)}  # molecules of two atoms
        finished = begun(folder).keys() - under_way
        copies = (tmp_path / f"copy-{kills}-{number}" for number in count())
        assert wait_until(lambda copies=copies, finished=finished: kept(journal, next(copies)) == finished)
        driver.kill()
        driver.communicate(timeout=20)
        assert kept(journal, tmp_path / f"copy-{kills}") == finished
        for path in folder.glob("stopped-*"):
            path.unlink()
        lost += Counter(under_way & begun(folder).keys())
    (folder / "stop").unlink()
    got, errors = start("resumable", folder, journal, ATOMS).communicate(timeout=60)
    assert got == expected, errors
    assert begun(folder) == Counter(range(ATOMS)) + lost
    assert lost.total() <= 3 * 2 * 2  # kills, workers, atoms of a molecule


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_workers_inherit_no_descriptor_but_their_own(tmp_path, method):
    secret = (tmp_path / "secret").open("w")
    pool = ProcessPool(2, method)
    try:
        pool.begin(pack(work.harmonic), keep=True)
        assert pool.method == method

        def open_files(pid):
            links = []
            for entry in Path(f"/proc/{pid}/fd").iterdir():
                with contextlib.suppress(FileNotFoundError):  # closed while it was looked at
                    links += [str(entry.readlink())] if entry.name not in ("1", "2") else []
            return {link for link in links if link != "/dev/null"}

        for pid in pool.pids:
            assert wait_until(lambda pid=pid: len(open_files(pid)) == 1)
            assert all(link.startswith("socket:") for link in open_files(pid))
        assert len(pool.pids) == 2
    finally:
        pool.close()
        secret.close()
    assert pool.pids == []


def test_a_pool_in_use_is_not_shared(tmp_path):
    """A second run while the first is going on gets workers of its own."""
    import threading

    expected = run_parallel(work.nap, range(20), num_threads=1, seconds=0.0).value
    results = []
    together = threading.Barrier(3)

    def run():
        def wait_for_the_others(event):
            if isinstance(event, RunStarted):
                together.wait(20)  # every run has its workers before any run works

        kwargs = {"executor": "processes", "progress": wait_for_the_others, "seconds": 0.005}
        results.append(run_parallel(work.nap, range(20), num_threads=2, mp_batches=10, **kwargs))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [result.value for result in results] == [expected] * 3


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_rebound_globals_reach_warm_workers(method, monkeypatch):
    from . import module_with_global as module

    shutdown()
    if method == "forkserver":
        monkeypatch.setattr("atomloom.engine.start.fork_is_safe", lambda: False)
    for data in ([1], [2], [3, 3]):
        module.DATA = data
        got = run_parallel(module.read, range(2), num_threads=2, executor="processes", progress=False).value
        assert got == [data, data]
    shutdown()


def test_workers_of_a_dead_thread_are_replaced():
    """The kernel ends forked workers with the thread that forked them; the next run notices."""
    import threading

    shutdown()
    values = []

    def run():
        values.append(run_parallel(work.harmonic, range(50), num_threads=2, executor="processes", progress=False).value)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    run()
    assert values[0] == values[1]


def test_shutdown_ends_the_workers():
    run_parallel(work.harmonic, range(50), num_threads=2, executor="processes", progress=False)
    from atomloom.engine import warm

    held = [pid for pool in warm._pools.values() for pid in pool.pids]
    assert len(held) >= 2
    assert all(alive(pid) for pid in held)
    shutdown()
    assert wait_until(lambda: not any(alive(pid) for pid in held))
