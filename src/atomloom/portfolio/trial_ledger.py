"""The ledger of trials: a file that remembers how often the same prices were searched before."""

from __future__ import annotations

import fcntl
import json
import logging
import math
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, StoreError
from atomloom.portfolio.trial_identity import prices_digest, trials_digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from atomloom.portfolio.sweep_result import SweepResult

_MARK = b'{"atomloom": "trials", '
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrialRecord:
    """One search, as the ledger keeps it.

    Attributes
    ----------
    data : str
        Which prices: their digest, or the name that the ledger was given.
    trials : str
        Digest of the configurations and of all that their paths follow from.
    time : str
        When it was recorded, UTC.
    configurations : int
        All that were asked for, whatever became of them.
    failed, ruined, pruned : int
        Failed and ruined ones are among the configurations, pruned ones come on top.
    known : int
        Configurations that have a Sharpe ratio.
    total, squares : float
        Sum of their ratios per period, and of the squares.
    best : float or None
        The highest of them.
    label : str
        Which configuration has it.
    n_returns : int

    Examples
    --------
    >>> TrialRecord("sp500", "ab12", "2026-11-22T10:00:00+00:00", 96, failed=3, pruned=4).counted
    100
    """

    data: str
    trials: str
    time: str
    configurations: int
    failed: int = 0
    ruined: int = 0
    pruned: int = 0
    known: int = 0
    total: float = 0.0
    squares: float = 0.0
    best: float | None = None
    label: str = ""
    n_returns: int = 0

    @property
    def counted(self) -> int:
        """Trials that the search was."""
        return self.configurations + self.pruned

    def line(self) -> bytes:
        """Write the record as a line of the file."""
        return _MARK + json.dumps(asdict(self), allow_nan=False).encode()[1:] + b"\n"


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
    is passed over, and said so in the log. The same search repeated counts once. Two that overlap count both: what was
    looked at twice may count twice, but never less than once.

    Examples
    --------
    >>> import tempfile
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
            if len(found) > len(_different(known, record.data)):
                torn = b"\n" if held and not held.endswith(b"\n") else b""
                self._append(file, torn + record.line(), size)
        return found

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
        for number, line in enumerate(held.split(b"\n"), start=1):
            own = line.strip(b"\0 \r")
            if not own:
                continue
            record = _record(own)
            if record is not None:
                found.append(record)
            elif own[: len(_MARK)] == _MARK[: len(own)]:
                _LOG.warning("%s: line %d is torn, and passed over", self.path, number)
            else:
                seen = f"line {number:,} of {self.path} is no record of trials"
                raise StoreError(f"{seen}. Hint: give a new file; a ledger is made when the first search is counted.")
        return tuple(found)

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
    """Take a ledger, or the path of one.

    Examples
    --------
    >>> as_ledger("trials.jsonl")
    TrialLedger('trials.jsonl')
    """
    return given if isinstance(given, TrialLedger) else TrialLedger(given)


def record_of(found: SweepResult, ledger: TrialLedger) -> TrialRecord:
    """Give what a ledger keeps of a sweep.

    Examples
    --------
    >>> from atomloom.portfolio import sweep
    >>> prices = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, (300, 2)), axis=0))
    >>> record_of(sweep(prices, [{"method": "cash"}, {"method": "equal_weight"}]), TrialLedger("x", name="noise")).known
    1
    """
    from atomloom.portfolio.evidence import moments_of  # noqa: PLC0415 - only with a ledger

    sharpe = moments_of(found.sums, found.n_returns)[0]
    known = sharpe[~np.isnan(sharpe)]
    best = int(np.nanargmax(sharpe)) if len(known) else None
    told = found.ledger()
    return TrialRecord(
        data=prices_digest(found.prices) if ledger.name is None else ledger.name,
        trials=trials_digest(found),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        configurations=len(found),
        failed=told["failed"],
        ruined=told["ruined"],
        pruned=ledger.pruned,
        known=len(known),
        total=float(known.sum()),
        squares=float((known**2).sum()),
        best=None if best is None else float(sharpe[best]),
        label="" if best is None else found.configs.label(best),
        n_returns=found.n_returns,
    )


def deviation_of(records: tuple[TrialRecord, ...]) -> float:
    """Deviation (ddof=1) of the Sharpe ratios per period of all trials of some searches; 0 of fewer than two.

    Examples
    --------
    >>> one = TrialRecord("x", "a", "", 2, known=2, total=0.3, squares=0.05)
    >>> other = TrialRecord("x", "b", "", 1, known=1, total=0.3, squares=0.09)
    >>> round(deviation_of((one, other)), 6) == round(float(np.std([0.1, 0.2, 0.3], ddof=1)), 6)
    True
    """
    n = sum(record.known for record in records)
    if n < 2:
        return 0.0
    total, squares = math.fsum(record.total for record in records), math.fsum(record.squares for record in records)
    return math.sqrt(max(0.0, (squares - total * total / n) / (n - 1)))


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
    told = {"before": trials - own.counted, "trial_deviation": deviation_of(held)}
    return replace(found, n_trials=max(trials, found.n_trials or 0), settings=found.settings | told)


def _record(line: bytes) -> TrialRecord | None:
    try:
        held = json.loads(line)
        kept = {field.name: held[field.name] for field in fields(TrialRecord)}
        return TrialRecord(**kept) if held["atomloom"] == "trials" else None
    except (ValueError, KeyError, TypeError):
        return None


def _different(records: tuple[TrialRecord, ...], data: str) -> tuple[TrialRecord, ...]:
    found: dict[str, TrialRecord] = {}
    for record in records:
        if record.data == data:
            found.setdefault(record.trials, record)
    return tuple(found.values())
