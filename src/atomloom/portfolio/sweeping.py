"""sweep: every configuration over the same prices, and what may be believed of the best."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import AntiPattern, BadInput, Infeasible, OverBudget
from atomloom.portfolio.asking import ask
from atomloom.portfolio.benchmarks import benchmark_of, check_benchmark
from atomloom.portfolio.configs import as_configs
from atomloom.portfolio.lane_layout import ASK_ROWS
from atomloom.portfolio.prices import Prices, as_prices
from atomloom.portfolio.sweep_plan import (
    LEAF,
    Cuts,
    Market,
    cuts_of,
    field_of,
    order_of,
    start_row,
    targets_of,
)
from atomloom.portfolio.sweep_result import SweepResult
from atomloom.portfolio.sweep_sink import SweepSink
from atomloom.portfolio.sweep_table import FIGURES
from atomloom.portfolio.sweep_work import SweepJob, work_leaf, work_leaves
from atomloom.portfolio.trial_ledger import as_ledger, counted_by
from atomloom.portfolio.trial_record import record_of_failed

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from atomloom.portfolio.asking import Asked
    from atomloom.portfolio.ranges import SplitRanges
    from atomloom.portfolio.trial_ledger import TrialLedger

    Reals = NDArray[np.float64]

_STATES = ("carry", "reset")
_BLOCKS = 16  # of CSCV; left out where returns are too few for it
_SMALL = 64 << 20  # bytes that any machine has


def sweep(
    prices: Any,
    configs: Any,
    *,
    splits: Any = None,
    benchmark: Any = "equal_weight",
    match_volatility: bool = True,
    state: str = "carry",
    start: Any = None,
    asset_costs: ArrayLike | None = None,
    cash_rate: float = 0.0,
    borrow_rate: float = 0.0,
    risk_free: float = 0.0,
    periods_per_year: float | None = None,
    verdict: bool = True,
    n_blocks: int = _BLOCKS,
    block_length: int | None = None,
    n_boot: int = 1000,
    alpha: float = 0.05,
    n_trials: int | None = None,
    ledger: Any = None,
    seed: int = 0,
    times: Any = None,
    names: Sequence[str] | None = None,
    num_threads: int | None = None,
    mp_batches: int = 8,
    journal: str | os.PathLike[str] | None = None,
    out: str | os.PathLike[str] | None = None,
    memory: float | str | None = None,
    progress: Any = False,
) -> SweepResult:
    """Simulate every configuration, choose on train rows, test on test rows, and judge the best of them.

    Parameters
    ----------
    prices : (T, N) array or DataFrame
        See :func:`as_prices`, also for ``times`` and ``names``.
    configs : Grid, RandomSearch, Configs, list of mappings, or mapping of columns
        See :func:`as_configs`. Parameters are those of a method (:func:`method_info`), of its overlay (``refit``,
        ``volatility_target``, ``volatility_lookback``, ``max_leverage``) and of execution: ``threshold`` (0),
        ``relative`` (False), ``interval`` (21), ``calendar`` (None), ``trade`` ("target"), ``lag`` (1), ``cost``,
        ``slippage``, ``fixed_cost`` (0).
    splits : splitter, optional
        Of return rows: :class:`WalkForward`, :class:`CombinatorialPurgedCV`, any with the face of scikit-learn, or
        pairs of train and test rows. What is fitted on train rows is the choice of the configuration.
    benchmark : str, mapping, (T - 1,) array or Series
        What a configuration must beat to survive: "equal_weight" (rebalanced every 21 rows, free of cost),
        "buy_and_hold", "cash", a configuration of one's own, or returns from each price row to the next: a Series goes
        by its times, where there are some, else by position; a nan before the first (``pct_change``) is left out.
    match_volatility : bool
        Whether returns are scaled to the benchmark's volatility before they are compared with it: else borrowing alone
        survives where the benchmark rises.
    state : {"carry", "reset"}
        Whether positions go over the borders of test windows, or begin from cash there.
    start : int or time, optional
        Price row of the entry; the first at which all methods have their history where not given.
    asset_costs : (N,) array, Series or mapping, optional
        What ``cost`` and ``slippage`` are multiplied with, for each asset; by its name, where they are labelled.
    cash_rate, borrow_rate : float
        Interest of a row on cash, and on what is borrowed.
    risk_free : float
        Return of a row that Sharpe ratios are measured above, in the table, the choice and the verdict.
    periods_per_year : float, optional
        As the times have it, or 252.
    verdict : bool
        Whether overfitting is judged: PBO over ``n_blocks`` blocks, and ``n_boot`` samples of blocks of
        ``block_length`` rows, drawn with ``seed``, at level ``alpha``. There is none of fewer than 20 returns.
    n_trials : int, optional
        Trials to be counted, where more than these configurations were tried on these prices.
    ledger : path or TrialLedger, optional
        File that counts every trial made on these prices over time: these are added, and the verdict reckons with all.
        One that cannot be written to is refused before anything is worked.
    num_threads : int, optional
        None is every physical core. The same bits for any number.
    mp_batches, progress
        As of :func:`atomloom.run_parallel`.
    journal : path, optional
        Folder that makes the sweep resumable: the same call goes on after a crash.
    out : path, optional
        Parquet file that gets each configuration with its figures while the sweep goes on.
    memory : int or str, optional
        Bytes (or "2GB") that results may take; refused beforehand if they would take more.

    Returns
    -------
    SweepResult

    Raises
    ------
    BadInput
        For what cannot be used. A configuration that cannot be worked (a history longer than the prices, a method that
        fails) is a row with status "failed" and counts as a trial.
    Infeasible
        If none can be worked; a ledger counts them all the same.
    OverBudget
        If the results would not fit.

    Notes
    -----
    A target is decided with closes up to a row and executed ``lag`` rows later. Costs are paid from the whole portfolio
    when it trades; those of entering belong to the first return. Return paths are not kept: only sums by segment, from
    which everything follows, so that memory does not depend on T. O(C T N) with 64 configurations side by side. Each
    has the same bits whatever the others, threads, molecules and resumption are, from the same entry on: without
    ``start`` that follows from the histories of all, so give it where sweeps are to be compared. Other cuts (splits,
    a verdict or none) add the same returns up in other pieces: figures may then differ in their last bits.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> prices = 100 * np.exp(np.cumsum(rng.normal(0.0003, 0.01, (1000, 3)), axis=0))
    >>> from atomloom.portfolio import Grid, WalkForward
    >>> found = sweep(
    ...     prices,
    ...     Grid(method=["inverse_volatility", "momentum"], lookback=[21, 63], top=2, interval=[5, 21], cost=0.001),
    ...     splits=WalkForward(250, 125),
    ... )
    >>> found
    SweepResult(8 configurations, 935 returns, 5 splits)
    """
    began = time.perf_counter()
    held = as_prices(prices, times=times, names=names)
    tried = as_configs(configs)
    book = None if ledger is None else as_ledger(ledger)
    year = held.periods_per_year() if periods_per_year is None else _positive(periods_per_year, "periods_per_year")
    _one_of(state, _STATES, "state")
    _workers(num_threads, mp_batches, verdict=verdict, match_volatility=match_volatility)
    asked = ask(tried, year, timed=held.times is not None)
    market = Market(_costs(asset_costs, held.names), _rate(cash_rate, "cash_rate"), _rate(borrow_rate, "borrow_rate"))
    rate = _rate(risk_free, "risk_free")
    beaten = check_benchmark(benchmark, held)
    first = start_row(asked, len(held), _start(start, held))
    n = len(held) - 1 - first
    ranges = _ranges(splits, held, first, n)
    lengths = _verdict_lengths(verdict, n, n_blocks, block_length)
    n_boot, alpha, n_trials, seed = _verdict_numbers(n_boot, alpha, n_trials, seed)
    cuts = cuts_of(n, ranges, *lengths)
    workers = {"num_threads": num_threads, "executor": None, "progress": False}
    targets, failures = targets_of(held, asked, first, workers)
    _some_work(held, asked, failures, market, first, book)
    field = field_of(held, targets, first, cuts, market, state, ranges)
    ready = ~np.isin(asked.table, list(failures)) if failures else np.ones(tried.size, dtype=bool)
    _fits(memory, tried.size, cuts, n_boot if lengths[1] else 0)
    counts = drawn = volatility = None
    if lengths[1]:
        counts = _counts(cuts, n_boot, seed)
        beside = benchmark_of(beaten, held, first, cuts, year, market)
        drawn, volatility = beside.drawn, beside.volatility if match_volatility else None
    order = order_of(asked, ready)
    rows, table = _in_order(asked, order)
    job = SweepJob(field, order, rows, table, cuts, year, rate, drawn, counts, volatility, asked.given is not None)
    prepared = time.perf_counter()
    sink = SweepSink(job, tried, out, progress if callable(progress) else None)
    work(job, sink, num_threads=num_threads, mp_batches=mp_batches, journal=journal, progress=progress)
    sink.by_configuration()
    worked = time.perf_counter()
    found = SweepResult(
        held, tried, asked, job, ranges, beaten, market, sink.figures, sink.sums, sink.ruined, sink.splits,
        sink.blocks, sink.t, sink.maxima, {int(k): failures[int(k)] for k in failures}, n_trials,
        {"alpha": alpha, "seed": seed, "state": state, "block_length": lengths[1], "n_boot": n_boot,
         "risk_free": rate, "cash_rate": market.cash_rate, "borrow_rate": market.borrow_rate,
         "num_threads": num_threads, "verdict": bool(verdict)},
        {"prepare": prepared - began, "simulate": worked - prepared},
    )  # fmt: skip
    if book is not None:
        found = counted_by(found, book)
    return found.judged() if verdict else found


def _in_order(asked: Asked, order: NDArray[np.int64]) -> tuple[Reals, NDArray[np.int64]]:
    if len(order) == len(asked.table) and bool((np.diff(order) == 1).all()):  # as they are: no copy
        return asked.rows, asked.table
    return np.stack([row[order] for row in asked.rows]), asked.table[order]


def _some_work(
    prices: Prices, asked: Asked, failures: dict[int, str], market: Market, start: int, book: TrialLedger | None
) -> None:  # fmt: skip
    """Refuse to go on where every configuration failed; they were tried all the same."""
    if asked.given is not None or len(failures) < len(asked.specs):
        return
    if book is not None:
        book.count(record_of_failed(prices, asked, failures, market, start, book))
    raise Infeasible(f"no configuration can be worked; the first says: {next(iter(failures.values()))}")


def work(job: SweepJob, sink: SweepSink, *, journal: Any, **workers: Any) -> None:
    """Work all leaves, on the engine where there are several."""
    try:
        if job.n_leaves == 1 and journal is None:
            sink.take(work_leaf(0, job))
        else:
            from atomloom.engine.run import run_parallel  # noqa: PLC0415 - a single leaf does without

            with warnings.catch_warnings():
                # leaves are kernels that hold no lock; a busy machine looks like threads that wait for each other
                warnings.simplefilter("ignore", AntiPattern)
                found = run_parallel(
                    work_leaves, range(job.n_leaves), redux=sink, executor="threads", grain=1, journal=journal,
                    job=job, **workers,
                ).value  # fmt: skip
            if found is not sink:  # a single result was not reduced
                sink(found, sink)
    except BaseException:
        sink.close(whole=False)
        raise
    sink.close()


def _counts(cuts: Cuts, n_boot: int, seed: int) -> Any:
    from atomloom.portfolio.block_bootstrap import bootstrap_counts  # noqa: PLC0415 - only with a verdict

    return bootstrap_counts(len(cuts.draws) - 1, n_boot, seed)


def _ranges(splits: Any, prices: Prices, start: int, n: int) -> SplitRanges | None:
    if splits is None:
        return None
    from atomloom.portfolio.adapt import ranges_of  # noqa: PLC0415 - only with splits

    return ranges_of(splits, n, None if prices.times is None else prices.times[start + 1 :])


def _verdict_lengths(verdict: bool, n: int, n_blocks: Any, block_length: Any) -> tuple[int, int]:
    """Blocks of CSCV and rows of a drawn block; 0 where the returns are too few for what is asked for by default."""
    if not verdict:
        return 0, 0
    blocks = _whole(n_blocks, "n_blocks", 2, "an even number of at least 2")
    if blocks % 2:
        raise BadInput(f"n_blocks is {n_blocks!r}. Hint: an even number of at least 2.")
    if n < 2 * blocks and blocks != _BLOCKS:
        seen = f"n_blocks is {blocks:,}, of {n:,} returns"
        raise BadInput(f"{seen}. Hint: a block has 2 returns or more: at most {n // 4 * 2:,}; or verdict=False.")
    from atomloom.portfolio.block_bootstrap import LEAST_BLOCKS  # noqa: PLC0415 - only with a verdict

    length = drawn_length(n)
    if block_length is not None:
        length = _whole(block_length, "block_length", 1, "rows of a block, at least 1")
        if n // length < LEAST_BLOCKS:
            seen = f"block_length is {length:,}, and {n:,} returns make {n // length:,} blocks of it"
            most = f"at most {n // LEAST_BLOCKS:,}" if n >= LEAST_BLOCKS else "more prices"
            raise BadInput(f"{seen}. Hint: a bootstrap needs {LEAST_BLOCKS} blocks: {most}; or verdict=False.")
    return (blocks if n >= 2 * blocks else 0), (length if n // length >= LEAST_BLOCKS else 0)


def _verdict_numbers(n_boot: Any, alpha: Any, n_trials: Any, seed: Any) -> tuple[int, float, int | None, int]:
    n_boot, seed = _whole(n_boot, "n_boot", 1), _whole(seed, "seed", 0)
    n_trials = None if n_trials is None else _whole(n_trials, "n_trials", 1)
    if not _is_real(alpha) or not 1.0 / (n_boot + 1.0) <= alpha < 1.0:
        seen = f"alpha is {alpha!r}, and {n_boot:,} samples tell probabilities from {1.0 / (n_boot + 1.0):.3g} on"
        raise BadInput(f"{seen}. Hint: a number below 1; more samples (n_boot) for a smaller one.")
    return n_boot, float(alpha), n_trials, seed


def drawn_length(n: int) -> int:
    """Rows of a drawn block where none are told: about a hundred blocks, in whole registers of eight rows.

    Examples
    --------
    >>> drawn_length(1000), drawn_length(8000), drawn_length(100)
    (8, 80, 4)
    """
    if n < 160:
        return max(1, n // 24)
    return max(8, 8 * round(n / 800))


def _fits(memory: float | str | None, size: int, cuts: Cuts, n_boot: int) -> None:
    from atomloom.engine.budget import machine, parse_size, show_size  # noqa: PLC0415 - asks the machine

    pieces = 2 * (max(len(cuts.splits) - 1, 0) + max(len(cuts.blocks) - 1, 0))
    need = 8 * (size * (ASK_ROWS + 3 + len(FIGURES) + 5 + pieces + 1) + n_boot * (size // LEAF + 1))
    if memory is None and need < _SMALL:
        return
    limit = 0.8 * machine().memory_available if memory is None else parse_size(memory)
    if need > limit:
        seen = f"the results of {size:,} configurations take {show_size(need)} of {show_size(limit)}"
        raise OverBudget(f"{seen}. Hint: sweep fewer, or use splits with fewer borders ({pieces // 2:,} pieces now).")


def _start(start: Any, prices: Prices) -> int | None:
    if start is None or (isinstance(start, int | np.integer) and not isinstance(start, bool)):
        return None if start is None else int(start)
    if isinstance(start, bool | float):
        raise BadInput(f"start is {start!r}. Hint: a row number, or a time.")
    return prices.row_at(start)


def _costs(asset_costs: Any, names: tuple[str, ...]) -> Any:
    """Copy what costs are multiplied with, in the order of the assets: by their names, where it has some."""
    if asset_costs is None:
        return None
    labelled = asset_costs.to_dict() if callable(getattr(asset_costs, "to_dict", None)) else asset_costs
    if isinstance(labelled, Mapping):
        by_name = {str(name): value for name, value in labelled.items()}
        apart = [name for name in (*by_name, *names) if name not in by_name or name not in names]
        if not apart and len(by_name) == len(asset_costs):
            asset_costs = [by_name[name] for name in names]
        elif labelled is asset_costs or list(labelled) != list(range(len(names))):
            seen = f"asset_costs and prices differ in {', '.join(map(repr, apart[:4]))}" if apart else ""
            raise BadInput(f"{seen or 'asset_costs has an asset twice'}. Hint: one for each of {', '.join(names[:8])}.")
    try:
        found = np.array(asset_costs, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"asset_costs are no numbers ({error}). Hint: {len(names)} of them.") from error
    if found.shape != (len(names),) or not np.isfinite(found).all() or (found < 0).any():
        seen = f"asset_costs has shape {found.shape}"
        raise BadInput(f"{seen}. Hint: {len(names)} finite numbers at or above 0, one for each asset.")
    return found


def _workers(num_threads: Any, mp_batches: Any, **flags: Any) -> None:
    """Refuse what the engine would, also where a single leaf does without it; and flags that are none."""
    from atomloom.engine.budget import resolve_threads  # noqa: PLC0415 - asks the machine

    if num_threads is not None:
        resolve_threads(num_threads)
    _whole(mp_batches, "mp_batches", 1)
    for name, flag in flags.items():
        _one_of(flag, (True, False), name)


def _one_of(value: Any, known: tuple[Any, ...], name: str) -> None:
    if not isinstance(value, str | bool | np.bool_) or value not in known:
        raise BadInput(f"{name} is {value!r}. Hint: one of {', '.join(map(str, known))}.")


def _whole(value: Any, name: str, least: int, wanted: str | None = None) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise BadInput(f"{name} is {value!r}. Hint: {wanted or f'a whole number of at least {least}'}.")
    return int(value)


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _positive(value: Any, name: str) -> float:
    if not _is_real(value) or not 0 < value < float("inf"):
        raise BadInput(f"{name} is {value!r}. Hint: a number above 0.")
    return float(value)


def _rate(value: Any, name: str) -> float:
    if not _is_real(value) or not -0.5 < value < 1.0:
        raise BadInput(f"{name} is {value!r}. Hint: interest of a row, as a share (0.0001 is one basis point).")
    return float(value)
