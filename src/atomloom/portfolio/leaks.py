"""What of a test window reaches the train rows behind it, through targets that are made of its prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from atomloom.portfolio.ranges import SplitRanges


def least_gap(splits: SplitRanges) -> int | None:
    """Fewest rows between the end of a test window and the train rows behind it in the same split.

    Returns
    -------
    int or None
        None where no train rows lie behind a test window: nothing can leak back.

    Notes
    -----
    O(R log R) in the number of ranges.

    Examples
    --------
    >>> from atomloom.portfolio import CombinatorialPurgedCV, WalkForward
    >>> least_gap(CombinatorialPurgedCV(4, 1, embargo=3).ranges(40)), least_gap(WalkForward(10, 5).ranges(40))
    (3, None)
    """
    scale = splits.n_rows + 1
    train = np.repeat(np.arange(splits.n_splits), np.diff(splits.train_first)) * scale + splits.train_start
    test = np.repeat(np.arange(splits.n_splits), np.diff(splits.test_first)) * scale + splits.test_stop
    behind = np.searchsorted(train, test)
    found = behind < len(train)
    gaps = train[behind[found]] - test[found]
    same = train[behind[found]] // scale == test[found] // scale
    return int(gaps[same].min()) if same.any() else None
