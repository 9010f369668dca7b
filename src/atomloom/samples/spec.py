"""SampleSpec: everything that, with a series and a number of samples, says what every sample is."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._choices import check_choice
from atomloom._lazy import need
from atomloom.errors import BadInput
from atomloom.samples.checks import names_checked, show_duration, take_count, take_duration, take_real
from atomloom.samples.state_laws import EntryPrice, Law, UnrealisedPnl, take_law

if TYPE_CHECKING:
    import os

VERSION = 1
"""Of the mapping from numbers to samples; any change of a byte of any sample is another version."""
SCALES = ("last_close", "none")
VOLUMES = ("window_max", "window_mean", "last", "log1p", "none")
MODES = ("uniform", "permuted", "stratified")
DTYPES = ("float32", "float64", "float16", "int16")
PERIODS = ("month", "quarter", "year")
CHANNELS = ("open", "high", "low", "close", "volume")
RESERVED = ("x", "id", "idx", "ends", "symbol", "label", *CHANNELS, *(f"{name}_scaled" for name in CHANNELS))


@names_checked("a setting of index")
@dataclass(frozen=True)
class Index:
    """Which window a sample has.

    Attributes
    ----------
    mode : {"uniform", "permuted", "stratified"}
        "uniform": each sample's window is drawn independently of all others. "permuted": the windows are gone through
        in a random order, then in another one: of n samples every window has floor(n / W) or ceil(n / W).
        "stratified": strata take turns, and the window is drawn within the stratum: every stratum has floor(n / S) or
        ceil(n / S) samples, however many windows it has.
    by : str, optional
        Of strata: "symbol", "month", "quarter", "year", or a column of the frame that holds labels (a regime, say);
        a window belongs where its last bar does, whose label may not be NaN. Strata of time are called "2020-01",
        "2020Q1" and "2020".

    Examples
    --------
    >>> Index("stratified", by="symbol")
    Index(mode='stratified', by='symbol')
    """

    mode: str = "uniform"
    by: str | None = None

    def __post_init__(self) -> None:
        check_choice("mode of index", self.mode, MODES)
        if (self.mode == "stratified") != (self.by is not None):
            hint = "say by what: 'symbol', 'year', a column" if self.by is None else "by= goes with mode='stratified'"
            raise BadInput(f"index is {self.mode!r} and by is {self.by!r}. Hint: {hint}.")
        if self.by is not None and not isinstance(self.by, str):
            raise BadInput(f"by of index is {self.by!r}. Hint: 'symbol', 'year', or the name of one column.")


@names_checked("a setting of split")
@dataclass(frozen=True)
class Split:
    """Parts of time, apart from each other: training, validation and test.

    Attributes
    ----------
    parts : mapping of str to float
        Shares of all times in their order; they add up to 1 at most.
    embargo : int, or length of time
        What is left out behind each border: a number of times, or, where the data has times, all that is nearer than
        "5D", "2h", a timedelta, numpy.timedelta64 or pandas.Timedelta (kept as text).

    Notes
    -----
    A window belongs to a part if all its bars and those of its label lie in it: what would reach over a border is
    purged (AFML chapter 7), so that no two parts share a bar. Borders are moments, the same for all symbols. Shares are
    of the different times of all symbols together, not of samples or of bars: where symbols have no times in common, or
    begin late, their bars are not divided by the same shares. An embargo that is a number counts those times too, and
    so is at most as many bars of a symbol; a length of time is the same for each. Several symbols need times.

    Examples
    --------
    >>> Split({"train": 0.7, "test": 0.3}, embargo=10).parts["train"]
    0.7
    >>> Split(embargo="120min").embargo
    '2h'
    """

    parts: Mapping[str, float] = field(default_factory=lambda: {"train": 0.7, "validation": 0.15, "test": 0.15})
    embargo: int | str = 0

    def __post_init__(self) -> None:
        given: Any = self.parts
        if not isinstance(given, Mapping) or not given:
            raise BadInput(f"parts of split is {self.parts!r}. Hint: give {{'train': 0.7, 'test': 0.3}}.")
        parts = {str(name): take_real(f"share of {name}", share, 0.0, 1.0) for name, share in self.parts.items()}
        if sum(parts.values()) > 1.0 + 1e-9 or min(parts.values()) <= 0.0:
            raise BadInput(f"parts of split is {dict(parts)}. Hint: shares above 0 that add up to 1 at most.")
        object.__setattr__(self, "parts", MappingProxyType(parts))
        object.__setattr__(self, "embargo", _embargo(self.embargo))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Split):
            return NotImplemented
        return list(self.parts.items()) == list(other.parts.items()) and self.embargo == other.embargo

    def __hash__(self) -> int:
        return hash((frozenset(self.parts.items()), self.embargo))

    def __reduce__(self) -> tuple[Any, ...]:
        return Split, (dict(self.parts), self.embargo)


@names_checked("a setting of a sample")
@dataclass(frozen=True)
class SampleSpec:
    """What a sample is: a window of bars, scaled, and the state of a trade.

    Attributes
    ----------
    lookback : int
        Bars of a window. The window at row i is rows i - lookback to i - 1: row i is not seen.
    channels : tuple of str
        Columns of a window, of open, high, low, close and volume, or others of the frame (taken as they are).
    scale : {"last_close", "none"}
        Prices are divided by the last close of the window (which then is exactly 1), or left as they are.
    volume : {"window_max", "window_mean", "last", "log1p", "none"}
        Volume is divided by its largest, its mean or its last value in the window (0 where that is 0), or is
        log(1 + volume), or is left.
    state : sequence of str, or mapping of str to law
        Fields of the trade that goes with the window: "equity", "position", "action", "entry_price",
        "unrealised_pnl" by name; others by a law (:class:`Uniform`, :class:`Choice`, :class:`EntryPrice`,
        :class:`UnrealisedPnl`, :class:`Computed`, or as a dict, or a function).
    index : str or Index
    split : Split or mapping, optional
    horizon : int
        Bars behind the window that its label looks at: rows i to i + horizon - 1. With 0 there is no label (nor is one
        without closes), and windows may end with the last bar.
    gap : str or int, optional
        A step of time longer than this ("3D", or ns) is a gap, and no window reaches over it. None: only rows that
        were left out for their NaN are gaps.
    seed : int
    dtype : {"float32", "float64", "float16", "int16"}
        Of windows. float16 holds x - 1 of prices (error below 5e-4 of it, or 3e-8), int16 ten-thousandths of x - 1
        (error below 5e-5; what is above 3.2767 is held as that); both are for scaled prices and ``window_max``.

    Raises
    ------
    BadInput
        For any value that cannot be meant.

    Examples
    --------
    >>> spec = SampleSpec(lookback=32, state=("position",), seed=7)
    >>> spec.to_dict()["state"]
    {'position': {'kind': 'choice', 'values': [-1.0, 0.0, 1.0]}}
    """

    lookback: int = 64
    channels: tuple[str, ...] = CHANNELS
    scale: str = "last_close"
    volume: str = "window_max"
    state: Any = ("equity", "position", "action")
    index: Any = "uniform"
    split: Any = None
    horizon: int = 1
    gap: str | int | None = None
    seed: int = 0
    dtype: str = "float32"

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "lookback", take_count("lookback", self.lookback, 1, 1 << 24))
        put(self, "horizon", take_count("horizon", self.horizon, 0, 1 << 24))
        put(self, "seed", take_count("seed", self.seed, 0))
        put(self, "channels", _channels(self.channels))
        for name, choices in (("scale", SCALES), ("volume", VOLUMES), ("dtype", DTYPES)):
            check_choice(name, getattr(self, name), choices)
        put(self, "index", _nested(Index, "index", {"mode": self.index} if isinstance(self.index, str) else self.index))
        put(self, "split", None if self.split is None else _split(self.split))
        put(self, "state", _state(self.state, self.lookback))
        put(self, "gap", None if self.gap is None else take_duration("gap", self.gap))
        for name in self.state:
            if name in self.channels or name.removesuffix("_scaled") in self.channels:
                raise BadInput(f"a field of state is {name!r}, which is a channel. Hint: a name of its own.")
        if self.dtype in ("float16", "int16"):
            self._check_small()

    def _check_small(self) -> None:
        """Refuse small numbers for what they cannot hold."""
        if self.scale != "last_close":
            raise BadInput(f"dtype is {self.dtype!r} and scale {self.scale!r}. Hint: small numbers need scaled prices.")
        other = [name for name in self.channels if name not in CHANNELS]
        if other or ("volume" in self.channels and self.volume != "window_max"):
            seen = f"the channel {other[0]!r}" if other else f"volume {self.volume!r}"
            raise BadInput(f"dtype is {self.dtype!r} with {seen}. Hint: small numbers are for prices and 'window_max'.")

    def to_dict(self) -> dict[str, Any]:
        """Give the spec as plain numbers, texts, lists and dicts; ``SampleSpec.from_dict`` takes it back.

        Raises
        ------
        BadInput
            If a field is made by a function that has no name to import it by.
        """
        found: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        found["channels"] = list(self.channels)
        found["state"] = {name: law.to_dict() for name, law in self.state.items()}
        index = self.index
        found["index"] = {"mode": index.mode} | ({} if index.by is None else {"by": index.by})
        if self.split is not None:
            found["split"] = {"parts": dict(self.split.parts), "embargo": self.split.embargo}
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> SampleSpec:
        """Make a spec of what ``to_dict`` or a file gives.

        Raises
        ------
        BadInput
            For unknown names (with the one that was meant) and wrong values.

        Examples
        --------
        >>> SampleSpec.from_dict({"lookbak": 3})
        Traceback (most recent call last):
        atomloom.errors.BadInput: a setting of a sample is 'lookbak'. Hint: did you mean 'lookback'? One of ...
        """
        given: Any = values
        if not isinstance(given, Mapping):
            message = f"spec is {values!r}, which is {type(values).__name__}"
            raise BadInput(f"{message}. Hint: a SampleSpec, or a mapping like {{'lookback': 64, 'seed': 7}}.")
        for name in values:  # from files they may be no texts
            check_choice("a setting of a sample", name, [each.name for each in fields(cls)])
        return cls(**values)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> SampleSpec:
        """Read a spec from a TOML or YAML file (YAML where PyYAML is installed).

        Raises
        ------
        BadInput
            For a file that is neither, cannot be read, or names unknown settings.
        """
        return cls.from_dict(read_settings(path))

    def digest(self) -> str:
        """SHA-256 of the plain form, and of the version of the mapping."""
        plain = self.to_dict()
        plain["state"] = list(plain["state"].items())  # fields are drawn in their order
        if "split" in plain:
            plain["split"] = [list(plain["split"]["parts"].items()), plain["split"]["embargo"]]  # and parts follow
        text = json.dumps({"version": VERSION, **plain}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def with_(self, **changes: Any) -> SampleSpec:
        """Copy the spec with some values changed.

        Raises
        ------
        BadInput
            For unknown names (with the one that was meant) and wrong values.

        Examples
        --------
        >>> SampleSpec().with_(seed=3).seed
        3
        """
        return replace(self, **changes)

    def __reduce__(self) -> tuple[Any, ...]:
        return _make, (tuple(dict(value) if isinstance(value, Mapping) else value for value in self._values()),)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SampleSpec):
            return NotImplemented
        pairs = zip(self._values(), other._values(), strict=True)
        return all(one == two and (not isinstance(one, Mapping) or list(one) == list(two)) for one, two in pairs)

    def __hash__(self) -> int:
        values = [frozenset(value.items()) if isinstance(value, Mapping) else value for value in self._values()]
        return hash(tuple(values))

    def _values(self) -> list[Any]:
        return [getattr(self, each.name) for each in fields(self)]


def _make(values: tuple[Any, ...]) -> SampleSpec:
    return SampleSpec(*values)


def read_settings(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a TOML or YAML file of settings.

    Raises
    ------
    BadInput
    """
    import tomllib  # noqa: PLC0415 - only where a file is read

    try:
        file = Path(path)
    except TypeError:
        raise BadInput(f"path is {path!r}. Hint: give the path of a TOML or YAML file.") from None
    try:
        text = file.read_text(encoding="utf-8-sig")
        if file.suffix.lower() in (".yaml", ".yml"):
            yaml = need("yaml", why=f"{file.name}; TOML is read without")
            try:
                found = yaml.safe_load(text)
            except yaml.YAMLError as error:
                raise BadInput(f"{file} is not YAML: {' '.join(str(error).split())}.") from None
        else:
            found = tomllib.loads(text)
    except FileNotFoundError:
        raise BadInput(f"{file} does not exist. Hint: give a TOML or YAML file.") from None
    except OSError as error:
        raise BadInput(f"{file} cannot be read: {error.strerror}. Hint: give a TOML or YAML file.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} is not TOML: {error}.") from None
    if not isinstance(found, dict):
        raise BadInput(f"{file} holds no settings. Hint: lines of NAME = VALUE.")
    return found


def _channels(given: Any) -> tuple[str, ...]:
    if not isinstance(given, str | Sequence):
        raise BadInput(f"channels is {given!r}. Hint: give names of columns, ['close', 'volume'] say.")
    listed = (given,) if isinstance(given, str) else tuple(given)
    if not all(isinstance(name, str) for name in listed):
        other = next(name for name in listed if not isinstance(name, str))
        raise BadInput(f"channels has {other!r}. Hint: give names of columns, ['close', 'volume'] say.")
    names = tuple(name.lower() if name.lower() in CHANNELS else name for name in listed)
    if not names or len(set(names)) < len(names):
        raise BadInput(f"channels is {list(names)}. Hint: give at least one, and each once.")
    return names


def _nested(kind: type[Any], name: str, given: Any) -> Any:
    """Take a nested spec: itself, or a mapping of its settings."""
    if isinstance(given, kind):
        return given
    if not isinstance(given, Mapping):
        raise BadInput(f"{name} is {given!r}. Hint: give a {kind.__name__}, or a mapping of its settings.")
    for each in given:
        check_choice(f"a setting of {name}", each, [known.name for known in fields(kind)])
    return kind(**given)


def _split(given: Any) -> Split:
    """Take a split; shares that are not under "parts" are refused by name."""
    if isinstance(given, Mapping) and "parts" not in given:
        flat = {name: share for name, share in given.items() if name != "embargo"}
        if flat and all(isinstance(share, int | float) for share in flat.values()):
            meant = {"parts": flat} | {name: given[name] for name in given if name == "embargo"}
            raise BadInput(f"split is {dict(given)}. Hint: shares are under 'parts': split={meant}.")
    return _nested(Split, "split", given)  # type: ignore[no-any-return]


def _embargo(given: Any) -> int | str:
    """Take a number of times, or a length of time as text."""
    unit = isinstance(given, str) and any(letter.isalpha() and letter not in "eE" for letter in given)
    if unit or isinstance(given, np.timedelta64 | dt.timedelta):
        return show_duration(take_duration("embargo", given))
    return take_count("embargo", given, 0)


def _state(given: Any, lookback: int) -> Mapping[str, Law]:
    """Take the laws of all fields, in order."""
    if isinstance(given, str):
        given = (given,)
    if not isinstance(given, Mapping | Sequence):
        raise BadInput(f"state is {given!r}. Hint: give names of fields, or a mapping of names to laws.")
    named = given.items() if isinstance(given, Mapping) else [(name, None) for name in given]
    laws: dict[str, Law] = {}
    for name, value in named:
        if not isinstance(name, str) or not name.isidentifier() or name in RESERVED or name in laws:
            raise BadInput(f"a field of state is {name!r}. Hint: a name of its own, none of {', '.join(RESERVED)}.")
        law = take_law(name, value)
        if isinstance(law, EntryPrice) and (law.within or 1) > lookback:
            raise BadInput(f"within of {name} is {law.within}, and lookback {lookback}. Hint: at most the window.")
        if isinstance(law, UnrealisedPnl):
            for other in (law.position, law.entry):
                if other not in laws:
                    raise BadInput(f"{name} needs the field {other!r}. Hint: put it into state before {name!r}.")
        laws[name] = law
    return MappingProxyType(laws)
