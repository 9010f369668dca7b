"""Chunks: any integers come back, the checksum is the published one, damage is refused."""

from __future__ import annotations

import subprocess
import sys

import numba  # noqa: F401 - where it is loaded, kernels do what otherwise the library does
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from atomloom.errors import StoreError
from atomloom.store import codec
from atomloom.store.byte_kernels import add_bytes_up
from atomloom.store.codec import checksum, decode, encode


@pytest.mark.parametrize(
    ("data", "value"),
    # the values of the reference implementation (xxhash, seed 0)
    [(b"", 0xEF46DB3751D8E999), (b"a", 0xD24EC4F1A98C6E5B), (b"abc", 0x44BC2CF5AD770999), (b"x" * 100, None)],
)
def test_the_checksum_is_xxh64(data, value):
    assert value is None or checksum(data) == value
    assert checksum(data) == checksum(np.frombuffer(data, np.uint8))


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(st.sampled_from([np.int64, np.int32, np.uint8]), st.integers(1, 300)), st.integers(1, 9), st.data())
def test_any_integers_come_back(column, level, data):
    frame = np.frombuffer(encode(column, level), np.uint8)
    assert np.array_equal(decode(frame, np.empty_like(column)), column)
    lo = data.draw(st.integers(0, len(column) - 1))
    hi = data.draw(st.integers(lo + 1, len(column)))
    assert np.array_equal(decode(frame, np.empty(hi - lo, column.dtype), lo), column[lo:hi])


def test_blocks_are_read_by_themselves():
    column = np.cumsum(np.random.default_rng(0).integers(0, 10**9, 131_072))
    frame = np.frombuffer(encode(column), np.uint8)
    assert len(frame) < 0.7 * column.nbytes
    for lo, hi in ((0, 1), (16_383, 16_385), (100_000, 131_072), (131_071, 131_072)):
        assert np.array_equal(decode(frame, np.empty(hi - lo, np.int64), lo), column[lo:hi])


@pytest.mark.parametrize("value", [0, 1, -1, 7])
def test_a_constant_chunk_is_read_in_whole_and_in_part(value):
    column = np.full(131_072, value, dtype=np.int32)
    frame = np.frombuffer(encode(column), np.uint8)
    assert len(frame) < 1_000
    assert np.array_equal(decode(frame, np.empty_like(column)), column)
    assert decode(frame, np.empty(2, np.int32), 131_070).tolist() == [value, value]


@settings(max_examples=100, deadline=None)
@given(hnp.arrays(st.sampled_from([np.int64, np.int32, np.uint8]), st.integers(1, 300)), st.integers(1, 9))
def test_a_frame_is_what_the_library_makes(column, level):
    for filters in ((1,), (1, 35), ()):
        chunk = codec._squeezed(column, filters, level)
        kind = column.itemsize, filters, level
        assert codec._framed(chunk, kind) == codec._library_frame(chunk, kind)


VALUES = {
    "walk": lambda rng, n: np.cumsum(rng.integers(-50, 50, n)),
    "noise": lambda rng, n: rng.integers(-(2**31), 2**31 - 1, n),
    "carries": lambda _, n: np.arange(n) * 255 + 2**30,
    "steps": lambda rng, n: np.repeat(rng.integers(0, 2**31 - 1, n // 8 + 1), 8)[:n],
}


@pytest.mark.parametrize("values", VALUES)
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("rows", [3, 1_000, 32_768, 131_072, 100_001])
def test_differences_are_added_up_as_the_library_does(values, dtype, rows):
    column = VALUES[values](np.random.default_rng(rows), rows).astype(dtype)
    frame = np.frombuffer(encode(column, way=((1, 35), 2)), np.uint8)  # read-only: left to the library
    own = frame.copy()
    before = codec._left_to_library
    assert np.array_equal(decode(frame, np.empty_like(column)), column)
    assert np.array_equal(decode(own, np.empty_like(column)), column)
    assert np.array_equal(own, frame)  # what was changed for the library is as before
    assert codec._left_to_library == before  # the kernel has worked, numba is loaded in tests


@pytest.mark.parametrize("values", [*VALUES, "ramp", "zeros"])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
@pytest.mark.parametrize("rows", [1, 2, 1_000, 131_072, 100_001])
def test_differences_are_taken_as_the_library_does(values, dtype, rows):
    more = {"ramp": lambda _, n: np.arange(1, n + 1) & 127, "zeros": lambda _, n: np.zeros(n)}
    column = (VALUES | more)[values](np.random.default_rng(rows), rows).astype(dtype)
    assert np.array_equal(codec._squeezed(column, (1, 35), 2), codec._compressed(column, (1, 35), 2))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_running_sums_of_bytes(data):
    width, block = data.draw(st.sampled_from([4, 8])), 8 * data.draw(st.integers(1, 9))
    column = data.draw(hnp.arrays(np.uint8, st.integers(0, 60).map(lambda n: n * width)))
    wanted = column.copy().reshape(-1, width)
    for first in range(0, len(wanted), block // width):
        part = wanted[first : first + block // width]
        part[:] = np.cumsum(part, axis=0, dtype=np.uint8)
    add_bytes_up(column, width, block)
    assert np.array_equal(column, wanted.ravel())


def test_compiled_code_is_not_loaded_for_a_single_read():
    script = """
import sys, numpy as np
from atomloom.store import codec
frame = np.frombuffer(codec.encode(np.arange(131_072), way=((1, 35), 2)), np.uint8).copy()
assert codec.decode(frame, np.empty(131_072, np.int64))[-1] == 131_071
assert "numba" not in sys.modules and codec._left_to_library == 131_072 * 8
codec._left_to_library = codec._PAYS_BYTES
assert codec.decode(frame, np.empty(131_072, np.int64))[-1] == 131_071
assert "numba" in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


def test_damage_is_refused():
    column = np.arange(1000)
    frame = np.frombuffer(encode(column), np.uint8).copy()
    for broken in (frame[:50], frame[:200], np.zeros(300, np.uint8)):
        with pytest.raises(StoreError):
            decode(broken, np.empty(1000, np.int64))
    with pytest.raises(StoreError, match=r"rows 990 to 1,010 are not in a chunk of 1,000"):
        decode(frame, np.empty(20, np.int64), 990)
