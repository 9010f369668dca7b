"""The plan: book boundaries, leaves that do not move, molecules that follow the cost, bad input refused."""

from __future__ import annotations

import itertools
import json
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom import BadInput, OverBudget, grid, lin_parts, nested_parts, plan_parallel, run_parallel
from atomloom.engine.plan import LEAVES

from . import work

pytestmark = pytest.mark.filterwarnings("ignore::atomloom.errors.AntiPattern")


def bounds(plan):
    return [0, *(plan.atoms_of(i)[1] for i in range(len(plan.molecules)))]


@given(st.integers(1, LEAVES), st.integers(1, 12), st.integers(1, 5))
def test_single_atom_leaves_give_the_books_molecules(n, workers, batches):
    plan = plan_parallel(work.harmonic, range(n), num_threads=workers, mp_batches=batches)
    workers = min(workers, n)
    assert bounds(plan) == lin_parts(n, workers * batches).tolist()
    for name, upper in (("nestedLower", False), ("nestedUpper", True)):
        plan = plan_parallel(work.harmonic, range(n), num_threads=workers, mp_batches=batches, partition=name)
        assert bounds(plan) == nested_parts(n, workers * batches, upper=upper).tolist()


@given(st.integers(1, 20_000), st.sampled_from(["linear", "nestedLower", "nestedUpper"]), st.integers(1, 9))
def test_leaves_do_not_depend_on_workers(n, partition, workers):
    plans = [
        plan_parallel(work.harmonic, range(n), num_threads=w, mp_batches=b, partition=partition)
        for w, b in ((1, 1), (workers, 1), (workers, 7))
    ]
    assert len({plan.fingerprint for plan in plans}) == 1
    for plan in plans:
        ends = bounds(plan)
        assert ends[0] == 0
        assert ends[-1] == n
        assert all(a < b for a, b in itertools.pairwise(ends))


@given(st.lists(st.floats(0.01, 100), min_size=2, max_size=3000), st.integers(2, 8))
def test_declared_cost_balances_molecules(cost, workers):
    plan = plan_parallel(work.harmonic, range(len(cost)), num_threads=workers, cost=cost)
    loads = [sum(cost[a:b]) for a, b in zip(bounds(plan), bounds(plan)[1:], strict=False)]
    leaf = max(sum(cost[a:b]) for a, b in zip(plan.leaves, plan.leaves[1:], strict=False))
    assert max(loads) <= sum(cost) / min(workers, len(cost)) + leaf + 1e-9
    assert sum(plan.share_of(i) for i in range(len(plan.molecules))) == pytest.approx(1.0)


def test_grain_sets_the_atoms_of_a_leaf():
    plan = plan_parallel(work.harmonic, range(1000), num_threads=2, mp_batches=500, grain=1)
    assert len(plan.molecules) == 1000
    assert plan_parallel(work.harmonic, range(10), grain=4, num_threads=1).leaves == [0, 4, 8, 10]


def test_auto_follows_the_measured_cost():
    plan = plan_parallel(work.spin_row, range(1200), num_threads=4, partition="auto")
    ends = bounds(plan)
    first, last = ends[1] - ends[0], ends[-1] - ends[-2]
    assert first > 2 * last
    assert "grows" in plan.cost["kind"]
    flat = plan_parallel(work.spin, range(300), num_threads=4, partition="auto", n=400)
    sizes = np.diff(bounds(flat))
    assert sizes.max() < 2 * sizes.min()


def test_a_plan_reads_well_and_is_json():
    plan = plan_parallel(work.harmonic, range(100), num_threads=4, mp_batches=3, redux=operator.add)
    again = json.loads(json.dumps(plan.to_dict()))
    assert again["n_leaves"] == 100
    assert again["molecules"][0] == [0, 9]
    assert "12 molecules (linear) on 4 processes" in plan.summary()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_threads": 0}, "num_threads is 0"),
        ({"num_threads": 1.5}, "num_threads is 1.5"),
        ({"num_threads": True}, "num_threads is True"),
        ({"mp_batches": 0}, "mp_batches"),
        ({"mp_batches": 2.0}, "mp_batches"),
        ({"partition": "nested"}, "Did you mean 'nestedLower'"),
        ({"partition": 3}, "partition is 3"),
        ({"executor": "process"}, "executor is 'process'"),
        ({"executor": 3}, "executor is 3"),
        ({"on_error": "ignore"}, "on_error is 'ignore'"),
        ({"retries": -1}, "retries"),
        ({"timeout": 0}, "timeout is 0"),
        ({"timeout": 1.0, "executor": "threads", "num_threads": 2}, "timeout= needs"),
        ({"memory": "lots"}, "memory is 'lots'"),
        ({"memory": -5}, "must be positive"),
        ({"grain": 0}, "grain"),
        ({"seed": -1}, "seed"),
        ({"seed": 1}, "drop seed= or add an rng argument"),
        ({"cost": [1.0, -1.0, 1.0]}, "cost"),
        ({"cost": [1.0, float("nan"), 1.0]}, "cost"),
        ({"cost": [1.0, float("inf"), 1.0]}, "cost"),
        ({"cost": [1.0, 1.0]}, "cost"),
        ({"progress": 3}, "progress is 3"),
        ({"arg_name": "atoms_"}, "arg_name='molecule'"),
        ({"arg_name": ""}, "arg_name is ''"),
        ({"molecule": 3}, "both arg_name and one of func_kwargs"),
        ({"unknown": 3}, "cannot be called with"),
        ({"num_thread": 3}, "did you mean num_threads= instead of num_thread="),
        ({"redux": max, "redux_in_place": True}, "changes nothing in place"),
    ],
)
def test_bad_arguments_are_explained(change, message):
    with pytest.raises(BadInput, match=message):
        run_parallel(work.identity, range(3), **({"num_threads": 2} | change))


@pytest.mark.parametrize("atoms", [None, 5, "abc", b"abc", 2.5, np.float64(3.0), np.array(3)])
def test_things_that_are_no_atoms_are_explained(atoms):
    with pytest.raises(BadInput, match="atoms is"):
        run_parallel(work.identity, atoms)


def test_func_must_be_callable():
    with pytest.raises(BadInput, match="func is 3"):
        run_parallel(3, range(3))


def test_odd_atoms_are_fine():
    pd = pytest.importorskip("pandas")
    rows = np.arange(12.0).reshape(6, 2)
    assert run_parallel(lambda molecule: molecule.sum(), rows, num_threads=1, redux=operator.add).value == 66.0
    index = pd.Index([1, 1, 2])
    assert [part.tolist() for part in run_parallel(lambda molecule: molecule, index, num_threads=1).value] == [
        [1],
        [1],
        [2],
    ]
    frame = pd.DataFrame({"x": [1, 2, 3]}, index=["b", "a", "b"])
    assert run_parallel(lambda molecule: molecule, frame, num_threads=1).value.equals(frame)
    points = grid(a=[1, 2], b=["x", "y"], c=range(3))
    got = run_parallel(
        lambda molecule: [tuple(p.values()) for p in molecule], points, num_threads=2, redux=operator.add
    )
    assert got.value[:2] == [(1, "x", 0), (1, "x", 1)]
    assert len(got.value) == 12


def test_more_workers_than_atoms_are_not_started():
    result = run_parallel(work.identity, range(3), num_threads=8, executor="processes", progress=False)
    assert result.plan.num_threads == 3
    assert len({record["worker"] for record in result.trace.records}) <= 3


def test_all_but_one_core():
    import os

    plan = plan_parallel(work.identity, range(1000), num_threads=-1)
    assert plan.num_threads == len(os.sched_getaffinity(0))
    assert plan_parallel(work.identity, range(1000), num_threads=-99).num_threads == 1


def big(molecule):
    return np.ones(125_000)


def test_memory_is_projected_and_refused_with_the_numbers():
    with pytest.raises(
        OverBudget, match=r"24\.\d MB of results \(24 leaves of 1\.0 MB; every result is kept\).*5\.0 MB"
    ):
        run_parallel(big, range(24), num_threads=2, memory="5MB", progress=False)
    for executor in ("serial", "threads", "processes"):
        result = run_parallel(
            big, range(48), num_threads=2, mp_batches=2, memory="12MB", redux=lambda a, b: a + b, progress=False,
            executor=executor,
        )  # fmt: skip
        assert float(result.value[0]) == 48.0
        assert max(hi - lo for lo, hi in result.plan.molecules) <= 2
        assert result.plan.projection["projected"] <= 12_000_000
        assert result.trace.peak_held <= result.plan.window


def test_a_fold_is_spread_over_more_molecules():
    plan = plan_parallel(work.harmonic, range(1000), num_threads=2, redux=lambda a, b: a + b)
    assert len(plan.molecules) == 32 + 2  # every worker begins with a single leaf
    assert "strict fold" in plan.summary()


def test_a_plan_takes_the_arguments_of_the_run(tmp_path):
    kwargs = {
        "num_threads": 2,
        "redux": operator.add,
        "journal": tmp_path,
        "retries": 1,
        "strict": True,
        "progress": False,
    }
    plan = plan_parallel(work.harmonic, range(1000), **kwargs)
    assert plan.molecules == run_parallel(work.harmonic, range(1000), **kwargs).plan.molecules
    assert len(plan.molecules) == 32
    threads = plan_parallel(work.harmonic, range(1000), num_threads=2, executor="threads", timeout=None)
    assert threads.executor == "threads"
