"""Selection over any splits against its plain-Python twin."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput, Infeasible
from atomloom.portfolio import CombinatorialPurgedCV, SplitRanges, WalkForward, pbo, ranges_of, select
from atomloom.portfolio.power_sums import block_sums
from oracles import overfit_oracle as oracle


def sums_between(returns, cuts):
    s1 = np.array([returns[a:b].sum(axis=0) for a, b in itertools.pairwise(cuts)])
    s2 = np.array([(returns[a:b] ** 2).sum(axis=0) for a, b in itertools.pairwise(cuts)])
    return s1, s2, np.diff(cuts)


def known(ratios):
    """The twin's 0 where nothing varies."""
    return np.where(np.isnan(ratios), 0.0, ratios)


def same_as_twin(returns, ranges, found):
    rows = [[[value] for value in column] for column in returns.T.tolist()]
    expected = oracle.selection(rows, [(train.tolist(), test.tolist()) for train, test in ranges])
    assert found.winners.tolist() == [one[0] for one in expected]
    np.testing.assert_allclose(known(found.train_sharpe), [one[1] for one in expected], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(known(found.test_sharpe), [one[2] for one in expected], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.rank, [one[3] for one in expected], atol=1e-12)
    assert found.n_train.tolist() == [len(train) for train, _ in ranges]
    assert found.n_test.tolist() == [len(test) for _, test in ranges]


SPLITTERS = [
    CombinatorialPurgedCV(6, 2),
    CombinatorialPurgedCV(5, 3, purge=2, embargo=1),
    WalkForward(20, 7),
    WalkForward(20, 7, expanding=True, purge=2),
    WalkForward(15, 4, step=2),
]


@pytest.mark.parametrize("splitter", SPLITTERS, ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_it_is_what_looking_at_every_row_gives(splitter, seed):
    returns = np.random.default_rng(seed).normal(size=(66, 9)) * 0.01
    if seed == 1:
        returns[:, 2] = returns[:, 7]
        returns[:, 4] = 0.0
    if seed == 2:
        returns[:30, 1] = 0.0
        returns[30:, 3] = 0.002
    if seed == 3:
        returns *= np.array([1, 2, 4, 8, 16, 1e30, 1e-30, 0.5, 3.0])
    ranges = ranges_of(splitter, 66)
    s1, s2, n = sums_between(returns, ranges.cuts())
    same_as_twin(returns, ranges, select(s1, s2, n, ranges.segments()))


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_any_ranges(seed):
    draws = np.random.default_rng(seed)
    pairs = []
    for _ in range(int(draws.integers(1, 6))):
        side = draws.integers(0, 3, 30)
        side[:2] = 1, 2
        pairs.append((np.flatnonzero(side == 1), np.flatnonzero(side == 2)))
    returns = draws.normal(size=(30, 70))
    ranges = ranges_of(pairs, 30)
    s1, s2, n = sums_between(returns, ranges.cuts())
    same_as_twin(returns, ranges, select(s1, s2, n, ranges.segments(), threads=2))


def test_threads_and_failed_configurations_change_nothing():
    returns = np.random.default_rng(0).normal(size=(60, 200))
    ranges = ranges_of(CombinatorialPurgedCV(6, 2), 60)
    s1, s2, n = sums_between(returns, ranges.cuts())
    one = select(s1, s2, n, ranges.segments(), threads=1)
    two = select(s1, s2, n, ranges.segments(), threads=2)
    assert one.to_dict() == two.to_dict()
    nothing = np.full((len(n), 1), np.nan)
    more = select(np.hstack([nothing, s1]), np.hstack([nothing, s2]), n, ranges.segments())
    assert (more.n_configs, more.n_failed) == (200, 1)
    assert np.array_equal(more.winners, one.winners + 1)
    assert np.array_equal(more.rank, one.rank)
    assert len(one.to_frame()) == len(one) == 15


def test_paths_are_served_by_the_winners_of_their_splits():
    returns = np.random.default_rng(2).normal(size=(60, 12))
    ranges = ranges_of(CombinatorialPurgedCV(6, 2, purge=1), 60)
    s1, s2, n = sums_between(returns, ranges.cuts())
    found = select(s1, s2, n, ranges.segments())
    assert len(found.path_sharpe) == 5
    for p, served in enumerate(ranges.path_of):
        path = [returns[10 * f + i, found.winners[split]] for f, split in enumerate(served) for i in range(10)]
        assert found.path_sharpe[p] == pytest.approx(oracle.sharpe(path))
    assert "5 paths" in found.summary()


def test_halves_of_blocks_are_a_special_case():
    returns = np.random.default_rng(3).normal(size=(60, 90))
    s1, s2, n = block_sums(returns, 6)
    halves = pbo(returns, 6, ties="average")
    ranges = ranges_of(CombinatorialPurgedCV(6, 3), 60).segments()
    found = select(s1, s2, n, ranges)
    assert np.array_equal(found.winners, halves.winners[::-1])  # splits count test folds there, train blocks here
    np.testing.assert_allclose(found.train_sharpe, halves.in_sample[::-1], rtol=1e-12)


def test_bad_input_is_refused():
    splits = SplitRanges(2, [0], [1], [0, 1], [1], [2], [0, 1])
    with pytest.raises(BadInput, match="2 segments"):
        select(np.ones((3, 2)), np.ones((3, 2)), [5, 5, 5], splits)
    with pytest.raises(Infeasible, match="all 2 configurations failed"):
        select(np.full((2, 2), np.nan), np.full((2, 2), np.nan), [5, 5], splits)
