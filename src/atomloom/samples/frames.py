"""Samples as tables: a frame with a row for each, or an Arrow table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput
from atomloom.samples.asking import numbers_of, size_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from atomloom.samples.sample_set import Dataset


def to_frame(dataset: Dataset, ids: ArrayLike | slice | range | None = None) -> Any:
    """Give samples as a pandas frame, for a look at them.

    Columns are those of the reference design: "idx", the state, each channel as it is in the series (a list of
    ``lookback`` numbers in every row), and each as ``<channel>_scaled``; "symbol" by name where there are several,
    and "label". The index is the number of the sample.

    Parameters
    ----------
    dataset : Dataset or StoredDataset
    ids : (B,) integers, slice or range, optional
        The first thousand where not given.

    Raises
    ------
    OverBudget
        For more samples than a frame in free memory holds.
    BadInput
        For a channel of the name that another column has.

    Notes
    -----
    A row takes ten times the memory of its numbers: this is no way to store samples.
    """
    import pandas as pd  # noqa: PLC0415 - heavy

    wanted = slice(0, 1000) if ids is None else ids
    numbers = numbers_of(wanted, len(dataset), 20 * size_of(dataset.fields))
    batch = dict(dataset.batch(numbers))
    x, symbols = batch.pop("x"), batch.pop("symbol", None)
    label = batch.pop("label", None)
    columns: dict[str, Any] = {"idx": batch.pop("idx")}
    if symbols is not None:
        columns["symbol"] = np.array(dataset.series.symbols, dtype=object)[symbols]
    columns |= batch
    if label is not None:
        columns["label"] = label
    named = [*columns, *(name for channel in dataset.spec.channels for name in (channel, f"{channel}_scaled"))]
    for name in named:
        if named.count(name) > 1:
            raise BadInput(f"two columns of the frame would be {name!r}. Hint: rename that channel.")
    raw = dataset.raw_windows(numbers)
    for c, channel in enumerate(dataset.spec.channels):
        columns[channel] = list(raw[:, c])
    for c, channel in enumerate(dataset.spec.channels):
        columns[f"{channel}_scaled"] = list(x[:, c])
    if label is not None:
        columns["label"] = columns.pop("label")  # the last one
    return pd.DataFrame(columns, index=pd.Index(numbers, name="id"))


def to_arrow(dataset: Dataset, ids: ArrayLike | slice | range) -> Any:
    """Give samples as an Arrow table; "x" is a tensor of fixed shape.

    Parameters
    ----------
    dataset : Dataset or StoredDataset
    ids : (B,) integers, slice or range

    Returns
    -------
    pyarrow.Table
        Without copies where Arrow needs none.
    """
    numbers = numbers_of(ids, len(dataset), size_of(dataset.fields))
    return table_of(dataset.batch(numbers), numbers)


def table_of(batch: dict[str, Any], ids: Any) -> Any:
    """Give a batch as an Arrow table with the numbers of its samples first."""
    pa = need("pyarrow")
    columns = {"id": pa.array(ids)}
    for name, array in batch.items():
        if array.ndim == 1:
            columns[name] = pa.array(array)
        elif len(array) == 0:
            kind = pa.fixed_shape_tensor(pa.from_numpy_dtype(array.dtype), array.shape[1:])
            columns[name] = pa.ExtensionArray.from_storage(kind, pa.array([], kind.storage_type))
        else:
            columns[name] = pa.FixedShapeTensorArray.from_numpy_ndarray(np.ascontiguousarray(array))
    return pa.table(columns)
