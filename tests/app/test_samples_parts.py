"""All parts of a split in one run; recipes that name their bars; and what a fresh eye tried on the command line."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atomloom.app import bars_input, cli, samples_files, samples_rate, samples_work
from atomloom.app.samples_settings import BarSource, SamplesSettings
from atomloom.errors import BadInput
from atomloom.samples import dataset, honesty, open_dataset, verify
from atomloom.samples.opening import places_in

CLI = [sys.executable, "-c", "from atomloom.app.front import main; main()"]
SPLIT = {"parts": {"train": 0.6, "valid/ation": 0.2, "..": 0.2}, "embargo": 10}
CONFIG = """
lookback = 8
seed = 7
split = {parts = {train = 0.6, "valid/ation" = 0.2, ".." = 0.2}, embargo = 10}
"""


def bars(n: int = 600, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(rng.normal(0, 0.01, n).cumsum())
    first = np.append(close[0], close[:-1])
    return pd.DataFrame({
        "Date": pd.date_range("2020-01-01", periods=n, freq="B"), "Open": first,
        "High": np.maximum(first, close) * 1.004, "Low": np.minimum(first, close) * 0.996, "Close": close,
        "Volume": rng.integers(1, 1000, n),
    })  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(samples_rate, "_TRIED", (("npy", None),))
    monkeypatch.setattr(samples_work, "_LEAST", 1)
    bars().to_csv("p.csv", index=False)
    Path("c.toml").write_text(CONFIG)
    return tmp_path


def ask(line: str) -> int:
    return cli.run(["samples", *line.split()])


def expected(part: str, n: int):
    frame = pd.read_csv("p.csv", parse_dates=["Date"])
    return dataset(frame, n, {"lookback": 8, "seed": 7, "split": SPLIT}, part=part)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("more", ["", "--part all"])
def test_one_run_makes_all_parts(here, capsys, more) -> None:
    assert ask(f"generate p.csv -c c.toml --n 10001 --format npy --shard-rows 900 --out a --json -q {more}") == 0
    said = json.loads(capsys.readouterr().out)
    counts = {"train": 6001, "valid/ation": 2000, "..": 2000}
    assert {row["part"]: row["n"] for row in said["parts"]} == counts
    assert (said["n"], said["part"], said["digest"]) == (10_001, None, None)
    assert said["windows"] == sum(row["windows"] for row in said["parts"])
    written = said["written"]
    assert (written["rows"], written["shards"], written["path"]) == (10_001, 7 + 3 + 3, "samples")
    for row in said["parts"]:
        part = row["part"]
        own = expected(part, counts[part])
        stored = open_dataset("a", part=part)
        assert stored.path == Path("a") / written["folders"][part]
        assert stored.path.parent == Path("a/samples")
        assert row["digest"] == stored.digest == own.digest == open_dataset("a/recipe", part=part).digest
        assert row["honesty"] == honesty(own).to_dict()
        ids = range(len(own))
        for name, column in own.batch(ids).items():
            assert np.array_equal(stored.batch(ids)[name], column), (part, name)
    honest = said["honesty"]
    assert honest["effective"] == pytest.approx(sum(row["honesty"]["effective"] for row in said["parts"]))
    assert honest["mean_uniqueness"] == pytest.approx(honest["effective"] / 10_001)
    assert list(places_in(Path("a")).written) == ["train", "valid/ation", ".."]
    assert ask("verify a --recompute --json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], found["rows"], found["shards"], found["recomputed"]) == (True, 10_001, 13, True)
    assert verify("a").ok
    assert ask("info a --json") == 0
    assert json.loads(capsys.readouterr().out)["parts"] == said["parts"]
    assert ask("info a") == 0
    told = capsys.readouterr().out
    assert "parts train (6,001) and valid/ation (2,000) and .. (2,000)" in told
    assert told.count("StoredDataset(") == 3
    page = Path("a/report.html").read_text()
    assert "10,001 samples of 600 bars of p.csv" in page
    assert "The first of them of part &#x27;train&#x27;" in page
    assert "no bar is in two of them" in page
    assert str(here) not in page


def test_a_recipe_of_all_parts_and_one_of_one(here, capsys) -> None:
    assert ask("generate p.csv -c c.toml --n 1e12 --out a --json -q") == 0
    said = json.loads(capsys.readouterr().out)
    assert sum(row["n"] for row in said["parts"]) == said["n"] == 10**12
    assert len(open_dataset("a", part="train")) == 600_000_000_000
    assert said["recipe_bytes"] == sum(place.stat().st_size for place in Path("a/recipe").iterdir())
    assert "open_dataset(run, part=&#x27;train&#x27;)" in Path("a/report.html").read_text()
    assert ask("generate p.csv -c c.toml --n 1000 --part train --out b --json -q") == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["part"], said["parts"], said["n"]) == ("train", [], 1000)
    assert said["digest"] == open_dataset("b").digest == open_dataset("a", part="train").digest


def test_bars_over_which_samples_reach_are_counted_for_all_parts(here) -> None:
    planned = samples_work.plan(SamplesSettings.from_dict(
        {"n": 2000, "data": ["p.csv"], "lookback": 8, "split": SPLIT}))  # fmt: skip

    class Folder:
        def __init__(self) -> None:
            self.record, self.frames = {}, {}

        def write_bytes(self, name, content) -> None: ...

        def write_frame(self, name, frame) -> None:
            self.frames[name] = frame

        def save(self) -> None: ...

    folder = Folder()
    samples_files.leave(folder, planned.parts)
    counts = np.zeros(600)
    for samples in planned.parts.values():
        for end in samples.ends(range(len(samples))):
            counts[end - 8 : end] += 1
    assert np.array_equal(folder.frames["series.csv"]["samples"], counts)


def test_bench_takes_the_first_part_and_says_so(here, capsys, monkeypatch) -> None:
    monkeypatch.setattr(samples_rate, "FILL_BYTES", 1 << 20)
    assert ask("bench p.csv -c c.toml --n 3000 --n-jobs 1 --json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["n"] == 3000
    assert "samples are of part 'train': --part names another" in err


def test_a_killed_run_of_parts_goes_on_to_the_same_bytes(here, capsys) -> None:
    making = "samples generate p.csv -c c.toml --lookback 64 --n 1e5 --format npy --shard-rows 500 --n-jobs 2 -q --out"
    child = subprocess.Popen([*CLI, *making.split(), "s"])
    while child.poll() is None and not list(Path("s/samples").glob("valid*/shard*.x.npy")):
        time.sleep(0.002)
    child.send_signal(signal.SIGKILL)
    child.wait(timeout=60)
    if json.loads(Path("s/run.json").read_text())["status"] == "done":
        pytest.skip("the run was over before the signal came")
    assert ask("verify s") == 1
    assert "`atomloom samples resume` of the run goes on with it" in capsys.readouterr().err
    assert ask("generate p.csv --lookback 9 --out s") == 2  # other settings do not get in
    assert "atomloom samples resume s goes on" in capsys.readouterr().err
    Path("p.csv").unlink()  # the run has its own copy
    assert ask("resume s --n-jobs 1 --json -q") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["written"]["resumed"] >= 120  # all of the first part
    assert ask("verify s --recompute") == 0
    bars().to_csv("p.csv", index=False)
    subprocess.run([*CLI, *making.split(), "whole"], capture_output=True, check=True)
    assert tree(Path("s/samples")) == tree(Path("whole/samples"))
    assert tree(Path("s/recipe")) == tree(Path("whole/recipe"))


def test_a_damaged_part_is_named_and_what_to_do(here, capsys) -> None:
    assert ask("generate p.csv -c c.toml --n 1000 --format npy --out a -q") == 0
    capsys.readouterr()
    shard = next(Path("a/samples").glob("valid*/shard*.x.npy"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"\x7f")
    assert ask("verify a") == 1
    out = capsys.readouterr().out
    assert "shard-00000000.x.npy (shard 0): a byte is not as it was written" in out
    assert "generate them again in a new folder" in out
    assert "write(" not in out


def test_a_recipe_may_name_its_bars(here, capsys, monkeypatch) -> None:
    assert ask("generate p.csv -c c.toml --n 1000 --no-copy --out a/run --json -q") == 0
    said = json.loads(capsys.readouterr().out)
    assert [place.name for place in Path("a/run/recipe").iterdir()] == ["recipe.json"]
    assert said["recipe_bytes"] < 6000
    assert ask("verify a/run") == 0
    assert ask("info a/run --json") == 0
    again = json.loads(capsys.readouterr().out.partition("\n")[2])
    assert again["parts"] == said["parts"]
    own = open_dataset("a/run", "train", data=pd.read_csv("p.csv", parse_dates=["Date"]))
    assert own.digest == expected("train", 600).digest
    Path("b").mkdir()
    shutil.move("a", "b/a")
    shutil.move("p.csv", "b/p.csv")  # moved together
    assert ask("verify b/a/run") == 0
    monkeypatch.chdir("b/a")
    assert ask("verify run") == 0
    capsys.readouterr()
    bars(600, 5).to_csv("../p.csv", index=False)
    assert ask("verify run") == 2
    assert "p.csv is not the file that run/recipe names: it has other bytes" in capsys.readouterr().err
    Path("../p.csv").unlink()
    assert ask("info run") == 2
    assert "p.csv, which run/recipe names, does not exist" in capsys.readouterr().err


@pytest.mark.parametrize("data", ["", "es", "sp500"])
def test_the_bars_of_the_package_may_be_named(here, data) -> None:
    assert ask(f"generate {data} --n 10 --no-copy --out a -q") == 0
    assert ask("verify a") == 0


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_row_without_a_symbol_is_refused(here, value) -> None:
    frame = pd.concat([bars(90, k).assign(symbol=name) for k, name in enumerate("AB")], ignore_index=True)
    frame.loc[7, "symbol"] = value
    frame.to_csv("m.csv", index=False)
    with pytest.raises(BadInput, match=r"symbol of m.csv has 1 missing symbols \(first at row 7\)"):
        bars_input.read(("m.csv",), BarSource())


def test_a_time_that_repeats_is_named_by_the_rows_of_the_file(here, capsys) -> None:
    frame = bars(90)
    pd.concat([frame, frame.iloc[5:7]]).iloc[::-1].to_csv("d.csv", index=False)
    assert ask("info d.csv --lookback 8") == 2
    said = capsys.readouterr().err
    assert "times of d.csv repeat 2 times: rows 1 and 86 are both 2020-01-08T00:00:00. Hint" in said
    pd.concat([frame, frame]).assign(symbol=["A"] * 179 + ["B"]).to_csv("s.csv", index=False)
    assert ask("info s.csv --lookback 8") == 2
    assert "times of s.csv, symbol 'A' repeat 89 times: rows 0 and 90 are" in capsys.readouterr().err


def test_symbols_in_any_order_keep_their_rows(here) -> None:
    rng = np.random.default_rng(0)
    frame = pd.concat([bars(50, k).assign(sym=k) for k in range(7)]).sample(frac=1, random_state=1)
    frame.to_csv("s.csv", index=False)
    found = bars_input.read(("s.csv",), BarSource()).data
    assert list(found) == [str(k) for k in dict.fromkeys(frame["sym"])]
    for k in rng.permutation(7):
        assert np.allclose(found[str(k)]["Close"], bars(50, int(k))["Close"])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("generate p.csv --part all", "--part is all, and there is no split"),
        ("generate p.csv -c c.toml --part tran", "did you mean 'train'?"),
        ("generate p.csv -c c.toml --n 2", "part '..' would have none"),
        ("generate p.csv -c c.toml --n 100 --lookback 200", "of part 'valid/ation'"),
        ("generate p.csv -c c.toml --n 100 --format npy --compression zstd", "leave --compression out"),
    ],
)
def test_what_is_refused(here, capsys, line, said) -> None:
    assert ask(line) == 2
    assert said in capsys.readouterr().err
    assert not Path("runs").exists()


def test_an_embargo_that_is_a_length_of_time_is_drawn(here) -> None:
    Path("d.toml").write_text('lookback = 8\n[split]\nparts = {train = 0.7, test = 0.3}\nembargo = "5D"\n')
    assert ask("generate p.csv -c d.toml --n 1000 --out a -q") == 0
    page = Path("a/report.html").read_text()
    assert "and 5D behind each border (embargo)" in page
    assert "embargo between, 5D" in page
