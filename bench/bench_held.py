"""Held: how many finished results wait for a slow reducer."""

from __future__ import annotations

import time

import numpy as np

from atomloom import run_parallel
from bench import book_engine
from bench.child import fresh
from bench.measure import row
from bench.memory import watched

RESULTS, WORKERS = 24, 2


def make(molecule, count):
    return np.full(count, float(molecule[0]))


def slow(total, array, pause):
    time.sleep(pause)
    total += array


def tool_sum(tool, count, pause):
    """The sum of all results by one tool, a pause before every addition; and what atomloom knows of it."""
    if tool == "atomloom":
        result = run_parallel(
            make, range(RESULTS), num_threads=WORKERS, executor="processes", mp_batches=RESULTS // WORKERS,
            redux=slow, redux_args={"pause": pause}, redux_in_place=True, progress=False, count=count,
        )  # fmt: skip
        return result.value, {"held": result.trace.peak_held, "window": result.plan.window}
    if tool == "book":
        jobs = book_engine.make_jobs(make, "molecule", range(RESULTS), WORKERS, RESULTS // WORKERS, True,
                                     {"count": count})  # fmt: skip
        return book_engine.process_jobs_redux(jobs, WORKERS, slow, {"pause": pause}, redux_in_place=True), {}
    from joblib import Parallel, delayed

    total = None
    for array in Parallel(n_jobs=WORKERS, return_as="generator_unordered")(
        delayed(make)((i,), count) for i in range(RESULTS)
    ):
        if total is None:
            total = array.copy()
        else:
            slow(total, array, pause)
    return total, {}


def measured(tool, count, pause):
    """Peak memory of a run by one tool, in results."""
    tool_sum(tool, 1, 0.0)  # imports and pools are not results
    with watched() as peak:
        began = time.perf_counter()
        total, known = tool_sum(tool, count, pause)
        took = time.perf_counter() - began
    if not total.min() == total.max() == RESULTS * (RESULTS - 1) / 2:
        raise ArithmeticError(f"{tool} gave a wrong sum")
    size = 8 * count
    return {**known, "parent": peak.root_growth / size, "tree": peak.tree_growth / size, "seconds": took}


def run(smoke: bool) -> dict:
    count, pause = (1 << 19, 0.02) if smoke else (1 << 22, 0.25)
    found = {
        tool: fresh("bench.bench_held:measured", 90, tool=tool, count=count, pause=pause)
        for tool in ("atomloom", "book", "joblib")
    }
    mine = found["atomloom"]
    peers = {"joblib": "joblib (generator_unordered)", "book": "the book's processJobsRedux (AFML 20.12)"}
    what = f"parent's memory, reducer {pause:g} s a step, {RESULTS} results"
    note = "the window, one in the reducer's hands, and the sum itself"
    rows = [
        row(f"finished results held, reducer {pause:g} s a step, window {mine['window']}", mine["held"], "results",
            most=mine["window"], peer=f"{peers['joblib']}: parent's memory less the sum",
            peer_value=found["joblib"]["parent"] - 1, headline=True),
    ]  # fmt: skip
    for tool, peer in peers.items():
        rows += [
            row(what, mine["parent"], "results", most=mine["window"] + 2 if tool == "book" else None, peer=peer,
                peer_value=found[tool]["parent"], note=note if tool == "book" else ""),
            row(what.replace("parent's", "whole tree's"), mine["tree"], "results", peer=peer,
                peer_value=found[tool]["tree"]),
        ]  # fmt: skip
    rows.append(row("wall of that run", mine["seconds"], "s", peer=peers["book"], peer_value=found["book"]["seconds"]))
    return {
        "title": "Results held for a slow reducer",
        "claim": "A slow reducer holds workers back; finished results never pile up beyond the window.",
        "rows": rows,
        "repeats": f"one run of each tool in a fresh interpreter, {RESULTS} results of {8 * count >> 20} MB, "
        "2 workers; memory is resident memory (shared pages included) of the parent, PSS of the tree",
    }
