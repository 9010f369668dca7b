"""The account of an ingest: what was read, stored and refused, and how long each stage took."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


STAGES = ("read", "parse", "write", "commit", "total")


@dataclass(frozen=True)
class IngestProgress:
    """How far an ingest is; given to ``progress``.

    Attributes
    ----------
    source : str
    bytes_done, bytes_total : int
        Of the source as it lies there; the total is 0 where it is not known. For compressed text the bytes done are of
        the text, for frames both count rows.
    rows, rejected : int

    Examples
    --------
    >>> IngestProgress("a.csv", 50, 100, 3, 1).rows
    3
    """

    source: str
    bytes_done: int
    bytes_total: int
    rows: int
    rejected: int


@dataclass(frozen=True)
class IngestReport:
    """What an ingest did; ``n_read == n_stored + n_rejected`` always, blank lines are not rows.

    Attributes
    ----------
    symbol, kind : str
    store : str
    sources : tuple of str
        Files, members of archives, or what the frames are.
    n_read, n_stored, n_rejected : int
        Rows; of a resumed ingest those of the interrupted part included.
    reasons : mapping of str to int
        Rejected rows by reason, most frequent first.
    rejects : str or None
        The reject file, where rows were rejected.
    tick_size : float
    tick_inferred : bool
        True where it comes from the prices.
    time_unit : str
        ``"ISO 8601"``, ``"epoch ms"`` or the like, of the first source.
    bytes : int
        Bytes of (decompressed) text, or of columns, that this call read.
    seconds : mapping of str to float
        ``read`` and ``parse`` (added up over threads), ``write`` (handing rows over, with any wait for compression),
        ``commit``, and ``total``.
    resumed_from : mapping of str to int
        Source -> byte at which this call took up the work of an interrupted one.

    Examples
    --------
    >>> report = IngestReport("ES", "trades", "a.h5", ("a.csv",), 3, 2, 1, {"size is below 1": 1}, "r.csv", 0.25)
    >>> print(report.summary())
    ES trades: read 3 rows = stored 2 + rejected 1
    times ; tick size 0.25 (given)
      1 x size is below 1
    rejected rows are in r.csv
    """

    symbol: str
    kind: str
    store: str
    sources: tuple[str, ...]
    n_read: int
    n_stored: int
    n_rejected: int
    reasons: Mapping[str, int]
    rejects: str | None
    tick_size: float
    tick_inferred: bool = False
    time_unit: str = ""
    bytes: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    resumed_from: Mapping[str, int] = field(default_factory=dict)

    def counts(self) -> str:
        """Return what became of the rows in one line."""
        return f"read {self.n_read:,} rows = stored {self.n_stored:,} + rejected {self.n_rejected:,}"

    def summary(self) -> str:
        """Return the account in a few lines of text."""
        how = "inferred from the prices" if self.tick_inferred else "given"
        lines = [
            f"{self.symbol} {self.kind}: {self.counts()}",
            f"times {self.time_unit}; tick size {self.tick_size:g} ({how})",
        ]
        lines += [f"  {count:,} x {reason}" for reason, count in self.reasons.items()]
        if self.n_rejected:
            lines.append(f"rejected rows are in {self.rejects}")
        lines += [f"{name}: taken up again at byte {place:,}" for name, place in self.resumed_from.items()]
        total = self.seconds.get("total", 0.0)
        if total and self.bytes:  # nothing was read of what is stored already
            stages = ", ".join(f"{name} {spent:.2f}" for name, spent in self.seconds.items() if name != "total")
            speed = f"{self.bytes / total / 1e6:,.0f} MB/s"
            lines.append(f"{self.bytes / 1e6:,.1f} MB in {total:.2f} s ({speed}; seconds of {stages})")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the account as plain values."""
        return asdict(self)


@dataclass
class Tally:
    """Counts that grow while a source is read.

    Examples
    --------
    >>> tally = Tally()
    >>> tally.reject(["size is below 1"])
    >>> tally.n_rejected, tally.n_read
    (1, 1)
    """

    n_stored: int = 0
    n_rejected: int = 0
    bytes: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    first: str = ""

    @property
    def n_read(self) -> int:
        """Rows that were stored or rejected."""
        return self.n_stored + self.n_rejected

    def reject(self, reasons: list[str]) -> None:
        """Count rejects."""
        self.n_rejected += len(reasons)
        self.reasons.update(reasons)

    def add(self, other: Tally) -> None:
        """Add the counts of another source."""
        self.n_stored += other.n_stored
        self.n_rejected += other.n_rejected
        self.bytes += other.bytes
        self.reasons.update(other.reasons)
        for stage, spent in other.seconds.items():
            self.seconds[stage] += spent
        self.first = self.first or other.first
