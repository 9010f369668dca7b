"""What configurations of a sweep are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.asking import ask
from atomloom.portfolio.configs import as_configs
from atomloom.portfolio.method_table import check_names
from atomloom.portfolio.prices import index_times
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

    @property
    def volatility(self) -> float | None:
        """Deviation of its returns; None where they do not vary."""
        spread = float(self.returns.std(ddof=1)) if len(self.returns) > 1 else 0.0
        return spread if spread > 1e-12 else None


def check_benchmark(given: Any, prices: Prices) -> Any:
    """Refuse what is no benchmark, and copy what is one: a name, a mapping, or (T - 1,) returns.

    Returns from each price row to the next may come with a first one that is nan, as of ``pct_change``. A Series goes
    by its times, where it and the prices have them.

    Raises
    ------
    BadInput
        For a name that is none, several configurations, or returns of another length or of other times.

    Examples
    --------
    >>> from atomloom.portfolio.prices import as_prices
    >>> check_benchmark("equal_wieght", as_prices([1.0, 1.0, 1.0]))
    Traceback (most recent call last):
    atomloom.errors.BadInput: benchmark is 'equal_wieght'. Hint: did you mean 'equal_weight'? One of equal_weight, ...
    """
    if isinstance(given, str):
        check_names("benchmark", (given,), BENCHMARKS)
        return given
    if isinstance(given, Mapping):
        configs = as_configs(given)
        if configs.size != 1:
            raise BadInput(f"benchmark is {configs.size:,} configurations. Hint: give one.")
        return configs[0]
    known = f"one of {', '.join(BENCHMARKS)}, a mapping, or returns"
    if hasattr(given, "index") and hasattr(given, "iloc"):
        given = _by_time(given, prices)
    try:
        plain = np.asarray(given)
        returns = np.array(plain, dtype=np.float64) if plain.dtype.kind in "iufO" else None
    except (TypeError, ValueError) as error:
        raise BadInput(f"benchmark is {type(given).__name__} ({error}). Hint: {known}.") from error
    if returns is None:
        raise BadInput(f"benchmark is {type(given).__name__} of {plain.dtype}. Hint: {known}.")
    if returns.shape == (len(prices),) and np.isnan(returns[0]):
        returns = returns[1:]
    if returns.shape != (len(prices) - 1,) or not np.isfinite(returns).all():
        seen = f"benchmark has shape {returns.shape}"
        seen += f" and {int((~np.isfinite(returns)).sum()):,} of them are not finite" if returns.ndim == 1 else ""
        raise BadInput(f"{seen}. Hint: {len(prices) - 1:,} finite returns, from each price row to the next.")
    return returns


def _by_time(given: Any, prices: Prices) -> Any:
    """Values of a Series, or a frame of one column: at the ends of the returns, where times are known."""
    if given.ndim == 2:
        if given.shape[1] != 1:
            raise BadInput(f"benchmark is a frame of {given.shape[1]} columns. Hint: one column of returns.")
        given = given.iloc[:, 0]
    times = index_times(given.index, "the index of benchmark")
    values = given.to_numpy()
    if times is None or prices.times is None:
        return values
    ends = prices.times[1:]
    order = np.argsort(times.ns, kind="stable")
    held = times.ns[order]
    if (held[1:] == held[:-1]).any():
        raise BadInput("the index of benchmark has a time twice. Hint: one return for each time.")
    places = np.minimum(np.searchsorted(held, ends), len(held) - 1)
    missing = np.flatnonzero(held[places] != ends)
    if len(missing):
        seen = f"benchmark has no return at {len(missing):,} of the {len(ends):,} times of prices"
        first = np.datetime64(int(ends[missing[0]]), "ns")
        raise BadInput(f"{seen} (first at {first}). Hint: reindex it; the times of both or of neither have a zone.")
    return values[order][places]


def benchmark_of(given: Any, prices: Prices, start: int, cuts: Cuts, year: float, market: Market) -> Benchmark:
    """Work out the returns of what configurations are compared with, from the same row on.

    Raises
    ------
    BadInput
        For what is no benchmark, or cannot be worked.
    """
    given = check_benchmark(given, prices)
    if isinstance(given, str):
        own: dict[str, Any] = {"method": "cash" if given == "cash" else "equal_weight", "lag": 0}
        own |= {"threshold": float("inf")} if given == "buy_and_hold" else {}
        name = given
    elif isinstance(given, Mapping):
        name, own = as_configs([given]).label(0), dict(given)
    else:
        return _benchmark("returns", given[start:], cuts)
    asked = ask(as_configs([own]), year, timed=prices.times is not None)
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
