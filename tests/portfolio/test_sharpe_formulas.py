"""Sharpe ratio formulas against published values, and against other packages where these are installed."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from atomloom.errors import BadInput
from atomloom.portfolio import (
    deflated_sharpe,
    expected_max_sharpe,
    min_backtest_length,
    min_track_record,
    probabilistic_sharpe,
)
from atomloom.portfolio.evidence import moments_of
from atomloom.portfolio.normal import normal_cdf, normal_quantile

DAILY = (0.5 / 250) ** 0.5  # deviation of the paper's trials


def test_published_values():
    assert expected_max_sharpe(100) == pytest.approx(2.5306028932016846, abs=1e-9)
    assert expected_max_sharpe(100, DAILY) == pytest.approx(0.1132, abs=5e-5)
    best = 2.5 / 250**0.5
    assert deflated_sharpe(best, 1250, 100, DAILY, -3, 10) == pytest.approx(0.90039683444939, abs=1e-9)
    assert deflated_sharpe(best, 1250, 46, DAILY, -3, 10) == pytest.approx(0.9505, abs=5e-5)
    assert deflated_sharpe(best, 1250, 88, DAILY) == pytest.approx(0.9505, abs=5e-5)
    fund = probabilistic_sharpe(1.585 / 12**0.5, 24, -2.448, 10.164)
    assert fund == pytest.approx(0.91323430688486, abs=1e-9)
    assert min_backtest_length(45) == pytest.approx(4.9980870, abs=1e-7)
    assert min_backtest_length(10) == pytest.approx(2.479, abs=5e-4)


@pytest.mark.parametrize(
    ("year", "skew", "kurtosis", "sharpe", "reference", "years"),
    [(250, 0, 3, 2, 1, 2.7311878), (52, 0, 3, 2, 1, 2.8288336), (12, -0.72, 5.78, 3, 2.5, 27.35292)],
)
def test_published_track_records(year, skew, kurtosis, sharpe, reference, years):
    found = min_track_record(sharpe / year**0.5, skew, kurtosis, reference / year**0.5) / year
    assert found == pytest.approx(years, abs=1e-6)


def test_a_track_record_of_that_length_is_as_sure_as_asked():
    for sharpe, skew, kurtosis in ((0.1, 0.0, 3.0), (0.4, -1.0, 7.0), (0.02, 0.5, 4.0)):
        n = min_track_record(sharpe, skew, kurtosis, 0.01, 0.9)
        assert probabilistic_sharpe(sharpe, n, skew, kurtosis, 0.01) == pytest.approx(0.9, abs=1e-12)
    assert min_track_record(0.1, reference=0.1) == math.inf
    assert min_track_record(-0.1) == math.inf
    assert min_backtest_length(100, 0.0) == math.inf


def test_arrays_broadcast_and_agree_with_numbers():
    ratios, lengths = np.array([[0.0], [0.1], [np.nan]]), np.array([2.0, 100.0])
    table = probabilistic_sharpe(ratios, lengths, -1, 5, 0.01)
    assert table.shape == (3, 2)
    assert table[1, 1] == probabilistic_sharpe(0.1, 100, -1, 5, 0.01)
    assert np.isnan(table[2]).all()
    assert expected_max_sharpe([1, 2, 100], 0.5).tolist() == [expected_max_sharpe(n, 0.5) for n in (1, 2, 100)]
    assert isinstance(expected_max_sharpe(7), float)


def test_the_expected_maximum_is_near_that_of_draws():
    draws = np.random.default_rng(0).normal(size=(20_000, 50)).max(axis=1)
    assert expected_max_sharpe(50) == pytest.approx(draws.mean(), rel=0.02)
    counts = np.geomspace(1, 1e12, 60)
    assert (np.diff(expected_max_sharpe(counts)) >= 0).all()


def test_one_trial_is_not_deflated_and_equal_trials_neither():
    assert deflated_sharpe(0.1, 200, 1, 0.3, -1, 4) == probabilistic_sharpe(0.1, 200, -1, 4)
    assert deflated_sharpe(0.1, 200, 50, 0.0) == probabilistic_sharpe(0.1, 200)


def test_an_effective_number_of_trials_is_warned_about():
    with pytest.warns(UserWarning, match="corrects twice"):
        found = deflated_sharpe(0.1, 500, 400, 0.05, n_effective=20)
    assert found == deflated_sharpe(0.1, 500, 20, 0.05)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: probabilistic_sharpe(0.1, 1), "at least 2"),
        (lambda: probabilistic_sharpe(0.1, 10, 0, 0.5), "kurtosis is 0.5"),
        (lambda: probabilistic_sharpe("much", 10), "no number"),
        (lambda: expected_max_sharpe(0), "n_trials is 0"),
        (lambda: expected_max_sharpe(5, -1), "std is -1"),
        (lambda: min_track_record(0.1, confidence=1), "confidence"),
    ],
)
def test_bad_numbers_are_refused(call, words):
    with pytest.raises(BadInput, match=words):
        call()


def test_moments_that_no_distribution_has_give_nan():
    assert math.isnan(probabilistic_sharpe(3.0, 50, 4.0, 2.0))


def test_the_normal_distribution_is_that_of_scipy():
    x = np.concatenate([np.linspace(-37, 37, 501), [-np.inf, np.inf, 0.0]])
    np.testing.assert_allclose(normal_cdf(x), stats.norm.cdf(x), rtol=1e-13, atol=0)
    p = np.concatenate([np.geomspace(1e-300, 0.5, 200), np.linspace(0.5, 1 - 1e-15, 100), [0.0, 1.0]])
    np.testing.assert_allclose(normal_quantile(p), stats.norm.ppf(p), rtol=1e-12, atol=1e-15)
    assert np.isnan(normal_quantile([-0.1, 1.1, np.nan])).all()


def test_moments_from_sums_are_those_of_scipy():
    returns = np.random.default_rng(1).standard_t(5, size=(400, 6)) / 100 + 0.002
    returns[:, 3] = 0.01
    returns[:, 4] = 0.0
    sums = np.array([(returns**k).sum(axis=0) for k in (1, 2, 3, 4)])
    sums[:, 5] = np.nan
    sharpe, skew, kurtosis = moments_of(sums, 400)
    good = returns[:, :3]
    np.testing.assert_allclose(sharpe[:3], good.mean(0) / good.std(0, ddof=1), rtol=1e-12)
    np.testing.assert_allclose(skew[:3], stats.skew(good), rtol=1e-9)
    np.testing.assert_allclose(kurtosis[:3], stats.kurtosis(good, fisher=False), rtol=1e-9)
    assert np.isnan(np.array([sharpe, skew, kurtosis])[:, 3:]).all()


def test_skfolio_agrees():
    measures = pytest.importorskip("skfolio.measures")
    draws = np.random.default_rng(2)
    returns, trials = draws.normal(0.001, 0.01, size=300), draws.normal(0, 0.05, size=40)
    sums = np.array([(returns**k).sum() for k in (1, 2, 3, 4)])
    sharpe, skew, kurtosis = moments_of(sums, 300)
    ours = probabilistic_sharpe(sharpe, 300, skew, kurtosis)
    assert measures.probabilistic_sharpe_ratio(returns) == pytest.approx(ours, abs=1e-9)
    ours = deflated_sharpe(sharpe, 300, 40, trials.std(ddof=1), skew, kurtosis)
    assert measures.deflated_sharpe_ratio(returns, trials) == pytest.approx(ours, abs=1e-9)


def test_purgedcv_agrees():
    purgedcv = pytest.importorskip("purgedcv")
    returns = np.random.default_rng(5).normal(0.001, 0.01, size=300)
    theirs = purgedcv.deflated_sharpe_ratio_full(returns, 40, 0.003)
    assert theirs.sr_star == pytest.approx(expected_max_sharpe(40, 0.003**0.5), abs=1e-9)
    ours = deflated_sharpe(theirs.observed_sr, 300, 40, 0.003**0.5, theirs.skew, theirs.kurt)
    assert theirs.dsr == pytest.approx(ours, abs=1e-9)
    theirs = purgedcv.min_track_record_length(0.2, 0.1, 0.05, -0.5, 5)
    assert math.ceil(min_track_record(0.2, -0.5, 5, 0.1)) == theirs
    assert purgedcv.minimum_backtest_length(45) == pytest.approx(min_backtest_length(45), abs=1e-9)
