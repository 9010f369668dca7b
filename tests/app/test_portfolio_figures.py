"""A figure for every result noun of the portfolio room, also where nothing varies, is lost, or has no times."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pandas as pd
import pytest

import atomloom
from atomloom.app import heat_chart, sweep_charts
from atomloom.app.sweep_lines import logit_bins
from atomloom.errors import BadInput
from atomloom.portfolio import CombinatorialPurgedCV, Grid, WalkForward, overfit, path_metrics, pbo, sweep

SVG = "{http://www.w3.org/2000/svg}"
DAYS = pd.date_range("2020-01-01", periods=500, freq="B")


def texts(svg: str) -> list[str]:
    return [each.text for each in ET.fromstring(svg).iter(f"{SVG}text")]


def drawn(result) -> str:
    svg = atomloom.figure(result).svg
    assert ET.fromstring(svg).tag == f"{SVG}svg"
    assert "var(--" not in svg
    assert "nan" not in svg.lower()
    return svg


@pytest.fixture(scope="module")
def found():
    moves = np.random.default_rng(0).normal(0.0004, 0.01, (500, 3))
    prices = pd.DataFrame(np.exp(moves.cumsum(axis=0)), index=DAYS, columns=list("ABC"))
    grid = Grid(method=["momentum", "time_series_momentum"], lookback=[10, 20, 40], top=2, interval=[5, 20])
    return sweep(prices, grid, splits=WalkForward(120, 60), n_boot=100)


def test_every_result_has_a_figure(found) -> None:
    words = texts(drawn(found))
    assert {"best in sample", "benchmark", "chosen on train windows"} <= set(words)
    assert "The best of 12 configurations, and equal weight" in words
    verdict = drawn(found.verdict)
    assert f"t of 12 configurations: {len(found.verdict.survivors)} survive" in texts(verdict)
    assert f"The best of one half, in the other: PBO {found.verdict.pbo.value:.0%}" in texts(verdict)
    drawn(found.verdict.pbo)
    assert "Sharpe ratio per period" in texts(drawn(found.selection))
    best = found.path(found.best)
    assert any("lookback" in word for word in texts(drawn(best)) if word)
    drawn(found.walk())
    measured = best.metrics()
    assert f"{measured.annual_return:.1%}" in [word.replace("\N{MINUS SIGN}", "-") for word in texts(drawn(measured))]
    many = np.stack([found.path(k).returns for k in range(12)], axis=1)
    assert any("12 paths" in word for word in texts(drawn(path_metrics(many))) if word)


def test_prices_without_times_and_other_splits() -> None:
    prices = np.exp(np.random.default_rng(1).normal(0, 0.02, (300, 2)).cumsum(axis=0))
    result = sweep(
        prices, Grid(method="equal_weight", interval=[1, 5, 9]), splits=CombinatorialPurgedCV(4, 2), n_boot=50
    )
    words = texts(drawn(result))
    assert "returns since the entry" in words
    assert "chosen on train windows" not in words  # rows are tested more than once
    drawn(result.selection)
    drawn(result.path(0))


def test_what_does_not_vary_or_is_lost_is_drawn() -> None:
    flat = sweep(np.ones((200, 2)), [{"method": "cash"}, {"method": "equal_weight", "cost": 0.01}], n_boot=50)
    drawn(flat)
    drawn(flat.path(0))
    drawn(path_metrics(np.zeros(50)))
    drawn(path_metrics(np.r_[0.1, -1.0, np.zeros(9)]))
    drawn(path_metrics(np.zeros((50, 3))))
    crash = np.full((120, 2), 1.0)
    crash[60:, 0] = 4.0  # a short position loses everything
    lost = sweep(crash, {"method": "fixed", "weights": np.array([[-1.0, 2.0], [0.5, 0.5]])}, n_boot=50)
    assert "ruined" in lost.status.tolist()
    drawn(lost)
    drawn(lost.path(0))


def test_one_configuration_has_no_halves_and_a_dict_no_figure() -> None:
    alone = overfit(np.random.default_rng(0).normal(size=(300, 1)), n_boot=50)
    assert not any("PBO" in word for word in texts(drawn(alone)) if word)
    with pytest.raises(BadInput, match="there is no figure of a dict"):
        atomloom.figure({})


def test_logits_are_counted_on_the_side_where_they_count() -> None:
    made = pbo(np.random.default_rng(5).normal(size=(640, 9)), 8)
    edges, counts = logit_bins(made)
    assert counts.sum() == len(made.logits)
    overfit_ones = counts[edges[1:] <= 1e-12].sum()
    assert overfit_ones == (made.logits <= 0).sum()
    assert overfit_ones / counts.sum() == made.value


def test_the_heat_map_orders_numbers_and_frames_the_best() -> None:
    down = ["126", "63", "126", "63"]
    across = ["0.1", "0.1", "0.02", "0.02"]
    words = texts(heat_chart.heat(down, across, [0.1, 0.2, 0.3, 0.4], [0, 0, 0, 1], ("lookback", "threshold"), ""))
    assert [word for word in words if word in {"63", "126"}] == ["63", "126"]
    assert [word for word in words if word in {"0.02", "0.1"}] == ["0.02", "0.1"]
    assert {"0.10", "0.20", "0.30", "0.40"} <= set(words)


def test_long_lines_are_thinned_but_keep_their_ends() -> None:
    rows = 40_000
    line = np.exp(np.random.default_rng(0).normal(0, 0.01, rows).cumsum())
    lines = {f"config_{k}": line for k in range(10)} | {"benchmark": np.ones(rows)}
    svg = sweep_charts.values(None, lines)
    assert len(svg) < 900_000
    assert "the next 9" in texts(svg)
