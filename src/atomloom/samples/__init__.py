"""Training samples by the hundred million: each is a function of its number, and a recipe of kilobytes holds all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomloom._lazy import front_door

_EXPORTS: dict[str, str] = {
    "Choice": "atomloom.samples.state_laws",
    "Computed": "atomloom.samples.state_laws",
    "Dataset": "atomloom.samples.sample_set",
    "EntryPrice": "atomloom.samples.state_laws",
    "Honesty": "atomloom.samples.uniqueness",
    "Index": "atomloom.samples.spec",
    "SampleSpec": "atomloom.samples.spec",
    "Split": "atomloom.samples.spec",
    "Uniform": "atomloom.samples.state_laws",
    "UnrealisedPnl": "atomloom.samples.state_laws",
    "dataset": "atomloom.samples.making",
    "honesty": "atomloom.samples.uniqueness",
    "random_split": "atomloom.samples.splitting",
}

if TYPE_CHECKING:
    from atomloom.samples.making import dataset
    from atomloom.samples.sample_set import Dataset
    from atomloom.samples.spec import Index, SampleSpec, Split
    from atomloom.samples.splitting import random_split
    from atomloom.samples.state_laws import Choice, Computed, EntryPrice, Uniform, UnrealisedPnl
    from atomloom.samples.uniqueness import Honesty, honesty

__all__ = [
    "Choice",
    "Computed",
    "Dataset",
    "EntryPrice",
    "Honesty",
    "Index",
    "SampleSpec",
    "Split",
    "Uniform",
    "UnrealisedPnl",
    "dataset",
    "honesty",
    "random_split",
]

__getattr__, __dir__ = front_door(__name__, _EXPORTS)
