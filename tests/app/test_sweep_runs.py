"""Runs of `atomloom sweep` that end badly or stand elsewhere, and what their words and pages claim."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atomloom.app import cli, sweep_work
from atomloom.app.runs import RunFolder
from atomloom.errors import StoreError
from atomloom.portfolio import Grid, TrialLedger, WalkForward, path_metrics, read_prices, sweep
from atomloom.portfolio.trial_ledger import TrialLedger as Ledger

GRID = """
[splits]
window_days = 60
test_windows = 3
train_days = 90
[verdict]
n_boot = 200
[[grid]]
method = ["momentum", "time_series_momentum"]
lookback = [10, 20]
top = 2
interval = [5, 10]
"""
AXES = {"method": ["momentum", "time_series_momentum"], "lookback": [10, 20], "top": 2, "interval": [5, 10]}


def ask(line) -> int:
    return cli.run(line.split())


def told(line, capsys) -> dict:
    """Run, and give the summary."""
    assert ask(f"sweep {line} -q --json") == 0
    return json.loads(capsys.readouterr().out)


def record(run) -> dict:
    return json.loads(Path(run, "run.json").read_text())


def written(name, rows, freq="B", assets="ABCD", seed=3) -> None:
    moves = np.random.default_rng(seed).normal(0.0004, 0.01, (rows, len(assets)))
    days = pd.date_range("2020-01-01", periods=rows, freq=freq, name="Date")
    pd.DataFrame(np.exp(moves.cumsum(axis=0)), index=days, columns=list(assets)).to_csv(name)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    written("p.csv", 600)
    Path("g.toml").write_text(GRID)
    return tmp_path


KILLED = """
import os, signal, sys
from atomloom.app import cli, sweep_work
sweep_work.swept = lambda *given, **named: os.kill(os.getpid(), signal.SIGKILL)
cli.run(sys.argv[1:])
"""


def test_a_killed_run_goes_on_with_its_own_prices_only(here, capsys) -> None:
    line = ["sweep", "p.csv", "--config", "g.toml", "--out", "a", "-q"]
    assert subprocess.run([sys.executable, "-c", KILLED, *line], check=False).returncode == -9
    written("p.csv", 500)
    assert ask("sweep --resume a -q") == 2
    assert "not those that the run began with" in capsys.readouterr().err
    written("p.csv", 600)
    expected = sweep(read_prices("p.csv"), Grid(**AXES), splits=WalkForward("90D", "60D", n_windows=3, anchor="end"),
                     n_boot=200)  # fmt: skip
    assert told("--resume a", capsys)["digest"] == expected.digest()


def test_a_run_is_resumed_from_anywhere(here, monkeypatch, capsys) -> None:
    def stopped(*given, **named) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(sweep_work, "swept", stopped)
        assert ask("sweep p.csv --config g.toml --out a -q --ledger t.jsonl") == 130
        assert ask("sweep --quick --out b -q") == 130
    assert (record("a")["source"], record("b")["source"]) == (str(here / "p.csv"), "sp500")
    capsys.readouterr()
    (here / "elsewhere").mkdir()
    monkeypatch.chdir(here / "elsewhere")
    Path("sp500").write_text("not these prices")
    assert told("--resume ../a", capsys)["ledger"]["counted"] == 8
    assert len(TrialLedger(here / "t.jsonl").records()) == 1
    assert told("--resume ../b", capsys)["prices"]["rows"] == 8313


def test_a_run_whose_ledger_was_lost_takes_another(here, monkeypatch, capsys) -> None:
    def full(self, record):
        raise StoreError("the ledger cannot be used: No space left on device.")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "count", full)
        assert ask("sweep p.csv --config g.toml --out a -q --ledger t.jsonl") == 1
    assert ask("sweep --resume a --ledger t.jsonl --top 3 -q") == 2
    capsys.readouterr()
    assert told("--resume a --ledger other.jsonl", capsys)["ledger"]["counted"] == 8
    assert record("a")["config"]["verdict"]["ledger"] == str(here / "other.jsonl")
    assert len(TrialLedger("other.jsonl").records()) == 1


def test_default_windows_are_as_many_as_the_rows_fill(here, capsys) -> None:
    """Nights and days off: the days between the first row and the last have room for more than there are rows."""
    half_hours = pd.timedelta_range("14:30:00", periods=13, freq="30min")
    sessions = [day + own for day in pd.bdate_range("2020-01-02", periods=6) for own in half_hours]
    moves = np.random.default_rng(1).normal(0, 0.002, (len(sessions), 3)).cumsum(axis=0)
    pd.DataFrame(np.exp(moves), index=pd.DatetimeIndex(sessions, name="time"), columns=list("ABC")).to_csv("h.csv")
    said = told("h.csv --quick --window-days 1", capsys)
    asked = int(said["windows"].split()[0])
    assert said["selection"]["n_splits"] == asked < 5
    assert ask(f"sweep h.csv --quick --window-days 1 --test-windows {asked + 1} --train-days 1 --out b -q") == 2
    assert re.search("Hint: .*--(test-windows|train-days)", capsys.readouterr().err)
    assert not Path("b").exists()


def test_the_walk_stands_beside_the_benchmark_of_the_same_rows(here, capsys) -> None:
    assert ask("sweep p.csv --config g.toml --out a") == 0
    out = capsys.readouterr().out
    found = sweep(read_prices("p.csv"), Grid(**AXES), splits=WalkForward("90D", "60D", n_windows=3, anchor="end"))
    rows = np.concatenate([found.splits.test(k) for k in range(3)])
    own = path_metrics(found.benchmark.returns[rows], periods_per_year=252.0)
    assert record("a")["summary"]["benchmark_walk"]["sharpe"] == own.sharpe
    assert f"the benchmark in those windows {own.sharpe:.2f}" in out
    assert "trials, beside a ratio of 0" in out
    page = Path("a/report.html").read_text()
    assert page.index("benchmark in those windows") < page.index("The verdict")


def test_what_is_not_defined_is_no_zero(here, capsys) -> None:
    Path("c.toml").write_text("[[grid]]\nmethod = 'cash'\ninterval = [1, 5]\n" + GRID.partition("[[grid]]")[0])
    assert ask("sweep p.csv --config c.toml --out a") == 0
    assert "goes from - to - in the tests; stitched together -" in capsys.readouterr().out
    page = Path("a/report.html").read_text()
    assert "nan" not in page.lower()
    assert RunFolder.open(Path("a")).read_frame("splits.csv")["test_sharpe"].isna().all()
    Path("n.toml").write_text("[splits]\nkind = 'cpcv'\nn_folds = 4\n[[grid]]\nmethod = 'cash'\ninterval = [1, 5]\n")
    assert ask("sweep p.csv --config n.toml --out n -q") == 0
    assert "nan" not in Path("n/report.html").read_text().lower()


def test_captions_tell_what_is_there(here, capsys) -> None:
    Path("one.toml").write_text(
        "[splits]\nkind = 'cpcv'\nn_folds = 6\n[[grid]]\nmethod = 'momentum'\nlookback = 20\ntop = 2\n"
    )
    assert ask("sweep p.csv --config one.toml --out a -q") == 0
    page = Path("a/report.html").read_text()
    assert "samples of" in page
    assert "Right: the probability" not in page
    assert "1 configuration on 4 assets" in page
    assert not re.search(r"(?<!of )\b1 (configurations|assets|splits)", page)
    assert "2 pieces between" in page
    table = RunFolder.open(Path("a")).read_frame("splits.csv")
    assert table["test_pieces"].tolist()[:2] == [1, 2]  # neighbouring folds are one piece
    assert ask("sweep p.csv --config g.toml --out b -q") == 0
    page = Path("b/report.html").read_text()
    assert "Right: the probability" in page
    assert "pieces between" not in page
    assert page.count("best is framed") == 2  # lookback by interval, and the method


def test_a_default_grid_that_was_written_is_the_default_grid(here, capsys) -> None:
    first = told("p.csv --window-days 60 --quick", capsys)
    for data in ("", "p.csv "):
        assert ask(f"sweep {data}--print-config --quick --window-days 60") == 0
        Path("d.toml").write_text(capsys.readouterr().out)
        lookbacks = tomllib.loads(Path("d.toml").read_text())["grid"][0]["lookback"]
        assert lookbacks == ([63, 126] if data else [63, 126, 252])
        again = told("p.csv --config d.toml", capsys)
        assert (again["digest"], again["entry"]) == (first["digest"], first["entry"])
        assert again["report"] == first["report"] is None
    assert record(first["run"])["config"]["grid"][0]["lookback"] == [63, 126]


def test_a_grid_that_is_not_smaller_is_not_said_to_be_cut(here, capsys) -> None:
    written("two.csv", 1200, assets="AB")
    assert ask("sweep two.csv --quick --splits none") == 0
    err = capsys.readouterr().err
    assert "note: the default grid has other values of top: 1,200 rows of 2 assets" in err
    assert "cut to" not in err


def test_verify_compares_the_verdict_too(here, monkeypatch, capsys) -> None:
    assert told("p.csv --config g.toml --ledger t.jsonl", capsys)["verdict"]["n_trials"] == 8
    Path("h.toml").write_text(GRID.replace("[10, 20]", "[15, 30]"))
    said = told("p.csv --config h.toml --ledger t.jsonl --verify --threads 2", capsys)
    assert said["verdict"]["n_trials"] == 16
    assert said["verify"]["identical"]
    genuine = sweep_work.verdict_bits
    seen = []

    def counted(found):
        seen.append((found.verdict.n_trials, found.verdict.dsr))
        return genuine(found) + str(found.settings["num_threads"])

    monkeypatch.setattr(sweep_work, "verdict_bits", counted)
    assert ask("sweep p.csv --config h.toml --ledger t.jsonl --verify --threads 2 --out b -q") == 1
    assert "the same figures" in capsys.readouterr().err
    assert len(set(seen)) == 1
    assert len(seen) > 1
