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
    assert run(["ingest", "A.csv", "--to", "t.h5", "--out", "b", "--quiet"]) == 0
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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--kind tick --size 1.5", "size is 1.5. Hint: tick bars take a whole number"),
        ("--kind time --size nan", "size is nan"),
        ("--kind tick --size -5", "size is -5.0"),
        ("--per-day 0", "per_day is 0"),
        ("--price last", "choose one of close, mean, median, vwap, weighted_median"),
        ("--kind time --size 60 --whole", "--whole says nothing to time bars."),
        ("--kind tick --size 60 --alpha 0.1", "--alpha says nothing to tick bars."),
        ("--size 6000 --per-day 4", "--per-day says nothing to volume bars of a given size."),
        ("--kind tick-runs --size 500 --alpha-trades 2", "alpha_trades is 2.0"),
        ("--kind tick-runs --size 500 --limits 2 3", "limits are [2.0, 3.0]. Hint: give the fewest, at most 1,"),
        ("--kind tick-runs --size 500 --limits 0.5 3 --no-limits", "say the opposite"),
    ],
)
def test_bars_are_checked_before_there_is_a_folder(arguments, said, here, capsys) -> None:
    assert run(["bars", ES, *arguments.split()]) == 2
    assert said in capsys.readouterr().err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("options", "keywords"),
    [
        ([], {}),
        (["--alpha", "0.3", "--alpha-trades", "0.01"], {"alpha_bars": 0.3, "alpha_trades": 0.01}),
        (["--limits", "0.5", "3"], {"limits": (0.5, 3.0)}),
        (["--no-limits"], {"limits": None}),
    ],
)
def test_runs_bars_take_what_the_library_takes(options, keywords, here, capsys) -> None:
    asked = ["bars", ES, "--kind", "volume-runs", "--size", "500", "--end", "2013-09-02T12", "--out", "a", "-q"]
    assert run([*asked, *options]) == 0
    trades = store.read_trades(ES, end="2013-09-02T12")
    bars = market.runs_bars(trades, "volume", expected_ticks=500, **keywords)
    frame = RunFolder.open(Path("a")).read_frame("bars.csv")
    assert np.array_equal(frame["close"], bars.close)
    assert np.array_equal(frame["n_trades"], bars.n_trades)


def test_a_report_of_very_many_bars_stays_small(here) -> None:
    assert run(["bars", ES, "--kind", "tick", "--size", "4", "--out", "a", "-q"]) == 0
    assert Path("a/report.html").stat().st_size < 1_000_000  # 125,000 bars; drawn one by one they take 13 MB


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
    asked = ["hhi", "x.h5", "--volume", "1000", "--step", "500", "--by", "trades", "--out", "c", "--json", "-q"]
    assert run(asked) == 0
    expected = market.herfindahl(trades, None, volume=1000, step=500, by="trades")
    assert json.loads(capsys.readouterr().out)["hhi_max"] == pytest.approx(expected.hhi.max())
    assert run(["hhi", ES, "--out", "b"]) == 2
    assert "ES has no venues. Hint: name their column in [ticks] venue of --config" in capsys.readouterr().err
    assert run(["hhi", "x.h5", "--volume", "99999999", "--out", "d"]) == 2
    assert "X has less than one window of volume" in capsys.readouterr().err
    assert run(["hhi", "x.h5", "--session", "08:00-09:00", "--out", "e"]) == 2
    assert "Hint: --flagged, or check --session and --zone." in capsys.readouterr().err


def test_fragmentation_of_quotes(here, capsys) -> None:
    rng = np.random.default_rng(0)
    n = 3000
    sides = [100 + rng.integers(0, 3, n), rng.integers(0, 5, n), 104 + rng.integers(0, 3, n), rng.integers(0, 5, n)]
    ts = np.sort(rng.integers(0, 5 * 3600 * 10**9, n)) + 10**18
    flags = (np.arange(n) % 10 == 0).astype(np.uint8)
    quotes = store.Quotes(ts, *sides, 0.01, "X", rng.integers(0, 4, n), tuple("NPQZ"), flags)
    with store.open_store("q.h5", "a") as opened:
        opened.append(quotes)
    for by in ("quotes", "size"):
        assert run(["hhi", "q.h5", "--window", "600", "--by", by, "--out", by, "--json", "-q"]) == 0
        said = json.loads(capsys.readouterr().out)
        expected = market.herfindahl(quotes, 600.0, by=by)
        assert said["hhi_mean"] == pytest.approx(expected.hhi.mean())
        assert (said["quotes"], said["flagged"], said["venues"]) == (n, 300, 4)
        shares = pd.read_csv(f"{by}/venues.csv")
        assert list(shares.columns) == ["venue", "quotes", "size", "share"]
        assert shares["quotes"].sum() == n - 300
        assert shares["size"].sum() == (sides[1] + sides[3])[flags == 0].sum()
        page = Path(by, "report.html").read_text()
        assert "3,000 quotes from" in page
        assert "300 quotes that the source doubts are left out" in page
    frame = {"ts": ts, "bid": sides[0] / 100, "bid_size": sides[1], "ask": sides[2] / 100, "ask_size": sides[3]}
    pd.DataFrame({**frame, "venue": [quotes.venues[code] for code in quotes.venue]}).to_csv("X.csv", index=False)
    assert run(["hhi", "X.csv", "--window", "600", "--by", "quotes", "--flagged", "--out", "t"]) == 0
    seen = capsys.readouterr()
    assert "3,000 of X" in seen.out + seen.err
    assert Path("t/quotes.h5").is_file()
    assert run(["hhi", "q.h5", "--out", "e"]) != 0
    assert "holds no trades" in capsys.readouterr().err
    assert run(["hhi", ES, "--by", "quotes", "--out", "f"]) != 0
    assert "holds no quotes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--window week", "window is 'week'. Hint: give day, or seconds"),
        ("--window -5", "window is -5.0"),
        ("--volume 0", "volume is 0"),
        ("--volume 100 --window 60", "two ways to cut windows"),
        ("--volume 100 --step 1.5", "step is 1.5. Hint: windows of volume slide by a whole number"),
        ("--by venues", "choose volume or trades; for quotes, quotes or size"),
        ("--by quotes --volume 100", "quotes have no volume to make windows of. Hint: --window SECONDS"),
        ("--zone Mars", "zone is 'Mars', which names no time zone here"),
        ("--session 0930", "session is '0930'"),
        ("--session 09:30", "session is '09:30'. Hint: give two times"),
        ("--session 09:30-12:00-16:00", "Hint: give two times"),
    ],
)
def test_windows_are_checked_before_there_is_a_folder(arguments, said, here, capsys) -> None:
    assert run(["hhi", ES, *arguments.split()]) == 2
    assert said in capsys.readouterr().err
    assert not Path("runs").exists()


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


def test_line_and_period_are_those_that_were_asked_for(here, capsys) -> None:
    pytest.importorskip("finufft")
    trades = store.read_trades(ES, end="2013-09-02T12")
    asked = "--line 300 --harmonics 3 --period 300 --bins 30 --surrogates 19 --modes 500 --low 0.001 --high 0.02"
    assert run(["spectrum", ES, "--end", "2013-09-02T12", *asked.split(), "--out", "a", "--json", "-q"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["line"]["power"] == market.line_test(trades.ts, 1 / 300, harmonics=3, surrogates=19, seed=0).power
    count = RunFolder.open(Path("a")).read_frame("fold.csv")["count"]
    assert np.array_equal(count, np.bincount(trades.ts // 10**9 % 300 // 10, minlength=30))
    assert "Folded by 300 seconds" in Path("a/report.html").read_text()


@pytest.mark.parametrize("option", ["--line", "--period", "--harmonics", "--bins", "--surrogates"])
def test_a_spectrum_of_nothing_is_refused_before_there_is_a_folder(option, here, capsys) -> None:
    assert run(["spectrum", ES, option, "0"]) == 2
    assert f"{option[2:]} is 0" in capsys.readouterr().err
    assert not Path("runs").exists()


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
    said = json.loads(told.out)
    assert (said["n_stored"], said["files"], said["already"]) == (3, 3, 1)
    assert "0.csv is in t.h5 already" in told.err
    assert len(store.read_trades("t.h5")) == 3
    assert run(["ingest", *files, *more, "--out", "c"]) == 0
    assert json.loads(capsys.readouterr().out)["already"] == 3
    assert len(store.read_trades("t.h5")) == 3


def test_ingest_refuses_a_span_that_it_would_not_heed(here, capsys) -> None:
    Path("A.csv").write_text("time,price,size\n2024-05-06 08:30:00,1.5,2\n")
    Path("c.toml").write_text('[ticks]\nstart = "2030-01-01"\n')
    assert run(["ingest", "A.csv", "--to", "t.h5", "--config", "c.toml"]) == 2
    assert "whole files" in capsys.readouterr().err
    assert not Path("t.h5").exists()


def test_a_calibration_with_nothing_to_test_has_a_report(here) -> None:
    Path("c.toml").write_text("[grid]\nbuckets_per_day = [50]\nbars_per_bucket = [5]\nprice = ['close']\nnu = [0.1]\n")
    asked = ["calibrate", ES, "--config", "c.toml", "--split-at", "2020-01-01", "--out", "a", "-q"]
    assert run(asked) == 0
    html = Path("a/report.html").read_text()
    assert "Best in training" in html
    assert "test part, by the two parameters" not in html


@pytest.mark.parametrize("command", ["ingest", "bars", "hhi", "spectrum", "calibrate", "vpin"])
def test_settings_print_and_read_back(command, here, capsys) -> None:
    assert run([command, "--print-config"]) == 0
    Path("c.toml").write_text(capsys.readouterr().out)
    assert run([command, "--config", "c.toml", "--print-config"]) == 0
    assert capsys.readouterr().out == Path("c.toml").read_text()
