"""What is asked of the numbers of a problem, and how it is said that they are not so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

MOST_UNITS = 32_767
_SYMMETRY, _NEGATIVE = 1e-10, 1e-10
_KINDS = {"U": "text", "S": "bytes", "b": "true or false", "c": "complex", "M": "dates", "m": "times"}


def numbers(given: Any, name: str, shape: tuple[int | None, ...], *, least: float | None = None) -> Reals:
    """Take finite numbers of a shape as float64, contiguous; None in the shape is any length but 0.

    Raises
    ------
    BadInput
        For another shape, what is no number or not finite, or numbers below `least`.

    Examples
    --------
    >>> numbers([[1, 2]], "mu", (None, 2))
    array([[1., 2.]])
    >>> numbers([1.0, float("nan")], "w0", (2,))
    Traceback (most recent call last):
    atomloom.errors.BadInput: w0 has 1 value that is not finite (first at [1]: nan). Hint: drop or fill it.
    """
    found = reals(given, name, _shown(shape))
    fits = found.ndim == len(shape) and all(
        have == want if want is not None else have > 0 for have, want in zip(found.shape, shape, strict=True)
    )
    if not fits:
        message = f"{name} has shape {found.shape}, not {_shown(shape)}. Hint: see TrajectoryProblem for the shapes."
        raise BadInput(message)
    bad = ~np.isfinite(found)
    if bad.any():
        raise BadInput(_first(found, bad, name, "not finite", "drop or fill it"))
    if least is not None and (found < least).any():
        raise BadInput(_first(found, found < least, name, f"below {least:g}", f"give at least {least:g}"))
    return found


def reals(given: Any, name: str, shape: str = "any") -> Reals:
    """Take numbers of any shape as an own float64 array, contiguous.

    Raises
    ------
    BadInput
        For rows of different lengths, text, dates, truth values, complex numbers, and what is too large for a float.

    Examples
    --------
    >>> reals([1, 2], "mu")
    array([1., 2.])
    >>> reals([True, False], "mu", "(2)")
    Traceback (most recent call last):
    atomloom.errors.BadInput: mu is no array of numbers: its values are true or false. Hint: give floats of shape (2).
    """
    try:
        raw = np.asarray(given)
        if raw.dtype.kind in "iufO":
            return np.array(raw, dtype=np.float64, order="C")
        error: Any = f"its values are {_KINDS.get(raw.dtype.kind, raw.dtype)}"
    except (TypeError, ValueError, OverflowError) as caught:
        error = str(caught).rstrip(".")
    raise BadInput(f"{name} is no array of numbers: {error}. Hint: give floats of shape {shape}.")


def covariances(given: Any, shape: tuple[int, ...]) -> Reals:
    """Take covariances of each horizon, made exactly symmetric.

    Raises
    ------
    BadInput
        If one is not symmetric (to 1e-10 of its largest value) or not positive semidefinite.

    Examples
    --------
    >>> covariances([[[1.0, 2.0], [2.0, 1.0]]], (1, 2))
    Traceback (most recent call last):
    atomloom.errors.BadInput: cov[0] is not positive semidefinite (least eigenvalue -1). Hint: shrink or clip it.
    """
    horizons, assets = shape
    raw = reals(given, "cov", _shown((horizons, assets, assets)))
    if raw.ndim == 2 and horizons == 1:
        raw = raw[None]
    found = numbers(raw, "cov", (horizons, assets, assets))
    for h, matrix in enumerate(found):
        scale = float(np.abs(matrix).max())
        if float(np.abs(matrix - matrix.T).max()) > _SYMMETRY * scale:
            i, j = np.unravel_index(int(np.abs(matrix - matrix.T).argmax()), matrix.shape)
            message = (
                f"cov[{h}] is not symmetric: [{i}, {j}] is {matrix[i, j]:g} and [{j}, {i}] {matrix[j, i]:g}. "
                "Hint: give (V + V.T) / 2."
            )
            raise BadInput(message)
        least = float(np.linalg.eigvalsh(matrix)[0])
        if least < -_NEGATIVE * max(scale, 1e-300):
            message = f"cov[{h}] is not positive semidefinite (least eigenvalue {least:.3g}). Hint: shrink or clip it."
            raise BadInput(message)
        found[h] = (matrix + matrix.T) / 2
    return found


def check_units(value: Any) -> int:
    """Take a number of units.

    Examples
    --------
    >>> check_units(0)
    Traceback (most recent call last):
    atomloom.errors.BadInput: units is 0. Hint: give a whole number from 1 to 32,767.
    """
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or not 1 <= value <= MOST_UNITS:
        message = f"units is {value!r}. Hint: give a whole number from 1 to {MOST_UNITS:,}."
        raise BadInput(message)
    return int(value)


def check_count(name: str, value: Any, least: int = 1) -> int:
    """Take a whole number of at least so much.

    Examples
    --------
    >>> check_count("width", 0)
    Traceback (most recent call last):
    atomloom.errors.BadInput: width is 0. Hint: give a whole number of at least 1.
    """
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise BadInput(f"{name} is {value!r}. Hint: give a whole number of at least {least}.")
    return int(value)


def check_share(name: str, value: Any, what: str) -> float:
    """Take a number from 0 to 1.

    Examples
    --------
    >>> check_share("mutation", 2, "a chance")
    Traceback (most recent call last):
    atomloom.errors.BadInput: mutation is 2. Hint: give a chance from 0 to 1.
    """
    if not _is_number(value) or not 0.0 <= value <= 1.0:
        raise BadInput(f"{name} is {value!r}. Hint: give {what} from 0 to 1.")
    return float(value)


def check_seconds(value: Any) -> float | None:
    """Take a limit of time, or none.

    Examples
    --------
    >>> check_seconds(0)
    Traceback (most recent call last):
    atomloom.errors.BadInput: time_limit is 0. Hint: give seconds above 0, or None.
    """
    if value is None:
        return None
    if not _is_number(value) or not 0.0 < value < np.inf:
        raise BadInput(f"time_limit is {value!r}. Hint: give seconds above 0, or None.")
    return float(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _shown(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("any" if length is None else str(length) for length in shape) + ")"


def _first(found: Reals, bad: NDArray[np.bool_], name: str, what: str, hint: str) -> str:
    count = int(bad.sum())
    place = tuple(int(i) for i in np.argwhere(bad)[0])
    values = "value that is" if count == 1 else "values that are"
    at = f" (first at [{', '.join(map(str, place))}]: {found[place]:g})" if place else f" ({found:g})"
    return f"{name} has {count:,} {values} {what}{at}. Hint: {hint}."
