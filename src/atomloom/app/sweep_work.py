"""The work of `atomloom sweep`: prices, configurations, windows, the sweep, and the same again to prove it."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.app.price_input import begin_row, in_cli_words
from atomloom.errors import AtomloomError, BadInput, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from atomloom.app.sweep_settings import SweepSettings
    from atomloom.portfolio.configs import Configs
    from atomloom.portfolio.prices import Prices
    from atomloom.portfolio.sweep_result import SweepResult

_JOURNALLED = 20_000  # configurations below which a sweep is over before a journal would be of use
_LONG = 20.0  # seconds after which loading kernels does not matter to a measured speed-up
_SHORT = 2.0  # seconds below which the best of three is measured


class Plan(NamedTuple):
    """What is to be swept.

    Attributes
    ----------
    prices : Prices
    configs : Configs
    options : dict
        Of :func:`atomloom.portfolio.sweep`.
    windows : str
        What the splits are, in words.
    notes : list of str
    """

    prices: Prices
    configs: Configs
    options: dict[str, Any]
    windows: str
    notes: list[str]


def plan(settings: SweepSettings, prices: Prices, seed: int) -> Plan:
    """Make configurations and splits, and refuse what cannot be before anything is worked.

    Raises
    ------
    BadInput
        For settings that do not fit the prices, and a ledger that cannot be written to.
    """
    from atomloom.app.sweep_windows import splitter_of  # noqa: PLC0415 - --help owes nobody numpy
    from atomloom.portfolio.asking import ask  # noqa: PLC0415 - same
    from atomloom.portfolio.benchmarks import check_benchmark  # noqa: PLC0415 - same
    from atomloom.portfolio.sweep_plan import start_row  # noqa: PLC0415 - same
    from atomloom.portfolio.trial_ledger import as_ledger  # noqa: PLC0415 - same

    check_benchmark(settings.own_benchmark or settings.benchmark, prices)
    configs = settings.configs(seed)
    year = settings.periods_per_year or prices.periods_per_year()
    begin = begin_row(prices, settings.begin)
    asked = ask(configs, year)
    try:
        first = start_row(asked, len(prices), begin)
    except BadInput as error:
        raise BadInput(in_cli_words(str(error))) from error
    reach = max((spec.history for spec in asked.specs if not isinstance(spec, str)), default=0)
    times = None if prices.times is None else prices.times[first + 1 :]
    try:
        splits, words, notes = splitter_of(settings.splits, times, len(prices) - 1 - first, reach)
    except BadInput as error:
        raise BadInput(in_cli_words(str(error))) from error
    judged = settings.verdict
    if judged.ledger:
        try:
            as_ledger(judged.ledger)
        except StoreError as error:
            raise BadInput(str(error)) from error
    options: dict[str, Any] = {
        "splits": splits,
        "benchmark": settings.own_benchmark or settings.benchmark,
        "state": settings.state,
        "start": first,
        "asset_costs": settings.asset_costs or None,
        "cash_rate": settings.cash_rate,
        "borrow_rate": settings.borrow_rate,
        "risk_free": settings.risk_free,
        "periods_per_year": settings.periods_per_year,
        "n_blocks": judged.n_blocks,
        "block_length": judged.block_length,
        "n_boot": judged.n_boot,
        "alpha": judged.alpha,
        "n_trials": judged.n_trials,
        "memory": settings.memory or None,
        "seed": seed,
    }
    return Plan(prices, configs, options, words, notes)


def swept(
    planned: Plan, threads: int | None, *, folder: Path, ledger: str = "", listen: Callable[[Any], None] | None = None
) -> SweepResult:  # fmt: skip
    """Sweep, and leave ``result.parquet`` in the folder; long sweeps can be gone on with."""
    from atomloom.portfolio import sweep  # noqa: PLC0415 - compiles

    long = len(planned.configs) > _JOURNALLED
    return sweep(
        planned.prices, planned.configs, num_threads=threads, journal=folder / "journal" if long else None,
        out=folder / "result.parquet", progress=listen if listen is not None else False, ledger=ledger or None,
        **planned.options,
    )  # fmt: skip


def verified(planned: Plan, found: SweepResult, threads: int | None, seconds: float) -> dict[str, Any]:
    """Sweep again with one thread, compare every bit of the figures and the verdict, and measure what threads bring.

    Parameters
    ----------
    planned : Plan
    found : SweepResult
        By ``threads`` threads, in ``seconds``. A short one is repeated: the first has loaded kernels.
    threads : int or None
    seconds : float

    Returns
    -------
    dict
        ``identical``, ``digest``, ``threads``, ``seconds`` and ``seconds_serial`` of the whole sweep with its verdict,
        ``speedup`` and ``efficiency``, and the same of the simulation alone.

    Raises
    ------
    AtomloomError
        If a bit differs.
    """
    from atomloom.engine.budget import resolve_threads  # noqa: PLC0415 - only here
    from atomloom.portfolio import sweep  # noqa: PLC0415 - compiles

    def again(count: int | None) -> tuple[SweepResult, float]:
        best, made = float("inf"), found
        for _ in range(3 if seconds < _SHORT else 1):
            began = time.perf_counter()
            made = sweep(planned.prices, planned.configs, num_threads=count, **planned.options)
            best = min(best, time.perf_counter() - began)
        return made, best

    digest = found.digest()
    workers = resolve_threads(threads)
    parallel, took = (found, seconds) if seconds > _LONG else again(threads)
    serial, alone = again(1)
    if not parallel.digest() == serial.digest() == digest:
        raise AtomloomError(
            f"{workers} threads and 1 thread gave different bits: {digest[:16]}, {serial.digest()[:16]}."
        )
    told = verdict_bits(found)
    if not verdict_bits(_recounted(parallel, found)) == verdict_bits(_recounted(serial, found)) == told:
        raise AtomloomError(
            f"{workers} threads and 1 thread gave the same figures ({digest[:16]}), and other verdicts."
        )
    simulated = serial.seconds["simulate"] / max(parallel.seconds["simulate"], 1e-9)
    return {
        "identical": True,
        "digest": digest,
        "threads": workers,
        "seconds": took,
        "seconds_serial": alone,
        "speedup": alone / took,
        "efficiency": alone / took / workers,
        "simulation_speedup": simulated,
        "simulation_efficiency": simulated / workers,
    }


def _recounted(again: SweepResult, found: SweepResult) -> SweepResult:
    """Judge a sweep by the trials that another was judged by: it was made without the ledger."""
    known = {name: found.settings[name] for name in ("pruned", "before", "trial_deviation") if name in found.settings}
    return replace(again, n_trials=found.n_trials, settings=again.settings | known).judged() if known else again


def verdict_bits(found: SweepResult) -> str:
    """Digest of everything a verdict says, and of the probability of every configuration.

    Examples
    --------
    >>> from atomloom.portfolio import sweep
    >>> prices = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, (300, 2)), axis=0))
    >>> one, more = (sweep(prices, [{"method": "fixed", "weights": (1, 0)}], n_trials=n) for n in (1, 9))
    >>> one.digest() == more.digest(), verdict_bits(one) == verdict_bits(more)
    (True, False)
    """
    judged = found.verdict
    if judged is None:
        return "none"
    mixed = hashlib.sha256(json.dumps(judged.to_dict(), sort_keys=True, default=str).encode())
    for part in (judged.p, judged.sharpes, judged.survivors):
        mixed.update(np.ascontiguousarray(part).tobytes())
    return mixed.hexdigest()


def fingerprint(prices: Prices) -> str:
    """Digest of prices, their times and names: whether a run goes on with what it began with.

    Examples
    --------
    >>> from atomloom.portfolio import as_prices
    >>> fingerprint(as_prices([1.0, 2.0, 3.0])) == fingerprint(as_prices([1.0, 2.0, 3.5]))
    False
    """
    mixed = hashlib.sha256(repr(prices.names).encode())
    for part in (prices.values, prices.times):
        mixed.update(b"" if part is None else np.ascontiguousarray(part).tobytes())
    return mixed.hexdigest()[:32]
