"""What is badly given is named, and what rounding hides is not called proved."""

from __future__ import annotations

import copy
import dataclasses
import itertools
import math
import pickle
import time

import numpy as np
import pytest

from atomloom.errors import BadInput, Infeasible, OverBudget
from atomloom.trajectory import (
    TrajectoryProblem,
    evaluate,
    iter_omega,
    omega,
    problem_from_prices,
    random_problem,
    solve,
    solve_chain,
    solve_many,
    verify_certificate,
)
from atomloom.trajectory.certificate import Certificate, outer_bound
from oracles import chain_oracle as oracle

GOOD = {"mu": [[0.1, 0.2]], "cov": [[[1.0, 0.2], [0.2, 1.0]]], "cost": [[0.01, 0.02]], "units": 3}
ODD = {
    "text": "x",
    "texts": [["1", "2"]],
    "ragged": [[1.0], [1.0, 2.0]],
    "object": object(),
    "complex": np.array([[1j, 2.0]]),
    "mapping": {"a": 1},
    "set": {1, 2},
    "huge": 10**400,
    "infinite": np.inf,
    "days": np.array([["2020-01-01", "2020-01-02"]], dtype="M8[D]"),
    "truth": True,
}


@pytest.mark.parametrize("field", [*GOOD, "w0", "terminal", "bounds", "cost_fn", "objective", "risk_aversion"])
@pytest.mark.parametrize("what", ODD)
def test_whatever_a_field_holds_it_is_named(field, what):
    with pytest.raises(BadInput, match=rf"\b{field}\b"):
        TrajectoryProblem(**{**GOOD, field: ODD[what]})


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"seed": "a"}, "seed is 'a'"),
        ({"threads": 0}, "num_threads is 0"),
        ({"threads": 1.5}, "num_threads is 1.5"),
        ({"time_limit": "a"}, "time_limit is 'a'"),
        ({"time_limit": math.nan}, "time_limit is nan"),
        ({"time_limit": True}, "time_limit is True"),
        ({"memory": "lots"}, "memory is 'lots'"),
        ({"reference": "a"}, "reference is 'a'"),
        ({"reference": math.nan}, "reference is nan"),
        ({"reference": -5.0}, "reference is -5.0, and a path is worth"),
        ({"listen": 3}, "listen is 3"),
    ],
)
@pytest.mark.parametrize("method", ["exact", "brute", "beam", "coordinate", "genetic"])
def test_options_of_every_method_are_checked(method, change, says):
    with pytest.raises(BadInput, match=says):
        solve(TrajectoryProblem(**GOOD), method, **change)


def test_options_are_checked_before_auto_takes_another_way():
    with pytest.raises(BadInput, match="an option of exact is 'widht'"):
        solve(random_problem(30, 2, 60), "auto", widht=3)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: solve(3), "problem is int"),
        (lambda: random_problem(2.5, 1, 1), "assets is 2.5"),
        (lambda: random_problem(2, 0, 1), "horizons is 0"),
        (lambda: random_problem(2, 1, 1, seed=-1), "seed is -1"),
        (lambda: random_problem(2, 1, 1, cost_scale=-1.0), "cost_scale has 1 value that is below 0"),
        (lambda: random_problem(2, 1, 1, rank=3), "rank is 3"),
        (lambda: next(iter_omega(2, 2, rows=0)), "rows is 0"),
        (lambda: omega(2, 2, memory="much"), "memory is 'much'"),
        (lambda: solve_many(3), "problems is int"),
        (lambda: solve_many([random_problem(2, 1, 1)], "exat"), "did you mean 'exact'"),
        (lambda: solve_many([random_problem(2, 1, 1)], "beam", widht=2), "did you mean 'width'"),
        (lambda: solve_many([random_problem(2, 1, 1)], threads=2), "num_threads"),
        (lambda: solve(random_problem(2, 1, 1), "genetic", mutation="a"), "mutation is 'a'"),
        (lambda: solve_chain([[0], [1]], [[1.0, 2.0]], time_limit=-1), "time_limit is -1"),
        (lambda: solve_chain([[0], [1]], "x"), "reward is no array"),
        (lambda: solve_chain([[0], [1]], [[1.0, 2.0]], cost="x"), "cost is no array"),
        (lambda: solve_chain([[0], [1]], [[1.0, 2.0]], risk="x"), "risk is no array"),
        (lambda: solve_chain([[0, 1], [1]], [[1.0, 2.0]]), "states is no array"),
        (lambda: problem_from_prices(np.ones((5, 2)), horizons=1, window=2, units=1, cost="x"), "cost is no array"),
        (lambda: problem_from_prices(np.ones((5, 2)), horizons=1, window=2, units=1, cost=0, shrink="x"), "shrink"),
    ],
)
def test_what_else_is_given_is_checked(call, says):
    with pytest.raises(BadInput, match=says):
        call()


def test_problems_stay_what_they_are_through_copies():
    problem = random_problem(2, 2, 2, seed=1, bounds=(-0.5, 1.0))
    for other in (pickle.loads(pickle.dumps(problem)), copy.deepcopy(problem)):
        assert other.to_dict() == problem.to_dict()
        assert not any(getattr(other, name).flags.writeable for name in ("mu", "cov", "cost", "w0", "bounds"))


# --- numbers at their limits


@pytest.mark.parametrize(("mean", "variance"), [(1e200, 1e-200), (1e-200, 1e200), (1.0, 1e-320), (1e-320, 1.0)])
def test_sizes_that_no_price_of_variance_joins_are_refused(mean, variance):
    problem = random_problem(3, 2, 3, seed=1)
    with pytest.raises(BadInput, match=r"^mu, cost and cov .* Hint: "):
        dataclasses.replace(problem, mu=problem.mu * mean, cost=problem.cost * mean, cov=problem.cov * variance)
    with pytest.raises(BadInput, match=r"^w0 "):
        dataclasses.replace(problem, w0=[1e300, 0.0, 0.0], cost_fn="quadratic")


@pytest.mark.parametrize("seed", range(12))
def test_sizes_far_from_one_are_proved_too(seed):
    problem = random_problem(2, 3, 2, seed=seed, cost_scale=0.3)
    wanted = solve(problem, "exact")
    mean, variance = 10.0 ** np.random.default_rng(seed).integers(-120, 121, 2)
    scaled = dataclasses.replace(
        problem, mu=problem.mu * mean, cost=problem.cost * mean, cov=problem.cov * variance
    )  # fmt: skip
    result = solve(scaled, "exact")
    assert result.status == "optimal"
    assert result.sr == pytest.approx(wanted.sr * mean / math.sqrt(variance), rel=1e-11)
    assert verify_certificate(result, scaled)


def riskless(draws, cost):
    """Covariances of one factor, with a portfolio of the grid that it leaves no variance but that of rounding."""
    load = np.array([0.1, 0.2, 0.3])  # 1, 1, -1 has none of the factor
    cov = np.tile(np.outer(load, load), (2, 1, 1))
    return TrajectoryProblem(draws.normal(size=(2, 3)), cov, np.full((2, 3), cost), 3)


@pytest.mark.parametrize("method", ["exact", "brute", "beam", "coordinate", "genetic", "auto"])
def test_a_variance_of_rounding_is_none(method):
    for seed in range(6):
        problem = riskless(np.random.default_rng(seed), 0.0)
        weights = np.tile([1 / 3, 1 / 3, -1 / 3], (2, 1))
        assert evaluate(problem, weights).variance == 0.0
        with pytest.raises(Infeasible, match="without any variance"):
            solve(problem, method)


def test_a_portfolio_that_varies_little_is_not_taken_for_one_that_does_not():
    cov = np.diag([1.0, 1e-18])
    problem = TrajectoryProblem([[0.1, 0.0]], [cov], [[0.0, 0.0]], 4)
    assert evaluate(problem, [[0.0, 1.0]]).variance == 1e-18


@pytest.mark.parametrize("seed", range(40))
def test_a_portfolio_without_risk_or_gain_leaves_the_proof_whole(seed):
    draws = np.random.default_rng(seed)
    assets, horizons, units = [(2, 2, 2), (3, 1, 3), (2, 3, 2), (3, 2, 2)][seed % 4]
    mu, mixed = draws.normal(size=(horizons, assets)), draws.normal(size=(horizons, assets, assets))
    cov, cost = mixed @ mixed.transpose(0, 2, 1), draws.uniform(0, 0.5, (horizons, assets))
    mu[:, 0] = cov[:, 0] = cov[:, :, 0] = 0.0  # cash
    cost[:, 0] *= seed % 2
    mu[:, 1:] *= [0.1, 1.0][seed // 4 % 2]
    problem = TrajectoryProblem(mu, cov, cost, units)
    result = solve(problem, "exact")
    assert result.value == pytest.approx(oracle.best_value(problem)[0], rel=1e-11, abs=1e-13)
    assert result.status == "optimal"
    check = verify_certificate(result, problem)
    assert check, check.faults


def test_twins_that_cost_nothing_are_proved_and_verified():
    for seed in range(20):
        draws = np.random.default_rng(seed)
        mixed = draws.normal(size=(2, 3, 3))
        cov, mu = mixed @ mixed.transpose(0, 2, 1), draws.normal(size=(2, 3))
        cov[:, :, 1], cov[:, 1, :] = cov[:, :, 0], cov[:, 0, :]
        cov[:, 1, 1], mu[:, 1] = cov[:, 0, 0], mu[:, 0]
        problem = TrajectoryProblem(mu, cov, np.zeros((2, 3)), 2)
        result = solve(problem, "exact")
        assert result.value == pytest.approx(oracle.best_value(problem)[0], rel=1e-11)
        assert result.status == "optimal"
        check = verify_certificate(result, problem)
        assert check, check.faults


def test_what_loses_without_any_variance_has_no_ratio():
    problem = TrajectoryProblem([[0.1, 0.2]], [np.zeros((2, 2))], [[5.0, 5.0]], 2)
    for method in ("exact", "brute", "beam", "coordinate"):
        with pytest.raises(Infeasible, match="without any variance loses"):
            solve(problem, method)


@pytest.mark.parametrize("seed", range(30))
def test_means_that_are_rounding_are_not_called_proved(seed):
    draws = np.random.default_rng(seed)
    mu = draws.choice([-1.0, 1.0], (2, 2)) * 1e8 + draws.normal(size=(2, 2)) * 1e-3
    cost = (np.abs(mu) + draws.normal(size=(2, 2)) * 1e-3) / 2
    problem = TrajectoryProblem(mu, np.tile(np.eye(2), (2, 1, 1)), cost, 2, cost_fn="linear", terminal=[0.0, 0.0])
    result = solve(problem, "exact")
    true = _exactly(problem)
    if result.status == "optimal":
        assert result.value == pytest.approx(true, rel=1e-8)
    else:
        assert result.detail["rounding"] > 1e-9
        assert result.value <= result.upper_bound
        assert result.upper_bound >= true - 1e-8 * abs(true)
    if result.detail.get("rounding", 0.0) < 1e-3:
        check = verify_certificate(result, problem)
        assert check, check.faults


def _exactly(problem):
    """The best ratio in fractions, for linear costs."""
    from fractions import Fraction

    def of(array):
        return [of(each) for each in array] if getattr(array, "ndim", 0) else Fraction(float(array))

    mu, cov, cost, best = of(problem.mu), of(problem.cov), of(problem.cost), None
    for path in itertools.product(oracle.portfolios(problem.assets, problem.units), repeat=problem.horizons):
        before, mean, variance = [Fraction(0)] * problem.assets, Fraction(0), Fraction(0)
        for h, held in enumerate(path):
            now = [Fraction(x, problem.units) for x in held]
            for n, w in enumerate(now):
                mean += mu[h][n] * w - cost[h][n] * abs(w - before[n])
                variance += sum(cov[h][n][m] * w * v for m, v in enumerate(now))
            before = now
        mean -= sum(cost[-1][n] * abs(w) for n, w in enumerate(before))
        value = mean * abs(mean) / variance
        best = value if best is None or value > best else best
    return math.copysign(math.sqrt(abs(best)), best)


# --- certificates that are none


def test_lines_that_bound_nothing_loosen_no_bound():
    lines, least = [(2.0, -1.0), (0.5, 1.0), (0.0, 2.0)], 0.5
    bound = outer_bound(lines, least)
    assert bound == pytest.approx(max(0.0, (5 / 3) / math.sqrt(4 / 3), 2 / math.sqrt(2)))
    for idle in ((1.0, 0.8), (0.3, 1.7), (0.0, 2.5), (3.0, -0.5)):
        assert outer_bound(sorted([*lines, idle], reverse=True), least) == pytest.approx(bound)


LOSING = TrajectoryProblem([[0.01, -0.01]] * 2, [[[1.0, 0.2], [0.2, 0.5]]] * 2, [[0.5, 0.4]] * 2, 2)
ADDED = dataclasses.replace(random_problem(2, 2, 2, seed=1), objective="mean_variance", risk_aversion=5.0)
LINES = [
    (), ((0.0, 0.0),), ((0.0, -1.0),), ((5.0, 0.0),), ((5.0, 0.0), (0.0, 0.0)), ((-1.0, -1.0),),
    ((math.nan, 0.0),), ((math.inf, 0.0), (0.0, 0.0)), ((0.0, math.nan),),
]  # fmt: skip


@pytest.mark.parametrize("problem", [LOSING, ADDED, random_problem(2, 2, 2, seed=3)])
@pytest.mark.parametrize("kind", ["lines", "line", "negative", "labels", "exhaustive", "bogus"])
@pytest.mark.parametrize("lines", LINES)
def test_no_forged_proof_is_taken(problem, kind, lines):
    best = solve(problem, "exact")
    units = next(
        path for path in ([[2, 0], [-2, 0]], [[2, 0], [2, 0]], [[0, 2], [0, -2]])
        if evaluate(problem, np.array(path) / 2).value < best.value - 1e-3
    )  # fmt: skip
    score = evaluate(problem, np.array(units) / 2)
    forged = dataclasses.replace(
        best, units=np.array(units), weights=np.array(units) / 2, score=score, upper_bound=score.value,
        certificate=Certificate(kind, lines, tuple((1.0, 1.0) for _ in lines), 0.0, score.value),
    )  # fmt: skip
    check = verify_certificate(forged, problem)
    assert not check
    assert check.faults


def test_brute_force_of_a_sum_is_verified():
    assert verify_certificate(solve(ADDED, "brute"), ADDED)


# --- limits of time and memory


def test_labels_end_when_time_does():
    from atomloom.trajectory import negative
    from atomloom.trajectory.exact import chain_of, passes_for
    from atomloom.trajectory.passes import Runner
    from atomloom.trajectory.plan import plan_of
    from atomloom.trajectory.search import Search

    problem = random_problem(4, 3, 8, seed=1, cost_scale=50.0)
    chain = chain_of(problem)
    search = Search(Runner(passes_for(chain, plan_of(4, 8), 1)), 0.0, deadline=time.monotonic())
    assert negative._by_labels(chain, [1.0], -9.0, search) is None


def test_memory_of_a_chain_is_predicted():
    states = np.unique(np.random.default_rng(0).integers(-5, 6, (4_000, 8)), axis=0)
    with pytest.raises(OverBudget, match=r"a chain of 4,000 states.*may be taken"):
        solve_chain(states, np.zeros((1, len(states))), memory="1MB")
    whole = omega(4, 6)
    with pytest.raises(OverBudget, match=r"608 states.*may be taken"):
        solve_chain(whole, np.zeros((9, len(whole))), cost=np.zeros(25), memory=1_000)
