"""The medians of eight bars at a time, a bar in each lane of the vector registers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llvmlite import ir
from numba import types

from atomloom.kernels.jit import vector_code
from atomloom.market.lanes import batcher

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 8
"""Bars at a time, and most trades of each."""

_INT, _LONG = ir.IntType(32), ir.IntType(64)
_LANES = ir.VectorType(_INT, WIDTH)
_LOW, _HIGH = -(2**31), 2**31 - 1


def _all(value: int) -> ir.Constant:
    return ir.Constant(_LANES, [ir.Constant(_INT, value)] * WIDTH)


def _loaded(builder: Any, data: Any, at: Any, kind: Any) -> Any:
    found = builder.load(builder.bitcast(builder.gep(data, [at]), kind.as_pointer()))
    found.align = kind.element.width // 8
    return found


def transposed(builder: Any, rows: Sequence[Any]) -> list[Any]:
    """Turn eight registers of eight lanes round: lane i of register j becomes lane j of register i.

    Lanes are exchanged at distances 1, 2 and 4, each by two shuffles of a pair of registers.
    """
    held = list(rows)
    for step in (1, 2, 4):
        low, high = [], []
        for lane in range(WIDTH):
            other = lane ^ step
            low.append(lane if lane & step == 0 else other + WIDTH)
            high.append(other if lane & step == 0 else lane + WIDTH)
        for j in range(WIDTH):
            if j & step == 0:
                a, b = held[j], held[j + step]
                held[j] = builder.shuffle_vector(a, b, _lanes(low))
                held[j + step] = builder.shuffle_vector(a, b, _lanes(high))
    return held


def _lanes(places: Sequence[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(_INT, WIDTH), [ir.Constant(_INT, place) for place in places])


def _padded(builder: Any, values: Sequence[Any], counts: Any) -> list[Any]:
    """Fill up from `counts` on, in turn above and below all prices, so that the middle stays where it is."""
    odd = builder.icmp_unsigned("!=", builder.and_(counts, _all(1)), _all(0))
    pads = builder.select(odd, _all(_LOW), _all(_HIGH)), builder.select(odd, _all(_HIGH), _all(_LOW))
    return [
        builder.select(builder.icmp_signed(">", counts, _all(i)), value, pads[i & 1]) for i, value in enumerate(values)
    ]


def _sorted(builder: Any, values: Sequence[Any]) -> list[Any]:
    held = list(values)
    for layer in batcher(WIDTH):
        for i, j in layer:
            below = builder.icmp_signed("<", held[i], held[j])
            least, most = builder.select(below, held[i], held[j]), builder.select(below, held[j], held[i])
            held[i], held[j] = least, most
    return held


@vector_code
def middles_8(_: Any, prices: Any, first: Any, last: Any, k: Any, out: Any) -> Any:
    """Twice the medians of bars k to k + 7, of the first eight trades of each; callable from kernels only.

    Parameters
    ----------
    prices : (P,) int32
        8 elements from the first trade of each bar on must exist, and none is the least or largest int32.
    first, last : (at least k + 8,) int64
        First and last trade of each bar.
    k : int64
    out : (at least k + 8,) int32
        Out: right where a bar has at most 8 trades.

    Returns
    -------
    int64
        Bit j is set where bar k + j has more.

    Notes
    -----
    A bar in each lane: eight registers are turned round, filled up on both sides of the middle, and ordered by
    Batcher's network (1968), of which only what the two middle ones need is left. Five cycles a bar.

    Examples
    --------
    >>> import numpy as np
    >>> from atomloom.kernels.jit import kernel
    >>> @kernel
    ... def doubled(prices, first, last, out):
    ...     return middles_8(prices, first, last, 0, out)
    >>> first = np.arange(0, 16, 2)
    >>> out = np.zeros(8, np.int32)
    >>> doubled(np.arange(24, dtype=np.int32), first, first + 1, out), out
    (0, array([ 1,  5,  9, 13, 17, 21, 25, 29], dtype=int32))
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = [context.make_array(signature.args[j])(context, builder, args[j]) for j in (0, 1, 2, 4)]
        source, opens, closes, target = (array.data for array in arrays)
        wide = ir.VectorType(_LONG, WIDTH)
        starts = [builder.load(builder.gep(opens, [builder.add(args[3], _LONG(j))])) for j in range(WIDTH)]
        spans = builder.sub(_loaded(builder, closes, args[3], wide), _loaded(builder, opens, args[3], wide))
        counts = builder.add(builder.trunc(spans, _LANES), _all(1))
        rows = [_loaded(builder, source, start, _LANES) for start in starts]
        held = _sorted(builder, _padded(builder, transposed(builder, rows), counts))
        odd = builder.icmp_unsigned("!=", builder.and_(counts, _all(1)), _all(0))
        low, high = held[WIDTH // 2 - 1], held[WIDTH // 2]
        twice = builder.add(low, builder.select(odd, low, high))
        place = builder.bitcast(builder.gep(target, [args[3]]), _LANES.as_pointer())
        builder.store(twice, place).align = 4
        many = builder.bitcast(builder.icmp_signed(">", counts, _all(WIDTH)), ir.IntType(WIDTH))
        return builder.zext(many, _LONG)

    return types.int64(prices, first, last, k, out), generate
