"""Exhaustive search against its plain-Python twin, and the laws that any exact optimum keeps."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput, Infeasible, OverBudget
from atomloom.trajectory import TrajectoryProblem, evaluate, omega_size, random_problem, solve
from atomloom.trajectory.brute import BlockDone, brute
from atomloom.trajectory.brute_kernels import any_better, best_of, pair_gains, rate, search
from oracles import trajectory_oracle as oracle

SIZES = [(1, 4, 3), (1, 1, 1), (2, 1, 4), (2, 3, 2), (3, 2, 2), (3, 1, 3), (2, 2, 4), (4, 2, 1), (2, 5, 1)]


def off(problem, path):
    return evaluate(problem, np.array(path) / problem.units).value


def nasty(seed):
    """Draw a problem with something unusual in it."""
    draws = np.random.default_rng(seed)
    assets, horizons, units = SIZES[seed % len(SIZES)]
    mu = draws.normal(size=(horizons, assets)) * draws.choice([1e-4, 1.0, 50.0])
    mixed = draws.normal(size=(horizons, assets, assets))
    if seed % 4 == 1:  # singular
        mixed[:, :, -1] = 0.0
    cov = mixed @ mixed.transpose(0, 2, 1) * draws.choice([1e-6, 1.0])
    cost = draws.uniform(0, draws.choice([0.01, 1.0]), (horizons, assets)) * np.abs(mu).max()
    more = {}
    kind = seed % 6
    if kind == 0:
        more["w0"] = draws.normal(size=assets)
    elif kind == 1:
        cost = draws.normal(size=(horizons, assets, 4 * units + 1))
        more["cost_fn"] = "table"
        more["terminal"] = np.zeros(assets)
    elif kind == 2 and assets > 1:
        more["bounds"] = (-0.5, 1.0)
    elif kind == 3:
        more |= {"objective": "mean_variance", "risk_aversion": float(draws.uniform(0, 3))}
    elif kind == 4:
        cost = cost * 20  # every path loses
        more["cost_fn"] = "linear"
    else:
        more |= {"terminal": draws.normal(size=assets), "cost_fn": "quadratic"}
    return TrajectoryProblem(mu, cov, cost, units, **more)


@pytest.mark.parametrize("seed", range(72))
@pytest.mark.parametrize("prune", [False, True])
def test_it_finds_what_trying_every_path_finds(seed, prune):
    problem = nasty(seed)
    best, _, count = oracle.best_path(problem)
    if best == np.inf:
        with pytest.raises(Infeasible, match="no bound"):
            brute(problem, prune=prune)
        return
    found = brute(problem, prune=prune)
    assert off(problem, found.units) == pytest.approx(best, rel=1e-12, abs=1e-300)
    assert found.n_explored + found.n_pruned == count
    assert found.complete
    assert found.detail == {"proved": True}
    assert prune or found.n_pruned == 0


@pytest.mark.parametrize("seed", range(18))
def test_pruning_and_threads_change_nothing_but_the_work(seed):
    problem = random_problem(3, 4, 3, seed=seed, cost_scale=[0.05, 0.5, 8.0][seed % 3])
    plain = brute(problem, threads=1)
    for found in (brute(problem, threads=2), brute(problem, prune=True, threads=1), brute(problem, prune=True)):
        assert np.array_equal(found.units, plain.units)
        assert found.n_explored + found.n_pruned == omega_size(3, 3) ** 4
    pruned = [brute(problem, prune=True, threads=threads)[:3] for threads in (1, 2)]
    assert pruned[0][1:] == pruned[1][1:]
    assert pruned[0][2] > 0


def test_the_first_of_equal_paths_wins():
    for seed in range(30):
        draws = np.random.default_rng(seed)
        assets, horizons = [(2, 3), (3, 2), (2, 2)][seed % 3]
        mu = draws.integers(-2, 3, (horizons, assets))
        cov = np.tile(np.diag(draws.integers(1, 3, assets)), (horizons, 1, 1))
        cost = draws.integers(0, 3, (horizons, assets)) / 4
        problem = TrajectoryProblem(mu, cov, cost, 2, cost_fn="linear")
        best, first = oracle.best_path_exactly(problem)
        for prune in (False, True):
            found = brute(problem, prune=prune, threads=2)
            assert found.units.tolist() == first
        score = evaluate(problem, np.array(first) / 2)
        assert rate(score.mean, score.variance) == float(best)


def test_equal_paths_in_several_blocks_and_threads():
    problem = TrajectoryProblem(np.zeros((5, 3)), np.tile(np.eye(3), (5, 1, 1)), np.zeros((5, 3)), 3)
    found = brute(problem, threads=2)  # 79 million paths, each worth 0
    assert found.units.tolist() == [[-3, 0, 0]] * 5
    assert found.n_explored == omega_size(3, 3) ** 5


def test_a_path_without_variance():
    losing = TrajectoryProblem([[-1.0, -1.0]], [np.zeros((2, 2))], [[5.0, 5.0]], 1)
    assert brute(losing).units.tolist() == [[-1, 0]]  # all are worth minus infinity
    with pytest.raises(Infeasible, match="without any variance"):
        brute(TrajectoryProblem([[1.0, 1.0]], [np.zeros((2, 2))], [[0.0, 0.0]], 1))
    nothing = TrajectoryProblem([[0.0, -1.0]], [np.diag([0.0, 1.0])], [[0.0, 9.0]], 1)
    assert brute(nothing).units.tolist() == [[-1, 0]]
    for prune in (False, True):
        mixed = TrajectoryProblem([[0.0, 1.0]] * 2, [np.diag([0.0, 1.0])] * 2, [[0.0, 0.0]] * 2, 2)
        assert off(mixed, brute(mixed, prune=prune).units) == pytest.approx(oracle.best_path(mixed)[0])


def test_sizes_far_from_one_do_not_leave_the_floats():
    for scale in (1e-180, 1e150):
        problem = random_problem(2, 3, 2, seed=4)
        scaled = TrajectoryProblem(problem.mu * scale, problem.cov, problem.cost * scale, 2)
        assert np.array_equal(brute(scaled).units, brute(problem).units)
        assert np.array_equal(brute(scaled, prune=True).units, brute(problem).units)


def test_a_path_worth_nothing_after_paths_worth_minus_infinity():
    problem = TrajectoryProblem([[1.0], [0.0]], np.zeros((2, 1, 1)), [[1.0], [1.0]], 1, cost_fn="linear")
    assert brute(problem).units.tolist() == [[1], [1]]


@pytest.mark.parametrize("losing", [False, True])
def test_any_rows_with_and_without_pruning(losing):
    """Ranges that begin and end anywhere, so that a pruned branch may reach beyond them."""
    for seed in range(40):
        draws = np.random.default_rng(seed)
        gain = draws.normal(size=5) - 9 * losing
        pair = draws.normal(size=(3, 5, 5)) - 9 * losing
        risk = draws.uniform(0.01, 4, size=(4, 5))
        rest, least, most = np.zeros((4, 5)), np.zeros(4), np.zeros(4)
        for h in (2, 1, 0):
            rest[h] = (pair[h] + rest[h + 1]).max(axis=1) + 1e-9
            least[h], most[h] = least[h + 1] + risk[h + 1].min(), most[h + 1] + risk[h + 1].max()
        low = int(draws.integers(124))
        high = int(draws.integers(low + 1, 126))
        rates = []
        for row in range(low, high):
            a, b, c = row // 25, row // 5 % 5, row % 5
            for d in range(5):
                mean, variance = gain[a] + pair[0, a, b] + pair[1, b, c] + pair[2, c, d], 0.0
                for h, i in enumerate((a, b, c, d)):
                    variance += risk[h, i]
                rates.append((rate(mean, variance), (a, b, c, d)))
        best = max(each for each, _ in rates)
        for prune in (False, True):
            path = np.zeros(4, np.int64)
            found, pruned = search(
                gain, pair, risk, 0.0, low, high, prune, best - 1e-9, rest, least, most, path
            )  # fmt: skip
            assert found == best
            assert tuple(path) == next(where for each, where in rates if each == best)
            assert 0 <= pruned < high - low


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20), st.floats(-1e3, 1e3), st.integers(0, 5), st.data())
def test_the_comparison_without_division_misses_none(row, mean, variance, data):
    risk = data.draw(st.lists(st.sampled_from([0.0, 1e-9, 1.0, 3.0]), min_size=len(row), max_size=len(row)))
    rates = [rate.py_func(mean + x, variance + v) for x, v in zip(row, risk, strict=True)]
    below = [float(np.nextafter(each, -np.inf)) for each in rates]  # less by the last bit
    best = data.draw(st.sampled_from([*rates, *below, -1e300, 0.0, 2.5, -7.25]))
    arrays = np.array(row), np.array(risk)
    place, top = -1, best
    for j, each in enumerate(rates):
        if each > top:
            place, top = j, each
    assert best_of(*arrays, float(mean), float(variance), best, -1) == (top, place)
    if place >= 0:
        assert any_better(*arrays, float(mean), float(variance), max(best, -1e300))


def test_pair_gains_against_a_loop():
    problem = nasty(1)
    states = np.array(oracle.portfolios(problem.assets, problem.units), np.int64)
    gain = np.random.default_rng(0).normal(size=(problem.horizons, len(states)))
    pair = np.empty((problem.horizons - 1, len(states), len(states)))
    pair_gains(states, gain, np.array(problem.table()), pair)
    for h in range(1, problem.horizons):
        for i, before in enumerate(states):
            for j, after in enumerate(states):
                ends = zip(before / problem.units, after / problem.units, strict=True)
                paid = sum(oracle.cost(problem, h, n, *end) for n, end in enumerate(ends))
                assert pair[h - 1, i, j] == pytest.approx(gain[h, j] - paid, abs=1e-12)


def test_it_refuses_what_would_take_too_long():
    with pytest.raises(OverBudget, match=r"about 10\^82\.9 paths.*Hint: 1 of the assets would fit, or raise"):
        brute(random_problem(5, 20, 10), most_paths=10**12)
    with pytest.raises(OverBudget, match=r"54,872 paths to look at, and may look at 1,000\. Hint: units=1"):
        brute(random_problem(3, 3, 3), most_paths=1000)
    with pytest.raises(OverBudget, match="method="):
        brute(random_problem(4, 2, 8), memory=100_000)
    with pytest.raises(BadInput, match="most_paths is 0"):
        brute(random_problem(2, 1, 1), most_paths=0)


def test_bounds_are_counted_before_paths_are_refused():
    problem = random_problem(3, 3, 3, bounds=(0.0, 1.0))
    assert brute(problem, most_paths=1000).n_explored == 10**3  # of 38^3 without bounds


def test_a_deadline_keeps_the_best_so_far():
    problem = random_problem(3, 5, 4, seed=2)
    found = brute(problem, deadline=time.monotonic(), threads=2)
    assert not found.complete
    assert found.n_explored + found.detail["paths_left"] == omega_size(3, 4) ** 5
    assert found.n_explored > 0
    result = solve(problem, "brute", time_limit=1e-3)
    assert result.status in {"bounded", "heuristic"}
    assert brute(problem, deadline=time.monotonic(), prune=True, threads=1).units.shape == (5, 3)


def test_it_tells_how_far_it_is():
    told = []
    problem = random_problem(3, 4, 4, seed=2)
    brute(problem, listen=told.append, threads=2)
    assert all(isinstance(event, BlockDone) for event in told)
    assert max(event.paths for event in told) == told[0].of == omega_size(3, 4) ** 4


def test_through_solve_it_is_optimal():
    problem = random_problem(3, 3, 3, seed=8)
    result, exact = solve(problem, "brute"), solve(problem, "exact")
    assert (result.status, result.gap) == ("optimal", 0.0)
    assert result.value == pytest.approx(exact.value, rel=1e-13)


# --- laws of the optimum


def best(problem):
    return off(problem, brute(problem).units)


def remade(problem, **changed):
    names = ("mu", "cov", "cost", "units", "w0", "cost_fn", "terminal", "objective", "risk_aversion", "bounds")
    return TrajectoryProblem(**{name: getattr(problem, name) for name in names} | changed)


seeds = st.integers(0, 10_000)


@settings(max_examples=25, deadline=None)
@given(seeds, st.floats(0.01, 100))
def test_scaling_means_and_variances(seed, factor):
    problem = random_problem(2, 3, 3, seed=seed, cost_scale=0.4)
    value = best(problem)
    assert best(remade(problem, mu=problem.mu * factor, cost=problem.cost * factor)) == pytest.approx(value * factor)
    assert best(remade(problem, cov=problem.cov * factor)) == pytest.approx(value / np.sqrt(factor))


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_assets_may_change_places_and_signs(seed):
    problem = random_problem(3, 2, 3, seed=seed, cost_scale=0.4, w0=np.random.default_rng(seed).normal(size=3))
    order = np.random.default_rng(seed).permutation(3)
    turned = remade(
        problem, mu=problem.mu[:, order], cov=problem.cov[:, order][:, :, order], cost=problem.cost[:, order],
        w0=problem.w0[order],
    )  # fmt: skip
    value = best(problem)
    assert best(turned) == pytest.approx(value, rel=1e-12)
    path = brute(problem).units
    assert off(turned, path[:, order]) == pytest.approx(value, rel=1e-12)
    assert best(remade(problem, mu=-problem.mu, w0=-problem.w0)) == pytest.approx(value, rel=1e-12)
    assert off(remade(problem, mu=-problem.mu, w0=-problem.w0), -path) == pytest.approx(value, rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_finer_grids_and_cheaper_trades_are_never_worse(seed):
    problem = random_problem(2, 3, 2, seed=seed, cost_scale=0.4)
    value = best(problem)
    assert best(remade(problem, units=4)) >= value - 1e-12
    assert best(remade(problem, cost=problem.cost * 0.5)) >= value - 1e-12
    assert best(remade(problem, cost=problem.cost * 2)) <= value + 1e-12


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_without_costs_and_risk_prices_horizons_do_not_know_each_other(seed):
    free = random_problem(2, 3, 3, seed=seed, cost_scale=0.0, objective="mean_variance", risk_aversion=0.7)
    alone = 0.0
    for h in range(3):
        one = TrajectoryProblem(
            free.mu[h], free.cov[h], free.cost[h], 3, objective="mean_variance", risk_aversion=0.7
        )  # fmt: skip
        alone += best(one)
    assert best(free) == pytest.approx(alone, rel=1e-12)


@settings(max_examples=20, deadline=None)
@given(seeds, st.floats(0.1, 10))
def test_evaluate_keeps_the_same_laws_off_the_grid(seed, factor):
    problem = random_problem(3, 3, 3, seed=seed, w0=[0.1, 0.2, -0.3])
    path = np.random.default_rng(seed).normal(size=(3, 3))
    one, other = evaluate(problem, path), oracle.score(problem, path.tolist())
    assert (one.mean, one.variance) == pytest.approx(other, rel=1e-12, abs=1e-14)
    scaled = remade(problem, mu=problem.mu * factor, cost=problem.cost * factor)
    assert evaluate(scaled, path).sr == pytest.approx(one.sr * factor, rel=1e-9, abs=1e-12)
    assert evaluate(remade(problem, mu=-problem.mu, w0=-problem.w0), -path).sr == one.sr
