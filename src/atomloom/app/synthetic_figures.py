"""Figures of synthetic markets, of their diagnosis and of trading rules, for :func:`atomloom.figure`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from atomloom.samples.diagnosis import Diagnosis
    from atomloom.samples.market_paths import MarketPaths
    from atomloom.samples.rule_mesh import RuleMesh

_MOST = 500  # paths that the spread is taken of


def of_rules(found: RuleMesh) -> str:
    """Draw the Sharpe ratios of all pairs of levels."""
    from atomloom.app import synthetic_charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    place = np.unravel_index(int(np.argmax(found.sharpe)), found.sharpe.shape)
    best, process = found.best, f"forecast {found.forecast:g}, half-life {found.half_life:g}, sigma {found.sigma:g}"
    title = f"Sharpe ratio of a trade, at most {best['sharpe']:.3g} (framed): {process}"
    return synthetic_charts.mesh(
        found.profit_takes, found.stop_losses, found.sharpe, (int(place[0]), int(place[1])), title
    )


def of_market(found: MarketPaths) -> str:
    """Draw some paths of the first asset, and where nine of ten are."""
    from atomloom.app import synthetic_charts  # noqa: PLC0415  # same

    number = min(found.n_paths, _MOST, max(12, 4_000_000 // (found.n_bars * found.n_assets)))
    closes = found.fill(np.arange(number)).reshape(number, found.n_assets, found.n_bars)[:, 0]
    title = f"{type(found.models[0]).__name__}: {found.n_paths:,} path{'s' * (found.n_paths > 1)}"
    if number > 1:
        title += f", and where nine of ten of {'them' if number == found.n_paths else f'the first {number:,}'} are"
    return synthetic_charts.fan(found.times, closes, np.quantile(closes, [0.05, 0.5, 0.95], axis=0), title)


def of_diagnosis(found: Diagnosis) -> str:
    """Draw correlations by lag, and each fact on the scale of its band."""
    from atomloom.app import synthetic_charts  # noqa: PLC0415  # same

    above, below = found.high - found.reference, found.reference - found.low
    off = found.values - found.reference
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = off / np.where(off >= 0, above, below)
    facts = list(zip(found.names, scaled.tolist(), found.verdicts.values(), strict=True))
    bands = (found.curve_low, found.curve_high)
    return synthetic_charts.facts(found.curves, found.reference_curves, bands, facts)
