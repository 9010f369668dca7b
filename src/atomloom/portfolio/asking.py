"""What each configuration asks for: rows for the kernels, the table of its targets, or why it cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.errors import BadInput
from atomloom.kernels import memory
from atomloom.portfolio.configs import ABSENT, Column, Configs
from atomloom.portfolio.execution import EXECUTION
from atomloom.portfolio.fitted_weights import known_parameters
from atomloom.portfolio.lane_layout import (
    ASK_BAND,
    ASK_CALENDAR,
    ASK_FEE,
    ASK_INTERVAL,
    ASK_LAG,
    ASK_RATE,
    ASK_RELATIVE,
    ASK_ROWS,
    ASK_STEP,
)
from atomloom.portfolio.method_table import METHODS, check_names
from atomloom.portfolio.target_spec import TargetSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]

OVERLAY = ("refit", "volatility_target", "volatility_lookback", "max_leverage")
"""Parameters of targets that every method has."""
_ROWS = {
    "threshold": ASK_BAND, "interval": ASK_INTERVAL, "fixed_cost": ASK_FEE, "trade": ASK_STEP, "lag": ASK_LAG,
    "calendar": ASK_CALENDAR, "relative": ASK_RELATIVE,
}  # fmt: skip


_TAKEN = {name: frozenset(parameter.name for parameter in info.parameters) for name, info in METHODS.items()}


class Asked(NamedTuple):
    """What all configurations ask for.

    Attributes
    ----------
    rows : (ASK_ROWS, C) float64
    table : (C,) int64
        Which of the specs, or rows of ``given``.
    specs : list of TargetSpec or str
        What each table is made of, or why there is none.
    lags : list of int
        Of each table: its first decision is as many rows before the start, whatever else is swept.
    given : (K, N) float64, or None
        Constant targets, one for each table, instead of specs.
    """

    rows: Reals
    table: Ints
    specs: list[TargetSpec | str]
    lags: list[int]
    given: Reals | None


def ask(configs: Configs, periods_per_year: float, *, timed: bool = True) -> Asked:
    """Translate configurations.

    Parameters
    ----------
    configs : Configs
    periods_per_year : float
    timed : bool
        Whether the prices have times, by which calendars go.

    Raises
    ------
    BadInput
        For parameters that no method takes, values that none can have, and calendars without times. Combinations that
        cannot be (a ``skip`` as long as the ``lookback``) are tables that say why.

    Examples
    --------
    >>> from atomloom.portfolio.search_space import Grid
    >>> asked = ask(Grid(method=["cash", "momentum"], lookback=[21, 63], interval=[1, 5]).configs(), 252.0)
    >>> [spec.name for spec in asked.specs], asked.table.tolist()
    (['cash', 'momentum', 'momentum'], [0, 0, 0, 0, 1, 1, 2, 2])
    """
    if "method" not in configs.columns:
        raise BadInput(f"no method is given. Hint: add method=..., one of {', '.join(METHODS)}.")
    methods = _different(configs.columns["method"])
    takes = [_takes(method) for method in methods]
    if None not in takes:
        known = {name for names in takes for name in names or ()}
        check_names("a parameter", configs.columns, ["method", *EXECUTION, *OVERLAY, *sorted(known)])
    rows = _execution(configs)
    if not timed and rows[ASK_CALENDAR].any():
        raise BadInput("there is a calendar, and the prices have no times. Hint: give times=, or leave out calendar.")
    made = {name: column for name, column in configs.columns.items() if name not in EXECUTION}
    weights = made.get("weights")
    if (
        weights is not None
        and weights.codes is None
        and methods == ["fixed"]
        and set(made) <= {"method", "weights", "refit"}
    ):
        table = np.arange(configs.size)
        if weights.values.dtype.kind not in "iuf":
            raise BadInput(f"weights are {weights.values.dtype}. Hint: numbers, one for each asset.")
        given = memory.empty(weights.values.shape)  # a copy that can be written: kernels are compiled for such arrays
        given[:] = weights.values
        if not np.isfinite(given).all():
            raise BadInput("weights has values that are not finite. Hint: a number for each asset.")
        return Asked(rows, table, [], [], given)
    return Asked(rows, *_by_lag(rows[ASK_LAG], *_tables(made, configs.size, periods_per_year)), None)


def _by_lag(lag: Reals, table: Ints, specs: list[TargetSpec | str]) -> tuple[Ints, list[TargetSpec | str], list[int]]:
    """Give configurations with other lags tables of their own."""
    if (lag == lag[0]).all():
        return table, specs, [int(lag[0])] * len(specs)
    different, code = np.unique(lag, return_inverse=True)
    both, places = np.unique(table * len(different) + code, return_inverse=True)
    own = [divmod(int(k), len(different)) for k in both]
    return places.astype(np.int64), [specs[k] for k, _ in own], [int(different[j]) for _, j in own]


def _takes(method: Any) -> frozenset[str] | None:
    """Names of a method's parameters; None where anything goes, or it is no method (then it fails alone)."""
    if isinstance(method, str):
        check_names("a method", (method,), METHODS)
        return _TAKEN[method]
    if isinstance(method, type):
        return None
    known = known_parameters(method)
    return None if known is None else frozenset({"lookback", *known})


def _different(column: Column) -> list[Any]:
    values = [value.item() if isinstance(value, np.generic) else value for value in column.values]
    found = [value for value in values if value is not ABSENT]
    if len(found) < len(values):
        raise BadInput("a configuration has no method. Hint: give each one.")
    return list(dict.fromkeys(found)) if all(isinstance(value, str) for value in found) else found


def _execution(configs: Configs) -> Reals:
    rows = memory.empty((ASK_ROWS, configs.size))
    rows[ASK_RATE] = 0.0
    for name, parameter in EXECUTION.items():
        column = configs.columns.get(name)
        if column is None:
            coded: Any = parameter.coded([parameter.default])
        elif column.codes is None:
            coded = parameter.coded(column.values)
        else:
            values = [parameter.default if value is ABSENT else value for value in column.values]
            coded = parameter.coded(values)
            coded = coded[column.codes] if len(coded) > 1 else coded
        if name in ("cost", "slippage"):
            rows[ASK_RATE] += coded
        else:
            rows[_ROWS[name]] = coded
    return rows


def _tables(made: dict[str, Column], size: int, periods_per_year: float) -> tuple[Ints, list[TargetSpec | str]]:
    """Table of each configuration, and what each table is made of; combinations that come to the same share one."""
    key = np.zeros(size, dtype=np.int64)
    for column in made.values():
        codes = np.unique(column.values, return_inverse=True, axis=0)[1] if column.codes is None else column.codes
        key = key * (int(codes.max(initial=0)) + 1) + codes
        if len(made) > 2:
            key = _dense(key)
    key = _dense(key)
    first = np.full(int(key.max()) + 1, size, dtype=np.int64)
    np.minimum.at(first, key, np.arange(size)) if size < 100_000 else _firsts(first, key)
    specs: list[TargetSpec | str] = []
    places: dict[Any, int] = {}
    of_key = np.empty(len(first), dtype=np.int64)
    for k, place in enumerate(first):
        spec = _spec({name: column.at(int(place)) for name, column in made.items()}, periods_per_year)
        of_key[k] = places.setdefault(spec, len(specs))
        if of_key[k] == len(specs):
            specs.append(spec)
    return of_key[key], specs


def _firsts(first: Ints, key: Ints) -> None:
    first[key[::-1]] = np.arange(len(key) - 1, -1, -1)


def _dense(key: Ints) -> Ints:
    """Renumber keys from 0 in the order of their values."""
    top = int(key.max()) + 1
    if top > 4 * len(key) + 1_000_000:
        return np.unique(key, return_inverse=True)[1].astype(np.int64)
    seen = np.zeros(top, dtype=np.int64)
    seen[key] = 1
    return (np.cumsum(seen) - 1)[key]


def _spec(given: dict[str, Any], periods_per_year: float) -> TargetSpec | str:
    own = {name: value for name, value in given.items() if value is not ABSENT}
    method = own.pop("method")
    overlay = {name: own.pop(name) for name in OVERLAY if name in own}
    taken = _takes(method)
    if taken is not None:
        own = {name: value for name, value in own.items() if name in taken}
    try:
        return TargetSpec(method, own, periods_per_year=periods_per_year, **overlay)
    except BadInput as error:
        return str(error)
