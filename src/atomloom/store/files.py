"""One call to write or read the trades of one instrument."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomloom.errors import BadInput, StoreError
from atomloom.store.columns import check_symbol
from atomloom.store.handle import appending, open_store

if TYPE_CHECKING:
    import os

    from atomloom.store.handle import Store
    from atomloom.store.schema import Trades


def write_trades(
    path: str | os.PathLike[str], trades: Trades, *, overwrite: bool = False, level: int = 1, source: str = ""
) -> Path:
    """Write trades into a store, all of them or nothing; other tables in it are kept.

    Parameters
    ----------
    path : path
        The HDF5 file; made if missing.
    trades : Trades
    overwrite : bool
        Replace the trades of the symbol if the file has them already.
    level : int
        Effort of zstd, 1 to 9; any level is read at the same speed.
    source : str
        Where the trades come from; kept as the attribute ``source``.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    StoreError
        If the file cannot be written, is no store, or has the trades and overwrite is False.

    Notes
    -----
    To append, see :meth:`atomloom.store.Store.append`. O(T) time; O(131,072) extra memory per thread.

    Examples
    --------
    >>> import tempfile
    >>> from atomloom.store import Trades
    >>> trades = Trades(ts=[0, 5], px=[6560, 6561], size=[8, 1], tick_size=0.25, symbol="ES")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = write_trades(Path(folder) / "ticks.h5", trades)
    ...     read_trades(file).price
    array([1640.  , 1640.25])
    """
    target = Path(path)
    try:
        with appending(target) as store:
            if not overwrite:
                _refuse(store, trades.symbol)
            store.append(trades, overwrite=overwrite, level=level, source=source)
    except (StoreError, BadInput):
        raise
    except OSError as error:
        message = f"{target} could not be written: {error}. Hint: check the folder, its rights and the free space."
        raise StoreError(message) from error
    return target


def _refuse(store: Store, symbol: str) -> None:
    if (symbol, "trades") in store.tables():
        message = f"{store.path} already holds trades of {symbol}. Hint: pass overwrite=True, or another path."
        raise StoreError(message)


def read_trades(
    path: str | os.PathLike[str], symbol: str | None = None, *, start: Any = None, end: Any = None, verify: bool = True
) -> Trades:
    """Read the trades of an instrument from a store, checking every chunk against its checksum.

    Parameters
    ----------
    path : path
        A file by :func:`write_trades`, :func:`open_store` or :func:`ingest`.
    symbol : str, optional
        Needed only where the file holds trades of more than one.
    start, end : int ns UTC, datetime64 or ISO 8601 str (UTC), optional
        Only trades with ``start <= ts < end``; only the blocks that can hold them are read.
    verify : bool
        Compare the checksum of every chunk read with the index.

    Raises
    ------
    StoreError
        If the file is missing, is no store, was cut short, or a chunk is not what its index
        says (the message names column, chunk and rows).
    BadInput
        If the symbol is not in the file or no trade lies in the range.

    Notes
    -----
    O(rows in the blocks read) time; memory for those rows once.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> trades = read_trades(es_2013_09())
    >>> len(trades), trades.symbol, trades.tick_size
    (500000, 'ES', 0.25)
    """
    with open_store(path) as store:
        return store[only_symbol(store, symbol)].trades(start, end, verify=verify)


def only_symbol(store: Store, symbol: str | None, kind: str = "trades") -> str:
    """Take the symbol that is asked for, or the only one that has such a table.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> only_symbol(open_store(es_2013_09()), None)
    'ES'
    """
    if symbol is not None:
        check_symbol(symbol)
        return symbol
    held = sorted(name for name, found in store.tables() if found == kind)
    if len(held) != 1:
        what = f"holds {kind} of {len(held)} symbols {held}" if held else f"holds no {kind}"
        message = f"{store.path} {what}. Hint: " + ("pass symbol=..." if held else "ingest some first.")
        raise BadInput(message) if held else StoreError(message)
    return held[0]


def symbols(path: str | os.PathLike[str]) -> list[str]:
    """List the symbols that a store holds.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> symbols(es_2013_09())
    ['ES']
    """
    with open_store(path) as store:
        return store.symbols
