"""A condition on the rows of a table: read from text, decided by chunk where the index can, by row where not."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.layout import bits
from atomloom.store.units import to_ns

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from atomloom.store.meta import TableMeta

    Bools = NDArray[np.bool_]

_FEW_CODES = 16  # comparing a byte is that much quicker than looking it up
_LOW, _HIGH = -(2**63), 2**63 - 1
_HINT = 'Hint: for example "size >= 500 and venue == \'P\'", "1640 <= price < 1650", "not flags == 0".'
_MIRROR = {ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE, ast.Eq: ast.Eq, ast.NotEq: ast.NotEq}


class Condition(Protocol):
    """A node: what it needs, what the index says of each chunk, what holds for each row."""

    def columns(self) -> set[str]:
        """Columns that have to be looked at."""

    def verdict(self, index: NDArray[Any]) -> tuple[Bools, Bools]:
        """Say for each chunk whether some row may match, and whether all rows do."""

    def listed(self, index: NDArray[Any]) -> Bools:
        """Say for each chunk whether every matching row is among its rare rows."""

    def mask(self, rows: Mapping[str, NDArray[Any]]) -> Bools:
        """Say for each row whether it matches."""


@dataclass(frozen=True)
class Between:
    """``low <= column <= high``, in whole numbers."""

    column: str
    low: int
    high: int

    def columns(self) -> set[str]:
        """Name the column."""
        return {self.column}

    def verdict(self, index: NDArray[Any]) -> tuple[Bools, Bools]:
        """By the smallest and largest value of the chunk."""
        least, most = ("ts_first", "ts_last") if self.column == "ts" else (f"{self.column}_min", f"{self.column}_max")
        maybe = (index[most] >= self.low) & (index[least] <= self.high)
        return maybe, (index[least] >= self.low) & (index[most] <= self.high)

    def listed(self, index: NDArray[Any]) -> Bools:
        """Large sizes are."""
        if self.column != "size":
            return np.zeros(len(index), dtype=bool)
        return np.asarray(index["rare_size"] <= self.low)

    def mask(self, rows: Mapping[str, NDArray[Any]]) -> Bools:
        """Compare, in the column's own width where the bounds fit."""
        values = rows[self.column]
        limits = np.iinfo(values.dtype)
        if self.low > limits.max or self.high < limits.min or self.low > self.high:
            return np.zeros(len(values), dtype=bool)
        kind = values.dtype.type
        if self.high >= limits.max:
            return np.asarray(values >= kind(max(self.low, limits.min)))
        if self.low <= limits.min:
            return np.asarray(values <= kind(self.high))
        if self.low == self.high:
            return np.asarray(values == kind(self.low))
        return np.asarray((values >= kind(self.low)) & (values <= kind(self.high)))


@dataclass(frozen=True)
class Among:
    """The venue is one of some codes."""

    codes: tuple[int, ...]

    def columns(self) -> set[str]:
        """Name the venue."""
        return {"venue"}

    def verdict(self, index: NDArray[Any]) -> tuple[Bools, Bools]:
        """By the set of venues in the chunk."""
        words = bits(np.array(self.codes, dtype=np.int64))
        held = index["venue_set"]
        return ((held & words) != 0).any(axis=1), ((held & ~words) == 0).all(axis=1)

    def listed(self, index: NDArray[Any]) -> Bools:
        """Venues that hardly occur in the chunk are."""
        words = bits(np.array(self.codes, dtype=np.int64))
        return np.asarray(((words & ~index["rare_venues"]) == 0).all(axis=1))

    def mask(self, rows: Mapping[str, NDArray[Any]]) -> Bools:
        """Look the codes up."""
        if len(self.codes) <= _FEW_CODES:
            found = rows["venue"] == np.uint8(self.codes[0])
            for code in self.codes[1:]:
                found |= rows["venue"] == np.uint8(code)
            return np.asarray(found)
        table = np.zeros(256, dtype=bool)
        table[list(self.codes)] = True
        return np.asarray(table[rows["venue"]])


@dataclass(frozen=True)
class Joined:
    """All, or any, of some conditions."""

    parts: tuple[Condition, ...]
    every: bool

    def columns(self) -> set[str]:
        """Those of the parts."""
        return set().union(*(part.columns() for part in self.parts))

    def verdict(self, index: NDArray[Any]) -> tuple[Bools, Bools]:
        """Join the verdicts."""
        join = np.logical_and if self.every else np.logical_or
        maybe, surely = zip(*(part.verdict(index) for part in self.parts), strict=True)
        return join.reduce(maybe), join.reduce(surely)

    def listed(self, index: NDArray[Any]) -> Bools:
        """All of a conjunction is if one part is; of a disjunction, if every part is."""
        # a part that matches nothing in a chunk is listed there whatever it asks
        found = [part.listed(index) | ~part.verdict(index)[0] for part in self.parts]
        return np.asarray((np.logical_or if self.every else np.logical_and).reduce(found))

    def mask(self, rows: Mapping[str, NDArray[Any]]) -> Bools:
        """Join the masks."""
        found = self.parts[0].mask(rows)
        for part in self.parts[1:]:
            found = found & part.mask(rows) if self.every else found | part.mask(rows)
        return found


@dataclass(frozen=True)
class Without:
    """The opposite of a condition."""

    part: Condition

    def columns(self) -> set[str]:
        """Those of the part."""
        return self.part.columns()

    def verdict(self, index: NDArray[Any]) -> tuple[Bools, Bools]:
        """Turn the verdict round."""
        maybe, surely = self.part.verdict(index)
        return ~surely, ~maybe

    def listed(self, index: NDArray[Any]) -> Bools:
        """Never: the list has what is rare."""
        return np.zeros(len(index), dtype=bool)

    def mask(self, rows: Mapping[str, NDArray[Any]]) -> Bools:
        """Turn the mask round."""
        return ~self.part.mask(rows)


def parse(query: str, meta: TableMeta) -> Condition:
    """Read a condition for a table.

    Parameters
    ----------
    query : str
        See :meth:`atomloom.store.instrument.Instrument.where`.
    meta : TableMeta

    Raises
    ------
    BadInput
        If it cannot be read, or names what the table does not have.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store.meta import load
    >>> parse("1640 <= price < 1640.5", load(es_2013_09(), "ES", "trades"))
    Joined(parts=(Between(column='px', low=6560, ...), Between(column='px', low=..., high=6561)), every=True)
    """
    text = query.strip() if isinstance(query, str) else ""  # type: ignore[redundant-expr]  # users err
    if not text:
        message = f"the condition is {query!r}. {_HINT}"
        raise BadInput(message)
    try:
        tree = ast.parse(text, mode="eval").body
        return _Reader(query, meta).node(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, BadInput):
            raise
        message = f"the condition {query!r} cannot be read: {error}. {_HINT}"
        raise BadInput(message) from error


class _Reader:
    """Turns a syntax tree into conditions on the columns of one table."""

    def __init__(self, query: str, meta: TableMeta) -> None:
        self._query, self._meta = query, meta

    def node(self, tree: ast.expr) -> Condition:
        if isinstance(tree, ast.BoolOp):
            return Joined(tuple(self.node(part) for part in tree.values), isinstance(tree.op, ast.And))
        if isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
            return Without(self.node(tree.operand))
        if isinstance(tree, ast.Compare):
            sides = [tree.left, *tree.comparators]
            tests = [self._test(a, op, b) for a, op, b in zip(sides, tree.ops, sides[1:], strict=False)]
            return tests[0] if len(tests) == 1 else Joined(tuple(tests), every=True)
        raise self._bad(f"{ast.unparse(tree)!r} is no comparison")

    def _test(self, left: ast.expr, op: ast.cmpop, right: ast.expr) -> Condition:
        if isinstance(op, ast.In | ast.NotIn) and isinstance(left, ast.Name):
            if not isinstance(right, ast.Tuple | ast.List | ast.Set) or not right.elts:
                raise self._bad(f"{ast.unparse(right)!r} is no list of values")
            found: Condition = self._among(left.id, [self._value(item) for item in right.elts])
            return Without(found) if isinstance(op, ast.NotIn) else found
        if isinstance(right, ast.Name) and not isinstance(left, ast.Name) and type(op) in _MIRROR:
            left, op, right = right, _MIRROR[type(op)](), left
        if not isinstance(left, ast.Name) or isinstance(right, ast.Name) or type(op) not in _MIRROR:
            raise self._bad(f"{ast.unparse(ast.Compare(left, [op], [right]))!r} does not compare a column with a value")
        value = self._value(right)
        if isinstance(op, ast.NotEq):
            return Without(self._among(left.id, [value]))
        if isinstance(op, ast.Eq):
            return self._among(left.id, [value])
        if left.id == "venue":
            raise self._bad("venues have no order; compare them by ==, != or in")
        column, exact = self._number(left.id, value)
        floor = exact.numerator // exact.denominator
        ceiling = -(-exact.numerator // exact.denominator)
        if isinstance(op, ast.Gt | ast.GtE):
            return Between(column, ceiling if isinstance(op, ast.GtE) else floor + 1, _HIGH)
        return Between(column, _LOW, floor if isinstance(op, ast.LtE) else ceiling - 1)

    def _among(self, name: str, values: list[Any]) -> Condition:
        if name == "venue":
            self._column(name)
            return Among(tuple(sorted({self._code(value) for value in values})))
        tests = []
        for value in values:
            column, exact = self._number(name, value)
            whole = exact.denominator == 1
            tests.append(Between(column, int(exact), int(exact)) if whole else Between(column, 1, 0))
        return tests[0] if len(tests) == 1 else Joined(tuple(tests), every=False)

    def _code(self, value: Any) -> int:
        venues = self._meta.venues
        if value not in venues:
            raise self._bad(f"there is no venue {value!r}; there are {', '.join(map(repr, venues))}")
        return venues.index(value)

    def _number(self, name: str, value: Any) -> tuple[str, Fraction]:
        """Give the column and the value in its whole units."""
        of_price = name in {"price", "bid", "ask"}
        column = {"price": "px", "bid": "bid_px", "ask": "ask_px"}.get(name, name)
        self._column(column, name)
        if column == "ts":
            return column, Fraction(to_ns(value))
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self._bad(f"{name} is compared with {value!r}, which is no number")
        exact = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
        return column, exact / Fraction(repr(self._meta.tick_size)) if of_price else exact

    def _column(self, column: str, name: str | None = None) -> None:
        if column not in self._meta.columns:
            known = [*self._meta.columns, *(["price"] if "px" in self._meta.columns else ["bid", "ask"])]
            raise self._bad(f"there is no column {name or column!r}; there are {', '.join(known)}")

    def _value(self, tree: ast.expr) -> Any:
        try:
            return ast.literal_eval(tree)
        except ValueError:
            raise self._bad(f"{ast.unparse(tree)!r} is no value") from None

    def _bad(self, what: str) -> BadInput:
        return BadInput(f"the condition {self._query!r}: {what}. {_HINT}")
