"""A leaf of a calibration: all combinations that share their bars, from the trades to the counts of events."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import Infeasible
from atomloom.market.buckets import buckets_of, swept, volume_index
from atomloom.market.flow import classify_all, sigma_of, vpin_of
from atomloom.market.layout import layout_of
from atomloom.market.points import config_of
from atomloom.market.toxicity import check_window, stand
from atomloom.store.units import to_ns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from atomloom.market.buckets import Buckets, VolumeIndex
    from atomloom.market.flow import Flow
    from atomloom.market.labels import Labels
    from atomloom.store.schema import Trades

#: What a leaf finds out about each combination.
FOUND = np.dtype(
    [
        ("n_bars", np.int64),
        ("n_buckets", np.int64),
        ("bucket_volume_mean", np.float64),
        ("n_vpin", np.int64),
        ("vpin_mean", np.float64),
        ("vpin_max", np.float64),
        ("event_share", np.float64),
        ("n_events", np.int64),
        ("null_move", np.float64),
        ("train_null_move", np.float64),
        ("n_true", np.int64),
        ("n_false", np.int64),
        ("n_undecided", np.int64),
        ("train_true", np.int64),
        ("train_false", np.int64),
        ("train_undecided", np.int64),
        ("test_true", np.int64),
        ("test_false", np.int64),
        ("test_undecided", np.int64),
        ("infeasible", "U8"),
    ]
)
_COUNTS = tuple(f"{part}_{kind}" for part in ("n", "train", "test") for kind in ("true", "false", "undecided"))
_BINS = 1 << 14
_LEAF = ("buckets_per_day", "bars_per_bucket", "bucket_volume", "days")
_CUTTING = ("buckets_per_day", "bucket_volume", "days")


@dataclass(eq=False)
class Bench:
    """Scratch memory for series of up to n values (fresh memory costs more than what is done in it), and a clock.

    Attributes
    ----------
    n : int
    seconds : dict of str to float
        By stage.

    Examples
    --------
    >>> bench = Bench(10)
    >>> with bench("sweep"):
    ...     pass
    >>> list(bench.seconds)
    ['sweep']
    """

    n: int
    seconds: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bins = np.empty(self.n, np.int32)
        self.counts = np.empty(_BINS, np.int32)
        self.runs = np.empty((self.n // 2 + 1, 2), np.int64)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Add the time of a block to a stage."""
        began = time.perf_counter()
        yield
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.perf_counter() - began


def groups(points: NDArray[np.void], names: Sequence[str]) -> list[NDArray[np.int64]]:
    """Rows of equal values in some columns, one array of positions per distinct set of values.

    Examples
    --------
    >>> from atomloom.market.points import points_of
    >>> from atomloom.market.spec import VPINConfig
    >>> points, _ = points_of({"nu": (0.0, 0.1), "threshold": (0.9, 0.99)}, VPINConfig())
    >>> [rows.tolist() for rows in groups(points, ["threshold"])]
    [[0, 2], [1, 3]]
    """
    code = np.zeros(len(points), np.int64)
    for name in names:
        _, digit = np.unique(points[name], return_inverse=True)
        code = code * (int(digit.max()) + 1) + digit
    order = np.argsort(code, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(code[order])) + 1)


def leaves_of(points: NDArray[np.void]) -> list[NDArray[np.int64]]:
    """Cut a grid into leaves, the largest first, so that workers end together.

    Examples
    --------
    >>> from atomloom.market.points import PAPER_GRID, points_of
    >>> from atomloom.market.spec import VPINConfig
    >>> len(leaves_of(points_of(PAPER_GRID, VPINConfig())[0]))
    20
    """
    found = groups(points, _LEAF)
    bars = [int(points["buckets_per_day"][rows[0]]) * int(points["bars_per_bucket"][rows[0]]) for rows in found]
    return [found[k] for k in sorted(range(len(found)), key=lambda k: -bars[k])]


def leaf_rows(
    trades: Trades, points: NDArray[np.void], split: Any, labels: Labels, index: VolumeIndex | None = None
) -> tuple[NDArray[np.void], dict[str, float]]:
    """Work one leaf.

    Parameters
    ----------
    trades : Trades
    points : (P,) array of POINT
        Combinations that share their bars.
    split : float or time
        Share of the buckets, or moment, where the test part begins.
    labels : Labels
        Of these trades.
    index : VolumeIndex, optional
        Of these trades.

    Returns
    -------
    rows : (P,) array of FOUND
    seconds : dict of str to float
        By stage.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.market.labels import Labels
    >>> from atomloom.market.points import points_of
    >>> from atomloom.market.spec import VPINConfig
    >>> from atomloom.store import read_trades
    >>> points, _ = points_of({"threshold": (0.8, 0.9)}, VPINConfig(buckets_per_day=50, support_days=0.5))
    >>> leaf_rows(read_trades(es_2013_09()), points, 0.5, Labels())[0]["n_events"]
    array([5, 5])
    """
    rows = np.zeros(len(points), FOUND)
    for name in ("bucket_volume_mean", "vpin_mean", "vpin_max", "event_share", "null_move", "train_null_move"):
        rows[name] = np.nan
    began = time.perf_counter()
    index = volume_index(trades) if index is None else index
    found = _buckets(trades, points, index)
    if found is None:
        rows["infeasible"] = "volume"
        return rows, {"sweep": time.perf_counter() - began}
    bench = Bench(next(iter(found.values())).layout.n_buckets, {"sweep": time.perf_counter() - began})
    for alike in groups(points, ["price", "sigma"]):
        buckets = found[str(points["price"][alike[0]])]
        sigma = sigma_of(buckets, str(points["sigma"][alike[0]]))
        by_nu = [alike[rows_of] for rows_of in groups(points[alike], ["nu"])]
        with bench("classify"):
            nus = [float(points["nu"][kept[0]]) for kept in by_nu]
            flows = classify_all(buckets.change, buckets.most, sigma, buckets.layout, nus)
        for kept, flow in zip(by_nu, flows, strict=True):
            for same in groups(points[kept], ["support_days", "cdf"]):
                _series_rows(buckets, flow, points, kept[same], split, labels, bench, rows)
    return rows, bench.seconds


def _buckets(trades: Trades, points: NDArray[np.void], index: VolumeIndex) -> dict[str, Buckets] | None:
    """Reduce the trades to buckets for every price of the leaf; None if there is not the volume for it."""
    config = config_of(points[0])
    prices = {str(price) for price in np.unique(points["price"])}
    try:
        layout = layout_of(trades, config, index.total)
    except Infeasible:
        return None
    both = prices & {"close", "median"}
    found = (swept(trades, layout, both, index) if both else None) or {}
    for kept in groups(points, ["price"]):
        price = str(points["price"][kept[0]])
        if price not in found:
            found[price] = buckets_of(trades, config_of(points[kept[0]]), index=index)
    return found


def _series_rows(
    buckets: Buckets,
    flow: Flow,
    points: NDArray[np.void],
    kept: NDArray[np.int64],
    split: Any,
    labels: Labels,
    bench: Bench,
    rows: NDArray[np.void],
) -> None:
    """Fill the rows of the combinations that share a series of VPIN."""
    config = config_of(points[kept[0]])
    n = buckets.layout.n_buckets
    try:
        check_window(n, config)
    except Infeasible:
        rows["infeasible"][kept] = "window"
        return
    with bench("window"):
        series = vpin_of(flow, config.window)
        first = config.window - 1
        while first < n and np.isnan(series[first]):  # the first buckets have no sigma yet
            first += 1
        values = series[first:]
    rows["n_bars"][kept], rows["n_buckets"][kept] = buckets.layout.n_bars, n
    rows["bucket_volume_mean"][kept] = flow.total.mean()
    rows["n_vpin"][kept] = len(values)
    if not len(values):
        return
    rows["vpin_mean"][kept], rows["vpin_max"][kept] = values.mean(), values.max()
    with bench("events"):
        runs = _runs(values, np.unique(points["threshold"][kept]), config.cdf, bench)
    with bench("labels"):
        cut = _cut(buckets, split)
        _judged(buckets, runs, points, kept, cut, first, labels, rows)


def _judged(
    buckets: Buckets,
    runs: dict[float, NDArray[np.int64]],
    points: NDArray[np.void],
    kept: NDArray[np.int64],
    cut: int,
    first: int,
    labels: Labels,
    rows: NDArray[np.void],
) -> None:
    """Count what followed the events of each threshold within each horizon."""
    from atomloom.market.crossing_kernels import judge  # noqa: PLC0415 - numba loads when a formula is first used

    cutting = tuple(points[name][kept[0]].item() for name in _CUTTING)
    span = int(buckets.end_ts[-1]) - int(buckets.end_ts[first])
    counts = np.empty((len(kept), len(_COUNTS)), np.int64)
    nulls = np.empty((len(kept), 2))
    thresholds = points["threshold"][kept]
    columns = zip(points["horizon_days"][kept].tolist(), points["null_quantile"][kept].tolist(), strict=True)
    per_day = int(points["buckets_per_day"][kept[0]])
    for k, (days, quantile) in enumerate(columns):
        horizon = max(1, round(days * per_day))
        moves = labels.of(cutting, buckets, horizon, cut)
        nulls[k] = moves.nulls(first, quantile)
        starts = runs[thresholds[k]][:, 0]
        judge(starts, first, moves.move, horizon, cut, nulls[k, 0], nulls[k, 1], counts[k])
    for threshold, found in runs.items():
        same = kept[thresholds == threshold]
        lasted = int((buckets.end_ts[found[:, 1] + first] - buckets.end_ts[found[:, 0] + first]).sum())
        rows["event_share"][same] = lasted / span if span else np.nan
        rows["n_events"][same] = len(found)
    rows["null_move"][kept], rows["train_null_move"][kept] = nulls.T
    for name, column in zip(_COUNTS, counts.T, strict=True):
        rows[name][kept] = column


def _runs(
    values: NDArray[np.float64], thresholds: NDArray[np.float64], cdf: str, bench: Bench
) -> dict[float, NDArray[np.int64]]:
    """First value and end of each run above each threshold, (E, 2) int64."""
    from atomloom.market import crossing_kernels  # noqa: PLC0415 - numba loads when a formula is first used

    runs: dict[float, NDArray[np.int64]] = {}
    if cdf == "expanding":
        crossing_kernels.bins_of(values, _BINS, bench.bins)
        for threshold in thresholds:
            found, _ = crossing_kernels.crossings(values, bench.bins, threshold, bench.counts, bench.runs)
            if found >= 0:
                runs[float(threshold)] = bench.runs[:found].copy()
    if len(runs) < len(thresholds):
        stands = stand(values, cdf)
        for threshold in set(thresholds.tolist()) - set(runs):
            edge = np.flatnonzero(np.diff((stands > threshold).astype(np.int8), prepend=0, append=0))
            ends = np.minimum(edge, len(values) - 1).reshape(-1, 2)
            ends[:, 0] = edge[::2]
            runs[threshold] = ends
    return runs


def _cut(buckets: Buckets, split: Any) -> int:
    """First bucket of the test part: by share of the buckets, or the first that ends at a moment or later."""
    if isinstance(split, float):
        return int(split * buckets.layout.n_buckets)
    return int(np.searchsorted(buckets.end_ts, to_ns(split)))
