"""One field of text: the short way to a number says what the long way says, or nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from atomloom.kernels.jit import kernel
from atomloom.store.field_kernels import first_set, number_at, short_number


def padded(text: str | bytes) -> np.ndarray:
    data = np.zeros(96, np.uint8)
    raw = text if isinstance(text, bytes) else text.encode()
    data[: len(raw)] = np.frombuffer(raw, np.uint8)
    return data


@settings(max_examples=500, deadline=None)
@given(
    st.one_of(
        st.from_regex(r"[+-]?[0-9]{0,10}([.,][0-9]{0,10})?[.,;\n\r e]", fullmatch=True),
        st.binary(min_size=1, max_size=40),
    ),
    st.sampled_from(".,"),
)
@example("1.2.3,", ".")
@example("1,234.5,", ".")
@example(b"1.\xff\xba\x8a5,", ".")
@example(b"\xba1,", ".")
def test_a_short_number_is_the_number(text, point):
    data = padded(text)
    mantissa, decimals, end = short_number(data, 0, ord(point))
    if end >= 0:
        assert (mantissa, decimals, end) == number_at(data, 0, ord(point))


@settings(max_examples=300, deadline=None)
@given(
    st.from_regex(r"[0-9]{1,7}(\.[0-9]*)?", fullmatch=True).filter(lambda text: len(text) < 8), st.sampled_from(",\n;")
)
def test_common_fields_take_the_short_way(text, stop):
    whole, _, part = text.partition(".")
    assert short_number(padded(text + stop), 0, 46) == (int(whole + part), len(part), len(text))


@kernel
def find(bits):
    return first_set(bits)


@pytest.mark.parametrize("place", [0, 1, 7, 31, 32, 63])
def test_first_set(place):
    assert find(np.uint64((1 << place) | (1 << 63))) == place
    assert find(np.uint64(0)) == 64
