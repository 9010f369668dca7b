"""The exact method is exact: against every path tried, its laws, its certificate, its limits."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput, Infeasible, OverBudget
from atomloom.trajectory import (
    TrajectoryProblem,
    evaluate,
    omega_size,
    plan,
    random_problem,
    solve,
    verify_certificate,
)
from atomloom.trajectory.exact import bytes_of, chain_of, passes_for
from atomloom.trajectory.passes import Runner
from atomloom.trajectory.plan import plan_of
from atomloom.trajectory.search import Search
from oracles import chain_oracle as oracle
from trajectory.problems_to_try import drawn, short_of_the_best


@pytest.mark.parametrize("first", range(0, 600, 100))
def test_it_finds_what_trying_every_path_finds(first):
    for seed in range(first, first + 100):
        problem = drawn(seed)
        best, most = oracle.best_value(problem)
        result = solve(problem, "exact")
        assert result.value == pytest.approx(best, rel=1e-11, abs=1e-13), (seed, problem)
        assert result.status == "optimal"
        assert result.gap <= 1e-12
        assert ("all_paths_lose" in result.detail) == (most < 0 and problem.risk_aversion is None)


@pytest.mark.parametrize("seed", range(0, 600, 13))
def test_every_certificate_is_verified_by_other_means(seed):
    problem = drawn(seed)
    check = verify_certificate(solve(problem, "exact"), problem)
    assert check.valid, check.faults
    assert check.gap <= 1e-9


@pytest.mark.parametrize("what", short_of_the_best())
def test_climbing_alone_stops_short_and_the_search_does_not(what):
    assets, horizons, units, seed = what
    problem = random_problem(assets, horizons, units, seed=seed, cost_scale=0.5)
    chain = chain_of(problem)
    search = Search(Runner(passes_for(chain, plan_of(assets, units), 1)), float(chain.risk.min(axis=1).sum()))
    search.add(0.0)
    search.climb()
    climbed = search.value
    result = solve(problem, "exact")
    assert result.value > climbed * (1 + 1e-4)
    assert result.value == pytest.approx(oracle.best_value(problem)[0], rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([(2, 3, 4), (3, 3, 3), (4, 2, 2)]), st.floats(0.01, 100))
def test_scales(seed, shape, scale):
    problem = random_problem(*shape, seed=seed, cost_scale=0.3)
    sr = solve(problem, "exact").sr
    both = dataclasses.replace(problem, mu=problem.mu * scale, cost=problem.cost * scale)
    assert solve(both, "exact").sr == pytest.approx(scale * sr, rel=1e-9)
    assert solve(dataclasses.replace(problem, cov=problem.cov * scale), "exact").sr == pytest.approx(
        sr / math.sqrt(scale), rel=1e-9
    )
    if sr > 0:
        dearer = dataclasses.replace(problem, cost=problem.cost * (1 + scale))
        assert solve(dearer, "exact").sr <= sr * (1 + 1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.data())
def test_symmetries(seed, data):
    problem = random_problem(3, 2, 3, seed=seed, cost_scale=0.4, w0=np.random.default_rng(seed).normal(size=3))
    sr = solve(problem, "exact").sr
    order = data.draw(st.permutations(range(3)))
    turned = dataclasses.replace(
        problem,
        mu=problem.mu[:, order],
        cov=problem.cov[:, order][:, :, order],
        cost=problem.cost[:, order],
        w0=problem.w0[order],
    )
    assert solve(turned, "exact").sr == pytest.approx(sr, rel=1e-11)
    mirrored = dataclasses.replace(problem, mu=-problem.mu, w0=-problem.w0)
    assert solve(mirrored, "exact").sr == pytest.approx(sr, rel=1e-11)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([2, 3]))
def test_a_finer_grid_is_never_worse(seed, times):
    problem = random_problem(2, 3, 2, seed=seed, cost_scale=0.3)
    finer = dataclasses.replace(problem, units=2 * times)
    assert solve(finer, "exact").value >= solve(problem, "exact").value * (1 - 1e-12)


def test_free_changes_make_horizons_independent_under_one_price():
    problem = random_problem(3, 4, 4, seed=3, cost_scale=0.0)
    result = solve(problem, "exact")
    price = result.mean / (2 * result.variance)
    states = chain_of(problem)
    alone = (states.gain - price * states.risk).max(axis=1).sum()
    assert result.mean - price * result.variance == pytest.approx(alone, rel=1e-12)


def test_large_problems_are_solved_and_proved():
    problem = random_problem(4, 100, 16, seed=1, cost_scale=0.3)  # 10^404 paths
    result = solve(problem, "exact")
    assert result.status == "optimal"
    assert result.gap <= 1e-12
    assert result.n_pruned > 10**403
    assert evaluate(problem, result.weights).sr == result.sr


def test_the_same_bits_for_any_number_of_threads(monkeypatch):
    monkeypatch.setattr(plan, "LARGE", 0)
    monkeypatch.setattr("atomloom.trajectory.exact.sizes_of", plan.sizes_of.__wrapped__)
    for shape in ((2, 3, 3), (3, 4, 5), (5, 3, 3)):
        problem = random_problem(*shape, seed=4, cost_scale=0.3)
        results = [solve(problem, "exact", threads=threads) for threads in (1, 2, 5)]
        assert len({result.units.tobytes() for result in results}) == 1
        assert len({result.certificate for result in results}) == 1


def test_progress_closes_the_bound():
    told = []
    result = solve(random_problem(3, 6, 6, seed=1, cost_scale=0.3), "exact", listen=told.append)
    assert [one.n_passes for one in told] == list(range(1, result.n_passes + 1))
    bounds, bests = [one.bound for one in told], [one.best for one in told]
    assert bounds == sorted(bounds, reverse=True)
    assert bests == sorted(bests)
    assert told[-1].best == pytest.approx(result.value, rel=1e-12)
    assert told[-1].bound == pytest.approx(result.upper_bound, rel=1e-12)


def test_out_of_time_is_said():
    problem = random_problem(4, 10, 8, seed=1, cost_scale=0.3)
    late = solve(problem, "exact", time_limit=1e-9)
    best = solve(problem, "exact")
    assert late.status == "bounded"
    assert late.detail == {"complete": False}
    assert late.value <= best.value <= late.upper_bound
    assert late.gap > 0
    assert verify_certificate(late, problem).valid


def test_out_of_memory_is_predicted():
    problem = random_problem(6, 4, 8, seed=1)
    with pytest.raises(OverBudget, match=r"20,256 states.*1\.0 MB may be taken.*with 6 assets 4 units would fit"):
        solve(problem, "exact", memory="1MB")
    assert bytes_of(8, 8, 10) < 1.5e9
    assert solve(problem, "auto", memory="1MB").status == "heuristic"


def test_tampered_certificates_are_found_out():
    problem = random_problem(3, 3, 3, seed=2, cost_scale=0.3)
    result = solve(problem, "exact")
    proof = result.certificate
    lower = dataclasses.replace(proof, lines=tuple((price, level - 0.01) for price, level in proof.lines))
    fewer = dataclasses.replace(proof, lines=proof.lines[-1:], points=proof.points[-1:])
    none_flat = dataclasses.replace(proof, lines=proof.lines[:-1], points=proof.points[:-1])
    for forged in (lower, fewer, none_flat):
        check = verify_certificate(dataclasses.replace(result, certificate=forged), problem)
        assert not check
        assert check.faults
    worse = solve(dataclasses.replace(problem, mu=problem.mu * 0.99), "exact")
    assert not verify_certificate(worse, problem)
    with pytest.raises(BadInput, match="has no certificate"):
        verify_certificate(dataclasses.replace(result, certificate=None), problem)


def test_earning_without_variance_is_refused():
    flat = np.zeros((2, 2, 2))
    with pytest.raises(Infeasible, match=r"without any variance earns 0\.2.*shrink"):
        solve(TrajectoryProblem([[0.1, 0.0]] * 2, flat, [[0.0, 0.0]] * 2, 1), "exact")
    twins = TrajectoryProblem([[0.3, 0.1]], [[[1.0, 1.0], [1.0, 1.0]]], [[0.0, 0.0]], 2)
    with pytest.raises(Infeasible, match=r"earns 0\.1"):  # long one, short its twin
        solve(twins, "exact")


def test_a_riskless_path_that_loses_does_not_matter():
    problem = TrajectoryProblem([[0.3, 0.3]], [[[1.0, 1.0], [1.0, 1.0]]], [[0.05, 0.05]], 2)
    result = solve(problem, "exact")
    assert result.sr == pytest.approx(0.3 - 2 * 0.05 * math.sqrt(0.5)) or result.sr == pytest.approx(0.25)
    assert result.value == pytest.approx(oracle.best_value(problem)[0])
    assert result.status == "optimal"


def test_losing_everywhere_can_be_left_at_a_bound():
    for seed in range(1, 300, 6):
        problem = drawn(seed)
        if problem.risk_aversion is not None:
            continue
        bound = solve(problem, "exact", on_negative="bound")
        exact = solve(problem, "exact")
        assert bound.value <= exact.value <= bound.upper_bound + 1e-12
        assert bound.status in {"optimal", "bounded"}


def test_options_and_methods_are_checked():
    problem = random_problem(2, 2, 2, seed=1)
    with pytest.raises(BadInput, match="did you mean 'exact'"):
        solve(problem, "exakt")
    with pytest.raises(BadInput, match="on_negative"):
        solve(problem, "exact", on_negativ="bound")
    with pytest.raises(BadInput, match="time_limit"):
        solve(problem, "exact", time_limit=0)
    with pytest.raises(BadInput, match="on_negative is 'cash'"):
        solve(problem, "exact", on_negative="cash")


def test_results_tell_everything():
    problem = random_problem(2, 3, 2, seed=1, cost_scale=0.2)
    result = solve(problem, "exact", seed=3)
    assert result.seed == 3
    assert result.to_dict()["status"] == "optimal"
    frame = result.to_frame()
    assert list(frame.columns) == ["w0", "w1", "gain", "risk", "cost", "turnover"]
    assert np.allclose(np.abs(frame[["w0", "w1"]]).sum(axis=1), 1)
    assert "no path is worth more" in result.summary()
    assert "TrajectoryResult" in result._repr_html_()
    assert result.n_explored + result.n_pruned == omega_size(2, 2) ** 3
    assert result.regret(2 * result.value) == pytest.approx(0.5)
