"""What a sweep leaves in its run folder: tables for the report, and for whoever goes on from there."""

from __future__ import annotations

import csv
import io
import json
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.app.options import plain
from atomloom.app.price_input import in_cli_words
from atomloom.app.sweep_lines import lines_of, logit_bins

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from atomloom.app.runs import RunFolder
    from atomloom.portfolio.sweep_result import SweepResult

    Reals = NDArray[np.float64]

_CPCV_LINES = 40
_LONGEST = 20  # values of an axis of a heat map
_HEATS = 3


def leave(folder: RunFolder, found: SweepResult, top: int) -> None:
    """Write all tables."""
    places = found.order()[:top]
    folder.write_text("result.json", json.dumps(plain(found.to_dict()), indent=1) + "\n")
    k = found.best
    best = {"config": found.configs[k], "figures": {name: found.figure(name)[k] for name in _figures()}}
    folder.write_text("best.json", json.dumps(plain(best), indent=1) + "\n")
    write_columns(folder, "top.csv", _top(found, places))
    folder.write_bytes("paths.parquet", as_parquet(_timed(found, lines_of(found, top))))
    heats = heats_of(found)
    if heats:
        write_columns(
            folder, "heat.csv", {name: [value for heat in heats for value in heat[name]] for name in heats[0]}
        )
    if found.splits is not None:
        write_columns(folder, "splits.csv", _splits(found))
        if found.splits.n_paths > 1:
            year = np.sqrt(found.job.periods_per_year)
            write_columns(folder, "cpcv.csv", {"sharpe": np.asarray(found.selection.path_sharpe) * year})
            folder.write_bytes("cpcv.parquet", as_parquet(_cpcv_lines(found)))
    judged = found.verdict
    if judged is not None:
        write_columns(folder, "null.csv", _null(found))
        write_columns(folder, "survivors.csv", _top(found, judged.survivors[:top]))
        if judged.pbo is not None:
            edges, counts = logit_bins(judged.pbo)
            write_columns(folder, "logits.csv", {"low": edges[:-1], "high": edges[1:], "splits": counts})
    failed = failures_of(found)
    if failed["reason"]:
        write_columns(folder, "failed.csv", failed)


def _figures() -> tuple[str, ...]:
    from atomloom.portfolio.sweep_table import FIGURES  # noqa: PLC0415 - with the room behind it

    return FIGURES


def _top(found: SweepResult, places: NDArray[np.int64]) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "config": places,
        "label": [found.configs.label(int(k)) for k in places],
        "status": found.status[places],
    }
    columns |= {name: found.figure(name)[places] for name in _figures()}
    if found.verdict is not None:
        columns |= {"t": found.t[places], "p": found.verdict.p[places]}
        columns["survives"] = np.isin(places, found.verdict.survivors).astype(int)
    return columns


def _timed(found: SweepResult, columns: dict[str, Reals]) -> dict[str, Any]:
    return columns if found.times is None else {"time": found.times, **columns}


def _splits(found: SweepResult) -> dict[str, Any]:
    splits, chosen = found.splits, found.selection
    assert splits is not None  # noqa: S101 - the caller looked
    year = np.sqrt(found.job.periods_per_year)
    columns: dict[str, Any] = {"split": np.arange(splits.n_splits)}
    for side in ("train", "test"):
        start, stop, first = (getattr(splits, f"{side}_{name}") for name in ("start", "stop", "first"))
        low, high = start[first[:-1]], stop[first[1:] - 1] - 1
        apart = np.append(True, start[1:] != stop[:-1])
        apart[first[:-1]] = True  # the first piece of each split
        columns |= {f"{side}_from": _moments(found, low), f"{side}_to": _moments(found, high)}
        columns[f"{side}_pieces"] = np.add.reduceat(apart.astype(np.int64), first[:-1])
    columns |= {
        "winner": chosen.winners,
        "label": [found.configs.label(int(k)) for k in chosen.winners],
        "train_sharpe": chosen.train_sharpe * year,
        "test_sharpe": chosen.test_sharpe * year,
        "rank": chosen.rank,
        "rank_correlation": chosen.rank_correlation,
        "n_train": chosen.n_train,
        "n_test": chosen.n_test,
    }
    return columns


def _moments(found: SweepResult, rows: NDArray[np.int64]) -> Any:
    return rows if found.times is None else stamps(found.times[rows])


def stamps(times: NDArray[np.int64]) -> list[str]:
    """Write times, ns UTC, as ISO 8601: days where all are midnights.

    Examples
    --------
    >>> stamps(np.array([0])), stamps(np.array([10**9]))
    (['1970-01-01'], ['1970-01-01T00:00:01Z'])
    """
    moments = times.astype("M8[ns]")
    if not (times % 86_400_000_000_000).any():
        return [str(moment) for moment in moments.astype("M8[D]")]
    return [f"{moment}Z" for moment in moments.astype("M8[s]")]


def _cpcv_lines(found: SweepResult) -> dict[str, Any]:
    """Values along the paths of combinatorial cross-validation, each fold by the winner of the split that serves it."""
    splits = found.splits
    assert splits is not None and splits.path_of is not None and splits.folds is not None  # noqa: S101, PT018
    served = found.selection.winners[splits.path_of[:_CPCV_LINES]]
    own = {int(place): found.path(int(place)).returns for place in np.unique(served)}
    lines: dict[str, Any] = {}
    for p, folds in enumerate(served):
        parts = [own[int(k)][splits.folds[f] : splits.folds[f + 1]] for f, k in enumerate(folds)]
        lines[f"path_{p}"] = np.cumprod(1.0 + np.concatenate(parts))
    return _timed(found, lines)


def _null(found: SweepResult) -> dict[str, Any]:
    """Largest t of each bootstrap sample: what the best of searches without an edge looks like."""
    peaks = found.maxima.max(axis=0, initial=-np.inf)
    return {"t_max": np.sort(peaks[np.isfinite(peaks)])}


def failures_of(found: SweepResult) -> dict[str, list[Any]]:
    """Say why configurations failed: each reason once, how many it has, and the first of them."""
    reasons: dict[str, list[int]] = {}
    for place in np.flatnonzero(found.codes == 1):
        reasons.setdefault(in_cli_words(str(found.error(int(place)))), []).append(int(place))
    return {
        "reason": list(reasons),
        "configurations": [len(places) for places in reasons.values()],
        "first": [found.configs.label(places[0]) for places in reasons.values()],
    }


def heats_of(found: SweepResult) -> list[dict[str, Any]]:
    """Sharpe ratios over two parameters, all others as the winner has them: maps as they are drawn, one after another.

    The first has the two parameters with the most filled cells; each further one a parameter that none before it has.
    """
    best = found.best
    held: Any = found.configs.columns
    own = found.configs[best]
    columns = {name: held[name] for name in found.configs.varied if held[name].codes is not None and name in own}
    same = {name: column.codes == column.codes[best] for name, column in columns.items()}
    drawn = [name for name in found.configs.varied if name not in columns and name in own]
    others = [name for name in found.configs.varied if name not in own]
    if drawn or len(columns) < 2:
        return []
    away = sum((~mark).astype(np.int8) for mark in same.values())
    for name in others:  # the winner has no such parameter, so that neighbours have none either
        codes = held[name].codes
        away = away + (np.int8(0) if codes is None else (codes != codes[best]).astype(np.int8))
    near = np.flatnonzero((away <= 2) & (found.codes != 1))
    ranked: list[tuple[int, str, str, Any]] = []
    for down, across in combinations(columns, 2):
        left = away[near] - (~same[down][near]).astype(np.int8) - (~same[across][near]).astype(np.int8)
        rows = near[left == 0]
        sizes = [len(np.unique(columns[name].codes[rows])) for name in (down, across)]
        if min(sizes) > 1 and max(sizes) <= _LONGEST:
            ranked.append((len(rows), down, across, rows))
    ranked.sort(key=lambda each: -each[0])
    shown: set[str] = set()
    heats: list[dict[str, Any]] = []
    for _, down, across, rows in ranked:
        if not {down, across} <= shown and len(heats) < _HEATS:
            shown |= {down, across}
            heats.append(_heat(found, columns, (down, across), rows))
    return heats


def _heat(found: SweepResult, columns: dict[str, Any], names: tuple[str, str], rows: Any) -> dict[str, Any]:
    own = found.configs[found.best]
    fixed = {name: value for name, value in own.items() if name not in names and name in columns}
    down, across = names
    return {
        "down": [_word(columns[down].at(int(k))) for k in rows],
        "across": [_word(columns[across].at(int(k))) for k in rows],
        "sharpe": found.figure("sharpe")[rows].tolist(),
        "best": (rows == found.best).astype(int).tolist(),
        "down_name": [down] * len(rows),
        "across_name": [across] * len(rows),
        "fixed": [", ".join(f"{name} {_word(value)}" for name, value in fixed.items())] * len(rows),
    }


def _word(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return str(getattr(value, "__name__", value))


def write_columns(folder: RunFolder, name: str, columns: Mapping[str, Any]) -> None:
    """Write a table as CSV, floats with all their digits, without loading pandas.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from atomloom.app.runs import RunFolder
    >>> with TemporaryDirectory() as place:
    ...     run = RunFolder.create("sweep", {}, out=Path(place, "a"), seed=0)
    ...     write_columns(run, "t.csv", {"a": np.array([0.1, np.nan]), "b": ["x", "y, z"]})
    ...     print((run.path / "t.csv").read_text())
    a,b
    0.1,x
    ,"y, z"
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    listed = [values.tolist() if isinstance(values, np.ndarray) else list(values) for values in columns.values()]
    for row in zip(*listed, strict=True):
        writer.writerow(["" if value != value else value for value in row])  # noqa: PLR0124 - NaN
    folder.write_text(name, text.getvalue())


def as_parquet(columns: Mapping[str, NDArray[Any]]) -> bytes:
    """Write columns of numbers as Parquet; "time" as timestamps, ns UTC."""
    arrow = need("pyarrow")
    made = {}
    for name, values in columns.items():  # by their buffers, as Arrow's own way loads pandas
        kind = arrow.timestamp("ns", tz="UTC") if name == "time" else arrow.from_numpy_dtype(values.dtype)
        made[name] = arrow.Array.from_buffers(kind, len(values), [None, arrow.py_buffer(np.ascontiguousarray(values))])
    buffer = io.BytesIO()
    need("pyarrow.parquet").write_table(arrow.table(made), buffer, compression="zstd")
    return buffer.getvalue()


def read_parquet(path: Path, names: list[str] | None = None) -> dict[str, NDArray[Any]]:
    """Read columns of numbers; "time" as datetime64.

    Raises
    ------
    StoreError
        The table is not in the folder.
    """
    from atomloom.errors import StoreError  # noqa: PLC0415 - only here
    from atomloom.portfolio.price_tables import array_of  # noqa: PLC0415 - same

    if not path.is_file():
        raise StoreError(f"{path} is missing. Hint: finish the run with --resume.")
    arrow = need("pyarrow")
    file = need("pyarrow.parquet").ParquetFile(path)
    table = file.read(columns=names)
    found = {}
    for name in table.column_names:
        if name == "time":
            found[name] = array_of(table[name], arrow.int64()).astype("M8[ns]")
        else:
            found[name] = array_of(table[name], arrow.float64())
    return found
