"""Single machine instructions that formulas may ask for by name: rounding once, dividing without a check."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types

from atomloom.kernels.jit import vector_code


@vector_code
def fma(_: Any, a: Any, b: Any, c: Any) -> Any:  # noqa: ARG001 - their types are fixed
    """Give ``a * b + c`` rounded once, on every machine; callable from kernels only.

    The compiler never fuses by itself (that could differ from loop to loop); where fusing is wanted it is said.
    """
    number = types.float64

    def write(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.fma(*values)

    return number(number, number, number), write


@vector_code
def divide(_: Any, a: Any, b: Any) -> Any:  # noqa: ARG001 - their types are fixed
    """Divide as IEEE 754 has it: by zero that gives inf or nan; callable from kernels only.

    Python's division raises by zero: a branch that keeps a loop out of the vector registers.
    """
    number = types.float64

    def write(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        return builder.fdiv(*values)

    return number(number, number), write


@vector_code
def lowest_bit(_: Any, word: Any) -> Any:  # noqa: ARG001 - its type is fixed
    """Place of the lowest bit that is set in a word other than zero; callable from kernels only."""
    number = types.int64

    def write(_context: Any, builder: Any, _signature: Any, values: Any) -> Any:
        found = builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))
        return builder.and_(found, ir.Constant(ir.IntType(64), 63))

    return types.intp(number), write
