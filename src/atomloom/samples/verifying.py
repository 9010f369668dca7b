"""verify: every byte of a written dataset is looked at, and what is wrong is named."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.progress import listener
from atomloom.engine.redux import associative
from atomloom.errors import AtomloomError, StoreError
from atomloom.samples.formats.sink import entry_of
from atomloom.samples.manifest import layout_of
from atomloom.samples.opening import EXPORT_FOLDER, places_in
from atomloom.samples.output_folder import beside
from atomloom.samples.reading import StoredDataset, open_stored
from atomloom.samples.recipe import looked_at, read_recipe
from atomloom.samples.shards import JOURNAL, Crew, ShardEntry, jobs_of, read_journal

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from atomloom.samples.opening import Places
    from atomloom.samples.sample_set import Dataset


@dataclass(frozen=True)
class Verified:
    """What was found.

    Attributes
    ----------
    path : Path
    ok : bool
    rows, shards, bytes : int
        That were looked at.
    problems : tuple of str
        One for each file that is not as it was written, and for each shard with rows that the recipe does not give.
    recomputed : bool
        Whether rows were compared with the recipe.
    seconds : float

    Examples
    --------
    >>> from pathlib import Path
    >>> Verified(Path("out"), False, 10, 1, 99, ("shard-00000000.arrow (shard 0): 9 bytes of 99",), False, 1.0).ok
    False
    """

    path: Path
    ok: bool
    rows: int
    shards: int
    bytes: int
    problems: tuple[str, ...]
    recomputed: bool
    seconds: float

    def summary(self) -> str:
        """Say it in a sentence, and what is wrong in a line each.

        Examples
        --------
        >>> from pathlib import Path
        >>> Verified(Path("out"), True, 10, 1, 99, (), False, 1.0).summary()
        'out: 10 samples in 1 shard are as they were written (1.0 s, 10 samples/s)'
        """
        rate = f"({self.seconds:.1f} s, {self.rows / max(1e-9, self.seconds):,.0f} samples/s)"
        if not self.shards:
            rate = f"({self.seconds:.1f} s)"
        shards = f"{self.shards:,} shard{'s' * (self.shards != 1)}" if self.shards else "a recipe"
        if self.ok:
            are = "are as they were written" + (" and as the recipe gives them" if self.recomputed else "")
            return f"{self.path}: {self.rows:,} samples in {shards} {are} {rate}"
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        seen = f"{len(self.problems):,} problem{'s' * (len(self.problems) != 1)} in {shards}"
        hint = "Hint: delete those files, and write(..., resume=True) makes them again."
        if not self.shards:
            hint = "Hint: copy it again from where it came from, or make it again."
        return f"{self.path}: {seen} {rate}{lines}\n{hint}"

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain numbers and texts."""
        return {**asdict(self), "path": str(self.path), "problems": list(self.problems)}


def verify(
    path: str | os.PathLike[str], n_jobs: int | None = None, *, recompute: bool = False, progress: Any = False
) -> Verified:  # fmt: skip
    """Look whether a dataset is as it was written.

    Parameters
    ----------
    path : path
        Its folder; a recipe; or a run of `atomloom samples`, of which all that it has is looked at.
    n_jobs : int, optional
        As of :func:`atomloom.samples.write`.
    recompute : bool
        Also compare every sample with what the recipe gives.
    progress : bool or callable, optional
        As of :func:`atomloom.samples.write`; nothing is drawn where nothing is said.

    Returns
    -------
    Verified
        It names every file that is missing, of another size, or has another byte.

    Raises
    ------
    StoreError
        Where there is no dataset, or its manifest is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from atomloom.samples import dataset
    >>> from atomloom.samples.writing import write
    >>> samples = dataset({"close": np.arange(1.0, 50.0)}, 1000, {"lookback": 4, "channels": ["close"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     done = write(samples, Path(folder) / "out", format="npy", shard_rows=300)
    ...     verify(done.path, recompute=True).ok
    True
    """
    places = places_in(Path(path))
    if places.recipe is not None or len(places.written) > 1:
        return _whole(Path(path), places, n_jobs, recompute=recompute, progress=progress)
    began, heard, stored = time.perf_counter(), listener(progress), open_stored(path)
    entries = read_journal(stored.path)
    problems = [f"{name}: {wrong}" for name, wrong in beside(stored.path, stored.manifest, entries).items()]
    recipe = stored.recipe() if recompute and not problems else None
    shards = layout_of(stored.manifest).shards
    crew = Crew(min(jobs_of(n_jobs, stored.n), shards))

    def task(shard: int) -> tuple[int, list[str]]:
        return _look(stored, entries, shard, recipe, crew.going)

    size, found = crew.work(range(shards), task, redux=_joined, heard=heard)
    problems += found
    return Verified(
        stored.path, not problems, stored.n, shards, size, tuple(sorted(problems)), recompute,
        time.perf_counter() - began,
    )  # fmt: skip


def _whole(folder: Path, places: Places, n_jobs: int | None, *, recompute: bool, progress: Any) -> Verified:
    """Look at a recipe, and at the files beside it of every part."""
    began = time.perf_counter()
    found = [verify(each, n_jobs, recompute=recompute, progress=progress) for each in places.written.values()]
    rows, size = sum(each.rows for each in found), sum(each.bytes for each in found)
    problems = [f"{each.path.relative_to(folder)}/{problem}" for each in found for problem in each.problems]
    if places.recipe is not None:
        samples, own, wrong = looked_at(places.recipe)
        gone = [] if wrong or not found else _gone(places)
        rows, size, problems = rows if found else samples, size + own, [*wrong, *gone, *problems]
    shards = sum(each.shards for each in found)
    return Verified(folder, not problems, rows, shards, size, tuple(problems), recompute and bool(found),
                    time.perf_counter() - began)  # fmt: skip


def _gone(places: Places) -> list[str]:
    """Name the parts of a recipe that there are no files of, where there are some of others."""
    parts = [] if places.recipe is None else [row["part"] or "" for row in read_recipe(places.recipe)["parts"]]
    return [f"{EXPORT_FOLDER}: no files of part {part!r}" for part in parts if part not in places.written]


@associative
def _joined(before: tuple[int, list[str]], found: tuple[int, list[str]]) -> tuple[int, list[str]]:
    """Add what was found of some shards to what was found of others."""
    return before[0] + found[0], before[1] + found[1]


def _look(stored: StoredDataset, entries: dict[int, ShardEntry], shard: int, recipe: Dataset | None,
          going: Callable[[], None]) -> tuple[int, list[str]]:  # fmt: skip
    """Look at one shard; gives the bytes that were read, and what is wrong."""
    if shard not in entries:
        return 0, [f"shard {shard}: not in {JOURNAL}"]
    problems, size = [], 0
    for each in entries[shard].files:
        try:
            found = entry_of(stored.path / each.name, going)
        except OSError as error:
            problems.append(f"{each.name} (shard {shard}): {error.strerror}")
            continue
        size += found.bytes
        if found.bytes != each.bytes:
            problems.append(f"{each.name} (shard {shard}): {found.bytes:,} bytes of {each.bytes:,}")
        elif found.xxh64 != each.xxh64:
            problems.append(f"{each.name} (shard {shard}): a byte is not as it was written")
    if recipe is not None and not problems:
        problems += _compare(stored, recipe, shard, going)
    return size, problems


def _compare(stored: StoredDataset, recipe: Dataset, shard: int, going: Callable[[], None]) -> list[str]:
    """Compare the rows of a shard with what the recipe gives, byte by byte."""
    layout = layout_of(stored.manifest)
    first, rows = shard * layout.shard_rows, layout.rows_of(shard)
    try:
        columns = stored.shard_columns(shard)
        for low in range(0, rows, layout.piece_rows):
            going()
            high = min(low + layout.piece_rows, rows)
            made = recipe.filled(np.arange(first + low, first + high, dtype=np.int64))
            for name, column in columns.span(low, high).items():
                wanted = np.ascontiguousarray(made[name])
                if np.ascontiguousarray(column).tobytes() != wanted.tobytes():
                    return [
                        f"shard {shard}: {name} of samples {first + low:,} to {first + high - 1:,} is not the recipe's"
                    ]
    except AtomloomError as error:
        if isinstance(error, StoreError):
            return [str(error)]
        raise
    return []
