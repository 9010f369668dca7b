"""Weights of one window by what is fitted in Python: skfolio's estimators, and the user's own methods."""

from __future__ import annotations

import copy
import importlib.util
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput
from atomloom.portfolio.method_table import METHODS, check_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

_CLASSES = {"hrp": "HierarchicalRiskParity", "risk_parity": "RiskBudgeting", "mean_risk": "MeanRisk"}


def is_estimator(method: Any) -> bool:
    """Whether a method has the face of scikit-learn: ``fit(X)`` sets ``weights_``."""
    return callable(getattr(method, "fit", None)) and not inspect.isclass(method)


def method_name(method: Any) -> str:
    """Say which method: its name, that of its function, or of its class.

    Examples
    --------
    >>> method_name(len), method_name("cash")
    ('len', 'cash')
    """
    if isinstance(method, str):
        return method
    return str(getattr(method, "__name__", None) or type(method).__name__)


def own_parameters(method: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Take the parameters of a user's method: a lookback, and what its function or estimator takes.

    Examples
    --------
    >>> own_parameters(lambda returns, power=1.0: returns[-1], {"power": 2.0})
    {'lookback': 252, 'power': 2.0}
    >>> own_parameters(lambda returns, power=1.0: returns[-1], {"powr": 2.0})
    Traceback (most recent call last):
    atomloom.errors.BadInput: a parameter of <lambda> is 'powr'. Hint: did you mean 'power'? One of lookback, power.
    """
    if (not callable(method) and not is_estimator(method)) or inspect.isclass(method):
        seen = f"method is {method!r}" if not inspect.isclass(method) else f"method is the class {method.__name__}"
        hint = "give a name, a function of a window of returns, or an estimator with fit(X) and weights_"
        raise BadInput(f"{seen}. Hint: {hint}.")
    name = method_name(method)
    rest = {key: value for key, value in given.items() if key != "lookback"}
    lookback = METHODS["time_series_momentum"].parameter("lookback").check(given.get("lookback", 252), name)
    known = known_parameters(method)
    if known is not None:
        check_names(f"a parameter of {name}", rest, ["lookback", *known])
    for key, value in rest.items():
        try:
            hash(value)
        except TypeError:
            raise BadInput(f"{key} of {name} is {value!r}. Hint: give what can be hashed (a tuple).") from None
    return {"lookback": lookback, **dict(sorted(rest.items()))}


def known_parameters(method: Any) -> list[str] | None:
    """List what a user's method takes beside a lookback; None where anything goes, or nobody knows.

    Examples
    --------
    >>> known_parameters(lambda returns, power=1.0: returns[-1]), known_parameters(lambda returns, **rest: returns[-1])
    (['power'], None)
    """
    if is_estimator(method):
        return list(method.get_params()) if hasattr(method, "get_params") else []
    try:
        found = list(inspect.signature(method).parameters.values())
    except (TypeError, ValueError):
        return None
    if any(each.kind is each.VAR_KEYWORD for each in found):
        return None
    return [each.name for each in found[1:] if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)]


def fit_one(method: Any, parameters: Mapping[str, Any], window: Reals, names: tuple[str, ...] | None) -> Reals:
    """Give the weights of one window by a user's method, or one of skfolio's.

    Parameters
    ----------
    method : str, callable or estimator
    parameters : mapping
        Checked ones.
    window : (L, N) float64
        Returns, read-only.
    names : tuple of str, optional
        Columns of the data frame that an estimator then gets.

    Raises
    ------
    BadInput
        If what comes back is no (N,) row of finite numbers.
    Exception
        Whatever the method raises.

    Examples
    --------
    >>> fit_one(lambda returns: returns.mean(axis=0), {"lookback": 2}, np.array([[1.0, 3.0], [3.0, 5.0]]), None)
    array([2., 4.])
    """
    rest = {name: value for name, value in parameters.items() if name != "lookback"}
    if isinstance(method, str):
        method, rest = skfolio_estimator(method, parameters), {}
    if not is_estimator(method):
        return _checked(method(window, **rest), window.shape[1], names)
    estimator = _fresh(method)
    if rest:
        estimator.set_params(**rest)
    estimator.fit(_table(window, names))
    if getattr(estimator, "weights_", None) is None:
        raise BadInput("it has no weights_ after fit. Hint: see its error_, or let it raise_on_failure")
    return _checked(estimator.weights_, window.shape[1], names)


def skfolio_estimator(method: str, parameters: Mapping[str, Any]) -> Any:
    """Make the estimator behind a method.

    Raises
    ------
    MissingExtra
        Without skfolio.
    """
    module = need("skfolio.optimization", extra="portfolio", why=f"the method {method}")
    measures = need("skfolio", extra="portfolio").RiskMeasure
    options: dict[str, Any] = {"risk_measure": measures[parameters["risk_measure"].upper()]}
    if method == "mean_risk":
        options["objective_function"] = module.ObjectiveFunction[parameters["objective"].upper()]
        options["risk_aversion"] = parameters["risk_aversion"]
        options["min_weights"] = 0.0 if parameters["long_only"] else -1.0
    return getattr(module, _CLASSES[method])(**options)


def _fresh(estimator: Any) -> Any:
    """Copy an estimator as it was before any fit."""
    if hasattr(estimator, "get_params") and importlib.util.find_spec("sklearn") is not None:
        return need("sklearn.base").clone(estimator)
    return copy.deepcopy(estimator)


def _table(window: Reals, names: tuple[str, ...] | None) -> Any:
    if names is None:
        return window
    import pandas as pd  # noqa: PLC0415 - heavy, and only estimators want it

    return pd.DataFrame(window, columns=list(names))


def _checked(found: Any, assets: int, names: tuple[str, ...] | None) -> Reals:
    try:
        row = np.array(found, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput(f"it gave {type(found).__name__}. Hint: give a weight for each asset") from None
    if row.shape != (assets,):
        raise BadInput(f"it gave weights of shape {row.shape}. Hint: give ({assets},), one for each asset")
    bad = np.flatnonzero(~np.isfinite(row))
    if len(bad):
        asset = f"asset {bad[0]}" if names is None else names[bad[0]]
        raise BadInput(f"it gave {row[bad[0]]} for {asset}. Hint: weights are finite; 0 holds nothing")
    return row
