"""What writing a dataset will take, settled before it begins: fields, shards, pieces, and the memory of a job."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.budget import parse_size, show_size
from atomloom.errors import BadInput, OverBudget
from atomloom.samples.checks import take_count
from atomloom.samples.formats.known import check_compression, format_of
from atomloom.samples.formats.layout import PIECE_BYTES, Layout
from atomloom.samples.manifest import stored

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from atomloom.samples.formats.layout import Format
    from atomloom.samples.sample_set import Dataset

    Batch = dict[str, NDArray[Any]]

MOST_SHARDS = 10_000_000
_EVEN = 1024
_SIZE = re.compile(r".*[a-zA-Z]\s*$")


@dataclass(frozen=True, eq=False)
class Plan:
    """How a dataset will be written.

    Attributes
    ----------
    dataset : Dataset
    made : Format
    layout : Layout
    kinds : mapping of str to dtype
        Of the fields, as the dataset gives them.
    """

    dataset: Dataset
    made: Format
    layout: Layout
    kinds: Mapping[str, np.dtype[Any]]

    @property
    def job_bytes(self) -> int:
        """Memory that one job needs for its buffers."""
        layout = self.layout
        small = layout.fields["x"][0].itemsize < 4  # windows are made of float32, and then rounded
        rounding = 12 * layout.piece_rows * math.prod(layout.fields["x"][1]) if small else 0
        return layout.piece_bytes + rounding + self.made.memory(layout)

    def jobs_within(self, jobs: int, limit: float | str | None) -> int:
        """Give as many jobs as fit into a limit of memory.

        Raises
        ------
        OverBudget
            Where none does.
        """
        if limit is None:
            return jobs
        room = parse_size(limit, "memory_limit")
        if room < self.job_bytes:
            pieces = f"pieces of {self.layout.piece_rows:,} samples of {self.layout.row_bytes:,} bytes"
            message = f"memory_limit is {show_size(room)}, and one job needs {show_size(self.job_bytes)} for {pieces}"
            raise OverBudget(f"{message}. Hint: a larger limit, fewer shard_rows, or no compression.")
        return max(1, min(jobs, room // self.job_bytes))

    def pieces(self, shard: int, room: Batch, going: Callable[[], None]) -> Iterator[tuple[int, Batch]]:
        """Compute a shard piece by piece, into the same arrays again and again.

        Parameters
        ----------
        shard : int
        room : dict of array
            From :meth:`room`.
        going : callable
            Called before each piece; raises what ends it.
        """
        layout = self.layout
        first, rows = shard * layout.shard_rows, layout.rows_of(shard)
        for low in range(0, rows, layout.piece_rows):
            going()
            size = min(layout.piece_rows, rows - low)
            ids = np.arange(first + low, first + low + size, dtype=np.int64)
            batch = self.dataset.filled(ids, {name: array[:size] for name, array in room.items()})
            yield low, self._as_stored(batch, ids)

    def room(self) -> Batch:
        """Give arrays for a piece."""
        return self.dataset.empty(min(self.layout.piece_rows, self.layout.n))

    def _as_stored(self, batch: Batch, ids: NDArray[np.int64]) -> Batch:
        found = {}
        for name, (kind, shape) in self.layout.fields.items():
            array = batch[name]
            if array.dtype != self.kinds[name] or array.shape != (len(ids), *shape):
                seen = f"{array.dtype} of shape {array.shape} for samples {ids[0]:,} to {ids[-1]:,}"
                wanted = f"{self.kinds[name]} of shape {(len(ids), *shape)}"
                raise BadInput(f"the function of {name!r} gave {seen}, and {wanted} at first. Hint: one dtype for all.")
            found[name] = np.ascontiguousarray(array).view(kind)
        return found


def plan_of(dataset: Dataset, format_name: str, compression: str | None, shard_rows: int | str, *,
            fixed_size_list: bool = False) -> Plan:  # fmt: skip
    """Settle how a dataset will be written.

    Raises
    ------
    BadInput
        For settings that cannot be meant, and fields that files cannot hold.
    """
    made = format_of(format_name)
    check_compression(format_name, compression)
    if fixed_size_list and format_name != "parquet":
        raise BadInput(f"fixed_size_list is of Parquet, and format is {format_name!r}. Hint: leave it out.")
    fields, kinds = {}, {}
    for name, array in dataset.filled(np.arange(min(2, dataset.n), dtype=np.int64)).items():
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8 or array.dtype.newbyteorder("=") != array.dtype:
            message = f"field {name!r} is of {array.dtype}, which files do not hold"
            raise BadInput(f"{message}. Hint: its function must give integers, floats or truth values.")
        fields[name], kinds[name] = (stored(array.dtype), array.shape[1:]), array.dtype
    row = Layout(fields, 1, 1, 1).row_bytes
    rows = _rows(shard_rows, row)
    layout = Layout(fields, dataset.n, rows, _piece(rows, row), compression, dataset.digest, fixed_size_list)
    if layout.shards > MOST_SHARDS:
        message = f"{layout.n:,} samples are {layout.shards:,} shards of {layout.shard_rows:,}"
        raise BadInput(f"{message}. Hint: larger shards (shard_rows), or the recipe alone; at most {MOST_SHARDS:,}.")
    made.check(layout)
    return Plan(dataset, made, layout, kinds)


def _rows(given: int | str, row_bytes: int) -> int:
    """Take the samples of a shard, as a number or as a size."""
    if isinstance(given, str) and _SIZE.match(given):
        rows = parse_size(given, "shard_rows") // row_bytes
        return max(1, rows if rows < _EVEN else rows // _EVEN * _EVEN)
    return take_count("shard_rows", given)


def _piece(shard_rows: int, row_bytes: int) -> int:
    """Give the samples of a piece: a divisor of the shard's where one is near, else a power of two.

    Examples
    --------
    >>> _piece(65_536, 1297), _piece(1000, 1297), _piece(6000, 1297), _piece(65_537, 1297)
    (2048, 1000, 3000, 2048)
    """
    most = max(1, PIECE_BYTES // row_bytes)
    if shard_rows <= most:
        return shard_rows
    power = 1 << (most.bit_length() - 1)
    if shard_rows % power == 0:
        return power
    near = (rows for rows in range(most, power // 2, -1) if shard_rows % rows == 0)
    return next(near, power)
