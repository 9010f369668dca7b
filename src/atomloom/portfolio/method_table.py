"""Every method by its name: what it does, and the parameters it takes."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_KINDS = {"count": "a whole number", "number": "a number", "flag": "True or False", "choice": "a name"}


@dataclass(frozen=True)
class MethodParameter:
    """One parameter of a method.

    Attributes
    ----------
    name : str
    kind : {"count", "number", "flag", "choice", "weights"}
    default : object
        None where it must be given.
    summary : str
        What it means.
    least, most : float
        Bounds of a count or number, both included.
    above : float, optional
        A bound that is itself too small.
    choices : tuple of str
        Of a choice; of a number, words that stand for one.

    Examples
    --------
    >>> method_info("momentum").parameter("top")
    MethodParameter(top: count = 5)
    """

    name: str
    kind: str
    default: Any
    summary: str
    least: float = -math.inf
    most: float = math.inf
    above: float | None = None
    choices: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is None

    def bounds(self) -> str:
        """Say in words what is allowed."""
        words = [_KINDS.get(self.kind, "a number for each asset")] if self.kind != "choice" else []
        words += [] if self.least == -math.inf else [f"of at least {self.least:g}"]
        words += [] if self.above is None else [f"above {self.above:g}"]
        words += [] if self.most == math.inf else [f"of at most {self.most:g}"]
        either = f"one of {', '.join(self.choices)}" if self.kind == "choice" else " or ".join(map(repr, self.choices))
        return " ".join(words) + (" or " if words and either else "") + either

    def check(self, value: Any, method: str) -> Any:
        """Take a value: a Python int, float, bool, str or tuple of float.

        Raises
        ------
        BadInput
            If it is none that the parameter can have.

        Examples
        --------
        >>> method_info("momentum").parameter("top").check(0, "momentum")
        Traceback (most recent call last):
        atomloom.errors.BadInput: top of momentum is 0. Hint: give a whole number of at least 1.
        """
        found = _taken(self, value)
        if found is None:
            near = difflib.get_close_matches(str(value), self.choices, n=1) if isinstance(value, str) else []
            meant = f"did you mean {near[0]!r}? Give " if near else "give "
            raise BadInput(f"{self.name} of {method} is {_short(value)}. Hint: {meant}{self.bounds()}.")
        return found

    def __repr__(self) -> str:
        given = "" if self.required else f" = {self.default!r}"
        return f"MethodParameter({self.name}: {self.kind}{given})"


def _taken(parameter: MethodParameter, value: Any) -> Any:
    """Give the value as it is kept, or None if it cannot be used."""
    if isinstance(value, str):
        return value if value in parameter.choices else None
    if parameter.kind == "flag":
        return bool(value) if isinstance(value, bool | np.bool_) else None
    if parameter.kind == "weights":
        try:
            row = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError):
            return None
        return tuple(row.tolist()) if row.ndim == 1 and len(row) and np.isfinite(row).all() else None
    whole = isinstance(value, int | np.integer)
    real = whole or isinstance(value, float | np.floating)
    if isinstance(value, bool) or not (whole if parameter.kind == "count" else real) or parameter.kind == "choice":
        return None
    inside = parameter.least <= value <= parameter.most and (parameter.above is None or value > parameter.above)
    if not inside or not math.isfinite(value):
        return None
    return int(value) if parameter.kind == "count" else float(value)


@dataclass(frozen=True)
class MethodInfo:
    """One method: what it does and takes.

    Attributes
    ----------
    name : str
    summary : str
        A line.
    parameters : tuple of MethodParameter
    extra : str or None
        The extra of atomloom that it needs.
    least_rows : int
        Returns that a window must have.

    Examples
    --------
    >>> info = method_info("minimum_variance")
    >>> [parameter.name for parameter in info.parameters], info.extra
    (['lookback', 'long_only', 'shrinkage'], None)
    """

    name: str
    summary: str
    parameters: tuple[MethodParameter, ...] = ()
    extra: str | None = None
    least_rows: int = 0

    def parameter(self, name: str) -> MethodParameter:
        """Give a parameter by its name."""
        check_names(f"a parameter of {self.name}", (name,), [each.name for each in self.parameters])
        return next(each for each in self.parameters if each.name == name)

    def check(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Take parameters, and add the defaults of those that are not given.

        Raises
        ------
        BadInput
            For unknown names, values that cannot be used, and what is missing.

        Examples
        --------
        >>> method_info("momentum").check({"top": 3})
        {'lookback': 252, 'top': 3, 'skip': 0}
        >>> method_info("momentum").check({"lokback": 3})
        Traceback (most recent call last):
        atomloom.errors.BadInput: a parameter of momentum is 'lokback'. Hint: did you mean 'lookback'? One of lookback,
        top, skip.
        """
        check_names(f"a parameter of {self.name}", given, [each.name for each in self.parameters])
        found = {}
        for each in self.parameters:
            if each.required and each.name not in given:
                raise BadInput(f"{self.name} needs {each.name}. Hint: give {each.bounds()}.")
            found[each.name] = each.check(given[each.name], self.name) if each.name in given else each.default
        if found.get("skip", 0) and found["skip"] >= found["lookback"]:
            seen = f"skip of {self.name} is {found['skip']}, and lookback {found['lookback']}"
            raise BadInput(f"{seen}. Hint: skip less than the lookback, or nothing is left.")
        return found

    def __repr__(self) -> str:
        return f"MethodInfo({self.name}: {', '.join(each.name for each in self.parameters) or 'no parameters'})"


def method_info(name: str) -> MethodInfo:
    """Give what a method does and takes.

    Parameters
    ----------
    name : str

    Raises
    ------
    BadInput
        If there is no such method.

    Examples
    --------
    >>> method_info("hrp").summary
    'Hierarchical risk parity: a tree of correlations, halved from the top (AFML ch. 16), by skfolio.'
    >>> method_info("minimal_variance")
    Traceback (most recent call last):
    atomloom.errors.BadInput: a method is 'minimal_variance'. Hint: did you mean 'minimum_variance'? One of fixed, ...
    """
    check_names("a method", (name,), tuple(METHODS))
    return METHODS[name]


def check_names(what: str, given: Iterable[Any], known: Iterable[str]) -> None:
    """Refuse names that are not known.

    Examples
    --------
    >>> check_names("a method", ["hrb"], ["hrp", "cash"])
    Traceback (most recent call last):
    atomloom.errors.BadInput: a method is 'hrb'. Hint: did you mean 'hrp'? One of hrp, cash.
    """
    names = list(known)
    for name in given:
        if isinstance(name, str) and name in names:
            continue
        near = difflib.get_close_matches(str(name), names, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        either = f"One of {', '.join(names)}" if names else "There is none"
        raise BadInput(f"{what} is {name!r}. Hint: {meant}{either}.")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _lookback(least: int) -> MethodParameter:
    return MethodParameter("lookback", "count", 252, "returns that a target is made from", least=least)


_RISKS = (
    "variance", "semi_variance", "standard_deviation", "semi_deviation", "mean_absolute_deviation",
    "first_lower_partial_moment", "cvar", "evar", "worst_realization", "cdar", "max_drawdown", "average_drawdown",
    "edar", "ulcer_index", "gini_mean_difference",
)  # fmt: skip
_OBJECTIVES = ("minimize_risk", "maximize_return", "maximize_utility", "maximize_ratio")
_LONG_ONLY = MethodParameter("long_only", "flag", True, "no weight below 0")
_SHRINKAGE = MethodParameter(
    "shrinkage", "number", 0.0, "share of the mean variance on the diagonal that the covariance is drawn to",
    least=0.0, most=1.0, choices=("ledoit_wolf",),
)  # fmt: skip
_SKIP = MethodParameter("skip", "count", 0, "last returns of the lookback that are left out", least=0)
_RISK = MethodParameter("risk_measure", "choice", "variance", "what counts as risk", choices=_RISKS)
_AVERSION = MethodParameter(
    "risk_aversion",
    "number",
    5.0,
    "what a unit of variance costs, twice; the same for returns of any length",
    above=0.0,
)

_ALL = (
    MethodInfo("fixed", "The weights that are given.", (
        MethodParameter("weights", "weights", None, "weight of each asset; what is left of 1 is cash"),
    )),
    MethodInfo("equal_weight", "The same weight in every asset."),
    MethodInfo("cash", "No asset at all."),
    MethodInfo(
        "inverse_volatility", "Weights in proportion to 1 / standard deviation; none where an asset does not move.",
        (_lookback(2),), least_rows=2,
    ),
    MethodInfo(
        "minimum_variance", "The least variance of all portfolios with sum w = 1.",
        (_lookback(2), _LONG_ONLY, _SHRINKAGE), least_rows=2,
    ),
    MethodInfo(
        "mean_variance", "The most mean less risk_aversion / 2 times variance of all portfolios with sum w = 1.",
        (_lookback(2), _AVERSION, _LONG_ONLY, _SHRINKAGE), least_rows=2,
    ),
    MethodInfo(
        "maximum_sharpe", "The most mean per standard deviation; cash where no mean is above 0; sum |w| = 1.",
        (_lookback(2), _LONG_ONLY, _SHRINKAGE), least_rows=2,
    ),
    MethodInfo(
        "momentum", "The same weight in those assets that rose most over the lookback.",
        (_lookback(1), MethodParameter("top", "count", 5, "assets that are held", least=1), _SKIP), least_rows=1,
    ),
    MethodInfo(
        "time_series_momentum", "1 / N in every asset that rose over the lookback, the rest in cash.",
        (_lookback(1), _SKIP), least_rows=1,
    ),
    MethodInfo(
        "hrp", "Hierarchical risk parity: a tree of correlations, halved from the top (AFML ch. 16), by skfolio.",
        (_lookback(2), _RISK), extra="portfolio", least_rows=2,
    ),
    MethodInfo(
        "risk_parity", "The same risk from every asset, by skfolio.", (_lookback(2), _RISK), extra="portfolio",
        least_rows=2,
    ),
    MethodInfo(
        "mean_risk", "The best portfolio under a measure of risk, by skfolio.",
        (
            _lookback(2), _RISK,
            MethodParameter("objective", "choice", "minimize_risk", "what is best", choices=_OBJECTIVES),
            MethodParameter("risk_aversion", "number", 1.0, "what risk costs, for maximize_utility", above=0.0),
            _LONG_ONLY,
        ), extra="portfolio", least_rows=2,
    ),
)  # fmt: skip

METHODS: Mapping[str, MethodInfo] = MappingProxyType({each.name: each for each in _ALL})
"""Every method by its name."""
