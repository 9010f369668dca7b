"""Columns of text to columns of integers: each row either gets a value or a reason why not."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPOCH = r"^(?P<whole>\d{9,19})(?:\.(?P<frac>\d+))?$"
_OFFSET = r"\d\d?:\d\d.*(?:[zZ]|[+-]\d\d(?::?\d\d)?)$"
NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$"
_WHOLE = r"^(?P<whole>[+-]?\d{1,18})(?:\.0*)?$"
_UNITS = (("s", 10**9, 10**11), ("ms", 10**6, 10**14), ("us", 10**3, 10**17), ("ns", 1, 2**63))
MAX_DECIMALS = 9


class Reasons:
    """The first thing wrong with each row; 0 means nothing is.

    Examples
    --------
    >>> import numpy as np
    >>> reasons = Reasons(3)
    >>> reasons.mark(np.array([False, True, True]), "price is not a number")
    >>> reasons.mark(np.array([True, True, False]), "size is below 1")
    >>> [reasons.text(k) for k in range(3)]
    ['size is below 1', 'price is not a number', 'price is not a number']
    """

    def __init__(self, rows: int) -> None:
        self.code = np.zeros(rows, dtype=np.int16)
        self._texts: list[str] = [""]

    def mark(self, bad: NDArray[np.bool_], reason: str) -> None:
        """Give a reason to every bad row that has none yet."""
        fresh = bad & (self.code == 0)
        if fresh.any():
            self._texts.append(reason)
            self.code[fresh] = len(self._texts) - 1

    def text(self, row: int) -> str:
        """Return the reason of a row, empty where it is fine."""
        return self._texts[int(self.code[row])]

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Rows with nothing wrong, (rows,) bool."""
        fine: NDArray[np.bool_] = self.code == 0
        return fine


def parse_numbers(text: Any, reasons: Reasons, what: str) -> NDArray[np.float64]:
    """Read a column of decimal numbers; NaN where a row has none.

    Examples
    --------
    >>> import pyarrow as pa
    >>> reasons = Reasons(3)
    >>> parse_numbers(pa.array(["1.5", "nan", "x"]), reasons, "price")
    array([1.5, nan, nan])
    >>> reasons.text(1)
    'price is not a number'
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only text needs it
    import pyarrow.compute as pc  # noqa: PLC0415

    good = pc.match_substring_regex(text, NUMBER)
    values = pc.cast(pc.if_else(good, text, pa.scalar(None, pa.string())), pa.float64())
    numbers = np.array(pc.fill_null(values, math.nan).to_numpy(zero_copy_only=False), dtype=np.float64)
    reasons.mark(~np.isfinite(numbers), f"{what} is not a number")
    return numbers


def parse_sizes(text: Any, reasons: Reasons) -> NDArray[np.int64]:
    """Read a column of whole positive numbers; 0 where a row has none.

    Examples
    --------
    >>> import pyarrow as pa
    >>> reasons = Reasons(3)
    >>> parse_sizes(pa.array(["8", "2.0", "1.5"]), reasons)
    array([8, 2, 0])
    >>> reasons.text(2)
    'size is not a whole number'
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only text needs it
    import pyarrow.compute as pc  # noqa: PLC0415

    digits = pc.struct_field(pc.extract_regex(text, _WHOLE), "whole")
    found = _flags(pc.is_valid(digits))
    # Arrow reads "-3" but not "+3"
    digits = pc.replace_substring_regex(digits, r"^\+", "")
    sizes = np.array(pc.fill_null(pc.cast(digits, pa.int64()), 0).to_numpy(zero_copy_only=False), dtype=np.int64)
    reasons.mark(~found, "size is not a whole number")
    reasons.mark(sizes < 1, "size is below 1")
    return sizes


def parse_times(text: Any, reasons: Reasons, tz: str, ambiguous: str) -> tuple[NDArray[np.int64], str]:
    """Read a column of ISO 8601 or epoch times as ns UTC; 0 where a row has none.

    Parameters
    ----------
    text : pyarrow string array, (T,)
    reasons : Reasons
        Told about rows that are no time, do not exist or are ambiguous.
    tz : str
        IANA zone of ISO times that carry no offset.
    ambiguous : {"reject", "first", "second"}
        Which of the two meanings an hour repeated at the end of summer time has.

    Returns
    -------
    ts : (T,) int64, ns UTC
    unit : str
        ``"ISO 8601"`` or ``"epoch s|ms|us|ns"``, as decided from the first readable row.

    Examples
    --------
    >>> import pyarrow as pa
    >>> parse_times(pa.array(["1970-01-01 00:00:01", "1970-01-01T02:00:02+02:00"]), Reasons(2), "UTC", "reject")
    (array([1000000000, 2000000000]), 'ISO 8601')
    >>> parse_times(pa.array(["1378072800083"]), Reasons(1), "UTC", "reject")
    (array([1378072800083000000]), 'epoch ms')
    """
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy, and only text needs it

    epoch = _flags(pc.match_substring_regex(text, _EPOCH))
    first = _first_time(text, epoch)
    if first is not None and epoch[first]:
        return _epoch_times(text, epoch, first, reasons)
    return _iso_times(text, reasons, tz, ambiguous), "ISO 8601"


def infer_tick(prices: NDArray[np.float64]) -> float:
    """Infer the tick size: the greatest common divisor of all prices, as decimals of at most nine places.

    A divisor of every price divides every step between prices too, so the whole column lies on
    the grid. A column with a single price says nothing about steps: then the tick is its last
    decimal place.

    Parameters
    ----------
    prices : (T,) float64
        Finite prices in quote currency.

    Raises
    ------
    BadInput
        If there is no price or the prices have more than nine decimals.

    Examples
    --------
    >>> infer_tick(np.array([1640.25, 1640.5, 1641.0])), infer_tick(np.array([10.1]))
    (0.25, 0.1)
    """
    distinct = np.unique(prices)
    if len(distinct) == 0:
        raise BadInput("there is no price to infer a tick size from. Hint: pass tick_size.")
    for decimals in range(MAX_DECIMALS + 1):
        scaled = distinct * 10.0**decimals
        whole = np.rint(scaled)
        slack = 4 * np.spacing(np.abs(scaled))  # what reading and scaling a decimal can leave
        if np.all(np.abs(whole) < 2.0**53) and np.all(np.abs(scaled - whole) <= np.minimum(slack, 1e-3)):
            divisor = int(np.gcd.reduce(whole.astype(np.int64))) if len(distinct) > 1 else 1
            return float(max(divisor, 1) / 10**decimals)
    message = f"prices have more than {MAX_DECIMALS} decimals, so no tick size can be inferred. Hint: pass tick_size."
    raise BadInput(message)


def _flags(values: Any) -> NDArray[np.bool_]:
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy, and only text needs it

    return np.array(pc.fill_null(values, False).to_numpy(zero_copy_only=False), dtype=bool)


def _first_time(text: Any, epoch: NDArray[np.bool_]) -> int | None:
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy, and only text needs it

    dated = _flags(pc.match_substring_regex(text, r"^\d{4}-?\d\d-?\d\d"))
    readable = np.flatnonzero(epoch | dated)
    return int(readable[0]) if len(readable) else None


def _epoch_times(text: Any, epoch: NDArray[np.bool_], first: int, reasons: Reasons) -> tuple[NDArray[np.int64], str]:
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only text needs it
    import pyarrow.compute as pc  # noqa: PLC0415

    parts = pc.extract_regex(text, _EPOCH)
    digits = pc.struct_field(parts, "whole")
    huge = _flags(pc.greater(digits, "9223372036854775807")) & _flags(pc.equal(pc.utf8_length(digits), 19))
    digits = pc.if_else(pa.array(huge | ~epoch), pa.scalar("0"), digits)
    whole = np.array(pc.cast(digits, pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)
    nano = pc.fill_null(pc.utf8_slice_codeunits(pc.utf8_rpad(pc.struct_field(parts, "frac"), 9, "0"), 0, 9), "0")
    nano = pc.if_else(pc.equal(nano, ""), "0", nano)
    fraction = np.array(pc.cast(nano, pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)
    place = next(k for k, (_, _, limit) in enumerate(_UNITS) if whole[first] < limit)
    unit, scale, limit = _UNITS[place]
    lower = _UNITS[place - 1][2] if place else 0
    reasons.mark(~epoch | huge, f"time is not an epoch in {unit} like the first row")
    fits = epoch & ~huge & (whole >= lower) & (whole < min(limit, 2**63 // scale))
    reasons.mark(~fits, f"time is not of the magnitude of an epoch in {unit} like the first row")
    ts = np.where(fits, whole, 0) * scale + np.where(fits, fraction, 0) * scale // 10**9
    return ts, f"epoch {unit}"


def _iso_times(text: Any, reasons: Reasons, tz: str, ambiguous: str) -> NDArray[np.int64]:
    import pandas as pd  # noqa: PLC0415 - heavy, and only text needs it
    import pyarrow.compute as pc  # noqa: PLC0415

    zoned = _flags(pc.match_substring_regex(text, _OFFSET))
    dated = _flags(pc.match_substring_regex(text, r"^\d{4}-?\d\d-?\d\d"))
    strings = np.where(dated, text.to_numpy(zero_copy_only=False), "")
    ts = np.zeros(len(strings), dtype=np.int64)
    missing = np.ones(len(strings), dtype=bool)
    for rows, local in ((np.flatnonzero(zoned & dated), False), (np.flatnonzero(~zoned & dated), True)):
        if len(rows) == 0:
            continue
        moments = pd.DatetimeIndex(pd.to_datetime(strings[rows], format="ISO8601", errors="coerce", utc=not local))
        moments = _in_range(moments)
        missing[rows] = np.asarray(moments.isna())
        if local:
            read = ~missing[rows]
            moments, gone, twice = _localize(moments, tz, ambiguous)
            for flag, reason in (
                (gone, f"time does not exist in {tz} (clocks went forward)"),
                (twice, f"time happens twice in {tz} (clocks went back)"),
            ):
                bad = np.zeros(len(strings), dtype=bool)
                bad[rows] = flag & read
                reasons.mark(bad, reason)
        stamps = np.asarray(moments.tz_convert("UTC").tz_localize(None).as_unit("ns").asi8)
        ts[rows] = np.where(np.asarray(moments.isna()), 0, stamps)
    reasons.mark(missing, "time is not ISO 8601 or epoch")
    return ts


def _in_range(moments: Any) -> Any:
    """Blank the times that int64 ns cannot hold (before 1677-09-22, after 2262-04-10)."""
    import pandas as pd  # noqa: PLC0415 - heavy, and only text needs it

    low, high = (pd.Timestamp(day, tz=moments.tz) for day in ("1677-09-23", "2262-04-10"))
    return moments.where((moments >= low) & (moments <= high))


def _localize(moments: Any, tz: str, ambiguous: str) -> tuple[Any, NDArray[np.bool_], NDArray[np.bool_]]:
    try:
        first = moments.tz_localize(tz, ambiguous=np.ones(len(moments), dtype=bool), nonexistent="NaT")
    except (KeyError, ValueError, TypeError) as error:
        message = f"tz is {tz!r}: {error}. Hint: give an IANA name such as 'America/Chicago' or 'UTC'."
        raise BadInput(message) from error
    second = moments.tz_localize(tz, ambiguous=np.zeros(len(moments), dtype=bool), nonexistent="NaT")
    gone = np.asarray(first.isna() & ~moments.isna())
    twice = np.asarray((first != second) & ~first.isna())
    if ambiguous == "first":
        return first, gone, np.zeros_like(twice)
    if ambiguous == "second":
        return second, gone, np.zeros_like(twice)
    return first.where(~twice), gone, twice
