"""How every formula is compiled: cached on disk, without the GIL, with IEEE arithmetic as written."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba

if TYPE_CHECKING:
    from collections.abc import Callable

F = TypeVar("F", bound="Callable[..., Any]")
_log = logging.getLogger(__name__)


def kernel(formula: F) -> F:
    """Compile a formula on first use; the machine code is kept for the next interpreter.

    There is no signature (compiling at import would cost a second) and no fastmath (NaN and the
    order of additions matter). Where no folder can be written the code is compiled anew each time.
    The plain function stays reachable as ``.py_func``.

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
    try:
        return cast("F", numba.njit(cache=True, nogil=True)(formula))
    except RuntimeError as error:  # numba: "cannot cache function ...: no locator available"
        _log.info("%s; it is compiled anew in each interpreter", error)
        return cast("F", numba.njit(nogil=True)(formula))


def vector_code(declare: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that kernels may call out of one that writes its code for vector registers.

    Parameters
    ----------
    declare : function
        Takes the typing context and the types of the arguments; gives the signature and a function
        that writes the code, as ``numba.extending.intrinsic`` wants it.
    """
    from numba.extending import intrinsic  # noqa: PLC0415 - few kernels need it

    return cast("Callable[..., Any]", intrinsic(declare))
