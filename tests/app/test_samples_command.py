"""`atomloom samples`: the numbers of the library, stopped and resumed to the same bytes; what is refused, and how."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from atomloom.app import bars_input, cli, samples_files, samples_rate, samples_work
from atomloom.app.options import Chatter
from atomloom.app.pages import samples as samples_page
from atomloom.app.runs import RunFolder
from atomloom.app.samples_meter import SamplesMeter
from atomloom.app.samples_settings import BarSource, SamplesSettings
from atomloom.data import es_2013_09
from atomloom.errors import BadInput, StoreError
from atomloom.samples import dataset, honesty
from atomloom.samples.opening import open_dataset
from atomloom.samples.recipe import open_recipe
from atomloom.samples.store_bars import bars_of
from atomloom.store import open_store

CLI = [sys.executable, "-c", "from atomloom.app.front import main; main()"]
CONFIG = """
n = "40e6"
lookback = 16
state = ["equity", "position", "entry_price"]
split = {parts = {train = 0.6, test = 0.4}, embargo = 20}
horizon = 5
seed = 7
performance = {n_jobs = 2}
"""


def bars(n: int, seed: int, freq: str = "B") -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(rng.normal(0, 0.01, n).cumsum())
    first = np.append(close[0], close[:-1])
    return pd.DataFrame({
        "Date": pd.date_range("2020-01-01", periods=n, freq=freq), "Open": first,
        "High": np.maximum(first, close) * 1.004, "Low": np.minimum(first, close) * 0.996, "Close": close,
        "Volume": rng.integers(1, 1000, n),
    })  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    bars(600, 0).to_csv("p.csv", index=False)
    Path("c.toml").write_text(CONFIG)
    return tmp_path


def ask(line: str) -> int:
    return cli.run(["samples", *line.split()])


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_run_is_the_dataset_of_the_library(here, capsys) -> None:
    assert ask("generate p.csv -c c.toml --part train --out a --json -q") == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert err == ""
    frame = pd.read_csv("p.csv", parse_dates=["Date"])
    spec = {
        "lookback": 16, "state": ["equity", "position", "entry_price"], "horizon": 5, "seed": 7,
        "split": {"parts": {"train": 0.6, "test": 0.4}, "embargo": 20},
    }  # fmt: skip
    expected = dataset(frame, 40_000_000, spec, part="train")
    assert said["digest"] == expected.digest
    assert said["windows"] == len(expected.windows)
    assert said["honesty"] == honesty(expected).to_dict()
    assert said["written"] is None
    assert said["report"] == "a/report.html"
    again = open_recipe(Path("a/recipe"))
    ids = [0, 39_999_999, 12_345_678]
    for name, column in expected.batch(ids).items():
        assert np.array_equal(again.batch(ids)[name], column), name
    table = pq.read_table("a/sample.parquet")
    first = expected.batch(range(256))
    assert np.array_equal(np.stack(table["close_scaled"].to_numpy()), first["x"][:, 3])
    assert np.array_equal(table["entry_price"].to_numpy(), first["entry_price"])
    page = Path("a/report.html").read_text()
    assert "40,000,000 samples of 600 bars of p.csv" in page
    assert str(here) not in page + Path("a/run.json").read_text()
    assert cli.run(["report", "a"]) == 0
    assert Path("a/report.html").read_text() == page


def test_an_export_is_the_same_for_any_jobs_and_is_found_damaged(here, capsys) -> None:
    for name, jobs in (("one", "1"), ("two", "-1")):
        line = f"generate p.csv --n 5000 --lookback 8 --format arrow --shard-rows 700 --n-jobs {jobs} --out {name} -q"
        assert ask(line) == 0
    assert tree(Path("one/samples")) == tree(Path("two/samples"))
    assert tree(Path("one/recipe")) == tree(Path("two/recipe"))
    capsys.readouterr()
    assert ask("verify one --recompute --json") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["ok"], said["rows"], said["shards"], said["recomputed"]) == (True, 5000, 8, True)
    stored = open_dataset("one/samples")
    expected = dataset(pd.read_csv("p.csv", parse_dates=["Date"]), 5000, {"lookback": 8})
    assert stored.digest == expected.digest
    assert np.array_equal(stored.batch([4999])["x"], expected.batch([4999])["x"])
    assert ask("info one --json") == 0
    assert json.loads(capsys.readouterr().out)["digest"] == expected.digest
    assert ask("info one/samples") == 0
    assert "8 shards of arrow" in capsys.readouterr().out
    shard = Path("one/samples/shard-00000003.arrow")
    shard.write_bytes(shard.read_bytes()[:-9] + b"x" + shard.read_bytes()[-8:])
    assert ask("verify one/samples") == 1
    assert "shard-00000003" in capsys.readouterr().out
    values = Path("two/recipe/series.parquet")
    values.write_bytes(values.read_bytes()[:-1] + b"x")
    assert ask("verify two") == 1
    assert "not as it was written" in capsys.readouterr().err


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_export_resumes_to_the_same_bytes(here, signum) -> None:
    making = "samples generate p.csv --n 6e4 --lookback 256 --format npy --shard-rows 1000 --n-jobs 2 --out"
    child = subprocess.Popen([*CLI, *making.split(), "s"], stderr=subprocess.PIPE, text=True)
    while child.poll() is None and len(list(Path("s/samples").glob("shard*.x.npy"))) < 4:
        time.sleep(0.002)
    child.send_signal(signum)
    err = child.communicate(timeout=120)[1]
    if json.loads(Path("s/run.json").read_text())["status"] == "done":
        pytest.skip("the run was over before the signal came")
    if signum == signal.SIGINT:
        assert child.returncode == 130
        assert err.rstrip().endswith("interrupted. Resume with: atomloom samples resume s")
    Path("p.csv").unlink()  # the run has its own copy
    before = len(list(Path("s/samples").glob("shard*.x.npy")))
    done = subprocess.run([*CLI, "samples", "resume", "s", "--n-jobs", "1", "--json"], capture_output=True, check=True)
    said = json.loads(done.stdout)
    assert said["written"]["resumed"] >= before - 2
    assert said["written"]["jobs"] == 1
    assert cli.run(["samples", "verify", "s", "--recompute"]) == 0
    log = [json.loads(line) for line in Path("s/events.jsonl").read_text().splitlines()]
    last = max(k for k, row in enumerate(log) if row["event"] == "RunStarted")  # shards under way end unheard
    told = sum(row["event"] == "MoleculeDone" for row in log[last:])
    assert (log[last]["resumed"] + told, told) == (60, log[last]["molecules"])
    bars(600, 0).to_csv("p.csv", index=False)
    subprocess.run([*CLI, *making.split(), "whole", "-q"], capture_output=True, check=True)
    assert tree(Path("s/samples")) == tree(Path("whole/samples"))


def test_a_run_that_is_done_says_so_again(here, capsys) -> None:
    assert ask("generate p.csv --n 100 --lookback 4 --out a --json -q") == 0
    first = capsys.readouterr().out
    assert ask("resume a --json") == 0
    out, err = capsys.readouterr()
    assert out == first
    assert "is done already" in err
    assert ask("generate p.csv --out a") == 2
    assert "atomloom samples resume a goes on" in capsys.readouterr().err
    assert cli.run(["vpin", "--resume", "a"]) == 2
    assert "Hint: atomloom samples resume a" in capsys.readouterr().err


def test_print_config_reads_back(here, capsys) -> None:
    assert ask("generate -c c.toml --part train --n 5 --format parquet --compression zstd --print-config") == 0
    text = capsys.readouterr().out
    values = tomllib.loads(text)
    assert (values["n"], values["lookback"], values["part"]) == (5, 16, "train")
    assert values["output"] == {"format": "parquet", "compression": "zstd", "shard_rows": 65536, "copy_bars": True}
    assert "# Bars of a window." in text
    Path("again.toml").write_text(text)
    assert ask("generate -c again.toml --print-config") == 0
    assert capsys.readouterr().out == text
    assert SamplesSettings.from_dict(values).spec() == SamplesSettings.read(Path("c.toml")).spec()


def test_yaml_is_taken(here) -> None:
    yaml = pytest.importorskip("yaml")
    values = tomllib.loads(CONFIG)
    Path("c.yaml").write_text(yaml.safe_dump(values, sort_keys=False).replace("'40e6'", "40e6"))  # a text to YAML
    assert SamplesSettings.read(Path("c.yaml")) == SamplesSettings.read(Path("c.toml"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("lookbak = 3", "did you mean 'lookback'?"),
        ("[output]\nformt = 'npy'", "did you mean 'format'?"),
        ("[output]\nformat = 'arow'", "did you mean 'arrow'?"),
        ("[performance]\nn_jobs = 1.5", "n_jobs is 1.5"),
        ("[performance]\nn_jobs = 0", "n_jobs is 0"),
        ("output = 3", "a table of settings"),
        ("n = 0", "n is 0"),
        ("[bars]\nnan = 3", "bars: nan is 3"),
    ],
)
def test_settings_that_cannot_be_meant(here, text, said, capsys) -> None:
    Path("bad.toml").write_text(text)
    assert ask("generate p.csv -c bad.toml") == 2
    assert said in capsys.readouterr().err
    assert not Path("runs").exists()


def changed(name: str, **columns) -> None:
    frame = bars(200, 1)
    frame = frame.astype(dict.fromkeys((c for c in columns if c != "Date"), object))
    for column, (row, value) in columns.items():
        frame.loc[row, column] = value
    frame.to_csv(name, index=False)


@pytest.mark.parametrize(
    ("column", "value", "more", "code", "said"),
    [
        ("Close", np.nan, "", 2, "close of x.csv has 1 values that are not finite (first at row 5)"),
        ("Close", np.nan, "--nan split", 0, ""),
        ("High", 1.0, "", 2, "--bad-bars keep"),
        ("High", 1.0, "--bad-bars keep", 0, ""),
        ("Close", "oops", "", 2, "row 5 is 'oops'"),
        ("Close", -1.0, "--bad-bars keep", 2, "prices of 0 or less"),
        ("Date", pd.Timestamp("2020-01-07"), "", 2, "times of x.csv repeat"),
        ("Volume", -1, "", 2, "volume of x.csv is below 0"),
        ("Volume", 5, "--lookback 400", 2, "no window fits"),
        ("Volume", 5, "--part train", 2, "set [split.parts] train = 0.7 in --config"),
        ("Volume", 5, "--n 1.5", 2, "n is '1.5'"),
        ("Volume", 5, "--nan skip", 2, "nan is 'skip'"),
        ("Volume", 5, "--symbols Q", 2, "there is no symbol 'Q'"),
        ("Volume", 5, "--timeframe 1h", 2, "--timeframe is '1h'"),
    ],
)
def test_bars_that_cannot_be_meant(here, monkeypatch, capsys, column, value, more, code, said) -> None:
    monkeypatch.setattr(samples_rate, "sizes", lambda _: [])
    changed("x.csv", **{column: (5, value)})
    assert ask(f"info x.csv --lookback 8 {more}") == code
    out, err = capsys.readouterr()
    assert said in err
    assert ("samples" in out) == (code == 0)


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("generate p.csv --format npy --compression zstd", 2, "leave --compression out"),
        ("generate p.csv --compression zstd", 2, "goes with an export"),
        ("generate p.csv --format arrow --memory-limit 1kB", 4, "memory_limit is 1.0 KB"),
        ("generate p.csv --n-jobs 0", 2, "n_jobs is 0"),
        ("generate p.csv --n-jobs two", 2, "not a valid integer"),
        ("generate nofile.csv", 2, "nofile.csv does not exist"),
        ("generate p.csv p.csv", 2, "name each symbol once"),
        ("generate p.csv sp500", 2, "sp500 has closes only"),
        ("generate -c c.toml p.csv --part tran", 2, "did you mean 'train'"),
        ("generate -c c.toml p.csv --n 1", 2, "part 'test' would have none"),
        ("info p.csv empty", 2, "empty is a folder"),
        ("info empty --n 5", 2, "has its own settings"),
        ("info empty", 2, "holds no samples and no recipe"),
        ("verify empty", 2, "holds no samples and no recipe"),
        ("resume empty", 2, "is no run folder"),
    ],
)
def test_what_is_refused(here, capsys, line, code, said) -> None:
    Path("empty").mkdir()
    assert ask(line) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert not Path("runs").exists()


def test_rows_of_several_symbols_newest_first(here) -> None:
    frame = pd.concat([bars(90, k).assign(symbol=name) for k, name in enumerate(["000001", "B"])])
    frame.sort_values(["Date", "symbol"], ascending=False).to_csv("long.csv", index=False)
    found = bars_input.read(("long.csv",), BarSource())
    assert sorted(found.data) == ["000001", "B"]
    assert found.notes == ["rows were sorted by time"]
    for k, name in enumerate(["000001", "B"]):
        assert np.allclose(found.data[name]["Close"], bars(90, k)["Close"])
        assert np.array_equal(found.data[name]["time"], bars(90, k)["Date"].to_numpy("datetime64[ns]"))
    assert list(bars_input.read(("long.csv",), BarSource(symbols=("B",))).data) == ["B"]
    bars(50, 3).to_parquet("q.parquet")
    assert list(bars_input.read(("p.csv", "q.parquet"), BarSource()).data) == ["p", "q"]
    assert list(bars_input.read(("p.csv",), BarSource(symbols=("p",))).data) == ["p"]


def test_columns_beside_the_bars_make_strata_and_channels(here, monkeypatch, capsys) -> None:
    monkeypatch.setattr(samples_rate, "sizes", lambda _: [])
    frame = bars(90, 1).assign(regime=["calm", "wild"] * 45, signal=np.arange(90.0))
    frame.to_csv("r.csv", index=False)
    Path("r.toml").write_text('channels = ["close", "signal"]\n[index]\nmode = "stratified"\nby = "regime"\n')
    assert ask("info r.csv -c r.toml --lookback 4 --json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["channels"] == ["close", "signal"]
    assert said["fields"]["x"] == ["float32", [2, 4]]
    expected = dataset(frame, 10**6, SamplesSettings.read(Path("r.toml")).spec().with_(lookback=4))
    assert said["digest"] == expected.digest


@pytest.mark.parametrize(("timeframe", "tz"), [("1h", None), ("1d", "America/New_York"), ("1w", None)])
def test_bars_of_a_timeframe_are_those_of_pandas(timeframe, tz) -> None:
    frame = bars(9000, 4, freq="7min").set_index("Date")
    own = {name: frame[name].to_numpy() for name in frame} | {"note": np.arange(len(frame))}
    found = bars_of(frame.index.as_unit("ns").asi8, own, timeframe, tz)
    local = frame.tz_localize("UTC").tz_convert(tz or "UTC")
    rule = {"1h": "h", "1d": "D", "1w": "W-MON"}[timeframe]
    how = {"Open": "first", "High": "max", "Low": "min", "Close": "last", "Volume": "sum"}
    expected = local.resample(rule, label="left", closed="left").agg(how).dropna()
    for name in how:
        assert np.allclose(found[name], expected[name]), name
    starts = expected.index.tz_convert("UTC").tz_localize(None).to_numpy("datetime64[ns]")
    assert np.array_equal(found["time"], starts)
    assert len(found["note"]) == len(expected)


def test_a_store_is_what_the_library_takes(here) -> None:
    found = samples_work.plan(SamplesSettings.from_dict({"data": str(es_2013_09()), "bars": {"timeframe": "1min"}}))
    with open_store(es_2013_09()) as store:
        expected = dataset(store, 1_000_000, timeframe="1min")
    assert found.samples.digest == expected.digest
    whole = samples_work.plan(SamplesSettings.from_dict({"bars": {"timeframe": "1min"}}))
    assert np.array_equal(whole.samples.values, expected.values)


def test_without_data_bars_are_of_twenty_trades(here) -> None:
    found = samples_work.plan(SamplesSettings())
    trades = open_store(es_2013_09())["ES"].trades()
    price = trades.price.reshape(-1, 20)
    series = found.samples.series
    expected = np.stack([price[:, 0], price.max(1), price.min(1), price[:, -1], trades.size.reshape(-1, 20).sum(1)])
    assert np.array_equal(series.values, expected.astype(np.float32))
    assert (np.diff(series.times) > 0).all()
    assert np.abs(series.times - trades.ts[19::20]).max() < 1e6  # where they repeat, they are put apart by a ns


def test_closes_alone_are_a_channel(here, capsys) -> None:
    plan = samples_work.plan(SamplesSettings.from_dict({"data": ["sp500"], "bars": {"symbols": ["XOM", "KO"]}}))
    assert plan.samples.spec.channels == ("close",)
    assert plan.samples.series.symbols == ("XOM", "KO")
    assert "one column for each symbol" in plan.notes[-1]


def test_states_are_counted_beside_their_laws() -> None:
    state = {"equity": {"low": 2, "high": 4}, "money": {"low": 1, "high": 100, "law": "log"}, "position": None,
             "entry_price": None, "unrealised_pnl": None}  # fmt: skip
    close = np.exp(np.random.default_rng(0).normal(0, 0.01, 3000).cumsum())
    samples = dataset({"close": close}, 10**9, {"channels": ["close"], "lookback": 8, "state": state})
    states = samples_files._drawn(samples, np.arange(50_000))[1]
    table = samples_files.states_table(samples, states)
    for name in ("equity", "money", "position", "entry_price"):
        own = table[table["field"] == name]
        assert own["count"].sum() == 50_000
        counted, expected = own["count"].to_numpy(), own["expected"].to_numpy()
        assert expected.sum() == pytest.approx(50_000, rel=1e-3)
        assert (np.abs(counted - expected) < 6 * np.sqrt(expected + 20)).all(), name
    assert table[table["field"] == "unrealised_pnl"]["expected"].isna().all()
    assert table[table["field"] == "position"]["low"].tolist() == [-1.0, 0.0, 1.0]


def test_coverage_and_parts_are_those_of_the_windows() -> None:
    spec = {"channels": ["close"], "lookback": 5, "horizon": 3, "state": [],
            "split": {"parts": {"train": 0.5, "test": 0.5}, "embargo": 10}}  # fmt: skip
    days = np.arange("2020-01-01", "2020-04-10", dtype="datetime64[D]")
    frames = {name: {"time": days, "close": np.arange(1.0, 101.0)} for name in ("1", "2")}
    samples = dataset(frames, 1000, spec, part="test")
    ends = samples.ends(range(1000))
    table = samples_files.series_table(samples, ends)
    counts = np.zeros(200)
    for end in ends:
        counts[end - 5 : end] += 1
    assert np.array_equal(table["samples"], counts)
    assert table["symbol"].tolist() == [0] * 100 + [1] * 100
    parts = samples_files.parts_table(samples)
    first = parts.iloc[0].to_dict()
    assert first == {"part": 0, "symbol": 0, "begin": 0, "stop": 50, "first_end": 4, "last_end": 46, "windows": 43}
    last = parts.iloc[-1].to_dict()
    assert last == {"part": 1, "symbol": 1, "begin": 60, "stop": 100, "first_end": 64, "last_end": 96, "windows": 33}


def test_bench_says_how_fast_beside_the_memory(here, capsys, monkeypatch) -> None:
    monkeypatch.setattr(samples_rate, "FILL_BYTES", 1 << 20)
    assert ask("bench p.csv --n 20000 --n-jobs 2 --json -q") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["n"] == 20_000
    for name in ("one", "all"):
        own = said[name]
        assert own["samples"] == 20_000
        assert own["rate"] == pytest.approx(20_000 / own["seconds"])
        assert own["share"] == pytest.approx(own["rate"] * said["sample_bytes"] / own["fill"])
    assert ask("bench p.csv --n 2000 --n-jobs 1 -q") == 0
    out, err = capsys.readouterr()
    assert "1 thread" in out
    assert "2 threads" not in out
    assert err == ""


def test_streaming_goes_through_all_samples_once() -> None:
    samples = dataset({"close": np.arange(1.0, 50.0)}, 20_001, {"channels": ["close"], "lookback": 4, "state": []})
    told = []
    assert samples_rate.streamed(samples, 10**9, 1, told.append)[0] == 20_001
    assert told[-1] == 20_001
    assert samples_rate.streamed(samples, 300, 2)[0] == 300


def test_any_number_opens_at_once_and_small_numbers_are_drawn(here, capsys) -> None:
    assert ask("generate p.csv --n 1e15 --out huge -q") == 0
    assert "1,000,000,000,000,000 of 5 x 64" in capsys.readouterr().out
    assert "1,000 trillion" in Path("huge/report.html").read_text()
    Path("s.toml").write_text('lookback = 1\nhorizon = 0\nchannels = ["close"]\nstate = []\nscale = "none"\n')
    assert ask("generate p.csv -c s.toml --n 1 --out tiny -q") == 0
    page = Path("tiny/report.html").read_text()
    assert "The trade states" not in page
    assert "sample 0" in page


@pytest.mark.parametrize("dtype", ["float16", "int16", "float64"])
def test_small_numbers_are_drawn_as_prices(dtype) -> None:
    values = {"float16": 0.25, "int16": 2500, "float64": 1.25}[dtype]
    assert samples_page._decoded([values], "close", {"dtype": dtype}).tolist() == [1.25]
    assert samples_page._decoded([0.5], "volume", {"dtype": "float16"}).tolist() == [0.5]


def test_a_recipe_that_was_changed_is_refused(here) -> None:
    assert ask("generate p.csv --n 10 --out a -q") == 0
    place = Path("a/recipe/recipe.json")
    text = place.read_text()
    for old, new, said in (
        ('"seed": 0', '"seed": 1', "is not as it was written"),
        ('"version": 2', '"version": 9', "no recipe of version 2"),
        ('"n": 10', '"n": 11', "is not as it was written"),
        ("{", "", "is no JSON"),
    ):
        place.write_text(text.replace(old, new, 1))
        with pytest.raises(StoreError, match=said):
            open_recipe(Path("a/recipe"))
    shutil.rmtree("a/recipe")
    with pytest.raises(BadInput, match="holds no samples"):
        samples_work.place_of(Path("a"))


def test_other_bars_are_no_way_to_go_on(here) -> None:
    assert ask("generate p.csv --n 10 --out a -q") == 0
    folder = RunFolder.open(Path("a"))
    shutil.rmtree("a/recipe")
    bars(600, 5).to_csv("p.csv", index=False)
    settings = SamplesSettings.from_dict({"n": 10, "data": ["p.csv"]})
    with pytest.raises(BadInput, match="not those that the run began with"):
        samples_work.reopened(folder, settings, folder.record["recipe"])


def test_the_line_of_an_export_has_rate_and_time_to_go(monkeypatch, capsys) -> None:
    from atomloom.engine.progress import MoleculeDone, RunFinished, RunStarted

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr("atomloom.app.samples_meter._SHOWN", 0.0)
    samples = dataset({"close": np.arange(1.0, 50.0)}, 1000, {"channels": ["close"], "lookback": 4, "state": []})
    meter = SamplesMeter(None, Chatter(quiet=False), samples)
    meter(RunStarted("samples", 5, 1, 5))
    meter(MoleculeDone(5, "done", 1, 0.1, 0.2, 1, 5, 0, 0.4))
    meter(RunFinished("done", 1.0))
    meter.end()
    line = capsys.readouterr().err
    assert " 60% of 1,000 samples" in line
    assert "samples/s" in line
    assert "to go" in line
