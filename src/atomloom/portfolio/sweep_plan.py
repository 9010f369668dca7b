"""What a sweep will do: tables of targets, where it starts, how its returns are cut, in which order it goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.lane_layout import ASK_BAND, ASK_CALENDAR, ASK_INTERVAL, ASK_LAG, ASK_STEP
from atomloom.portfolio.simulate import Field, Targets, make_field
from atomloom.portfolio.target_spec import TargetSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.portfolio.asking import Asked
    from atomloom.portfolio.prices import Prices
    from atomloom.portfolio.ranges import SplitRanges

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]

LEAF = 2048
"""Configurations of a leaf; never depends on workers, so that neither does any result."""


@dataclass(frozen=True)
class Market:
    """What trading costs beside the configurations' own costs.

    Attributes
    ----------
    asset_costs : (N,) float64 or None
        What each asset's costs are multiplied with.
    cash_rate, borrow_rate : float
        Interest of a row.
    """

    asset_costs: Any = None
    cash_rate: float = 0.0
    borrow_rate: float = 0.0


@dataclass(frozen=True, eq=False)
class Cuts:
    """Where returns are cut, and which pieces are put together again for what.

    Attributes
    ----------
    all : (G + 1,) int64
        Every cut.
    splits, blocks, draws : (k + 1,) int64
        Cuts of the splits' segments, of the blocks of CSCV, of the blocks that the bootstrap draws; empty where it is
        not asked for. Rows behind the last block are left out there.
    """

    all: Ints
    splits: Ints
    blocks: Ints
    draws: Ints

    def gather(self, segments: Reals, cuts: Ints) -> Reals:
        """Put segments, (..., G, c), together to those between some of the cuts, (..., k, c)."""
        if len(cuts) == 0:
            return np.zeros((*segments.shape[:-2], 0, segments.shape[-1]))
        places = np.searchsorted(self.all, cuts)
        return np.add.reduceat(segments[..., : places[-1], :], places[:-1], axis=-2)


def cuts_of(n: int, splits: SplitRanges | None, n_blocks: int, block_length: int) -> Cuts:
    """Cut returns for everything that is wanted of them.

    Parameters
    ----------
    n : int
        Number of returns.
    splits : SplitRanges, optional
    n_blocks : int
        Of CSCV; 0 for none.
    block_length : int
        Of the bootstrap; 0 for none.

    Examples
    --------
    >>> cuts_of(10, None, 2, 3).all.tolist()
    [0, 3, 5, 6, 9, 10]
    """
    own = np.zeros(0, dtype=np.int64) if splits is None else splits.cuts().astype(np.int64)
    blocks = np.arange(n_blocks + 1) * (n // n_blocks) if n_blocks else np.zeros(0, dtype=np.int64)
    draws = np.arange(n // block_length + 1) * block_length if block_length else np.zeros(0, dtype=np.int64)
    return Cuts(np.unique(np.concatenate([[0, n], own, blocks, draws])), own, blocks, draws)


def start_row(asked: Asked, rows: int, start: int | None) -> int:
    """Price row of the first decision: all that have a history of less than half of the rows are ready by then.

    Raises
    ------
    BadInput
        For a start outside the prices.
    """
    lag = int(asked.rows[ASK_LAG].max(initial=0))
    if start is not None:
        if not lag <= start <= rows - 2:
            raise BadInput(f"start is row {start} of {rows:,}. Hint: {lag} (the lag) to {rows - 2:,}.")
        return start
    pairs = zip(asked.specs, asked.lags, strict=True)
    wanted = [spec.history + own for spec, own in pairs if isinstance(spec, TargetSpec)]
    found = max([needed for needed in wanted if needed <= rows // 2] + [lag])
    if found > rows - 2:
        raise BadInput(f"a lag of {lag} leaves nothing of {rows:,} prices. Hint: give more, or wait less.")
    return found


def targets_of(prices: Prices, asked: Asked, start: int, workers: dict[str, Any]) -> tuple[Targets, dict[int, str]]:
    """Tables of targets, and why some have none.

    Parameters
    ----------
    prices : Prices
    asked : Asked
    start : int
    workers : dict
        num_threads, executor, progress: as of :func:`atomloom.run_parallel`.

    Returns
    -------
    Targets
        Without any, where no table can be made.
    dict of int to str
        Table -> message.
    """
    rows = len(prices)
    if asked.given is not None:
        if asked.given.shape[1] != prices.n_assets:
            seen = f"weights have {asked.given.shape[1]} columns for {prices.n_assets} assets"
            raise BadInput(f"{seen}. Hint: one weight for each asset.")
        count = len(asked.given)
        whole = np.zeros((1, rows), dtype=np.int32)
        return Targets(asked.given, np.arange(count), np.zeros(count, dtype=np.int64), whole), {}
    failures = {k: spec for k, spec in enumerate(asked.specs) if isinstance(spec, str)}
    tables: dict[int, Reals] = {}
    fitted: dict[int, tuple[TargetSpec, int]] = {}
    for k, spec in enumerate(asked.specs):
        if isinstance(spec, str):
            continue
        try:
            constant = constant_target(spec, prices.n_assets)
        except BadInput as error:
            failures[k] = str(error)
            continue
        first = start - asked.lags[k]
        if constant is not None:
            tables[k] = constant
        elif spec.history > first:
            seen = f"{spec.name} needs {spec.history:,} returns before the first decision; there are {first:,}"
            failures[k] = f"{seen}. Hint: look back less far, or begin later (start=)."
        else:
            fitted[k] = spec, first
    if fitted:
        made, failed = _made(prices, fitted, workers)
        tables |= made
        failures |= failed
    return _gathered(tables, fitted, len(asked.specs), (rows, prices.n_assets)), failures


def _made(
    prices: Prices, fitted: dict[int, tuple[TargetSpec, int]], workers: dict[str, Any]
) -> tuple[dict[int, Reals], dict[int, str]]:
    """Tables of specs, and why some have none; those that a search has made before come from its memory."""
    from atomloom.portfolio.target_tables import FailedTable, build_tables  # noqa: PLC0415 - loads kernels

    memo = {} if prices.memo is None else prices.memo
    new = list(dict.fromkeys(key for key in fitted.values() if key not in memo))
    for first in sorted({first for _, first in new}):
        specs = [spec for spec, own in new if own == first]
        decisions = {refit: np.arange(first, len(prices), refit) for refit in {spec.refit for spec in specs}}
        built = build_tables(prices.returns(), specs, decisions, names=prices.names, **workers)
        memo.update(((spec, first), table) for spec, table in zip(specs, built, strict=True))
    found = {k: memo[key] for k, key in fitted.items()}
    tables = {k: table for k, table in found.items() if not isinstance(table, FailedTable)}
    return tables, {k: table.message for k, table in found.items() if isinstance(table, FailedTable)}


def constant_target(spec: TargetSpec, n_assets: int) -> Reals | None:
    """Target of a method that looks at no prices, (1, N); None of other methods.

    Raises
    ------
    BadInput
        If there is not one weight for each asset.

    Examples
    --------
    >>> constant_target(TargetSpec("equal_weight", max_leverage=0.5), 2)
    array([[0.25, 0.25]])
    """
    if spec.volatility_target is not None or spec.method not in ("fixed", "equal_weight", "cash"):
        return None
    if spec.method == "fixed":
        row = np.array(dict(spec.parameters)["weights"], dtype=np.float64)
        if len(row) != n_assets:
            raise BadInput(f"fixed has {len(row)} weights for {n_assets} assets. Hint: one weight for each asset.")
    else:
        row = np.full(n_assets, 1.0 / n_assets if spec.method == "equal_weight" else 0.0)
    size = float(np.abs(row).sum())
    if spec.max_leverage is not None and size > spec.max_leverage:
        row *= spec.max_leverage / size
    return row[None]


def _gathered(
    tables: dict[int, Reals], fitted: dict[int, tuple[TargetSpec, int]], number: int, shape: tuple[int, int]
) -> Targets:
    begins, schedule = np.zeros(number, dtype=np.int64), np.zeros(number, dtype=np.int64)
    times = sorted({(spec.refit, first) for spec, first in fitted.values()})
    place = 0
    for k, table in tables.items():
        begins[k] = place
        schedule[k] = 1 + times.index((fitted[k][0].refit, fitted[k][1])) if k in fitted else 0
        place += len(table)
    row = np.arange(shape[0])
    in_force = [np.zeros(shape[0], dtype=np.int64), *(np.maximum(row - first, 0) // refit for refit, first in times)]
    weights = np.concatenate([np.zeros((0, shape[1])), *tables.values()])
    return Targets(weights, begins, schedule, np.stack(in_force).astype(np.int32))


def order_of(asked: Asked, ready: NDArray[np.bool_]) -> Ints:
    """Put configurations that are to be worked in an order in which neighbours trade at the same times.

    It changes no result: a lane has the same bits whatever its neighbours are.
    """
    places = np.arange(len(ready)) if ready.all() else np.flatnonzero(ready)
    if asked.given is not None:  # every one has targets of its own: leaves put themselves in order
        return places
    rows = asked.rows if len(places) == len(ready) else asked.rows[:, places]
    order = by_rhythm(rows)
    for key in (rows[ASK_LAG], rows[ASK_CALENDAR], rows[ASK_STEP]):
        if len(key) and (key != key[0]).any():
            order = order[np.argsort(key[order], kind="stable")]
    table = asked.table[places] if len(places) < len(ready) else asked.table
    if len(asked.specs) > 1:
        order = order[
            np.argsort(table[order].astype(np.uint16 if len(asked.specs) < 2**16 else np.int64), kind="stable")
        ]
    return places[order]


def by_rhythm(asks: Reals) -> Ints:
    """Order configurations by how often they may trade: neighbours then trade at much the same rows.

    Examples
    --------
    >>> from atomloom.portfolio.lane_layout import ASK_ROWS
    >>> asks = np.zeros((ASK_ROWS, 3))
    >>> asks[ASK_INTERVAL] = [21.0, 1.0, 5.0]
    >>> by_rhythm(asks)
    array([1, 2, 0])
    """
    interval = np.minimum(asks[ASK_INTERVAL], 255).astype(np.uint16)
    band = np.minimum(asks[ASK_BAND] * 1000.0, 255.0).astype(np.uint16)
    return np.argsort((interval << 8) | band, kind="stable")


def field_of(
    prices: Prices, targets: Targets, start: int, cuts: Cuts, market: Market, state: str, splits: SplitRanges | None
) -> Field:
    """Lay out what all configurations share.

    Parameters
    ----------
    prices : Prices
    targets : Targets
    start : int
    cuts : Cuts
    market : Market
    state : {"carry", "reset"}
        Whether positions are carried over the borders of test windows, or each begins from cash.
    splits : SplitRanges, optional
    """
    fresh = np.zeros(len(cuts.all) - 1, dtype=np.uint8)
    if state == "reset" and splits is not None:
        begins = np.unique(np.concatenate([splits.test_start, splits.test_stop]))
        fresh[np.searchsorted(cuts.all, begins[begins < cuts.all[-1]])] = 1
    return make_field(
        prices, targets, start, cuts.all, fresh, asset_costs=market.asset_costs, cash_rate=market.cash_rate,
        borrow_rate=market.borrow_rate,
    )  # fmt: skip
