"""Atoms: whatever sequence the user has, checked and made sliceable by position."""

from __future__ import annotations

import difflib
import functools
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from atomloom.engine.product import Grid
from atomloom.errors import BadInput


def as_atoms(atoms: Any) -> tuple[Any, int, bool]:
    """Check atoms and make them a sequence.

    Returns
    -------
    atoms : sequence
        Sliceable by position; generators and mappings are made lists.
    n : int
        Number of atoms.
    whole : bool
        Whether they travel once as a whole (ranges, grids, arrays, pandas objects), so that
        a molecule is just a pair of positions; lists travel slice by slice.

    Raises
    ------
    BadInput
        For None, numbers, texts, and arrays without a first axis.

    Examples
    --------
    >>> as_atoms(range(5))
    (range(0, 5), 5, True)
    >>> as_atoms(str(i) for i in range(2))
    (['0', '1'], 2, False)
    """
    if atoms is None:
        raise BadInput("atoms is None. Hint: pass the sequence of atoms, for example range(n).")
    if isinstance(atoms, str | bytes):
        raise BadInput(f"atoms is a {type(atoms).__name__}; its characters are hardly meant. Hint: pass a list.")
    if isinstance(atoms, set | frozenset):
        raise BadInput(f"atoms is a {type(atoms).__name__}, whose order changes from run to run. Hint: sorted(atoms).")
    if isinstance(atoms, int | float) or getattr(atoms, "ndim", 1) == 0:
        raise BadInput(f"atoms is {atoms!r}, which holds nothing to divide. Hint: range({atoms}) for its numbers.")
    if hasattr(atoms, "iloc") or (hasattr(atoms, "dtype") and hasattr(atoms, "__getitem__")):
        whole = not getattr(getattr(atoms, "dtype", None), "hasobject", False)
        return atoms, len(atoms), whole
    if isinstance(atoms, Grid) and atoms.size >= 1 << 63:
        raise BadInput(f"the grid has {atoms.size} points; a run takes fewer than 2**63. Hint: pass a slice of it.")
    if isinstance(atoms, range | Grid):
        return atoms, len(atoms), True
    if isinstance(atoms, list | tuple):
        return atoms, len(atoms), False
    if isinstance(atoms, Mapping) or not isinstance(atoms, Sequence):
        if not isinstance(atoms, Iterable):
            raise BadInput(f"atoms is a {type(atoms).__name__}, which is not iterable. Hint: pass a sequence.")
        atoms = list(atoms)
    return atoms, len(atoms), False


def check_call(func: Any, arg_name: Any, kwargs: Mapping[str, Any], *, seeded: bool) -> None:
    """Refuse a call that every molecule would fail at, before any worker is started.

    Raises
    ------
    BadInput
        When func is not callable, lacks the argument, or gets one twice.
    """
    if not callable(func):
        raise BadInput(f"func is {func!r}; it must be callable as func({arg_name}=atoms, **func_kwargs).")
    if not isinstance(arg_name, str) or not arg_name.isidentifier() or arg_name == "func":
        raise BadInput(f"arg_name is {arg_name!r}; it must be the name of the argument that receives the atoms.")
    if arg_name in kwargs:
        raise BadInput(f"{arg_name!r} is both arg_name and one of func_kwargs. Hint: rename one of them.")
    if seeded and "rng" in kwargs:
        raise BadInput("seed= offers every leaf its own rng, but rng is also among func_kwargs. Hint: drop one.")
    given = {arg_name: None, **kwargs, **({"rng": None} if seeded else {})}
    signature = _signature(func)
    if signature is None:
        return
    names = [name for name, parameter in signature.parameters.items() if parameter.kind is not parameter.VAR_KEYWORD]
    try:
        signature.bind(**given)
    except TypeError as error:
        label = name_of(func)
        takes = ", ".join(names) or "no arguments"
        hint = "drop seed= or add an rng argument" if seeded and "rng" not in names else _hint(arg_name, names, kwargs)
        raise BadInput(
            f"{label} cannot be called with {', '.join(given)}: {error}; it takes {takes}. Hint: {hint}."
        ) from None


OPTIONS = (
    "num_threads", "mp_batches", "partition", "redux", "redux_args", "redux_in_place", "debug", "executor", "cost",
    "memory", "retries", "timeout", "on_error", "journal", "progress", "seed", "strict", "grain", "arg_name",
)  # fmt: skip


def _hint(arg_name: str, names: list[str], kwargs: Mapping[str, Any]) -> str:
    for name in kwargs:
        near = [] if name in names else difflib.get_close_matches(name, OPTIONS, n=1, cutoff=0.75)
        if near:
            return f"did you mean {near[0]}= instead of {name}=?"
    free = [name for name in names if name not in kwargs]
    if arg_name not in names and free:
        return f"arg_name={free[0]!r} says which argument receives the atoms"
    return "pass what is missing by keyword and drop what is not taken"


def _signature(func: Callable[..., Any]) -> inspect.Signature | None:
    try:
        return inspect.signature(func)
    except (TypeError, ValueError):
        return None  # many built-ins have none; the first molecule will tell


def name_of(func: Any) -> str:
    """Name a function for people.

    Examples
    --------
    >>> name_of(functools.partial(max, default=1))
    'max'
    """
    while isinstance(func, functools.partial):
        func = func.func
    return str(getattr(func, "__qualname__", type(func).__qualname__))
