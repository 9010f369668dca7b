"""VPIN of 30 million trades: one core, two cores, beside group-by in polars and the memory's own speed."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np

from atomloom.market import VPINConfig, vpin
from atomloom.store import Trades
from bench import synthetic
from bench.measure import alternate, medians, row

CONFIG = VPINConfig(days="trading")


def grouped(made):
    """The same signal by group-by: whole trades per bar, the whole sample's sigma, Student's t by scipy."""
    import polars as pl
    from scipy.special import stdtr

    per_bar = made.volume / (CONFIG.buckets_per_day * CONFIG.bars_per_bucket * len(np.unique(made.ts // synthetic.DAY)))
    frame = pl.DataFrame({"px": made.px, "size": made.size})
    bar = ((pl.col("size").cum_sum() - 1) / per_bar).floor().cast(pl.Int64)
    bars = (
        frame.with_columns(bar=bar)
        .group_by("bar", maintain_order=True)
        .agg(pl.col("px").median(), pl.col("size").sum())
    )
    change = bars["px"].diff().fill_null(0.0)
    share = stdtr(CONFIG.nu, (change / change.std()).to_numpy())
    flow = pl.DataFrame({"bucket": bars["bar"] // CONFIG.bars_per_bucket, "size": bars["size"],
                         "signed": bars["size"].to_numpy() * (2 * share - 1)})  # fmt: skip
    buckets = flow.group_by("bucket", maintain_order=True).agg(pl.col("signed").sum().abs(), pl.col("size").sum())
    window = CONFIG.window
    return (buckets["signed"].rolling_sum(window) / buckets["size"].rolling_sum(window)).to_numpy()


def touch(made):
    """The least that VPIN must do: go over prices and sizes once."""
    return int(made.px.sum(dtype=np.int64)) + int(made.size.sum(dtype=np.int64))


@contextmanager
def plain(work):
    yield work


def run(smoke: bool) -> dict:
    n, days, repeats = (200_000, 20, 1) if smoke else (30_000_000, 1_400, 7)
    made, _ = synthetic.trades(n, days)
    made = Trades.trusted({name: getattr(made, name) for name in ("ts", "px", "size")}, made.tick_size, made.symbol)
    config = VPINConfig(days="trading", buckets_per_day=10) if smoke else CONFIG
    expected = vpin(made, config, threads=1)

    def same(found):
        if isinstance(found, int):
            return True
        if isinstance(found, np.ndarray):
            return abs(float(np.nanmean(found)) - float(np.nanmean(expected.vpin))) < 0.2
        return np.array_equal(found.vpin, expected.vpin, equal_nan=True) and np.array_equal(
            found.cdf, expected.cdf, True
        )

    contestants = {
        "one": lambda: plain(lambda: vpin(made, config, threads=1)),
        "two": lambda: plain(lambda: vpin(made, config, threads=2)),
        "limit": lambda: plain(lambda: touch(made)),
    }
    seconds = medians(alternate(contestants, repeats, same))
    try:
        slow = medians(alternate({"polars": lambda: plain(lambda: grouped(made))}, min(repeats, 2), same))["polars"]
    except ImportError:
        slow = "absent"
    what = f"VPIN of {n:,} trades, {len(expected):,} buckets of {config.bars_per_bucket} bars, median, nu {config.nu:g}"
    rows = [
        row(f"{what}, one core", seconds["one"], "s", most=0.15, peer="polars group-by", peer_value=slow,
            headline=True),
        row("the same on two cores, same bits", seconds["two"], "s", headline=True),
        row("one core over two", seconds["one"] / seconds["two"], "x", least=1.6, headline=True),
        row(f"{what}, one core", seconds["one"], "s", peer="one pass over prices and sizes (the memory's limit)",
            peer_value=seconds["limit"]),
        row("one core", n / seconds["one"] / 1e6, "million trades a second"),
    ]  # fmt: skip
    return {
        "title": "VPIN",
        "claim": "VPIN costs a few passes over prices and sizes, and the same bits on any number of cores.",
        "rows": rows,
        "repeats": f"medians of {repeats} alternating repeats; polars {min(repeats, 2)}",
    }
