"""Surrogates of event times: blocks of events shifted as a whole, so bursts stay bursts and clocks lose their beat."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.events import wilson

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


class Blocks(NamedTuple):
    """Events in time order, cut into blocks: events edges[b] .. edges[b + 1] - 1 are block b."""

    times: NDArray[np.int64]
    weights: NDArray[np.float64] | None
    edges: NDArray[np.int64]


@dataclass(frozen=True)
class PValue:
    """Share of surrogates that reach what was observed, the observation itself counted among them.

    Attributes
    ----------
    value : float
        (reached + 1) / (n + 1).
    reached, n : int
    low, high : float
        Wilson's 95% interval of the share of all possible surrogates that do.

    Examples
    --------
    >>> p_value(4, 99).value
    0.05
    """

    value: float
    reached: int
    n: int
    low: float
    high: float


def p_value(reached: int, n: int) -> PValue:
    """Make a p-value of a count.

    Examples
    --------
    >>> p_value(0, 999).value
    0.001
    """
    low, high = wilson(reached, n)
    return PValue((reached + 1) / (n + 1), reached, n, low, high)


def blocks_of(times: NDArray[np.int64], weights: NDArray[np.float64] | None, length: int) -> Blocks:
    """Sort events and cut them at multiples of a length in ns; blocks without events are none.

    Examples
    --------
    >>> blocks_of(np.array([25, 1, 2]), None, 10).edges
    array([0, 2, 3])
    """
    if (times[1:] < times[:-1]).any():
        order = np.argsort(times, kind="stable")
        times = times[order]
        weights = None if weights is None else weights[order]
    number = times // length
    cuts = np.flatnonzero(number[1:] != number[:-1]) + 1
    edges = np.concatenate([[0], cuts, [len(times)]]).astype(np.int64)
    for column in (times, edges, *(() if weights is None else (weights,))):
        column.flags.writeable = False
    return Blocks(times, weights, edges)


def streams(seed: int, n: int) -> Iterator[np.random.Generator]:
    """Give a generator of random numbers for each of n surrogates, keyed by its number and by nothing else.

    Examples
    --------
    >>> [int(rng.integers(100)) for rng in streams(0, 2)] == [int(rng.integers(100)) for rng in streams(0, 2)]
    True
    """
    for number in range(n):
        yield np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, number]))


def check_surrogates(n: Any, seed: Any) -> None:
    """Refuse numbers of surrogates below 19 (which cannot reach 5%) and seeds that are none.

    Examples
    --------
    >>> check_surrogates(99, 0)
    """
    if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or not 19 <= n <= 10**6:
        message = f"surrogates is {n!r}. Hint: give a whole number from 19 (a p-value of 5%) on, for example 999."
        raise BadInput(message)
    check_seed(seed)


def check_seed(seed: Any) -> None:
    """Refuse what is no seed.

    Examples
    --------
    >>> check_seed(0)
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or not 0 <= seed < 2**64:
        message = f"seed is {seed!r}. Hint: give a whole number from 0 to 2^64 - 1."
        raise BadInput(message)
