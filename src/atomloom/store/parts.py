"""What is asked of an ingest, checked once, and the plan for each text that it leads to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.blocks import BLOCK_BYTES, read_range, stream
from atomloom.store.clock import zone_table
from atomloom.store.csv_rows import Recipe, parse_block, recipe
from atomloom.store.formats import Format, check_delimiter, check_positive, format_of
from atomloom.store.heads import HEAD_BYTES, Head, read_head
from atomloom.store.sources import Cut, Text, damaged
from atomloom.store.ticks import common_tick, tick_of, too_many_decimals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from atomloom.store.blocks import Piece

SAMPLE_BYTES = 64 << 20
_SAMPLE_TOLERANCE = 100  # of 1e-9: what printing a float64 may leave behind the ninth decimal


@dataclass(frozen=True)
class Wishes:
    """How the caller wants texts and frames read.

    Parameters
    ----------
    layout : Format
    tz : str
        Zone of times without an offset.
    ambiguous : {"reject", "first", "second"}
    day : int, optional
        Days since 1970 of times that count from midnight.
    optional : bool
        Take columns named venue and flags though they are not asked for.

    Examples
    --------
    >>> Wishes(Format()).tz
    'UTC'
    """

    layout: Format
    tz: str = "UTC"
    ambiguous: str = "reject"
    day: int | None = None
    optional: bool = True


def wishes(
    format: Any,  # noqa: A002 - the word of the public verb
    kind: str,
    *,
    columns: Any = None,
    tz: str | None = None,
    price_scale: float | None = None,
    delimiter: str | None = None,
    date: Any = None,
    ambiguous: str = "reject",
    optional: bool = True,
) -> Wishes:
    """Join a format and what the call says beside it; the call has the last word.

    Examples
    --------
    >>> wishes("quantconnect", "trades", date="2013-10-07").day
    15985
    """
    layout = format_of(format, kind)
    if columns is not None:
        layout = replace(layout, columns={**layout.columns, **columns})
    if price_scale is not None:
        check_positive(price_scale, "price_scale")
        layout = replace(layout, price_scale=float(price_scale))
    if delimiter is not None:
        check_delimiter(delimiter)
        layout = replace(layout, delimiter=delimiter)
    zone = tz if tz is not None else (layout.tz or "UTC")
    zone_table(zone, ambiguous)
    return Wishes(layout, zone, ambiguous, _day(date), optional)


def _day(date: Any) -> int | None:
    if date is None:
        return None
    try:
        moment = np.datetime64(date, "D")
    except (ValueError, TypeError) as error:
        message = f"date is {date!r}. Hint: give a day such as '2013-10-07'."
        raise BadInput(message) from error
    if np.isnat(moment):
        raise BadInput("date is NaT. Hint: give a day such as '2013-10-07', or leave it out.")
    return int(moment.astype(np.int64))


@dataclass(frozen=True, eq=False)
class Part:
    """A text with its head, and the recipe for its rows (its tick size still to be set)."""

    text: Text
    head: Head
    plan: Recipe


def part_of(text: Text, wish: Wishes, *, alone: bool) -> Part:
    """Look at the beginning of a text and plan its reading.

    Parameters
    ----------
    text : Text
    wish : Wishes
    alone : bool
        False where it is one of several, each of which has a date of its own.

    Raises
    ------
    BadInput
        As :func:`~atomloom.store.heads.read_head`; or if the date is not known or is one for several texts.
    """
    head = read_head(text.head(HEAD_BYTES), wish.layout, text.name, optional=wish.optional)
    day = wish.day
    if wish.layout.time.endswith("since midnight") and "date" not in head.roles:
        if day is not None and not alone:
            message = (
                f"date is one day, and there are several texts ({text.name}, ...). "
                "Hint: leave date out where names have dates."
            )
            raise BadInput(message)
        day = text.day if day is None else day
        if day is None:
            message = f"{text.name} counts times from midnight and says no date. Hint: pass date='2013-10-07'."
            raise BadInput(message)
    return Part(text, head, recipe(wish.layout, head, tz=wish.tz, ambiguous=wish.ambiguous, day=day))


def ranges_of(part: Part, start: int, block: int) -> list[tuple[int, int]]:
    """Cut a plain file from a byte on into parts of about ``block`` bytes."""
    edges = [*range(start, part.text.size, block), part.text.size]
    return list(pairwise(edges))


def tick_of_parts(parts: Sequence[Part], scale: float) -> float:
    """Infer the tick size from all prices where the texts are small, else from blocks spread over them.

    Raises
    ------
    BadInput
        If there is no price, or one with more than nine decimals.
    """
    budget = max(SAMPLE_BYTES // max(1, len(parts)), 1 << 18)
    fold = common_tick(np.zeros(0, np.int64))
    first = ""
    for part in parts:
        plan = part.plan.priced(Fraction(1, 10**9), scale, _SAMPLE_TOLERANCE)
        for piece in _sample(part, budget):
            block = parse_block(piece.data, piece.start, piece.stop, plan)
            for _, line, reason, _ in block.rejects:
                if "off the tick grid" in reason:
                    raise too_many_decimals()
                first = (
                    first
                    or f"line {line + 1 + (part.head.lines if piece.offset == part.head.offset else 0):,}: {reason}"
                )
            for name in ("px", "bid_px", "ask_px"):
                if name in block.columns:
                    prices = block.columns[name]
                    fold = common_tick(prices if name == "px" else prices[prices != 0], fold)
    if fold[1] > fold[2]:
        raise no_rows([part.text.name for part in parts], first)
    return tick_of(*fold)


def no_rows(names: Sequence[str], first: str) -> BadInput:
    """Make the error for a source without one good row.

    Examples
    --------
    >>> str(no_rows(["a.csv"], ""))
    'a.csv has no usable row (only blank lines). Hint: check delimiter, columns, time format and tick_size.'
    """
    which = names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"
    seen = first or "only blank lines"
    return BadInput(f"{which} has no usable row ({seen}). Hint: {_advice(seen)}.")


def _advice(seen: str) -> str:
    if "size is not a whole number" in seen:
        return "for sizes with fractions pass format={'lot': 1e-08} to ingest"
    if "is not a plain number" in seen:
        return "for decimal commas pass format={'decimal': ','} to ingest; thousands separators must go"
    return "check delimiter, columns, time format and tick_size"


def _sample(part: Part, budget: int) -> Iterator[Piece]:
    start, text = part.head.offset, part.text
    if text.path is None:
        yield from _beginning(part, budget)
        return
    whole = ranges_of(part, start, BLOCK_BYTES)
    if text.size > budget:
        step = max(1, -(-len(whole) * BLOCK_BYTES // budget))
        whole = whole[::step] if len(whole) > 1 else [(start, start + budget)]
    for low, high in whole:
        yield read_range(text, low, high, start)


def _beginning(part: Part, budget: int) -> Iterator[Piece]:
    have = 0
    try:
        for piece in stream(part.text, part.head.offset, min(BLOCK_BYTES, budget)):
            yield piece
            have += piece.stop - piece.start
            if have >= budget:
                return
    except Cut as error:
        if have == 0:
            raise damaged(part.text.name, error) from error
