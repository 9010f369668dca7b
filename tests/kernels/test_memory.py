"""Memory that is used again: never while a view of it lives, never more than is allowed, never across a fork."""

from __future__ import annotations

import gc
import multiprocessing
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.kernels import memory

MB = 1 << 20
pytestmark = pytest.mark.skipif(not memory._ABLE, reason="memory is kept on Linux only")


@pytest.fixture(autouse=True)
def nothing_kept():
    gc.collect()
    memory._free.clear()


def place(array):
    return array.__array_interface__["data"][0]


def test_memory_comes_back_when_the_last_view_is_gone():
    first = memory.empty(4 * MB, np.uint8)
    view, at = first[100:200], place(first)
    del first
    assert memory.kept() == 0
    other = memory.empty(4 * MB, np.uint8)
    assert place(other) != at
    del view
    assert memory.kept() >= 4 * MB
    assert place(memory.empty((MB, 1), np.int32)) == at


def test_small_arrays_and_objects_are_those_of_numpy():
    assert memory.empty(10).base is None
    assert memory.empty(MB, object).base is None
    assert memory.empty((0, 5), np.int32).shape == (0, 5)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(2 * MB, 9 * MB), st.booleans()), max_size=25))
def test_living_arrays_never_share_memory(steps):
    living = {}
    for k, (slot, size, strided) in enumerate(steps):
        made = memory.empty(size, np.uint8)
        assert made.size == size
        assert made.flags.writeable
        made[:] = k % 251
        living[slot] = made[::4096] if strided else made, k % 251
        del made
        for array, value in living.values():
            assert (array[:: max(1, len(array) // 50)] == value).all()


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(memory, "KEPT_BYTES", 10 * MB)
    several = [memory.empty(4 * MB, np.uint8) for _ in range(5)]
    del several
    assert 4 * MB <= memory.kept() <= 10 * MB
    kept = memory.kept()
    assert memory.empty(100 * MB, np.uint8).size == 100 * MB  # too large to be served, and to be kept
    assert memory.kept() <= max(kept, 10 * MB)


def test_memory_much_too_large_is_left_for_others():
    large = memory.empty(64 * MB, np.uint8)
    del large
    small = memory.empty(3 * MB, np.uint8)
    assert memory.kept() >= 64 * MB
    assert small.size == 3 * MB


def test_threads_get_memory_of_their_own():
    def work(k):
        for _ in range(50):
            array = memory.empty(3 * MB, np.uint8)
            array[::1000] = k
            if not (array[::1000] == k).all():
                return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(8)))


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_fork_starts_with_nothing_kept():
    array = memory.empty(4 * MB, np.uint8)
    del array
    assert memory.kept()
    reader, writer = multiprocessing.Pipe(duplex=False)
    child = multiprocessing.get_context("fork").Process(target=lambda: writer.send(memory.kept()))
    child.start()
    assert reader.recv() == 0
    child.join()
