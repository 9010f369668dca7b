"""The innermost formula of the transition: the best of several rows, each less a cost, a register at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils

from atomloom.kernels.jit import vector_code

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 8
"""Values of a register; rows need as many elements behind their end, which may be overwritten."""

_LONG, _REAL = ir.IntType(64), ir.DoubleType()
_ROW = ir.VectorType(_REAL, WIDTH)


def _splat(builder: Any, value: Any) -> Any:
    nothing = ir.Constant(_ROW, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    mask = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [ir.Constant(ir.IntType(32), 0)] * WIDTH)
    return builder.shuffle_vector(one, nothing, mask)


def _strip(builder: Any, data: Sequence[Any], at: Any, count: Any, first_cost: Any, first: Any, wide: int) -> list[Any]:
    """Work `wide` registers of the result, from element `at` on, over all sources."""
    source, starts, cost = data
    tools = cast("Any", cgutils)

    def less(j: Any) -> list[Any]:
        begin = builder.add(builder.load(builder.gep(starts, [builder.add(first, j)])), at)
        price = _splat(builder, builder.load(builder.gep(cost, [builder.add(first_cost, j)])))
        found = []
        for k in range(wide):
            place = builder.gep(source, [builder.add(begin, _LONG(k * WIDTH))])
            value = builder.load(builder.bitcast(place, _ROW.as_pointer()))
            value.align = 8
            found.append(builder.fsub(value, price))
        return found

    best = [tools.alloca_once_value(builder, value) for value in less(_LONG(0))]
    with tools.for_range(builder, count, start=_LONG(1)) as loop:
        for slot, value in zip(best, less(loop.index), strict=True):
            held = builder.load(slot)
            builder.store(builder.select(builder.fcmp_ordered(">", value, held), value, held), slot)
    return [builder.load(slot) for slot in best]


@vector_code
def best_less_cost(
    _: Any, source: Any, starts: Any, first: Any, count: Any, cost: Any, first_cost: Any, to: Any, at: Any, n: Any
) -> Any:
    """Write ``to[at + i] = max over j of source[starts[first + j] + i] - cost[first_cost + j]`` for i < n.

    Parameters
    ----------
    source, to : (R,) float64, contiguous
        No NaN. Up to WIDTH - 1 elements behind each row are read, and behind ``to[at + n]`` overwritten.
    starts : (at least first + count,) int64
    first, count : int64
        count >= 1.
    cost : (at least first_cost + count,) float64
    first_cost, at, n : int64

    Examples
    --------
    >>> import numpy as np
    >>> from atomloom.kernels.jit import kernel
    >>> @kernel
    ... def both(source, starts, cost, to):
    ...     best_less_cost(source, starts, 0, 2, cost, 0, to, 0, 2)
    >>> to = np.zeros(16)
    >>> both(np.arange(24.0), np.array([0, 4]), np.array([1.0, 6.0]), to)
    >>> to[:2]
    array([-1.,  0.])
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        arrays = {j: context.make_array(signature.args[j])(context, builder, args[j]).data for j in (0, 1, 4, 6)}
        data = arrays[0], arrays[1], arrays[4]
        tools = cast("Any", cgutils)

        def work(i: Any, wide: int) -> None:
            for k, value in enumerate(_strip(builder, data, i, args[3], args[5], args[2], wide)):
                place = builder.gep(arrays[6], [builder.add(builder.add(args[7], i), _LONG(k * WIDTH))])
                builder.store(value, builder.bitcast(place, _ROW.as_pointer())).align = 8

        whole = builder.and_(args[8], _LONG(-4 * WIDTH))
        with tools.for_range_slice(builder, _LONG(0), whole, _LONG(4 * WIDTH), _LONG) as (i, _more):
            work(i, 4)
        with tools.for_range_slice(builder, whole, args[8], _LONG(WIDTH), _LONG) as (i, _more):
            work(i, 1)
        return context.get_dummy_value()

    return types.void(source, starts, first, count, cost, first_cost, to, at, n), generate
