"""Portfolio configurations by the million, walk-forward and cross-validated, and which of them is not overfit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomloom._lazy import front_door

_EXPORTS: dict[str, str] = {
    "Benchmark": "atomloom.portfolio.benchmarks",
    "Between": "atomloom.portfolio.search_space",
    "CombinatorialPurgedCV": "atomloom.portfolio.combinatorial",
    "Configs": "atomloom.portfolio.configs",
    "Evidence": "atomloom.portfolio.evidence",
    "FailedTable": "atomloom.portfolio.target_tables",
    "Grid": "atomloom.portfolio.search_space",
    "MaxT": "atomloom.portfolio.headline",
    "MethodInfo": "atomloom.portfolio.method_table",
    "MethodParameter": "atomloom.portfolio.method_table",
    "OptunaSearch": "atomloom.portfolio.optuna_search",
    "PBO": "atomloom.portfolio.cscv_result",
    "PathMetrics": "atomloom.portfolio.path_measures",
    "Plateau": "atomloom.portfolio.neighbours",
    "PortfolioPath": "atomloom.portfolio.sweep_result",
    "Prices": "atomloom.portfolio.prices",
    "PurgedKFold": "atomloom.portfolio.purged",
    "RandomSearch": "atomloom.portfolio.search_space",
    "Searcher": "atomloom.portfolio.ask_tell",
    "Selection": "atomloom.portfolio.selection",
    "SplitRanges": "atomloom.portfolio.ranges",
    "StepDown": "atomloom.portfolio.stepping",
    "SweepResult": "atomloom.portfolio.sweep_result",
    "TargetSpec": "atomloom.portfolio.target_spec",
    "TileStatistics": "atomloom.portfolio.block_bootstrap",
    "TrialLedger": "atomloom.portfolio.trial_ledger",
    "TrialRecord": "atomloom.portfolio.trial_record",
    "Verdict": "atomloom.portfolio.verdict",
    "WalkForward": "atomloom.portfolio.walk_forward",
    "as_configs": "atomloom.portfolio.configs",
    "as_prices": "atomloom.portfolio.prices",
    "bootstrap_counts": "atomloom.portfolio.block_bootstrap",
    "build_tables": "atomloom.portfolio.target_tables",
    "deflated_sharpe": "atomloom.portfolio.sharpe_formulas",
    "expected_max_sharpe": "atomloom.portfolio.sharpe_formulas",
    "max_t": "atomloom.portfolio.headline",
    "method_info": "atomloom.portfolio.method_table",
    "min_backtest_length": "atomloom.portfolio.sharpe_formulas",
    "min_track_record": "atomloom.portfolio.sharpe_formulas",
    "overfit": "atomloom.portfolio.overfitting",
    "path_metrics": "atomloom.portfolio.metrics",
    "pbo": "atomloom.portfolio.cscv",
    "plateau_of": "atomloom.portfolio.neighbours",
    "probabilistic_sharpe": "atomloom.portfolio.sharpe_formulas",
    "ranges_of": "atomloom.portfolio.adapt",
    "read_prices": "atomloom.portfolio.price_files",
    "search": "atomloom.portfolio.ask_tell",
    "select": "atomloom.portfolio.selection",
    "step_down": "atomloom.portfolio.stepping",
    "sweep": "atomloom.portfolio.sweeping",
    "target_table": "atomloom.portfolio.target_tables",
    "tile_statistics": "atomloom.portfolio.block_bootstrap",
    "verdict_from": "atomloom.portfolio.evidence",
    "window_weights": "atomloom.portfolio.train_windows",
}

if TYPE_CHECKING:
    from atomloom.portfolio.adapt import ranges_of
    from atomloom.portfolio.ask_tell import Searcher, search
    from atomloom.portfolio.benchmarks import Benchmark
    from atomloom.portfolio.block_bootstrap import TileStatistics, bootstrap_counts, tile_statistics
    from atomloom.portfolio.combinatorial import CombinatorialPurgedCV
    from atomloom.portfolio.configs import Configs, as_configs
    from atomloom.portfolio.cscv import pbo
    from atomloom.portfolio.cscv_result import PBO
    from atomloom.portfolio.evidence import Evidence, verdict_from
    from atomloom.portfolio.headline import MaxT, max_t
    from atomloom.portfolio.method_table import MethodInfo, MethodParameter, method_info
    from atomloom.portfolio.metrics import path_metrics
    from atomloom.portfolio.neighbours import Plateau, plateau_of
    from atomloom.portfolio.optuna_search import OptunaSearch
    from atomloom.portfolio.overfitting import overfit
    from atomloom.portfolio.path_measures import PathMetrics
    from atomloom.portfolio.price_files import read_prices
    from atomloom.portfolio.prices import Prices, as_prices
    from atomloom.portfolio.purged import PurgedKFold
    from atomloom.portfolio.ranges import SplitRanges
    from atomloom.portfolio.search_space import Between, Grid, RandomSearch
    from atomloom.portfolio.selection import Selection, select
    from atomloom.portfolio.sharpe_formulas import (
        deflated_sharpe,
        expected_max_sharpe,
        min_backtest_length,
        min_track_record,
        probabilistic_sharpe,
    )
    from atomloom.portfolio.stepping import StepDown, step_down
    from atomloom.portfolio.sweep_result import PortfolioPath, SweepResult
    from atomloom.portfolio.sweeping import sweep
    from atomloom.portfolio.target_spec import TargetSpec
    from atomloom.portfolio.target_tables import FailedTable, build_tables, target_table
    from atomloom.portfolio.train_windows import window_weights
    from atomloom.portfolio.trial_ledger import TrialLedger
    from atomloom.portfolio.trial_record import TrialRecord
    from atomloom.portfolio.verdict import Verdict
    from atomloom.portfolio.walk_forward import WalkForward

__all__ = [
    "PBO",
    "Benchmark",
    "Between",
    "CombinatorialPurgedCV",
    "Configs",
    "Evidence",
    "FailedTable",
    "Grid",
    "MaxT",
    "MethodInfo",
    "MethodParameter",
    "OptunaSearch",
    "PathMetrics",
    "Plateau",
    "PortfolioPath",
    "Prices",
    "PurgedKFold",
    "RandomSearch",
    "Searcher",
    "Selection",
    "SplitRanges",
    "StepDown",
    "SweepResult",
    "TargetSpec",
    "TileStatistics",
    "TrialLedger",
    "TrialRecord",
    "Verdict",
    "WalkForward",
    "as_configs",
    "as_prices",
    "bootstrap_counts",
    "build_tables",
    "deflated_sharpe",
    "expected_max_sharpe",
    "max_t",
    "method_info",
    "min_backtest_length",
    "min_track_record",
    "overfit",
    "path_metrics",
    "pbo",
    "plateau_of",
    "probabilistic_sharpe",
    "ranges_of",
    "read_prices",
    "search",
    "select",
    "step_down",
    "sweep",
    "target_table",
    "tile_statistics",
    "verdict_from",
    "window_weights",
]

__getattr__, __dir__ = front_door(__name__, _EXPORTS)
