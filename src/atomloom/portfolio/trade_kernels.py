"""What one lane does now and then: it trades towards its target, starts anew, or is ruined."""

from __future__ import annotations

from functools import partial
from typing import Any

from atomloom.kernels.arithmetic import divide, fma
from atomloom.kernels.lean import lean
from atomloom.portfolio.lane_layout import (
    ASK_BAND,
    ASK_FEE,
    ASK_RATE,
    ASK_RELATIVE,
    ASK_STEP,
    CAPITAL,
    CASH,
    LANES,
    PAID,
    RUIN_ROW,
    RUINED,
    TRADED,
    TRADES,
)
from atomloom.portfolio.lane_trade import hold_target, share_traded

LOST, TRADED_NOW, LAPSED = 0, 1, 2
_NOTHING = 1e-12  # a change of weight that is no trade
LEAST_TARGET = 1e-9  # a relative drift from a target of nothing is measured against this


@lean
def drift_and_count(
    lane: int, held: Any, target: Any, market: Any, row: int, assets: int, inverse: float, relative: bool
) -> Any:
    """Largest drift of a lane, and number of assets that are off target.

    Parameters
    ----------
    lane : int
    held, target : (assets * 64,) float64
    market : tuple
        Prices and their reciprocals, both (rows * columns,) float64, and the cost scale of each column.
    row : int
        Where the price row begins.
    assets : int
    inverse : float
        1 / value of the lane.
    relative : bool
        Drift is measured as a share of the target weight.
    """
    prices = market[0]
    most, count = 0.0, 0
    for i in range(assets):
        weight = target[i * LANES + lane]
        change = abs(weight - held[i * LANES + lane] * prices[row + i] * inverse)
        count += change > _NOTHING
        most = max(most, divide(change, max(abs(weight), LEAST_TARGET)) if relative else change)
    return most, count


@partial(lean, inline=True)
def trade(
    lane: int, at: int, s: Any, ask: Any, held: Any, target: Any, market: Any, row: int, sizes: Any, full: bool
) -> int:
    """Move one lane towards its target and pay for it; gives TRADED_NOW, or LOST where nothing is left.

    With weights w and target t the new weights are w + step (t - w), where step is 1, a fraction, or, for a step of 0,
    what brings the largest drift back to the band. Costs are rate * sum scale_i |dw_i| of the value before, and a fee
    for each asset; they are paid by the whole portfolio. An order to the band that comes when the lane is back in it
    has LAPSED: nothing is done, or paid.

    Parameters
    ----------
    lane : int
    at : int
        Where in ``s`` the values of the lanes begin.
    s : (STATE_ROWS * 64,) float64
    ask : (ASK_ROWS * 64,) float64
    held, target : (columns * 64,), (assets * 64,) float64
    market : tuple
        As of :func:`drift_and_count`.
    row : int
        Where the price row begins.
    sizes : tuple of int
        assets, columns, 1 if cash bears interest (its two columns come behind the assets).
    full : bool
        Go the whole way, whatever the step (an entry).
    """
    assets, columns, interest = sizes
    prices, reciprocals, scale = market
    value = s[at + lane]
    inverse = divide(1.0, value)
    traded, scaled = share_traded(lane, held, target, scale, prices, row, assets, inverse)
    step = 1.0 if full else ask[ASK_STEP * LANES + lane]
    fee = ask[ASK_FEE * LANES + lane]
    fees = 0.0
    if step == 0.0 or fee > 0.0:
        relative = ask[ASK_RELATIVE * LANES + lane] != 0.0
        most, count = drift_and_count(lane, held, target, market, row, assets, inverse, relative)
        if step == 0.0:
            step = 1.0 - divide(min(ask[ASK_BAND * LANES + lane], most), most) if most > 0.0 else 0.0
            if step == 0.0:
                return LAPSED
        fees = fee * count * s[CAPITAL * LANES + lane] * inverse
    paid = fma(ask[ASK_RATE * LANES + lane] * scaled, step, fees)
    left = value - value * paid
    s[TRADED * LANES + lane] += traded * step
    s[PAID * LANES + lane] += paid
    s[TRADES * LANES + lane] += 1.0
    if not left > 0.0:
        return LOST
    invested = 0.0
    if step == 1.0:
        invested = hold_target(lane, held, target, reciprocals, row, assets, left)
    else:
        for i in range(assets):
            weight = held[i * LANES + lane] * prices[row + i] * inverse
            weight += step * (target[i * LANES + lane] - weight)
            invested += weight
            held[i * LANES + lane] = weight * left * reciprocals[row + i]
    cash = left - left * invested
    if interest:
        for i in range(assets, columns):
            held[i * LANES + lane] = 0.0
        held[assets * LANES + lane] = max(cash, 0.0) * reciprocals[row + assets]
        held[(assets + 1) * LANES + lane] = min(cash, 0.0) * reciprocals[row + assets + 1]
        cash = 0.0
    s[CASH * LANES + lane] = cash
    s[at + lane] = left
    return TRADED_NOW


@lean
def ruin(lane: int, at: int, s: Any, held: Any, columns: int, number: int) -> None:
    """Take everything from a lane: its return is -1 now and 0 from now on.

    Parameters
    ----------
    lane, at : int
    s : (STATE_ROWS * 64,) float64
    held : (columns * 64,) float64
    columns : int
    number : int
        Number of the price row.
    """
    for i in range(columns):
        held[i * LANES + lane] = 0.0
    s[CASH * LANES + lane] = RUINED
    s[at + lane] = RUINED
    s[RUIN_ROW * LANES + lane] = number
