"""Names that are one of a few: the wrong one is refused with the one that was meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_choice(name: str, value: Any, choices: Sequence[str]) -> None:
    """Refuse what is none of the choices.

    Examples
    --------
    >>> check_choice("cost_fn", "sqr", ("sqrt", "linear"))
    Traceback (most recent call last):
    atomloom.errors.BadInput: cost_fn is 'sqr'. Hint: did you mean 'sqrt'? One of sqrt, linear.
    """
    if not isinstance(value, str) or value not in choices:
        near = difflib.get_close_matches(str(value), choices, n=1)
        meant = f"did you mean {near[0]!r}? " if near else ""
        message = f"{name} is {value!r}. Hint: {meant}One of {', '.join(choices)}."
        raise BadInput(message)
