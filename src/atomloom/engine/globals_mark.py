"""What functions read from their modules: workers must compute with the values of this process.

A function of an importable module travels by name, so a worker forked earlier sees the
module as it was then, and a worker of a clean server as a fresh import has it. A survey of
the functions finds what they read. Warm forked workers are kept only if all of that is
constant and unchanged; workers that inherit nothing are sent the plain data. Code of
installed packages is left alone; functions of ``__main__`` travel with what they read.
"""

from __future__ import annotations

import builtins
import functools
import os
import sys
import sysconfig
import types
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Name = tuple[str, str]

_LIBRARIES = (
    *{path + os.sep for name, path in sysconfig.get_paths().items() if name.endswith("lib")},
    str(Path(__file__).parents[1]) + os.sep,
)
_CONSTANT = (bool, int, float, complex, str, bytes, type(None), types.EllipsisType)
_MISSING = object()


@dataclass
class Survey:
    """What a set of functions reads from modules that are not installed packages.

    Attributes
    ----------
    constants : dict
        (module, name) -> immutable value or function, comparable from run to run.
    data : dict
        (module, name) -> plain data, which can be set in another process.
    stateful : bool
        Something else is read (a container, an array, a class, another module), whose
        changes cannot be noticed.
    """

    constants: dict[Name, Any] = field(default_factory=dict)
    data: dict[Name, Any] = field(default_factory=dict)
    stateful: bool = False

    def unchanged_since(self, known: dict[Name, Any]) -> bool:
        """Whether every constant was known and is still the same."""
        return all(key in known and _same(known[key], value) for key, value in self.constants.items())


def survey(roots: Iterable[Any]) -> Survey:
    """Follow callables to the functions they name, and note what all of them read.

    Examples
    --------
    >>> survey([len, "no callable"])
    Survey(constants={}, data={}, stateful=False)
    """
    found = Survey()
    seen: set[int] = set()
    stack = [root for root in roots if callable(root)]
    while stack:
        root = stack.pop()
        if id(root) in seen or len(seen) > 2000:
            continue
        seen.add(id(root))
        function = _function(root, found, stack)
        if function is not None and not installed(function.__code__.co_filename):
            for name in names_of(function.__code__):
                _note(function, name, found, stack)
    return found


def _function(root: Any, found: Survey, stack: list[Any]) -> types.FunctionType | None:
    """Peel a callable down to its function; methods and callable objects depend on their class."""
    while isinstance(root, functools.partial):
        stack += [each for each in (*root.args, *root.keywords.values()) if callable(each)]
        root = root.func
    root = getattr(root, "__wrapped__", root)
    if isinstance(root, types.FunctionType):
        return root
    if isinstance(root, types.MethodType):
        _class(type(root.__self__), found, stack)
        return root.__func__ if isinstance(root.__func__, types.FunctionType) else None
    if isinstance(root, type):
        _class(root, found, stack)
    elif not isinstance(root, types.BuiltinFunctionType):
        _class(type(root), found, stack)
    return None


def _class(kind: type, found: Survey, stack: list[Any]) -> None:
    for each in kind.__mro__:
        if installed_module(each.__module__):
            continue
        if each.__module__ != "__main__":
            found.stateful = True
        stack += [member for member in vars(each).values() if isinstance(member, types.FunctionType)]


def _note(function: types.FunctionType, name: str, found: Survey, stack: list[Any]) -> None:
    module = function.__module__ or ""
    held = function.__globals__.get(name, _MISSING)
    own = module != "__main__"
    if isinstance(held, types.FunctionType | functools.partial):
        stack.append(held)
        if own:
            found.constants[module, name] = held
    elif isinstance(held, types.ModuleType):
        _other_module(held, function, found, stack)
    elif isinstance(held, type):
        stack.append(held)
    elif held is _MISSING:
        if own and not hasattr(builtins, name):
            found.constants[module, name] = _MISSING
    elif own and not isinstance(held, types.BuiltinFunctionType) and type(held).__name__ != "ufunc":
        _value((module, name), held, found)


def _value(key: Name, held: Any, found: Survey) -> None:
    if _is_constant(held):
        found.constants[key] = found.data[key] = held
        return
    found.stateful = True
    if _is_plain(held):
        found.data[key] = held


def _other_module(module: types.ModuleType, function: types.FunctionType, found: Survey, stack: list[Any]) -> None:
    if installed_module(module.__name__):
        return
    found.stateful = True
    for name in names_of(function.__code__) & vars(module).keys():
        held = vars(module)[name]
        if isinstance(held, types.FunctionType | type):
            stack.append(held)
        elif not isinstance(held, types.ModuleType) and _is_plain(held):
            found.data[module.__name__, name] = held


def names_of(code: types.CodeType) -> set[str]:
    """Collect the global and attribute names of a function and of the functions inside it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= names_of(constant)
    return names


def _is_constant(value: Any) -> bool:
    if isinstance(value, tuple | frozenset):
        return all(_is_constant(item) for item in value)
    return isinstance(value, _CONSTANT)


def _is_plain(value: Any) -> bool:
    """Whether a value is data through and through, which can be pickled and means the same elsewhere."""
    if type(value) in (list, tuple, set, frozenset):
        return all(_is_plain(item) for item in value)
    if type(value) is dict:
        return all(_is_plain(key) and _is_plain(item) for key, item in value.items())
    module = type(value).__module__.partition(".")[0]
    return isinstance(value, _CONSTANT) or (module in ("numpy", "pandas", "datetime") and not callable(value))


def _same(old: Any, new: Any) -> bool:
    return old is new or (type(old) is type(new) and _is_constant(old) and repr(old) == repr(new))


@functools.lru_cache(maxsize=4096)
def installed(filename: str) -> bool:
    """Whether a source file comes with Python or was installed as a package."""
    return filename.startswith(("<frozen", *_LIBRARIES))


def installed_module(name: str) -> bool:
    """Whether a module comes with Python or was installed as a package."""
    if name.partition(".")[0] in sys.builtin_module_names or name == "builtins":
        return True
    file = getattr(sys.modules.get(name), "__file__", None)
    return (file is None and name != "__main__" and name in sys.stdlib_module_names) or bool(file and installed(file))
