"""The spec of `sweep`: what --config reads and --print-config prints, and the grids that are tried without one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from atomloom.errors import BadInput

SPLITS = ("walk_forward", "cpcv", "kfold", "none")
_DAYS = 365
_NUMBERED = {"numbered": True}  # rows are a number in TOML, too
_TABLES = {"tables": True}

QUICK: tuple[dict[str, Any], ...] = (
    {
        "method": ["inverse_volatility", "minimum_variance", "time_series_momentum"], "lookback": [63, 126, 252],
        "threshold": [0.0, 0.05], "interval": [21, 63], "cost": [0.0005, 0.001],
    },
    {
        "method": ["momentum"], "lookback": [63, 126, 252], "top": [3], "threshold": [0.0, 0.05], "interval": [21, 63],
        "cost": [0.0005, 0.001],
    },
)  # fmt: skip
_LOOKBACKS = [21, 42, 63, 84, 126, 189, 252, 504]
_EXECUTION: dict[str, Any] = {
    "threshold": [0.0, 0.01, 0.02, 0.05, 0.1], "interval": [5, 10, 21, 42, 63, 126], "cost": [0.0005, 0.001, 0.002],
}  # fmt: skip
FULL: tuple[dict[str, Any], ...] = (
    {"method": ["equal_weight"], **_EXECUTION},
    {
        "method": ["inverse_volatility", "minimum_variance", "maximum_sharpe", "time_series_momentum"],
        "lookback": _LOOKBACKS, **_EXECUTION,
    },
    {"method": ["mean_variance"], "lookback": _LOOKBACKS, "risk_aversion": [2.0, 5.0, 10.0], **_EXECUTION},
    {"method": ["momentum"], "lookback": _LOOKBACKS[1:], "top": [2, 3, 5, 8], "skip": [0, 21], **_EXECUTION},
    {
        "method": ["inverse_volatility", "time_series_momentum"], "lookback": [63, 126, 252],
        "volatility_target": [0.1, 0.15], "max_leverage": [1.5], **_EXECUTION,
    },
)  # fmt: skip


@dataclass(frozen=True)
class PriceSource:
    """Which prices to take from the file, and how to read them.

    Attributes
    ----------
    timeframe : str
        Keep the last price of each period: "1d", "1h", "30min", "1w"; empty to take rows as they are (days of a store).
    assets : list
        Which assets, in which order; empty for all.
    missing : str
        Where an asset has no price: "refuse"; "start" with the first row at which all have one; "fill" later gaps with
        the price before, too; "drop" every row in which one is missing. Empty is "start", as long as that leaves out
        less than half of the rows.
    start, end : str
        Only rows from ``start`` on and before ``end``, UTC; empty where open.
    tz : str
        Time zone (IANA name) of times that carry no offset, and of days; empty for UTC.
    time, symbol, price : str
        Names of the columns, where they do not tell.

    Examples
    --------
    >>> PriceSource(time="Day").columns
    {'time': 'Day'}
    """

    timeframe: str = ""
    assets: tuple[str, ...] = ()
    missing: str = ""
    start: str = ""
    end: str = ""
    tz: str = ""
    time: str = ""
    symbol: str = ""
    price: str = ""

    @property
    def columns(self) -> dict[str, str]:
        """Columns that are named."""
        return {name: value for name in ("time", "symbol", "price") if (value := getattr(self, name))}


@dataclass(frozen=True)
class SplitSettings:
    """On which rows the best configuration is chosen, and on which it is tested.

    Attributes
    ----------
    kind : str
        "walk_forward"; "cpcv", every combination of folds; "kfold"; or "none".
    window_days : float
        Length of a test window in calendar days. (walk_forward)
    test_windows : int or None
        How many of them, the last ones of the data; unset, 5, or as many as fit. (walk_forward)
    train_days : float or None
        Length of the train window before each; unset, three test windows, or less where the data are shorter.
        (walk_forward)
    expanding : bool
        Train on all rows before the test window. (walk_forward)
    n_folds, n_test_folds : int
        Folds, and how many of them test at a time. (cpcv; kfold has one)
    purge, embargo : str
        Gap between train and test, and a further one behind it: rows, or a duration such as "5D". An embargo of "auto"
        is as long as targets look back, where train rows lie behind test rows (cpcv, kfold).

    Examples
    --------
    >>> SplitSettings(kind="walkforward")
    Traceback (most recent call last):
    atomloom.errors.BadInput: kind of splits is 'walkforward'. Hint: did you mean 'walk_forward'? One of ...
    """

    kind: str = "walk_forward"
    window_days: float = float(_DAYS)
    test_windows: int | None = None
    train_days: float | None = None
    expanding: bool = False
    n_folds: int = 10
    n_test_folds: int = 2
    purge: str = field(default="0", metadata=_NUMBERED)
    embargo: str = field(default="auto", metadata=_NUMBERED)

    def __post_init__(self) -> None:
        from atomloom.portfolio.method_table import check_names  # noqa: PLC0415 - --help owes nobody numpy

        check_names("kind of splits", (self.kind,), SPLITS)
        for name in ("window_days", "train_days"):
            days: Any = getattr(self, name)
            if days is not None and (isinstance(days, bool) or not isinstance(days, int | float) or not 0 < days < 1e6):
                raise BadInput(f"{name} is {days!r}. Hint: give days above 0.")
        windows: Any = self.test_windows
        if windows is not None and (isinstance(windows, bool) or not isinstance(windows, int) or windows < 1):
            raise BadInput(f"test_windows is {windows!r}. Hint: a whole number of at least 1.")

    def gap(self, name: str, auto: int = 0) -> Any:
        """Give the purge or the embargo as a splitter takes it; `auto` is what "auto" stands for.

        Examples
        --------
        >>> SplitSettings(purge="5").gap("purge"), SplitSettings(embargo="5D").gap("embargo")
        (5, '5D')
        """
        text = str(getattr(self, name)).strip()
        if text == "auto":
            return auto
        return int(text) if text.isdigit() else text


@dataclass(frozen=True)
class VerdictSettings:
    """How the best is judged.

    Attributes
    ----------
    n_blocks : int
        Blocks of the probability of backtest overfitting (CSCV), an even number.
    n_boot : int
        Samples of the bootstrap.
    block_length : int or None
        Rows of a drawn block; unset, about a hundred blocks.
    alpha : float
        Probability of a single false survivor that is accepted.
    n_trials : int or None
        Trials to be counted, where more than these were made on the same prices.
    ledger : str
        File that counts all trials made on the same prices over time, and is written to; empty for none.
    """

    n_blocks: int = 16
    n_boot: int = 1000
    block_length: int | None = None
    alpha: float = 0.05
    n_trials: int | None = None
    ledger: str = ""

    def __post_init__(self) -> None:
        if self.n_blocks < 2 or self.n_blocks % 2:
            raise BadInput(f"n_blocks is {self.n_blocks}. Hint: an even number of at least 2.")
        if self.n_boot < 1:
            raise BadInput(f"n_boot is {self.n_boot}. Hint: at least 1; 1000 are usual.")
        if not 0.0 < self.alpha < 1.0:
            raise BadInput(f"alpha is {self.alpha}. Hint: a probability, for example 0.05.")


@dataclass(frozen=True)
class RandomSettings:
    """Configurations drawn at random, beside those of the grids or instead of them.

    Attributes
    ----------
    n : int
        How many; 0 for none.
    space : table
        For each parameter a list to choose from, one value, or a range {low = 21, high = 252, log = true}.
    """

    n: int = 0
    space: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "space", json_safe(self.space))
        if bool(self.n) != bool(self.space):
            raise BadInput("[random] needs both n and [random.space]. Hint: n = 1000 and a parameter or more.")


@dataclass(frozen=True)
class SweepSettings:
    """Settings of `atomloom sweep`.

    Attributes
    ----------
    quick : bool
        A grid of about 100 configurations; without it that of some 11,000. Neither where there are grids of one's own.
    verify : bool
        Sweep again with one thread, compare every bit, and measure what the threads bring.
    top : int
        How many of the best are drawn and listed.
    benchmark : str
        What a configuration must beat to survive: "equal_weight", "buy_and_hold" or "cash".
    own_benchmark : table
        A configuration to compare with, instead of it.
    state : str
        "carry" positions over the borders of test windows, or "reset": begin each from cash.
    begin : str
        Time of the first entry; empty for the first at which all methods have their history.
    asset_costs : list
        What costs are multiplied with, for each asset; empty for none.
    cash_rate, borrow_rate, risk_free : float
        Interest of a row on cash, and on what is borrowed; return of a row that Sharpe ratios are measured above.
    periods_per_year : float or None
        Rows of a year; unset, as the times have it.
    memory : str
        Most memory that results may take, for example "2GB"; empty for what is free.
    prices : PriceSource
        Which prices, and how to read them.
    splits : SplitSettings
        On which rows the best is chosen, and on which it is tested.
    verdict : VerdictSettings
        How the best is judged.
    random : RandomSettings
        Configurations drawn at random.
    grid : list of tables
        Every combination of the values of each [[grid]]; several are put one after the other. Parameters are those of
        the method, of its overlay (refit, volatility_target, volatility_lookback, max_leverage) and of execution
        (threshold, relative, interval, calendar, trade, lag, cost, slippage, fixed_cost). Only the default grid is cut
        to what the prices have room for; `atomloom sweep DATA --print-config` writes it so.

    Examples
    --------
    >>> SweepSettings(quick=True).filled().n_points
    96
    """

    quick: bool = False
    verify: bool = False
    top: int = 10
    benchmark: str = "equal_weight"
    own_benchmark: dict[str, Any] = field(default_factory=dict)
    state: str = "carry"
    begin: str = ""
    asset_costs: tuple[float, ...] = ()
    cash_rate: float = 0.0
    borrow_rate: float = 0.0
    risk_free: float = 0.0
    periods_per_year: float | None = None
    memory: str = ""
    prices: PriceSource = field(default_factory=PriceSource)
    splits: SplitSettings = field(default_factory=SplitSettings)
    verdict: VerdictSettings = field(default_factory=VerdictSettings)
    random: RandomSettings = field(default_factory=RandomSettings)
    grid: tuple[dict[str, Any], ...] = field(default=(), metadata=_TABLES)

    def __post_init__(self) -> None:
        if self.top < 1:
            raise BadInput(f"top is {self.top}. Hint: at least 1.")
        object.__setattr__(self, "grid", json_safe(self.grid))
        if self.memory:
            from atomloom.engine.budget import parse_size  # noqa: PLC0415 - only where asked

            parse_size(self.memory)
        if not all(self.grid):
            raise BadInput("a [[grid]] is empty. Hint: parameters, each with a list of values.")

    @property
    def own(self) -> bool:
        """Whether there are grids of one's own."""
        return bool(self.grid) or bool(self.random.n)

    @property
    def stock(self) -> bool:
        """Whether the grid is one that is tried where there is none; written to a file and read back it still is."""
        return not self.random.n and self.grid in ((), QUICK, FULL)

    @property
    def n_points(self) -> int:
        """Configurations of all grids and drawn ones."""
        grids = (math.prod(len(_axis(values)) for values in table.values()) for table in self.grid)
        return sum(grids) + self.random.n

    def filled(self) -> SweepSettings:
        """Give the same with the grid that is tried where there is none."""
        from dataclasses import replace  # noqa: PLC0415 - only here

        return self if self.own else replace(self, grid=QUICK if self.quick else FULL)

    def configs(self, seed: int) -> Any:
        """Make the configurations.

        Raises
        ------
        BadInput
            For axes that cannot be.
        """
        from atomloom.portfolio import Grid, RandomSearch, as_configs  # noqa: PLC0415 - --help owes nobody numpy

        axes: list[dict[str, Any]] = [{name: _axis(own) for name, own in table.items()} for table in self.grid]
        parts: list[Any] = [Grid(**table) for table in axes]
        if self.random.n:
            space = {name: _range(name, values) for name, values in self.random.space.items()}
            parts.append(RandomSearch(space, self.random.n, seed))
        return as_configs(parts[0] if len(parts) == 1 else parts)


def fitting(grid: tuple[dict[str, Any], ...], rows: int, assets: int) -> tuple[dict[str, Any], ...]:
    """Give a default grid without what these prices have no room for: lookbacks beyond a quarter of the rows, and tops.

    Examples
    --------
    >>> fitting(({"method": ["momentum"], "lookback": [63, 252], "top": [3, 8]},), 500, 4)
    ({'method': ['momentum'], 'lookback': [63], 'top': [3]},)
    """
    found = []
    for table in grid:
        own = dict(table)
        if "lookback" in own:
            longest = max(2, rows // 4)
            own["lookback"] = [value for value in own["lookback"] if value <= longest] or [longest]
        if "skip" in own:
            own["skip"] = [value for value in own["skip"] if value < min(own["lookback"])]
        if "top" in own:
            own["top"] = [value for value in own["top"] if value < assets] or [max(1, assets // 2)]
        found.append(own)
    return tuple(found)


def _axis(values: Any) -> list[Any]:
    """Take the values of an axis, one or many; a list of numbers for "weights" is one value among them."""
    found = list(values) if isinstance(values, list | tuple) else [values]
    return [_number(value) for value in found]


def _number(value: Any) -> Any:
    """Infinity travels through JSON as a word."""
    return math.inf if value == "inf" else value


def _range(name: str, values: Any) -> Any:
    if not isinstance(values, dict):
        return _axis(values)
    from atomloom.portfolio import Between  # noqa: PLC0415 - only for drawn ones

    unknown = [key for key in values if key not in {"low", "high", "log"}]
    if unknown or not {"low", "high"} <= set(values):
        raise BadInput(f"the range of {name} is {values!r}. Hint: {{low = 21, high = 252}}, with log = true if wanted.")
    return Between(values["low"], values["high"], bool(values.get("log", False)))


def json_safe(grid: Any) -> Any:
    """Write infinity as a word, which JSON has.

    Examples
    --------
    >>> json_safe([{"threshold": [0.1, float("inf")]}])
    [{'threshold': [0.1, 'inf']}]
    """
    if isinstance(grid, dict):
        return {name: json_safe(value) for name, value in grid.items()}
    if isinstance(grid, list | tuple):
        return type(grid)(json_safe(item) for item in grid)
    return "inf" if isinstance(grid, float) and math.isinf(grid) else grid
