"""write: samples as files, for those who want them; the same bytes whoever writes them, and however often."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomloom.engine.budget import show_size
from atomloom.engine.progress import RunStarted, listener
from atomloom.errors import BadInput, StoreError
from atomloom.samples.asking import check_computed
from atomloom.samples.manifest import manifest_of, put_manifest, read_manifest
from atomloom.samples.output_folder import begin, check_space, claimed, describe, discard, fault, held
from atomloom.samples.planning import Plan, plan_of
from atomloom.samples.series_files import contents_of
from atomloom.samples.shards import Crew, ShardEntry, append, jobs_of, mend_journal

if TYPE_CHECKING:
    import os

    from atomloom.engine.progress import Event, Listener
    from atomloom.samples.sample_set import Dataset

ROWS = 65_536
"""Samples of a shard where nothing else is said."""


@dataclass(frozen=True)
class Written:
    """A dataset that is on the disk.

    Attributes
    ----------
    path : Path
    format : str
    compression : str or None
    rows, shards : int
    resumed : int
        Shards that were there already.
    bytes : int
        Of all shards.
    jobs : int
    seconds : float

    Examples
    --------
    >>> Written(Path("out"), "arrow", None, 1000, 2, 0, 1_297_000, 1, 0.5).to_dict()["bytes"]
    1297000
    """

    path: Path
    format: str
    compression: str | None
    rows: int
    shards: int
    resumed: int
    bytes: int
    jobs: int
    seconds: float

    def summary(self) -> str:
        """Say it in a sentence.

        Examples
        --------
        >>> Written(Path("out"), "arrow", None, 1000, 2, 0, 1_297_000, 1, 0.5).summary()
        '1,000 samples in 2 shards of arrow (1.3 MB) under out: 0.5 s, 2,000 samples/s, 1 job'
        """
        made = self.rows * (self.shards - self.resumed) / max(1, self.shards)
        kind = self.format if self.compression is None else f"{self.format} ({self.compression})"
        there = f", {self.resumed:,} of them there already" if self.resumed else ""
        shards = f"{self.rows:,} samples in {self.shards:,} shard{'s' * (self.shards != 1)} of {kind}"
        rate = f"{self.seconds:.1f} s, {made / max(1e-9, self.seconds):,.0f} samples/s"
        jobs = f"{self.jobs} job{'s' * (self.jobs != 1)}"
        return f"{shards} ({show_size(self.bytes)}) under {self.path}{there}: {rate}, {jobs}"

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain numbers and texts."""
        return {**asdict(self), "path": str(self.path)}


def write(
    dataset: Dataset,
    path: str | os.PathLike[str],
    *,
    format: str = "arrow",  # noqa: A002 - the word people know
    compression: str | None = None,
    shard_rows: int | str = ROWS,
    n_jobs: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    memory_limit: float | str | None = None,
    fixed_size_list: bool = False,
    progress: Any = None,
) -> Written:
    """Write a dataset to a folder, in shards of equal numbers of samples.

    Parameters
    ----------
    dataset : Dataset
    path : path
        Folder; made if missing.
    format : {"arrow", "parquet", "hdf5", "zarr", "npy", "mds"}
    compression : {None, "lz4", "zstd"}, optional
        Not every format has each. Scaled windows are noise to a compressor: it saves 1 to 30 %.
    shard_rows : int or str
        Samples of a shard, or its size ("256MB").
    n_jobs : int, optional
        Threads; None is one below 100,000 samples and every core from there on, -1 all processors, -2 all but one.
    resume : bool
        Go on where a call for the same dataset was cut off; a whole dataset is left as it is.
    overwrite : bool
        Take away what an earlier call wrote there.
    memory_limit : int or str, optional
        Bytes for buffers, as "100MB": fewer jobs are used where they would not fit.
    fixed_size_list : bool
        Of Parquet: windows as lists of numbers, which every reader knows and which are read nine times slower.
    progress : bool or callable, optional
        Draw a bar; or take events (see :mod:`atomloom.engine.progress`). None draws one where stderr is a terminal.

    Returns
    -------
    Written

    Raises
    ------
    BadInput
        For settings that cannot be meant, a folder with something else in it, or a dataset there already.
    OverBudget
        Where one job needs more than ``memory_limit``; before anything is written.
    StoreError
        Where the disk is full or may not be written to; what was finished is kept, ``resume=True`` goes on.
    JobFailed
        Where a function of the spec raised; what was finished is kept, too.

    Notes
    -----
    Shards are molecules of :func:`atomloom.run_parallel`. Shard k holds samples k S to (k + 1) S - 1, in order. It is
    written under another name, waited for until it is on the disk, renamed, and only then named in the journal: a
    process may be killed at any moment. All files have the same bytes for any ``n_jobs``, interrupted or not, with the
    same version of the library that writes the format.
    The folder also holds a copy of the series: ``open_dataset(path).recipe()`` computes any sample without the shards.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from atomloom.samples import dataset
    >>> samples = dataset({"close": np.arange(1.0, 50.0)}, 1000, {"lookback": 4, "channels": ["close"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = write(samples, Path(folder) / "out", format="npy", shard_rows=300)
    >>> done.rows, done.shards
    (1000, 4)
    """
    check_computed(dataset, "write")
    began, folder = time.perf_counter(), Path(path)
    if resume and overwrite:
        raise BadInput("resume and overwrite are both asked for. Hint: one of them.")
    plan = plan_of(dataset, format, compression, shard_rows, fixed_size_list=fixed_size_list)
    jobs = plan.jobs_within(min(jobs_of(n_jobs, dataset.n), plan.layout.shards), memory_limit)
    heard = listener(progress)
    with claimed(folder):
        try:
            entries, resumed = _written(plan, folder, jobs, heard, resume=resume, overwrite=overwrite)
        except OSError as error:
            if isinstance(error, StoreError):
                raise
            raise fault(error, folder) from error
    size = sum(entry.bytes for entry in entries.values())
    return Written(folder, format, compression, dataset.n, len(entries), resumed, size, jobs,
                   time.perf_counter() - began)  # fmt: skip


def _written(plan: Plan, folder: Path, jobs: int, heard: Listener | None, *, resume: bool,
             overwrite: bool) -> tuple[dict[int, ShardEntry], int]:  # fmt: skip
    """Write what is not there; gives all shards, and how many of them were there."""
    layout, made, series = plan.layout, plan.made, contents_of(plan.dataset.series)
    manifest = manifest_of(plan.dataset, layout, made, plan.kinds, series)
    if layout.compression is None and not resume:
        check_space(folder, layout.row_bytes * layout.n, held(folder) if overwrite else 0)
    entries = begin(folder, manifest, resume=resume, overwrite=overwrite)
    resumed = len(entries)
    if resume and resumed == layout.shards and read_manifest(folder)["complete"]:
        return entries, resumed
    left = [shard for shard in range(layout.shards) if shard not in entries]
    if layout.compression is None:
        check_space(folder, layout.row_bytes * sum(map(layout.rows_of, left)))
    describe(folder, {**series, **made.standing(layout)})
    _run(plan, folder, left, jobs, entries, heard)
    ordered = [entries[shard] for shard in range(layout.shards)]
    for name, content in made.closing(layout, [entry.files for entry in ordered]).items():
        describe(folder, {name: content})
    journal = mend_journal(folder, ordered)
    size = sum(entry.bytes for entry in ordered)
    put_manifest(folder, {**manifest, "complete": True, "bytes": size, "journal": journal.xxh64})
    return entries, resumed


def _run(plan: Plan, folder: Path, left: list[int], jobs: int, entries: dict[int, ShardEntry],
         heard: Listener | None) -> None:  # fmt: skip
    """Write shards as molecules of the engine.

    A shard is named in the journal by the thread that wrote it, as soon as it is on the disk, not by a reducer: that
    takes results in their order, and a process that is killed would leave shards behind that nothing names.
    """
    crew, own, names = Crew(jobs), threading.local(), threading.Lock()

    def task(shard: int) -> ShardEntry:
        if not hasattr(own, "room"):
            own.room = plan.room()
        entry = write_shard(plan, folder, shard, crew, own.room)
        with names:
            append(folder, entry)
        return entry

    done = crew.work(left, task, heard=None if heard is None else _told(heard, len(left), len(entries)))
    entries.update((entry.shard, entry) for entry in done)


def _told(heard: Listener, left: int, resumed: int) -> Listener:
    """Tell what the engine does in words of a dataset: how many of its shards are there already."""

    def tell(event: Event) -> None:
        if isinstance(event, RunStarted):
            event = replace(event, name="samples", resumed=round(resumed * event.molecules / left))
        heard(event)

    return tell


def write_shard(plan: Plan, folder: Path, shard: int, crew: Crew, room: Any) -> ShardEntry:
    """Write one shard under other names, and put it where it belongs when it is on the disk."""
    layout, made = plan.layout, plan.made
    names = made.files(layout, shard)
    places = [folder / name for name in names]
    scratch = [place.with_name(f"{place.name}.tmp") for place in places]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
    try:
        found = made.write(layout, shard, scratch, plan.pieces(shard, room, crew.going))
        for old, new in zip(scratch, places, strict=True):
            old.replace(new)
    except BaseException:
        for place in scratch:
            discard(place)
        raise
    files = tuple(entry._replace(name=name) for entry, name in zip(found, names, strict=True))
    return ShardEntry(shard, layout.rows_of(shard), files)
