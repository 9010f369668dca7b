"""Where the leaves of a sweep go as they are finished: arrays by configuration, and a Parquet file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput, StoreError
from atomloom.kernels import memory
from atomloom.portfolio.configs import ABSENT
from atomloom.portfolio.sweep_plan import LEAF
from atomloom.portfolio.sweep_table import FIGURES

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from atomloom.portfolio.configs import Configs
    from atomloom.portfolio.sweep_work import LeafFound, SweepJob

    Reals = NDArray[np.float64]


@dataclass(frozen=True)
class SweepProgress:
    """What a sweep has done so far: an event for whoever listens.

    Attributes
    ----------
    done, total : int
        Configurations that were worked, and that are to be.
    best : float
        Highest Sharpe ratio of a year so far; -inf where there is none.
    place : int
        Whose it is; -1 where there is none.

    Examples
    --------
    >>> SweepProgress(2048, 10_000, 1.1, 77).best
    1.1
    """

    done: int
    total: int
    best: float
    place: int


class SweepSink:
    """Takes leaves in order, as a reducer of the engine does; R configurations are worked.

    Attributes
    ----------
    figures : (len(FIGURES), R) float64
    sums : (4, R) float64
    ruined : (R,) float64
    splits, blocks : (2, G, R) float64
    t : (R,) float64
        In the order of work, until :meth:`by_configuration`.
    maxima : (leaves, B) float64
    best : tuple of float and int
        Highest Sharpe ratio so far, and whose it is.
    """

    def __init__(
        self, job: SweepJob, configs: Configs, out: str | os.PathLike[str] | None,
        listen: Callable[[Any], Any] | None = None,
    ) -> None:  # fmt: skip
        worked = len(job.order)
        self.job = job
        self.figures = memory.empty((len(FIGURES), worked))  # fresh pages cost a tenth of a sweep
        self.sums = memory.empty((4, worked))
        self.ruined = np.empty(worked)
        self.splits = memory.empty((2, max(len(job.cuts.splits) - 1, 0), worked))
        self.blocks = memory.empty((2, max(len(job.cuts.blocks) - 1, 0), worked))
        self.t = np.full(worked, np.nan)
        self.maxima = np.zeros((job.n_leaves, 0 if job.counts is None else len(job.counts)))
        self.best = (-np.inf, -1)
        self._size, self._leaf, self._listen = configs.size, 0, listen
        self._file = None if out is None else TableFile(out, configs)

    def __getstate__(self) -> dict[str, Any]:
        """Tell a journal nothing: where results go does not decide what they are, and the job is told beside it."""
        return {}

    def __call__(self, before: Any, found: Any) -> SweepSink:
        """Take what a call of the work function gave; the first call brings two."""
        for leaves in (before, found):
            if leaves is not self:
                for leaf in leaves:
                    self.take(leaf)
        return self

    def take(self, found: LeafFound) -> None:
        """Put one leaf in its place."""
        places = self.job.places(self._leaf)
        own = slice(self._leaf * LEAF, self._leaf * LEAF + len(places))
        for held, new in (
            (self.figures, found.figures), (self.sums, found.sums), (self.ruined, found.ruined),
            (self.splits, found.splits), (self.blocks, found.blocks),
        ):  # fmt: skip
            held[..., own] = new
        if self.job.counts is not None:
            self.t[own] = found.t
            self.maxima[self._leaf] = found.maxima
        sharpe = np.where(np.isnan(found.figures[3]), -np.inf, found.figures[3])
        k = int(np.argmax(sharpe))
        if sharpe[k] > self.best[0] or (sharpe[k] == self.best[0] and places[k] < self.best[1]):
            self.best = (float(sharpe[k]), int(places[k]))
        if self._file is not None:
            self._file.write(places, found.figures, np.where(found.ruined >= 0, "ruined", "ok"))
        self._leaf += 1
        if self._listen is not None:
            done = min(self._leaf * LEAF, len(self.job.order))
            self._listen(SweepProgress(done, len(self.job.order), *self.best))

    def close(self, *, whole: bool = True) -> None:
        """Finish the file with what was not worked; it gets its name only if it is whole."""
        if self._file is None:
            return
        left = np.setdiff1d(np.arange(self._size), self.job.order) if whole else np.zeros(0, dtype=np.int64)
        for first in range(0, len(left), LEAF):
            places = left[first : first + LEAF]
            nothing = np.full((len(FIGURES), len(places)), np.nan)
            self._file.write(places, nothing, np.full(len(places), "failed"))
        self._file.close(whole=whole)

    def by_configuration(self) -> None:
        """Put everything from the order of work into that of the configurations; nan where one was not worked."""
        order, size = self.job.order, self._size
        if len(order) == size and bool((np.diff(order) == 1).all()):
            return
        for name in ("figures", "sums", "splits", "blocks", "t"):  # one after the other: the old one is let go of
            setattr(self, name, _placed(getattr(self, name), order, size))
        self.ruined = np.nan_to_num(_placed(self.ruined, order, size), nan=-1.0)


class TableFile:
    """A Parquet file of configurations and their figures, a row group for every leaf.

    Parameters
    ----------
    path : path
        Written beside it, and put in its place when it is whole.
    configs : Configs
    """

    def __init__(self, path: str | os.PathLike[str], configs: Configs) -> None:
        self._arrow, self._parquet = need("pyarrow"), need("pyarrow.parquet")
        self._path = _file(path)
        self._part = self._path.with_name(self._path.name + ".part")
        self._configs = configs
        self._values = {
            name: self._arrow.array(_plain(list(column.values)))
            for name, column in configs.columns.items()
            if column.codes is not None
        }
        self._writer: Any = None

    def write(self, places: Any, figures: Reals, status: Any) -> None:
        """Append configurations: their number, their parameters, their status, their figures."""
        columns = {"config": np.asarray(places)}
        for name, column in self._configs.columns.items():
            if column.codes is None:
                columns[name] = self._arrow.array(list(np.asarray(column.values)[places]))
            else:
                columns[name] = self._values[name].take(self._arrow.array(column.codes[places]))
        columns["status"] = self._arrow.array(status.tolist())
        table = self._arrow.table(columns | dict(zip(FIGURES, figures, strict=True)))
        if self._writer is None:
            self._writer = self._parquet.ParquetWriter(self._part, table.schema, compression="zstd")
        self._writer.write_table(table)

    def close(self, *, whole: bool = True) -> None:
        """Write the end of the file, and give it its name if it is whole."""
        if self._writer is not None:
            self._writer.close()
            if whole:
                self._part.replace(self._path)


def _file(path: Any) -> Path:
    if not isinstance(path, str | os.PathLike):
        raise BadInput(f"out is {path!r}. Hint: give the path of a file.")
    found = Path(path)
    if not found.parent.is_dir() or found.is_dir():
        raise StoreError(f"out is {found}, which no file can be. Hint: a name in a folder that is there.")
    return found


def _plain(values: list[Any]) -> list[Any]:
    """Values that a file can hold: of one kind, what is neither number, text nor flag by its name."""
    held = [None if value is ABSENT else value for value in values]
    kinds = {type(value) for value in held if value is not None}
    if kinds <= {bool} or kinds <= {str} or kinds <= {int} or kinds <= {tuple}:
        return held
    if kinds <= {int, float}:
        return [None if value is None else float(value) for value in held]
    return [None if value is None else str(getattr(value, "__name__", value)) for value in held]


def _placed(held: Reals, order: NDArray[np.int64], size: int) -> Reals:
    """Move columns to their places, a row at a time: a row fits the cache. Where none is absent, in its own memory."""
    found = np.full((*held.shape[:-1], size), np.nan) if len(order) < size else held
    for row, moved in zip(held.reshape(-1, held.shape[-1]), found.reshape(-1, size), strict=True):
        moved[order] = row.copy()
    return found
