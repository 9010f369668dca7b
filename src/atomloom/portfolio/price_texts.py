"""Times as people write them: which number is the day, the month and the year, and whether there is a zone."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_NAT = -(2**63)
_WEEKDAY = r"\s*(?:[A-Za-z]{3,9}\.?,?\s+)?"
_DATE = re.compile(
    _WEEKDAY + r"(\d{4}|\d{1,2})([/.\- ])(\d{1,2}|[A-Za-z]{3,9})\.?\2(\d{4}|\d{1,2})(?!\d)(.*)$", re.DOTALL
)
_WORDS = re.compile(_WEEKDAY + r"([A-Za-z]{3,9})\.?\s+(\d{1,2}),?\s+(\d{4})(?!\d)(.*)$", re.DOTALL)
_ZONE = r"(Z|UTC|GMT|[+-]\d\d(?::?\d\d)?)"
_CLOCK = re.compile(
    rf"[\sT,]*(\d{{1,2}}):(\d\d)(?::(\d\d)(\.\d+)?)?\s*(?:([AP])\.?M\.?)?\s*{_ZONE}?\s*$", re.IGNORECASE
)
_YEAR = re.compile(r"(?<![.:\d])\d{4}")
_ZONED = re.compile(rf"\d[T ]\d\d:?\d\d\S*?\s*{_ZONE}\s*$")
_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_NEAR = 69  # two digits are years from 1969 to 2068, as everywhere
_HINT = "Hint: dates like 2024-01-31, times like 2024-01-31T16:00:00Z"


class _Dated(NamedTuple):
    """The three parts of a date in their order, the month as a number where it was a word, and what follows."""

    parts: tuple[str, str, str]
    named: bool
    rest: str

    def day(self, order: str) -> tuple[int, int, int]:
        """Year, month and day, if they come in that order."""
        part = dict(zip(order, self.parts, strict=True))
        year = int(part["y"])
        short = len(part["y"]) < len("2024")
        return year + (1900 if year >= _NEAR else 2000) * short, int(part["m"]), int(part["d"])


def is_moment(text: str) -> bool:
    """Say whether a text can be a date or a time.

    Examples
    --------
    >>> is_moment("31/01/24"), is_moment("2024-01-31T16:00Z"), is_moment("1.5"), is_moment("AAPL")
    (True, True, False, False)
    """
    if not any(letter.isdigit() for letter in text):
        return False
    return _dated(text) is not None or bool(_plain([text])[0] != _NAT)


def is_clock(text: str) -> bool:
    """Say whether a text is a time of day.

    Examples
    --------
    >>> is_clock("9:30"), is_clock("4:00 PM"), is_clock("2024-01-31 9:30")
    (True, True, False)
    """
    return _CLOCK.match(text) is not None


def parsed(texts: Sequence[str], where: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Read texts as times.

    Numbers are day, month and year as all of the texts together allow: a year of four digits is known; days are those
    above 12 anywhere; years of two digits are only told from days where the texts are sorted by time then. One order
    holds for all, and what may be read in two ways is refused.

    Parameters
    ----------
    texts : sequence of str
        In the order of the file, each once.
    where : str
        For the message.

    Returns
    -------
    wall : (n,) int64
        ns since 1970-01-01; of the least int64 for what is no time.
    zoned : (n,) bool
        Whether a text says its zone, so that ``wall`` is UTC.

    Raises
    ------
    BadInput
        For dates of which day, month and year cannot be told apart, and years in which ns are not counted.

    Examples
    --------
    >>> wall, zoned = parsed(["30/01/24", "31/01/24", "01/02/24 16:00Z"], "p.csv")
    >>> wall.astype("M8[ns]").astype("M8[h]").tolist()[2], zoned.tolist()
    (datetime.datetime(2024, 2, 1, 16, 0), [False, False, True])
    """
    found = [_dated(text) for text in texts]
    late = [(text, dated) for text, dated in zip(texts, found, strict=True) if dated and not _year_first(dated)]
    order = _order([dated for _, dated in late], late[0][0], where) if late else ""
    plain = [
        text if dated is None else _iso(text, dated, "ymd" if _year_first(dated) else order)
        for text, dated in zip(texts, found, strict=True)
    ]
    try:
        return _plain(plain), np.array([_ZONED.search(text) is not None for text in plain], dtype=bool)
    except OverflowError:
        raise BadInput(f"{where} leaves the years 1678 to 2262, in which ns are counted. {_HINT}.") from None


def _dated(text: str) -> _Dated | None:
    """Take a date apart; None where it is written in other ways."""
    match = _DATE.match(text)
    words = _WORDS.match(text) if match is None else None
    if match is not None:
        first, _, middle, last, rest = match.groups()
    elif words is not None:
        middle, first, last, rest = words.groups()
    else:
        return None
    named = not middle.isdigit()
    if named:
        month = [k for k, name in enumerate(_MONTHS, start=1) if name.startswith(middle.lower())]
        if len(month) != 1:
            return None
        middle = str(month[0])
    return None if len(first) == len(last) == len("2024") else _Dated((first, middle, last), named, rest)


def _year_first(dated: _Dated) -> bool:
    return len(dated.parts[0]) == len("2024")


def _order(found: Sequence[_Dated], text: str, where: str) -> str:
    """Tell 31/01/2024 from 01/31/2024 by numbers above 12, and both from 24/01/31 by how the times are sorted."""
    short = any(len(dated.parts[2]) < len("2024") for dated in found)
    named = any(dated.named for dated in found)

    def fits(order: str) -> bool:
        return all(
            1 <= month <= 12 and 1 <= day <= 31 for _, month, day in (dated.day(order) for dated in found)
        )  # fmt: skip

    def runs(order: str) -> bool:
        days = [dated.day(order) for dated in found]
        return days in (sorted(days), sorted(days, reverse=True))

    last = [order for order in (("dmy",) if named else ("dmy", "mdy")) if fits(order)]
    first = short and not named and all(len(dated.parts[2]) <= 2 for dated in found) and fits("ymd") and runs("ymd")
    if len(last) == 1 and (not short or (runs(last[0]) and not first)):
        return last[0]
    if not last and first:
        return "ymd"
    seen = f"{where}: {text!r} and the like may be day first or month first"
    more = " or year first (years of two digits are known by rows that are sorted)" if short else ""
    raise BadInput(f"{seen}{more}. {_HINT}.")


def _iso(text: str, dated: _Dated, order: str) -> str:
    """Write a date and what follows as ISO 8601 has it."""
    year, month, day = dated.day(order)
    date = f"{year:04d}-{month:02d}-{day:02d}"
    if not dated.rest.strip():
        return date
    match = _CLOCK.match(dated.rest)
    if match is None:
        return text if _year_first(dated) else ""
    hour, minute, second, part, half, zone = match.groups()
    clock = int(hour) if half is None else int(hour) % 12 + 12 * (half in "pP")
    zone = "Z" if zone and zone[0] not in "+-" else zone or ""
    return f"{date}T{clock:02d}:{minute}:{second or '00'}{part or ''}{zone}"


def _plain(texts: Sequence[str]) -> NDArray[np.int64]:
    """Read ISO 8601, and what is written otherwise all in one form, as ns; never element by element in any form."""
    pandas = need("pandas")
    found = _ns(pandas.to_datetime(list(texts), format="ISO8601", errors="coerce", utc=True))
    dated = np.array([_YEAR.search(text) is not None for text in texts], dtype=bool)
    found[~dated] = _NAT  # a time of today
    others = np.flatnonzero(dated & (found == _NAT)).tolist()
    if others:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # no form for all of them
            try:
                found[others] = _ns(pandas.to_datetime([texts[k] for k in others], errors="coerce", utc=True))
            except (UserWarning, FutureWarning, ValueError, TypeError):
                return found
    return found


def _ns(index: Any) -> NDArray[np.int64]:
    """Give ns of what pandas holds in coarser units."""
    try:
        return np.array(index.as_unit("ns").asi8)
    except ValueError as error:
        raise OverflowError from error
