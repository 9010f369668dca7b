"""Training samples by the hundred million: each is a function of its number, and a recipe of kilobytes holds all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomloom._lazy import front_door

_EXPORTS: dict[str, str] = {
    "Batches": "atomloom.samples.iterating",
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
    "Shard": "atomloom.samples.iterating",
    "Split": "atomloom.samples.spec",
    "StoredDataset": "atomloom.samples.reading",
    "Ticks": "atomloom.samples.market_ticks",
    "Uniform": "atomloom.samples.state_laws",
    "UnrealisedPnl": "atomloom.samples.state_laws",
    "Verified": "atomloom.samples.verifying",
    "VolumeLink": "atomloom.samples.market_paths",
    "Written": "atomloom.samples.writing",
    "bootstrap_rows": "atomloom.samples.bootstrap",
    "build_dataset": "atomloom.samples.build",
    "build_samples": "atomloom.samples.build",
    "build_samples_parallel": "atomloom.samples.build",
    "dataset": "atomloom.samples.making",
    "diagnose": "atomloom.samples.diagnosis",
    "honesty": "atomloom.samples.uniqueness",
    "market": "atomloom.samples.market_making",
    "open_dataset": "atomloom.samples.opening",
    "random_split": "atomloom.samples.splitting",
    "trading_rules": "atomloom.samples.rule_mesh",
    "verify": "atomloom.samples.verifying",
    "write": "atomloom.samples.writing",
    "write_recipe": "atomloom.samples.recipe",
}

if TYPE_CHECKING:
    from atomloom.samples.bootstrap import BlockBootstrap, bootstrap_rows
    from atomloom.samples.build import build_dataset, build_samples, build_samples_parallel
    from atomloom.samples.diagnosis import Diagnosis, diagnose
    from atomloom.samples.iterating import Batches, Shard
    from atomloom.samples.making import dataset
    from atomloom.samples.market_making import market
    from atomloom.samples.market_models import GBM, Garch, Heston, JumpDiffusion, OrnsteinUhlenbeck
    from atomloom.samples.market_paths import MarketPaths, VolumeLink
    from atomloom.samples.market_ticks import Ticks
    from atomloom.samples.opening import open_dataset
    from atomloom.samples.reading import StoredDataset
    from atomloom.samples.recipe import write_recipe
    from atomloom.samples.regime_model import RegimeSwitching
    from atomloom.samples.rule_mesh import RuleMesh, trading_rules
    from atomloom.samples.sample_set import Dataset
    from atomloom.samples.spec import Index, SampleSpec, Split
    from atomloom.samples.splitting import random_split
    from atomloom.samples.state_laws import Choice, Computed, EntryPrice, Uniform, UnrealisedPnl
    from atomloom.samples.uniqueness import Honesty, honesty
    from atomloom.samples.verifying import Verified, verify
    from atomloom.samples.writing import Written, write

__all__ = [
    "GBM",
    "Batches",
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
    "Shard",
    "Split",
    "StoredDataset",
    "Ticks",
    "Uniform",
    "UnrealisedPnl",
    "Verified",
    "VolumeLink",
    "Written",
    "bootstrap_rows",
    "build_dataset",
    "build_samples",
    "build_samples_parallel",
    "dataset",
    "diagnose",
    "honesty",
    "market",
    "open_dataset",
    "random_split",
    "trading_rules",
    "verify",
    "write",
    "write_recipe",
]

__getattr__, __dir__ = front_door(__name__, _EXPORTS)
