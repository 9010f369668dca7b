"""The first run: what it says is what independent computations on its files give; stopped, it resumes."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import tomllib

import hdf5plugin  # noqa: F401  # registers the filter that trades.h5 uses
import numpy as np
import pandas as pd
import pytest

from atomloom import store
from atomloom.app.cli import run
from atomloom.app.runs import RunFolder
from atomloom.data import es_2013_09
from atomloom.market import VPINConfig, vpin_grid_row

CLI = [sys.executable, "-c", "from atomloom.app.front import main; main()"]
MOMENTS = ("start", "end")


def test_the_summary_on_stdout_is_the_record(demo) -> None:
    folder, done = demo
    said = json.loads(done.stdout)
    record = json.loads((folder / "run.json").read_text())
    assert record["status"] == "done"
    assert {key: value for key, value in said.items() if key not in {"run", "report"}} == record["summary"]
    assert said["report"] == "first/report.html"
    assert said["trades"] == 500_000
    assert said["combinations"] == 288
    assert said["sweep"]["ledger"]["configurations"] == 96
    assert said["sweep"]["verdict"]["n_configs"] == 96
    assert "which portfolio configuration is real?" in (folder / "report.html").read_text()
    assert record["command_line"].endswith("demo --out first --json --threads 2")
    assert [row["name"] for row in record["stages"]] == [
        "read trades",
        "VPIN",
        "controls",
        "grid",
        "tables",
        "sweep",
        "samples",
    ]
    streamed = said["samples"]
    assert streamed["rate"]["samples"] == streamed["n"] == 1_000_000
    assert streamed["rate"]["rate"] == pytest.approx(1e6 / streamed["rate"]["seconds"])
    assert "A million training samples" in (folder / "report.html").read_text()


def test_nothing_in_the_folder_names_where_it_lies(demo) -> None:
    folder, _ = demo
    for path in folder.glob("*.*"):
        assert str(folder.parent).encode() not in path.read_bytes(), path.name


def test_bars_have_equal_volume_and_buckets_add_up(demo) -> None:
    folder = RunFolder.open(demo[0])
    bars, buckets = folder.read_frame("bars.csv", MOMENTS), folder.read_frame("buckets.csv", MOMENTS)
    summary = folder.record["summary"]
    assert bars["volume"].sum() == summary["volume"]
    assert bars["volume"].max() - bars["volume"].min() <= 1
    per = folder.record["config"]["vpin"]["bars_per_bucket"]
    assert np.array_equal(bars["volume"].to_numpy().reshape(-1, per).sum(axis=1), buckets["volume"])
    assert buckets["end"].is_monotonic_increasing


def test_events_are_the_runs_of_a_cdf_counted_in_plain_python(demo) -> None:
    folder = RunFolder.open(demo[0])
    buckets, events = folder.read_frame("buckets.csv", MOMENTS), folder.read_frame("episodes.csv", MOMENTS)
    threshold = folder.record["config"]["vpin"]["threshold"]
    values = buckets["vpin"].dropna().tolist()
    ranks = []
    for n, value in enumerate(values):  # where each value stands among those up to it: the middle of its ties
        seen = values[: n + 1]
        ranks.append((sum(v < value for v in seen) + 0.5 * sum(v == value for v in seen)) / len(seen))
    assert buckets["cdf"].dropna().tolist() == pytest.approx(ranks, abs=1e-12)
    starts, above = [], False
    for end, cdf in zip(buckets["end"], buckets["cdf"], strict=True):
        if cdf > threshold and not above:
            starts.append(end)
        above = cdf > threshold
    assert events["start"].tolist() == starts
    assert len(events) == folder.record["summary"]["n_events"]
    assert (events["cdf_max"] > threshold).all()
    assert np.allclose(events["minutes"], (events["end"] - events["start"]).dt.total_seconds() / 60)


def test_grid_rows_equal_single_computations_outside_the_engine(demo) -> None:
    folder = RunFolder.open(demo[0])
    grid = folder.read_frame("grid.csv")
    trades = store.read_trades(es_2013_09())
    names = list(folder.record["config"]["grid"])
    assert len(grid[names].drop_duplicates()) == len(grid) == 288
    base = folder.record["config"]["vpin"]
    for _, row in grid.sample(8, random_state=1).iterrows():
        point = {**base, **{name: row[name] for name in names}}
        config = VPINConfig.from_dict(
            {name: int(value) if name.startswith("b") and value is not None else value for name, value in point.items()}
        )
        alone = vpin_grid_row(trades, config)
        assert alone["n_events"] == row["n_events"]
        assert alone["vpin_mean"] == row["vpin_mean"]


def test_the_trace_and_the_log_agree(demo) -> None:
    folder, _ = demo
    trace = [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()]
    log = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert {row["status"] for row in trace} == {"done"}
    assert sum(row["event"] == "MoleculeDone" for row in log) == len(trace)
    spans = sorted((row["atom_lo"], row["atom_hi"]) for row in trace)
    assert [lo for lo, _ in spans] + [288] == [0] + [hi for _, hi in spans]
    assert [row["event"] for row in log if row["event"] in {"created", "done", "report written"}] == [
        "created",
        "done",
        "report written",
    ]


def test_chatter_goes_to_stderr_and_quiet_silences_it(demo, tmp_path) -> None:
    assert "run folder: first" in demo[1].stderr
    small = tmp_path / "small.toml"
    small.write_text("[grid]\nbuckets_per_day=[50]\nbars_per_bucket=[10]\nprice=['close']\nnu=[0.1]\nthreshold=[0.9]\n")
    command = [*CLI, "demo", "--quiet", "--config", str(small), "--out", "q", "--threads", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert re.search(r"^report +q/report.html$", done.stdout, re.MULTILINE)
    assert "3 points" in done.stdout


def test_the_numbers_do_not_depend_on_the_workers(demo, tmp_path) -> None:
    command = [*CLI, "demo", "--quiet", "--out", "one", "--threads", "1"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    for name in ("bars.csv", "buckets.csv", "episodes.csv", "grid.csv"):
        assert (tmp_path / "one" / name).read_bytes() == (demo[0] / name).read_bytes(), name


def test_print_config_is_the_default_and_reads_back(tmp_path, capsys, demo) -> None:
    assert run(["demo", "--print-config"]) == 0
    text = capsys.readouterr().out
    assert "# Volume buckets per average day (beta).\nbuckets_per_day = 100\n" in text
    values = tomllib.loads(text)
    used = json.loads((demo[0] / "run.json").read_text())["config"]
    assert values["grid"] == used["grid"]
    assert values["vpin"] == {name: value for name, value in used["vpin"].items() if value is not None}
    file = tmp_path / "again.toml"
    file.write_text(text)
    assert run(["demo", "--config", str(file), "--print-config"]) == 0
    assert capsys.readouterr().out == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[vpin]\nthreshhold = 0.9", "Did you mean 'threshold'?"),
        ("[vpin]\nthreshold = 1.5", "threshold is 1.5"),
        ("[grid]\nnu = [-1.0]", "nu is -1.0"),
        ("[grid]\nthreshold = [0.9, 0.9]", "threshold repeats a value"),
        ("[csv]\ntz = 'UTC'", "has no setting 'csv'"),
    ],
)
def test_settings_are_checked_before_there_is_a_folder(text, said, tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text(text)
    assert run(["demo", "--config", "bad.toml"]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_bad_threads_and_a_full_folder_are_refused(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["demo", "--threads", "0"]) == 2
    err = capsys.readouterr().err
    assert "Invalid value for '--threads': 0 workers" in err
    assert "num_threads" not in err
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    assert run(["demo", "--out", "full"]) == 2
    assert "--resume full" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full"]


def test_resume_takes_its_own_settings_and_command(demo, finished, capsys) -> None:
    assert run(["demo", "--resume", str(finished), "--seed", "3"]) == 2
    assert "--resume takes the settings" in capsys.readouterr().err
    assert run(["vpin", "--resume", str(finished)]) == 2
    assert "is a run of 'demo'" in capsys.readouterr().err
    before = {path.name: path.read_bytes() for path in finished.glob("*.*")}
    assert run(["demo", "--resume", str(finished), "--json"]) == 0
    out, err = capsys.readouterr()
    assert "is done already" in err
    said, first = json.loads(out), json.loads(demo[1].stdout)
    assert {**said, "run": "", "report": ""} == {**first, "run": "", "report": ""}
    after = {path.name: path.read_bytes() for path in finished.glob("*.*")}
    assert b'"event": "resumed"' in after.pop("events.jsonl").removeprefix(before.pop("events.jsonl"))
    assert after == before
    (finished / "report.html").unlink()
    assert run(["demo", "--resume", str(finished), "--quiet"]) == 0
    assert (finished / "report.html").read_bytes() == before["report.html"]


def done_molecules(folder) -> int:
    log = folder / "events.jsonl"
    return log.read_text().count('"MoleculeDone"') if log.is_file() else 0


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_stopped_run_resumes_to_the_same_numbers(signum, demo, tmp_path) -> None:
    """Stopped in the middle of the grid; SIGKILL leaves no word, the others say how to go on."""
    folder = tmp_path / "stopped"
    child = subprocess.Popen(
        [*CLI, "demo", "--out", "stopped", "--threads", "2"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while child.poll() is None and done_molecules(folder) < 2:
        time.sleep(0.001)
    child.send_signal(signum)
    out, err = child.communicate(timeout=120)
    record = json.loads((folder / "run.json").read_text())
    if record["status"] == "done":
        pytest.skip("the run was over before the signal came")
    assert out == ""
    if signum == signal.SIGKILL:
        assert child.returncode == -signal.SIGKILL
        assert record["status"] == "running"
    else:
        assert child.returncode == 130, err
        assert record["status"] == "interrupted"
        assert err.rstrip().endswith("interrupted. Resume with: atomloom demo --resume stopped")
    finished = done_molecules(folder)
    subprocess.run([*CLI, "demo", "--resume", "stopped", "--quiet"], cwd=tmp_path, check=True, capture_output=True)
    for name in ("bars.csv", "buckets.csv", "episodes.csv", "grid.csv"):
        assert (folder / name).read_bytes() == (demo[0] / name).read_bytes(), name
    trace = [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()]
    assert len(trace) == 12
    assert finished <= sum(row["status"] == "journal" for row in trace)  # what is told is kept already
    assert (folder / "report.html").is_file()
    assert RunFolder.open(folder).record["command_line"].endswith("--out stopped --threads 2")


def test_the_demo_reads_tables_with_pandas_alone(demo) -> None:
    buckets = pd.read_csv(demo[0] / "buckets.csv", parse_dates=["start", "end"])
    assert str(buckets["end"].dtype).endswith("UTC]")
    assert buckets["vpin"].max() == pytest.approx(json.loads(demo[1].stdout)["vpin_max"])


def test_a_signal_that_python_drops_among_the_imports_still_stops_the_demo(tmp_path) -> None:
    code = (
        "import os, signal, sys\nsys.argv = ['atomloom', 'demo', '--out', 'x']\n"
        "class Victim:\n    def __del__(self):\n        os.kill(os.getpid(), signal.SIGINT)\n"
        "        for _ in range(1000): pass\n"  # the handler runs in here, where Python cannot raise
        "from atomloom.app import cli, front\nreal = cli.main\n"
        "def main():\n    Victim()\n    print('went on', flush=True)\n    real()\n"
        "cli.main = main\nfront.main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "went on\n"
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip() == ""
    assert not (tmp_path / "x").exists()
