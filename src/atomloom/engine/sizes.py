"""Sizes: what results weigh that were never pickled, and what this process has come to hold."""

from __future__ import annotations

from typing import Any

from atomloom.engine.budget import show_size
from atomloom.engine.worker import rss
from atomloom.errors import OverBudget

ALLOCATOR = 32 << 20


def shallow_size(value: Any) -> int:
    """Estimate the bytes of a result that stayed in this process: its arrays, to a depth of one.

    Examples
    --------
    >>> shallow_size({"a": bytes(10), "b": 3})
    58
    """
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else (value,)
    return sum(_nbytes(part) for part in parts)


def _nbytes(part: Any) -> int:
    size = getattr(part, "nbytes", None)
    if size is None and hasattr(part, "memory_usage"):
        size = part.memory_usage()
        size = size.sum() if hasattr(size, "sum") else size
    return int(size) if size is not None else len(part) if isinstance(part, bytes | bytearray | str) else 48


def check_memory(budget: int, before: int, done: int, leaves: int) -> None:
    """Stop a run that holds more than it may: later leaves gave more than the first ones promised.

    Raises
    ------
    OverBudget
        When the resident memory of this process has grown by a tenth more than the budget
        (and what allocators keep for themselves).
    """
    grown = rss() - before
    if grown > 1.1 * budget + ALLOCATOR:
        raise OverBudget(
            f"the run holds {show_size(grown)} after {done} of {leaves} leaves, but memory is {show_size(budget)}. "
            "Hint: pass a redux that folds the results, or allow more memory.",
        )
