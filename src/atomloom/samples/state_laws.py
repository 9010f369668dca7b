"""Laws of the state of a trade that goes with a window: what is drawn, and between which values."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._choices import check_choice
from atomloom.errors import BadInput
from atomloom.samples.checks import names_checked, take_count, take_real

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAWS = ("uniform", "log")
_TELLING = 8  # rows that are enough to see whether they depend on each other


@names_checked("a setting of Uniform")
@dataclass(frozen=True)
class Uniform:
    """A number between two others, every one (or every ratio) as likely as any other.

    Attributes
    ----------
    low, high : float
        ``low`` is included, ``high`` is not (rounding to float32 may reach it).
    law : {"uniform", "log"}
        "log": the logarithm is uniform; both must be above 0.

    Examples
    --------
    >>> Uniform(1e3, 1e6, law="log").to_dict()
    {'kind': 'uniform', 'low': 1000.0, 'high': 1000000.0, 'law': 'log'}
    """

    low: float = 0.0
    high: float = 1.0
    law: str = "uniform"

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", take_real("low", self.low))
        object.__setattr__(self, "high", take_real("high", self.high))
        check_choice("law", self.law, LAWS)
        if not self.low < self.high:
            raise BadInput(f"low is {self.low:g} and high {self.high:g}. Hint: low must be below high.")
        with np.errstate(over="ignore"):
            low, high = np.float32(self.low), np.float32(self.high)
            if not np.isfinite(high - low) or low == high:
                raise BadInput(f"low is {self.low!r} and high {self.high!r}. Hint: float32 must tell them apart.")
        if self.law == "log" and self.low <= 0.0:
            raise BadInput(f"low is {self.low:g} and law 'log'. Hint: logarithms need numbers above 0.")

    def to_dict(self) -> dict[str, Any]:
        """Give the law as plain numbers and texts."""
        return {"kind": "uniform", **asdict(self)}


@names_checked("a setting of Choice")
@dataclass(frozen=True)
class Choice:
    """One of some numbers, each as likely as any other.

    Attributes
    ----------
    values : tuple of float
        Whole numbers between -128 and 127 are kept as int8, others as float32.

    Examples
    --------
    >>> Choice((-1, 0, 1)).dtype
    dtype('int8')
    """

    values: tuple[float, ...] = (-1.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        try:
            values = tuple(take_real("values", value) for value in self.values)
        except TypeError:
            raise BadInput(f"values is {self.values!r}. Hint: give a list of numbers.") from None
        if not 1 <= len(values) <= 65_536:
            raise BadInput(f"values has {len(values)} numbers. Hint: give one to 65,536.")
        if max(map(abs, values)) > float(np.finfo(np.float32).max):
            raise BadInput(f"values has {max(values, key=abs):g}. Hint: numbers that float32 can hold.")
        object.__setattr__(self, "values", values)

    @property
    def dtype(self) -> np.dtype[Any]:
        """What the numbers are kept as."""
        small = all(value == int(value) and -128 <= value <= 127 for value in self.values)
        return np.dtype(np.int8 if small else np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Give the law as plain numbers and texts."""
        return {"kind": "choice", "values": list(self.values)}


@names_checked("a setting of EntryPrice")
@dataclass(frozen=True)
class EntryPrice:
    """Close of a bar of the window, any of the last ``within`` as likely as any other, in units of the last close.

    Attributes
    ----------
    within : int, optional
        None is the whole window. It may not be longer than that.

    Examples
    --------
    >>> EntryPrice(within=16).to_dict()
    {'kind': 'entry_price', 'within': 16}
    """

    within: int | None = None

    def __post_init__(self) -> None:
        if self.within is not None:
            object.__setattr__(self, "within", take_count("within", self.within))

    def to_dict(self) -> dict[str, Any]:
        """Give the law as plain numbers and texts."""
        return {"kind": "entry_price", **({} if self.within is None else {"within": self.within})}


@names_checked("a setting of UnrealisedPnl")
@dataclass(frozen=True)
class UnrealisedPnl:
    """What the position has gained since its entry: ``position * (1 - entry)``, in units of the last close.

    Attributes
    ----------
    position, entry : str
        Names of the fields that it is made of; both must come before it.

    Examples
    --------
    >>> UnrealisedPnl().position
    'position'
    """

    position: str = "position"
    entry: str = "entry_price"

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not isinstance(value, str):
                raise BadInput(f"{name} of an unrealised P&L is {value!r}. Hint: give the name of a field.")

    def to_dict(self) -> dict[str, Any]:
        """Give the law as plain numbers and texts."""
        return {"kind": "unrealised_pnl", **asdict(self)}


@names_checked("a setting of Computed")
@dataclass(frozen=True)
class Computed:
    """What a function makes of uniform numbers and of the windows.

    Attributes
    ----------
    function : callable, or "module:name"
        Called as ``function(u, batch)`` with u (B, draws) float32 in [0, 1) and the batch so far: a dict of "x", "idx",
        "symbol" (where there are several) and the fields of state before this one (no label), all read-only. It gives a
        (B,) array. It must work on whole arrays, and a row must not depend on
        other rows, or on chance: batches have any size. The first batch of 8 rows or more is computed once again in
        part, and what differs by more than rounding is refused. A recipe can only be written down with "module:name".
    draws : int
        Uniform numbers for each sample.

    Examples
    --------
    >>> Computed("numpy:sum", draws=2).to_dict()
    {'kind': 'computed', 'function': 'numpy:sum', 'draws': 2}
    """

    function: Callable[..., Any] | str
    draws: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "draws", take_count("draws", self.draws, 0, 1024))
        if isinstance(self.function, str):
            self.resolved()
        elif not callable(self.function):
            raise BadInput(f"function is {self.function!r}. Hint: give a function, or 'module:name'.")

    def resolved(self) -> Callable[..., Any]:
        """Give the function.

        Raises
        ------
        BadInput
            Where there is none of that name.
        """
        if not isinstance(self.function, str):
            return self.function
        module, _, name = self.function.partition(":")
        try:
            found = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            message = f"function is {self.function!r}: {error}. Hint: 'module:name' of a function that can be imported."
            raise BadInput(message) from None
        if not callable(found):
            raise BadInput(f"function is {self.function!r}, which is {type(found).__name__}. Hint: name a function.")
        return found  # type: ignore[no-any-return]

    def applied(self, u: NDArray[np.float32], batch: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Call the function on a batch, which it cannot change.

        Parameters
        ----------
        u : (B, draws) float32
        batch : mapping of str to array

        Returns
        -------
        array
            Its own memory.

        Raises
        ------
        BadInput
            For a function that writes to what it is given, asks for what is not there yet, or whose rows depend on
            other rows.

        Examples
        --------
        >>> Computed(lambda u, batch: batch["x"] + u[:, 0]).applied(np.zeros((2, 1)), {"x": np.arange(2.0)})
        array([0., 1.])
        """
        found = self._called(u, batch)
        n = len(u)
        if n >= _TELLING and found.ndim and len(found) == n and not self.__dict__.get("_checked"):
            rows = slice(3 * n // 4, n // 4, -1)  # neither the first nor the last, and backwards
            again = self._called(u[rows], {name: array[rows] for name, array in batch.items()})
            if again.shape != found[rows].shape or not _near(again, found[rows]):
                message = f"function {self._name} gives other values for some rows of a batch than for the whole"
                hint = "a row may depend on its own u and window alone: batches have any size"
                raise BadInput(f"{message}. Hint: {hint}.")
            object.__setattr__(self, "_checked", True)
        return found

    def _called(self, u: NDArray[np.float32], batch: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        shown = {name: _locked(array) for name, array in batch.items()}
        try:
            found = np.asarray(self.resolved()(_locked(u), shown))
        except KeyError as error:
            if not error.args or error.args[0] in shown or not isinstance(error.args[0], str):
                raise
            message = f"function {self._name} asks for {error.args[0]!r}, and the batch has {', '.join(shown)} so far"
            raise BadInput(f"{message}. Hint: put a field that it needs before it; no field sees the label.") from error
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            message = f"function {self._name} writes to what it is given ({error})"
            raise BadInput(f"{message}. Hint: give a new array; batch['x'].copy() may be written to.") from error
        return found if found.flags.owndata and found.flags.writeable else found.copy()

    @property
    def _name(self) -> str:
        return str(getattr(self.function, "__qualname__", self.function))

    def to_dict(self) -> dict[str, Any]:
        """Give the law as plain numbers and texts.

        Raises
        ------
        BadInput
            For a function that was given as such.
        """
        if not isinstance(self.function, str):
            name = getattr(self.function, "__qualname__", repr(self.function))
            raise BadInput(f"the recipe has the function {name}. Hint: give it as 'module:name' to write it down.")
        return {"kind": "computed", **asdict(self)}


def _locked(array: NDArray[Any]) -> NDArray[Any]:
    """View an array so that it cannot be written to."""
    view = array[...]
    view.flags.writeable = False
    return view


def _near(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether values are the same but for rounding."""
    if one.dtype.kind not in "fc":
        return bool((one == other).all())
    size = float(np.nanmax(np.abs(other), initial=1.0, where=np.isfinite(other)))
    return bool(np.allclose(one, other, rtol=1e-4, atol=1e-6 * size, equal_nan=True))


Law = Uniform | Choice | EntryPrice | UnrealisedPnl | Computed
_KINDS: dict[str, type[Any]] = {
    "uniform": Uniform, "choice": Choice, "entry_price": EntryPrice, "unrealised_pnl": UnrealisedPnl,
    "computed": Computed,
}  # fmt: skip
STANDARD: dict[str, Law] = {
    "equity": Uniform(1e3, 1e6, "log"), "position": Choice((-1.0, 0.0, 1.0)), "action": Choice((0.0, 1.0, 2.0)),
    "entry_price": EntryPrice(), "unrealised_pnl": UnrealisedPnl(),
}  # fmt: skip
"""Fields that may be asked for by name alone. Actions: hold, buy, sell."""


def take_law(name: str, given: Any) -> Law:
    """Take the law of a field: itself, its plain form, or None for the standard one of that name.

    Raises
    ------
    BadInput
        For an unknown kind or setting, or a name that has no standard.

    Examples
    --------
    >>> take_law("action", {"values": [0, 1]})
    Choice(values=(0.0, 1.0))
    """
    if isinstance(given, Law):
        return given
    if given is None:
        check_choice("a field of state", name, tuple(STANDARD))
        return STANDARD[name]
    if callable(given):
        return Computed(given)
    if not isinstance(given, Mapping):
        raise BadInput(f"state[{name!r}] is {given!r}. Hint: give {{'low': .., 'high': ..}} or {{'values': [..]}}.")
    settings = {str(key): value for key, value in given.items()}
    kind = settings.pop("kind", None) or _kind_of(name, settings)
    check_choice(f"kind of {name}", kind, tuple(_KINDS))
    law = _KINDS[kind]
    for key in settings:
        check_choice(f"a setting of {name}", key, [each.name for each in fields(law)])
    return law(**settings)  # type: ignore[no-any-return]


def _kind_of(name: str, settings: Mapping[str, Any]) -> str:
    for kind, mark in (("choice", "values"), ("computed", "function"), ("uniform", "low"), ("uniform", "high")):
        if mark in settings:
            return kind
    return str(STANDARD[name].to_dict()["kind"]) if name in STANDARD else "uniform"
