"""Pieces of work side by side in threads, for kernels that hold no lock."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from atomloom.engine.budget import resolve_threads, usable_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def in_threads(work: Callable[..., Any], pieces: Sequence[tuple[Any, ...]], threads: int | None) -> list[Any]:
    """Call ``work(*piece)`` for each piece, each thread taking the next one; this thread is one of them.

    Parameters
    ----------
    work : callable
    pieces : sequence of tuple
    threads : int, optional
        None is every physical core; more than there are cores are not started.

    Returns
    -------
    list
        Results in the order of the pieces.

    Examples
    --------
    >>> in_threads(lambda low, high: high - low, [(0, 2), (2, 5)], 2)
    [2, 3]
    """
    number = min(resolve_threads(threads), usable_cores(), len(pieces))
    if number <= 1:
        return [work(*piece) for piece in pieces]
    results: list[Any] = [None] * len(pieces)
    places = iter(range(len(pieces)))

    def some() -> None:
        for place in places:  # the next of a range is taken by one thread only
            results[place] = work(*pieces[place])

    with ThreadPoolExecutor(number - 1) as pool:
        others = [pool.submit(some) for _ in range(number - 1)]
        some()
        for other in others:
            other.result()
    return results


def spans(number: int, grain: int, threads: int | None, most: int = 2) -> list[tuple[int, int]]:
    """Cut 0 to `number` into as many spans as threads have use for, at multiples of `grain`.

    Parameters
    ----------
    number, grain : int
    threads : int, optional
    most : int
        Spans for each thread.

    Examples
    --------
    >>> spans(200, 64, 1, most=2)
    [(0, 128), (128, 200)]
    """
    grains = -(-number // grain)
    count = max(1, min(grains, most * min(resolve_threads(threads), usable_cores())))
    cuts = [min(number, grain * (grains * k // count)) for k in range(count + 1)]
    return list(itertools.pairwise(cuts))
