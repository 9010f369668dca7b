"""A new file for a store: made beside its place, put there whole, and taken away again where nothing comes of it."""

from __future__ import annotations

import contextlib
import os
import tempfile
import uuid
from pathlib import Path

import numpy as np

from atomloom.errors import StoreError
from atomloom.store.layout import SCHEMA, SCHEMA_VERSION
from atomloom.store.meta import LOCK, open_hdf5, reading, tables
from atomloom.store.redo import claimed, pending, recover
from atomloom.store.redo_log import check_place


def new_id() -> str:
    """Draw the id of a new store, by which the log of a commit knows its file.

    Examples
    --------
    >>> len(new_id())
    41
    """
    return f"atomloom:{uuid.uuid4().hex}"


def make(target: Path, *, anew: bool) -> None:
    """Make an empty store beside its place, then put it there; ``anew`` also where there is a file already.

    Raises
    ------
    StoreError
        If there is no such folder, or the log of another store lies there.
    """
    check_place(target)
    if not target.parent.is_dir():
        message = f"{target} could not be written: there is no folder {target.parent}. Hint: make it, or mend the path."
        raise StoreError(message)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    os.close(handle)
    fresh = Path(name)
    try:
        with LOCK, open_hdf5(target, fresh, "w") as file:
            file.attrs["id"] = np.bytes_(new_id())
            file.attrs["schema"], file.attrs["schema_version"] = SCHEMA, SCHEMA_VERSION
        umask = os.umask(0)
        os.umask(umask)
        fresh.chmod(0o666 & ~umask)  # mkstemp gives 0600; a new file should have the usual rights
        _put(fresh, target, anew=anew)
    finally:
        fresh.unlink(missing_ok=True)


def _put(fresh: Path, target: Path, *, anew: bool) -> None:
    """Put a new file where none is; over another one only ``anew``, and only while nobody writes to that."""
    with contextlib.ExitStack() as stack:
        if not anew:
            try:
                os.link(fresh, target)
            except FileExistsError:  # someone else was quicker: theirs is as good
                return
            except OSError:  # a file system without links; there two programs should not begin one store at once
                if not target.exists():
                    fresh.replace(target)
            return
        if target.exists():
            stack.callback(os.close, claimed(target))
            recover(target)  # its own log goes with it; that of another store stops us
        fresh.replace(target)


def withdraw(target: Path) -> None:
    """Take a store away again that has no table, unless someone else writes to it or it cannot be told."""
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        stack.callback(os.close, claimed(target))
        if pending(target):
            return
        with reading(target) as file:
            empty = not tables(file)
        if empty:
            target.unlink()
