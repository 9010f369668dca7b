"""All parts of a split at once: one series, and samples divided among parts as the split divides time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from atomloom.errors import BadInput
from atomloom.samples.windows import windows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from atomloom.samples.sample_set import Dataset


def divided(n: int, shares: Mapping[str, float]) -> dict[str, int]:
    """Divide a number of samples among parts, in proportion to their shares; none is lost.

    Parameters
    ----------
    n : int
    shares : mapping of str to float
        Of a split; they need not add up to 1.

    Raises
    ------
    BadInput
        Where a part would have none.

    Examples
    --------
    >>> divided(1000, {"train": 0.6, "test": 0.2})
    {'train': 750, 'test': 250}
    >>> divided(10**15 + 1, {"a": 1, "b": 1, "c": 1})
    {'a': 333333333333334, 'b': 333333333333334, 'c': 333333333333333}
    """
    whole = [round(share * (1 << 40)) for share in shares.values()]
    counts = [n * own // sum(whole) for own in whole]
    rests = np.argsort([-(n * own % sum(whole)) / sum(whole) for own in whole], kind="stable")
    for k in rests[: n - sum(counts)]:
        counts[k] += 1
    found = dict(zip(shares, counts, strict=True))
    if min(counts) == 0:
        name = next(name for name, count in found.items() if not count)
        raise BadInput(f"n is {n:,}, of which part {name!r} would have none. Hint: a larger n, or one part alone.")
    return found


def all_parts(samples: Dataset, n: int) -> dict[str, Dataset]:
    """Give the datasets of all parts of the split that one of them is of.

    Parameters
    ----------
    samples : Dataset
        Of any part.
    n : int
        Samples of all parts together; each has its share.

    Raises
    ------
    BadInput
        For a dataset without a split, or too few samples.
    Infeasible
        Where a part has no window.

    Examples
    --------
    >>> from atomloom.samples import dataset
    >>> spec = {"lookback": 4, "channels": ["close"], "split": {"parts": {"train": 0.7, "test": 0.3}}}
    >>> train = dataset({"close": np.arange(1.0, 50.0)}, 1, spec, part="train")
    >>> {name: (len(part), len(part.windows)) for name, part in all_parts(train, 1000).items()}
    {'train': (700, 30), 'test': (300, 11)}
    """
    split = samples.spec.split
    if split is None:
        raise BadInput("samples have no split, and so no parts. Hint: SampleSpec(split=...).")
    return {
        name: replace(samples, n=count, part=name, windows=windows_of(samples.series, samples.spec, name))
        for name, count in divided(n, split.parts).items()
    }
