"""`atomloom ingest`, `bars`, `hhi` and `spectrum`: what they leave is what the library gives."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atomloom import market, store
from atomloom.app.cli import run
from atomloom.app.runs import RunFolder
from atomloom.data import es_2013_09
from atomloom.store import Trades

ES = str(es_2013_09())


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_files_go_into_a_store_with_an_account(here, capsys) -> None:
    Path("A.csv").write_text("time,price,size\n2024-05-06 08:30:00,1.5,2\n2024-05-06 08:30:01,1.5,0\n")
    Path("B.csv").write_text("time,price,size\n2024-05-06 08:30:00,3,1\n")
    assert run(["ingest", "A.csv", "B.csv", "--to", "t.h5", "--out", "a", "--json", "--quiet"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["n_read"], said["n_stored"], said["n_rejected"], said["symbols"]) == (3, 2, 1, ["A", "B"])
    assert store.symbols("t.h5") == ["A", "B"]
    html = Path("a/report.html").read_text()
    assert "size is below 1" in html
    assert html.count("<svg") == 3  # days of A and of B, stages
    assert run(["ingest", "A.csv", "--to", "t.h5", "--out", "b", "--quiet"]) == 2
    assert "already" in capsys.readouterr().err
    assert run(["ingest", "--to", "t.h5"]) == 2
    assert run(["ingest", "A.csv"]) == 2


def test_bars_are_those_of_the_library(here, capsys) -> None:
    assert run(["bars", ES, "--kind", "tick", "--size", "500", "--price", "vwap", "--out", "a", "--json", "-q"]) == 0
    said = json.loads(capsys.readouterr().out)
    bars = market.tick_bars(store.read_trades(ES), 500, price="vwap")
    assert said["n_bars"] == len(bars)
    frame = RunFolder.open(Path("a")).read_frame("bars.csv")
    assert np.array_equal(frame["price"], bars.price)
    returns = np.diff(np.log(bars.close))
    away = returns - returns.mean()
    assert said["return_kurtosis"] == pytest.approx((away**4).mean() / (away**2).mean() ** 2)
    assert Path("a/report.html").read_text().count("<svg") == 3


@pytest.mark.parametrize(
    ("kind", "size"),
    [("time", "600"), ("volume", "5000"), ("dollar", "2e7"), ("volume-imbalance", "500"), ("tick-runs", "500")],
)
def test_every_kind_of_bars_can_be_asked_for(kind, size, here, capsys) -> None:
    assert run(["bars", ES, "--kind", kind, "--size", size, "--end", "2013-09-03", "--out", "a", "--json", "-q"]) == 0
    assert json.loads(capsys.readouterr().out)["n_bars"] > 3


def test_bars_that_cannot_be_are_refused(here, capsys) -> None:
    assert run(["bars", ES, "--kind", "tick"]) == 2
    assert "tick bars need a size" in capsys.readouterr().err
    assert run(["bars", ES, "--kind", "tik", "--size", "5"]) == 2
    assert "choose one of time, tick" in capsys.readouterr().err
    assert run(["bars", ES, "--kind", "tick", "--size", "1000000", "--out", "a"]) == 2
    assert "too little for one bar" in capsys.readouterr().err


def test_fragmentation_of_a_store(here, capsys) -> None:
    rng = np.random.default_rng(0)
    ts = np.sort(rng.integers(0, 5 * 3600 * 10**9, 4000))
    trades = Trades(
        ts, np.full(4000, 100), rng.integers(1, 9, 4000), 0.01, "X", rng.integers(0, 4, 4000), tuple("NPQZ")
    )
    store.write_trades("x.h5", trades)
    assert run(["hhi", "x.h5", "--window", "600", "--out", "a", "--json", "-q"]) == 0
    said = json.loads(capsys.readouterr().out)
    expected = market.herfindahl(trades, 600.0)
    assert said["hhi_mean"] == pytest.approx(expected.hhi.mean())
    assert said["venues"] == 4
    assert Path("a/report.html").read_text().count("<svg") == 2
    assert run(["hhi", ES, "--out", "b"]) == 2
    assert "venue" in capsys.readouterr().err


def test_a_beat_is_found(here, capsys) -> None:
    pytest.importorskip("finufft")
    rng = np.random.default_rng(1)
    minute = 60 * 10**9
    noise = rng.integers(0, 600 * minute, 5000)
    beat = rng.integers(0, 600, 1500) * minute + rng.integers(0, 10**8, 1500)
    ts = np.sort(np.concatenate([noise, beat]))
    store.write_trades("x.h5", Trades(ts, np.full(6500, 100), np.ones(6500, int), 0.01, "X"))
    assert run(["spectrum", "x.h5", "--modes", "2000", "--surrogates", "99", "--out", "a", "--json", "-q"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["line"]["found"] is True
    assert said["fold"]["top"] == 0
    peak = pd.read_csv("a/peaks.csv")["frequency"][0]
    assert min(abs(peak - harmonic / 60) for harmonic in (1, 2)) < 2e-5
    assert Path("a/report.html").read_text().count("<svg") == 4


def test_without_finufft_the_extra_is_named(here, monkeypatch, capsys) -> None:
    monkeypatch.setitem(sys.modules, "finufft", None)
    assert run(["spectrum", ES, "--out", "a"]) == 3
    assert "atomloom[nufft]" in capsys.readouterr().err


def test_files_that_are_in_the_store_are_passed_over(here, capsys) -> None:
    for k in range(3):
        Path(f"{k}.csv").write_text(f"time,price,size\n2024-05-0{k + 1} 08:30:00,1.5,2\n")
    files = ["0.csv", "1.csv", "2.csv"]
    more = ["--to", "t.h5", "--symbol", "A", "--tick-size", "0.5", "--quiet", "--json"]
    assert run(["ingest", "0.csv", *more, "--out", "a"]) == 0  # as far as a command came that was killed
    capsys.readouterr()
    assert run(["ingest", *files, *more, "--out", "b"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["n_stored"] == 2
    assert "0.csv is in t.h5 already" in told.err
    assert len(store.read_trades("t.h5")) == 3
    assert run(["ingest", *files, *more, "--out", "c"]) == 2


def test_ingest_refuses_a_span_that_it_would_not_heed(here, capsys) -> None:
    Path("A.csv").write_text("time,price,size\n2024-05-06 08:30:00,1.5,2\n")
    Path("c.toml").write_text('[ticks]\nstart = "2030-01-01"\n')
    assert run(["ingest", "A.csv", "--to", "t.h5", "--config", "c.toml"]) == 2
    assert "whole files" in capsys.readouterr().err
    assert not Path("t.h5").exists()


@pytest.mark.parametrize("command", ["ingest", "bars", "hhi", "spectrum"])
def test_settings_print_and_read_back(command, here, capsys) -> None:
    assert run([command, "--print-config"]) == 0
    Path("c.toml").write_text(capsys.readouterr().out)
    assert run([command, "--config", "c.toml", "--print-config"]) == 0
    assert capsys.readouterr().out == Path("c.toml").read_text()
