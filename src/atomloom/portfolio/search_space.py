"""Which configurations to try: every combination of a grid, or some drawn at random."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.configs import MOST, Column, Configs, plain_value


class Grid:
    """Every combination of values of some parameters, the last running fastest.

    Parameters
    ----------
    where : callable, optional
        Constraint: takes some parameters by their names, as arrays over all combinations, and says which to keep.
        What it leaves out is no trial.
    **axes : sequence, or a single value
        Values of each parameter, see :func:`values_of`.

    Raises
    ------
    BadInput
        For an axis without values, twice the same value, a set, a constraint that cannot be asked, or a product above
        200 million.

    Examples
    --------
    >>> grid = Grid(method="momentum", lookback=[63, 126, 252], top=[3, 5], interval=[5, 21])
    >>> grid, len(grid)
    (Grid(method=1, lookback=3, top=2, interval=2: 12), 12)
    >>> len(Grid(lookback=[63, 126], interval=[21, 100], where=lambda lookback, interval: interval <= lookback))
    3
    """

    def __init__(self, *, where: Callable[..., Any] | None = None, **axes: Any) -> None:
        if not axes:
            raise BadInput("the grid has no axes. Hint: Grid(method=[...], lookback=[...]).")
        self.axes: dict[str, list[Any]] = {name: values_of(name, values) for name, values in axes.items()}
        if where is not None and not callable(where):
            raise BadInput(f"where is {where!r}. Hint: a function of axes: where=lambda lookback, top: top < lookback.")
        self.where = where
        n_points = math.prod(self.shape)
        if n_points > MOST:
            raise BadInput(f"the grid has {n_points:,} points, more than {MOST:,}. Hint: RandomSearch draws from it.")

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis."""
        return tuple(len(values) for values in self.axes.values())

    def __len__(self) -> int:
        return self.configs().size if self.where is not None else math.prod(self.shape)

    def configs(self) -> Configs:
        """Lay out the configurations of the grid."""
        size = math.prod(self.shape)
        codes = {}
        stride = size
        points = np.arange(size, dtype=np.int32 if size < 2**31 else np.int64)
        for name, values in self.axes.items():
            stride //= len(values)
            codes[name] = ((points // stride) % len(values)).astype(np.int32)
        if self.where is None:
            return Configs({name: Column(values, codes[name]) for name, values in self.axes.items()}, size, self.shape)
        kept = np.flatnonzero(self._allowed(codes, size))
        columns = {name: Column(values, codes[name][kept]) for name, values in self.axes.items()}
        return Configs(columns, len(kept), None, size - len(kept))

    def _allowed(self, codes: Mapping[str, Any], size: int) -> Any:
        assert self.where is not None  # noqa: S101 - asked only where there is one
        try:
            wanted = list(inspect.signature(self.where).parameters)
        except (TypeError, ValueError) as error:
            raise BadInput(f"where tells no names ({error}). Hint: where=lambda lookback: ... of axes.") from error
        for name in wanted:
            if name not in self.axes:
                raise BadInput(f"where asks for {name!r}. Hint: the axes are {', '.join(self.axes)}.")
        try:
            found = np.asarray(self.where(**{name: _array(self.axes[name])[codes[name]] for name in wanted}))
        except (TypeError, ValueError) as error:
            seen = f"where raised {type(error).__name__}: {str(error).rstrip('.')}"
            bare = [name for name in wanted if _array(self.axes[name]).dtype.kind == "O"]
            mixed = f"; {', '.join(bare)} has values of several kinds: compare with == or !=" if bare else ""
            raise BadInput(f"{seen}. Hint: it gets arrays; use & and |, not and/or{mixed}.") from error
        if found.dtype != np.bool_ or found.shape != (size,):
            seen = f"{found.dtype} of shape {found.shape}"
            raise BadInput(
                f"where gave {seen}. Hint: give a bool for each of {size:,} points; use & and |, not and/or."
            )
        return found

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={len(values)}" for name, values in self.axes.items())
        return f"Grid({told}: {math.prod(self.shape):,})"


@dataclass(frozen=True)
class Between:
    """A range to draw from: numbers between two ends, both included where they are whole.

    Attributes
    ----------
    low, high : float or int
        Whole numbers are drawn where both are.
    log : bool
        Evenly in the logarithm.

    Examples
    --------
    >>> Between(1, 3).draw(np.array([0.0, 0.5, 0.999]))
    array([1, 2, 3])
    >>> Between(0.001, 0.1, log=True).draw(np.array([0.5]))
    array([0.01])
    """

    low: float
    high: float
    log: bool = False

    def __post_init__(self) -> None:
        ends: tuple[Any, Any] = (plain_value(self.low), plain_value(self.high))
        object.__setattr__(self, "low", ends[0])
        object.__setattr__(self, "high", ends[1])
        if not all(_is_number(end) and math.isfinite(end) for end in ends) or not self.low < self.high:
            raise BadInput(f"Between({self.low!r}, {self.high!r}). Hint: give two finite numbers, the lower one first.")
        if not math.isfinite(float(self.high) - float(self.low)) or max(map(abs, ends)) >= 2**63:
            raise BadInput(f"Between({self.low!r}, {self.high!r}) is too wide. Hint: numbers below {2**63:,}.")
        if self.log and self.low <= 0:
            raise BadInput(f"Between({self.low!r}, ..., log=True). Hint: logarithms need a low end above 0.")

    def draw(self, uniform: Any) -> Any:
        """Turn numbers in [0, 1) into numbers of the range."""
        whole = isinstance(self.low, int) and isinstance(self.high, int)
        low, high = float(self.low), float(self.high) + (1.0 if whole else 0.0)
        found = low * (high / low) ** uniform if self.log else low + (high - low) * uniform
        return np.minimum(np.floor(found), self.high).astype(np.int64) if whole else np.minimum(found, self.high)


@dataclass(frozen=True)
class RandomSearch:
    """Configurations drawn at random, with the same ones for the same seed; longer searches begin with shorter ones.

    Attributes
    ----------
    space : mapping of str to values
        A :class:`Between`, a sequence to choose from, or a single value for all.
    n : int
        Number of configurations.
    seed : int

    Examples
    --------
    >>> search = RandomSearch({"method": ["cash", "equal_weight"], "interval": Between(1, 63)}, n=3, seed=1)
    >>> search.configs()[0]
    {'method': 'cash', 'interval': 5}
    """

    space: Mapping[str, Any]
    n: int
    seed: int = 0
    _first: int = field(default=0, repr=False)

    def __post_init__(self) -> None:
        n: Any = plain_value(self.n)
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST:
            raise BadInput(f"n is {n!r}. Hint: how many to draw, 1 to {MOST:,}.")
        seed: Any = plain_value(self.seed)
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise BadInput(f"seed is {seed!r}. Hint: a whole number of at least 0.")
        object.__setattr__(self, "n", n)
        object.__setattr__(self, "seed", seed)
        space: Any = self.space
        if not isinstance(space, Mapping) or not space:
            raise BadInput("the space has no parameters. Hint: {'lookback': Between(21, 252), ...}.")
        kept = {k: own if isinstance(own, Between) else values_of(k, own) for k, own in space.items()}
        object.__setattr__(self, "space", kept)

    def __len__(self) -> int:
        return self.n

    def configs(self) -> Configs:
        """Draw the configurations."""
        columns = {}
        for k, (name, values) in enumerate(self.space.items()):
            stream = np.random.Generator(np.random.Philox(key=[self.seed, k]))
            uniform = stream.random(self._first + self.n)[self._first :]
            if isinstance(values, Between):
                columns[name] = Column(values.draw(uniform), None)
            else:
                axis = values_of(name, values)
                columns[name] = Column(axis, np.floor(uniform * len(axis)).astype(np.int32))
        return Configs(columns, self.n)


def values_of(name: str, values: Any) -> list[Any]:
    """Values of an axis: of a list, array, Series, Index, range or generator each, else the one.

    Weights that are a flat row of numbers are one value.

    Raises
    ------
    BadInput
        If there is none, one is there twice, or they are a set, which has no order.

    Examples
    --------
    >>> values_of("lookback", range(21, 85, 21)), values_of("method", "cash"), values_of("weights", [0.5, 0.5])
    ([21, 42, 63, 84], ['cash'], [(0.5, 0.5)])
    """
    if isinstance(values, set | frozenset):
        raise BadInput(f"axis {name!r} is a set, which has another order in every run. Hint: give a list.")
    single = isinstance(values, str | bytes | Mapping) or not isinstance(values, Iterable) or hasattr(values, "fit")
    if single or callable(values) or (isinstance(values, np.ndarray) and values.ndim == 0):
        return [plain_value(values)]
    found = [plain_value(value) for value in values]
    if not found:
        raise BadInput(f"axis {name!r} has no values. Hint: give at least one.")
    if name == "weights" and all(map(_is_number, found)):
        return [tuple(found)]
    seen: set[Any] = set()
    odd: list[Any] = []
    for value in found:
        try:
            known = (type(value), value) in seen
            seen.add((type(value), value))
        except TypeError:  # cannot be hashed
            known = any(value is other for other in odd)
            odd.append(value)
        if known:
            raise BadInput(f"axis {name!r} has {value!r} twice. Hint: each value once; a trial is counted once.")
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _array(values: list[Any]) -> Any:
    """Values as an array; of objects, where they are of several kinds."""
    kinds = {type(value) for value in values}
    rows = kinds == {tuple} and len({*map(len, values)}) == 1
    rows = rows and all(_is_number(each) for row in values for each in row)
    if kinds <= {int, float} or kinds in ({bool}, {str}) or rows:
        return np.array(values)
    found = np.empty(len(values), dtype=object)
    for k, value in enumerate(values):
        found[k] = value
    return found
