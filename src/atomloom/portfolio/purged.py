"""K-fold cross-validation for rows in time: nothing is trained on that a test row's label reaches (AFML ch. 7)."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.clearance import clearance_of
from atomloom.portfolio.fold_ranges import split_folds
from atomloom.portfolio.row_times import rows_and_index, times_for
from atomloom.portfolio.sizes import take_count, take_size
from atomloom.portfolio.telling import as_dict, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from atomloom.portfolio.ranges import SplitRanges

    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class PurgedKFold:
    """K-fold cross-validation without shuffling, with labels purged and an embargo (AFML 7.4, snippet 7.3).

    Folds are consecutive rows, the first ``n % n_splits`` of them one row longer, as in scikit-learn's KFold. A test
    fold takes with it the train rows whose labels overlap the labels of its rows: those that end later than the fold
    begins, and those that begin before its last label ends. Then `purge` widens that on both sides, and behind it
    `embargo` begins: they add up (an embargo that overlaps the purge protects nothing).

    Parameters
    ----------
    n_splits : int
        Number of folds, at least 2.
    purge : int or duration
        Rows, or a duration such as "5D", on both sides of the test fold.
    embargo : int, duration, or share of the rows below 1
        Behind the purge after the test fold; AFML's ``pctEmbargo`` is a share.
    label_end : (n,) int64 rows or times, or Series from times to times, optional
        Where the label of each row is over: the first row, or moment, that is no more part of it. A Series is AFML's
        ``t1``: its index holds the times of rows. Where not given, a label lasts up to the next row.
    times : (n,) int64 ns UTC, datetime64 or DatetimeIndex, optional
        Times of rows, increasing; those of a frame's index where not given.

    Raises
    ------
    BadInput
        For fewer than 2 folds or more than rows; times that repeat, go back, or of which some have a zone and some not;
        labels that end before they begin; a purge and an embargo that swallow a whole fold; nothing left to train on.

    Notes
    -----
    Time O(n + n_splits^2), no index matrices. Labels are half-open as in snippet 7.3: one that ends where another
    begins does not overlap it. scikit-learn's protocol to the letter: an instance is a ``cv``.

    Examples
    --------
    >>> PurgedKFold(3, purge=1).ranges(9).train(1)
    array([0, 1, 7, 8])
    >>> days = np.datetime64("2024-01-01") + np.arange(9)
    >>> splits = PurgedKFold(3, label_end=days + 2, times=days, embargo="1D").ranges(9)
    >>> splits.train(1), splits.test(1)
    (array([0, 1, 8]), array([3, 4, 5]))
    """

    n_splits: int = 5
    _: KW_ONLY
    purge: Any = 0
    embargo: Any = 0
    label_end: Any = None
    times: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_splits", take_count(self.n_splits, "n_splits", least=2))
        take_size(self.purge, "purge", least=0)
        take_size(self.embargo, "embargo", least=0, share=True)

    def ranges(self, n_rows: int, times: Any = None) -> SplitRanges:
        """Give the splits of so many rows, with one path through all folds.

        Parameters
        ----------
        n_rows : int
        times : (n_rows,) times, optional
            Of the rows, where the splitter was given none.
        """
        n_rows = take_count(n_rows, "n_rows")
        if n_rows < self.n_splits:
            raise BadInput(f"{self.n_splits} folds of {n_rows} rows. Hint: a fold needs a row.")
        clearance = clearance_of(n_rows, times_for(self.times, times, n_rows), self.label_end, self.purge, self.embargo)
        size, more = divmod(n_rows, self.n_splits)
        folds = np.arange(self.n_splits + 1)
        return split_folds(folds * size + np.minimum(folds, more), folds[:-1, None], clearance)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Ints, Ints]]:  # noqa: ARG002
        """Give (train, test) rows of each split; `y` and `groups` are not looked at."""
        yield from self.ranges(*rows_and_index(X))

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ARG002
        """Give the number of splits."""
        return self.n_splits

    def to_dict(self) -> dict[str, Any]:
        """Give all parameters as plain values."""
        return as_dict(self)

    def __repr__(self) -> str:
        return as_text(self)
