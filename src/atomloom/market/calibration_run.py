"""Calibrate VPIN: every combination of a grid on the engine, each leaf of it from one sweep over the trades."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.run import run_parallel
from atomloom.errors import BadInput
from atomloom.market.bars import count
from atomloom.market.buckets import VolumeIndex, check_prices, volume_index
from atomloom.market.calibration import Calibration
from atomloom.market.labels import Labels
from atomloom.market.leaves import FOUND, leaf_rows, leaves_of
from atomloom.market.origins import versions
from atomloom.market.points import PAPER_GRID, POINT, grid_hash, points_of
from atomloom.market.spec import VPINConfig, check_config
from atomloom.store.schema import Trades
from atomloom.store.units import to_ns

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

_ROW = [*POINT.descr, *FOUND.descr]


def calibrate(
    trades: Any,
    grid: Mapping[str, Iterable[Any]] | Iterable[VPINConfig | Mapping[str, Any]] | None = None,
    *,
    base: VPINConfig | None = None,
    split: Any = 0.5,
    threads: int | None = None,
    journal: str | os.PathLike[str] | None = None,
    progress: Any = None,
    min_events: int = 20,
) -> Calibration:
    """Find events and false positive rates for every combination of VPIN's parameters, in and out of sample.

    Parameters
    ----------
    trades : Trades, or a store
        Anything with ``symbols`` and ``[symbol].trades()`` counts as a store; its contracts are read one
        after the other.
    grid : mapping of str to values, ``atomloom.grid(...)``, or iterable of VPINConfig or mapping, optional
        Axes to combine, or combinations; :func:`paper_grid`, 16,000 of them, where not given.
    base : VPINConfig, optional
        What the grid leaves open; the defaults where not given.
    split : float or time
        Share of the buckets, between 0 and 1, or the moment (ISO 8601, datetime64 or int ns UTC) at
        which the test part begins.
    threads : int, optional
        None is every physical core. The same bits for any number.
    journal : path, optional
        Folder that makes the run resumable; leaves that are in it are not worked again.
    progress : bool or callable, optional
        See :func:`atomloom.run_parallel`.
    min_events : int
        Judged training events that a combination must have to be called best.

    Returns
    -------
    Calibration

    Raises
    ------
    BadInput
        For a grid, split or price that cannot be used. Combinations that the data cannot carry
        are rows marked infeasible instead.

    Notes
    -----
    A leaf is all combinations with the same bars. It sweeps over the trades once for closes and medians, and
    then classifies once per nu, sums windows once per support, and finds the crossings of each threshold
    without computing the CDF; moves and null quantiles are shared by leaves with the same buckets. Every row is
    what :func:`vpin` gives. In the training part a move is large above the null quantile of the moves whose
    horizon ends before the split, and the test part is judged by the same number; sigma and an expanding CDF
    need no refit. Events whose horizon reaches the split are undecided in training.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store import read_trades
    >>> base = VPINConfig(buckets_per_day=50, support_days=0.5)
    >>> found = calibrate(read_trades(es_2013_09()), {"threshold": (0.8, 0.9)}, base=base, threads=1)
    >>> found.rows["n_events"]
    array([5, 5])
    """
    began = time.perf_counter()
    base = check_config(base)
    least = count(min_events, "min_events")
    points, axes = points_of(PAPER_GRID if grid is None else grid, base)
    moment = _split(split)
    seconds: Counter[str] = Counter()
    blocks = []
    counts = {}
    for symbol, part in _contracts(trades):
        folder = None if journal is None else Path(journal) / symbol
        rows, spent = _calibrated(part, points, moment, threads, folder, progress)
        seconds.update(spent)
        blocks.append(rows)
        counts[symbol] = len(part)
        del part  # one contract in memory at a time
    provenance = {
        "split": moment if isinstance(moment, float) else str(split),
        "grid": grid_hash(points),
        "trades": counts,
        "versions": versions(),
        "wall_seconds": time.perf_counter() - began,
    }
    return Calibration(np.concatenate(blocks), axes, least, dict(seconds), provenance)


def work_leaves(
    molecule: Sequence[int],
    trades: Trades,
    points: NDArray[np.void],
    leaves: Sequence[NDArray[np.int64]],
    split: Any,
    index: VolumeIndex,
    labels: Labels,
) -> list[tuple[NDArray[np.void], dict[str, float]]]:
    """Work some leaves of a calibration: what the engine calls.

    Parameters
    ----------
    molecule : sequence of int
        Numbers of leaves.
    trades, points, leaves, split, index, labels
        See :func:`atomloom.market.leaves.leaf_rows`.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> trades = Trades(ts=[0, 1, 2, 3], px=[4, 6, 5, 4], size=[2, 2, 2, 2])
    >>> points, _ = points_of({"nu": (0.0, 0.1)}, VPINConfig(buckets_per_day=2, bars_per_bucket=2, support_days=0.5))
    >>> work_leaves([0], trades, points, leaves_of(points), 0.5, volume_index(trades), Labels())[0][0]["n_buckets"]
    array([2, 2])
    """
    return [leaf_rows(trades, points[leaves[leaf]], split, labels, index) for leaf in molecule]


def _calibrated(
    trades: Trades, points: NDArray[np.void], split: Any, threads: int | None, journal: Path | None, progress: Any
) -> tuple[NDArray[np.void], Counter[str]]:
    check_prices(trades.px)
    leaves = leaves_of(points)
    result = run_parallel(
        work_leaves,
        range(len(leaves)),
        num_threads=threads,
        mp_batches=len(leaves),
        grain=1,
        executor="threads",
        journal=journal,
        progress=False if progress is None else progress,
        trades=trades,
        points=points,
        leaves=leaves,
        split=split,
        index=volume_index(trades),
        labels=Labels(),
    )
    rows = np.zeros(len(points), [("symbol", f"U{max(32, len(trades.symbol))}"), *_ROW])
    rows["symbol"] = trades.symbol
    for name in POINT.names or ():
        rows[name] = points[name]
    seconds: Counter[str] = Counter()
    for leaf, ((found, spent),) in zip(leaves, result.value, strict=True):
        for name in FOUND.names or ():
            rows[name][leaf] = found[name]
        seconds.update(spent)
    return rows, seconds


def _contracts(trades: Any) -> Iterable[tuple[str, Trades]]:
    if isinstance(trades, Trades):
        return [(trades.symbol, trades)]
    if not hasattr(trades, "symbols"):
        message = f"trades is {type(trades).__name__}. Hint: give Trades, or a store opened by open_store."
        raise BadInput(message)
    symbols = trades.symbols() if callable(trades.symbols) else trades.symbols
    if not len(symbols):
        raise BadInput("the store has no symbols. Hint: ingest some trades first.")
    return ((symbol, trades[symbol].trades()) for symbol in symbols)


def _split(split: Any) -> float | int:
    """Take a share as float, a moment as int ns."""
    if isinstance(split, (float, np.floating)):
        share = float(split)
        if not 0 < share < 1:
            raise BadInput(f"split is {share!r}. Hint: give a share between 0 and 1, or a date.")
        return share
    moment: int = to_ns(split)
    return moment
