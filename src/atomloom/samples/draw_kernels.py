"""From numbers of samples to ranks of windows, and to words of state: the mapping of version 1."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from atomloom.kernels.lean import lean
from atomloom.kernels.philox import INDEX, SHUFFLE, STATE, philox

# All numbers are uint64: products of 32 bits fit, and nothing is promoted to a float.
_LOW, _WORD, _ZERO, _ONE = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(0), np.uint64(1)
_INDEX, _STATE, _SHUFFLE = np.uint64(INDEX), np.uint64(STATE), np.uint64(SHUFFLE)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_MIX_2 = np.uint64(0xD6E8FEB86659FD93)
ROUNDS = 6


@partial(lean, inline=True)
def below(w0: Any, w1: Any, count: Any) -> Any:
    """Give a whole number below ``count`` (at most 2^32) of two words: ``floor((w0 2^32 + w1) count / 2^64)``.

    Uneven by less than count / 2^64. Lemire, Fast random integer generation in an interval (2019), without rejection.
    """
    return (w0 * count + ((w1 * count) >> _WORD)) >> _WORD


@lean
def uniform_ranks(ids: Any, count: Any, k0: Any, k1: Any, ranks: Any) -> None:
    """Draw a window for each sample.

    Parameters
    ----------
    ids : (B,) int64
    count : uint64
        Windows.
    k0, k1 : uint64
        The key.
    ranks : (B,) int64
        Out.
    """
    for b in range(len(ids)):
        number = np.uint64(ids[b])
        w0, w1, _, _ = philox(number & _LOW, number >> _WORD, _ZERO, _INDEX, k0, k1)
        ranks[b] = np.int64(below(w0, w1, count))


@lean
def stratified_ranks(ids: Any, strata: Any, order: Any, k0: Any, k1: Any, ranks: Any) -> None:
    """Draw a window of the stratum whose turn it is: sample i has stratum ``i mod S``.

    Parameters
    ----------
    ids : (B,) int64
    strata : (S + 1,) int64
        First place of each stratum, and the number of all.
    order : (W,) or (0,) int64
        Ranks by place; empty where they are the same.
    k0, k1, ranks
        See :func:`uniform_ranks`.
    """
    number_of = len(strata) - 1
    for b in range(len(ids)):
        number = np.uint64(ids[b])
        w0, w1, _, _ = philox(number & _LOW, number >> _WORD, _ZERO, _INDEX, k0, k1)
        stratum = np.int64(number % np.uint64(number_of))
        first = strata[stratum]
        place = first + np.int64(below(w0, w1, np.uint64(strata[stratum + 1] - first)))
        ranks[b] = order[place] if len(order) else place


@partial(lean, inline=True)
def shuffled(number: Any, count: Any, k0: Any, k1: Any) -> Any:
    """Give the place of a number below ``count`` in a permutation of them: a Feistel network, walked until it fits.

    Parameters
    ----------
    number, count, k0, k1 : uint64
        ``count`` at most 2^62; of the keys all bits are used.

    Notes
    -----
    The number is cut into an upper and a lower half of bits; in six rounds one half is changed by what a product of
    64 bits makes of the other. The network permutes 2^bits < 2 count numbers, so fewer than two walks are expected.
    Black, Rogaway: Ciphers with arbitrary finite domains (2002).
    """
    bits = _ONE
    while (count - _ONE) >> bits > _ZERO:
        bits += _ONE
    low_bits = bits >> _ONE
    high_bits = bits - low_bits
    low_mask, high_mask = (_ONE << low_bits) - _ONE, (_ONE << high_bits) - _ONE
    found = number
    while True:
        high, low = found >> low_bits, found & low_mask
        key = k0
        for _ in range(ROUNDS // 2):
            mixed = (low + key) * _MIX
            mixed = (mixed ^ (mixed >> _WORD)) * _MIX_2
            high = high ^ ((mixed >> _WORD) & high_mask)
            mixed = (high + (key ^ k1)) * _MIX
            mixed = (mixed ^ (mixed >> _WORD)) * _MIX_2
            low = low ^ ((mixed >> _WORD) & low_mask)
            key = key * _MIX + k1
        found = (high << low_bits) | low
        if found < count:
            return found


@lean
def permuted_ranks(ids: Any, count: Any, k0: Any, k1: Any, ranks: Any) -> None:
    """Give sample i the window at place ``i mod count`` of the permutation that belongs to ``i div count``.

    Parameters
    ----------
    ids, count, k0, k1, ranks
        See :func:`uniform_ranks`.
    """
    for b in range(len(ids)):
        number = np.uint64(ids[b])
        turn = number // count
        w0, w1, w2, w3 = philox(turn & _LOW, turn >> _WORD, _ONE, _INDEX, k0, k1)
        ranks[b] = np.int64(shuffled(number - turn * count, count, (w0 << _WORD) | w1, (w2 << _WORD) | w3))


@lean
def shuffled_ids(first: int, step: int, count: Any, epoch: Any, k0: Any, k1: Any, ids: Any) -> None:
    """Give the samples at places ``first, first + step, ...`` of an epoch.

    Parameters
    ----------
    first, step : int
    count : uint64
        Samples of an epoch.
    epoch : uint64
    k0, k1 : uint64
        The key.
    ids : (B,) int64
        Out.
    """
    w0, w1, w2, w3 = philox(epoch & _LOW, epoch >> _WORD, _ZERO, _SHUFFLE, k0, k1)
    upper, lower = (w0 << _WORD) | w1, (w2 << _WORD) | w3
    for b in range(len(ids)):
        ids[b] = np.int64(shuffled(np.uint64(first + b * step), count, upper, lower))


@lean
def places_of_ranks(ranks: Any, offsets: Any, first_ends: Any, first_idx: Any, of: Any, ends: Any, idx: Any) -> None:
    """Give the row behind each window, and the same counted in the symbol's own frame.

    Parameters
    ----------
    ranks : (B,) int64
        In; out: the symbols.
    offsets : (G + 1,) int64
        First rank of each stretch of windows, and the number of all.
    first_ends, first_idx, of : (G,) int64
        Row behind the first window of each stretch, the same in the own frame, and the symbol: rows of a stretch are
        neighbours in both.
    ends, idx : (B,) int64
        Out.

    Notes
    -----
    A binary search: O(log G) for each.
    """
    for b in range(len(ranks)):
        low, high = 0, len(first_ends) - 1
        while low < high:
            middle = (low + high + 1) >> 1
            if offsets[middle] <= ranks[b]:
                low = middle
            else:
                high = middle - 1
        after = ranks[b] - offsets[low]
        ends[b] = first_ends[low] + after
        idx[b] = first_idx[low] + after
        ranks[b] = of[low]


@lean
def state_words(ids: Any, block: Any, k0: Any, k1: Any, words: Any) -> None:
    """Give four random words for each sample.

    Parameters
    ----------
    ids : (B,) int64
    block, k0, k1 : uint64
    words : (4, B) uint32
        Out.
    """
    first, second, third, fourth = words[0], words[1], words[2], words[3]
    for b in range(len(ids)):
        number = np.uint64(ids[b])
        w0, w1, w2, w3 = philox(number & _LOW, number >> _WORD, block, _STATE, k0, k1)
        first[b], second[b], third[b], fourth[b] = np.uint32(w0), np.uint32(w1), np.uint32(w2), np.uint32(w3)
