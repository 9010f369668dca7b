"""Digests of functions, arguments and atoms: whether a journal belongs to a call.

Pickles will not do: they depend on object identity and on the order of sets. This walks
the object instead, by value, and falls back on what ``pickle`` would ask the object for.
"""

from __future__ import annotations

import functools
import hashlib
import struct
import types
from typing import Any

import numpy as np

from atomloom.engine.globals_mark import installed, installed_module, names_of


def digest(value: Any) -> str:
    """Digest an object by value: equal in every process, whatever was hashed or shared before.

    Arrays cost about a second per gigabyte. Files are digested by name, not by content.

    Examples
    --------
    >>> digest({"a": [1, 2.0], "b": {"x", "y"}}) == digest({"a": [1, 2.0], "b": {"y", "x"}})
    True
    >>> digest([1, 2]) == digest([1, 3])
    False
    """
    walker = _Walker()
    walker.walk(value)
    return walker.hash.hexdigest()


def function_digest(func: Any) -> str:
    """Digest a callable: its name, code, defaults, closure and bound arguments.

    Examples
    --------
    >>> function_digest(lambda x: x + 1) == function_digest(lambda x: x + 2)
    False
    """
    return digest(func)


class _Walker:
    def __init__(self) -> None:
        self.hash = hashlib.blake2b(digest_size=16)
        self._done: dict[int, bytes] = {}
        self._active: dict[int, int] = {}
        self._alive: list[Any] = []  # ids stay unique only while the objects live

    def _put(self, tag: str, data: bytes = b"") -> None:
        self.hash.update(tag.encode() + struct.pack("<q", len(data)))
        self.hash.update(data)

    def walk(self, value: Any) -> None:
        """Feed an object into the hash."""
        if value is None or isinstance(value, bool | int | float | complex | str | bytes | range | slice):
            self._put(type(value).__name__, repr(value).encode("utf-8", "surrogatepass"))
            return
        key = id(value)
        if key in self._active:
            self._put("cycle", str(len(self._active) - self._active[key]).encode())
            return
        if key not in self._done:
            outer, self.hash = self.hash, hashlib.blake2b(digest_size=16)
            self._active[key] = len(self._active)
            self._alive.append(value)
            self._compound(value)
            del self._active[key]
            self._done[key], self.hash = self.hash.digest(), outer
        self._put("part", self._done[key])

    def _compound(self, value: Any) -> None:
        if type(value) in (np.ndarray, np.memmap) and not value.dtype.hasobject:
            self._put("array", f"{value.dtype.str}{value.dtype}{value.shape}".encode())
            self.hash.update(np.ascontiguousarray(value).view(np.uint8).data if value.size else b"")
        elif type(value) is np.ndarray:
            self._put("objects", str(value.shape).encode())
            self._items(value.ravel().tolist())
        elif isinstance(value, dict):
            self._put(f"dict:{type(value).__qualname__}", str(len(value)).encode())
            for key, item in value.items():
                self.walk(key)
                self.walk(item)
        elif isinstance(value, set | frozenset):
            self._put(type(value).__name__)
            self._items(sorted(digest(item) for item in value))
        elif isinstance(value, list | tuple):
            self._put(f"{type(value).__qualname__}", str(len(value)).encode())
            self._items(value)
        elif isinstance(value, types.ModuleType):
            self._put("module", value.__name__.encode())
        elif isinstance(value, type | types.BuiltinFunctionType):
            self._put("name", f"{value.__module__}.{value.__qualname__}".encode())
            if isinstance(value, type) and not installed_module(value.__module__):
                self._class(value)
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif isinstance(value, types.MethodType):
            self._put("method")
            self.walk(value.__func__)
            self.walk(value.__self__)
        elif isinstance(value, functools.partial):
            self._put("partial")
            self._items([value.func, value.args, value.keywords])
        elif isinstance(value, types.CodeType):
            self._code(value)
        else:
            self._other(value)

    def _items(self, items: Any) -> None:
        for item in items:
            self.walk(item)

    def _function(self, func: types.FunctionType) -> None:
        """Feed a function: code, defaults and closure, and what it reads outside of installed packages."""
        self._put("function", f"{func.__module__}.{func.__qualname__}".encode())
        self._code(func.__code__)
        self._items([func.__defaults__, func.__kwdefaults__])
        for cell in func.__closure__ or ():
            try:
                self.walk(cell.cell_contents)
            except ValueError:
                self._put("empty cell")
        if installed(func.__code__.co_filename):
            return
        names = names_of(func.__code__)
        for name in sorted(names & func.__globals__.keys()):
            self._put("global", name.encode())
            held = func.__globals__[name]
            if isinstance(held, types.ModuleType) and not installed_module(held.__name__):
                self._items([vars(held)[each] for each in sorted(names & vars(held).keys())])
            self.walk(held)

    def _class(self, kind: type) -> None:
        """Feed a class that is not installed: its bases and its members."""
        self._items(kind.__bases__)
        for name, member in sorted(vars(kind).items()):
            if name not in ("__dict__", "__weakref__", "__doc__", "__module__"):
                self._put("member", name.encode())
                self.walk(getattr(member, "__func__", member))

    def _code(self, code: types.CodeType) -> None:
        self._put("code", code.co_code)
        self._items([code.co_names, code.co_varnames, code.co_freevars])
        self._items(code.co_consts)

    def _other(self, value: Any) -> None:
        """Ask an object what pickle would ask it, and walk the answer."""
        try:
            reduced = value.__reduce_ex__(2)
        except Exception:  # noqa: BLE001  # locks, sockets and the like are known by their type
            self._put(f"opaque:{type(value).__module__}.{type(value).__qualname__}")
            return
        self._put(f"object:{type(value).__module__}.{type(value).__qualname__}")
        if isinstance(reduced, str):
            self._put("global", reduced.encode())
            return
        for part in reduced[:3]:
            self.walk(part)
        for iterator in reduced[3:5]:
            if iterator is not None:
                self._items(list(iterator))
