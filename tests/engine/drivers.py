"""Scripts that tests run as separate processes: drivers to be interrupted, killed and resumed."""

from __future__ import annotations

import fcntl
import operator
import os
import sys
import time
import warnings
from pathlib import Path

from atomloom import AntiPattern, run_parallel


def leave_pid(molecule, folder, seconds):
    (Path(folder) / f"pid-{os.getpid()}").touch()
    for atom in molecule:
        (Path(folder) / f"atom-{atom}-{time.monotonic_ns()}").touch()
        time.sleep(seconds)
        while stopped(Path(folder)):
            (Path(folder) / f"stopped-{os.getpid()}-{atom}").touch()
            time.sleep(0.01)
    return sum(1.0 / (atom + 1) for atom in molecule)


def stopped(folder):
    """Tell whether as many atoms have been begun as the file `stop` says; then every worker stands still."""
    stop = folder / "stop"
    return stop.exists() and len(list(folder.glob("atom-*"))) >= int(stop.read_text())


def sleeper(folder, executor):
    """Hold a file lock and work for a minute, until somebody ends it."""
    lock = (Path(folder) / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    run_parallel(leave_pid, range(4), num_threads=2, executor=executor, folder=folder, seconds=60.0, progress=False)


def resumable(folder, journal, n):
    """Work with a journal; print the exact bits of the result."""
    total = run_parallel(
        leave_pid, range(int(n)), num_threads=2, mp_batches=int(n) // 4, redux=operator.add, journal=journal,
        folder=folder, seconds=0.02, progress=False,
    ).value  # fmt: skip
    print(total.hex())  # noqa: T201  # the test reads it


def main():
    warnings.simplefilter("ignore", AntiPattern)
    globals()[sys.argv[1]](*sys.argv[2:])


if __name__ == "__main__":
    main()
