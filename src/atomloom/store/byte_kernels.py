"""The formula that adds the byte differences of a chunk up again, a whole value of bytes at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from llvmlite import ir
from numba import types
from numba.core import cgutils

from atomloom.kernels.jit import kernel, vector_code

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

_BYTE = ir.IntType(8)


def _running(width: int) -> Callable[..., Any]:
    """Make the function that adds up ``count`` values of ``width`` bytes from byte ``start`` on, each byte alone."""

    @vector_code
    def running(_: Any, data: Any, start: Any, count: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            value = ir.VectorType(_BYTE, width)
            source = context.make_array(signature.args[0])(context, builder, args[0])
            first = builder.bitcast(builder.gep(source.data, [args[1]]), value.as_pointer())
            zero = ir.Constant(value, [ir.Constant(_BYTE, 0)] * width)
            so_far = cast("Any", cgutils).alloca_once_value(builder, zero)
            with cast("Any", cgutils).for_range(builder, args[2]) as loop:
                place = builder.gep(first, [loop.index])
                step = builder.load(place)
                step.align = 1
                total = builder.add(step, builder.load(so_far))
                builder.store(total, so_far)
                builder.store(total, place).align = 1
            return context.get_dummy_value()

        return types.void(data, start, count), generate

    return running


_running_4, _running_8 = _running(4), _running(8)


@kernel
def add_bytes_up(data: NDArray[np.uint8], width: int, block: int) -> None:
    """Replace the values of each block by their running sums, byte by byte and modulo 256.

    Parameters
    ----------
    data : (N,) uint8, changed in place
        Values of `width` bytes; N is a multiple of it.
    width : {4, 8}
    block : int
        Bytes after which the sums begin anew.

    Notes
    -----
    What undoes the filter "bytedelta" of Blosc2 once the bytes are back in their values: there each byte is the
    difference from the same byte of the value before. One addition of `width` bytes a value: O(N / width).

    Examples
    --------
    >>> import numpy as np
    >>> data = np.array([1, 0, 0, 0, 255, 2, 0, 0], np.uint8)
    >>> add_bytes_up(data, 4, 8)
    >>> data
    array([1, 0, 0, 0, 0, 2, 0, 0], dtype=uint8)
    """
    for first in range(0, len(data), block):
        count = min(block, len(data) - first) // width
        if width == 8:
            _running_8(data, first, count)
        else:
            _running_4(data, first, count)
