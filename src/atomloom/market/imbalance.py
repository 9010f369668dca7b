"""Imbalance and runs bars: a bar ends when more has gone one way than was to be expected."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.bar_cuts import Columns, Cut, price_unit, whole
from atomloom.market.bars import assemble, check_price, columns_of, count

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from atomloom.market.bar_table import Bars
    from atomloom.store.schema import Trades

WEIGHTS = ("tick", "volume", "dollar")
_HELD = {"imbalance": 6, "runs": 13}
_EXPECTED = {"imbalance": 3, "runs": 6}  # where the expected number of trades is held


@dataclass(frozen=True)
class Expectations:
    """How imbalance and runs bars learn what to expect.

    Parameters
    ----------
    expected_ticks : int
        Trades of the warm-up, and the first expectation of trades per bar.
    alpha_bars : float
        Weight of the newest bar in the expected number of trades and in the expected share of buys; 0 to 1,
        0 keeps the number constant.
    alpha_trades : float, optional
        Weight of the newest trade in the expected (signed) weight of a trade; ``0.1 / expected_ticks``
        where not given, so that about ten bars count.
    limits : (float, float) or None
        Fewest and most trades of a bar, in units of ``expected_ticks``. None lets every bar end where the
        book says, which may run away.

    Raises
    ------
    BadInput
        If any of them is out of range.

    Examples
    --------
    >>> Expectations(1000).rule
    array([1.e+03, 1.e-01, 1.e-04, 1.e+02, 1.e+04])
    """

    expected_ticks: int
    alpha_bars: float = 0.1
    alpha_trades: float | None = None
    limits: tuple[float, float] | None = (0.1, 10.0)

    def __post_init__(self) -> None:
        ticks = count(self.expected_ticks, "expected_ticks")
        gains = {"alpha_bars": self.alpha_bars, "alpha_trades": 1.0 if self.alpha_trades is None else self.alpha_trades}
        for name, gain in gains.items():
            check_share(gain, name)
        if self.limits is not None:
            low, high = _pair(self.limits)
            if not (0 <= low <= 1 <= high and high * ticks < 2**53):
                message = f"limits are {self.limits!r}. Hint: give (low, high) with low <= 1 <= high, or None."
                raise BadInput(message)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as plain values, the number of trades as ``size``."""
        return {
            "size": int(self.expected_ticks),
            "alpha_bars": float(self.alpha_bars),
            "alpha_trades": None if self.alpha_trades is None else float(self.alpha_trades),
            "limits": None if self.limits is None else [float(limit) for limit in self.limits],
        }

    @property
    def rule(self) -> NDArray[np.float64]:
        """Warm-up, gain per bar, gain per trade, fewest and most trades: (5,) float64."""
        gain = 0.1 / self.expected_ticks if self.alpha_trades is None else self.alpha_trades
        low, high = (0.0, math.inf) if self.limits is None else self.limits
        fewest = max(1.0, math.ceil(low * self.expected_ticks))
        most = high if math.isinf(high) else max(1.0, math.floor(high * self.expected_ticks))
        return np.array([self.expected_ticks, self.alpha_bars, gain, fewest, most], dtype=np.float64)


@dataclass
class ImbalanceCut:
    """Close a bar where its imbalance or its longer side reaches what was expected."""

    what: str  # "imbalance" or "runs"
    by: str
    expect: Expectations
    held: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    before: int = 0  # price of the last trade, in ticks
    sign: int = 0
    started: bool = False

    def __post_init__(self) -> None:
        self._rule = self.expect.rule
        if not len(self.held):
            self.held = np.zeros(_HELD[self.what])
            self.held[_EXPECTED[self.what]] = self.expect.expected_ticks
        self.held = self.held.reshape(_HELD[self.what])  # the formulas trust its length
        self.before, self.sign, self.started = int(self.before), int(self.sign), bool(self.started)
        if self.sign not in {-1, 0, 1} or not np.isfinite(self.held).all():
            message = f"its sign is {self.sign}, what it holds {self.held}"
            raise ValueError(message)

    def cut(self, new: Columns, offset: int, signs: NDArray[np.int8] | None = None) -> Cut:
        """Take new trades (and their signs, where they are known); give the bars that they finish."""
        from atomloom.market import bar_kernels, imbalance_kernels  # noqa: PLC0415 - numba loads when first used

        if signs is None:
            before = self.before if self.started else int(new.px[0])
            signs = bar_kernels.tick_signs(new.px, before, self.sign)
            self.before, self.sign, self.started = int(new.px[-1]), int(signs[-1]), True
        formula = imbalance_kernels.close_at_runs if self.what == "runs" else imbalance_kernels.close_at_imbalance
        return whole(formula(signs, self._weight(new), self._rule, self.held, offset))

    def _weight(self, new: Columns) -> NDArray[np.float64]:
        if self.by == "tick":
            return np.ones(len(new.px))
        if self.by == "volume":
            return new.size.astype(np.float64)
        divisor, factor = price_unit(new.tick_size)
        value: NDArray[np.float64] = new.px / divisor * factor * new.size
        return value

    def state(self) -> dict[str, Any]:
        """Return everything that the next cut depends on."""
        return {"held": self.held.copy(), "before": self.before, "sign": self.sign, "started": self.started}


def imbalance_bars(
    trades: Trades,
    by: str = "tick",
    *,
    expected_ticks: int,
    alpha_bars: float = 0.1,
    alpha_trades: float | None = None,
    limits: tuple[float, float] | None = (0.1, 10.0),
    signs: ArrayLike | None = None,
    price: str = "close",
) -> Bars:
    """Cut trades into bars that close when buying and selling are further apart than expected (AFML 2.3.2.1).

    Parameters
    ----------
    trades : Trades
    by : {"tick", "volume", "dollar"}
        What a trade weighs: 1, its size, or price times size.
    expected_ticks, alpha_bars, alpha_trades, limits
        How expectations start and follow the data: see :class:`atomloom.market.imbalance.Expectations`.
    signs : (T,) int8, optional
        1 for a buy, -1 for a sell, 0 for unknown, for example by :func:`lee_ready`; the tick rule where not given.
    price : str
        See :func:`volume_bars`.

    Returns
    -------
    Bars
        What is left over is no bar.

    Raises
    ------
    BadInput
        If a parameter is out of range, or a dollar bar meets a price that is not positive.

    Notes
    -----
    With x_t = b_t w_t (sign times weight), T trades in the open bar and theta the sum of their x, it closes at
    the first trade with ::

        |theta| >= E[T] |E[x]|  and  theta != 0  and  fewest <= T,      or  T = most

    E[T] starts as ``expected_ticks`` and after each bar becomes E[T] + alpha_bars (T - E[T]). E[x] is taken when
    a bar begins, from m, which after the n-th trade of all becomes m + max(alpha_trades, 1/n) (x - m): the mean,
    until that would forget more slowly than alpha_trades. No bar closes in the first ``expected_ticks`` trades;
    they belong to the first bar, whose E[x] is m at the end of them. The sign of the first trades, before
    any change of price, is 0.

    The recursion of the book feeds its own bars back: a long bar raises E[T], which lengthens the next, and a
    balanced market takes E[x] to 0, where every trade is a bar. ``limits`` bounds T and with it E[T]. O(T) time.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> up = Trades(ts=range(9), px=[1, 2, 3, 2, 3, 4, 5, 6, 7], size=[1] * 9)
    >>> imbalance_bars(up, expected_ticks=3).n_trades
    array([3, 4, 2])
    """
    expect = Expectations(expected_ticks, alpha_bars, alpha_trades, limits)
    return _bars(trades, ImbalanceCut("imbalance", check_by(by), expect), signs, price)


def runs_bars(
    trades: Trades,
    by: str = "tick",
    *,
    expected_ticks: int,
    alpha_bars: float = 0.1,
    alpha_trades: float | None = None,
    limits: tuple[float, float] | None = (0.1, 10.0),
    signs: ArrayLike | None = None,
    price: str = "close",
) -> Bars:
    """Cut trades into bars that close when one side has traded more than expected of the larger one (AFML 2.3.2.2).

    Parameters
    ----------
    trades, by, expected_ticks, alpha_bars, alpha_trades, limits, signs, price
        As for :func:`imbalance_bars`.

    Returns
    -------
    Bars
        What is left over is no bar.

    Raises
    ------
    BadInput
        If a parameter is out of range, or a dollar bar meets a price that is not positive.

    Notes
    -----
    Runs are not broken by the other side (as in the book): theta is the larger of the weights bought and sold
    since the bar began. It closes at the first trade with ::

        theta >= E[T] max(P E[w | buy], (1 - P) E[w | sell])  and  theta > 0  and  fewest <= T,      or  T = most

    E[T] and the warm-up are those of :func:`imbalance_bars`. P is the share of buys among the signed trades of
    the warm-up, and after each bar P + alpha_bars (p - P) with p that share in the bar (unchanged if it has none).
    E[w | buy] after the n-th buy of all becomes itself + max(alpha_trades, 1/n) (w - itself), and is taken when a
    bar begins; the same for sells. O(T) time.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> up = Trades(ts=range(9), px=[1, 2, 3, 2, 3, 4, 5, 6, 7], size=[1] * 9)
    >>> runs_bars(up, expected_ticks=3).n_trades
    array([5, 4])
    """
    expect = Expectations(expected_ticks, alpha_bars, alpha_trades, limits)
    return _bars(trades, ImbalanceCut("runs", check_by(by), expect), signs, price)


def check_by(by: str) -> str:
    """Return what a trade weighs, or refuse it.

    Examples
    --------
    >>> check_by("tick")
    'tick'
    """
    if by not in WEIGHTS:
        message = f"by is {by!r}. Hint: choose one of {', '.join(WEIGHTS)}."
        raise BadInput(message)
    return by


def check_share(value: Any, name: str) -> float:
    """Return a number from 0 to 1, or refuse it.

    Examples
    --------
    >>> check_share(0.1, "alpha_bars")
    0.1
    """
    real = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    if not (real and 0 <= value <= 1):
        message = f"{name} is {value!r}. Hint: give a number from 0 to 1, for example 0.1."
        raise BadInput(message)
    return float(value)


def _pair(limits: Any) -> tuple[float, float]:
    """Take fewest and most as two numbers; NaN, which no comparison lets pass, where they are none."""
    real = isinstance(limits, (tuple, list)) and len(limits) == 2
    numbers = (int, float, np.integer, np.floating)
    real = real and all(isinstance(limit, numbers) and not isinstance(limit, bool) for limit in limits)
    return (limits[0], limits[1]) if real else (math.nan, math.nan)


def check_signs(signs: ArrayLike, n: int) -> NDArray[np.int8]:
    """Take signs of n trades as read-only int8, each -1, 0 or 1.

    Examples
    --------
    >>> check_signs([1, -1], 2)
    array([ 1, -1], dtype=int8)
    """
    given = np.asarray(signs)
    if given.shape != (n,) or given.dtype.kind not in "iu" or (n and not -1 <= given.min() <= given.max() <= 1):
        message = (
            f"signs have shape {given.shape} and dtype {given.dtype}. Hint: give -1, 0 or 1 for each of {n:,} trades."
        )
        raise BadInput(message)
    column: NDArray[np.int8] = given.astype(np.int8)
    return column


def _bars(trades: Trades, cutter: ImbalanceCut, signs: ArrayLike | None, price: str) -> Bars:
    check_price(price)
    columns = columns_of(trades, positive=cutter.by == "dollar")
    given = None if signs is None else check_signs(signs, len(trades))
    asked = {**cutter.expect.to_dict(), "signs": "tick rule" if given is None else "given"}
    return assemble(trades.symbol, columns, cutter.cut(columns, 0, given), f"{cutter.by}_{cutter.what}", price, asked)
