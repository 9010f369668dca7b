"""Statistics of eight values at a time, beside one value at a time in plain Python."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from atomloom.kernels.lean import lean
from atomloom.portfolio.lane_layout import (
    DOWN,
    HITS,
    LANES,
    LAST,
    LOW,
    LOW_PEAK,
    PEAK,
    PEAK_ROW,
    S1,
    S2,
    S3,
    S4,
    STATE_ROWS,
    STEPS,
    UNDER,
    VALUES,
)
from atomloom.portfolio.lane_statistics import lane_statistics


@lean
def take(s, row, last):
    """Call the formula, which only kernels can."""
    lane_statistics(s, row, last)


def in_eights(values):
    """Take (T, 64) values in; gives the rows of the state."""
    s = np.zeros((STATE_ROWS, LANES))
    s[[PEAK, LOW, LOW_PEAK, LAST]] = 1.0
    for begin in range(0, len(values), STEPS):
        part = values[begin : begin + STEPS]
        s[VALUES : VALUES + STEPS] = part[-1]
        s[VALUES : VALUES + len(part)] = part
        take(s.ravel(), begin + 1.0, float(begin + len(part)))
    return s


def one_by_one(values):
    """Give drawdowns of one lane with exact products: highest value, deepest value and its peak, rows under water."""
    peak = low = low_peak = 1.0
    peak_row, under = 0, 0
    for row, value in enumerate(values.tolist(), start=1):
        if value >= peak:
            peak, peak_row = value, row
        under = max(under, row - peak_row)
        if Fraction(value) * Fraction(low_peak) < Fraction(low) * Fraction(peak):
            low, low_peak = value, peak
    return peak, low / low_peak, peak_row, under


def walks(seed, rows, step, digits):
    """Random walks; rounded to a few digits they have ties."""
    moves = np.random.default_rng(seed).normal(0.0, step, (rows, LANES))
    return np.maximum(np.round(np.exp(np.cumsum(moves, axis=0)), digits), 10.0**-digits)


@pytest.mark.parametrize("digits", [1, 2, 3, 15])
@pytest.mark.parametrize("rows", [1, 7, 8, 9, 250])
def test_drawdowns_and_sums_are_those_of_one_value_at_a_time(rows, digits):
    values = walks(rows, rows, 0.03, digits)
    s = in_eights(values)
    returns = np.diff(np.vstack([np.ones(LANES), values]), axis=0) / np.vstack([np.ones(LANES), values[:-1]])
    for row, power in ((S1, 1), (S2, 2), (S3, 3), (S4, 4)):
        np.testing.assert_allclose(s[row], (returns**power).sum(axis=0), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(s[DOWN], (np.minimum(returns, 0.0) ** 2).sum(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(s[HITS], (returns > 0.0).sum(axis=0))
    for lane in range(LANES):
        peak, depth, peak_row, under = one_by_one(values[:, lane])
        assert (s[PEAK, lane], s[PEAK_ROW, lane], s[UNDER, lane]) == (peak, peak_row, under)
        assert s[LOW, lane] / s[LOW_PEAK, lane] == pytest.approx(depth, rel=4e-16)


@settings(max_examples=60, deadline=None)
@given(
    arrays(np.float64, (24, 2), elements=st.sampled_from([1e-30, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 1.1, 1.3, 3.0, 1e9])),
    st.integers(0, 3),
)
def test_a_lane_has_the_same_bits_beside_any_other(pair, seed):
    others = walks(seed, 24, 0.2, 1)
    others[:, 5], others[:, 6] = pair.T
    among = in_eights(others)
    for column, lane in ((0, 5), (1, 6)):
        alone = in_eights(np.repeat(pair[:, [column]], LANES, axis=1))
        np.testing.assert_array_equal(alone[:VALUES, 0], among[:VALUES, lane])
