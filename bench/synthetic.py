"""Trades with planted truth, the same for the same seed: what the benchmarks of store and market run on.

Sessions of 6.5 hours (13:30 to 20:00 UTC) on weekdays from 2010-01-04 on. Volume is U-shaped in the day and differs
from day to day; prices walk on the tick grid with volatility that clusters; sizes are lognormal with rare large ones;
13 venues have unequal shares. Planted on top:

- *episodes*: spans of one-sided flow (larger sizes, drifting price), each followed by a span of tripled volatility;
- *clocks*: two trades in a hundred happen within 50 ms after a full minute.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from atomloom.store import Trades

DAY = 86_400 * 10**9
OPEN, SESSION = int(13.5 * 3600) * 10**9, int(6.5 * 3600) * 10**9
FIRST = np.datetime64("2010-01-04").astype("datetime64[D]").astype(np.int64)
VENUES = tuple("ABCDEFGHJKMNP")
CLOCK_SHARE = 0.02


class Truth(NamedTuple):
    """What was planted: (E,) int64 starts and ends of the one-sided spans in ns, and the share of clock trades."""

    start: np.ndarray
    end: np.ndarray
    clock_share: float


def trades(n=30_000_000, days=1_400, seed=0, episodes=60, symbol="SYN"):
    """Make ``n`` trades; give them and the truth."""
    rng = np.random.Generator(np.random.Philox(seed))
    weight = np.exp(np.cumsum(rng.normal(0, 0.08, days)) * 0.5 + rng.normal(0, 0.25, days))
    counts = rng.multinomial(n, weight / weight.sum())
    ts = np.concatenate([_session(rng, int(count), _date(day)) for day, count in enumerate(counts)])
    flow, wild = _episodes(rng, n, episodes)
    px = _prices(rng, n, flow, wild)
    size = 1 + np.floor(np.exp(rng.normal(0.8, 1.2, n).astype(np.float32) + 0.7 * (flow != 0))).astype(np.int32)
    shares = rng.dirichlet(np.full(len(VENUES), 1.5))
    venue = np.searchsorted(np.cumsum(shares)[:-1], rng.random(n, dtype=np.float32)).astype(np.uint8)
    edges = np.flatnonzero(np.diff(flow, prepend=0, append=0))
    starts, ends = edges[::2], edges[1::2] - 1
    made = Trades(ts, px, size, 0.25, symbol, venue, VENUES)
    return made, Truth(ts[starts], ts[ends], CLOCK_SHARE)


def _date(day):
    return (FIRST + day + 2 * (day // 5)) * DAY


def _session(rng, count, date):
    """Times of a day: U-shaped, a share of them on the clock."""
    at = rng.random(count)
    at = np.where(rng.random(count) < 0.5, at, 0.5 + 0.5 * np.sign(at - 0.5) * np.abs(2 * at - 1) ** 0.5)
    ts = (at * SESSION).astype(np.int64)
    clocks = rng.random(count) < CLOCK_SHARE
    minute = 60 * 10**9
    ts[clocks] = ts[clocks] // minute * minute + rng.integers(0, 50_000_000, int(clocks.sum()))
    return np.sort(np.minimum(ts, SESSION - 1)) + date + OPEN


def _episodes(rng, n, count):
    """Sign of the one-sided flow of each trade (0 outside), and where volatility is tripled after it."""
    flow, wild = np.zeros(n, dtype=np.int8), np.zeros(n, dtype=bool)
    length = max(2, n // 14_000)  # a tenth of an average day of 1,400
    slots = max(1, n // (4 * length))
    for slot in np.sort(rng.choice(slots, min(count, slots), replace=False)):
        begin = int(slot) * 4 * length + length
        flow[begin : begin + length] = rng.choice([-1, 1])
        wild[begin + length : begin + 2 * length] = True
    return flow, wild


def _prices(rng, n, flow, wild):
    """A walk on the grid: most trades do not move it, episodes drift, what follows them moves three times as much."""
    draw = rng.random(n, dtype=np.float32)
    move = np.float32(0.18) * np.where(wild, np.float32(3.0), np.float32(1.0)) * _clusters(rng, n)
    up = move * (np.float32(0.5) + np.float32(0.2) * flow)
    step = (draw < up).astype(np.int8) - ((draw >= up) & (draw < move)).astype(np.int8)
    walk = np.cumsum(step, dtype=np.int32)
    floor, width = 4_000, 8_000
    folded = np.abs((walk + 2_000) % (2 * width) - width)  # reflected between two prices, so never negative
    return (floor + folded).astype(np.int32)


def _clusters(rng, n):
    """A slow lognormal factor of volatility, constant over a thousand trades."""
    blocks = -(-n // 1_000)
    level = np.empty(blocks)
    state = 0.0
    for k, shock in enumerate(rng.normal(0, 0.1, blocks)):
        state = 0.98 * state + shock
        level[k] = state
    return np.repeat(np.clip(np.exp(level), 0.3, 1.8).astype(np.float32), 1_000)[:n]


def csv(made, path):
    """Write time, price and size as text: ``2010-01-04 13:30:00.000000000,1500.25,3``."""
    with open(path, "wb") as file:  # noqa: PTH123  # a plain binary file
        file.write(b"DateTime,Price,Volume\n")
        file.writelines(_text(made.rows(lo, min(len(made), lo + 1_000_000))) for lo in range(0, len(made), 1_000_000))


def _text(part):
    """Lines as one block of bytes, digit by digit: an ordinary CSV writer takes minutes."""
    day, within = np.divmod(part.ts, DAY)
    date = np.datetime_as_string(day.astype("datetime64[D]")).astype("S10").view(np.uint8).reshape(-1, 10)
    seconds, nano = np.divmod(within, 10**9)
    clock = np.stack([seconds // 3600, seconds // 60 % 60, seconds % 60], axis=1)
    quarter = part.px.astype(np.int64) * 25
    columns = [date, _chars(" ", part), *_clock(clock), _chars(".", part), _digits(nano, 9), _chars(",", part)]
    columns += [_digits(quarter // 100, 6), _chars(".", part), _digits(quarter % 100, 2), _chars(",", part)]
    columns += [_digits(part.size.astype(np.int64), 7), _chars("\n", part)]
    table = np.concatenate(columns, axis=1)
    keep = np.ones(table.shape, dtype=bool)
    for start, width in ((30, 6), (40, 7)):  # no leading zeros in price and size
        zeros = table[:, start : start + width - 1] == ord("0")
        keep[:, start : start + width - 1] = ~np.logical_and.accumulate(zeros, axis=1)
    return table[keep].tobytes()


def _chars(text, part):
    return np.full((len(part), 1), ord(text), dtype=np.uint8)


def _clock(clock):
    colon = np.full((len(clock), 1), ord(":"), dtype=np.uint8)
    return [_digits(clock[:, 0], 2), colon, _digits(clock[:, 1], 2), colon, _digits(clock[:, 2], 2)]


def _digits(values, width):
    powers = 10 ** np.arange(width - 1, -1, -1, dtype=np.int64)
    return (values[:, None] // powers % 10 + ord("0")).astype(np.uint8)
