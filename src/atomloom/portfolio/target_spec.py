"""What a table of targets is made of: a method, its parameters, how often, and how much risk."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.fitted_weights import method_name, own_parameters
from atomloom.portfolio.method_table import METHODS, check_names

VOLATILITY_LOOKBACK = 63
PERIODS_PER_YEAR = 252.0


@dataclass(frozen=True, repr=False)
class TargetSpec:
    """How targets are made: equal specs have equal tables, and one may be a key.

    Parameters
    ----------
    method : str, callable or estimator
        A name of :func:`method_info`'s; a function of a window of returns, (L, N) float64, that gives (N,) weights; or
        an estimator whose ``fit(X)`` sets ``weights_`` (scikit-learn's face, as skfolio has it).
    parameters : mapping, optional
        Of the method; defaults are added. A user's own method has ``lookback`` (252), and what its function or its
        ``set_params`` takes. Kept as a tuple of pairs.
    refit : int
        Rows from one decision to the next.
    volatility_target : float, optional
        Volatility in a year that every target is scaled to: w * target / sqrt(w'Sw * periods_per_year), S the
        covariance (ddof=1) of the last ``volatility_lookback`` returns. A target without volatility stays as it is if
        it holds nothing; else it goes to ``max_leverage``, or is refused where there is none.
    volatility_lookback : int
        At least 2; 63 unless told.
    max_leverage : float, optional
        Most that sum |w| may be; larger targets are scaled down.
    periods_per_year : float
        Returns in a year.

    Raises
    ------
    BadInput
        For unknown methods and parameters, and values that cannot be used.

    Notes
    -----
    What the weights leave of 1 is cash; what they have above it is borrowed.

    Examples
    --------
    >>> spec = TargetSpec("momentum", {"top": 3}, refit=5, volatility_target=0.1)
    >>> spec
    TargetSpec(momentum(lookback=252, top=3, skip=0), refit=5, volatility_target=0.1, volatility_lookback=63)
    >>> spec.history, spec == TargetSpec("momentum", {"top": 3, "skip": 0}, refit=5, volatility_target=0.1)
    (252, True)
    """

    method: Any
    parameters: Any = ()
    refit: int = 21
    volatility_target: float | None = None
    volatility_lookback: int | None = None
    max_leverage: float | None = None
    periods_per_year: float = PERIODS_PER_YEAR

    def __post_init__(self) -> None:
        checked = check_method(self.method, self.parameters)
        object.__setattr__(self, "parameters", tuple(checked.items()))
        object.__setattr__(self, "refit", _count("refit", self.refit, 1))
        overlay = check_overlay(
            self.volatility_target, self.volatility_lookback, self.max_leverage, self.periods_per_year
        )
        for name, value in overlay.items():
            object.__setattr__(self, name, value)

    @property
    def name(self) -> str:
        """Name of the method."""
        return method_name(self.method)

    @property
    def extra(self) -> str | None:
        """Which extra of atomloom it needs."""
        return METHODS[self.method].extra if isinstance(self.method, str) else None

    @property
    def lookback(self) -> int:
        """Returns that the method reads; 0 if it reads none."""
        return int(dict(self.parameters).get("lookback", 0))

    @property
    def history(self) -> int:
        """Returns that must lie before the first decision."""
        return max(self.lookback, self.volatility_lookback or 0)

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values; a user's own method by its name."""
        found: dict[str, Any] = {"method": self.name, **_plain(dict(self.parameters)), "refit": self.refit}
        return {**found, **self._overlay()}

    def _overlay(self) -> dict[str, Any]:
        names = ["volatility_target", "volatility_lookback", "max_leverage"]
        found = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        if self.periods_per_year != PERIODS_PER_YEAR:
            found["periods_per_year"] = self.periods_per_year
        return found

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self.parameters)
        overlay = "".join(f", {name}={value!r}" for name, value in self._overlay().items())
        return f"TargetSpec({self.name}({inside}), refit={self.refit}{overlay})"


def check_method(method: Any, parameters: Any) -> dict[str, Any]:
    """Take a method and its parameters; gives all of them, defaults too.

    Examples
    --------
    >>> check_method("hrp", {"lookback": 63})
    {'lookback': 63, 'risk_measure': 'variance'}
    """
    try:
        given = dict(parameters if isinstance(parameters, Mapping) else tuple(parameters))
    except (TypeError, ValueError):
        raise BadInput(f"parameters are {parameters!r}. Hint: give a mapping of names to values.") from None
    if isinstance(method, str):
        check_names("a method", (method,), tuple(METHODS))
        return METHODS[method].check(given)
    checked = own_parameters(method, given)
    try:
        hash(method)
    except TypeError:
        raise BadInput(f"method {method_name(method)} cannot be hashed. Hint: give a function that calls it.") from None
    return checked


def check_overlay(
    volatility_target: Any, volatility_lookback: Any, max_leverage: Any, periods_per_year: Any
) -> dict[str, Any]:
    """Take the parameters of an overlay; what has no effect is as if it were not given.

    Examples
    --------
    >>> check_overlay(None, 20, None, 365)["volatility_lookback"] is None
    True
    """
    found: dict[str, Any] = {
        "volatility_target": _positive("volatility_target", volatility_target),
        "max_leverage": _positive("max_leverage", max_leverage),
        "periods_per_year": _positive("periods_per_year", periods_per_year),
        "volatility_lookback": None,
    }
    if found["periods_per_year"] is None:
        raise BadInput("periods_per_year is None. Hint: give a number above 0.")
    if volatility_lookback is not None:
        found["volatility_lookback"] = _count("volatility_lookback", volatility_lookback, 2)
    if found["volatility_target"] is None:
        return found | {"volatility_lookback": None, "periods_per_year": PERIODS_PER_YEAR}
    return found | {"volatility_lookback": found["volatility_lookback"] or VOLATILITY_LOOKBACK}


def _count(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise BadInput(f"{name} is {value!r}. Hint: give a whole number of at least {least}.")
    return int(value)


def _positive(name: str, value: Any) -> float | None:
    if value is None:
        return None
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not real or not 0.0 < value < math.inf:
        raise BadInput(f"{name} is {value!r}. Hint: give a number above 0.")
    return float(value)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
