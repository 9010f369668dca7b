from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.engine.cost import CostModel, fit_cost, probe_indices, resolve_cost
from atomloom.engine.partition import cost_parts, lin_parts
from atomloom.errors import BadInput
from oracles import partition_oracle as oracle

N = 3000
I = np.arange(N, dtype=float)  # noqa: E741  # the i of the formulas
# seconds per row, each with more than one second of work in total
ROWS = {
    "flat": np.full(N, 400e-6),
    "lower": 6e-6 + 300e-9 * I,
    "upper": 6e-6 + 300e-9 * (N - 1 - I),
    "quadratic": 5e-6 + 150e-12 * I**2,
    "quadratic upper": 5e-6 + 150e-12 * (N - 1 - I) ** 2,
    "a + b i": 300e-6 + 60e-9 * I,
    "mostly a": 380e-6 + 20e-9 * I,
    "lower + quadratic": 20e-6 + 100e-9 * I + 80e-12 * I**2,
}
KINDS = {
    "flat": "flat",
    "lower": "grows linearly",
    "upper": "shrinks linearly",
    "quadratic": "grows with the square",
    "quadratic upper": "shrinks with the square",
    "a + b i": "grows linearly",
    "mostly a": "flat",
}


def timed(cost, indices, seed, *, repeats=1, noise=0.08, spikes=0):
    """Timings as a busy machine gives them: a longer tail upwards, a clock, and some huge outliers."""
    rng = np.random.default_rng(seed)
    shape = (len(indices), repeats)
    seconds = cost[indices, None] * np.exp(np.abs(rng.normal(0, noise, shape))) + rng.exponential(3e-7, shape)
    for at in rng.choice(len(indices), spikes, replace=False):
        seconds[at] *= rng.choice([5.0, 10.0, 100.0])
    seconds = np.round(seconds, 9)
    return seconds[:, 0] if repeats == 1 else seconds


def efficiency(cost, bounds, workers=24):
    return cost.sum() / workers / oracle.list_schedule(oracle.loads(cost, bounds), workers)


# --- probes


@given(st.integers(0, 10**12), st.one_of(st.none(), st.integers(1, 100)))
def test_probes_are_spread_and_include_both_ends(n, k):
    probes = probe_indices(n, k)
    assert probes.dtype == np.int64
    assert len(probes) == min(n, k if k is not None else min(32, math.ceil(2 * math.sqrt(n))))
    assert (np.diff(probes) > 0).all()
    if len(probes) > 1:
        assert probes[0] == 0
        assert probes[-1] == n - 1
        assert np.ptp(np.diff(probes)) <= 1


@pytest.mark.parametrize(("n", "k"), [(-1, None), (2.5, None), (True, None), (5, 0), (5, 1.5), (5, False)])
def test_bad_probe_counts_are_refused(n, k):
    with pytest.raises(BadInput, match=r"whole number|lie between"):
        probe_indices(n, k)


# --- fits


@pytest.mark.parametrize("name", ROWS)
def test_exact_timings_give_the_exact_cost(name):
    at = probe_indices(N)
    model = fit_cost(at, ROWS[name][at], N)
    np.testing.assert_allclose(model.cost(N), ROWS[name], rtol=1e-6)
    assert model.residual < 1e-6
    assert model.probes == 32
    assert model.kind == KINDS.get(name, model.kind)


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("seed", range(25))
def test_goal_fitted_cuts_reach_nine_tenths_of_24_cores(name, seed):
    cost = ROWS[name]
    assert cost.sum() >= 1.0
    at = probe_indices(N)
    model = fit_cost(at, timed(cost, at, seed, spikes=seed % 3), N)
    assert efficiency(cost, cost_parts(model.cost(N), 24)) >= 0.9


@pytest.mark.parametrize("name", ROWS)
def test_goal_holds_on_unions_of_leaves(name):
    cost, at = ROWS[name], probe_indices(N)
    leaves = lin_parts(N, 960)
    for seed in range(10):
        model = fit_cost(at, timed(cost, at, seed, repeats=3, spikes=1), N)
        cuts = leaves[cost_parts(np.add.reduceat(model.cost(N), leaves[:-1]), 24)]
        assert efficiency(cost, cuts) >= 0.9


def test_linear_and_nested_cuts_would_miss_the_goal():
    """The oracle can fail: the cuts that know nothing of the cost do."""
    assert efficiency(ROWS["quadratic"], lin_parts(N, 24)) < 0.5
    assert efficiency(ROWS["lower"], lin_parts(N, 24)) < 0.6
    assert efficiency(ROWS["flat"], cost_parts(I + 1, 24)) < 0.4


@pytest.mark.parametrize("name", KINDS)
def test_noisy_rows_are_named_rightly(name):
    at = probe_indices(N)
    kinds = [fit_cost(at, timed(ROWS[name], at, seed, noise=0.05, spikes=2), N).kind for seed in range(20)]
    assert kinds.count(KINDS[name]) >= 18


@given(st.integers(0, 2**32), st.integers(0, 31), st.integers(0, 31))
def test_two_spikes_do_not_wreck_a_fit(seed, first, second):
    cost, at = ROWS["lower"], probe_indices(N)
    seconds = timed(cost, at, seed, noise=0.03)
    seconds[[first, second]] *= 10.0
    model = fit_cost(at, seconds, N)
    assert np.abs(model.cost(N)[N // 10 :] / cost[N // 10 :] - 1).max() < 0.15


def test_repeats_are_taken_at_their_median():
    at = probe_indices(100)
    seconds = np.ones((len(at), 3))
    seconds[:, 2] = 1000.0
    assert fit_cost(at, seconds, 100).cost(100).tolist() == [1.0] * 100


@given(
    st.integers(1, 40).flatmap(
        lambda n: st.tuples(st.just(n), st.lists(st.integers(0, n - 1), min_size=1, max_size=40), st.integers(0, 2**32))
    )
)
def test_any_probes_give_finite_non_negative_costs(case):
    n, at, seed = case
    rng = np.random.default_rng(seed)
    seconds = rng.choice([0.0, 1e-9, 1e-6, 1.0, 1e6], len(at)) * rng.random(len(at))
    model = fit_cost(at, seconds, n)
    cost = model.cost(n)
    assert np.isfinite(cost).all()
    assert (cost >= 0).all()
    assert cost.max() <= 10 * n * n * max(seconds.max(), 1e-300)
    cost_parts(cost, 3)


def test_a_clock_that_saw_nothing_means_flat():
    model = fit_cost([0, 5, 9], [0.0, 0.0, 0.0], 10)
    assert (model.kind, model.residual) == ("flat", 0.0)
    assert cost_parts(model.cost(10), 5).tolist() == [0, 2, 4, 6, 8, 10]


def test_one_atom_and_one_probe():
    assert fit_cost([0], [2.0], 1).cost(1).tolist() == [2.0]
    assert fit_cost([0, 1], [1.0, 3.0], 2).cost(2) == pytest.approx([1.0, 3.0])


def test_scattered_costs_have_a_large_residual():
    rng = np.random.default_rng(3)
    at = probe_indices(N)
    assert fit_cost(at, rng.lognormal(-7, 2, len(at)), N).residual > 0.5
    assert fit_cost(at, timed(ROWS["lower"], at, 3), N).residual < 0.15


def test_the_middle_may_be_cheapest():
    model = fit_cost(np.arange(50), 1e-3 + 1e-5 * (np.arange(50) ** 2 + np.arange(49, -1, -1) ** 2), 50)
    assert model.kind == "cheapest in the middle"


def test_models_are_plain_values():
    at = probe_indices(N)
    model = fit_cost(at, ROWS["lower"][at], N)
    again = CostModel(**json.loads(json.dumps(model.to_dict())))
    assert again == model
    assert model.cost(10).tolist() == pytest.approx((6e-6 + 300e-9 * np.arange(10)).tolist())
    with pytest.raises(AttributeError):
        model.rise = 1.0
    with pytest.raises(BadInput, match="n must"):
        model.cost(-1)


@pytest.mark.parametrize(
    ("at", "seconds", "said"),
    [
        ([], [], "non-empty"),
        ([0.0], [1.0], "whole numbers"),
        ([[0]], [1.0], "row of whole"),
        ([0, 1], [1.0], "2 probed"),
        ([0], [[[1.0]]], "shape"),
        ([0], np.empty((1, 0)), "shape"),
        ([0, 10], [1.0, 1.0], r"range\(10\)"),
        ([-1, 1], [1.0, 1.0], r"range\(10\)"),
        ([0, 1], [1.0, np.nan], "finite"),
        ([0, 1], [1.0, np.inf], "finite"),
        ([0, 1], [1.0, -1e-9], "finite and >= 0"),
    ],
)
def test_bad_probes_are_refused(at, seconds, said):
    with pytest.raises(BadInput, match=said):
        fit_cost(at, seconds, 10)


# --- costs told by the caller


def test_words_arrays_and_callables_are_costs():
    assert resolve_cost(None, 4) is None
    assert resolve_cost("linear", 4) is None
    assert resolve_cost("lower", 4).tolist() == [1, 2, 3, 4]
    assert resolve_cost("upper", 4).tolist() == [4, 3, 2, 1]
    assert resolve_cost(range(3), 3).tolist() == [0, 1, 2]
    assert resolve_cost(np.sqrt, 3).tolist() == [0.0, 1.0, 2**0.5]
    assert resolve_cost("lower", 0).tolist() == []


@pytest.mark.parametrize(
    ("cost", "said"),
    [
        ("auto", 'partition="auto"'),
        ("nested", "linear"),
        ([1.0, 2.0], "2 values for 3 atoms"),
        (lambda i: 1.0, "all indices at once"),
        (lambda i: i[:-1], "2 values for 3"),
        (lambda i: -i, "negative"),
        (lambda i: np.divide(1.0, i, where=i > 0, out=np.full(3, np.nan)), "NaN"),
        (5, "one-dimensional"),
        ({"a": 1}, "numbers"),
    ],
)
def test_bad_costs_told_by_the_caller_are_refused(cost, said):
    with pytest.raises(BadInput, match=said):
        resolve_cost(cost, 3)
