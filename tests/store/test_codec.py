"""Chunks: any integers come back, the checksum is the published one, damage is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from atomloom.errors import StoreError
from atomloom.store import codec
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


def test_damage_is_refused():
    column = np.arange(1000)
    frame = np.frombuffer(encode(column), np.uint8).copy()
    for broken in (frame[:50], frame[:200], np.zeros(300, np.uint8)):
        with pytest.raises(StoreError):
            decode(broken, np.empty(1000, np.int64))
    with pytest.raises(StoreError, match=r"rows 990 to 1,010 are not in a chunk of 1,000"):
        decode(frame, np.empty(20, np.int64), 990)
