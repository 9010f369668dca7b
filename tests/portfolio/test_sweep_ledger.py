"""The ledger of trials: counts what was tried on the same prices, by many at a time, whatever tears the file."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atomloom.errors import BadInput, Infeasible, StoreError
from atomloom.portfolio import Grid, TrialLedger, TrialRecord, WalkForward, sweep
from atomloom.portfolio.trial_identity import prices_digest, trials_digest
from atomloom.portfolio.trial_record import deviation_of
from portfolio.sweeps_to_try import days, walk

COARSE = Grid(method="momentum", lookback=[5, 10, 20, 40], top=[1, 2], interval=[1, 5, 21])
FINE = Grid(method="momentum", lookback=[18, 19, 21, 22], top=1, interval=[4, 5, 6])


def record(**given):
    return TrialRecord(**{"data": "d", "trials": "t", "time": "2026-11-22T10:00:00+00:00", "configurations": 5} | given)


def test_trials_of_earlier_sweeps_make_the_verdict_stricter(tmp_path):
    book = tmp_path / "trials.jsonl"
    first = sweep(walk(0), COARSE, ledger=book)
    assert first.verdict.n_trials == 24
    assert first.verdict.to_dict() == sweep(walk(0), COARSE).verdict.to_dict()
    alone, found = sweep(walk(0), FINE), sweep(walk(0), FINE, ledger=book)
    assert (found.ledger()["before"], found.ledger()["counted"]) == (24, 36)
    assert found.verdict.n_trials == 36
    assert found.digest() == alone.digest()
    assert found.verdict.dsr < alone.verdict.dsr
    np.testing.assert_allclose(found.verdict.p, 1 - (1 - alone.verdict.p) ** 3, rtol=1e-9)
    ratios = np.concatenate([first.verdict.sharpes, found.verdict.sharpes])
    np.testing.assert_allclose(found.settings["trial_deviation"], ratios.std(ddof=1), rtol=1e-9)
    assert found.verdict.luck > alone.verdict.luck  # neighbours of a winner vary little among themselves
    assert sweep(walk(0), FINE, ledger=book, n_trials=1000).verdict.n_trials == 1000


def test_the_same_search_counts_once(tmp_path):
    book = TrialLedger(tmp_path / "trials.jsonl")
    for options in ({}, {"num_threads": 1}, {"splits": WalkForward(100, 50)}, {"benchmark": "cash"}, {"verdict": False},
                    {"seed": 3}, {"risk_free": 1e-5}):  # fmt: skip
        assert sweep(walk(0), COARSE, ledger=book, **options).ledger()["counted"] == 24, options
    reordered = Grid(interval=[21, 5, 1], top=[2, 1], lookback=[40, 20, 10, 5], method="momentum")
    assert sweep(walk(0), reordered, ledger=book).ledger()["counted"] == 24
    assert len(book.records()) == 1
    for more, options in enumerate(
        (
            {"cash_rate": 1e-5},
            {"asset_costs": [1, 2, 3]},
            {"start": 100},
            {"splits": WalkForward(100, 50), "state": "reset"},
        ),
        start=2,
    ):
        assert sweep(walk(0), COARSE, ledger=book, **options).ledger()["counted"] == 24 * more, options
    for k, grid in enumerate((FINE, Grid(method="equal_weight", cost=[0, 0.001]), {"method": "cash"}), start=1):
        assert len(sweep(walk(0), grid, ledger=book).ledger()) > 0
        assert len(book.records()) == 5 + k


def test_methods_of_the_same_name_are_told_apart_by_what_they_do():
    def made(weight):
        return lambda window: np.full(3, weight)

    one, same, other = (sweep(walk(0), [{"method": made(w), "lookback": 5}]) for w in (0.1, 0.1, 0.2))
    assert trials_digest(one) == trials_digest(same) != trials_digest(other)
    weights = np.array([[0.1, 0.2, 0.3], [0.5, 0.0, 0.5]])
    columns = sweep(walk(0), {"method": "fixed", "weights": weights, "interval": np.array([5, 7])})
    listed = sweep(
        walk(0), [{"method": "fixed", "weights": row, "interval": k} for row, k in zip(weights, (5, 7), strict=True)]
    )
    assert trials_digest(columns) == trials_digest(listed)
    assert trials_digest(columns) != trials_digest(sweep(walk(0), {"method": "fixed", "weights": weights[::-1].copy(),
                                                                   "interval": np.array([5, 7])}))  # fmt: skip


def test_failed_configurations_are_trials_of_their_own():
    good = {"method": "equal_weight"}
    bad = [{"method": "momentum", "lookback": 5, "skip": k} for k in (7, 8)]
    digests = {trials_digest(sweep(walk(0), [good, *some], start=50)) for some in ([], bad[:1], bad[1:], bad)}
    assert len(digests) == 4


def test_prices_are_the_same_whatever_they_are_called(tmp_path):
    book = tmp_path / "trials.jsonl"
    prices = walk(0)
    sweep(prices, COARSE, ledger=book)
    frame = pd.DataFrame(prices[:, ::-1], columns=["c", "b", "a"], index=days(400))
    assert sweep(frame, FINE, ledger=book).ledger()["before"] == 24
    for other in (prices[:-1], prices * 2.0, prices[:, :2], np.where(np.arange(400)[:, None] == 9, 100.0, prices)):
        assert sweep(other, FINE, ledger=book).ledger()["before"] == 0
    held = sweep(prices, COARSE).prices
    assert prices_digest(held) == TrialLedger(book).records()[0].data


def test_prices_with_a_name_may_grow(tmp_path):
    book = TrialLedger(tmp_path / "trials.jsonl", name="mine")
    sweep(walk(0)[:300], COARSE, ledger=book)
    assert sweep(walk(0), COARSE, ledger=book).ledger()["counted"] == 48
    assert sweep(walk(0), COARSE, ledger=book.path).ledger()["before"] == 0
    assert book.summary().startswith("mine: 48 trials in 2 searches, 20")
    assert book.to_frame()["configurations"].tolist() == [24, 24, 24]


WRITER = """
import sys
from atomloom.portfolio import TrialLedger, TrialRecord
book = TrialLedger(sys.argv[1])
for k in range(40):
    book.count(TrialRecord("d", f"{sys.argv[2]}-{k}", "", 1, label="x" * 3000))
"""


def test_many_may_write_at_the_same_time(tmp_path):
    path = tmp_path / "trials.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(k)]) for k in range(4)]
    assert [writer.wait(60) for writer in writers] == [0] * 4
    lines = path.read_bytes().splitlines()
    assert len(lines) == 160
    assert all(json.loads(line)["configurations"] == 1 for line in lines)
    assert sum(each.counted for each in TrialLedger(path).on("d")) == 160


@pytest.mark.parametrize("share", [1, 5, 22, 23, 24, 60, -1])
def test_a_torn_last_line_loses_only_itself(tmp_path, share, caplog, monkeypatch):
    # another test may have configured logging anew, which turns off loggers that are there
    monkeypatch.setattr(logging.getLogger("atomloom.portfolio.trial_ledger"), "disabled", False)
    path = tmp_path / "trials.jsonl"
    book = TrialLedger(path)
    book.count(record(trials="a"))
    whole = path.read_bytes()
    path.write_bytes(whole + record(trials="b").line()[:share])
    held = path.read_bytes() + (b"" if share == -1 else b" torn")
    with caplog.at_level(logging.WARNING):
        found = book.count(record(trials="c", configurations=7))
    if share == -1:  # only the end of the line is missing: nothing is lost
        assert sum(each.counted for each in found) == 17
    else:
        assert sum(each.counted for each in found) == 12
        assert "line 2 is torn" in caplog.text
    assert path.read_bytes().startswith(held + b"\n")
    assert TrialLedger(path).on("d") == found
    assert sum(each.counted for each in book.count(record(trials="d"))) == 5 + sum(each.counted for each in found)


def test_a_damaged_line_is_not_taken_for_a_torn_one(tmp_path):
    """What is whole and cannot be read is trials forgotten: a count must not fall without anyone noticing."""
    path = tmp_path / "trials.jsonl"
    book = TrialLedger(path)
    book.count(record(trials="a", label="x"))
    book.count(record(trials="b"))
    first, second = path.read_bytes().splitlines(keepends=True)
    changes = {
        b'"x"': [b'"\xe9"'], b'"configurations": 5': [b'"configurations": ' + k for k in (b"-20", b'"20"', b"true")],
        b'"2026-11-22T10:00:00+00:00"': [b"null"], b'"squares": 0.0': [b'"squares": NaN'], b"}\n": [b"\n"],
    }  # fmt: skip
    odd = [first.replace(old, new) for old, listed in changes.items() for new in listed]
    for line in odd:
        assert line != first
        for held in (line + second, second + line):
            path.write_bytes(held)
            for use in (book.records, lambda: book.count(record(trials="c")), lambda: TrialLedger(path)):
                with pytest.raises(StoreError, match=r"line \d of .* was damaged"):
                    use()
            assert path.read_bytes() == held


@pytest.mark.parametrize(
    "given",
    [{"configurations": -1}, {"pruned": True}, {"failed": 1.5}, {"total": float("nan")}, {"best": "2"}, {"time": None}],
)
def test_a_record_has_the_numbers_of_one(given):
    with pytest.raises(BadInput, match=f"{next(iter(given))} of a record is"):
        record(**given)


def test_of_searches_that_differ_in_pruned_trials_the_larger_counts(tmp_path):
    for pruned in ((0, 50), (50, 0), (50, 50)):
        path = tmp_path / f"{pruned}.jsonl"
        for k, more in enumerate(pruned):
            found = sweep(walk(0), FINE, ledger=TrialLedger(path, pruned=more)).ledger()
            assert found["counted"] == 12 + max(pruned[: k + 1])
            assert found["before"] == found["counted"] - 12 - found.get("pruned", 0) >= 0
        assert [each.counted for each in TrialLedger(path).on(TrialLedger(path).records()[0].data)] == [62]


def test_a_sweep_in_which_everything_fails_is_counted(tmp_path):
    path = tmp_path / "trials.jsonl"
    bad = Grid(method="momentum", lookback=[5, 10], top=9)
    for _ in range(2):
        with pytest.raises(Infeasible, match="top of momentum is 9"):
            sweep(walk(0), bad, ledger=TrialLedger(path, pruned=3))
    (own,) = TrialLedger(path).records()
    assert (own.configurations, own.failed, own.pruned, own.known, own.n_returns) == (2, 2, 3, 0, 388)
    with pytest.raises(Infeasible):
        sweep(walk(0), Grid(method="momentum", lookback=[5, 10], top=8), ledger=path)
    assert sweep(walk(0), FINE, ledger=path).ledger()["before"] == 7


def test_a_ledger_that_cannot_be_written_is_refused_before_anything_is_worked(tmp_path, monkeypatch):
    monkeypatch.setattr("atomloom.portfolio.sweeping.work", None)
    for path in (tmp_path / "nowhere" / "trials.jsonl", tmp_path):
        with pytest.raises(StoreError, match="cannot be used"):
            sweep(walk(0), COARSE, ledger=path)
    monkeypatch.setattr("os.access", lambda path, mode: False)  # tests may run as root, whom nothing is denied
    with pytest.raises(StoreError, match="Permission denied"):
        sweep(walk(0), COARSE, ledger=tmp_path / "trials.jsonl")
    assert TrialLedger(tmp_path / "trials.jsonl").records() == ()  # to look at one is another matter


@pytest.mark.parametrize(
    "held", ["date,price\n", "[]\n", '{"atomloom": "trips"}\n', "\n\nx", '{"a": 1}', "\x89PNG\r\n"]
)
def test_a_file_that_is_no_ledger_is_left_alone(tmp_path, held):
    path = tmp_path / "prices.csv"
    path.write_text(held, encoding="latin-1")
    before = path.read_bytes()
    for use in (lambda: TrialLedger(path), lambda: sweep(walk(0), COARSE, ledger=path)):
        with pytest.raises(StoreError, match="is no record of trials"):
            use()
    assert path.read_bytes() == before


def test_what_is_no_place_for_a_ledger(tmp_path):
    with pytest.raises(StoreError, match="cannot be used"):
        TrialLedger(tmp_path)
    with pytest.raises(StoreError, match="cannot be used: No such file"):
        sweep(walk(0), COARSE, ledger=tmp_path / "nowhere" / "trials.jsonl")
    for given, message in (((3,), "the ledger is 3"), (("x", ""), "name is ''"), (("x", 3), "name is 3")):
        with pytest.raises(BadInput, match=message):
            TrialLedger(*given)
    with pytest.raises(BadInput, match="pruned is -1"):
        TrialLedger("x", pruned=-1)
    assert not Path("x").exists()


def test_a_full_disk_leaves_the_ledger_as_it_was(tmp_path):
    path = tmp_path / "trials.jsonl"
    book = TrialLedger(path)
    book.count(record(trials="a"))
    before = path.read_bytes()
    script = (
        "import resource, signal, sys\n"
        "from atomloom.portfolio import TrialLedger, TrialRecord\n"
        "book = TrialLedger(sys.argv[1])\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))\n"
        "try:\n"
        "    book.count(TrialRecord('d', 'b', '', 1, label='x' * 3000))\n"
        "except OSError as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("StoreError the ledger")
    assert path.read_bytes() == before


def test_a_sweep_that_fails_is_not_counted(tmp_path):
    path = tmp_path / "trials.jsonl"
    with pytest.raises(BadInput):
        sweep(walk(0), [{"method": "equal_weight", "cost": -1}], ledger=path)
    assert not path.exists()


def test_deviations_of_searches_are_pooled():
    ratios = np.random.default_rng(0).normal(0.05, 0.02, 30)
    parts = [
        record(trials=str(k), known=len(part), total=float(part.sum()), squares=float((part**2).sum()))
        for k, part in enumerate(np.split(ratios, [1, 7, 7, 20]))
    ]
    np.testing.assert_allclose(deviation_of(tuple(parts)), ratios.std(ddof=1), rtol=1e-12)
    assert deviation_of(()) == deviation_of(tuple(parts[:1])) == 0.0


def test_flat_and_failed_configurations_have_no_ratio(tmp_path):
    path = tmp_path / "trials.jsonl"
    configs = [{"method": "cash"}, {"method": "equal_weight"}, {"method": "momentum", "lookback": 5, "skip": 5}]
    sweep(walk(0), configs, ledger=path)
    (own,) = TrialLedger(path).records()
    assert (own.configurations, own.failed, own.known, own.label) == (3, 1, 1, "equal_weight")
    sweep(walk(0), configs[:1], ledger=path)
    assert TrialLedger(path).records()[1].best is None
