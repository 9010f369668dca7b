"""Statistics of the returns of 64 portfolios at a time, from eight values of each."""

from __future__ import annotations

from typing import Any

from atomloom.kernels.arithmetic import divide, fma
from atomloom.kernels.lean import lean
from atomloom.portfolio.lane_layout import LANES

# Every lane goes through the same instructions whatever its neighbours do, so that a configuration has the same
# bits in any block. Rows lie in one flat array at constant distances: otherwise the compiler could not tell that
# writing one row leaves the others alone, and would not use vector registers.


@lean
def one_return(r: float, value: float, row: float, a: Any) -> Any:
    """Take one return into the eleven statistics of a lane.

    Parameters
    ----------
    r : float
        The return.
    value : float
        Value at its end.
    row : float
        Its number.
    a : tuple of 11 float
        Rows S1 to UNDER of the lane.
    """
    s1, s2, s3, s4, down, hits, peak, low, low_peak, peak_row, under = a
    square = r * r
    loss = min(r, 0.0)
    hits += 1.0 if r > 0.0 else 0.0
    higher = value >= peak
    peak = value if higher else peak
    peak_row = row if higher else peak_row
    under = max(under, row - peak_row)
    worse = value * low_peak < low * peak  # value / peak < low / low_peak
    low = value if worse else low
    low_peak = peak if worse else low_peak
    return (
        s1 + r, s2 + square, fma(square, r, s3), fma(square, square, s4), fma(loss, loss, down), hits,
        peak, low, low_peak, peak_row, under,
    )  # fmt: skip


@lean
def lane_statistics(s: Any, row: float, last: float) -> None:
    """Take eight values of every lane into its statistics.

    The eight reciprocals of a lane come from one division (Montgomery's trick: of the product of all, times the
    products of the others).

    Parameters
    ----------
    s : (STATE_ROWS * 64,) float64
        In and out; rows VALUES to VALUES + 7 have the values. Where there are fewer than eight, the last is repeated.
    row : float
        Number of the first of the eight returns.
    last : float
        Number of the last of them; repeated values count as that.
    """
    for i in range(LANES):
        v0, v1, v2, v3, v4 = s[704 + i], s[768 + i], s[832 + i], s[896 + i], s[960 + i]
        v5, v6, v7, v8 = s[1024 + i], s[1088 + i], s[1152 + i], s[1216 + i]
        p01, p23, p45, p67 = v0 * v1, v2 * v3, v4 * v5, v6 * v7
        p03, p47 = p01 * p23, p45 * p67
        inverse = divide(1.0, p03 * p47)
        q03, q47 = inverse * p47, inverse * p03
        q01, q23, q45, q67 = q03 * p23, q03 * p01, q47 * p67, q47 * p45
        a = (
            s[i], s[64 + i], s[128 + i], s[192 + i], s[256 + i], s[320 + i], s[384 + i], s[448 + i], s[512 + i],
            s[576 + i], s[640 + i],
        )  # fmt: skip
        a = one_return((v1 - v0) * (q01 * v1), v1, row, a)
        a = one_return((v2 - v1) * (q01 * v0), v2, min(row + 1.0, last), a)
        a = one_return((v3 - v2) * (q23 * v3), v3, min(row + 2.0, last), a)
        a = one_return((v4 - v3) * (q23 * v2), v4, min(row + 3.0, last), a)
        a = one_return((v5 - v4) * (q45 * v5), v5, min(row + 4.0, last), a)
        a = one_return((v6 - v5) * (q45 * v4), v6, min(row + 5.0, last), a)
        a = one_return((v7 - v6) * (q67 * v7), v7, min(row + 6.0, last), a)
        a = one_return((v8 - v7) * (q67 * v6), v8, min(row + 7.0, last), a)
        s[i], s[64 + i], s[128 + i], s[192 + i], s[256 + i], s[320 + i] = a[0], a[1], a[2], a[3], a[4], a[5]
        s[384 + i], s[448 + i], s[512 + i], s[576 + i], s[640 + i], s[704 + i] = a[6], a[7], a[8], a[9], a[10], v8
