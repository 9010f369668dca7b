"""The formats by name; the module of one is loaded when it is asked for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from atomloom._choices import check_choice
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from atomloom.samples.formats.layout import Format

FORMATS = ("arrow", "parquet", "hdf5", "zarr", "npy", "mds")


def format_of(name: str) -> Format:
    """Give a format.

    Raises
    ------
    BadInput
        For a name that is none, with the one that was meant.

    Examples
    --------
    >>> format_of("npy").compressions
    (None,)
    """
    check_choice("format", name, FORMATS)
    found: Format = importlib.import_module(f"atomloom.samples.formats.{name}").FORMAT
    return found


def check_compression(name: str, compression: str | None) -> None:
    """Refuse what a format cannot be compressed by.

    Examples
    --------
    >>> check_compression("npy", "zstd")
    Traceback (most recent call last):
    atomloom.errors.BadInput: compression is 'zstd', and npy files are not compressed. Hint: None, or another format.
    """
    known = [each for each in format_of(name).compressions if each is not None]
    if compression is None:
        return
    if not known:
        message = f"compression is {compression!r}, and {name} files are not compressed"
        raise BadInput(f"{message}. Hint: None, or another format.")
    check_choice(f"compression of {name}", compression, known)
