"""What happens to single lanes of a block: targets are loaded, lanes enter, sleep, order and trade."""

from __future__ import annotations

from functools import partial
from typing import Any

from atomloom.kernels.arithmetic import divide, lowest_bit
from atomloom.kernels.lean import lean
from atomloom.portfolio.lane_layout import (
    ASK_BAND,
    ASK_CALENDAR,
    ASK_INTERVAL,
    ASK_LAG,
    ASK_RELATIVE,
    CAPITAL,
    CASH,
    LANES,
    LAST,
    RUIN_ROW,
    RUINED,
    SCRATCH,
)
from atomloom.portfolio.trade_kernels import LAPSED, LEAST_TARGET, LOST, ruin, trade


@lean
def load_targets(
    first_lane: int, lanes: int, number: int, plan: Any, asks: Any, target: Any, weigh: Any, current: Any, lagged: bool
) -> None:
    """Put the targets in force at a price row into lanes where they are other ones.

    Parameters
    ----------
    first_lane, lanes : int
        Which of the 64 lanes.
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
    for lane in range(first_lane, first_lane + lanes):
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
def sleep(lane: int, number: int, asks: Any, wake: Any, next_open: Any) -> None:
    """Keep a lane from trading until the first open price row from ``number`` on.

    Parameters
    ----------
    lane, number : int
    asks : (ASK_ROWS * 64,) float64
    wake : (T + 1,) int64
        In and out: for each price row the lanes that may trade again from then on.
    next_open : (calendars, T + 1) int32
        First open price row from each row on; T where there is none.
    """
    last = wake.size - 1
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
    load_targets(0, LANES, number, plan, asks, target, weigh, current, True)
    for lane in range(LANES):
        if s[LAST * LANES + lane] == RUINED:
            ruin(lane, SCRATCH * LANES, s, held, sizes[1], int(s[RUIN_ROW * LANES + lane]))
            continue
        s[CASH * LANES + lane] = s[LAST * LANES + lane]
        s[SCRATCH * LANES + lane] = s[LAST * LANES + lane]
        s[CAPITAL * LANES + lane] = s[LAST * LANES + lane]
        if trade(lane, SCRATCH * LANES, s, asks, held, target, market, number * sizes[1], sizes, True) == LOST:
            ruin(lane, SCRATCH * LANES, s, held, sizes[1], number)
        elif asks[ASK_BAND * LANES + lane] < float("inf"):
            sleep(lane, number + rest(lane, asks), asks, wake, next_open)
    load_targets(0, LANES, number, plan, asks, target, weigh, current, False)


@partial(lean, inline=True)
def settle(
    word: Any, due: Any, number: int, at: int, s: Any, asks: Any, work: Any, market: Any, sizes: Any, events: Any
) -> None:
    """Execute trades of the lanes in two words, and let them sleep for their interval.

    Parameters
    ----------
    word, due : int64
        A bit for each lane that trades towards its target, and towards the target it ordered before.
    number, at : int
        The price row, and where in ``s`` its values begin.
    s, asks, work, market, sizes, events
        See :func:`enter`.
    """
    left = word | due
    while left != 0:
        lane = lowest_bit(left)
        left &= left - 1
        if s[at + lane] == RUINED:
            continue
        target = work[2] if (due >> lane) & 1 else work[1]
        done = trade(lane, at, s, asks, work[0], target, market, number * sizes[1], sizes, False)
        if done == LOST:
            ruin(lane, at, s, work[0], sizes[1], number)
        else:
            sleep(lane, number + (1 if done == LAPSED else rest(lane, asks)), asks, events[0], events[2])


@partial(lean, inline=True)
def order(word: Any, number: int, asks: Any, target: Any, ordered: Any, due: Any) -> Any:
    """Of the lanes in a word, keep the targets of those that trade later; gives those that trade now.

    Parameters
    ----------
    word : int64
    number : int
        The price row.
    asks, target, ordered : flat rows of lanes, float64
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
        for i in range(target.size // LANES):
            ordered[i * LANES + lane] = target[i * LANES + lane]
        if number + lag < due.size - 1:
            due[number + lag] |= bit
    return now
