"""ingest: ticks of any source into a store, every row stored or listed with its place and reason."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomloom.errors import BadInput, StoreError
from atomloom.store.account import STAGES, IngestReport, Tally
from atomloom.store.columns import check_symbol, check_tick
from atomloom.store.frame_rows import FrameSource, frames_of, tick_of_frames
from atomloom.store.handle import Store, appending
from atomloom.store.heads import NoRows
from atomloom.store.parts import no_rows, part_of, tick_of_parts, wishes
from atomloom.store.rejects import RejectFile
from atomloom.store.screen import Screen
from atomloom.store.sink import Place
from atomloom.store.sources import Cut, damaged, is_text_source, magic, texts_of
from atomloom.store.text_rows import feed_file, feed_stream
from atomloom.store.ticks import exact_step

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from atomloom.store.account import IngestProgress
    from atomloom.store.formats import Format
    from atomloom.store.parts import Part, Wishes
    from atomloom.store.sink import Sink
    from atomloom.store.sources import Text

OUT_OF_ORDER = ("refuse", "merge")
_AGAIN = "Hint: store it under another symbol, or drop this one first."


class AlreadyStored(BadInput):
    """The table has all of a source; ``report`` is the account of the ingest that stored it."""

    def __init__(self, message: str, report: IngestReport | None = None) -> None:
        super().__init__(message)
        self.report = report


def ingest(
    source: Any,
    store: str | os.PathLike[str] | Store,
    *,
    symbol: str | None = None,
    kind: str = "trades",
    format: Format | Mapping[str, Any] | str | None = None,  # noqa: A002 - what a person calls it
    columns: Mapping[str, str | int | None] | None = None,
    tz: str | None = None,
    tick_size: float | None = None,
    price_scale: float | None = None,
    date: Any = None,
    delimiter: str | None = None,
    ambiguous: str = "reject",
    out_of_order: str = "refuse",
    rejects: str | os.PathLike[str] | None = None,
    resume: bool = True,
    threads: int | None = None,
    progress: Callable[[IngestProgress], None] | None = None,
) -> IngestReport:
    r"""Put ticks into a store; no row disappears without a line in the reject file.

    Parameters
    ----------
    source : path, bytes, open file, frame, trades, or a list or iterator of those
        Text (plain, gzip, or every member of a zip archive in the order of their names), Parquet, a frame of pandas,
        polars or Arrow, a mapping of columns (``ts``, ``price``, ``size``), :class:`Trades` or :class:`Quotes`.
    store : path or Store
        An HDF5 file, made if it is missing, or a store open for appending.
    symbol : str, optional
        Name of the instrument; by default the file's name up to the first dot.
    kind : {"trades", "quotes"}
    format : Format, mapping or str, optional
        How a text is laid out; a name picks from ``PRESETS``.
    columns : mapping, optional
        Role -> column name or position, see :class:`Format`; None leaves a column out.
    tz : str, optional
        IANA zone of times without an offset; by default that of the format, else UTC.
    tick_size : float, optional
        Price step; prices off its grid are rejected. By default that of the table, else the greatest common divisor of
        the prices: of all of them up to 64 MB, else of blocks spread over a plain file or of the first 64 MB of others.
    price_scale : float, optional
        What prices are multiplied by in the source.
    date : str, datetime.date or datetime64, optional
        Day of times that count from midnight; by default the one in the file's name.
    delimiter : str, optional
        What separates fields; by default the first line tells.
    ambiguous : {"reject", "first", "second"}
        Local times repeated when clocks go back: refuse, take as summer or as winter time.
    out_of_order : {"refuse", "merge"}
        Rows that go back in time: an error, or woven in by time (stable).
    rejects : path, optional
        The reject file, by default ``<store>.<symbol>.rejects.csv`` (of quotes ``.quotes.rejects.csv``); made at the
        first reject, appended to later. Its columns are ``byte_offset`` (in the decompressed text; -1 for frames),
        ``line`` (from 1; for frames the row, from 0), ``reason``, ``text`` and ``source``.
    resume : bool
        Take up an interrupted ingest of the same file where its last commit was.
    threads : int, optional
        Threads that parse, and threads that compress; by default all usable cores.
    progress : callable, optional
        Called with an :class:`IngestProgress` per block.

    Returns
    -------
    IngestReport

    Raises
    ------
    BadInput
        Wrong columns or format, nothing usable, rows that go back in time, another tick size or lot than that of the
        table, or a file that is in the store already (:class:`AlreadyStored`, with its account in ``report``).
    StoreError
        A source is missing or damaged; what came before the damage is stored, as the message says. Or the store cannot
        be written.

    Notes
    -----
    A store that was made for an ingest which fails before its first commit is taken away again.
    A commit is made every 256 MB of text or 5 s, and remembers the place in a file: after a crash the same call goes on
    there. Memory holds a few blocks of 8 MB and their rows, whatever the size of the source.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "ES.csv")
    ...     _ = file.write_text("Time,Price,Qty\n2013-09-01 17:00:00,1640.25,8\n2013-09-01 17:00:01,1640.5,0\n")
    ...     report = ingest(file, Path(folder, "ticks.h5"), tz="America/Chicago", tick_size=0.25)
    ...     from atomloom.store import open_store
    ...
    ...     open_store(Path(folder, "ticks.h5"))["ES"].trades()
    Trades(ES, 1 trades, 8 volume, 2013-09-01T22:00:00.000000000 .. 2013-09-01T22:00:00.000000000 UTC, tick 0.25)
    >>> report.n_read, report.n_stored, report.n_rejected, dict(report.reasons)
    (2, 1, 1, {'size is below 1': 1})
    """
    began = time.perf_counter()
    if out_of_order not in OUT_OF_ORDER:
        message = f"out_of_order is {out_of_order!r}. Hint: 'refuse' or 'merge'."
        raise BadInput(message)
    wish = wishes(
        format,
        kind,
        columns=columns,
        tz=tz,
        price_scale=price_scale,
        delimiter=delimiter,
        date=date,
        ambiguous=ambiguous,
    )
    name = _symbol(source, symbol)
    tick = None if tick_size is None else check_tick(tick_size)
    with _opened(store) as opened:
        target = Path(rejects) if rejects is not None else Path(f"{opened.path}.{name}{_of_quotes(kind)}.rejects.csv")
        task = _Task(opened, name, kind, out_of_order, resume, threads, progress, RejectFile(target))
        parts, frames = _sources(source, wish, name)
        if tick is None and (name, kind) in opened.tables():
            tick = opened.meta(name, kind).tick_size
        inferred = tick is None
        if tick is None:
            tick = tick_of_parts(parts, wish.layout.price_scale) if parts else tick_of_frames(frames, wish)
        sources = tuple(part.text.name for part in parts) or (frames.name if frames else "",)

        def report() -> IngestReport:
            tally = task.tally
            tally.seconds["total"] = time.perf_counter() - began
            return IngestReport(
                name, kind, str(opened.path), sources, tally.n_read, tally.n_stored, tally.n_rejected,
                dict(Counter(tally.reasons).most_common()), str(target) if tally.n_rejected else None, tick, inferred,
                parts[0].plan.time_unit if parts else (frames.time_unit if frames else ""), tally.bytes,
                {key: round(tally.seconds[key], 6) for key in STAGES}, task.resumed,
            )  # fmt: skip

        if task.settled(parts, frames):
            done = report()
            message = f"{sources[0]} is in {opened.path} already, as {kind} of {name}: {done.counts()}. {_AGAIN}"
            raise AlreadyStored(message, done)
        task.run(parts, frames, wish, tick, inferred=inferred)
        return report()


def _of_quotes(kind: str) -> str:
    return ".quotes" if kind == "quotes" else ""


def _symbol(source: Any, symbol: str | None) -> str:
    first = source[0] if isinstance(source, list | tuple) and source else source
    if symbol is None:
        symbol = getattr(first, "symbol", None)
    if symbol is None and isinstance(first, str | os.PathLike):
        symbol = Path(first).name.partition(".")[0]
    if symbol is None:
        raise BadInput("symbol is not given. Hint: pass symbol='ES'.")
    check_symbol(symbol)
    return symbol


@contextlib.contextmanager
def _opened(store: Any) -> Iterator[Store]:
    if isinstance(store, Store):
        yield store
        return
    with appending(store) as opened:
        yield opened


def _sources(source: Any, wish: Wishes, symbol: str) -> tuple[list[Part], FrameSource | None]:
    """Sort a source into texts and frames, which cannot be mixed."""
    many = isinstance(source, list | tuple)
    if many and not source:
        raise BadInput("source is an empty list. Hint: give at least one path or frame.")
    each = list(source) if many else [source]
    if not all(is_text_source(one) for one in each):
        return [], frames_of(source, wish, symbol)
    if any(magic(one) == b"PAR1" for one in each):
        return [], frames_of(each, wish, symbol)
    texts = [text for one in each for text in texts_of(one)]
    if len(texts) == 1:
        return [part_of(texts[0], wish, alone=True)], None
    parts = []
    for text in texts:
        with contextlib.suppress(NoRows):  # a day without ticks
            parts.append(part_of(text, wish, alone=False))
    if not parts:
        raise no_rows([text.name for text in texts], "")
    return parts, None


@dataclass
class _Task:
    """One call of :func:`ingest`: the table it writes to, and the account it keeps."""

    store: Store
    symbol: str
    kind: str
    out_of_order: str
    resume: bool
    threads: int | None
    progress: Any
    rejects: RejectFile

    def __post_init__(self) -> None:
        self.tally = Tally()
        self.resumed: dict[str, int] = {}
        self.done: set[str] = set()

    def settled(self, parts: list[Part], frames: FrameSource | None) -> bool:
        """Take sources that the table has all of into the account; say whether there are no others."""
        sources = [frames] if frames is not None else [part.text for part in parts]
        for source in sources:
            state = self._state_of(source)
            if state is not None:
                self.done.add(source.key)
                self._recall(state, self.tally)
        return len(self.done) == len(sources)

    def run(self, parts: list[Part], frames: FrameSource | None, wish: Wishes, tick: float, *, inferred: bool) -> None:
        """Feed every source to the writer that the table does not have."""
        if frames is not None:
            self._feed_frames(frames, wish, tick)
            names = [frames.name]
        else:
            for part in parts:
                if part.text.key not in self.done:
                    self._feed_text(part, wish, tick, inferred=inferred)
            names = [part.text.name for part in parts]
        if not self.tally.n_stored:
            raise no_rows(names, self.tally.first)

    def _states(self) -> Mapping[str, Any]:
        if (self.symbol, self.kind) not in self.store.tables():
            return {}
        found: dict[str, Any] = json.loads(str(self.store.meta(self.symbol, self.kind).attrs.get("state", "{}")))
        return found

    def _state_of(self, source: Text | FrameSource) -> Mapping[str, Any] | None:
        """Give what was remembered of a source that the table has all of."""
        state = self._states().get(source.key) if source.key else None
        return state if state and state.get("done") and _same(state["fingerprint"], source.print_) else None

    @staticmethod
    def _recall(state: Mapping[str, Any], tally: Tally) -> None:
        tally.n_stored += state["n_stored"]
        tally.n_rejected += state["n_rejected"]
        tally.reasons.update(state["reasons"])

    def _feed_text(self, part: Part, wish: Wishes, tick: float, *, inferred: bool) -> None:
        text, tally = part.text, Tally()
        plan = part.plan.priced(exact_step(tick), wish.layout.price_scale)
        start, last = Place(part.head.offset, part.head.lines), None
        with self.store.writer(
            self.symbol, kind=self.kind, tick_size=tick, out_of_order=self.out_of_order, source=text.key,
            columns=("ts", *plan.outputs, *plan.extras), threads=self.threads, lot=wish.layout.lot,
        ) as writer:  # fmt: skip
            state = writer.state
            self.rejects.begin()
            if state and not state["done"]:
                start, last = self._take_up(state, text.name, text.print_, tally), state["last"]
            remembered = {"fingerprint": text.print_} if text.key else {}
            sink = Screen(
                writer, self.rejects, text.name, tally, refuse=self.out_of_order == "refuse", state=remembered,
                listen=self.progress, total=text.size if text.path else 0, part=part,
                inferred=wish.layout.price_scale if inferred else None,
            )  # fmt: skip
            sink.go_on(last)
            damage = None
            try:
                if text.path is not None:
                    feed_file(part, plan, sink, start, threads=self.threads)
                else:
                    feed_stream(part, plan, sink, start)
            except Cut as error:
                damage = error
            except BaseException:
                writer.close()
                self.rejects.forget()
                raise
            finally:
                sink.close()
            self._finish(sink, writer, whole=damage is None)
        self.tally.add(tally)
        if damage is not None:
            message = (
                f"{damaged(text.name, damage)} Read {tally.n_read:,} rows up to byte {sink.end.offset:,} = stored "
                f"{tally.n_stored:,} + rejected {tally.n_rejected:,}; they are kept."
            )
            raise StoreError(message)

    def _take_up(self, state: Mapping[str, Any], name: str, mark: Mapping[str, Any], tally: Tally) -> Place:
        if not self.resume or state["fingerprint"] != mark:
            why = "and resume is False" if state["fingerprint"] == mark else "and has changed since"
            message = (
                f"{name} was interrupted after {state['n_stored']:,} rows were stored, {why}. "
                "Hint: resume=True goes on with the same file; to begin anew drop the symbol first."
            )
            raise BadInput(message)
        self.rejects.cut_back(state["reject_bytes"], name)
        self._recall(state, tally)
        self.resumed[name] = max(state["offset"], 0)
        return Place(state["offset"], state["line"])

    def _feed_frames(self, frames: FrameSource, wish: Wishes, tick: float) -> None:
        tally = Tally()
        with self.store.writer(
            self.symbol, kind=self.kind, tick_size=tick, out_of_order=self.out_of_order, source=frames.key,
            threads=self.threads, lot=None if frames.of_ticks else wish.layout.lot,
        ) as writer:  # fmt: skip
            state, skip, last = writer.state, 0, None
            self.rejects.begin()
            if state and not state["done"]:
                skip, last = self._take_up(state, frames.name, frames.print_, tally).line, state["last"]
            sink = Screen(
                writer, self.rejects, frames.name, tally, refuse=self.out_of_order == "refuse",
                state={"fingerprint": frames.print_} if frames.key else {}, listen=self.progress,
            )  # fmt: skip
            sink.go_on(last)
            try:
                for rows in frames.rows(wish, tick, skip):
                    sink.take(rows)
            except BaseException:
                writer.close()
                self.rejects.forget()
                raise
            self._finish(sink, writer, whole=True)
        self.tally.add(tally)

    def _finish(self, sink: Sink, writer: Any, *, whole: bool) -> None:
        if sink.tally.n_stored:
            sink.commit(done=whole)
            return
        writer.close()  # without a row there is nothing to remember
        self.rejects.sync()


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Say whether two fingerprints are of the same content, when it was written left out."""
    return {key: value for key, value in one.items() if key != "mtime"} == {
        key: value for key, value in other.items() if key != "mtime"
    }
