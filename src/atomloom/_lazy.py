"""Imports that wait: the lazy front door (PEP 562) and ``need`` for optional packages."""

from __future__ import annotations

import importlib

from atomloom.errors import MissingExtra

TYPE_CHECKING = False  # type checkers read it as true; importing typing would double the import time

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import ModuleType
    from typing import Any


def need(module: str, *, extra: str | None = None, why: str = "") -> ModuleType:
    """Import an optional package where it is used, or say how to get it.

    Parameters
    ----------
    module : str
        Dotted name of the module, for example ``"sklearn.decomposition"``.
    extra : str, optional
        The extra of atomloom that installs it.
    why : str
        What it is needed for, in the user's words.

    Raises
    ------
    MissingExtra
        When the module (or its top-level package) is not installed.

    Examples
    --------
    >>> need("math").sqrt(4.0)
    2.0
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        top = module.partition(".")[0]
        if error.name is None or error.name.partition(".")[0] != top:
            raise
        purpose = f" for {why}" if why else ""
        target = f"'atomloom[{extra}]'" if extra else top
        message = f"{top} is needed{purpose} and is not installed. Hint: python -m pip install {target}"
        raise MissingExtra(message, name=error.name) from None


def front_door(package: str, exports: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the ``__getattr__`` and ``__dir__`` of a package whose names load on first use.

    Parameters
    ----------
    package : str
        The package's ``__name__``.
    exports : mapping of str to str
        Public name -> module that defines it; a name equal to the module's own last
        part exports the module itself.

    Examples
    --------
    >>> getter, lister = front_door("demo", {"sqrt": "math"})
    >>> getter("sqrt")(9.0), lister()
    (3.0, ['sqrt'])
    """

    def getter(name: str) -> Any:
        module = exports.get(name)
        if module is None:
            message = f"module {package!r} has no attribute {name!r}"
            raise AttributeError(message)
        loaded = importlib.import_module(module)
        if module == f"{package}.{name}":
            return loaded
        return getattr(loaded, name)

    def lister() -> list[str]:
        return sorted(exports)

    return getter, lister
