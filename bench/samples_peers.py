"""What people do for training windows: a loop over a frame, chunks of numpy, a torch dataset of items, a memory map."""

from __future__ import annotations

import time

import numpy as np

LOOKBACK = 64
COLUMNS = ("open", "high", "low", "close", "volume")


def bars(rows=25_000, seed=0):
    """A series of consistent bars."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, rows)))
    open_ = close * np.exp(rng.normal(0.0, 0.003, rows))
    return {
        "open": open_, "high": np.maximum(open_, close) * 1.002, "low": np.minimum(open_, close) * 0.998,
        "close": close, "volume": rng.integers(1, 10_000, rows).astype(float),
    }  # fmt: skip


def row_by_row(n, seed=0):
    """The published design: slices of a frame, lists in columns, one sample after the other; samples a second."""
    import pandas as pd

    frame, rng = pd.DataFrame(bars()), np.random.default_rng(seed)
    began = time.perf_counter()
    found = []
    for _ in range(n):
        idx = int(rng.integers(LOOKBACK, len(frame)))
        window = frame.iloc[idx - LOOKBACK : idx]
        state = {"idx": idx, "equity": rng.uniform(1e3, 1e6), "position": rng.choice((-1, 0, 1)),
                 "action": rng.integers(0, 3)}  # fmt: skip
        found.append(state | {name: window[name].to_numpy() for name in COLUMNS})
    table = pd.DataFrame(found)
    last = table["close"].map(lambda row: row[-1])
    for name in COLUMNS:
        by = last if name != "volume" else table["volume"].map(np.max)
        table[f"{name}_scaled"] = [row / scale for row, scale in zip(table[name], by, strict=True)]
    return n / (time.perf_counter() - began)


def by_chunks(n, chunk=8192, seed=0):
    """The best that numpy does: fancy rows of a sliding view, divided; samples a second."""
    series = np.array([bars()[name] for name in COLUMNS], dtype=np.float32)
    view = np.lib.stride_tricks.sliding_window_view(series, LOOKBACK, axis=1)
    rng = np.random.default_rng(seed)
    began = time.perf_counter()
    for first in range(0, n, chunk):
        size = min(chunk, n - first)
        places = rng.integers(0, view.shape[1] - 1, size)
        x = view[:, places].transpose(1, 0, 2).copy()
        x[:, :4] /= x[:, 3, -1][:, None, None]
        x[:, 4] /= x[:, 4].max(axis=1)[:, None]
        rng.uniform(1e3, 1e6, size), rng.integers(-1, 2, size), rng.integers(0, 3, size)
    return n / (time.perf_counter() - began)


def map_of(n, path, seed=0):
    """Windows written to a file and read back at random through a memory map, batches of 1,024; samples a second."""
    shape = (n, len(COLUMNS), LOOKBACK)
    x = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    x[:] = 1.0
    x.flush()
    rng = np.random.default_rng(seed)
    out, best = np.empty((1024, *shape[1:]), np.float32), 0.0
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(n // 1024):
            np.take(x, rng.integers(0, n, 1024), axis=0, out=out, mode="clip")
        best = max(best, n // 1024 * 1024 / (time.perf_counter() - began))
    return best


def items(n, seed=0):
    """A torch dataset that gives one item at a time, through a DataLoader; samples a second."""
    import torch

    series = torch.from_numpy(np.array([bars()[name] for name in COLUMNS], dtype=np.float32))
    rng = np.random.default_rng(seed)
    places = rng.integers(LOOKBACK, series.shape[1], n)

    class Items(torch.utils.data.Dataset):
        def __len__(self):
            return n

        def __getitem__(self, k):
            window = series[:, places[k] - LOOKBACK : places[k]]
            x = window / window[3, -1]
            x[4] = window[4] / window[4].max()
            return x, places[k]

    loader = torch.utils.data.DataLoader(Items(), batch_size=1024, shuffle=True)
    began = time.perf_counter()
    for _ in loader:
        pass
    return n / (time.perf_counter() - began)


def in_memory(n, seed=0):
    """All windows in one tensor, batches taken at random; samples a second."""
    import torch

    x = torch.ones((n, len(COLUMNS), LOOKBACK))
    generator = torch.Generator().manual_seed(seed)
    began = time.perf_counter()
    order = torch.randperm(n, generator=generator)
    for first in range(0, n, 1024):
        x[order[first : first + 1024]]
    return n / (time.perf_counter() - began)


def streamed_memory(n):
    """Peak resident memory of streaming n samples in a fresh process, above what importing takes; MB."""
    from pathlib import Path

    from atomloom.samples import dataset

    def resident(name):
        line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
        return int(line.split()[1]) / 1024

    samples = dataset(bars(), n, {"seed": 1})
    next(iter(samples.iter(1024, threads=2)))  # kernels are loaded
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew: imports reached higher
    for _ in samples.iter(8192, threads=2):
        pass
    return {"mb": resident("VmHWM") - before}
