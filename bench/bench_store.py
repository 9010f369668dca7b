"""The store: size on disk, a full read, one day, a rare value, beside the stores that people use."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from atomloom.store import open_store, write_trades
from bench import store_peers as peers
from bench import synthetic
from bench.measure import alternate, medians, row

FULL = ("ts", "px", "size")


def opened(work):
    @contextmanager
    def once():
        yield work

    return once


def timed(contestants, repeats, check):
    return medians(alternate({name: opened(work) for name, work in contestants.items()}, repeats, check))


def prepare(folder, made):
    """Write the trades into every store that is installed; give the openers and the sizes in MB."""
    sizes = {"atomloom": write_trades(folder / "ours.h5", made).stat().st_size / 1e6}
    held = {}
    for name, peer in peers.found().items():
        held[name] = peer(folder, made)
        sizes[name] = held[name].megabytes
    return held, sizes


def full_reads(ours, held, made, repeats):
    contestants = {"atomloom": lambda: ours.trades(columns=FULL).size}
    contestants |= {name: peer.full for name, peer in held.items()}
    total = made.volume
    return timed(contestants, repeats, lambda size: int(np.asarray(size).sum(dtype=np.int64)) == total)


def day_reads(ours, held, made, repeats):
    day = made.ts[len(made) // 2] // synthetic.DAY * synthetic.DAY
    start, end = (np.datetime64(int(moment), "ns") for moment in (day, day + synthetic.DAY))
    rows = int(((made.ts >= day) & (made.ts < day + synthetic.DAY)).sum())
    contestants = {"atomloom": lambda: len(ours.trades(start, end, columns=FULL))}
    contestants |= {name: (lambda peer=peer: peer.day(start, end)) for name, peer in held.items()}
    return timed(contestants, repeats, lambda count: count == rows), rows


def value_reads(ours, held, made, least, repeats):
    """All columns of the rows whose size is at least so much."""
    hits = int((made.size >= least).sum())
    query = f"size >= {least}"
    contestants = {
        "atomloom": lambda: len(ours.where(query).columns(FULL)["px"]),
        "scan": lambda: scan(ours, least),
    }
    contestants |= {name: (lambda peer=peer: peer.value(least)) for name, peer in held.items() if peer.value}
    return timed(contestants, repeats, lambda count: count == hits), hits


def common_reads(ours, made, value, repeats):
    """Positions of a value that many rows have, by the planner and by looking at every row."""
    hits = int((made.size == value).sum())
    contestants = {
        "atomloom": lambda: len(ours.where(f"size == {value}")),
        "scan": lambda: len(np.flatnonzero(ours.arrays(["size"])["size"] == value)),
    }
    return timed(contestants, repeats, lambda count: count == hits), hits


def scan(ours, least):
    columns = ours.arrays(FULL)
    return len(columns["px"][columns["size"] >= least])


def contiguous(folder, made):
    """The limit: uncompressed columns in HDF5, read as they lie."""
    import h5py

    path = folder / "plain.h5"
    with h5py.File(path, "w") as file:
        for name in FULL:
            file[name] = getattr(made, name)

    def read():
        with h5py.File(path) as file:
            return {name: file[name][()] for name in FULL}["size"]

    return read


def run(smoke: bool) -> dict:
    n, days, repeats = (300_000, 40, 1) if smoke else (30_000_000, 1_400, 7)
    folder = Path(tempfile.mkdtemp(prefix="atomloom-bench-"))
    try:
        made, _ = synthetic.trades(n, days)
        held, sizes = prepare(folder, made)
        with open_store(folder / "ours.h5") as store:
            ours = store[made.symbol]
            full = full_reads(ours, held | {"limit": Limit(contiguous(folder, made))}, made, repeats)
            day, day_rows = day_reads(ours, held, made, 3 * repeats)
            least = int(np.quantile(made.size, 0.9995)) + 1
            rare, hits = value_reads(ours, held, made, least, repeats)
            common, common_hits = common_reads(ours, made, 3, repeats)
    finally:
        shutil.rmtree(folder)
    rows = []
    for name in held:
        rows += beside(name, sizes, full, day, rare, n, day_rows, hits)
    best = min((day[name] for name in held), default=None)
    rows += [
        row(f"{n:,} trades on disk (ts, px, size, venue)", sizes["atomloom"], "MB", most=160, headline=True),
        row("one day, warm", 1e3 * day["atomloom"], "ms", most=1.5, peer="the quickest of the others",
            peer_value=None if best is None else 1e3 * best, headline=True),
        row(f"rows with size >= {least} ({hits:,}), three columns", 1e3 * rare["atomloom"], "ms", most=4,
            peer="a scan of the same store", peer_value=1e3 * rare["scan"], headline=True),
        row(f"positions of size == 3 ({common_hits:,})", 1e3 * common["atomloom"], "ms",
            peer="a scan of the same store", peer_value=1e3 * common["scan"], most_ratio=1.1, headline=True),
        row("full read, compressed", full["atomloom"], "s", peer="contiguous HDF5, uncompressed (the limit)",
            peer_value=full["limit"]),
        row("decompressed", 16e-9 * n / full["atomloom"], "GB/s"),
    ]  # fmt: skip
    return {
        "title": "Store",
        "claim": "A compressed store is read as fast as an uncompressed one; a day or a rare value takes milliseconds.",
        "rows": rows,
        "repeats": f"medians of {repeats} alternating repeats ({3 * repeats} for the day), files in the page cache",
    }


class Limit:
    def __init__(self, full):
        self.full = full


BOUNDS = {"ArcticDB": {"most_ratio": 1.0}}


def beside(name, sizes, full, day, rare, n, day_rows, hits):
    """The rows against one peer."""
    rows = [
        row(f"{n:,} trades on disk", sizes["atomloom"], "MB", peer=name, peer_value=sizes[name],
            **({"most_ratio": 0.5} if name == "ArcticDB" else {})),
        row("full read of ts, px, size", full["atomloom"], "s", peer=name, peer_value=full[name],
            headline=name == "ArcticDB", **BOUNDS.get(name, {})),
        row(f"one day ({day_rows:,} trades)", 1e3 * day["atomloom"], "ms", peer=name, peer_value=1e3 * day[name]),
    ]  # fmt: skip
    if name in rare:
        rows.append(row(f"{hits:,} rows by size", 1e3 * rare["atomloom"], "ms", peer=name, peer_value=1e3 * rare[name]))
    return rows
