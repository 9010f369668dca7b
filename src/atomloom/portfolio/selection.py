"""Selection over splits: choose the best configuration on the train rows, and look at it on the test rows.

This is what walk-forward and combinatorial cross-validation mean for a sweep: a configuration is not fitted, the
choice among them is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.side_by_side import in_threads, spans
from atomloom.errors import BadInput, Infeasible
from atomloom.portfolio.power_sums import FLAT, alive, fixed, sharpe_of_sums, take_sums
from atomloom.portfolio.price_layout import many
from atomloom.portfolio.rank_correlation import rank_correlations

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from atomloom.portfolio.ranges import SplitRanges

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]

_RANKED_CONFIGS, _RANKED = 2048, 4_000_000  # configurations, and configurations times splits


@dataclass(frozen=True, eq=False, repr=False)
class Selection:
    """What was chosen on the train rows of each split, and how it did on the test rows; made by :func:`select`.

    Attributes
    ----------
    winners : (K,) int64
        Configuration with the best Sharpe ratio on the train rows, the first among equals.
    train_sharpe, test_sharpe : (K,) float64
        Its ratios per period; NaN where it does not vary, and of a single return.
    rank : (K,) float64
        Share of the configurations that are worse on the test rows, equals counting half: 0.5 is chance.
    rank_correlation : (K,) float64
        Of train and test ratios over configurations (2,048 at most, fewer where there are many splits).
    n_train, n_test : (K,) int64
        Returns of each split.
    n_configs, n_failed : int
        Configurations compared, and left out.
    path_sharpe : (P,) float64 or None
        Where splits make paths: ratio of each path, whose folds are served by the winners of their splits; NaN where
        it does not vary.

    Examples
    --------
    >>> from atomloom.portfolio.ranges import SplitRanges
    >>> splits = SplitRanges(3, [0, 1], [1, 2], [0, 1, 2], [1, 2], [2, 3], [0, 1, 2])
    >>> s1 = np.array([[3.0, 1.0], [2.0, 2.5], [1.0, 4.0]])
    >>> found = select(s1, np.full((3, 2), 10.0), [10, 10, 10], splits)
    >>> found.winners.tolist(), found.rank.tolist()
    ([0, 1], [0.25, 0.75])
    """

    winners: Ints
    train_sharpe: Reals
    test_sharpe: Reals
    rank: Reals
    rank_correlation: Reals
    n_train: Ints
    n_test: Ints
    n_configs: int
    n_failed: int
    path_sharpe: Reals | None = None

    def __len__(self) -> int:
        return len(self.winners)

    def summary(self) -> str:
        """Say in some lines what was found."""
        train, test, correlation = map(mean_known, (self.train_sharpe, self.test_sharpe, self.rank_correlation))
        lines = [
            (
                f"{many(len(self), 'split')}, {many(self.n_configs, 'configuration')}: the best in training is better "
                f"than {float(self.rank.mean()):.1%} of them in the test (50% is chance)"
            ),
            (
                f"its Sharpe ratio per period goes from {_told(train)} to {_told(test)} on average; "
                f"{len(np.unique(self.winners)):,} different winners"
            ),
        ]
        if correlation is not None:
            lines.append(f"rank correlation of all configurations from train to test {correlation:.3g} on average")
        if self.path_sharpe is not None and not np.isnan(self.path_sharpe).all():
            low, middle, high = np.nanquantile(self.path_sharpe, [0.05, 0.5, 0.95])
            paths = f"{len(self.path_sharpe):,} paths: Sharpe ratio per period {middle:.4g} in the middle"
            lines.append(f"{paths}, {low:.4g} to {high:.4g} in nine of ten")
        if self.n_failed:
            lines.append(f"{many(self.n_failed, 'failed configuration')} left out")
        return "\n".join(lines)

    def to_frame(self) -> pd.DataFrame:
        """Give a row per split."""
        import pandas as pd  # noqa: PLC0415 - heavy, and only wanted here

        names = ("winners", "train_sharpe", "test_sharpe", "rank", "rank_correlation", "n_train", "n_test")
        columns = {name.removesuffix("s"): getattr(self, name) for name in names}
        return pd.DataFrame(columns).rename_axis("split")

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values, ready for JSON."""
        shown = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value.tolist() if isinstance(value, np.ndarray) else value for name, value in shown.items()}

    def __repr__(self) -> str:
        return f"Selection({len(self):,} splits, {self.n_configs:,} configurations)"

    def _repr_html_(self) -> str:
        return "".join(f"<p>{line}</p>" for line in self.summary().split("\n"))


def mean_known(values: Reals) -> float | None:
    """Mean of what is not NaN; None where all is.

    Examples
    --------
    >>> mean_known(np.array([1.0, np.nan, 3.0])), mean_known(np.array([np.nan]))
    (2.0, None)
    """
    known = values[~np.isnan(values)]
    return float(known.mean()) if len(known) else None


def _told(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


def select(
    s1: ArrayLike, s2: ArrayLike, n: ArrayLike, splits: SplitRanges, *, threads: int | None = None
) -> Selection:  # fmt: skip
    """Choose on the train segments of each split the configuration with the best Sharpe ratio, and test it.

    Parameters
    ----------
    s1, s2 : (G, C) float64
        Sums of returns, and of their squares, by segment. Failed configurations are NaN throughout.
    n : (G,) integers
        Returns of each segment.
    splits : SplitRanges
        In segments (``splits.segments()`` gives them): its n_rows is G.
    threads : int, optional
        None is every physical core; the same bits for any number.

    Returns
    -------
    Selection

    Raises
    ------
    BadInput
        For shapes that do not agree.
    Infeasible
        When all configurations failed.

    Notes
    -----
    O(C) for each segment of each split; memory is that of the sums. Sums are added up segment by segment, never
    subtracted, so a configuration that does not trade ranks with a ratio of exactly 0.

    References
    ----------
    AFML chapters 7 and 12; for parameters that are only chosen all paths of one configuration are equal, so it is the
    choice that is cross-validated.

    Examples
    --------
    >>> from atomloom.portfolio.ranges import SplitRanges
    >>> splits = SplitRanges(2, [0], [1], [0, 1], [1], [2], [0, 1])
    >>> select([[1.0, 2.0], [2.0, 1.0]], np.full((2, 2), 9.0), [9, 9], splits)
    Selection(1 splits, 2 configurations)
    """
    first, second, lengths = take_sums(s1, s2, n)
    if splits.n_rows != len(first):
        message = f"splits are of {splits.n_rows:,} segments, and there are sums of {len(first):,}"
        raise BadInput(f"{message}. Hint: give splits.segments(), and sums between splits.cuts().")
    good = alive(first, second)
    number = int(good.sum())
    if number == 0:
        raise Infeasible(f"all {len(good):,} configurations failed. Hint: see their errors; there is no best one.")
    first, second = fixed(first), fixed(second)
    before = np.concatenate([[0], np.cumsum(lengths)])
    train, test = _side(splits, "train", before), _side(splits, "test", before)
    winners = _winners(first, second, train, threads)
    sums = np.stack([_chosen(first, second, side, winners) for side in (train, test)])
    worse, equal = _worse(first, second, test, sums[1], threads)
    return Selection(
        winners=winners,
        train_sharpe=_ratios(sums[0], train.rows),
        test_sharpe=_ratios(sums[1], test.rows),
        rank=(worse + 0.5 * equal) / number,
        rank_correlation=_correlations(first, second, lengths, splits),
        n_train=train.rows,
        n_test=test.rows,
        n_configs=number,
        n_failed=len(good) - number,
        path_sharpe=_paths(first, second, lengths, splits, winners),
    )


@dataclass(frozen=True, eq=False)
class _Side:
    start: Ints
    stop: Ints
    first: Ints
    grows: NDArray[np.bool_]
    rows: Ints
    given_start: Ints

    @property
    def limits(self) -> Reals:
        return self.rows.astype(np.float64) * (1.0 - FLAT)


def _side(splits: SplitRanges, side: str, before: Ints) -> _Side:
    """Take the ranges of one side; a split whose one range only prolongs that of the split before goes on from it."""
    start, stop, first = (
        np.ascontiguousarray(getattr(splits, f"{side}_{name}")) for name in ("start", "stop", "first")
    )
    single = np.diff(first) == 1
    at = first[:-1]
    grows = np.zeros(len(single), dtype=bool)
    one, other = at[1:], at[:-1]
    grows[1:] = single[1:] & single[:-1] & (start[one] == start[other]) & (stop[one] >= stop[other])
    begins = start.copy()
    later = np.flatnonzero(grows)
    begins[at[later]] = stop[at[later - 1]]
    rows = np.add.reduceat(before[stop] - before[start], at)
    return _Side(begins, stop, first, grows, rows, start)


def _winners(s1: Reals, s2: Reals, train: _Side, threads: int | None) -> Ints:
    from atomloom.portfolio.cscv_kernels import LANES  # noqa: PLC0415 - compiles
    from atomloom.portfolio.selection_kernels import best_of_trains  # noqa: PLC0415 - compiles

    def work(low: int, high: int) -> tuple[Reals, Ints]:
        best, where = np.full(len(train.rows), -math.inf), np.full(len(train.rows), -1, dtype=np.int64)
        ranges = train.start, train.stop, train.first, train.grows
        best_of_trains(s1, s2, *ranges, train.limits, low, high, best, where)
        return best, where

    found = in_threads(work, spans(s1.shape[1], LANES, threads, most=1), threads)
    best: Reals
    where: Ints
    best, where = found[0]
    for later, place in found[1:]:
        better = later > best
        best, where = np.where(better, later, best), np.where(better, place, where)
    return where


def _chosen(s1: Reals, s2: Reals, side: _Side, winners: Ints) -> Reals:
    from atomloom.portfolio.selection_kernels import sums_of_chosen  # noqa: PLC0415 - compiles

    sums = np.empty((2, len(winners)))
    sums_of_chosen(s1, s2, side.given_start, side.stop, side.first, winners, sums)
    return sums


def _ratios(sums: Reals, rows: Ints) -> Reals:
    """Ratios of the chosen, NaN where they do not vary: nothing but zeros has the floor that the kernel begins with."""
    from atomloom.portfolio.cscv_kernels import FLOOR  # noqa: PLC0415 - compiles

    return sharpe_of_sums(sums[0], np.where(sums[1] > FLOOR, sums[1], 0.0), rows, flat=math.nan)


def _worse(s1: Reals, s2: Reals, test: _Side, sums: Reals, threads: int | None) -> tuple[Any, Any]:
    from atomloom.portfolio.cscv_kernels import LANES  # noqa: PLC0415 - compiles
    from atomloom.portfolio.selection_kernels import count_worse_tests  # noqa: PLC0415 - compiles

    square = sums[0] * np.abs(sums[0])
    square[np.abs(square) >= test.limits * sums[1]] = 0.0  # as the kernel has it

    def work(low: int, high: int) -> tuple[Ints, Ints]:
        worse, equal = np.zeros(len(square), dtype=np.int64), np.zeros(len(square), dtype=np.int64)
        ranges = test.start, test.stop, test.first, test.grows
        count_worse_tests(s1, s2, *ranges, test.limits, low, high, square, sums[1], worse, equal)
        return worse, equal

    found = in_threads(work, spans(s1.shape[1], LANES, threads), threads)
    return np.add.reduce([one for one, _ in found]), np.add.reduce([one for _, one in found])


def _correlations(s1: Reals, s2: Reals, n: Ints, splits: SplitRanges) -> Reals:
    most = max(64, min(_RANKED_CONFIGS, _RANKED // splits.n_splits))
    sets = []
    for side in ("train", "test"):
        start, stop, first = (getattr(splits, f"{side}_{name}") for name in ("start", "stop", "first"))
        marks = np.zeros((splits.n_splits, len(s1) + 1), dtype=np.int64)
        split = np.repeat(np.arange(splits.n_splits), np.diff(first))
        np.add.at(marks, (split, start), 1)
        np.add.at(marks, (split, stop), -1)
        sets.append(np.cumsum(marks, axis=1)[:, :-1])
    return rank_correlations(s1, s2, n, sets[0], sets[1], most=most)


def _paths(s1: Reals, s2: Reals, n: Ints, splits: SplitRanges, winners: Ints) -> Reals | None:
    """Give the ratio of each path: the sums of its folds, each by the winner of the split that serves it."""
    if splits.path_of is None or splits.folds is None:
        return None
    x, y = np.zeros(splits.n_paths), np.zeros(splits.n_paths)
    served = winners[splits.path_of]
    for f in range(len(splits.folds) - 1):
        for g in range(int(splits.folds[f]), int(splits.folds[f + 1])):
            x += s1[g, served[:, f]]
            y += s2[g, served[:, f]]
    rows = int(n[splits.folds[0] : splits.folds[-1]].sum())
    return sharpe_of_sums(x, y, rows, flat=math.nan)
