"""Cross-validation by halves against its plain-Python twin, published laws, and other packages where installed."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput, Infeasible
from atomloom.portfolio import pbo
from atomloom.portfolio.cscv import split_masks
from atomloom.portfolio.power_sums import block_sums
from atomloom.portfolio.rank_correlation import average_ranks, rank_correlations
from oracles import overfit_oracle as oracle


def nasty(seed, rows=60, configs=7):
    """Returns with something unusual in them: copies, rare trades, none, constants, wild scales."""
    draws = np.random.default_rng(seed)
    returns = draws.normal(0.0, 1.0, (rows, configs)) * draws.choice([1e-6, 0.01, 1.0, 1e5])
    kind = seed % 8
    if kind in (1, 5):
        returns[:, 2] = returns[:, 4]
        returns[:, 1] = 2 * returns[:, 4]
    if kind in (2, 5):
        returns[:, 0] = 0.0
        returns[:, 5] = 0.0
    if kind == 3:
        returns[: rows // 2, 3] = 0.0
        returns[rows // 4 :, 1] = 0.0
    if kind == 4:
        returns[:, 2] = 0.01
        returns[: rows // 2, 6] = -0.3
    if kind == 6:
        returns[:] = returns[:, :1]
    if kind == 7:
        returns *= 10.0 ** draws.integers(-80, 70, configs)
    return returns


def same_as_twin(returns, blocks, ties, found):
    expected = oracle.cscv(oracle.blocks_of(returns.T.tolist(), blocks), ties)
    assert found.winners.tolist() == [one[0] for one in expected]
    np.testing.assert_allclose(found.in_sample, [one[1] for one in expected], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.out_of_sample, [one[2] for one in expected], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found.logits, [one[3] for one in expected], rtol=0, atol=1e-12)
    assert found.value == pytest.approx(np.mean([one[3] <= 0 for one in expected]), abs=1e-12)


@pytest.mark.parametrize("ties", ["low", "average"])
@pytest.mark.parametrize("seed", range(16))
def test_it_is_what_looking_at_every_split_gives(seed, ties):
    returns = nasty(seed)
    for blocks in (2, 4, 6):
        same_as_twin(returns, blocks, ties, pbo(returns, blocks, ties=ties))


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(0, 9), st.sampled_from([2, 4, 6]))
def test_any_returns(seed, configs, over, blocks):
    returns = np.random.default_rng(seed).normal(size=(blocks * 5 + over % blocks, configs))
    same_as_twin(returns, blocks, "low", pbo(returns, blocks))


def test_more_configurations_than_lanes_and_any_number_of_threads_give_the_same_bits():
    returns = np.random.default_rng(0).normal(size=(80, 333))
    returns[:, 300] = returns[:, 20]
    found = pbo(returns, 8, ties="average", threads=1)
    same_as_twin(returns, 8, "average", found)
    for threads in (2, 3, -1):
        again = pbo(returns, 8, ties="average", threads=threads)
        assert np.array_equal(again.logits, found.logits)
        assert np.array_equal(again.winners, found.winners)
        assert again.to_dict() == found.to_dict()


def test_the_order_of_configurations_only_renames_them():
    returns = np.random.default_rng(1).normal(size=(96, 150))
    order = np.random.default_rng(2).permutation(150)
    found, other = pbo(returns, 6), pbo(returns[:, order], 6)
    assert np.array_equal(order[other.winners], found.winners)
    assert np.array_equal(other.logits, found.logits)
    assert np.array_equal(other.in_sample, found.in_sample)


def test_moments_are_as_good_as_returns_and_failed_configurations_are_left_out():
    returns = np.random.default_rng(3).normal(size=(100, 40))
    s1, s2, n = block_sums(returns, 10)
    whole = pbo(returns, 10)
    assert np.array_equal(pbo(moments=(s1, s2, n)).logits, whole.logits)
    more = np.full((10, 43), np.nan)
    squares = more.copy()
    alive = np.delete(np.arange(43), [0, 17, 42])
    more[:, alive], squares[:, alive] = s1, s2
    more[1:, 17] = 3.0  # failed in one block only
    squares[1:, 17] = 9.0
    found = pbo(moments=(more, squares, n))
    assert (found.n_configs, found.n_failed) == (40, 3)
    assert np.array_equal(found.logits, whole.logits)
    assert np.array_equal(alive[whole.winners], found.winners)


def test_blocks_of_different_lengths():
    returns = np.random.default_rng(4).normal(size=(60, 9))
    returns[:25, 4] = 0.5
    cuts = [0, 7, 25, 40, 60]
    parts = [[column[a:b].tolist() for a, b in itertools.pairwise(cuts)] for column in returns.T]
    s1 = np.array([[sum(part[k]) for part in parts] for k in range(4)])
    s2 = np.array([[sum(r * r for r in part[k]) for part in parts] for k in range(4)])
    found = pbo(moments=(s1, s2, np.diff(cuts)))
    expected = oracle.cscv(parts)
    assert found.winners.tolist() == [one[0] for one in expected]
    np.testing.assert_allclose(found.logits, [one[3] for one in expected], atol=1e-12)
    np.testing.assert_allclose(found.out_of_sample, [one[2] for one in expected], rtol=1e-9, atol=1e-12)


def test_all_equal_configurations():
    returns = np.repeat(np.random.default_rng(5).normal(size=(40, 1)), 11, axis=1)
    low, average = pbo(returns, 4), pbo(returns, 4, ties="average")
    assert (low.winners == 0).all()
    assert np.allclose(low.logits, math.log((1 / 12) / (11 / 12)))
    assert np.allclose(average.logits, 0.0)
    assert low.value == average.value == 1.0
    flat = pbo(np.zeros((40, 3)), 4)
    assert flat.value == 1.0
    assert math.isnan(flat.slope)
    assert math.isnan(flat.rank_correlation)
    assert "PBO 100.0%" in flat.summary()


def test_noise_is_overfit_half_of_the_time_and_an_edge_is_not():
    draws = np.random.default_rng(6)
    noise = [pbo(draws.normal(size=(400, 30)), 8) for _ in range(40)]
    assert 0.42 < np.mean([one.value for one in noise]) < 0.58
    logits = np.concatenate([one.logits for one in noise])
    assert np.std(logits) == pytest.approx(math.pi / math.sqrt(3), rel=0.15)  # the standard logistic distribution
    assert abs(np.mean([one.rank_correlation for one in noise])) < 0.1
    edge = draws.normal(size=(400, 30))
    edge[:, 3] += 0.4
    found = pbo(edge, 8)
    assert found.value == 0.0
    assert found.loss == 0.0
    assert found.mean_rank > 0.95
    assert found.dominance <= 1e-12
    assert set(found.winners.tolist()) == {3}


def test_dominance_counts_ranks():
    returns = np.random.default_rng(8).normal(size=(60, 5))
    found = pbo(returns, 4)
    ranks = np.round(6 / (1 + np.exp(-found.logits)))
    excess = max((ranks <= r).mean() - r / 5 for r in range(1, 6))
    assert found.dominance == pytest.approx(excess, abs=1e-9)


def test_the_line_is_least_squares():
    found = pbo(np.random.default_rng(9).normal(size=(90, 20)), 6)
    slope, intercept = np.polyfit(found.in_sample, found.out_of_sample, 1)
    assert found.slope == pytest.approx(slope)
    assert found.intercept == pytest.approx(intercept)
    assert found.loss == (found.out_of_sample < 0).mean()
    assert len(found.to_frame()) == 20


def test_complements_lie_opposite():
    for blocks in (2, 4, 10, 16):
        masks = split_masks(blocks)
        assert len(masks) == math.comb(blocks, blocks // 2)
        assert ((masks ^ masks[::-1]) == (1 << blocks) - 1).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda r: pbo(r, 5), "n_blocks is 5"),
        (lambda r: pbo(r, 22), "n_blocks is 22"),
        (lambda r: pbo(r[:3], 4), "n_blocks is 4 for 3 rows"),
        (lambda r: pbo(r, ties="high"), "ties is 'high'"),
        (lambda r: pbo(), "either returns or moments"),
        (lambda r: pbo(r * np.nan), "not finite"),
        (lambda r: pbo([["a"]]), "no table of numbers"),
        (lambda r: pbo(moments=(r[:4], r[:3], [1, 1, 1, 1])), "shapes"),
        (lambda r: pbo(moments=(r[:2], -(r[:2] ** 2), [1, 1])), "below 0"),
        (lambda r: pbo(moments=(r[:2], r[:2] ** 2, [1, 0])), "0 returns"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(BadInput, match=words):
        call(np.random.default_rng(0).normal(size=(40, 5)))


def test_one_configuration_is_no_selection():
    with pytest.raises(Infeasible, match="nothing is selected"):
        pbo(np.random.default_rng(0).normal(size=40), 4)
    with pytest.raises(Infeasible, match="0 of 2"):
        pbo(moments=(np.full((2, 2), np.nan), np.full((2, 2), np.nan), [5, 5]))


def test_phacker_agrees():
    cscv = pytest.importorskip("phacker.cscv").cscv
    returns = np.random.default_rng(10).normal(size=(503, 130)) / 100
    returns[:, 7] = 0.0
    returns[:, 9] = returns[:, 90]
    value, logits = cscv(returns, 12)
    found = pbo(returns, 12)
    assert found.value == pytest.approx(value, abs=1e-12)
    np.testing.assert_allclose(found.logits, logits, atol=1e-12)


def test_ffn_agrees():
    ffn, pandas = pytest.importorskip("ffn"), pytest.importorskip("pandas")
    returns = np.random.default_rng(11).normal(size=(205, 30)) / 100
    returns[:, 9] = returns[:, 20]
    theirs = ffn.core.calc_prob_backtest_overfitting(pandas.DataFrame(returns), 8, full_output=True)
    found = pbo(returns, 8, ties="average")
    assert found.value == pytest.approx(theirs["pbo"], abs=1e-12)
    np.testing.assert_allclose(found.logits, theirs["logits"], atol=1e-12)
    assert found.mean_rank == pytest.approx(theirs["mean_oos_rank"], abs=1e-12)


@settings(max_examples=25)
@given(st.integers(0, 10**6))
def test_rank_correlation_is_that_of_the_twin(seed):
    draws = np.random.default_rng(seed)
    returns = draws.normal(size=(40, 6))
    returns[:, 1] = returns[:, 3]
    returns[:20, 5] = 0.0
    s1, s2, n = block_sums(returns, 4)
    sets = np.array([[1, 1, 0, 0], [0, 1, 0, 1]])
    found = rank_correlations(s1, s2, n, sets, 1 - sets)
    for k, inside in enumerate(sets):
        parts = [
            [oracle.sharpe(column[np.repeat(side, 10) == 1].tolist()) for column in returns.T]
            for side in (inside, 1 - inside)
        ]
        rounded = [[round(value, 9) for value in side] for side in parts]
        assert found[k] == pytest.approx(oracle.spearman(*rounded), abs=1e-9)


def test_ranks_of_equals_are_averaged():
    values = np.random.default_rng(0).integers(0, 5, size=(6, 40)).astype(float)
    assert average_ranks(values).tolist() == [oracle.rank(row.tolist()) for row in values]
