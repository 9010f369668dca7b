"""Typed columns on disk: trades in and out of HDF5 and CSV, checked on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomloom._lazy import front_door

_EXPORTS = {
    "CsvTrades": "atomloom.store.text",
    "Quotes": "atomloom.store.quotes",
    "Rejects": "atomloom.store.text",
    "Trades": "atomloom.store.schema",
    "read_csv": "atomloom.store.text",
    "read_trades": "atomloom.store.hdf5",
    "symbols": "atomloom.store.hdf5",
    "write_trades": "atomloom.store.hdf5",
}

if TYPE_CHECKING:
    from atomloom.store.hdf5 import read_trades, symbols, write_trades
    from atomloom.store.quotes import Quotes
    from atomloom.store.schema import Trades
    from atomloom.store.text import CsvTrades, Rejects, read_csv

__all__ = ["CsvTrades", "Quotes", "Rejects", "Trades", "read_csv", "read_trades", "symbols", "write_trades"]

__getattr__, __dir__ = front_door(__name__, _EXPORTS)
