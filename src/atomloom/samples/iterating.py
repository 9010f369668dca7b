"""Batches of an epoch: in order or shuffled, for one process or many, from any place on."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.samples.asking import check_room, size_of
from atomloom.samples.checks import take_count
from atomloom.samples.draw_kernels import shuffled_ids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from atomloom.samples.sample_set import Dataset
    from atomloom.samples.torch_face import TorchSamples

    Batch = dict[str, NDArray[Any]]


TOGETHER = 8192
"""Samples that a thread computes before it looks for more: handing work over costs as much as a hundred samples."""


class Batches:
    """The batches of an epoch; going through them again is the next epoch.

    Made by :meth:`Dataset.iter`. Every sample comes once in each epoch. Samples are permuted by a formula: no list of
    them is held, and the place to go on from is two numbers.

    Each ``iter()`` has a place of its own. It begins where the one that was made last is, so that a loop that was left
    goes on; that one alone moves ``state_dict()`` and ``len()``.

    Parameters
    ----------
    dataset : Dataset
    batch_size : int
    shuffle : bool
    epoch, start : int
        The epoch, and the number of samples of this process that are skipped.
    threads : int
        That compute ahead; 0 computes where batches are asked for.
    rank, world : int
        Of ``world`` processes this one has places ``rank, rank + world, ...`` of every epoch.
    drop_last : bool
        Leave a smaller last batch out.
    reuse : bool
        Fill the same arrays again: a batch then holds until the next is asked for.

    Examples
    --------
    >>> import numpy as np
    >>> from atomloom.samples import dataset
    >>> samples = dataset({"close": np.arange(1.0, 50.0)}, 10, {"lookback": 4, "channels": ["close"]})
    >>> batches = samples.iter(4, shuffle=True)
    >>> [len(batch["idx"]) for batch in batches]
    [4, 4, 2]
    >>> batches.epoch
    1
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        shuffle: bool = False,
        epoch: int = 0,
        start: int = 0,
        threads: int = 0,
        rank: int = 0,
        world: int = 1,
        drop_last: bool = False,
        reuse: bool = False,
    ) -> None:
        self.dataset, self.shuffle, self.drop_last, self.reuse = dataset, bool(shuffle), bool(drop_last), bool(reuse)
        self.batch_size = take_count("batch_size", batch_size)
        self.epoch = take_count("epoch", epoch, 0)
        self.threads = take_count("threads", threads, 0, 1024)
        self.world = take_count("world", world)
        self.rank = take_count("rank", rank, 0, self.world - 1)
        self._own = -(-(dataset.n - self.rank) // self.world) if self.rank < dataset.n else 0
        self._at = take_count("start", start, 0, self._own)
        check_room(min(self.batch_size, self._own), size_of(dataset.fields), "a smaller batch_size")
        self._windows = True
        self._turn = 0

    def without_windows(self) -> None:
        """Give the rows behind the windows as "ends" instead of the windows: they are cut elsewhere."""
        self._windows = False

    def __len__(self) -> int:
        """Batches that are left of this epoch."""
        left = self._own - self._at
        return left // self.batch_size if self.drop_last else -(-left // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        """Give the batches that are left of this epoch."""
        self._turn += 1
        return self._from(self._turn, self.epoch, self._at)

    def _from(self, turn: int, epoch: int, at: int) -> Iterator[Batch]:
        """Give the batches of an epoch from a place on; the place of all is moved by who came last."""
        for size, batch in self._inline(epoch, at) if self.threads == 0 else self._ahead(epoch, at):
            at += size
            if turn == self._turn:
                self._at = at
            yield batch
        if turn == self._turn:
            self.epoch, self._at = epoch + 1, 0

    def ids(self, place: int, size: int, epoch: int) -> NDArray[np.int64]:
        """Give the samples of a batch: those of this process from ``place`` on."""
        first = self.rank + place * self.world
        if not self.shuffle:
            return np.arange(first, first + size * self.world, self.world, dtype=np.int64)
        found = np.empty(size, dtype=np.int64)
        shuffled_ids(first, self.world, np.uint64(self.dataset.n), np.uint64(epoch), *self.dataset.key, found)
        return found

    def state_dict(self) -> dict[str, Any]:
        """Give what is needed to go on: a few numbers, however large the dataset is.

        Batches count as done when they were given out. Processes that work in step have the same.
        """
        return {
            "version": 1, "recipe": self.dataset.digest, "n": self.dataset.n, "shuffle": self.shuffle,
            "epoch": self.epoch, "done": self._at * self.world,
        }  # fmt: skip

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where another iteration was, with another batch size or number of processes if wanted.

        Raises
        ------
        BadInput
            For the state of another dataset or order, or where its place is none of this number of processes.
        """
        if not isinstance(state, Mapping):
            raise BadInput(f"state is {type(state).__name__}. Hint: what state_dict() gave.")
        mine = self.state_dict()
        for name in ("version", "recipe", "n", "shuffle"):
            if state.get(name) != mine[name]:
                message = f"the state has {name} {state.get(name)!r}, and this iteration {mine[name]!r}"
                raise BadInput(f"{message}. Hint: open the dataset with the same data, spec, n and shuffle.")
        done = take_count("done", state.get("done"), 0)
        if done % self.world:
            message = f"the state is {done:,} samples into its epoch, which {self.world} processes cannot share evenly"
            raise BadInput(f"{message}. Hint: a number of processes that divides it.")
        self.epoch = take_count("epoch", state.get("epoch"), 0)
        self._turn += 1
        self._at = min(done // self.world, self._own)

    def _sizes(self, at: int) -> Iterator[tuple[int, int]]:
        """Place and size of each batch that is left."""
        for place in range(at, self._own, self.batch_size):
            size = min(self.batch_size, self._own - place)
            if size == self.batch_size or not self.drop_last:
                yield place, size

    def _inline(self, epoch: int, at: int) -> Iterator[tuple[int, Batch]]:
        kept: Batch | None = None
        for place, size in self._sizes(at):
            out = kept if self.reuse and self._windows and kept is not None and len(kept["idx"]) == size else None
            kept = self.dataset.filled(self.ids(place, size, epoch), out, windows=self._windows)
            yield size, kept

    def _ahead(self, epoch: int, at: int) -> Iterator[tuple[int, Batch]]:
        """Keep threads busy with the next batches, some at a time; they come in order."""
        waiting: deque[Future[list[Batch]]] = deque()
        used: list[list[Batch]] = []
        sizes, together = self._sizes(at), max(1, TOGETHER // self.batch_size)
        with ThreadPoolExecutor(self.threads, thread_name_prefix="samples") as pool:

            def send() -> None:
                places = list(itertools.islice(sizes, together))
                if places:
                    rooms = used.pop() if used else []
                    waiting.append(pool.submit(self._several, places, epoch, rooms))

            for _ in range(self.threads + 1):
                send()
            try:
                while waiting:
                    batches = waiting.popleft().result()
                    for batch in batches:
                        yield len(batch["idx"]), batch
                    if self.reuse and self._windows:
                        used.append(batches)
                    send()
            finally:
                for future in waiting:
                    future.cancel()

    def _several(self, places: list[tuple[int, int]], epoch: int, rooms: list[Batch]) -> list[Batch]:
        """Compute some batches, into arrays that were used before where they fit."""
        found = []
        for k, (place, size) in enumerate(places):
            out = rooms[k] if k < len(rooms) and len(rooms[k]["idx"]) == size else None
            found.append(self.dataset.filled(self.ids(place, size, epoch), out, windows=self._windows))
        return found


class Shard:
    """What one of several processes has of a dataset: every ``world``-th place of each epoch.

    Made by :meth:`Dataset.shard`. Shards of one dataset have no sample in common, and all of them together.

    Examples
    --------
    >>> import numpy as np
    >>> from atomloom.samples import dataset
    >>> samples = dataset({"close": np.arange(1.0, 50.0)}, 10, {"lookback": 4, "channels": ["close"]})
    >>> [len(samples.shard(rank, 3)) for rank in range(3)]
    [4, 3, 3]
    """

    def __init__(self, dataset: Dataset, rank: int, world: int) -> None:
        self.dataset = dataset
        self.world = take_count("world", world)
        self.rank = take_count("rank", rank, 0, self.world - 1)

    def __len__(self) -> int:
        return max(0, -(-(self.dataset.n - self.rank) // self.world))

    def iter(self, batch_size: int, **settings: Any) -> Batches:
        """Give the batches of this process; settings as of :meth:`Dataset.iter`."""
        return Batches(self.dataset, batch_size, rank=self.rank, world=self.world, **settings)

    def to_torch(self, device: Any = None) -> TorchSamples:
        """Give what this process has for PyTorch: see :meth:`Dataset.to_torch`."""
        return self.dataset.to_torch(device, shard=self)


def parts_of(source: Dataset | Shard) -> tuple[Dataset, int, int]:
    """Give the dataset, the rank and the number of processes of either."""
    return (source.dataset, source.rank, source.world) if isinstance(source, Shard) else (source, 0, 1)
