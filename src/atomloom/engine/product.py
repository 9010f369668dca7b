"""A grid of parameters as one row of atoms: the product of any number of axes, never built.

Nested loops over parameters are a product of axes, and a product is a sequence whose
element i is found by decoding i in mixed radix. So a grid of any size is cut, shared and
shipped as three numbers and its axes, and no code knows how many axes there are.
"""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

_INT64 = 2**63


class Grid:
    """Points of a product of axes, or a regular selection of them; made by :func:`grid`.

    A grid is a sequence of dicts ``{axis: value}``, the last axis running fastest, as in
    ``itertools.product``. Slices are grids too and share the axes.

    Examples
    --------
    >>> g = grid(window=[20, 50], threshold=[0.1, 0.2, 0.3])
    >>> g
    grid(window=2, threshold=3): 6 points
    >>> g[4]
    {'window': 50, 'threshold': 0.2}
    >>> [point["threshold"] for point in g[3:]]
    [0.1, 0.2, 0.3]
    """

    __slots__ = ("_axes", "_names", "_size", "_start", "_step")

    def __init__(self, axes: Mapping[str, Any], *, start: int = 0, step: int = 1, size: int | None = None) -> None:
        self._names = tuple(axes)
        self._axes: tuple[Any, ...] = tuple(axes.values())
        self._start, self._step = start, step
        self._size = math.prod(self.shape) if size is None else size

    @property
    def axes(self) -> dict[str, Any]:
        """The axes by name, each a range, a (k,) array, a pandas Index or a tuple."""
        return dict(zip(self._names, self._axes, strict=True))

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis; of the whole grid, also for a slice."""
        return tuple(len(axis) for axis in self._axes)

    @property
    def size(self) -> int:
        """Number of points, however large (``len`` stops at 2**63 - 1)."""
        return self._size

    def __len__(self) -> int:
        return self._size

    def __bool__(self) -> bool:
        return self._size > 0

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> Grid: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | Grid:
        if isinstance(index, slice):
            return self._slice(index)
        i = operator.index(index)
        if not -self._size <= i < self._size:
            raise IndexError(f"point {i} of a grid of {self._size} points")
        return self._point(self._start + self._step * (i % self._size))

    def _slice(self, index: slice) -> Grid:
        # slice.indices stops at the word size; a range of python ints does not.
        chosen = range(self._size)[index]
        size = max(0, -((chosen.start - chosen.stop) // chosen.step))
        start, step = self._start + self._step * chosen.start, self._step * chosen.step
        return Grid(self.axes, start=start, step=step, size=size)

    def _point(self, flat: int) -> dict[str, Any]:
        values = []
        for axis in reversed(self._axes):
            flat, digit = divmod(flat, len(axis))
            values.append(axis[digit])
        return dict(zip(self._names, reversed(values), strict=True))

    def _flats(self) -> range:
        return range(self._start, self._start + self._step * self._size, self._step)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self._point, self._flats())

    def __reversed__(self) -> Iterator[dict[str, Any]]:
        return iter(self[::-1])

    def __contains__(self, point: object) -> bool:
        if not isinstance(point, Mapping):
            return False
        try:
            self.index(point)
        except BadInput:
            return False
        return True

    def count(self, point: Mapping[str, Any]) -> int:
        """Count the points equal to this one; more than one only where an axis repeats a value.

        Examples
        --------
        >>> grid(a=[1, 1, 2]).count({"a": 1})
        2
        """
        return sum(_same_point(point, other) for other in self) if point in self else 0

    def index(self, point: Mapping[str, Any]) -> int:
        """Find the position of a point, in time proportional to the axes and not to the grid.

        Parameters
        ----------
        point : mapping of str to value
            One value for every axis. Where an axis repeats a value, the first counts.

        Raises
        ------
        BadInput
            For axes missing or unknown, a value that is not on its axis, and a point of
            the whole grid that is not in this slice of it.

        Examples
        --------
        >>> g = grid(window=[20, 50], threshold=[0.1, 0.2, 0.3])
        >>> g.index({"window": 50, "threshold": 0.2})
        4
        """
        self._check_names(point)
        flat = 0
        for name, axis in zip(self._names, self._axes, strict=True):
            flat = flat * len(axis) + _position(name, axis, point[name])
        flats = self._flats()
        if flat not in flats:
            raise BadInput(f"{dict(point)!r} is a point of the whole grid but not of this slice of it.")
        return flats.index(flat)

    def _check_names(self, point: Mapping[str, Any]) -> None:
        for name in point:
            if name not in self._names:
                near = difflib.get_close_matches(str(name), self._names, 1)
                hint = f" Hint: did you mean {near[0]!r}?" if near else f" Hint: the axes are {', '.join(self._names)}."
                raise BadInput(f"the grid has no axis {name!r}.{hint}")
        missing = [name for name in self._names if name not in point]
        if missing:
            raise BadInput(f"the point has no value for axis {missing[0]!r}. Hint: a point names every axis.")

    def columns(self, lo: int = 0, hi: int | None = None) -> dict[str, NDArray[Any]]:
        """Give the points lo to hi as one array per axis, for functions that work on arrays.

        Parameters
        ----------
        lo, hi : int
            Half-open range of positions, as in a slice; by default all points.

        Returns
        -------
        dict of str to (hi - lo,) ndarray
            Numbers, strings and booleans in their numpy dtype, anything else as objects.

        Examples
        --------
        >>> g = grid(window=[20, 50], threshold=[0.1, 0.2, 0.3])
        >>> {name: column.tolist() for name, column in g.columns(2, 5).items()}
        {'window': [20, 50, 50], 'threshold': [0.3, 0.1, 0.2]}
        """
        flats = self._flats()[lo:hi]
        wide = max(flats.start, flats.stop) >= _INT64
        rest: NDArray[Any] = np.array(flats, object) if wide else np.arange(flats.start, flats.stop, flats.step)
        found = {}
        for name, axis in zip(reversed(self._names), reversed(self._axes), strict=True):
            length = max(len(axis), 1)
            found[name] = _taken(axis, (rest % length).astype(np.int64))
            rest = rest // length
        return {name: found[name] for name in self._names}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Grid):
            return NotImplemented
        if (self._names, self.shape, self._flats()) != (other._names, other.shape, other._flats()):
            return False
        return all(map(_same_axis, self._axes, other._axes))

    def __hash__(self) -> int:
        return hash((self._names, self.shape, self._flats()))

    def __repr__(self) -> str:
        sizes = ", ".join(f"{name}={len(axis)}" for name, axis in self.axes.items())
        flats = self._flats()
        step = "" if self._step == 1 else f":{self._step}"
        cut = "" if flats == range(math.prod(self.shape)) else f"[{flats.start}:{flats.stop}{step}]"
        return f"grid({sizes}){cut}: {self._size} point{'' if self._size == 1 else 's'}"


Sequence.register(Grid)


def grid(**axes: Iterable[Any]) -> Grid:
    """Make the product of named axes, to be worked like any other row of atoms.

    Parameters
    ----------
    **axes : iterable
        One axis per name: a list, tuple, range, (k,) ndarray or pandas Index; a generator is
        read to its end. Ranges stay ranges, so an axis may be as long as one likes.

    Returns
    -------
    Grid
        A lazy sequence of ``{axis: value}``, the last axis running fastest. Empty when an
        axis is.

    Raises
    ------
    BadInput
        For no axes, and for an axis that is a scalar, a string, a set or more than
        one-dimensional.

    Notes
    -----
    Memory is that of the axes. Finding a point takes time proportional to their number.

    Examples
    --------
    >>> g = grid(a=range(10**12), b="x y z".split())
    >>> g.size, g[-1]
    (3000000000000, {'a': 999999999999, 'b': 'z'})
    """
    if not axes:
        raise BadInput("a grid needs at least one axis. Hint: grid(window=[20, 50], threshold=[0.1, 0.2]).")
    return Grid({name: _axis(name, values) for name, values in axes.items()})


def _axis(name: str, values: Any) -> Any:
    if isinstance(values, str | bytes | bytearray):
        raise BadInput(f"axis {name!r} is the text {values!r}. Hint: {name}=[{values!r}] for one value.")
    if isinstance(values, set | frozenset):
        raise BadInput(f"axis {name!r} is a set, which has no order. Hint: {name}=sorted(...).")
    dimensions = getattr(values, "ndim", 1)
    if not isinstance(values, Iterable) or dimensions == 0:
        raise BadInput(f"axis {name!r} is the single value {values!r}. Hint: {name}=[{values!r}].")
    if dimensions != 1:
        raise BadInput(f"axis {name!r} has {dimensions} dimensions. Hint: {name}=list(...) for one row per point.")
    if isinstance(values, range):
        if values[_INT64 - 1 :]:
            raise BadInput(f"axis {name!r} is longer than 2**63 - 1. Hint: split it into two axes.")
        return values
    if isinstance(values, np.ndarray):
        frozen = values.copy()
        frozen.flags.writeable = False
        return frozen
    # A pandas Index counts by position and is immutable; a Series ([i] is a label there) becomes a tuple.
    if hasattr(values, "to_numpy") and not hasattr(values, "iloc"):
        return values
    return tuple(values)


def _taken(axis: Any, digits: NDArray[np.int64]) -> NDArray[Any]:
    """Give ``axis[digit]`` for every digit as an array."""
    if isinstance(axis, range):
        small = min(axis.start, axis.stop) >= -_INT64 and max(axis.start, axis.stop) < _INT64
        return axis.start + axis.step * digits if small else np.array([axis[i] for i in digits.tolist()], object)
    values: NDArray[Any] = _column(axis) if isinstance(axis, tuple) else np.asarray(axis)
    return values[digits]


def _column(axis: tuple[Any, ...]) -> NDArray[Any]:
    """Make an array of an axis whose values keep their meaning: no number becomes text."""
    kinds = {np.asarray(value).dtype.kind if np.isscalar(value) else "O" for value in axis}
    numeric = kinds <= set("iuf")
    if numeric or (len(kinds) == 1 and "O" not in kinds):
        column = np.asarray(axis)
        if not numeric or "f" in kinds or column.dtype.kind != "f":  # large whole numbers must not be rounded
            return column
    column = np.empty(len(axis), object)
    for i, value in enumerate(axis):
        column[i] = value
    return column


def _position(name: str, axis: Any, value: Any) -> int:
    if isinstance(axis, range):
        if value in axis:
            return axis.index(value)
    else:
        for i, candidate in enumerate(axis):
            if _same(candidate, value):
                return i
    raise BadInput(f"axis {name!r} has no value {value!r}. Hint: its {len(axis)} values are in .axes[{name!r}].")


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    arrays = isinstance(a, np.ndarray) or isinstance(b, np.ndarray)
    return np.array_equal(a, b) if arrays else bool(a == b)


def _same_axis(a: Any, b: Any) -> bool:
    if isinstance(a, range) and isinstance(b, range):
        return a == b
    return all(map(_same, a, b))


def _same_point(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    return all(_same(a[name], b[name]) for name in b)
