"""The exact method: the best path, and the certificate that it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom._choices import check_choice
from atomloom.engine.budget import resolve_threads, show_size
from atomloom.errors import OverBudget
from atomloom.trajectory.certificate import Certificate
from atomloom.trajectory.lattice import SMALL, dtype_of, omega, omega_size
from atomloom.trajectory.negative import least_bad
from atomloom.trajectory.passes import Chain, DivePasses, Runner, SpherePasses, TriePasses
from atomloom.trajectory.plan import Plan, plan_of, sizes_of
from atomloom.trajectory.result import Found
from atomloom.trajectory.score import NOTHING, node_tables
from atomloom.trajectory.search import Search, refuse_riskless

if TYPE_CHECKING:
    from collections.abc import Callable

    from atomloom.trajectory.events import PassDone
    from atomloom.trajectory.passes import Line, Passes
    from atomloom.trajectory.problem import TrajectoryProblem

ON_NEGATIVE = ("exact", "bound")


def exact(
    problem: TrajectoryProblem,
    *,
    threads: int | None = None,
    memory: int | None = None,
    on_negative: str = "exact",
    deadline: float | None = None,
    listen: Callable[[PassDone], None] | None = None,
    seed: int = 0,  # noqa: ARG001 - nothing is drawn; every method takes one
) -> Found:
    """Find the best path among all, and prove it.

    Parameters
    ----------
    problem : TrajectoryProblem
    threads : int, optional
        None is every physical core. Used where a transition has millions of steps; the same bits for any number.
    memory : int, optional
        Most bytes to take; half of what is free where not given.
    on_negative : {"exact", "bound"}
        What to do where every path loses: search on with labels, or be content with a bound.
    deadline : float, optional
        Moment (``time.monotonic``) to stop at, with the best path so far and a bound.
    listen : callable, optional
        Told about every pass.

    Raises
    ------
    OverBudget
        If the states and the room for transitions do not fit; the message says what would.
    Infeasible
        If a path without variance earns something.

    Notes
    -----
    A pass takes H transitions, of sum over m of |B_m| |B_(N-m+1)| steps each (B_m the points of Z^m with at most K
    units); 5 to 20 passes are usual. ``docs/explanation/trajectory.md`` has the proof.
    """
    check_choice("on_negative", on_negative, ON_NEGATIVE)
    check_memory(problem.assets, problem.units, problem.horizons, memory)
    chain = chain_of(problem)
    workers = resolve_threads(threads)
    plan = plan_of(problem.assets, problem.units) if problem.assets > 1 else None
    runner = Runner(passes_for(chain, plan, workers))
    if problem.risk_aversion is not None:
        return _found(chain, *along_a_line(runner, problem.risk_aversion, listen), runner.count)
    return search_chain(runner, deadline=deadline, listen=listen, on_negative=on_negative)


def chain_of(problem: TrajectoryProblem) -> Chain:
    """Tabulate a problem: states, what they are worth, what changes cost."""
    states = omega(problem.assets, problem.units)
    gain, risk = node_tables(problem, states)
    return Chain(states, gain, risk, np.ascontiguousarray(problem.table()[:, :, ::-1]))


def passes_for(chain: Chain, plan: Plan | None, threads: int, memory: int | None = None) -> Passes:
    """Choose how transitions are made: by registers for whole spheres, by prefixes and suffixes for any other set."""
    if plan is None:
        return TriePasses(chain, memory)
    sizes = sizes_of(plan.assets, plan.units)
    return DivePasses(chain, plan, sizes, threads) if sizes.dives else SpherePasses(chain, plan, sizes)


def along_a_line(
    runner: Runner, price: float, listen: Callable[[PassDone], None] | None = None
) -> tuple[Line, Certificate]:
    """Maximise mean - price * variance: one pass, whose line is the proof."""
    from atomloom.trajectory.events import PassDone  # noqa: PLC0415 - only here

    line = runner.line(price)
    if listen is not None:
        listen(PassDone(1, price, line.level, line.level, 0.0))
    return line, Certificate("line", ((price, line.level),), ((line.variance, line.mean),), 0.0, line.level)


def search_chain(
    runner: Runner,
    *,
    deadline: float | None = None,
    listen: Callable[[PassDone], None] | None = None,
    on_negative: str = "exact",
) -> Found:
    """Find the path with the largest mean / sqrt(variance) of any chain, and prove it."""
    chain = runner.chain
    allowed = np.where(np.isneginf(chain.gain), np.inf, chain.risk)
    least, noise = float(allowed.min(axis=1).sum()), 0.0
    if least <= 0.0:  # what does not vary earns nothing, and what varies does so in one horizon at least
        noise = _check_riskless(runner)
        least = float(allowed.min(initial=np.inf, where=allowed > 0.0))
        least = least if least < np.inf else 0.0
    search = Search(runner, least, deadline=deadline, listen=listen)
    top = search.add(0.0)
    if top.mean < 0.0:
        return least_bad(runner, search, on_negative)
    if top.mean <= noise:  # no path earns anything, so none has a ratio above 0
        certificate = Certificate("lines", ((0.0, top.level),), ((top.variance, top.mean),), least, 0.0)
        return _found(chain, top, certificate, 1)
    search.climb()
    complete = search.close()
    assert search.best is not None  # noqa: S101 - the first pass found one
    found = _found(chain, search.best, search.certificate(), runner.count)
    return found._replace(complete=complete)


def _check_riskless(runner: Runner) -> float:
    """Refuse a chain whose paths without variance earn something; give what of their means is rounding."""
    chain = runner.chain
    gain = np.where(chain.risk <= 0.0, chain.gain, -np.inf)
    if not np.isfinite(gain).any(axis=1).all():
        return 0.0
    noise = NOTHING * float(np.abs(gain, where=np.isfinite(gain), out=np.zeros_like(gain)).max(axis=1).sum())
    plain = Chain(chain.states, gain, chain.risk, chain.cost)
    held, runner.chain = runner.chain, plain
    try:
        line = runner.line(0.0)
    finally:
        runner.chain = held
    if line.mean > noise:
        refuse_riskless(line.mean)
    return noise


def _found(chain: Chain, line: Line, certificate: Certificate, passes: int) -> Found:
    horizons, states = chain.gain.shape
    units = chain.states[line.path].astype(np.int64)
    return Found(units, passes, states**horizons - passes, certificate, complete=True, detail={"n_passes": passes})


def check_memory(assets: int, units: int, horizons: int, memory: int | None) -> None:
    """Refuse a problem whose tables do not fit, and say what would.

    Examples
    --------
    >>> check_memory(10, 10, 5, 10**9)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    atomloom.errors.OverBudget: 10 assets and 10 units make 4,780,008 states, and 5 horizons of them need ...
    """
    need = bytes_of(assets, units, horizons)
    if memory is None and need > SMALL:
        import psutil  # noqa: PLC0415 - only where nobody said how much

        memory = psutil.virtual_memory().available // 2
    room = SMALL if memory is None else memory
    if need <= room:
        return
    fewer_units = _most(units - 1, lambda k: bytes_of(assets, k, horizons) <= room)
    fewer_assets = _most(assets - 1, lambda n: bytes_of(n, units, horizons) <= room)
    ways = [f"with {assets} assets {fewer_units} units would fit"] if fewer_units else []
    if fewer_assets:
        ways.append(f"with {units} units {fewer_assets} assets" + ("" if ways else " would fit"))
    message = (
        f"{assets} assets and {units} units make {omega_size(assets, units):,} states, and {horizons} horizons of them "
        f"need {show_size(need)}; {show_size(room)} may be taken. "
        f"Hint: {', '.join(ways) + '; or ' if ways else ''}pass memory=."
    )
    raise OverBudget(message)


def _most(most: int, fits: Callable[[int], bool]) -> int:
    """Give the largest number that fits, 0 if none does; larger ones never fit where a smaller one does not."""
    low = 0
    while low < most:
        middle = (low + most + 1) // 2
        low, most = (middle, most) if fits(middle) else (low, middle - 1)
    return low


def bytes_of(assets: int, units: int, horizons: int) -> int:
    """Predict the bytes that the exact method takes.

    Examples
    --------
    >>> bytes_of(3, 3, 2) < 60_000
    True
    """
    states = omega_size(assets, units)
    tables = (4 * horizons + 6) * states * 8 + states * assets * (dtype_of(units).itemsize + 8)
    if assets == 1:
        return tables + 8 * horizons * (4 * units + 1)
    rooms = sum(sizes_of(assets, units).rooms)
    layout = (assets + 1) * (units + 1) * (2 * units + 1)  # where blocks begin, and the same of one row
    return tables + 8 * (rooms + layout + horizons * assets * (4 * units + 1))
