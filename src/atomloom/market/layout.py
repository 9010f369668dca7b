"""How a volume is laid out in buckets and bars, and the bars themselves where someone asks for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from atomloom.errors import Infeasible
from atomloom.market.bars import DAY_NS, split_bars, volume_days, volume_edges

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.market.bar_table import Bars
    from atomloom.market.spec import VPINConfig
    from atomloom.store.schema import Trades


@dataclass(frozen=True)
class Layout:
    """Buckets of equally many bars; bar k ends at the volume ceil((k + 1) num / den).

    Attributes
    ----------
    n_buckets, per_bucket : int
        Buckets, and bars per bucket.
    num, den : int
        Volume of a bar as a fraction.

    Examples
    --------
    >>> layout = Layout(n_buckets=2, per_bucket=3, num=20, den=6)
    >>> [layout.edge(k) for k in range(7)], layout.largest
    ([0, 4, 7, 10, 14, 17, 20], 10)
    """

    n_buckets: int
    per_bucket: int
    num: int
    den: int

    @property
    def n_bars(self) -> int:
        """Bars in all buckets."""
        return self.n_buckets * self.per_bucket

    @property
    def largest(self) -> int:
        """Largest volume that a bucket can have."""
        return -(-self.per_bucket * self.num // self.den)

    def edge(self, bar: int) -> int:
        """Volume ahead of a bar."""
        return -(-bar * self.num // self.den)

    def carry(self, bar: int) -> int:
        """How far that volume lies above ``bar num / den``, times den."""
        return -bar * self.num % self.den


def trading_days(ts: NDArray[np.int64]) -> int:
    """Count the UTC dates on which something traded.

    Parameters
    ----------
    ts : (T,) int64
        Sorted times, ns UTC.

    Examples
    --------
    >>> trading_days(np.array([0, 5, DAY_NS * 3]))
    2
    """
    first, last = int(ts[0]) // DAY_NS, int(ts[-1]) // DAY_NS
    midnights = np.arange(first + 1, last + 1, dtype=np.int64) * DAY_NS
    ends = np.append(np.searchsorted(ts, midnights), len(ts))
    return int(np.count_nonzero(np.diff(ends, prepend=0)))


def layout_of(trades: Trades, config: VPINConfig, total: int | None = None) -> Layout:
    """Lay out the volume of some trades as a configuration asks.

    Parameters
    ----------
    trades : Trades
    config : VPINConfig
    total : int, optional
        Volume of the trades, where it is known already.

    Raises
    ------
    Infeasible
        If there is less than one contract per bar, or less volume than one bucket.

    Examples
    --------
    >>> from atomloom.market.spec import VPINConfig
    >>> from atomloom.store import Trades
    >>> layout_of(Trades(ts=[0], px=[1], size=[50]), VPINConfig(buckets_per_day=4, bars_per_bucket=5))
    Layout(n_buckets=4, per_bucket=5, num=50, den=20)
    """
    total = trades.volume if total is None else total
    if config.bucket_volume is not None:
        n = total // config.bucket_volume
        if n == 0:
            message = (
                f"{trades.symbol} has a volume of {total:,}, less than one bucket of {config.bucket_volume:,}. "
                "Hint: lower bucket_volume, or give more data."
            )
            raise Infeasible(message)
        return Layout(n, config.bars_per_bucket, config.bucket_volume, config.bars_per_bucket)
    days = volume_days(trades) if config.days == "calendar" else trading_days(trades.ts)
    n = days * config.buckets_per_day
    if total < n * config.bars_per_bucket:
        message = (
            f"{n * config.bars_per_bucket:,} bars are asked for and {trades.symbol} has a volume of {total:,}. "
            "Hint: lower buckets_per_day or bars_per_bucket, or give more data."
        )
        raise Infeasible(message)
    return Layout(n, config.bars_per_bucket, total, n * config.bars_per_bucket)


def cut_bars(trades: Trades, config: VPINConfig) -> Bars:
    """Cut trades into the bars of a configuration.

    Examples
    --------
    >>> from atomloom.market.spec import VPINConfig
    >>> from atomloom.store import Trades
    >>> len(cut_bars(Trades(ts=[0], px=[1], size=[50]), VPINConfig(buckets_per_day=4, bars_per_bucket=5)))
    20
    """
    layout = layout_of(trades, config)
    names = ("buckets_per_day", "bars_per_bucket", "bucket_volume", "days")
    asked = {name: getattr(config, name) for name in names}
    return split_bars(trades, volume_edges(layout.n_bars, layout.num, layout.den), config.price, asked)
