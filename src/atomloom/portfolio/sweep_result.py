"""What a sweep found: figures of every configuration, the choice on train rows, and the verdict."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, Infeasible
from atomloom.portfolio.benchmarks import Benchmark, benchmark_of
from atomloom.portfolio.price_layout import many
from atomloom.portfolio.simulate import simulate
from atomloom.portfolio.sweep_table import FIGURES

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.portfolio.asking import Asked
    from atomloom.portfolio.configs import Configs
    from atomloom.portfolio.path_measures import PathMetrics
    from atomloom.portfolio.prices import Prices
    from atomloom.portfolio.ranges import SplitRanges
    from atomloom.portfolio.selection import Selection
    from atomloom.portfolio.sweep_plan import Market
    from atomloom.portfolio.sweep_work import SweepJob

    Reals = NDArray[np.float64]

_LESS_IS_BETTER = ("max_drawdown", "drawdown_rows", "volatility", "turnover", "costs", "trades")
STATUS = ("ok", "failed", "ruined")


@dataclass(frozen=True, eq=False)
class PortfolioPath:
    """One configuration, row by row; computed again when asked for.

    Attributes
    ----------
    config : dict
    returns, values : (n,) float64
        Returns after costs, and the value after each of them; 1 at the beginning.
    times : (n,) int64 or None
        End of each return, ns UTC.
    periods_per_year : float

    Examples
    --------
    >>> from atomloom.portfolio import sweep
    >>> prices = [[1.0, 1.0], [2.0, 1.0], [2.0, 3.0], [2.0, 3.0]]
    >>> path = sweep(prices, {"method": "equal_weight", "lag": 0, "interval": 1}).path(0)
    >>> path.values, round(path.metrics().total_return, 4)
    (array([1.5, 3. , 3. ]), 2.0)
    """

    config: dict[str, Any]
    returns: Reals
    values: Reals
    times: NDArray[np.int64] | None
    periods_per_year: float

    def metrics(self, **options: Any) -> PathMetrics:
        """All measures of the path, see :func:`path_metrics`."""
        from atomloom.portfolio.metrics import path_metrics  # noqa: PLC0415 - not before it is asked for

        return path_metrics(self.returns, **({"periods_per_year": self.periods_per_year} | options))


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult:
    """Every configuration's figures, the choice among them, and the verdict; made by :func:`sweep`.

    Attributes
    ----------
    prices : Prices
    configs : Configs
    asked : Asked
        What each configuration asks for.
    job : SweepJob
        What was worked: everything needed to work a configuration again.
    splits : SplitRanges or None
    beaten : str, mapping or array
        What configurations are compared with, as it was given.
    market : Market
    figures : (len(FIGURES), C) float64
        See :func:`atomloom.portfolio.sweep_table.figures_of`; nan where a configuration failed.
    sums : (4, C) float64
        Sums of the first four powers of returns.
    ruined : (C,) float64
        Price row at which everything was lost, or -1.
    split_sums, block_sums : (2, G, C) float64
        Sums of returns and of their squares by segment of the splits, and by block of CSCV.
    t : (C,) float64
        Studentised mean return above the benchmark's.
    maxima : (leaves, B) float64
        Largest t of each leaf in each bootstrap sample.
    failures : dict of int to str
        Why a table of targets is not there.
    n_trials : int or None
        Trials to be counted, where there were more than these.
    settings : dict
        Level, seed and the like.
    seconds : dict of str to float
        Of each stage.
    verdict : Verdict or None

    Examples
    --------
    >>> from atomloom.portfolio import sweep
    >>> prices = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, (300, 2)), axis=0))
    >>> found = sweep(prices, [{"method": "equal_weight", "interval": k} for k in (1, 5, 21)])
    >>> found, found.n_returns, found.status.tolist()
    (SweepResult(3 configurations, 298 returns, no splits), 298, ['ok', 'ok', 'ok'])
    """

    prices: Prices
    configs: Configs
    asked: Asked
    job: SweepJob
    splits: SplitRanges | None
    beaten: Any
    market: Market
    figures: Reals
    sums: Reals
    ruined: Reals
    split_sums: Reals
    block_sums: Reals
    t: Reals
    maxima: Reals
    failures: dict[int, str]
    n_trials: int | None
    settings: dict[str, Any]
    seconds: dict[str, float]
    verdict: Any = None

    def __len__(self) -> int:
        return self.configs.size

    @property
    def n_returns(self) -> int:
        """Returns that each configuration was judged by."""
        return int(self.job.cuts.all[-1])

    @property
    def times(self) -> NDArray[np.int64] | None:
        """End of each return, ns UTC."""
        return None if self.prices.times is None else self.prices.times[self.job.field.start + 1 :]

    @cached_property
    def benchmark(self) -> Benchmark:
        """What configurations are compared with."""
        job = self.job
        return benchmark_of(self.beaten, self.prices, job.field.start, job.cuts, job.periods_per_year, self.market)

    @cached_property
    def codes(self) -> NDArray[np.int8]:
        """Status of each configuration, as a place in ``STATUS``."""
        found = np.where(self.ruined >= 0, 2, 0).astype(np.int8)
        found[np.isnan(self.sums[0])] = 1
        return found

    @property
    def status(self) -> NDArray[np.str_]:
        """Status of each configuration: "ok", "failed" or "ruined"."""
        return np.array(STATUS)[self.codes]

    def figure(self, name: str) -> Reals:
        """One figure of all configurations, (C,)."""
        if name not in FIGURES:
            raise BadInput(f"a figure is {name!r}. Hint: one of {', '.join(FIGURES)}.")
        values: Reals = self.figures[FIGURES.index(name)]
        return values

    def error(self, place: int) -> str | None:
        """Why a configuration failed; None if it did not."""
        return self.failures.get(int(self.asked.table[place])) if self.codes[place] == 1 else None

    def order(self, by: str = "sharpe") -> NDArray[np.int64]:
        """Order configurations from the best to the worst, failed ones left out; equals in the order given."""
        values = self.figure(by)
        rank = np.where(np.isnan(values), -np.inf, -values if by in _LESS_IS_BETTER else values)
        found = np.argsort(-rank, kind="stable")
        kept: NDArray[np.int64] = found[~np.isnan(self.sums[0][found])]
        return kept

    @cached_property
    def best(self) -> int:
        """Configuration with the highest Sharpe ratio, the first among equals.

        Raises
        ------
        Infeasible
            If all failed.
        """
        worked = np.flatnonzero(~np.isnan(self.sums[0]))
        if not len(worked):
            raise Infeasible("every configuration failed. Hint: .error(0) says why.")
        sharpe = self.figure("sharpe")[worked]
        return int(worked[np.argmax(np.where(np.isnan(sharpe), -np.inf, sharpe))])

    def top(self, k: int = 10, by: str = "sharpe") -> pd.DataFrame:
        """Show the best k configurations as a table: parameters and figures."""
        return self.to_frame(self.order(by)[:k])

    def path(self, place: int) -> PortfolioPath:
        """Simulate a configuration again and give its path: the same bits as in the sweep.

        Raises
        ------
        BadInput
            If it failed, or there is none of that number.
        """
        if isinstance(place, bool) or not isinstance(place, int | np.integer):
            raise BadInput(f"configuration {place!r} is none. Hint: its number, 0 to {len(self) - 1:,}.")
        if not 0 <= place < len(self):
            raise BadInput(f"configuration {place:,} of {len(self):,}. Hint: 0 to {len(self) - 1:,}.")
        if self.codes[place] == 1:
            raise BadInput(f"configuration {place:,} failed: {self.error(place)}")
        job = self.job
        rows, table = self.asked.rows[:, [place]], self.asked.table[[place]]
        values = simulate(job.field, rows, table, keep_path=True)[2][:, 0]
        before = np.concatenate([[1.0], values[:-1]])
        return PortfolioPath(self.configs[place], (values - before) / before, values, self.times, job.periods_per_year)

    @cached_property
    def selection(self) -> Selection:
        """What is chosen on the train rows of each split, and how it does on the test rows.

        Raises
        ------
        BadInput
            If there were no splits.
        """
        if self.splits is None:
            raise BadInput("there were no splits. Hint: sweep(..., splits=WalkForward(...)).")
        from atomloom.portfolio.selection import select  # noqa: PLC0415 - only with splits

        n = np.diff(self.job.cuts.splits)
        s1, s2 = self.split_sums
        return select(s1, s2, n, self.splits.segments(), threads=self.settings["num_threads"])

    def walk(self, path: int = 0) -> PortfolioPath:
        """Stitch test windows together, each served by the configuration that was best on its train rows.

        Parameters
        ----------
        path : int
            Which of the paths, where splits make several (cross-validation by combinations).

        Raises
        ------
        BadInput
            If there were no splits, or there is no such path.

        Notes
        -----
        Rows that no test window has are left out; of windows that overlap the later one counts. Changing from one
        winner to the next is not charged.
        """
        chosen = self.selection.winners
        splits: Any = self.splits
        served = np.full(self.n_returns, -1, dtype=np.int64)
        if splits.path_of is None:
            for k, place in enumerate(chosen):
                served[splits.test(k)] = place
        elif 0 <= path < splits.n_paths:
            for fold, split in enumerate(splits.path_of[path]):
                served[splits.folds[fold] : splits.folds[fold + 1]] = chosen[split]
        else:
            raise BadInput(f"path is {path}. Hint: 0 to {splits.n_paths - 1:,}.")
        returns = np.full(self.n_returns, np.nan)
        winners = np.unique(served[served >= 0])
        for place in winners:
            own = served == place
            returns[own] = self.path(int(place)).returns[own]
        rows = np.flatnonzero(served >= 0)
        times = None if self.times is None else self.times[rows]
        held = {"method": "walk", "winners": winners.tolist()}
        values: Any = np.cumprod(1.0 + returns[rows])
        return PortfolioPath(held, returns[rows], values, times, self.job.periods_per_year)

    def judged(self) -> SweepResult:
        """Add the verdict, and the time it took."""
        from atomloom.portfolio.sweep_verdict import verdict_of  # noqa: PLC0415 - only with a verdict

        began = time.perf_counter()
        found = verdict_of(self)
        spent = {"verdict": time.perf_counter() - began}
        return replace(self, verdict=found, seconds=self.seconds | spent)

    def to_frame(self, places: Any = None) -> pd.DataFrame:
        """Parameters, status and figures of all configurations, or some."""
        rows = np.arange(len(self)) if places is None else np.asarray(places)
        found = self.configs.to_frame(rows)
        found["status"] = self.status[rows]
        for name, values in zip(FIGURES, self.figures, strict=True):
            found[name] = values[rows]
        return found.rename_axis("config")

    def ledger(self) -> dict[str, int]:
        """How many trials there were: each configuration counts, whatever became of it.

        ``different`` leaves out repetitions; ``excluded`` is what a constraint left out: it was never tried;
        ``pruned`` were asked for and not simulated; ``before`` are those of earlier searches, as a ledger has them;
        ``counted`` are the trials that the verdict reckons with.
        """
        kinds = np.bincount(self.codes, minlength=len(STATUS))
        found = {name: int(kinds[k]) for k, name in enumerate(STATUS)}
        told = {"configurations": len(self), "different": self._different(), **found}
        told["excluded"] = self.configs.n_excluded
        told |= {name: int(self.settings[name]) for name in ("pruned", "before") if name in self.settings}
        told["counted"] = max(len(self), self.n_trials or 0)
        return told

    def _different(self) -> int:
        mixed = np.zeros(len(self), dtype=np.uint64)
        for row in (*self.asked.rows, self.asked.table.astype(np.float64)):
            bits = np.ascontiguousarray(row, dtype=np.float64).view(np.uint64)
            mixed = (mixed ^ bits) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        return len(np.unique(mixed))

    def digest(self) -> str:
        """SHA-256 of all figures and sums: equal for equal sweeps, whatever worked them, and however trials count."""
        mixed = hashlib.sha256()
        for part in (self.figures, self.sums, self.ruined, self.split_sums, self.block_sums, self.t, self.maxima):
            mixed.update(np.ascontiguousarray(part).tobytes())
        return mixed.hexdigest()

    def notes(self) -> list[str]:
        """Tell what a reader should know of how the sweep was set up: train rows that test windows reach, say."""
        if self.splits is None:
            return []
        told = ["a change from one window's winner to the next is not charged"]
        from atomloom.portfolio.leaks import least_gap  # noqa: PLC0415 - only with splits

        gap = least_gap(self.splits)
        specs = [self.asked.specs[k] for k in np.unique(self.asked.table[self.job.order])] if self.asked.specs else []
        reach = max((spec.history for spec in specs if not isinstance(spec, str)), default=0)
        if gap is None or gap >= reach:
            return told
        seen = f"train rows begin {gap:,} rows behind a test window, and targets look back over {reach:,}"
        return [
            *told,
            f"{seen}: the first were made from test prices. Hint: embargo={reach} of the splitter leaves them out",
        ]

    def summary(self) -> str:
        """Say in some lines what was tried, what came out, and what it is worth."""
        told = self.ledger()
        over = f"{self.n_returns:,} returns of {many(self.prices.n_assets, 'asset')}"
        lines = [
            f"{many(len(self), 'configuration')} over {over}"
            + (f": {told['failed']:,} failed" if told["failed"] else "")
            + (f", {told['ruined']:,} lost everything" if told["ruined"] else "")
        ]
        k = self.best
        sharpe = self.figure("sharpe")[k]
        told_best = "no Sharpe ratio, as nothing varies" if np.isnan(sharpe) else f"Sharpe ratio {sharpe:.2f} a year"
        lines.append(f"best in sample: {self.configs.label(k)}: {told_best}")
        if self.splits is not None:
            lines += self.selection.summary().split("\n") + self.notes()
        if self.verdict is not None:
            lines += self.verdict.summary().split("\n")
        elif self.settings.get("verdict") and not self.settings["block_length"]:
            lines.append(f"no verdict: {self.n_returns:,} returns are too few (a bootstrap needs 20 blocks)")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Summary, ledger, best configurations and verdict as plain values."""
        k = self.best
        return {
            "ledger": self.ledger(),
            "best": {"config": k, "label": self.configs.label(k)}
            | {name: float(values[k]) for name, values in zip(FIGURES, self.figures, strict=True)},
            "benchmark": self.benchmark.name,
            "n_returns": self.n_returns,
            "notes": self.notes(),
            "selection": None if self.splits is None else self.selection.to_dict(),
            "verdict": None if self.verdict is None else self.verdict.to_dict(),
            "digest": self.digest(),
            "settings": {name: value for name, value in self.settings.items() if name != "num_threads"},
        }

    def __repr__(self) -> str:
        splits = "no splits" if self.splits is None else f"{self.splits.n_splits:,} splits"
        return f"SweepResult({len(self):,} configurations, {self.n_returns:,} returns, {splits})"

    def _repr_html_(self) -> str:
        return "".join(f"<p>{line}</p>" for line in self.summary().split("\n"))
