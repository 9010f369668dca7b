"""What is asked of a dataset, computed or stored: numbers of samples, and arrays to fill."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.budget import machine, show_size
from atomloom.errors import BadInput, OverBudget

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Fields = Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]]

_SMALL = 256 << 20  # bytes that nobody asks whether they are there


def numbers_of(given: Any, n: int, size: int = 8) -> Ints:
    """Take numbers of some of n samples.

    Parameters
    ----------
    given : (B,) integers, slice or range
    n : int
    size : int
        Bytes that each of them will take.

    Raises
    ------
    BadInput
        For numbers that are none of the dataset's.
    OverBudget
        For more samples than fit into free memory, before anything is allocated.

    Examples
    --------
    >>> numbers_of(slice(7, None), 10)
    array([7, 8, 9])
    """
    if isinstance(given, slice | range):
        given = range_of(given, n)
        ends = (given[0], given[-1]) if given else (0, 0)
        _check_bounds(min(ends), max(ends), n)
        check_room(len(given), size)
        return np.arange(given.start, given.stop, given.step, dtype=np.int64)
    try:
        found = np.asarray(given)
    except ValueError:
        raise BadInput("ids is a list of lists of several lengths. Hint: a list of whole numbers.") from None
    if found.ndim != 1 or (found.dtype.kind not in "iu" and len(found)):
        if found.dtype.kind in "Of" and found.ndim == 1 and any(isinstance(value, int) for value in found.tolist()):
            seen = max(found.tolist(), key=abs)  # beyond 2^63
            raise BadInput(f"ids has {seen:,}, and there are samples 0 to {n - 1:,}. Hint: leave it out.")
        raise BadInput(f"ids has shape {found.shape} of {found.dtype}. Hint: a list of whole numbers.")
    if len(found):
        _check_bounds(int(found.min()), int(found.max()), n)
    check_room(len(found), size)
    return np.ascontiguousarray(found, dtype=np.int64)


def range_of(given: slice | range, n: int) -> range:
    """Give the places that a slice of n means; a range is taken as it is.

    Raises
    ------
    BadInput
        For a slice that is not of whole numbers.
    """
    if isinstance(given, range):
        return given
    try:
        return range(*given.indices(n))
    except (TypeError, ValueError) as error:
        raise BadInput(f"samples {given!r} are asked for: {error}. Hint: samples[10:20].") from None


def _check_bounds(low: int, high: int, n: int) -> None:
    if low < 0:
        message = f"ids has {low:,}, and there are samples 0 to {n - 1:,}"
        raise BadInput(f"{message}. Hint: n + id counts from the end, and so does samples[-1].")
    if high >= n:
        raise BadInput(f"ids has {high:,}, and there are samples 0 to {n - 1:,}. Hint: leave it out.")


def check_room(count: int, size: int, hint: str = "samples.iter(1024), or fewer at a time") -> None:
    """Refuse some samples that free memory cannot hold, before anything is allocated.

    Parameters
    ----------
    count : int
    size : int
        Bytes of a sample.
    hint : str

    Raises
    ------
    OverBudget

    Examples
    --------
    >>> check_room(10**12, 1297)
    Traceback (most recent call last):
    atomloom.errors.OverBudget: 1,000,000,000,000 samples take ... Hint: samples.iter(1024), or fewer at a time.
    """
    if count * size <= _SMALL:
        return
    free = machine().memory_available
    if count * size > free:
        message = f"{count:,} samples take {show_size(count * size)}, and {show_size(free)} are free"
        raise OverBudget(f"{message}. Hint: {hint}.")


def size_of(fields: Fields) -> int:
    """Bytes of a sample, with its number.

    Examples
    --------
    >>> size_of({"x": (np.dtype("float32"), (5, 64))})
    1288
    """
    return 8 + sum(dtype.itemsize * math.prod(shape) for dtype, shape in fields.values())


def check_computed(samples: Any, verb: str) -> None:
    """Refuse what is no dataset that computes its samples.

    Raises
    ------
    BadInput

    Examples
    --------
    >>> check_computed([1, 2], "honesty")
    Traceback (most recent call last):
    atomloom.errors.BadInput: honesty() is given a list. Hint: what dataset(bars, n, spec) makes.
    """
    if hasattr(samples, "windows") and hasattr(samples, "divisors"):
        return
    if hasattr(samples, "recipe") and hasattr(samples, "path"):
        message = f"{verb}() is given samples that are stored already, in {samples.path}"
        more = "; .manifest['honesty'] has it" if verb == "honesty" else "; copy the folder for the same files"
        raise BadInput(f"{message}. Hint: {verb}(stored.recipe()) computes them anew{more}.")
    raise BadInput(f"{verb}() is given a {type(samples).__name__}. Hint: what dataset(bars, n, spec) makes.")


def check_out(fields: Fields, out: Any, size: int) -> None:
    """Refuse arrays that a batch cannot be written to.

    Raises
    ------
    BadInput
        For one that is missing, of another shape or dtype, or read-only.

    Examples
    --------
    >>> check_out({"idx": (np.dtype("int64"), ())}, {"idx": np.zeros(3)}, 3)
    Traceback (most recent call last):
    atomloom.errors.BadInput: out['idx'] is float64 of shape (3,), and int64 of shape (3,) is needed. Hint: ...
    """
    if not isinstance(out, dict):
        raise BadInput(f"out is {type(out).__name__}, and a dict of arrays is needed. Hint: samples.empty({size}).")
    for name, (dtype, shape) in fields.items():
        array = out.get(name)
        good = isinstance(array, np.ndarray) and array.dtype == dtype and array.shape == (size, *shape)
        if array is None or not good:
            shown = f"{array.dtype} of shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            seen = "missing" if array is None else shown
            message = f"out[{name!r}] is {seen}, and {dtype} of shape {(size, *shape)} is needed"
            raise BadInput(f"{message}. Hint: samples.empty({size}).")
        if not array.flags.writeable:
            raise BadInput(f"out[{name!r}] is read-only. Hint: samples.empty({size}), or array.copy().")
