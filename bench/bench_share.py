"""Share: one large read-only array on its way to the workers."""

from __future__ import annotations

import multiprocessing
import resource
import statistics
import tempfile
import time
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np

from atomloom import run_parallel, shared_empty
from atomloom.engine.warm import shutdown
from bench import book_engine
from bench.child import fresh
from bench.measure import alternate, medians, row
from bench.memory import watched

TASKS, WORKERS, STRIDE = 8, 2, 64  # a stride of 512 bytes: every task touches every page
CEILING = 12 << 30
DENSE = {"interval": 0.01, "freeze": True}
SPARSE = {"interval": 0.25, "freeze": False}  # peers that copy are also timed: they shall not feel the sampler
KINDS = {
    "plain": "a plain array (inherited)",
    "memmap": "a np.memmap (mapped again)",
    "shared": "atomloom.shared_empty (descriptor)",
}
_array = None  # what the forked pool inherits


def strided(molecule, array, rest=0.0):
    total = sum(float(array[task::STRIDE].sum()) for task in molecule)
    time.sleep(rest)  # in the untimed repetition, so that the sampler sees every worker with its pages
    return total


def inherited(task, rest=0.0):
    return strided((task,), _array, rest)


def ours(array, rest=0.0):
    return run_parallel(strided, range(TASKS), num_threads=WORKERS, executor="processes", mp_batches=TASKS // WORKERS,
                        progress=False, array=array, rest=rest).value  # fmt: skip


def forked(rest=0.0):
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        return pool.map(partial(inherited, rest=rest), range(TASKS), chunksize=1)


def by_joblib(array, rest=0.0):
    from joblib import Parallel, delayed

    return Parallel(n_jobs=WORKERS)(delayed(strided)((task,), array, rest) for task in range(TASKS))


def by_book(array, rest=0.0):
    return book_engine.mp_job_list(strided, "molecule", list(range(TASKS)), WORKERS, TASKS // WORKERS, array=array,
                                   rest=rest)  # fmt: skip


def made(kind, count, folder):
    """The array of one kind, filled."""
    if kind == "shared":
        array = shared_empty(count)
    elif kind == "memmap":
        array = np.memmap(Path(folder) / "array", dtype=float, mode="w+", shape=(count,))
    else:
        array = np.empty(count)
    array[:] = 1.0
    array[:TASKS] = np.arange(TASKS)
    if kind == "memmap":
        array.flush()
        array = np.memmap(Path(folder) / "array", dtype=float, mode="r")
    return array


def right(count, totals):
    """Every task's own first element and the ones after it; the book's order is that of arrival."""
    return sorted(totals) == [len(range(task, count, STRIDE)) - 1.0 + task for task in range(TASKS)]


@contextmanager
def opened(work):
    yield work


def walls(kind, count, repeats):
    """Seconds of a call with one kind of array, alternating with a forked pool's."""
    global _array  # noqa: PLW0603  # a global is what copy-on-write programs use
    with tempfile.TemporaryDirectory() as folder:
        array = _array = made(kind, count, folder)
        both = {"atomloom": partial(opened, partial(ours, array)), "fork": partial(opened, forked)}
        alternate(both, 1, partial(right, count))  # pages of the machine's own warm-up
        seconds = medians(alternate(both, repeats, partial(right, count), 2))
        shutdown()
    return seconds


def extra(kind, count, rest):
    """Bytes of the process tree at its peak, above what it held before and the array itself."""
    limit = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (CEILING, limit))
    work = {"joblib": by_joblib, "book": by_book}.get(kind, ours)
    if kind != "book":  # what a tool holds with no array is not the array's
        work(np.zeros(TASKS * STRIDE))
    global _array  # noqa: PLW0603
    with tempfile.TemporaryDirectory() as folder:
        with watched(**SPARSE if kind in ("joblib", "book") else DENSE) as peak:
            array = made(kind, count, folder)
            began = time.perf_counter()
            if kind == "fork":
                _array = array
                totals = forked(rest)
            else:
                totals = work(array, rest)
            took = time.perf_counter() - began
        if not right(count, totals):
            raise ArithmeticError(f"{kind} gave a wrong result")
    return {"bytes": peak.tree_growth - array.nbytes, "seconds": took - TASKS / WORKERS * rest}


def run(smoke: bool) -> dict:
    count, repeats, rest = (1 << 21, 1, 0.05) if smoke else (1 << 27, 5, 0.3)
    here = "bench.bench_share"
    seconds = {kind: fresh(f"{here}:walls", 60, kind=kind, count=count, repeats=repeats) for kind in KINDS}
    grown = {
        kind: fresh(f"{here}:extra", 120, kind=kind, count=count, rest=rest)
        for kind in (*KINDS, "fork", "joblib", "book")
    }
    size = f"{8 * count / 2**30:.3g} GiB"
    gb = {kind: found["bytes"] / 1e9 for kind, found in grown.items()}
    rows = [
        row(f"{size} to 2 workers: {words}", seconds[kind]["atomloom"], "s", peer="fork copy-on-write global",
            peer_value=seconds[kind]["fork"], most_ratio=2, headline=kind == "plain")
        for kind, words in KINDS.items()
    ]  # fmt: skip
    rows += [
        row(f"extra memory, {words}", gb[kind], "GB", most=0.05, peer="fork copy-on-write global",
            peer_value=gb["fork"], headline=kind == "plain")
        for kind, words in KINDS.items()
    ]  # fmt: skip
    usual = statistics.median(seconds[kind]["atomloom"] for kind in KINDS)
    for kind, peer in (
        ("joblib", "joblib (memmaps a copy), once"),
        ("book", "the book's engine (a copy per job), once"),
    ):
        rows.append(row(f"{size} to 2 workers, median of the three", usual, "s", peer=peer,
                        peer_value=grown[kind]["seconds"]))  # fmt: skip
        rows.append(row("extra memory, a plain array", gb["plain"], "GB", peer=peer, peer_value=gb[kind]))
    return {
        "title": "A large array shared",
        "claim": "A large read-only array reaches every worker without a copy.",
        "rows": rows,
        "repeats": f"medians of {repeats} alternating repeats, each with workers started for it; 8 tasks that touch "
        "every page. Memory: peak PSS of the process tree, sampled in a repetition of its own, less the array and "
        "what the tree held before",
    }
