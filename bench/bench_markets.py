"""Synthetic markets beside arch, numpy and the book's loop: GARCH, the stationary bootstrap, the mesh of rules."""

from __future__ import annotations

import random
import time
from contextlib import contextmanager

import numpy as np

from atomloom.samples.bootstrap import bootstrap_rows
from atomloom.samples.market_making import market
from atomloom.samples.market_models import GBM, Garch, Heston, JumpDiffusion, OrnsteinUhlenbeck
from atomloom.samples.regime_model import RegimeSwitching
from atomloom.samples.rule_mesh import trading_rules
from bench.measure import alternate, medians, row

OMEGA, ALPHA, BETA = 1e-6, 0.08, 0.9
GARCH = Garch(OMEGA, ALPHA, BETA)
REGIMES = RegimeSwitching([[0.99, 0.01], [0.05, 0.95]], [0.0, 0.0], [0.007, 0.02])
OTHERS = {
    "geometric Brownian motion": GBM(0.0, 0.01),
    "GJR-GARCH with t shocks": Garch(OMEGA, 0.03, BETA, 0.08, nu=6.0),
    "Ornstein-Uhlenbeck": OrnsteinUhlenbeck(20, 0.01),
    "regimes": REGIMES,
    "jumps": JumpDiffusion(),
    "Heston": Heston(),
}
LEVELS = [k / 2 for k in range(1, 21)]


@contextmanager
def plain(work):
    yield work


def best(work, repeats):
    work()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def filling(model, n_paths, n_bars, dtype=np.float64, threads=None):
    """Work that writes all closes of a market into the same memory."""
    paths, ids = market(model, n_bars, n_paths=n_paths, num_threads=threads), np.arange(n_paths)
    out = np.empty((n_paths, n_bars), dtype)
    return lambda: paths.fill(ids, out)


def peer_garch(n_bars):
    """Give log-returns by arch; None where it is not installed."""
    try:
        from arch import arch_model
    except ImportError:
        return None
    model = arch_model(None, mean="Zero", vol="GARCH", p=1, q=1, rescale=False)

    def work():
        return model.simulate([OMEGA, ALPHA, BETA], n_bars, burn=0)["data"].to_numpy()

    return work


def numpy_garch(n_paths, n_bars):
    """What a careful user writes: all paths side by side, bar after bar."""
    draws = np.random.default_rng(0)
    out = np.empty((n_bars, n_paths))

    def work():
        h, level = np.full(n_paths, OMEGA / (1 - ALPHA - BETA)), np.zeros(n_paths)
        for t in range(n_bars):
            e = np.sqrt(h) * draws.standard_normal(n_paths)
            h = OMEGA + ALPHA * e * e + BETA * h
            level += e
            out[t] = 100.0 * np.exp(level)
        return out.T

    return work


def like_garch(closes):
    """Whether closes (or returns) vary as they should; heavy tails leave some per cent."""
    r = np.diff(np.log(closes), axis=-1) if closes.ndim == 2 else closes
    return abs(np.var(r) / (OMEGA / (1 - ALPHA - BETA)) - 1.0) < 0.3


def garch_rows(n_paths, n_bars, repeats):
    bars = n_paths * n_bars
    contestants = {"ours": lambda: plain(filling(GARCH, n_paths, n_bars))}
    few = max(n_paths // 10, 10)
    contestants["numpy"] = lambda: plain(numpy_garch(few, n_bars))
    other = peer_garch(max(bars // 40, 1000))
    if other is not None:
        contestants["arch"] = lambda: plain(other)
    seconds = medians(alternate(contestants, repeats, like_garch))
    ours = bars / seconds["ours"] / 1e6
    theirs = max(bars // 40, 1000) / seconds["arch"] / 1e6 if other is not None else "absent"
    what = f"GARCH(1, 1) closes, {n_paths:,} paths of {n_bars:,} bars"
    single = bars / best(filling(GARCH, n_paths, n_bars, threads=1), repeats) / 1e6
    return [
        row(what, ours, "M bars/s", least=40, peer="arch", peer_value=theirs, headline=True),
        row(what, ours, "M bars/s", peer="numpy, paths side by side", peer_value=few * n_bars / seconds["numpy"] / 1e6),
        row(f"{what}, one thread", single, "M bars/s"),
    ]


def peer_bootstrap(table, block, number):
    try:
        from arch.bootstrap import StationaryBootstrap
    except ImportError:
        return None
    drawer = StationaryBootstrap(block, table, seed=0)

    def work():
        for data in drawer.bootstrap(number):
            kept = data[0][0]
        return kept

    return work


def bootstrap_comparison(rows, block, number, repeats):
    """Rows of OHLCV drawn, float32, into the same memory; arch gives each resample as a new array."""
    table = np.random.default_rng(0).random((rows, 5)).astype(np.float32)
    out = np.empty((number, rows, 5), np.float32)
    contestants = {"ours": lambda: plain(lambda: bootstrap_rows(table, rows, block, n_paths=number, out=out)[-1])}
    other = peer_bootstrap(table, block, number)
    if other is not None:
        contestants["arch"] = lambda: plain(other)
    mean = float(table.mean())
    seconds = medians(alternate(contestants, repeats, lambda drawn: drawn.shape == (rows, 5) and
                                abs(float(drawn.mean()) - mean) < 0.05))  # fmt: skip
    drawn = rows * number / 1e6
    theirs = drawn / seconds["arch"] if other is not None else "absent"
    what = f"stationary bootstrap, {number:,} resamples of {rows:,} rows of 5, mean block {block}"
    target = 80 if block >= 20 else None
    return row(what, drawn / seconds["ours"], "M rows/s", least=target, peer="arch", peer_value=theirs,
               headline=block == 20)  # fmt: skip


def book_node(profit, stop, n_paths, half_life=5.0, max_bars=100):
    """Snippet 13.2 for a pair of levels, forecast 0 and sigma 1; mean and deviation."""
    phi, ends = 2.0 ** (-1.0 / half_life), []
    gauss = random.Random(0).gauss
    for _ in range(n_paths):
        p, held = 0.0, 0
        while True:
            p = phi * p + gauss(0, 1)
            held += 1
            if p > profit or p < -stop or held > max_bars:
                ends.append(p)
                break
    return np.mean(ends), np.std(ends)


def mesh_rows(n_paths, repeats):
    """The whole mesh, and the book's loop on sixteen of its nodes with fewer paths, extrapolated."""
    few, some = max(n_paths // 50, 20), [1.0, 3.5, 6.5, 10.0]
    began = time.perf_counter()
    book = {(p, s): book_node(p, s, few) for p in some for s in some}
    theirs = (time.perf_counter() - began) * (400 / len(book)) * (n_paths / few)
    mesh = trading_rules(0.0, 5, n_paths=n_paths)
    for (p, s), (mean, deviation) in book.items():
        own = mesh.mean[LEVELS.index(p), LEVELS.index(s)]
        if abs(own - mean) > 6.0 * deviation / np.sqrt(few):
            raise ArithmeticError(f"the mesh earns {own} at {p}, {s}, and the book's loop {mean}.")
    seconds = best(lambda: trading_rules(0.0, 5, n_paths=n_paths), repeats)
    what = f"mesh of 20 x 20 trading rules on {n_paths:,} Ornstein-Uhlenbeck paths of 100 bars"
    peer = "the book's loop, from 16 nodes"
    return row(what, seconds, "s", most=0.3, peer=peer, peer_value=theirs, headline=True)


def run(smoke: bool) -> dict:
    repeats = 1 if smoke else 5
    n_paths, n_bars = (100, 100) if smoke else (10_000, 2000)
    rows = garch_rows(n_paths, n_bars, repeats)
    for block in (5, 20, 50):
        rows.append(bootstrap_comparison(200 if smoke else 5000, block, 10 if smoke else 1000, repeats))
    rows.append(mesh_rows(1000 if smoke else 100_000, repeats))
    for name, model in OTHERS.items():
        rate = n_paths // 5 * n_bars / best(filling(model, n_paths // 5, n_bars), repeats) / 1e6
        rows.append(row(f"closes: {name}", rate, "M bars/s"))
    own = market(GARCH, 100 * n_bars)
    rows.append(
        row("OHLCV bars of GARCH, 4 steps inside, one path", 100 * n_bars / best(own.rows, repeats) / 1e6, "M bars/s")
    )
    ticks = market(GARCH, n_bars, freq="1min")
    number = len(ticks.ticks(per_bar=1000 if not smoke else 10))
    seconds = best(lambda: ticks.ticks(per_bar=1000 if not smoke else 10), repeats)
    rows.append(row("trades of a path", number / seconds / 1e6, "M trades/s"))
    return {
        "title": "Synthetic markets",
        "claim": "Markets, resamples and trading rules cost less than reading them from a disk would.",
        "rows": rows,
        "repeats": f"medians of {repeats} alternating repeats beside peers; the best of {repeats} for the others",
    }
