"""The first lines of a text file: its delimiter, which column plays which role, and where the rows begin."""

from __future__ import annotations

import csv
import difflib
import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from atomloom.errors import BadInput
from atomloom.store.formats import ALIASES, NEEDED, PRESETS, check_delimiter, near

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from atomloom.store.formats import Format

HEAD_BYTES = 1 << 20
_LINES_SEEN = 100  # that are looked through for one of the right width
_ROWS_SEEN = 1_000  # that are looked through for a second instrument
_NEAR = 0.75  # how alike a name must be to be proposed: "lots" is not "ts"
_NAMES = frozenset({"symbol", "ticker", "instrument", "instrument_id", "ric"})  # columns that tell instruments apart
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_DATED = re.compile(r"\d{4}-?\d\d-?\d\d")
_EPOCH = re.compile(r"(\d{9,19})(?:\.\d*)?")
EPOCHS = (("s", 10**8, 10**11), ("ms", 10**11, 10**14), ("us", 10**14, 10**17), ("ns", 10**17, 2**63 - 1))


class NoRows(BadInput):
    """A text that is empty but for a header: an error alone, an empty day among others."""


@dataclass(frozen=True)
class Head:
    """What the first lines of a text say about the rest.

    Parameters
    ----------
    names : tuple of str
        Name of each column, ``"column 0"`` and so on where there is no header.
    roles : mapping of str to int
        Position of each role.
    delimiter : str
    offset : int
        Byte at which the first row begins.
    lines : int
        Lines before it.
    epoch : str
        Unit of the epochs that the first readable time is, or "" for ISO 8601.

    Examples
    --------
    >>> Head(("t", "p", "q"), {"ts": 0, "price": 1, "size": 2}, ",", 6, 1, "").width
    3
    """

    names: tuple[str, ...]
    roles: Mapping[str, int]
    delimiter: str
    offset: int
    lines: int
    epoch: str

    @property
    def width(self) -> int:
        """Fields of a row."""
        return len(self.names)

    @property
    def columns(self) -> dict[str, str]:
        """The name of the column of each role."""
        return {role: self.names[place] for role, place in self.roles.items()}


def read_head(text: bytes, layout: Format, name: str, *, optional: bool = True) -> Head:
    r"""Find header, columns and the kind of time in the first lines of a text.

    Parameters
    ----------
    text : bytes
        The beginning of the (decompressed) text, up to a megabyte.
    layout : Format
        What is known already.
    name : str
        Of the file, for messages.
    optional : bool
        Take venue and flags from columns of those names though the layout does not mention them.

    Raises
    ------
    BadInput
        If the text is empty, has no header where names are needed, or no column for a role.

    Examples
    --------
    >>> from atomloom.store.formats import Format
    >>> read_head(b"Time;Price;Qty\n2013-09-01 22:00;1640.25;8\n", Format(), "ES.csv").columns
    {'ts': 'Time', 'price': 'Price', 'size': 'Qty'}
    """
    if text[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        message = f"{name} is UTF-16 text. Hint: convert it to UTF-8."
        raise BadInput(message)
    offset, lines = (3 if text.startswith(b"\xef\xbb\xbf") else 0), 0
    for raw in _lines(text, offset):
        if raw.strip():
            break
        offset, lines = offset + len(raw), lines + 1
    else:
        message = f"{name} is empty. Hint: a header and one row per line are expected."
        raise NoRows(message)
    line = raw.decode("utf-8", "replace").rstrip("\r\n")
    delimiter = _delimiter(line) if layout.delimiter is None else layout.delimiter
    check_delimiter(delimiter)
    cells = cut(line, delimiter)
    header = _has_header(cells, layout)
    if layout.width is not None and len(cells) != layout.width:
        cells = _of_width(text, offset, layout, delimiter, name)
    roles = roles_of(cells, layout, name, header=header, optional=optional)
    if header:
        offset, lines = offset + len(raw), lines + 1
        if not text[offset:].strip() and len(text) < HEAD_BYTES:
            message = f"{name} has a header and no rows. Hint: one row per line is expected."
            raise NoRows(message)
        _refuse_several(text[offset:], cells, layout, delimiter, name)
    width = len(cells) if layout.width is None else layout.width
    names = tuple(cells) if header else tuple(f"column {k}" for k in range(width))
    epoch = _epoch(text, offset, delimiter, roles) if layout.time == "auto" and "date" not in roles else ""
    return Head(names, roles, delimiter, offset, lines, epoch)


def _of_width(text: bytes, offset: int, layout: Format, delimiter: str, name: str) -> list[str]:
    """Find a line with as many fields as there should be; refuse a text where the first lines all have others."""
    seen = []
    for raw in itertools.islice(_lines(text, offset), _LINES_SEEN):
        cells = cut(raw.decode("utf-8", "replace").rstrip("\r\n"), delimiter)
        if len(cells) == layout.width:
            return cells
        seen.append(len(cells))
    others = [f"{each!r} with kind={preset.kind!r}" for each, preset in PRESETS.items() if preset.width == max(seen)]
    like = f"is it of the format {others[0]}?" if others else "check the format and the delimiter."
    message = (
        f"{name} has {max(seen)} fields a row, not the {layout.width} of this format of {layout.kind}. Hint: {like}"
    )
    raise BadInput(message)


def _lines(text: bytes, offset: int) -> Iterator[bytes]:
    while offset < len(text):
        end = text.find(b"\n", offset)
        end = len(text) if end < 0 else end + 1
        yield text[offset:end]
        offset = end


def cut(line: str, delimiter: str) -> list[str]:
    """Cut one line into trimmed cells, quotes understood.

    Examples
    --------
    >>> cut('8, "1,640.25"', ",")
    ['8', '1,640.25']
    """
    try:
        cells = next(csv.reader([line], delimiter=delimiter, skipinitialspace=delimiter != " "), [])
    except csv.Error:
        cells = line.split(delimiter)
    return [cell.strip() for cell in cells]


def looks_like_data(cells: list[str]) -> bool:
    """Say whether a first line holds values rather than names.

    Examples
    --------
    >>> looks_like_data(["2013-09-01 17:00", "1640.25", "8"]), looks_like_data(["ts", "px", "size"])
    (True, False)
    """
    return any(_NUMBER.fullmatch(cell) or re.match(r"\d{1,4}[-/.]\d\d?[-/.]\d", cell) for cell in cells)


def _delimiter(line: str) -> str:
    counts = {each: len(cut(line, each)) for each in ",;\t|"}
    best = max(counts, key=lambda each: counts[each])
    return best if counts[best] > 1 else ","


def _has_header(cells: list[str], layout: Format) -> bool:
    if layout.header is not None:
        return layout.header
    places = [where for where in layout.columns.values() if where is not None]
    if places and all(isinstance(where, int) for where in places):
        return not any(character.isdigit() for cell in cells for character in cell)
    return not looks_like_data(cells)


def roles_of(cells: list[str], layout: Format, name: str, *, header: bool, optional: bool) -> dict[str, int]:
    """Find the position of each role among the columns of a file or a frame.

    Examples
    --------
    >>> from atomloom.store.formats import Format
    >>> roles_of(["Time", "Px", "Qty"], Format(), "a.csv", header=True, optional=True)
    {'ts': 0, 'price': 1, 'size': 2}
    """
    chosen = layout.columns
    places = [where for where in chosen.values() if where is not None]
    needed = NEEDED[layout.kind]
    if not header and not all(isinstance(where, int) for where in places or ["none"]):
        example = {role: k for k, role in enumerate(needed)}
        message = (
            f"{name} has no header: its first line is {cells}. "
            f"Hint: add one, or pass positions, for example columns={example}{_vendor(len(cells), layout.kind)}."
        )
        raise BadInput(message)
    if places and all(isinstance(where, int) for where in places):
        missing = sorted(set(needed) - set(chosen))
        beyond = {role: where for role, where in chosen.items() if isinstance(where, int) and where >= len(cells)}
        if missing or beyond:
            what = (
                f"misses {missing}"
                if missing and not beyond
                else f"points beyond the {len(cells)} columns of {name}: {beyond}"
            )
            message = (
                f"columns {what}. Hint: give a position from 0 for each of {', '.join(needed)}, or another delimiter."
            )
            raise BadInput(message)
    plain = [cell.casefold().replace(" ", "_") for cell in cells]
    if header and not places:
        _refuse_other_kind(cells, plain, layout, name)
    roles = {role: _place(cells, plain, role, chosen.get(role), name) for role in needed}
    for role in ("venue", "flags", "date"):
        where = chosen.get(role)
        if where is not None:
            roles[role] = _place(cells, plain, role, where, name)
        elif role not in chosen and role != "date" and optional and header:
            known = [alias for alias in ALIASES[role] if alias in plain]
            if known:
                roles[role] = plain.index(known[0])
    if header and "ts" not in chosen and "date" not in chosen and "date" in plain and plain[roles["ts"]] == "time":
        roles["date"] = plain.index("date")
    if len(set(roles.values())) < len(roles):
        message = f"{name}: two roles share a column: {roles}. Hint: give each role its own."
        raise BadInput(message)
    return roles


def _refuse_other_kind(cells: list[str], plain: list[str], layout: Format, name: str) -> None:
    def has(kind: str) -> list[bool]:
        return [bool(set(ALIASES[role]) & set(plain)) for role in NEEDED[kind][1:]]

    other = "trades" if layout.kind == "quotes" else "quotes"
    if all(has(other)) and not all(has(layout.kind)):
        missing = NEEDED[layout.kind][1:][has(layout.kind).index(False)]
        message = f"{name} has no column for {missing}; it has {cells}, like {other}. Hint: pass kind={other!r}."
        raise BadInput(message)


def _refuse_several(text: bytes, cells: list[str], layout: Format, delimiter: str, name: str) -> None:
    """Refuse a text whose first rows are of several instruments, unless columns are given by position."""
    places = [k for k, cell in enumerate(cells) if cell.casefold().replace(" ", "_") in _NAMES]
    if not places or any(isinstance(where, int) for where in layout.columns.values()):
        return
    seen: dict[str, None] = {}
    for raw in itertools.islice(_lines(text, 0), _ROWS_SEEN):
        row = cut(raw.decode("utf-8", "replace").rstrip("\r\n"), delimiter)
        if len(row) == len(cells) and row[places[0]]:
            seen[row[places[0]]] = None
        if len(seen) > 1:
            message = (
                f"{name} has rows of several instruments: {cells[places[0]]!r} is {', '.join(map(repr, seen))}. "
                "Hint: make a file of each; if they are one to you, give columns by position."
            )
            raise BadInput(message)


def _vendor(width: int, kind: str) -> str:
    """Name the layouts without header that have rows of this width."""
    known = [each for each, preset in PRESETS.items() if (preset.width, preset.kind) == (width, kind)]
    return f", or format={known[0]!r} of ingest if it is such a file" if known else ""


def _place(cells: list[str], plain: list[str], role: str, wanted: str | int | None, name: str) -> int:
    if isinstance(wanted, int):
        return wanted
    if wanted is not None:
        if wanted not in cells:
            message = f"{name} has no column {wanted!r} for {role}; it has {cells}. {near(wanted, cells)}"
            raise BadInput(message)
        return cells.index(wanted)
    for alias in ALIASES[role]:
        if alias in plain:
            return plain.index(alias)
    known = ", ".join(ALIASES[role])
    close = [
        cell for cell, low in zip(cells, plain, strict=True) if difflib.get_close_matches(low, ALIASES[role], 1, _NEAR)
    ]
    hint = f"did you mean {close[0]!r}? Pass" if close else "pass"
    message = (
        f"{name} has no column for {role} ({known}); it has {cells}. "
        f"Hint: {hint} columns={{{role!r}: {close[0] if close else 'NAME'!r}}}, or another delimiter."
    )
    raise BadInput(message)


def _epoch(text: bytes, offset: int, delimiter: str, roles: Mapping[str, int]) -> str:
    """Look at the first readable time: the unit of an epoch, or "" for ISO 8601."""
    place = roles["ts"]
    for raw in _lines(text, offset):
        if not raw.strip():
            continue
        cells = cut(raw.decode("utf-8", "replace").rstrip("\r\n"), delimiter)
        cell = cells[place] if place < len(cells) else ""
        found = _EPOCH.fullmatch(cell)
        if found:
            count = int(found[1])
            return next((unit for unit, _, limit in EPOCHS if count < limit), "")
        if _DATED.match(cell):
            return ""
    return ""
