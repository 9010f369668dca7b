"""What every benchmark shares: rows that know whether they reach their number, and alternating timings."""

from __future__ import annotations

import math
import os
import platform
import statistics
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

TOOLS = (
    "numpy", "pandas", "numba", "joblib", "cloudpickle", "psutil", "h5py", "hdf5plugin", "pyarrow", "polars", "duckdb",
    "arcticdb", "finufft", "mlfinpy", "skfolio", "vectorbt", "phacker", "arch", "torch",
)  # fmt: skip


def row(
    what, value, unit, *, most=None, least=None, peer="", peer_value=None, most_ratio=None, least_ratio=None,
    headline=False, note="",
):  # fmt: skip
    """Judge one measured number.

    ``most``/``least`` bound the value, ``most_ratio``/``least_ratio`` bound value / peer_value.
    A peer's value may be words ("BrokenProcessPool"): then there is no ratio.
    """
    numbers = isinstance(value, int | float) and isinstance(peer_value, int | float) and peer_value > 0
    ratio = value / peer_value if numbers else None
    reaches, misses = [], []
    for bound, number, upper, sign in (
        (most, value, True, unit), (least, value, False, unit),
        (most_ratio, ratio, True, "x peer"), (least_ratio, ratio, False, "x peer"),
    ):  # fmt: skip
        if bound is None:
            continue
        reaches.append(f"{'<=' if upper else '>='} {bound:,} {sign}")
        if not isinstance(number, int | float) or not math.isfinite(number):
            misses.append("not measured")
        elif number > bound if upper else number < bound:
            misses.append(f"{100 * abs(number - bound) / bound:.0f} %" if bound else f"{number:g} {sign}")
    return {
        "what": what,
        "value": value,
        "unit": unit,
        "reach": " and ".join(reaches),
        "peer": peer,
        "peer_value": peer_value,
        "ratio": ratio,
        "ok": not misses if reaches else None,
        "missed_by": ", ".join(misses),
        "headline": headline,
        "note": note,
    }


def alternate(contestants, repeats, check, patience=0):
    """Time contestants in turn, ``repeats`` times; give each one's seconds.

    A contestant is a function that opens a context whose value is the work to time; what it
    needs before (pools, warm-up) happens untimed. A result that ``check`` refuses ends the
    benchmark: wrong answers are not timed. Each turn waits up to ``patience`` seconds for quiet.
    """
    seconds = {name: [] for name in contestants}
    for _ in range(repeats):
        quiet(patience)
        for name, opened in contestants.items():
            with opened() as work:
                began = time.perf_counter()
                result = work()
                took = time.perf_counter() - began
                if not check(result):
                    raise ArithmeticError(f"{name} gave a wrong result; it is not timed.")
                del result
                seconds[name].append(took)
    return seconds


def medians(seconds):
    return {name: statistics.median(values) for name, values in seconds.items()}


def wait_until(condition, seconds, step=0.002):
    """Wait for something; give the seconds it took, or None if it did not come."""
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        if condition():
            return time.monotonic() - began
        time.sleep(step)
    return None


def machine():
    """Describe the machine as far as numbers depend on it; nothing that names it."""
    model, memory = "", 0.0
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemTotal"):
            memory = int(line.split()[1]) / 2**20
    return {
        "processor": model or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory, 1),
        "kernel": platform.release().split("-")[0],
        "load_before": round(os.getloadavg()[0], 2),
    }


def versions():
    found = {"python": platform.python_version()}
    for name in TOOLS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "absent"
    from atomloom import __version__

    return {"atomloom": __version__, **found}


class Others:
    """Cores that other programs keep busy, counted from the making of this object on.

    The machine's busy time less that of this process and of the children it has waited for.
    Workers that outlive their parents for a moment count as others: an upper bound.
    """

    def __init__(self):
        self._began, self._before = time.perf_counter(), self._seconds()

    @staticmethod
    def _seconds():
        fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        busy = (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
        times = os.times()
        return busy - sum(times[:4])

    def cores(self):
        return max(0.0, (self._seconds() - self._before) / (time.perf_counter() - self._began))


def quiet(patience):
    """Wait until others keep less than a quarter of a core busy, but not for ever."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        others = Others()
        time.sleep(1.0)
        if others.cores() < 0.25:
            return
