"""`atomloom store`: what is in a store, as text and as JSON, and exit codes that scripts can use."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from atomloom import store
from atomloom.app.cli import run
from atomloom.store import Trades


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with two symbols in ticks.h5."""
    monkeypatch.chdir(tmp_path)
    day = 86_400 * 10**9
    with store.open_store("ticks.h5", "a") as opened:
        opened.append(Trades([day, day + 5, 2 * day], [10, 11, 12], [5, 600, 7], 0.5, "A", [0, 1, 0], ("P", "Q")))
        opened.append(Trades([day], [10], [5], 0.5, "B"))
    return tmp_path


def test_tables_are_listed_and_described(here, capsys) -> None:
    assert run(["store", "ls", "ticks.h5"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:3] for line in lines] == [
        ["symbol", "kind", "rows"],
        ["A", "trades", "3"],
        ["B", "trades", "1"],
    ]
    assert run(["store", "ls", "ticks.h5", "--json"]) == 0
    assert [table["symbol"] for table in json.loads(capsys.readouterr().out)["tables"]] == ["A", "B"]
    assert run(["store", "info", "ticks.h5", "A", "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["rows"], said["venues"], said["volume"]) == (3, ["P", "Q"], 612)
    assert run(["store", "info", "ticks.h5", "A"]) == 0
    assert "tick size        0.5" in capsys.readouterr().out
    assert run(["store", "days", "ticks.h5", "A"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["1970-01-02", "0", "2", "605"]


def test_rows_are_found_and_exported(here, capsys) -> None:
    assert run(["store", "find", "ticks.h5", "size >= 500 and venue == 'Q'", "--symbol", "A"]) == 0
    out = capsys.readouterr().out
    assert "1 of 3 rows" in out
    assert out.splitlines()[1].split() == ["1", "1970-01-02T00:00:00.000000005+00:00", "11", "600", "Q"]
    assert run(["store", "find", "ticks.h5", "size > 1", "--symbol", "A", "--json", "--limit", "1"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["hits"], len(said["rows"])) == (3, 1)
    assert run(["store", "find", "ticks.h5", "size > 10000", "--symbol", "A"]) == 0
    assert "0 of 3 rows" in capsys.readouterr().out
    assert run(["store", "export", "ticks.h5", "a.parquet", "--symbol", "A", "--start", "1970-01-03"]) == 0
    assert pd.read_parquet("a.parquet")["price"].tolist() == [6.0]
    assert run(["store", "find", "ticks.h5", "sise > 1", "--symbol", "A"]) == 2
    assert "there is no column 'sise'" in capsys.readouterr().err
    assert run(["store", "info", "ticks.h5"]) == 2
    assert "--symbol" in capsys.readouterr().err.replace("symbol=...", "--symbol")


def test_damage_is_exit_code_1(here, capsys) -> None:
    assert run(["store", "verify", "ticks.h5"]) == 0
    with store.open_store("ticks.h5") as opened:
        place = int(opened.meta("A", "trades").places["px"][0])
    raw = bytearray((here / "ticks.h5").read_bytes())
    raw[place + 120] ^= 255
    (here / "ticks.h5").write_bytes(bytes(raw))
    capsys.readouterr()
    assert run(["store", "verify", "ticks.h5"]) == 1
    assert "/A/trades/px chunk 0 (rows 0 to 2)" in capsys.readouterr().out
    assert run(["store", "verify", "ticks.h5", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_nothing_is_dropped_without_a_word(here, capsys) -> None:
    assert run(["store", "drop", "ticks.h5", "A"]) == 2
    assert "3 rows of A are kept" in capsys.readouterr().err
    assert run(["store", "drop", "ticks.h5", "A", "--yes"]) == 0
    assert store.symbols("ticks.h5") == ["B"]
