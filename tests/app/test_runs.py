"""Run folders: named by time and content, whole or absent files, every ending recorded."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atomloom.app import interrupts
from atomloom.app.runs import RunFolder, config_hash
from atomloom.errors import BadInput, StoreError


def test_the_name_is_time_command_and_hash(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs = [RunFolder.create("demo", {"bars": 30}, seed=7) for _ in range(3)]
    assert len({run.path for run in runs}) == 3
    for run in runs:
        assert re.fullmatch(r"runs/\d{8}T\d{6}Z-demo-[0-9a-f]{6}(-\d)?", str(run.path))
        assert config_hash("demo", {"bars": 30}, 7).startswith(re.search(r"demo-(\w{6})", run.path.name)[1])


def test_the_record_says_what_was_asked_and_where_it_ran(tmp_path) -> None:
    run = RunFolder.create("demo", {"bars": 30, "axes": (1, 2)}, out=tmp_path / "a", seed=7)
    record = json.loads((run.path / "run.json").read_text())
    assert record["config"] == {"bars": 30, "axes": [1, 2]}
    assert record["seed"] == 7
    assert record["status"] == "running"
    assert set(record["versions"]) >= {"atomloom", "python"}
    assert record["machine"]["cores"] >= 1
    assert str(tmp_path) not in json.dumps({key: value for key, value in record.items() if key != "command_line"})


def test_a_folder_that_is_not_empty_is_not_taken(tmp_path) -> None:
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(BadInput, match=r"is not empty\. Hint: --resume"):
        RunFolder.create("demo", {}, out=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept.txt"]


@pytest.mark.parametrize("content", [None, "{", "[]", '{"format": 99}'])
def test_what_is_no_run_folder_is_refused(content, tmp_path) -> None:
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    with pytest.raises(BadInput):
        RunFolder.open(tmp_path)


def test_an_error_is_recorded_and_raised(tmp_path) -> None:
    run = RunFolder.create("demo", {}, out=tmp_path / "a")
    with pytest.raises(ZeroDivisionError), run.running():
        _ = 1 / 0
    record = RunFolder.open(run.path).record
    assert record["status"] == "failed"
    assert record["error"] == "ZeroDivisionError: division by zero"


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_is_recorded_and_says_how_to_go_on(signum, tmp_path, capsys) -> None:
    run = RunFolder.create("demo", {}, out=tmp_path / "a b")
    before = signal.getsignal(signum)
    with pytest.raises(KeyboardInterrupt), run.running():
        os.kill(os.getpid(), signum)
    assert RunFolder.open(run.path).record["status"] == "interrupted"
    assert f"Resume with: atomloom demo --resume '{run.path}'" in capsys.readouterr().err
    assert signal.getsignal(signum) is before
    with RunFolder.open(run.path).running():
        pass
    assert RunFolder.open(run.path).record["status"] == "running"


class Loses:
    """Gets a signal where Python cannot raise: an exception in __del__ is dropped."""

    def __init__(self, signum: int) -> None:
        self.signum = signum

    def __del__(self) -> None:
        os.kill(os.getpid(), self.signum)
        for _ in range(1000):  # let the handler run in here
            pass


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", ["before", "inside", "finish"])
def test_an_interruption_that_python_drops_is_found_at_the_next_step(place, signum, tmp_path, capsys) -> None:
    run = RunFolder.create("demo", {}, out=tmp_path / "a")
    reached = []

    def work() -> None:
        with run.running():
            if place == "before":
                Loses(signum)
            with run.stage("one"):
                reached.append("one")
                if place == "inside":
                    Loses(signum)
                reached.append("after")
            reached.append("two")
            if place == "finish":
                Loses(signum)
            run.finish({})

    with pytest.raises(KeyboardInterrupt):
        work()
    assert reached == {"before": [], "inside": ["one", "after"], "finish": ["one", "after", "two"]}[place]
    assert RunFolder.open(run.path).record["status"] == "interrupted"
    assert "Exception ignored" not in capsys.readouterr().err
    interrupts.check()  # forgotten with the run


def test_guards_nest_and_leave_ignored_signals_alone() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interrupts.guarded():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
            ours = signal.getsignal(signal.SIGTERM)
            with interrupts.guarded():
                pass
            assert signal.getsignal(signal.SIGTERM) is ours
        assert signal.getsignal(signal.SIGTERM) is not ours
    finally:
        signal.signal(signal.SIGINT, before)


def test_another_thread_installs_nothing() -> None:
    seen = []

    def work() -> None:
        with interrupts.guarded():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGTERM)]


@pytest.mark.parametrize("has_trades", [False, True])
def test_the_folder_of_a_failed_run_is_taken_anew_unless_it_has_trades(has_trades, tmp_path) -> None:
    run = RunFolder.create("vpin", {"sort": False}, out=tmp_path / "a")
    (run.path / "rejects.csv").write_text("line,reason")
    if has_trades:
        with run.stage("read trades"):
            pass
    with pytest.raises(ZeroDivisionError), run.running():
        _ = 1 / 0
    if has_trades:
        with pytest.raises(BadInput, match=r"holds a run that failed\. Hint: name a new folder, or delete this one"):
            RunFolder.create("vpin", {"sort": True}, out=run.path)
        return
    again = RunFolder.create("vpin", {"sort": True}, out=run.path)
    assert RunFolder.open(run.path).record == json.loads(json.dumps(again.record))
    assert again.record["status"] == "running"
    assert [json.loads(line)["event"] for line in (run.path / "events.jsonl").read_text().splitlines()] == ["created"]
    assert not (run.path / "rejects.csv").exists()


def test_stages_are_timed_and_a_repeated_stage_replaces_its_time(tmp_path) -> None:
    run = RunFolder.create("demo", {}, out=tmp_path / "a")
    for name in ("read", "bars", "read"):
        with run.stage(name):
            pass
    assert [row["name"] for row in run.record["stages"]] == ["bars", "read"]
    lines = [json.loads(line) for line in (run.path / "events.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["created", *["stage started", "stage finished"] * 3]
    assert all(later["at"] >= earlier["at"] for earlier, later in itertools.pairwise(lines))


def test_tables_come_back_with_the_same_bits(tmp_path) -> None:
    run = RunFolder.create("demo", {}, out=tmp_path / "a")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "time": pd.to_datetime([0, 1, 1_378_000_000_123_456_789]),
            "vpin": rng.random(3) ** 30,
            "price": [0.1, 1 / 3, np.nan],
            "size": np.array([1, 2, 2**62], dtype=np.int64),
        }
    )
    run.write_frame("bars.csv", frame)
    pd.testing.assert_frame_equal(run.read_frame("bars.csv", times=("time",)), frame, check_exact=True)


def test_a_missing_table_says_what_the_run_is_missing(tmp_path) -> None:
    run = RunFolder.create("demo", {}, out=tmp_path / "a")
    with pytest.raises(StoreError, match=r"bars\.csv is missing; the run is running\. Hint: finish it with --resume"):
        run.read_frame("bars.csv")


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path, monkeypatch) -> None:
    run = RunFolder.create("demo", {}, out=tmp_path / "a")
    run.write_text("report.html", "old")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        run.write_text("report.html", "new")
    assert (run.path / "report.html").read_text() == "old"
    assert not list(run.path.glob("*.part")) + list(run.path.glob(".*.part"))
