"""Models of returns, step after step: tiles of shocks in, log-returns and their volatility out."""

from __future__ import annotations

from typing import Any

import numpy as np

from atomloom.kernels.elementary import exp_fixed, log_fixed
from atomloom.kernels.lean import lean


@lean
def constant(z: Any, mean: float, sigma: float, volatility: Any) -> None:
    """Make log-returns of constant mean and volatility.

    Parameters
    ----------
    z : (T, W) float64
        In: shocks. Out: ``mean + sigma z``.
    mean, sigma : float
    volatility : (T, W) float64
        Out.
    """
    for t in range(z.shape[0]):
        row, own = z[t], volatility[t]
        for lane in range(row.size):
            row[lane] = mean + sigma * row[lane]
            own[lane] = sigma


@lean
def reverting(z: Any, level: Any, half_life: float, mean: float, sigma: float, volatility: Any) -> None:
    """Make the steps of an Ornstein-Uhlenbeck process.

    Parameters
    ----------
    z : (T, W) float64
        In: shocks. Out: steps ``(1 - phi) (mean - x) + sigma z``, ``phi = 2^(-1 / half_life)``.
    level : (W,) float64
        In and out: x.
    half_life, mean, sigma : float
    volatility : (T, W) float64
        Out.
    """
    pull = 1.0 - exp_fixed(-0.6931471805599453 / half_life)
    for t in range(z.shape[0]):
        row, own = z[t], volatility[t]
        for lane in range(row.size):
            step = pull * (mean - level[lane]) + sigma * row[lane]
            level[lane] += step
            row[lane] = step
            own[lane] = sigma


@lean
def garch(z: Any, variance: Any, terms: Any, volatility: Any) -> None:
    """Make log-returns whose variance follows GARCH(1, 1), or GJR.

    Parameters
    ----------
    z : (T, W) float64
        In: shocks of variance 1. Out: ``mu + e``, ``e = sqrt(h) z``.
    variance : (W,) float64
        In and out: h; the next is ``omega + (alpha + gamma [e < 0]) e^2 + beta h``.
    terms : tuple of 5 float
        omega, alpha, beta, gamma, mu.
    volatility : (T, W) float64
        Out: sqrt(h).
    """
    omega, alpha, beta, gamma, mu = terms
    for t in range(z.shape[0]):
        row, own = z[t], volatility[t]
        for lane in range(row.size):
            h = variance[lane]
            root = np.sqrt(h)
            e = root * row[lane]
            weight = alpha + gamma if e < 0.0 else alpha
            variance[lane] = omega + weight * (e * e) + beta * h
            row[lane] = mu + e
            own[lane] = root


@lean
def switching(z: Any, chance: Any, regime: Any, passed: Any, mu: Any, sigma: Any, volatility: Any) -> None:
    """Make log-returns whose mean and volatility follow a Markov chain.

    Parameters
    ----------
    z : (T, W) float64
        In: shocks. Out: log-returns of the regime that holds in the step.
    chance : (T, W) float64
        Uniform numbers: the regime moves before the step.
    regime : (W,) int64
        In and out.
    passed : (K, K) float64
        Row i: cumulated probabilities of going from i to 0, 1, ...
    mu, sigma : (K,) float64
    volatility : (T, W) float64
        Out.
    """
    last = mu.size - 1
    for t in range(z.shape[0]):
        row, own, draw = z[t], volatility[t], chance[t]
        for lane in range(row.size):
            bounds, u = passed[regime[lane]], draw[lane]
            k = 0
            while k < last and u >= bounds[k]:
                k += 1
            regime[lane] = k
            row[lane] = mu[k] + sigma[k] * row[lane]
            own[lane] = sigma[k]


@lean
def jumping(z: Any, chance: Any, second: Any, terms: Any, volatility: Any) -> None:
    """Make log-returns with a Poisson number of normal jumps in each step.

    Parameters
    ----------
    z : (T, W) float64
        In: shocks. Out: ``drift + sigma z + n jump_mean + sqrt(n) jump_sigma y``; the drift is mu less what jumps and
        variance add to the expected growth.
    chance : (T, W) float64
        Uniform: n is the Poisson quantile.
    second : (T, W) float64
        Normal: y.
    terms : tuple of 5 float
        mu, sigma, jump_mean, jump_sigma, intensity.
    volatility : (T, W) float64
        Out: sigma, and that of the jumps where there are some.
    """
    mu, sigma, jump_mean, jump_sigma, intensity = terms
    growth = exp_fixed(jump_mean + 0.5 * jump_sigma * jump_sigma) - 1.0
    drift = mu - 0.5 * sigma * sigma - intensity * growth
    none = exp_fixed(-intensity)
    for t in range(z.shape[0]):
        row, own, draw, size = z[t], volatility[t], chance[t], second[t]
        for lane in range(row.size):
            n, weight, u = 0.0, none, draw[lane] - none
            while u >= 0.0 and n < 1000.0:
                n += 1.0
                weight *= intensity / n
                u -= weight
            row[lane] = drift + sigma * row[lane] + n * jump_mean + np.sqrt(n) * jump_sigma * size[lane]
            own[lane] = np.sqrt(sigma * sigma + n * (jump_mean * jump_mean + jump_sigma * jump_sigma))


@lean
def heston(z: Any, second: Any, variance: Any, terms: Any, volatility: Any) -> None:
    """Make log-returns whose variance reverts to a mean and has shocks of its own; Euler steps with full truncation.

    Parameters
    ----------
    z : (T, W) float64
        In: shocks. Out: ``mu - v/2 + sqrt(v) z``, v never below 0.
    second : (T, W) float64
        Normal: the variance's own shocks.
    variance : (W,) float64
        In and out; the next is ``v + kappa (theta - v) + xi sqrt(v) (rho z + sqrt(1 - rho^2) second)``.
    terms : tuple of 5 float
        mu, kappa, theta, xi, rho.
    volatility : (T, W) float64
        Out: sqrt(v).
    """
    mu, kappa, theta, xi, rho = terms
    rest = np.sqrt(1.0 - rho * rho)
    for t in range(z.shape[0]):
        row, own, other = z[t], volatility[t], second[t]
        for lane in range(row.size):
            v = max(variance[lane], 0.0)
            root, shock = np.sqrt(v), row[lane]
            variance[lane] += kappa * (theta - v) + xi * root * (rho * shock + rest * other[lane])
            row[lane] = mu - 0.5 * v + root * shock
            own[lane] = root


@lean
def gather(tile: Any, out: Any) -> None:
    """Write a tile into rows of paths.

    Parameters
    ----------
    tile : (T, W) float64
    out : (W, T) float64 or float32
        Out: the transpose.
    """
    steps, lanes = tile.shape
    for low in range(0, steps, 8):
        high = min(steps, low + 8)
        for lane in range(lanes):
            row = out[lane]
            for t in range(low, high):
                row[t] = tile[t, lane]


@lean
def prices(r: Any, level: Any, start: float, tile: Any) -> None:
    """Add up log-returns and make prices of them.

    Parameters
    ----------
    r : (T, W) float64
        In: log-returns. Out: their sums, from `level` on.
    level : (W,) float64
        In and out.
    start : float
        Price at level 0.
    tile : (T, W) float64
        Out: ``start exp(level)``.
    """
    for t in range(r.shape[0]):
        row, own = r[t], tile[t]
        for lane in range(row.size):
            x = level[lane] + row[lane]
            level[lane] = x
            row[lane] = x
            own[lane] = start * exp_fixed(x)


@lean
def garch_shocks(returns: Any, terms: Any, z: Any) -> Any:
    """Take a GARCH variance out of log-returns.

    Parameters
    ----------
    returns : (T,) float64
    terms : tuple of 5 float
        omega, alpha, beta, gamma, mu.
    z : (T,) float64
        Out: ``(r - mu) / sqrt(h)``; h begins with the long-run variance.

    Returns
    -------
    float
        Twice the negative log-likelihood of normal shocks, less ``T log 2 pi``.
    """
    omega, alpha, beta, gamma, mu = terms
    h = omega / (1.0 - alpha - beta - 0.5 * gamma)
    total = 0.0
    for t in range(returns.size):
        e = returns[t] - mu
        square = e * e
        total += log_fixed(h) + square / h
        z[t] = e / np.sqrt(h)
        h = omega + (alpha + gamma if e < 0.0 else alpha) * square + beta * h
    return total
