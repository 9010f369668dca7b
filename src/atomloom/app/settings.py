"""The specs of the run commands: what ``--config`` reads and ``--print-config`` prints."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from atomloom.errors import BadInput
from atomloom.market.spec import VPINConfig


@dataclass(frozen=True)
class CsvColumns:
    """How to read a CSV of trades.

    Attributes
    ----------
    ts, price, size : str
        Names of the columns for time, price and size; empty where the usual names are used.
    tz : str
        Time zone (IANA name) of times that carry no offset.
    tick_size : float or None
        Smallest price step; unset, it is the greatest common divisor of the prices.
    price_scale : float
        What prices are multiplied by in the file, for example 10000.
    symbol : str or None
        Name of the instrument; unset, the file's name up to its first dot.
    sort : bool
        Sort by time; otherwise a file out of order is refused.
    ambiguous : str
        Local times that happen twice when clocks go back: "reject", "first" or "second".
    delimiter : str
        What separates the columns.

    Examples
    --------
    >>> CsvColumns(ts="Date", tz="America/Chicago").columns
    {'ts': 'Date'}
    """

    ts: str = ""
    price: str = ""
    size: str = ""
    tz: str = "UTC"
    tick_size: float | None = None
    price_scale: float = 1.0
    symbol: str | None = None
    sort: bool = False
    ambiguous: str = "reject"
    delimiter: str = ","

    @property
    def columns(self) -> dict[str, str | int]:
        """The columns that were named."""
        return {name: value for name in ("ts", "price", "size") if (value := getattr(self, name))}


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
    csv : CsvColumns
        How to read the file.

    Examples
    --------
    >>> VpinSettings().csv.tz
    'UTC'
    """

    csv: CsvColumns = field(default_factory=CsvColumns)
