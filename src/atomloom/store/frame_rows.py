"""Rows of frames: Arrow, pandas, polars, mappings, Parquet files, trades and quotes, or many of them in turn."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, StoreError
from atomloom.store.arrow_columns import Columns, arrow_rows
from atomloom.store.heads import roles_of
from atomloom.store.quotes import SIDES
from atomloom.store.sink import Place, Rows
from atomloom.store.sources import texts_of
from atomloom.store.ticks import exact_step

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from atomloom.store.parts import Wishes

BATCH_ROWS = 1 << 18
SAMPLE_ROWS = 1 << 22


@dataclass(eq=False)
class FrameSource:
    """Frames of one source, looked at as they come.

    Parameters
    ----------
    name : str
    items : iterable
        Frames, mappings, trades, quotes or paths of Parquet files.
    symbol : str
    key : str
        What the store remembers it by; "" for not at all.
    print_ : dict
        What tells whether it is the same source as at another time.
    time_unit : str
        As its rows were read, once they were.
    of_ticks : bool
        True for :class:`Trades` and :class:`Quotes`, whose sizes count in units that nobody tells.

    Examples
    --------
    >>> FrameSource("dict", [{"ts": [1], "price": [1.5], "size": [2]}], "ES").name
    'dict'
    """

    name: str
    items: Iterable[Any]
    symbol: str
    key: str = ""
    print_: dict[str, Any] = field(default_factory=dict)
    time_unit: str = ""
    of_ticks: bool = False

    def rows(self, wish: Wishes, tick: float, skip: int = 0) -> Iterator[Rows]:
        """Give the rows of all frames in turn, in ticks of ``tick``, those before ``skip`` left out."""
        line, columns = 0, None
        for item in self.items:
            if _is_ticks(item):
                self.time_unit = "ns UTC"
                for rows in _tick_rows(item, wish.layout.kind, tick, line):
                    yield rows
                    line = rows.end.line
                continue
            for batch in batches_of(item, wish, self.name):
                if columns is None:
                    columns = Columns.of(wish, tick)
                if line + batch.num_rows > skip:
                    part = batch.slice(max(0, skip - line))
                    yield arrow_rows(part, columns, self.name, line + max(0, skip - line))
                    self.time_unit = columns.time_unit
                line += batch.num_rows


def frames_of(source: Any, wish: Wishes, symbol: str) -> FrameSource:
    """Take a source of frames: one, a list, or an iterator of them.

    Raises
    ------
    BadInput
        If it is nothing that holds rows.
    """
    if wish.layout.time.startswith("%"):
        raise BadInput("a layout of times is for text; a frame has typed times. Hint: leave format out.")
    many = isinstance(source, list | tuple)
    paths = [one for one in (source if many else [source]) if isinstance(one, str | os.PathLike)]
    if paths and (not many or len(source) == 1):
        text = next(iter(texts_of(paths[0])))
        return FrameSource(str(paths[0]), [paths[0]], symbol, text.key, text.print_)
    if many:
        return FrameSource(_name(source[0]), source, symbol, of_ticks=all(map(_is_ticks, source)))
    if _is_frame(source) or _is_ticks(source):
        return FrameSource(_name(source), [source], symbol, of_ticks=_is_ticks(source))
    if hasattr(source, "__iter__"):
        return FrameSource(_name(source), source, symbol)
    message = (
        f"source is a {type(source).__name__}. Hint: give a path, bytes, an open file, a frame of pandas, polars or "
        "Arrow, a mapping of columns, Trades, or an iterator of those."
    )
    raise BadInput(message)


def _name(source: Any) -> str:
    return str(source) if isinstance(source, str | os.PathLike) else type(source).__name__


def _is_ticks(item: Any) -> bool:
    return hasattr(item, "tick_size") and hasattr(item, "ts") and hasattr(item, "symbol")


def _is_frame(item: Any) -> bool:
    return isinstance(item, dict) or any(
        hasattr(item, name) for name in ("__arrow_c_stream__", "__arrow_c_array__", "iloc", "keys")
    )


def batches_of(item: Any, wish: Wishes, name: str) -> Iterator[Any]:
    """Give a frame as Arrow record batches of at most 262,144 rows; of a Parquet file only the columns that are needed.

    Examples
    --------
    >>> from atomloom.store.formats import Format
    >>> from atomloom.store.parts import Wishes
    >>> [batch.num_rows for batch in batches_of({"ts": [1], "price": [1.5], "size": [2]}, Wishes(Format()), "x")]
    [1]
    """
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only frames need it

    if isinstance(item, str | os.PathLike):
        yield from _parquet(Path(item), wish)
        return
    try:
        if hasattr(item, "iloc"):
            table = _of_pandas(item, wish)
        elif hasattr(item, "__arrow_c_stream__"):
            table = pa.table(item)
        elif hasattr(item, "__arrow_c_array__"):
            table = pa.Table.from_batches([pa.record_batch(item)])
        elif hasattr(item, "keys"):
            table = pa.table({str(key): pa.array(np.asarray(item[key])) for key in item})
        else:
            message = f"{name} gave a {type(item).__name__}. Hint: give frames, mappings of columns, or Trades."
            raise BadInput(message)
    except (pa.ArrowException, ValueError, TypeError) as error:
        if isinstance(error, BadInput):
            raise
        message = f"{name} cannot be taken as columns: {error}. Hint: give columns of equal length, numbers and times."
        raise BadInput(message) from error
    yield from table.to_batches(max_chunksize=BATCH_ROWS)


def _of_pandas(frame: Any, wish: Wishes) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only frames need it

    names = [str(name) for name in frame.columns]
    chosen = wish.layout.columns.get("ts")
    if frame.index.dtype.kind == "M" and chosen is None and not any(
        name.casefold() in {"ts", "datetime", "date_time", "timestamp", "time"} for name in names
    ):  # fmt: skip
        frame = frame.rename_axis(index="ts").reset_index()
    return pa.Table.from_pandas(frame, preserve_index=False)


def _parquet(path: Path, wish: Wishes) -> Iterator[Any]:
    import pyarrow as pa  # noqa: PLC0415 - heavy, and only frames need it
    from pyarrow import parquet  # noqa: PLC0415

    try:
        with parquet.ParquetFile(path) as file:
            names = [str(name) for name in file.schema_arrow.names]
            roles = roles_of(names, wish.layout, str(path), header=True, optional=wish.optional)
            needed = [names[place] for place in sorted(roles.values())]
            yield from file.iter_batches(batch_size=BATCH_ROWS, columns=needed)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, BadInput | StoreError):
            raise
        message = f"{path} cannot be read as Parquet: {error}. Hint: check that the file is whole."
        raise StoreError(message) from error


def _tick_rows(item: Any, kind: str, tick: float, line: int) -> Iterator[Rows]:
    names = ("px", "size") if kind == "trades" else SIDES
    if not all(hasattr(item, name) for name in names):
        message = f"source is {type(item).__name__} and kind is {kind!r}. Hint: Trades are trades, Quotes are quotes."
        raise BadInput(message)
    ratio = exact_step(item.tick_size) / exact_step(tick)
    if ratio.denominator != 1:
        message = f"{item!r} does not lie on the tick grid of {tick:g}. Hint: store it under another symbol."
        raise BadInput(message)
    whole = {"ts": item.ts, **{name: getattr(item, name) for name in names}}
    whole.update({name: column for name in ("venue", "flags") if (column := getattr(item, name)) is not None})
    for low in range(0, len(item), BATCH_ROWS):
        columns = {name: column[low : low + BATCH_ROWS] for name, column in whole.items()}
        if ratio != 1:
            for name in names:
                if name.endswith("px"):
                    columns[name] = columns[name].astype(np.int64) * int(ratio)
        count = len(columns["ts"])
        size = sum(column.nbytes for column in columns.values())
        yield Rows(columns, item.venues, [], 0, Place(-1, 0), Place(-1, line), Place(-1, line + count), size)
        line += count


def tick_of_frames(frames: FrameSource | None, wish: Wishes) -> float:
    """Infer the tick size from the first four million rows, which are kept to be read again.

    Raises
    ------
    BadInput
        If there is no price, or one with more than nine decimals.
    """
    from atomloom.store.arrow_columns import prices_of  # noqa: PLC0415 - only here
    from atomloom.store.ticks import infer_tick  # noqa: PLC0415

    if frames is None:
        raise BadInput("there is nothing to read. Hint: give a path or a frame.")
    seen, held, prices = 0, [], []
    rest = iter(frames.items)
    for item in rest:
        held.append(item)
        if _is_ticks(item):
            frames.items = _chain(held, rest)
            return float(item.tick_size)
        for batch in batches_of(item, wish, frames.name):
            prices.append(prices_of(batch, wish, frames.name))
            seen += batch.num_rows
            if seen >= SAMPLE_ROWS:
                break
        if seen >= SAMPLE_ROWS:
            break
    frames.items = _chain(held, rest)
    return infer_tick(np.concatenate(prices) if prices else np.zeros(0))


def _chain(held: list[Any], rest: Iterator[Any]) -> Iterator[Any]:
    while held:
        yield held.pop(0)
    yield from rest
