"""Where a result comes from: what made it, of what, with which parameters and versions."""

from __future__ import annotations

import platform
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

from atomloom.market.alert_book import config_digest

_PLAIN = (bool, int, float, str, tuple, type(None))


def versions() -> dict[str, str]:
    """Name the versions that bits may depend on.

    Examples
    --------
    >>> sorted(versions())
    ['atomloom', 'numba', 'numpy', 'python']
    """
    import numba  # noqa: PLC0415 - loaded by now

    from atomloom import __version__  # noqa: PLC0415 - the front door is not needed before a run ends

    return {
        "atomloom": __version__,
        "numpy": np.__version__,
        "numba": numba.__version__,
        "python": platform.python_version(),
    }


def provenance(result: Any) -> dict[str, Any]:
    """Tell where a result comes from.

    Parameters
    ----------
    result : any result noun of this room

    Returns
    -------
    dict
        ``result`` (its kind), ``symbol`` where it has one, ``config`` (its parameters: those of its config, or
        its plain fields), ``config_hash`` and ``versions``. A calibration adds split, grid and trades.

    Examples
    --------
    >>> from atomloom.market import tick_bars
    >>> from atomloom.store import Trades
    >>> told = provenance(tick_bars(Trades([0, 1], [1, 1], [1, 1], symbol="A"), 1))
    >>> told["result"], told["symbol"], told["config"]["kind"]
    ('Bars', 'A', 'tick')
    """
    config = _config(result)
    symbol = getattr(result, "symbol", None)
    told = {
        "result": type(result).__name__,
        **({} if symbol is None else {"symbol": symbol}),
        "config": config,
        "config_hash": config_digest(config),
        "versions": versions(),
    }
    own = getattr(result, "provenance", None)
    return told | dict(own) if isinstance(own, dict) else told


def _config(result: Any) -> dict[str, Any]:
    config = getattr(result, "config", None)
    if is_dataclass(config) and not isinstance(config, type):
        to_dict = getattr(config, "to_dict", None)
        values = to_dict() if to_dict else {item.name: getattr(config, item.name) for item in fields(config)}
        return {str(name): _simple(value) for name, value in values.items()}
    if not is_dataclass(result):
        return {}
    found = ((item.name, getattr(result, item.name)) for item in fields(result))
    return {name: value for name, value in found if isinstance(value, _PLAIN) and name != "symbol"}


def _simple(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
