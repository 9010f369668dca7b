"""Probes: a few leaves worked first, to fit the cost of all and the memory of the run.

What the probes compute is kept: it is part of the work.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.budget import show_size
from atomloom.engine.cost import fit_cost, probe_indices
from atomloom.engine.jobs import take
from atomloom.errors import OverBudget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from atomloom.engine.backend import Backend
    from atomloom.engine.jobs import Piece
    from atomloom.engine.plan import Plan
    from atomloom.engine.redux import Reducer
    from atomloom.engine.reply import Reply


def work_leaves(leaves: Sequence[int], plan: Plan, backend: Backend, atoms: Any, whole: bool) -> dict[int, Reply]:
    """Work single leaves on the backend; leave out those that fail (the run will report them)."""
    waiting = set()
    for leaf in leaves:
        a, b = plan.leaves[leaf], plan.leaves[leaf + 1]
        backend.submit(leaf, [(leaf, leaf + 1)], None if whole else take(atoms, a, b), a)
        waiting.add(leaf)
    replies = {}
    while waiting:
        for reply in backend.poll(None):
            waiting.discard(reply.index)
            if reply.status == "done" and reply.outcome is not None and not reply.outcome.failures:
                replies[reply.index] = reply
    return replies


def fit_by_probe(plan: Plan, backend: Backend, atoms: Any, whole: bool) -> tuple[Plan, list[Piece]]:
    """Time a few leaves, fit their cost, and cut the molecules by it; leaves stay as they are."""
    chosen = [int(leaf) for leaf in probe_indices(plan.n_leaves)]
    replies = work_leaves(chosen, plan, backend, atoms, whole)
    timed = _seconds_per_atom(plan, replies)
    if len(timed) < 3:
        return replace(plan, notes=[*plan.notes, "too few leaves could be timed: cut linearly"]), _pieces(replies)
    model = fit_cost([leaf for leaf, _ in timed], [seconds for _, seconds in timed], plan.n_leaves)
    leaf_cost = model.cost(plan.n_leaves) * np.diff(plan.leaves)
    return plan.with_cost(leaf_cost, model.to_dict()), _pieces(replies)


def _seconds_per_atom(plan: Plan, replies: dict[int, Reply]) -> list[tuple[int, float]]:
    """Price the atoms of every probed leaf.

    By processor time, which others on the machine do not disturb, unless the function mostly waits.
    """
    outcomes = {leaf: reply.outcome for leaf, reply in sorted(replies.items()) if reply.outcome is not None}
    wall = sum(outcome.end - outcome.start for outcome in outcomes.values())
    computes = sum(outcome.cpu for outcome in outcomes.values()) > 0.7 * wall
    return [
        (leaf, (outcome.cpu if computes else outcome.end - outcome.start) / (plan.leaves[leaf + 1] - plan.leaves[leaf]))
        for leaf, outcome in outcomes.items()
    ]


def _pieces(replies: dict[int, Reply]) -> list[Piece]:
    return [piece for reply in replies.values() if reply.outcome is not None for piece in reply.outcome.pieces]


def fit_memory(
    plan: Plan, reducer: Reducer, backend: Backend, atoms: Any, *, whole: bool, budget: int
) -> tuple[Plan, list[Piece]]:
    """Work the first, middle and last leaf, project what the run will hold, and shrink molecules to fit.

    Raises
    ------
    OverBudget
        When even molecules of one leaf do not fit.
    """
    chosen = sorted({0, plan.n_leaves // 2, plan.n_leaves - 1})
    replies = work_leaves(chosen, plan, backend, atoms, whole)
    if not replies:
        return plan, []  # the run itself will report what is wrong
    size = max(reply.bytes_out or _size(reply.outcome) for reply in replies.values())
    fitted = _shrunk(plan, reducer, size, budget)
    if fitted is None:
        raise _over(plan, reducer, size, budget)
    return fitted, _pieces(replies)


def project(plan: Plan, reducer: Reducer, leaf_bytes: int) -> int:
    """Project the most bytes of results that a run holds at one time."""
    largest = max((hi - lo for lo, hi in plan.molecules), default=0)
    if reducer.func is None or reducer.keeps_all:
        return leaf_bytes * plan.n_leaves
    if reducer.tree:
        return leaf_bytes * (plan.window + 2 * max(1, plan.n_leaves).bit_length())
    return leaf_bytes * (1 + plan.window * largest)


def _shrunk(plan: Plan, reducer: Reducer, leaf_bytes: int, budget: int) -> Plan | None:
    """Cut a strict fold's molecules smaller until its window fits the budget."""
    need = project(plan, reducer, leaf_bytes)
    projection = {"leaf_bytes": leaf_bytes, "budget": budget, "projected": need}
    if need <= budget:
        return replace(plan, projection=projection)
    if reducer.kind != "fold" or reducer.keeps_all:
        return None
    room = (budget // max(1, leaf_bytes) - 1) // plan.window
    if room < 1:
        return None
    cuts = [*range(0, plan.n_leaves, room), plan.n_leaves]
    pairs = list(pairwise(cuts))
    smaller = replace(plan, molecules=pairs)
    note = f"molecules cut to {room} leaves so that {plan.window} of them fit {show_size(budget)}"
    return replace(
        smaller,
        projection={**projection, "projected": project(smaller, reducer, leaf_bytes)},
        notes=[*plan.notes, note],
    )


def _over(plan: Plan, reducer: Reducer, leaf_bytes: int, budget: int) -> OverBudget:
    need = project(plan, reducer, leaf_bytes)
    held = (
        "every result is kept" if reducer.func is None or reducer.keeps_all else f"{plan.window} molecules wait at most"
    )
    fits = max(1, math.floor(budget / max(1, leaf_bytes)))
    return OverBudget(
        f"the run would hold {show_size(need)} of results ({plan.n_leaves} leaves of {show_size(leaf_bytes)}; {held}), "
        f"but memory is {show_size(budget)}, which fits {fits}. Hint: pass a redux that folds them, return less per "
        "atom, or allow more memory.",
    )


def _size(outcome: Any) -> int:
    """Measure a result that never left this process."""
    from atomloom.engine.share import pack_result  # noqa: PLC0415  # only serial probes measure this way

    return pack_result([value for _, _, value in outcome.pieces]).nbytes
