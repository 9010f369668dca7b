"""atomloom.figure: one well-formed SVG for each result, without the variables of a page."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest

import atomloom
from atomloom import market
from atomloom.data import es_2013_09
from atomloom.errors import BadInput
from atomloom.store import Trades, read_trades


@pytest.fixture(scope="module")
def trades():
    return read_trades(es_2013_09(), end="2013-09-03T06")


def results(trades):
    config = market.VPINConfig(buckets_per_day=50, bars_per_bucket=5, support_days=0.2, threshold=0.9)
    venues = Trades(trades.ts, trades.px, trades.size, 0.25, "ES", np.arange(len(trades)) % 3, ("A", "B", "C"))
    yield market.tick_bars(trades, 500)
    yield market.vpin(trades, config)
    yield market.calibrate(trades, {"threshold": (0.8, 0.9)}, base=config)
    yield market.calibrate(trades, {"nu": (0.0, 0.1)}, base=config)
    yield market.herfindahl(venues, 3600.0)
    yield market.line_test(trades.ts, surrogates=19)
    yield market.fold(trades.ts, surrogates=19)


def test_every_result_has_a_figure(trades, tmp_path):
    for result in results(trades):
        drawn = atomloom.figure(result)
        root = ET.fromstring(drawn.svg)
        assert root.tag == "{http://www.w3.org/2000/svg}svg"
        assert "var(--" not in drawn.svg
        assert len(list(root.iter("{http://www.w3.org/2000/svg}path"))) > 5
        assert drawn.save(tmp_path / "a.svg").read_text() == drawn._repr_svg_()


def test_a_spectrum_has_a_figure_with_a_mark_at_the_minute(trades):
    pytest.importorskip("finufft")
    drawn = atomloom.figure(market.spectrum(trades.ts, None, (0.01, 0.04), modes=500))
    assert "marks: 0.0166667 Hz and its harmonics" in drawn.svg


def test_what_has_no_figure_is_said(trades):
    with pytest.raises(BadInput, match=r"no figure of a Trades\. Hint: there is one of Bars, VPINResult"):
        atomloom.figure(trades)
    with pytest.raises(BadInput, match=r"end it in \.svg"):
        atomloom.figure(market.tick_bars(trades, 500)).save("a.png")
    config = market.VPINConfig(buckets_per_day=50, bars_per_bucket=5, support_days=0.2)
    with pytest.raises(BadInput, match="no parameter of the calibration varies"):
        atomloom.figure(market.calibrate(trades, [config]))
