"""The specs of the run commands: what ``--config`` reads and ``--print-config`` prints."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from atomloom.errors import BadInput
from atomloom.market.spec import VPINConfig


@dataclass(frozen=True)
class TickSource:
    """Which trades to take, and how to read them where they are not in a store yet.

    Attributes
    ----------
    symbol : str or None
        Name of the instrument; unset, the only one in the store, or the file's name up to its first dot.
    start, end : str
        Only trades from ``start`` on and before ``end``, UTC, for example "2013-09-02T14:30"; empty where open.
    format : str
        Name of a vendor's layout (see the reference of `atomloom ingest`); empty to look at the file.
    ts, price, size, venue, flags : str
        Names of the columns, or their positions from 0; empty where the usual names are used.
    time : str
        How times are written: "auto", "iso", "epoch ms", "ms since midnight", or a layout such as "%m/%d/%Y %H:%M:%S".
    tz : str
        Time zone (IANA name) of times that carry no offset; empty for that of the format, else UTC.
    date : str
        Day of times that count from midnight; empty for the one in the file's name.
    tick_size : float or None
        Smallest price step; unset, it is the greatest common divisor of the prices.
    price_scale : float or None
        What prices are multiplied by in the file, for example 10000.
    sort : bool
        Weave rows that go back in time in where they belong; otherwise such a file is refused.
    ambiguous : str
        Local times that happen twice when clocks go back: "reject", "first" or "second".
    delimiter : str
        What separates the columns; empty to look at the file.

    Examples
    --------
    >>> TickSource(ts="Date", price="3").columns
    {'ts': 'Date', 'price': 3}
    """

    symbol: str | None = None
    start: str = ""
    end: str = ""
    format: str = ""
    ts: str = ""
    price: str = ""
    size: str = ""
    venue: str = ""
    flags: str = ""
    time: str = "auto"
    tz: str = ""
    date: str = ""
    tick_size: float | None = None
    price_scale: float | None = None
    sort: bool = False
    ambiguous: str = "reject"
    delimiter: str = ""

    @property
    def columns(self) -> dict[str, str | int]:
        """The columns that were named; digits alone are a position."""
        named = {name: getattr(self, name) for name in ("ts", "price", "size", "venue", "flags")}
        return {name: int(value) if value.isdigit() else value for name, value in named.items() if value}


@dataclass(frozen=True)
class GridAxes:
    """Values to combine, each with each; an empty list keeps the one value of [vpin].

    Attributes
    ----------
    buckets_per_day, bars_per_bucket, price, nu, support_days, threshold : list
        As in [vpin].

    Examples
    --------
    >>> GridAxes(nu=(0.0, 0.1)).axes(VPINConfig())["nu"]
    (0.0, 0.1)
    """

    buckets_per_day: tuple[int, ...] = (50, 100, 200)
    bars_per_bucket: tuple[int, ...] = (10, 30)
    price: tuple[str, ...] = ("close", "median")
    nu: tuple[float, ...] = (0.0, 0.1)
    support_days: tuple[float, ...] = (0.1, 0.25, 0.5)
    threshold: tuple[float, ...] = (0.8, 0.9, 0.95, 0.99)

    # What the bars depend on: a leaf of the engine is all combinations of the others, so that it builds bars once.
    BARS = ("buckets_per_day", "bars_per_bucket", "price")

    def axes(self, base: VPINConfig) -> dict[str, tuple[float | str, ...]]:
        """Fill the empty axes from ``base``; those that the bars depend on come first, so vary slowest."""
        return {item.name: getattr(self, item.name) or (getattr(base, item.name),) for item in fields(self)}


@dataclass(frozen=True)
class DemoSettings:
    """Settings of ``atomloom demo``.

    Attributes
    ----------
    vpin : VPINConfig
        The run that is shown in full.
    grid : GridAxes
        The runs of which only the numbers are kept.

    Examples
    --------
    >>> DemoSettings().vpin.threshold
    0.9
    """

    # Two days of data carry a window of a few hours and a modest threshold, no more.
    vpin: VPINConfig = field(
        default_factory=lambda: VPINConfig(buckets_per_day=100, bars_per_bucket=10, support_days=0.1, threshold=0.9)
    )
    grid: GridAxes = field(default_factory=GridAxes)

    def __post_init__(self) -> None:
        for name, values in self.grid.axes(self.vpin).items():
            for value in values:
                VPINConfig.from_dict({**self.vpin.to_dict(), name: value})
            if len(set(values)) < len(values):
                raise BadInput(f"grid: {name} repeats a value: {list(values)}. Hint: name each value once.")


@dataclass(frozen=True)
class VpinSettings(DemoSettings):
    """Settings of ``atomloom vpin``.

    Attributes
    ----------
    vpin : VPINConfig
        The run that is shown in full.
    grid : GridAxes
        The runs of which only the numbers are kept.
    ticks : TickSource
        Which trades, and how to read them.

    Examples
    --------
    >>> VpinSettings().ticks.time
    'auto'
    """

    ticks: TickSource = field(default_factory=TickSource)


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
        What stands for a bar: "close", "mean", "median" or "vwap".
    split : bool
        Cut a trade that crosses the edge of a volume bar; otherwise the bar gets it whole.
    alpha : float
        How quickly the expectations of imbalance and runs bars follow the bars, above 0 and at most 1.
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
    ticks: TickSource = field(default_factory=TickSource)

    KINDS = (
        "time", "tick", "volume", "dollar", "tick-imbalance", "volume-imbalance", "dollar-imbalance", "tick-runs",
        "volume-runs", "dollar-runs",
    )  # fmt: skip

    def __post_init__(self) -> None:
        if self.kind not in self.KINDS:
            raise BadInput(f"kind is {self.kind!r}. Hint: choose one of {', '.join(self.KINDS)}.")
        if self.size is None and self.kind != "volume":
            raise BadInput(f"{self.kind} bars need a size. Hint: --size SECONDS, TRADES, VOLUME or VALUE.")


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
        What is shared among venues: "volume" or "trades".
    flagged : bool
        Count trades that the source doubts as well.
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


@dataclass(frozen=True)
class IngestSettings:
    """Settings of ``atomloom ingest``.

    Attributes
    ----------
    kind : str
        "trades" or "quotes".
    ticks : TickSource
        How to read the files.

    Examples
    --------
    >>> IngestSettings().kind
    'trades'
    """

    kind: str = "trades"
    ticks: TickSource = field(default_factory=TickSource)


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


@dataclass(frozen=True)
class CalibrationAxes:
    """Values to combine, each with each; an empty list keeps the one value of [vpin]. By default 16,000 combinations.

    Attributes
    ----------
    buckets_per_day, bars_per_bucket, price, nu, support_days, threshold, horizon_days : list
        As in [vpin].

    Examples
    --------
    >>> len(CalibrationAxes().axes())
    7
    """

    buckets_per_day: tuple[int, ...] = (20, 50, 100, 150, 200)
    bars_per_bucket: tuple[int, ...] = (5, 10, 20, 30)
    price: tuple[str, ...] = ("close", "median")
    nu: tuple[float, ...] = (0.0, 0.1, 0.25, 1.0)
    support_days: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0, 5.0)
    threshold: tuple[float, ...] = (0.9, 0.95, 0.99, 0.999)
    horizon_days: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 1.0)

    def axes(self) -> dict[str, tuple[float | str, ...]]:
        """Give the axes that have values."""
        return {item.name: values for item in fields(self) if (values := getattr(self, item.name))}


@dataclass(frozen=True)
class CalibrateSettings:
    """Settings of ``atomloom calibrate``.

    Attributes
    ----------
    split : float
        Share of the buckets that combinations are chosen by; the rest only tests them.
    split_at : str
        The moment at which the test part begins instead, UTC; empty for the share.
    min_events : int
        Judged training events that a combination must have to be called best.
    vpin : VPINConfig
        What the grid leaves open.
    grid : CalibrationAxes
        The combinations.
    ticks : TickSource
        Which trades, and how to read them; of a store without a symbol, all instruments.

    Examples
    --------
    >>> CalibrateSettings().split
    0.5
    """

    split: float = 0.5
    split_at: str = ""
    min_events: int = 20
    vpin: VPINConfig = field(default_factory=VPINConfig)
    grid: CalibrationAxes = field(default_factory=CalibrationAxes)
    ticks: TickSource = field(default_factory=TickSource)

    def __post_init__(self) -> None:
        for name, values in self.grid.axes().items():
            for value in values:
                VPINConfig.from_dict({**self.vpin.to_dict(), name: value})
