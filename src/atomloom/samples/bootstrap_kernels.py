"""Blocks of rows drawn with replacement: which rows follow each other, and the rows themselves."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from atomloom.kernels.elementary import log_fixed
from atomloom.kernels.lean import lean
from atomloom.samples.shock_kernels import uniforms_at

MOVING, CIRCULAR, STATIONARY = range(3)


@partial(lean, inline=True)
def block_at(path: Any, number: Any, rows: int, most: int, kind: int, size: float, keys: Any) -> Any:
    """Draw a block: its first row, and how long it is.

    Parameters
    ----------
    path : uint64
    number : int
        Of the block in its path.
    rows, most : int
        Rows there are; rows still wanted.
    kind : int
        MOVING, CIRCULAR or STATIONARY.
    size : float
        Rows of a block; of the stationary kind as :func:`size_of` has it.
    keys : tuple of 3 uint64
        Purpose and key.

    Returns
    -------
    tuple of 2 int
        The length is at most `most`.
    """
    u, v = uniforms_at(path, np.uint64(number), keys[0], keys[1], keys[2])
    if kind == STATIONARY:
        length = 1 + int(min(size * log_fixed(v), float(most)))  # geometric: P(length > k) = (1 - 1/mean)^k
        places = rows
    else:
        length = int(size)
        places = rows - length + 1 if kind == MOVING else rows
    return min(int(u * places), places - 1), min(length, most)


@partial(lean, inline=True)
def size_of(kind: int, block: float) -> Any:
    """Give what :func:`block_at` multiplies the logarithm of a uniform number with.

    Parameters
    ----------
    kind : int
    block : float
        Rows of a block, or their mean.

    Returns
    -------
    float
        ``1 / log(1 - 1 / block)`` of the stationary kind, 0 for single rows; otherwise the block.
    """
    if kind != STATIONARY:
        return block
    return 1.0 / log_fixed(1.0 - 1.0 / block) if block > 1.0 else 0.0


@lean
def drawn_rows(ids: Any, rows: int, kind: int, block: float, keys: Any, out: Any) -> None:
    """Give the row of each bar of paths, by its number.

    Parameters
    ----------
    ids : (P,) uint64
    rows, kind, keys
        See :func:`block_at`.
    block : float
        Rows of a block, or their mean.
    out : (P, n) int64
        Out: a row for each bar.
    """
    count, size = out.shape[1], size_of(kind, block)
    for p in range(ids.size):
        row = out[p]
        bar, number = 0, 0
        while bar < count:
            start, length = block_at(ids[p], number, rows, count - bar, kind, size, keys)
            number += 1
            for _ in range(length):
                row[bar] = start
                bar += 1
                start += 1
                if start == rows:
                    start = 0


@lean
def drawn_copies(ids: Any, base: Any, width: int, kind: int, block: float, keys: Any, out: Any) -> None:
    """Copy the rows of paths, block after block.

    Parameters
    ----------
    ids : (P,) uint64
    base : (rows * width,) float64 or float32
        Rows one after the other.
    width : int
        Numbers of a row.
    kind, keys
        See :func:`block_at`.
    block : float
        Rows of a block, or their mean.
    out : (P, n * width) of the same dtype
        Out.
    """
    rows = base.size // width
    count, size = out.shape[1] // width, size_of(kind, block)
    for p in range(ids.size):
        row = out[p]
        bar, number = 0, 0
        while bar < count:
            start, length = block_at(ids[p], number, rows, count - bar, kind, size, keys)
            number += 1
            while length > 0:
                here = min(length, rows - start)
                old, new = base[start * width : (start + here) * width], row[bar * width : (bar + here) * width]
                for k in range(new.size):
                    new[k] = old[k]
                bar += here
                length -= here
                start = 0


@lean
def chain_rows(rows: Any, ratios: Any, start: float, out: Any) -> None:
    """Put rows one after the other, each at the price where the one before closed.

    Parameters
    ----------
    rows : (n,) int64
    ratios : (R, 5) float64
        Open, high, low and close over the close before, and volume.
    start : float
        Price before the first row.
    out : (n, 5) float64
        Out: open, high, low, close, volume.
    """
    price = start
    for t in range(rows.size):
        own, new = ratios[rows[t]], out[t]
        for k in range(4):
            new[k] = price * own[k]
        new[4] = own[4]
        price = new[3]


@lean
def chain_closes(rows: Any, ratios: Any, start: float, out: Any) -> None:
    """Give the closes of :func:`chain_rows` only.

    Parameters
    ----------
    rows, ratios, start
        See :func:`chain_rows`.
    out : (n,) float64 or float32
        Out.
    """
    price = start
    for t in range(rows.size):
        price *= ratios[rows[t], 3]
        out[t] = price
