"""Trades for the tests of the store."""

from __future__ import annotations

import io

import numpy as np

from atomloom.store import Trades

COLUMNS = ("ts", "px", "size", "venue", "flags")


def make(n, *, symbol="ES", seed=0, big=False, venues=0, days=11):
    rng = np.random.default_rng(seed)
    top = 2**40 if big else 1000
    more = {}
    if venues:
        share = rng.dirichlet(np.full(venues, 0.3))
        more = {
            "venue": rng.choice(venues, n, p=share),
            "venues": tuple(f"V{k}" for k in range(venues)),
            "flags": (rng.random(n) < 0.01).astype(np.uint8),
        }
    ts = np.sort(rng.integers(0, days * 86_400 * 10**9, n))
    size = 1 + np.floor(rng.pareto(1.2, n)).clip(0, top).astype(np.int64)
    return Trades(ts, rng.integers(1, top, n), size, 0.25, symbol, **more)


def same(one, other):
    for name in COLUMNS:
        left, right = getattr(one, name), getattr(other, name)
        assert (left is None) == (right is None), name
        if left is not None:
            assert np.array_equal(left, right), name
    assert (one.tick_size, one.symbol) == (other.tick_size, other.symbol)
    if one.venue is not None:
        assert one.venues == other.venues


def columns_of(trades):
    return {name: getattr(trades, name) for name in COLUMNS if getattr(trades, name) is not None}


class Pipe(io.RawIOBase):
    """A file that gives a few bytes at a time and cannot seek."""

    def __init__(self, data):
        self._file = io.BytesIO(data)

    def readable(self):
        return True

    def read(self, count=-1):
        return self._file.read(min(count, 1000) if count >= 0 else -1)
