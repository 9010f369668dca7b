"""Typed columns on disk: trades in and out of HDF5 and CSV, checked on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from atomloom._lazy import front_door

_EXPORTS = {
    "CsvTrades": "atomloom.store.text",
    "Format": "atomloom.store.formats",
    "Hits": "atomloom.store.where",
    "IngestProgress": "atomloom.store.account",
    "IngestReport": "atomloom.store.account",
    "Instrument": "atomloom.store.instrument",
    "Quotes": "atomloom.store.quotes",
    "Rejects": "atomloom.store.rejects",
    "Store": "atomloom.store.handle",
    "Trades": "atomloom.store.schema",
    "VerifyReport": "atomloom.store.check",
    "Writer": "atomloom.store.writer",
    "export": "atomloom.store.exporting",
    "ingest": "atomloom.store.intake",
    "open_store": "atomloom.store.handle",
    "read_csv": "atomloom.store.text",
    "read_trades": "atomloom.store.files",
    "symbols": "atomloom.store.files",
    "verify": "atomloom.store.check",
    "write_trades": "atomloom.store.files",
}

if TYPE_CHECKING:
    from atomloom.store.account import IngestProgress, IngestReport
    from atomloom.store.check import VerifyReport, verify
    from atomloom.store.exporting import export
    from atomloom.store.files import read_trades, symbols, write_trades
    from atomloom.store.formats import Format
    from atomloom.store.handle import Store, open_store
    from atomloom.store.instrument import Instrument
    from atomloom.store.intake import ingest
    from atomloom.store.quotes import Quotes
    from atomloom.store.rejects import Rejects
    from atomloom.store.schema import Trades
    from atomloom.store.text import CsvTrades, read_csv
    from atomloom.store.where import Hits
    from atomloom.store.writer import Writer

__all__ = [
    "CsvTrades",
    "Format",
    "Hits",
    "IngestProgress",
    "IngestReport",
    "Instrument",
    "Quotes",
    "Rejects",
    "Store",
    "Trades",
    "VerifyReport",
    "Writer",
    "export",
    "ingest",
    "open_store",
    "read_csv",
    "read_trades",
    "symbols",
    "verify",
    "write_trades",
]

__getattr__, __dir__ = front_door(__name__, _EXPORTS)
