"""The rows of a text on their way into a sink: plain files in parallel on the engine, streams read ahead."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING

from atomloom.engine.run import run_parallel
from atomloom.errors import AntiPattern, JobFailed
from atomloom.store.blocks import BLOCK_BYTES, ahead, read_range, stream
from atomloom.store.csv_rows import parse_block
from atomloom.store.parts import ranges_of
from atomloom.store.sink import Place, Rows

if TYPE_CHECKING:
    from atomloom.store.csv_rows import Block, Recipe
    from atomloom.store.parts import Part
    from atomloom.store.sink import Sink


class Lines:
    """Gives blocks their lines: each knows only its own, and they arrive in order.

    Parameters
    ----------
    sink : Sink
    before : Place
        Byte and lines before the first block.
    """

    def __init__(self, sink: Sink, before: Place) -> None:
        self.sink, self._line = sink, before.line
        sink.end = before

    def take(self, offset: int, block: Block, read: float, parse: float) -> None:
        """Hand one block on."""
        self.sink.tally.seconds["read"] += read
        self.sink.tally.seconds["parse"] += parse
        line = self._line + 1
        self._line += block.lines
        rejects = [(offset + at, line + k, reason, text) for at, k, reason, text in block.rejects]
        _, back_at, back_line = block.back
        rows = Rows(
            block.columns, block.venues, rejects, block.back[0], Place(offset + back_at, line + back_line),
            Place(offset + block.first[0], line + block.first[1]), Place(offset + block.text_bytes, self._line),
            block.text_bytes,
        )  # fmt: skip
        self.sink.take(rows)


def feed_file(
    part: Part, plan: Recipe, sink: Sink, start: Place, *, threads: int | None, block: int = BLOCK_BYTES
) -> None:
    """Parse the blocks of a plain file in threads, and hand them on in order.

    Notes
    -----
    The engine folds strictly from left to right and works at most ``threads + 2`` blocks ahead, so memory holds that
    many blocks and their rows, whatever the size of the file.
    """
    text, lines = part.text, Lines(sink, start)

    def work(molecule: list[tuple[int, int]]) -> tuple[int, Block, float, float] | None:
        low, high = molecule[0]
        if high < 0:
            return None  # the first value of a fold is what it begins with
        began = time.perf_counter()
        piece = read_range(text, low, high, start.offset)
        middle = time.perf_counter()
        parsed = parse_block(piece.data, piece.start, piece.stop, plan)
        return piece.offset, parsed, middle - began, time.perf_counter() - middle

    def fold(_: None, result: tuple[int, Block, float, float]) -> None:
        lines.take(*result)

    ranges = [(0, -1), *ranges_of(part, start.offset, block)]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AntiPattern)  # the caller cannot change how blocks are worked
            run_parallel(work, ranges, redux=fold, executor="threads", num_threads=threads, grain=1, progress=False)
    except JobFailed as error:
        if error.__cause__ is None:
            raise
        raise error.__cause__ from None  # the caller gave no function and no reducer: it is an error of reading


def feed_stream(part: Part, plan: Recipe, sink: Sink, start: Place, *, block: int = BLOCK_BYTES) -> None:
    """Parse a text that can only be read from its beginning; reading and decompressing run ahead in a thread.

    Raises
    ------
    Cut
        Where the source is damaged, after its last whole line.
    """
    lines = Lines(sink, start)

    waited = time.perf_counter()
    for piece in ahead(lambda: stream(part.text, start.offset, block)):
        began = time.perf_counter()
        parsed = parse_block(piece.data, piece.start, piece.stop, plan)
        now = time.perf_counter()
        lines.take(piece.offset, parsed, began - waited, now - began)
        waited = time.perf_counter()
