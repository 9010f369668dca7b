"""Many configurations as columns: what is varied, what each value is, and the parameters of any one of them."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MOST = 200_000_000
"""Most configurations of one sweep."""


class Column(NamedTuple):
    """Values of one parameter in all configurations.

    Attributes
    ----------
    values : sequence
        The different values; or one for each configuration where there are no codes.
    codes : (C,) int32, or None
        Which value each configuration has.
    """

    values: Any
    codes: NDArray[np.int32] | None

    def at(self, place: int) -> Any:
        """Value of one configuration, as a Python object."""
        found = self.values[place if self.codes is None else self.codes[place]]
        if isinstance(found, np.generic):
            return found.item()
        return tuple(found.tolist()) if isinstance(found, np.ndarray) else found

    def all(self) -> Any:
        """Values of all configurations as an array, where they are numbers; else a list."""
        if self.codes is None:
            return self.values
        if isinstance(self.values, np.ndarray):
            return self.values[self.codes]
        return [self.values[code] for code in self.codes]


@dataclass(frozen=True, eq=False)
class Configs:
    """Configurations of a sweep: a mapping of parameters for each; made by :func:`as_configs`.

    Attributes
    ----------
    columns : mapping of str to Column
    size : int
    shape : tuple of int, or None
        Length of the axes, of a whole grid; in the order of ``columns``, the last running fastest.
    n_excluded : int
        Points of a grid that its constraint left out: they are no trials.

    Examples
    --------
    >>> configs = as_configs([{"method": "cash"}, {"method": "inverse_volatility", "lookback": 21}])
    >>> configs
    Configs(2: method, lookback)
    >>> configs[1], configs[0]
    ({'method': 'inverse_volatility', 'lookback': 21}, {'method': 'cash'})
    """

    columns: Mapping[str, Column]
    size: int
    shape: tuple[int, ...] | None = None
    n_excluded: int = 0

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, place: int) -> dict[str, Any]:
        if not -self.size <= place < self.size:
            raise IndexError(f"configuration {place:,} of {self.size:,}")
        place %= self.size
        found = {name: column.at(place) for name, column in self.columns.items()}
        return {name: value for name, value in found.items() if value is not ABSENT}

    @cached_property
    def varied(self) -> tuple[str, ...]:
        """Parameters of which there is more than one value."""
        return tuple(name for name, column in self.columns.items() if len(column.values) > 1)

    def label(self, place: int) -> str:
        """Describe a configuration in a line: its method, and what is varied."""
        own = self[place]
        method = own.pop("method", None)
        called = method if isinstance(method, str) else getattr(method, "__name__", type(method).__name__)
        told = [f"{name}={_short(own[name])}" for name in self.varied if name in own]
        return " ".join([str(called), *told])

    def to_frame(self, places: Any = None) -> pd.DataFrame:
        """All configurations, or some, as a DataFrame: a row for each, a column for each parameter."""
        import pandas as pd  # noqa: PLC0415 - only where a frame is asked for

        rows = np.arange(self.size) if places is None else np.asarray(places)
        data: dict[str, Any] = {}
        for name, column in self.columns.items():
            if column.codes is not None:
                kept = [None if value is ABSENT else value for value in list(column.values)]
                kind = pd.Series(kept, dtype=object).infer_objects()
                data[name] = kind.to_numpy()[column.codes[rows]]
            elif np.ndim(column.values) > 1:
                data[name] = [column.at(int(row)) for row in rows]
            else:
                data[name] = np.asarray(column[0])[rows]
        return pd.DataFrame(data, index=rows)

    def __repr__(self) -> str:
        left_out = f", {self.n_excluded:,} left out" if self.n_excluded else ""
        return f"Configs({self.size:,}: {', '.join(self.columns)}{left_out})"


class _Absent:
    """Stands for a parameter that a configuration does not have."""

    def __repr__(self) -> str:
        return "absent"

    def __reduce__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


def as_configs(given: Any) -> Configs:
    """Take configurations in any form.

    Parameters
    ----------
    given : Configs, Grid, RandomSearch, mapping, DataFrame, or iterable of these and of mappings
        A mapping of parameter to value is one configuration. A mapping with arrays (``{"method": "fixed",
        "weights": (C, N), "threshold": (C,)}``) is columns: configuration c has element c of each; they are copied. A
        DataFrame has a configuration in each row, without the parameters that are missing there. A list is the one
        after the other.

    Returns
    -------
    Configs

    Raises
    ------
    BadInput
        If there is none, columns differ in length, or something is no configuration.

    Examples
    --------
    >>> as_configs({"method": "equal_weight", "threshold": np.array([0.0, 0.05]), "interval": 1})[1]
    {'method': 'equal_weight', 'threshold': 0.05, 'interval': 1}
    >>> as_configs([])
    Traceback (most recent call last):
    atomloom.errors.BadInput: there is no configuration. Hint: give a Grid, a RandomSearch, or a list of mappings.
    """
    found = _taken(given)
    if found.size == 0:
        raise BadInput("there is no configuration. Hint: give a Grid, a RandomSearch, or a list of mappings.")
    if found.size > MOST:
        raise BadInput(f"{found.size:,} configurations are more than {MOST:,}. Hint: sweep a RandomSearch of them.")
    return found


def _taken(given: Any) -> Configs:
    if isinstance(given, Configs):
        return given
    if hasattr(given, "configs") and callable(given.configs):
        made = given.configs()
        if isinstance(made, Configs):
            return made
    if isinstance(given, Mapping):
        return _of_columns(given)
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(given, pandas.DataFrame):
        return _of_frame(given)
    if pandas is not None and isinstance(given, pandas.Series):
        return of_mappings([given.to_dict()])
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise BadInput(f"configurations are {type(given).__name__}. Hint: give a Grid, or a list of mappings.")
    parts = list(given)
    if all(isinstance(part, Mapping) for part in parts) and not any(map(_has_columns, parts)):
        return of_mappings(parts)
    return joined([_taken(part) for part in parts])


def _is_column(name: str, value: Any) -> bool:
    """Say whether a value is an array, Series or Index of values: of rows, if they are weights."""
    array = isinstance(value, np.ndarray) or hasattr(value, "to_numpy")
    return array and value.ndim == (2 if name == "weights" else 1)


def _has_columns(given: Mapping[str, Any]) -> bool:
    return any(_is_column(name, value) for name, value in given.items())


def _of_columns(given: Mapping[str, Any]) -> Configs:
    if not _has_columns(given):
        return of_mappings([given])
    lengths = {name: len(value) for name, value in given.items() if _is_column(name, value)}
    if len(set(lengths.values())) != 1:
        raise BadInput(f"columns differ in length: {lengths}. Hint: one element for each configuration.")
    size = next(iter(lengths.values()))
    nought = np.zeros(size, dtype=np.int32)
    columns = {
        str(name): _column(value) if name in lengths else Column([plain_value(value)], nought)
        for name, value in given.items()
    }
    return Configs(columns, size)


def _column(given: Any) -> Column:
    """Copy a column, so that nobody changes it later; objects become codes."""
    held = np.array(given)
    if held.dtype.kind == "O":
        return Column(*_numbered(held if held.ndim == 1 else list(held)))
    held.flags.writeable = False
    return Column(held, None)


def _of_frame(given: pd.DataFrame) -> Configs:
    names = [str(name) for name in given.columns]
    if len(set(names)) < len(names):
        raise BadInput(f"columns of configurations are {', '.join(names)}. Hint: each once.")
    size = len(given)
    columns = {}
    for k, name in enumerate(names):
        column = given.iloc[:, k]
        missing = column.isna().to_numpy()
        if not missing.any():
            columns[name] = _column(column.to_numpy())
            continue
        held = column.to_numpy(dtype=object, copy=True)
        if all(isinstance(value, float) and value.is_integer() for value in held[~missing]):
            held[~missing] = [int(value) for value in held[~missing]]  # a column with gaps holds no integers
        held[missing] = ABSENT
        columns[name] = Column(*_numbered(held))
    return Configs(columns, size)


def of_mappings(parts: list[Mapping[str, Any]]) -> Configs:
    """Take a list of mappings of parameter to value.

    Examples
    --------
    >>> of_mappings([{"method": "cash"}]).size
    1
    """
    names = list(dict.fromkeys(str(name) for part in parts for name in part))
    columns = {}
    for name in names:
        values, codes = _numbered(part.get(name, ABSENT) for part in parts)
        columns[name] = Column(values, codes)
    return Configs(columns, len(parts))


def joined(parts: list[Configs]) -> Configs:
    """Put configurations one after the other.

    Examples
    --------
    >>> joined([of_mappings([{"method": "cash"}]), of_mappings([{"method": "cash", "lag": 0}])])[1]
    {'method': 'cash', 'lag': 0}
    """
    size = sum(part.size for part in parts)
    columns = {}
    for name in dict.fromkeys(name for part in parts for name in part.columns):
        own = [part.columns.get(name, Column([ABSENT], np.zeros(part.size, dtype=np.int32))) for part in parts]
        values, place = _numbered(itertools.chain.from_iterable(column.values for column in own))  # noqa: PD011
        codes, first = [], 0
        for column in own:
            here = place[first : first + len(column.values)]
            codes.append(here if column.codes is None else here[column.codes])
            first += len(column.values)
        columns[name] = Column(values, np.concatenate(codes) if codes else np.zeros(0, dtype=np.int32))
    return Configs(columns, size, n_excluded=sum(part.n_excluded for part in parts))


def _numbered(given: Iterable[Any]) -> tuple[list[Any], NDArray[np.int32]]:
    """Give the different ones of some values, and which of them each is."""
    places: dict[Any, int] = {}
    values: list[Any] = []
    codes: list[int] = []
    for each in given:
        value = plain_value(each)
        key = (type(value), value) if _hashable(value) else (id, id(value))
        codes.append(places.setdefault(key, len(values)))
        if codes[-1] == len(values):
            values.append(value)
    return values, np.array(codes, dtype=np.int32)


def plain_value(value: Any) -> Any:
    """Give a value as a Python object that nobody can change: a list or array as a tuple.

    Examples
    --------
    >>> plain_value(np.float64(0.5)), plain_value([0.5, np.float64(0.5)]), plain_value(np.eye(2))
    (0.5, (0.5, 0.5), ((1.0, 0.0), (0.0, 1.0)))
    """
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) or hasattr(value, "to_numpy"):
        value = np.asarray(value).tolist()
    return tuple(map(plain_value, value)) if isinstance(value, list) else value


def _hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _short(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    text = str(getattr(value, "__name__", value))
    return text if len(text) <= 40 else f"{text[:37]}..."
