"""Programs to be interrupted, killed and resumed: ``python -m bench.drivers TOOL FOLDER SECONDS``."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
import warnings
from pathlib import Path

MOLECULES, WORKERS = 6, 2


def leave_pid(molecule, folder, seconds):
    (Path(folder) / f"pid-{os.getpid()}").touch()
    time.sleep(seconds)
    return len(molecule)


def atomloom(folder, seconds):
    from atomloom import run_parallel

    run_parallel(leave_pid, range(MOLECULES), num_threads=WORKERS, mp_batches=MOLECULES // WORKERS,
                 executor="processes", progress=False, folder=folder, seconds=seconds)  # fmt: skip


def ppe(folder, seconds):
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
        for future in [pool.submit(leave_pid, (i,), folder, seconds) for i in range(MOLECULES)]:
            future.result()


def joblib(folder, seconds):
    from joblib import Parallel, delayed

    Parallel(n_jobs=WORKERS)(delayed(leave_pid)((i,), folder, seconds) for i in range(MOLECULES))


def pool(folder, seconds):
    from bench.book_engine import mp_job_list

    mp_job_list(leave_pid, "molecule", range(MOLECULES), WORKERS, MOLECULES // WORKERS, folder=folder, seconds=seconds)


def note(molecule, folder, seconds):
    """Leave a file when a molecule begins and when it has finished."""
    stamp = f"{molecule[0]}-{time.monotonic_ns()}"
    time.sleep(seconds)
    (Path(folder) / f"finished-{stamp}").touch()
    return sum(1.0 / (atom + 1) for atom in molecule)


def resumable(folder, seconds):
    """Work 240 molecules with a journal; print the exact bits of the sum."""
    import operator

    from atomloom import run_parallel

    total = run_parallel(
        note, range(240), num_threads=WORKERS, mp_batches=120, executor="processes", redux=operator.add,
        journal=Path(folder) / "journal", progress=False, folder=folder, seconds=seconds,
    )  # fmt: skip
    print(total.value.hex(), flush=True)


def main():
    tool, folder, seconds = sys.argv[1:]
    signal.alarm(60)  # whatever the tool does, this program ends
    warnings.simplefilter("ignore")
    if tool != "resumable":
        lock = (Path(folder) / "lock").open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        os.set_inheritable(lock.fileno(), True)
    globals()[tool](folder, float(seconds))


if __name__ == "__main__":
    main()
