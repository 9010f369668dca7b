"""Start-up: the first result of a fresh pool, a warm one, and what an import costs."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import threading
import time

from bench.child import ROOT, environment, fresh
from bench.measure import row


def parent(molecule):  # noqa: ARG001  # who forked the worker is all that is asked
    return os.getppid()


def first(tool, method, turns):
    """In a fresh interpreter, imports done: seconds to the first results of two workers, and warm again."""
    if tool == "atomloom":
        from atomloom import run_parallel

        if method == "forkserver":  # a process with a second thread is not forked
            threading.Thread(target=threading.Event().wait, daemon=True).start()

        def work():
            return run_parallel(parent, range(2), num_threads=2, executor="processes", progress=False).value
    elif tool == "ppe":
        from concurrent.futures import ProcessPoolExecutor
        from multiprocessing import get_context

        pool = ProcessPoolExecutor(2, mp_context=get_context(method))

        def work():
            return list(pool.map(parent, [(0,), (1,)]))
    else:
        from joblib import Parallel, delayed

        def work():
            return Parallel(n_jobs=2)(delayed(parent)((i,)) for i in range(2))

    seconds = []
    for _ in range(turns):
        began = time.perf_counter()
        found = work()
        seconds.append(time.perf_counter() - began)
        forked = all(pid == os.getpid() for pid in found)
        if len(found) != 2 or (method != "loky" and forked != (method == "fork")):
            raise ArithmeticError(f"{tool} did not start its workers by {method}")
    return {"first": seconds[0], "warm": statistics.median(seconds[1:])}


def firsts(repeats, turns):
    """Alternate tools and methods, each in fresh interpreters."""
    kinds = [("atomloom", "fork"), ("ppe", "fork"), ("atomloom", "forkserver"), ("ppe", "forkserver"),
             ("joblib", "loky")]  # fmt: skip
    seen = {kind: [] for kind in kinds}
    for _ in range(repeats):
        for tool, method in kinds:
            seen[tool, method].append(fresh("bench.bench_startup:first", 60, tool=tool, method=method, turns=turns))
    return {
        kind: {key: statistics.median(one[key] for one in found) for key in ("first", "warm")}
        for kind, found in seen.items()
    }


def help_command():
    found = shutil.which("atomloom", path=os.path.dirname(sys.executable))  # noqa: PTH120  # which() takes text
    if found:
        return [sys.executable, found, "--help"]
    return [sys.executable, "-c", "from atomloom.app.front import main; main()", "--help"]


def imports(repeats):
    """Alternate whole interpreters; give the median seconds of each."""
    commands = {
        "bare": [sys.executable, "-c", "pass"],
        "atomloom": [sys.executable, "-c", "import atomloom"],
        "help": help_command(),
        "joblib": [sys.executable, "-c", "import joblib"],
        "engine": [sys.executable, "-c", "from atomloom import run_parallel"],
        "numpy": [sys.executable, "-c", "import numpy"],
    }
    seconds = {name: [] for name in commands}
    for turn in range(repeats + 1):
        for name, command in commands.items():
            began = time.perf_counter()
            subprocess.run(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, check=True, timeout=60)
            if turn:  # the first turn fills caches
                seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) for name, values in seconds.items()}


def run(smoke: bool) -> dict:
    repeats, turns = (1, 2) if smoke else (5, 21)
    found = firsts(repeats, 5 if smoke else 21)
    load = imports(turns)
    bare = "bare interpreter"
    fork, server = found["atomloom", "fork"], found["atomloom", "forkserver"]
    return {
        "title": "Start-up",
        "claim": "The first results of two fresh workers come at once, and a second call finds the pool warm.",
        "rows": [
            row("first results of a fresh pool, fork", fork["first"], "s", most=0.1,
                peer="ProcessPoolExecutor (fork)", peer_value=found["ppe", "fork"]["first"], headline=True),
            row("first results of a fresh pool, forkserver", server["first"], "s", most=0.7,
                peer="ProcessPoolExecutor (forkserver)", peer_value=found["ppe", "forkserver"]["first"],
                headline=True),
            row("first results of a fresh pool, fork", fork["first"], "s",
                peer="joblib (loky)", peer_value=found["joblib", "loky"]["first"]),
            row("a whole run on the warm pool, fork", 1e3 * fork["warm"], "ms", most=1.0,
                peer="ProcessPoolExecutor (fork)", peer_value=1e3 * found["ppe", "fork"]["warm"], headline=True),
            row("a whole run on the warm pool, forkserver", 1e3 * server["warm"], "ms", most=1.0,
                peer="joblib (loky)", peer_value=1e3 * found["joblib", "loky"]["warm"]),
            row("python -c 'import atomloom'", 1e3 * load["atomloom"], "ms", peer=bare, most_ratio=1.5,
                peer_value=1e3 * load["bare"], headline=True),
            row("atomloom --help", 1e3 * load["help"], "ms", peer=bare, most_ratio=1.5,
                peer_value=1e3 * load["bare"]),
            row("python -c 'from atomloom import run_parallel'", 1e3 * load["engine"], "ms",
                peer="python -c 'import numpy'", peer_value=1e3 * load["numpy"]),
            row("python -c 'import atomloom'", 1e3 * load["atomloom"], "ms", peer="python -c 'import joblib'",
                peer_value=1e3 * load["joblib"]),
        ],
        "repeats": f"medians of {repeats} fresh interpreters per way, imports done (20 warm runs in each); "
        f"medians of {turns} alternating interpreters for imports",
    }  # fmt: skip
