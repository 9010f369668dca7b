"""A figure for every result noun of the market room, with as few marks for a large one as for a small one."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

import atomloom
from atomloom.app import cycle_charts, event_charts, figures, titles
from atomloom.market import Alert, Alerts, EarlyWarning, Events, Growth, LeapYears, find_events
from market.test_results import MAKERS, make

HOUR = 3600 * 10**9
SVG = "{http://www.w3.org/2000/svg}"


def texts(svg):
    return [each.text for each in ET.fromstring(svg).iter(f"{SVG}text")]


def colours(svg, colour):
    return len(re.findall(figures._LIGHT[colour], svg))


@pytest.mark.parametrize("name", MAKERS)
def test_every_result_has_a_figure(name):
    drawn = atomloom.figure(make(name))
    assert ET.fromstring(drawn.svg).tag == f"{SVG}svg"
    assert "var(--" not in drawn.svg
    assert "nan" not in drawn.svg.lower()


def test_all_results_are_drawn():
    assert set(MAKERS) <= set(figures._DRAWN)


def moved(n, seed=0):
    rng = np.random.default_rng(seed)
    cdf = np.where(np.arange(n) % 2, 0.95, 0.5)
    return find_events(cdf, np.arange(n) * HOUR, rng.exponential(0.01, n), threshold=0.9)


def test_events_say_their_rate_and_keep_true_and_false_apart():
    found = find_events(
        [0.5, 0.95, 0.5, 0.95, 0.5, 0.95, 0.5],
        np.arange(7) * HOUR,
        [0.01, 0.03, 0.02, 0.001, 0.01, np.nan, np.nan],
        threshold=0.9,
    )
    svg = atomloom.figure(found).svg
    assert (found.n_true, found.n_false, found.n_undecided) == (1, 1, 1)
    assert {"1: large move followed", "1: it did not", "1: not judged", "large is above"} <= set(texts(svg))
    assert "No large move followed 1 of 2 events above CDF 0.9: 50% (95%: 9% to 91%); knowing nothing gives 50%" in svg


def test_nothing_is_drawn_as_nothing():
    none = find_events([0.5, 0.5], [0, HOUR], [0.1, 0.2], threshold=0.9)
    assert "0 events above CDF 0.9, none of which can be judged" in atomloom.figure(none).svg
    assert "No alert" in atomloom.figure(Alerts()).svg


def warned(n, every=2):
    some = np.linspace(0.1, 0.99, n)
    warning = np.arange(n) % every == 0
    config = {"vpin_threshold": 0.9, "hhi_threshold": 0.8, "side": "low"}
    ends = np.arange(n, dtype=np.int64) * HOUR
    gaps = np.where(np.arange(n) % 3, some, np.nan)
    return EarlyWarning(config, "ES", ends, some, some, gaps, gaps, gaps, np.zeros(n, np.int64), warning)


def booked(n, symbols=40):
    return Alerts(
        tuple(
            Alert(k * HOUR, f"S{k % symbols}", "vpin" if k % 3 else "vpin+hhi", 0.3, 0.9 + 0.1 * (k % 97) / 97,
                  k % 1013 * 10**7, "00")
            for k in range(n)
        )
    )  # fmt: skip


def grown(n):
    start = np.arange(n, dtype=np.int64) * HOUR
    power = 1.5 + np.sin(np.arange(n))
    return Growth(0.1, 1.0, start, start + HOUR, np.full(n, 200), power, power, 0.1, 0.01)


@pytest.mark.parametrize("large", [moved, warned, booked, grown])
def test_a_large_result_has_a_small_figure(large):
    assert len(atomloom.figure(large(100_000)).svg) < 2_500_000


def test_as_many_shades_as_the_eye_can_tell_apart():
    few, many = (atomloom.figure(warned(n)).svg.count("<path") for n in (1_000, 100_000))
    assert many < 3 * few


def test_warnings_are_shaded_where_they_are_and_single_ones_are_seen():
    buckets = warned(10_000, every=10**6).to_frame()  # only the first
    none = buckets.assign(warning=False)
    with_one, without = (event_charts.warnings(frame, (0.9, 0.8), "low", "t") for frame in (buckets, none))
    assert with_one.count("var(--amber)") == 3
    assert without.count("var(--amber)") == 0


def test_alerts_show_the_busiest_instruments_and_count_the_others():
    svg = atomloom.figure(booked(400)).svg
    assert "17 others (170)" in texts(svg)
    assert "latency, s" in texts(svg)
    assert "400 alerts of 40 instruments, late by 2 s (median), 3.99 s at most" in svg
    late = Alerts(tuple(Alert(k, "$A$ & <b>", "vpin", 0.3, 0.9, 0, "00") for k in range(3)))
    seen = texts(atomloom.figure(late).svg)
    assert "$A$ & <b> (3)" in seen
    assert "latency, s" not in seen


def test_each_alert_is_in_one_class_of_confidence():
    for sure in ([0.9] * 5, [0.1, 0.2], np.linspace(0, 1, 101), [0.5, 0.5, 0.5, 0.9]):
        values = np.asarray(sure, dtype=float)
        classes = [edge for edge, _ in event_charts._levels(values)]
        assert [sum(low <= one <= high for low, high in classes) for one in values] == [1] * len(values)


def test_a_year_with_its_line_elsewhere_is_marked_and_named():
    power = np.full((3, 12), 0.1)
    power[[0, 1, 2], [5, 6, 4]] = 9.0
    years, days = np.array([2011, 2012, 2013]), np.array([365, 366, 365])
    found = LeapYears(years, days, np.array([365, 366, 364]), np.arange(360, 372), power, ())
    svg = atomloom.figure(found).svg
    assert "Daily line: as many cycles as days in 2 of 3 years (not in 2013 at 364)" in svg
    assert "highest, elsewhere" in svg
    assert "highest, elsewhere" not in atomloom.figure(make("LeapYears")).svg


@pytest.mark.parametrize(
    ("slope", "error", "word"),
    [
        (0.5, 0.01, "grows"),
        (-0.5, 0.01, "falls"),
        (0.5, 0.4, "shows no clear trend"),
        (float("nan"),) * 2 + ("too few",),
    ],
)
def test_growth_is_said_where_it_is_clear(slope, error, word):
    power = np.ones(9)
    start = np.arange(9) * HOUR
    found = Growth(0.1, 1.0, start, start + HOUR, np.full(9, 5), power, power, slope, error)
    assert word in titles.of_growth(found)
    assert ("trend" in texts(atomloom.figure(found).svg)) == (word != "too few")


def test_the_trend_goes_through_the_middle_and_nights_are_left_out():
    day = 86_400 * 10**9
    start = np.array([0, 1, 2, 300, 301, 302]) * day
    frame = pd.DataFrame({"start": pd.to_datetime(start, utc=True), "end": pd.to_datetime(start + day, utc=True)})
    at, values = cycle_charts._broken(
        frame["start"].to_numpy("M8[ns]"),
        frame["end"].to_numpy("M8[ns]"),
        frame["start"].to_numpy("M8[ns]"),
        np.ones(6),
    )
    assert np.flatnonzero(np.isnan(values)).tolist() == [3]
    assert len(at) == 7


def test_starts_give_the_band_that_the_spread_is_of():
    found = make("StartSensitivity")
    for price, (when, first, least, largest) in found.bands.items():
        assert (least <= first).all()
        assert (first <= largest).all()
        assert (np.diff(when) >= 0).all()
        assert found.spread[price]["vpin_range"] == np.median(largest - least)
    svg = atomloom.figure(found).svg
    assert {"all starts", "first start"} <= set(texts(svg))
    assert all(f"{price}: VPIN varies by" in svg for price in found.spread)


def test_controls_that_cannot_be_judged_say_so():
    rows = pd.DataFrame(
        [
            {"alarms": "vpin", "n": 0, "false_positive_rate": None, "low": None, "high": None},
            {"alarms": "always", "n": 10, "false_positive_rate": 0.4, "low": 0.2, "high": 0.7},
        ]
    )
    svg = event_charts.rates(rows, None, "t")
    assert ">nothing to judge<" in svg
    assert ">40.0%<" in svg


def test_events_without_a_configuration_have_a_figure():
    found = moved(10)
    bare = Events(
        found.start, found.end, found.open_end, found.start_ts, found.end_ts, found.move, found.true, np.nan, 0
    )
    assert "No large move followed" in atomloom.figure(bare).svg
