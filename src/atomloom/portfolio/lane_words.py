"""Words for writing formulas of eight lanes at once: what intrinsics of the lanes are written with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llvmlite import ir
from numba.core import cgutils

if TYPE_CHECKING:
    from collections.abc import Callable

WIDTH = 8
"""Lanes of a register; LLVM cuts it into smaller ones where the machine has no larger."""
UNROLLED = 4
"""Assets that a turn of a loop takes."""

LONG = ir.IntType(64)
ROW = ir.VectorType(ir.DoubleType(), WIDTH)


def place(builder: Any, data: Any, at: Any) -> Any:
    """Pointer to the eight lanes that begin at an element."""
    return builder.bitcast(builder.gep(data, [at]), ROW.as_pointer())


def load(builder: Any, data: Any, at: Any) -> Any:
    """Load the eight lanes that begin at an element."""
    found = builder.load(place(builder, data, at))
    found.align = 8
    return found


def store(builder: Any, value: Any, data: Any, at: Any) -> None:
    """Store eight lanes from an element on."""
    builder.store(value, place(builder, data, at)).align = 8


def everywhere(builder: Any, number: Any) -> Any:
    """Put one number into all lanes."""
    first = builder.insert_element(ir.Constant(ROW, ir.Undefined), number, ir.IntType(32)(0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH))


def constant(number: float) -> Any:
    """Give a number that is known when the formula is written, in all lanes."""
    return ir.Constant(ROW, [ir.Constant(ir.DoubleType(), number)] * WIDTH)


def fused(builder: Any, a: Any, b: Any, c: Any) -> Any:
    """Give ``a * b + c``, rounded once."""
    kind = ir.FunctionType(ROW, [ROW, ROW, ROW])
    return builder.call(builder.module.declare_intrinsic("llvm.fma.v8f64", (), kind), [a, b, c])


def size(builder: Any, a: Any) -> Any:
    """Absolute value."""
    kind = ir.FunctionType(ROW, [ROW])
    return builder.call(builder.module.declare_intrinsic("llvm.fabs.v8f64", (), kind), [a])


def where(builder: Any, order: str, a: Any, b: Any) -> Any:
    """Give ``a`` where it is larger (smaller, ...) than ``b``, else ``b``."""
    return builder.select(builder.fcmp_ordered(order, a, b), a, b)


def data_of(context: Any, builder: Any, signature: Any, args: Any, which: tuple[int, ...]) -> list[Any]:
    """Pointers to the elements of those arguments that are arrays."""
    return [context.make_array(signature.args[j])(context, builder, args[j]).data for j in which]


def fold(builder: Any, count: Any, start: list[Any], work: Callable[[Any, list[Any]], list[Any]]) -> list[Any]:
    """Give the registers after ``registers = work(i, registers)`` for i in 0 .. count - 1."""
    tools = cast("Any", cgutils)
    slots = [tools.alloca_once_value(builder, value) for value in start]

    def steps(first: Any, number: int) -> None:
        values = [builder.load(slot) for slot in slots]
        for k in range(number):
            values = work(builder.add(first, LONG(k)), values)
        for slot, value in zip(slots, values, strict=True):
            builder.store(value, slot)

    whole = builder.and_(count, LONG(-UNROLLED))
    with tools.for_range_slice(builder, LONG(0), whole, LONG(UNROLLED), LONG) as (i, _more):
        steps(i, UNROLLED)
    with tools.for_range_slice(builder, whole, count, LONG(1), LONG) as (i, _more):
        steps(i, 1)
    return [builder.load(slot) for slot in slots]
