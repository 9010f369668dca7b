"""What a run of `atomloom samples` leaves for its report: some samples, where windows lie, states beside their laws."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.app import samples_rate
from atomloom.errors import BadInput, Infeasible

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.app.runs import RunFolder
    from atomloom.samples import Dataset

    Reals = NDArray[np.float64]

SHOWN = 256
LOOKED_AT = 200_000
_SAMPLE_BYTES = 4 << 20
_SYMBOLS = 6
_POINTS = 2500
_BINS = 40
_CHOICES = 24
_BARS = 250_000  # of a symbol that is diagnosed


def leave(folder: RunFolder, parts: Mapping[str, Dataset]) -> None:
    """Write all tables of the report; samples and states are shown of the first part."""
    samples = next(iter(parts.values()))
    folder.write_bytes("sample.parquet", some(samples))
    ends, states = _drawn(samples, np.arange(min(len(samples), LOOKED_AT)))
    table = series_table(samples, ends)
    for other in list(parts.values())[1:]:
        table["samples"] += series_table(other, other.ends(range(min(len(other), LOOKED_AT))))["samples"]
    folder.write_frame("series.csv", table)
    folder.write_frame("parts.csv", parts_table(samples))
    folder.write_frame("states.csv", states_table(samples, states))
    import pandas as pd  # noqa: PLC0415  # half a second that --help does not owe

    folder.write_frame("formats.csv", pd.DataFrame(samples_rate.sizes(samples)))
    facts, curves, notes = diagnosed(samples)
    if facts is not None and curves is not None:
        folder.write_frame("facts.csv", facts)
        folder.write_frame("curves.csv", curves)
    folder.record["diagnosis_note"] = notes
    folder.save()


def some(samples: Dataset) -> bytes:
    """Give the first samples as the bytes of a Parquet file; "x" is a list of lists, a channel each."""
    size = samples_rate.sample_bytes(samples)
    count = max(1, min(SHOWN, len(samples), _SAMPLE_BYTES // size))
    arrow, parquet = need("pyarrow"), need("pyarrow.parquet")
    batch = dict(samples.batch(range(count)))
    x = batch.pop("x")
    columns = {"id": arrow.array(np.arange(count)), **{name: arrow.array(values) for name, values in batch.items()}}
    if "symbol" in columns:
        columns["symbol"] = arrow.array([samples.series.symbols[k] for k in batch["symbol"]])
    for c, name in enumerate(samples.spec.channels):
        flat = arrow.array(np.ascontiguousarray(x[:, c]).reshape(-1))
        columns[f"{name}_scaled"] = arrow.FixedSizeListArray.from_arrays(flat, x.shape[2])
    file = io.BytesIO()
    parquet.write_table(arrow.table(columns), file, compression="zstd")
    return file.getvalue()


def _drawn(samples: Dataset, ids: NDArray[np.int64]) -> tuple[NDArray[np.int64], dict[str, NDArray[Any]]]:
    """Give the row behind the window, and the states, of some samples."""
    laws = samples.spec.state
    size = samples_rate.batch_size(samples)
    kept: dict[str, list[NDArray[Any]]] = {name: [] for name in laws}
    ends = []
    for low in range(0, len(ids), size):
        own = ids[low : low + size]
        ends.append(samples.ends(own))
        batch = samples.batch(own)
        for name in laws:
            kept[name].append(batch[name].copy())
    return np.concatenate(ends), {name: np.concatenate(parts) for name, parts in kept.items()}


def series_table(samples: Dataset, ends: NDArray[np.int64]) -> pd.DataFrame:
    """Give closes of the first symbols, thinned, and how many of all samples reach over each bar.

    Parameters
    ----------
    samples : Dataset
    ends : (m,) int64
        Row behind the window of the first m samples; counts are scaled up to all.
    """
    import pandas as pd  # noqa: PLC0415  # same

    series, length = samples.series, samples.spec.lookback
    steps = np.zeros(series.n_rows + 1)
    np.add.at(steps, ends - length, 1.0)
    np.add.at(steps, ends, -1.0)
    reach = np.cumsum(steps)[:-1] * (len(samples) / len(ends))
    line = series.values[0] if series.close is None else series.close  # noqa: PD011  # an array of ours
    tables = []
    for k in range(min(_SYMBOLS, len(series.symbols))):
        low, high = int(series.first[k]), int(series.first[k + 1])
        rows = np.unique(np.linspace(low, high - 1, min(high - low, _POINTS)).astype(np.int64))
        table = {"symbol": k, "bar": rows - low, "price": line[rows].astype(np.float64), "samples": reach[rows]}
        if series.times is not None:
            table["time"] = [str(moment) for moment in series.times[rows].astype("datetime64[ns]")]
        tables.append(pd.DataFrame(table))
    return pd.concat(tables)


def parts_table(samples: Dataset) -> pd.DataFrame:
    """Say, for each part of the split and each of the first symbols, which bars it has and where windows end.

    Parts and symbols are written by their number: a name may look like a number, or be empty.
    ``begin`` and ``stop`` are the first bar of the first window and the bar behind the last label; windows end
    (their last bar is) from ``first_end`` to ``last_end``. Bars are those of the symbol.
    """
    import pandas as pd  # noqa: PLC0415  # same

    from atomloom.samples.windows import windows_of  # noqa: PLC0415  # same

    spec, series = samples.spec, samples.series
    parts = [None] if spec.split is None else list(spec.split.parts)
    rows = []
    for place, part in enumerate(parts):
        try:
            windows = windows_of(series, spec, part)
        except Infeasible:
            continue
        last = windows.ends + np.diff(windows.offsets) - 1
        for k in range(min(_SYMBOLS, len(series.symbols))):
            own = windows.symbol == k
            if own.any():
                low, high = int(windows.ends[own].min()), int(last[own].max())
                begin = int(series.first[k])
                rows.append({
                    "part": place, "symbol": k, "begin": low - spec.lookback - begin,
                    "stop": high + spec.horizon - begin, "first_end": low - 1 - begin, "last_end": high - 1 - begin,
                    "windows": int(np.diff(windows.offsets)[own].sum()),
                })  # fmt: skip
    names = ["part", "symbol", "begin", "stop", "first_end", "last_end", "windows"]
    return pd.DataFrame(rows, columns=names)


def states_table(samples: Dataset, states: dict[str, NDArray[Any]]) -> pd.DataFrame:
    """Count the values of each field in bins, beside what its law gives."""
    import pandas as pd  # noqa: PLC0415  # same

    rows: list[dict[str, Any]] = []
    for name, values in states.items():
        edges, expected, scale = _law(samples, name, values)
        if scale == "choice":
            counts = np.array([np.count_nonzero(values == np.asarray(edge, values.dtype)) for edge in edges])
            low = high = edges
        else:
            counts, low, high = np.histogram(values, edges)[0], edges[:-1], edges[1:]
        told = np.full(len(counts), np.nan) if expected is None else expected * len(values)
        rows += [
            {"field": name, "scale": scale, "low": a, "high": b, "count": c, "expected": e}
            for a, b, c, e in zip(low, high, counts, told, strict=True)
        ]
    return pd.DataFrame(rows, columns=["field", "scale", "low", "high", "count", "expected"])


def _law(samples: Dataset, name: str, values: NDArray[Any]) -> tuple[Reals, Reals | None, str]:
    """Give bins (or choices), the share of each by the law, and how the axis is drawn."""
    from atomloom.samples import Choice, EntryPrice, Uniform  # noqa: PLC0415  # same

    law = samples.spec.state[name]
    if isinstance(law, Choice) and len(set(law.values)) <= _CHOICES:
        choices, counts = np.unique(law.values, return_counts=True)
        return choices, counts / counts.sum(), "choice"
    if isinstance(law, Uniform):
        if law.law == "log":
            return np.geomspace(law.low, law.high, _BINS + 1), np.full(_BINS, 1.0 / _BINS), "log"
        return np.linspace(law.low, law.high, _BINS + 1), np.full(_BINS, 1.0 / _BINS), "linear"
    seen = values[np.isfinite(values)].astype(np.float64)
    low, high = (float(seen.min()), float(seen.max())) if len(seen) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    if isinstance(law, EntryPrice):
        return edges, _entries(samples, law.within or samples.spec.lookback, edges), "linear"
    return edges, None, "linear"


def _entries(samples: Dataset, within: int, edges: Reals) -> Reals:
    """Share of each bin among all closes that an entry may have, over the windows of some other samples."""
    close = samples.series.close
    assert close is not None  # noqa: S101  # the dataset has seen to it
    ends = np.unique(samples.ends(np.arange(min(len(samples), 20_000))))
    back = np.unique(np.linspace(1, within, min(within, 64)).astype(np.int64))
    ratios = close[ends[:, None] - back].astype(np.float64) / close[ends - 1, None]
    counts = np.histogram(ratios, edges)[0]
    found: Reals = counts / max(1, ratios.size)
    return found


def diagnosed(samples: Dataset) -> tuple[pd.DataFrame | None, pd.DataFrame | None, str]:
    """Tell the stylised facts of the first symbol, and its autocorrelations by lag; None where it has too little."""
    try:
        from atomloom.samples.diagnosis import diagnose  # noqa: PLC0415  # heavy
    except ImportError:
        return None, None, "There is no diagnosis in this version."
    import pandas as pd  # noqa: PLC0415  # same

    series = samples.series
    high = int(series.first[1])
    names = [name for name in series.channels if name in ("open", "high", "low", "close", "volume")]
    low = max(0, high - _BARS)
    values = series.values[:, low:high].astype(np.float64)  # noqa: PD011  # an array of ours
    frame = {name: values[series.channels.index(name)] for name in names}
    if series.close is not None:
        frame["close"] = series.close[low:high].astype(np.float64)
    if "close" not in frame:
        return None, None, "Nothing is diagnosed: there is no close."
    whole = {"open", "high", "low", "close", "volume"} <= set(frame)
    try:
        found = diagnose(pd.DataFrame(frame if whole else {"close": frame["close"]}))
    except BadInput as error:
        return None, None, f"Nothing is diagnosed: {str(error).partition(' Hint:')[0]}."
    lags = np.arange(1, found.curves.shape[1] + 1)
    curves = pd.DataFrame(
        {"lag": lags, "returns": found.curves[0], "size": found.curves[1], "leverage": found.curves[2]}
    )
    called = f" of {series.symbols[0]}" if series.symbols[0] else ""
    return (
        found.to_frame().reset_index()[["fact", "value", "what"]].dropna(),
        curves,
        f"{found.n:,} log-returns{called}, from bar to bar."
        + (f" Of {len(series.symbols):,} symbols the first." if len(series.symbols) > 1 else ""),
    )
