"""The optimal trading trajectory: a portfolio for each horizon, costs and all, proved to be the best (AFML ch. 21)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomloom._lazy import front_door

_EXPORTS = {
    "Certificate": "atomloom.trajectory.certificate",
    "ChainResult": "atomloom.trajectory.chain",
    "Comparison": "atomloom.trajectory.comparison",
    "PassDone": "atomloom.trajectory.events",
    "TrajectoryProblem": "atomloom.trajectory.problem",
    "TrajectoryResult": "atomloom.trajectory.result",
    "Verification": "atomloom.trajectory.verification",
    "compare": "atomloom.trajectory.comparison",
    "evaluate": "atomloom.trajectory.score",
    "iter_omega": "atomloom.trajectory.lattice",
    "omega": "atomloom.trajectory.lattice",
    "omega_size": "atomloom.trajectory.lattice",
    "partitions": "atomloom.trajectory.lattice",
    "problem_from_prices": "atomloom.trajectory.market_input",
    "random_problem": "atomloom.trajectory.problem",
    "solve": "atomloom.trajectory.solver",
    "solve_chain": "atomloom.trajectory.chain",
    "solve_many": "atomloom.trajectory.many",
    "static_solution": "atomloom.trajectory.static",
    "verify_certificate": "atomloom.trajectory.verification",
}

if TYPE_CHECKING:
    from atomloom.trajectory.certificate import Certificate
    from atomloom.trajectory.chain import ChainResult, solve_chain
    from atomloom.trajectory.comparison import Comparison, compare
    from atomloom.trajectory.events import PassDone
    from atomloom.trajectory.lattice import iter_omega, omega, omega_size, partitions
    from atomloom.trajectory.many import solve_many
    from atomloom.trajectory.market_input import problem_from_prices
    from atomloom.trajectory.problem import TrajectoryProblem, random_problem
    from atomloom.trajectory.result import TrajectoryResult
    from atomloom.trajectory.score import evaluate
    from atomloom.trajectory.solver import solve
    from atomloom.trajectory.static import static_solution
    from atomloom.trajectory.verification import Verification, verify_certificate

__all__ = [
    "Certificate",
    "ChainResult",
    "Comparison",
    "PassDone",
    "TrajectoryProblem",
    "TrajectoryResult",
    "Verification",
    "compare",
    "evaluate",
    "iter_omega",
    "omega",
    "omega_size",
    "partitions",
    "problem_from_prices",
    "random_problem",
    "solve",
    "solve_chain",
    "solve_many",
    "static_solution",
    "verify_certificate",
]

__getattr__, __dir__ = front_door(__name__, _EXPORTS)
