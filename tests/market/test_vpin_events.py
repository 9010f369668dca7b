"""Events against a plain walk, labels against every pair of prices, Wilson against its equation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.errors import BadInput
from atomloom.market import find_events, series_kernels, wilson
from oracles import market_oracle as oracle

CDF = st.one_of(st.just(math.nan), st.floats(0, 1), st.sampled_from([0.9, 0.95, 0.99]))


@given(st.lists(CDF, max_size=60), st.sampled_from([0.5, 0.9, 0.99]), st.data())
def test_events_and_labels(cdf, threshold, data):
    n = len(cdf)
    move = data.draw(st.lists(st.one_of(st.just(math.nan), st.floats(0, 1)), min_size=n, max_size=n))
    found = find_events(np.array(cdf), np.arange(n) * 10, np.array(move), threshold=threshold)
    runs = oracle.events(cdf, threshold)
    assert list(zip(found.start.tolist(), found.end.tolist(), found.open_end.tolist(), strict=True)) == runs
    assert found.duration_ns.tolist() == [10 * (end - start) for start, end, _ in runs]
    null = sorted(m for c, m in zip(cdf, move, strict=True) if not math.isnan(c) and not math.isnan(m))
    assert found.null_count == len(null)
    for k, (start, _, _) in enumerate(runs):
        if math.isnan(move[start]):
            assert found.true[k] == -1
        else:
            middle = (null[(len(null) - 1) // 2] + null[len(null) // 2]) / 2
            assert found.null_move == pytest.approx(middle)
            assert found.true[k] == (move[start] > found.null_move)
    assert found.n_true + found.n_false + found.n_undecided == len(found)
    judged = found.n_true + found.n_false
    assert (found.false_positive_rate is None) == (judged == 0)
    if judged:
        low, high = found.false_positive_interval
        assert low <= found.false_positive_rate <= high
    values = found.to_dict()
    assert values["n_events"] == len(runs)
    assert all(value is None or not math.isnan(value) for value in values.values())
    assert len(found.to_frame()) == len(runs)


@given(st.integers(1, 5), st.lists(st.tuples(*[st.floats(0.01, 1000)] * 3), max_size=25))
def test_largest_move_is_over_every_pair(horizon, rows):
    close = np.array([sorted(row)[1] for row in rows], dtype=np.float64)
    high = np.array([max(row) for row in rows], dtype=np.float64)
    low = np.array([min(row) for row in rows], dtype=np.float64)
    ours = series_kernels.range_ahead(close, high, low, horizon)
    np.testing.assert_allclose(ours, oracle.largest_move(close, high, low, horizon), rtol=1e-12, atol=1e-15)


@given(st.integers(1, 200), st.data())
def test_wilson_solves_its_equation(trials, data):
    successes = data.draw(st.integers(0, trials))
    share, z = successes / trials, 1.959963984540054
    low, high = wilson(successes, trials)
    assert 0 <= low <= share <= high <= 1
    for end in (low, high):
        # the ends are where (share - p)^2 = z^2 p (1 - p) / n
        assert (share - end) ** 2 == pytest.approx(z * z * end * (1 - end) / trials, abs=1e-12)


def test_wilson_has_published_values():
    # Newcombe (1998), Statistics in Medicine 17:857, table I, method 3
    assert [round(end, 4) for end in wilson(81, 263)] == [0.2553, 0.3662]
    assert [round(end, 4) for end in wilson(15, 148)] == [0.0624, 0.1605]
    assert [round(end, 4) for end in wilson(0, 20)] == [0.0, 0.1611]
    assert [round(end, 4) for end in wilson(1, 29)] == [0.0061, 0.1718]


@pytest.mark.parametrize(("successes", "trials"), [(1, 0), (-1, 5), (6, 5)])
def test_impossible_counts_are_refused(successes, trials):
    with pytest.raises(BadInput, match="Hint"):
        wilson(successes, trials)


def test_unequal_columns_are_refused():
    with pytest.raises(BadInput, match="one per bucket"):
        find_events(np.zeros(3), np.zeros(2, dtype=np.int64), np.zeros(3), threshold=0.9)
