"""Real data that travels with the package (origin and licence: NOTICE)."""

from __future__ import annotations

import atexit
import functools
from contextlib import ExitStack
from importlib.resources import as_file, files
from pathlib import Path

__all__ = ["es_2013_09", "sp500_20"]


@functools.cache
def es_2013_09() -> Path:
    """Give the path of 500,000 real trades of the E-mini S&P 500 future, as typed HDF5.

    From 2013-09-01 22:00:00.083 to 2013-09-03 18:51:44.578 UTC, tick 0.25, one symbol ``ES``;
    read it with :func:`atomloom.store.read_trades`. The path stays good until the interpreter
    ends, also where the package is imported from an archive.

    Returns
    -------
    Path

    Examples
    --------
    >>> es_2013_09().name
    'es_2013-09.h5'
    """
    return _kept("es_2013-09.h5")


@functools.cache
def sp500_20() -> Path:
    """Give the path of the daily adjusted closes of 20 stocks of the S&P 500, as Parquet.

    8,313 days from 1990-01-02 to 2022-12-28: a column ``date``, and a column for each stock; read it with
    :func:`atomloom.portfolio.read_prices` (or pandas). The stocks were picked with hindsight, among those that are
    still there: what a portfolio of them earned says nothing about what one could have picked then.

    Returns
    -------
    Path

    Examples
    --------
    >>> sp500_20().name
    'sp500_20.parquet'
    """
    return _kept("sp500_20.parquet")


def _kept(name: str) -> Path:
    keep = ExitStack()
    atexit.register(keep.close)
    return Path(keep.enter_context(as_file(files(__name__) / name)))
