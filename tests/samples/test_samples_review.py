"""What a review found: rows of several symbols, times that were taken for none, names, borders, counts."""

import numpy as np
import pandas as pd
import pytest
from bars_to_try import bars, frame

from atomloom.errors import AntiPattern, BadInput
from atomloom.samples import Choice, SampleSpec, Split, Uniform, dataset, honesty, random_split, write

SPEC = {"lookback": 8}


def test_rows_of_several_symbols_are_refused():
    both = pd.concat({"A": frame(100), "B": frame(100) * 10})
    with pytest.raises(BadInput, match="2 levels"):
        dataset(both, 10, SPEC)
    long = pd.concat([frame(100).assign(symbol="A"), frame(100).assign(symbol="B")], ignore_index=True)
    with pytest.raises(BadInput, match="names several symbols"):
        dataset(long, 10, SPEC)
    assert len(dataset(frame(100).assign(symbol="A"), 10, SPEC).windows) == 92


@pytest.mark.parametrize("how", ["text", "date", "period"])
def test_an_index_of_days_is_one_of_times(how):
    table = frame(100)
    index = {"text": table.index.strftime("%Y-%m-%d"), "date": table.index.date, "period": table.index.to_period("D")}
    own = table.set_axis(pd.Index(index[how]))
    made = dataset(own, 10, SPEC)
    np.testing.assert_array_equal(made.series.times, table.index.as_unit("ns").asi8)
    with pytest.raises(BadInput, match="go back"):
        dataset(own[::-1], 10, SPEC)


def test_times_that_are_no_moments_are_refused():
    table = frame(100)
    for unit, divisor in (("s", 10**9), ("ms", 10**6)):
        numbers = table.index.as_unit("ns").asi8 // divisor
        with pytest.raises(BadInput, match=r"if they are ns.*unit='s'"):
            dataset(table.reset_index(drop=True).assign(timestamp=numbers), 10, SPEC)
        moments = pd.to_datetime(numbers, unit=unit)
        assert dataset(table.reset_index(drop=True).assign(timestamp=moments), 10, SPEC).series.times is not None
    clock = table.reset_index(drop=True).assign(time="09:30")
    with pytest.raises(BadInput, match="no day"):
        dataset(clock, 10, SPEC)
    with pytest.raises(BadInput, match=r"times in 'date' and 'time'|times in 'time' and 'date'"):
        dataset(clock.assign(date="2020-01-01"), 10, SPEC)


def test_names_of_channels_are_the_same_in_any_case():
    upper = SampleSpec(8, channels=("Open", "High", "Low", "Close", "Volume"))
    assert upper.digest() == SampleSpec(8).digest()
    with pytest.raises(BadInput, match="each once"):
        SampleSpec(channels=("close", "Close"))
    for name in ("ends", "open_scaled", "close"):
        with pytest.raises(BadInput, match="a field of state"):
            SampleSpec(state={name: Uniform(0, 1)})
    with pytest.raises(BadInput, match="channels is 5"):
        SampleSpec(channels=5)


def test_parts_follow_each_other_in_the_recipe():
    one, other = (SampleSpec(8, split=Split(dict(parts))) for parts in (
        (("train", 0.5), ("test", 0.5)), (("test", 0.5), ("train", 0.5))))  # fmt: skip
    assert one.digest() != other.digest()
    with pytest.raises(BadInput, match="several symbols needs times"):
        dataset({"A": bars(100), "B": bars(60)}, 10, one, part="train")


def test_rows_that_were_left_out_are_part_of_the_series():
    digests = set()
    for missing in (1, 2):
        columns = {name: np.insert(column, 50, [np.nan] * missing) for name, column in bars(100).items()}
        digests.add(dataset(columns, 10, SPEC, nan="split").digest)
    assert len(digests) == 2


def test_small_types_are_for_what_they_hold():
    for settings in ({"volume": "log1p"}, {"volume": "window_mean"}, {"channels": ("close", "rsi")}):
        with pytest.raises(BadInput, match=r"small numbers are for prices"):
            SampleSpec(dtype="int16", **settings)


def test_numbers_that_float32_cannot_tell_apart():
    for low, high in ((0, 1e300), (-3e38, 3e38), (1e9, 1e9 + 1)):
        with pytest.raises(BadInput, match="float32"):
            Uniform(low, high)
    with pytest.raises(BadInput, match="float32"):
        Choice((1e300, 0))
    with pytest.raises(BadInput, match="low is '0,5'"):
        Uniform("0,5", "1,5")
    with pytest.raises(BadInput, match="n is '1,5'"):
        dataset(bars(100), "1,5")
    assert len(dataset(bars(100), "40,000,000")) == 40_000_000
    with pytest.raises(BadInput, match="0 or less"):
        dataset(bars(100) | {"open": np.full(100, 1e-46)}, 10, SPEC, bad_bars="keep")
    with pytest.raises(BadInput, match="labels are returns"):
        dataset(bars(100) | {"close": np.linspace(-5, 5, 100)}, 10, {"scale": "none"}, bad_bars="keep")


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_uniqueness_of_few_different_windows(n):
    spec = SampleSpec(10, index="permuted")
    found = []
    for seed in range(400):
        samples = dataset(bars(60), n, spec.with_(seed=seed))
        cover = np.zeros(61)
        ends = samples.ends(range(n))
        for end in ends:
            cover[end - 10 : end] += 1
        found.append(np.mean([np.mean(1.0 / cover[end - 10 : end]) for end in ends]))
    told = honesty(dataset(bars(60), n, spec)).mean_uniqueness
    assert told == pytest.approx(np.mean(found), abs=4 * np.std(found) / 20 + 1e-12)


def test_every_pair_of_random_parts_is_looked_at():
    with pytest.warns(AntiPattern, match="of earlier parts"):
        random_split(dataset(bars(100), 1000, SPEC), {"val": 0.0, "train": 0.5, "test": 0.5})
    with pytest.raises(BadInput, match=r"shares is 0\.8"):
        random_split(dataset(bars(100), 1000, SPEC), 0.8)


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    with pytest.raises(BadInput, match="larger shards"):
        write(dataset(bars(100), 10**15, SPEC), tmp_path / "a")
    with pytest.raises(OSError, match="Hint"):
        write(dataset(bars(100), 10**11, SPEC), tmp_path / "b")
    write(dataset(bars(100), 10, SPEC), tmp_path / "a")
    write(dataset(bars(100), 10, SPEC), tmp_path / "b")
