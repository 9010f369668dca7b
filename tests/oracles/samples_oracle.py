"""Samples one at a time, in plain Python and numpy: the mapping of version 1 written a second time."""

from __future__ import annotations

import numpy as np

LOW = 0xFFFFFFFF
MASK = (1 << 64) - 1
MIX, MIX_2 = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93


def philox_4x32_10(counter, key):
    """Philox4x32-10 in whole numbers of Python."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        a, b = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (b >> 32) ^ c1 ^ k0, b & LOW, (a >> 32) ^ c3 ^ k1, a & LOW
        k0, k1 = (k0 + 0x9E3779B9) & LOW, (k1 + 0xBB67AE85) & LOW
    return c0, c1, c2, c3


def key_of(seed):
    """Two words of numpy's SeedSequence."""
    return tuple(int(word) for word in np.random.SeedSequence(seed).generate_state(2, np.uint32))


def words(number, block, stream, seed):
    """Four words of a sample."""
    return philox_4x32_10((number & LOW, number >> 32, block, stream), key_of(seed))


def below(w0, w1, count):
    """Place of 64 random bits among ``count`` equal parts."""
    return (((w0 << 32) | w1) * count) >> 64


def permuted(number, count, k0, k1):
    """The Feistel network of six rounds, walked until it fits."""
    bits = max(1, (count - 1).bit_length())
    low_bits = bits // 2
    high_bits = bits - low_bits

    def mix(x):
        x = (x * MIX) & MASK
        return ((x ^ (x >> 32)) * MIX_2 & MASK) >> 32

    while True:
        high, low = number >> low_bits, number & ((1 << low_bits) - 1)
        key = k0
        for _ in range(3):
            high ^= mix((low + key) & MASK) & ((1 << high_bits) - 1)
            low ^= mix((high + (key ^ k1)) & MASK) & ((1 << low_bits) - 1)
            key = (key * MIX + k1) & MASK
        number = (high << low_bits) | low
        if number < count:
            return number


def rank(number, mode, count, seed, strata=None):
    """Window of a sample."""
    w0, w1, _, _ = words(number, 0, 0, seed)
    if mode == "uniform":
        return below(w0, w1, count)
    if mode == "stratified":
        own = strata[number % len(strata)]
        return own[below(w0, w1, len(own))]
    turn, place = divmod(number, count)
    a, b, c, d = words(turn, 1, 0, seed)
    return permuted(place, count, (a << 32) | b, (c << 32) | d)


def epoch_order(place, n, epoch, seed):
    """Sample at a place of a shuffled epoch."""
    a, b, c, d = words(epoch, 0, 3, seed)
    return permuted(place, n, (a << 32) | b, (c << 32) | d)


def unit(word):
    """Multiple of 2^-24 in [0, 1)."""
    return np.float32(word >> 8) * np.float32(2.0**-24)


def window(frame, end, spec):
    """Window before a row of a dict of columns, scaled as the spec says; (C, L)."""
    kind = np.float64 if spec.dtype == "float64" else np.float32
    rows = []
    last = kind(frame["close"][end - 1]) if "close" in frame else kind(1)
    for channel in spec.channels:
        part = np.asarray(frame[channel][end - spec.lookback : end], dtype=np.float64).astype(kind)
        if channel == "volume":
            rows.append(volume_of(part, spec.volume, kind))
        elif channel in ("open", "high", "low", "close") and spec.scale == "last_close":
            rows.append(np.array([value / last for value in part], dtype=kind))
        else:
            rows.append(part)
    return np.stack(rows)


def volume_of(part, mode, kind):
    """A window of volumes, scaled."""
    if mode == "none":
        return part
    if mode == "log1p":
        return np.log1p(part.astype(np.float64)).astype(kind)
    total = np.float64(0.0)
    for value in part:
        total += np.float64(value)
    divisor = {"window_max": max(part), "window_mean": kind(total / len(part)), "last": part[-1]}[mode]
    return np.zeros_like(part) if divisor == 0 else np.array([value / divisor for value in part], dtype=kind)
