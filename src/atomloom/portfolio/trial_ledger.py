"""The ledger of trials: a file that remembers how often the same prices were searched before."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomloom.errors import BadInput, StoreError
from atomloom.portfolio.trial_record import MARK, TrialRecord, deviation_of, read_record, record_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from atomloom.portfolio.sweep_result import SweepResult

_TORN = b" torn"  # ends a line that a crash has torn
_PADDING = b"\0 \r"  # of a line
_NOTHING = TrialRecord("", "", "", 0)
_LOG = logging.getLogger(__name__)


class TrialLedger:
    """Counts every trial that was made on the same prices over time, in an append-only file of JSON lines.

    Parameters
    ----------
    path : path
        Made when the first search is recorded.
    name : str, optional
        What the prices are called. Trials are told apart by the prices themselves otherwise: prices that are longer by
        a day, or cut to a part, are then others. Give a name where the same history grows; one for each frequency.
    pruned : int
        Trials that every search is counted with beside its configurations: decided against without being simulated.

    Raises
    ------
    StoreError
        If the file cannot be read or is no ledger.

    Notes
    -----
    Any number of processes may write to it: a record is one line, appended under a lock. A line that a crash has torn
    is passed over, and said so in the log; one that was damaged otherwise is refused, as its trials would be forgotten.
    The same search repeated counts once, and the one with the most pruned trials of those that are otherwise the same:
    of pruned trials nothing but their number is known. Two that overlap count both: what was looked at twice may count
    twice, but never less than once.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from atomloom.portfolio import Grid, sweep
    >>> prices = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, (300, 2)), axis=0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     book = TrialLedger(f"{folder}/trials.jsonl")
    ...     for intervals in ([1, 5], [1, 5], [10, 21, 42]):
    ...         found = sweep(prices, Grid(method="equal_weight", interval=intervals), ledger=book)
    ...         print(found.ledger()["counted"])
    2
    2
    5
    """

    def __init__(self, path: str | os.PathLike[str], name: str | None = None, *, pruned: int = 0) -> None:
        given: tuple[Any, Any, Any] = path, name, pruned
        if not isinstance(given[0], str | os.PathLike):
            raise BadInput(f"the ledger is {path!r}. Hint: give the path of a file, or a TrialLedger.")
        if given[1] is not None and not (isinstance(given[1], str) and given[1]):
            raise BadInput(f"name is {name!r}. Hint: what the prices are called.")
        if isinstance(pruned, bool) or not isinstance(given[2], int) or pruned < 0:
            raise BadInput(f"pruned is {pruned!r}. Hint: how many trials, 0 or more.")
        self.path = Path(path)
        self.name = name
        self.pruned = pruned
        self.records()

    def records(self) -> tuple[TrialRecord, ...]:
        """Every record of the file, of all prices, in the order in which they came.

        Raises
        ------
        StoreError
            If it is no ledger.
        """
        try:
            held = self.path.read_bytes()
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise self._fault(error) from error
        return self._read(held)

    def on(self, data: str) -> tuple[TrialRecord, ...]:
        """Give the records of the same prices (a digest or name), each search once."""
        return _different(self.records(), data)

    def count(self, record: TrialRecord) -> tuple[TrialRecord, ...]:
        """Add a record, if that search is not there, and give all of the same prices.

        Raises
        ------
        StoreError
            If the file cannot be written, or is no ledger.
        """
        with self._locked() as file:
            size = os.fstat(file).st_size
            held = os.pread(file, size, 0)
            known = self._read(held)
            found = _different((*known, record), record.data)
            if found != _different(known, record.data):
                self._append(file, _end_of(held) + record.line(), size)
        return found

    def check(self) -> None:
        """Refuse a file that could not be written to, before there is anything to record.

        Raises
        ------
        StoreError
            If its folder is not there, or it may not be written to.
        """
        folder = self.path.parent
        if not folder.is_dir():
            raise self._fault(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))
        if not os.access(self.path if self.path.exists() else folder, os.W_OK):
            raise self._fault(PermissionError(errno.EACCES, os.strerror(errno.EACCES)))

    def _append(self, file: int, line: bytes, size: int) -> None:
        view = memoryview(line)
        try:
            while view:
                view = view[os.write(file, view) :]
            os.fsync(file)
        except OSError:
            os.ftruncate(file, size)
            raise

    @contextmanager
    def _locked(self) -> Iterator[int]:
        try:
            file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
            try:
                fcntl.flock(file, fcntl.LOCK_EX)
                yield file
            finally:
                os.close(file)
        except StoreError:
            raise
        except OSError as error:
            raise self._fault(error) from error

    def _fault(self, error: OSError) -> StoreError:
        return StoreError(
            f"the ledger {self.path} cannot be used: {error.strerror}. Hint: give a file in a folder of yours."
        )

    def _read(self, held: bytes) -> tuple[TrialRecord, ...]:
        found = []
        lines = held.split(b"\n")
        for number, line in enumerate(lines, start=1):
            own = line.strip(_PADDING)
            if not own:
                continue
            record = read_record(own)
            if record is not None:
                found.append(record)
            elif own[: len(MARK)] == MARK[: len(own)] and number == len(lines):
                _LOG.warning("%s: line %d is torn, and passed over", self.path, number)
            elif own.endswith(_TORN):
                _LOG.warning("%s: line %d was torn, and is passed over", self.path, number)
            else:
                raise self._strange(number, damaged=own.startswith(MARK))
        return tuple(found)

    def _strange(self, number: int, *, damaged: bool) -> StoreError:
        seen = f"line {number:,} of {self.path} is no record of trials"
        if damaged:
            return StoreError(f"{seen}: it was damaged. Hint: take it from a copy; without it its trials do not count.")
        return StoreError(f"{seen}. Hint: give a new file; a ledger is made when the first search is counted.")

    def summary(self) -> str:
        """Say in a line for each prices how many searches and trials there were."""
        held = self.records()
        lines = []
        for data in dict.fromkeys(record.data for record in held):
            own = _different(held, data)
            trials = sum(record.counted for record in own)
            lines.append(
                f"{data}: {trials:,} trials in {len(own):,} searches, {own[0].time[:10]} to {own[-1].time[:10]}"
            )
        return "\n".join(lines) or "no trials yet"

    def to_frame(self) -> pd.DataFrame:
        """Give a row for each record."""
        import pandas as pd  # noqa: PLC0415 - only where a frame is asked for

        names = [field.name for field in fields(TrialRecord)]
        return pd.DataFrame([asdict(record) for record in self.records()], columns=names)

    def __repr__(self) -> str:
        named = "" if self.name is None else f", name={self.name!r}"
        return f"TrialLedger({str(self.path)!r}{named})"


def as_ledger(given: Any) -> TrialLedger:
    """Take a ledger that can be written to, or the path of one.

    Examples
    --------
    >>> as_ledger("trials.jsonl")
    TrialLedger('trials.jsonl')
    """
    ledger = given if isinstance(given, TrialLedger) else TrialLedger(given)
    ledger.check()
    return ledger


def counted_by(found: SweepResult, given: Any) -> SweepResult:
    """Count a sweep in a ledger; what it found then knows of all trials on these prices.

    Parameters
    ----------
    found : SweepResult
        Without a verdict yet.
    given : TrialLedger or path
    """
    ledger = as_ledger(given)
    own = record_of(found, ledger)
    held = ledger.count(own)
    trials = sum(record.counted for record in held)
    told: dict[str, Any] = {"pruned": own.pruned} if own.pruned else {}
    told |= {"before": trials - own.counted, "trial_deviation": deviation_of(held)}
    return replace(found, n_trials=max(trials, found.n_trials or 0), settings=found.settings | told)


def _different(records: tuple[TrialRecord, ...], data: str) -> tuple[TrialRecord, ...]:
    """Give each search on the same prices once: that with the most trials of those with the same configurations."""
    found: dict[str, TrialRecord] = {}
    for record in records:
        if record.data == data and record.counted > found.get(record.trials, _NOTHING).counted:
            found[record.trials] = record
    return tuple(found.values())


def _end_of(held: bytes) -> bytes:
    """End the last line of a file, if it is not: as torn, where it is no record."""
    last = held.rpartition(b"\n")[2].strip(_PADDING)
    if held.endswith(b"\n") or not held:
        return b""
    return b"\n" if not last or read_record(last) is not None else _TORN + b"\n"
