"""The quadratic form against scores, and samplers where they are installed."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from atomloom.errors import BadInput, MissingExtra
from atomloom.trajectory import evaluate, random_problem, solve
from atomloom.trajectory.anneal import anneal, qubo_of
from oracles import trajectory_oracle as oracle

HAVE = all(importlib.util.find_spec(name) for name in ("dimod", "dwave"))
needs = pytest.mark.skipif(not HAVE, reason="the extra anneal is not installed")

KINDS = [
    {"w0": [0.3, -0.2]},
    {"cost_fn": "linear", "terminal": [0.5, 0.5]},
    {"cost_fn": "quadratic", "bounds": (-0.5, 1.0)},
    {"objective": "mean_variance", "risk_aversion": 0.4},
]


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_the_energy_of_a_path_is_exact(kind):
    problem = random_problem(2, 2, 2, seed=kind, cost_scale=0.5, **KINDS[kind])
    form = qubo_of(problem, price=0.7)
    for one in oracle.allowed(problem):
        for two in oracle.allowed(problem):
            bits = form.of_path(np.array([one, two]))
            mean, variance = oracle.score(problem, [[x / 2 for x in held] for held in (one, two)])
            assert bits.sum() == 4
            assert form.energy(bits[None])[0] == pytest.approx(0.7 * variance - mean, abs=1e-12)


def test_what_is_no_path_pays_and_the_least_energy_is_the_best_path():
    problem = random_problem(2, 2, 1, seed=3, cost_scale=0.3)
    form = qubo_of(problem, price=0.3, one_level=3.0, all_units=3.0)
    every = (np.arange(2**12)[:, None] >> np.arange(12)) & 1  # all rows of 12 bits
    best = form.energy(every).min()
    additive = random_problem(2, 2, 1, seed=3, cost_scale=0.3, objective="mean_variance", risk_aversion=0.3)
    assert best == pytest.approx(-oracle.best_path(additive)[0], rel=1e-12)


def test_the_order_of_variables_is_fixed():
    form = qubo_of(random_problem(3, 2, 2, seed=1), price=1.0)
    assert form.bits.tolist() == sorted(form.bits.tolist())
    assert (form.rows < form.columns).all()
    assert len(set(zip(form.rows.tolist(), form.columns.tolist(), strict=True))) == len(form.rows)


@needs
@pytest.mark.parametrize(("sampler", "options"), [("sa", {}), ("tabu", {"timeout": 10})])
def test_samplers_find_good_paths(sampler, options):
    problem = random_problem(2, 3, 2, seed=5, cost_scale=0.3)
    best = oracle.best_path(problem)[0]
    result = solve(problem, "anneal", sampler=sampler, reads=50, rounds=2, options=options)
    assert best - 0.2 * abs(best) <= result.value <= best + 1e-12
    assert result.status == "heuristic"
    assert result.detail["paths"] + result.detail["mended"] == result.detail["reads"] == result.n_explored


@needs
def test_annealing_repeats_by_seed_to_the_bit():
    problem = random_problem(3, 3, 3, seed=5, cost_scale=0.3)
    one, two = (anneal(problem, seed=11, reads=20, rounds=2) for _ in range(2))
    assert np.array_equal(one.units, two.units)
    assert one.detail == two.detail


@needs
def test_any_dimod_sampler_is_taken_and_bounds_hold():
    import dimod

    for bounds in (None, ([0.0, -0.5], [1.0, 0.5])):
        problem = random_problem(2, 1, 2, seed=5, cost_scale=0.3, bounds=bounds)

        class Every:
            @staticmethod
            def sample(model, *, num_reads):
                assert num_reads == 100
                assert list(model.variables) == list(range(len(model.variables)))
                return dimod.ExactSolver().sample(model)

        found = anneal(problem, sampler=Every(), one_level=3.0, all_units=3.0)
        assert evaluate(problem, found.units / 2).value == pytest.approx(oracle.best_path(problem)[0], rel=1e-12)
        assert tuple(found.units[0]) in set(oracle.allowed(problem))


def test_without_the_extra_it_says_what_to_install(monkeypatch):
    for name in ("dimod", "dwave", "dwave.samplers"):
        monkeypatch.setitem(sys.modules, name, None)  # as if it were not installed
    with pytest.raises(MissingExtra, match=r"atomloom\[anneal\]"):
        anneal(random_problem(2, 2, 2))


def test_options_are_checked():
    problem = random_problem(2, 2, 2)
    with pytest.raises(BadInput, match="one_level is 0"):
        qubo_of(problem, price=1.0, one_level=0.0)
    with pytest.raises(BadInput, match="sampler is 'quantum'"):
        anneal(problem, sampler="quantum")
