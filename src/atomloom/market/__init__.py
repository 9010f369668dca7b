"""Trades to bars, bars to VPIN, VPIN to events, each step a function of the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomloom._lazy import front_door

_EXPORTS = {
    "Bars": "atomloom.market.bar_table",
    "Events": "atomloom.market.events",
    "VPINConfig": "atomloom.market.spec",
    "VPINResult": "atomloom.market.result",
    "build_bars": "atomloom.market.toxicity",
    "bulk_volume": "atomloom.market.classify",
    "dollar_bars": "atomloom.market.bars",
    "find_events": "atomloom.market.events",
    "t_cdf": "atomloom.market.classify",
    "tick_bars": "atomloom.market.bars",
    "time_bars": "atomloom.market.bars",
    "volume_bars": "atomloom.market.bars",
    "vpin": "atomloom.market.toxicity",
    "vpin_grid_row": "atomloom.market.toxicity",
    "vpin_grid_rows": "atomloom.market.toxicity",
    "wilson": "atomloom.market.events",
}

if TYPE_CHECKING:
    from atomloom.market.bar_table import Bars
    from atomloom.market.bars import dollar_bars, tick_bars, time_bars, volume_bars
    from atomloom.market.classify import bulk_volume, t_cdf
    from atomloom.market.events import Events, find_events, wilson
    from atomloom.market.result import VPINResult
    from atomloom.market.spec import VPINConfig
    from atomloom.market.toxicity import build_bars, vpin, vpin_grid_row, vpin_grid_rows

__all__ = [
    "Bars",
    "Events",
    "VPINConfig",
    "VPINResult",
    "build_bars",
    "bulk_volume",
    "dollar_bars",
    "find_events",
    "t_cdf",
    "tick_bars",
    "time_bars",
    "volume_bars",
    "vpin",
    "vpin_grid_row",
    "vpin_grid_rows",
    "wilson",
]

__getattr__, __dir__ = front_door(__name__, _EXPORTS)
