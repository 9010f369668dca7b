"""StoredDataset: samples that were written, with the face of a dataset that computes them."""

from __future__ import annotations

from collections import OrderedDict
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from atomloom.errors import BadInput, StoreError
from atomloom.kernels.philox import key_of
from atomloom.samples.asking import check_out, numbers_of, size_of
from atomloom.samples.checks import place_of
from atomloom.samples.divisors import divide_by
from atomloom.samples.formats.known import format_of
from atomloom.samples.frames import to_arrow, to_frame
from atomloom.samples.iterating import Batches, Shard
from atomloom.samples.manifest import layout_of, read_manifest
from atomloom.samples.sample_set import Dataset
from atomloom.samples.series_files import series_from
from atomloom.samples.spec import SampleSpec
from atomloom.samples.tf_face import to_tf
from atomloom.samples.torch_face import TorchSamples
from atomloom.samples.windows import windows_of

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

    from atomloom.samples.formats.layout import Columns
    from atomloom.samples.series import Series

    Ints = NDArray[np.int64]
    Batch = dict[str, NDArray[Any]]

_OPEN = 256


class StoredDataset:
    """Samples on a disk.

    Made by :func:`atomloom.samples.open_dataset`. Sample i, batches and their orders are those of the dataset that was
    written.

    Attributes
    ----------
    path : Path
    manifest : dict
        See :mod:`atomloom.samples.manifest`.

    Examples
    --------
    >>> import tempfile
    >>> from atomloom.samples import dataset, open_dataset, write
    >>> samples = dataset({"close": np.arange(1.0, 50.0)}, 10, {"lookback": 4, "channels": ["close"]})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     stored = open_dataset(write(samples, Path(folder) / "out", format="npy").path)
    ...     [len(batch["idx"]) for batch in stored.iter(4, shuffle=True)]
    [4, 4, 2]
    """

    def __init__(self, path: Path, manifest: Mapping[str, Any]) -> None:
        self.path, self.manifest = path, dict(manifest)
        self.n: int = self.manifest["n"]
        self._layout, self._format = layout_of(manifest), format_of(manifest["format"])
        self._open: OrderedDict[int, Columns] = OrderedDict()
        self._lock = Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return open_stored, (self.path,)  # files that are open, and locks, stay behind

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        kind = self.manifest["compression"] or "not compressed"
        name = f"{self.manifest['format']}, {kind}"
        return f"StoredDataset({self.n:,} samples in {self._layout.shards:,} shards of {name}: {self.path})"

    @cached_property
    def fields(self) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
        """Arrays of a batch by name: dtype and the shape of one sample."""
        return {name: (np.dtype(kind), tuple(shape)) for name, (kind, shape) in self.manifest["fields"].items()}

    @cached_property
    def spec(self) -> SampleSpec:
        """The spec that samples were made by."""
        return SampleSpec.from_dict(self.manifest["spec"])

    @cached_property
    def _size(self) -> int:
        return size_of(self.fields)

    @property
    def digest(self) -> str:
        """SHA-256 of the recipe, as of :attr:`Dataset.digest`."""
        return str(self.manifest["recipe"])

    @cached_property
    def key(self) -> tuple[np.uint64, np.uint64]:
        """Two words that orders of epochs are keyed by."""
        return key_of(int(self.manifest["spec"].get("seed", 0)))

    def empty(self, size: int) -> Batch:
        """Give arrays that ``batch(ids, out=)`` can fill again and again."""
        return {name: np.empty((size, *shape), dtype=kind) for name, (kind, shape) in self.fields.items()}

    def __getitem__(self, number: int | slice) -> dict[str, Any]:
        """One sample: its window (C, L) and numbers; a batch of them for a slice.

        Raises
        ------
        IndexError
            Beyond the last, so that ``for sample in dataset`` ends.
        BadInput
            For what is neither a whole number nor a slice, range or list of them.
        OverBudget
            For a slice that free memory cannot hold.
        """
        if isinstance(number, slice | range | list | np.ndarray):
            return self.batch(number)
        return {name: array[0] for name, array in self.filled(np.array([place_of(number, self.n)])).items()}

    def batch(self, ids: ArrayLike | slice | range, out: Batch | None = None) -> Batch:
        """Read some samples.

        Parameters
        ----------
        ids : (B,) integers, or slice, or range
            In any order, repeated if wanted.
        out : dict of array, optional
            From :meth:`empty`; filled and given back.

        Returns
        -------
        dict of array
            As :meth:`Dataset.batch` gave when it was written.

        Raises
        ------
        BadInput
            For numbers that are none of the dataset's, or an ``out`` of other shapes, or read-only.
        OverBudget
            For more samples than fit into free memory, before anything is allocated.
        StoreError
            For a shard that is not there or cannot be read.

        Notes
        -----
        Rows of shards that are not compressed are copied from where they lie; of others a whole piece is decoded for
        each: go through those in order, or compute samples from the recipe.
        """
        return self.filled(numbers_of(ids, self.n, self._size if out is None else 8), out)

    def numbers(self, given: Any) -> Ints:
        """Take numbers of samples: see :meth:`Dataset.numbers`."""
        return numbers_of(given, self.n)

    def filled(self, ids: Ints, out: Batch | None = None, *, windows: bool = True) -> Batch:
        """Read samples whose numbers are known to be good."""
        if not windows:
            raise BadInput("windows of written samples are read, not cut elsewhere. Hint: device=None, or recipe().")
        batch = self.empty(len(ids)) if out is None else out
        if out is not None:
            check_out(self.fields, out, len(ids))
        bare = {name: batch[name].view(kind) for name, (kind, _) in self._layout.fields.items()}
        size = self._layout.shard_rows
        if len(ids) == 0:
            return batch
        if int(ids[-1]) - int(ids[0]) == len(ids) - 1 and (np.diff(ids) == 1).all():
            self._spans(int(ids[0]), int(ids[-1]) + 1, bare)
            return batch
        shard, row = np.divmod(ids, size)
        order = np.argsort(shard, kind="stable")
        cuts = np.flatnonzero(np.diff(shard[order])) + 1
        for mine in np.split(order, cuts):
            self._columns(int(shard[mine[0]])).take(row[mine], bare, mine)
        return batch

    def _spans(self, low: int, high: int, out: Batch) -> None:
        """Read consecutive samples."""
        begin, size = low, self._layout.shard_rows
        while low < high:
            shard, row = divmod(low, size)
            stop = min(high, (shard + 1) * size)
            for name, column in self._columns(shard).span(row, row + stop - low).items():
                out[name][low - begin : stop - begin] = column
            low = stop

    def _columns(self, shard: int) -> Columns:
        """Open a shard, or take it from those that are open."""
        with self._lock:
            found = self._open.get(shard)
            if found is None:
                found = self._open[shard] = self.shard_columns(shard)
                if len(self._open) > _OPEN:
                    self._open.popitem(last=False)
            else:
                self._open.move_to_end(shard)
            return found

    def shard_columns(self, shard: int) -> Columns:
        """Open a shard.

        Raises
        ------
        StoreError
            Where it is not there, or is not what it should be.
        """
        names = self._format.files(self._layout, shard)
        try:
            return self._format.read(self._layout, shard, [self.path / name for name in names])
        except (OSError, ValueError, KeyError) as error:
            seen = getattr(error, "strerror", None) or " ".join(str(error).split())[:200]
            message = f"shard {shard} of {self.path} ({names[0]}) cannot be read: {seen}"
            raise StoreError(
                f"{message}. Hint: verify() the dataset; write it again with the same settings."
            ) from error

    def iter(self, batch_size: int, **settings: Any) -> Batches:
        """Give the batches of an epoch; settings and orders as of :meth:`Dataset.iter`."""
        return Batches(cast("Dataset", self), batch_size, **settings)

    def shard(self, rank: int, world: int) -> Shard:
        """Give what process ``rank`` of ``world`` has: see :meth:`Dataset.shard`."""
        return Shard(cast("Dataset", self), rank, world)

    def to_torch(self, device: Any = None, *, shard: Shard | None = None) -> TorchSamples:
        """Give the samples for PyTorch: see :meth:`Dataset.to_torch`.

        Raises
        ------
        BadInput
            For a device: windows that are stored are not cut there.
        """
        if device is not None:
            message = f"device is {device!r}, and windows that are stored are read, not cut there"
            raise BadInput(f"{message}. Hint: stored.recipe().to_torch({device!r}).")
        return TorchSamples(cast("Dataset", self) if shard is None else shard)

    def to_tf(self, batch_size: int, **settings: Any) -> Any:
        """Give a tf.data pipeline of batches; settings as of :meth:`Dataset.iter`."""
        return to_tf(cast("Dataset", self), batch_size, **settings)

    def to_arrow(self, ids: ArrayLike | slice | range) -> Any:
        """Give samples as an Arrow table: see :func:`atomloom.samples.frames.to_arrow`."""
        return to_arrow(cast("Dataset", self), ids)

    def to_frame(self, ids: ArrayLike | slice | range | None = None) -> Any:
        """Give samples as a frame: see :func:`atomloom.samples.frames.to_frame`.

        Raises
        ------
        StoreError
            Where the copy of the series, from which windows come as they were, is not as it was written.
        """
        return to_frame(cast("Dataset", self), ids)

    @property
    def series(self) -> Series:
        """The series that samples were made of, from the copy beside them."""
        return self._computed.series

    def raw_windows(self, ids: ArrayLike | slice | range) -> NDArray[Any]:
        """Give windows as they are in the series, unscaled: (B, C, L)."""
        return self._computed.raw_windows(ids)

    @cached_property
    def _computed(self) -> Dataset:
        return self.recipe()

    def recipe(self) -> Dataset:
        """Give the dataset that computes these samples, from the copy of the series beside them.

        Raises
        ------
        StoreError
            Where the copy is not as it was written.
        """
        manifest, spec = self.manifest, self.spec
        series = series_from(self.path, manifest["series"], manifest["series_digest"])
        windows = windows_of(series, spec, manifest["part"])
        found = Dataset(series, spec, windows, self.n, manifest["part"], *divide_by(series, spec))
        if found.digest != self.digest:
            message = f"{self.path} was written by another version of the mapping"
            raise StoreError(f"{message}. Hint: read its shards, or compute with the atomloom that wrote it.")
        return found


def open_stored(path: str | os.PathLike[str]) -> StoredDataset:
    """Open the folder that :func:`atomloom.samples.write` made; only the manifest is read.

    Raises
    ------
    StoreError
        Where there is none, or it was not finished.
    """
    folder = Path(path)
    manifest = read_manifest(folder)
    if not manifest["complete"]:
        message = f"{folder} holds the beginning of a dataset: its writing was cut off"
        raise StoreError(f"{message}. Hint: write(..., resume=True) goes on with it.")
    return StoredDataset(folder, manifest)
