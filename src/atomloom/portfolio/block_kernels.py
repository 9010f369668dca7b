"""The life of a block of 64 portfolios: enter, then price row after price row, with statistics at every cut."""

from __future__ import annotations

from functools import partial
from typing import Any

from atomloom.kernels.lean import lean
from atomloom.portfolio.event_kernels import enter, load_targets, order, settle, sleep
from atomloom.portfolio.lane_layout import (
    ASK_BAND,
    ASK_CALENDAR,
    CAPITAL,
    CASH,
    DOWN,
    HITS,
    LANES,
    LAST,
    LOW,
    LOW_PEAK,
    PAID,
    PEAK,
    RUIN_ROW,
    RUINED,
    S1,
    S2,
    S3,
    S4,
    SCALE,
    SCALED,
    STEPS,
    SUM1,
    SUM2,
    TRADED,
    TRADES,
    UNDER,
    VALUE_OUT,
    VALUES,
)
from atomloom.portfolio.lane_statistics import lane_statistics
from atomloom.portfolio.lane_step import lane_drifts, lane_values
from atomloom.portfolio.trade_kernels import ruin

_REPORTED = (SUM1, SUM2, S3, S4, DOWN, HITS, LOW, LOW_PEAK, UNDER, LAST, TRADED, PAID, TRADES, RUIN_ROW)


@partial(lean, inline=True)
def look(
    number: int,
    at: int,
    awake: Any,
    flags: Any,
    s: Any,
    asks: Any,
    work: Any,
    plan: Any,
    market: Any,
    sizes: Any,
    events: Any,
) -> Any:
    """Value a block at a price row; gives the lanes that trade there, and those that may trade later.

    Parameters
    ----------
    number, at : int
        The price row, and where in ``s`` its values go.
    awake : int64
        Lanes that may trade.
    flags : tuple of bool
        Whether a lane may lose everything; whether one measures relative drift; whether one waits or has a calendar.
    s, asks, work, plan, market, sizes, events
        See :func:`enter`.
    """
    held, target, ordered, weigh, current = work
    assets, columns, _ = sizes
    wake, due, next_open = events
    risky, relative, patient = flags
    row = number * columns
    if plan[4][number]:
        load_targets(0, LANES, number, plan, asks, target, weigh, current, False)
    lane_values(held, CASH * LANES, market[0], row, columns, s, at)
    if risky:
        for lane in range(LANES):
            if not s[at + lane] > 0.0:
                ruin(lane, at, s, held, columns, number)
                awake &= ~(1 << lane)
    awake |= wake[number]
    if awake == 0:
        return awake, 0
    if relative:
        over = lane_drifts(held, target, weigh, market[0], row, assets, s, at, asks, ASK_BAND * LANES)
    else:
        over = lane_drifts(held, target, None, market[0], row, assets, s, at, asks, ASK_BAND * LANES)
    over &= awake
    awake &= ~over
    if patient:
        if over != 0:
            over = order(over, number, asks, target, ordered, due)
        for lane in range(LANES):
            if (awake >> lane) & 1 and asks[ASK_CALENDAR * LANES + lane] != 0.0:
                sleep(lane, number + 1, asks, wake, next_open)
                awake &= ~(1 << lane)
    return awake, over


@lean
def advance(
    number: int,
    count: int,
    awake: Any,
    flags: Any,
    s: Any,
    asks: Any,
    work: Any,
    plan: Any,
    market: Any,
    sizes: Any,
    events: Any,
) -> Any:
    """Take a block over some price rows; gives the lanes that may trade at the next.

    Parameters
    ----------
    number, count : int
        The first price row, and how many there are: at most eight.
    awake, flags, s, asks, work, plan, market, sizes, events
        See :func:`look`.
    """
    for k in range(count):
        row, at = number + k, (VALUES + (k & 7)) * LANES  # the compiler sees that at is not negative
        awake, now = look(row, at, awake, flags, s, asks, work, plan, market, sizes, events)
        due = events[1][row]
        if now | due != 0:
            settle(now, due, row, at, s, asks, work, market, sizes, events)
    return awake


@lean
def keep_in_range(s: Any, held: Any) -> None:
    """Measure lanes that have grown or shrunk very much in another unit, a power of two: nothing is rounded.

    Eight values are multiplied with each other by the statistics, which must neither overflow nor vanish.

    Parameters
    ----------
    s : (STATE_ROWS * 64,) float64
        In and out; row SCALED counts the changes of unit.
    held : (columns * 64,) float64
        In and out.
    """
    count = 0
    for lane in range(LANES):
        value = s[LAST * LANES + lane]
        count += (value > SCALE) | (value < 1.0 / SCALE)
    if count == 0:
        return
    for lane in range(LANES):
        value = s[LAST * LANES + lane]
        if value == RUINED or 1.0 / SCALE <= value <= SCALE:
            continue
        factor = 1.0 / SCALE if value > SCALE else SCALE
        s[SCALED * LANES + lane] += 1.0 if value > SCALE else -1.0
        for row in (LAST, PEAK, CASH, CAPITAL):
            s[row * LANES + lane] *= factor
        for place in range(lane, held.size, LANES):
            held[place] *= factor


@lean
def close_segment(g: int, s: Any, segments: Any) -> None:
    """Write the two sums of a segment, add them to the totals, and begin the next.

    Parameters
    ----------
    g : int
    s : (STATE_ROWS * 64,) float64
    segments : (2, G, 64) float64
        Out: row g.
    """
    for lane in range(LANES):
        segments[0, g, lane] = s[S1 * LANES + lane]
        segments[1, g, lane] = s[S2 * LANES + lane]
        s[SUM1 * LANES + lane] += s[S1 * LANES + lane]
        s[SUM2 * LANES + lane] += s[S2 * LANES + lane]
        s[S1 * LANES + lane] = 0.0
        s[S2 * LANES + lane] = 0.0


@lean
def simulate_block(
    start: int,
    cuts: Any,
    fresh: Any,
    flags: Any,
    s: Any,
    asks: Any,
    work: Any,
    plan: Any,
    market: Any,
    sizes: Any,
    events: Any,
    segments: Any,
    out: Any,
    path: Any,
) -> None:
    """Simulate a block from its first price row to its last.

    Parameters
    ----------
    start : int
        Price row of the entry.
    cuts : (G + 1,) int64
        Return rows where segments begin, and the end.
    fresh : (G,) uint8
        1 where a segment begins from cash; the first does.
    flags, s, asks, work, plan, market, sizes, events
        See :func:`look`.
    segments : (2, G, 64) float64
        Out: sums of returns and of their squares.
    out : (len(OUT), 64) float64
        Out: totals, see ``lane_layout.OUT``.
    path : (n, 64) float64, or (0, 64)
        Out: value after each return.
    """
    s[:] = 0.0
    for lane in range(LANES):
        for row in (PEAK, LOW, LOW_PEAK, LAST):
            s[row * LANES + lane] = 1.0
        s[RUIN_ROW * LANES + lane] = -1.0
    awake = 0
    for g in range(fresh.size):
        if fresh[g]:
            enter(start + cuts[g], s, asks, work, plan, market, sizes, events)
            awake = 0
        e = cuts[g]
        while e < cuts[g + 1]:
            count = min(STEPS, cuts[g + 1] - e)
            awake = advance(start + e + 1, count, awake, flags, s, asks, work, plan, market, sizes, events)
            for j in range(count, STEPS):
                for lane in range(LANES):
                    s[(VALUES + j) * LANES + lane] = s[(VALUES + count - 1) * LANES + lane]
            if path.shape[0]:
                for j in range(count):
                    for lane in range(LANES):
                        path[e + j, lane] = s[(VALUES + j) * LANES + lane] * SCALE ** s[SCALED * LANES + lane]
            lane_statistics(s, e + 1.0, float(e + count))
            keep_in_range(s, work[0])
            e += count
        close_segment(g, s, segments)
    for k in range(len(_REPORTED)):
        for lane in range(LANES):
            out[k, lane] = s[_REPORTED[k] * LANES + lane]
    for lane in range(LANES):
        out[VALUE_OUT, lane] *= SCALE ** s[SCALED * LANES + lane]


@lean
def simulate_blocks(
    start: int,
    cuts: Any,
    fresh: Any,
    flags: Any,
    s: Any,
    asks: Any,
    work: Any,
    first: Any,
    schedule: Any,
    plan: Any,
    market: Any,
    sizes: Any,
    events: Any,
    segments: Any,
    out: Any,
    path: Any,
) -> None:
    """Simulate blocks one after the other.

    Parameters
    ----------
    start, cuts, fresh, s, work, market, sizes, events
        See :func:`simulate_block`.
    flags : (blocks, 3) bool
    asks : (blocks, ASK_ROWS * 64) float64
    first, schedule : (blocks, 64) int64
        First row of each lane's table, and its schedule.
    plan : tuple
        Tables, row in force, price rows of change.
    segments, out, path : (blocks, ...) float64
        Out.
    """
    for b in range(len(asks)):
        own = (plan[0], first[b], schedule[b], plan[1], plan[2])
        marks = (flags[b, 0], flags[b, 1], flags[b, 2])
        simulate_block(
            start, cuts, fresh, marks, s, asks[b], work, own, market, sizes, events, segments[b], out[b], path[b],
        )  # fmt: skip
