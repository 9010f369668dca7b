"""Training samples by the hundred million: each is a function of its number, and a recipe of kilobytes holds all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomloom._lazy import front_door

_EXPORTS: dict[str, str] = {
    "BlockBootstrap": "atomloom.samples.bootstrap",
    "Choice": "atomloom.samples.state_laws",
    "Computed": "atomloom.samples.state_laws",
    "Dataset": "atomloom.samples.sample_set",
    "Diagnosis": "atomloom.samples.diagnosis",
    "EntryPrice": "atomloom.samples.state_laws",
    "GBM": "atomloom.samples.market_models",
    "Garch": "atomloom.samples.market_models",
    "Heston": "atomloom.samples.market_models",
    "Honesty": "atomloom.samples.uniqueness",
    "Index": "atomloom.samples.spec",
    "JumpDiffusion": "atomloom.samples.market_models",
    "MarketPaths": "atomloom.samples.market_paths",
    "OrnsteinUhlenbeck": "atomloom.samples.market_models",
    "RegimeSwitching": "atomloom.samples.regime_model",
    "RuleMesh": "atomloom.samples.rule_mesh",
    "SampleSpec": "atomloom.samples.spec",
    "Split": "atomloom.samples.spec",
    "Ticks": "atomloom.samples.market_ticks",
    "Uniform": "atomloom.samples.state_laws",
    "UnrealisedPnl": "atomloom.samples.state_laws",
    "VolumeLink": "atomloom.samples.market_paths",
    "bootstrap_rows": "atomloom.samples.bootstrap",
    "dataset": "atomloom.samples.making",
    "diagnose": "atomloom.samples.diagnosis",
    "honesty": "atomloom.samples.uniqueness",
    "market": "atomloom.samples.market_making",
    "random_split": "atomloom.samples.splitting",
    "trading_rules": "atomloom.samples.rule_mesh",
}

if TYPE_CHECKING:
    from atomloom.samples.bootstrap import BlockBootstrap, bootstrap_rows
    from atomloom.samples.diagnosis import Diagnosis, diagnose
    from atomloom.samples.making import dataset
    from atomloom.samples.market_making import market
    from atomloom.samples.market_models import GBM, Garch, Heston, JumpDiffusion, OrnsteinUhlenbeck
    from atomloom.samples.market_paths import MarketPaths, VolumeLink
    from atomloom.samples.market_ticks import Ticks
    from atomloom.samples.regime_model import RegimeSwitching
    from atomloom.samples.rule_mesh import RuleMesh, trading_rules
    from atomloom.samples.sample_set import Dataset
    from atomloom.samples.spec import Index, SampleSpec, Split
    from atomloom.samples.splitting import random_split
    from atomloom.samples.state_laws import Choice, Computed, EntryPrice, Uniform, UnrealisedPnl
    from atomloom.samples.uniqueness import Honesty, honesty

__all__ = [
    "GBM",
    "BlockBootstrap",
    "Choice",
    "Computed",
    "Dataset",
    "Diagnosis",
    "EntryPrice",
    "Garch",
    "Heston",
    "Honesty",
    "Index",
    "JumpDiffusion",
    "MarketPaths",
    "OrnsteinUhlenbeck",
    "RegimeSwitching",
    "RuleMesh",
    "SampleSpec",
    "Split",
    "Ticks",
    "Uniform",
    "UnrealisedPnl",
    "VolumeLink",
    "bootstrap_rows",
    "dataset",
    "diagnose",
    "honesty",
    "market",
    "random_split",
    "trading_rules",
]

__getattr__, __dir__ = front_door(__name__, _EXPORTS)
