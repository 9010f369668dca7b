"""dataset: bars and a spec make any number of samples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from atomloom._choices import check_choice
from atomloom.errors import BadInput
from atomloom.samples.checks import take_count
from atomloom.samples.divisors import check_ratios, divide_by
from atomloom.samples.sample_set import Dataset
from atomloom.samples.series import NAN, take_series
from atomloom.samples.spec import SampleSpec
from atomloom.samples.state_laws import EntryPrice
from atomloom.samples.store_bars import bars_of_store
from atomloom.samples.windows import windows_of
from atomloom.store import Store

if TYPE_CHECKING:
    from collections.abc import Mapping


def dataset(
    data: Any,
    n: int,
    spec: SampleSpec | Mapping[str, Any] | None = None,
    *,
    part: str | None = None,
    timeframe: str | int | None = None,
    nan: str = "refuse",
    bad_bars: str = "refuse",
) -> Dataset:
    """Make a dataset of samples out of bars.

    Parameters
    ----------
    data : frame, mapping of symbol to frame, or Store
        Columns open, high, low, close, volume in any case (or what ``spec.channels`` names), rows in the order of
        time; times are the index or a column "date", "time", ....
    n : int
        Samples; ``40e6`` and ``"40e6"`` too. Any number: they are computed where they are asked for.
    spec : SampleSpec or mapping, optional
    part : str, optional
        Part of ``spec.split``.
    timeframe : str or int, optional
        Length of the bars that the trades of a store are cut into: "1min", or ns.
    nan : {"refuse", "split"}
        "split": rows with a value that is not finite are left out, and no window reaches over them.
    bad_bars : {"refuse", "keep"}
        Bars with a price beyond their high or low.

    Returns
    -------
    Dataset

    Raises
    ------
    BadInput
        For bars or settings that cannot be meant.
    Infeasible
        Where no window fits.

    Notes
    -----
    O(T log L) time and O(T) memory, whatever n is.

    Examples
    --------
    >>> import numpy as np
    >>> close = np.linspace(10.0, 20.0, 100)
    >>> bars = {name: close for name in ("open", "high", "low", "close")} | {"volume": np.ones(100)}
    >>> samples = dataset(bars, 1_000_000_000_000, {"lookback": 8, "seed": 7})
    >>> samples
    Dataset(1,000,000,000,000 samples of 5 channels x 8 bars, 92 windows, seed 7)
    >>> samples[10**11]["x"].shape, float(samples[5]["x"][3, -1])
    ((5, 8), 1.0)
    """
    made = spec if isinstance(spec, SampleSpec) else SampleSpec.from_dict({} if spec is None else spec)
    check_choice("nan", nan, NAN)
    check_choice("bad_bars", bad_bars, ("refuse", "keep"))
    count = take_count("n", n)
    if isinstance(data, Store):
        data = bars_of_store(data, timeframe)
    elif timeframe is not None:
        raise BadInput(f"timeframe is {timeframe!r} and data is no store. Hint: leave it out: bars stay as they are.")
    series = take_series(data, made, nan=nan, bad_bars=bad_bars)
    windows = windows_of(series, made, part)
    priced = any(isinstance(law, EntryPrice) for law in made.state.values())
    if priced and (series.close is None or made.scale != "last_close"):
        raise BadInput("state has an entry price, which needs closes above 0. Hint: scale='last_close' and a close.")
    divided = divide_by(series, made)
    check_ratios(windows, made, divided)
    return Dataset(series, made, windows, count, part, *divided)
