"""States of trades, drawn field by field from the words of a sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.kernels.elementary import log_fixed
from atomloom.samples.draw_kernels import state_words
from atomloom.samples.state_laws import Choice, Computed, EntryPrice, Law, Uniform, UnrealisedPnl
from atomloom.samples.window_kernels import choice_field, gather_entries, log_uniform_field, uniform_field

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Batch = dict[str, NDArray[Any]]
    Drawer = Callable[["Drawn", Ints, Batch], None]


class Drawn:
    """Words of a batch of samples, block by block as they are asked for."""

    def __init__(self, ids: Ints, key: tuple[np.uint64, np.uint64]) -> None:
        self._ids, self._key = ids, key
        self._blocks: dict[int, NDArray[np.uint32]] = {}

    def word(self, slot: int) -> NDArray[np.uint32]:
        """Give word number ``slot`` of each sample, (B,)."""
        block = slot >> 2
        if block not in self._blocks:
            words = np.empty((4, len(self._ids)), dtype=np.uint32)
            state_words(self._ids, np.uint64(block), *self._key, words)
            self._blocks[block] = words
        found: NDArray[np.uint32] = self._blocks[block][slot & 3]
        return found


def field_dtype(law: Law) -> np.dtype[Any] | None:
    """Say what a field is kept as; None of what a function makes, which says so itself.

    Examples
    --------
    >>> field_dtype(Uniform())
    dtype('float32')
    """
    if isinstance(law, Choice):
        return law.dtype
    return None if isinstance(law, Computed) else np.dtype(np.float32)


def drawers_of(state: Mapping[str, Law], close: Any, lookback: int) -> list[Drawer]:
    """Give what draws each field, in order; each has words of its own.

    A field takes as many words as its law needs: fields that are added at the end leave the others as they are.
    """
    found: list[Drawer] = []
    slot, before = 0, ["x", "idx", "symbol"]
    for name, law in state.items():
        found.append(_drawer(name, law, slot, (close, lookback), tuple(before)))
        before.append(name)
        slot += law.draws if isinstance(law, Computed) else 0 if isinstance(law, UnrealisedPnl) else 1
    return found


def _drawer(name: str, law: Law, slot: int, prices: tuple[Any, int], before: tuple[str, ...]) -> Drawer:
    close, lookback = prices
    if isinstance(law, Uniform):
        if law.law == "uniform":
            low, span = np.float32(law.low), np.float32(law.high) - np.float32(law.low)
            return lambda drawn, _, batch: uniform_field(drawn.word(slot), low, span, batch[name])
        first = log_fixed(law.low)
        reach = log_fixed(law.high) - first
        return lambda drawn, _, batch: log_uniform_field(drawn.word(slot), first, reach, batch[name])
    if isinstance(law, Choice):
        values = np.array(law.values, dtype=law.dtype)
        return lambda drawn, _, batch: choice_field(drawn.word(slot), values, batch[name])
    if isinstance(law, EntryPrice):
        within = np.uint64(law.within or lookback)
        return lambda drawn, ends, batch: gather_entries(close, ends, drawn.word(slot), within, batch[name])
    if isinstance(law, UnrealisedPnl):
        return lambda _drawn, _ends, batch: _gain(law, batch, batch[name])
    return lambda drawn, _, batch: _computed((name, law, slot), drawn, batch, before)


def _gain(law: UnrealisedPnl, batch: Batch, out: NDArray[Any]) -> None:
    np.subtract(np.float32(1.0), batch[law.entry], out=out)
    np.multiply(out, batch[law.position].astype(np.float32, copy=False), out=out)


def _computed(own: tuple[str, Computed, int], drawn: Drawn, batch: Batch, before: tuple[str, ...]) -> None:
    """Put what a function gives into a batch; it sees what is there already, no memory that is yet to be filled."""
    (name, law, slot), n = own, len(batch["idx"])
    u = np.empty((n, law.draws), dtype=np.float32)
    for k in range(law.draws):
        uniform_field(drawn.word(slot + k), np.float32(0.0), np.float32(1.0), u[:, k])
    found = law.applied(u, {each: batch[each] for each in before if each in batch})
    if found.ndim == 0 or len(found) != n:
        called = getattr(law.function, "__name__", law.function)
        message = f"function {called} gave shape {found.shape} for {n} samples"
        raise BadInput(f"{message}. Hint: it must give a row for each; u is (B, draws).")
    if name in batch:
        batch[name][:] = found
    else:
        batch[name] = found
