"""How long blocks of rows must be so that what depends on what came before stays within them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.block_bootstrap import LEAST_BLOCKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

_LOOKED_AT = 64  # configurations, spread evenly
_WORK = 1e11  # samples x blocks x configurations: about 5 s on two cores
_SAFETY = 2.0


def pooled_block_length(returns: Reals, benchmark: Reals | None = None) -> float:
    """Give the length of blocks that Politis and White find for a circular bootstrap of the mean, not rounded.

    Parameters
    ----------
    returns : (T, C) float64
        Their autocorrelations are averaged (of 64 columns spread evenly): one length for all, known more precisely.
    benchmark : (T,) float64, optional
        Subtracted before.

    Returns
    -------
    float
        At least 1; 1 where nothing depends on what came before, or nothing varies.

    Notes
    -----
    ``b = (2 G^2 / D)^(1/3) T^(1/3)`` with ``G = sum w(k / M) |k| R(k)``, ``D = 4/3 (sum w(k / M) R(k))^2``, the flat
    window w, and M twice the lag behind which no autocorrelation stands out. O(64 T log T).

    References
    ----------
    Politis and White, Automatic Block-Length Selection for the Dependent Bootstrap, Econometric Reviews 23 (2004),
    corrected by Patton, Politis and White, Econometric Reviews 28 (2009).

    Examples
    --------
    >>> noise = np.random.default_rng(0).normal(size=(1000, 5))
    >>> pooled_block_length(noise) < 3, pooled_block_length(np.cumsum(noise, axis=0)) > 20
    (True, True)
    """
    rows = len(returns)
    chosen = np.unique(np.linspace(0, returns.shape[1] - 1, min(_LOOKED_AT, returns.shape[1])).astype(np.int64))
    some = returns[:, chosen] if benchmark is None else returns[:, chosen] - benchmark[:, None]
    centred = some - some.mean(axis=0)
    centred = centred[:, np.einsum("tc,tc->c", centred, centred) > 0.0]
    if centred.shape[1] == 0 or rows < 10:
        return 1.0
    run = max(5, int(math.sqrt(math.log10(rows))))
    most = min(rows - 1, math.ceil(math.sqrt(rows)) + run)
    size = 1 << (2 * rows - 1).bit_length()
    power = np.abs(np.fft.rfft(centred, size, axis=0)) ** 2
    covariance = np.fft.irfft(power, size, axis=0)[: most + 1]
    r = (covariance / covariance[0]).mean(axis=1)
    quiet = np.abs(r[1:]) < 2.0 * math.sqrt(math.log10(rows) / rows)
    runs = [m for m in range(len(quiet) - run + 1) if quiet[m : m + run].all()]
    last = runs[0] if runs else int(np.flatnonzero(~quiet)[-1]) + 1
    window = min(2 * max(last, 1), most)
    k = np.arange(1, window + 1)
    weight = np.minimum(1.0, 2.0 * (1.0 - k / window)) * r[1 : window + 1]
    slope, level = 2.0 * float((weight * k).sum()), 1.0 + 2.0 * float(weight.sum())
    if level <= 0.0:
        return 1.0
    found = math.cbrt(1.5 * (slope / level) ** 2 * rows)
    return max(1.0, min(found, 3.0 * math.sqrt(rows), rows / 3.0))


def default_block_length(returns: Reals, benchmark: Reals | None, n_boot: int) -> int:
    """Give the block length that :func:`max_t` takes: twice that of Politis and White, or longer to bound the work.

    Twice, because a test suffers more from dependence that blocks cut than from fewer blocks; a length up to 1.5 there
    means no dependence and gives single rows. Longer where samples x blocks x configurations exceed 1e11; never so
    long that fewer than 20 blocks remain.

    Parameters
    ----------
    returns : (T, C) float64
    benchmark : (T,) float64, optional
        What is subtracted.
    n_boot : int

    Returns
    -------
    int

    Raises
    ------
    BadInput
        For fewer than 20 rows.

    Examples
    --------
    >>> default_block_length(np.random.default_rng(0).normal(size=(1000, 50)), None, 1000)
    1
    """
    rows, configs = len(returns), returns.shape[1]
    if rows < LEAST_BLOCKS:
        raise BadInput(f"returns has {rows} rows. Hint: a bootstrap needs {LEAST_BLOCKS} blocks of at least one.")
    found = pooled_block_length(returns, benchmark)
    length = 1 if found <= 1.5 else math.ceil(_SAFETY * found)
    blocks = max(LEAST_BLOCKS, int(_WORK / (n_boot * configs)))
    return min(max(length, math.ceil(rows / blocks)), rows // LEAST_BLOCKS)
