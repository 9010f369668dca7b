"""Beam, coordinate ascent and the genetic algorithm: never above the optimum, repeatable, and better than greedy."""

from __future__ import annotations

import time

import numpy as np
import pytest

from atomloom.errors import BadInput, OverBudget
from atomloom.trajectory import TrajectoryProblem, evaluate, random_problem, solve
from atomloom.trajectory.beam import beam
from atomloom.trajectory.brute import brute
from atomloom.trajectory.coordinate import climb, coordinate, kicked, start
from atomloom.trajectory.coordinate_kernels import best_pair, path_sums, worth
from atomloom.trajectory.genetic import genetic
from atomloom.trajectory.path_sums import Levels, ratios
from oracles import trajectory_oracle as oracle

METHODS = {
    "beam": lambda problem, **more: beam(problem, **{"width": 10} | more),
    "coordinate": coordinate,
    "genetic": lambda problem, **more: genetic(problem, **{"population": 40, "generations": 20} | more),
}
KINDS = [
    {},
    {"cost_fn": "linear", "w0": [0.3, -0.2, 0.1]},
    {"bounds": (-0.25, 0.75)},
    {"bounds": ([0.0, -1.0, 0.25], [0.5, 0.0, 1.0])},
    {"objective": "mean_variance", "risk_aversion": 1.5},
    {"terminal": [0.0, 0.0, 0.0], "cost_fn": "quadratic"},
    {"cost_scale": 30.0},  # every path loses
    {"rank": 1},
]


def value(problem, path):
    return evaluate(problem, np.asarray(path) / problem.units).value


def problem_of(kind, seed=3):
    more = {"cost_scale": 0.5} | KINDS[kind]
    problem = random_problem(3, 3, 4, seed=seed, **more)
    if kind != 7:
        return problem
    table = problem.table() + np.random.default_rng(seed).normal(size=(3, 3, 17)) * 0.1
    return TrajectoryProblem(problem.mu, problem.cov + 0.01 * np.eye(3), table, 4, cost_fn="table", w0=[0.5, 0, -0.5])


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_never_above_the_optimum_and_within_the_bounds(name, kind):
    problem = problem_of(kind)
    best = value(problem, brute(problem).units)
    found = METHODS[name](problem, seed=7)
    assert found.units.shape == (3, 3)
    assert (np.abs(found.units).sum(axis=1) == 4).all()
    assert tuple(found.units[0]) in set(oracle.allowed(problem))
    assert {tuple(held) for held in found.units} <= set(oracle.allowed(problem))
    assert value(problem, found.units) <= best + 1e-12 * abs(best)
    assert value(problem, found.units) >= best - 0.25 * abs(best)
    assert found.complete
    assert found.certificate is None


@pytest.mark.parametrize("name", METHODS)
def test_repeatable_by_seed(name):
    problem = random_problem(4, 6, 5, seed=1, cost_scale=1.0)
    one, two = (METHODS[name](problem, seed=5) for _ in range(2))
    assert np.array_equal(one.units, two.units)
    assert one[1:] == two[1:]


def test_seeds_draw_different_paths():
    problem = random_problem(5, 12, 8, seed=1, cost_scale=1.0)
    found = [genetic(problem, seed=seed, generations=3, polish=False).units.tobytes() for seed in range(4)]
    assert len(set(found)) == 4


def test_better_than_greedy():
    problems = [random_problem(4, 8, 5, seed=seed, cost_scale=0.6) for seed in range(8)]
    greedy = [value(each, beam(each, width=1, rounds=1).units) for each in problems]
    for name, method in METHODS.items():
        found = [value(each, method(each).units) for each in problems]
        assert np.mean(found) > np.mean(greedy), name
        if name != "genetic":
            assert all(one >= other - 1e-12 for one, other in zip(found, greedy, strict=True))


def test_greedy_takes_the_best_next_portfolio():
    for seed in range(6):
        problem = random_problem(2, 3, 3, seed=seed, cost_scale=0.5)
        path = []
        for h in range(3):
            part = TrajectoryProblem(problem.mu[: h + 1], problem.cov[: h + 1], problem.cost[: h + 1], 3)
            path.append(max(oracle.portfolios(2, 3), key=lambda held: value(part, [*path, held])))
        assert beam(problem, width=1, rounds=1).units.tolist() == [list(held) for held in path]


def test_a_beam_as_wide_as_the_states_is_exact_where_the_objective_adds_up():
    for seed in range(5):
        problem = random_problem(3, 4, 2, seed=seed, objective="mean_variance", risk_aversion=0.8, cost_scale=1.0)
        wide = beam(problem, width=10**6)
        assert value(problem, wide.units) == pytest.approx(value(problem, brute(problem).units), rel=1e-13)


def test_wider_beams_of_the_additive_objective_are_better_on_the_whole():
    problems = [random_problem(4, 8, 4, seed=s, objective="mean_variance", risk_aversion=0.5) for s in range(5)]
    means = [np.mean([value(each, beam(each, width=w).units) for each in problems]) for w in (1, 10, 100)]
    assert means == sorted(means)


def test_coordinate_ascent_stops_where_no_neighbour_is_better():
    for kind in range(len(KINDS)):
        problem = problem_of(kind, seed=11)
        levels = Levels(problem)
        path = start(levels, np.random.default_rng(0), 3)
        climb(levels, path)
        here = value(problem, path)
        for other in oracle.neighbours(problem, path.tolist()):
            changed = [n for h in range(3) for n in range(3) if other[h][n] != path[h, n]]
            turned = len(changed) == 1 or any(path[h, n] * other[h][n] < 0 for h in range(3) for n in range(3))
            if not turned or len(changed) == 1:
                assert value(problem, other) <= here + 1e-11 * abs(here)


def test_a_change_is_worth_what_it_says():
    for kind in (0, 1, 4, 5, 7):
        problem = problem_of(kind, seed=2)
        levels, slopes = Levels(problem), np.empty((3, 3))
        path = np.array([[1, -2, 1]] * 2 + [[0, 1, -3]])
        averse = -1.0 if problem.risk_aversion is None else problem.risk_aversion
        tables = levels.alone, levels.table, levels.risk
        mean, variance = path_sums(path, *tables, slopes)
        assert (mean, variance) == pytest.approx(oracle.score(problem, (path / 4).tolist()), rel=1e-12)
        for h in range(3):
            change = np.zeros(5, np.int64)
            told = best_pair(path, *tables, slopes, mean, variance, averse, h, -np.inf, change)
            new = path.copy()
            new[h : change[4] + 1, [change[0], change[2]]] = change[[1, 3]]
            assert (np.abs(new).sum(axis=1) == 4).all()
            assert told == pytest.approx(worth(*oracle.score(problem, (new / 4).tolist()), averse), rel=1e-11)


def test_sums_of_many_paths():
    for kind in range(len(KINDS)):
        problem = problem_of(kind)
        draws = np.random.default_rng(kind)
        states = np.array(oracle.allowed(problem))
        paths = states[draws.integers(len(states), size=(20, 3))]
        mean, variance = Levels(problem).sums(paths)
        for p, path in enumerate(paths):
            want = oracle.score(problem, (path / 4).tolist())
            assert (mean[p], variance[p]) == pytest.approx(want, rel=1e-12, abs=1e-13)
    assert ratios(np.array([1.0, -1.0, 0.0]), np.zeros(3)).tolist() == [np.inf, -np.inf, 0.0]


@pytest.mark.parametrize("kind", [0, 2, 3])
def test_wishes_become_portfolios(kind):
    problem = problem_of(kind)
    levels, draws = Levels(problem), np.random.default_rng(kind)
    states = set(oracle.allowed(problem))
    for trial in range(200):
        wish = draws.normal(size=3) * draws.choice([0.0, 1e-320, 1e-3, 1.0, 1e6], size=3)
        assert tuple(levels.nearest(wish)) in states
        path = start(levels, draws, trial)
        assert {tuple(held) for held in kicked(levels, draws, path)} <= states
    if kind == 0:
        for held in list(states)[::7]:
            assert tuple(levels.nearest(np.array(held, float))) == held


@pytest.mark.parametrize("name", METHODS)
def test_a_deadline_ends_it_with_a_path(name):
    problem = random_problem(4, 30, 6, seed=1, cost_scale=1.0)
    found = METHODS[name](problem, deadline=time.monotonic())
    assert not found.complete
    assert (np.abs(found.units).sum(axis=1) == 6).all()
    result = solve(problem, name, time_limit=1e-9)
    assert result.status == "heuristic"


def test_one_asset_and_one_horizon():
    for method in METHODS.values():
        alone = random_problem(1, 4, 5, seed=2)
        assert value(alone, method(alone).units) == pytest.approx(oracle.best_path(alone)[0], rel=1e-12)
        single = random_problem(3, 1, 2, seed=2)
        assert value(single, method(single).units) == pytest.approx(oracle.best_path(single)[0], rel=1e-12)


def test_coordinate_ascent_lists_no_states():
    problem = random_problem(30, 4, 60, seed=1)
    assert (np.abs(coordinate(problem, restarts=1, kicks=2).units).sum(axis=1) == 60).all()
    with pytest.raises(OverBudget, match="coordinate"):
        beam(problem)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda p: beam(p, width=0), "width is 0"),
        (lambda p: coordinate(p, restarts=0), "restarts is 0"),
        (lambda p: coordinate(p, seed=-1), "seed is -1"),
        (lambda p: genetic(p, elite=40, population=40), "elite is 40 of a population of 40"),
        (lambda p: genetic(p, mutation=1.5), "mutation is 1.5"),
        (lambda p: genetic(p, generations=2.5), "generations is 2.5"),
    ],
)
def test_options_are_checked(call, says):
    with pytest.raises(BadInput, match=says):
        call(random_problem(2, 2, 2))


def test_climbing_ends_where_gains_are_rounding():
    for seed in range(30):
        draws = np.random.default_rng(seed)
        mu = np.tile(draws.choice([-1e8, 1e8], size=3), (4, 1)) + draws.normal(size=(4, 3)) * 1e-7
        cost = np.abs(mu) + draws.normal(size=(4, 3)) * 1e-7  # means of about 0 are left of terms of 1e8
        problem = TrajectoryProblem(mu, np.tile(np.eye(3), (4, 1, 1)), cost, 5, cost_fn="linear", terminal=[0.0] * 3)
        found = coordinate(problem, seed=seed, restarts=4, kicks=4)
        assert (np.abs(found.units).sum(axis=1) == 5).all()
