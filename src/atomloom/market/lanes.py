"""Formulas over the lanes of vector registers: prices in order, running volumes, without a branch."""

from __future__ import annotations

from typing import Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils

from atomloom.kernels.jit import vector_code

_LANE = ir.IntType(32)
_LARGEST = 2**31 - 1


def batcher(width: int) -> list[list[tuple[int, int]]]:
    """List the layers of Batcher's odd-even merge sort (Batcher 1968), pairs (i, j) with i < j.

    Every layer touches each lane at most once, so a layer is one shuffle, one minimum, one
    maximum and one blend of whole registers.

    Parameters
    ----------
    width : int
        Lanes, a power of two.

    Examples
    --------
    >>> batcher(4)
    [[(0, 1), (2, 3)], [(0, 2), (1, 3)], [(1, 2)]]
    """
    layers = []
    p = 1
    while p < width:
        k = p
        while k >= 1:
            starts = range(k % p, width - k, 2 * k)
            pairs = [(j + i, j + i + k) for j in starts for i in range(min(k, width - j - k))]
            layers.append([(i, j) for i, j in pairs if i // (2 * p) == j // (2 * p)])
            k //= 2
        p *= 2
    return layers


def _vector(values: list[int]) -> ir.Constant:
    return ir.Constant(ir.VectorType(_LANE, len(values)), [ir.Constant(_LANE, value) for value in values])


def _splat(builder: Any, value: Any, kind: Any) -> Any:
    """Put a number into every lane."""
    nothing = ir.Constant(kind, ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(_LANE, 0))
    return builder.shuffle_vector(one, nothing, _vector([0] * kind.count))


def _live(builder: Any, count: Any, width: int) -> Any:
    """Tell the lanes below `count` (int64) from the others."""
    nothing = ir.Constant(ir.VectorType(_LANE, width), ir.Undefined)
    most = count.type(width)
    few = builder.select(builder.icmp_signed("<", count, most), count, most)
    one = builder.insert_element(nothing, builder.trunc(few, _LANE), ir.Constant(_LANE, 0))
    counts = builder.shuffle_vector(one, nothing, _vector([0] * width))
    return builder.icmp_signed("<", _vector(list(range(width))), counts)


def _network(builder: Any, held: Any, count: Any, width: int) -> Any:
    """Fill the lanes from `count` on with the largest int32, then run the network."""
    nothing = ir.Constant(ir.VectorType(_LANE, width), ir.Undefined)
    held = builder.select(_live(builder, count, width), held, _vector([_LARGEST] * width))
    for layer in batcher(width):
        partner = list(range(width))
        takes = list(range(width))
        for i, j in layer:
            partner[i], partner[j] = j, i
            takes[j] = j + width  # of the minima followed by the maxima
        other = builder.shuffle_vector(held, nothing, _vector(partner))
        below = builder.icmp_signed("<", held, other)
        least, most = builder.select(below, held, other), builder.select(below, other, held)
        held = builder.shuffle_vector(least, most, _vector(takes))
    return held


def _sorter(width: int, prices: Any, start: Any, count: Any, out: Any) -> Any:
    """Give numba the signature of a sort of `width` lanes and the function that writes its code."""
    pointer = ir.VectorType(_LANE, width).as_pointer()

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        source = context.make_array(signature.args[0])(context, builder, args[0])
        target = context.make_array(signature.args[3])(context, builder, args[3])
        held = builder.load(builder.bitcast(builder.gep(source.data, [args[1]]), pointer))
        held.align = 4
        stored = builder.store(_network(builder, held, args[2], width), builder.bitcast(target.data, pointer))
        stored.align = 4
        return context.get_dummy_value()

    return types.void(prices, start, count, out), generate


@vector_code
def sort_8(_: Any, prices: Any, start: Any, count: Any, out: Any) -> Any:
    """Sort prices[start : start + count] into out; callable from kernels only.

    Parameters
    ----------
    prices : (P,) int32
        8 elements from `start` on must exist, whatever the count.
    start, count : int64
        count is 1 to 8.
    out : (at least 8,) int32
        The first `count` become the sorted prices.

    Examples
    --------
    >>> import numpy as np
    >>> from atomloom.kernels.jit import kernel
    >>> @kernel
    ... def ordered(prices, count, out):
    ...     sort_8(prices, 0, count, out)
    >>> out = np.zeros(8, np.int32)
    >>> ordered(np.array([3, 1, 2, 0, 0, 0, 0, 0], np.int32), 3, out)
    >>> out[:3]
    array([1, 2, 3], dtype=int32)
    """
    return _sorter(8, prices, start, count, out)


@vector_code
def sort_16(_: Any, prices: Any, start: Any, count: Any, out: Any) -> Any:
    """Sort up to 16 prices; as :func:`sort_8`, with 16 lanes.

    Parameters
    ----------
    prices : (P,) int32
        16 elements from `start` on must exist.
    start, count : int64
    out : (at least 16,) int32
    """
    return _sorter(16, prices, start, count, out)


@vector_code
def extent(_: Any, prices: Any, start: Any, count: Any) -> Any:
    """Lowest and highest of prices[start : start + count]; callable from kernels only.

    Parameters
    ----------
    prices : (P,) int32
        Up to 15 elements beyond the last are read too and must exist.
    start, count : int64

    Returns
    -------
    low, high : int64
        Of no prices, the largest int32 and the smallest.

    Examples
    --------
    >>> import numpy as np
    >>> from atomloom.kernels.jit import kernel
    >>> @kernel
    ... def ends(prices, count):
    ...     return extent(prices, 0, count)
    >>> ends(np.arange(40, dtype=np.int32), 20)
    (0, 19)
    """
    pair: Any = cast("Any", types).UniTuple(types.int64, 2)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.VectorType(_LANE, 16)
        source = context.make_array(signature.args[0])(context, builder, args[0])
        begin, left = args[1], args[2]
        ends = (_vector([_LARGEST] * 16), _vector([-_LARGEST - 1] * 16))
        tools = cast("Any", cgutils)
        held = [tools.alloca_once_value(builder, end) for end in ends]
        with tools.for_range_slice(builder, left.type(0), left, left.type(16), left.type) as (at, _):
            where = builder.bitcast(builder.gep(source.data, [builder.add(begin, at)]), kind.as_pointer())
            some = builder.load(where)
            some.align = 4
            live = _live(builder, builder.sub(left, at), 16)
            for slot, end, sign in zip(held, ends, "<>", strict=True):
                best, new = builder.load(slot), builder.select(live, some, end)
                builder.store(builder.select(builder.icmp_signed(sign, new, best), new, best), slot)
        found = []
        for slot, name in zip(held, ("smin", "smax"), strict=True):
            kind_of = ir.FunctionType(_LANE, [kind])
            fold = tools.get_or_insert_function(builder.module, kind_of, f"llvm.vector.reduce.{name}.v16i32")
            found.append(builder.sext(builder.call(fold, [builder.load(slot)]), ir.IntType(64)))
        return context.make_tuple(builder, pair, found)

    return pair(prices, start, count), generate


@vector_code
def running_places(_: Any, sizes: Any, before: Any, offset: Any, scale: Any, place: Any, passed: Any) -> Any:
    """Cumulative volume c of some trades as (c + offset) scale, eight at a time; callable from kernels only.

    Parameters
    ----------
    sizes : (M,) int64
        Only the first M - M % 8 are taken.
    before : int64
        Volume ahead of them.
    offset, scale : float64
    place : (at least M,) float64
        Out.
    passed : (at least M,) int32
        Out: places rounded down; of no use where they do not fit.

    Returns
    -------
    int64
        Volume after them.

    Examples
    --------
    >>> import numpy as np
    >>> from atomloom.kernels.jit import kernel
    >>> @kernel
    ... def places(sizes, place, passed):
    ...     return running_places(sizes, np.int64(10), 0.5, 0.1, place, passed)
    >>> place, passed = np.zeros(9), np.zeros(9, np.int32)
    >>> places(np.full(9, 5), place, passed), passed
    (50, array([1, 2, 2, 3, 3, 4, 4, 5, 0], dtype=int32))
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        long, wide = ir.VectorType(ir.IntType(64), 8), ir.VectorType(ir.DoubleType(), 8)
        source, places, whole = (context.make_array(signature.args[k])(context, builder, args[k]) for k in (0, 4, 5))
        none = ir.Constant(long, [ir.Constant(ir.IntType(64), 0)] * 8)
        carry = cast("Any", cgutils).alloca_once_value(builder, _splat(builder, args[1], long))
        count = builder.extract_value(source.shape, 0)
        stop = builder.and_(count, count.type(-8))
        with cast("Any", cgutils).for_range_slice(builder, count.type(0), stop, count.type(8), count.type) as (at, _):
            held = builder.load(builder.bitcast(builder.gep(source.data, [at]), long.as_pointer()))
            held.align = 8
            for step in (1, 2, 4):
                shifted = [lane - step if lane >= step else 8 for lane in range(8)]
                held = builder.add(held, builder.shuffle_vector(held, none, _vector(shifted)))
            held = builder.add(held, builder.load(carry))
            builder.store(builder.shuffle_vector(held, none, _vector([7] * 8)), carry)
            real = builder.fadd(builder.sitofp(held, wide), _splat(builder, args[2], wide))
            real = builder.fmul(real, _splat(builder, args[3], wide))
            for array, values in ((places, real), (whole, builder.fptosi(real, ir.VectorType(_LANE, 8)))):
                where = builder.bitcast(builder.gep(array.data, [at]), values.type.as_pointer())
                builder.store(values, where).align = 4 if array is whole else 8
        return builder.extract_element(builder.load(carry), ir.Constant(_LANE, 0))

    return types.int64(sizes, before, offset, scale, place, passed), generate


@vector_code
def add_four(_: Any, total: Any, rows: Any, at: Any) -> Any:
    """Add ``rows[at : at + 4]`` to ``total[:4]`` as one register; callable from kernels only.

    Parameters
    ----------
    total : (at least 4,) int64, changed in place
    rows : (at least at + 4,) int64, contiguous
    at : int64

    Examples
    --------
    >>> import numpy as np
    >>> from atomloom.kernels.jit import kernel
    >>> @kernel
    ... def added(total, rows):
    ...     add_four(total, rows, 1)
    >>> total = np.ones(4, np.int64)
    >>> added(total, np.arange(8))
    >>> total
    array([2, 3, 4, 5])
    """
    kind = ir.VectorType(ir.IntType(64), 4).as_pointer()

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        to = builder.bitcast(context.make_array(signature.args[0])(context, builder, args[0]).data, kind)
        source = context.make_array(signature.args[1])(context, builder, args[1]).data
        held, more = builder.load(to), builder.load(builder.bitcast(builder.gep(source, [args[2]]), kind))
        held.align = more.align = 8
        builder.store(builder.add(held, more), to).align = 8
        return context.get_dummy_value()

    return types.void(total, rows, at), generate
