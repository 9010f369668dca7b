"""Nothing outlives its driver, and nothing finished is lost: real processes, really killed."""

from __future__ import annotations

import contextlib
import fcntl
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from atomloom import run_parallel
from atomloom.engine.pool import ProcessPool
from atomloom.engine.share import pack
from atomloom.engine.warm import shutdown

from . import work

DRIVERS = Path(__file__).with_name("drivers.py")


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, str(DRIVERS), *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


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


def test_a_killed_driver_resumes_with_the_same_bits(tmp_path):
    n = 60
    plain = start("resumable", tmp_path / "a", tmp_path / "ja", n)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    expected = plain.communicate(timeout=60)[0]
    for kills in range(3):
        driver = start("resumable", tmp_path / "b", tmp_path / "jb", n)
        assert wait_until(lambda kills=kills: len(list((tmp_path / "b").glob("atom-*"))) > 12 * (kills + 1))
        driver.kill()
        driver.communicate(timeout=20)
    got, errors = start("resumable", tmp_path / "b", tmp_path / "jb", n).communicate(timeout=60)
    assert got == expected != "", errors
    calls = [path.name.split("-")[1] for path in (tmp_path / "b").glob("atom-*")]
    # Only what was under way at a kill is worked again: two workers, molecules of two atoms, and as much again whose
    # word was still on its way when a busy machine stopped the driver. Nothing kept would be 72 and more.
    assert len(calls) - len(set(calls)) <= 3 * 2 * 2 * 2


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
            assert wait_until(lambda pid=pid: len(open_files(pid)) <= 1)
            assert all(link.startswith("socket:") for link in open_files(pid))
        # The other direction: this process holds one socket and one pidfd per worker.
        assert len(pool.pids) == 2
    finally:
        pool.close()
        secret.close()
    assert pool.pids == []


def test_a_pool_in_use_is_not_shared(tmp_path):
    """A second run while the first is going on gets workers of its own."""
    import threading

    results = []

    def run():
        results.append(run_parallel(work.harmonic, range(100), num_threads=2, executor="processes", progress=False))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({tuple(result.value) for result in results}) == 1


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
    shutdown()
    assert wait_until(lambda: not any(alive(pid) for pid in held))
