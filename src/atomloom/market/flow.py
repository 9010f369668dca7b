"""From buckets to order flow: bulk classification with the sigma of each moment, and the share of a window."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.memory import empty
from atomloom.market.buckets import across, ranges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from atomloom.market.buckets import Buckets
    from atomloom.market.layout import Layout


@dataclass(frozen=True, eq=False)
class Flow:
    """Order flow of buckets.

    Attributes
    ----------
    imbalance, bought : (B,) float64
        |bought - sold| and bought volume; NaN where no sigma was known yet.
    total : (B,) int64
        Volume.

    Examples
    --------
    >>> Flow(np.array([1.0]), np.array([2.0]), np.array([3])).total
    array([3])
    """

    imbalance: NDArray[np.float64]
    bought: NDArray[np.float64]
    total: NDArray[np.int64]


@dataclass(eq=False)
class Spread:
    """Deviation of price changes, bucket after bucket: see :func:`atomloom.market.flow_kernels.spreads`.

    Attributes
    ----------
    known : (4,) int64
    moments : (2,) float64

    Examples
    --------
    >>> Spread().update(np.array([0.0, 1.0, 3.0, 1.0]), np.array([[1, 1], [4, 10]]), 2)
    array([       nan,        nan, 1.15470054])
    """

    known: NDArray[np.int64] = field(default_factory=lambda: np.zeros(4, np.int64))
    moments: NDArray[np.float64] = field(default_factory=lambda: np.zeros(2))

    def update(self, change: NDArray[Any], sums: NDArray[np.int64], per_bucket: int) -> NDArray[np.float64]:
        """Give the deviation, half ticks, known when each of the next buckets opens, and the one after them all."""
        from atomloom.market.flow_kernels import spreads  # noqa: PLC0415 - numba loads when a formula is first used

        sigma: NDArray[np.float64] = spreads(sums, change, per_bucket, self.known, self.moments)
        return sigma


def sigma_of(buckets: Buckets, when: str) -> NDArray[np.float64]:
    """Deviation of price changes that each bucket is classified with, (B,) float64, half ticks.

    Parameters
    ----------
    buckets : Buckets
    when : {"expanding", "sample"}

    Examples
    --------
    >>> from atomloom.market.buckets import buckets_of
    >>> from atomloom.market.spec import VPINConfig
    >>> from atomloom.store import Trades
    >>> trades = Trades(ts=[0, 1, 2, 3], px=[4, 6, 5, 4], size=[2, 2, 2, 2])
    >>> sigma_of(buckets_of(trades, VPINConfig(buckets_per_day=2, bars_per_bucket=2)), "sample")
    array([3.46410162, 3.46410162])
    """
    sigma = Spread().update(buckets.change, buckets.sums, buckets.layout.per_bucket)
    if when == "expanding":
        return sigma[:-1]
    return np.full(len(sigma) - 1, 0.0 if np.isnan(sigma[-1]) else sigma[-1])


def classify(
    change: NDArray[Any],
    most: NDArray[np.float64],
    sigma: NDArray[np.float64],
    layout: Layout,
    nu: float,
    *,
    first: int = 0,
    threads: int = 1,
) -> Flow:
    """Classify the bars of a run of whole buckets in bulk.

    Parameters
    ----------
    change : (N,) int32 or float64
        Price change of each bar, half ticks.
    most : (B,) float64
        Largest size of a whole change in each bucket: see :class:`Buckets`.
    sigma : (B,) float64
        Half ticks.
    layout : Layout
    nu : float
        Degrees of freedom; 0 or inf for the normal.
    first : int
        Index of the first of the buckets.
    threads : int
        The same bits for any number.

    Examples
    --------
    >>> from atomloom.market.layout import Layout
    >>> layout = Layout(n_buckets=1, per_bucket=2, num=8, den=2)
    >>> classify(np.array([1.0, -1.0]), np.array([1.0]), np.array([1.0]), layout, nu=1.0).bought
    array([4.])
    """
    return classify_all(change, most, sigma, layout, [nu], first=first, threads=threads)[0]


def classify_all(
    change: NDArray[Any],
    most: NDArray[np.float64],
    sigma: NDArray[np.float64],
    layout: Layout,
    nus: Sequence[float],
    *,
    first: int = 0,
    threads: int = 1,
) -> list[Flow]:
    """Classify by several degrees of freedom, four of them in the time of one; as :func:`classify` otherwise.

    Examples
    --------
    >>> from atomloom.market.layout import Layout
    >>> layout = Layout(n_buckets=1, per_bucket=2, num=8, den=2)
    >>> both = classify_all(np.array([1.0, -2.0]), np.array([2.0]), np.array([1.0]), layout, nus=[0.0, 1.0])
    >>> [flow.bought.round(3).tolist() for flow in both]
    [[3.456], [3.59]]
    """
    from atomloom.market.flow_kernels import TOGETHER, bucket_flow  # noqa: PLC0415 - numba loads when first used
    from atomloom.market.share_table import share_table  # noqa: PLC0415 - same

    n, per_bucket = len(sigma), layout.per_bucket
    unit = 2.0 ** (62 - layout.largest.bit_length())
    flows = []
    for begin in range(0, len(nus), TOGETHER):
        some = np.array(nus[begin : begin + TOGETHER], dtype=np.float64)
        tables = np.concatenate([share_table(nu) for nu in some.tolist()])
        imbalance, bought, total = empty((len(some), n)), empty((len(some), n)), empty(n, np.int64)

        def part(span: tuple[int, int]) -> None:
            lo, hi = span
            bucket_flow(
                change[lo * per_bucket : hi * per_bucket], most[lo:hi], sigma[lo:hi], per_bucket, layout.num,
                layout.den, layout.carry((first + lo) * per_bucket), unit, some, tables,  # noqa: B023 - called at once
                imbalance[:, lo:hi], bought[:, lo:hi], total[lo:hi],  # noqa: B023 - same
            )  # fmt: skip

        across(threads, part, ranges(n, 1 if threads == 1 else 4 * threads))
        flows += [Flow(imbalance[j], bought[j], total) for j in range(len(some))]
    return flows


def vpin_of(flow: Flow, window: int) -> NDArray[np.float64]:
    """VPIN of each window of buckets, (B,) float64: see :func:`atomloom.market.flow_kernels.rolling_share`.

    Examples
    --------
    >>> vpin_of(Flow(np.array([1.0, 2.0]), np.zeros(2), np.array([4, 4])), 2)
    array([  nan, 0.375])
    """
    from atomloom.market.flow_kernels import rolling_share  # noqa: PLC0415 - numba loads when a formula is first used

    series: NDArray[np.float64] = rolling_share(flow.imbalance, flow.total, window)
    return series
