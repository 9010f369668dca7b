"""Plain-Python twins of spectra: phases as fractions, sums term by term."""

from __future__ import annotations

import cmath
import math
from fractions import Fraction


def turns(elapsed_ns, frequency):
    """Exact fraction of a cycle after a number of ns, from 0 to 1."""
    return Fraction(elapsed_ns) * Fraction(frequency) / 10**9 % 1


def direct(times, weights, origin, frequencies):
    """Sum of w exp(-2 pi i f (t - origin)) for each frequency, with exact phases."""
    out = []
    for frequency in frequencies:
        terms = [
            weight * cmath.exp(-2j * math.pi * float(turns(int(t) - origin, frequency)))
            for t, weight in zip(times, weights, strict=True)
        ]
        out.append(complex(math.fsum(term.real for term in terms), math.fsum(term.imag for term in terms)))
    return out


def blocks(times, length):
    """Events by block of time, in order of time, empty blocks left out."""
    groups = {}
    for t in sorted(times):
        groups.setdefault(t // length, []).append(t)
    return [groups[key] for key in sorted(groups)]


def folded(times, period, bins):
    """Events in each part of the period."""
    counts = [0] * bins
    for t in times:
        counts[math.floor(Fraction(int(t) % period, period) * bins)] += 1
    return counts


def variance_of_turns(counts_by_block, bins):
    """Variance of the first bin when every block is turned by each number of bins equally often."""
    total = Fraction(0)
    for counts in counts_by_block:
        mean = Fraction(sum(counts), bins)
        total += sum((count - mean) ** 2 for count in counts) / bins
    return total
