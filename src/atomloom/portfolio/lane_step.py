"""Value and drift of 64 portfolios at a price row, written for vector registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils

from atomloom.kernels.jit import vector_code
from atomloom.portfolio.lane_layout import LANES

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH = 8
"""Lanes of a register; LLVM cuts it into smaller ones where the machine has no larger."""
STRIP = 4
"""Registers that go through the assets together: their chains of operations fill each other's waiting times."""
UNROLLED = 4
"""Assets that a turn of the loop takes."""

_LONG = ir.IntType(64)
_ROW = ir.VectorType(ir.DoubleType(), WIDTH)


def _place(builder: Any, data: Any, at: Any) -> Any:
    return builder.bitcast(builder.gep(data, [at]), _ROW.as_pointer())


def _load(builder: Any, data: Any, at: Any) -> Any:
    found = builder.load(_place(builder, data, at))
    found.align = 8
    return found


def _everywhere(builder: Any, number: Any) -> Any:
    first = builder.insert_element(ir.Constant(_ROW, ir.Undefined), number, ir.IntType(32)(0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH))


def _fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    kind = ir.FunctionType(_ROW, [_ROW, _ROW, _ROW])
    return builder.call(builder.module.declare_intrinsic("llvm.fma.v8f64", (), kind), [a, b, c])


def _size(builder: Any, a: Any) -> Any:
    kind = ir.FunctionType(_ROW, [_ROW])
    return builder.call(builder.module.declare_intrinsic("llvm.fabs.v8f64", (), kind), [a])


def _larger(builder: Any, a: Any, b: Any) -> Any:
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _fold(builder: Any, count: Any, start: list[Any], work: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
    """Give the registers after ``registers = work(i, registers)`` for i in 0 .. count - 1."""
    tools = cast("Any", cgutils)
    slots = [tools.alloca_once_value(builder, value) for value in start]

    def steps(first: Any, number: int) -> None:
        values = [builder.load(slot) for slot in slots]
        for k in range(number):
            values = work(builder.add(first, _LONG(k)), values)
        for slot, value in zip(slots, values, strict=True):
            builder.store(value, slot)

    whole = builder.and_(count, _LONG(-UNROLLED))
    with tools.for_range_slice(builder, _LONG(0), whole, _LONG(UNROLLED), _LONG) as (i, _more):
        steps(i, UNROLLED)
    with tools.for_range_slice(builder, whole, count, _LONG(1), _LONG) as (i, _more):
        steps(i, 1)
    return [builder.load(slot) for slot in slots]


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
        held_at, prices_at, state_at = _data(context, builder, signature, args, (0, 2, 5))
        for strip in range(0, LANES, STRIP * WIDTH):
            offsets = [_LONG(strip + j * WIDTH) for j in range(STRIP)]

            def add(i: Any, values: list[Any], offsets: list[Any] = offsets) -> list[Any]:
                price = _everywhere(builder, builder.load(builder.gep(prices_at, [builder.add(args[3], i)])))
                first = builder.mul(i, _LONG(LANES))
                units = [_load(builder, held_at, builder.add(first, offset)) for offset in offsets]
                return [_fused(builder, unit, price, value) for unit, value in zip(units, values, strict=True)]

            start = [_load(builder, state_at, builder.add(args[1], offset)) for offset in offsets]
            for value, offset in zip(_fold(builder, args[4], start, add), offsets, strict=True):
                builder.store(value, _place(builder, state_at, builder.add(args[6], offset))).align = 8
        return context.get_dummy_value()

    return types.void(held, cash, prices, row, columns, state, at), generate


@vector_code
def lane_drifts(
    _: Any, held: Any, target: Any, weigh: Any, prices: Any, row: Any, assets: Any, state: Any, at: Any, band: Any
) -> Any:
    """Mark the lanes that have drifted further from target than they may; callable from kernels only.

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
    at, band : int64
        Where in ``state`` the values of the lanes begin, and their bands.

    Returns
    -------
    int64
        Bit l is set where the drift of lane l is above ``band * v``.

    Examples
    --------
    >>> import numpy as np
    >>> from atomloom.kernels.jit import kernel
    >>> @kernel
    ... def drifted(held, target, prices, state):
    ...     return lane_drifts(held, target, None, prices, 0, 2, state, 0, 64)
    >>> state = np.repeat([6.0, 0.2], 64)
    >>> state[64] = 0.1
    >>> drifted(np.ones(128), np.full(128, 0.5), np.array([2.0, 4.0]), state)
    1
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        held_at, target_at, prices_at, state_at = _data(context, builder, signature, args, (0, 1, 3, 6))
        plain = isinstance(signature.args[2], types.NoneType)
        weigh_at = None if plain else _data(context, builder, signature, args, (2,))[0]
        words = []
        for strip in range(0, LANES, STRIP * WIDTH):
            offsets = [_LONG(strip + j * WIDTH) for j in range(STRIP)]
            values = [_load(builder, state_at, builder.add(args[7], offset)) for offset in offsets]
            debts = [builder.fneg(value) for value in values]

            def widen(i: Any, widest: list[Any], offsets: list[Any] = offsets, debts: list[Any] = debts) -> list[Any]:
                price = _everywhere(builder, builder.load(builder.gep(prices_at, [builder.add(args[4], i)])))
                first = builder.mul(i, _LONG(LANES))
                found = []
                for offset, debt, before in zip(offsets, debts, widest, strict=True):
                    money = builder.fmul(_load(builder, held_at, builder.add(first, offset)), price)
                    drift = _fused(builder, _load(builder, target_at, builder.add(first, offset)), debt, money)
                    size = _size(builder, drift)
                    if weigh_at is not None:
                        size = builder.fmul(size, _load(builder, weigh_at, builder.add(first, offset)))
                    found.append(_larger(builder, size, before))
                return found

            nothing = ir.Constant(_ROW, [ir.Constant(ir.DoubleType(), 0.0)] * WIDTH)
            widest = _fold(builder, args[5], [nothing] * STRIP, widen)
            for j, (drift, value) in enumerate(zip(widest, values, strict=True)):
                allowed = builder.fmul(_load(builder, state_at, builder.add(args[8], offsets[j])), value)
                over = builder.bitcast(builder.fcmp_ordered(">", drift, allowed), ir.IntType(WIDTH))
                words.append(builder.shl(builder.zext(over, _LONG), _LONG(strip + j * WIDTH)))
        found = words[0]
        for word in words[1:]:
            found = builder.or_(found, word)
        return found

    return types.int64(held, target, weigh, prices, row, assets, state, at, band), generate


def _data(context: Any, builder: Any, signature: Any, args: Any, which: tuple[int, ...]) -> list[Any]:
    return [context.make_array(signature.args[j])(context, builder, args[j]).data for j in which]
