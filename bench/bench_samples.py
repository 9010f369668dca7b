"""Training samples: streamed, at random, into PyTorch; beside numpy, torch and the machine's memory."""

from __future__ import annotations

import hashlib
import importlib.util
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from atomloom.samples import SampleSpec, dataset
from bench import samples_peers as peers
from bench.child import fresh
from bench.measure import row

SEED = 1


def made(n, **settings):
    return dataset(peers.bars(), n, SampleSpec(peers.LOOKBACK, seed=SEED, **settings))


def streamed(samples, threads, batch=8192):
    """Samples a second of one pass; buffers are used again."""
    began = time.perf_counter()
    seen = 0
    for found in samples.iter(batch, threads=threads, reuse=True):
        seen += len(found["idx"])
    took = time.perf_counter() - began
    if seen != len(samples):
        raise ArithmeticError(f"{seen:,} samples of {len(samples):,}; they are not timed.")
    return seen / took


def fill_bandwidth(threads, size=84_000_000):
    """Bytes a second that threads write into buffers beyond the cache, used again."""
    from atomloom.engine.side_by_side import in_threads

    buffers = [np.empty(size, np.uint8) for _ in range(threads)]
    best = 0.0
    for _ in range(6):
        began = time.perf_counter()
        in_threads(lambda buffer: buffer.fill(1), [(buffer,) for buffer in buffers], threads)
        best = max(best, threads * size / (time.perf_counter() - began))
    return best


def beyond_cache(samples, threads, repeats, n):
    """Bytes a second when 65,536 samples are written at a time: more than the caches hold."""
    best = 0.0
    per_sample = sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in samples.fields.values())
    part = dataset(peers.bars(), n, samples.spec)
    for _ in range(repeats):
        best = max(best, streamed(part, threads, 65_536))
    return best * per_sample, best


def of_streams(smoke):
    n = 50_000 if smoke else 10_000_000
    samples, rows, rates = made(n), [], {1: [], 2: []}
    streamed(samples, 0)
    for _ in range(1 if smoke else 5):
        for threads, own in rates.items():
            own.append(streamed(samples, 0 if threads == 1 else threads))
    middle = {threads: statistics.median(found) / 1e6 for threads, found in rates.items()}
    slow, chunks = peers.row_by_row(300 if smoke else 3000), peers.by_chunks(n // 10)
    what = "samples of 5 channels x 64 bars, scaled, with state, streamed"
    rows.append(row(f"{what}, two threads", middle[2], "million/s", least=15, headline=True,
                    peer="numpy in chunks, one thread", peer_value=chunks / 1e6))  # fmt: skip
    rows.append(row(f"{what}, one thread", middle[1], "million/s", least=8,
                    peer="a loop over slices of a frame", peer_value=slow / 1e6))  # fmt: skip
    bytes_, rate = beyond_cache(samples, 2, 1 if smoke else 3, min(n, 4_000_000))
    fill = fill_bandwidth(2, 2_000_000 if smoke else 84_000_000)
    rows.append(row("written beyond the caches, two threads", bytes_ / 1e9, "GB/s", peer="memory filled with ones",
                    peer_value=fill / 1e9, least_ratio=0.75, note=f"{rate / 1e6:.1f} million samples/s"))  # fmt: skip
    if not smoke:
        for many, most in ((40_000_000, 4), (320_000_000, 30)):
            took = many / streamed(made(many), 2)
            rows.append(row(f"{many / 1e6:.0f} million samples streamed", took, "s", most=most, headline=many > 1e8))
    return rows


def of_batches(smoke):
    samples, repeats = made(10**12), 20 if smoke else 2000
    ids = np.random.default_rng(0).integers(0, 10**12, (repeats, 1024))
    out = samples.empty(1024)
    samples.batch(ids[0], out)
    rates = []
    for _ in range(1 if smoke else 5):
        began = time.perf_counter()
        for some in ids:
            samples.batch(some, out)
        rates.append(ids.size / (time.perf_counter() - began) / 1e6)
    with tempfile.TemporaryDirectory() as folder:
        mapped = peers.map_of(4096 if smoke else 300_000, Path(folder, "x.npy")) / 1e6
    began = time.perf_counter()
    dataset(peers.bars(), 10**12, samples.spec)
    opened = time.perf_counter() - began
    return [
        row("random batches of 1,024 of a million million, one thread", statistics.median(rates), "million/s", least=12,
            headline=True, peer="memory map in the page cache", peer_value=mapped),
        row("opening a dataset of 10^12 samples", 1e3 * opened, "ms", most=50),
    ]  # fmt: skip


def of_torch(smoke):
    if importlib.util.find_spec("torch") is None:
        return []
    n = 20_000 if smoke else 4_000_000
    samples = made(n).to_torch()
    rates = []
    for epoch in range(2 if smoke else 4):
        began = time.perf_counter()
        seen = sum(len(batch["idx"]) for batch in samples.loader(1024, shuffle=True, threads=0, epoch=epoch))
        rates.append(n / (time.perf_counter() - began) / 1e6)
        if seen != n:
            raise ArithmeticError("an epoch missed samples; it is not timed.")
    slow, tensor = peers.items(2000 if smoke else 100_000) / 1e6, peers.in_memory(2000 if smoke else 400_000) / 1e6
    what = "PyTorch, shuffled epoch, batches of 1,024, no processes"
    return [
        row(what, statistics.median(rates[1:]), "million/s", least=4, peer="a Dataset of items", peer_value=slow,
            headline=True),
        row(f"{what} (the same)", statistics.median(rates[1:]), "million/s", peer="all windows in one tensor",
            peer_value=tensor),
    ]  # fmt: skip


def of_memory(smoke):
    sizes = (20_000, 40_000) if smoke else (1_000_000, 10_000_000, 40_000_000)
    found = [fresh("bench.samples_peers:streamed_memory", 300, n=n)["mb"] for n in sizes]
    return [
        row(f"peak memory of streaming {n:,} samples", mb, "MB", most=200)
        for n, mb in zip(sizes, found, strict=True)
    ]  # fmt: skip


def of_bytes(smoke):
    """Hashes of all bytes over threads, sizes of batches and orders."""
    n = 3000 if smoke else 200_000
    samples, found = made(n), set()
    for batch, threads in ((n, 0), (1, 0) if smoke else (777, 0), (1024, 1), (1024, 2), (4096, 3), (50_000, 2)):
        digest = hashlib.sha256()
        whole = {name: [] for name in samples.fields}
        for part in samples.iter(batch, threads=threads):
            for name, parts in whole.items():
                parts.append(part[name].copy())
        for name in sorted(whole):
            digest.update(np.concatenate(whole[name]).tobytes())
        found.add(digest.hexdigest())
    return [row("different bytes over 6 numbers of threads and sizes of batches", len(found), "distinct", most=1)]


def run(smoke: bool) -> dict:
    return {
        "title": "Training samples",
        "claim": "A sample is a function of its number: computed quicker than it could be read back, the same bytes "
        "whatever the threads and batches.",
        "rows": [*of_streams(smoke), *of_batches(smoke), *of_torch(smoke), *of_memory(smoke), *of_bytes(smoke)],
        "repeats": "medians of 5 alternating passes of 10 million (torch: 3 of 4 million); peers once",
    }
