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

from atomloom.app import charts, drawing, market_charts, page
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
    unset = re.search('>not set</th><td class="text wrap">(.*?)<', html).group(1).split(", ")
    assert {"csv.tick_size", "csv.ts"} <= set(unset)
    assert "csv.sort" not in unset
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


def test_a_long_line_keeps_its_ends_peaks_and_gaps() -> None:
    rng = np.random.default_rng(5)
    at = np.sort(rng.integers(0, 10**15, 50_000)).astype("datetime64[ns]")
    values = rng.standard_normal(50_000)
    values[[400, 401]] = np.nan
    seen = drawing.landmarks(at, values)
    assert len(seen) <= 4 * 1_500 + 2
    assert {0, 49_999, 400, 401, int(np.nanargmax(values)), int(np.nanargmin(values))} <= set(seen.tolist())
    assert (np.diff(seen) > 0).all()
    column = (at - at[0]).astype(float) / float((at[-1] - at[0]).astype(np.int64)) * 1_500
    column = np.minimum(column.astype(int), 1_499)
    for number in rng.choice(np.unique(column), 40, replace=False):
        mine = np.flatnonzero(column == number)
        kept = mine[np.isin(mine, seen)]
        assert np.nanmax(values[kept]) == np.nanmax(values[mine])
        assert np.nanmin(values[kept]) == np.nanmin(values[mine])
        assert {mine[0], mine[-1]} <= set(kept)
    assert drawing.landmarks(at[:3_000], values[:3_000]).tolist() == list(range(3_000))


def test_bins_of_returns_hold_as_many_ticks_each() -> None:
    rng = np.random.default_rng(2)
    close = 1640 + 0.25 * np.cumsum(rng.integers(-3, 4, 5_000))
    found = np.diff(np.log(close))
    edges = market_charts._edges(close, found)
    ticks = np.diff(edges) * found.std() * np.median(close) / 0.25
    assert np.allclose(ticks, ticks[0])
    assert round(ticks[0]) % 2 == 1
    counts, _ = np.histogram((found - found.mean()) / found.std(), edges)
    assert counts.sum() == len(found)
    by_hand = [int((np.round(np.diff(close) / 0.25) == move).sum()) for move in range(-3, 4)]
    assert counts[counts > 0].tolist() == by_hand


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
    for days in (0.0001, 0.01, 0.1, 0.4, 1, 2, 3, 4.66, 8, 25, 40, 100, 300, 900, 4000, 12_000):
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
        assert max(len(row) for row in bottom.values()) > 2, "there are labels to look at"
        for row in bottom.values():
            row.sort()
            assert all(a[0] + a[1] < b[0] - b[1] for a, b in itertools.pairwise(row)), f"{days} days: {row}"


def test_cells_of_tables_are_escaped() -> None:
    assert "<i>" not in page.table(["<i>"], [["<i>"]]) + page.pairs([("<i>", "<i>")]) + page.tiles([("<i>", "<i>")])


def test_bars_are_drawn_over_their_own_time_and_nights_stay_empty() -> None:
    hour = np.timedelta64(1, "h")
    starts = np.datetime64("2013-10-07T09:00", "ns") + np.array([0, 1, 24, 25]) * hour
    ends = starts + hour
    at, close = market_charts._spans(starts, ends, np.array([1.0, 2.0, 3.0, 4.0]))
    assert ((at - at[0]) / hour).tolist() == [0, 0, 1, 1, 1, 2, 24, 24, 25, 25, 25, 26]
    night = np.isnan(close)
    assert night.tolist() == [False] * 6 + [True] + [False] * 5
    assert close[~night].tolist() == [1, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4]
