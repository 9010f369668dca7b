"""Paths of market models one bar at a time, in plain Python: random words by whole numbers, states as floats."""

from __future__ import annotations

import math

import numpy as np

from oracles.elementary_oracle import cos_sin_fixed, exp_fixed, log_fixed, normals_of, uniform_of
from oracles.samples_oracle import LOW, key_of, philox_4x32_10

MARKET = 2
SHOCK, SECOND, CHANCE, BEGIN, BLOCK, INSIDE, BRIDGE, VOLUME, TICK, PAUSE, RULE = range(11)


def uniforms(path, block, purpose, asset, seed):
    word = (asset << 16) | (purpose << 8) | MARKET
    w = philox_4x32_10((path & LOW, path >> 32, block, word), key_of(seed))
    return uniform_of(w[0], w[1]), uniform_of(w[2], w[3])


def uniform(path, step, purpose, asset, seed):
    return uniforms(path, step // 2, purpose, asset, seed)[step % 2]


def normal(path, step, purpose, asset, seed):
    return float(normals_of(*uniforms(path, step // 2, purpose, asset, seed))[step % 2])


def student(path, step, nu, asset, seed):
    u, v = uniforms(path, step, SHOCK, asset, seed)
    radius = math.sqrt(float(exp_fixed(-2.0 / nu * float(log_fixed(u)))) - 1.0)
    return math.sqrt(nu - 2.0) * radius * float(cos_sin_fixed(v)[0])


def shock(model, path, step, asset, seed):
    nu = getattr(model, "nu", None)
    return student(path, step, nu, asset, seed) if nu else normal(path, step, SHOCK, asset, seed)


def steps(model, path, n_bars, asset, seed, shocks):
    """Log-returns and volatilities, by the name of the model."""
    state, out = None, []
    for t in range(n_bars):
        z = shocks[t]
        kind = type(model).__name__
        if kind == "GBM":
            r, s = model.mu - model.sigma**2 / 2.0 + model.sigma * z, model.sigma
        elif kind == "OrnsteinUhlenbeck":
            x = state or 0.0
            pull = 1.0 - float(exp_fixed(-0.6931471805599453 / model.half_life))
            r, s = pull * (model.mean - x) + model.sigma * z, model.sigma
            state = x + r
        elif kind == "Garch":
            h = model.omega / (1.0 - model.persistence) if state is None else state
            s = math.sqrt(h)
            e = s * z
            state = model.omega + (model.alpha + model.gamma if e < 0 else model.alpha) * (e * e) + model.beta * h
            r = model.mu + e
        elif kind == "RegimeSwitching":
            if state is None:
                state = place(np.cumsum(model.long_run), uniforms(path, 0, BEGIN, 0, seed)[0])
            state = place(np.cumsum(model.transition[state]), uniform(path, t, CHANCE, 0, seed))
            r, s = model.mu[state] + model.sigma[state] * z, model.sigma[state]
        elif kind == "JumpDiffusion":
            r, s = jump_step(model, z, uniform(path, t, CHANCE, asset, seed), normal(path, t, SECOND, asset, seed))
        else:
            v = model.v0 if state is None and model.v0 is not None else model.theta if state is None else state
            plus = max(v, 0.0)
            s = math.sqrt(plus)
            own = model.rho * z + math.sqrt(1.0 - model.rho**2) * normal(path, t, SECOND, asset, seed)
            r = model.mu - 0.5 * plus + s * z
            state = v + (model.kappa * (model.theta - plus) + model.xi * s * own)
        out.append((r, s))
    return out


def place(bounds, u):
    """First place whose bound is above u; the last where none is."""
    return min(sum(u >= bound for bound in bounds), len(bounds) - 1)


def jump_step(model, z, chance, y):
    n, weight = 0, float(exp_fixed(-model.intensity))
    below = chance - weight
    while below >= 0.0:
        n += 1
        weight *= model.intensity / n
        below -= weight
    growth = float(exp_fixed(model.jump_mean + 0.5 * model.jump_sigma * model.jump_sigma)) - 1.0
    drift = model.mu - 0.5 * model.sigma * model.sigma - model.intensity * growth
    r = drift + model.sigma * z + n * model.jump_mean + math.sqrt(n) * model.jump_sigma * y
    return r, math.sqrt(model.sigma**2 + n * (model.jump_mean**2 + model.jump_sigma**2))


def closes(models, path, n_bars, seed, price=100.0, factor=None):
    """Closes of a path, (assets, bars)."""
    z = [[shock(model, path, t, a, seed) for t in range(n_bars)] for a, model in enumerate(models)]
    if factor is not None:
        z = [[mixed(factor[a], [z[b][t] for b in range(a + 1)]) for t in range(n_bars)] for a in range(len(models))]
    out = []
    for a, model in enumerate(models):
        level, row = 0.0, []
        for r, _ in steps(model, path, n_bars, a, seed, z[a]):
            level += r
            row.append(price * float(exp_fixed(level)))
        out.append(row)
    return np.array(out)


def mixed(weights, shocks):
    """Own shock first, then those of the assets before, in their order."""
    total = shocks[-1] * weights[len(shocks) - 1]
    for weight, other in zip(weights, shocks[:-1], strict=False):
        total += weight * other
    return total


def bootstrap(rows, path, n_bars, block, kind, seed):
    """Numbers of the rows of a path."""
    out, number = [], 0
    while len(out) < n_bars:
        u, v = uniforms(path, number, BLOCK, 0, seed)
        number += 1
        if kind == "stationary":
            length = 1 + int(float(log_fixed(v)) / float(log_fixed(1.0 - 1.0 / block))) if block > 1 else 1
            starts = rows
        else:
            length = int(block)
            starts = rows - length + 1 if kind == "moving" else rows
        first = min(int(u * starts), starts - 1)
        out += [(first + k) % rows for k in range(length)]
    return out[:n_bars]


def rule(x, profit, stop, max_bars):
    """Snippet 13.2 for one path: what the trade earns, and after how many bars."""
    held = 0
    while True:
        value = x[held]
        held += 1
        if value > profit or value < -stop or held > max_bars:
            return value, held


def reverting(forecast, half_life, sigma, path, n, seed):
    phi, p, out = 2.0 ** (-1.0 / half_life), 0.0, []
    for t in range(n):
        p = (1.0 - phi) * forecast + phi * p + sigma * normal(path, t, RULE, 0, seed)
        out.append(p)
    return out
