"""Journal: what it costs, and what it saves when the driver is killed."""

from __future__ import annotations

import random
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from atomloom import run_parallel
from atomloom.engine.warm import shutdown
from bench.child import ROOT, end_group, environment
from bench.measure import alternate, row, wait_until

MOLECULES, RESULT = 8, 1 << 17  # float64s: 1 MB
TOTAL = 240


def grind(molecule, loops):
    """About a second of processor time and a megabyte of result."""
    total = 0.0
    block = np.linspace(0.1, 1.0, 4096)
    for _ in range(loops):
        total += float(np.sqrt(block).sum())
    return np.full(RESULT, molecule[0] + 0.0 * total)


def loops_for(seconds):
    """Find how many loops take that long here."""
    began = time.process_time()
    grind((0,), 20_000)
    return max(1, int(20_000 * seconds / (time.process_time() - began)))


def work(loops, journal):
    return run_parallel(
        grind, range(MOLECULES), num_threads=2, mp_batches=MOLECULES // 2, executor="processes", journal=journal,
        progress=False, loops=loops,
    )  # fmt: skip


@contextmanager
def opened(loops, *, journalled):
    with tempfile.TemporaryDirectory() as folder:
        yield partial(work, loops, Path(folder) / "journal" if journalled else None)


def right(result):
    status = {record["status"] for record in result.trace.records}
    return status == {"done"} and [int(array[-1]) for array in result.value] == list(range(MOLECULES))


def start(folder, seconds):
    return subprocess.Popen(
        [sys.executable, "-m", "bench.drivers", "resumable", str(folder), str(seconds)], cwd=ROOT, env=environment(),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip


def finished(folder):
    """How often every molecule has finished."""
    counts = [0] * TOTAL
    for path in Path(folder).glob("finished-*"):
        counts[int(path.name.split("-")[1])] += 1
    return counts


def killed(seed, kills, seconds):
    """Kill a driver at random moments and resume it; count finished molecules, recomputed ones, and the bits."""
    done, rng = 0, random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(kills):
            before = sum(finished(folder))
            process = start(folder, seconds)
            try:
                wait_until(lambda before=before: sum(finished(folder)) > before, 30)
                time.sleep(rng.uniform(0, 0.75 * TOTAL * seconds / 2 / kills))
                process.kill()
                process.wait()
            finally:
                end_group(process)
            done += sum(count > 0 for count in finished(folder))
        process = start(folder, seconds)
        try:
            bits = process.communicate(timeout=60)[0].strip()
        finally:
            end_group(process)
        again = sum(count - 1 for count in finished(folder))
        if min(finished(folder)) == 0:
            raise ArithmeticError("a molecule was never finished")
    return done, again, bits


def run(smoke: bool) -> dict:
    repeats, seconds, rounds, nap = (1, 0.02, 1, 0.004) if smoke else (5, 1.0, 6, 0.025)
    loops = loops_for(seconds)
    work(20, None)  # the pool is warm for both
    timed = alternate(
        {"plain": partial(opened, loops, journalled=False), "journal": partial(opened, loops, journalled=True)},
        repeats, right, 0 if smoke else 5,
    )  # fmt: skip
    shutdown()
    # The work is always the same; what varies is the machine's other load, which only adds.
    overhead = min(timed["journal"]) / min(timed["plain"]) - 1
    pairs = statistics.median(b / a for a, b in zip(timed["plain"], timed["journal"], strict=True)) - 1
    spread = statistics.median(timed["plain"]) / min(timed["plain"]) - 1
    with ThreadPoolExecutor(2) as threads:  # side by side: they only sleep
        kills = list(threads.map(lambda seed: killed(seed, 3, nap), range(rounds)))
    done, again = sum(one[0] for one in kills), sum(one[1] for one in kills)
    bits = {one[2] for one in kills}
    return {
        "title": "The journal",
        "claim": "A journalled run costs next to nothing more, and goes on where a SIGKILL stopped it.",
        "rows": [
            row(f"overhead of the journal, {MOLECULES} molecules of {seconds:g} s, 1 MB each", 100 * overhead, "%",
                most=3, headline=True, peer="the same run without a journal",
                peer_value=f"{min(timed['plain']):.2f} s",
                note=f"fastest with over fastest without; median of the pairs' ratios: {100 * pairs:+.1f} %, "
                f"median over fastest without a journal: {100 * spread:+.1f} %"),
            row(f"finished molecules not recomputed after SIGKILL of the driver ({3 * rounds} kills)",
                100 * (1 - again / done), "%", least=99, headline=True),
            row(f"bit patterns of the {rounds} resumed runs", len(bits), "distinct", most=1),
        ],
        "repeats": f"{repeats} alternating pairs; {rounds} runs of {TOTAL} molecules of {nap:g} s, each killed 3 times "
        "at random moments; a molecule counts as finished when its function has returned, journalled or not",
    }  # fmt: skip
