"""A recipe of how lines become rows, and the parsing of one block of text by it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.memory import empty
from atomloom.store.clock import zone_table
from atomloom.store.formats import NEEDED, UNITS, parse_time_format
from atomloom.store.heads import EPOCHS
from atomloom.store.ticks import NANO, exact_step, grid_table, steps_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from atomloom.store.formats import Format
    from atomloom.store.heads import Head

PAD = 64
"""Bytes behind a block that kernels may look at."""

REJECTS_AT_ONCE = 4096
ROW, BLANK, MAGNITUDE, ODD = 0, -1, 5, 16
_KINDS = {"iso": 0, "epoch": 1, "midnight": 2, "layout": 3}
_NO_DAY = -(10**9)
_NUMBER = re.compile(rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_LEAST = {"size": 1, "bid_size": 0, "ask_size": 0}
_ANY = -(2**63)
_MOST = 2**63 - 1


@dataclass(frozen=True, eq=False)
class Recipe:
    """How the lines of one file become rows, as kernels want it; made by :func:`recipe`.

    Attributes
    ----------
    how, jobs, exact, limits, ops, zone : arrays
        Arguments of ``csv_kernels.parse_lines``.
    outputs : tuple of str
        Names of the number columns, in the order of ``limits``.
    extras : tuple of str
        ``"venue"`` and ``"flags"`` where the file has them.
    steps : tuple of Fraction
        Grid of prices and of sizes, in units of the file.
    texts : dict of int to str
        What each reason says.
    """

    how: NDArray[np.int64]
    jobs: NDArray[np.int64]
    exact: NDArray[np.int64]
    limits: NDArray[np.int64]
    ops: NDArray[np.int64]
    zone: NDArray[np.int64]
    outputs: tuple[str, ...]
    extras: tuple[str, ...]
    steps: tuple[Fraction, Fraction]
    texts: Mapping[int, str]
    width: int
    time_unit: str

    def priced(self, tick: Fraction, scale: float, tolerance: int = 10**6) -> Recipe:
        """Return the recipe for another tick; prices count as on the grid within one part in ``tolerance``."""
        step = tick * exact_step(scale)
        how = self.how.copy()
        how[8] = tolerance
        exact = np.stack([grid_table(step), self.exact[1]])
        texts = {**self.texts, 10: f"price is off the tick grid of {float(tick):g}"}
        return replace(self, how=how, exact=exact, steps=(step, self.steps[1]), texts=texts)


@dataclass(frozen=True, eq=False)
class Block:
    """The rows and the rejects of one block of text.

    Attributes
    ----------
    columns : dict of str to (n,) array
        ``ts`` (int64 ns UTC), prices in ticks and sizes (int64), ``venue`` and ``flags`` (uint8) where there are.
    venues : list of str
        Names of the venue codes of this block.
    rejects : list of (int, int, str, str)
        Byte offset, line (both from 0 at the start of the block), reason, text.
    lines : int
        Lines of the block.
    back : (int, int, int)
        How often a row is earlier than the one before, and byte offset and line of the first such row.
    text_bytes : int
        Bytes of text.
    first : (int, int)
        Byte offset and line of the first row.
    """

    columns: dict[str, NDArray[Any]]
    venues: list[str]
    rejects: list[tuple[int, int, str, str]]
    lines: int
    back: tuple[int, int, int]
    text_bytes: int
    first: tuple[int, int]

    @property
    def first_line(self) -> int:
        """Line of the first row, from 0 at the start of the block."""
        return self.first[1]

    @property
    def rows(self) -> int:
        """Rows that are no rejects."""
        return len(self.columns["ts"])


def recipe(layout: Format, head: Head, *, tz: str, ambiguous: str, day: int | None = None) -> Recipe:
    r"""Turn a layout and what the head of a file says into what kernels want.

    Parameters
    ----------
    layout : Format
    head : Head
    tz : str
        Zone of times without an offset.
    ambiguous : {"reject", "first", "second"}
    day : int, optional
        Days since 1970 of times that count from midnight.

    Examples
    --------
    >>> from atomloom.store.formats import Format
    >>> from atomloom.store.heads import read_head
    >>> text = b"ts,px,size\n2013-09-01,1.5,8\n"
    >>> plan = recipe(Format(), read_head(text, Format(), "a.csv"), tz="UTC", ambiguous="reject")
    >>> plan.outputs, plan.time_unit
    (('px', 'size'), 'ISO 8601')
    """
    family, unit, steps = parse_time_format(layout.time)
    low, high = 0, _MOST // unit
    if family == "auto":
        family = "epoch" if head.epoch else "iso"
        if head.epoch:
            unit = UNITS[head.epoch]
            low, high = next((low, min(high, _MOST // unit)) for name, low, high in EPOCHS if name == head.epoch)
    if family == "midnight":
        high = 86400 * 10**9 // unit
    joined = "date" in head.roles
    outputs = NEEDED[layout.kind][1:]
    how = [
        _KINDS[family], unit, low, high, _NO_DAY if day is None else day, ord(head.delimiter), ord(layout.decimal),
        head.width, 10**6, int(layout.kind == "quotes"), int(joined),
    ]  # fmt: skip
    jobs = np.zeros(head.width, dtype=np.int64)
    codes = {"ts": 1, "date": 2, "venue": 3, "flags": 4, **{name: 8 + j for j, name in enumerate(outputs)}}
    for role, place in head.roles.items():
        jobs[place] = codes[role]
    limits = np.array([(int(name in _LEAST), _LEAST.get(name, _ANY)) for name in outputs], dtype=np.int64)
    lot = exact_step(layout.lot)
    step = NANO * exact_step(layout.price_scale)
    return Recipe(
        how=np.array(how, dtype=np.int64),
        jobs=jobs,
        exact=np.stack([grid_table(step), grid_table(lot)]),
        limits=limits,
        ops=np.array(steps, dtype=np.int64),
        zone=zone_table(tz, ambiguous),
        outputs=tuple({"price": "px"}.get(name, name) for name in outputs),
        extras=tuple(name for name in ("venue", "flags") if name in head.roles),
        steps=(step, lot),
        texts=_texts(layout, head, family, tz),
        width=head.width,
        time_unit=(head.epoch and f"epoch {head.epoch}") or ("ISO 8601" if family == "iso" else layout.time),
    )


def _texts(layout: Format, head: Head, family: str, tz: str) -> dict[int, str]:
    iso = "time is not ISO 8601" + (" or epoch" if layout.time == "auto" else "")
    unit = head.epoch or layout.time.partition(" ")[2]
    like = " like the first row" if layout.time == "auto" else ""
    epoch = f"time is not an epoch in {unit}{like}"
    large = f"time is not of the magnitude of an epoch in {unit}{like}"
    midnight = f"time is not {layout.time}"
    no_time = {"iso": iso, "epoch": epoch, "midnight": midnight, "layout": f"time is not of the layout {layout.time}"}
    return {
        2: "line has a NUL byte",
        3: "quotes do not match",
        4: no_time[family],
        5: large if family == "epoch" else "time is not within 24 hours of midnight",
        6: f"time does not exist in {tz} (clocks went forward)",
        7: f"time happens twice in {tz} (clocks went back)",
        8: "time is a leap second",
        10: "price is off the tick grid",
        14: "flags is not 0 to 255 or true/false",
        15: "venue is one name more than the 255 that fit",
    }


def reason_of(plan: Recipe, code: int) -> str:
    """Say what a reason code (with its argument times 256) means."""
    kind, argument = code % 256, code // 256
    if kind == 1:
        return f"{argument} fields, expected {plan.width}"
    what = plan.outputs[argument] if argument < len(plan.outputs) else ""
    what = "price" if what == "px" else what
    if kind in {9, 11, 12, 17}:
        says = {
            9: "a number",
            11: "a plain number (thousands separator)",
            12: "a whole number",
            17: "within 64 bits in ticks",
        }
        return f"{what} is not {says[kind]}"
    if kind == 10 and what != "price":
        return plan.texts[10].replace("price", what, 1)
    return f"{what} is below {plan.limits[argument, 1]}" if kind == 13 else plan.texts[kind]


def parse_block(data: NDArray[np.uint8], start: int, stop: int, plan: Recipe) -> Block:
    """Parse the lines in ``data[start:stop]``.

    Parameters
    ----------
    data : (N,) uint8
        Text and at least PAD bytes behind ``stop``; a newline is written at ``stop`` where the last line has none.
    start, stop : int
        Whole lines.
    plan : Recipe

    Returns
    -------
    Block

    Notes
    -----
    1 to 2 ns a byte for clean ISO rows; memory is 8 bytes a row and column, plus the rejects.
    """
    from atomloom.store.csv_kernels import TEXT, parse_lines  # noqa: PLC0415 - compiles, and only text needs it

    end = stop
    if stop > start and data[stop - 1] != 10:
        data[stop] = 10
        end = stop + 1
    most = _rows_in(data, start, end)
    values = empty((1 + len(plan.outputs), most), np.int64)
    small = np.empty((2, most if plan.extras else 0), dtype=np.uint8)
    names = np.zeros((255, 3), dtype=np.int64)
    tally = np.zeros(11, dtype=np.int64)
    tally[7] = _ANY
    bad = np.zeros((REJECTS_AT_ONCE, 5), dtype=np.int64)
    scratch = (
        np.zeros(2, np.int64),
        np.zeros(2, np.uint64),
        np.zeros(2 * plan.width + 4, np.int64),
        np.zeros(TEXT + PAD, np.uint8),
    )
    found: list[tuple[int, int, int, int, int]] = []
    at = start
    while at < end:
        at = parse_lines(
            data, at, end, plan.how, plan.jobs, plan.exact, plan.limits, plan.ops, plan.zone, values, small, names, bad,
            tally, *scratch,
        )  # fmt: skip
        found += map(tuple, bad[: tally[1]].tolist())
        tally[1] = 0
        if tally[0] == most and at < end:
            most = 2 * most
            values, small = _wider(values, most), _wider(small, most if plan.extras else 0)
    return _block(data, start, stop, plan, values, small, names, tally, found)


def _rows_in(data: NDArray[np.uint8], start: int, end: int) -> int:
    """Guess the rows of a block from its beginning: room that is not used costs page faults on the next allocation."""
    looked = min(end - start, 1 << 15)
    lines = int(np.count_nonzero(data[start : start + looked] == 10))
    return int((end - start) / max(looked, 1) * (lines + 2) * 1.05) + 16


def _wider(table: NDArray[Any], most: int) -> NDArray[Any]:
    wider = np.empty((len(table), most), dtype=table.dtype)
    wider[:, : table.shape[1]] = table
    return wider


def _block(
    data: Any, start: int, stop: int, plan: Recipe, values: Any, small: Any, names: Any, tally: Any, found: Any
) -> Block:
    rows = int(tally[0])
    rejects, dropped = [], False
    for offset, length, line, code, row in found:
        raw = data[offset : offset + length].tobytes()
        odd = code % 256 == ODD
        reason = _odd(raw, plan, values, row, code >> 16) if odd else code
        if reason:
            rejects.append((offset - start, line - 1, reason_of(plan, reason), raw.decode("utf-8", "replace")))
        if reason and odd:  # it holds the place of a row: blank it, and read the block without it
            data[offset : offset + length] = 32
            dropped = True
    if dropped:
        return replace(parse_block(data, start, stop, plan), rejects=rejects)
    columns = {"ts": values[0, :rows], **{name: values[1 + j, :rows] for j, name in enumerate(plan.outputs)}}
    columns.update({name: small[("venue", "flags").index(name), :rows] for name in plan.extras})
    back = (int(tally[4]), int(tally[5]) - start, int(tally[6]) - 1)
    venues = [bytes(data[a : a + n]).decode("utf-8", "replace") for _, a, n in names[: tally[3]].tolist()]
    first = (int(tally[9]) - start, int(tally[10]) - 1)
    return Block(columns, venues, rejects, int(tally[2]), back, stop - start, first)


def _odd(raw: bytes, plan: Recipe, values: Any, row: int, later: int) -> int:
    """Read the numbers of a row that 64 bits cannot count; give 0, or the first reason why not."""
    from atomloom.store.csv_kernels import fields  # noqa: PLC0415 - compiles

    data = np.zeros(len(raw) + PAD, np.uint8)
    data[: len(raw)] = np.frombuffer(raw, np.uint8)
    cut = np.zeros(2 * plan.width, np.int64)
    fields(data, 0, len(raw), int(plan.how[5]), cut)
    point, without = bytes([int(plan.how[6])]), -2
    for j in range(len(plan.outputs)):
        place = int(np.flatnonzero(plan.jobs == 8 + j)[0])
        text = raw[cut[2 * place] : cut[2 * place + 1]].replace(point, b".")
        price = plan.limits[j, 0] == 0
        if later and later // 256 == j and later % 256 != ODD:
            return later
        if plan.how[9] and text.lower() in {b"", b"nan"}:
            without = j if price else without
            continue
        tolerance = Fraction(1, int(plan.how[8])) if price else Fraction(0)
        counted = steps_of(text.decode(), plan.steps[0 if price else 1], tolerance) if _NUMBER.fullmatch(text) else None
        if counted is None or (price and abs(float(text)) == float("inf")):
            return (9 if price else 12) + 256 * j
        steps, on_grid = counted
        if not on_grid:
            return (10 if price else 12) + 256 * j
        if abs(steps) > _MOST:
            return (17 if price else 12) + 256 * j
        if steps < plan.limits[j, 1]:
            return 13 + 256 * j
        if not price and without == j - 1 and steps:
            return 9 + 256 * without  # a size, and no price before it
        values[1 + j, row] = steps
    return later
