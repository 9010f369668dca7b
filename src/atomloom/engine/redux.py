"""Redux: how results are folded as they arrive, always in the same order.

Three ways. *Stitch* (no reducer): keep the results in input order. *Tree* (associative
reducers): one binary tree over the leaves, fixed by their number; workers reduce their own
subtrees, the parent merges siblings. *Fold* (anything else): strictly left to right.
Neither depends on which worker finished first, so neither do the bits.
"""

from __future__ import annotations

import copy
import inspect
import operator
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_F = TypeVar("_F", bound="Callable[..., Any]")


class _Missing:
    """The value of a leaf that failed and was left out."""

    def __repr__(self) -> str:
        return "MISSING"

    def __reduce__(self) -> str:
        return "MISSING"


MISSING: Any = _Missing()

_GROWS_LEFT = (operator.iadd, operator.imul, operator.iand, operator.ior, operator.ixor, operator.iconcat)
_OPERATORS = (operator.add, operator.mul, operator.and_, operator.or_, operator.xor, operator.concat, min, max)
_UFUNCS = frozenset({
    "add", "multiply", "maximum", "minimum", "fmax", "fmin", "logical_and", "logical_or", "logical_xor",
    "bitwise_and", "bitwise_or", "bitwise_xor", "logaddexp", "logaddexp2", "gcd", "lcm",
})  # fmt: skip
_PANDAS = frozenset(f"{kind}.{name}" for kind in ("DataFrame", "Series") for name in ("add", "mul", "combine_first"))
_IN_PLACE = (list.append, list.extend, dict.update, set.update, set.add)
_IMMUTABLE = (bool, int, float, complex, str, bytes, tuple, frozenset, type(None))


def associative(func: _F) -> _F:
    """Mark a reducer as associative, so that workers may combine their own results first.

    Parameters
    ----------
    func : callable
        ``func(a, b, **redux_args)`` with ``func(func(a, b), c) == func(a, func(b, c))`` up to
        rounding. The tree of calls is fixed by the atoms, so the bits are always the same.

    Examples
    --------
    >>> @associative
    ... def merge(a, b):
    ...     return {key: a.get(key, 0) + b.get(key, 0) for key in a | b}
    >>> Reducer.of(merge).tree
    True
    """
    func.__atomloom_associative__ = True  # type: ignore[attr-defined]
    return func


def _is_associative(func: Any) -> bool:
    if getattr(func, "__atomloom_associative__", False):
        return True
    if any(func is known for known in (*_OPERATORS, *_GROWS_LEFT)):
        return True
    if type(func).__name__ == "ufunc":
        return func.__name__ in _UFUNCS
    module = getattr(func, "__module__", None) or ""
    return module.startswith("pandas.") and getattr(func, "__qualname__", "") in _PANDAS


def _check_signature(redux: Callable[..., Any], args: Mapping[str, Any]) -> None:
    try:
        signature = inspect.signature(redux)
    except (TypeError, ValueError):
        return  # many built-ins have none
    try:
        signature.bind(None, None, **args)
    except TypeError as error:
        name = getattr(redux, "__qualname__", redux)
        named = "".join(f", {key}=" for key in args)
        raise BadInput(f"redux {name} cannot be called as redux(accumulated, result{named}): {error}.") from None


@dataclass(frozen=True)
class Reducer:
    """A checked reducer: the callable, its arguments, and which of the three ways it folds.

    Attributes
    ----------
    func : callable or None
    args : dict
    in_place : bool
        The left operand is changed and the return value ignored.
    tree : bool
        Associative: combined along the fixed tree, inside workers first.
    """

    func: Callable[..., Any] | None = None
    args: dict[str, Any] = field(default_factory=dict)
    in_place: bool = False
    tree: bool = False

    @classmethod
    def of(
        cls,
        redux: Callable[..., Any] | None,
        redux_args: Mapping[str, Any] | None = None,
        *,
        in_place: bool = False,
    ) -> Reducer:
        """Check what the user gave and choose the way of folding.

        Examples
        --------
        >>> Reducer.of(operator.add).kind, Reducer.of(list.append).kind, Reducer.of(None).kind
        ('tree', 'fold', 'stitch')
        """
        if redux is None:
            if redux_args or in_place:
                given = "redux_args were" if redux_args else "redux_in_place=True was"
                raise BadInput(f"{given} given without redux. Hint: pass redux=, or drop it.")
            return cls()
        if not callable(redux):
            raise BadInput(f"redux is {redux!r}; it must be callable as redux(accumulated, result, **redux_args).")
        if redux_args is not None and not isinstance(redux_args, Mapping):
            raise BadInput(f"redux_args is {redux_args!r}; it must be a mapping of keyword arguments for redux.")
        _check_signature(redux, redux_args or {})
        if in_place and any(redux is known for known in _OPERATORS):
            raise BadInput(
                f"redux_in_place=True, but {redux.__name__} changes nothing in place. Hint: drop redux_in_place."
            )
        known_in_place = any(redux is known for known in _IN_PLACE)
        return cls(redux, dict(redux_args or {}), in_place or known_in_place, _is_associative(redux))

    @property
    def kind(self) -> str:
        """Say it in a word: stitch, tree or fold."""
        if self.func is None:
            return "stitch"
        return "tree" if self.tree else "fold"

    @property
    def keeps_all(self) -> bool:
        """Whether this reducer only collects: its accumulator holds every result."""
        return any(self.func is known for known in (list.append, list.extend, operator.iconcat, operator.concat))

    def first(self, value: Any) -> Any:
        """Begin a left fold from the first result, never touching the user's object."""
        if self.func is list.append:
            return [value]
        if self.func is set.add:
            return {value}
        return self._own(value)

    def combine(self, left: Any, right: Any, *, owned: bool = True) -> Any:
        """Fold one result into the accumulator.

        Parameters
        ----------
        left, right : object
            Accumulated value and next result; a missing one gives the other.
        owned : bool
            Whether the engine made ``left`` itself and may change it.
        """
        if self.func is None:
            raise BadInput("There is no reducer to combine with.")
        if left is MISSING or right is MISSING:
            return right if left is MISSING else left
        if not owned and (self._writes_left or not self._harmless):
            left = self._own(left)
        out = self.func(left, right, **self.args)
        if self.in_place:
            return left
        if out is None and left is not None:
            name = getattr(self.func, "__qualname__", self.func)
            raise BadInput(
                f"redux {name} returned None. Hint: a reducer that changes its first argument needs "
                "redux_in_place=True; any other must return the new accumulated value.",
            )
        return out

    @property
    def _harmless(self) -> bool:
        """Whether the reducer is known never to change its arguments."""
        return any(self.func is known for known in _OPERATORS) or type(self.func).__name__ == "ufunc"

    @property
    def _writes_left(self) -> bool:
        return self.in_place or any(self.func is known for known in _GROWS_LEFT)

    def _own(self, value: Any) -> Any:
        if self.in_place and isinstance(value, _IMMUTABLE):
            raise BadInput(
                f"redux_in_place=True, but the accumulator is {type(value).__name__}, which cannot change in place. "
                "Hint: drop redux_in_place and let redux return the new value.",
            )
        try:
            return copy.deepcopy(value)
        except Exception:
            if self.in_place:
                raise
            return value  # a result that cannot be copied (a lock, a generator) is reduced as it is


def cover(lo: int, hi: int, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Tile the leaves first:last with whole nodes of the tree over lo:hi, left to right.

    The tree halves its range: children of (lo, hi) are (lo, mid) and (mid, hi) with
    ``mid = (lo + hi) // 2``. At most 2 log2(hi - lo) nodes.

    Examples
    --------
    >>> list(cover(0, 8, 1, 6))
    [(1, 2), (2, 4), (4, 6)]
    """
    if first >= last:
        return
    if first <= lo and hi <= last:
        yield lo, hi
        return
    middle = (lo + hi) // 2
    if first < middle:
        yield from cover(lo, middle, first, min(last, middle))
    if last > middle:
        yield from cover(middle, hi, max(first, middle), last)


class Tree:
    """The parent's side of the fixed tree: siblings merge as soon as both are there.

    Parameters
    ----------
    leaves : int
        Number of leaves.
    reducer : Reducer

    Examples
    --------
    >>> tree = Tree(4, Reducer.of(operator.add))
    >>> for lo, hi, value in [(2, 3, 30), (0, 2, 12), (3, 4, 4)]:
    ...     tree.add(lo, hi, value)
    >>> tree.value
    46
    """

    def __init__(self, leaves: int, reducer: Reducer) -> None:
        self._leaves = leaves
        self._reducer = reducer
        self._nodes: dict[tuple[int, int], tuple[Any, bool]] = {}

    def add(self, lo: int, hi: int, value: Any) -> None:
        """Put in the value of a node and merge upwards as far as possible."""
        owned = hi - lo > 1
        while (parent := self._parent(lo, hi)) is not None:
            plo, phi = parent
            middle = (plo + phi) // 2
            sibling = (middle, phi) if lo == plo else (plo, middle)
            if sibling not in self._nodes:
                break
            other, other_owned = self._nodes.pop(sibling)
            if lo == plo:
                value = self._reducer.combine(value, other, owned=owned)
            else:
                value = self._reducer.combine(other, value, owned=other_owned)
            lo, hi, owned = plo, phi, True
        self._nodes[lo, hi] = (value, owned)

    @property
    def held(self) -> int:
        """How many partial values wait for their sibling."""
        return len(self._nodes)

    @property
    def value(self) -> Any:
        """The value at the root; MISSING until everything arrived, or when every leaf failed."""
        return self._nodes.get((0, self._leaves), (MISSING, True))[0]

    def _parent(self, lo: int, hi: int) -> tuple[int, int] | None:
        a, b = 0, self._leaves
        if (lo, hi) == (a, b):
            return None
        while True:
            middle = (a + b) // 2
            down = (a, middle) if hi <= middle else (middle, b)
            if down == (lo, hi):
                return a, b
            a, b = down
