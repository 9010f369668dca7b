"""The settings of `atomloom samples`: what --config reads and --print-config prints."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass, field, fields, make_dataclass, replace
from typing import TYPE_CHECKING, Any

from atomloom._choices import check_choice
from atomloom.app import config
from atomloom.errors import BadInput
from atomloom.samples.checks import take_count
from atomloom.samples.spec import SampleSpec, read_settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

RECIPE = "recipe"
FORMATS = (RECIPE, "arrow", "parquet", "hdf5", "zarr", "npy", "mds")
_SAMPLE = tuple(each.name for each in fields(SampleSpec))


@dataclass(frozen=True)
class BarSource:
    """How the bars of DATA are taken.

    Attributes
    ----------
    timeframe : str
        Length of the bars that trades, or shorter bars, are put together to: "1min", "1h", "1d", ...; empty for rows as
        they are (a store: bars of a minute).
    symbols : list of str
        Which ones; empty for all.
    tz : str
        Time zone of times that carry no offset, and of days; empty for UTC.
    nan : str
        Rows with a value that is missing: "refuse", or "split" to leave them out, with no window over them.
    bad_bars : str
        Bars with a price beyond their high or low: "refuse" or "keep".

    Examples
    --------
    >>> BarSource().nan
    'refuse'
    """

    timeframe: str = ""
    symbols: tuple[str, ...] = ()
    tz: str = ""
    nan: str = "refuse"
    bad_bars: str = "refuse"


@dataclass(frozen=True)
class OutputSettings:
    """What is left on the disk.

    Attributes
    ----------
    format : str
        "recipe" (kilobytes for any number of samples, computed where they are used), or an export to files: "arrow",
        "parquet", "hdf5", "zarr", "npy", "mds".
    compression : str or None
        Of an export, "lz4" or "zstd" where its format has them.
    shard_rows : int or str
        Samples in a file of an export, or its size, for example "256MB".
    copy_bars : bool
        Whether the recipe has a copy of the bars, so that it is whole; if not, it names their files by path and digest,
        takes a few kilobytes, and is of use where those files are as they were.

    Examples
    --------
    >>> OutputSettings(format="parquet", compression="zstd").shard_rows
    65536
    """

    format: str = RECIPE
    compression: str | None = None
    shard_rows: int | str = 65_536
    copy_bars: bool = True

    def __post_init__(self) -> None:
        check_choice("format", self.format, FORMATS)
        if self.format == RECIPE and self.compression is not None:
            raise BadInput(f"compression is {self.compression!r} and format 'recipe'. Hint: it goes with an export.")


@dataclass(frozen=True)
class PerformanceSettings:
    """How fast, and with how much memory.

    Attributes
    ----------
    n_jobs : int or None
        Files written at a time: -1 all processors, -2 all but one; unset, one below 100,000 samples, and every core
        from there on. The bytes do not depend on it.
    memory_limit : str or None
        Of buffers of an export, for example "150MB".
    threads : int or None
        That compute what the report says; unset, as many as ``n_jobs``.

    Examples
    --------
    >>> PerformanceSettings(n_jobs=-2).memory_limit is None
    True
    """

    n_jobs: int | None = None
    memory_limit: str | int | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        for name in ("n_jobs", "threads"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value == 0):
                raise BadInput(f"{name} is {value!r}. Hint: a whole number of threads, -1 for all, -2 for all but one.")


@dataclass(frozen=True)
class SamplesSettings:
    """What to sample, and where to put it.

    Attributes
    ----------
    n : int
        Samples: any number, 40e6 too; of all parts of a split together, unless one is named.
    data : list of str
        Files of bars or closes, or stores; "es" or none for the package's trades, "sp500" for its stocks.
    part : str
        Part of the split that samples are of; "all", or empty, for every part, each with its share of ``n``.
    sample : dict
        Settings of :class:`atomloom.samples.SampleSpec`; in a file they stand beside ``n``.
    bars : BarSource
        How the bars of ``data`` are taken.
    output : OutputSettings
        What is left on the disk.
    performance : PerformanceSettings
        How fast, and with how much memory.

    Examples
    --------
    >>> settings = SamplesSettings.from_dict({"n": "40e6", "lookback": 32, "output": {"format": "arrow"}})
    >>> settings.n, settings.spec().lookback, settings.output.format
    (40000000, 32, 'arrow')
    >>> SamplesSettings.from_dict({"lookbak": 32})
    Traceback (most recent call last):
    atomloom.errors.BadInput: config: a setting is 'lookbak'. Hint: did you mean 'lookback'? One of n, data, part, ...
    """

    n: int = 1_000_000
    data: tuple[str, ...] = ()
    part: str = ""
    sample: dict[str, Any] = field(default_factory=dict)
    bars: BarSource = field(default_factory=BarSource)
    output: OutputSettings = field(default_factory=OutputSettings)
    performance: PerformanceSettings = field(default_factory=PerformanceSettings)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], where: str = "config") -> SamplesSettings:
        """Take what a file says; settings of a sample stand at the top.

        Raises
        ------
        BadInput
            For names that are none, and values that cannot be.
        """
        return cls().changed(values, where)

    @classmethod
    def read(cls, path: Path) -> SamplesSettings:
        """Read a TOML or YAML file.

        Raises
        ------
        BadInput
        """
        return cls.from_dict(read_settings(path), str(path))

    def changed(self, values: Mapping[str, Any], where: str) -> SamplesSettings:
        """Copy the settings with some changed.

        Raises
        ------
        BadInput
        """
        own = [each.name for each in fields(self) if each.name != "sample"]
        changes: dict[str, Any] = {}
        sample = dict(self.sample)
        for name, value in values.items():
            check_choice(f"{where}: a setting", name, (*own, *_SAMPLE))
            if name in _SAMPLE:
                sample[name] = value
            elif name == "n":
                changes["n"] = take_count("n", value)
            elif name == "data":
                changes["data"] = _names(value, where)
            elif name == "part":
                changes["part"] = str(value or "")
            else:
                changes[name] = _table(getattr(self, name), value, f"{where}: {name}")
        SampleSpec.from_dict(sample)
        return replace(self, sample=sample, **changes)

    def spec(self) -> SampleSpec:
        """Give the spec of the samples."""
        return SampleSpec.from_dict(self.sample)

    def to_toml(self, title: str) -> str:
        """Write all settings as commented TOML."""
        values: dict[str, Any] = {each.name: getattr(self, each.name) for each in fields(self)}
        values.pop("sample")
        given: dict[str, Any] = dict.fromkeys(_SAMPLE) | self.spec().to_dict()
        given["split"] = given["split"] or {}
        order = ["n", "data", "part", *_SAMPLE, "bars", "output", "performance"]
        rows = [(name, Any, values.get(name, given.get(name))) for name in order]
        made = make_dataclass("Settings", [(name, kind) for name, kind, _ in rows])
        told = "\n".join(inspect.cleandoc(kind.__doc__ or "") for kind in (type(self), SampleSpec))
        made.__doc__ = re.sub(r":\w+:`([^`]*)`", r"\1", told)
        return config.to_toml(made(**{name: value for name, _, value in rows}), title)


def _names(given: Any, where: str) -> tuple[str, ...]:
    """Take the names of files: one, or a list of them."""
    found = (given,) if isinstance(given, str) else given
    if not isinstance(found, list | tuple) or not all(isinstance(name, str) and name for name in found):
        raise BadInput(f"{where}: data is {given!r}. Hint: the name of a file, or a list of names.")
    return tuple(found)


def _table(old: Any, given: Any, where: str) -> Any:
    if not hasattr(given, "items"):
        raise BadInput(f"{where} is {given!r}. Hint: a table of settings.")
    known = [each.name for each in fields(old)]
    for name in given:
        check_choice(f"{where}: a setting", name, known)
    loose = {"compression", "shard_rows", "n_jobs", "memory_limit", "threads"} & set(known)
    plain = {name: value for name, value in given.items() if name not in loose}
    changed = config.update(old, plain, where)
    return replace(changed, **{name: given[name] for name in loose if name in given})
