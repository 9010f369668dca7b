"""Where a result comes from: what made it, of what, with which parameters and versions."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.alert_book import config_digest


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
        ``result`` (its kind), ``symbol`` where it has one, ``config`` (every parameter that it depends on, seeds among
        them), ``config_hash`` and ``versions``. A calibration adds split, grid and trades. Plain values, ready for
        JSON.

    Raises
    ------
    BadInput
        If it is no result of this room.

    Examples
    --------
    >>> from atomloom.market import tick_bars
    >>> from atomloom.store import Trades
    >>> told = provenance(tick_bars(Trades([0, 1], [1, 1], [1, 1], symbol="A"), 1))
    >>> told["result"], told["symbol"], told["config"]
    ('Bars', 'A', {'size': 1, 'kind': 'tick', 'price': 'close', 'tick_size': 1.0})
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
    """Take what a result keeps of its parameters, as plain values."""
    held = getattr(result, "config", None)
    if callable(held):  # of a calibration, where it chooses one
        held = result.settings
    to_dict = getattr(held, "to_dict", None)
    values = to_dict() if to_dict is not None else held
    if not isinstance(values, Mapping):
        message = f"{type(result).__name__} keeps no parameters. Hint: give a result of atomloom.market."
        raise BadInput(message)
    head = {"kind": result.kind, "price": result.price_kind, "tick_size": result.tick_size} if _is_bars(result) else {}
    plain: dict[str, Any] = _plain({**values, **head})
    return plain


def _is_bars(result: Any) -> bool:
    return hasattr(result, "price_kind")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(inner) for name, inner in value.items()}
    if isinstance(value, (tuple, list)):
        return [_plain(inner) for inner in value]
    return value.item() if isinstance(value, np.generic) else value
