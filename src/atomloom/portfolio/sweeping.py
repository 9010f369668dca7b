"""sweep: every configuration over the same prices, and what may be believed of the best."""

from __future__ import annotations

import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import AntiPattern, BadInput, OverBudget
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

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from atomloom.portfolio.ranges import SplitRanges

    Reals = NDArray[np.float64]

_STATES = ("carry", "reset")
_SMALL = 64 << 20  # bytes that any machine has


def sweep(
    prices: Any,
    configs: Any,
    *,
    splits: Any = None,
    benchmark: Any = "equal_weight",
    state: str = "carry",
    start: Any = None,
    asset_costs: ArrayLike | None = None,
    cash_rate: float = 0.0,
    borrow_rate: float = 0.0,
    risk_free: float = 0.0,
    periods_per_year: float | None = None,
    verdict: bool = True,
    n_blocks: int = 16,
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
    benchmark : str, mapping or (T - 1,) array
        What a configuration must beat to survive: "equal_weight" (rebalanced every 21 rows, free of cost),
        "buy_and_hold", "cash", a configuration of one's own, or returns from each price row to the next.
    state : {"carry", "reset"}
        Whether positions go over the borders of test windows, or begin from cash there.
    start : int or time, optional
        Price row of the entry; the first at which all methods have their history where not given.
    asset_costs : (N,), optional
        What ``cost`` and ``slippage`` are multiplied with, for each asset.
    cash_rate, borrow_rate : float
        Interest of a row on cash, and on what is borrowed.
    risk_free : float
        Return of a row that Sharpe and Sortino ratios in the table are measured above.
    periods_per_year : float, optional
        As the times have it, or 252.
    verdict : bool
        Whether overfitting is judged: PBO over ``n_blocks`` blocks, and ``n_boot`` samples of blocks of
        ``block_length`` rows, drawn with ``seed``, at level ``alpha``.
    n_trials : int, optional
        Trials to be counted, where more than these configurations were tried on these prices.
    ledger : path or TrialLedger, optional
        File that counts every trial made on these prices over time: these are added, and the verdict reckons with all.
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
        If none can be worked.
    OverBudget
        If the results would not fit.

    Notes
    -----
    A target is decided with closes up to a row and executed ``lag`` rows later. Costs are paid from the whole portfolio
    when it trades; those of entering belong to the first return. Return paths are not kept: only sums by segment, from
    which everything follows, so that memory does not depend on T. O(C T N) with 64 configurations side by side. Each
    has the same bits whatever the others, threads, molecules and resumption are.

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
    asked = ask(tried, year)
    market = Market(
        _costs(asset_costs, held.n_assets), _rate(cash_rate, "cash_rate"), _rate(borrow_rate, "borrow_rate")
    )
    first = start_row(asked, len(held), _start(start, held))
    n = len(held) - 1 - first
    ranges = _ranges(splits, held, first, n)
    lengths = _verdict_lengths(verdict, n, n_blocks, block_length)
    _verdict_numbers(n_boot, alpha, n_trials)
    cuts = cuts_of(n, ranges, *lengths)
    workers = {"num_threads": num_threads, "executor": None, "progress": False}
    targets, failures = targets_of(held, asked, first, workers)
    field = field_of(held, targets, first, cuts, market, state, ranges)
    ready = np.ones(tried.size, dtype=bool)
    if failures:
        ready = ~np.isin(asked.table, list(failures))
    _fits(memory, tried.size, cuts, n_boot if lengths[1] else 0)
    check_benchmark(benchmark, held)
    counts = drawn = None
    if lengths[1]:
        counts = _counts(cuts, n_boot, seed)
        drawn = benchmark_of(benchmark, held, first, cuts, year, market).drawn
    order = order_of(asked, ready)
    plain = len(order) == tried.size and bool((np.diff(order) == 1).all())
    rows = asked.rows if plain else np.stack([row[order] for row in asked.rows])
    table = asked.table if plain else asked.table[order]
    job = SweepJob(field, order, rows, table, cuts, year, _rate(risk_free, "risk_free"), drawn, counts)
    prepared = time.perf_counter()
    sink = SweepSink(job, tried, out)
    work(job, sink, num_threads=num_threads, mp_batches=mp_batches, journal=journal, progress=progress)
    sink.by_configuration()
    worked = time.perf_counter()
    found = SweepResult(
        held, tried, asked, job, ranges, benchmark, market, sink.figures, sink.sums, sink.ruined, sink.splits,
        sink.blocks, sink.t, sink.maxima, {int(k): failures[int(k)] for k in failures}, n_trials,
        {"alpha": alpha, "seed": seed, "state": state, "block_length": lengths[1], "n_boot": n_boot,
         "risk_free": risk_free, "cash_rate": cash_rate, "borrow_rate": borrow_rate, "num_threads": num_threads},
        {"prepare": prepared - began, "simulate": worked - prepared},
    )  # fmt: skip
    if book is not None:
        found = counted_by(found, book)
    return found.judged() if verdict else found


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
    """Blocks of CSCV and rows of a drawn block; 0 where the returns are too few for one."""
    if not verdict:
        return 0, 0
    if isinstance(n_blocks, bool) or not isinstance(n_blocks, int) or n_blocks < 2 or n_blocks % 2:
        raise BadInput(f"n_blocks is {n_blocks!r}. Hint: an even number of at least 2.")
    from atomloom.portfolio.block_bootstrap import LEAST_BLOCKS  # noqa: PLC0415 - only with a verdict

    length = drawn_length(n) if block_length is None else block_length
    if isinstance(length, bool) or not isinstance(length, int) or length < 1:
        raise BadInput(f"block_length is {length!r}. Hint: rows of a block, at least 1.")
    return (n_blocks if n >= 2 * n_blocks else 0), (length if n // length >= LEAST_BLOCKS else 0)


def _verdict_numbers(n_boot: Any, alpha: Any, n_trials: Any) -> None:
    for name, value in (("n_boot", n_boot), ("n_trials", n_trials)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1):
            raise BadInput(f"{name} is {value!r}. Hint: a whole number of at least 1.")
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 1.0 / (n_boot + 1.0) <= alpha < 1.0:
        seen = f"alpha is {alpha!r}, and {n_boot:,} samples tell probabilities from {1.0 / (n_boot + 1.0):.3g} on"
        raise BadInput(f"{seen}. Hint: a number below 1; more samples (n_boot) for a smaller one.")


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


def _costs(asset_costs: Any, n_assets: int) -> Any:
    if asset_costs is None:
        return None
    try:
        found = np.asarray(asset_costs, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"asset_costs are no numbers ({error}). Hint: {n_assets} of them.") from error
    if found.shape != (n_assets,) or not np.isfinite(found).all() or (found < 0).any():
        seen = f"asset_costs has shape {found.shape}"
        raise BadInput(f"{seen}. Hint: {n_assets} finite numbers at or above 0, one for each asset.")
    return found


def _one_of(value: Any, known: tuple[str, ...], name: str) -> None:
    if value not in known:
        raise BadInput(f"{name} is {value!r}. Hint: one of {', '.join(known)}.")


def _positive(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise BadInput(f"{name} is {value!r}. Hint: a number above 0.")
    return float(value)


def _rate(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -0.5 < value < 1.0:
        raise BadInput(f"{name} is {value!r}. Hint: interest of a row, as a share (0.0001 is one basis point).")
    return float(value)
