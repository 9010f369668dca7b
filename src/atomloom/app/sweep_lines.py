"""What is drawn of a sweep: values over time, and where the best of one half stands in the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.portfolio.cscv_result import PBO
    from atomloom.portfolio.sweep_result import SweepResult

    Reals = NDArray[np.float64]

_BINS = 42  # an even number: no bin lies on both sides of 0


def stitches(found: SweepResult) -> bool:
    """Say whether the test windows can be put together to one path: no row is tested twice."""
    if found.splits is None or found.splits.n_paths > 1:
        return False
    return bool((np.diff(rows_of_walk(found)) > 0).all())


def rows_of_walk(found: SweepResult) -> NDArray[np.int64]:
    """Give the rows of all test windows, in time, of splits that can be stitched together."""
    splits: Any = found.splits
    return np.sort(np.concatenate([splits.test(k) for k in range(splits.n_splits)]))


def lines_of(found: SweepResult, top: int) -> dict[str, Reals]:
    """Values of the best, of the clearest edge, of the benchmark, and of what was chosen window by window.

    Parameters
    ----------
    found : SweepResult
    top : int
        How many of the best.

    Returns
    -------
    dict of str to (n,) float64
        In the order of drawing; 1 at the beginning.
    """
    places = [int(place) for place in found.order()[:top]]
    columns = {f"config_{place}": found.path(place).values for place in places}
    clearest = None if found.verdict is None else found.verdict.steps.best
    if clearest is not None and clearest not in places:
        columns["clearest"] = found.path(clearest).values
    columns["benchmark"] = np.asarray(np.cumprod(1.0 + found.benchmark.returns), dtype=np.float64)
    if stitches(found):
        columns["walk"] = walk_on_rows(found)
    return columns


def walk_on_rows(found: SweepResult) -> Reals:
    """Values of what was chosen window by window, NaN where no window is."""
    walk = np.full(found.n_returns, np.nan)
    walk[rows_of_walk(found)] = found.walk().values
    return walk


def logit_bins(found: PBO) -> tuple[Any, Any]:
    """Count logits in bins of which none lies on both sides of 0."""
    reach = max(float(np.abs(found.logits).max()), 1e-9)
    edges = np.linspace(-reach, reach, _BINS + 1)
    counts = np.histogram(-found.logits, bins=edges)[0][::-1]  # an edge belongs to the bin below: 0 is overfit
    return edges, counts
