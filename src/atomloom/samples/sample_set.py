"""Dataset: any sample of any number of them, computed where it is asked for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.philox import key_of
from atomloom.samples.asking import check_out, numbers_of, size_of
from atomloom.samples.checks import place_of
from atomloom.samples.divisors import PRICES
from atomloom.samples.draw_kernels import permuted_ranks, places_of_ranks, stratified_ranks, uniform_ranks
from atomloom.samples.frames import to_arrow, to_frame
from atomloom.samples.iterating import Batches, Shard
from atomloom.samples.state_drawing import Drawn, drawers_of, field_dtype
from atomloom.samples.tf_face import to_tf
from atomloom.samples.torch_face import TorchSamples
from atomloom.samples.window_kernels import gather_labels, gather_windows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from atomloom.samples.series import Series
    from atomloom.samples.spec import SampleSpec
    from atomloom.samples.state_drawing import Drawer
    from atomloom.samples.windows import Windows

    Ints = NDArray[np.int64]
    Batch = dict[str, NDArray[Any]]

_ENCODED = 10_000.0
_AT_ONCE = 1024  # windows that are rounded to small numbers together: they stay in the cache


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples, each a function of the series, the spec and its number.

    Made by :func:`atomloom.samples.dataset`. Nothing is stored but the series: a dataset of 10^12 samples opens as
    quickly as one of ten, and pickles to the size of its series.

    Attributes
    ----------
    series : Series
    spec : SampleSpec
    windows : Windows
    n : int
        Samples.
    part : str or None
        Of the spec's split.

    Examples
    --------
    >>> from atomloom.samples import dataset
    >>> samples = dataset({"close": np.arange(1.0, 50.0)}, 10**9, {"lookback": 4, "channels": ["close"], "seed": 1})
    >>> samples.batch([0, 999_999_999])["x"].shape
    (2, 1, 4)
    >>> float(samples[123_456_789]["x"][0, -1])
    1.0
    """

    series: Series
    spec: SampleSpec
    windows: Windows
    n: int
    part: str | None
    values: NDArray[Any] = field(repr=False)
    divisors: NDArray[Any] = field(repr=False)
    which: Ints = field(repr=False)

    def __len__(self) -> int:
        return self.n

    def __repr__(self) -> str:
        shape = f"{len(self.spec.channels)} channels x {self.spec.lookback} bars"
        return f"Dataset({self.n:,} samples of {shape}, {len(self.windows):,} windows, seed {self.spec.seed})"

    @cached_property
    def fields(self) -> dict[str, tuple[np.dtype[Any], tuple[int, ...]]]:
        """Arrays of a batch by name: dtype and the shape of one sample; fields that functions make are not listed."""
        spec = self.spec
        found: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {
            "x": (np.dtype(spec.dtype), (len(spec.channels), spec.lookback)), "idx": (np.dtype(np.int64), ()),
        }  # fmt: skip
        if len(self.series.symbols) > 1:
            found["symbol"] = (np.dtype(np.int32), ())
        for name, law in spec.state.items():
            dtype = field_dtype(law)
            if dtype is not None:
                found[name] = (dtype, ())
        if spec.horizon and self.series.close is not None:
            found["label"] = (self.values.dtype, ())
        return found

    def empty(self, size: int) -> Batch:
        """Give arrays that ``batch(ids, out=)`` can fill again and again."""
        return {name: np.empty((size, *shape), dtype=dtype) for name, (dtype, shape) in self.fields.items()}

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
        """Compute some samples.

        Parameters
        ----------
        ids : (B,) integers, or slice, or range
            In any order, repeated if wanted.
        out : dict of array, optional
            From :meth:`empty`; filled and given back.

        Returns
        -------
        dict of array
            "x" (B, C, L); "idx" (B,) int64, the row behind the window in its symbol's frame; "symbol" (B,) int32 where
            there are several; a field of state each; "label" (B,), the return over the horizon.

        Raises
        ------
        BadInput
            For numbers that are none of the dataset's, or an ``out`` of other shapes, or read-only.
        OverBudget
            For more samples than fit into free memory, before anything is allocated.

        Notes
        -----
        O(B C L). Batches of 256 to 1,024 stay in the cache of a core.
        """
        return self.filled(numbers_of(ids, self.n, self._size if out is None else 8), out)

    def iter(self, batch_size: int, *, shuffle: bool = False, epoch: int = 0, start: int = 0, threads: int = 0,
             drop_last: bool = False, reuse: bool = False) -> Batches:  # fmt: skip
        """Give the batches of an epoch; going through them again is the next epoch.

        Parameters
        ----------
        batch_size : int
        shuffle : bool
            In an order of its own for every epoch; each sample comes once.
        epoch, start : int
            Where to begin.
        threads : int
            That compute ahead; 0 computes where batches are asked for.
        drop_last : bool
        reuse : bool
            Fill the same arrays again: a batch then holds until the next is asked for.
        """
        return Batches(self, batch_size, shuffle=shuffle, epoch=epoch, start=start, threads=threads,
                       drop_last=drop_last, reuse=reuse)  # fmt: skip

    def shard(self, rank: int, world: int) -> Shard:
        """Give what process ``rank`` of ``world`` has: no sample in common with the others, and none left out.

        Places of an epoch take turns among processes as strata do among numbers: without ``shuffle`` and with strata, a
        ``world`` that has a divisor in common with their number gives each process some of the strata only.
        """
        return Shard(self, rank, world)

    def numbers(self, given: Any) -> Ints:
        """Take numbers of samples: integers, a slice or a range.

        Raises
        ------
        BadInput
            For numbers that are none of the dataset's.
        OverBudget
            For a slice or range of more numbers than free memory can hold.
        """
        return numbers_of(given, self.n)

    def filled(self, ids: Ints, out: Batch | None = None, *, windows: bool = True) -> Batch:
        """Compute samples whose numbers are known to be good; without windows "ends" has the rows behind them."""
        spec, batch = self.spec, self.empty(len(ids)) if out is None else out
        if out is not None:
            check_out(self.fields, out, len(ids))
        ends = self._places(ids, batch)
        if windows:
            self._windows(ends, batch["x"])
        else:
            batch["ends"] = ends
            del batch["x"]
        if self._drawers:
            drawn = Drawn(ids, self.key)
            for draw in self._drawers:
                draw(drawn, ends, batch)
        if "label" in batch:
            gather_labels(self._close, ends, spec.horizon, batch["label"])
        return batch

    def to_torch(self, device: Any = None, *, shard: Shard | None = None) -> TorchSamples:
        """Give the samples for PyTorch: whole batches of tensors (extra ``torch``).

        Parameters
        ----------
        device : str or torch.device, optional
            "cuda" keeps the series on the device and cuts windows there: the same bytes.
        shard : Shard, optional
        """
        return TorchSamples(self if shard is None else shard, device)

    def to_tf(self, batch_size: int, **settings: Any) -> Any:
        """Give a tf.data pipeline of batches; settings as of :meth:`iter`."""
        return to_tf(self, batch_size, **settings)

    def to_arrow(self, ids: ArrayLike | slice | range) -> Any:
        """Give samples as an Arrow table: see :func:`atomloom.samples.frames.to_arrow`."""
        return to_arrow(self, ids)

    def to_frame(self, ids: ArrayLike | slice | range | None = None) -> Any:
        """Give samples as a frame with a row for each: see :func:`atomloom.samples.frames.to_frame`."""
        return to_frame(self, ids)

    def ends(self, ids: ArrayLike | slice | range) -> Ints:
        """Give the row of the series behind the window of each sample, (B,) int64."""
        numbers = self.numbers(ids)
        return self._places(numbers, {"idx": np.empty(len(numbers), dtype=np.int64)})

    def raw_windows(self, ids: ArrayLike | slice | range) -> NDArray[Any]:
        """Give windows as they are in the series, unscaled: (B, C, L); OverBudget where memory has no room for them."""
        ends = self.ends(numbers_of(ids, self.n, self.values.itemsize * self.spec.lookback * len(self.which)))
        found = np.empty((len(ends), len(self.spec.channels), self.spec.lookback), dtype=self.values.dtype)
        plain = np.ones((1, self.series.n_rows + 1), dtype=self.values.dtype)
        plain.flags.writeable = False
        gather_windows(self.series.values, plain, np.zeros(len(self.which), dtype=np.int64), ends, found)
        return found

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the spec, the series and the part: the recipe without the number of samples."""
        text = f"{self.spec.digest()}{self.series.digest}{self.part}"
        return hashlib.sha256(text.encode()).hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what is made anew where it is needed."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)

    @cached_property
    def key(self) -> tuple[np.uint64, np.uint64]:
        """Two words that all draws are keyed by."""
        return key_of(self.spec.seed)

    @cached_property
    def _drawers(self) -> list[Drawer]:
        return drawers_of(self.spec.state, self._close, self.spec.lookback)

    @cached_property
    def _size(self) -> int:
        return size_of(self.fields)

    @cached_property
    def _close(self) -> NDArray[Any] | None:
        """Closes; where they are a channel its own row, which windows have brought into the cache."""
        channels = self.series.channels
        return self.values[channels.index("close")] if "close" in channels else self.series.close

    @cached_property
    def _first_idx(self) -> Ints:
        """Row behind the first window of each stretch, in its symbol's own frame."""
        found: Ints = self.series.rows[self.windows.ends - 1] + 1
        return found

    @cached_property
    def _count(self) -> np.uint64:
        return np.uint64(len(self.windows))

    def _places(self, ids: Ints, batch: Batch) -> Ints:
        """Put the place of each window, in its symbol's own frame, and its symbol; gives the row behind it."""
        windows, mode = self.windows, self.spec.index.mode
        ranks, ends = np.empty(len(ids), dtype=np.int64), np.empty(len(ids), dtype=np.int64)
        if mode == "uniform":
            uniform_ranks(ids, self._count, *self.key, ranks)
        elif mode == "permuted":
            permuted_ranks(ids, self._count, *self.key, ranks)
        else:
            stratified_ranks(ids, windows.strata, windows.order, *self.key, ranks)
        places_of_ranks(ranks, windows.offsets, windows.ends, self._first_idx, windows.symbol, ends, batch["idx"])
        if "symbol" in batch:
            batch["symbol"][:] = ranks
        return ends

    def _windows(self, ends: Ints, x: NDArray[Any]) -> None:
        if x.dtype == self.values.dtype:
            gather_windows(self.values, self.divisors, self.which, ends, x)
            return
        prices = np.array([name in PRICES for name in self.spec.channels]).astype(self.values.dtype)[:, None]
        for low in range(0, len(ends), _AT_ONCE):
            part = x[low : low + _AT_ONCE]
            whole = np.empty(part.shape, dtype=self.values.dtype)
            gather_windows(self.values, self.divisors, self.which, ends[low : low + _AT_ONCE], whole)
            whole -= prices
            if x.dtype == np.float16:
                part[:] = whole
            else:
                part[:] = np.clip(np.rint(whole * whole.dtype.type(_ENCODED)), -32767, 32767)
