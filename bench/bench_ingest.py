"""Ingest: CSV to the indexed store, beside reading the same CSV into memory."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

from atomloom.store import ingest, open_store
from bench import synthetic
from bench.measure import alternate, medians, row


def arrow(path):
    """Read the typed columns: times parsed, prices and sizes as numbers, on all cores."""
    import pyarrow as pa
    from pyarrow import csv

    types = {"DateTime": pa.timestamp("ns"), "Price": pa.float64(), "Volume": pa.int32()}
    return csv.read_csv(path, convert_options=csv.ConvertOptions(column_types=types)).num_rows


def whole(instrument):
    """Read all that is stored of an instrument, in three columns."""
    return len(instrument.trades(columns=("ts", "px", "size")))


def polars(path):
    import polars as pl

    return pl.read_csv(path, schema_overrides={"Price": pl.Float64, "Volume": pl.Int32}, try_parse_dates=True).height


def ours(path, store, reports):
    """Parse, check, compress, index, write and flush to the disk."""
    report = ingest(path, store, symbol="SYN", tick_size=0.25)
    reports.append(report)
    return report.n_stored


@contextmanager
def fresh(work, path, store, *more):
    store.unlink(missing_ok=True)
    yield lambda: work(path, store, *more)


@contextmanager
def plain(work, path):
    yield lambda: work(path)


def run(smoke: bool) -> dict:
    n, days, repeats = (200_000, 20, 1) if smoke else (30_000_000, 1_400, 5)
    folder = Path(tempfile.mkdtemp(prefix="atomloom-bench-"))
    reports: list = []
    try:
        made, _ = synthetic.trades(n, days)
        text, store = folder / "ticks.csv", folder / "ticks.h5"
        synthetic.csv(made, text)
        size = text.stat().st_size
        contestants = {"atomloom": lambda: fresh(ours, text, store, reports), "arrow": lambda: plain(arrow, text)}
        seconds = medians(alternate(contestants, repeats, lambda rows: rows == n))
        slow = (
            medians(alternate({"polars": lambda: plain(polars, text)}, 1, lambda rows: rows == n)) if not smoke else {}
        )
        with open_store(store) as opened:  # what is stored is what was made, row for row
            back = opened["SYN"].trades()
            read = medians(alternate({"store": lambda: plain(whole, opened["SYN"])}, repeats, lambda rows: rows == n))[
                "store"
            ]
        same = all((getattr(back, name) == getattr(made, name)).all() for name in ("ts", "px", "size"))
        if not same:
            raise ArithmeticError("the store does not hold what was made; it is not timed.")
        stored = store.stat().st_size
    finally:
        shutil.rmtree(folder)
    what = f"CSV of {n:,} trades ({size / 1e9:.2f} GB) into the indexed store"
    rows = [
        row(what, seconds["atomloom"], "s", peer="pyarrow.csv into memory (typed, times parsed)",
            peer_value=seconds["arrow"], most_ratio=1.0, headline=True),
        row(what, size / seconds["atomloom"] / 1e6, "MB/s of text", peer="pyarrow.csv",
            peer_value=size / seconds["arrow"] / 1e6),
        row("full read of that store, compressed", read, "s", peer="pyarrow.csv into memory",
            peer_value=seconds["arrow"], most_ratio=0.0476),
        row("the store of ts, px, size", stored / 1e6, "MB", peer="the text", peer_value=size / 1e6),
    ]  # fmt: skip
    if slow:
        rows.append(
            row(what, seconds["atomloom"], "s", peer="polars.read_csv(try_parse_dates)", peer_value=slow["polars"])
        )
    last = reports[-1].to_dict()
    rows += [row(f"stage: {name}, summed over threads", spent, "s") for name, spent in last.get("seconds", {}).items()]
    return {
        "title": "Ingest",
        "claim": "Text goes into the indexed, checksummed store in the time that others take to read it into memory.",
        "rows": rows,
        "repeats": f"medians of {repeats} alternating repeats, file in the page cache; polars once",
    }
