"""Run benchmarks, each in a process of its own: ``python -m bench.run [--smoke] [NAME...]``.

A full run writes ``bench/results/NAME.json``; a smoke run is small, shows that everything
works, and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from bench.child import ROOT, fresh
from bench.measure import Others, machine, quiet
from bench.report import table

RESULTS = ROOT / "bench" / "results"
NAMES = (
    "dispatch",
    "startup",
    "return",
    "share",
    "held",
    "bits",
    "crash",
    "interrupt",
    "partition",
    "journal",
    "ingest",
    "store",
    "bars",
    "vpin",
    "calibrate",
    "stream",
    "nufft",
    "trajectory",
    "sweep",
    "pbo",
    "verdict",
    "samples",
    "samples_store",
    "markets",
)
LIMIT = 400
PATIENCE = 20  # seconds to wait for a quiet machine before each benchmark
SMOKE_LIMIT = 120


def measured(name, smoke):
    """Run one benchmark and add where and with what it ran; small sizes are not judged."""
    quiet(0 if smoke else PATIENCE)
    where, others = machine(), Others()
    began = time.perf_counter()
    found = fresh(f"bench.bench_{name}:run", SMOKE_LIMIT if smoke else LIMIT, smoke=smoke)
    if smoke:
        found["rows"] = [{**one, "reach": "", "ok": None} for one in found["rows"]]
    return {
        "name": name,
        **found,
        "machine": {**where, "others_busy": others.cores()},
        "versions": {} if smoke else fresh("bench.measure:versions", SMOKE_LIMIT),
        "seconds": round(time.perf_counter() - began, 1),
    }


def rounded(value):
    """Four significant digits: more would be noise in the repository."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    if isinstance(value, list):
        return [rounded(item) for item in value]
    return value


def arguments(given):
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which of: {', '.join(NAMES)}")
    parser.add_argument("--smoke", action="store_true", help="small sizes, nothing is written")
    chosen = parser.parse_args(given)
    if unknown := [name for name in chosen.names if name not in NAMES]:
        parser.error(f"no benchmark is called {unknown[0]!r}; there are {', '.join(NAMES)}")
    return chosen


def outcome(name, smoke):
    """A result, or the words of what went wrong."""
    try:
        return rounded(measured(name, smoke))
    except (RuntimeError, OSError) as error:
        return f"{name}: FAILED\n{error}"


def outcomes(names, smoke):
    """Every outcome in turn; smoke runs, whose times say nothing, go side by side."""
    if not smoke:
        return (outcome(name, smoke) for name in names)
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(outcome, names, [True] * len(names)))


def main(given=None):
    chosen = arguments(given)
    names = chosen.names or NAMES
    failed = []
    for name, result in zip(names, outcomes(names, chosen.smoke), strict=True):
        if isinstance(result, str):
            failed.append(name)
            print(f"\n{result}", flush=True)
            continue
        print(f"\n{result['title']} ({result['seconds']:.0f} s; {result['repeats']})\n")
        print("\n".join(table(result["rows"])), flush=True)
        if not chosen.smoke:
            RESULTS.mkdir(exist_ok=True)
            text = json.dumps(result, indent=1, ensure_ascii=False)
            (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
