"""Bits: one result, whatever the workers, batches, executor, deaths and interruptions."""

from __future__ import annotations

import itertools
import operator
import os
import signal
import tempfile
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from atomloom import run_parallel
from atomloom.engine.warm import shutdown
from bench import book_engine
from bench.measure import row

WORKERS, BATCHES, EXECUTORS = (1, 2, 3, 4, 8), (1, 3, 10), ("serial", "threads", "processes")
ATOMS = 1200


def wave(molecule, flag=""):
    """A float64[64] whose sum over atoms changes its last bits with every other order."""
    if flag and ATOMS // 2 in molecule and not Path(flag).exists():
        Path(flag).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    index = np.asarray(molecule, dtype=float)
    return np.sin(index[:, None] * np.arange(1, 65)).sum(axis=0)


def ours(workers, batches, executor, **more):
    return run_parallel(wave, range(ATOMS), num_threads=workers, mp_batches=batches, executor=executor,
                        redux=operator.add, progress=False, **more)  # fmt: skip


def killed(workers, batches, folder, number):
    """A run one of whose workers is killed half-way."""
    result = ours(workers, batches, "processes", flag=str(Path(folder) / f"flag-{number}"))
    if result.trace.deaths != 1:
        raise ArithmeticError(f"{result.trace.deaths} workers died, not one")
    return result.value


def resumed(workers, batches, folder, number):
    """A run that is interrupted after its first molecule and resumed with other workers."""
    journal, seen = Path(folder) / f"journal-{number}", []

    def interrupt(event):
        seen.append(event)
        if len(seen) == 2:  # the run's start, a molecule's end
            raise KeyboardInterrupt

    try:
        run_parallel(wave, range(ATOMS), num_threads=workers, mp_batches=batches, executor="processes",
                     redux=operator.add, journal=journal, progress=interrupt)  # fmt: skip
    except KeyboardInterrupt:
        pass
    else:
        raise ArithmeticError("the run was not interrupted")
    result = ours(3, 5, "processes", journal=journal)
    return result.value


def book(workers, batches):
    return book_engine.mp_job_list(wave, "molecule", range(ATOMS), workers, batches, redux=operator.add)


def completed(workers, batches):
    """ProcessPoolExecutor, summed as futures complete."""
    cuts = book_engine.lin_parts(ATOMS, workers * batches)
    total = None
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        waiting = [pool.submit(wave, range(a, b)) for a, b in itertools.pairwise(cuts.tolist())]
        for future in as_completed(waiting):
            total = future.result() if total is None else total + future.result()
    return total


def run(smoke: bool) -> dict:
    repeats, workers, batches = (1, (1, 2), (1, 3)) if smoke else (30, WORKERS, BATCHES)
    cases = list(itertools.product(workers, batches))
    expected = ours(1, 1, "serial").value
    seen = {"plain": [], "killed": [], "resumed": []}
    with tempfile.TemporaryDirectory() as folder:
        numbers = itertools.count()
        for count in workers:  # one size of pool at a time, so that it stays warm
            for _, batch, executor in itertools.product(range(repeats), batches, EXECUTORS):
                seen["plain"].append(ours(count, batch, executor).value.tobytes())
            for _, batch in itertools.product(range(repeats), batches):
                seen["killed"].append(killed(count, batch, folder, next(numbers)).tobytes())
                if count * batch > 1:
                    seen["resumed"].append(resumed(count, batch, folder, next(numbers)).tobytes())
        shutdown()
    plain = np.sin(np.arange(ATOMS, dtype=float)[:, None] * np.arange(1, 65)).sum(axis=0)
    if not np.allclose(expected, plain, rtol=1e-9, atol=1e-9):
        raise ArithmeticError("the sum is wrong")
    rounds = 1 if smoke else 2
    arrival = {
        name: [tool(*case).tobytes() for case in cases for _ in range(rounds)]
        for name, tool in (("book", book), ("ppe", completed))
    }
    same = [completed(4, 6).tobytes() for _ in range(2 if smoke else 30)]
    every = {expected.tobytes(), *itertools.chain(*seen.values())}
    runs = 1 + sum(map(len, seen.values()))
    peer = "sums in order of arrival: {} ({} runs)"
    return {
        "title": "The same bits",
        "claim": "Workers, batches, executors, deaths and resumption never change a bit of the result.",
        "rows": [
            row(f"bit patterns in {runs:,} runs: workers, batches, executors, deaths, resumption", len(every),
                "distinct", most=1, peer=peer.format("the book's engine", len(arrival["book"])),
                peer_value=len(set(arrival["book"])), headline=True),
            row(f"bit patterns in {len(seen['killed']):,} runs with a worker killed half-way",
                len({expected.tobytes(), *seen["killed"]}), "distinct", most=1,
                peer=peer.format("ProcessPoolExecutor, as_completed", len(arrival["ppe"])),
                peer_value=len(set(arrival["ppe"]))),
            row(f"bit patterns in {len(seen['resumed']):,} runs interrupted and resumed",
                len({expected.tobytes(), *seen["resumed"]}), "distinct", most=1,
                peer=f"ProcessPoolExecutor, as_completed, 4 workers, 24 molecules ({len(same)} runs)",
                peer_value=len(set(same))),
        ],
        "repeats": f"{repeats} repeats x workers {workers} x mp_batches {batches} x {', '.join(EXECUTORS)}; peers: "
        f"{rounds} repeats x the same workers and mp_batches",
    }  # fmt: skip
