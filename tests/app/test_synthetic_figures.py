"""A figure for every result noun of synthetic markets, also without a reference, for one path, and for many levels."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from atomloom.app import figures, synthetic_figures
from atomloom.samples.diagnosis import diagnose
from atomloom.samples.market_making import market
from atomloom.samples.market_models import GBM, Garch, Heston
from atomloom.samples.rule_mesh import trading_rules

SVG = "{http://www.w3.org/2000/svg}"


def words(svg):
    assert "nan" not in svg.lower().replace("nano", "")
    return [each.text for each in ET.fromstring(figures._plain(svg)).iter(f"{SVG}text")]


def test_rules_are_drawn_with_the_best_one_framed() -> None:
    small = trading_rules(0.0, 5, profit_takes=[1, 2], stop_losses=[2, 4, 6], n_paths=1000)
    seen = words(synthetic_figures.of_rules(small))
    assert f"{small.at(1, 6):.2f}" in seen
    assert any(f"at most {small.best['sharpe']:.3g} (framed)" in word for word in seen)
    large = trading_rules(0.0, 5, profit_takes=np.arange(1, 151) / 10, stop_losses=np.arange(1, 121) / 10, n_paths=500)
    assert len(synthetic_figures.of_rules(large)) < 200_000


@pytest.mark.parametrize(("n_paths", "n_bars"), [(1, 1), (1, 300), (40, 300), (2000, 50_000)])
def test_paths_are_drawn(n_paths, n_bars) -> None:
    svg = synthetic_figures.of_market(market(Garch(1e-6, 0.08, 0.9), n_bars, n_paths=n_paths))
    assert any("Garch" in word for word in words(svg))
    assert len(svg) < 400_000


def test_far_futures_and_wide_ranges_are_drawn() -> None:
    words(synthetic_figures.of_market(market(GBM(0.0, 0.05), 200_000, n_paths=3)))


def test_facts_are_drawn_with_and_without_a_real_series() -> None:
    real = market(Heston(), 1500, seed=3).ohlcv()
    found = diagnose(market(GBM(), 1500), real, n_resamples=50)
    seen = words(synthetic_figures.of_diagnosis(found))
    good = sum(verdict == "as in the reference" for verdict in found.verdicts.values())
    assert f"{good} of 9 facts as in the real series" in seen
    assert {"clustering", "leverage", "volume and size"} <= set(seen)
    alone = words(synthetic_figures.of_diagnosis(diagnose(real["close"])))
    assert "no real series to compare with" in alone
