"""What a second look at samples and markets found: each of these gave a wrong number, or a bad word, before."""

import itertools
import tracemalloc
import types
import warnings

import numpy as np
import pandas as pd
import pytest
from bars_to_try import bars, frame
from test_uniqueness import counted

from atomloom.errors import AntiPattern, BadInput, OverBudget
from atomloom.samples import (
    GBM,
    Choice,
    Computed,
    Garch,
    JumpDiffusion,
    RegimeSwitching,
    SampleSpec,
    Split,
    bootstrap_rows,
    dataset,
    honesty,
    market,
    market_times,
    open_dataset,
    random_split,
    write_recipe,
)

BY_KIND = {"mode": "stratified", "by": "kind"}
SMALL = {"lookback": 4, "channels": ["close"], "state": ()}


def closes(n: int, **more) -> dict[str, np.ndarray]:
    return {"close": 100.0 * np.exp(np.random.default_rng(n).normal(0, 0.01, n).cumsum())} | more


def test_a_function_sees_no_memory_that_is_yet_to_be_filled() -> None:
    seen = []

    def look(_, batch):
        seen.append(sorted(batch))
        return batch["idx"] * 1.0

    state = {"first": Choice((1, 2)), "own": Computed(look), "last": Choice((3, 4))}
    two = {"A": closes(60), "B": closes(80)}
    samples = dataset(two, 50, SMALL | {"state": state})
    out = samples.empty(20)
    samples.batch(range(20), out)
    samples.batch(range(20, 40), out)  # the values of the batch before are still in it
    assert {tuple(names) for names in seen} == {("first", "idx", "symbol", "x")}
    for name in ("label", "last"):
        asking = Computed(lambda _, batch, name=name: batch[name] * 1.0)
        late = dataset(two, 50, SMALL | {"state": {"own": asking, "last": Choice((3, 4))}})
        with pytest.raises(BadInput, match=rf"asks for '{name}', and the batch has x, idx, symbol so far\. Hint: put"):
            late.batch(range(20))

    def own_fault(_u, _batch):
        return {}[3]

    with pytest.raises(KeyError):
        dataset(two, 50, SMALL | {"state": {"own": own_fault}}).batch([1])


def test_jumps_of_one_asset_are_not_the_regimes_of_another() -> None:
    regimes = RegimeSwitching([[0.95, 0.05], [0.95, 0.05]], [0.0, 0.0], [1e-6, 0.1])
    jumps = JumpDiffusion(0.0, 1e-6, 0.05, 0.0, 0.1)
    for models in itertools.permutations((jumps, regimes)):
        returns = np.diff(np.log(market(models, 4000, seed=1).closes[0]), axis=1)
        assert abs(np.corrcoef(np.abs(returns) > 1e-3)[0, 1]) < 4.5 / np.sqrt(4000)
    both = market([jumps, jumps], 500, seed=1).closes[0]  # without regimes nothing is another
    np.testing.assert_array_equal(both[0], market(jumps, 500, seed=1).closes[0])


def test_shocks_of_many_degrees_of_freedom_have_a_variance() -> None:
    returns = [np.diff(np.log(market(Garch(1e-4, 0.0, 0.0, nu=nu), 4000, seed=1).closes[0])) for nu in (1e6, 1e9)]
    np.testing.assert_allclose(returns[1], returns[0], rtol=2e-5, atol=1e-9)
    with pytest.raises(BadInput, match=r"nu is 1e\+18\. Hint: give a finite number, more than 2 and at most 1e\+09"):
        Garch(1e-4, 0.0, 0.0, nu=1e18)  # of which all shocks were 0


def test_bars_follow_each_other(monkeypatch) -> None:
    with pytest.raises(BadInput, match=r"bars every '-1D' do not follow each other: 2000-01-03"):
        market(GBM(), 5, freq="-1D")
    assert len(market(GBM(), 1, freq="-1D").times) == 1
    monkeypatch.setattr(market_times, "machine", lambda: types.SimpleNamespace(memory_available=1000))
    with pytest.raises(OverBudget, match=r"times of 50 bars take 1\.2 KB, and 1\.0 KB are free"):
        market(GBM(), 50)


def test_rows_are_drawn_into_arrays_that_can_take_them() -> None:
    rows = np.arange(40.0).reshape(20, 2)
    locked = np.empty((1, 20, 2))
    locked.flags.writeable = False
    small, own = rows.astype(np.float32), rows[None]
    for out, words in ((locked, "read-only"), ([1.0], "out is list"), (np.empty((1, 20, 2), np.float32), "a float64"),
                       (own, "memory of the rows that are drawn")):  # fmt: skip
        with pytest.raises(BadInput, match=words):
            bootstrap_rows(rows, 20, 4, out=out)
    with pytest.raises(BadInput, match="a float32 array"):
        bootstrap_rows(small, 20, 4, out=np.empty((1, 20, 2)))
    np.testing.assert_array_equal(rows, np.arange(40.0).reshape(20, 2))


def test_strata_may_be_those_of_a_channel(tmp_path) -> None:
    data = closes(300, kind=np.arange(300) // 7 % 3)
    samples = dataset(data, 90, SMALL | {"channels": ["close", "kind"], "index": BY_KIND})
    found = samples.batch(range(90))["x"][:, 1, -1]
    assert samples.windows.stratum_names == ("0", "1", "2")
    np.testing.assert_array_equal(found, np.arange(90) % 3)
    write_recipe(samples, tmp_path / "r")
    np.testing.assert_array_equal(open_dataset(tmp_path / "r").batch(range(90))["x"], samples.batch(range(90))["x"])


def test_labels_that_are_missing_are_no_stratum(tmp_path) -> None:
    kind = (np.arange(300) % 2).astype(float)
    kind[100:120] = np.nan
    for missing in (kind, pd.array(np.where(np.isnan(kind), 0, kind), "Int64"), kind.astype(object)):
        if not isinstance(missing, np.ndarray):
            missing[100:120] = pd.NA
        with pytest.raises(BadInput, match=r"'kind' has no label at row 100 and at the end of 20 windows in all"):
            dataset(closes(300, kind=missing), 10, SMALL | {"index": BY_KIND})
    with pytest.raises(BadInput, match=r"'kind' of symbol 'B' has no label at row 100"):
        dataset({"A": closes(300, kind=np.zeros(300)), "B": closes(300, kind=kind)}, 10, SMALL | {"index": BY_KIND})
    kind[100:120], kind[:3] = 1.0, np.nan  # no window ends there: what is not known yet is not asked for
    samples = dataset(closes(300, kind=kind), 10, SMALL | {"index": BY_KIND})
    assert samples.windows.stratum_names == ("0.0", "1.0")
    write_recipe(samples, tmp_path / "r")
    np.testing.assert_array_equal(open_dataset(tmp_path / "r").ends(range(10)), samples.ends(range(10)))


def test_labels_of_one_number_are_one_stratum() -> None:
    whole = np.arange(300) % 2
    two = {"A": closes(300, kind=whole), "B": closes(300, kind=whole.astype(float))}
    samples = dataset(two, 400, SMALL | {"index": BY_KIND})
    assert samples.windows.stratum_names == ("0", "1")
    np.testing.assert_array_equal((samples.batch(range(400))["idx"] - 1) % 2, np.arange(400) % 2)


def test_what_is_masked_is_missing() -> None:
    masked = np.ma.array(closes(300)["close"], mask=np.arange(300) == 50)
    with pytest.raises(BadInput, match=r"1 values that are not finite \(first at row 50\)"):
        dataset({"close": masked}, 10, SMALL)
    ends = dataset({"close": masked}, 5000, SMALL, nan="split").batch(range(5000))["idx"]
    assert not set(range(50, 55)) & set(ends.tolist())


def test_specs_in_another_order_are_other_specs() -> None:
    parts = {"train": 0.7, "test": 0.3}
    turned = dict(reversed(parts.items()))
    assert Split(parts) != Split(turned)
    assert Split(parts) == Split(dict(parts))
    assert SampleSpec(state=("equity", "position")) != SampleSpec(state=("position", "equity"))
    assert SampleSpec(split={"parts": parts}) != SampleSpec(split={"parts": turned})
    assert SampleSpec(seed=3) == SampleSpec(seed=3)
    assert hash(SampleSpec(seed=3)) == hash(SampleSpec(seed=3))
    assert SampleSpec() != "spec"
    assert Split() != "split"


@pytest.mark.parametrize("by", ["month", "symbol", "kind"])
@pytest.mark.parametrize("n", [2, 10, 61, 400])
def test_samples_of_strata_are_worth_what_counting_gives(by, n) -> None:
    two = {"A": frame(90, 1).assign(kind=np.arange(90) % 3 == 0), "B": frame(260, 2).assign(kind=np.arange(260) % 3)}
    spec = SampleSpec(6, index={"mode": "stratified", "by": by}, state=())
    found = np.array([counted(dataset(two, n, spec.with_(seed=seed))) for seed in range(250)])
    told = honesty(dataset(two, n, spec))
    error = found.std(axis=0) / np.sqrt(len(found))
    assert abs(told.unique_windows - found[:, 0].mean()) <= 4.0 * error[0] + 1e-9
    assert abs(told.mean_uniqueness - found[:, 1].mean()) <= 4.0 * error[1] + 1e-9


def test_strata_of_one_window_each_have_it_once() -> None:
    data = closes(100, kind=np.arange(100))
    samples = dataset(data, 96, SMALL | {"index": BY_KIND, "horizon": 1})
    told = honesty(samples)
    assert (told.unique_windows, told.reuse, told.bars) == (96.0, 1.0, 99)
    assert told.mean_uniqueness == pytest.approx(99 / (96 * 4), rel=1e-14)
    assert counted(samples) == (96, pytest.approx(told.mean_uniqueness, rel=1e-12))


def test_random_splits_warn_of_labels_too() -> None:
    shares = {"train": 0.7, "test": 0.3}
    spec = {"lookback": 1, "channels": ["close"], "index": "permuted"}
    with pytest.warns(AntiPattern, match=r"100% of the windows of later parts have bars of earlier parts in them or"):
        random_split(dataset(closes(300), 200, spec | {"horizon": 50}), shares)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        random_split(dataset(closes(300), 200, spec | {"horizon": 0}), shares)  # each bar is in one sample


@pytest.mark.filterwarnings("ignore::atomloom.errors.AntiPattern")
def test_random_parts_of_all_samples_leave_none_out() -> None:
    samples = dataset(closes(300), 10**18, SMALL)
    for shares in ({"a": 0.7, "b": 0.2, "c": 0.1}, {"a": 0.1, "b": 0.7, "c": 0.2}, {"a": 0.1, "b": 0.2, "c": 0.7}):
        parts = list(random_split(samples, shares).values())
        assert parts[0].start == 0
        assert parts[-1].stop == 10**18
        assert all(one.stop == two.start for one, two in itertools.pairwise(parts))


def test_what_memory_cannot_hold_is_refused_before_it_is_asked_for() -> None:
    samples = dataset(closes(300), 10**18, SMALL)
    for ask in (lambda: samples.raw_windows(range(10**13)), lambda: samples.iter(10**13),
                lambda: samples.shard(1, 3).iter(10**13)):  # fmt: skip
        with pytest.raises(OverBudget, match="samples take"):
            ask()
    assert len(dataset(closes(300), 10, SMALL).iter(10**13)) == 1


@pytest.mark.parametrize("dtype", ["float16", "int16"])
def test_small_numbers_take_no_more_memory_than_they_need(dtype) -> None:
    samples = dataset(bars(500), 10**6, SampleSpec(64, dtype=dtype, state=(), seed=2))
    samples.batch(range(8))  # compiled
    tracemalloc.start()
    found = samples.batch(range(60_000))["x"]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most < 1.3 * found.nbytes + 8_000_000  # it was seven times as much
    np.testing.assert_array_equal(found[2040:2060], samples.batch(range(2040, 2060))["x"])


def test_ratios_that_a_dtype_cannot_hold_are_refused() -> None:
    crash = {"close": np.array([1e6] * 20 + [1.0] * 20)}
    with pytest.raises(BadInput, match=r"close is up to 1e\+06 times .* in 3 windows, which float16 cannot hold"):
        dataset(crash, 5, SMALL | {"dtype": "float16"})
    assert np.isfinite(dataset(crash, 50, SMALL).batch(range(50))["x"]).all()
    dataset(crash, 5, SMALL | {"dtype": "int16"})  # has a rule: 3.2767 at most
    coins = {"tiny": {"close": crash["close"][20:] * 1e-8}, "large": {"close": crash["close"][:20]}}
    held = dataset(coins, 50, SMALL | {"dtype": "float16"}).batch(range(50))["x"]  # no window has both
    assert not held.any()
    with pytest.raises(BadInput, match=r"volume is up to 1e\+40 times .* float32 cannot hold .* dtype='float64'"):
        dataset(closes(40, volume=np.array([1e-30, 1e10] * 20)), 5,
                {"lookback": 2, "channels": ["volume"], "volume": "last"})  # fmt: skip


def test_no_column_of_a_frame_takes_the_place_of_another() -> None:
    for name in ("label", "idx", "close_scaled"):
        samples = dataset(closes(60, **{name: np.arange(60.0)}), 5, SMALL | {"channels": ["close", name]})
        with pytest.raises(BadInput, match=rf"two columns of the frame would be '{name}'"):
            samples.to_frame()
    assert dataset(closes(60), 5, SMALL).to_frame().columns.tolist() == ["idx", "close", "close_scaled", "label"]


def wanted(tables, spec, span) -> list[tuple[int, int, tuple[float, ...], float]]:
    """List symbol, idx, window and label of every window that a part may have, one by one."""
    found = []
    for symbol, table in enumerate(tables.values()):
        times, close = table.index.to_numpy(), table["close"].to_numpy()
        for i in range(spec.lookback, len(close) - spec.horizon + 1):
            rows = slice(i - spec.lookback, i + spec.horizon)
            inside = (times[rows] >= span[0]) & (times[rows] < span[1])
            near = spec.gap is None or (np.diff(times[rows]).astype(np.int64) <= spec.gap).all()
            if np.isfinite(close[rows]).all() and inside.all() and near:
                window = tuple((close[i - spec.lookback : i] / close[i - 1]).tolist())
                found.append((symbol, i, window, close[i + spec.horizon - 1] / close[i - 1] - 1.0))
    return sorted(found)


@pytest.mark.parametrize("embargo", [0, 3, "3D", "36h"])
@pytest.mark.parametrize("trial", range(5))
def test_parts_have_the_windows_that_looking_at_each_gives(embargo, trial) -> None:
    rng = np.random.default_rng(trial)
    tables = {}
    for name in ("a", "b", "c"):
        days = np.cumsum(rng.choice([1, 1, 1, 1, 2, 5], 120)) + rng.integers(0, 40)
        close = np.exp(rng.normal(0, 0.01, 120).cumsum())
        close[rng.random(120) < 0.02] = np.nan
        tables[name] = pd.DataFrame({"close": close}, index=np.datetime64("2020-01-01", "ns") + days * 86_400 * 10**9)
    lookback, horizon = (int(rng.integers(1, most)) for most in (8, 5))
    spec = SampleSpec(
        lookback, ("close",), state=(), index="permuted", dtype="float64", horizon=horizon,
        gap="3D" if trial % 2 else None, split={"parts": {"one": 0.5, "two": 0.2, "three": 0.3}, "embargo": embargo},
    )  # fmt: skip
    moments = np.unique(
        np.concatenate([table.index[np.isfinite(table["close"])].to_numpy() for table in tables.values()])
    )
    cuts = [round(share * len(moments)) for share in (0.0, 0.5, 0.7, 1.0)]
    for k, part in enumerate(spec.split.parts):
        begin = moments[cuts[k] + (embargo if k and isinstance(embargo, int) else 0)]
        begin += pd.Timedelta(embargo).to_timedelta64() if k and isinstance(embargo, str) else 0
        end = moments[cuts[k + 1]] if cuts[k + 1] < len(moments) else moments[-1] + 1
        expected = wanted(tables, spec, (begin, end))
        samples = dataset(tables, 2 * len(expected), spec, part=part, nan="split")
        batch = samples.batch(range(len(samples)))
        rows = zip(batch["symbol"].tolist(), batch["idx"].tolist(), map(tuple, batch["x"][:, 0].tolist()),
                   batch["label"].tolist(), strict=True)  # fmt: skip
        assert sorted(rows) == sorted(2 * expected)


@pytest.mark.parametrize("close", [0.0, -1.0, 1e-50])
def test_labels_are_returns_of_closes_that_the_dtype_tells_from_zero(close) -> None:
    with pytest.raises(BadInput, match=r"row 3, and labels are returns.*horizon=0"):
        dataset({"close": [1.0, 2.0, 3.0, close, 5.0]}, 9, {"lookback": 2, "channels": ["close"], "scale": "none"})
