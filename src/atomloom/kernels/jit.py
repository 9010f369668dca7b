"""How every formula is compiled: cached on disk, without the GIL, with IEEE arithmetic as written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")


def kernel(formula: F) -> F:
    """Compile a formula on first use; the machine code is kept for the next interpreter.

    There is no signature (compiling at import would cost a second) and no fastmath (NaN and the
    order of additions matter). The plain function stays reachable as ``.py_func``.

    Parameters
    ----------
    formula : function
        Arrays and numbers in, arrays and numbers out.

    Examples
    --------
    >>> @kernel
    ... def double(x):
    ...     return 2 * x
    >>> double.py_func(3)
    6
    """
    return cast("F", numba.njit(cache=True, nogil=True)(formula))
