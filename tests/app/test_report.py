"""The report: one self-contained page, the same bytes from the same folder, figures that say what the tables say."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from atomloom.app import charts, drawing, page
from atomloom.app.cli import run
from atomloom.app.pages.parts import decimals
from atomloom.app.report import build, write_report
from atomloom.app.runs import RunFolder

SVG = "{http://www.w3.org/2000/svg}"
VOID = {"meta", "br", "hr", "img", "link", "input"}


class Nesting(HTMLParser):
    """Checks that every tag closes in order and collects what would reach outside."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.outside: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag, attrs) -> None:
        self.scripts += tag == "script"
        for name, value in attrs:
            self.scripts += name.startswith("on")
            if name in {"src", "href", "xlink:href", "action"} and not (value or "").startswith("#"):
                self.outside.append(f"{tag} {name}={value}")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag


def svgs(html: str) -> list[ET.Element]:
    return [ET.fromstring(text) for text in re.findall(r"<svg.*?</svg>", html, re.DOTALL)]


def words(svg: ET.Element) -> list[str]:
    return ["".join(node.itertext()) for node in svg.iter(f"{SVG}text")]


def test_the_page_is_well_formed_and_reaches_nothing_outside(finished) -> None:
    html = build(RunFolder.open(finished))
    seen = Nesting()
    seen.feed(html)
    assert seen.open == []
    assert seen.outside == []
    assert seen.scripts == 0
    assert not re.search(r"url\((?!#)", html)
    assert "@import" not in html
    namespaces = {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}
    assert set(re.findall(r'https?://[^"\s<]+', html)) <= namespaces


def test_the_style_sheet_is_balanced_and_not_inside_one_medium(finished) -> None:
    """A brace that is not closed puts every later rule into the query before it."""
    style = re.search(r"<style>(.*?)</style>", build(RunFolder.open(finished)), re.DOTALL).group(1)
    depth, outside = 0, ""
    for sign in style:
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
        outside += sign if depth == 0 else ""
    assert depth == 0
    assert {"body", "main", "h1"} <= set(re.findall(r"[\w.]+", outside))


def test_figures_follow_the_theme_and_share_no_ids(finished) -> None:
    html = build(RunFolder.open(finished))
    for stand_in, variable in drawing.VARIABLES.items():
        assert stand_in not in html
        assert html.count(f"{variable}:#") >= 3, f"{variable} needs a value for light, dark and print"
    for svg in svgs(html):
        assert svg.get("viewBox")
        assert svg.get("aria-label")
        ids = [node.get("id") for node in svg.iter() if node.get("id")]
        assert len(ids) == len(set(ids))
        assert all(re.fullmatch(r"[mp][0-9a-f]{10}", name) for name in ids)


def test_rebuilding_gives_the_same_bytes_in_any_process_and_place(finished, tmp_path) -> None:
    first = (finished / "report.html").read_bytes()
    moved = tmp_path / "elsewhere"
    shutil.copytree(finished, moved)
    (moved / "report.html").unlink()
    command = [sys.executable, "-c", "from atomloom.app.front import main; main()", "report", str(moved), "--json"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo"},
    )
    assert json.loads(done.stdout)["report"] == str(moved / "report.html")
    assert (moved / "report.html").read_bytes() == first


def test_what_the_user_named_is_escaped(finished) -> None:
    folder = RunFolder.open(finished)
    folder.record["summary"]["symbol"] = "<script>alert(1)</script>"
    folder.record["command_line"] = "atomloom vpin '<b>.csv'"
    seen = Nesting()
    seen.feed(build(folder))
    assert seen.scripts == 0
    assert "b" not in seen.open


def test_an_unfinished_run_has_no_report_and_says_why(tmp_path, capsys) -> None:
    RunFolder.create("demo", {}, out=tmp_path / "a")
    assert run(["report", str(tmp_path / "a")]) == 1
    assert "the run is running. Hint: finish it with --resume" in capsys.readouterr().err
    assert not (tmp_path / "a" / "report.html").exists()


def test_prices_of_events_have_as_many_decimals_and_nothing_is_none(finished) -> None:
    folder = RunFolder.open(finished)
    folder.record["config"]["csv"] = {"tick_size": None, "ts": "", "sort": False}
    events = pd.read_csv(finished / "episodes.csv")
    events["price"] = [1640.0 + 0.25 * (row % 4) for row in range(len(events))]
    events.to_csv(finished / "episodes.csv", index=False)
    html = build(folder)
    assert len(events) > 3
    for price in events["price"]:
        assert f"<td>{price:,.2f}</td>" in html
    assert '>csv.tick_size</th><td class="text wrap">not set<' in html
    assert '>csv.ts</th><td class="text wrap">not set<' in html
    assert '>csv.sort</th><td class="text wrap">False<' in html
    assert ">None<" not in html


@pytest.mark.parametrize(
    ("prices", "expected"),
    [([], 0), ([100.0, 2.0], 0), ([1.5, 1.25], 2), ([1e-7, 3.0], 7), ([1e15], 0), ([0.1 + 0.2], 1)],
)
def test_decimals_are_those_of_the_finest_price(prices, expected) -> None:
    assert decimals(prices) == expected


def test_a_report_is_replaced_whole(finished) -> None:
    folder = RunFolder.open(finished)
    (finished / "report.html").write_text("old")
    assert write_report(folder).read_text().startswith("<!doctype html>")


def test_the_heat_map_shows_the_mean_of_what_it_leaves_out() -> None:
    rows = [(a, b, c, a * 10 + b + c / 5) for a in (1, 2) for b in (3, 4) for c in (0, 1)]
    grid = pd.DataFrame(rows, columns=["a", "b", "c", "v"])
    texts = words(svgs(charts.grid_map(grid, "a", "b", "v", "value"))[0])
    expected = {f"{a * 10 + b + 0.1:.3g}" for a in (1, 2) for b in (3, 4)}
    assert expected <= set(texts)


def test_a_heat_map_of_one_value_and_of_missing_ones_can_be_drawn() -> None:
    grid = pd.DataFrame({"a": [1, 2, 1], "b": [1, 1, 2], "v": [5.0, 5.0, np.nan]})
    texts = words(svgs(charts.grid_map(grid, "a", "b", "v", "value"))[0])
    assert texts.count("5") == 2


def test_the_busy_count_equals_a_count_by_hand() -> None:
    rng = np.random.default_rng(3)
    starts = rng.random(40)
    trace = [{"start": s, "end": s + d} for s, d in zip(starts, rng.random(40), strict=True)]
    moments, counts = charts._busy(trace)
    for moment in rng.random(50) * 2:
        by_hand = sum(row["start"] <= moment < row["end"] for row in trace)
        assert counts[np.searchsorted(moments, moment, side="right") - 1] == by_hand


@pytest.mark.parametrize("count", [1, 3, 40])
def test_lanes_are_named_once_for_any_number_of_workers(count) -> None:
    trace = [{"worker": w, "start": 0.1 * w, "end": 0.1 * w + 0.2} for w in range(count)]
    texts = words(svgs(charts.molecules(trace))[0])
    for worker in range(count):
        assert texts.count(f"worker {worker + 1}") == 1


def test_labels_of_the_time_axis_do_not_overlap() -> None:
    for days in (0.01, 0.4, 3, 40, 900):
        times = pd.date_range(
            "2013-09-01 17:00", periods=200, end=pd.Timestamp("2013-09-01 17:00") + pd.Timedelta(days=days)
        )
        bars = pd.DataFrame({"end": times, "close": 1.0, "vpin": 0.3, "cdf": 0.5})
        svg = svgs(charts.price_and_vpin(bars, bars, pd.DataFrame({"start": times[:1], "end": times[5:6]}), 0.9))[0]
        bottom: dict[float, list[tuple[float, float]]] = {}
        for node in svg.iter(f"{SVG}text"):
            text, style = "".join(node.itertext()), node.get("style") or ""
            if "middle" in style and "rotate(-0" in (node.get("transform") or ""):
                bottom.setdefault(round(float(node.get("y"))), []).append((float(node.get("x")), 3.1 * len(text)))
        for row in bottom.values():
            row.sort()
            assert all(a[0] + a[1] < b[0] - b[1] for a, b in itertools.pairwise(row)), f"{days} days: {row}"


def test_cells_of_tables_are_escaped() -> None:
    assert "<i>" not in page.table(["<i>"], [["<i>"]]) + page.pairs([("<i>", "<i>")]) + page.tiles([("<i>", "<i>")])
