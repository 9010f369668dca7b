"""Problems to try: ordinary, and all the odd ones that the room must survive."""

from __future__ import annotations

import numpy as np

from atomloom.trajectory import TrajectoryProblem, omega_size

KINDS = ("normal", "losing", "nothing to earn", "ties", "plain covariances", "singular")


def drawn(seed: int, most_paths: int = 1_500) -> TrajectoryProblem:
    """A small problem of any kind: costs, starts off the grid, ends, bounds, both objectives."""
    rng = np.random.default_rng(seed)
    n, k, h = (int(rng.integers(1, most)) for most in (5, 5, 5))
    while omega_size(n, k) ** h > most_paths:
        h, k = max(1, h - 1), k if h > 1 or k == 1 else k - 1
        n = n if h > 1 or k > 1 or omega_size(n, k) <= most_paths else n - 1
    kind = KINDS[seed % len(KINDS)]
    mu = rng.normal(size=(h, n))
    if kind == "losing":
        mu = -0.1 * np.abs(mu)
    elif kind == "nothing to earn":
        mu *= 0.0
    elif kind == "ties":
        mu = np.round(mu)
    rank = max(1, n - 1) if kind == "singular" and n > 1 else n
    mixed = rng.normal(size=(h, 40, rank)) @ rng.normal(size=(h, rank, n))
    cov = np.einsum("hti,htj->hij", mixed, mixed) / 40
    if kind == "plain covariances":
        cov = np.tile(np.eye(n), (h, 1, 1))
    cost_fn = ("sqrt", "linear", "quadratic", "table")[int(rng.integers(0, 4))]
    scale = float(rng.choice([0.01, 0.3, 1.0, 3.0]))
    table = cost_fn == "table"
    cost = rng.uniform(-0.1, scale, (h, n, 4 * k + 1)) if table else rng.uniform(0, scale, (h, n))
    more = {}
    if rng.random() < 0.4:
        more["w0"] = rng.integers(-k, k + 1, n) / k if table else rng.normal(size=n)
    if rng.random() < 0.3:
        more["terminal"] = np.zeros(n)
    if rng.random() < 0.25:
        more["bounds"] = (-0.7, 1.0)
    if rng.random() < 0.2:
        more |= {"objective": "mean_variance", "risk_aversion": float(rng.random() * 2)}
    return TrajectoryProblem(mu, cov, cost, k, cost_fn=cost_fn, **more)


def short_of_the_best() -> list[tuple[int, int, int, int]]:
    """Assets, horizons, units and seed of problems where climbing alone stops before the best path (cost_scale 0.5)."""
    few = [(2, 2, 3, seed) for seed in (13, 17, 20, 24, 32, 38, 75, 84, 85, 87)]
    return [*few, (2, 3, 3, 35), (2, 3, 3, 50), (3, 2, 3, 27), (3, 2, 3, 40), (3, 3, 4, 7), (3, 3, 4, 48)]
