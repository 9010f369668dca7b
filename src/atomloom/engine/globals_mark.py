"""What a function reads from its module: warm forked workers must not work on old values.

A function of an importable module travels by name, so a worker forked earlier sees the
module's global data as it was then. The marks of a function are those global values; when
one of them has been rebound since the workers were forked, they are forked anew.
"""

from __future__ import annotations

import functools
import types
import weakref
from typing import Any

Marks = dict[tuple[str, str], Any]


def marks(func: Any) -> Marks:
    """Collect the global data that a function, and the functions it names, refer to.

    Values rebound between calls are seen; a global changed in place is not.

    Examples
    --------
    >>> marks(len)
    {}
    """
    found: Marks = {}
    seen: set[int] = set()
    stack = [func]
    while stack:
        function = _plain(stack.pop())
        if function is None or id(function) in seen or len(seen) > 500:
            continue
        seen.add(id(function))
        for name in _names(function.__code__):
            value = function.__globals__.get(name)
            if isinstance(value, types.FunctionType | types.MethodType | functools.partial):
                stack.append(value)
            elif value is not None and not isinstance(value, types.ModuleType | types.BuiltinFunctionType | type):
                found[function.__module__, name] = value
    return found


def remember(found: Marks) -> Marks:
    """Keep marks for later comparison without keeping large objects alive."""
    kept: Marks = {}
    for key, value in found.items():
        try:
            kept[key] = weakref.ref(value)
        except TypeError:
            kept[key] = value
    return kept


def unchanged(found: Marks, kept: Marks) -> bool:
    """Whether every mark is still the object that was remembered."""
    for key, value in found.items():
        if key not in kept:
            return False
        old = kept[key]
        if (old() if isinstance(old, weakref.ref) else old) is not value:
            return False
    return True


def _plain(func: Any) -> types.FunctionType | None:
    while isinstance(func, functools.partial):
        func = func.func
    func = getattr(func, "__func__", func)
    func = getattr(func, "__wrapped__", func)
    if not isinstance(func, types.FunctionType) and not isinstance(func, type):
        func = vars(type(func)).get("__call__")
    return func if isinstance(func, types.FunctionType) else None


def _names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _names(constant)
    return names
