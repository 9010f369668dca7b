"""Numbers, lengths of time and names of settings as users write them: ``4e7``, ``"40e6"``, ``"5D"``."""

from __future__ import annotations

import datetime as dt
import functools
import inspect
import math
import operator
import re
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from atomloom._choices import check_choice
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    Kind = TypeVar("Kind", bound=type[Any])

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
        too_many = number is not None and number > most
        above = f" and at most {most:,}" if most != LARGEST - 1 or too_many else ""
        raise BadInput(f"{name} is {value!r}. Hint: give a whole number of at least {least:,}{above}.")
    return int(number)


def _number(value: Any) -> float | int | None:
    """Give a number, or None for what is none."""
    if isinstance(value, bool | np.bool_ | np.timedelta64):  # numpy takes times for integers
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
    BadInput
        For what is no whole number.

    Examples
    --------
    >>> place_of(-1, 10)
    9
    """
    try:
        place = operator.index(number)
    except TypeError:
        raise BadInput(
            f"a sample is asked for by {number!r}. Hint: a whole number, a slice or a list of them."
        ) from None
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


def take_duration(name: str, given: Any) -> int:
    """Take a length of time above 0, as ns.

    Parameters
    ----------
    name : str
        Of the argument, for the message.
    given : str, timedelta, numpy.timedelta64, pandas.Timedelta or int
        "3D", "2h", ...; whole numbers are ns.

    Raises
    ------
    BadInput
        For anything else.

    Examples
    --------
    >>> take_duration("gap", np.timedelta64(2, "h")) == take_duration("gap", "120min")
    True
    """
    hint = "Hint: a length of time above 0 like '3D' or '2h', or whole ns"
    if isinstance(given, bool | np.bool_) or not isinstance(
        given, str | int | np.integer | np.timedelta64 | dt.timedelta
    ):
        raise BadInput(f"{name} is {given!r}. {hint}.")
    try:
        if isinstance(given, str | dt.timedelta):
            import pandas as pd  # noqa: PLC0415 - heavy, and only for texts

            found = int(pd.Timedelta(given).value)
        else:
            found = int(np.timedelta64(given, "ns").astype(np.int64))
    except (ValueError, TypeError, OverflowError) as error:
        raise BadInput(f"{name} is {given!r}: {error}. {hint}.") from None
    if found <= 0:
        raise BadInput(f"{name} is {given!r}. {hint}.")
    return found


_UNITS = (("D", 86_400_000_000_000), ("h", 3_600_000_000_000), ("min", 60_000_000_000), ("s", 1_000_000_000),
          ("ms", 1_000_000), ("us", 1000), ("ns", 1))  # fmt: skip


def show_duration(ns: int) -> str:
    """Write a length of time in the largest unit that it is whole in; :func:`take_duration` reads it.

    Examples
    --------
    >>> show_duration(take_duration("embargo", "120 min"))
    '2h'
    """
    unit, size = next((unit, size) for unit, size in _UNITS if ns % size == 0)
    return f"{ns // size}{unit}"


def names_checked(what: str) -> Callable[[Kind], Kind]:
    """Make a class refuse unknown keywords with the one that was meant.

    Parameters
    ----------
    what : str
        How messages call a keyword.

    Examples
    --------
    >>> @names_checked("a setting of a thing")
    ... class Thing:
    ...     def __init__(self, width=1): ...
    >>> Thing(widht=3)
    Traceback (most recent call last):
    atomloom.errors.BadInput: a setting of a thing is 'widht'. Hint: did you mean 'width'? One of width.
    """

    def changed(kind: Kind) -> Kind:
        made = kind.__init__
        known = list(inspect.signature(made).parameters)[1:]

        @functools.wraps(made)
        def init(self: Any, *values: Any, **settings: Any) -> None:
            for name in settings:
                check_choice(what, name, known)
            made(self, *values, **settings)

        kind.__init__ = init
        return kind

    return changed
