"""Typed columns on disk: trades in and out of HDF5 and CSV, checked on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomloom._lazy import front_door

_EXPORTS = {
    "CsvTrades": "atomloom.store.text",
    "Hits": "atomloom.store.where",
    "Instrument": "atomloom.store.instrument",
    "Quotes": "atomloom.store.quotes",
    "Rejects": "atomloom.store.text",
    "Store": "atomloom.store.handle",
    "Trades": "atomloom.store.schema",
    "VerifyReport": "atomloom.store.check",
    "Writer": "atomloom.store.writer",
    "export": "atomloom.store.exporting",
    "open_store": "atomloom.store.handle",
    "read_csv": "atomloom.store.text",
    "read_trades": "atomloom.store.files",
    "symbols": "atomloom.store.files",
    "verify": "atomloom.store.check",
    "write_trades": "atomloom.store.files",
}

if TYPE_CHECKING:
    from atomloom.store.check import VerifyReport, verify
    from atomloom.store.exporting import export
    from atomloom.store.files import read_trades, symbols, write_trades
    from atomloom.store.handle import Store, open_store
    from atomloom.store.instrument import Instrument
    from atomloom.store.quotes import Quotes
    from atomloom.store.schema import Trades
    from atomloom.store.text import CsvTrades, Rejects, read_csv
    from atomloom.store.where import Hits
    from atomloom.store.writer import Writer

__all__ = [
    "CsvTrades",
    "Hits",
    "Instrument",
    "Quotes",
    "Rejects",
    "Store",
    "Trades",
    "VerifyReport",
    "Writer",
    "export",
    "open_store",
    "read_csv",
    "read_trades",
    "symbols",
    "verify",
    "write_trades",
]

__getattr__, __dir__ = front_door(__name__, _EXPORTS)
