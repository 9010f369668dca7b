"""Thrift's compact protocol, as far as Parquet describes itself by it: read into dicts, and written from them."""

from __future__ import annotations

from typing import Any

Struct = dict[int, tuple[int, Any]]
"""Of each field, by its number: its type, and its value; of a list: the type of its elements, and those."""

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, STRUCT = 1, 2, 3, 4, 5, 6, 7, 8, 9, 12
_WHOLE = (I16, I32, I64)
_LONG = 15


def read_struct(data: bytes, at: int = 0) -> tuple[Struct, int]:
    """Read a struct; gives it, and where it ends.

    Raises
    ------
    ValueError
        For a type that Parquet does not use.

    Notes
    -----
    A field begins with a byte: how much its number is above that of the one before, and its type. Whole numbers are
    zigzag varints, 7 bits in a byte.

    Source: Apache Thrift, "Thrift compact protocol encoding".

    Examples
    --------
    >>> read_struct(bytes([0x15, 0x08, 0x18, 1, 65, 0]))
    ({1: (5, 4), 2: (8, b'A')}, 6)
    """
    found: Struct = {}
    number = 0
    while kind := data[at]:
        at += 1
        if kind >> 4:
            number += kind >> 4
        else:
            number, at = _whole(data, at)
        kind &= 15
        value, at = _value(data, at, kind)
        found[number] = kind, value
    return found, at + 1


def _value(data: bytes, at: int, kind: int) -> tuple[Any, int]:
    if kind in (TRUE, FALSE):
        return kind == TRUE, at
    if kind in _WHOLE:
        return _whole(data, at)
    if kind == BYTE:
        return data[at], at + 1
    if kind == DOUBLE:
        return data[at : at + 8], at + 8
    if kind == BINARY:
        size, at = _natural(data, at)
        return data[at : at + size], at + size
    if kind == STRUCT:
        return read_struct(data, at)
    if kind != LIST:
        message = f"type {kind} of Thrift is none that Parquet uses"
        raise ValueError(message)
    size, inner = data[at] >> 4, data[at] & 15
    at += 1
    if size == _LONG:
        size, at = _natural(data, at)
    values = []
    for _ in range(size):
        value, at = _value(data, at, inner)
        values.append(value)
    return (inner, values), at


def _natural(data: bytes, at: int) -> tuple[int, int]:
    found = shift = 0
    while True:
        byte = data[at]
        at += 1
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            return found, at
        shift += 7


def _whole(data: bytes, at: int) -> tuple[int, int]:
    found, at = _natural(data, at)
    return (found >> 1) ^ -(found & 1), at


def write_struct(struct: Struct) -> bytes:
    """Write a struct.

    Examples
    --------
    >>> write_struct({1: (I32, 4), 2: (BINARY, b"A")}).hex()
    '150818014100'
    """
    found = bytearray()
    _put_struct(found, struct)
    return bytes(found)


def _put_struct(found: bytearray, struct: Struct) -> None:
    last = 0
    for number, (kind, value) in struct.items():
        step = number - last
        if 0 < step <= _LONG:
            found.append(step << 4 | kind)
        else:
            found.append(kind)
            _put_natural(found, number << 1)
        last = number
        _put(found, kind, value)
    found.append(0)


def _put(found: bytearray, kind: int, value: Any) -> None:
    if kind in _WHOLE:
        _put_natural(found, (value << 1) ^ (value >> 63))
    elif kind == STRUCT:
        _put_struct(found, value)
    elif kind == BINARY:
        _put_natural(found, len(value))
        found += value
    elif kind == LIST:
        inner, values = value
        if len(values) < _LONG:
            found.append(len(values) << 4 | inner)
        else:
            found.append(_LONG << 4 | inner)
            _put_natural(found, len(values))
        for each in values:
            _put(found, inner, each)
    elif kind == BYTE:
        found.append(value)
    elif kind == DOUBLE:
        found += value


def _put_natural(found: bytearray, value: int) -> None:
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
