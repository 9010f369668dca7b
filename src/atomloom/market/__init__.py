"""Trades to bars, bars to VPIN, VPIN to events, each step a function of the one before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomloom._lazy import front_door

_EXPORTS = {
    "Alert": "atomloom.market.alert_book",
    "Alerts": "atomloom.market.alert_book",
    "BarStream": "atomloom.market.stream_bars",
    "Bars": "atomloom.market.bar_table",
    "Calibration": "atomloom.market.calibration",
    "Controls": "atomloom.market.control_groups",
    "EarlyWarning": "atomloom.market.warning_record",
    "Events": "atomloom.market.events",
    "Fold": "atomloom.market.folding",
    "Fragmentation": "atomloom.market.fragmentation",
    "Growth": "atomloom.market.cycles",
    "HHIStream": "atomloom.market.stream_hhi",
    "LeapYears": "atomloom.market.cycles",
    "LineTest": "atomloom.market.spectrum_lines",
    "Spectrum": "atomloom.market.spectra",
    "StartSensitivity": "atomloom.market.start_points",
    "VPINConfig": "atomloom.market.spec",
    "VPINResult": "atomloom.market.result",
    "VPINStream": "atomloom.market.stream_vpin",
    "alerts": "atomloom.market.alert_book",
    "build_bars": "atomloom.market.toxicity",
    "bulk_volume": "atomloom.market.classify",
    "calibrate": "atomloom.market.calibration_run",
    "controls": "atomloom.market.control_groups",
    "dollar_bars": "atomloom.market.bars",
    "early_warning": "atomloom.market.warning_record",
    "find_events": "atomloom.market.events",
    "fold": "atomloom.market.folding",
    "herfindahl": "atomloom.market.fragmentation",
    "high_frequency_power": "atomloom.market.cycles",
    "imbalance_bars": "atomloom.market.imbalance",
    "leap_year_check": "atomloom.market.cycles",
    "lee_ready": "atomloom.market.signs",
    "line_test": "atomloom.market.spectrum_lines",
    "paper_grid": "atomloom.market.points",
    "provenance": "atomloom.market.origins",
    "runs_bars": "atomloom.market.imbalance",
    "spectrum": "atomloom.market.spectra",
    "start_sensitivity": "atomloom.market.start_points",
    "t_cdf": "atomloom.market.classify",
    "tick_bars": "atomloom.market.bars",
    "tick_rule": "atomloom.market.signs",
    "time_bars": "atomloom.market.bars",
    "volume_bars": "atomloom.market.bars",
    "vpin": "atomloom.market.toxicity",
    "vpin_grid_row": "atomloom.market.toxicity",
    "vpin_grid_rows": "atomloom.market.toxicity",
    "wilson": "atomloom.market.events",
}

if TYPE_CHECKING:
    from atomloom.market.alert_book import Alert, Alerts, alerts
    from atomloom.market.bar_table import Bars
    from atomloom.market.bars import dollar_bars, tick_bars, time_bars, volume_bars
    from atomloom.market.calibration import Calibration
    from atomloom.market.calibration_run import calibrate
    from atomloom.market.classify import bulk_volume, t_cdf
    from atomloom.market.control_groups import Controls, controls
    from atomloom.market.cycles import Growth, LeapYears, high_frequency_power, leap_year_check
    from atomloom.market.events import Events, find_events, wilson
    from atomloom.market.folding import Fold, fold
    from atomloom.market.fragmentation import Fragmentation, herfindahl
    from atomloom.market.imbalance import imbalance_bars, runs_bars
    from atomloom.market.origins import provenance
    from atomloom.market.points import paper_grid
    from atomloom.market.result import VPINResult
    from atomloom.market.signs import lee_ready, tick_rule
    from atomloom.market.spec import VPINConfig
    from atomloom.market.spectra import Spectrum, spectrum
    from atomloom.market.spectrum_lines import LineTest, line_test
    from atomloom.market.start_points import StartSensitivity, start_sensitivity
    from atomloom.market.stream_bars import BarStream
    from atomloom.market.stream_hhi import HHIStream
    from atomloom.market.stream_vpin import VPINStream
    from atomloom.market.toxicity import build_bars, vpin, vpin_grid_row, vpin_grid_rows
    from atomloom.market.warning_record import EarlyWarning, early_warning

__all__ = [
    "Alert",
    "Alerts",
    "BarStream",
    "Bars",
    "Calibration",
    "Controls",
    "EarlyWarning",
    "Events",
    "Fold",
    "Fragmentation",
    "Growth",
    "HHIStream",
    "LeapYears",
    "LineTest",
    "Spectrum",
    "StartSensitivity",
    "VPINConfig",
    "VPINResult",
    "VPINStream",
    "alerts",
    "build_bars",
    "bulk_volume",
    "calibrate",
    "controls",
    "dollar_bars",
    "early_warning",
    "find_events",
    "fold",
    "herfindahl",
    "high_frequency_power",
    "imbalance_bars",
    "leap_year_check",
    "lee_ready",
    "line_test",
    "paper_grid",
    "provenance",
    "runs_bars",
    "spectrum",
    "start_sensitivity",
    "t_cdf",
    "tick_bars",
    "tick_rule",
    "time_bars",
    "volume_bars",
    "vpin",
    "vpin_grid_row",
    "vpin_grid_rows",
    "wilson",
]

__getattr__, __dir__ = front_door(__name__, _EXPORTS)
