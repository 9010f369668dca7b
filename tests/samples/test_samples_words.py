"""Errors and small faces of the core: what is refused and how, slices, loaders, strata of time, embargoes of time."""

import copy
import itertools
import pickle
import sys
import types

import numpy as np
import pandas as pd
import pytest
from bars_to_try import bars, frame

from atomloom.engine import budget
from atomloom.errors import BadInput, Infeasible, OverBudget
from atomloom.samples import (
    GBM,
    Computed,
    Garch,
    Heston,
    Index,
    JumpDiffusion,
    OrnsteinUhlenbeck,
    RegimeSwitching,
    SampleSpec,
    Split,
    Uniform,
    UnrealisedPnl,
    VolumeLink,
    asking,
    build_samples,
    dataset,
    honesty,
    market,
    open_dataset,
    random_split,
    trading_rules,
    write,
)
from atomloom.samples.market_checks import check_prices

SPEC = {"lookback": 8, "seed": 3}


@pytest.fixture
def made():
    return dataset(bars(100), 50, SPEC)


@pytest.fixture
def stored(made, tmp_path):
    return open_dataset(write(made, tmp_path / "out", format="npy").path)


CALLS = [
    (lambda: dataset(bars(100), 5, 5), r"spec is 5, which is int. Hint: a SampleSpec, or a mapping"),
    (lambda: dataset(bars(100), 5, []), r"spec is \[\], which is list"),
    (lambda: dataset(bars(100), 5, ["lookback"]), "spec is .*which is list"),
    (lambda: SampleSpec().with_(lookbak=3), "'lookbak'. Hint: did you mean 'lookback'"),
    (lambda: SampleSpec(lookbak=3), "'lookbak'. Hint: did you mean 'lookback'"),
    (lambda: Split(embrago=3), "a setting of split is 'embrago'. Hint: did you mean 'embargo'"),
    (lambda: Index(mod="uniform"), "did you mean 'mode'"),
    (lambda: Uniform(0, hihg=1), "did you mean 'high'"),
    (lambda: SampleSpec(channels=[["close"]]), r"channels has \['close'\]"),
    (lambda: SampleSpec(index={"mode": "stratified", "by": ["a"]}), r"by of index is \['a'\]"),
    (lambda: UnrealisedPnl(position=[1]), r"position of an unrealised P&L is \[1\]"),
    (lambda: SampleSpec(split=Split(np.array([1, 2]))), "parts of split is"),
    (lambda: SampleSpec(split={"train": 0.7, "test": 0.3}), r"under 'parts': split=\{'parts': \{'train': 0.7, 'test'"),
    (lambda: SampleSpec(split={"train": 0.7, "embargo": 5}), r"split=\{'parts': \{'train': 0.7\}, 'embargo': 5\}"),
    (lambda: SampleSpec(split={"part": {"train": 0.7}}), "did you mean 'parts'"),
    (lambda: SampleSpec(gap=True), "gap is True"),
    (lambda: SampleSpec(gap=1.5), "gap is 1.5"),
    (lambda: SampleSpec(gap="NaT"), "gap is 'NaT'"),
    (lambda: Split(embargo=True), "embargo is True"),
    (lambda: Split(embargo=-5), "embargo is -5"),
    (lambda: Split(embargo="-5"), "embargo is '-5'"),
    (lambda: Split(embargo="-5D"), "embargo is '-5D'. Hint: a length of time above 0"),
    (lambda: Split(embargo="5 parsecs"), "embargo is '5 parsecs'"),
    (lambda: SampleSpec.read(3), "path is 3"),
    (lambda: dataset(bars(100), 1e22), r"n is 1e\+22. Hint: .*at most 9,223,372,036,854,775,807"),
    (lambda: build_samples(bars(100), 5, [1]), r"cfg is \[1\]"),
    (lambda: honesty([1]), r"honesty\(\) is given a list"),
    (lambda: write([1], "out"), r"write\(\) is given a list"),
    (lambda: random_split([1], {"train": 1.0}), r"random_split\(\) is given a list"),
    (lambda: market(GBM(), 10).ticks(perbar=3), "'perbar'. Hint: did you mean 'per_bar'"),
    (lambda: market(GBM(), 10).ticks(per_bar=-1), r"^per_bar is -1. Hint"),
    (lambda: market(GBM(), 10).fill([0], []), "out is list. Hint: give a float64"),
    (lambda: market(GBM(), 10, names=3), "names are 3"),
    (lambda: RegimeSwitching(1.0, [0.0], [0.1]), "RegimeSwitching: shapes"),
]


@pytest.mark.parametrize(("call", "said"), CALLS)
def test_what_cannot_be_meant_is_refused_with_advice(call, said):
    with pytest.raises(BadInput, match=said) as caught:
        call()
    assert "Hint: " in str(caught.value)


def test_folders_are_no_settings(tmp_path):
    with pytest.raises(BadInput, match=r"cannot be read: .*Hint: give a TOML"):
        SampleSpec.read(tmp_path)


def test_specs_are_keys_and_keep_their_signature():
    one = SampleSpec(split=Split({"a": 0.5, "b": 0.5}, "2h"), state={"p": {"values": [1, 2]}})
    other = SampleSpec.from_dict(one.to_dict())
    assert one == other == copy.deepcopy(one) == pickle.loads(pickle.dumps(one))
    assert {one: 1}[other] == 1
    assert hash(one) != hash(one.with_(seed=9))
    assert "lookback: 'int' = 64" in str(__import__("inspect").signature(SampleSpec))


def test_slices_are_batches(made, stored):
    wanted = made.batch([2, 3])
    for source, asked in itertools.product((made, stored), (slice(2, 4), range(2, 4), [2, 3], np.array([2, 3]))):
        found = source[asked]
        assert found.keys() == wanted.keys()
        for name, array in wanted.items():
            np.testing.assert_array_equal(found[name], array)
    np.testing.assert_array_equal(made[-2:]["idx"], made.batch([48, 49])["idx"])
    np.testing.assert_array_equal(made[::-1]["idx"], made[:]["idx"][::-1])
    assert made[60:]["x"].shape == (0, 5, 8)
    assert made.to_arrow([]).num_rows == 0
    for asked, said in ((1.5, "asked for by 1.5"), ("x", "asked for by 'x'"), (slice("a"), "samples slice")):
        with pytest.raises(BadInput, match=said):
            made[asked]
    with pytest.raises(IndexError):
        made[50]


IDS = [([-1], "ids has -1, .*counts from the end"), (range(-2, 3), "ids has -2"), (range(45, 55), "ids has 54"),
       (np.array([2**63 + 5], dtype=np.uint64), "ids has 9,223,372,036,854,775,813"), ([2**70], "ids has 1,180,591"),
       ([[1], [1, 2]], "several lengths"), ([0.5], "Hint: a list of whole numbers")]  # fmt: skip


@pytest.mark.parametrize(("ids", "said"), IDS)
def test_numbers_that_are_none_are_named_as_they_were_given(made, ids, said):
    with pytest.raises(BadInput, match=said):
        made.batch(ids)


def test_more_than_fits_is_refused_before_it_is_allocated(tmp_path):
    large = dataset(bars(100), 10**12, SPEC)
    for call in (lambda: large.batch(slice(None)), lambda: large[:], lambda: large.to_frame(slice(None)),
                 lambda: large.to_arrow(range(10**11)), lambda: large.numbers(slice(None))):  # fmt: skip
        with pytest.raises(OverBudget, match=r"samples take .* are free. Hint: samples\.iter"):
            call()
    assert len(large.to_frame()) == 1000


def test_room_is_measured_by_what_is_asked_for(made, monkeypatch):
    free = budget.machine()
    monkeypatch.setattr(asking, "machine", lambda: types.SimpleNamespace(memory_available=2000))
    monkeypatch.setattr(asking, "_SMALL", 1000)
    assert free.memory_available > 2000
    with pytest.raises(OverBudget, match="50 samples take"):
        made[:]
    assert len(made.batch(range(50), out=made.empty(50))["idx"]) == 50  # 400 bytes of numbers


def test_arrays_that_cannot_be_filled(made, stored):
    for source in (made, stored):
        out = source.empty(2)
        out["idx"].flags.writeable = False
        with pytest.raises(BadInput, match=r"out\['idx'\] is read-only"):
            source.batch([1, 2], out=out)
        with pytest.raises(BadInput, match="out is list"):
            source.batch([1, 2], out=[])
        with pytest.raises(BadInput, match=r"out\['x'\] is list"):
            source.batch([1, 2], out=source.empty(2) | {"x": [1]})
        with pytest.raises(BadInput, match=r"out\['x'\] is missing"):
            source.batch([1, 2], out={})


def test_what_is_stored_has_the_same_faces(made, stored, monkeypatch):
    pd.testing.assert_frame_equal(stored.to_frame(range(5, 20)), made.to_frame(range(5, 20)))
    assert stored.to_frame().shape == (50, made.to_frame().shape[1])
    assert stored.to_arrow([3, 1]).equals(made.to_arrow([3, 1]))
    np.testing.assert_array_equal(stored.raw_windows([7]), made.raw_windows([7]))
    pipelines = types.SimpleNamespace(from_generator=lambda generate, output_signature: (generate, output_signature))
    fake = types.ModuleType("tensorflow")
    fake.TensorSpec, fake.as_dtype = (lambda shape, dtype: (shape, dtype)), (lambda dtype: dtype)
    fake.data = types.SimpleNamespace(Dataset=pipelines)
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    (theirs, signature), (ours, wanted) = stored.to_tf(20, shuffle=True), made.to_tf(20, shuffle=True)
    assert signature == wanted
    for one, other in zip(theirs(), ours(), strict=True):
        np.testing.assert_array_equal(one["x"], other["x"])
    for verb in (honesty, lambda samples: write(samples, "out"), lambda samples: random_split(samples, {"a": 1.0})):
        with pytest.raises(BadInput, match=r"stored already.*\.recipe\(\)"):
            verb(stored)


def test_every_iteration_has_a_place_of_its_own(made):
    for threads in (0, 2):
        batches = made.iter(20, shuffle=True, threads=threads)
        for one, other in zip(batches, batches, strict=True):
            np.testing.assert_array_equal(one["idx"], other["idx"])
        assert batches.state_dict()["epoch"] == 1
        seen = next(iter(batches))["idx"].copy()  # left behind: the next goes on
        rest = [batch["idx"].copy() for batch in batches]
        whole = np.concatenate([batch["idx"] for batch in made.iter(20, shuffle=True, epoch=1)])
        np.testing.assert_array_equal(np.concatenate([seen, *rest]), whole)


def test_an_older_iteration_does_not_move_the_place(made):
    batches = made.iter(20)
    older = iter(batches)
    next(older)
    state = batches.state_dict()
    list(batches)
    assert (batches.epoch, batches.state_dict()["done"]) == (1, 0)
    next(older)
    assert (batches.epoch, batches.state_dict()["done"]) == (1, 0)
    newest = iter(batches)
    batches.load_state_dict(state)
    next(newest)
    assert batches.state_dict() == state
    with pytest.raises(BadInput, match="state is int"):
        batches.load_state_dict(5)


def writes(u, batch):
    batch["x"][:] = 0.0
    return u[:, 0]


def writes_numbers(u, batch):
    u += 1.0
    return u[:, 0]


def view(u, batch):
    return batch["x"][:, 0, 0]


NOT_BY_ROW = {
    "mean": lambda u, _: u[:, 0] - u[:, 0].mean(),
    "sum": lambda u, _: np.cumsum(u[:, 0]),
    "first": lambda u, _: u[:, 0] - u[0, 0],
    "last": lambda u, _: u[:, 0] - u[-1, 0],
    "place": lambda u, _: np.arange(len(u)),
    "chance": lambda u, _: np.random.default_rng().random(len(u)),
    "rank": lambda u, _: np.argsort(np.argsort(u[:, 0])),
}


@pytest.mark.parametrize("name", NOT_BY_ROW)
def test_functions_whose_rows_are_not_their_own_are_refused(name):
    made = dataset(bars(100), 500, SampleSpec(8, state={"f": Computed(NOT_BY_ROW[name])}))
    with pytest.raises(BadInput, match=r"gives other values for some rows.*Hint: a row may depend"):
        made.batch(range(100))


def test_functions_cannot_change_what_they_are_given():
    for function in (writes, writes_numbers):
        made = dataset(bars(100), 500, SampleSpec(8, state={"f": Computed(function)}))
        with pytest.raises(BadInput, match=f"function {function.__name__} writes to what it is given"):
            made.batch(range(3))
    made = dataset(bars(100), 500, SampleSpec(8, state={"f": Computed(view)}))
    found = made.batch(range(20))
    np.testing.assert_array_equal(found["f"], found["x"][:, 0, 0])
    found["f"][:] = 7.0  # its own memory, which may be written to
    assert not (found["x"][:, 0, 0] == 7.0).any()


def test_functions_are_looked_at_once():
    sizes = []

    def noted(u, batch):
        sizes.append(len(u))
        return (batch["x"][:, 3] @ np.ones(8, np.float32)) * u[:, 0]  # a product may round otherwise for other sizes

    made = dataset(bars(100), 5000, SampleSpec(8, state={"f": Computed(noted)}))
    made[0]
    made.batch(range(1000))
    made.batch(range(1000))
    assert sizes == [1, 1000, 500, 1000]


def test_strata_of_time_are_called_by_their_time():
    table = frame(500, start="2020-11-15")
    wanted = {
        "year": ["2020", "2021", "2022"],
        "quarter": ["2020Q4", "2021Q1", "2021Q2", "2021Q3", "2021Q4", "2022Q1"],
        "month": table.index.strftime("%Y-%m").unique().tolist(),
    }
    for by, names in wanted.items():
        made = dataset(table, 60, {"lookback": 8, "index": {"mode": "stratified", "by": by}})
        assert list(made.windows.stratum_names) == names
        last = table.index[made.batch(range(60))["idx"] - 1]
        found = {"year": last.strftime("%Y"), "month": last.strftime("%Y-%m")}.get(by, last.to_period("Q").astype(str))
        assert set(found) == set(names)


def test_an_embargo_may_be_a_length_of_time():
    table = frame(200, freq="h")
    spec = SampleSpec(8, horizon=1)
    for same in ("1D", "24h", np.timedelta64(1, "D"), pd.Timedelta("1D"), pd.Timedelta(24, "h").to_pytimedelta()):
        split = Split({"train": 0.5, "test": 0.5}, embargo=same)
        assert split == Split({"train": 0.5, "test": 0.5}, "1D")
        for part in ("train", "test"):
            own, other = (dataset(table, 10, spec.with_(split=each), part=part).windows
                          for each in (split, Split({"train": 0.5, "test": 0.5}, 24)))  # fmt: skip
            np.testing.assert_array_equal(own.offsets, other.offsets)
            np.testing.assert_array_equal(own.ends, other.ends)
    assert SampleSpec.from_dict(spec.with_(split=split).to_dict()) == spec.with_(split=split)


def test_an_embargo_of_time_is_the_same_for_all_symbols():
    often, rarely = frame(2400, freq="h"), frame(100, seed=1, freq="D")
    split = Split({"train": 0.5, "test": 0.5}, embargo="5D")
    made = dataset({"A": often, "B": rarely}, 10, SampleSpec(4, horizon=0, split=split), part="test")
    first = [int(made.series.rows[end - 4]) for end in made.windows.ends]
    border = often.index[1200]
    assert often.index[first[0]] == border + pd.Timedelta("5D")
    assert rarely.index[first[1]] == rarely.index[rarely.index >= border + pd.Timedelta("5D")][0]


def test_an_embargo_that_leaves_nothing_is_said():
    for embargo, said in ((40, "20 times long, and the embargo of 40"), ("30D", "long, and the embargo of 30D")):
        split = Split({"train": 0.8, "test": 0.2}, embargo=embargo)
        with pytest.raises(Infeasible, match=f"part 'test' is .*{said} leaves nothing"):
            dataset(frame(100), 10, SampleSpec(4, split=split), part="test")
        assert len(dataset(frame(100), 10, SampleSpec(4, split=split), part="train").windows) == 76
    with pytest.raises(BadInput, match="embargo is '5D' and the data has no times"):
        dataset(bars(100), 10, SampleSpec(4, split=Split(embargo="5D")), part="test")


def test_bars_are_not_copied_more_than_once():
    table = frame(1000).reset_index(names="time")
    made = dataset(table, 10, SPEC)
    before = made.series.times.copy()
    wanted = made.batch(range(10))["x"].copy()
    table["time"] += pd.Timedelta("1D")
    table.loc[:, ["open", "high", "low", "close"]] *= 2.0
    np.testing.assert_array_equal(made.series.times, before)
    np.testing.assert_array_equal(made.batch(range(10))["x"], wanted)
    assert np.shares_memory(made.series.close, made.series.values)


@pytest.mark.parametrize("kind", ["float64", "float32"])
@pytest.mark.parametrize(("model", "seen"), [
    (GBM(mu=-50.0), "0.0 at bar"), (GBM(mu=50.0), "inf at bar"), (Garch(5.0, 0.1, 0.85), "at bar"),
    (OrnsteinUhlenbeck(1e6, sigma=100.0), "at bar"), (JumpDiffusion(0, 0.01, 100, 10, 10), "0.0 at bar"),
    (Heston(theta=100.0, xi=10.0), "at bar"), (RegimeSwitching([[1.0]], [30.0], [0.0]), "inf at bar"),
])  # fmt: skip
def test_markets_that_leave_what_numbers_can_hold_are_refused(model, seen, kind):
    paths = market(model, 3000, n_paths=5, n_assets=2)
    with pytest.raises(BadInput, match=f"price of asset . of path 3 is .*{seen}.*beyond {kind}. Hint: a smaller"):
        paths.fill([3, 4], np.empty((2, 2, 3000), dtype=kind))
    with pytest.raises(BadInput, match=r"of path 4 is .*beyond float64"):
        paths.ohlcv(4, 0)


def test_the_first_bad_price_is_named():
    table = np.ones((3, 2, 4))
    table[2, 1, 3], table[1, 0, 2] = np.nan, 0.0
    with pytest.raises(BadInput, match=r"price of asset 0 of row 1 is 0.0 at bar 2: beyond float64"):
        check_prices(table, "row {}".format, 2)
    check_prices(table[:1], str)


def test_volumes_and_grids_that_leave_what_numbers_can_hold():
    loud = market(GBM(), 50, volume=VolumeLink(1e300, response=100.0, noise=50.0))
    with pytest.raises(BadInput, match="the volume of path 0 is inf at bar"):
        loud.ohlcv()
    with pytest.raises(BadInput, match=r"a bar has a volume of .*below 2\^53"):
        market(GBM(), 50, volume=VolumeLink(1e17)).ticks()
    with pytest.raises(BadInput, match=r"tick_size is 1e-20, and prices go up to .*2\^53 steps"):
        market(GBM(), 50).ticks(tick_size=1e-20)


def test_models_beyond_all_markets_are_refused():
    for made in (lambda: GBM(sigma=1e200), lambda: GBM(mu=101), lambda: OrnsteinUhlenbeck(5, mean=1e5),
                 lambda: Garch(1e5, 0.1, 0.8), lambda: Heston(xi=1e5), lambda: Heston(v0=1e300),
                 lambda: RegimeSwitching([[1.0]], [0.0], [1e200])):  # fmt: skip
        with pytest.raises(BadInput, match="at most"):
            made()


def test_meshes_that_leave_what_numbers_can_hold_are_refused():
    small = {"n_paths": 100, "max_bars": 10}
    for name, value in (("forecast", 1e200), ("sigma", 1e-200), ("sigma", 1e200), ("half_life", 1e300)):
        with pytest.raises(BadInput, match=f"{name} is .*1e\\+100"):
            trading_rules(**{"forecast": 0, "half_life": 5, name: value}, **small)
    with pytest.raises(BadInput, match="profit_takes are"):
        trading_rules(0, 5, profit_takes=[1, 1e200], **small)
    extreme = trading_rules(0, 5, sigma=1e99, **small)
    plain = trading_rules(0, 5, **small)
    np.testing.assert_allclose(extreme.sharpe, plain.sharpe, rtol=1e-9)
    assert np.isnan(trading_rules(1e22, 5, **small).error).all()  # certain trades: no error to speak of
