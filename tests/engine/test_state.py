"""Workers compute with what this process has now: module state, folder, environment, argument layout."""

from __future__ import annotations

import asyncio
import logging
import operator
import os

import numpy as np
import pytest

from atomloom import BadInput, JobFailed, run_parallel
from atomloom.engine.warm import ProcessBackend, shutdown

from . import module_with_global as module
from . import settings_of_user

pytestmark = pytest.mark.filterwarnings("ignore::atomloom.errors.AntiPattern")


@pytest.fixture(params=["fork", "forkserver"])
def method(request, monkeypatch):
    shutdown()
    monkeypatch.setattr(
        "atomloom.engine.executors.ProcessBackend", lambda n, timeout: ProcessBackend(n, timeout, request.param)
    )
    yield request.param
    shutdown()


def values(function, **kwargs):
    return run_parallel(function, range(3), num_threads=2, executor="processes", progress=False, **kwargs).value


# ---- state that changes between two runs -----------------------------------------------------


@pytest.mark.parametrize("data", [[1], [], [2, 2]])
def test_containers_rebound_or_changed_in_place(method, data, monkeypatch):
    monkeypatch.setattr(module, "DATA", data)
    assert values(module.read) == [data] * 3
    module.DATA.append(7)
    assert values(module.read) == [module.DATA] * 3
    module.DATA.pop()


def test_constants_rebound_also_to_none(method, monkeypatch):
    for level in (1, None, 2, 2.5, None):
        monkeypatch.setattr(module, "LEVEL", level)
        assert values(module.level) == [level] * 3


def test_settings_in_another_module(method, monkeypatch):
    for rate in (1, 5, None):
        monkeypatch.setattr(settings_of_user, "RATE", rate)
        assert values(module.through_module) == [rate] * 3


def test_callables_among_the_arguments(method, monkeypatch):
    for level in (3, 4):
        monkeypatch.setattr(module, "LEVEL", level)
        assert values(module.with_callable, inner=module.level) == [level] * 3


def test_a_reducer_reads_current_state(method, monkeypatch):
    for data in ([1], [2]):
        monkeypatch.setattr(module, "DATA", data)
        assert values(module.level, redux=module.keep_last) == [*data, module.LEVEL]


def test_helpers_and_classes_changed_at_run_time_in_forked_workers(monkeypatch):
    monkeypatch.setattr(
        "atomloom.engine.executors.ProcessBackend", lambda n, timeout: ProcessBackend(n, timeout, "fork")
    )
    assert values(module.through_helper) == ["old"] * 3
    monkeypatch.setattr(module, "helper", lambda: "new")
    assert values(module.through_helper) == ["new"] * 3
    for weight in (1, 2):
        monkeypatch.setattr(module.Model, "weight", weight)
        assert values(module.through_class) == [weight] * 3
        assert values(module.Model().score) == [weight] * 3
        assert values(module.Model()) == [weight] * 3


def test_folder_and_environment(method, tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        monkeypatch.setenv("ATOMLOOM_TEST", name)
        assert values(module.surroundings) == [(str(tmp_path / name), name)] * 3
    monkeypatch.delenv("ATOMLOOM_TEST")
    assert values(module.surroundings)[0][1] is None


@pytest.mark.parametrize(
    ("func", "change"),
    [
        (module.level, ("LEVEL", 9)),
        (module.comprehension, ("LEVEL", 9)),
        (module.read, ("DATA", [9])),
        (module.through_helper, ("helper", lambda: "new")),
    ],
)
def test_a_journal_is_refused_after_such_a_change(tmp_path, monkeypatch, func, change):
    run_parallel(func, range(3), num_threads=1, journal=tmp_path)
    run_parallel(func, range(3), num_threads=1, journal=tmp_path)
    monkeypatch.setattr(module, *change)
    with pytest.raises(BadInput, match="the function"):
        run_parallel(func, range(3), num_threads=1, journal=tmp_path)


def test_a_journal_is_refused_after_a_change_of_a_class_or_module(tmp_path, monkeypatch):
    for name, func, where, what in (
        ("class", module.through_class, module.Model, "weight"),
        ("method", module.Model().score, module.Model, "weight"),
        ("module", module.through_module, settings_of_user, "RATE"),
    ):
        run_parallel(func, range(3), num_threads=1, journal=tmp_path / name)
        with monkeypatch.context() as patch:
            patch.setattr(where, what, 77)
            with pytest.raises(BadInput, match="the function"):
                run_parallel(func, range(3), num_threads=1, journal=tmp_path / name)


# ---- arguments -------------------------------------------------------------------------------


def total(molecule, x):
    return float(x.sum())


def layouts():
    rng = np.random.default_rng(0)
    base = rng.normal(size=(400, 400))
    record = np.zeros(30_000, dtype=[("a", float), ("b", float)])
    record["a"] = rng.normal(size=30_000)
    masked = np.ma.array(np.ones(40_000), mask=np.arange(40_000) % 4 == 0)
    return {
        "plain": base, "fortran": np.asfortranarray(base), "transposed": base.T, "strided": base[::2],
        "strided transposed": base[::2].T, "reversed": base[::-1, ::-1], "field": record["a"], "column": base[:, 7],
        "small strided": base[:20:2, ::3], "broadcast": np.broadcast_to(base[0], (500, 400)),
        "masked": masked, "masked strided": masked[::2], "matrix": base.view(np.matrix)[::2], "empty": base[:0],
        "scalar": np.array(3.0), "bool": base > 0,
    }  # fmt: skip


@pytest.mark.parametrize("name", list(layouts()))
def test_every_layout_sums_to_the_same_bits(method, name):
    x = layouts()[name]
    (expected, *_) = run_parallel(total, range(3), num_threads=1, x=x).value
    assert values(total, x=x) == [expected] * 3
    if type(x) is np.ndarray:  # in a closure, too; subclasses pickle themselves, and lose their strides there
        assert values(lambda molecule: float(x.sum())) == [float(x.sum())] * 3


def test_a_replaced_or_deleted_file_is_not_read_instead(method, tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.ones(100_000))
    x = np.load(path, mmap_mode="r")
    np.save(tmp_path / "y.npy", np.full(100_000, 7.0))
    (tmp_path / "y.npy").replace(path)
    assert values(total, x=x) == [100_000.0] * 3
    path.unlink()
    assert values(total, x=x) == [100_000.0] * 3


@pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
@pytest.mark.parametrize("size", [3, 100_000])
def test_arguments_cannot_be_changed_anywhere(executor, size):
    def increase(molecule, x):
        x += 1
        return float(x.sum())

    x = np.zeros(size)
    with pytest.raises(JobFailed, match="read-only"):
        run_parallel(increase, range(6), num_threads=2, executor=executor, x=x, progress=False)
    assert not x.any()
    assert x.flags.writeable


@pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
def test_a_reducer_that_writes_into_its_argument_writes_into_a_copy(executor):
    mine = np.ones((4, 3))

    def add(a, b):
        a += b
        return a

    def row(molecule):
        return mine[molecule[0]]

    got = run_parallel(row, range(4), num_threads=2, executor=executor, redux=add, progress=False).value
    assert got.tolist() == [4.0, 4.0, 4.0]
    assert mine.tolist() == [[1.0] * 3] * 4


def test_what_cannot_be_sent_is_named(method):
    import threading

    with pytest.raises(BadInput, match=r"guard \(lock\) cannot be sent to another process.*Hint"):
        values(lambda molecule, guard: 1, guard=threading.Lock())


# ---- trouble ---------------------------------------------------------------------------------


@pytest.mark.parametrize("executor", ["serial", "threads", "processes"])
@pytest.mark.parametrize("kind", [asyncio.CancelledError, GeneratorExit, SystemExit])
def test_exceptions_that_are_no_exceptions(executor, kind):
    def fail(molecule):
        raise kind("now")

    with pytest.raises(JobFailed, match=kind.__name__):
        run_parallel(fail, range(4), num_threads=2, executor=executor, progress=False)


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
@pytest.mark.parametrize("redux", ["tree", "fold"])
def test_a_reducer_that_raises_ends_the_run_whatever_on_error_says(workers, redux):
    from atomloom import associative

    def add(a, b):
        if b == 5:
            raise ZeroDivisionError
        return a + b

    with pytest.raises(JobFailed, match="ZeroDivisionError"):
        run_parallel(
            lambda molecule: molecule[0], [1, 1, 1, 1, 1, 5, 1, 1], num_threads=workers, on_error="skip",
            progress=False, redux=associative(add) if redux == "tree" else add,
        )  # fmt: skip


def test_a_forked_child_has_workers_of_its_own(method):
    assert values(module.level) == [1] * 3
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if values(module.level) == [1] * 3 else 2
        finally:
            os._exit(code)
    assert values(module.level) == [1] * 3
    assert os.waitpid(pid, 0)[1] == 0
    assert values(module.level) == [1] * 3


def test_a_child_that_the_function_forks_does_not_come_back(method):
    def fork(molecule):
        os.fork()
        return 1

    assert values(fork) == [1] * 3
    for _ in range(3):
        assert values(module.level) == [1] * 3


def test_workers_that_ended_between_two_runs_are_nobodys_fault(method):
    import signal
    import time

    from atomloom.engine import warm

    assert values(module.level) == [1] * 3
    for pool in warm._pools.values():
        for pid in pool.pids:
            os.kill(pid, signal.SIGKILL)
    time.sleep(0.2)
    result = run_parallel(module.level, range(3), num_threads=2, executor="processes", retries=0, progress=False)
    assert result.value == [1] * 3
    assert result.trace.deaths == 0


def test_a_worker_replaced_in_mid_run_does_not_keep_another_state(method, tmp_path, monkeypatch):
    from . import work

    assert values(module.level) == [1] * 3
    with monkeypatch.context() as patch:
        patch.setattr(module, "LEVEL", 2)
        run_parallel(work.die_once, range(12), num_threads=2, executor="processes", flag=str(tmp_path / "flag"))
    assert run_parallel(module.level, range(40), num_threads=2, mp_batches=20, executor="processes").value == [1] * 40


def test_a_listener_that_raises_costs_nothing(caplog, monkeypatch):
    # The import linter, which another test runs in this process, disables every logger it does not know.
    monkeypatch.setattr(logging.getLogger("atomloom.engine.ledger"), "disabled", False)

    def listen(event):
        raise ValueError("listener")

    got = run_parallel(lambda molecule: molecule[0], [1, 2], num_threads=1, redux=operator.add, progress=listen)
    assert got.value == 3
    assert "the run goes on without it" in caplog.text


def test_a_timeout_holds_for_a_single_worker_too():
    import time

    from atomloom import WorkerDied

    with pytest.raises(WorkerDied, match="timeout"):
        run_parallel(lambda molecule: time.sleep(30), [1], num_threads=1, timeout=0.2, retries=0, progress=False)


def test_growing_results_do_not_pile_up_in_this_process():
    from atomloom.engine.worker import rss

    def rows(molecule):
        return np.ones(molecule[0] * 40_000)

    before = rss()
    highest = []

    def longest(a, b):
        highest.append(rss())
        return max(a, len(b)) if isinstance(a, int) else max(len(a), len(b))

    total = run_parallel(rows, range(1, 61), num_threads=2, executor="processes", redux=longest, progress=False)
    assert total.value == 60 * 40_000
    # All results together are 586 MB, the largest is 19 MB.
    assert max(highest) - before < 250e6


def test_a_sequential_fold_holds_a_few_results_only():
    import tracemalloc

    tracemalloc.start()
    run_parallel(lambda molecule: np.ones(100_000), range(200), num_threads=1, redux=lambda a, b: a + b)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 25 * 800_000
