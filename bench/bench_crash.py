"""Crash: a worker dies in the middle of a run."""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from atomloom import run_parallel
from bench.child import Stopped, fresh
from bench.measure import row

MOLECULES, WORKERS, VICTIM = 12, 2, 4
WAYS = {"kill": "kill -9", "exit": "os._exit(7)", "segfault": "a segmentation fault"}
TOOLS = {"ppe": "ProcessPoolExecutor", "pool": "multiprocessing.Pool", "joblib": "joblib (loky)"}


def work(molecule, folder, seconds, how):
    """Take a while; the first to work on the victim dies half-way and leaves the time."""
    for atom in molecule:
        if atom == VICTIM and how and not (Path(folder) / "died").exists():
            time.sleep(seconds / 2)
            (Path(folder) / "died").write_text(repr(time.monotonic()))
            if how == "exit":
                os._exit(7)
            os.kill(os.getpid(), signal.SIGKILL if how == "kill" else signal.SIGSEGV)
        time.sleep(seconds)
    return list(molecule)


def ours(how, seconds):
    """One run with a death: seconds to notice it, wall, and whether the pool works afterwards."""
    noticed = []

    def listen(event):
        if type(event).__name__ == "WorkerLost":
            noticed.append(time.monotonic())

    def once(how, listen=None):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            result = run_parallel(
                work, range(MOLECULES), num_threads=WORKERS, executor="processes", mp_batches=MOLECULES // WORKERS,
                progress=listen, folder=folder, seconds=seconds if how else 0.01, how=how,
            )  # fmt: skip
            died = float((Path(folder) / "died").read_text()) if how else 0.0
        return result.value == [[i] for i in range(MOLECULES)], time.perf_counter() - began, died

    once("")
    right, wall, died = once(how, listen)
    if not right or len(noticed) != 1:
        raise ArithmeticError("the run did not complete rightly with one death")
    return {"notice": noticed[0] - died, "wall": wall, "usable": once("")[0]}


def theirs(tool, how, seconds, folder):
    """The same by a peer: what it raised, or how many results came."""
    atoms = [(i,) for i in range(MOLECULES)]
    kept = []
    try:
        if tool == "ppe":
            from concurrent.futures import ProcessPoolExecutor, as_completed
            from multiprocessing import get_context

            with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
                waiting = [pool.submit(work, atom, folder, seconds, how) for atom in atoms]
                kept.extend(future.result() for future in as_completed(waiting))
        elif tool == "joblib":
            from joblib import Parallel, delayed

            jobs = [delayed(work)(atom, folder, seconds, how) for atom in atoms]
            kept += Parallel(n_jobs=WORKERS, return_as="generator_unordered")(jobs)
        else:
            from multiprocessing import get_context

            from bench.book_engine import expand_call

            jobs = [{"func": work, "molecule": a, "folder": folder, "seconds": seconds, "how": how} for a in atoms]
            with get_context("fork").Pool(WORKERS) as pool:
                kept.extend(pool.imap_unordered(expand_call, jobs))
    except Exception as error:  # noqa: BLE001  # what it raises is the measurement
        return f"{type(error).__name__}, {len(kept)} of {MOLECULES} results"
    return f"completes, {len(kept)} of {MOLECULES} results"


def peer(tool, how, seconds):
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(Stopped):
        limit = 3 * MOLECULES * seconds / WORKERS + 2
        return fresh("bench.bench_crash:theirs", limit, tool=tool, how=how, seconds=seconds, folder=folder)
    return "hangs (stopped)"


def side_by_side(ways, seconds):
    """One run of each way, at the same time: their molecules sleep."""
    with ThreadPoolExecutor(len(ways)) as threads:
        return list(threads.map(lambda how: fresh("bench.bench_crash:ours", 30, how=how, seconds=seconds), ways))


def run(smoke: bool) -> dict:
    repeats, seconds = (1, 0.04) if smoke else (3, 0.4)
    ways = ["kill"] if smoke else list(WAYS)
    ideal = MOLECULES * seconds / WORKERS
    rows, usable, tried = [], 0, 0
    asked = [*(("ppe", how) for how in ways), ("pool", "kill"), ("joblib", "kill")]
    with ThreadPoolExecutor(len(asked)) as threads:  # side by side: they only sleep, and are not timed
        told = dict(zip(asked, threads.map(lambda one: peer(*one, seconds), asked), strict=True))
    turns = [side_by_side(ways, seconds) for _ in range(repeats)]
    for how, found in zip(ways, zip(*turns, strict=True), strict=True):
        usable, tried = usable + sum(one["usable"] for one in found), tried + len(found)
        notice, wall = (statistics.median(one[key] for one in found) for key in ("notice", "wall"))
        rows.append(row(f"{WAYS[how]} of a worker: time until it is noticed", notice, "s", most=0.5,
                        headline=how == "kill"))  # fmt: skip
        rows.append(row(f"{WAYS[how]} of a worker: wall of the run", wall / ideal, "x ideal wall", most=1.15,
                        peer=TOOLS["ppe"], peer_value=told["ppe", how], headline=how == "kill"))  # fmt: skip
    rows += [
        row("runs with a death that completed, pool usable afterwards", usable, f"of {tried}", least=tried,
            peer=f"{TOOLS[tool]}, kill -9", peer_value=told[tool, "kill"], headline=tool == "pool")
        for tool in ("pool", "joblib")
    ]  # fmt: skip
    return {
        "title": "A worker dies",
        "claim": "A dead worker is noticed at once, only its molecule is worked again, and the run completes.",
        "rows": rows,
        "repeats": f"medians of {repeats} runs in fresh interpreters; {MOLECULES} molecules of {seconds:g} s, "
        f"2 workers, one dies half-way through a molecule; the ideal wall ({ideal:g} s) leaves the lost half out",
    }
