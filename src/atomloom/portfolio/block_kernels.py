"""The life of a block of 64 portfolios: enter, then price row after price row, with statistics at every cut."""

from __future__ import annotations

from functools import partial
from typing import Any

from atomloom.kernels.arithmetic import divide, lowest_bit
from atomloom.kernels.lean import lean
from atomloom.portfolio.lane_kernels import lane_statistics
from atomloom.portfolio.lane_layout import (
    ASK_BAND,
    ASK_CALENDAR,
    ASK_INTERVAL,
    ASK_LAG,
    ASK_RELATIVE,
    BAND,
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
    SCRATCH,
    STEPS,
    SUM1,
    SUM2,
    TRADED,
    TRADES,
    UNDER,
    VALUES,
)
from atomloom.portfolio.lane_step import lane_drifts, lane_values
from atomloom.portfolio.trade_kernels import LEAST_TARGET, ruin, trade

_REPORTED = (SUM1, SUM2, S3, S4, DOWN, HITS, LOW, LOW_PEAK, UNDER, LAST, TRADED, PAID, TRADES, RUIN_ROW)


@lean
def load_targets(number: int, plan: Any, asks: Any, target: Any, weigh: Any, current: Any, lagged: bool) -> None:
    """Put the targets in force at a price row into every lane where they are other ones.

    Parameters
    ----------
    number : int
        The price row.
    plan : tuple
        Tables (R, assets) float64; first row of each lane's table (64,) int64; schedule of each lane (64,) int64;
        row in force (schedules, T) int32; price rows where one changes (T,) uint8.
    asks : (ASK_ROWS * 64,) float64
    target, weigh : (assets * 64,) float64
        Out.
    current : (64,) int64
        In and out: the row that each lane has.
    lagged : bool
        Take what was in force as many rows before as the lane's lag.
    """
    tables, first, schedule, in_force, _ = plan
    assets = tables.shape[1]
    for lane in range(LANES):
        lag = int(asks[ASK_LAG * LANES + lane]) if lagged else 0
        row = first[lane] + in_force[schedule[lane], number - lag]
        if row == current[lane]:
            continue
        current[lane] = row
        relative = asks[ASK_RELATIVE * LANES + lane] != 0.0
        for i in range(assets):
            weight = tables[row, i]
            target[i * LANES + lane] = weight
            weigh[i * LANES + lane] = divide(1.0, max(abs(weight), LEAST_TARGET)) if relative else 1.0


@lean
def rest(lane: int, asks: Any) -> int:
    """Rows from a trade to the next decision: what is decided then is executed ``lag`` rows later.

    Parameters
    ----------
    lane : int
    asks : (ASK_ROWS * 64,) float64
    """
    return max(int(asks[ASK_INTERVAL * LANES + lane]) - int(asks[ASK_LAG * LANES + lane]), 1)


@partial(lean, inline=True)
def sleep(lane: int, number: int, s: Any, asks: Any, wake: Any, next_open: Any) -> None:
    """Keep a lane from trading until the first open price row from ``number`` on.

    Parameters
    ----------
    lane, number : int
    s, asks : flat rows of lanes, float64
    wake : (T + 1,) int64
        In and out: for each price row the lanes that may trade again from then on.
    next_open : (calendars, T + 1) int32
        First open price row from each row on; T where there is none.
    """
    last = wake.size - 1
    s[BAND * LANES + lane] = float("inf")
    if number <= last:
        opens = next_open[int(asks[ASK_CALENDAR * LANES + lane]), number]
        wake[opens] |= 1 << lane


@lean
def enter(number: int, s: Any, asks: Any, work: Any, plan: Any, market: Any, sizes: Any, events: Any) -> None:
    """Let every lane start from cash at a price row: it buys the target decided upon `lag` rows before.

    Costs of entry are part of the next return: the value before it stays as it is.

    Parameters
    ----------
    number : int
        The price row.
    s, asks : flat rows of lanes, float64
    work : tuple
        held (columns * 64,), target, ordered and weigh (assets * 64,) float64, current (64,) int64.
    plan, market, sizes : tuple
        See :func:`load_targets`, :func:`atomloom.portfolio.trade_kernels.trade`.
    events : tuple
        wake and due (T + 1,) int64, next_open (calendars, T + 1) int32.
    """
    held, target, _, weigh, current = work
    wake, due, next_open = events
    wake[:] = 0
    due[:] = 0
    held[:] = 0.0
    current[:] = -1
    load_targets(number, plan, asks, target, weigh, current, True)
    for lane in range(LANES):
        s[CASH * LANES + lane] = s[LAST * LANES + lane]
        s[SCRATCH * LANES + lane] = s[LAST * LANES + lane]
        s[CAPITAL * LANES + lane] = s[LAST * LANES + lane]
        if not trade(lane, SCRATCH * LANES, s, asks, held, target, market, number * sizes[1], sizes, True):
            ruin(lane, SCRATCH * LANES, s, held, sizes[1], number)
        elif asks[ASK_BAND * LANES + lane] < float("inf"):
            sleep(lane, number + rest(lane, asks), s, asks, wake, next_open)
        else:
            s[BAND * LANES + lane] = float("inf")
    load_targets(number, plan, asks, target, weigh, current, False)


@partial(lean, inline=True)
def settle(
    word: Any, number: int, at: int, s: Any, asks: Any, held: Any, target: Any, market: Any, sizes: Any, events: Any
) -> None:
    """Execute trades of the lanes in a word, and let them sleep for their interval.

    Parameters
    ----------
    word : int64
        A bit for each lane that trades.
    number, at : int
        The price row, and where in ``s`` its values begin.
    s, asks, held, target, market, sizes, events
        See :func:`enter`.
    """
    while word != 0:
        lane = lowest_bit(word)
        word &= word - 1
        if s[at + lane] == RUINED:
            continue
        if trade(lane, at, s, asks, held, target, market, number * sizes[1], sizes, False):
            sleep(lane, number + rest(lane, asks), s, asks, events[0], events[2])
        else:
            ruin(lane, at, s, held, sizes[1], number)


@partial(lean, inline=True)
def order(word: Any, number: int, s: Any, asks: Any, target: Any, ordered: Any, due: Any) -> Any:
    """Of the lanes in a word, keep the targets of those that trade later; gives those that trade now.

    Parameters
    ----------
    word : int64
    number : int
        The price row.
    s, asks, target, ordered : flat rows of lanes, float64
    due : (T + 1,) int64
        In and out: lanes whose trade is executed at each price row.
    """
    now = word
    while word != 0:
        lane = lowest_bit(word)
        bit = word & -word
        word &= word - 1
        lag = int(asks[ASK_LAG * LANES + lane])
        if lag == 0:
            continue
        now &= ~bit
        s[BAND * LANES + lane] = float("inf")
        for i in range(target.size // LANES):
            ordered[i * LANES + lane] = target[i * LANES + lane]
        if number + lag < due.size - 1:
            due[number + lag] |= bit
    return now


@partial(lean, inline=True)
def advance(
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
    """Take a block over one price row; gives the lanes that may trade at the next.

    Parameters
    ----------
    number, at : int
        The price row, and where in ``s`` its values go.
    awake : int64
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
        load_targets(number, plan, asks, target, weigh, current, False)
    lane_values(held, CASH * LANES, market[0], row, columns, s, at)
    if risky:
        for lane in range(LANES):
            if not s[at + lane] > 0.0:
                ruin(lane, at, s, held, columns, number)
                awake &= ~(1 << lane)
    if due[number] != 0:
        settle(due[number], number, at, s, asks, held, ordered, market, sizes, events)
    woken = wake[number]
    if woken != 0:
        awake |= woken
        while woken != 0:
            lane = lowest_bit(woken)
            woken &= woken - 1
            if s[at + lane] != RUINED:
                s[BAND * LANES + lane] = asks[ASK_BAND * LANES + lane]
    if awake == 0:
        return awake
    if relative:
        over = lane_drifts(held, target, weigh, market[0], row, assets, s, at, BAND * LANES)
    else:
        over = lane_drifts(held, target, None, market[0], row, assets, s, at, BAND * LANES)
    over &= awake
    awake &= ~over
    now = over
    if patient:
        if over != 0:
            now = order(over, number, s, asks, target, ordered, due)
        for lane in range(LANES):
            if (awake >> lane) & 1 and asks[ASK_CALENDAR * LANES + lane] != 0.0:
                sleep(lane, number + 1, s, asks, wake, next_open)
                awake &= ~(1 << lane)
    if now != 0:
        settle(now, number, at, s, asks, held, target, market, sizes, events)
    return awake


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
        See :func:`advance`.
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
            for j in range(count):
                awake = advance(
                    start + e + j + 1, (VALUES + j) * LANES, awake, flags, s, asks, work, plan, market, sizes, events
                )
            for j in range(count, STEPS):
                for lane in range(LANES):
                    s[(VALUES + j) * LANES + lane] = s[(VALUES + count - 1) * LANES + lane]
            if path.shape[0]:
                for j in range(count):
                    for lane in range(LANES):
                        path[e + j, lane] = s[(VALUES + j) * LANES + lane]
            lane_statistics(s, e + 1.0, float(e + count))
            e += count
        close_segment(g, s, segments)
    for k in range(len(_REPORTED)):
        for lane in range(LANES):
            out[k, lane] = s[_REPORTED[k] * LANES + lane]


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
