"""What a newcomer meets on the command line: files of other shapes, and what refusals advise."""

from __future__ import annotations

import json

import pytest

from atomloom import store
from atomloom.app.cli import run
from atomloom.store import Trades

BARE = "2024-03-04T14:30:00,100.00,{}\n2024-03-04T14:30:01,100.25,{}\n"
QUOTES = "34200000,100.00,5,100.25,7\n34200500,100.25,6,100.50,8\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _ingest(*given: str) -> int:
    return run(["ingest", *given, "--to", "ticks.h5", "--symbol", "X", "--out", "run", "--quiet"])


@pytest.mark.parametrize("quote", ["", '"'])
def test_positions_in_a_config_may_be_numbers(here, quote) -> None:
    (here / "bare.csv").write_text(BARE.format(3, 4))
    (here / "c.toml").write_text("".join(f"{role} = {quote}{k}{quote}\n" for k, role in enumerate(("ts", "price"))))
    text = (here / "c.toml").read_text()
    (here / "c.toml").write_text(f"[ticks]\n{text}size = {quote}2{quote}\n")
    assert _ingest("bare.csv", "--config", "c.toml") == 0
    assert store.open_store("ticks.h5")["X"].trades().size.tolist() == [3, 4]


@pytest.mark.parametrize("value", ["true", "1.0", "[1]"])
def test_no_other_value_is_a_column(here, value, capsys) -> None:
    (here / "bare.csv").write_text(BARE.format(3, 4))
    (here / "c.toml").write_text(f"[ticks]\nts = {value}\n")
    assert _ingest("bare.csv", "--config", "c.toml") == 2
    assert "ticks: ts is" in capsys.readouterr().err


def test_sizes_with_fractions_and_decimal_commas(here) -> None:
    rows = BARE.format("0,5", "1,25").replace("00,1", "00;1").replace("01,1", "01;1")
    rows = rows.replace(".00,", ",00;").replace(".25,", ",25;")
    (here / "comma.csv").write_text("time;price;size\n" + rows)
    (here / "c.toml").write_text('[ticks]\nlot = 0.01\ndecimal = ","\n')
    assert _ingest("comma.csv", "--config", "c.toml") == 0
    trades = store.open_store("ticks.h5")["X"].trades()
    assert trades.size.tolist() == [50, 125]
    assert trades.price.tolist() == [100.0, 100.25]


def test_a_refusal_of_fractions_says_what_to_set(here, capsys) -> None:
    (here / "coin.csv").write_text("time,price,size\n" + BARE.format("0.5", "0.25"))
    assert _ingest("coin.csv") == 2
    assert "lot = 1e-08 in [ticks] of --config" in capsys.readouterr().err


def test_times_of_quotes_may_be_said(here) -> None:
    (here / "q.csv").write_text("time,bid,bid_size,ask,ask_size\n" + QUOTES)
    (here / "c.toml").write_text('[ticks]\ntime = "ms since midnight"\n')
    assert _ingest("q.csv", "--kind", "quotes", "--date", "2024-03-04", "--config", "c.toml") == 0
    assert store.open_store("ticks.h5")["X"].quotes().bid_px.tolist() == [400, 401]


def test_an_unknown_format_beside_a_time_is_refused(here, capsys) -> None:
    (here / "bare.csv").write_text(BARE.format(3, 4))
    (here / "c.toml").write_text('[ticks]\ntime = "iso"\nformat = "kibott"\n')
    assert _ingest("bare.csv", "--config", "c.toml") == 2
    assert "did you mean 'kibot'" in capsys.readouterr().err


def test_store_commands_take_the_symbol_either_way_and_speak_of_options(here, capsys) -> None:
    with store.open_store("ticks.h5", "a") as opened:
        for symbol in "AB":
            opened.append(Trades([0], [10], [5], 0.5, symbol))
    for what in ("info", "days"):
        assert run(["store", what, "ticks.h5", "--symbol", "B", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["symbol"] == "B"
        assert run(["store", what, "ticks.h5", "A", "--symbol", "B"]) == 2
        assert "once" in capsys.readouterr().err
    for given in (["info"], ["days"], ["find", "size > 1"], ["export", "a.csv"]):
        assert run(["store", given[0], "ticks.h5", *given[1:]]) == 2
        said = capsys.readouterr().err
        assert "give --symbol" in said
        assert "symbol=" not in said


def test_combinations_of_several_instruments_are_counted_once(here, capsys) -> None:
    with store.open_store("ticks.h5", "a") as opened:
        for symbol in "AB":
            ts = [k * 10**9 for k in range(2_000)]
            opened.append(Trades(ts, [1_000 + (k * k) % 7 for k in range(2_000)], [1 + k % 5 for k in range(2_000)],
                                 0.5, symbol))  # fmt: skip
    (here / "c.toml").write_text(
        "min_events = 1\n[grid]\nbuckets_per_day = [20, 50]\nbars_per_bucket = [5]\nprice = ['close']\nnu = [0.0]\n"
        "support_days = [0.1, 0.2]\nthreshold = [0.8]\nhorizon_days = [0.1]\n"
    )
    assert run(["calibrate", "ticks.h5", "--config", "c.toml", "--out", "run", "--quiet"]) == 0
    assert "4 combinations, 8 of 8 runs of 2 instruments feasible" in capsys.readouterr().out
    page = (here / "run" / "report.html").read_text()
    assert "8 of 8" in page


def test_what_was_stored_before_has_no_speed(here, capsys) -> None:
    (here / "x.csv").write_text("time,price,size\n" + BARE.format(3, 4))
    given = ["ingest", "x.csv", "--to", "ticks.h5", "--symbol", "X"]
    assert run([*given, "--out", "first"]) == 0
    assert "MB/s" in capsys.readouterr().err
    assert run([*given, "--out", "second"]) == 0
    assert "MB/s" not in capsys.readouterr().err
