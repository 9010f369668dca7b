"""atomloom: high-performance computing for financial machine learning.

Atoms are grouped into molecules, molecules run in parallel, and their results are
folded as they arrive. Every name below loads on first use, so importing atomloom
costs no more than a bare interpreter.
"""

from __future__ import annotations

from atomloom._lazy import front_door

__version__ = "0.1.0"

TYPE_CHECKING = False  # type checkers read it as true; importing typing would double the import time

_EXPORTS = {
    # ground
    "AntiPattern": "atomloom.errors",
    "AtomloomError": "atomloom.errors",
    "BadInput": "atomloom.errors",
    "Infeasible": "atomloom.errors",
    "JobFailed": "atomloom.errors",
    "MissingExtra": "atomloom.errors",
    "OverBudget": "atomloom.errors",
    "StoreError": "atomloom.errors",
    "WorkerDied": "atomloom.errors",
    # engine
    "ReducedResult": "atomloom.engine.result",
    "associative": "atomloom.engine.redux",
    "cost_parts": "atomloom.engine.partition",
    "expand_call": "atomloom.engine.jobs",
    "grid": "atomloom.engine.product",
    "lin_parts": "atomloom.engine.partition",
    "nested_parts": "atomloom.engine.partition",
    "plan_parallel": "atomloom.engine.run",
    "run_parallel": "atomloom.engine.run",
    "shared_empty": "atomloom.engine.arrays",
    # app
    "figure": "atomloom.app.figures",
    # rooms
    "afml": "atomloom.afml",
    "engine": "atomloom.engine",
    "market": "atomloom.market",
    "portfolio": "atomloom.portfolio",
    "store": "atomloom.store",
    "trajectory": "atomloom.trajectory",
}

if TYPE_CHECKING:
    from atomloom import afml, engine, market, portfolio, store, trajectory
    from atomloom.app.figures import figure
    from atomloom.engine.arrays import shared_empty
    from atomloom.engine.jobs import expand_call
    from atomloom.engine.partition import cost_parts, lin_parts, nested_parts
    from atomloom.engine.product import grid
    from atomloom.engine.redux import associative
    from atomloom.engine.result import ReducedResult
    from atomloom.engine.run import plan_parallel, run_parallel
    from atomloom.errors import (
        AntiPattern,
        AtomloomError,
        BadInput,
        Infeasible,
        JobFailed,
        MissingExtra,
        OverBudget,
        StoreError,
        WorkerDied,
    )

__all__ = [
    "AntiPattern",
    "AtomloomError",
    "BadInput",
    "Infeasible",
    "JobFailed",
    "MissingExtra",
    "OverBudget",
    "ReducedResult",
    "StoreError",
    "WorkerDied",
    "__version__",
    "afml",
    "associative",
    "cost_parts",
    "engine",
    "expand_call",
    "figure",
    "grid",
    "lin_parts",
    "market",
    "nested_parts",
    "plan_parallel",
    "portfolio",
    "run_parallel",
    "shared_empty",
    "store",
    "trajectory",
]

__getattr__, __dir__ = front_door(__name__, _EXPORTS)
