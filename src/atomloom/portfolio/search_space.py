"""Which configurations to try: every combination of a grid, or some drawn at random."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.configs import MOST, Column, Configs


class Grid:
    """Every combination of values of some parameters, the last running fastest.

    Parameters
    ----------
    where : callable, optional
        Constraint: takes some parameters by their names, as arrays over all combinations, and says which to keep.
        What it leaves out is no trial.
    **axes : sequence, or a single value
        Values of each parameter.

    Raises
    ------
    BadInput
        For an axis without values, twice the same value, or a product above 200 million.

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
        wanted = list(inspect.signature(self.where).parameters)
        for name in wanted:
            if name not in self.axes:
                raise BadInput(f"where asks for {name!r}. Hint: the axes are {', '.join(self.axes)}.")
        try:
            found = np.asarray(self.where(**{name: np.array(self.axes[name])[codes[name]] for name in wanted}))
        except ValueError as error:
            raise BadInput(f"where raised {error} Hint: it gets arrays; use & and |, not and/or.") from error
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
        ends: tuple[Any, Any] = (self.low, self.high)
        numbers = all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends)
        if not numbers or not math.isfinite(self.low) or not math.isfinite(self.high) or not self.low < self.high:
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
        n: Any = self.n
        if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MOST:
            raise BadInput(f"n is {n!r}. Hint: how many to draw, 1 to {MOST:,}.")
        seed: Any = self.seed
        if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
            raise BadInput(f"seed is {seed!r}. Hint: a whole number of at least 0.")
        space: Any = self.space
        if not isinstance(space, Mapping) or not space:
            raise BadInput("the space has no parameters. Hint: {'lookback': Between(21, 252), ...}.")
        for name, values in self.space.items():
            if not isinstance(values, Between):
                values_of(name, values)

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
    """Values of an axis: of a sequence each, else the one.

    Raises
    ------
    BadInput
        If there is none, or one is there twice.

    Examples
    --------
    >>> values_of("lookback", range(21, 85, 21)), values_of("method", "cash")
    ([21, 42, 63, 84], ['cash'])
    """
    if isinstance(values, str | bytes | Mapping) or not isinstance(values, Sequence | np.ndarray | range | set):
        return [values]
    found = [value.item() if isinstance(value, np.generic) else value for value in values]
    found = [tuple(np.asarray(value).tolist()) if isinstance(value, list | np.ndarray) else value for value in found]
    if not found:
        raise BadInput(f"axis {name!r} has no values. Hint: give at least one.")
    for k, value in enumerate(found):
        if any(value is other or (type(value) is type(other) and value == other) for other in found[:k]):
            raise BadInput(f"axis {name!r} has {value!r} twice. Hint: each value once; a trial is counted once.")
    return found
