"""The engine room: atoms -> molecules -> jobs -> redux, on every core of the machine."""

from __future__ import annotations

from atomloom._lazy import front_door

_EXPORTS = {
    "Failure": "atomloom.engine.jobs",
    "Finding": "atomloom.engine.findings",
    "Grid": "atomloom.engine.product",
    "Machine": "atomloom.engine.budget",
    "MoleculeDone": "atomloom.engine.progress",
    "Plan": "atomloom.engine.plan",
    "ReducedResult": "atomloom.engine.result",
    "RunFinished": "atomloom.engine.progress",
    "RunStarted": "atomloom.engine.progress",
    "Trace": "atomloom.engine.trace",
    "WorkerLost": "atomloom.engine.progress",
    "associative": "atomloom.engine.redux",
    "cost_parts": "atomloom.engine.partition",
    "expand_call": "atomloom.engine.jobs",
    "grid": "atomloom.engine.product",
    "lin_parts": "atomloom.engine.partition",
    "machine": "atomloom.engine.budget",
    "nested_parts": "atomloom.engine.partition",
    "plan_parallel": "atomloom.engine.run",
    "run_parallel": "atomloom.engine.run",
    "shared_empty": "atomloom.engine.arrays",
    "shutdown": "atomloom.engine.warm",
}
__all__ = sorted(_EXPORTS)  # noqa: PLE0605  # the table above is the one list of names

__getattr__, __dir__ = front_door(__name__, _EXPORTS)
