"""SampleSpec: everything that, with a series and a number of samples, says what every sample is."""

from __future__ import annotations

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
from atomloom.samples.checks import take_count, take_real
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
        a window belongs where its last bar does.

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


@dataclass(frozen=True)
class Split:
    """Parts of time, apart from each other: training, validation and test.

    Attributes
    ----------
    parts : mapping of str to float
        Shares of all times in their order; they add up to 1 at most.
    embargo : int
        Times that are left out behind each border.

    Notes
    -----
    A window belongs to a part if all its bars and those of its label lie in it: what would reach over a border is
    purged (AFML chapter 7), so that no two parts share a bar. Borders are moments, the same for all symbols: shares are
    of the different times of all of them, and so is the embargo, which therefore is at most as many bars of a symbol.
    Several symbols need times.

    Examples
    --------
    >>> Split({"train": 0.7, "test": 0.3}, embargo=10).parts["train"]
    0.7
    """

    parts: Mapping[str, float] = field(default_factory=lambda: {"train": 0.7, "validation": 0.15, "test": 0.15})
    embargo: int = 0

    def __post_init__(self) -> None:
        if not self.parts or not hasattr(self.parts, "items"):
            raise BadInput(f"parts of split is {self.parts!r}. Hint: give {{'train': 0.7, 'test': 0.3}}.")
        parts = {str(name): take_real(f"share of {name}", share, 0.0, 1.0) for name, share in self.parts.items()}
        if sum(parts.values()) > 1.0 + 1e-9 or min(parts.values()) <= 0.0:
            raise BadInput(f"parts of split is {dict(parts)}. Hint: shares above 0 that add up to 1 at most.")
        object.__setattr__(self, "parts", MappingProxyType(parts))
        object.__setattr__(self, "embargo", take_count("embargo", self.embargo, 0))

    def __reduce__(self) -> tuple[Any, ...]:
        return Split, (dict(self.parts), self.embargo)


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
        Bars behind the window that its label looks at: rows i to i + horizon - 1. With 0 there is no label, and
        windows may end with the last bar.
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
        put(self, "split", None if self.split is None else _nested(Split, "split", self.split))
        put(self, "state", _state(self.state, self.lookback))
        put(self, "gap", _gap(self.gap))
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
        for name in values:
            check_choice("a setting of a sample", name, [each.name for each in fields(cls)])
        return cls(**values)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> SampleSpec:
        """Read a spec from a TOML or YAML file (YAML where PyYAML is installed).

        Raises
        ------
        BadInput
            For a file that is neither, or names unknown settings.
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

        Examples
        --------
        >>> SampleSpec().with_(seed=3).seed
        3
        """
        return replace(self, **changes)

    def __reduce__(self) -> tuple[Any, ...]:
        return _make, (tuple(dict(value) if isinstance(value, Mapping) else value for value in self._values()),)

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

    file = Path(path)
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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} is not TOML: {error}.") from None
    if not isinstance(found, dict):
        raise BadInput(f"{file} holds no settings. Hint: lines of NAME = VALUE.")
    return found


def _channels(given: Any) -> tuple[str, ...]:
    if not isinstance(given, str | Sequence):
        raise BadInput(f"channels is {given!r}. Hint: give names of columns, ['close', 'volume'] say.")
    listed = (given,) if isinstance(given, str) else tuple(str(name) for name in given)
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


def _gap(given: Any) -> int | None:
    """Take a length of time as ns."""
    if given is None:
        return None
    try:
        if isinstance(given, str):
            import pandas as pd  # noqa: PLC0415 - heavy, and only for texts

            found = int(pd.Timedelta(given).value)
        else:
            found = int(np.timedelta64(given, "ns").astype(np.int64))
    except (ValueError, TypeError) as error:
        raise BadInput(f"gap is {given!r}: {error}. Hint: a length of time like '3D' or '2h', or ns.") from None
    if found <= 0:
        raise BadInput(f"gap is {given!r}. Hint: give a length of time above 0.")
    return found
