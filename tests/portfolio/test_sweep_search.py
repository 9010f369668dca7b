"""Searchers that ask and are told: nothing is left out of the count, and the result is that of one sweep over all."""

from __future__ import annotations

import numpy as np
import pytest

from atomloom.errors import BadInput, Infeasible
from atomloom.portfolio import (
    Between,
    Grid,
    OptunaSearch,
    RandomSearch,
    TrialLedger,
    WalkForward,
    as_configs,
    ask_tell,
    search,
    sweep,
)
from atomloom.portfolio.asking import ask
from atomloom.portfolio.sweep_plan import start_row
from portfolio.sweeps_to_try import days, walk

SPACE = {
    "method": ["momentum", "inverse_volatility"],
    "lookback": Between(5, 60),
    "top": [1, 2],
    "interval": Between(1, 30),
}


class Listed:
    """Proposes from a list, and remembers what it was told."""

    space = SPACE

    def __init__(self, configs):
        self.left, self.told, self.asked = list(configs), [], []

    def ask(self, k):
        self.asked.append(k)
        given, self.left = self.left[:k], self.left[k:]
        return given

    def tell(self, asked, scores):
        self.told += zip(asked, scores.tolist(), strict=True)


def drawn(n, seed=0):
    configs = RandomSearch(SPACE, n, seed).configs()
    return [own(configs[k]) for k in range(n)]


def own(config):
    """Without what only momentum takes."""
    return {name: value for name, value in config.items() if name != "top" or config["method"] == "momentum"}


@pytest.mark.parametrize("batch", [1, 7, 16, 1000])
def test_a_search_is_one_sweep_over_all_that_was_asked_for(batch):
    searcher = Listed(drawn(40))
    options = {"splits": WalkForward(100, 50), "n_boot": 199}
    found = search(walk(0), searcher, 40, batch=batch, **options)
    whole = sweep(walk(0), drawn(40), start=61, **options)
    assert found.job.field.start == 61  # the longest lookback of the space, and the lag
    assert found.digest() == whole.digest()
    assert found.verdict.to_dict() == whole.verdict.to_dict()
    assert found.verdict.plateau.to_dict() == whole.verdict.plateau.to_dict()
    assert [found.configs[k] for k in range(40)] == drawn(40)
    assert searcher.asked == [batch] * (40 // batch) + ([40 % batch] if 40 % batch else []) if batch < 40 else [40]
    told = [score for _, score in searcher.told]
    np.testing.assert_allclose(told, whole.figure("sharpe"), rtol=1e-9)


def test_a_random_search_in_pieces_is_the_random_search():
    found = search(walk(1), RandomSearch(SPACE, 30, seed=5), 30, batch=8)
    whole = sweep(walk(1), RandomSearch(SPACE, 30, seed=5), start=61)
    assert found.digest() == whole.digest()
    assert len(search(walk(1), RandomSearch(SPACE, 10), 30, batch=8)) == 10


def test_failed_and_pruned_trials_are_told_and_counted():
    good, bad = drawn(6), {"method": "momentum", "lookback": 5, "skip": 9, "top": 1}
    searcher = Listed([good[0], None, bad, good[1], None, None, None, None, bad, *good[2:], bad, bad])
    found = search(walk(2), searcher, 15, batch=4)
    assert [int(not np.isnan(score)) for _, score in searcher.told] == [1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0]
    told = found.ledger()
    assert (told["configurations"], told["failed"], told["pruned"], told["counted"]) == (10, 4, 5, 15)
    assert found.verdict.n_trials == 15
    fewer = sweep(walk(2), [*good[:2], bad, *good[2:]], start=61).verdict
    assert found.verdict.dsr < fewer.dsr
    assert not searcher.left


def test_less_of_some_figures_is_better():
    for score, sign in (("max_drawdown", -1), ("turnover", -1), ("calmar", 1)):
        searcher = Listed(drawn(5))
        found = search(walk(3), searcher, 5, score=score)
        np.testing.assert_allclose([told for _, told in searcher.told], sign * found.figure(score), rtol=1e-9)


def test_a_score_of_train_rows_only():
    def train_sharpe(found):
        rows = found.splits.train(0)
        paths = np.stack([found.path(k).returns[rows] for k in range(len(found))])
        return paths.mean(axis=1) / paths.std(axis=1, ddof=1)

    searcher = Listed(drawn(12))
    found = search(walk(3), searcher, 12, batch=5, score=train_sharpe, splits=WalkForward(150, 100))
    best = int(np.argmax([score for _, score in searcher.told]))
    assert best == found.selection.winners[0]


def test_the_entry_is_told_or_follows_from_the_space():
    searcher = Listed(drawn(5))
    searcher.space = None
    with pytest.raises(BadInput, match="Hint: give start="):
        search(walk(0), searcher, 5)
    assert search(walk(0), searcher, 5, start=100).job.field.start == 100
    for space, start in (
        ({"method": "equal_weight"}, 1),
        ({"method": "equal_weight", "volatility_target": [None, 0.1], "volatility_lookback": Between(10, 90)}, 91),
        ({"method": ["cash", "momentum"], "lookback": [5, 80], "skip": [0, 70], "top": 1, "lag": [0, 3]}, 83),
        ({"method": "momentum", "lookback": Between(5, 5000), "top": 1, "lag": 2}, 200),
        ({"method": "momentum", "lookback": [20, 5000], "top": 1}, 21),
    ):
        assert search(walk(0), RandomSearch(space, 40), 40, verdict=False).job.field.start == start


def test_the_entry_of_a_wide_space_is_found_at_once():
    """Every axis of histories by its ends: their product would not fit into memory."""
    space = {
        "method": ["momentum", "inverse_volatility", "minimum_variance", "time_series_momentum"],
        "lookback": list(range(2, 4000)), "volatility_lookback": list(range(2, 3000)), "top": 1,
        "volatility_target": [None, *(k / 1000 for k in range(1, 3000))], "refit": list(range(1, 500)),
    }  # fmt: skip
    asked = ask_tell._corners(space, 400)
    assert len(asked) < 200
    assert start_row(ask(asked, 252.0), 400, None) == 200  # half of the rows
    listed = {"method": "momentum", "lookback": list(range(2, 4000)), "top": 1}
    assert search(walk(0), RandomSearch(listed, n=90), 90, verdict=False).job.field.start == 200


def test_tables_are_made_once_for_all_batches(monkeypatch):
    fits = []

    def counting(window):
        fits.append(len(window))
        return np.full(3, 1 / 3)

    configs = [{"method": counting, "lookback": 20, "interval": k, "refit": 30} for k in range(1, 13)]
    search(walk(4), Listed(configs), 12, batch=3, start=40, num_threads=1)
    searched = len(fits)
    fits.clear()
    sweep(walk(4), configs, start=40, num_threads=1)
    assert searched == len(fits) == 13  # rows 39, 69, ... 399


class Faulty(Listed):
    """Gives too much, breaks, or gives what is none."""

    def __init__(self, fault):
        super().__init__(drawn(20))
        self.fault = fault

    def ask(self, k):
        if len(self.told) >= 5:
            if self.fault == "raises":
                raise RuntimeError("no more ideas")
            return {"much": drawn(k + 1), "none": [3] * k, "unknown": [{"method": "cash", "treshold": 1}] * k}[
                self.fault
            ]
        return super().ask(k)


@pytest.mark.parametrize(
    ("fault", "error"), [("raises", "no more ideas"), ("much", "at most 5"), ("none", "int"), ("unknown", "treshold")]
)
def test_what_was_tried_before_a_search_broke_off_is_counted(tmp_path, fault, error):
    searcher = Faulty(fault)
    with pytest.raises((BadInput, RuntimeError), match=error):
        search(walk(5), searcher, 20, batch=5, ledger=tmp_path / "trials.jsonl")
    assert [record.counted for record in TrialLedger(tmp_path / "trials.jsonl").records()] == [5]
    if fault in {"none", "unknown"}:  # they were asked for: nobody is left waiting
        assert np.isnan([score for _, score in searcher.told[5:]]).all()
        assert len(searcher.told) == 10


@pytest.mark.parametrize(
    ("given", "message"),
    [({"n_trials": 0}, "n_trials is 0"), ({"batch": 0}, "batch is 0"), ({"n_trials": 1.5}, "n_trials is 1.5"),
     ({"score": "shrape"}, "score is 'shrape'"), ({"score": lambda found: 1.0}, "score gave shape"),
     ({"searcher": 3}, "the searcher is 3"), ({"searcher": Grid(method="cash")}, "ask"),
     ({"searcher": Listed([])}, "proposed no configuration"), ({"sped": 1}, "an option of search is 'sped'"),
     ({"configs": []}, "configs"), ({"ledger": 3}, "the ledger is 3")],
)  # fmt: skip
def test_what_cannot_be_searched_is_refused(given, message):
    with pytest.raises(BadInput, match=message):
        search(**{"prices": walk(0), "searcher": Listed(drawn(5)), "n_trials": 5} | given)


class Answers(Listed):
    """Answers with something that is no list of proposals."""

    def __init__(self, answer):
        super().__init__([])
        self.answer = answer

    def ask(self, k):
        return self.answer


@pytest.mark.parametrize(
    "answer", [None, 5, iter([{"method": "cash"}]), {"method": "cash"}, "cash", Grid(method="cash")]
)
def test_answers_that_are_no_proposals_are_refused(answer):
    with pytest.raises(BadInput, match=r"the searcher proposed .*Hint: ask"):
        search(walk(0), Answers(answer), 5)


def test_the_pruned_trials_of_a_ledger_count_too(tmp_path):
    book = TrialLedger(tmp_path / "trials.jsonl", pruned=7)
    found = search(walk(7), Listed([*drawn(8), None, None]), 10, batch=3, ledger=book)
    told = found.ledger()
    assert (told["configurations"], told["pruned"], told["before"], told["counted"]) == (8, 9, 0, 17)
    assert found.verdict.n_trials == 17
    assert (
        sweep(walk(7), drawn(8), start=61, ledger=TrialLedger(tmp_path / "other", pruned=9)).ledger()["counted"] == 17
    )


def test_what_failed_or_was_pruned_is_counted_whatever_becomes_of_the_search(tmp_path):
    bad = {"method": "momentum", "lookback": 5, "skip": 9, "top": 1}

    def counted(name, configs, fault=None, batch=4, **options):
        searcher = Listed(configs)
        if fault:
            ask = searcher.ask
            searcher.ask = lambda k: ask(k) if searcher.left else fault()
        with pytest.raises((BadInput, Infeasible, ZeroDivisionError)):
            search(walk(6), searcher, 20, batch=batch, ledger=TrialLedger(tmp_path / name, **options))
        return [(each.configurations, each.failed, each.pruned) for each in TrialLedger(tmp_path / name).records()]

    assert counted("failed", [bad] * 8) == [(8, 8, 0)]
    assert counted("failed", [bad] * 8, batch=3) == [(8, 8, 0)]  # the same search
    assert counted("pruned", [None] * 8) == [(0, 0, 8)]
    assert counted("both", [None] * 4 + [bad] * 4, pruned=1) == [(4, 4, 5)]
    assert counted("broken", [None] * 5 + drawn(4), lambda: 1 / 0, batch=5) == [(4, 0, 5)]
    assert counted("later", drawn(4) + [bad] * 4 + [None] * 4, lambda: 1 / 0) == [(4, 0, 0), (4, 4, 4)]
    assert counted("nothing", [], lambda: 1 / 0) == []


def test_batches_without_anything_that_works_do_not_end_a_search():
    bad = {"method": "momentum", "lookback": 5, "skip": 9, "top": 1}
    searcher = Listed([bad] * 4 + drawn(4))
    found = search(walk(6), searcher, 8, batch=4)
    assert found.ledger()["failed"] == 4
    with pytest.raises(Infeasible):
        search(walk(6), Listed([bad] * 8), 8, batch=4)


def test_a_ledger_counts_a_search_once(tmp_path):
    path = tmp_path / "trials.jsonl"
    for counted in (10, 10):
        searcher = Listed([*drawn(8), None, None])
        found = search(walk(7), searcher, 10, batch=3, ledger=path)
        assert found.ledger()["counted"] == counted
    assert sweep(walk(7), {"method": "cash"}, ledger=path).ledger()["counted"] == 11
    (record, _) = TrialLedger(path).records()
    assert (record.configurations, record.pruned) == (8, 2)


def study_of(optuna, sampler, direction="maximize"):
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(direction=direction, sampler=sampler)


def test_a_study_of_optuna_learns_what_is_best():
    optuna = pytest.importorskip("optuna")
    space = {
        "method": "momentum", "lookback": Between(1, 60), "top": [1, 2], "threshold": Between(0.0, 0.2),
        "cost": Between(1e-4, 1e-2, log=True), "calendar": [None, "month"], "trade": ["target", "band", 0.5],
    }  # fmt: skip
    study = study_of(optuna, optuna.samplers.TPESampler(seed=0, n_startup_trials=20))
    searcher = OptunaSearch(study, space, where=lambda lookback, top: lookback > 15 * top)
    found = search(walk(8), searcher, 80, batch=10, times=days(400))
    told = found.ledger()
    states = [trial.state.name for trial in study.trials]
    assert len(states) == told["counted"] == 80
    assert states.count("PRUNED") == told["pruned"] > 0
    assert states.count("COMPLETE") == told["ok"]
    assert "RUNNING" not in states
    complete = [trial.value for trial in study.trials if trial.state.name == "COMPLETE"]
    np.testing.assert_allclose(complete, found.figure("sharpe")[found.status == "ok"], rtol=1e-9)
    best = found.configs[found.best]
    assert {name: best[name] for name in ("lookback", "cost", "calendar", "trade")} == {
        name: study.best_params[name] for name in ("lookback", "cost", "calendar", "trade")
    }
    costs = found.configs.columns["cost"].all()
    assert np.median(costs[-20:]) < np.median(costs[:20])  # it has learnt that costs cost


@pytest.mark.parametrize(("batch", "asked"), [(1, 6), (4, 8), (6, 6), (50, 50)])
def test_a_sampler_that_has_tried_every_point_ends_the_search(batch, asked):
    optuna = pytest.importorskip("optuna")
    grid = {"lookback": [5, 10, 20], "top": [1, 2]}
    study = study_of(optuna, optuna.samplers.GridSampler(grid, seed=0))
    found = search(walk(8), OptunaSearch(study, {"method": "momentum", **grid}), 50, batch=batch)
    assert (found.ledger()["different"], len(found), len(study.trials)) == (6, asked, asked)
    assert {trial.state.name for trial in study.trials} == {"COMPLETE"}
    with pytest.raises(RuntimeError, match="supposed to be invoked inside"):
        study.stop()  # as it was


def test_a_constraint_that_breaks_leaves_no_trial_waiting():
    optuna = pytest.importorskip("optuna")
    study = study_of(optuna, optuna.samplers.RandomSampler(seed=1))

    def breaks(lookback):
        if lookback > 30:
            raise ZeroDivisionError
        return True

    with pytest.raises(ZeroDivisionError):
        search(walk(8), OptunaSearch(study, SPACE, where=breaks), 30, batch=30)
    assert {trial.state.name for trial in study.trials} == {"FAIL"}


def test_methods_of_ones_own_may_be_searched():
    optuna = pytest.importorskip("optuna")

    def first_only(window):
        return np.array([1.0, 0.0, 0.0])

    study = study_of(optuna, optuna.samplers.RandomSampler(seed=1))
    space = {
        "method": [first_only, "fixed", "inverse_volatility"],
        "lookback": [5, 10],
        "weights": [(1, 0, 0), (0, 1, 0)],
    }
    searcher = OptunaSearch(study, space, where=lambda method: method is not first_only)
    assert search(walk(9), searcher, 12, batch=6).ledger()["pruned"] > 0
    found = search(walk(9), OptunaSearch(study, space | {"weights": ((0, 0, 1),)}), 12, batch=4, num_threads=1)
    assert {found.configs[k]["method"] for k in range(12)} == set(space["method"])
    assert found.ledger()["failed"] == 0


def test_studies_that_would_look_for_the_worst_are_refused():
    optuna = pytest.importorskip("optuna")
    with pytest.raises(BadInput, match="direction='maximize'"):
        OptunaSearch(study_of(optuna, None, "minimize"), SPACE)
    with pytest.raises(BadInput, match="directions maximize, maximize"):
        OptunaSearch(optuna.create_study(directions=["maximize", "maximize"]), SPACE)
    study = study_of(optuna, None)
    for given, message in (
        ((3, SPACE), "the study is 3"),
        ((study, {}), "no parameters"),
        ((study, {"a": []}), "no values"),
    ):
        with pytest.raises(BadInput, match=message):
            OptunaSearch(*given)
    with pytest.raises(BadInput, match=r"where asks for .*'lokback'"):
        search(walk(0), OptunaSearch(study, SPACE, where=lambda lokback: True), 3)


def test_configurations_of_several_grids_share_their_values():
    joined = as_configs([Grid(method="momentum", lookback=[5, 10]), Grid(method="momentum", lookback=[10, 20], top=1)])
    assert joined.varied == ("lookback", "top")
    assert list(joined.columns["lookback"].values) == [5, 10, 20]
    assert [joined[k]["lookback"] for k in range(4)] == [5, 10, 10, 20]
    assert "top" not in joined[1]
    assert joined.label(3) == "momentum lookback=20 top=1"
