"""Sizes of results that were never pickled: what arrays and texts weigh, without a walk."""

from __future__ import annotations

from typing import Any


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
