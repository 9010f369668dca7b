"""Text in blocks of whole lines: parts of a plain file read on their own, or a stream read ahead by a thread."""

from __future__ import annotations

import os
import queue
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.store.csv_rows import PAD
from atomloom.store.sources import Cut, pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from atomloom.store.sources import Text

BLOCK_BYTES = 8 << 20
MAX_LINE = 16 << 20
_NEWLINE = 10


@dataclass(frozen=True, eq=False)
class Piece:
    """Whole lines: ``data[start:stop]``, found at byte ``offset`` of the text.

    Examples
    --------
    >>> Piece(np.zeros(PAD, np.uint8), 0, 0, 7).offset
    7
    """

    data: NDArray[np.uint8]
    start: int
    stop: int
    offset: int


def too_long(name: str, offset: int) -> BadInput:
    """Make the error for a line that is none.

    Examples
    --------
    >>> "longer than 16 MB" in str(too_long("a.csv", 0))
    True
    """
    message = (
        f"{name} has a line longer than {MAX_LINE >> 20} MB at byte {offset:,}. "
        "Hint: is it text with LF or CRLF line ends?"
    )
    return BadInput(message)


def read_range(text: Text, low: int, high: int, first: int) -> Piece:
    """Read the lines of a plain file that begin in bytes ``low`` to ``high``.

    Parameters
    ----------
    text : Text
        With a path.
    low, high : int
        Bytes of the file.
    first : int
        A byte at which a line is known to begin, at most ``low``.

    Notes
    -----
    The data are good until the next call in the same thread.

    Raises
    ------
    BadInput
        If a line is longer than 16 MB.
    """
    if text.path is None:
        raise BadInput("only plain files are read in parts. Hint: read it as a stream.")
    before = 1 if low > first else 0  # the byte before tells whether a line begins at `low`
    size = high - low + before
    data = _buffer(size + (1 << 12) + PAD)
    with text.path.open("rb", buffering=0) as file:
        have = _fill(file.fileno(), data, 0, size, low - before)
        start = before
        if before and (have == 0 or data[0] != _NEWLINE):
            start = _after_newline(data, 1, have)
            if start < 0:  # no line begins here
                return Piece(data, 0, 0, low)
        stop = have
        if have == size and start < have and data[have - 1] != _NEWLINE:
            data, stop = _to_newline(file.fileno(), data, have, low - before, text.name)
    return Piece(data, min(start, stop), stop, low - before + start)


_own = threading.local()


def _buffer(size: int) -> NDArray[np.uint8]:
    """Give this thread's buffer: fresh memory for every block costs as much as reading it."""
    held: NDArray[np.uint8] | None = getattr(_own, "data", None)
    if held is None or len(held) < size:
        _own.data = held = np.empty(size, dtype=np.uint8)
    return held


def _fill(handle: int, data: NDArray[np.uint8], at: int, end: int, offset: int) -> int:
    while at < end:
        got = os.preadv(handle, [data[at:end].data], offset + at)
        if got == 0:
            break
        at += got
    return at


def _after_newline(data: NDArray[np.uint8], at: int, end: int) -> int:
    step = 1 << 12
    while at < end:
        found = np.flatnonzero(data[at : min(end, at + step)] == _NEWLINE)
        if len(found):
            return at + int(found[0]) + 1
        at, step = at + step, 2 * step
    return -1


def _to_newline(
    handle: int, data: NDArray[np.uint8], have: int, offset: int, name: str
) -> tuple[NDArray[np.uint8], int]:
    step, begun = 1 << 12, have
    while have - begun <= MAX_LINE:
        if have + step + PAD > len(data):
            wider = np.empty(have + step + PAD, dtype=np.uint8)
            wider[:have] = data[:have]
            data = wider
        got = _fill(handle, data, have, have + step, offset)
        end = _after_newline(data, have, got)
        if end >= 0 or got < have + step:
            return data, end if end >= 0 else got
        have, step = got, 2 * step
    raise too_long(name, offset + begun)


def stream(text: Text, offset: int, block: int = BLOCK_BYTES) -> Iterator[Piece]:
    """Read a text from a byte on as blocks of whole lines.

    Raises
    ------
    Cut
        After the last whole line, where the source is damaged.
    BadInput
        If a line is longer than 16 MB.
    """
    with text.opened() as file:
        held: list[bytes] = []
        have, place, skip = 0, offset, offset
        try:
            for piece in pieces(file, text.name, min(block, 1 << 20)):
                part = piece[skip:] if skip else piece
                skip -= min(skip, len(piece))
                held.append(part)
                have += len(part)
                if have < block:
                    continue
                whole = b"".join(held)
                end = whole.rfind(b"\n") + 1
                if end == 0:
                    if have > block + MAX_LINE:
                        raise too_long(text.name, place)
                    held = [whole]
                    continue
                yield _piece(whole, end, place)
                held, have, place = [whole[end:]], len(whole) - end, place + end
        except Cut:
            whole = b"".join(held)
            end = whole.rfind(b"\n") + 1
            if end:
                yield _piece(whole, end, place)
            raise
        if have:
            yield _piece(b"".join(held), have, place)


def _piece(whole: bytes, end: int, place: int) -> Piece:
    data = np.empty(end + PAD, dtype=np.uint8)
    data[:end] = np.frombuffer(whole, np.uint8, end)
    data[end:] = 0
    return Piece(data, 0, end, place)


def ahead(make: Callable[[], Iterator[Any]], depth: int = 2) -> Iterator[Any]:
    """Work an iterator in a thread of its own, at most ``depth`` values ahead; its error is raised here.

    Examples
    --------
    >>> list(ahead(lambda: iter(range(3))))
    [0, 1, 2]
    """
    line: queue.Queue[tuple[str, Any]] = queue.Queue(depth)
    gone = threading.Event()

    def put(item: tuple[str, Any]) -> None:
        while not gone.is_set():
            try:
                line.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def work() -> None:
        try:
            for value in make():
                put(("value", value))
                if gone.is_set():
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised by the reader of the line
            put(("error", error))
        else:
            put(("end", None))

    thread = threading.Thread(target=work, name="atomloom-read-ahead", daemon=True)
    thread.start()
    try:
        while True:
            what, value = line.get()
            if what == "value":
                yield value
            elif what == "error":
                raise value
            else:
                return
    finally:
        gone.set()
        thread.join()
