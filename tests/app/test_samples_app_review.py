"""What a second look at `atomloom samples` found: full disks, runs that were cut off, and settings of odd kinds."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from atomloom.app import cli, samples_rate, samples_work
from atomloom.samples import open_dataset, writing

CONFIG = "lookback = 8\nseed = 7\nsplit = {parts = {train = 0.5, test = 0.5}}\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(samples_rate, "_TRIED", (("npy", None),))
    monkeypatch.setattr(samples_work, "_LEAST", 1)
    close = 100 * np.exp(np.random.default_rng(0).normal(0, 0.01, 400).cumsum())
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    pd.DataFrame({"date": pd.date_range("2020-01-01", periods=400), **prices, "volume": 1}).to_csv("p.csv", index=False)
    Path("c.toml").write_text(CONFIG)
    return tmp_path


def ask(line: str) -> int:
    return cli.run(["samples", *line.split()])


@pytest.mark.parametrize("value", ["3", "", "[p.csv, 4]", "{a: p.csv}", "['']"])
def test_data_of_a_file_must_be_names(here, capsys, value) -> None:
    Path("c.yaml").write_text(f"n: 10\ndata: {value}\n")
    assert ask("info -c c.yaml") == 2
    assert "c.yaml: data is" in (said := capsys.readouterr().err)
    assert "Hint: the name of a file, or a list of names" in said


def test_a_disk_must_have_room_for_all_parts(here, capsys, monkeypatch) -> None:
    size = 8 * 5 * 4 + 8 + 4 + 1 + 1 + 4
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1500 * size))  # of 2000: one part fits
    assert ask("generate p.csv -c c.toml --n 2000 --format npy --out a/b -q") == 1
    assert "a/b needs 356.0 KB, and its disk has 267.0 KB free" in capsys.readouterr().err
    assert not Path("a").exists()
    assert ask("generate p.csv -c c.toml --n 1400 --format npy --out a/b -q") == 0


def test_too_many_files_are_refused_before_there_is_a_folder(here, capsys) -> None:
    assert ask("generate p.csv -c c.toml --n 1e12 --format arrow --compression zstd --shard-rows 1 --out a -q") == 2
    assert "500,000,000,000 shards of 1" in capsys.readouterr().err
    assert not Path("a").exists()


def test_a_full_disk_says_how_to_go_on_and_another_run_does_not_take_the_folder(here, capsys, monkeypatch) -> None:
    whole, left = writing.write_shard, [3]

    def full(*given):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return whole(*given)

    monkeypatch.setattr(writing, "write_shard", full)
    line = "generate p.csv -c c.toml --n 2000 --format npy --shard-rows 200 --n-jobs 1 --out a"
    assert ask(f"{line} -q") == 1
    said = capsys.readouterr().err
    assert (
        "a/samples/train could not be written: No space left on device. Hint: free some space, and go on with" in said
    )
    assert "`atomloom samples resume` of the run" in said
    assert "resume=True" not in said
    assert ask("info a") == 1  # half of it is there
    assert "`atomloom samples resume` of the run" in capsys.readouterr().err

    record = json.loads(Path("a/run.json").read_text())
    assert ask(f"{line} --seed 8 -q") == 2
    assert "atomloom samples resume a tries again with the settings of the run" in capsys.readouterr().err
    assert json.loads(Path("a/run.json").read_text()) == record

    left[0] = 100
    assert ask("resume a -q --n-jobs 2") == 0
    assert ask("verify a --recompute") == 0
    assert len(open_dataset("a", part="test")) == 1000


def test_verify_finds_what_a_run_that_was_cut_off_has_not_written(here, capsys) -> None:
    assert ask("generate p.csv -c c.toml --n 2000 --format npy --out a -q") == 0
    assert ask("generate p.csv -c c.toml --n 2000 --out b -q") == 0
    capsys.readouterr()
    shutil.rmtree("a/samples/test")
    assert ask("verify a") == 1
    said = capsys.readouterr().out
    assert "a: no files of part 'test'\nHint: `atomloom samples resume` of the run" in said
    shutil.rmtree("a/samples")
    assert ask("verify a --json") == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["problems"]) == (False, ["no files of part 'train'", "no files of part 'test'"])
    assert ask("verify a/recipe") == 0  # a recipe alone is whole
    assert ask("verify b") == 0


def test_a_run_that_names_its_bars_goes_on_where_both_were_moved_to(here, capsys, monkeypatch) -> None:
    whole, left = writing.write_shard, [3]

    def stopped(*given):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.EIO, "Input/output error")
        return whole(*given)

    monkeypatch.setattr(writing, "write_shard", stopped)
    line = "generate p.csv -c c.toml --n 2000 --format npy --shard-rows 200 --no-copy"
    assert ask(f"{line} --out a/b --n-jobs 1 -q") == 1
    left[0] = 1000
    assert ask(f"{line} --out whole -q") == 0
    recipe = Path("a/b/recipe/recipe.json").read_bytes()
    Path("new/place").mkdir(parents=True)
    shutil.move("a", "new/place/a")
    shutil.move("p.csv", "new/place/p.csv")
    monkeypatch.chdir("new")  # neither path is what it was
    capsys.readouterr()
    assert ask("resume place/a/b -q") == 0, capsys.readouterr().err
    assert Path("place/a/b/recipe/recipe.json").read_bytes() == recipe
    for made in (here / "whole" / "samples").rglob("*.*"):
        assert (
            Path("place/a/b/samples") / made.relative_to(here / "whole" / "samples")
        ).read_bytes() == made.read_bytes()
    assert ask("verify place/a/b --recompute") == 0
