"""How a text file of ticks is laid out, as a noun that checks itself, and layouts that vendors have published."""

from __future__ import annotations

import difflib
import math
import re
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, Self

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROLES = {
    "trades": ("ts", "price", "size", "date", "venue", "flags"),
    "quotes": ("ts", "bid_px", "bid_size", "ask_px", "ask_size", "date", "venue", "flags"),
}
NEEDED = {"trades": ("ts", "price", "size"), "quotes": ("ts", "bid_px", "bid_size", "ask_px", "ask_size")}
ALIASES = {
    "ts": ("ts", "datetime", "date_time", "timestamp", "time"),
    "price": ("price", "px", "last"),
    "size": ("size", "volume", "qty", "quantity"),
    "venue": ("venue", "exchange"),
    "flags": ("flags", "suspicious"),
    "bid_px": ("bid_px", "bid_price", "bid", "bidprice"),
    "bid_size": ("bid_size", "bid_qty", "bid_volume", "bidsize"),
    "ask_px": ("ask_px", "ask_price", "ask", "askprice"),
    "ask_size": ("ask_size", "ask_qty", "ask_volume", "asksize"),
}
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
DIRECTIVES = "YymdbHIMSfpz"
_NOT_DELIMITERS = frozenset('"+-.:\r\n\0')


def near(word: Any, options: Iterable[Any]) -> str:
    """Say which of the options a word may have meant, as a hint.

    Examples
    --------
    >>> near("prize", ["price", "size"])
    "Hint: did you mean 'price'?"
    """
    known = [str(option) for option in options]
    close = difflib.get_close_matches(str(word), known, 1)
    return f"Hint: did you mean {close[0]!r}?" if close else f"Hint: choose from {sorted(known)}."


@dataclass(frozen=True)
class Format:
    """The layout of a text file of trades or quotes.

    Parameters
    ----------
    columns : mapping of str to (str, int or None)
        Role -> header name, or position from 0; None leaves a role out. Roles are ``ts``, ``price``, ``size`` (for
        quotes ``bid_px, bid_size, ask_px, ask_size``) and, where there are, ``date``, ``venue`` and ``flags``. Usual
        names are recognised without.
    kind : {"trades", "quotes"}
        What the rows are.
    header : bool, optional
        Whether the first line holds names; None looks at it.
    delimiter : str, optional
        One character between fields; None looks at the first line.
    time : str
        ``"auto"`` (ISO 8601, or an epoch whose unit follows from the first one), ``"iso"``, ``"epoch s|ms|us|ns"``,
        ``"s|ms|us|ns since midnight"`` (of the ``date`` column or of a date given to ``ingest``), or a layout such as
        ``"%m/%d/%Y %H:%M:%S.%f"``. With a ``date`` column, date and time are joined by a space first.
        ``.%f`` may be missing in a row.
    tz : str, optional
        IANA zone of times without an offset; None leaves it to the call.
    price_scale : float
        What prices are multiplied by in the file, for example 10,000.
    lot : float
        Size of one stored unit: 1e-8 stores 0.5 as 50,000,000.
    decimal : {".", ","}
        Decimal point of prices and sizes.
    width : int, optional
        Fields of a row; a file of rows with another number is refused. None takes that of the first line.

    Raises
    ------
    BadInput
        For anything that cannot describe a file.

    Examples
    --------
    >>> Format(columns={"ts": 0, "price": 1, "size": 2}, time="ms since midnight", price_scale=10_000).time
    'ms since midnight'
    >>> Format.from_dict({"tyme": "iso"})
    Traceback (most recent call last):
    atomloom.errors.BadInput: a format has no 'tyme'. Hint: did you mean 'time'?
    """

    columns: Mapping[str, str | int | None] = field(default_factory=dict)
    kind: str = "trades"
    header: bool | None = None
    delimiter: str | None = None
    time: str = "auto"
    tz: str | None = None
    price_scale: float = 1.0
    lot: float = 1.0
    decimal: str = "."
    width: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in ROLES:
            message = f"kind is {self.kind!r}. {near(self.kind, ROLES)}"
            raise BadInput(message)
        object.__setattr__(self, "columns", dict(self.columns))
        for role, where in self.columns.items():
            if role not in ROLES[self.kind]:
                message = f"columns names {role!r}, which {self.kind} do not have. {near(role, ROLES[self.kind])}"
                raise BadInput(message)
            named = where is None or isinstance(where, str)
            if not named and (isinstance(where, bool) or not isinstance(where, int) or where < 0):
                message = f"columns[{role!r}] is {where!r}. Hint: give a header name, or a position from 0."
                raise BadInput(message)
        if self.delimiter is not None:
            check_delimiter(self.delimiter)
        if self.decimal not in {".", ","} or self.decimal == self.delimiter:
            message = f"decimal is {self.decimal!r}. Hint: '.' or ',', and not the delimiter."
            raise BadInput(message)
        for name in ("price_scale", "lot"):
            check_positive(getattr(self, name), name)
        if self.width is not None:
            check_width(self.width)
        parse_time_format(self.time)
        if self.time.startswith("epoch") and self.columns.get("date") is not None:
            raise BadInput("an epoch needs no date column. Hint: leave 'date' out of columns.")

    def to_dict(self) -> dict[str, Any]:
        """Return the layout as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Make a layout of plain values; unknown names are refused."""
        known = [each.name for each in fields(cls)]
        for name in values:
            if name not in known:
                message = f"a format has no {name!r}. {near(name, known)}"
                raise BadInput(message)
        return cls(**values)


def check_delimiter(delimiter: Any) -> None:
    """Refuse what cannot stand between fields.

    Examples
    --------
    >>> check_delimiter(";")
    """
    plain = isinstance(delimiter, str) and len(delimiter) == 1 and delimiter.isascii()
    if not plain or delimiter.isalnum() or delimiter in _NOT_DELIMITERS:
        message = f"delimiter is {delimiter!r}. Hint: give one character such as ',' or ';' or '\\t'."
        raise BadInput(message)


def check_width(width: Any) -> None:
    """Refuse what cannot be the number of fields of a row.

    Examples
    --------
    >>> check_width(6)
    """
    if isinstance(width, bool) or not isinstance(width, int) or width < 1:
        message = f"width is {width!r}. Hint: give the number of fields of a row, or leave it out."
        raise BadInput(message)


def check_positive(value: Any, name: str) -> None:
    """Refuse a scale that is not positive and finite.

    Examples
    --------
    >>> check_positive(10_000, "price_scale")
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not (math.isfinite(value) and value > 0):
        hint = "what prices are multiplied by, for example 10000" if name == "price_scale" else "a positive number"
        message = f"{name} is {value!r}. Hint: give {hint}."
        raise BadInput(message)


def parse_time_format(time: Any) -> tuple[str, int, tuple[int, ...]]:
    """Split a time format into its family, ns per unit, and the steps of a layout.

    Returns
    -------
    family : {"auto", "iso", "epoch", "midnight", "layout"}
    unit : int
        ns, for "epoch" and "midnight".
    steps : tuple of int
        For a layout: letters of strptime; 256 + a literal byte; 512 for a decimal fraction that may be missing.

    Examples
    --------
    >>> parse_time_format("epoch ms")
    ('epoch', 1000000, ())
    >>> parse_time_format("%Y/%m%d")[2] == (ord("Y"), 256 + ord("/"), ord("m"), ord("d"))
    True
    """
    if not isinstance(time, str):
        message = f"time is {time!r}. Hint: give a text such as 'auto' or 'epoch ms'."
        raise BadInput(message)
    words = time.split(" ", 1)
    if time in {"auto", "iso"}:
        return time, 1, ()
    if words[0] == "epoch" and len(words) == 2 and words[1] in UNITS:
        return "epoch", UNITS[words[1]], ()
    if len(words) == 2 and words[1] == "since midnight" and words[0] in UNITS:
        return "midnight", UNITS[words[0]], ()
    if "%" not in time or not time.isascii():
        known = ["auto", "iso", *(f"epoch {u}" for u in UNITS), *(f"{u} since midnight" for u in UNITS)]
        message = f"time is {time!r}. {near(time, known)} A layout such as '%Y%m%d %H:%M:%S.%f' is taken too."
        raise BadInput(message)
    steps: list[int] = []
    for piece in re.findall(r"\.%f|%.|[^%]|%$", time, re.DOTALL):
        if piece == ".%f":
            steps.append(512)
        elif piece == "%%" or (len(piece) == 1 and piece != "%"):
            steps.append(256 + ord(piece[-1]))
        elif piece[-1] in DIRECTIVES and len(piece) == 2:
            steps.append(ord(piece[1]))
        else:
            message = f"time {time!r} has {piece!r}. Hint: it takes {', '.join('%' + each for each in DIRECTIVES)}."
            raise BadInput(message)
    _check_layout(time, "".join(chr(step) for step in steps if step < 256))
    return "layout", 1, tuple(steps)


def _check_layout(time: str, letters: str) -> None:
    wrong = [
        (
            not set("Yy") & set(letters) or not set("mb") & set(letters) or "d" not in letters,
            "needs year, month and day",
        ),
        (("p" in letters) != ("I" in letters), "needs %I and %p together"),
        ("z" in letters[:-1] or (letters.endswith("z") and not time.endswith("%z")), "may have %z at its end only"),
        (len(set(letters)) < len(letters), "names a part twice"),
    ]
    for is_so, what in wrong:
        if is_so:
            message = f"time {time!r} {what}. Hint: for example '%m/%d/%Y %H:%M:%S.%f'."
            raise BadInput(message)


_NEW_YORK = "America/New_York"
_SLASHES = "%m/%d/%Y %H:%M:%S.%f"
_LEAN = {"header": False, "delimiter": ",", "time": "ms since midnight", "tz": _NEW_YORK, "price_scale": 10_000.0}
_SIDES = {"bid_px": 1, "bid_size": 2, "ask_px": 3, "ask_size": 4}

PRESETS: dict[str, Format] = {
    # QuantConnect LEAN, equity ticks: quantconnect.com/docs/v2/lean-engine/data-format (core data types); the sale
    # condition is not kept, "suspicious" becomes flags.
    "quantconnect": Format({"ts": 0, "price": 1, "size": 2, "venue": 3, "flags": 5}, width=6, **_LEAN),  # type: ignore[arg-type]
    "quantconnect-quote": Format(
        {"ts": 0, **_SIDES, "venue": 5, "flags": 7}, "quotes", width=8, **_LEAN  # type: ignore[arg-type]
    ),
    # Kibot, "tick with bid/ask": Date,Time,Price,Bid,Ask,Size, mm/dd/yyyy, US Eastern (kibot.com/support.aspx).
    "kibot": Format(
        {"date": 0, "ts": 1, "price": 2, "size": 5}, header=False, delimiter=",", time=_SLASHES, tz=_NEW_YORK
    ),
    # Tick Data LLC, trades as in "TSX Equity Trade and Quote Data File Format Document" 2.9: MM/DD/YYYY, HH:MM:SS.000,
    # price, volume, then others. Exchange-local times: give tz.
    "tickdata": Format(
        {"date": 0, "ts": 1, "price": 2, "size": 3}, header=False, delimiter=",", time=_SLASHES
    ),
    # Binance, spot (github.com/binance/binance-public-data): epoch ms, us from 2025 on. isBuyerMaker is no doubt about
    # a trade and is not kept as flags; sizes are fractions, stored in units of 1e-8.
    "binance-trades": Format({"price": 1, "size": 2, "ts": 4}, delimiter=",", tz="UTC", lot=1e-8),
    "binance-aggtrades": Format({"price": 1, "size": 2, "ts": 5}, delimiter=",", tz="UTC", lot=1e-8),
    # Databento, schema "trades" of one instrument, prices and times printed for people
    # (databento.com/docs/schemas/trades); for fixed-point prices add price_scale=1e9. Its flags are a bit field of the
    # feed and not kept.
    "databento": Format(
        {"ts": "ts_event", "price": "price", "size": "size", "venue": "publisher_id", "flags": None},
        header=True,
        tz="UTC",
    ),
    # Tardis.dev, downloadable CSV files, "trades" and "quotes" (docs.tardis.dev/downloadable-csv-files/data-types):
    # epoch us of the exchange; files are in order of arrival, so rows may go back. Amounts may be fractions.
    "tardis-trades": Format(
        {"ts": "timestamp", "price": "price", "size": "amount", "venue": "exchange"},
        header=True, delimiter=",", time="epoch us", tz="UTC", lot=1e-8, width=8,
    ),
    "tardis-quotes": Format(
        {"ts": "timestamp", "bid_px": "bid_price", "bid_size": "bid_amount", "ask_px": "ask_price",
         "ask_size": "ask_amount", "venue": "exchange"},
        "quotes", header=True, delimiter=",", time="epoch us", tz="UTC", lot=1e-8, width=8,
    ),
    # Bitcoincharts, historic trade data (bitcoincharts.com/about/markets-api): unixtime, price, amount.
    "bitcoincharts": Format(
        {"ts": 0, "price": 1, "size": 2}, header=False, delimiter=",", time="epoch s", tz="UTC", lot=1e-8, width=3
    ),
    # Dukascopy ticks as go-duka writes them (github.com/FX31337/go-duka): time,ask,bid,ask_volume,bid_volume, volumes
    # in millions with two decimals.
    "dukascopy": Format(
        {"ts": 0, "ask_px": 1, "bid_px": 2, "ask_size": 3, "bid_size": 4},
        "quotes",
        delimiter=",",
        time="iso",
        tz="UTC",
        lot=0.01,
    ),
}  # fmt: skip


def format_of(given: Format | Mapping[str, Any] | str | None, kind: str) -> Format:
    """Take a format as a noun, a mapping or the name of a preset.

    Examples
    --------
    >>> format_of("quantconect", "trades")
    Traceback (most recent call last):
    atomloom.errors.BadInput: format 'quantconect' is not known. Hint: did you mean 'quantconnect'?
    """
    if given is None:
        return Format(kind=kind)
    if isinstance(given, str):
        if given not in PRESETS:
            message = f"format {given!r} is not known. {near(given, PRESETS)}"
            raise BadInput(message)
        given = PRESETS[given]
    if not isinstance(given, Format):
        given = Format.from_dict({"kind": kind, **given})
    if given.kind != kind:
        message = f"the format is one of {given.kind}, and kind is {kind!r}. "
        message += f"Hint: kind={given.kind!r}{_sibling(given, kind)}."
        raise BadInput(message)
    return given


def _sibling(given: Format, kind: str) -> str:
    """Name the layout of the same vendor for the other kind, where there is one."""
    name = next((name for name, preset in PRESETS.items() if preset is given), "")
    vendor = name.partition("-")[0]
    known = [each for each, preset in PRESETS.items() if preset.kind == kind and each.partition("-")[0] == vendor]
    return f", or format={known[0]!r}" if name and known else ""
