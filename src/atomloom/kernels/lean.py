"""How formulas that work byte by byte are compiled: as kernels are, and without reference counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def lean(formula: F, *, inline: bool = False) -> F:
    """Compile a formula that allocates nothing and is called for every few bytes.

    An array that is handed to a function has its references counted, two atomic additions per array and call, which
    was nine tenths of the time of a row here. The formula and all it calls must make no arrays (views are fine).
    A numba without the switch compiles it as an ordinary kernel: slower, the same results.

    Parameters
    ----------
    formula : function
        Arrays and numbers in, numbers out.
    inline : bool
        Put it into its caller: for the body of a loop with a dozen arrays.

    Examples
    --------
    >>> @lean
    ... def first(x):
    ...     return x[0]
    >>> first.py_func([3])
    3
    """
    switches: dict[str, Any] = {"error_model": "numpy", "_nrt": False, "forceinline": inline}
    try:
        return cast("F", numba.njit(cache=True, nogil=True, **switches)(formula))
    except (KeyError, RuntimeError):  # an unknown option; no folder for the cache
        return kernel(formula)
