"""Contracts on the benchmarks' report: rows judge themselves rightly, pages are what the results say."""

from __future__ import annotations

import importlib.util
import json
import math

import pytest

from contracts.tracked import ROOT

BENCH = ROOT / "bench"
pytestmark = pytest.mark.skipif(not BENCH.is_dir(), reason="an unpacked sdist has no benchmarks")


def load(name):
    spec = importlib.util.spec_from_file_location(f"bench_{name}_under_test", BENCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def report():
    return load("report")


@pytest.fixture(scope="module")
def measure():
    return load("measure")


@pytest.mark.parametrize(
    ("value", "bounds", "ok", "missed"),
    [
        (35.0, {"most": 35}, True, ""),
        (42.0, {"most": 35}, False, "20 %"),
        (0.9, {"least": 0.9}, True, ""),
        (0.45, {"least": 0.9}, False, "50 %"),
        (math.inf, {"most": 1}, False, "not measured"),
        ("hangs", {"most": 1}, False, "not measured"),
        (2, {"most": 0}, False, "2 us"),
        (7.0, {}, None, ""),
        (30.0, {"most": 35, "peer_value": 60.0, "most_ratio": 0.45}, False, "11 %"),
        (30.0, {"most": 35, "peer_value": 80.0, "most_ratio": 0.45}, True, ""),
        (8.0, {"peer_value": 2.0, "least_ratio": 4}, True, ""),
        (6.0, {"peer_value": 2.0, "least_ratio": 4}, False, "25 %"),
        (6.0, {"peer_value": "hangs", "least_ratio": 4}, False, "not measured"),
    ],
)
def test_a_row_knows_whether_it_reaches_its_number(measure, value, bounds, ok, missed) -> None:
    found = measure.row("x", value, "us", **bounds)
    assert (found["ok"], found["missed_by"]) == (ok, missed)


def test_wrong_results_are_not_timed(measure) -> None:
    from contextlib import nullcontext

    with pytest.raises(ArithmeticError, match="liar"):
        measure.alternate({"liar": lambda: nullcontext(lambda: 3)}, 2, lambda value: value == 4)
    seconds = measure.alternate({name: lambda: nullcontext(lambda: 4) for name in "ab"}, 3, lambda value: value == 4)
    assert [len(seconds[name]) for name in "ab"] == [3, 3]


def test_a_table_has_its_columns(report, measure) -> None:
    rows = [
        measure.row("a | b", 1.0, "s", most=2, peer="peer", peer_value=4.0),
        measure.row("c", 3.0, "s", most=2, peer="peer", peer_value="hangs"),
        measure.row("d", 3, "results"),
    ]
    lines = report.table(rows)
    assert len(lines) == 2 + len(rows)
    assert {line.count("|") for line in lines} == {7}
    assert "0.25x" in lines[2]
    assert lines[2].endswith("| met |")
    assert "hangs |" in lines[3]
    assert "missed by 50 %" in lines[3]


def test_the_region_of_the_readme_is_filled_again_and_again(report) -> None:
    empty = f"before\n{report.START}\n{report.END}\nafter\n"
    once = report.filled(empty, ["| table |"])
    assert "| table |" in once
    assert report.filled(once, ["| table |"]) == once
    assert report.filled(once, []) == empty
    with pytest.raises(ValueError, match="README"):
        report.filled("no region", ["x"])


def test_the_pages_are_what_the_results_say(report) -> None:
    found = report.results(BENCH / "results")
    if not found:
        pytest.skip("nothing has been measured yet")
    assert (ROOT / "docs" / "performance.md").read_text(encoding="utf-8") == report.page(found)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert report.filled(readme, report.headline(found)) == readme


@pytest.mark.parametrize("path", sorted(BENCH.glob("results/*.json")), ids=lambda path: path.stem)
def test_a_result_says_what_was_measured_where_and_with_what(path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["name"] == path.stem
    assert (BENCH / f"bench_{path.stem}.py").is_file()
    assert {"title", "claim", "rows", "machine", "versions", "repeats", "seconds"} <= set(found)
    for row in found["rows"]:
        assert {"what", "value", "unit", "reach", "peer", "peer_value", "ratio", "ok"} <= set(row)
        if row["ratio"] is not None:
            assert row["ratio"] == pytest.approx(row["value"] / row["peer_value"], rel=2e-3)
