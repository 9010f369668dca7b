"""The work behind tables of weights: what windows share is done once, and pieces go to workers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.blas import one_thread
from atomloom.engine.budget import resolve_threads
from atomloom.engine.run import run_parallel
from atomloom.errors import BadInput
from atomloom.portfolio.closed_forms import FORMULAS, OF_SPREAD, Sample, Spread
from atomloom.portfolio.fitted_weights import fit_one, skfolio_estimator
from atomloom.portfolio.row_windows import RowWindows, WindowError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

ANYWHERE = -1
"""The window of an error that is of no window."""

_PIECE = 5e7  # multiplications of a piece: some 10 ms
_ROOM = 2_000_000  # covariances of a piece: 16 MB
_PATIENCE = 0.1  # seconds of work that need no processes


@dataclass(frozen=True, eq=False)
class Order:
    """Weights that are wanted: a method, its checked parameters, and windows."""

    method: Any
    parameters: Mapping[str, Any]
    windows: RowWindows


@dataclass(frozen=True, eq=False)
class Workers:
    """Who works: as in :func:`atomloom.run_parallel`."""

    num_threads: int | None = None
    executor: Any = None
    progress: Any = False


@dataclass(frozen=True, eq=False)
class Group:
    """Work on the same windows. `kind` is "formula", "spread" (orders), or "risk" (weights, one row per window)."""

    kind: str
    windows: RowWindows
    members: tuple[tuple[int, Any], ...]

    def cost(self, assets: int) -> float:
        """Multiplications per window, roughly."""
        rows = float(self.windows.counts.mean()) if len(self.windows) else 0.0
        if self.kind == "formula":
            return 50.0 + rows * assets / 4
        each = assets * assets * (assets + 20.0) if self.kind == "spread" else assets * assets
        return rows * assets * (assets / 2 + 8.0) + len(self.members) * each


def fit_orders(sample: Sample, orders: Sequence[Order], workers: Workers) -> list[Reals | WindowError]:
    """Give the weights of every order, (R, N) float64, or why there are none.

    Raises
    ------
    MissingExtra
        If a method needs a package that is not there.
    """
    found: list[Any] = [None] * len(orders)
    groups: dict[Any, Group] = {}
    python: list[int] = []
    for place, order in enumerate(orders):
        if not isinstance(order.method, str) or order.method not in FORMULAS | OF_SPREAD:
            python.append(place)
            continue
        kind = "spread" if order.method in OF_SPREAD else "formula"
        key = order.windows.key if kind == "spread" else place
        members = groups[key].members if key in groups else ()
        groups[key] = Group(kind, order.windows, (*members, (place, order)))
    for place in python:
        if isinstance(orders[place].method, str):
            skfolio_estimator(orders[place].method, orders[place].parameters)
    for place, value in work_groups(sample, list(groups.values()), workers).items():
        found[place] = value
    for place, value in _fit_python(sample, {place: orders[place] for place in python}, workers).items():
        found[place] = value
    return found


def work_groups(sample: Sample, groups: Sequence[Group], workers: Workers) -> dict[int, Any]:
    """Work groups in pieces, in threads where that pays; gives what each member has, by its number."""
    pieces: list[tuple[int, int, int]] = []
    total = 0.0
    for number, group in enumerate(groups):
        cost = group.cost(sample.assets)
        room = _ROOM / sample.assets**2 if group.kind != "formula" else np.inf
        step = max(1, int(min(_PIECE / cost, room, len(group.windows))))
        total += cost * len(group.windows)
        pieces += [(number, low, min(low + step, len(group.windows))) for low in range(0, len(group.windows), step)]
    if total <= _PIECE or resolve_threads(workers.num_threads) == 1:
        done = [_pieces_of(pieces, sample, groups)]
    else:
        done = run_parallel(
            lambda molecule: _pieces_of(molecule, sample, groups), pieces, num_threads=workers.num_threads,
            mp_batches=8, executor="threads", grain=1, progress=workers.progress,
        ).value  # fmt: skip
    parts: dict[int, list[Any]] = {place: [] for group in groups for place, _ in group.members}
    for leaf in done:
        for place, value in leaf:
            parts[place].append(value)
    return {place: _joined(values) for place, values in parts.items()}


def _pieces_of(molecule: Any, sample: Sample, groups: Sequence[Group]) -> list[tuple[int, Any]]:
    return [each for number, low, high in molecule for each in _piece(sample, groups[number], low, high)]


def _piece(sample: Sample, group: Group, low: int, high: int) -> list[tuple[int, Any]]:
    windows = group.windows.part(low, high)
    spread = Spread.of(sample, windows) if group.kind != "formula" else None
    found: list[tuple[int, Any]] = []
    for place, member in group.members:
        value: Any
        try:
            if spread is not None and group.kind == "risk":
                value = spread.variances(member[low:high])
            else:
                with np.errstate(all="ignore"):  # what overflows is found below
                    value = _weights(member, sample, windows, spread)
                value = finite(value, sample)
        except WindowError as error:
            value = WindowError(low + error.window, error.message)
        except BadInput as error:
            value = WindowError(ANYWHERE, str(error))
        found.append((place, value))
    return found


def _weights(order: Order, sample: Sample, windows: RowWindows, spread: Spread | None) -> Reals:
    if spread is None:
        return FORMULAS[order.method](sample, windows, order.parameters)
    return OF_SPREAD[order.method](spread, order.parameters)


def _joined(values: list[Any]) -> Any:
    """Put pieces together; of several errors the first in order of windows counts."""
    errors = [value for value in values if isinstance(value, WindowError)]
    if errors:
        return min(errors, key=lambda error: error.window)
    return values[0] if len(values) == 1 else np.concatenate(values)


def _fit_python(sample: Sample, orders: Mapping[int, Order], workers: Workers) -> dict[int, Any]:
    """Fit what is written in Python: here while that is quick, else in processes."""
    atoms = [(place, window) for place, order in orders.items() for window in range(len(order.windows))]
    fits: list[tuple[int, int, Any]] = []
    work: dict[str, Any] = {"returns": sample.returns, "names": sample.names, "orders": dict(orders)}
    alone = workers.executor == "serial" or resolve_threads(workers.num_threads) == 1
    began, done = time.perf_counter(), 0
    with one_thread():  # as in the processes: with more, BLAS rounds otherwise
        while done < len(atoms) and (alone or (workers.executor is None and time.perf_counter() - began < _PATIENCE)):
            fits += _fits_of(atoms[done : done + 1], **work)
            done += 1
            if isinstance(fits[-1][2], WindowError):  # nothing is asked of that order any more
                done = next((at for at in range(done, len(atoms)) if atoms[at][0] != fits[-1][0]), len(atoms))
    if done < len(atoms):
        leaves = run_parallel(
            _fits_of, atoms[done:], num_threads=workers.num_threads, mp_batches=4, executor=workers.executor,
            progress=workers.progress, **work,
        ).value  # fmt: skip
        fits += [fit for leaf in leaves for fit in leaf]
    return {place: _rows(place, fits, sample.assets) for place in orders}


def _rows(place: int, fits: list[tuple[int, int, Any]], assets: int) -> Any:
    """Give the weights of an order in order of windows, or its first error."""
    own = sorted(((window, fit) for of, window, fit in fits if of == place), key=lambda each: each[0])
    errors = [fit for _, fit in own if isinstance(fit, WindowError)]
    return errors[0] if errors else np.array([fit for _, fit in own]).reshape(len(own), assets)


def _fits_of(
    molecule: Any, returns: Reals, names: tuple[str, ...] | None, orders: Mapping[int, Order]
) -> list[tuple[int, int, Any]]:
    """Fit windows, in order; after its first error an order is left alone."""
    found: list[tuple[int, int, Any]] = []
    failed: set[int] = set()
    for place, window in molecule:
        if place in failed:
            continue
        order = orders[place]
        fit: Any
        try:
            fit = fit_one(order.method, order.parameters, order.windows.of(returns, window), names)
        except BadInput as error:
            fit = WindowError(window, str(error))
        except Exception as error:  # noqa: BLE001 - a user's method may raise anything; the other tables go on
            fit = WindowError(window, f"{type(error).__name__}: {error}")
        if isinstance(fit, WindowError):
            failed.add(place)
        found.append((place, window, fit))
    return found


def finite(weights: Reals, sample: Sample) -> Reals:
    """Refuse weights that are not numbers.

    Raises
    ------
    WindowError
        For the first of them.
    """
    bad = ~np.isfinite(weights)
    if bad.any():
        window, asset = np.argwhere(bad)[0]
        seen = f"the weight of {sample.name(int(asset))} is {weights[window, asset]}"
        raise WindowError(int(window), f"{seen}. Hint: returns are too large, or too small, for their squares")
    return weights
