"""What makes two trials the same: the prices, and everything that a portfolio's path follows from."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.portfolio.asking import Asked
    from atomloom.portfolio.prices import Prices
    from atomloom.portfolio.simulate import Targets
    from atomloom.portfolio.sweep_plan import Market
    from atomloom.portfolio.sweep_result import SweepResult

    Words = NDArray[np.uint64]

_ODD = np.uint64(0x9E3779B97F4A7C15)


def prices_digest(prices: Prices) -> str:
    """Digest of the prices themselves, whatever assets are called and in whichever order they come.

    Parameters
    ----------
    prices : Prices

    Returns
    -------
    str
        32 hexadecimal digits. O(T N).

    Examples
    --------
    >>> from atomloom.portfolio import as_prices
    >>> one = as_prices([[1.0, 2.0], [1.1, 2.0], [1.2, 2.1]])
    >>> prices_digest(one) == prices_digest(as_prices(one.values[:, ::-1], names=["B", "A"]))
    True
    """
    columns = sorted(hashlib.sha256(np.ascontiguousarray(column).tobytes()).digest() for column in prices.values.T)
    return hashlib.sha256(b"".join(columns)).hexdigest()[:32]


def trials_digest(found: SweepResult) -> str:
    """Digest of the trials of a sweep, each once, in whichever order they came.

    Two configurations are the same trial if their targets, their execution, the entry, the costs and the borders at
    which they begin anew are the same: then their paths are. Splits, benchmark and seed make no new trial.

    Parameters
    ----------
    found : SweepResult

    Returns
    -------
    str
        32 hexadecimal digits. O(C log C), and once through the tables of targets.

    Examples
    --------
    >>> from atomloom.portfolio import sweep
    >>> prices = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, (300, 2)), axis=0))
    >>> some = [{"method": "equal_weight", "interval": k} for k in (1, 5)]
    >>> trials_digest(sweep(prices, some)) == trials_digest(sweep(prices, some[::-1]))
    True
    """
    field = found.job.field
    borders = np.flatnonzero(field.fresh).astype(np.int64).tobytes() if field.fresh.sum() > 1 else b""
    borders += field.cuts[:-1][field.fresh > 0].tobytes()
    tables = _with_failed(_tables(field.targets, found.asked), found.failures)
    return _digest(found.asked, tables, found.market, field.start, borders)


def digest_of_failed(asked: Asked, failures: dict[int, str], market: Market, start: int) -> str:
    """Digest of the trials of a sweep of which every configuration failed: then why they did is all there is.

    Parameters
    ----------
    asked : Asked
    failures : dict of int to str
        Why each table of targets is not there.
    market : Market
    start : int

    Examples
    --------
    >>> from atomloom.portfolio.asking import ask
    >>> from atomloom.portfolio.configs import as_configs
    >>> from atomloom.portfolio.sweep_plan import Market
    >>> asked = ask(as_configs({"method": "momentum", "top": 9}), 252.0)
    >>> len(digest_of_failed(asked, {0: "top is 9 of 3 assets"}, Market(), 252))
    32
    """
    tables = _with_failed(np.zeros(int(asked.table.max()) + 1, dtype=np.uint64), failures)
    return _digest(asked, tables, market, start, b"")


def _digest(asked: Asked, tables: Words, market: Market, start: int, borders: bytes) -> str:
    mixed = tables[asked.table]
    for row in asked.rows:
        mixed = _mix(mixed, np.ascontiguousarray(row, dtype=np.float64).view(np.uint64))
    shared = hashlib.sha256()
    shared.update(np.unique(mixed).tobytes() + borders)
    scale = b"" if market.asset_costs is None else np.asarray(market.asset_costs, dtype=np.float64).tobytes()
    shared.update(np.array([start, market.cash_rate, market.borrow_rate], dtype=np.float64).tobytes() + scale)
    return shared.hexdigest()[:32]


def _with_failed(tables: Words, failures: dict[int, str]) -> Words:
    for table, message in failures.items():
        tables[table] = _number(message.encode())
    return tables


def _tables(targets: Targets, asked: Asked) -> Words:
    """Give a number to each table of targets, by its weights and the rows at which they come into force."""
    count = max(len(targets.first), int(asked.table.max()) + 1)
    rows = np.zeros(len(targets.weights), dtype=np.uint64)
    for column in targets.weights.T:
        rows = _mix(rows, np.ascontiguousarray(column).view(np.uint64))
    begins, of = np.unique(targets.first, return_inverse=True)
    within = np.arange(len(rows)) - np.repeat(begins, np.diff(np.append(begins, len(rows))))
    sums = np.add.reduceat(_mix(rows, within.astype(np.uint64)), begins)
    schedules = np.array([_number(row.tobytes()) for row in targets.in_force], dtype=np.uint64)
    mixed = np.zeros(count, dtype=np.uint64)
    mixed[: len(targets.first)] = _mix(sums[of], schedules[targets.schedule])
    return mixed


def _mix(one: Words, other: Any) -> Words:
    with np.errstate(over="ignore"):
        mixed: Words = (one ^ other) * _ODD
        mixed ^= mixed >> np.uint64(29)
        return mixed * _ODD + np.uint64(1)


def _number(text: bytes) -> int:
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "little")
