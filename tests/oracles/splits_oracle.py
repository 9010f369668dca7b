"""Plain-Python twins of the splitters: every row asked by itself whether it may be trained on."""

from __future__ import annotations

import itertools
import statistics


def near(row, block, begin, end, purge, embargo):
    """Whether a train row is too near to a block of test rows [first, behind)."""
    n, (first, behind) = len(begin), block
    ends = end if end is not None else [*begin[1:], begin[-1] + 1]
    if row < first:
        kind, amount = purge
        if kind == "rows":
            low = max(first - amount, 0)
            return row >= low or ends[row] > begin[low]
        return ends[row] > begin[first] - amount or (end is not None and begin[row] >= begin[first] - amount)
    return row < behind_block(first, behind, begin, ends, n, purge, embargo)[1]


def behind_block(first, behind, begin, ends, n, purge, embargo):
    """The first row that labels of the block do not reach, and the first behind purge and embargo."""
    if behind == n:
        return n, n
    moment = max(ends[first:behind])
    row = over = next((k for k in range(behind, n) if begin[k] >= moment), n)
    for kind, amount in (purge, embargo):
        if kind == "rows":
            row = min(row + amount, n)
            moment = moment if not amount else (begin[row] if row < n else float("inf"))
        else:
            moment += amount
            row = next((k for k in range(row, n) if begin[k] >= moment), n)
    return over, row


def train_rows(tested, begin, end, purge, embargo):
    """Rows that are clear of every run of tested rows."""
    n = len(begin)
    blocks = []
    for row in sorted(tested):
        if blocks and blocks[-1][1] == row:
            blocks[-1][1] = row + 1
        else:
            blocks.append([row, row + 1])
    return [
        row
        for row in range(n)
        if row not in tested and not any(near(row, block, begin, end, purge, embargo) for block in blocks)
    ]


def swallowed(bounds, begin, end, purge, embargo):
    """Whether purge and embargo alone take as many rows beside a fold as the shortest fold has."""
    n, ends = len(begin), end if end is not None else [*begin[1:], begin[-1] + 1]
    least = min(b - a for a, b in itertools.pairwise(bounds))
    for first, behind in itertools.pairwise(bounds):
        over, clear = behind_block(first, behind, begin, ends, n, purge, embargo)
        alone = [
            row
            for row in range(first)
            if near(row, (first, behind), begin, None if end is None else list(begin), purge, embargo)
        ]
        if clear - over >= least or len(alone) >= least:
            return True
    return False


def fold_bounds(n, folds, remainder):
    """Begin of each fold and the end of the last; the remainder goes to the first folds, one each, or to the last."""
    if remainder == "last":
        return [k * (n // folds) for k in range(folds)] + [n]
    sizes = [n // folds + (k < n % folds) for k in range(folds)]
    return [sum(sizes[:k]) for k in range(folds + 1)]


def combinatorial(n, folds, tests, begin, end, purge, embargo, remainder="last"):
    """(train, test) of each split, and for each path the split that serves each fold."""
    bounds = fold_bounds(n, folds, remainder)
    splits, served = [], [[] for _ in range(folds)]
    for number, chosen in enumerate(itertools.combinations(range(folds), tests)):
        tested = [row for fold in chosen for row in range(bounds[fold], bounds[fold + 1])]
        splits.append((train_rows(set(tested), begin, end, purge, embargo), tested))
        for fold in chosen:
            served[fold].append(number)
    return splits, [list(path) for path in zip(*served, strict=True)]


def walk_rows(n, train, test, step, gap, *, expanding, keep_last, from_end):
    """Walk-forward in rows, window by window."""
    starts = []
    if from_end:
        start = n - test
        while start - gap - train >= 0:
            starts.insert(0, start)
            start -= step
    else:
        start = train + gap
        while start < n and (start + test <= n or keep_last):
            starts.append(start)
            if start + test > n:
                break
            start += step
    return [
        (
            list(range(0 if expanding else start - gap - train, start - gap)),
            list(range(start, min(start + test, n))),
        )
        for start in starts
    ]


def walk_time(times, train, test, step, gap, *, expanding, keep_last):
    """Walk-forward in time: windows are laid in time, then rows are looked up."""
    splits, start = [], times[0] + train + gap
    reach = times[-1] + int(statistics.median(after - before for before, after in itertools.pairwise(times)))
    while start <= times[-1]:
        full = start + test <= reach
        if not full and not keep_last:
            break
        tested = [row for row, time in enumerate(times) if start <= time < start + test]
        if tested:
            opening = max((row for row, time in enumerate(times) if time <= start - gap - train), default=0)
            limit = times[tested[0]] - gap
            stop = tested[0]
            if gap:
                stop = next(row for row in range(tested[0] + 1) if times[row + 1 : row + 2] > [limit])
            splits.append((list(range(0 if expanding else opening, stop)), tested))
        if not full:
            break
        start += step
    return splits
