"""Random splits of rows: possible, and warned of, because windows overlap."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from atomloom.errors import AntiPattern, BadInput
from atomloom.samples.asking import check_computed
from atomloom.samples.checks import take_real

if TYPE_CHECKING:
    from atomloom.samples.sample_set import Dataset

_LOOKED_AT = 20_000


def random_split(samples: Dataset, shares: Mapping[str, float]) -> dict[str, range]:
    """Cut the numbers of samples into parts, whatever their windows share.

    Samples are independent draws, so that ranges of numbers are random parts.

    Parameters
    ----------
    samples : Dataset
    shares : mapping of str to float
        Of all samples; they add up to 1 at most.

    Returns
    -------
    dict of str to range
        Numbers of the samples of each part, for ``samples.batch``.

    Raises
    ------
    BadInput

    Warns
    -----
    AntiPattern
        If windows of one part, or their labels, reach over bars of another: what is learned there is known here. Use
        ``SampleSpec(split=...)``, which cuts time and leaves out what reaches over the borders (AFML chapter 7).

    Examples
    --------
    >>> import warnings
    >>> from atomloom.samples import dataset
    >>> samples = dataset({"close": np.arange(1.0, 50.0)}, 10, {"lookback": 4, "channels": ["close"]})
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     random_split(samples, {"train": 0.7, "test": 0.3})
    {'train': range(0, 7), 'test': range(7, 10)}
    """
    check_computed(samples, "random_split")
    if not isinstance(shares, Mapping):
        raise BadInput(f"shares is {shares!r}. Hint: {{'train': 0.8, 'test': 0.2}}.")
    taken = {str(name): take_real(f"share of {name}", share, 0.0, 1.0) for name, share in shares.items()}
    if not taken or sum(taken.values()) > 1.0 + 1e-9:
        raise BadInput(f"shares is {dict(shares)}. Hint: {{'train': 0.8, 'test': 0.2}}, at most 1 together.")
    n, edges = len(samples), np.cumsum([0.0, *taken.values()])
    cuts = [n if abs(cut - 1.0) <= 1e-9 else round(float(cut) * n) for cut in edges]  # sums are rounded
    parts = {name: range(cuts[k], cuts[k + 1]) for k, name in enumerate(taken)}
    shared = _shared(samples, list(parts.values()))
    if shared:
        hint = "SampleSpec(split=...) cuts time instead, and purges what reaches over the borders"
        message = f"{shared:.0%} of the windows of later parts have bars of earlier parts in them or their labels"
        warnings.warn(f"{message}. Hint: {hint}", AntiPattern, stacklevel=2)
    return parts


def _shared(samples: Dataset, parts: list[range]) -> float:
    """Share of windows that have, with their labels, a bar of one of another part (of some thousands of each)."""
    length, ahead = samples.spec.lookback, samples.spec.horizon if "label" in samples.fields else 0
    ends = [samples.ends(part[:_LOOKED_AT]) for part in parts if len(part)]
    met, looked = 0, 0
    for k, own in enumerate(ends[1:], start=1):
        covered = np.zeros(samples.series.n_rows + 1, dtype=np.int64)
        before = np.concatenate(ends[:k])
        np.add.at(covered, before - length, 1)
        np.add.at(covered, before + ahead, -1)
        known = np.concatenate([[0], np.cumsum(np.cumsum(covered)[:-1] > 0)])
        met += int(np.sum(known[own + ahead] > known[own - length]))
        looked += len(own)
    return met / looked if looked else 0.0
