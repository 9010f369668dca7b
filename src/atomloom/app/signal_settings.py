"""The specs of `bars`, `hhi` and `spectrum`: what --config reads and --print-config prints."""

from __future__ import annotations

from dataclasses import dataclass, field

from atomloom.app.settings import TickSource
from atomloom.errors import BadInput
from atomloom.market.bars import check_price, count, positive
from atomloom.market.imbalance import Expectations, check_share
from atomloom.market.local_time import time_of_day, zone_of


@dataclass(frozen=True)
class BarsSettings:
    """Settings of ``atomloom bars``.

    Attributes
    ----------
    kind : str
        "time", "tick", "volume", "dollar", or imbalance or runs bars by one of the last three, for example
        "volume-imbalance" or "tick-runs".
    size : float or None
        Of a bar: seconds, trades, volume or value; of imbalance and runs bars the trades expected at first. Unset,
        volume bars go by ``per_day``.
    per_day : int
        Volume bars per average day, where ``size`` is unset.
    price : str
        What stands for a bar: "close", "mean", "median", "vwap" or "weighted_median".
    split : bool
        Cut a trade that crosses the edge of a volume bar; otherwise the bar gets it whole.
    alpha : float
        Weight of the newest bar in what imbalance and runs bars expect of a bar, 0 to 1; 0 keeps the expected number
        of trades.
    alpha_trades : float or None
        Weight of the newest trade in what they expect of a trade, 0 to 1; unset, 0.1 / ``size``.
    limits : list
        Fewest and most trades of such a bar, in units of ``size``; empty for no limits, where bars may run away.
    ticks : TickSource
        Which trades, and how to read them.

    Examples
    --------
    >>> BarsSettings(kind="tick", size=100).kind
    'tick'
    """

    kind: str = "volume"
    size: float | None = None
    per_day: int = 50
    price: str = "close"
    split: bool = True
    alpha: float = 0.1
    alpha_trades: float | None = None
    limits: tuple[float, ...] = (0.1, 10.0)
    ticks: TickSource = field(default_factory=TickSource)

    KINDS = (
        "time", "tick", "volume", "dollar", "tick-imbalance", "volume-imbalance", "dollar-imbalance", "tick-runs",
        "volume-runs", "dollar-runs",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.kind not in self.KINDS:
            raise BadInput(f"kind is {self.kind!r}. Hint: choose one of {', '.join(self.KINDS)}.")
        check_price(self.price)
        count(self.per_day, "per_day")
        check_share(self.alpha, "alpha")
        if self.size is not None:
            positive(self.size, "size", "a positive number")
            if self.kind not in ("time", "dollar") and not float(self.size).is_integer():
                raise BadInput(f"size is {self.size}. Hint: {self.kind} bars take a whole number.")
        elif self.kind != "volume":
            raise BadInput(f"{self.kind} bars need a size. Hint: --size SECONDS, TRADES, VOLUME or VALUE.")
        if self.learns:
            self.expectations()

    @property
    def learns(self) -> bool:
        """Whether these are imbalance or runs bars, which learn what to expect."""
        return self.kind.endswith(("-imbalance", "-runs"))

    def expectations(self) -> Expectations:
        """Give what imbalance and runs bars expect at first, and how they learn."""
        limits = (self.limits[0], self.limits[-1]) if self.limits else None
        if limits is not None and not (len(self.limits) == 2 and 0 <= limits[0] <= 1 <= limits[1]):
            hint = "Hint: give the fewest, at most 1, and the most, at least 1, in sizes; or --no-limits."
            raise BadInput(f"limits are {list(self.limits)}. {hint}")
        return Expectations(int(self.size or 0), self.alpha, self.alpha_trades, limits)

    def unused(self, given: set[str]) -> str:
        """Name an option that was given and says nothing to bars of this kind; empty if there is none.

        Examples
        --------
        >>> BarsSettings(kind="tick", size=100).unused({"size", "per_day"})
        'per_day'
        """
        idle: set[str] = set() if self.learns else {"alpha", "alpha_trades", "limits"}
        if self.kind != "volume":
            idle |= {"per_day", "split"}
        elif self.size is not None:
            idle |= {"per_day"}
        return next(iter(sorted(idle & given)), "")


@dataclass(frozen=True)
class HhiSettings:
    """Settings of ``atomloom hhi``.

    Attributes
    ----------
    window : str
        "day" for local days, or seconds, for example "300".
    volume : int or None
        Windows of this volume instead.
    step : float or None
        Windows slide by so many seconds, or so much volume; unset, they do not overlap.
    by : str
        What is shared among venues: "volume" or "trades"; of quotes "quotes" or quoted "size".
    flagged : bool
        Count what the source doubts as well.
    session : list
        Local times of day between which trades count, for example ["09:30", "16:00"]; empty for all.
    zone : str
        Time zone (IANA name) of days and session.
    ticks : TickSource
        Which trades, and how to read them.

    Examples
    --------
    >>> HhiSettings().window
    'day'
    """

    window: str = "day"
    volume: int | None = None
    step: float | None = None
    by: str = "volume"
    flagged: bool = False
    session: tuple[str, ...] = ()
    zone: str = "UTC"
    ticks: TickSource = field(default_factory=TickSource)

    def __post_init__(self) -> None:
        if self.volume is not None:
            count(self.volume, "volume")
        self.span()
        if self.step is not None:
            positive(self.step, "step", "a positive number of seconds, or of volume")
            if self.volume is not None and not float(self.step).is_integer():
                raise BadInput(f"step is {self.step}. Hint: windows of volume slide by a whole number.")
        if self.by not in ("volume", "trades", "quotes", "size"):
            raise BadInput(f"by is {self.by!r}. Hint: choose volume or trades; for quotes, quotes or size.")
        if self.volume is not None and self.kind == "quotes":
            raise BadInput("quotes have no volume to make windows of. Hint: --window SECONDS.")
        try:
            zone_of(self.zone)
        except BadInput:
            hint = "Hint: give an IANA name, for example America/New_York."
            raise BadInput(f"zone is {self.zone!r}, which names no time zone here. {hint}") from None
        try:
            times = [time_of_day(text) for text in self.session]
        except BadInput:
            raise BadInput(f"session is {'-'.join(self.session)!r}. Hint: give times, such as 09:30-16:00.") from None
        if len(times) not in (0, 2):
            raise BadInput(f"session is {'-'.join(self.session)!r}. Hint: give two times, for example 09:30-16:00.")

    @property
    def kind(self) -> str:
        """What the venues share: "trades" or "quotes"."""
        return "quotes" if self.by in ("quotes", "size") else "trades"

    def span(self) -> float | str | None:
        """Length of a window in seconds, or "day"; None where windows go by volume."""
        if self.volume is not None:
            return None
        if self.window == "day":
            return "day"
        try:
            seconds = float(self.window)
        except ValueError:
            raise BadInput(f"window is {self.window!r}. Hint: give day, or seconds, for example 300.") from None
        return positive(seconds, "window", "day, or a positive number of seconds")

    def pace(self) -> float | int | None:
        """By how much windows slide: seconds, or whole volume."""
        return self.step if self.step is None or self.volume is None else int(self.step)


@dataclass(frozen=True)
class SpectrumSettings:
    """Settings of ``atomloom spectrum``.

    Attributes
    ----------
    low, high : float
        The band, Hz. The default holds the minute (0.01667) and its second harmonic.
    modes : int
        Frequencies in it, evenly spaced.
    line : float
        Period of the line that is tested, seconds.
    harmonics : int
        How many of its harmonics are added up.
    period : float
        Period by which events are folded, seconds.
    bins : int
        Bins of a period.
    surrogates : int
        Random copies of the data that tests compare with.
    weighted : bool
        Weigh trades by their size; otherwise each counts one.
    ticks : TickSource
        Which trades, and how to read them.

    Examples
    --------
    >>> SpectrumSettings().line
    60.0
    """

    low: float = 0.01
    high: float = 0.04
    modes: int = 20_000
    line: float = 60.0
    harmonics: int = 1
    period: float = 60.0
    bins: int = 60
    surrogates: int = 999
    weighted: bool = False
    ticks: TickSource = field(default_factory=TickSource)

    def __post_init__(self) -> None:
        for name in ("line", "period"):
            positive(getattr(self, name), name, "a positive number of seconds")
        for name in ("harmonics", "bins", "surrogates"):
            count(getattr(self, name), name)
