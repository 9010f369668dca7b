"""Regimes that a market switches between."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.samples.market_checks import MOST, plain

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class RegimeSwitching:
    """Normal log-returns whose mean and volatility follow a Markov chain (Hamilton 1989).

    Parameters
    ----------
    transition : (K, K) array
        Row i: probabilities of going from regime i to each regime, from a bar to the next.
    mu, sigma : (K,) array
        Mean and standard deviation of log-returns in each regime, per bar.

    Raises
    ------
    BadInput
        For rows that do not add up to 1, lengths that differ, numbers out of range, or a chain that has more than one
        long-run distribution.

    Notes
    -----
    A path begins in a regime of the long-run distribution. Assets of one market share the regime, those whose
    transitions differ draw it from the same numbers.

    Examples
    --------
    >>> model = RegimeSwitching([[0.99, 0.01], [0.05, 0.95]], mu=[0.0005, -0.001], sigma=[0.007, 0.02])
    >>> [round(share, 4) for share in model.long_run]
    [0.8333, 0.1667]
    """

    transition: Sequence[Sequence[float]]
    mu: Sequence[float]
    sigma: Sequence[float]

    def __post_init__(self) -> None:
        try:
            table = np.array(self.transition, dtype=np.float64)
            own = [np.array(values, dtype=np.float64) for values in (self.mu, self.sigma)]
        except (TypeError, ValueError) as error:
            raise BadInput(f"RegimeSwitching: {error}. Hint: transition (K, K), mu (K,), sigma (K,).") from None
        count = len(table) if table.ndim else 0
        if table.shape != (count, count) or count < 1 or any(values.shape != (count,) for values in own):
            seen = f"transition {table.shape}, mu {own[0].shape}, sigma {own[1].shape}"
            raise BadInput(f"RegimeSwitching: shapes are {seen}. Hint: (K, K), (K,) and (K,).")
        if not (np.abs(own[0]) <= MOST).all() or not ((own[1] <= MOST) & (own[1] >= 0.0)).all():
            hint = f"finite, sigma 0 or more, and at most {MOST:g} per bar"
            raise BadInput(f"RegimeSwitching: mu {self.mu}, sigma {self.sigma}. Hint: {hint}.")
        if not (table >= 0.0).all() or not (np.abs(table.sum(axis=1) - 1.0) < 1e-9).all():
            sums = [round(float(total), 9) for total in table.sum(axis=1)]
            raise BadInput(f"RegimeSwitching: rows of transition add up to {sums}. Hint: shares that add up to 1.")
        object.__setattr__(self, "transition", tuple(tuple(map(float, row)) for row in table))
        object.__setattr__(self, "mu", tuple(map(float, own[0])))
        object.__setattr__(self, "sigma", tuple(map(float, own[1])))
        if not self.long_run:
            raise BadInput("RegimeSwitching: the chain falls apart. Hint: some regime must be reached from all others.")

    @property
    def long_run(self) -> tuple[float, ...]:
        """Share of bars in each regime in the long run; empty where there are several such distributions."""
        count = len(self.transition)
        system = [[self.transition[j][i] - (i == j) for j in range(count)] + [0.0] for i in range(count - 1)]
        system.append([1.0] * (count + 1))
        for k in range(count):  # by hand: the last bits of a library's solver depend on the machine
            top = max(range(k, count), key=lambda i: abs(system[i][k]))
            system[k], system[top] = system[top], system[k]
            if abs(system[k][k]) < 1e-12:
                return ()
            for i in range(count):
                if i != k:
                    share = system[i][k] / system[k][k]
                    system[i] = [x - share * y for x, y in zip(system[i], system[k], strict=True)]
        shares = [max(row[count] / row[k], 0.0) for k, row in enumerate(system)]
        return tuple(share / sum(shares) for share in shares)

    def to_dict(self) -> dict[str, Any]:
        """Give the name and the parameters, as plain values."""
        return plain(self)

    @property
    def volatility(self) -> float:
        """Standard deviation of a log-return in the long run, per bar."""
        shares, mu, sigma = np.array(self.long_run), np.array(self.mu), np.array(self.sigma)
        mean = float(shares @ mu)
        return math.sqrt(float(shares @ (sigma**2 + (mu - mean) ** 2)))
