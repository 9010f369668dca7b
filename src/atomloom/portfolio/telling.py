"""How splitters show themselves: in one line without their arrays, and as plain values."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import numpy as np

ARRAYS = ("label_end", "times")


def as_text(spec: Any) -> str:
    """Give the parameters that differ from their defaults, arrays as their lengths.

    Examples
    --------
    >>> from atomloom.portfolio.purged import PurgedKFold
    >>> as_text(PurgedKFold(3, embargo="5D", times=[1, 2, 3]))
    "PurgedKFold(n_splits=3, embargo='5D', times=<3>)"
    """
    shown = []
    for field in fields(spec):
        value = getattr(spec, field.name)
        if field.name in ARRAYS:
            if value is not None:
                shown.append(f"{field.name}=<{len(value):,}>")
        elif field.default is MISSING or not field.kw_only or value != field.default:
            shown.append(f"{field.name}={value!r}")
    return f"{type(spec).__name__}({', '.join(shown)})"


def as_dict(spec: Any) -> dict[str, Any]:
    """Give all parameters as plain values: times and durations as text, arrays as lists.

    Examples
    --------
    >>> from atomloom.portfolio.purged import PurgedKFold
    >>> as_dict(PurgedKFold(3))
    {'n_splits': 3, 'purge': 0, 'embargo': 0, 'label_end': None, 'times': None}
    """
    return {field.name: _plain(getattr(spec, field.name)) for field in fields(spec)}


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (np.integer, np.floating)):
        return value.item()
    if hasattr(value, "__len__") and not isinstance(value, str):
        listed = np.asarray(value)
        if listed.dtype.kind == "M":
            return np.datetime_as_string(listed).tolist()
        return [_plain(entry) for entry in listed.tolist()]
    return str(value)
