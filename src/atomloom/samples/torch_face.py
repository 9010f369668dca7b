"""Samples for PyTorch: whole batches at a time, on the processor or computed on the device."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._lazy import need
from atomloom.errors import BadInput
from atomloom.samples.checks import place_of
from atomloom.samples.iterating import Batches, parts_of
from atomloom.samples.state_laws import Computed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from atomloom.samples.iterating import Shard
    from atomloom.samples.sample_set import Dataset

    Tensors = dict[str, Any]

_COLLATING = "torch.utils.data._utils.collate"  # PyTorch's documentation extends what is in there


class TensorBatch(Sequence["TensorSample"]):
    """A batch that is whole already, and can be taken for a list of its samples.

    PyTorch's own collate function, which knows :class:`TensorSample`, gives the whole as it is; another one gets
    samples one by one. A name gives the tensor of that name.

    Attributes
    ----------
    tensors : dict of Tensor
        By name, the batch first.
    """

    def __init__(self, tensors: Tensors) -> None:
        self.tensors = tensors

    def __len__(self) -> int:
        return len(self.tensors["idx"])

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, str):
            return self.tensors[place]
        if isinstance(place, slice):
            return [self[k] for k in range(*place.indices(len(self)))]
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        return TensorSample((name, tensor[place]) for name, tensor in self.tensors.items())


class TensorSample(dict[str, Any]):
    """Tensors of a sample by name."""


def _collated(samples: Any, *, collate_fn_map: Any = None) -> Tensors:
    """Give a batch that is whole as it is, and make one of a list of samples."""
    if isinstance(samples, TensorBatch):
        return samples.tensors
    collate = need(_COLLATING, extra="torch").collate
    plain = {name: [sample[name] for sample in samples] for name in samples[0]}
    return {name: collate(column, collate_fn_map=collate_fn_map) for name, column in plain.items()}


def _tell_torch() -> None:
    """Tell PyTorch's collate function of samples, in the way that its documentation has."""
    need(_COLLATING, extra="torch").default_collate_fn_map[TensorSample] = _collated


class TorchSamples:
    """A map-style dataset that gives whole batches of tensors, and a loader that needs no processes.

    Made by :meth:`Dataset.to_torch`.

    Parameters
    ----------
    source : Dataset or Shard
    device : str or torch.device, optional
        "cuda" keeps the series on the device and cuts windows there; where there is none it says so and stays on the
        processor.

    Notes
    -----
    ``torch.utils.data.DataLoader(samples, batch_size=1024, shuffle=True)`` asks for whole batches and gets them as they
    are. Leave ``num_workers`` at 0: batches that come from other processes are copied three times.
    ``samples.loader(1024)`` computes ahead in threads instead, shuffles without a list of all numbers, and goes on in
    the middle of an epoch.
    """

    def __init__(self, source: Dataset | Shard, device: Any = None) -> None:
        self._torch = need("torch", extra="torch", why="samples as tensors")
        self._source = source
        _tell_torch()
        self._dataset, self._rank, self._world = parts_of(source)
        self._length = len(source)
        self._device = _usable(self._torch, device, self._dataset)
        self._base: Any = None if self._device is None else _DeviceSeries(self._torch, self._dataset, self._device)

    def __len__(self) -> int:
        return self._length

    def __reduce__(self) -> tuple[Any, ...]:
        return TorchSamples, (self._source, None if self._device is None else str(self._device))

    def __getitem__(self, number: int) -> Tensors:
        """One sample: tensors without the axis of the batch."""
        place = place_of(number, self._length)
        return self.__getitems__([place])[0]  # type: ignore[no-any-return]

    def __getitems__(self, numbers: Sequence[int]) -> TensorBatch:
        """Give a batch: what a DataLoader asks for when it fetches."""
        places = np.asarray(numbers, dtype=np.int64)
        return TensorBatch(self.tensors(self._dataset.batch(self._rank + places * self._world)))

    def tensors(self, batch: dict[str, Any]) -> Tensors:
        """Give the arrays of a batch as tensors that share their memory (on the processor)."""
        return {name: self._torch.from_numpy(array) for name, array in batch.items()}

    @staticmethod
    def collate(batch: Any) -> Tensors:
        """Give a batch as it is: for ``DataLoader(collate_fn=)``, which does so without it as well."""
        return _collated(batch)

    def loader(self, batch_size: int, *, shuffle: bool = True, threads: int = 1, **settings: Any) -> TorchLoader:
        """Give batches of tensors, computed ahead in threads.

        Parameters
        ----------
        batch_size : int
        shuffle : bool
        threads : int
        **settings
            ``epoch``, ``start``, ``drop_last`` of :meth:`Dataset.iter`.
        """
        batches = Batches(
            self._dataset, batch_size, shuffle=shuffle, threads=threads, rank=self._rank, world=self._world, **settings
        )
        return TorchLoader(self, batches)

    def moved(self, batch: dict[str, Any]) -> Tensors:
        """Give a batch on the device: windows are cut there."""
        if self._base is None:
            return self.tensors(batch)
        return self._base.batch(batch)  # type: ignore[no-any-return]

    @property
    def on_device(self) -> bool:
        """Whether windows are cut on a device."""
        return self._base is not None


class TorchLoader:
    """Batches of tensors; ``state_dict`` and ``load_state_dict`` go on in the middle of an epoch."""

    def __init__(self, samples: TorchSamples, batches: Batches) -> None:
        self._samples, self._batches = samples, batches
        if samples.on_device:
            batches.without_windows()

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[Tensors]:
        return map(self._samples.moved, self._batches)

    def state_dict(self) -> dict[str, Any]:
        """Give the place: see :meth:`Batches.state_dict`."""
        return self._batches.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a place: see :meth:`Batches.load_state_dict`."""
        self._batches.load_state_dict(state)


class _DeviceSeries:
    """The series on a device: windows are cut and divided there, by the same IEEE division."""

    def __init__(self, torch: Any, dataset: Dataset, device: Any) -> None:
        self._torch, self._device = torch, device
        self._values = torch.from_numpy(np.array(dataset.values)).to(device)
        self._divisors = torch.from_numpy(np.array(dataset.divisors)).to(device)
        self._which = torch.from_numpy(np.array(dataset.which)).to(device)
        self._steps = torch.arange(-dataset.spec.lookback, 0, device=device)

    def batch(self, batch: dict[str, Any]) -> Tensors:
        """Cut the windows of a batch, and bring the rest."""
        torch = self._torch
        ends = torch.from_numpy(batch["ends"]).to(self._device)
        windows = self._values[:, ends[:, None] + self._steps].transpose(0, 1)
        x = windows / self._divisors[self._which[:, None], ends].T[:, :, None]
        rest = {name: array for name, array in batch.items() if name not in ("x", "ends")}
        return {"x": x.contiguous(), **{k: torch.from_numpy(v).to(self._device) for k, v in rest.items()}}


def _usable(torch: Any, device: Any, dataset: Dataset) -> Any:
    """Give the device, or None for the processor; why it is not used is said."""
    if device is None:
        return None
    try:
        wanted, why = torch.device(device), ""
    except (RuntimeError, TypeError, ValueError) as error:
        seen = str(error).splitlines()[0].rstrip(".")
        raise BadInput(f"device is {device!r}: {seen}. Hint: None, 'cpu' or 'cuda'.") from None
    if wanted.type == "cuda" and not torch.cuda.is_available():
        why = "no CUDA device is there"
    elif dataset.spec.dtype in ("float16", "int16"):
        why = f"windows of {dataset.spec.dtype} are rounded on the processor"
    elif any(isinstance(law, Computed) for law in dataset.spec.state.values()):
        why = "a function of the state needs the windows on the processor"
    if why:
        warnings.warn(f"{why}: batches are computed there, the same bytes", stacklevel=4)
        return None
    return wanted
