"""Datasets: batches, epochs, shards, places to go on from, and what comes out of windows that must not meet."""

import itertools
import pickle
import time

import numpy as np
import pandas as pd
import pytest
from bars_to_try import bars, frame

from atomloom.errors import BadInput, Infeasible
from atomloom.samples import Computed, EntryPrice, SampleSpec, Split, dataset


def joined(batches):
    """Batches one after the other; copies."""
    found = {}
    for batch in batches:
        for name, array in batch.items():
            found.setdefault(name, []).append(array.copy())
    return {name: np.concatenate(arrays) for name, arrays in found.items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.fixture(scope="module")
def plain():
    return dataset(
        bars(200), 2500, SampleSpec(16, seed=1, state=("equity", "position", "entry_price", "unrealised_pnl"))
    )


@pytest.mark.parametrize("batch_size", [1, 7, 256, 2500, 9999])
@pytest.mark.parametrize("threads", [0, 1, 3])
@pytest.mark.parametrize("reuse", [False, True])
def test_bytes_do_not_depend_on_batches_threads_or_order(plain, batch_size, threads, reuse):
    whole = plain.batch(range(2500))
    assert_same(joined(plain.iter(batch_size, threads=threads, reuse=reuse)), whole)
    ids = np.random.default_rng(0).permutation(2500)
    assert_same(plain.batch(ids), {name: array[ids] for name, array in whole.items()})
    assert_same({name: np.array([value]) for name, value in plain[7].items()}, plain.batch([7]))
    assert plain[-1]["idx"] == whole["idx"][-1]


def test_out_is_filled(plain):
    out = plain.empty(3)
    given = {name: array.ctypes.data for name, array in out.items()}
    found = plain.batch([5, 5, 9], out=out)
    assert {name: array.ctypes.data for name, array in found.items()} == given
    assert_same(found, plain.batch([5, 5, 9]))
    with pytest.raises(BadInput, match=r"out\['x'\] is float32 of shape \(3, 5, 16\).*empty\(4\)"):
        plain.batch([1, 2, 3, 4], out=out)


def test_a_dataset_of_a_million_millions_opens_at_once(plain):
    start = time.perf_counter()
    large = dataset(bars(200), 10**12, plain.spec)
    assert time.perf_counter() - start < 5.0  # not a timing: a list of ids would take hours
    assert len(large) == 10**12
    assert len(large.iter(1024, shuffle=True)) == 976_562_500
    assert_same(large.batch([3]), plain.batch([3]))
    assert large[10**12 - 1]["x"].shape == (5, 16)
    with pytest.raises(IndexError):
        large[10**12]


def test_an_epoch_can_be_left_and_taken_up(plain):
    whole = [batch["idx"].copy() for batch in plain.iter(64, shuffle=True, epoch=3)]
    first = plain.iter(64, shuffle=True, epoch=3, threads=2)
    seen = [batch["idx"] for batch in itertools.islice(first, 10)]
    state = pickle.loads(pickle.dumps(first.state_dict()))
    assert len(pickle.dumps(state)) < 300
    second = plain.iter(32, shuffle=True)  # another batch size
    second.load_state_dict(state)
    rest = [batch["idx"] for batch in second]
    np.testing.assert_array_equal(np.concatenate(seen + rest), np.concatenate(whole))
    assert (second.epoch, second.state_dict()["done"]) == (4, 0)
    with pytest.raises(BadInput, match="shuffle"):
        plain.iter(64).load_state_dict(state)
    other = dataset(bars(200), 2500, plain.spec.with_(seed=2)).iter(64, shuffle=True)
    with pytest.raises(BadInput, match=r"recipe.*same data, spec"):
        other.load_state_dict(state)


@pytest.mark.parametrize("world", [1, 2, 3, 7])
@pytest.mark.parametrize("shuffle", [False, True])
def test_shards_have_every_sample_once_and_may_change_in_number(plain, world, shuffle):
    parts = [joined(plain.shard(rank, world).iter(50, shuffle=shuffle)) for rank in range(world)]
    assert sum(len(part["idx"]) for part in parts) == 2500
    ids = np.concatenate(
        [plain.shard(r, world).iter(9, shuffle=shuffle).ids(0, len(plain.shard(r, world)), 0) for r in range(world)]
    )
    np.testing.assert_array_equal(np.sort(ids), np.arange(2500))
    done = plain.shard(0, world).iter(6, shuffle=shuffle)
    for _ in itertools.islice(done, 7):
        pass
    state = done.state_dict()  # 7 batches of 6 are done by each of `world`
    alone = plain.iter(50, shuffle=shuffle)
    alone.load_state_dict(state)
    whole = joined(plain.iter(50, shuffle=shuffle))["idx"]
    np.testing.assert_array_equal(joined(alone)["idx"], whole[42 * world :])
    if world == 2:
        with pytest.raises(BadInput, match="cannot share evenly"):
            plain.shard(0, 5).iter(9, shuffle=shuffle).load_state_dict(state)


def test_drop_last(plain):
    assert [len(batch["idx"]) for batch in plain.iter(1000, drop_last=True)] == [1000, 1000]
    assert len(plain.iter(1000, drop_last=True)) == 2


def test_an_error_in_a_thread_is_seen():
    def broken(u, batch):
        raise RuntimeError("as told")

    made = dataset(bars(), 100, SampleSpec(8, state={"f": Computed(broken)}))
    with pytest.raises(RuntimeError, match="as told"):
        list(made.iter(10, threads=2))


def test_a_function_of_the_user_is_a_field():
    def ratio(u, batch):
        return batch["x"][:, 3, 0] * u[:, 1]

    made = dataset(bars(), 100, SampleSpec(8, seed=3, state={"f": Computed(ratio, draws=2), "action": None}))
    found = made.batch(range(100))
    assert_same(joined(made.iter(7)), found)
    assert (found["f"] / found["x"][:, 3, 0]).max() < 1.0
    assert "f" not in made.fields
    with pytest.raises(BadInput, match="'module:name'"):
        made.spec.to_dict()
    wrong = dataset(bars(), 10, SampleSpec(8, state={"f": Computed(lambda u, _: u[:1, 0])}))
    with pytest.raises(BadInput, match=r"gave shape \(1,\) for 10 samples"):
        wrong.batch(range(10))


def test_windows_stay_inside_symbols_and_gaps():
    data = {"A": frame(50, 1), "B": frame(30, 2), "C": frame(12, 3)}
    data["B"] = data["B"].drop(data["B"].index[14:18])
    spec = SampleSpec(10, gap="2D", horizon=2, state=())
    made = dataset(data, 5000, spec)
    found = made.batch(range(5000))
    assert set(found["symbol"].tolist()) == {0, 1, 2}
    for number in range(0, 5000, 41):
        table = data["ABC"[found["symbol"][number]]]
        end = found["idx"][number]
        part = table.iloc[end - 10 : end + 2]
        assert part.index[-1] - part.index[0] == pd.Timedelta("11D")
        np.testing.assert_array_equal(
            found["x"][number, 3], part["close"].to_numpy(np.float32)[:10] / np.float32(part["close"].iloc[9])
        )
    assert len(made.windows) == (50 - 11) + (14 - 11) + (12 - 11) + (12 - 11)


def test_rows_that_are_left_out_are_gaps():
    columns = bars(60)
    columns["open"][20] = np.nan
    with pytest.raises(
        BadInput, match=r"open of data has 1 values that are not finite \(first at row 20\).*nan='split'"
    ):
        dataset(columns, 10, SampleSpec(8))
    found = dataset(columns, 4000, SampleSpec(8, state=()), nan="split").batch(range(4000))["idx"]
    assert set(found.tolist()) == {*range(8, 20), *range(29, 60)}


def test_parts_of_a_split_share_no_bar():
    data = {"A": frame(400, 1), "B": frame(250, 2, start="2020-03-01")}
    spec = SampleSpec(20, horizon=5, split=Split({"train": 0.6, "validation": 0.2, "test": 0.2}, embargo=7), state=())
    seen = {}
    for part in spec.split.parts:
        found = dataset(data, 20_000, spec, part=part).batch(range(20_000))
        days = set()
        for symbol, end in set(zip(found["symbol"].tolist(), found["idx"].tolist(), strict=True)):
            index = data["AB"[symbol]].index
            days |= {("AB"[symbol], day) for day in index[end - 20 : end + 5]}
        seen[part] = days
    dates = {part: {day for _, day in days} for part, days in seen.items()}
    assert max(dates["train"]) + pd.Timedelta("8D") <= min(dates["validation"])
    assert max(dates["validation"]) + pd.Timedelta("8D") <= min(dates["test"])
    with pytest.raises(BadInput, match="say which part"):
        dataset(data, 10, spec)
    with pytest.raises(BadInput, match="did you mean 'train'"):
        dataset(data, 10, spec, part="trian")
    with pytest.raises(Infeasible, match=r"part 'test'.*longest stretch"):
        dataset(data, 10, spec.with_(lookback=200), part="test")


def test_small_types_are_as_near_as_they_say():
    columns = bars(120)
    exact = dataset(columns, 500, SampleSpec(16, dtype="float64")).batch(range(500))["x"]
    prices = exact[:, :4] - 1.0
    half = dataset(columns, 500, SampleSpec(16, dtype="float16")).batch(range(500))["x"]
    assert half.dtype == np.float16
    assert np.abs(half[:, :4] - prices).max() <= 5e-4 * np.abs(prices).max() + 1e-7
    whole = dataset(columns, 500, SampleSpec(16, dtype="int16")).batch(range(500))["x"]
    assert whole.dtype == np.int16
    assert np.abs(whole[:, :4] / 1e4 - prices).max() <= 5.1e-5
    assert np.abs(whole[:, 4] / 1e4 - exact[:, 4]).max() <= 5.1e-5


def test_a_frame_has_the_columns_of_the_reference_design(plain):
    table = plain.to_frame(range(4))
    assert list(table)[:3] == ["idx", "equity", "position"]
    assert [name for name in table if "open" in name] == ["open", "open_scaled"]
    row = table.iloc[2]
    raw = np.asarray(row["close"])
    np.testing.assert_array_equal(row["close_scaled"], raw / raw[-1])
    np.testing.assert_array_equal(raw, bars(200)["close"].astype(np.float32)[row["idx"] - 16 : row["idx"]])


def test_arrow_holds_the_same_numbers(plain):
    table = plain.to_arrow([4, 9])
    batch = plain.batch([4, 9])
    assert table["id"].to_pylist() == [4, 9]
    np.testing.assert_array_equal(table["x"].combine_chunks().to_numpy_ndarray(), batch["x"])
    np.testing.assert_array_equal(table["equity"].to_numpy(), batch["equity"])


def test_a_dataset_travels(plain):
    assert_same(pickle.loads(pickle.dumps(plain)).batch([1, 2]), plain.batch([1, 2]))
    spec = SampleSpec.from_dict(plain.spec.to_dict())
    assert spec.digest() == plain.spec.digest()
    assert spec.with_(state={"entry_price": EntryPrice(4)}).digest() != spec.digest()
    assert SampleSpec(state=("action", "position")).digest() != SampleSpec(state=("position", "action")).digest()
