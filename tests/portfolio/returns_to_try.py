"""Returns to try: ordinary ones, and the odd ones that every method must survive."""

from __future__ import annotations

import numpy as np

KINDS = (
    "normal", "fat tails", "duplicates", "one constant", "one without any return", "few rows", "scales apart",
    "one huge return", "falling",
)  # fmt: skip
SINGULAR = ("duplicates", "one constant", "one without any return", "few rows")


def drawn(seed: int, kind: str, rows: int = 60, assets: int = 4) -> np.ndarray:
    """Returns (rows, assets) of a kind."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0.0003, 0.01, (rows, 1))
    returns = common * rng.uniform(0.2, 1.5, assets) + rng.normal(0.0002, 0.01, (rows, assets))
    if kind == "fat tails":
        returns = np.clip(0.005 * rng.standard_t(2.5, (rows, assets)), -0.9, 9.0)
    elif kind == "duplicates" and assets > 1:
        returns[:, -1] = returns[:, 0]
    elif kind == "one constant":
        returns[:, 0] = 0.0001
    elif kind == "one without any return":
        returns[:, 0] = 0.0
    elif kind == "few rows":
        returns[2:] = returns[np.arange(rows - 2) % 2]
    elif kind == "scales apart":
        returns = returns * 10.0 ** rng.integers(-4, 1, assets)
    elif kind == "one huge return":
        returns[0, 0] = 1e6
    elif kind == "falling":
        returns = -np.abs(returns)
    return returns
