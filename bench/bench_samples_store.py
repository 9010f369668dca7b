"""Samples as files: written as fast as the disk takes them, whatever the format; verified and read again."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from bench.measure import alternate, medians, row
from bench.memory import watched

LOOKBACK, SHARD = 64, 65_536
PLAIN = ("arrow", "hdf5", "parquet", "npy", "zarr", "mds")
PACKED = ("arrow", "hdf5", "parquet", "zarr")
BLOCK = 4 << 20
REST = 1.0  # seconds that the disk has to itself between two writes


def bars(rows, seed=0):
    """Bars of a made-up market with volumes that are as noisy as prices."""
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, rows)))
    open_ = close * np.exp(rng.normal(0.0, 0.005, rows))
    high = np.maximum(open_, close) * (1.0 + rng.exponential(0.004, rows))
    low = np.minimum(open_, close) / (1.0 + rng.exponential(0.004, rows))
    return {"open": open_, "high": high, "low": low, "close": close, "volume": rng.lognormal(10.0, 1.0, rows)}


@contextmanager
def emptied(folder, work):
    """Time a write into an empty folder; taking it away is not timed."""
    shutil.rmtree(folder, ignore_errors=True)
    os.sync()
    time.sleep(REST)
    try:
        yield work
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def same_bytes(folder, total, threads):
    """The limit: so many bytes in files of a shard's size, each waited for until it is on the disk."""
    block = np.random.default_rng(0).integers(0, 256, BLOCK, dtype=np.uint8)
    size = SHARD * 1297

    def one(number):
        file = os.open(folder / f"file-{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        left = min(size, total - number * size)
        while left:
            left -= os.write(file, memoryview(block)[: min(left, BLOCK)])
        os.fsync(file)
        os.close(file)

    folder.mkdir()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(-(-total // size))))
    return total


def by_hand(samples, folder, compression):
    """What one writes with pyarrow: a file for each shard, its table computed before."""
    import pyarrow as pa

    folder.mkdir()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    for low in range(0, samples.n, SHARD):
        table = samples.to_arrow(range(low, min(low + SHARD, samples.n)))
        with Path(folder / f"{low}.arrow").open("wb") as file:
            with pa.ipc.new_file(file, table.schema, options=options) as writer:
                writer.write_table(table)
            file.flush()
            os.fsync(file.fileno())
    return samples.n


def writes(samples, folder, repeats):
    """Seconds of every way to write, in turn."""
    from atomloom.samples.writing import write

    total = samples.n * sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in samples.fields.values())
    ways = {
        f"limit {threads}": (lambda threads=threads: same_bytes(folder, total, threads) and samples.n)
        for threads in (1, 2)
    }
    for name, compression in [*((name, None) for name in PLAIN), *((name, "zstd") for name in PACKED)]:
        ways[f"{name} {compression}"] = lambda name=name, compression=compression: (
            write(samples, folder, format=name, compression=compression, shard_rows=SHARD).rows
        )
    for compression in (None, "zstd"):
        ways[f"by hand {compression}"] = lambda compression=compression: by_hand(samples, folder, compression)
    seconds = {name: [] for name in ways}
    names = list(ways)
    for turn in range(repeats):  # each begins at another place: a disk that was idle takes the first bytes faster
        order = names[turn * len(names) // repeats :] + names[: turn * len(names) // repeats]
        contestants = {name: (lambda work=ways[name]: emptied(folder, work)) for name in order}
        for name, found in alternate(contestants, 1, lambda rows: rows == samples.n).items():
            seconds[name] += found
    return seconds


def peaks(samples, folder):
    """Megabytes above what was there before, of each format."""
    from atomloom.samples.writing import write

    found = {}
    for name, compression in [*((name, None) for name in PLAIN), *((name, "zstd") for name in PACKED)]:
        with emptied(folder, None), watched() as peak:
            write(samples, folder, format=name, compression=compression, shard_rows=SHARD)
        found[f"{name} {compression}"] = peak.root_growth / 1e6
    return found


def reads(samples, folder, repeats):
    """Seconds to verify, to go through all samples, and of 1,024 at random: a file that the system holds."""
    from atomloom.samples.opening import open_dataset
    from atomloom.samples.verifying import verify
    from atomloom.samples.writing import write

    write(samples, folder, format="arrow", shard_rows=SHARD)
    stored = open_dataset(folder)
    rng, room = np.random.default_rng(1), stored.empty(1024)
    batches = [rng.integers(0, samples.n, 1024) for _ in range(100)]

    def through():
        return sum(len(batch["idx"]) for batch in stored.iter(1024, reuse=True))

    def random():
        return sum(len(stored.batch(ids, out=room)["idx"]) for ids in batches)

    @contextmanager
    def opened(work):
        yield work

    ways = {"verify": lambda: verify(folder).rows, "in order": through, "random": random}
    contestants = {name: (lambda work=work: opened(work)) for name, work in ways.items()}
    found = medians(alternate(contestants, repeats, lambda rows: rows in (samples.n, 102_400)))
    shutil.rmtree(folder)
    return found


def run(smoke: bool) -> dict:
    from atomloom.samples import dataset

    n, repeats = (70_000, 1) if smoke else (1_000_000, 5)
    samples = dataset(bars(25_000), n, {"lookback": LOOKBACK, "seed": 1})
    outer = Path(tempfile.mkdtemp(prefix="atomloom-bench-"))
    try:
        folder = outer / "out"
        reading = reads(samples, folder, repeats)  # compiles what the others use
        all_seconds = writes(samples, folder, repeats)
        memory = peaks(samples, folder)
    finally:
        shutil.rmtree(outer)
    seconds = medians(all_seconds)
    limit = n / min(seconds["limit 1"], seconds["limit 2"])
    rows = [
        row(f"{name}: samples written", n / seconds[f"{name} None"], "samples/s", headline=name in ("arrow", "hdf5"),
            peer="the same bytes written and fsynced (the limit)", peer_value=limit,
            **({"least_ratio": 0.9} if name in ("arrow", "hdf5", "parquet", "npy") else {}))
        for name in PLAIN
    ]  # fmt: skip
    rows += [
        row(f"{name}, zstd: samples written", n / seconds[f"{name} zstd"], "samples/s", least=500_000,
            peer="pyarrow by hand, zstd", peer_value=n / seconds["by hand zstd"], headline=name == "arrow")
        for name in PACKED
    ]  # fmt: skip
    rows += [
        row("Arrow: samples written", n / seconds["arrow None"], "samples/s", peer="pyarrow by hand",
            peer_value=n / seconds["by hand None"]),
        row("most memory of any format, above what was there", max(memory.values()), "MB", most=150, headline=True),
        row("samples verified (Arrow, in the page cache)", n / reading["verify"], "samples/s", least=1_000_000,
            headline=True),
        row("samples read in order, 1,024 at a time", n / reading["in order"], "samples/s"),
        row("random batches of 1,024 read into one buffer", 102_400 / reading["random"], "samples/s"),
    ]  # fmt: skip
    return {
        "title": "Samples as files",
        "claim": "Samples are written as fast as the disk takes their bytes, in any format, in little memory.",
        "rows": rows,
        "repeats": f"medians of {repeats} alternating repeats; {n:,} samples of 1,297 bytes in shards of {SHARD:,}",
    }
