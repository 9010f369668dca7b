"""What configurations of a sweep are compared with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.asking import ask
from atomloom.portfolio.configs import as_configs
from atomloom.portfolio.method_table import check_names
from atomloom.portfolio.simulate import simulate
from atomloom.portfolio.sweep_plan import Cuts, Market, field_of, targets_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.portfolio.prices import Prices

    Reals = NDArray[np.float64]

BENCHMARKS = ("equal_weight", "buy_and_hold", "cash")


@dataclass(frozen=True, eq=False)
class Benchmark:
    """What configurations are compared with.

    Attributes
    ----------
    name : str
    returns : (n,) float64
    drawn : (m,) float64
        Sums of returns in the blocks that the bootstrap draws.

    Examples
    --------
    >>> from atomloom.portfolio import sweep
    >>> prices = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, (300, 2)), axis=0))
    >>> found = sweep(prices, {"method": "equal_weight"}, benchmark="buy_and_hold")
    >>> found.benchmark.name, found.benchmark.returns.shape
    ('buy_and_hold', (298,))
    """

    name: str
    returns: Reals
    drawn: Reals


def check_benchmark(given: Any, prices: Prices) -> None:
    """Refuse what is no benchmark.

    Raises
    ------
    BadInput
        For a name that is none, or returns of another length.

    Examples
    --------
    >>> from atomloom.portfolio.prices import as_prices
    >>> check_benchmark("equal_wieght", as_prices([1.0, 1.0, 1.0]))
    Traceback (most recent call last):
    atomloom.errors.BadInput: benchmark is 'equal_wieght'. Hint: did you mean 'equal_weight'? One of equal_weight, ...
    """
    if isinstance(given, str):
        check_names("benchmark", (given,), BENCHMARKS)
    elif not hasattr(given, "keys"):
        try:
            returns = np.asarray(given, dtype=np.float64)
        except (TypeError, ValueError) as error:
            known = f"one of {', '.join(BENCHMARKS)}, a mapping, or returns"
            raise BadInput(f"benchmark is {type(given).__name__} ({error}). Hint: {known}.") from error
        if returns.shape != (len(prices) - 1,) or not np.isfinite(returns).all():
            seen = f"benchmark has shape {returns.shape}"
            raise BadInput(f"{seen}. Hint: {len(prices) - 1:,} finite returns, from each price row to the next.")


def benchmark_of(given: Any, prices: Prices, start: int, cuts: Cuts, year: float, market: Market) -> Benchmark:
    """Work out the returns of what configurations are compared with, from the same row on.

    Raises
    ------
    BadInput
        For what is no benchmark, or cannot be worked.
    """
    check_benchmark(given, prices)
    if isinstance(given, str):
        own: dict[str, Any] = {"method": "cash" if given == "cash" else "equal_weight", "lag": 0}
        own |= {"threshold": float("inf")} if given == "buy_and_hold" else {}
        name = given
    elif hasattr(given, "keys"):
        name, own = as_configs([given]).label(0), dict(given)
    else:
        return _benchmark("returns", np.asarray(given, dtype=np.float64)[start:], cuts)
    asked = ask(as_configs([own]), year)
    targets, failed = targets_of(prices, asked, start, {"num_threads": 1})
    if failed:
        raise BadInput(f"the benchmark cannot be: {next(iter(failed.values()))}")
    whole = field_of(prices, targets, start, replace(cuts, all=cuts.all[[0, -1]]), market, "carry", None)
    path = simulate(whole, asked.rows, asked.table, keep_path=True)[2][:, 0]
    before = np.concatenate([[1.0], path[:-1]])
    return _benchmark(name, (path - before) / before, cuts)


def _benchmark(name: str, returns: Reals, cuts: Cuts) -> Benchmark:
    drawn = np.add.reduceat(returns[: cuts.draws[-1]], cuts.draws[:-1]) if len(cuts.draws) else np.zeros(0)
    return Benchmark(name, returns, drawn)
