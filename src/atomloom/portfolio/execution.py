"""How a portfolio is traded: the parameters of execution, their defaults, and what each may be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.method_table import check_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

CALENDARS = ("none", "week", "month", "quarter", "year")
"""Calendars, by the number that kernels know them by: trading is open on the last row of each period."""
_TRADE = {"target": 1.0, "band": 0.0}


@dataclass(frozen=True)
class ExecutionParameter:
    """One parameter of execution.

    Attributes
    ----------
    name : str
    default : object
    summary : str
    kind : {"number", "count", "flag", "calendar", "trade"}
    least, most : float
        Bounds of a number or count, both included.

    Examples
    --------
    >>> EXECUTION["threshold"].coded(np.array([0.05, np.inf]))
    array([0.05,  inf])
    >>> EXECUTION["interval"].coded([21, 0])
    Traceback (most recent call last):
    atomloom.errors.BadInput: interval is 0. Hint: give a whole number of at least 1.
    """

    name: str
    default: Any
    summary: str
    kind: str
    least: float = 0.0
    most: float = math.inf

    def coded(self, values: Any) -> NDArray[np.float64]:
        """Values of many configurations as the numbers that kernels take.

        Raises
        ------
        BadInput
            For the first value that is none.
        """
        if self.kind == "calendar":
            return np.array([self._calendar(value) for value in values], dtype=np.float64)
        if self.kind == "trade":
            return np.array([self._trade(value) for value in values], dtype=np.float64)
        found = self._numbers(values)
        numbers = found.astype(np.float64)
        bad = ~((numbers >= self.least) & (numbers <= self.most))
        if self.kind == "count":
            bad |= numbers != np.floor(numbers)
        if bad.any():
            seen = found[int(np.flatnonzero(bad)[0])]
            raise BadInput(f"{self.name} is {seen}. Hint: {self._wanted()}.")
        return numbers

    def _numbers(self, values: Any) -> NDArray[Any]:
        """Take an array of numbers, or of flags; nothing that could be read as one."""
        if not isinstance(values, np.ndarray):
            for value in values:
                self._one(value)
        try:
            found = np.asarray(values)
        except ValueError as error:
            raise BadInput(f"{self.name} is no number ({error}). Hint: {self._wanted()}.") from error
        if found.ndim != 1:
            raise BadInput(f"{self.name} is {values[0]!r}. Hint: {self._wanted()}; a Grid takes several.")
        if found.dtype.kind not in ("b" if self.kind == "flag" else "iuf"):
            for value in found:
                self._one(value)
        return found

    def _one(self, value: Any) -> None:
        """Refuse a value that is of another kind."""
        flag = isinstance(value, bool | np.bool_)
        if self.kind == "flag" and not flag:
            raise BadInput(f"{self.name} is {value!r}. Hint: {self._wanted()}.")
        if self.kind != "flag" and (flag or not isinstance(value, int | float | np.integer | np.floating)):
            text = "no number" if isinstance(value, str) else "a flag" if flag else f"{type(value).__name__}"
            raise BadInput(f"{self.name} is {text} ({value!r}). Hint: {self._wanted()}.")

    def _wanted(self) -> str:
        if self.kind == "flag":
            return "give True or False"
        most = "" if math.isinf(self.most) else f" and at most {self.most:g}"
        return f"give a {'whole ' if self.kind == 'count' else ''}number of at least {self.least:g}{most}"

    def _calendar(self, value: Any) -> int:
        if value is None:
            return 0
        check_names(self.name, (value,), CALENDARS)
        return CALENDARS.index(value)

    def _trade(self, value: Any) -> float:
        if isinstance(value, str):
            check_names(self.name, (value,), _TRADE)
            return _TRADE[value]
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0.0 < value <= 1.0:
            raise BadInput(f"{self.name} is {value!r}. Hint: 'target', 'band', or a share of the way above 0 up to 1.")
        return float(value)


_LIST = (
    ExecutionParameter("threshold", 0.0, "largest drift of a weight from its target that is left alone", "number"),
    ExecutionParameter("relative", False, "the threshold is a share of the target weight", "flag"),
    ExecutionParameter("interval", 21, "rows from one rebalancing to the next, at least", "count", 1.0),
    ExecutionParameter("calendar", None, "rebalance only on the last row of a week, month, ...", "calendar"),
    ExecutionParameter("trade", "target", "how far: to the target, to the band, or a share of the way", "trade"),
    ExecutionParameter("lag", 1, "rows from decision to execution", "count", 0.0, 1e9),
    ExecutionParameter("cost", 0.0, "cost per money traded (0.001 is 10 basis points)", "number", 0.0, 0.999),
    ExecutionParameter("slippage", 0.0, "what the price moves against a trade, as a share of it", "number", 0.0, 0.999),
    ExecutionParameter("fixed_cost", 0.0, "cost of each asset traded, share of starting capital", "number", 0.0, 0.999),
)  # fmt: skip

EXECUTION: Mapping[str, ExecutionParameter] = MappingProxyType({each.name: each for each in _LIST})
"""Parameters of execution by name."""
