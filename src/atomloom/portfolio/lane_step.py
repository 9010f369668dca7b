"""Value and drift of 64 portfolios at a price row, written for vector registers."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from atomloom.kernels.jit import vector_code
from atomloom.portfolio.lane_layout import LANES
from atomloom.portfolio.lane_words import (
    LONG,
    WIDTH,
    constant,
    data_of,
    everywhere,
    fold,
    fused,
    load,
    size,
    store,
    where,
)

STRIP = 4
"""Registers that go through the assets together: their chains of operations fill each other's waiting times."""


@vector_code
def lane_values(_: Any, held: Any, cash: Any, prices: Any, row: Any, columns: Any, state: Any, at: Any) -> Any:
    """Value of every lane: its cash and what it holds at the prices of a row; callable from kernels only.

    Parameters
    ----------
    held : (columns * 64,) float64
        Units of each column that each lane holds.
    cash : int64
        Where in ``state`` the cash of the lanes begins.
    prices : (rows * columns,) float64
    row : int64
        Where in ``prices`` the row begins.
    columns : int64
    state : (S,) float64
        Out: 64 elements from ``at`` on have the values.
    at : int64

    Examples
    --------
    >>> import numpy as np
    >>> from atomloom.kernels.jit import kernel
    >>> @kernel
    ... def value(held, prices, state):
    ...     lane_values(held, 0, prices, 0, 2, state, 64)
    >>> held, state = np.ones(128), np.ones(128)
    >>> value(held, np.array([2.0, 3.0]), state)
    >>> float(state[64])
    6.0
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        held_at, prices_at, state_at = data_of(context, builder, signature, args, (0, 2, 5))
        for offsets in _strips():

            def add(i: Any, values: list[Any], offsets: list[Any] = offsets) -> list[Any]:
                price = everywhere(builder, builder.load(builder.gep(prices_at, [builder.add(args[3], i)])))
                first = builder.mul(i, LONG(LANES))
                units = [load(builder, held_at, builder.add(first, offset)) for offset in offsets]
                return [fused(builder, unit, price, value) for unit, value in zip(units, values, strict=True)]

            start = [load(builder, state_at, builder.add(args[1], offset)) for offset in offsets]
            for value, offset in zip(fold(builder, args[4], start, add), offsets, strict=True):
                store(builder, value, state_at, builder.add(args[6], offset))
        return context.get_dummy_value()

    return types.void(held, cash, prices, row, columns, state, at), generate


@vector_code
def lane_drifts(
    _: Any, held: Any, target: Any, weigh: Any, prices: Any, row: Any, assets: Any, state: Any, at: Any,
    asks: Any, band: Any,
) -> Any:  # fmt: skip
    """Find the lanes that have drifted further from target than they may; callable from kernels only.

    The drift of a lane is ``max_i |x_i - w_i v| q_i`` with the money x_i in asset i, its target weight w_i, the value v
    and what that asset's drift is weighed with (1, or 1 / |w_i|).

    Parameters
    ----------
    held, target : (assets * 64,) float64
    weigh : (assets * 64,) float64, or None
        None is all ones.
    prices : (rows * columns,) float64
    row : int64
        Where in ``prices`` the row begins.
    assets : int64
    state : (S,) float64
    at : int64
        Where in ``state`` the values of the lanes begin.
    asks : (A,) float64
    band : int64
        Where in ``asks`` the bands of the lanes begin.

    Returns
    -------
    int64
        Bit l is set where the drift of lane l is above ``band * v``.

    Examples
    --------
    >>> import numpy as np
    >>> from atomloom.kernels.jit import kernel
    >>> @kernel
    ... def drifted(held, target, prices, values, bands):
    ...     return lane_drifts(held, target, None, prices, 0, 2, values, 0, bands, 0)
    >>> bands = np.full(64, 0.2)
    >>> bands[0] = 0.1
    >>> drifted(np.ones(128), np.full(128, 0.5), np.array([2.0, 4.0]), np.full(64, 6.0), bands)
    1
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        held_at, target_at, prices_at, state_at, asks_at = data_of(context, builder, signature, args, (0, 1, 3, 6, 8))
        plain = isinstance(signature.args[2], types.NoneType)
        weigh_at = None if plain else data_of(context, builder, signature, args, (2,))[0]
        word = LONG(0)
        for strip, offsets in enumerate(_strips()):
            values = [load(builder, state_at, builder.add(args[7], offset)) for offset in offsets]
            debts = [builder.fneg(value) for value in values]

            def widen(i: Any, widest: list[Any], offsets: list[Any] = offsets, debts: list[Any] = debts) -> list[Any]:
                price = everywhere(builder, builder.load(builder.gep(prices_at, [builder.add(args[4], i)])))
                first = builder.mul(i, LONG(LANES))
                found = []
                for offset, debt, before in zip(offsets, debts, widest, strict=True):
                    money = builder.fmul(load(builder, held_at, builder.add(first, offset)), price)
                    drift = fused(builder, load(builder, target_at, builder.add(first, offset)), debt, money)
                    wide = size(builder, drift)
                    if weigh_at is not None:
                        wide = builder.fmul(wide, load(builder, weigh_at, builder.add(first, offset)))
                    found.append(where(builder, ">", wide, before))
                return found

            for j, drift in enumerate(fold(builder, args[5], [constant(0.0)] * STRIP, widen)):
                allowed = builder.fmul(load(builder, asks_at, builder.add(args[9], offsets[j])), values[j])
                over = builder.bitcast(builder.fcmp_ordered(">", drift, allowed), ir.IntType(WIDTH))
                place = LONG((strip * STRIP + j) * WIDTH)
                word = builder.or_(word, builder.shl(builder.zext(over, LONG), place))
        return word

    return types.int64(held, target, weigh, prices, row, assets, state, at, asks, band), generate


def _strips() -> list[list[Any]]:
    """Where the registers begin that go through the assets together."""
    return [[LONG(first + j * WIDTH) for j in range(STRIP)] for first in range(0, LANES, STRIP * WIDTH)]
