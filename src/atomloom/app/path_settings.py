"""The spec of `trajectory`: what a problem file and --config hold, and how they become a problem."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from atomloom.trajectory.problem import TrajectoryProblem

_OF_PRICES = ("prices", "columns", "window", "step", "shrink", "returns")
_OF_DRAWN = ("cost_scale", "rank")


@dataclass(frozen=True)
class ProblemSource:
    """A problem: by its own numbers, from prices, or, with neither, drawn at random.

    Attributes
    ----------
    mu : list
        Expected returns: a list of N numbers for each horizon.
    cov : list
        Covariances: for each horizon a list of N lists of N numbers.
    cost : number or list
        Scale of the costs: one number, one for each asset, or N for each horizon; of a table the cost of every change.
    prices : str
        Instead of mu and cov, a CSV file with a column for each asset and a row for each day, dates first if there are
        any. Its place is seen from the problem file.
    columns : list
        Which columns of it; empty for all, or as many as assets.
    window : int
        Rows that a horizon is estimated from: those before it begins.
    step : int or None
        Rows of a horizon; unset, as many as the window has.
    shrink : float
        By how much covariances (not variances) are shrunk, 0 to 1.
    returns : str
        "simple" or "log".
    assets, horizons : int or None
        How many: of prices all columns and 12 horizons where unset, of a random problem 3 and 3.
    cost_scale : float
        Largest cost of a random problem.
    rank : int or None
        Rank of its covariances; unset, full.
    units : int
        How many units are allocated in each horizon.
    names : list
        Names of the assets, for tables and figures; of prices those of the columns.
    w0, terminal : list
        Weights held before the first horizon, and those to end with; empty for nothing, and for any.
    cost_fn : str
        "sqrt", "linear", "quadratic" or "table".
    bounds : list
        Least and largest weight, [low, high], or lists of N of them; empty for none.
    objective : str
        "sharpe" or "mean_variance".
    risk_aversion : float or None
        Of mean_variance.

    Examples
    --------
    >>> ProblemSource(assets=2).kind
    'random'
    """

    mu: tuple[Any, ...] = ()
    cov: tuple[Any, ...] = ()
    cost: Any = None
    prices: str = ""
    columns: tuple[str, ...] = ()
    window: int = 252
    step: int | None = None
    shrink: float = 0.1
    returns: str = "simple"
    assets: int | None = None
    horizons: int | None = None
    cost_scale: float = 0.1
    rank: int | None = None
    units: int = 6
    names: tuple[str, ...] = ()
    w0: tuple[Any, ...] = ()
    terminal: tuple[Any, ...] = ()
    cost_fn: str = "sqrt"
    bounds: tuple[Any, ...] = ()
    objective: str = "sharpe"
    risk_aversion: float | None = None

    def __post_init__(self) -> None:
        for name in ("assets", "horizons", "rank", "step"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise BadInput(f"{name} is {value!r}. Hint: give a whole number of at least 1.")
        for name in ("objective", "cost_fn", "returns"):
            if not isinstance(getattr(self, name), str):
                raise BadInput(f"{name} is {getattr(self, name)!r}. Hint: give one of the words of --print-config.")
        if self.mu and self.prices:
            raise BadInput("mu and prices are two ways to state a problem. Hint: give one of them.")
        if bool(self.mu) != bool(self.cov):
            raise BadInput("mu and cov come together. Hint: give both, or prices, or neither for a random problem.")
        if self.cost_fn == "table" and self.kind != "given":
            raise BadInput("a table of costs needs mu and cov of its own. Hint: give them, or another cost_fn.")
        idle: dict[str, tuple[str, ...]] = {
            "given": (*_OF_PRICES, *_OF_DRAWN, "assets", "horizons"),
            "prices": _OF_DRAWN,
            "random": (*_OF_PRICES, "cost"),
        }
        for name in idle[self.kind]:
            if getattr(self, name) != ProblemSource.__dataclass_fields__[name].default:
                raise BadInput(f"{name} says nothing to {self._story}. Hint: leave it out.")
        if self.kind != "random" and self.cost is None:
            raise BadInput("cost is not given. Hint: give a number, for example cost = 0.001; 0 for none.")

    @property
    def kind(self) -> str:
        """Where the numbers come from: "given", "prices" or "random"."""
        return "given" if self.mu else "prices" if self.prices else "random"

    @property
    def _story(self) -> str:
        return {"given": "a problem with its own mu", "prices": "a problem from prices", "random": "a random problem"}[
            self.kind
        ]

    def beside(self, file: Path) -> ProblemSource:
        """Give the same with prices seen from where the shell is, not from the problem file.

        Examples
        --------
        >>> ProblemSource(prices="p.csv", cost=0).beside(Path("data/problem.toml")).prices
        'data/p.csv'
        """
        return replace(self, prices=str(file.parent / self.prices)) if self.prices else self

    def problem(self, seed: int) -> tuple[TrajectoryProblem, list[str]]:
        """Make the problem, and name its assets.

        Raises
        ------
        BadInput
            The numbers are no problem, or the file of prices is none.
        """
        from atomloom.trajectory import (  # noqa: PLC0415 - --help owes nobody numpy
            TrajectoryProblem,
            problem_from_prices,
            random_problem,
        )

        names = ("w0", "terminal", "bounds")
        more: dict[str, Any] = {name: list(getattr(self, name)) for name in names if getattr(self, name)}
        more |= {"cost_fn": self.cost_fn, "objective": self.objective, "risk_aversion": self.risk_aversion}
        if self.kind == "random":
            made = random_problem(
                self.assets or 3, self.horizons or 3, self.units, seed=seed, cost_scale=self.cost_scale,
                rank=self.rank, **more,
            )  # fmt: skip
        elif self.kind == "prices":
            table = _prices(Path(self.prices), self.columns, self.assets)
            made = problem_from_prices(
                table, horizons=self.horizons or 12, window=self.window, units=self.units, cost=self.cost,
                step=self.step, shrink=self.shrink, returns=self.returns, **more,
            )  # fmt: skip
            return made, self._named([str(name) for name in table.columns])
        else:
            made = TrajectoryProblem(list(self.mu), list(self.cov), _cost(self.cost), self.units, **more)  # type: ignore[arg-type]  # lists are taken
        return made, self._named([f"asset {n + 1}" for n in range(made.assets)])

    def _named(self, names: list[str]) -> list[str]:
        if self.names and len(self.names) != len(names):
            raise BadInput(f"names has {len(self.names)} entries for {len(names)} assets. Hint: name each.")
        return list(self.names) or names


@dataclass(frozen=True)
class TrajectorySettings:
    """Settings of ``atomloom trajectory``.

    Attributes
    ----------
    method : str
        "auto", "exact", "brute", "beam", "coordinate", "genetic" or "anneal" (the last needs extra `anneal`).
    time_limit : float or None
        Seconds after which the best path so far is taken.
    memory : str
        Most memory to take, for example "2GB"; empty for what is free.
    compare : bool
        Set other ways to choose a path beside it: the book's static weights, those on the grid, and heuristics.
    problem : ProblemSource
        What is to be solved.

    Examples
    --------
    >>> TrajectorySettings().method
    'auto'
    """

    method: str = "auto"
    time_limit: float | None = None
    memory: str = ""
    compare: bool = False
    problem: ProblemSource = field(default_factory=ProblemSource)

    def __post_init__(self) -> None:
        from atomloom._choices import check_choice  # noqa: PLC0415 - same
        from atomloom.trajectory.solver import METHODS  # noqa: PLC0415 - same

        check_choice("method", self.method, METHODS)
        if self.time_limit is not None and not self.time_limit > 0:
            raise BadInput(f"time_limit is {self.time_limit!r}. Hint: give seconds above 0.")
        if self.memory:
            from atomloom.engine.budget import parse_size  # noqa: PLC0415 - only where asked

            parse_size(self.memory)


def written(problem: TrajectoryProblem, names: Sequence[str]) -> ProblemSource:
    """Give a problem as a spec that holds all its numbers, whatever it was made from.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> len(written(random_problem(3, 2, 2), "abc").mu)
    2
    """
    found = problem.to_dict()
    bare = not any(found["w0"])
    return ProblemSource(
        mu=tuple(found["mu"]), cov=tuple(found["cov"]), cost=found["cost"], units=problem.units, names=tuple(names),
        w0=() if bare else tuple(found["w0"]), terminal=tuple(found["terminal"] or ()), cost_fn=problem.cost_fn,
        bounds=tuple(found["bounds"] or ()), objective=problem.objective, risk_aversion=problem.risk_aversion,
    )  # fmt: skip


def _cost(cost: Any) -> Any:
    """Take what TOML gave; text is no cost."""
    if isinstance(cost, str | bool):
        raise BadInput(f"cost is {cost!r}. Hint: give a number, or lists of numbers.")
    return cost


def _prices(file: Path, columns: Sequence[str], assets: int | None) -> pd.DataFrame:
    """Read a table of prices; a first column that is no number tells the rows apart and is left out."""
    import pandas as pd  # noqa: PLC0415 - heavy, and only wanted here

    try:
        table = pd.read_csv(file)
    except (ValueError, UnicodeDecodeError) as error:  # pandas' errors of parsing are ValueErrors
        raise BadInput(f"{file} is no CSV table: {error}. Hint: a column for each asset, a row for each day.") from None
    if table.shape[1] and not pd.api.types.is_numeric_dtype(table.dtypes.iloc[0]):
        table = table.iloc[:, 1:]
    for name in columns:
        if name not in table.columns:
            raise BadInput(f"{file} has no column {name!r}. Hint: it has {', '.join(map(str, table.columns[:30]))}.")
    table = table[list(columns)] if columns else table
    if assets is not None and assets > table.shape[1]:
        raise BadInput(f"assets is {assets}, and {file} has {table.shape[1]} columns of prices. Hint: ask for fewer.")
    return table.iloc[:, :assets]
