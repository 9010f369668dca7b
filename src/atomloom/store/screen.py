"""Rows that parse and that a table still cannot hold: out of the stream of rows, into the list of rejects."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.csv_rows import PAD, parse_block
from atomloom.store.sink import Sink
from atomloom.store.sources import Cut, pieces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from atomloom.store.csv_rows import Recipe
    from atomloom.store.parts import Part
    from atomloom.store.sink import Rows

    Rejected = tuple[int, int, str, str]

MOST_SIZE = 2**60
TOO_LARGE = "size is above 2**60, too much to add up"
NO_VENUE = "venue is one name more than the 255 that fit"  # as the kernel says it of one block
_OFF_GRID = "off the tick grid"
_SAMPLE_TOLERANCE = 100


class Screen(Sink):
    """A sink that first takes out what the table has no room for: a 256th venue, a size that no volume can hold.

    Parameters
    ----------
    *arguments
        As :class:`Sink`.
    part : Part, optional
        The text that the rows come from; without it they come from frames.
    inferred : float or None
        Scale of the prices, where the tick size is inferred from the rows that are good: then whatever else is wrong
        with a row is the better reason.

    Examples
    --------
    >>> MOST_SIZE  # used by `ingest`; see there
    1152921504606846976
    """

    def __init__(self, *arguments: Any, part: Part | None = None, inferred: float | None = None, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._part = part
        self._any_price: Recipe | None = None
        if part is not None and inferred is not None:
            self._any_price = part.plan.priced(Fraction(1, 10**9), inferred, _SAMPLE_TOLERANCE)
        self._again = None if part is None else _Again(part)
        self._fits: dict[str, bool] = {}

    def take(self, rows: Rows) -> None:
        """Hand rows on, those that do not fit among the rejects."""
        super().take(self._screened(rows))

    def close(self) -> None:
        """Let go of the text."""
        if self._again is not None:
            self._again.close()

    def _screened(self, rows: Rows) -> Rows:
        rejects = self._reasoned(rows.rejects) if self._any_price is not None else rows.rejects
        bad: dict[str, NDArray[np.bool_]] = {}
        size = rows.columns.get("size")
        if size is not None and len(size) and int(size.max()) > MOST_SIZE:
            bad[TOO_LARGE] = size > MOST_SIZE
        if "venue" in rows.columns and len(rows.columns["venue"]):
            none = self._homeless(rows)
            if none is not None:
                bad[NO_VENUE] = none
        if not bad:
            return rows if rejects is rows.rejects else _with(rows, rows.columns, rejects)
        dropped = np.logical_or.reduce(list(bad.values()))
        reasons = {int(k): next(why for why, mask in bad.items() if mask[k]) for k in np.flatnonzero(dropped)}
        found = self._places(rows, reasons)
        kept = {name: column[~dropped] for name, column in rows.columns.items()}
        return _with(rows, kept, sorted([*rejects, *found]))

    def _homeless(self, rows: Rows) -> NDArray[np.bool_] | None:
        """Mark the rows whose venue the table has no code for."""
        codes = rows.columns["venue"]
        used = np.flatnonzero(np.bincount(codes, minlength=len(rows.venues)))
        out = [int(code) for code in used if not self._has_code(rows.venues[int(code)])]
        return np.isin(codes, out) if out else None

    def _has_code(self, name: str) -> bool:
        if name not in self._fits:
            try:
                self._writer.venue_code(name)
            except BadInput:
                if len(self._fits) > 1 << 16:  # the wrong column, perhaps: do not keep all of its values
                    return False
                self._fits[name] = False
            else:
                self._fits[name] = True
        return self._fits[name]

    def _reasoned(self, rejects: list[Rejected]) -> list[Rejected]:
        """Ask again, at any price, what is wrong with rows that only the inferred tick refused."""
        assert self._any_price is not None  # noqa: S101 - the caller looked
        off = [k for k, (_, _, reason, _) in enumerate(rejects) if _OFF_GRID in reason]
        if not off:
            return rejects
        text = "\n".join(rejects[k][3] for k in off).encode()
        data = np.zeros(len(text) + PAD + 1, np.uint8)
        data[: len(text)] = np.frombuffer(text, np.uint8)
        answers = {line: reason for _, line, reason, _ in parse_block(data, 0, len(text), self._any_price).rejects}
        out = list(rejects)
        for place, k in enumerate(off):
            at, line, reason, row = rejects[k]
            better = answers.get(place, reason)
            out[k] = (at, line, reason if _OFF_GRID in better else better, row)
        return out

    def _places(self, rows: Rows, reasons: dict[int, str]) -> list[Rejected]:
        """Find where rows stand in their source: every line that is neither blank nor rejected is a row."""
        taken = {line for _, line, _, _ in rows.rejects}
        count = len(rows.columns["ts"])
        if self._again is None:
            first = rows.end.line - count - len(taken)
            lines = [line for line in range(first, rows.end.line) if line not in taken]
            return [(-1, lines[k], why, _shown(rows, k)) for k, why in reasons.items()]
        text = self._again.read(rows.end.offset - rows.size, rows.end.offset)
        raw = [] if text is None else text.split(b"\n")
        if raw and not raw[-1]:
            raw.pop()
        number, at, found = rows.end.line - len(raw) + 1, rows.end.offset - rows.size, []
        for each in raw:
            if each.strip() and number not in taken:
                found.append((at, number, each))
            at, number = at + len(each) + 1, number + 1
        if len(found) != count:  # the source cannot be read twice
            return [(-1, -1, why, _shown(rows, k)) for k, why in reasons.items()]
        return [
            (found[k][0], found[k][1], why, found[k][2].rstrip(b"\r").decode("utf-8", "replace"))
            for k, why in reasons.items()
        ]


def _with(rows: Rows, columns: Mapping[str, NDArray[Any]], rejects: list[Rejected]) -> Rows:
    ts = columns["ts"]
    back = rows.back if columns is rows.columns else int(np.count_nonzero(ts[1:] < ts[:-1]))
    return replace(rows, columns=columns, rejects=rejects, back=back)


def _shown(rows: Rows, k: int) -> str:
    """Write a row of which only the numbers are left."""
    cells = (rows.venues[int(c[k])] if name == "venue" else str(int(c[k])) for name, c in rows.columns.items())
    return ",".join(cells)


class _Again:
    """A second reading of a text, forward only; None where it cannot be read twice at once."""

    def __init__(self, part: Part) -> None:
        self._text = part.text
        self._stack = contextlib.ExitStack()
        self._pieces: Any = None
        self._held = b""
        self._at = 0

    def read(self, start: int, stop: int) -> bytes | None:
        """Give a part of the text; parts are asked for in their order."""
        if not self._text.key:  # an open file, which is being read right now
            return None
        if self._text.path is not None:
            with self._text.path.open("rb") as file:
                file.seek(start)
                return file.read(stop - start)
        if self._pieces is None:
            self._pieces = pieces(self._stack.enter_context(self._text.opened()), self._text.name)
        with contextlib.suppress(Cut):
            while self._at + len(self._held) < stop:
                keep = self._held[max(0, start - self._at) :]
                self._at += len(self._held) - len(keep)
                piece = next(self._pieces, b"")
                if not piece:
                    break
                self._held = keep + piece
        return self._held[start - self._at : stop - self._at]

    def close(self) -> None:
        """Close it."""
        self._stack.close()
