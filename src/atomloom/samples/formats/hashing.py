"""XXH64 of bytes as they come: four times as fast as SHA-256, and what ``xxhsum`` prints."""

from __future__ import annotations

from typing import Any

import numpy as np

from atomloom.samples.formats.hash_kernels import take_stripes

_MASK = (1 << 64) - 1
_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
_STRIPE = 32


class Xxh64:
    """The hash of all bytes that it was given, as 16 hexadecimal digits.

    It finds damage; it is no protection from someone who means to deceive.

    Notes
    -----
    Source: Collet, "xxHash fast digest algorithm", specification 0.2.0, XXH64 with seed 0.

    Examples
    --------
    >>> found = Xxh64()
    >>> found.update(b"a")
    >>> found.update(b"bc")
    >>> found.hexdigest()
    '44bc2cf5ad770999'
    """

    def __init__(self) -> None:
        self._state = np.array([(_P1 + _P2) & _MASK, _P2, 0, -_P1 & _MASK], dtype=np.uint64)
        self._rest = b""
        self._size = 0

    def update(self, data: Any) -> None:
        """Take more bytes."""
        bytes_ = np.frombuffer(data, np.uint8)
        bytes_.flags.writeable = False  # one form for the compiler
        self._size += len(bytes_)
        if self._rest:
            missing = min(_STRIPE - len(self._rest), len(bytes_))
            self._rest += bytes_[:missing].tobytes()
            bytes_ = bytes_[missing:]
            if len(self._rest) < _STRIPE:
                return
            take_stripes(np.frombuffer(self._rest, np.uint8), self._state)
        whole = len(bytes_) // _STRIPE * _STRIPE
        if whole:
            take_stripes(bytes_[:whole], self._state)
        self._rest = bytes_[whole:].tobytes()

    def hexdigest(self) -> str:
        """Give the hash of the bytes so far."""
        words = [int(word) for word in self._state]
        if self._size >= _STRIPE:
            found = sum(_turned(word, turn) for word, turn in zip(words, (1, 7, 12, 18), strict=True)) & _MASK
            for word in words:
                found = ((found ^ _round(0, word)) * _P1 + _P4) & _MASK
        else:
            found = _P5
        found, rest = (found + self._size) & _MASK, self._rest
        while len(rest) >= 8:
            found = (_turned(found ^ _round(0, int.from_bytes(rest[:8], "little")), 27) * _P1 + _P4) & _MASK
            rest = rest[8:]
        if len(rest) >= 4:
            found = (_turned(found ^ (int.from_bytes(rest[:4], "little") * _P1 & _MASK), 23) * _P2 + _P3) & _MASK
            rest = rest[4:]
        for byte in rest:
            found = _turned(found ^ (byte * _P5 & _MASK), 11) * _P1 & _MASK
        for shift, prime in ((33, _P2), (29, _P3)):
            found = ((found ^ (found >> shift)) * prime) & _MASK
        return f"{found ^ (found >> 32):016x}"


def hash_of(content: Any) -> str:
    """Hash bytes that are all there.

    Examples
    --------
    >>> hash_of(b"")
    'ef46db3751d8e999'
    """
    found = Xxh64()
    found.update(content)
    return found.hexdigest()


def _turned(word: int, turn: int) -> int:
    return ((word << turn) | (word >> (64 - turn))) & _MASK


def _round(found: int, word: int) -> int:
    return _turned((found + word * _P2) & _MASK, 31) * _P1 & _MASK
