"""`atomloom trajectory`: problems from options, files and prices; what a run leaves, and what is refused before one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

import atomloom
from atomloom.app import cli, config
from atomloom.app.path_settings import ProblemSource, TrajectorySettings, written
from atomloom.app.path_work import cloud, worth
from atomloom.app.runs import RunFolder
from atomloom.errors import BadInput
from atomloom.trajectory import evaluate, problem_from_prices, random_problem, solve

run = cli.run


def ask(line) -> int:
    return run(line.split())


GIVEN = "mu = [[0.1, 0.02], [0.0, 0.1]]\ncov = [[[0.04, 0.0], [0.0, 0.01]], [[0.04, 0.0], [0.0, 0.01]]]\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    return tmp_path


def test_a_random_problem_from_the_options(here, capsys) -> None:
    asked = "trajectory --assets 3 --horizons 4 --units 4 --seed 7 --out a --json -q"
    assert run(asked.split()) == 0
    said = json.loads(capsys.readouterr().out)
    expected = solve(random_problem(3, 4, 4, seed=7))
    assert (said["sr"], said["status"], said["gap"]) == (expected.sr, "optimal", expected.gap)
    assert (said["portfolios"], said["horizons"]) == (66, 4)
    table = RunFolder.open(Path("a")).read_frame("result.csv")
    assert np.array_equal(table[["w0", "w1", "w2"]], expected.weights)
    result = json.loads(Path("a/result.json").read_text())
    assert result["units"] == expected.units.tolist()
    assert result["certificate"]["bound"] == expected.certificate.bound
    assert Path("a/report.html").read_text().count("<svg") == 3
    events = [json.loads(line) for line in Path("a/events.jsonl").read_text().splitlines()]
    passes = [event for event in events if event["event"] == "PassDone"]
    assert len(passes) == expected.n_passes
    assert passes[-1]["best"] == expected.sr
    bounds = [event["bound"] for event in passes]
    assert bounds == sorted(bounds, reverse=True)


def test_a_run_leaves_its_problem_and_its_report_can_be_made_again(here, capsys) -> None:
    assert (
        run(
            [
                "trajectory",
                "--assets",
                "2",
                "--horizons",
                "3",
                "--units",
                "3",
                "--seed",
                "3",
                "--out",
                "a",
                "-q",
                "--json",
            ]
        )
        == 0
    )
    first = json.loads(capsys.readouterr().out)
    assert ask("trajectory a/problem.toml --out b -q --json") == 0
    second = json.loads(capsys.readouterr().out)
    assert (first["sr"], first["mean"], first["problem"]) == (second["sr"], second["mean"], second["problem"])
    assert "see problem.toml" in Path("b/report.html").read_text()
    shutil.copytree("a", "c")
    page = Path("c/report.html").read_bytes()
    Path("c/report.html").unlink()
    assert ask("report c") == 0
    assert Path("c/report.html").read_bytes() == page


def test_a_problem_from_a_file(here, capsys) -> None:
    Path("p.toml").write_text(GIVEN + 'cost = [0.01, 0.02]\nunits = 4\ncost_fn = "linear"\nnames = ["gold", "tin"]\n')
    assert ask("trajectory p.toml --out a") == 0
    said = capsys.readouterr().out
    assert "exact: optimal" in said
    assert "gold" in Path("a/report.html").read_text()
    assert ask("trajectory p.toml --units 2 --out b --json -q") == 0
    assert json.loads(capsys.readouterr().out)["units"] == 2


def test_a_problem_from_prices_beside_the_problem_file(here, capsys) -> None:
    walk = np.exp(np.random.default_rng(0).normal(0, 0.01, (120, 4)).cumsum(axis=0))
    days = pd.date_range("2020-01-01", periods=120).astype(str)
    Path("data").mkdir()
    pd.DataFrame(walk, columns=list("ABCD"), index=days).to_csv("data/p.csv", index_label="day")
    Path("data/p.toml").write_text(
        'prices = "p.csv"\nwindow = 30\nstep = 10\ncost = 0.002\ncolumns = ["D", "A"]\nunits = 3\n'
    )
    assert ask("trajectory data/p.toml --horizons 5 --out a --json -q") == 0
    said = json.loads(capsys.readouterr().out)
    problem = problem_from_prices(walk[:, [3, 0]], horizons=5, window=30, step=10, cost=0.002, units=3)
    assert said["names"] == ["D", "A"]
    assert said["sr"] == pytest.approx(solve(problem).sr, rel=1e-12)
    shutil.copytree("a", "b")
    (Path("b") / "report.html").unlink()
    assert ask("trajectory --resume b --json -q") == 0
    assert json.loads(capsys.readouterr().out)["sr"] == said["sr"]


def test_a_run_goes_on_where_it_was(here, capsys, monkeypatch) -> None:
    from atomloom.app import path_work

    def stop(*_) -> None:
        raise KeyboardInterrupt

    whole = path_work.cloud
    monkeypatch.setattr(path_work, "cloud", stop)
    assert ask("trajectory --assets 2 --horizons 2 --units 2 --seed 5 --out a -q") == 130
    assert "atomloom trajectory --resume a" in capsys.readouterr().err
    monkeypatch.setattr(path_work, "cloud", whole)
    monkeypatch.setattr(path_work, "solved", stop)  # what is solved is not solved again
    assert ask("trajectory --resume a -q --json") == 0
    assert json.loads(capsys.readouterr().out)["sr"] == solve(random_problem(2, 2, 2, seed=5)).sr


def test_other_ways_beside_it(here, capsys, monkeypatch) -> None:
    from atomloom.trajectory import comparison

    worked, genuine = [], comparison.solve
    monkeypatch.setattr(
        comparison, "solve", lambda problem, method, **more: worked.append(method) or genuine(problem, method, **more)
    )
    assert (
        run(
            [
                "trajectory",
                "--assets",
                "3",
                "--horizons",
                "3",
                "--units",
                "4",
                "--compare",
                "--out",
                "a",
                "--json",
                "-q",
            ]
        )
        == 0
    )
    said = json.loads(capsys.readouterr().out)
    table = RunFolder.open(Path("a")).read_frame("methods.csv").set_index("method")
    assert {"static", "static_grid", "exact"} <= set(table.index)
    assert table.loc["exact", "sr"] == pytest.approx(said["sr"])
    assert table.loc["exact", "regret"] <= 1e-12
    assert table.loc["static_grid", "sr"] <= said["sr"]
    assert len(said["compared"]) == len(table)
    assert "exact" not in worked  # it was solved before
    assert {"beam", "coordinate"} <= set(worked)
    assert "Other ways to choose a path" in Path("a/report.html").read_text()


def test_a_heuristic_does_not_call_itself_best(here, capsys) -> None:
    assert ask("trajectory --method beam --out a") == 0
    said = capsys.readouterr().out
    assert "beam: heuristic" in said
    assert "nothing is known of how good it is" in said
    html = Path("a/report.html").read_text()
    assert "which proves nothing by itself" in html
    assert "The proof" not in html


@pytest.mark.parametrize(
    ("text", "options", "said"),
    [
        ("", "--assets 0", "assets is 0"),
        ("", "--units 0", "units is 0"),
        ("", "--method exat", "did you mean 'exact'"),
        ("", "--time-limit 0", "time_limit is 0"),
        ("", "--memory lots", "memory is 'lots'"),
        (GIVEN, "", "cost is not given. Hint: give a number"),
        (GIVEN + "cost = 0.1\n", "--assets 2", "assets says nothing to a problem with its own mu"),
        (GIVEN + "cost = 0.1\nprices = 'p.csv'\n", "", "two ways to state a problem"),
        (GIVEN + "cost = 'much'\n", "", "cost is 'much'"),
        (GIVEN + "cost = -1\n", "", "cost has 4 values that are below 0"),
        (GIVEN + "cost = 0.1\nnames = ['a']\n", "", "names has 1 entries for 2 assets"),
        ("mu = [[1.0]]\n", "", "mu and cov come together"),
        ("mu = [[1.0], [2.0]]\ncov = [[[1.0]]]\ncost = 0\n", "", "cov has shape (1, 1, 1), not (2, 1, 1)"),
        ("cost = 0.1\n", "", "cost says nothing to a random problem"),
        ("asets = 3\n", "", "has no setting 'asets'. Did you mean 'assets'?"),
        ("[problem]\nassets = 3\n", "", "Hint: --config p.toml"),
        ("assets = ", "", "p.toml is not TOML"),
        ("prices = 'p.csv'\n", "", "cost is not given"),
        ("prices = 'p.csv'\ncost = 0\ncolumns = ['Z']\n", "", "p.csv has no column 'Z'. Hint: it has A, B."),
        ("prices = 'p.csv'\ncost = 0\n", "--assets 3", "assets is 3, and p.csv has 2 columns"),
        ("prices = 'p.csv'\ncost = 0\n", "", "12 horizons of 252 rows after windows of 252 need 3,025 prices"),
    ],
)
def test_what_is_no_problem_is_refused_before_there_is_a_folder(text, options, said, here, capsys) -> None:
    Path("p.csv").write_text("A,B\n1,2\n2,3\n")
    Path("p.toml").write_text(text)
    assert run(["trajectory", *(["p.toml"] if text else []), *options.split()]) == 2
    assert said in capsys.readouterr().err
    assert not Path("runs").exists()


def test_too_large_a_problem_is_4(here, capsys) -> None:
    asked = "trajectory --assets 10 --units 10 --horizons 5 --method exact --memory 1GB --out a -q"
    assert run(asked.split()) == 4
    assert "would fit" in capsys.readouterr().err


def test_settings_print_and_read_back(here, capsys) -> None:
    for more in ([], ["--units", "3", "--assets", "2", "--method", "brute"]):
        assert run(["trajectory", "--print-config", *more]) == 0
        Path("c.toml").write_text(capsys.readouterr().out)
        assert ask("trajectory --config c.toml --print-config") == 0
        assert capsys.readouterr().out == Path("c.toml").read_text()
    problem = random_problem(3, 2, 2, w0=[0.5, 0.5, 0.0], bounds=[-0.5, 1.0], terminal=[0.0, 0.0, 1.0])
    spec = written(problem, "abc")
    Path("p.toml").write_text(config.to_toml(spec))
    again, names = config.load(Path("p.toml"), ProblemSource()).problem(0)
    assert again.to_dict() == problem.to_dict()
    assert names == ["a", "b", "c"]


@pytest.mark.parametrize("more", [{}, {"terminal": [0.5, 0.5, 0.0], "w0": [0.1, 0.2, 0.3]}, {"bounds": [0.0, 1.0]}])
def test_the_cloud_is_worth_what_its_paths_are(more) -> None:
    problem = random_problem(3, 4, 4, seed=2, **more)
    draws = np.random.default_rng(0)
    paths = draws.integers(-4, 5, (20, 4, 3)) / 4
    mean, variance = worth(problem, paths)
    for path, m, v in zip(paths, mean, variance, strict=True):
        score = evaluate(problem, path)
        assert (m, v) == (pytest.approx(score.mean, abs=1e-12), pytest.approx(score.variance))
    found = solve(problem)
    drawn = cloud(problem, found.units, 0)
    assert (drawn["mean"][0], drawn["variance"][0]) == (pytest.approx(found.mean), pytest.approx(found.variance))
    assert (drawn["mean"] <= found.upper_bound * np.sqrt(drawn["variance"]) * (1 + 1e-12)).all()
    assert len(np.unique(drawn["mean"].round(9))) > 30


def test_results_have_figures(tmp_path) -> None:
    found = solve(random_problem(3, 3, 4, seed=1))
    for result in (found, found.certificate):
        drawn = atomloom.figure(result)
        root = ET.fromstring(drawn.svg)
        assert "var(--" not in drawn.svg
        assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 5


def test_settings_have_defaults_that_run() -> None:
    problem, names = TrajectorySettings().problem.problem(0)
    assert (problem.assets, problem.horizons, problem.units, len(names)) == (3, 3, 6, 3)


def test_a_comparison_has_a_figure() -> None:
    from atomloom.trajectory.comparison import compare

    flat = random_problem(2, 2, 2, seed=1)
    for methods in (("static", "exact"), ("static_grid", "beam")):
        drawn = atomloom.figure(compare(flat, methods=methods)).svg
        assert ("proved best" in drawn) == ("exact" in methods)
        assert ET.fromstring(drawn).tag.endswith("svg")


LOSING = "mu = [[0.01, -0.01]]\ncov = [[[1.0, 0.2], [0.2, 0.5]]]\ncost = [0.5, 0.4]\nunits = 2\n"


@pytest.mark.parametrize(
    ("text", "method", "figures", "note"),
    [
        ("objective = 'mean_variance'\nrisk_aversion = 0.5\n", "exact", 3, "The objective is a sum"),
        ("", "brute", 2, "Every path was looked at"),
        (LOSING, "exact", 3, "Every path loses"),
        ("", "exact", 3, "no path lies above it"),
    ],
)
def test_the_page_says_what_kind_of_proof_there_is(text, method, figures, note, here, capsys) -> None:
    Path("p.toml").write_text(text)
    assert ask(f"trajectory p.toml --method {method} --out a --json -q") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["status"] == "optimal"
    html = Path("a/report.html").read_text()
    assert note in html
    assert html.count("<svg") == figures
    assert ("mean - a x variance" in html) == ("mean_variance" in text)


def test_a_certificate_without_lines_has_no_figure() -> None:
    found = solve(random_problem(2, 2, 2, seed=1), "brute")
    with pytest.raises(BadInput, match="has no lines to draw"):
        atomloom.figure(found.certificate)


def test_the_bound_closes_on_a_terminal(monkeypatch, capsys) -> None:
    from atomloom.app import trajectory
    from atomloom.app.options import Chatter
    from atomloom.trajectory import PassDone

    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr(trajectory, "_SHOWN", 0.0)
    meter = trajectory.PassMeter(None, Chatter(quiet=False))
    meter(PassDone(3, 0.5, 1.5, 2.0, 0.1))
    assert "pass 3: best 1.5, bound 2, gap 2.5e-01" in capsys.readouterr().err
    meter.end()
    assert capsys.readouterr().err == "\r\x1b[K"
    trajectory.PassMeter(None, Chatter(quiet=True))(PassDone(3, 0.5, 1.5, 2.0, 0.1))
    assert capsys.readouterr().err == ""
