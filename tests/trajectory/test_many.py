"""Many problems on the engine: the results of one by one, in order, for any number of workers."""

from __future__ import annotations

import pytest

from atomloom.errors import BadInput, JobFailed
from atomloom.trajectory import TrajectoryProblem, random_problem, solve
from atomloom.trajectory import solve_many as solve_all


@pytest.mark.parametrize("options", [{"num_threads": 1}, {"num_threads": 2}, {"num_threads": 3, "executor": "threads"}])
def test_many_are_as_one_by_one(options):
    problems = [random_problem(2 + seed % 3, 3, 3, seed=seed, cost_scale=0.3) for seed in range(12)]
    found = solve_all(problems, "exact", **options)
    for problem, result in zip(problems, found, strict=True):
        alone = solve(problem, "exact")
        assert (result.units == alone.units).all()
        assert result.certificate == alone.certificate


def test_what_is_no_problem_is_named():
    with pytest.raises(BadInput, match=r"problems\[1\] is str"):
        solve_all([random_problem(2, 2, 2), "x"])
    assert solve_all([]) == []


def test_a_problem_without_an_answer_is_told():
    riskless = TrajectoryProblem([[0.1, 0.0]], [[[0.0, 0.0], [0.0, 0.0]]], [[0.0, 0.0]], 1)
    with pytest.raises(JobFailed, match="has no bound"):
        solve_all([riskless], num_threads=1)


def test_a_journal_remembers(tmp_path):
    problems = [random_problem(2, 3, 3, seed=seed) for seed in range(4)]
    first = solve_all(problems, num_threads=1, journal=tmp_path)
    again = solve_all(problems, num_threads=1, journal=tmp_path)
    assert [result.runtime for result in first] == [result.runtime for result in again]  # not solved again
