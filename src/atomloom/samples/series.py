"""The series that windows are cut from: channels of all symbols one behind the other, and checked."""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.samples.columns import Bars, symbols_of, take_bars

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from atomloom.samples.spec import SampleSpec

NAN = ("refuse", "split")
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True, eq=False)
class Series:
    """Bars of all symbols, one behind the other.

    Attributes
    ----------
    values : (C, T) float32 or float64
        Channels. Contiguous.
    close : (T,) of the same kind, or None
        Closes, whether they are a channel or not.
    channels : tuple of str
    symbols : tuple of str
    first : (S + 1,) int64
        First row of each symbol, and the number of all.
    runs : (R, 3) int64
        Stretches without a gap: symbol, first row, and the row behind the last.
    rows : (T,) int64
        Row of the symbol's own frame that each row came from.
    times : (T,) int64, or None
        ns UTC.
    labels : mapping of str to (T,) object
    digest : str
        SHA-256 of everything above.
    """

    values: NDArray[Any]
    close: NDArray[Any] | None
    channels: tuple[str, ...]
    symbols: tuple[str, ...]
    first: NDArray[np.int64]
    runs: NDArray[np.int64]
    rows: NDArray[np.int64]
    times: NDArray[np.int64] | None
    labels: Mapping[str, NDArray[Any]]
    digest: str

    @property
    def n_rows(self) -> int:
        """Bars of all symbols."""
        return int(self.values.shape[1])


def take_series(data: Any, spec: SampleSpec, *, nan: str = "refuse", bad_bars: str = "refuse") -> Series:
    """Take bars of one or several symbols.

    Parameters
    ----------
    data : frame, or mapping of symbol to frame
        See :func:`atomloom.samples.columns.take_bars`.
    spec : SampleSpec
    nan : {"refuse", "split"}
        "split": rows with a value that is not finite are left out, and no window reaches over them.
    bad_bars : {"refuse", "keep"}
        What to do with bars whose high is below another of their prices, or whose low is above one.

    Raises
    ------
    BadInput
        For values that are not finite, prices that cannot be divided by, volumes below 0, bars that contradict
        themselves, times out of order, or where some symbols have times and some not.
    """
    kind = np.dtype(np.float64 if spec.dtype == "float64" else np.float32)
    by = spec.index.by
    parts, runs, rows = [], [], []
    names, begin = [], 0
    for number, (name, frame) in enumerate(symbols_of(data).items()):
        where = f"symbol {name!r}" if name else "data"
        bars = take_bars(frame, spec.channels, by, where)
        bars, kept, own = _whole(bars, where, nan, spec)
        _check(bars, where, spec, bad_bars)
        names.append(name)
        parts.append(bars)
        rows.append(kept)
        runs += [(number, begin + low, begin + high) for low, high in own]
        begin += len(kept)
    first = np.concatenate([[0], np.cumsum([len(kept) for kept in rows])]).astype(np.int64)
    small = np.empty((len(spec.channels), begin), dtype=kind)
    for row, channel in zip(small, spec.channels, strict=True):
        _joined(parts, channel, row)
    close = None
    if "close" in spec.channels:
        close = small[spec.channels.index("close")]
    elif all("close" in bars.values for bars in parts):
        close = _joined(parts, "close", np.empty(begin, dtype=kind))
    times = _joined_times(parts, names)
    labels = {by: np.concatenate([bars.labels[by] for bars in parts])} if by and all(b.labels for b in parts) else {}
    found = np.array(runs, dtype=np.int64).reshape(-1, 3)
    from_rows = rows[0] if len(rows) == 1 else np.concatenate(rows)
    digest = _digest((small, close, first, found, from_rows, times), spec.channels, names, labels)
    return Series(small, close, spec.channels, tuple(names), first, found, from_rows, times, labels, digest)


def _joined(parts: list[Bars], name: str, out: NDArray[Any]) -> NDArray[Any]:
    """Put a column of all symbols where it belongs, without another copy."""
    begin = 0
    with np.errstate(over="ignore"):
        for bars in parts:
            column = bars.values[name]
            out[begin : begin + len(column)] = column
            begin += len(column)
    if not np.isfinite(out).all():
        raise BadInput(f"a value is too large for {out.dtype} (3.4e38). Hint: dtype='float64', or other units.")
    return out


def _whole(bars: Bars, where: str, nan: str, spec: SampleSpec) -> tuple[Bars, NDArray[np.int64], list[tuple[int, int]]]:
    """Leave rows out that are not finite where that is wanted; gives the rows that stay, and the runs among them."""
    good = np.ones(len(next(iter(bars.values.values()))), dtype=bool)
    for column in bars.values.values():
        good &= np.isfinite(column)
    if not good.all() and nan == "refuse":
        name, column = next((name, column) for name, column in bars.values.items() if not np.isfinite(column).all())
        bad = np.flatnonzero(~np.isfinite(column))
        message = f"{name} of {where} has {len(bad):,} values that are not finite (first at row {bad[0]:,})"
        raise BadInput(f"{message}. Hint: fill them, or pass nan='split' to leave those rows out.")
    whole = bool(good.all())
    kept = np.arange(len(good)) if whole else np.flatnonzero(good)
    broken = np.zeros(max(0, len(kept) - 1), dtype=bool) if whole else np.diff(kept) != 1
    times = bars.times if bars.times is None or whole else bars.times[kept]
    if spec.gap is not None:
        if times is None:
            raise BadInput(f"gap is given and {where} has no times. Hint: a DatetimeIndex, or a column 'time'.")
        broken |= np.diff(times) > int(spec.gap)
    cuts = np.concatenate([[0], np.flatnonzero(broken) + 1, [len(kept)]])
    runs = [(int(low), int(high)) for low, high in itertools.pairwise(cuts) if high > low]
    if whole:
        return bars, kept, runs
    values = {name: column[kept] for name, column in bars.values.items()}
    labels = {name: column[kept] for name, column in bars.labels.items()}
    return Bars(values, times, labels), kept, runs


def _check(bars: Bars, where: str, spec: SampleSpec, bad_bars: str) -> None:
    """Refuse prices and volumes that cannot be."""
    prices = [name for name in _PRICES if name in bars.values]
    tiny = np.finfo(np.float64 if spec.dtype == "float64" else np.float32).tiny
    if spec.scale == "last_close":
        if any(name in _PRICES for name in spec.channels) and "close" not in bars.values:
            raise BadInput(f"{where} has no column 'close' to scale by. Hint: add it, or scale='none'.")
        for name in prices:
            low = np.flatnonzero(bars.values[name] < tiny)
            if len(low):
                seen = f"{name} of {where} has {len(low):,} prices of 0 or less (first at row {low[0]:,}: "
                raise BadInput(f"{seen}{bars.values[name][low[0]]:g}). Hint: leave them out, or pass scale='none'.")
    if spec.scale == "none" and spec.horizon and "close" in bars.values and (bars.values["close"] < tiny).any():
        row = int(np.argmax(bars.values["close"] < tiny))
        message = f"close of {where} is {bars.values['close'][row]:g} at row {row:,}, and labels are returns"
        raise BadInput(f"{message}. Hint: horizon=0 gives no labels.")
    if "volume" in spec.channels and spec.volume != "none":
        low = np.flatnonzero(bars.values["volume"] < 0.0)
        if len(low):
            message = f"volume of {where} is below 0 in {len(low):,} rows (first row {low[0]:,})"
            raise BadInput(f"{message}. Hint: mend it, or pass volume='none'.")
    if bad_bars == "refuse" and {"high", "low"} <= bars.values.keys():
        high, low_price = bars.values["high"], bars.values["low"]
        inside = [bars.values[name] for name in ("open", "close") if name in bars.values]
        wrong = high < low_price
        for column in inside:
            wrong |= (column > high) | (column < low_price)
        rows = np.flatnonzero(wrong)
        if len(rows):
            message = f"{where} has {len(rows):,} bars with a price beyond their high or low (first at row {rows[0]:,})"
            raise BadInput(f"{message}. Hint: mend them, or pass bad_bars='keep'.")


def _joined_times(parts: list[Bars], names: list[str]) -> NDArray[np.int64] | None:
    have = [bars.times is not None for bars in parts]
    if any(have) and not all(have):
        raise BadInput(f"symbol {names[have.index(False)]!r} has no times, and others have. Hint: give all or none.")
    if len(parts) == 1:
        return parts[0].times
    return np.concatenate([bars.times for bars in parts]) if all(have) else None


def _digest(arrays: Any, channels: Any, names: Any, labels: Any) -> str:
    found = hashlib.sha256()
    for text in (*channels, "", *names, "", *map(str, labels)):
        found.update(text.encode() + b"\0")
    for array in arrays:
        if array is not None:
            found.update(f"{array.dtype.str}{array.shape}".encode())
            plain = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
            found.update(plain.reshape(-1).view(np.uint8).data if plain.size else b"")
    for column in labels.values():
        found.update("\0".join(map(str, column)).encode())
    return found.hexdigest()
