"""The promise: the same bits for every worker count, batch, executor, death and resumption."""

from __future__ import annotations

import operator

import numpy as np
import pytest

from atomloom import associative, run_parallel

from . import work

pytestmark = pytest.mark.filterwarnings("ignore::atomloom.errors.AntiPattern")


def bits(value):
    return np.asarray(value).tobytes()


@pytest.fixture(scope="module")
def expected():
    return bits(run_parallel(work.wave, range(2000), num_threads=1, redux=operator.add).value)


@pytest.mark.parametrize("mp_batches", [1, 3, 10])
@pytest.mark.parametrize("workers", [1, 2, 3, 4, 8])
def test_workers_and_batches_do_not_change_a_bit(expected, workers, mp_batches):
    for executor in ("serial", "threads", "processes"):
        result = run_parallel(
            work.wave, range(2000), num_threads=workers, mp_batches=mp_batches, redux=operator.add,
            executor=executor, progress=False,
        )  # fmt: skip
        assert bits(result.value) == expected
        assert len(result.plan.molecules) == workers * mp_batches


@pytest.mark.parametrize("redux", [operator.add, np.add, lambda a, b: a + b, associative(lambda a, b: 0.5 * (a + b))])
def test_thirty_repeats_give_one_pattern(redux):
    patterns = {
        bits(run_parallel(work.wave, range(500), num_threads=4, mp_batches=3, redux=redux, progress=False).value)
        for _ in range(30)
    }
    assert len(patterns) == 1


@pytest.mark.parametrize("partition", ["linear", "nestedLower", "nestedUpper", "auto"])
def test_every_partition_is_the_same_for_every_worker_count(partition):
    patterns = {
        bits(
            run_parallel(
                work.wave, range(3000), num_threads=workers, partition=partition, redux=operator.add, progress=False
            ).value
        )
        for workers in (1, 2, 3)
    }
    assert len(patterns) == 1


@pytest.mark.parametrize("how", ["kill", "exit", "segfault"])
def test_a_death_does_not_change_a_bit(how, tmp_path):
    expected = run_parallel(work.harmonic, range(1000), num_threads=1, redux=operator.add).value
    got = run_parallel(
        work.die_once, range(1000), num_threads=3, mp_batches=4, redux=operator.add, executor="processes",
        progress=False, flag=str(tmp_path / "flag"), how=how, at=700,
    )  # fmt: skip
    assert got.trace.deaths == 1
    assert got.value == expected


def test_a_resumed_run_does_not_change_a_bit(tmp_path):
    expected = run_parallel(work.wave, range(900), num_threads=1, redux=operator.add).value

    def go(stop, workers):
        seen = []

        def interrupt(event):
            seen.append(event)
            if len(seen) == stop:
                raise KeyboardInterrupt

        return run_parallel(
            work.wave, range(900), num_threads=workers, mp_batches=5, redux=operator.add,
            journal=tmp_path / "journal", progress=interrupt,
        )  # fmt: skip

    for stop in (3, 5):
        with pytest.raises(KeyboardInterrupt) as caught:
            go(stop, 2)
        assert "resume" in caught.value.__notes__[0]
    got = go(None, 3)
    assert bits(got.value) == bits(expected)
    assert len(got.trace.records) == 15


def test_a_cost_changes_leaves_but_not_with_workers():
    cost = np.linspace(1, 5, 1500) ** 2
    results = [
        run_parallel(work.wave, range(1500), num_threads=n, cost=cost, redux=operator.add, progress=False)
        for n in (1, 2, 4)
    ]
    assert len({bits(result.value) for result in results}) == 1
    assert len({result.plan.fingerprint for result in results}) == 1


def test_randomness_belongs_to_atoms_not_workers():
    for kwargs in ({"num_threads": 1}, {"num_threads": 3, "mp_batches": 4}, {"debug": True}):
        got = run_parallel(work.noisy, range(777), seed=11, progress=False, **kwargs).value
        assert got == run_parallel(work.noisy, range(777), seed=11, num_threads=2, progress=False).value


def test_streams_of_different_leaves_are_different():
    got = run_parallel(lambda molecule, rng: rng.random(), range(400), num_threads=1, seed=0).value
    assert len(set(got)) == 400
    assert 0.4 < np.mean(got) < 0.6
