"""What a function reads from its module: workers must see the values of this process.

A function of an importable module travels by name, so a worker forked earlier sees the
module's global data as it was then, and a worker of a clean server as a fresh import has
it. The marks of a function are those global values. When one has been rebound since the
workers were forked, they are forked anew; workers that inherit nothing are sent the plain
data among them. Code of installed packages is left alone.
"""

from __future__ import annotations

import functools
import os
import sysconfig
import types
import weakref
from typing import Any

Marks = dict[tuple[str, str], Any]

_LIBRARIES = tuple({path + os.sep for name, path in sysconfig.get_paths().items() if name.endswith("lib")})


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
        if _installed(function.__code__.co_filename):
            continue
        for name in _names(function.__code__):
            value = function.__globals__.get(name)
            if isinstance(value, types.FunctionType | types.MethodType | functools.partial):
                stack.append(value)
            elif value is not None and not isinstance(value, types.ModuleType | types.BuiltinFunctionType | type):
                found[function.__module__, name] = value
    return found


def plain_data(found: Marks) -> Marks:
    """Pick the marks that are plain data, which may be set in another process without harm.

    Examples
    --------
    >>> plain_data({("m", "rates"): [1, 2], ("m", "sentinel"): object()})
    {('m', 'rates'): [1, 2]}
    """
    return {key: value for key, value in found.items() if key[0] != "__main__" and _is_plain(value)}


def _is_plain(value: Any) -> bool:
    module = type(value).__module__.partition(".")[0]
    return isinstance(value, bool | int | float | complex | str | bytes | list | tuple | dict | set | frozenset) or (
        module in ("numpy", "pandas", "datetime") and not callable(value)
    )


@functools.lru_cache(maxsize=4096)
def _installed(filename: str) -> bool:
    return filename.startswith(("<frozen", *_LIBRARIES))


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
