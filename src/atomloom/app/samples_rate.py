"""How fast samples come, beside how fast this machine fills memory; and how large a sample is in every format."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.app import interrupts
from atomloom.engine.budget import resolve_threads, usable_cores
from atomloom.engine.side_by_side import in_threads
from atomloom.errors import AtomloomError, MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable

    from atomloom.samples import Dataset

BATCH = 8192
RANDOM_BATCH = 1024
BATCH_BYTES = 12 << 20
FILL_BYTES = 84 << 20
"""Beyond the caches of most machines."""
_TRIED = (("arrow", None), ("arrow", "zstd"), ("parquet", None), ("parquet", "zstd"), ("hdf5", None), ("npy", None),
          ("zarr", None), ("mds", None))  # fmt: skip


def threads_of(n_jobs: int | None) -> int:
    """Threads that are used: no more than there are cores.

    Examples
    --------
    >>> threads_of(1)
    1
    """
    return max(1, min(resolve_threads(n_jobs), usable_cores()))


def sample_bytes(samples: Dataset) -> int:
    """Bytes of a sample in memory.

    Examples
    --------
    >>> from atomloom.samples import dataset
    >>> sample_bytes(dataset({"close": np.arange(1.0, 50.0)}, 9, {"lookback": 4, "channels": ["close"], "state": []}))
    28
    """
    return sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in samples.fields.values())


def batch_size(samples: Dataset) -> int:
    """Give the samples of a batch that stays in the cache."""
    return max(1, min(BATCH, BATCH_BYTES // sample_bytes(samples)))


def streamed(
    samples: Dataset, n: int, threads: int = 1, tell: Callable[[int], None] | None = None
) -> tuple[int, float]:
    """Go through the first n samples, in batches whose memory is used again; nothing is kept.

    Parameters
    ----------
    samples : Dataset
    n : int
        At most as many as there are.
    threads : int
    tell : callable, optional
        Takes the number of samples that are done.

    Returns
    -------
    int
        Samples.
    float
        Seconds.
    """
    some = replace(samples, n=min(n, len(samples)))
    size = batch_size(some)
    warm = replace(some, n=min(len(some), size * (threads + 1)))
    for _ in warm.iter(size, threads=threads if threads > 1 else 0, reuse=True):  # kernels are compiled by now
        pass
    done, began = 0, time.perf_counter()
    for batch in some.iter(size, threads=threads if threads > 1 else 0, reuse=True):
        done += len(batch["idx"])
        interrupts.check()
        if tell is not None:
            tell(done)
    return done, time.perf_counter() - began


def at_random(samples: Dataset, n: int) -> float:
    """Measure samples a second of batches of random samples: one thread, one buffer."""
    count = max(1, min(n, len(samples)) // RANDOM_BATCH)
    ids = np.random.default_rng(0).integers(0, len(samples), (min(count, 512), RANDOM_BATCH))
    out = samples.empty(RANDOM_BATCH)
    samples.batch(ids[0], out)
    began = time.perf_counter()
    for k in range(count):
        samples.batch(ids[k % len(ids)], out)
    return count * RANDOM_BATCH / (time.perf_counter() - began)


def filled(size: int, threads: int, repeats: int = 5) -> float:
    """Bytes a second that threads set in buffers of ``size`` bytes each, the best of some repeats."""
    buffers = [np.empty(max(size, 1 << 16), dtype=np.uint8) for _ in range(threads)]
    times = max(1, (200 << 20) // len(buffers[0]))

    def fill(k: int) -> None:
        for value in range(times):
            buffers[k].fill(value)

    best = 0.0
    for _ in range(repeats + 1):
        began = time.perf_counter()
        in_threads(fill, [(k,) for k in range(threads)], threads)
        best = max(best, threads * times * len(buffers[0]) / (time.perf_counter() - began))
        interrupts.check()
    return best


def measured(
    samples: Dataset, n: int, n_jobs: int | None = None, tell: Callable[[int], None] | None = None, repeats: int = 3
) -> dict[str, Any]:
    """Measure samples a second on one thread and on several, and how fast memory is filled: the best of some repeats.

    Returns
    -------
    dict
        ``one`` and ``all``, each with threads, seconds, samples a second ("rate"), bytes a second ("bandwidth"), bytes
        a second of memory that is only filled ("fill": buffers of 84 MB; "fill_cached": of the size of a batch), and
        the shares of those; ``random``, samples a second of random batches.
    """
    most = threads_of(n_jobs)
    size, batch = sample_bytes(samples), batch_size(samples)
    found: dict[str, Any] = {"sample_bytes": size, "batch": batch}
    for name, threads in (("one", 1), ("all", most)):
        if name == "all" and threads == 1:
            found["all"] = found["one"]
            continue
        done, seconds = min((streamed(samples, n, threads, tell) for _ in range(repeats)), key=lambda found: found[1])
        far, near = filled(FILL_BYTES, threads), filled(size * batch, threads)
        rate = done / seconds
        found[name] = {
            "threads": threads, "samples": done, "seconds": seconds, "rate": rate, "bandwidth": rate * size,
            "fill": far, "share": rate * size / far, "fill_cached": near, "share_cached": rate * size / near,
        }  # fmt: skip
    found["random"] = at_random(samples, min(n, 1_000_000))
    return found


def sizes(samples: Dataset) -> list[dict[str, Any]]:
    """Write some samples in every format that is installed, and give the bytes that one takes.

    Returns
    -------
    list of dict
        format, compression, bytes (of a sample; NaN where the format cannot hold these), note.
    """
    from atomloom.samples.writing import write  # noqa: PLC0415  # the writers of all formats

    room = max(1, min(1 << 16, (8 << 20) // sample_bytes(samples)))
    count = min(len(samples), 1 << (room.bit_length() - 1))  # whole pieces of a file
    some = replace(samples, n=count)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, compression in _TRIED:
            row: dict[str, Any] = {"format": name, "compression": compression or "", "bytes": np.nan, "note": ""}
            try:
                done = write(some, Path(folder) / f"{name}-{compression}", format=name, compression=compression,
                             n_jobs=1, progress=False)  # fmt: skip
                row["bytes"] = done.bytes / count
            except MissingExtra:
                row["note"] = f"not installed: pip install 'atomloom[{name}]'"
            except AtomloomError as error:
                row["note"] = str(error).partition(" Hint:")[0]
            rows.append(row)
    return rows
