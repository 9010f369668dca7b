"""The trace of a run: one record per molecule, enough for an ETA, a Gantt and a post-mortem."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    import pandas as pd


@dataclass
class Trace:
    """When, where and at what price every molecule was worked.

    Attributes
    ----------
    records : list of dict
        ``molecule, leaf_lo, leaf_hi, atom_lo, atom_hi, worker, queued, start, end`` (seconds
        since the run began), ``cpu`` (seconds), ``rss`` (bytes, 0 where not measured),
        ``bytes_in, bytes_out, attempt, status`` ("done", "failed", "lost", "timeout", "journal").
    workers : int
    wall : float
        Seconds from the first to the last moment of the run.
    startup : float
        Seconds until the first molecule to come back had begun.
    reducing : float
        Seconds that the parent spent in the reducer.
    listening : float
        Seconds that the parent spent in the progress listener.
    peak_held : int
        Most finished molecules that waited to be reduced at one time.
    deaths : int
        Workers that died and were replaced.

    Examples
    --------
    >>> from atomloom import run_parallel
    >>> trace = run_parallel(lambda molecule: len(molecule), range(9), num_threads=1, mp_batches=3).trace
    >>> [(record["atom_lo"], record["atom_hi"], record["status"]) for record in trace.records]
    [(0, 3, 'done'), (3, 6, 'done'), (6, 9, 'done')]
    """

    records: list[dict[str, Any]] = field(default_factory=list)
    workers: int = 1
    wall: float = 0.0
    startup: float = 0.0
    reducing: float = 0.0
    listening: float = 0.0
    peak_held: int = 0
    deaths: int = 0

    def utilisation(self) -> float:
        """Share of the workers' time that was spent inside molecules, 0 to 1.

        Examples
        --------
        >>> Trace([{"start": 0.0, "end": 1.0}], workers=2, wall=1.0).utilisation()
        0.5
        """
        if self.wall <= 0:
            return 0.0
        return min(1.0, self.busy / (self.wall * max(1, self.workers)))

    @property
    def busy(self) -> float:
        """Seconds inside molecules, summed over workers."""
        return float(sum(record["end"] - record["start"] for record in self.records))

    @property
    def cpu(self) -> float:
        """Processor seconds of all molecules."""
        return float(sum(record.get("cpu", 0.0) for record in self.records))

    def to_frame(self) -> pd.DataFrame:
        """Give the records as a table, one row per molecule and attempt."""
        import pandas as pd  # noqa: PLC0415  # only a run that is looked at loads pandas

        return pd.DataFrame.from_records(self.records)

    def write_jsonl(self, path: str | os.PathLike[str]) -> None:
        """Write one JSON object per line."""
        with Path(path).open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(record) + "\n" for record in self.records)
