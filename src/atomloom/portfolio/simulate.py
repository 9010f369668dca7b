"""Many portfolios over the same prices: what they share, and a leaf of them from entry to end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.portfolio.execution import CALENDARS
from atomloom.portfolio.lane_layout import (
    ASK_BAND,
    ASK_CALENDAR,
    ASK_INTERVAL,
    ASK_LAG,
    ASK_RELATIVE,
    ASK_ROWS,
    LANES,
    OUT,
    STATE_ROWS,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.portfolio.prices import Prices

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


LINE = 8
"""Numbers in a line of the cache."""


class Targets(NamedTuple):
    """Targets of all tables, and which row of a table is in force when.

    Attributes
    ----------
    weights : (R, N) float64
        The tables one after the other.
    first : (K,) int64
        First row of each table.
    schedule : (K,) int64
        Schedule of each table.
    in_force : (schedules, T) int32
        Row of its table that is in force at each price row.
    """

    weights: Reals
    first: Ints
    schedule: Ints
    in_force: NDArray[np.int32]

    def changes(self) -> NDArray[np.uint8]:
        """Price rows where some table's row changes, (T,)."""
        found = np.zeros(self.in_force.shape[1], dtype=np.uint8)
        found[1:] = (self.in_force[:, 1:] != self.in_force[:, :-1]).any(axis=0)
        return found


@dataclass(frozen=True, eq=False)
class Field:
    """Everything that the configurations of a sweep share, laid out for the kernels.

    Attributes
    ----------
    market : tuple
        Prices and their reciprocals, (T * columns,) float64, and the cost scale of each column.
    sizes : tuple of int
        Assets, columns, and whether cash bears interest (then two more columns: lent and borrowed).
    next_open : (calendars, T + 1) int32
    start : int
        Price row of the entry; return row e is the return from price row start + e on.
    cuts : (G + 1,) int64
        Return rows where segments begin, and their number.
    fresh : (G,) uint8
        1 where a segment begins from cash.
    plan : tuple
        Tables, row in force, price rows of change.
    targets : Targets
    risky : bool
        Whether a portfolio may lose everything: there are short positions, or borrowed money.
    """

    market: tuple[Reals, Reals, Reals]
    sizes: tuple[int, int, int]
    next_open: NDArray[np.int32]
    start: int
    cuts: Ints
    fresh: NDArray[np.uint8]
    plan: tuple[Any, ...]
    targets: Targets
    risky: bool

    @property
    def n_rows(self) -> int:
        """Number of price rows."""
        return int(self.next_open.shape[1]) - 1


def make_field(
    prices: Prices,
    targets: Targets,
    start: int,
    cuts: Ints,
    fresh: NDArray[np.uint8] | None = None,
    *,
    asset_costs: Reals | None = None,
    cash_rate: float = 0.0,
    borrow_rate: float = 0.0,
) -> Field:
    """Lay out what is shared.

    Parameters
    ----------
    prices : Prices
    targets : Targets
    start : int
    cuts : (G + 1,) int64
    fresh : (G,) uint8, optional
        Only the first where not given.
    asset_costs : (N,) float64, optional
        What each asset's costs are multiplied with.
    cash_rate, borrow_rate : float
        Interest of a row on what is not invested, and on what is borrowed.
    """
    values = prices.values
    interest = bool(cash_rate or borrow_rate)
    if interest:
        grown = np.arange(len(values), dtype=np.float64)[:, None]
        values = np.hstack([values, (1.0 + cash_rate) ** grown, (1.0 + borrow_rate) ** grown])
    scale = np.ones(values.shape[1])
    if asset_costs is not None:
        scale[: prices.n_assets] = asset_costs
    flat = np.ascontiguousarray(values).ravel()
    begins = np.zeros(len(cuts) - 1, dtype=np.uint8) if fresh is None else fresh.copy()
    begins[0] = 1
    return Field(
        (flat, 1.0 / flat, scale), (prices.n_assets, values.shape[1], int(interest)), open_rows(prices), start,
        np.ascontiguousarray(cuts, dtype=np.int64), begins,
        (targets.weights, targets.in_force, targets.changes()), targets, _risky(targets.weights),
    )  # fmt: skip


def open_rows(prices: Prices) -> NDArray[np.int32]:
    """First price row from each on in which a calendar is open, (calendars, T + 1); T where there is none.

    The last row of every week (ending Sunday), month, quarter and year is open; the last price row of all is not,
    as nobody knows then whether its period is over. Without times all calendars but the first are closed for ever.

    Examples
    --------
    >>> from atomloom.portfolio.prices import as_prices
    >>> days = np.arange("2024-01-30", "2024-02-03", dtype="datetime64[D]")
    >>> open_rows(as_prices(np.ones((4, 1)), times=days))[2].tolist()
    [1, 1, 4, 4, 4]
    """
    n = len(prices)
    found = np.full((len(CALENDARS), n + 1), n, dtype=np.int32)
    found[0] = np.arange(n + 1)
    if prices.wall is None:
        return found
    days = prices.wall.astype("datetime64[ns]").astype("datetime64[D]")
    months = days.astype("datetime64[M]").astype(np.int64)
    periods = ((days.astype(np.int64) + 3) // 7, months, months // 3, months // 12)
    for k, period in enumerate(periods, start=1):
        last = np.flatnonzero(np.append(period[1:] != period[:-1], False))
        after = np.searchsorted(last, np.arange(n))
        found[k, :n] = np.append(last, n)[after]
    return found


def simulate(field: Field, asks: Reals, table: Ints, *, keep_path: bool = False) -> tuple[Reals, Reals, Reals]:
    """Simulate some configurations.

    Parameters
    ----------
    field : Field
    asks : (ASK_ROWS, c) float64
        See ``lane_layout``.
    table : (c,) int64
        Table of each configuration.
    keep_path : bool
        Whether values after each return are kept.

    Returns
    -------
    out : (len(OUT), c) float64
        Totals, see ``lane_layout.OUT``.
    segments : (2, G, c) float64
        Sums of returns and of their squares in each segment.
    path : (n, c) float64, or (0, c)

    Notes
    -----
    O(n N) for each configuration: 64 of them at a time, in vector registers. The same bits whatever the others are.

    Examples
    --------
    >>> from atomloom.portfolio.prices import as_prices
    >>> prices = as_prices([[1.0, 1.0], [2.0, 1.0], [2.0, 3.0]])
    >>> half = Targets(np.array([[0.5, 0.5]]), np.zeros(1, int), np.zeros(1, int), np.zeros((1, 3), np.int32))
    >>> asks = np.array([[0.0, np.inf], [1, 1], [0, 0], [0, 0], [1, 1], [0, 0], [0, 0], [0, 0]])
    >>> simulate(make_field(prices, half, 0, np.array([0, 2])), asks, np.zeros(2, int), keep_path=True)[2]
    array([[1.5, 1.5],
           [3. , 2.5]])
    """
    from atomloom.portfolio.block_kernels import simulate_blocks  # noqa: PLC0415 - compiled where it is needed

    c = asks.shape[1]
    blocks = -(-c // LANES)
    laid, tables = _blocks(asks, table, blocks, field.n_rows)
    n_assets, n_columns, _ = field.sizes
    n, groups = int(field.cuts[-1]), len(field.fresh)
    state, held, *targets = on_lines(STATE_ROWS * LANES, n_columns * LANES, *[n_assets * LANES] * 3)
    work = (held, *targets, np.zeros(LANES, dtype=np.int64))
    events = np.zeros(field.n_rows + 1, dtype=np.int64), np.zeros(field.n_rows + 1, dtype=np.int64), field.next_open
    out = np.empty((blocks, len(OUT), LANES))
    segments = np.empty((blocks, 2, groups, LANES))
    path = np.empty((blocks, n if keep_path else 0, LANES))
    simulate_blocks(
        field.start, field.cuts, field.fresh, _flags(laid, field, tables), state,
        laid.reshape(blocks, -1), work, field.targets.first[tables], field.targets.schedule[tables], field.plan,
        field.market, field.sizes, events, segments, out, path,
    )  # fmt: skip
    return tuple(_flat(found)[..., :c] for found in (out, segments, path))  # type: ignore[return-value]


def on_lines(*sizes: int) -> list[Reals]:
    """Give arrays of zeros, one behind the other, that begin where lines of the cache do.

    A register of lanes then is one line, and not halves of two: a tenth of the time of a simulation.

    Examples
    --------
    >>> [array.ctypes.data % 64 for array in on_lines(64, 128)]
    [0, 0]
    """
    room = np.zeros(sum(sizes) + LINE)
    begin = -(room.ctypes.data // room.itemsize) % LINE
    ends = begin + np.cumsum(sizes)
    return [room[end - size : end] for end, size in zip(ends, sizes, strict=True)]


def _blocks(asks: Reals, table: Ints, blocks: int, n_rows: int) -> tuple[Reals, Ints]:
    """Lay configurations out in blocks; places that are left repeat the last."""
    more = blocks * LANES - asks.shape[1]
    if more:
        asks = np.concatenate([asks, np.repeat(asks[:, -1:], more, axis=1)], axis=1)
        table = np.concatenate([table, np.repeat(table[-1:], more)])
    laid = on_lines(asks.size)[0].reshape(blocks, ASK_ROWS, LANES)
    laid[:] = asks.reshape(ASK_ROWS, blocks, LANES).transpose(1, 0, 2)
    for row in (ASK_INTERVAL, ASK_LAG):
        np.minimum(laid[:, row], n_rows, out=laid[:, row])
    return laid, table.reshape(blocks, LANES)


def _flags(laid: Reals, field: Field, tables: Ints) -> NDArray[np.bool_]:
    """For each block: may a lane lose everything; is drift relative somewhere; does one wait or go by a calendar."""
    relative = (laid[:, ASK_RELATIVE] != 0.0).any(axis=1)
    patient = ((laid[:, ASK_LAG] != 0.0) | (laid[:, ASK_CALENDAR] != 0.0)).any(axis=1)
    banded = np.isfinite(laid[:, ASK_BAND]).any(axis=1)
    return np.stack([np.full(len(tables), field.risky), relative, patient & banded], axis=1)


def _risky(weights: Reals) -> bool:
    # not a product of matrices: BLAS would leave its threads spinning for a tenth of a second, on the cores we need now
    return bool(weights.min() < 0.0 or np.einsum("rn->r", weights).max() > 1.0 + 1e-9)


def _flat(found: Reals) -> Reals:
    """Blocks of lanes, (blocks, ..., 64), as (..., blocks * 64)."""
    moved = np.moveaxis(found, 0, -2)
    return np.ascontiguousarray(moved).reshape(*moved.shape[:-2], len(found) * LANES)
