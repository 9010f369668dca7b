"""Bad inputs of the samples room: a clear error, or a rule that is written down."""

import io

import numpy as np
import pandas as pd
import pytest
from bars_to_try import bars, frame

from atomloom.errors import AtomloomError, BadInput, Infeasible
from atomloom.samples import Choice, SampleSpec, Split, Uniform, dataset
from atomloom.store import Trades, open_store


def changed(**columns):
    """Bars of which some columns are replaced or, with None, left out."""
    found = bars(100) | columns
    return {name: column for name, column in found.items() if column is not None}


def with_value(name, row, value):
    column = bars(100)[name].copy()
    column[row] = value
    return changed(**{name: column})


SPECS = [
    ({"lookback": 0}, "lookback is 0"),
    ({"lookback": 1.5}, "lookback is 1.5"),
    ({"lookback": True}, "lookback is True"),
    ({"lookbak": 5}, "did you mean 'lookback'"),
    ({"horizon": -1}, "horizon is -1"),
    ({"seed": -3}, "seed is -3"),
    ({"scale": "lastclose"}, "did you mean 'last_close'"),
    ({"volume": "max"}, "volume is 'max'"),
    ({"dtype": "float8"}, "did you mean 'float"),
    ({"dtype": "float16", "scale": "none"}, "small numbers need scaled"),
    ({"channels": []}, "channels is"),
    ({"channels": ["close", "close"]}, "each once"),
    ({"state": ["equty"]}, "did you mean 'equity'"),
    ({"state": ["action", "action"]}, "a field of state is 'action'"),
    ({"state": {"x": {"low": 0, "high": 1}}}, "a field of state is 'x'"),
    ({"state": {"a b": {"low": 0}}}, "a name of its own"),
    ({"state": {"equity": {"low": 2, "high": 1}}}, "low must be below high"),
    ({"state": {"equity": {"low": 0, "high": 1, "law": "log"}}}, "logarithms need numbers above 0"),
    ({"state": {"equity": {"lo": 0}}}, "did you mean 'low'"),
    ({"state": {"action": {"values": []}}}, "values has 0 numbers"),
    ({"state": {"action": {"values": 3}}}, "give a list"),
    ({"state": {"pnl": {"kind": "unrealised_pnl"}}}, "needs the field 'position'"),
    ({"state": {"entry_price": {"within": 100}}}, "at most the window"),
    ({"state": {"f": {"function": "numpy:nothing"}}}, "can be imported"),
    ({"state": {"f": {"function": "numpy:pi"}}}, "name a function"),
    ({"index": "random"}, "mode of index"),
    ({"index": "stratified"}, "say by what"),
    ({"index": {"mode": "uniform", "by": "symbol"}}, "goes with mode='stratified'"),
    ({"index": {"mod": "uniform"}}, "did you mean 'mode'"),
    ({"split": {"parts": {"train": 0.8, "test": 0.3}}}, "add up to 1"),
    ({"split": {"parts": {"train": 0.0}}}, "above 0"),
    ({"split": {"parts": 3}}, "parts of split is 3"),
    ({"split": {"parts": {"train": "half"}}}, "share of train is 'half'"),
    ({"gap": "3X"}, "length of time"),
    ({"gap": "-3D"}, "above 0"),
]


@pytest.mark.parametrize(("given", "said"), SPECS)
def test_specs_that_cannot_be_meant(given, said):
    with pytest.raises(BadInput, match=said) as caught:
        SampleSpec.from_dict(given)
    assert "int() argument" not in str(caught.value)


@pytest.mark.parametrize("n", [0, -5, 1.5, "many", "1.5e0", None, float("nan"), float("inf"), 2**63, True])
def test_numbers_of_samples_that_are_none(n):
    with pytest.raises(BadInput, match="n is "):
        dataset(bars(100), n)


@pytest.mark.parametrize("n", [40, "40", "4e1", 4e1, np.int64(40), "4_0"])
def test_numbers_of_samples_as_people_write_them(n):
    assert len(dataset(bars(100), n)) == 40


ZONES = [pd.Timestamp("2020-01-01", tz="UTC"), *[pd.Timestamp("2021-01-01")] * 99]
FRAMES = [
    (with_value("close", 3, np.nan), r"close of data has 1 values.*first at row 3.*nan='split'"),
    (with_value("volume", 3, np.inf), "volume of data has 1 values"),
    (with_value("open", 7, 0.0), r"prices of 0 or less \(first at row 7"),
    (with_value("close", 60, -37.63), r"first at row 60: -37.63\).*scale='none'"),
    (changed(**{name: np.zeros(100) for name in ("open", "high", "low", "close")}), "100 prices of 0 or less"),
    (with_value("volume", 9, -1.0), "volume of data is below 0"),
    (with_value("high", 9, 1e-3), "1 bars with a price beyond"),
    (changed(volume=None), "has no column 'volume'"),
    (changed(close=None), "has no column 'close'"),
    (changed(close=np.ones(99)), "rows. Hint: one length"),
    (changed(close=np.array(["a"] * 100)), "no column of numbers"),
    (changed(close=np.ones(100, dtype=bool)), "it holds bool"),
    (np.ones((100, 5)), "no named columns"),
    ({}, "0 symbols"),
    (frame(100).iloc[::-1], "go back"),
    (frame(100).iloc[[0, 1, 1, 2]], "repeat"),
    (pd.concat([frame(100), frame(100)[["close"]]], axis=1), "two columns 'close'"),
    (frame(100).assign(Close=1.0), "two columns for 'close'"),
    ({"A": frame(100), "B": frame(100).reset_index(drop=True)}, "symbol 'B' has no times"),
    (frame(100).set_index(pd.Index(ZONES)), "no times of one zone"),
]


@pytest.mark.parametrize(("data", "said"), FRAMES)
def test_bars_that_cannot_be_meant(data, said):
    with pytest.raises(BadInput, match=said):
        dataset(data, 10, {"lookback": 8})


def test_windows_that_do_not_fit():
    for lookback in (100, 101, 5000):
        with pytest.raises(Infeasible, match=f"lookback {lookback} and horizon 1 need {lookback + 1:,} bars"):
            dataset(bars(100), 10, {"lookback": lookback})
    assert len(dataset(bars(100), 10, {"lookback": 99}).windows) == 1
    assert len(dataset(bars(100), 10, {"lookback": 100, "horizon": 0}).windows) == 1
    with pytest.raises(BadInput, match="no times"):
        dataset(bars(100), 10, {"gap": "3D"})
    with pytest.raises(BadInput, match="no column of the data"):
        dataset(bars(100), 10, {"index": {"mode": "stratified", "by": "regime"}})
    with pytest.raises(BadInput, match="no times"):
        dataset(bars(100), 10, {"index": {"mode": "stratified", "by": "year"}})
    with pytest.raises(BadInput, match="the spec has no split"):
        dataset(bars(100), 10, part="train")
    with pytest.raises(BadInput, match="entry price"):
        dataset(bars(100), 10, {"scale": "none", "state": ["entry_price"]})


@pytest.mark.parametrize("ids", [[-1], [10], [0.5], "abc", [[1, 2]], [2**63]])
def test_numbers_that_are_no_samples(ids):
    with pytest.raises(BadInput, match="ids"):
        dataset(bars(100), 10).batch(ids)


def test_columns_however_they_are_called():
    wanted = dataset(bars(100), 20, {"lookback": 8}).batch(range(20))["x"]
    plain = pd.DataFrame(bars(100))
    upper = plain.rename(columns=str.upper)
    short = plain.rename(columns={name: name[0] for name in plain})
    adjusted = plain.rename(columns={"close": "Adj Close"})
    brackets = plain.rename(columns=lambda name: f"<{name.upper()}>")
    text = pd.read_csv(io.StringIO("\ufeff" + plain.to_csv(index=False)))
    fortran = pd.DataFrame(np.asfortranarray(plain.to_numpy()), columns=plain.columns)
    objects = plain.astype(object)
    levels = pd.concat({"AAPL": plain}, axis=1)
    swapped = levels.swaplevel(axis=1)
    for given in (plain, upper, short, adjusted, brackets, text, fortran, objects, levels, swapped, {"A": plain}):
        np.testing.assert_array_equal(dataset(given, 20, {"lookback": 8}).batch(range(20))["x"], wanted)
    read_only = {name: column.copy() for name, column in bars(100).items()}
    for column in read_only.values():
        column.flags.writeable = False
    np.testing.assert_array_equal(dataset(read_only, 20, {"lookback": 8}).batch(range(20))["x"], wanted)


@pytest.mark.parametrize("factor", [1e-8, 1e12, 10_000])
def test_prices_of_any_size_give_the_same_windows(factor):
    scaled = {name: column * (1.0 if name == "volume" else factor) for name, column in bars(100).items()}
    one, other = (dataset(data, 50, {"lookback": 8}).batch(range(50))["x"] for data in (bars(100), scaled))
    np.testing.assert_allclose(one, other, rtol=1e-6)
    whole = {name: np.rint(column * 1e4).astype(np.int64) for name, column in bars(100).items()}
    found = dataset(whole, 50, {"lookback": 8}, bad_bars="keep").batch(range(50))["x"]
    np.testing.assert_allclose(found[:, :4], one[:, :4], rtol=1e-3)


def test_volumes_of_zero_give_windows_of_zero():
    still = changed(volume=np.zeros(100))
    for volume in ("window_max", "window_mean", "last", "log1p", "none"):
        found = dataset(still, 20, {"lookback": 8, "volume": volume}).batch(range(20))["x"][:, 4]
        np.testing.assert_array_equal(found, 0.0)
    large = changed(volume=np.full(100, 1e10))
    np.testing.assert_array_equal(dataset(large, 20, {"lookback": 8}).batch(range(20))["x"][:, 4], 1.0)


def test_too_large_for_float32():
    with pytest.raises(BadInput, match="too large for float32"):
        dataset(changed(volume=np.full(100, 1e39)), 10, {"lookback": 8})
    dataset(changed(volume=np.full(100, 1e39)), 10, {"lookback": 8, "dtype": "float64"})


def test_settings_from_files(tmp_path):
    toml = tmp_path / "spec.toml"
    toml.write_text("lookback = 16\nseed = 3\n[state.equity]\nlow = 1.0\nhigh = 2.0\n[split]\nembargo = 2\n")
    spec = SampleSpec.read(toml)
    assert (spec.lookback, spec.state["equity"], spec.split) == (16, Uniform(1.0, 2.0), Split(embargo=2))
    yaml = tmp_path / "spec.yaml"
    yaml.write_text("lookback: 1.6e1\nstate:\n  action: {values: [0, 1]}\n")
    read = SampleSpec.read(yaml)
    assert (read.lookback, dict(read.state)) == (16, {"action": Choice((0, 1))})
    texts = {"a.toml": "lookback = = 3", "a.yaml": "a: [1", "b.yaml": "- 1\n- 2", "c.toml": "lokback = 1"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(AtomloomError, match=r"\.toml|\.yaml|did you mean"):
            SampleSpec.read(tmp_path / name)
    with pytest.raises(BadInput, match="does not exist"):
        SampleSpec.read(tmp_path / "none.toml")


def test_trades_of_a_store_are_cut_into_bars(tmp_path):
    rng = np.random.default_rng(0)
    stamps = np.sort(rng.integers(0, 3 * 3600, 5000)) * 1_000_000_000 + 1_600_000_000_000_000_000
    ticks, sizes = rng.integers(9000, 11_000, 5000), rng.integers(1, 50, 5000)
    with open_store(tmp_path / "t.h5", "a") as store:
        for symbol in ("A", "B"):
            store.append(Trades(stamps, ticks, sizes, 0.01, symbol))
    table = pd.Series(Trades(stamps, ticks, sizes, 0.01, "A").price, index=pd.to_datetime(stamps))
    wanted = table.resample("1min").ohlc().dropna()
    with open_store(tmp_path / "t.h5") as store:
        made = dataset(store, 100, {"lookback": 16}, timeframe="1min")
        with pytest.raises(BadInput, match="timeframe is None"):
            dataset(store, 100)
    assert made.series.symbols == ("A", "B")
    own = np.split(made.series.values, made.series.first[1:-1], axis=1)[0]
    np.testing.assert_array_equal(own[:4], wanted[["open", "high", "low", "close"]].to_numpy(np.float32).T)
    assert own[4].sum() == sizes.sum()
    with pytest.raises(BadInput, match="data is no store"):
        dataset(bars(100), 100, timeframe="1min")
