"""Static solutions against closed forms and loops, and methods side by side."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest

from atomloom.errors import BadInput, Infeasible
from atomloom.trajectory import TrajectoryProblem, compare, evaluate, random_problem, solve, static_solution
from oracles import trajectory_oracle as oracle


def test_the_static_solution_has_the_largest_ratio_of_each_horizon():
    problem = random_problem(4, 3, 3, seed=6)
    weights = static_solution(problem)
    assert np.abs(weights).sum(axis=1) == pytest.approx(1.0, rel=1e-14)
    for h in range(3):
        best = np.sqrt(problem.mu[h] @ np.linalg.solve(problem.cov[h], problem.mu[h]))  # closed form
        assert problem.mu[h] @ weights[h] / np.sqrt(weights[h] @ problem.cov[h] @ weights[h]) == pytest.approx(best)


@pytest.mark.parametrize("more", [{}, {"bounds": (-0.25, 0.75)}, {"objective": "mean_variance", "risk_aversion": 2.0}])
def test_on_the_grid_it_is_the_best_state_of_each_horizon(more):
    problem = random_problem(3, 4, 4, seed=9, cost_scale=0.5, **more)
    free = TrajectoryProblem(problem.mu, problem.cov, problem.cost * 0, 4, **more)
    for h, held in enumerate(static_solution(problem, grid=True)):
        alone = TrajectoryProblem(free.mu[h], free.cov[h], free.cost[h], 4, **more)
        assert (held * 4).tolist() == list(oracle.best_path(alone)[1][0])


def test_the_first_of_equal_states_is_taken():
    problem = TrajectoryProblem(np.zeros((1, 2)), [np.eye(2)], [[0.0, 0.0]], 2)
    assert static_solution(problem, grid=True).tolist() == [[-1.0, 0.0]]


def test_covariances_that_cannot_be_inverted(caplog, monkeypatch):
    # somebody's logging.config of another test may have disabled every logger that it did not know
    monkeypatch.setattr(logging.getLogger("atomloom.trajectory.static"), "disabled", False)
    problem = TrajectoryProblem([[1.0, 1.0, 0.5]], [np.diag([1.0, 2.0, 0.0])], [[0.0] * 3], 2)
    with caplog.at_level(logging.WARNING):
        assert static_solution(problem)[0] == pytest.approx([2 / 3, 1 / 3, 0.0])
    assert "pseudo-inverse" in caplog.text
    with pytest.raises(Infeasible, match="horizon 0 has no static solution"):
        static_solution(TrajectoryProblem([[0.0, 0.0]], [np.eye(2)], [[0.0, 0.0]], 2))


def test_what_is_dynamic_is_never_below_what_is_static_on_the_grid():
    for seed in range(12):
        comparison = compare(random_problem(3, 3, 4, seed=seed, cost_scale=0.8))
        assert comparison["exact"].value >= comparison["static_grid"].value - 1e-12
        assert comparison["exact"].regret <= 1e-12
        assert comparison["static_grid"].regret >= 0.0
        assert comparison.proved


def test_rows_are_scores():
    problem = random_problem(3, 4, 5, seed=2, cost_scale=0.4)
    methods = ("static", "static_grid", "beam", "coordinate", "genetic", "exact", "brute")
    options = {"beam": {"width": 3}, "genetic": {"population": 20, "generations": 5}, "brute": {"prune": True}}
    comparison = compare(problem, methods=methods, options=options, seed=4)
    assert [row.method for row in comparison.rows] == list(methods)
    assert len(comparison) == 7
    for row in comparison.rows:
        score = evaluate(problem, comparison.weights[row.method])
        assert (row.sr, row.mean, row.variance) == (score.sr, score.mean, score.variance)
        assert row.cost == pytest.approx(score.cost.sum())
        assert row.turnover == pytest.approx(score.turnover.sum())
        assert row.regret == pytest.approx((comparison.best - row.value) / max(comparison.best, row.value), abs=1e-12)
        assert row.runtime > 0.0
        assert (row.method in comparison.results) == (not row.method.startswith("static"))
    assert comparison.best == pytest.approx(solve(problem, "exact").upper_bound)
    assert comparison["beam"].note == "heuristic"
    assert comparison.results["beam"].config["width"] == 3


def test_without_a_proof_regret_is_from_the_best_on_the_grid():
    comparison = compare(random_problem(3, 3, 3, seed=2), methods=("static_grid", "coordinate"))
    assert not comparison.proved
    assert comparison.best == max(row.value for row in comparison.rows)
    assert "nothing is proved" in comparison.summary()


def test_a_method_that_cannot_has_a_row_that_says_why():
    problem = random_problem(2, 2, 2, seed=1)
    table = TrajectoryProblem(problem.mu, problem.cov, problem.table(), 2, cost_fn="table")
    comparison = compare(table, methods=("static", "brute", "exact"), options={"brute": {"most_paths": 3}})
    assert "whole units" in comparison["static"].note
    assert "64 paths to look at" in comparison["brute"].note
    assert np.isnan(comparison["static"].value)
    assert abs(comparison["exact"].regret) <= 1e-12
    assert "no path:" in comparison.summary()
    assert comparison.to_dict()["rows"][0]["value"] is None


def test_it_shows_itself():
    comparison = compare(random_problem(3, 3, 3, seed=1))
    frame = comparison.to_frame()
    assert list(frame.index) == ["static", "static_grid", "exact"]
    assert json.loads(json.dumps(comparison.to_dict()))["best"] == comparison.best
    assert comparison.summary().count("\n") == 4
    assert "<table" in comparison._repr_html_()
    assert repr(comparison).startswith("Comparison(static ")


def test_methods_are_checked():
    problem = random_problem(2, 2, 2)
    for methods, says in ((("exat",), "did you mean 'exact'"), (("exact", "exact"), "twice"), ((), "give a list")):
        with pytest.raises(BadInput, match=says):
            compare(problem, methods=methods)
    with pytest.raises(BadInput, match="widht"):
        compare(problem, methods=("beam",), options={"beam": {"widht": 3}})
    with pytest.raises(BadInput, match="a method with options"):
        compare(problem, options={"beam": {}})
    with pytest.raises(BadInput, match="was not compared"):
        compare(problem)["beam"]


def test_a_known_result_is_not_worked_again(monkeypatch):
    from atomloom.trajectory import comparison

    problem = random_problem(3, 3, 3, seed=1, cost_scale=0.3)
    known, whole = solve(problem, "exact"), compare(problem)
    monkeypatch.setattr(comparison, "solve", lambda *_, **__: pytest.fail("it is known"))
    found = compare(problem, known=known)
    assert found.results["exact"] is known
    assert [(row.method, row.sr, row.regret) for row in found.rows] == [
        (row.method, row.sr, row.regret) for row in whole.rows
    ]
    with pytest.raises(BadInput, match="is no result of"):
        compare(random_problem(3, 3, 3, seed=2), known=known)
    with pytest.raises(BadInput, match="method of the known result"):
        compare(problem, methods=["static"], known=known)
