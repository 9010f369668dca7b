"""`atomloom vpin`: a CSV gives what its trades give in Python; what cannot be used is said, with its place."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest

from atomloom import store
from atomloom.app.cli import run
from atomloom.app.runs import RunFolder
from atomloom.data import es_2013_09
from atomloom.market import VPINConfig, vpin

SMALL = """
[vpin]
buckets_per_day = 20
bars_per_bucket = 5
support_days = 0.25
threshold = 0.8
[grid]
buckets_per_day = [10, 20]
bars_per_bucket = []
price = []
nu = []
support_days = [0.25, 0.5]
threshold = [0.8, 0.9]
"""


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with the first trades of the package as ES.csv, and settings that suit so few."""
    trades = store.read_trades(es_2013_09(), end="2013-09-02T12:00")
    rows = [
        f"{moment},{price:.2f},{size}"
        for moment, price, size in zip(trades.ts.astype("datetime64[ns]"), trades.price, trades.size, strict=True)
    ]
    (tmp_path / "ES.csv").write_text("DateTime,Price,Volume\n" + "\n".join(rows) + "\n")
    (tmp_path / "small.toml").write_text(SMALL)
    monkeypatch.chdir(tmp_path)
    return trades


def go(*arguments: str) -> int:
    return run(["vpin", *arguments, "--config", "small.toml", "--threads", "1", "--quiet"])


def test_a_csv_gives_what_its_trades_give_in_python(here, capsys) -> None:
    assert go("ES.csv", "--out", "a", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    folder = RunFolder.open(Path("a"))
    config = folder.record["config"]["vpin"]
    expected = vpin(here, VPINConfig.from_dict(config))
    assert said["vpin_max"] == expected.scalars()["vpin_max"]
    assert said["n_events"] == len(expected.events)
    assert said["symbol"] == "ES"
    assert said["combinations"] == 8
    assert folder.record["source"] == "ES.csv"
    assert folder.record["ingest"]["n_rejected"] == 0
    assert not Path("a/rejects.csv").exists()
    html = Path("a/report.html").read_text()
    assert "VPIN of ES" in html
    assert html.count("<svg") == 4  # price and VPIN, events over threshold and support, stages, molecules


def test_rejected_rows_are_listed_with_line_and_reason(here, capsys) -> None:
    text = Path("ES.csv").read_text().splitlines()
    text[5] = "not a time,1640.25,1"
    text.insert(9, "2013-09-01 22:00:01.000,1640.25,0")
    Path("ES.csv").write_text("\n".join(text) + "\n")
    assert run(["vpin", "ES.csv", "--config", "small.toml", "--threads", "1", "--sort", "--out", "a"]) == 0
    captured = capsys.readouterr()
    assert "rejected 2" in captured.err
    rejects = Path("a/rejects.csv").read_text().splitlines()
    assert rejects[0] == "byte_offset,line,reason,text,source"
    assert [row.split(",")[1] for row in rejects[1:]] == ["6", "10"]
    assert RunFolder.open(Path("a")).record["ingest"]["n_stored"] == len(here) - 1
    rows = len(text) - 1
    assert f"trades  {rows - 2:,} of {rows:,} rows (2 rejected, see rejects.csv) of ES, " in captured.out
    assert "warning" not in captured.err
    assert f"2 of {rows:,} rows of the file were rejected" in Path("a/report.html").read_text()


def test_many_rejected_rows_are_a_warning_even_to_the_quiet(here, capsys) -> None:
    text = Path("ES.csv").read_text().splitlines()
    bad = ["2013-09-01 22:00:01.000,1640.25,0"] * (len(text) // 50)
    Path("ES.csv").write_text("\n".join(text + bad) + "\n")
    assert go("ES.csv", "--sort", "--out", "a", "--json") == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert (said["rows_read"], said["rejected"], said["trades"]) == (len(here) + len(bad), len(bad), len(here))
    assert err.startswith(f"warning: {len(bad):,} of {len(here) + len(bad):,} rows of ES.csv were rejected")
    assert "size is below 1" in err
    assert err.count("\n") == 1


PYTHON = re.compile(r"\w=[\w{'\"]|pass |\btick_size\b")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("time,price,size\n2013-09-02 12:00:00,100,1\n2013-09-02 11:00:00,100,1\n", "Hint: --sort weaves them in"),
        ("when,price,size\n2013-09-02 12:00:00,100,1\n", 'set [ticks] ts = "NAME" or delimiter in --config'),
        ("tme,price,size\n2013-09-02 12:00:00,100,1\n", "did you mean 'tme'? set [ticks] ts = \"tme\""),
        ("2013-09-02 12:00:00,100,1\n", "Hint: add one, or name positions in [ticks] of --config"),
        ("time,price,size\n2013-09-02 12:00:00,1.23456789012,1\n2013-09-02 12:00:00,2,1\n", "give --tick-size"),
        ("time,price,size\n2013-09-02 12:00:00,100,0\n", "check the time format and --tick-size"),
    ],
)
def test_hints_are_in_the_words_of_the_command_line(content, said, here, capsys) -> None:
    Path("bad.csv").write_text(content)
    assert go("bad.csv", "--out", "a") == 2
    err = capsys.readouterr().err
    assert said in err
    assert not PYTHON.search(err), err


def test_a_folder_that_failed_for_its_file_is_used_again_with_other_options(here, capsys) -> None:
    head, *rows = Path("ES.csv").read_text().splitlines()
    Path("ES.csv").write_text("\n".join([head, *rows[::-1]]) + "\n")
    assert go("ES.csv", "--out", "u") == 2
    assert "--sort" in capsys.readouterr().err
    assert go("ES.csv", "--out", "u", "--sort") == 0
    record = RunFolder.open(Path("u")).record
    assert record["status"] == "done"
    assert record["config"]["ticks"]["sort"] is True


def test_gzip_and_options_of_the_command_line(here, capsys) -> None:
    local = Path("ES.csv").read_text()
    Path("mine.csv.gz").write_bytes(gzip.compress(local.encode()))
    assert (
        go("mine.csv.gz", "--out", "a", "--json", "--tz", "America/Chicago", "--tick-size", "0.25", "--symbol", "MINI")
        == 0
    )
    said = json.loads(capsys.readouterr().out)
    assert said["symbol"] == "MINI"
    assert said["first"] == "2013-09-02T03:00:00.083Z"
    ticks = RunFolder.open(Path("a")).record["config"]["ticks"]
    assert (ticks["tz"], ticks["tick_size"], ticks["symbol"]) == ("America/Chicago", 0.25, "MINI")


@pytest.mark.parametrize(
    ("content", "arguments", "said"),
    [
        ("a,b\n1,2\n", [], "column"),
        ("", [], "empty"),
        ("time,price,size\n2013-09-02 12:00:00,100,1\n2013-09-02 11:00:00,100,1\n", [], "sort"),
        ("time,price,size\n2013-09-02 12:00:00,100,1\n", ["--tz", "Mars/Olympus"], "Mars/Olympus"),
        ("time,price,size\n2013-09-02 12:00:00,100,1\n", [], "volume of 1"),
    ],
)
def test_a_file_that_cannot_be_used_is_2_and_the_folder_says_why(content, arguments, said, here, capsys) -> None:
    Path("bad.csv").write_text(content)
    assert go("bad.csv", "--out", "a", *arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert err.startswith("error: ")
    record = RunFolder.open(Path("a")).record
    assert record["status"] == "failed"
    assert said in record["error"]


def test_the_file_is_needed_but_not_to_print_or_to_resume(here, capsys) -> None:
    assert run(["vpin"]) == 2
    assert "Missing argument 'FILE'" in capsys.readouterr().err
    assert run(["vpin", "--print-config"]) == 0
    assert "[ticks]" in capsys.readouterr().out
    assert go("ES.csv", "--out", "a") == 0
    assert run(["vpin", "ES.csv", "--resume", "a"]) == 2
    assert "--resume takes the file and settings of its run. Hint: give it alone." in capsys.readouterr().err


def test_a_run_that_failed_for_its_file_resumes_once_the_file_is_mended(here, capsys) -> None:
    good = Path("ES.csv").read_text()
    Path("ES.csv").write_text("")
    assert go("ES.csv", "--out", "a") == 2
    Path("ES.csv").write_text(good)
    assert run(["vpin", "--resume", "a", "--quiet", "--threads", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trades"] == len(here)
    assert RunFolder.open(Path("a")).record["status"] == "done"
    assert "error" not in RunFolder.open(Path("a")).record


def test_a_grid_that_asks_for_too_much_says_so(here, capsys) -> None:
    Path("small.toml").write_text(SMALL.replace("support_days = [0.25, 0.5]", "support_days = [0.25, 30.0]"))
    assert go("ES.csv", "--out", "a") == 0
    assert RunFolder.open(Path("a")).record["summary"]["infeasible"] == 4
    assert re.search(
        r"^grid    8 points, 4 infeasible, \d+ molecules, 1 workers$", capsys.readouterr().out, re.MULTILINE
    )
    assert "4 of them ask for more data than there is" in Path("a/report.html").read_text()


def test_a_run_without_events_and_with_one_combination_has_a_report(here) -> None:
    Path("small.toml").write_text(
        "[vpin]\nbuckets_per_day=20\nbars_per_bucket=5\nsupport_days=0.25\nthreshold=0.999\n[grid]\n"
        + "".join(
            f"{name}=[]\n"
            for name in ("buckets_per_day", "bars_per_bucket", "price", "nu", "support_days", "threshold")
        )
    )
    assert go("ES.csv", "--out", "a") == 0
    html = Path("a/report.html").read_text()
    assert "was never above 0.999" in html
    assert html.count("<svg") == 3
