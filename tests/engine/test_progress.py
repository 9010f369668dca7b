"""Events, the bar, the trace and the result: what a person sees of a run."""

from __future__ import annotations

import json
import operator

import pytest

from atomloom import run_parallel
from atomloom.engine.progress import Bar, MoleculeDone, RunFinished, RunStarted, WorkerLost, to_json

from . import work

pytestmark = pytest.mark.filterwarnings("ignore::atomloom.errors.AntiPattern")


def events_of(func, atoms, **kwargs):
    events = []
    result = run_parallel(func, atoms, progress=events.append, **({"num_threads": 2, "executor": "processes"} | kwargs))
    return events, result


def test_events_tell_the_run_from_start_to_finish():
    events, result = events_of(work.harmonic, range(200), mp_batches=4, redux=operator.add)
    assert isinstance(events[0], RunStarted)
    assert events[0].molecules == len(result.plan.molecules) == 8
    done = [event for event in events if isinstance(event, MoleculeDone)]
    assert [event.done for event in done] == list(range(1, 9))
    assert sum(event.share for event in done) == pytest.approx(1.0)
    assert done[-1].eta == pytest.approx(0.0)
    assert all(event.eta >= 0 for event in done)
    assert isinstance(events[-1], RunFinished)
    assert events[-1].status == "done"
    for event in events:
        assert json.loads(json.dumps(to_json(event)))["event"] == type(event).__name__


def test_eta_goes_by_cost_not_by_count():
    cost = [1.0] * 9 + [91.0]
    events, _ = events_of(work.harmonic, range(10), cost=cost, mp_batches=5)
    done = [event for event in events if isinstance(event, MoleculeDone)]
    assert max(event.share for event in done) == pytest.approx(0.91)


def test_deaths_and_failures_are_events(tmp_path):
    events, _ = events_of(work.die_once, range(40), mp_batches=5, redux=operator.add, flag=str(tmp_path / "f"), at=11)
    (lost,) = [event for event in events if isinstance(event, WorkerLost)]
    assert "SIGKILL" in lost.note
    assert lost.attempt == 1


def test_the_trace_has_a_record_for_every_molecule(tmp_path):
    _, result = events_of(work.nap, range(8), mp_batches=4, seconds=0.01)
    frame = result.trace.to_frame()
    assert len(frame) == 8
    assert (frame["queued"] <= frame["start"]).all()
    assert (frame["start"] < frame["end"]).all()
    assert (frame["end"] <= result.trace.wall).all()
    assert (frame["rss"] > 1_000_000).all()
    assert set(frame["status"]) == {"done"}
    assert 0 < result.trace.utilisation() <= 1
    result.trace.write_jsonl(tmp_path / "trace.jsonl")
    lines = (tmp_path / "trace.jsonl").read_text().splitlines()
    assert [json.loads(line)["molecule"] for line in lines] == frame["molecule"].tolist()


def test_the_bar_draws_on_stderr_only(capsys):
    run_parallel(work.nap, range(20), num_threads=1, progress=True, seconds=0.02)
    out, err = capsys.readouterr()
    assert out == ""
    assert "nap" in err
    assert "100% 1/1 molecules" in err
    bar = Bar()
    bar(RunStarted("f", 4, 2))
    bar(WorkerLost(1, "killed by SIGKILL", 1))
    bar(MoleculeDone(0, "done", 1, 1.0, 0.25, 1, 4, 1, 3.0))
    bar(RunFinished("done", 1.0))
    err = capsys.readouterr().err
    assert "worker lost: killed by SIGKILL" in err
    assert "1 failed" in err
    assert "0:03 to go" in err


def test_nothing_is_drawn_where_there_is_no_terminal(capsys):
    run_parallel(work.harmonic, range(20), num_threads=1)
    assert capsys.readouterr() == ("", "")


def test_a_result_speaks_for_itself():
    result = run_parallel(work.harmonic, range(20), num_threads=1)
    assert "20 atoms in 20 leaves" in result.summary()
    assert result.to_frame()["result"].tolist() == result.value
    assert json.loads(json.dumps(result.to_dict()))["plan"]["n_atoms"] == 20
    assert "<pre>" in result._repr_html_()
    assert result.meta["fingerprint"] == result.plan.fingerprint
    records = run_parallel(lambda molecule: {"a": molecule[0]}, range(3), num_threads=1).to_frame()
    assert records["a"].tolist() == [0, 1, 2]
    none = run_parallel(work.harmonic, [], num_threads=1, redux=operator.add)
    assert none.value is None
    assert "0 atoms in 0 leaves" in none.summary()
