"""Every anti-pattern with a bad case, which is found, and its innocent twin, which is not."""

from __future__ import annotations

import operator
import time
import warnings
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from atomloom import AntiPattern, BadInput, grid, plan_parallel, run_parallel
from atomloom.engine.budget import usable_cores
from atomloom.engine.findings import Evidence, _gil, product_loops
from atomloom.engine.redux import Reducer
from atomloom.engine.trace import Trace

from . import work

needs_cores = pytest.mark.skipif(usable_cores() < 2, reason="needs two cores to compete for")


def kinds(func, atoms, **kwargs):
    """Give what a run finds, and check that every finding has evidence and a fix."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = run_parallel(func, atoms, progress=False, **({"num_threads": 2} | kwargs))
    warned = {str(item.message) for item in caught if issubclass(item.category, AntiPattern)}
    assert warned == {finding.message for finding in result.findings if finding.worth_warning}
    for finding in result.findings:
        assert "Fix: " in finding.message
        assert finding.evidence
        assert finding.to_dict()["kind"] == finding.kind
    return {finding.kind for finding in result.findings if finding.kind != "serial"}


def noop(molecule):
    return None


def wait(molecule, seconds=0.03):
    time.sleep(seconds)


def sort(molecule):
    return float(np.sort(np.random.default_rng(0).random(1_500_000)).sum())


# ---- dispatch, one process per atom -----------------------------------------------------------


def test_dispatch_dominates():
    assert kinds(noop, range(2000), grain=1, mp_batches=1000, executor="processes") == {"dispatch"}


@pytest.mark.parametrize("twin", [
    lambda: kinds(noop, range(2000), executor="processes"),
    lambda: kinds(wait, range(70), grain=1, mp_batches=35, executor="processes", seconds=0.004),
])  # fmt: skip
def test_dispatch_does_not_dominate(twin):
    assert twin() == set()


def test_one_process_per_atom():
    many = 2 * usable_cores() + 1
    assert "process-per-atom" in kinds(noop, range(many), num_threads=many, executor="processes")
    assert kinds(noop, range(10 * many), num_threads=2, executor="processes") == set()


# ---- keeping all results ------------------------------------------------------------------------


def big(molecule):
    return np.zeros(500_000)


def test_a_reducer_that_only_collects():
    assert kinds(big, range(24), executor="processes", redux=list.append) == {"keeps-all"}
    assert kinds(
        big, range(24), executor="processes", redux=lambda a, b: [*a, b] if isinstance(a, list) else [a, b]
    ) == {"keeps-all"}
    assert kinds(big, range(24), executor="processes", redux=operator.add) == set()
    assert kinds(lambda molecule: 1, range(24), executor="processes", redux=list.append) == set()


def test_results_that_will_not_fit():
    assert kinds(big, range(24), executor="processes") == set()
    with pytest.raises(MemoryError, match="every result is kept"):
        run_parallel(big, range(24), num_threads=2, memory="20MB", progress=False)


# ---- threads ------------------------------------------------------------------------------------


@needs_cores
def test_threads_that_hold_the_interpreter():
    # On a machine that others keep busy the evidence may be missing once; it cannot be missing always.
    assert any(kinds(work.spin, range(40), executor="threads", n=60_000) == {"gil"} for _ in range(10))


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, True),
        ({"cores": 1}, False),  # nothing to compete for
        ({"backend": "processes"}, False),
        ({"lateness": [1e-4] * 5}, False),  # a sleeper wakes in time: nobody holds the lock
        ({"cpu": 0.98}, False),  # two cores' worth of work was done
        ({"cpu": 0.05}, False),  # they waited for something else
        ({"end": 0.04}, False),  # too short to say anything
    ],
)
def test_what_speaks_for_a_held_interpreter(change, found):
    """Two threads, each at work for a second, that had one core together; and all that speaks against it."""
    how = {"cores": 2, "backend": "threads", "lateness": [0.005] * 5, "cpu": 0.5, "end": 1.0} | change
    record = {"start": 0.0, "end": how["end"], "cpu": how["cpu"] * how["end"], "status": "done"}
    evidence = Evidence(
        plan=plan_parallel(noop, range(2), num_threads=2, executor="threads"), trace=Trace(workers=2), func=noop,
        reducer=Reducer(), atoms=range(2), backend=how["backend"], foreign=False, cores=how["cores"], memory=None,
        arg_name="molecule", lateness=how["lateness"],
    )  # fmt: skip
    evidence.trace.records += [record, record]
    assert (_gil(evidence) is not None) is found


@needs_cores
@pytest.mark.parametrize("twin", [
    lambda: kinds(wait, range(8), executor="threads", mp_batches=4, seconds=0.05),
    lambda: kinds(sort, range(8), executor="threads", mp_batches=4),
    lambda: kinds(work.spin, range(8), executor="processes", n=60_000),
])  # fmt: skip
def test_threads_that_do_not(twin):
    assert twin() == set()


# ---- hard-coded dimensions ------------------------------------------------------------------------


def three_axes(molecule, rates, widths):
    best = 0.0
    for atom in molecule:
        for rate in rates:
            for width in widths:
                best = max(best, atom * rate * width)
    return best


def triangle(molecule):
    total = 0
    for i in molecule:
        for j in range(i):
            for k in range(j):
                total += k
    return total


def one_axis(molecule, rates):
    return [atom * rate for atom in molecule for rate in rates]


def computed_range(molecule, rates):
    total = 0.0
    for rate in rates:
        steps = int(rate)
        for step in range(steps):
            total += step
    return total + len(molecule)


def test_nested_loops_over_independent_axes():
    assert product_loops(three_axes) == ["rate", "width"]
    assert kinds(three_axes, range(4), num_threads=1, rates=[1, 2], widths=[3, 4]) == {"dimensions"}


def test_loops_that_are_no_product():
    for innocent in (triangle, one_axis, computed_range, len, operator.add):
        assert product_loops(innocent) == []
    points = grid(rate=[1, 2], width=[3, 4])
    assert kinds(lambda molecule: [p["rate"] * p["width"] for p in molecule], points, num_threads=1) == set()


# ---- copies ------------------------------------------------------------------------------------


def total(molecule, x):
    return float(x.sum()) * len(molecule)


def first(molecule):
    return float(sum(x[i] for x, i in molecule))


def test_large_arrays_in_every_job():
    x = np.ones(1_000_000)
    with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as pool:
        assert kinds(total, range(24), executor=pool, mp_batches=12, x=x) == {"copies"}
    assert kinds(first, [(x, i) for i in range(24)], executor="processes", mp_batches=12) == {"copies"}


def test_large_arrays_that_travel_once():
    x = np.ones(1_000_000)
    assert kinds(total, range(24), executor="processes", mp_batches=12, x=x) == set()
    different = [(np.ones(1_000_000), 0) for _ in range(12)]
    assert kinds(first, different, executor="processes", mp_batches=6) == set()


# ---- BLAS ----------------------------------------------------------------------------------------


def selfish(molecule, threads):
    import threadpoolctl

    x = np.random.default_rng(0).standard_normal((700, 700))
    threadpoolctl.threadpool_limits(threads)
    end = time.monotonic() + 0.4
    while time.monotonic() < end:
        x @ x
    return 1


@needs_cores
def test_blas_that_takes_more_than_its_share():
    threads = usable_cores() + 1
    assert "blas" in kinds(selfish, range(4), executor="processes", threads=threads)
    assert kinds(selfish, range(4), executor="processes", threads=1) == set()


# ---- serial, strict ------------------------------------------------------------------------------


def test_serial_is_predicted_faster():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = run_parallel(noop, range(10), num_threads=2, executor="processes", progress=False)
        assert "serial" in {finding.kind for finding in result.findings}
        result = run_parallel(wait, range(10), num_threads=2, executor="processes", progress=False, seconds=0.1)
        assert "serial" not in {finding.kind for finding in result.findings}


def test_strict_refuses():
    with pytest.raises(BadInput, match=r"refused under strict=True.*dispatch dominates.*Fix"):
        run_parallel(noop, range(2000), grain=1, mp_batches=1000, num_threads=2, executor="processes", strict=True)
    with pytest.raises(BadInput, match="written into the code"):
        run_parallel(three_axes, range(4), num_threads=1, rates=[1, 2], widths=[3, 4], strict=True)
    value = run_parallel(wait, range(10), num_threads=2, executor="processes", strict=True, seconds=0.05).value
    assert value == [None] * 10


def test_strict_stops_a_long_misuse_early(tmp_path):
    with pytest.raises(BadInput, match="written into the code"):
        run_parallel(slow_axes, range(200), num_threads=2, a=[1], b=[1], folder=tmp_path, strict=True, progress=False)
    assert 0 < len(list(tmp_path.iterdir())) < 100


def slow_axes(molecule, a, b, folder):
    for x in a:
        for y in b:
            (folder / f"{molecule[0]}-{x}-{y}").touch()
            time.sleep(0.6)
