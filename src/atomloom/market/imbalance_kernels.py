"""Formulas of imbalance and runs bars; their plain-Python twins are in tests/oracles/bars_oracle.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Signs = NDArray[np.int8]


@kernel
def close_at_imbalance(sign: Signs, weight: Floats, rule: Floats, held: Floats, offset: int) -> Ints:
    """Close a bar once its signed weights add up to as much as is expected of a bar.

    Parameters
    ----------
    sign : (T,) int8
        -1, 0 or 1.
    weight : (T,) float64
    rule : (5,) float64
        Trades of the warm-up, gain per bar, gain per trade, fewest and most trades of a bar.
    held : (6,) float64, changed in place
        Trades seen, trades in the open bar, its imbalance, expected trades per bar, mean signed weight
        of a trade up to now, and its absolute value when the open bar began.
    offset : int
        Trades that the open bar already has; positions are counted from its first.

    Returns
    -------
    (N,) int64
        Last trade of each finished bar.

    Notes
    -----
    See :func:`atomloom.market.imbalance.imbalance_bars` for the recursion. O(T).
    """
    warm, per_bar, per_trade, fewest, most = rule[0], rule[1], rule[2], rule[3], rule[4]
    seen, trades, theta, expected, mean, level = held[0], held[1], held[2], held[3], held[4], held[5]
    last = np.empty(len(sign), np.int64)
    n = 0
    for t in range(len(sign)):
        x = sign[t] * weight[t]
        seen += 1.0
        trades += 1.0
        theta += x
        mean += max(per_trade, 1.0 / seen) * (x - mean)
        if seen < warm:
            continue
        if seen == warm:
            level = abs(mean)
        if trades >= most or (trades >= fewest and theta != 0.0 and abs(theta) >= expected * level):
            last[n] = offset + t
            n += 1
            expected += per_bar * (trades - expected)
            level = abs(mean)
            trades = 0.0
            theta = 0.0
    held[0], held[1], held[2], held[3], held[4], held[5] = seen, trades, theta, expected, mean, level
    return last[:n].copy()


@kernel
def close_at_runs(sign: Signs, weight: Floats, rule: Floats, held: Floats, offset: int) -> Ints:
    """Close a bar once its buys, or its sells, add up to as much as is expected of the larger of them.

    Parameters
    ----------
    sign, weight, rule, offset
        As for :func:`close_at_imbalance`.
    held : (13,) float64, changed in place
        Trades seen; trades, buys, sells, bought and sold weight of the open bar; expected trades per bar;
        expected share of buys; mean weight of a buy and of a sell; what a trade was expected to add to the
        larger side when the open bar began; buys and sells seen before the open bar.

    Returns
    -------
    (N,) int64
        Last trade of each finished bar.

    Notes
    -----
    See :func:`atomloom.market.imbalance.runs_bars` for the recursion. O(T).
    """
    warm, per_bar, per_trade, fewest, most = rule[0], rule[1], rule[2], rule[3], rule[4]
    seen, trades, buys, sells, bought, sold, expected = held[0], held[1], held[2], held[3], held[4], held[5], held[6]
    share, buy, sell, level, buys_before, sells_before = held[7], held[8], held[9], held[10], held[11], held[12]
    last = np.empty(len(sign), np.int64)
    n = 0
    for t in range(len(sign)):
        seen += 1.0
        trades += 1.0
        w = weight[t]
        if sign[t] > 0:
            buys += 1.0
            bought += w
            buy += max(per_trade, 1.0 / (buys_before + buys)) * (w - buy)
        elif sign[t] < 0:
            sells += 1.0
            sold += w
            sell += max(per_trade, 1.0 / (sells_before + sells)) * (w - sell)
        if seen < warm:
            continue
        if seen == warm:
            share = buys / (buys + sells) if buys + sells > 0.0 else 0.5
            level = max(share * buy, (1.0 - share) * sell)
        larger = max(bought, sold)
        if trades >= most or (trades >= fewest and larger > 0.0 and larger >= expected * level):
            last[n] = offset + t
            n += 1
            expected += per_bar * (trades - expected)
            if buys + sells > 0.0:
                share += per_bar * (buys / (buys + sells) - share)
            level = max(share * buy, (1.0 - share) * sell)
            buys_before += buys
            sells_before += sells
            trades, buys, sells, bought, sold = 0.0, 0.0, 0.0, 0.0, 0.0
    held[0], held[1], held[2], held[3], held[4], held[5], held[6] = seen, trades, buys, sells, bought, sold, expected
    held[7], held[8], held[9], held[10], held[11], held[12] = share, buy, sell, level, buys_before, sells_before
    return last[:n].copy()
