"""Chains that are not the book's: any states, rewards and risks by state, any cost of a change by asset."""

from __future__ import annotations

import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._choices import check_choice
from atomloom.engine.budget import parse_size, resolve_threads
from atomloom.errors import BadInput
from atomloom.trajectory.certificate import Certificate, corner_ratio
from atomloom.trajectory.checks import check_seconds, numbers, reals
from atomloom.trajectory.exact import ON_NEGATIVE, along_a_line, check_memory, passes_for, search_chain
from atomloom.trajectory.lattice import omega, omega_size
from atomloom.trajectory.passes import Chain, Runner
from atomloom.trajectory.plan import plan_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from atomloom.trajectory.events import PassDone

    Reals = NDArray[np.float64]

OBJECTIVES = ("sum", "sharpe", "mean_variance")


@dataclass(frozen=True, eq=False)
class ChainResult:
    """The best path through a chain of states.

    Attributes
    ----------
    path : (H,) int64
        The place of each state.
    states : (H, N) int64
        The states themselves.
    value, mean, variance : float
        The objective; sum of rewards less costs; sum of risks (NaN where there are none).
    status : {"optimal", "bounded"}
    upper_bound : float
    certificate : Certificate
    n_passes : int
    runtime : float
        Seconds.

    Examples
    --------
    >>> solve_chain([[0], [1]], [[1.0, 3.0], [2.0, 0.0]]).path
    array([1, 0])
    """

    path: NDArray[np.int64]
    states: NDArray[np.int64]
    value: float
    mean: float
    variance: float
    status: str
    upper_bound: float
    certificate: Certificate
    n_passes: int
    runtime: float

    def summary(self) -> str:
        """Say in a line what was found.

        Examples
        --------
        >>> solve_chain([[0], [1]], [[1.0, 3.0], [2.0, 0.0]]).summary()
        'optimal: 5 over 2 horizons, no path is worth more than 5 (1 pass)'
        """
        passes = "1 pass" if self.n_passes == 1 else f"{self.n_passes} passes"
        bound = f"no path is worth more than {self.upper_bound:.10g}"
        return f"{self.status}: {self.value:.10g} over {len(self.path)} horizons, {bound} ({passes})"

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        plain = {"path": self.path.tolist(), "states": self.states.tolist(), "certificate": self.certificate.to_dict()}
        return found | plain


def solve_chain(
    states: ArrayLike,
    reward: ArrayLike,
    risk: ArrayLike | None = None,
    *,
    cost: ArrayLike | None = None,
    start: ArrayLike | None = None,
    objective: str = "sum",
    risk_aversion: float | None = None,
    threads: int | None = None,
    time_limit: float | None = None,
    memory: int | str | None = None,
    on_negative: str = "exact",
    listen: Callable[[PassDone], None] | None = None,
) -> ChainResult:
    """Find the best path through any states, one per horizon, where changes cost asset by asset.

    Budgets, long-only or limited portfolios, inventories, machine settings: whatever is a list of integer vectors.

    Parameters
    ----------
    states : (S, N) array_like of integers
        Distinct rows.
    reward : (H, S) array_like
        Of being in a state; -inf where it is not allowed in that horizon.
    risk : (H, S) array_like, optional
        At least 0; needed by "sharpe" and "mean_variance".
    cost : (H, N, D), (N, D) or (D,) array_like, optional
        Cost of a change of d units in an asset, at place d + (D - 1) / 2; D is odd, and reaches every change that the
        states allow. Any finite numbers: no triangle inequality, no symmetry, and rebates are allowed. Free where not
        given.
    start : (N,) array_like of integers, optional
        State before the first horizon, on the list or not; the first choice is free where not given.
    objective : {"sum", "sharpe", "mean_variance"}
        Sum of rewards less costs (one pass), that over the root of the sum of risks, or that less risk_aversion times
        the latter.
    risk_aversion : float, optional
        Of "mean_variance".
    threads : int, optional
    time_limit : float, optional
        Seconds, of "sharpe".
    memory : int or str, optional
        Most memory of a transition, in bytes or like "2GB"; a quarter of what is free where not given.
    on_negative : {"exact", "bound"}
        Of "sharpe": see :func:`~atomloom.trajectory.solve`.
    listen : callable, optional

    Returns
    -------
    ChainResult

    Raises
    ------
    BadInput
        For other shapes, states that are no integers or occur twice, no allowed state in a horizon.
    Infeasible
        If a path without risk earns something and the objective is "sharpe".
    OverBudget
        If the prefixes and suffixes of the states, each with each, do not fit into memory.

    Notes
    -----
    A transition takes as many steps as there are pairs of a prefix of a new state and a suffix of an old one, asset by
    asset, not S^2 N; where the states are all portfolios of K units, as :func:`omega` lists them, it is faster still.

    Examples
    --------
    Two machines, at most one of which runs; switching one on costs 3:

    >>> best = solve_chain([[0, 0], [0, 1], [1, 0]], [[0, 4, 1], [0, 1, 2]], cost=[0, 0, 3], start=[0, 0])
    >>> best.states.tolist(), best.value
    ([[0, 1], [0, 1]], 2.0)
    """
    check_choice("objective", objective, OBJECTIVES)
    check_choice("on_negative", on_negative, ON_NEGATIVE)
    held = _states(states)
    gain = _table(reward, "reward", len(held), None)
    risks = np.zeros_like(gain) if risk is None else _table(risk, "risk", len(held), len(gain))
    _check_objective(objective, risk is not None, risk_aversion)
    tables = _costs(cost, held, start, gain.shape[0])
    seconds, room = check_seconds(time_limit), None if memory is None else parse_size(memory)
    if start is not None:
        first = np.asarray(start, dtype=np.int64).ravel()
        change = held - first + tables.shape[2] // 2
        gain[0] -= tables[0, np.arange(held.shape[1]), change].sum(axis=1)
    began = time.perf_counter()
    chain = Chain(held, gain, risks, np.ascontiguousarray(tables[:, :, ::-1]))
    runner = Runner(passes_for(chain, _sphere(chain, room), resolve_threads(threads), room))
    if objective != "sharpe":
        line, proof = along_a_line(runner, risk_aversion or 0.0, listen)
        return _result(runner, line.path, objective, risk is not None, proof, began, complete=True)
    deadline = None if seconds is None else time.monotonic() + seconds
    found = search_chain(runner, deadline=deadline, listen=listen, on_negative=on_negative)
    place = {row.tobytes(): k for k, row in enumerate(held)}
    path = np.array([place[row.tobytes()] for row in found.units])
    assert found.certificate is not None  # noqa: S101 - a search has one
    return _result(runner, path, objective, True, found.certificate, began, complete=found.complete)


def _result(
    runner: Runner,
    path: NDArray[np.int64],
    objective: str,
    has_risk: bool,
    proof: Certificate,
    began: float,
    *,
    complete: bool,
) -> ChainResult:
    mean, variance = runner.chain.worth(path)
    value = corner_ratio(variance, mean) if objective == "sharpe" else mean - proof.lines[0][0] * variance
    bound = max(proof.bound, value)
    near = bound == value or bound - value <= 1e-12 * max(abs(bound), abs(value))
    return ChainResult(
        path, runner.chain.states[path], value, mean, variance if has_risk else float("nan"),
        "optimal" if near and complete else "bounded", bound, proof, runner.count, time.perf_counter() - began,
    )  # fmt: skip


def _states(given: ArrayLike) -> NDArray[np.int64]:
    reals(given, "states", "(S, N)")
    raw = np.asarray(given)
    if raw.ndim != 2 or raw.size == 0 or raw.dtype.kind not in "iu":
        message = f"states are {raw.dtype} of shape {raw.shape}. Hint: give (S, N) integers."
        raise BadInput(message)
    held = np.ascontiguousarray(raw, dtype=np.int64)
    if len(np.unique(held, axis=0)) < len(held):
        raise BadInput("states has a row twice. Hint: np.unique(states, axis=0).")
    if int(np.abs(held).max()) > 32_767:
        raise BadInput("states has counts beyond 32,767. Hint: count in larger units.")
    return held


def _table(given: ArrayLike, name: str, states: int, horizons: int | None) -> Reals:
    raw = reals(given, name, "(H, S)")
    barred = np.isneginf(raw) if name == "reward" else np.zeros(raw.shape, np.bool_)
    least = 0.0 if name == "risk" else None
    found = np.array(numbers(np.where(barred, 0.0, raw), name, (horizons, states), least=least))
    found[barred] = -np.inf
    if barred.size and barred.all(axis=1).any():
        message = f"reward allows no state in horizon {int(np.argmax(barred.all(axis=1)))}. Hint: one must be possible."
        raise BadInput(message)
    return found


def _check_objective(objective: str, has_risk: bool, risk_aversion: float | None) -> None:
    if objective != "sum" and not has_risk:
        message = f"objective {objective!r} needs risk. Hint: give it by horizon and state."
        raise BadInput(message)
    if (objective == "mean_variance") != (risk_aversion is not None):
        message = (
            f"objective is {objective!r} and risk_aversion {risk_aversion!r}. "
            "Hint: mean_variance needs one, the others have none."
        )
        raise BadInput(message)
    if risk_aversion is not None:
        numbers(risk_aversion, "risk_aversion", (), least=0.0)


def _costs(given: ArrayLike | None, states: NDArray[np.int64], start: ArrayLike | None, horizons: int) -> Reals:
    reach = int((states.max(axis=0) - states.min(axis=0)).max())
    if start is not None:
        reals(start, "start", f"({states.shape[1]})")
        first = np.asarray(start)
        if first.shape != (states.shape[1],) or first.dtype.kind not in "iu":
            message = f"start is {first.dtype} of shape {first.shape}. Hint: give {states.shape[1]} integers."
            raise BadInput(message)
        reach = max(reach, int(np.abs(states - first).max()))
    shape = (horizons, states.shape[1])
    if given is None:
        return np.zeros((*shape, 2 * reach + 1))
    raw = reals(given, "cost", "(D), (N, D) or (H, N, D)")
    if raw.ndim == 0 or raw.shape[-1] % 2 == 0 or raw.shape[-1] < 2 * reach + 1:
        message = (
            f"cost has {raw.shape[-1] if raw.ndim else 0} places; changes of -{reach} to {reach} units need "
            f"{2 * reach + 1}, an odd number. Hint: the cost of d units stands at place d + (D - 1) / 2."
        )
        raise BadInput(message)
    fits = raw.ndim == 1 or raw.shape == (shape[1], raw.shape[-1])
    spread = np.broadcast_to(raw, (*shape, raw.shape[-1])) if fits else raw
    return numbers(np.array(spread, copy=True), "cost", (*shape, raw.shape[-1]))


def _sphere(chain: Chain, memory: int | None) -> Any:
    """Give the plan of the portfolios of K units where these are exactly the states."""
    units = int(np.abs(chain.states[0]).sum())
    count, assets = chain.states.shape
    if assets < 2 or units < 1 or count != omega_size(assets, units):
        return None
    if chain.cost.shape[2] != 4 * units + 1 or not np.array_equal(chain.states, omega(assets, units)):
        return None
    check_memory(assets, units, len(chain.gain), memory)
    return plan_of(assets, units)
