"""Whole numbers and shares as users write them: ``320_000_000``, ``4e7``, ``"40e6"``."""

from __future__ import annotations

import math
import operator
import re
from typing import Any

import numpy as np

from atomloom.errors import BadInput

LARGEST = 1 << 63
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+")


def take_count(name: str, value: Any, least: int = 1, most: int = LARGEST - 1) -> int:
    """Take a whole number.

    Parameters
    ----------
    name : str
        Of the argument, for the message.
    value : int, float or str
        ``40e6`` and ``"40e6"`` are whole numbers too (YAML reads the first as a text).
    least, most : int

    Raises
    ------
    BadInput
        For anything else, a fraction, or what is out of bounds.

    Examples
    --------
    >>> take_count("n", "40e6")
    40000000
    >>> take_count("n", 0)
    Traceback (most recent call last):
    atomloom.errors.BadInput: n is 0. Hint: give a whole number of at least 1.
    """
    number = _number(value)
    whole = number is not None and math.isfinite(number) and number == math.floor(number)
    if number is None or not whole or not least <= number <= most:
        above = "" if most == LARGEST - 1 else f" and at most {most:,}"
        raise BadInput(f"{name} is {value!r}. Hint: give a whole number of at least {least:,}{above}.")
    return int(number)


def _number(value: Any) -> float | int | None:
    """Give a number, or None for what is none."""
    if isinstance(value, bool | np.bool_):
        return None
    if isinstance(value, int | np.integer):
        return int(value)
    if isinstance(value, float | np.floating):
        return float(value)
    if isinstance(value, str):
        try:
            return int(value.replace(",", "") if _GROUPED.fullmatch(value.strip()) else value)
        except ValueError:
            try:
                return float(value)
            except ValueError:
                return None
    return None


def place_of(number: Any, n: int) -> int:
    """Give the place that an index of one of n samples means; negative ones count from the end.

    Raises
    ------
    IndexError
        Beyond the last, so that ``for sample in samples`` ends.

    Examples
    --------
    >>> place_of(-1, 10)
    9
    """
    place = operator.index(number)
    place += n if place < 0 else 0
    if not 0 <= place < n:
        message = f"sample {number:,} of {n:,}"
        raise IndexError(message)
    return place


def take_real(name: str, value: Any, least: float = -math.inf, most: float = math.inf) -> float:
    """Take a finite number.

    Raises
    ------
    BadInput

    Examples
    --------
    >>> take_real("low", "1e3")
    1000.0
    """
    number = _number(value)
    if number is None or not math.isfinite(number) or not least <= number <= most:
        low = "" if least == -math.inf else f" of at least {least:g}"
        high = "" if most == math.inf else f" of at most {most:g}" if not low else f" and at most {most:g}"
        raise BadInput(f"{name} is {value!r}. Hint: give a finite number{low}{high}.")
    return float(number)
