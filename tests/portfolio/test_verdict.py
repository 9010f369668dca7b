"""The verdict: what it is made of, what it says, and what it refuses."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from atomloom.errors import BadInput, Infeasible
from atomloom.portfolio import (
    Evidence,
    deflated_sharpe,
    expected_max_sharpe,
    max_t,
    min_backtest_length,
    overfit,
    pbo,
    plateau_of,
    probabilistic_sharpe,
    verdict_from,
)
from oracles import overfit_oracle as oracle


@pytest.fixture(scope="module")
def returns():
    made = np.random.default_rng(3).normal(size=(500, 40)) / 100
    made[:, 7] += 0.0025
    return made


def test_each_number_is_that_of_its_own_verb(returns):
    verdict = overfit(returns, n_blocks=8, seed=4, periods_per_year=52)
    tested, halves = max_t(returns, seed=4), pbo(returns, 8)
    ratios = np.array([oracle.sharpe(column) for column in returns.T.tolist()])
    best = int(ratios.argmax())
    x = returns[:, best]
    skew = ((x - x.mean()) ** 3).mean() / x.std() ** 3
    kurtosis = ((x - x.mean()) ** 4).mean() / x.std() ** 4
    std = ratios.std(ddof=1)
    assert verdict.best == best == 7
    assert verdict.sharpe == pytest.approx(ratios[best])
    assert verdict.annual_sharpe == pytest.approx(ratios[best] * math.sqrt(52))
    assert verdict.psr == pytest.approx(probabilistic_sharpe(ratios[best], 500, skew, kurtosis))
    assert verdict.dsr == pytest.approx(deflated_sharpe(ratios[best], 500, 40, std, skew, kurtosis))
    assert verdict.luck == pytest.approx(expected_max_sharpe(40, std))
    assert verdict.min_backtest_length == pytest.approx(min_backtest_length(40, verdict.annual_sharpe))
    assert np.array_equal(verdict.p, tested.p)
    assert verdict.survivors.tolist() == tested.survivors.tolist() == [7]
    assert verdict.pbo.value == halves.value
    assert verdict.rank_correlation == halves.rank_correlation
    assert verdict.blocks == (tested.n_blocks, tested.block_length)
    assert verdict.detectable == pytest.approx(tested.steps.critical[0] / math.sqrt(500) * math.sqrt(52))


def test_the_same_bits_for_any_number_of_threads(returns):
    one, two = overfit(returns, threads=1), overfit(returns, threads=2)
    assert one.to_dict() == two.to_dict()
    assert np.array_equal(one.p, two.p)


def test_it_says_in_plain_words_what_was_found(returns):
    said = overfit(returns, parameters={"fee": np.arange(40.0)}).summary()
    assert said.startswith("1 of 40 configurations survive at 5%: a mean return above 0")
    assert "best: 7 (fee=7.0), Sharpe ratio" in said
    assert "PBO" in said
    assert "its 2 neighbours" in said
    assert "What this does not say" in said
    noise = overfit(np.delete(returns, 7, axis=1), benchmark=returns[:, 7])
    assert len(noise.survivors) == 0
    said = noise.summary()
    assert said.startswith("0 of 39 configurations survive at 5%: a mean return above the benchmark's")
    assert "no survivor is no proof of no edge" in said


def test_results_can_be_written(returns):
    verdict = overfit(returns, names=[f"c{k}" for k in range(40)], parameters={"fee": np.arange(40)})
    values = json.loads(json.dumps(verdict.to_dict()))
    assert values["label"] == "c7"
    assert values["n_trials"] == values["n_configs"] == 40
    frame = verdict.to_frame()
    assert frame.index[frame["survives"]].tolist() == ["c7"]
    assert frame.loc["c7", "fee"] == 7
    assert "<p>" in verdict._repr_html_()
    escaped = overfit(returns[:, :3], names=["<b>", "&", "c"])._repr_html_()
    assert "<b>" not in escaped


def test_trials_that_are_not_there_make_it_stricter(returns):
    found, more, many = (overfit(returns, n_trials=n) for n in (None, 80, 40_000))
    assert more.p_value == pytest.approx(1 - (1 - found.p_value) ** 2)
    assert more.dsr < found.dsr
    assert more.survivors.tolist() == [7]
    assert len(many.survivors) == 0
    assert "40,000 trials were counted" in many.summary()


def test_the_largest_t_is_told_where_it_is_not_the_best(returns):
    table = returns.copy()
    table[:, 3] = 1e-6 + 1e-7 * table[:, 3]  # next to cash: the best ratio, but not beside that benchmark
    verdict = overfit(table, benchmark=np.full(500, 1e-6))
    assert verdict.best == 3
    assert verdict.survivors.tolist() == [7]
    assert "largest t: 7" in verdict.summary()


def test_one_configuration_is_a_single_trial():
    verdict = overfit(np.random.default_rng(0).normal(0.3, 1, size=300))
    assert verdict.pbo is None
    assert verdict.dsr == verdict.psr
    assert math.isnan(verdict.rank_correlation)
    assert verdict.survivors.tolist() == [0]
    assert "PBO" not in verdict.summary()


def test_configurations_that_do_not_vary_are_counted(returns):
    table = np.hstack([returns, np.zeros((500, 2)), np.full((500, 1), 0.01)])
    verdict = overfit(table)
    assert verdict.n_left_out == 3
    assert verdict.n_trials == 43
    assert verdict.best == 7
    assert np.isnan(verdict.p[40:]).all()
    with pytest.raises(Infeasible, match="none of 3 configurations varies"):
        overfit(table[:, 40:])


def test_evidence_of_a_sweep_gives_the_same_verdict(returns):
    tested = max_t(returns)
    sums = np.array([(returns**k).sum(axis=0) for k in (1, 2, 3, 4)])
    evidence = Evidence(
        sums=sums, n=500, steps=tested.steps, pbo=pbo(returns), n_trials=40, blocks=(tested.n_blocks, 1),
        rank_correlation=0.25,
    )  # fmt: skip
    found, whole = verdict_from(evidence), overfit(returns)
    assert found.rank_correlation == 0.25
    assert found.dsr == pytest.approx(whole.dsr)
    assert np.array_equal(found.p, whole.p)
    failed = np.hstack([sums, np.full((4, 1), np.nan)])
    steps = max_t(np.hstack([returns, np.zeros((500, 1))])).steps
    found = verdict_from(Evidence(failed, 500, steps, None, 41, (500, 1)))
    assert found.n_left_out == 1
    assert found.survivors.tolist() == [7]


def test_neighbours_are_one_step_away_on_one_axis():
    look, fee, method = np.meshgrid([10, 20, 40], [0.0, 0.1, 0.5], ["a", "b"], indexing="ij")
    parameters = {"look": look.ravel(), "fee": fee.ravel(), "method": method.ravel()}
    sharpe = np.arange(18.0)
    best = 8  # look 20, fee 0.1, method a
    found = plateau_of(sharpe, best, parameters)
    assert (parameters["look"][best], parameters["fee"][best], parameters["method"][best]) == (20, 0.1, "a")
    assert found.count == 4
    assert sorted(found.axes) == ["fee", "look"]
    assert found.mean == np.mean([2, 14, 6, 10])
    assert found.axes == {"look": 8.0, "fee": 8.0}
    corner = plateau_of(sharpe, 17, parameters)
    assert corner.count == 2
    order = np.random.default_rng(0).permutation(18)
    again = plateau_of(
        sharpe[order], int(np.flatnonzero(order == best)[0]), {k: v[order] for k, v in parameters.items()}
    )
    assert again == found
    sharpe[2] = np.nan
    assert plateau_of(sharpe, best, parameters).count == 3
    alone = plateau_of(sharpe, best, {"method": parameters["method"][:1].repeat(18), "k": np.array([None] * 18)})
    assert alone.count == 0
    assert math.isnan(alone.median)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"n_trials": 10}, "n_trials is 10"),
        ({"n_trials": 40.5}, "n_trials is 40.5"),
        ({"names": ["a"]}, "names has 1 entries"),
        ({"parameters": {"fee": [1, 2]}}, "parameter 'fee'"),
        ({"periods_per_year": 0}, "periods_per_year is 0"),
        ({"n_blocks": 7}, "n_blocks is 7"),
        ({"benchmark": [0.0]}, "benchmark has 1"),
    ],
)
def test_bad_input_is_refused(returns, more, words):
    with pytest.raises(BadInput, match=words):
        overfit(returns, **more)
