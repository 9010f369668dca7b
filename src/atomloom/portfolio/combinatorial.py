"""Combinatorial purged cross-validation: many paths through the same rows (AFML ch. 12)."""

from __future__ import annotations

import itertools
import math
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.adapt import skfolio_splitter
from atomloom.portfolio.clearance import clearance_of
from atomloom.portfolio.fold_ranges import paths_of, split_folds
from atomloom.portfolio.row_times import rows_and_index, times_for
from atomloom.portfolio.sizes import take_count, take_size
from atomloom.portfolio.telling import as_dict, as_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from atomloom.portfolio.ranges import SplitRanges

    Ints = NDArray[np.int64]

MOST_SPLITS = 1_000_000


@dataclass(frozen=True, eq=False, repr=False)
class CombinatorialPurgedCV:
    """Test every combination of k of N folds and train on what is clear of them in the others (AFML 12.4).

    There are C(N, k) splits, in lexicographic order of their test folds, and each fold is tested in C(N - 1, k - 1) of
    them: as many paths lead through all rows, every one out of sample. The p-th split that is tested on a fold serves
    that fold on path p (AFML figure 12.1). Purge, embargo and labels are those of :class:`PurgedKFold`, around every
    run of test folds.

    Parameters
    ----------
    n_folds : int
        N, at least 2. Folds have ``n // N`` rows, the last what remains (as in skfolio).
    n_test_folds : int
        k, at least 1 and less than N. The default is 2, as in the book's example; skfolio's is 8 (of 10), which tests
        on four fifths of the rows.
    purge : int or duration
        Rows, or a duration such as "5D", on both sides of test folds. At least the larger of lookback and holding
        period where train and test scores must not share a return.
    embargo : int, duration, or share of the rows below 1
        Behind the purge after test folds.
    label_end : (n,) int64 rows or times, or Series from times to times, optional
        Where the label of each row is over.
    times : (n,) int64 ns UTC, datetime64 or DatetimeIndex, optional
        Times of rows, increasing; those of a frame's index where not given.

    Raises
    ------
    BadInput
        For k of 0 or not below N, more than a million splits, more folds than rows, and as :class:`PurgedKFold`.

    Notes
    -----
    ``ranges`` takes O(n + C(N, k) * N) time and holds about 1.5 k ranges for each split, never a matrix of rows:
    C(16, 8) = 12,870 splits of 5,000 rows are 4 MB. scikit-learn's protocol to the letter: an instance is a ``cv``.

    Examples
    --------
    >>> cv = CombinatorialPurgedCV(6, 2)
    >>> cv.get_n_splits(), cv.n_paths
    (15, 5)
    >>> cv.paths()[1] + 1  # the book's second path
    array([2, 6, 6, 7, 8, 9])
    >>> CombinatorialPurgedCV(3, 2, purge=1).ranges(12).train(1)
    array([5, 6])
    """

    n_folds: int = 10
    n_test_folds: int = 2
    _: KW_ONLY
    purge: Any = 0
    embargo: Any = 0
    label_end: Any = None
    times: Any = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_folds", take_count(self.n_folds, "n_folds", least=2))
        object.__setattr__(self, "n_test_folds", take_count(self.n_test_folds, "n_test_folds"))
        if self.n_test_folds >= self.n_folds:
            message = f"n_test_folds is {self.n_test_folds} of n_folds {self.n_folds}, which leaves none to train on"
            raise BadInput(f"{message}. Hint: test on fewer.")
        if self.get_n_splits() > MOST_SPLITS:
            message = f"{self.n_test_folds} of {self.n_folds} folds make {self.get_n_splits():,} splits"
            raise BadInput(f"{message}, more than {MOST_SPLITS:,}. Hint: take fewer folds.")
        take_size(self.purge, "purge", least=0)
        take_size(self.embargo, "embargo", least=0, share=True)

    @property
    def n_paths(self) -> int:
        """Number of paths, C(N - 1, k - 1)."""
        return math.comb(self.n_folds - 1, self.n_test_folds - 1)

    def test_folds(self) -> Ints:
        """Give the folds that each split is tested on, (n_splits, k) int64."""
        combinations = itertools.combinations(range(self.n_folds), self.n_test_folds)
        flat = np.fromiter(itertools.chain.from_iterable(combinations), np.int64)
        return flat.reshape(-1, self.n_test_folds)

    def paths(self) -> Ints:
        """Give the number of the split that serves fold f on path p, (n_paths, n_folds) int64."""
        return paths_of(self.test_folds(), self.n_folds)

    def ranges(self, n_rows: int, times: Any = None) -> SplitRanges:
        """Give the splits of so many rows, with their paths.

        Parameters
        ----------
        n_rows : int
        times : (n_rows,) times, optional
            Of the rows, where the splitter was given none.
        """
        n_rows = take_count(n_rows, "n_rows")
        if n_rows < self.n_folds:
            raise BadInput(f"{self.n_folds} folds of {n_rows} rows. Hint: a fold needs a row.")
        clearance = clearance_of(n_rows, times_for(self.times, times, n_rows), self.label_end, self.purge, self.embargo)
        bounds = np.append(np.arange(self.n_folds) * (n_rows // self.n_folds), n_rows)
        return split_folds(bounds, self.test_folds(), clearance)

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[Ints, Ints]]:  # noqa: ARG002
        """Give (train, test) rows of each split, the rows of all test folds together; see :meth:`to_skfolio`."""
        yield from self.ranges(*rows_and_index(X))

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: ARG002
        """Give the number of splits, C(N, k)."""
        return math.comb(self.n_folds, self.n_test_folds)

    def to_skfolio(self) -> Any:
        """Give the same splits as skfolio takes them: each test fold by itself, with the numbers of paths.

        Raises
        ------
        MissingExtra
            Without skfolio.
        """
        return skfolio_splitter(self)

    def to_dict(self) -> dict[str, Any]:
        """Give all parameters as plain values."""
        return as_dict(self)

    def __repr__(self) -> str:
        return as_text(self)
