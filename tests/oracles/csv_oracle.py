"""Plain-Python twin of the parser of ticks in text: regular expressions, datetime, zoneinfo and fractions, by line."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - wall time has no zone
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
MAGNITUDES = {"s": (10**8, 10**11), "ms": (10**11, 10**14), "us": (10**14, 10**17), "ns": (10**17, 2**63 - 1)}
DATE = r"(?:(\d{4})-(\d\d)-(\d\d)|(\d{4})(\d\d)(\d\d))"
CLOCK = r"(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d+))?)?|(\d\d)(?:(\d\d)(?:[.,](\d+))?)?)?"
OFFSET = r"(?: ?([Zz]|[+-]\d\d(?::?\d\d)?))?"
ISO = re.compile(rf"{DATE}(?:[ Tt]{CLOCK}{OFFSET})?", re.ASCII)
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


class Refused(Exception):
    """A reason why a row is none."""


def cells_of(line, delimiter):
    """Cut a line at delimiters outside quotes; None where the quotes do not match."""
    blank = " \t".replace(delimiter, "")
    cells, at = [], 0
    while True:
        while at < len(line) and line[at] in blank:
            at += 1
        if at < len(line) and line[at] == '"':
            quoted = re.compile(r'"((?:[^"]|"")*)"(?!")').match(line, at)
            if quoted is None:
                return None
            cell, at = quoted[1], quoted.end()
            while at < len(line) and line[at] in blank:
                at += 1
            if at < len(line) and line[at] != delimiter:
                return None
        else:
            end = line.find(delimiter, at)
            end = len(line) if end < 0 else end
            cell, at = line[at:end], end
        cells.append(cell.strip(" \t"))
        if at >= len(line):
            return cells
        at += 1


def to_utc(day, clock, zone, ambiguous):
    """Local day number and ns of the day to ns UTC."""
    seconds, rest = divmod(clock, 10**9)
    wall = EPOCH + timedelta(days=day, seconds=seconds)
    there = ZoneInfo(zone)
    found = []
    for fold in (0, 1):
        moment = wall.replace(tzinfo=there, fold=fold).astimezone(UTC)
        if moment.astimezone(there).replace(tzinfo=None) == wall:
            ns = (moment.replace(tzinfo=None) - EPOCH) // timedelta(seconds=1) * 10**9 + rest
            found.append(ns)
    if not found:
        raise Refused(f"time does not exist in {zone} (clocks went forward)")
    if found[0] != found[-1]:
        if ambiguous == "reject":
            raise Refused(f"time happens twice in {zone} (clocks went back)")
        return found[0] if ambiguous == "first" else found[-1]
    return found[0]


def day_number(year, month, day, says):
    try:
        moment = date(year, month, day)
    except ValueError:
        raise Refused(says) from None
    if not date(1677, 9, 23) <= moment < date(2262, 4, 10):
        raise Refused(says)
    return (moment - date(1970, 1, 1)).days


def nanos(digits):
    return int((digits or "0")[:9].ljust(9, "0"))


def clock_ns(hour, minute, second, digits, says):
    if hour > 23 or minute > 59 or second > 60:
        raise Refused(says)
    return ((hour * 60 + minute) * 60 + second) * 10**9 + nanos(digits), second == 60


def offset_seconds(text, says):
    if text in "Zz":
        return 0
    digits = text[1:].replace(":", "")
    hour, minute = int(digits[:2]), int(digits[2:] or 0)
    if hour > 23 or minute > 59:
        raise Refused(says)
    return (-1 if text[0] == "-" else 1) * (hour * 60 + minute) * 60


def iso(text, says, zone, ambiguous):
    found = ISO.fullmatch(text)
    if not found:
        raise Refused(says)
    part = found.groups()
    day = day_number(*(int(each) for each in (part[0:3] if part[0] else part[3:6])), says)
    if part[6] is None:
        return to_utc(day, 0, zone, ambiguous)
    minute, second, digits = part[7:10] if part[7] else part[10:13]
    clock, leap = clock_ns(int(part[6]), int(minute or 0), int(second or 0), digits, says)
    if part[13]:
        seconds = offset_seconds(part[13], says)
        if leap:
            raise Refused("time is a leap second")
        return (day * 86400 - seconds) * 10**9 + clock
    if leap:
        raise Refused("time is a leap second")
    return to_utc(day, clock, zone, ambiguous)


def count(text, says):
    found = re.fullmatch(r"(\d{1,19})(?:\.(\d*))?", text, re.ASCII)
    if not found or int(found[1]) > 2**63 - 1:
        raise Refused(says)
    return int(found[1]), nanos(found[2])


def by_layout(text, layout, says, zone, ambiguous):
    patterns = {"Y": r"(?P<Y>\d{4})", "y": r"(?P<y>\d\d?+)", "b": r"(?P<b>[A-Za-z]{3})", "p": r"(?P<p>[AaPp][Mm])",
                "f": r"(?P<f>\d{1,9})\d*", "z": r" ?(?P<z>[Zz]|[+-]\d\d(?::?\d\d)?)"}  # fmt: skip
    pattern = ""
    for piece in re.findall(r"\.%f|%.|.", layout):
        if piece == ".%f":
            pattern += r"(?:\.(?P<f>\d+))?"
        elif piece[0] == "%":
            pattern += patterns.get(piece[1], rf"(?P<{piece[1]}>\d\d?+)")
        else:
            pattern += re.escape(piece)
    found = re.fullmatch(pattern, text, re.ASCII)
    if not found:
        raise Refused(says)
    part = {key: value for key, value in found.groupdict().items() if value is not None}
    year = int(part["Y"]) if "Y" in part else int(part["y"]) + (1900 if int(part["y"]) >= 69 else 2000)
    if "b" in part and part["b"].lower() not in MONTHS:
        raise Refused(says)
    month = MONTHS.index(part["b"].lower()) + 1 if "b" in part else int(part["m"])
    hour = int(part.get("H", 0))
    if "I" in part:
        if not 1 <= int(part["I"]) <= 12:
            raise Refused(says)
        hour = int(part["I"]) % 12 + (12 if part.get("p", "am").lower() == "pm" else 0)
    clock, leap = clock_ns(hour, int(part.get("M", 0)), int(part.get("S", 0)), part.get("f"), says)
    day = day_number(year, month, int(part["d"]), says)
    seconds = offset_seconds(part["z"], says) if "z" in part else None
    if leap:
        raise Refused("time is a leap second")
    if seconds is not None:
        return (day * 86400 - seconds) * 10**9 + clock
    return to_utc(day, clock, zone, ambiguous)


def time_of(text, how):
    zone, ambiguous, kind = how["tz"], how["ambiguous"], how["time"]
    if kind == "auto" and not how["epoch"]:
        return iso(text, "time is not ISO 8601 or epoch", zone, ambiguous)
    if kind == "iso":
        return iso(text, "time is not ISO 8601", zone, ambiguous)
    if kind == "auto" or kind.startswith("epoch"):
        unit = how["epoch"] if kind == "auto" else kind.split()[1]
        like = " like the first row" if kind == "auto" else ""
        whole, rest = count(text, f"time is not an epoch in {unit}{like}")
        low, high = MAGNITUDES[unit] if kind == "auto" else (0, 2**63)
        if not low <= whole < min(high, (2**63 - 1) // UNITS[unit]):
            raise Refused(f"time is not of the magnitude of an epoch in {unit}{like}")
        return whole * UNITS[unit] + rest * UNITS[unit] // 10**9
    if kind.endswith("since midnight"):
        says, day = f"time is not {kind}", how["day"]
        if how["joined"]:
            found = re.fullmatch(rf"{DATE}.(.+)", text, re.ASCII | re.DOTALL)
            if not found:
                raise Refused(says)
            part = found.groups()
            day, text = day_number(*(int(each) for each in (part[0:3] if part[0] else part[3:6])), says), part[6]
        unit = UNITS[kind.split()[0]]
        whole, rest = count(text, says)
        if whole >= 86400 * 10**9 // unit:
            raise Refused("time is not within 24 hours of midnight")
        return to_utc(day, whole * unit + rest * unit // 10**9, zone, ambiguous)
    return by_layout(text, kind, f"time is not of the layout {kind}", zone, ambiguous)


def missing(text, how):
    """Say whether a field of quotes is empty."""
    return how["quotes"] and text.isascii() and text.lower() in {"", "nan"}


def number(text, step, tolerance, name, how):
    """Count steps; `tolerance` 0 is for sizes."""
    size = tolerance == 0
    if missing(text, how):
        return 0
    plain = text.replace(how["decimal"], ".") if how["decimal"] != "." else text
    other = "," if how["decimal"] == "." else "."
    fits = NUMBER.fullmatch(plain) and (how["decimal"] == "." or "." not in text)
    if not fits or (not size and abs(float(plain)) == float("inf")):
        point = re.escape(how["decimal"])
        begun = rf"[+-]?(?:\d+(?:{point}\d*)?|{point}\d+){re.escape(other)}[\d.,]*"
        if re.fullmatch(begun, text, re.ASCII):
            raise Refused(f"{name} is not a plain number (thousands separator)")
        raise Refused(f"{name} is not a whole number" if size else f"{name} is not a number")
    exact = Fraction(plain) / step
    nearest = round(exact)
    if abs(exact - nearest) > tolerance:
        raise Refused(f"{name} is not a whole number" if size else f"{name} is off the tick grid of {how['tick']:g}")
    if abs(nearest) > 2**63 - 1:
        raise Refused(f"{name} is not a whole number" if size else f"{name} is not within 64 bits in ticks")
    least = (0 if how["quotes"] else 1) if size else None
    if least is not None and nearest < least:
        raise Refused(f"{name} is below {least}")
    return nearest


def flag(text):
    low = text.lower()
    if low in {"t", "true", "y", "yes"}:
        return 1
    if low in {"f", "false", "n", "no"}:
        return 0
    if re.fullmatch(r"\d{1,18}", text, re.ASCII) and int(text) <= 255:
        return int(text)
    raise Refused("flags is not 0 to 255 or true/false")


def row_of(shown, how):
    """Read one line (without its end), or say why not."""
    if "\0" in shown:
        raise Refused("line has a NUL byte")
    cells = cells_of(shown, how["delimiter"])
    if cells is None:
        raise Refused("quotes do not match")
    if len(cells) != how["width"]:
        raise Refused(f"{len(cells)} fields, expected {how['width']}")
    cell = {role: cells[place] for role, place in how["roles"].items()}
    row = [time_of(f"{cell['date']} {cell['ts']}" if how["joined"] else cell["ts"], how)]
    for name in ("bid_px", "bid_size", "ask_px", "ask_size") if how["quotes"] else ("price", "size"):
        price = name.endswith(("px", "price"))
        row.append(number(cell[name], how["step" if price else "lot"], Fraction(price, 10**6), name, how))
        side = name.replace("size", "px")
        if side != name and row[-1] > 0 and how["quotes"] and missing(cell[side], how):
            raise Refused(f"{side} is not a number")
    row.append(cell["venue"].encode("latin-1").decode("utf-8", "replace") if "venue" in cell else None)
    row.append(flag(cell["flags"]) if "flags" in cell else None)
    return tuple(row)


def parse(text, how):
    """Read lines of bytes.

    ``how`` has: roles (name -> position), width, delimiter, decimal, time, epoch, tz, ambiguous, day, joined, quotes,
    step and lot (fractions of the file's units), tick.

    Returns (rows, rejects): a row is (ts, numbers..., venue, flags), a reject (offset, line, reason).
    """
    rows, rejects = [], []
    offset, lines = 0, text.split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()
    for k, raw in enumerate(lines):
        line = raw[:-1] if raw.endswith(b"\r") else raw
        shown = line.decode("latin-1")
        if shown.strip(" \t\r" + how["delimiter"]):
            try:
                rows.append(row_of(shown, how))
            except Refused as refused:
                rejects.append((offset, k + 1, str(refused)))
        offset += len(raw) + 1
    return rows, rejects
