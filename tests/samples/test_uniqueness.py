"""What samples are worth, beside counting them one by one."""

import warnings

import numpy as np
import pytest
from bars_to_try import bars, frame

from atomloom.errors import AntiPattern
from atomloom.samples import SampleSpec, dataset, honesty, random_split


def counted(samples):
    """Count different windows, and the mean uniqueness of the samples that were drawn."""
    ends = samples.ends(range(len(samples)))
    cover = np.zeros(samples.series.n_rows + 1)
    for end in ends:
        cover[end - samples.spec.lookback : end] += 1
    own = [np.mean(1.0 / cover[end - samples.spec.lookback : end]) for end in ends]
    return len(set(ends.tolist())), float(np.mean(own))


@pytest.mark.parametrize(("index", "exact"), [("uniform", False), ("permuted", True), ("permuted", False)])
@pytest.mark.parametrize("lookback", [1, 10, 40])
def test_uniqueness_is_what_counting_gives(index, exact, lookback):
    n = 2000 if exact else 150
    found = [counted(dataset(bars(400), n, SampleSpec(lookback, index=index, seed=seed))) for seed in range(40)]
    told = honesty(dataset(bars(400), n, SampleSpec(lookback, index=index)))
    tolerance = 1e-12 if exact or index == "permuted" else 0.02
    assert told.unique_windows == pytest.approx(np.mean([f[0] for f in found]), rel=tolerance)
    assert told.mean_uniqueness == pytest.approx(np.mean([f[1] for f in found]), rel=1e-12 if exact else 0.05)
    assert told.effective == pytest.approx(told.mean_uniqueness * n)
    assert told.reuse == pytest.approx(n / told.unique_windows)


def test_strata_weigh_their_windows():
    data = {"A": frame(30, 1), "B": frame(330, 2)}
    spec = SampleSpec(10, index={"mode": "stratified", "by": "symbol"})
    told = honesty(dataset(data, 400, spec))
    found = [counted(dataset(data, 400, spec.with_(seed=seed))) for seed in range(40)]
    assert told.unique_windows == pytest.approx(np.mean([f[0] for f in found]), rel=0.02)
    assert told.mean_uniqueness == pytest.approx(np.mean([f[1] for f in found]), rel=0.05)
    monthly = honesty(dataset(data, 400, spec.with_(index={"mode": "stratified", "by": "month"})))
    assert 0.0 < monthly.mean_uniqueness <= 1.0


def test_a_million_samples_of_few_bars_are_worth_few():
    told = honesty(dataset(bars(400), 10**12, SampleSpec(40)))
    assert told.effective == pytest.approx(399 / 40, rel=1e-6)
    assert "share no bar" in told.summary()
    assert told.to_dict()["windows"] == 360


def test_random_splits_of_overlapping_windows_warn():
    samples = dataset(bars(400), 1000, SampleSpec(20))
    with pytest.warns(AntiPattern, match=r"100% of the windows of later parts"):
        parts = random_split(samples, {"train": 0.8, "test": 0.2})
    assert (parts["train"], parts["test"]) == (range(800), range(800, 1000))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        random_split(samples, {"train": 1.0})
        random_split(dataset(bars(100_000), 3, SampleSpec(2, seed=4)), {"train": 0.7, "test": 0.3})
