"""Recipes on the disk: exact to the bit, small, whole or by name, of all parts; and bars out of trades."""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.data import es_2013_09
from atomloom.errors import BadInput, Infeasible, StoreError
from atomloom.samples import dataset, honesty, open_dataset, verify, write, write_recipe
from atomloom.samples.formats.hashing import hash_of
from atomloom.samples.parts import all_parts, divided
from atomloom.samples.recipe import FILE, looked_at, open_parts
from atomloom.samples.series import Series, _digest
from atomloom.samples.series_files import FILE as SERIES
from atomloom.samples.series_files import contents_of, series_from
from atomloom.samples.store_bars import bars_of, bars_of_store, width_of
from atomloom.store import open_store

SPLIT = {"parts": {"train": 0.6, "test": 0.4}, "embargo": 5}


def walk(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    close = np.exp(rng.normal(0, 0.01, n).cumsum())
    first = np.append(close[0], close[:-1])
    return {
        "time": np.datetime64("2020-01-01", "ns") + np.arange(n) * np.timedelta64(61, "s"), "open": first,
        "high": np.maximum(first, close) * 1.01, "low": np.minimum(first, close) * 0.99, "close": close,
        "volume": rng.integers(0, 1000, n) * 1.0,
    }  # fmt: skip


def same_series(one, two) -> None:
    for name in ("values", "close", "first", "runs", "rows", "times"):
        old, new = getattr(one, name), getattr(two, name)
        assert (old is None) == (new is None), name
        if old is not None:
            assert (old.dtype, old.shape, old.tobytes()) == (new.dtype, new.shape, new.tobytes()), name
            assert not new.flags.writeable
    assert (one.channels, one.symbols, one.digest) == (two.channels, two.symbols, two.digest)
    arrays = [getattr(two, name) for name in ("values", "close", "first", "runs", "rows", "times")]
    assert _digest(arrays, two.channels, two.symbols, two.labels) == one.digest


def holed() -> dict[str, dict[str, np.ndarray]]:
    own = walk(500)
    own["close"][[0, 7, 8, 300]] = np.nan
    return {"B": own | {"kind": np.array(["x", "é\0", None, ""] * 125, dtype=object)},
            "": walk(90, 1) | {"kind": np.array(["x"] * 90, dtype=object)}}  # fmt: skip


def nasty() -> dict[str, np.ndarray]:
    tiny = [-0.0, 0.0, 5e-324, -1.7e308, 1.7e308, 1.0 / 3.0, 2.0**60, -(2.0**-60)]
    return {"row": np.array(tiny * 5), "time_": np.array(tiny[::-1] * 5), "label": np.arange(40.0)}


@pytest.mark.parametrize(
    ("data", "spec", "how"),
    [
        (walk(300), {}, {}),
        (walk(300), {"dtype": "float64"}, {}),
        (walk(300), {"channels": ["volume", "high"]}, {}),  # closes beside the channels
        ({"close": np.arange(1.0, 60.0)}, {"channels": ["close"]}, {}),  # no times
        (holed(), {"index": {"mode": "stratified", "by": "kind"}}, {"nan": "split"}),
        (nasty(), {"dtype": "float64", "channels": ["row", "time_", "label"], "scale": "none", "horizon": 0}, {}),
        (nasty() | {"time": walk(40)["time"]}, {"dtype": "float64", "channels": ["row", "time_", "label"],
                                                "scale": "none", "horizon": 0}, {}),
    ],
)  # fmt: skip
def test_a_recipe_gives_back_every_bit(tmp_path, data, spec, how) -> None:
    samples = dataset(data, 10**12, {"lookback": 8, "seed": 3} | spec, **how)
    size = write_recipe(samples, tmp_path / "r", "mine")
    assert size == sum(place.stat().st_size for place in (tmp_path / "r").iterdir())
    again = open_dataset(tmp_path / "r")
    same_series(samples.series, again.series)
    assert {name: [str(v) for v in column] for name, column in samples.series.labels.items()} == {
        name: list(column) for name, column in again.series.labels.items()
    }
    ids = [0, 10**12 - 1, 123_456_789]
    for name, column in samples.batch(ids).items():
        assert column.tobytes() == again.batch(ids)[name].tobytes(), name
    assert verify(tmp_path / "r").ok
    assert write_recipe(samples, tmp_path / "again", "mine") == size
    assert {p.name: p.read_bytes() for p in (tmp_path / "again").iterdir()} == {
        p.name: p.read_bytes() for p in (tmp_path / "r").iterdir()
    }


def test_a_recipe_of_ticks_is_small_and_any_tool_reads_it(tmp_path) -> None:
    from atomloom.app.bars_input import read
    from atomloom.app.samples_settings import BarSource

    bars = read((), BarSource()).data
    samples = dataset(bars, 10**12, {"dtype": "float64"})
    assert write_recipe(samples, tmp_path) < 150_000  # 1.6 MB as plain arrays
    frame = pd.read_parquet(tmp_path / SERIES)
    assert list(frame) == ["open", "high", "low", "close", "volume", "time"]
    for name in frame.columns[:-1]:
        assert np.array_equal(frame[name], bars[name])
    assert np.array_equal(frame["time"].dt.tz_localize(None), pd.Series(bars["time"]))


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(st.sampled_from(["close", "time", "row", "symbol", "é", "a b", "close_"]), min_size=1, unique=True),
    lengths=st.lists(st.integers(1, 40), min_size=1, max_size=4), kind=st.sampled_from(["<f4", "<f8"]),
    seed=st.integers(0, 2**32 - 1), own=st.booleans(), timed=st.booleans(), quick=st.booleans(),
)  # fmt: skip
def test_any_series_comes_back(names, lengths, kind, seed, own, timed, quick) -> None:
    rng = np.random.default_rng(seed)
    rows = sum(lengths)
    bits = rng.integers(0, 2 ** (8 * int(kind[2])), (len(names) + 1, rows), dtype=np.uint64)
    values = np.nan_to_num(bits.astype(f"<u{kind[2]}").view(kind), copy=False, nan=1.5)
    first = np.concatenate([[0], np.cumsum(lengths)])
    runs = np.array([(k, first[k], first[k + 1]) for k in range(len(lengths))], dtype=np.int64)
    times = rng.integers(-(2**62), 2**62, rows) if timed else None
    series = Series(
        values[:-1], values[-1] if own else None, tuple(names), tuple(f"S{k}" for k in range(len(lengths))), first,
        runs, rng.integers(0, 2**40, rows), times, {"time": np.array(["x"] * rows, dtype=object)} if own else {}, "d",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("atomloom.samples.series_files._SMALL", 0 if quick else 1 << 24)
        contents = contents_of(series)
        (Path(folder) / SERIES).write_bytes(contents[SERIES])
        again = series_from(Path(folder), {SERIES: hash_of(contents[SERIES])}, "d")
    for name in ("values", "close", "first", "runs", "rows", "times"):
        old, new = getattr(series, name), getattr(again, name)
        assert old is new is None or (old.dtype, old.tobytes()) == (new.dtype, new.tobytes()), name
    assert (again.channels, again.symbols, again.labels.keys()) == (
        series.channels,
        series.symbols,
        series.labels.keys(),
    )


def test_rows_that_follow_are_not_kept() -> None:
    import io

    import pyarrow.parquet as pq

    def columns(samples) -> list[str]:
        return pq.ParquetFile(io.BytesIO(contents_of(samples.series)[SERIES])).schema_arrow.names

    spec = {"lookback": 8, "channels": ["close"]}
    assert columns(dataset({"A": walk(60), "B": walk(50, 1)}, 9, spec)) == ["close", "time", "symbol"]
    assert columns(dataset(holed()["B"], 9, spec, nan="split")) == ["close", "time", "row"]
    assert columns(dataset(walk(50), 9, spec | {"channels": ["low"]})) == ["low", "close", "time"]


def test_a_recipe_by_name_has_no_bars_and_takes_no_others(tmp_path) -> None:
    bars = walk(5000)
    samples = dataset(bars, 10**9, {"lookback": 8}, bad_bars="keep")
    named = {"files": [{"path": "p.csv"}], "bad_bars": "keep"}
    assert write_recipe(samples, tmp_path, named=named) < 3000
    assert [place.name for place in tmp_path.iterdir()] == [FILE]
    with pytest.raises(BadInput, match=r"names its bars \(p.csv\) and has no copy of them. Hint: open_dataset"):
        open_dataset(tmp_path)
    again = open_dataset(tmp_path, data=bars)
    assert again.digest == samples.digest
    assert again.batch([5])["x"].tobytes() == samples.batch([5])["x"].tobytes()
    other = bars | {"volume": bars["volume"] + (np.arange(5000) == 4000)}
    with pytest.raises(BadInput, match="data has other bars"):
        open_dataset(tmp_path, data=other)
    assert verify(tmp_path).ok  # as far as it goes: what there is of it


def test_a_store_is_taken_for_the_bars_that_a_recipe_names(tmp_path) -> None:
    with open_store(es_2013_09()) as store:
        samples = dataset(store, 100, timeframe="1min")
        write_recipe(samples, tmp_path, named={"timeframe": "1min"})
        assert open_dataset(tmp_path, data=store).digest == samples.digest


def test_parts_are_opened_by_name(tmp_path) -> None:
    first = dataset(walk(900), 1, {"lookback": 8, "split": SPLIT}, part="train")
    parts = all_parts(first, 1000)
    for name, samples in parts.items():
        alone = dataset(walk(900), len(samples), {"lookback": 8, "split": SPLIT}, part=name)
        assert (samples.digest, len(samples)) == (alone.digest, len(alone))
        assert samples.batch([0, 5])["x"].tobytes() == alone.batch([0, 5])["x"].tobytes()
    write_recipe(parts, tmp_path / "run" / "recipe")
    for folder in (tmp_path / "run", tmp_path / "run" / "recipe"):
        assert len(open_dataset(folder, part="train")) == 600
        assert open_dataset(folder, "test").digest == parts["test"].digest
        with pytest.raises(BadInput, match=r"has parts train, test. Hint: say which: part='train'"):
            open_dataset(folder)
        with pytest.raises(BadInput, match="has no part 'tset': it has train, test"):
            open_dataset(folder, "tset")
    assert open_parts(tmp_path / "run" / "recipe").keys() == parts.keys()
    told = json.loads((tmp_path / "run" / "recipe" / FILE).read_text())
    assert told["parts"][1]["honesty"] == honesty(parts["test"]).to_dict()
    write(parts["test"], tmp_path / "run" / "samples" / "test", format="npy")
    assert open_dataset(tmp_path / "run", "test").path == tmp_path / "run" / "samples" / "test"
    assert open_dataset(tmp_path / "run", "train").digest == parts["train"].digest  # no files yet: computed
    with pytest.raises(BadInput, match="has parts train, test"):
        open_dataset(tmp_path / "run")
    write(parts["train"], tmp_path / "run" / "samples" / "train", format="npy")
    found = verify(tmp_path / "run", recompute=True)
    assert (found.ok, found.rows, found.shards) == (True, 1000, 2)
    shutil.rmtree(tmp_path / "run" / "recipe")
    with pytest.raises(BadInput, match="has parts train, test"):
        open_dataset(tmp_path / "run")
    shard = tmp_path / "run" / "samples" / "test" / "shard-00000000.x.npy"
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x7f")
    found = verify(tmp_path / "run")
    assert not found.ok
    assert found.problems[0].startswith("samples/test/shard-00000000.x.npy")


def test_one_part_alone_and_no_split(tmp_path) -> None:
    write_recipe(dataset(walk(900), 50, {"lookback": 8, "split": SPLIT}, part="test"), tmp_path / "test")
    assert open_dataset(tmp_path / "test").part == "test"
    with pytest.raises(BadInput, match=r"has no part 'train': it has test. Hint: part='test'"):
        open_dataset(tmp_path / "test", "train")
    write(dataset(walk(90), 50, {"lookback": 8}), tmp_path / "plain", format="npy")
    with pytest.raises(BadInput, match="has no part 'train': it is of no split"):
        open_dataset(tmp_path / "plain", "train")
    write_recipe(dataset(walk(90), 50, {"lookback": 8}), tmp_path / "whole")
    with pytest.raises(BadInput, match=r"it is of no split. Hint: leave part out"):
        open_dataset(tmp_path / "whole", "train")


def test_what_was_changed_is_found(tmp_path) -> None:
    write_recipe(dataset(walk(90), 50, {"lookback": 8}), tmp_path)
    place, series = tmp_path / FILE, tmp_path / SERIES
    whole, bars = place.read_text(), series.read_bytes()
    for old, new, said in (
        ('"n": 50', '"n": 51', "not as it was written"), ('"seed": 0', '"seed": 1', "not as it was written"),
        ('"version": 2', '"version": 1', "no recipe of version 2"), ("{", "", "no JSON"),
    ):  # fmt: skip
        place.write_text(whole.replace(old, new, 1))
        with pytest.raises(StoreError, match=said):
            open_dataset(tmp_path)
        found = verify(tmp_path)
        assert not found.ok
        assert said in found.summary()
    place.write_text(whole)
    for content in (bars[:-9] + b"x" + bars[-8:], bars[: len(bars) // 2]):
        series.write_bytes(content)
        with pytest.raises(StoreError, match=r"series.parquet is not as it was written"):
            open_dataset(tmp_path)
    series.unlink()
    assert "series.parquet" in looked_at(tmp_path)[2][0]
    assert "copy it again" in verify(tmp_path).summary()


def test_numbers_are_divided_without_loss() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        shares = {str(k): float(share) for k, share in enumerate(rng.random(int(rng.integers(1, 6))) + 0.01)}
        n = int(rng.integers(1000, 10**15))
        found = divided(n, shares)
        assert sum(found.values()) == n
        for name, share in shares.items():
            assert abs(found[name] - n * share / sum(shares.values())) < 1 + n * 1e-10
    with pytest.raises(BadInput, match="n is 1, of which part 'b' would have none"):
        divided(1, {"a": 0.7, "b": 0.3})
    with pytest.raises(BadInput, match="samples have no split"):
        all_parts(dataset(walk(90), 50, {"lookback": 8}), 10)
    first = dataset(walk(60), 1, {"lookback": 8, "split": {"parts": {"a": 0.9, "b": 0.1}}}, part="a")
    with pytest.raises(Infeasible, match="part 'b'"):
        all_parts(first, 100)


def test_another_recipe_is_not_written_over(tmp_path) -> None:
    samples = dataset(walk(90), 50, {"lookback": 8})
    assert write_recipe(samples, tmp_path / "a") == write_recipe(samples, str(tmp_path / "a"))
    with pytest.raises(BadInput, match="holds another recipe"):
        write_recipe(dataset(walk(90), 51, {"lookback": 8}), tmp_path / "a")
    done = write(dataset(walk(91), 50, {"lookback": 8}), tmp_path / "b", format="npy")
    with pytest.raises(BadInput, match="holds files of samples"):
        write_recipe(samples, tmp_path / "b")
    assert verify(done.path, recompute=True).ok
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"could not be written: .*Hint"):
        write_recipe(samples, tmp_path / "file" / "c")


def test_parts_of_two_series_are_no_recipe(tmp_path) -> None:
    spec = {"lookback": 8, "split": SPLIT}
    parts = {"train": dataset(walk(900), 9, spec, part="train"), "test": dataset(walk(901), 9, spec, part="test")}
    with pytest.raises(BadInput, match="several specs or series"):
        write_recipe(parts, tmp_path)


@pytest.mark.parametrize("zone", [None, "America/Chicago"])
def test_bars_out_of_trades_are_those_of_pandas(zone) -> None:
    with open_store(es_2013_09()) as store:
        trades = store["ES"].trades()
        for timeframe, rule in (("1min", "min"), ("1d", "D")):
            found = bars_of_store(store, timeframe, zone)["ES"]
            frame = pd.DataFrame({"price": trades.price, "size": trades.size})
            frame.index = pd.DatetimeIndex(trades.ts, tz="UTC").tz_convert(zone or "UTC")
            groups = frame.resample(rule)
            expected = groups["price"].ohlc().assign(volume=groups["size"].sum()).dropna()
            for name in expected:
                assert np.array_equal(found[name], expected[name]), (timeframe, name)
            starts = expected.index.tz_convert("UTC").tz_localize(None)
            assert np.array_equal(found["time"], starts.to_numpy("datetime64[ns]"))


@pytest.mark.parametrize(
    ("timeframe", "width"),
    [("1min", 60_000_000_000), ("1W", 604_800_000_000_000), ("1.5h", 5_400_000_000_000), ("d", 86_400_000_000_000),
     (7, 7), (np.timedelta64(1, "s"), 10**9)],
)  # fmt: skip
def test_lengths_of_bars(timeframe, width) -> None:
    assert width_of(timeframe) == width


@pytest.mark.parametrize("timeframe", ["", "M", "5", "0min", "-1h", "fast", None, 0, -5, 1.5, True, []])
def test_what_is_no_length_of_a_bar(timeframe) -> None:
    with pytest.raises(BadInput, match="timeframe is"):
        width_of(timeframe)


def test_trades_that_cannot_be_bars() -> None:
    own = {"price": np.ones(3), "size": np.ones(3)}
    with pytest.raises(BadInput, match="times go back at row 2"):
        bars_of(np.array([0, 5, 4]), own, 10)
    with pytest.raises(BadInput, match="there are no rows"):
        bars_of(np.zeros(0, dtype=np.int64), {}, 10)
    found = bars_of(np.array([0, 5000, 90_000]), own, 10)  # far apart: a bar for each trade
    assert found["volume"].tolist() == [1.0, 1.0, 1.0]


def test_a_series_of_no_other_kind_is_forgotten() -> None:
    """What Series has is what the file keeps: a new field must be put there too."""
    assert {each.name for each in fields(Series)} == {
        "values", "close", "channels", "symbols", "first", "runs", "rows", "times", "labels", "digest",
    }  # fmt: skip
