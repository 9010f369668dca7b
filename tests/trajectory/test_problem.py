"""Problems check themselves: each bad field is named."""

from __future__ import annotations

import numpy as np
import pytest

from atomloom.errors import BadInput
from atomloom.trajectory import TrajectoryProblem, evaluate, random_problem, solve
from oracles import chain_oracle as oracle
from trajectory.problems_to_try import drawn

GOOD = {"mu": [[0.1, 0.2]], "cov": [[[1.0, 0.2], [0.2, 1.0]]], "cost": [[0.01, 0.02]], "units": 3}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"units": 0}, "units is 0"),
        ({"units": 2.0}, "units is 2.0"),
        ({"units": True}, "units is True"),
        ({"units": 40_000}, "from 1 to 32,767"),
        ({"mu": [[np.nan, 1.0]]}, r"mu has 1 value that is not finite \(first at \[0, 0\]"),
        ({"mu": np.zeros((0, 2))}, "mu has shape"),
        ({"cov": [[[1.0, 0.3], [0.2, 1.0]]]}, r"cov\[0\] is not symmetric: \[0, 1\] is 0.3"),
        ({"cov": [[[1.0, 2.0], [2.0, 1.0]]]}, r"cov\[0\] is not positive semidefinite \(least eigenvalue -1\)"),
        ({"cov": np.eye(3)[None]}, r"cov has shape \(1, 3, 3\), not \(1, 2, 2\)"),
        ({"cost": [[-0.1, 0.0]]}, "cost has 1 value that is below 0"),
        ({"cost": [[0.1]]}, "cost has shape"),
        ({"cost": [[[0.0] * 13] * 2], "cost_fn": "table", "w0": [0.1, 0.0]}, "w0 is .* not in units of 1 / 3"),
        ({"cost": [[[0.0] * 12] * 2], "cost_fn": "table"}, r"not \(1, 2, 13\)"),
        ({"w0": [1.0]}, "w0 has shape"),
        ({"cost_fn": "cubic"}, "One of sqrt"),
        ({"objective": "sharp"}, "did you mean 'sharpe'"),
        ({"objective": "mean_variance"}, "needs one"),
        ({"risk_aversion": 1.0}, "sharpe has none"),
        ({"bounds": (0.5, 0.2)}, "the least comes first"),
        ({"bounds": (0.0, 0.3)}, "leave no portfolio"),
        ({"bounds": (0.9, 1.0)}, "leave no portfolio"),
        ({"mu": "x"}, "no array of numbers"),
    ],
)
def test_bad_fields_are_named(change, says):
    with pytest.raises(BadInput, match=says):
        TrajectoryProblem(**{**GOOD, **change})


def test_the_books_columns_are_taken():
    columns = [np.array([[0.1], [0.2]]), np.array([[0.0], [0.3]])]
    problem = TrajectoryProblem(columns, np.tile(np.eye(2), (2, 1, 1)), np.zeros((2, 2)), 2)
    assert problem.mu.tolist() == [[0.1, 0.2], [0.0, 0.3]]
    alone = TrajectoryProblem(columns[0], np.eye(2), [0.0, 0.0], 2)
    assert (alone.horizons, alone.assets) == (1, 2)
    one_asset = TrajectoryProblem([[0.1], [0.2]], np.ones((2, 1, 1)), [[0.0], [0.0]], 2)
    assert (one_asset.horizons, one_asset.assets) == (2, 1)


def test_what_is_given_is_not_changed_nor_kept():
    mu = np.array([[0.1, 0.2]])
    problem = TrajectoryProblem(**{**GOOD, "mu": mu})
    mu[:] = 5
    assert problem.mu[0, 0] == 0.1
    with pytest.raises(ValueError, match="read-only"):
        problem.mu[0, 0] = 1.0


def test_a_problem_and_back():
    problem = random_problem(2, 2, 2, seed=5, bounds=(-0.5, 1.0))
    again = TrajectoryProblem(**problem.to_dict())
    assert again.to_dict() == problem.to_dict()
    assert random_problem(2, 2, 2, seed=5, bounds=(-0.5, 1.0)).to_dict() == problem.to_dict()


@pytest.mark.parametrize("seed", range(60))
def test_scores_are_those_of_the_definition(seed):
    problem = drawn(seed, most_paths=200)
    for mean, variance, path in list(oracle.all_paths(problem))[:: max(1, seed)][:20]:
        score = evaluate(problem, np.array(path) / problem.units)
        assert score.mean == pytest.approx(mean, rel=1e-12, abs=1e-13)
        assert score.variance == pytest.approx(variance, rel=1e-9, abs=1e-12)
        assert score.mean == pytest.approx(score.gain.sum() - score.cost.sum(), abs=1e-12)


def test_bounds_hold():
    problem = random_problem(3, 3, 4, seed=2, bounds=([-0.25, 0.0, -1.0], [0.5, 1.0, 0.0]))
    weights = solve(problem, "exact").weights
    assert (weights >= problem.bounds[0] - 1e-12).all()
    assert (weights <= problem.bounds[1] + 1e-12).all()
