"""The specs of `demo`, `vpin`, `calibrate` and `ingest`: what --config reads and --print-config prints."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from atomloom.errors import BadInput
from atomloom.market.spec import VPINConfig

_NUMBERED = {"numbered": True}  # a position is a number in TOML, too


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
    lot : float or None
        Size of one stored unit where sizes have fractions: 1e-8 stores 0.5 as 50000000; unset, that of the format.
    decimal : str
        Decimal point of prices and sizes, "." or ","; empty for that of the format.
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
    ts: str = field(default="", metadata=_NUMBERED)
    price: str = field(default="", metadata=_NUMBERED)
    size: str = field(default="", metadata=_NUMBERED)
    venue: str = field(default="", metadata=_NUMBERED)
    flags: str = field(default="", metadata=_NUMBERED)
    time: str = "auto"
    tz: str = ""
    date: str = ""
    tick_size: float | None = None
    price_scale: float | None = None
    lot: float | None = None
    decimal: str = ""
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


def _check_points(base: VPINConfig, axes: dict[str, tuple[float | str, ...]]) -> None:
    """Refuse an axis with a value that VPIN cannot have."""
    for name, values in axes.items():
        for value in values:
            VPINConfig.from_dict({**base.to_dict(), name: value})


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
        axes = self.grid.axes(self.vpin)
        _check_points(self.vpin, axes)
        for name, values in axes.items():
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
        _check_points(self.vpin, self.grid.axes())
