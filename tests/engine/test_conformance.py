"""What every executor has to do; later executors join the list and pass the same tests."""

from __future__ import annotations

import operator
import warnings
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from atomloom import JobFailed, WorkerDied, run_parallel
from atomloom.engine.backend import Backend
from atomloom.engine.executors import backend_for
from atomloom.engine.pool import ProcessPool
from atomloom.engine.warm import ProcessBackend

from . import work

# Whether parallel work pays is a matter of the clock, and tests do not assert on time.
pytestmark = pytest.mark.filterwarnings("ignore::atomloom.errors.AntiPattern")

EXECUTORS = ["serial", "debug", "threads", "fork", "forkserver", "thread-pool", "process-pool", "loky"]
CRASH_SAFE = ["fork", "forkserver"]
IN_PROCESS = ["serial", "debug", "threads", "thread-pool"]


@pytest.fixture(params=EXECUTORS)
def executor(request, monkeypatch):
    """Keyword arguments that select one executor."""
    yield from _select(request.param, monkeypatch)


@pytest.fixture(params=[name for name in EXECUTORS if name not in IN_PROCESS])
def other_process(request, monkeypatch):
    yield from _select(request.param, monkeypatch)


@pytest.fixture(params=CRASH_SAFE)
def crash_safe(request, monkeypatch):
    yield from _select(request.param, monkeypatch)


def _select(name, monkeypatch):
    if name == "debug":
        yield {"debug": True}
    elif name in ("fork", "forkserver"):
        monkeypatch.setattr(
            "atomloom.engine.executors.ProcessBackend", lambda workers, timeout: ProcessBackend(workers, timeout, name)
        )
        yield {"executor": "processes"}
    elif name == "thread-pool":
        with ThreadPoolExecutor(2) as pool:
            yield {"executor": pool}
    elif name == "process-pool":
        with ProcessPoolExecutor(2, mp_context=get_context("forkserver")) as pool:
            yield {"executor": pool}
    elif name == "loky":
        loky = pytest.importorskip("joblib.externals.loky", reason="joblib brings loky")
        pool = loky.ProcessPoolExecutor(2)
        yield {"executor": pool}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # loky reports workers that a crash test has ended
            pool.shutdown(wait=True, kill_workers=True)
    else:
        yield {"executor": name}


def call(func, atoms, executor, **kwargs):
    return run_parallel(func, atoms, num_threads=kwargs.pop("num_threads", 2), progress=False, **executor, **kwargs)


@pytest.mark.parametrize("redux", [operator.add, np.add, lambda a, b: a + b, None])
def test_same_bits_as_sequential(executor, redux):
    expected = run_parallel(work.wave, range(700), num_threads=1, redux=redux).value
    got = call(work.wave, range(700), executor, redux=redux, mp_batches=3).value
    assert np.asarray(got).tobytes() == np.asarray(expected).tobytes()


def test_matrix_products_have_the_same_bits(executor):
    rng = np.random.default_rng(1)
    left = rng.standard_normal((600, 300))

    def gram(molecule, x):
        return x[:, molecule.start : molecule.stop] @ x[:, molecule.start : molecule.stop].T

    expected = run_parallel(gram, range(300), debug=True, redux=np.add, grain=100, x=left).value
    assert call(gram, range(300), executor, redux=np.add, grain=100, x=left).value.tobytes() == expected.tobytes()


def test_results_are_in_input_order(executor):
    got = call(work.identity, range(1000), executor, mp_batches=7).value
    assert [atom for part in got for atom in part] == list(range(1000))


def test_pandas_results_are_stitched_in_input_order(executor):
    pd = pytest.importorskip("pandas")
    index = pd.Index(["b", "a", "b", "c"] * 30)

    def frame(molecule):
        import pandas as pd

        return pd.DataFrame({"label": molecule, "n": len(molecule)})

    got = call(frame, index, executor).value
    assert got["label"].tolist() == list(index)


def test_lambdas_closures_and_bound_methods_travel(executor):
    offset = 5
    assert sum(call(lambda molecule: sum(molecule) + 0 * offset, range(10), executor).value) == 45
    grown = call(work.Account(3).grow, [1, 2, 3], executor).value
    assert grown == [[3], [6], [9]]


def test_a_seed_gives_the_same_numbers(executor):
    expected = run_parallel(work.noisy, range(50), num_threads=1, seed=3).value
    assert call(work.noisy, range(50), executor, seed=3).value == expected
    assert call(work.noisy, range(50), executor, seed=4).value != expected


def test_exceptions_name_the_leaf_and_its_atoms(executor):
    def fail(molecule):
        if 13 in molecule:
            raise KeyError("thirteen")
        return 1

    with pytest.raises(JobFailed, match=r"leaf 13: KeyError.*Atoms 13:14 = \[13\]") as caught:
        call(fail, range(20), executor)
    assert isinstance(caught.value.__cause__, KeyError)
    assert "molecule=atoms[13:14]" in caught.value.failures[0].repro
    assert "KeyError" in caught.value.failures[0].trace


def test_exceptions_that_do_not_unpickle_still_arrive(executor):
    with pytest.raises(JobFailed, match=r"Unpicklable: 12"):
        call(work.raise_unpicklable, range(4), executor)


def test_results_that_do_not_pickle_are_failures_of_their_leaf(other_process):
    with pytest.raises(JobFailed, match=r"pickling a result of type Stubborn"):
        call(lambda molecule: work.Stubborn(), range(4), other_process)


def test_results_that_do_not_unpickle_are_failures_of_their_molecule(other_process):
    with pytest.raises(JobFailed, match=r"does not unpickle|the trap springs"):
        call(lambda molecule: work.Trap(), range(4), other_process)


def test_skip_leaves_out_and_collect_keeps_the_failure(executor):
    def fail(molecule):
        if molecule[0] % 10 == 3:
            raise ValueError(molecule[0])
        return molecule[0]

    skipped = call(fail, list(range(20)), executor, on_error="skip")
    assert skipped.value == [i for i in range(20) if i % 10 != 3]
    assert sorted(failure.leaf for failure in skipped.failures) == [3, 13]
    summed = call(fail, list(range(20)), executor, on_error="skip", redux=operator.add)
    assert summed.value == 190 - 16
    collected = call(fail, list(range(20)), executor, on_error="collect").value
    assert [type(value).__name__ for value in collected].count("Failure") == 2
    assert collected[3].kind == "ValueError"


@pytest.mark.parametrize(
    ("atoms", "expected"),
    [
        (lambda: (i for i in range(6)), list(range(6))),
        (list, []),
        (lambda: np.arange(6), list(range(6))),
        (lambda: (3, 1, 2), [3, 1, 2]),
        (lambda: {"a": 1, "b": 2}, ["a", "b"]),
        (lambda: [None], [None]),
    ],
)
def test_any_iterable_is_atoms(executor, atoms, expected):
    got = call(work.identity, atoms(), executor).value
    assert [atom for part in got for atom in part] == expected


def test_no_atoms_and_a_reducer_give_none(executor):
    assert call(work.harmonic, [], executor, redux=operator.add).value is None


def test_a_nested_call_runs_in_place(executor):
    def outer(molecule):
        inner = run_parallel(work.harmonic, range(10), num_threads=2, redux=operator.add, progress=False)
        return inner.value * len(molecule)

    expected = run_parallel(work.harmonic, range(10), num_threads=1, redux=operator.add).value
    assert call(outer, range(3), executor).value == [expected] * 3


def test_a_slow_reducer_never_holds_more_than_the_window(executor):
    import time

    def slow(a, b):
        time.sleep(0.01)
        return a + b

    result = call(work.harmonic, range(30), executor, redux=slow, mp_batches=15)
    assert result.trace.peak_held <= result.plan.window == result.plan.num_threads + 2


def test_large_results_come_back_whole(executor):
    got = call(lambda molecule: np.full(300_000, float(molecule[0])), range(9), executor, mp_batches=4).value
    assert [float(array.sum()) for array in got] == [300_000.0 * i for i in range(9)]
    got[0][:] = 1.0  # results belong to the caller
    assert float(got[1].sum()) == 300_000.0


def test_arguments_are_read_only_or_private(other_process):
    data = np.zeros(200_000)

    with pytest.raises(JobFailed, match="read-only"):
        call(_refuse_to_write, range(2), other_process, data=data)
    assert data[0] == 0.0


def _refuse_to_write(molecule, data):
    if not data.flags.writeable:
        raise ValueError("read-only")
    data[0] = 1.0
    raise ValueError("a private copy, as good as read-only")


@pytest.mark.parametrize("how", ["kill", "exit", "segfault"])
def test_a_dead_worker_costs_one_molecule(crash_safe, how, tmp_path):
    expected = run_parallel(work.harmonic, range(24), num_threads=1, redux=operator.add).value
    result = call(
        work.die_once, range(24), crash_safe, mp_batches=6, redux=operator.add, flag=str(tmp_path / "dead"), how=how
    )
    assert result.value == expected
    assert result.trace.deaths == 1
    lost = [record for record in result.trace.records if record["status"] == "lost"]
    assert [(record["atom_lo"] <= 5 < record["atom_hi"]) for record in lost] == [True]


def test_a_poison_molecule_is_named(crash_safe):
    with pytest.raises(WorkerDied, match=r"3 times: exited with code 7.*Atoms 7:8 = \[7\].*molecule=atoms\[7:8\]"):
        call(work.die_always, range(20), crash_safe, retries=2)
    assert call(work.identity, range(2), crash_safe).value == [[0], [1]]


def test_a_poison_leaf_is_left_out_alone(crash_safe):
    for redux, expected in ((None, [1] * 19), (operator.add, 19)):
        result = call(work.die_always, range(20), crash_safe, retries=0, on_error="skip", redux=redux)
        assert result.value == expected
        assert [failure.leaf for failure in result.failures] == [7]


def test_a_timeout_stops_the_molecule(crash_safe):
    with pytest.raises(WorkerDied, match=r"longer than timeout=0\.2 s"):
        call(work.nap, range(4), crash_safe, seconds=30.0, timeout=0.2, retries=0)


@pytest.mark.parametrize("name", ["process-pool", "loky"])
def test_a_broken_foreign_pool_is_reported(name, monkeypatch):
    for executor in _select(name, monkeypatch):
        with pytest.raises(WorkerDied, match=r"ended its worker|takes no more work"):
            call(work.die_always, range(20), executor)


def test_every_backend_speaks_the_protocol():
    told = {name for name in vars(Backend) if not name.startswith("_")} | set(Backend.__annotations__)
    assert {"name", "workers", "begin", "submit", "poll", "end"} <= told
    for name in ("serial", "threads", "processes"):
        backend = backend_for(name, 2, debug=False, timeout=None)
        backend.end(abort=True)
        assert [part for part in sorted(told) if not hasattr(backend, part)] == []
        assert backend.workers == (1 if name == "serial" else 2)
    assert ProcessPool(2).pids == []
