"""Arrow columns to columns of a store: times of any unit, prices to ticks, a reason for every row that fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.clock import SKIPPED, localize, zone_table
from atomloom.store.formats import NEEDED, UNITS, parse_time_format
from atomloom.store.heads import EPOCHS, roles_of
from atomloom.store.sink import Place, Rows
from atomloom.store.ticks import exact_step

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from atomloom.store.parts import Wishes

MOST_VENUES = 255
_MOST = 2**63 - 1
_LOW, _HIGH = -106750 * 86400, 106750 * 86400  # s, as for text
_LEAST = {"size": 1, "bid_size": 0, "ask_size": 0}
_SIDES = {"bid_size": "bid_px", "ask_size": "ask_px"}
_TOLERANCE = 1e-6  # of a tick, as for text


@dataclass(eq=False)
class Columns:
    """How the columns of frames are read; learns the unit of integer times from the first one.

    Examples
    --------
    >>> from atomloom.store.formats import Format
    >>> from atomloom.store.parts import Wishes
    >>> Columns.of(Wishes(Format()), 0.25).time_unit
    ''
    """

    wish: Wishes
    tick: float
    step: Fraction
    lot: Fraction
    family: str
    unit: int
    low: int = 0
    high: int = _MOST
    time_unit: str = ""

    @classmethod
    def of(cls, wish: Wishes, tick: float) -> Columns:
        """Prepare for prices in ticks of ``tick``."""
        family, unit, _ = parse_time_format(wish.layout.time)
        step = exact_step(tick) * exact_step(wish.layout.price_scale)
        return cls(wish, tick, step, exact_step(wish.layout.lot), family, unit)


def _roles(batch: Any, wish: Wishes, name: str) -> dict[str, Any]:
    names = [str(each) for each in batch.schema.names]
    roles = roles_of(names, wish.layout, name, header=True, optional=wish.optional)
    if "date" in roles:
        message = f"{name} has date and time in two columns. Hint: join them into one column of times."
        raise BadInput(message)
    return {role: batch.column(place) for role, place in roles.items()}


def prices_of(batch: Any, wish: Wishes, name: str) -> NDArray[np.float64]:
    """Give the finite prices of a batch, (n,) float64, quote currency.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from atomloom.store.formats import Format
    >>> from atomloom.store.parts import Wishes
    >>> batch = pa.record_batch({"ts": [1], "price": [1.5], "size": [2]})
    >>> prices_of(batch, Wishes(Format()), "x")
    array([1.5])
    """
    found = []
    for role, column in _roles(batch, wish, name).items():
        if role == "price" or role.endswith("_px"):
            values, valid = _numbers(column, role, name)
            prices = _widened(values[valid]) / wish.layout.price_scale
            found.append(prices[np.isfinite(prices) & ((prices != 0) | (role == "price"))])
    return np.concatenate(found)


def arrow_rows(batch: Any, columns: Columns, name: str, line: int) -> Rows:
    """Turn one record batch into rows and rejects.

    Parameters
    ----------
    batch : pyarrow.RecordBatch
    columns : Columns
    name : str
        Of the source, for messages.
    line : int
        Number of the first row in its source, from 0.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from atomloom.store.formats import Format
    >>> from atomloom.store.parts import Wishes
    >>> batch = pa.record_batch({"ts": [1378072800083, None], "price": [1.5, 2.0], "size": [2, 1]})
    >>> rows = arrow_rows(batch, Columns.of(Wishes(Format()), 0.5), "x", 0)
    >>> rows.columns["px"], rows.rejects
    (array([3]), [(-1, 1, 'time is missing', ',2.0,1')])
    """
    roles = _roles(batch, columns.wish, name)
    texts: list[str] = [""]
    code = np.zeros(batch.num_rows, dtype=np.int64)

    def mark(bad: NDArray[np.bool_], reason: str) -> None:
        fresh = bad & (code == 0)
        if fresh.any():
            texts.append(reason)
            code[fresh] = len(texts) - 1

    out: dict[str, NDArray[Any]] = {"ts": _times(roles["ts"], columns, name, mark)}
    known = np.ones(batch.num_rows, dtype=np.bool_)  # prices of the side
    for role in NEEDED[columns.wish.layout.kind][1:]:
        steps, valid = _counts(roles[role], role, columns, name, mark)
        out["px" if role == "price" else role] = steps
        if role in _SIDES:
            mark(~known & (steps > 0), f"{_SIDES[role]} is not a number")
        known = valid
    venues: list[str] = []
    if "venue" in roles:
        out["venue"], venues = _venues(roles["venue"], mark)
    if "flags" in roles:
        out["flags"] = _flags(roles["flags"], name, mark)
    good = code == 0
    bad = np.flatnonzero(~good)
    shown = batch.take(bad).to_pylist() if len(bad) else []
    rejects = [
        (
            -1,
            line + int(row),
            texts[code[row]],
            ",".join("" if value is None else str(value) for value in cells.values()),
        )
        for row, cells in zip(bad, shown, strict=True)
    ]
    kept = {key: column if good.all() else column[good] for key, column in out.items()}
    where = np.flatnonzero(good)
    back = np.flatnonzero(kept["ts"][1:] < kept["ts"][:-1]) + 1
    back_at = line + int(where[back[0]]) if len(back) else line
    first = line + int(where[0]) if len(where) else line
    end = Place(-1, line + batch.num_rows)
    return Rows(kept, venues, rejects, len(back), Place(-1, back_at), Place(-1, first), end, int(batch.nbytes))


def _numbers(column: Any, role: str, name: str) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Give a column of numbers as numpy sees it, and which rows have one."""
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only frames need it
    import pyarrow.compute as pc  # noqa: PLC0415

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.dictionary_decode()
        kind = column.type
    if pa.types.is_decimal(kind):
        column, kind = column.cast(pa.float64()), pa.float64()
    if pa.types.is_null(kind):
        column, kind = column.cast(pa.float64()), pa.float64()
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        message = (
            f"{name} has {kind} where {role} should be numbers. Hint: cast the column, or name another in columns."
        )
        raise BadInput(message)
    valid = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    filled = pc.fill_null(column, False if pa.types.is_boolean(kind) else 0)
    return np.asarray(filled.to_numpy(zero_copy_only=False)), valid


def _widened(values: NDArray[Any]) -> NDArray[np.float64]:
    """Take float32 for the shortest decimal that it prints as; anything else as it is."""
    if values.dtype == np.float32:
        return np.asarray(values.astype(str).astype(np.float64))
    return values.astype(np.float64)


def _counts(
    column: Any, role: str, columns: Columns, name: str, mark: Any
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Give a column in steps of its grid, and which rows have a number."""
    values, valid = _numbers(column, role, name)
    price = role == "price" or role.endswith("_px")
    step = columns.step if price else columns.lot
    may_miss = columns.wish.layout.kind == "quotes"
    if may_miss and values.dtype.kind == "f":
        valid = valid & ~np.isnan(values)
    if values.dtype.kind in "iub" and not (values.dtype == np.uint64 and values.max(initial=0) > _MOST):
        whole = values.astype(np.int64)
        ratio = 1 / step
        most = _MOST // ratio.numerator
        large = (whole > most) | (whole < -most)
        steps, left = np.divmod(np.where(large, 0, whole) * ratio.numerator, ratio.denominator)
        finite, on_grid = ~large, left == 0
    else:
        exact = _widened(values) / float(step)
        finite = np.isfinite(exact)
        large = finite & (np.abs(exact) >= 2.0**62)
        exact = np.where(finite & ~large, exact, 0.0)
        steps = np.rint(exact).astype(np.int64)
        slack = np.maximum(_TOLERANCE, 4 * np.spacing(np.abs(exact))) if price else np.zeros(len(exact))
        on_grid = np.abs(exact - steps) <= slack
    missing = ~valid & (not may_miss)
    if not price:
        mark(missing | (valid & ~finite) | (valid & ~on_grid), f"{role} is not a whole number")
    else:
        mark(missing | (valid & ~finite & ~large), f"{role} is not a number")
        mark(valid & large, f"{role} is not within 64 bits in ticks")
        mark(valid & ~on_grid, f"{role} is off the tick grid of {columns.tick:g}")
    steps = np.where(valid, steps, 0)
    if role in _LEAST:
        mark(steps < _LEAST[role], f"{role} is below {_LEAST[role]}")
    return steps, valid


def _times(column: Any, columns: Columns, name: str, mark: Any) -> NDArray[np.int64]:
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only frames need it

    kind = column.type
    if pa.types.is_date(kind):
        column = column.cast(pa.timestamp("s"))
        kind = column.type
    if pa.types.is_timestamp(kind):
        unit = UNITS[kind.unit]
        columns.time_unit = f"timestamp {kind.unit}" + (f" {kind.tz}" if kind.tz else "")
        values, valid = _numbers(column.cast(pa.int64()), "ts", name)
        mark(~valid, "time is missing")
        return _to_ns(values.astype(np.int64), unit, columns, mark, local=kind.tz is None)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        message = f"{name} has {kind} where ts should be times. Hint: make it datetimes, or int64 ns since 1970 UTC."
        raise BadInput(message)
    values, valid = _numbers(column, "ts", name)
    mark(~valid, "time is missing")
    if values.dtype.kind == "f":
        whole = np.isfinite(values) & (np.abs(values) < 2.0**62) & (values == np.rint(values))
        mark(valid & ~whole, "time is not a whole epoch")
        valid &= whole
        values = np.where(whole, values, 0)
    return _epochs(values.astype(np.int64), valid, columns, mark)


def _epochs(values: NDArray[np.int64], valid: NDArray[np.bool_], columns: Columns, mark: Any) -> NDArray[np.int64]:
    if columns.family in {"auto", "iso"} and valid.any():
        first = int(values[np.argmax(valid)])
        known = next(((name, low, high) for name, low, high in EPOCHS if low <= first < high), ("ns", 0, _MOST))
        columns.family, columns.unit, columns.low, columns.high = "epoch", UNITS[known[0]], known[1], known[2]
        columns.time_unit = f"epoch {known[0]}"
    if columns.family == "midnight":
        columns.time_unit = columns.wish.layout.time
        if columns.wish.day is None:
            raise BadInput("times count from midnight and there is no date. Hint: pass date='2013-10-07'.")
        high = 86400 * 10**9 // columns.unit
        mark(valid & ((values < 0) | (values >= high)), "time is not within 24 hours of midnight")
        clock = np.where((values >= 0) & (values < high), values, 0) * columns.unit
        return _to_ns(columns.wish.day * 86400 * 10**9 + clock, 1, columns, mark, local=True)
    columns.time_unit = columns.time_unit or columns.wish.layout.time
    high = min(columns.high, _MOST // columns.unit)
    name = next(each for each, unit in UNITS.items() if unit == columns.unit)
    like = " like the first row" if columns.low or columns.high != _MOST else ""
    mark(
        valid & ((values < columns.low) | (values >= high)), f"time is not of the magnitude of an epoch in {name}{like}"
    )
    return _to_ns(
        np.where((values >= columns.low) & (values < high), values, 0), columns.unit, columns, mark, local=False
    )


def _to_ns(values: NDArray[np.int64], unit: int, columns: Columns, mark: Any, *, local: bool) -> NDArray[np.int64]:
    per_second = 10**9 // unit
    outside = (values // per_second < _LOW) | (values // per_second >= _HIGH)
    mark(outside, "time is outside the years 1677 to 2262")
    ns = np.where(outside, 0, values) * unit
    if not local:
        return ns
    tz = columns.wish.tz
    ts, missing = localize(ns, zone_table(tz, columns.wish.ambiguous))
    mark(missing == SKIPPED, f"time does not exist in {tz} (clocks went forward)")
    mark(missing > SKIPPED, f"time happens twice in {tz} (clocks went back)")
    return ts


def _venues(column: Any, mark: Any) -> tuple[NDArray[np.uint8], list[str]]:
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only frames need it
    import pyarrow.compute as pc  # noqa: PLC0415

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    coded = pc.dictionary_encode(pc.fill_null(column.cast(pa.string()), ""))
    names = [str(each) for each in coded.dictionary.to_pylist()]
    mark(~np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=bool), "venue is missing")
    indices = np.asarray(coded.indices.to_numpy(zero_copy_only=False))
    mark(indices >= MOST_VENUES, f"venue is one name more than the {MOST_VENUES} that fit")
    return np.minimum(indices, MOST_VENUES).astype(np.uint8), names[:MOST_VENUES]


def _flags(column: Any, name: str, mark: Any) -> NDArray[np.uint8]:
    values, valid = _numbers(column, "flags", name)
    fits = valid & (values >= 0) & (values <= 255) & (values == np.rint(values))
    mark(~fits, "flags is not 0 to 255 or true/false")
    return np.where(fits, values, 0).astype(np.uint8)
