"""The states of a portfolio: every way to spread K units over N assets, long or short."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.budget import parse_size, show_size
from atomloom.errors import BadInput, OverBudget
from atomloom.trajectory.checks import check_count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    States = NDArray[np.signedinteger[Any]]

SMALL = 32_000_000
"""Bytes that every machine has: asking the system how many are free takes longer than a small problem."""

_BLOCK_ROWS = 1 << 18


def partitions(units: int, assets: int) -> NDArray[np.int64]:
    """List the ways to put ``units`` units into ``assets`` holes, most in the first hole first (AFML snippet 21.1).

    Parameters
    ----------
    units : int
        K >= 0.
    assets : int
        N >= 1.

    Returns
    -------
    (C(N + K - 1, K), N) int64
        Each row adds up to K.

    Examples
    --------
    >>> partitions(2, 2)
    array([[2, 0],
           [1, 1],
           [0, 2]])
    """
    _check(assets, units, least=0)
    gaps = math.comb(units + assets - 1, units)
    rows = np.zeros((gaps, assets), np.int64)
    bars = np.arange(1, assets)  # a partition is where the walls stand among units and walls
    at = rows.shape[0] - 1
    places = bars - 1
    while True:
        edges = np.concatenate([[-1], places, [units + assets - 1]])
        rows[at] = np.diff(edges) - 1
        at -= 1
        if at < 0:
            return rows
        j = assets - 2
        while places[j] == units + j:
            j -= 1
        places = places.copy()
        places[j:] = places[j] + 1 + np.arange(assets - 1 - j)


def omega_size(assets: int, units: int) -> int:
    """Count the states: the points of Z^N whose absolute values add up to K.

    The coordination sequence of the integer lattice, sum over j of C(N, j) C(K - 1, j - 1) 2^j: j assets are held, and
    signs count only where something is. The book's C(N + K - 1, K) 2^N counts zeros twice for each sign.

    Parameters
    ----------
    assets, units : int
        N >= 1, K >= 1.

    Examples
    --------
    >>> omega_size(3, 3), omega_size(8, 8)
    (38, 157184)
    """
    _check(assets, units)
    return sum(math.comb(assets, j) * math.comb(units - 1, j - 1) * 2**j for j in range(1, min(assets, units) + 1))


def omega(assets: int, units: int, *, memory: int | str | None = None) -> States:
    """List all states, in lexicographic order.

    Parameters
    ----------
    assets, units : int
        N >= 1, K >= 1.
    memory : int or str, optional
        Most memory to take, in bytes or like "2GB"; a quarter of what is free where not given.

    Returns
    -------
    (omega_size(N, K), N) int8 or int16
        Each row holds K units, long or short: its absolute values add up to K.

    Raises
    ------
    OverBudget
        If that does not fit; :func:`iter_omega` gives blocks.

    Notes
    -----
    O(states x N) time.

    Examples
    --------
    >>> omega(2, 1)
    array([[-1,  0],
           [ 0, -1],
           [ 0,  1],
           [ 1,  0]], dtype=int8)
    """
    rows = omega_size(assets, units)
    kind = dtype_of(units)
    check_room(
        rows * assets * kind.itemsize,
        None if memory is None else parse_size(memory),
        f"omega({assets}, {units}) has {rows:,} states",
        "take blocks from iter_omega",
    )
    states = np.empty((rows, assets), kind)
    _fill(states, assets, units, None)
    return states


def iter_omega(assets: int, units: int, *, rows: int = _BLOCK_ROWS) -> Iterator[States]:
    """Give all states block by block, in the order of :func:`omega`, whatever their number.

    Parameters
    ----------
    assets, units : int
    rows : int
        Rows of a block; the last one may have fewer.

    Yields
    ------
    (r, N) int8 or int16

    Examples
    --------
    >>> [len(block) for block in iter_omega(3, 3, rows=20)]
    [20, 18]
    """
    left = omega_size(assets, units)
    last: States | None = None
    check_count("rows", rows)
    while left:
        block = np.empty((min(rows, left), assets), dtype_of(units))
        _fill(block, assets, units, last)
        yield block
        left -= len(block)
        last = block[-1]


def dtype_of(units: int) -> np.dtype[Any]:
    """Give the smallest integers that hold so many units.

    Examples
    --------
    >>> dtype_of(100), dtype_of(128)
    (dtype('int8'), dtype('int16'))
    """
    return np.dtype(np.int8 if units <= np.iinfo(np.int8).max else np.int16)


def check_room(size: int, memory: int | None, what: str, instead: str) -> None:
    """Refuse what does not fit into memory, before it is allocated.

    Examples
    --------
    >>> check_room(10, 5, "it", "another")
    Traceback (most recent call last):
    atomloom.errors.OverBudget: it: 10 B, and 5 B may be taken. Hint: another.
    """
    if memory is None and size <= SMALL:
        return
    if memory is None:
        import psutil  # noqa: PLC0415 - only where nobody said how much

        memory = psutil.virtual_memory().available // 4
    if size > memory:
        message = f"{what}: {show_size(size)}, and {show_size(memory)} may be taken. Hint: {instead}."
        raise OverBudget(message)


def _fill(states: States, assets: int, units: int, last: States | None) -> None:
    from atomloom.trajectory.lattice_kernels import fill  # noqa: PLC0415 - compiles

    row = np.zeros(assets, np.int64)
    if last is None:
        row[0] = -units
    else:
        row[:] = last
    fill(states, row, last is None)


def _check(assets: int, units: int, least: int = 1) -> None:
    check_count("assets", assets)
    check_count("units", units, least)
    if units > np.iinfo(np.int16).max:
        message = f"units is {units:,}. Hint: at most {np.iinfo(np.int16).max:,} are counted."
        raise BadInput(message)
