"""Trading rules on Ornstein-Uhlenbeck paths: where each path first passes each level, and the mesh of both."""

from __future__ import annotations

from typing import Any

from atomloom.kernels.elementary import exp_fixed
from atomloom.kernels.lean import lean


@lean
def revert(z: Any, half_life: float, forecast: float, sigma: float) -> None:
    """Make Ornstein-Uhlenbeck paths that begin at 0.

    Parameters
    ----------
    z : (T, W) float64
        In: standard normal shocks. Out: ``x = (1 - phi) forecast + phi x + sigma z``, ``phi = 2^(-1 / half_life)``.
    half_life, forecast, sigma : float
    """
    phi = exp_fixed(-0.6931471805599453 / half_life)
    pull = (1.0 - phi) * forecast
    before = z[0]
    for lane in range(before.size):
        before[lane] = pull + sigma * before[lane]
    for t in range(1, z.shape[0]):
        row = z[t]
        for lane in range(row.size):
            row[lane] = pull + phi * before[lane] + sigma * row[lane]
        before = row


@lean
def pass_levels(x: Any, last: int, levels: Any, sign: float, lane: int, times: Any, values: Any) -> None:
    """Find when a path first is beyond each level, and where it is then.

    Parameters
    ----------
    x : (T, W) float64
    last : int
        Row after which a path has ended, whatever it has passed.
    levels : (n,) float64
        Increasing, more than 0.
    sign : float
        1: above the level; -1: below its negative.
    lane : int
    times, values : (n,) float64
        Out: row (`last` where the level is never passed), and x there.
    """
    k = 0
    for t in range(last):
        value = x[t, lane]
        while k < levels.size and sign * value > levels[k]:
            times[k] = t
            values[k] = value
            k += 1
        if k == levels.size:
            return
    for rest in range(k, levels.size):
        times[rest] = last
        values[rest] = x[last, lane]


@lean
def add_mesh(x: Any, last: int, profits: Any, stops: Any, work: Any, sums: Any) -> None:
    """Add what paths earn under each pair of levels.

    Parameters
    ----------
    x, last
        See :func:`pass_levels`.
    profits, stops : (P,), (S,) float64
        Levels.
    work : (4, max(P, S)) float64
        Scratch.
    sums : (5, P, S) float64
        In and out: sums of x at the exit, of its square, of steps until then; exits above `profits`, below `stops`.
    """
    up, down = profits.size, stops.size
    when_up, at_up, when_down, at_down = work[0, :up], work[1, :up], work[2, :down], work[3, :down]
    for lane in range(x.shape[1]):
        pass_levels(x, last, profits, 1.0, lane, when_up, at_up)
        pass_levels(x, last, stops, -1.0, lane, when_down, at_down)
        for i in range(up):
            when, value = when_up[i], at_up[i]
            gains, squares, held, won, lost = sums[0, i], sums[1, i], sums[2, i], sums[3, i], sums[4, i]
            for j in range(down):
                first = when <= when_down[j]
                out = value if first else at_down[j]
                at = when if first else when_down[j]
                gains[j] += out
                squares[j] += out * out
                held[j] += at
                ended = at < last
                won[j] += 1.0 if first and ended else 0.0
                lost[j] += 1.0 if ended and not first else 0.0
