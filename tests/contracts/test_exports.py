"""Contracts on the public names: each resolves, is documented, and shows how it is used."""

from __future__ import annotations

import importlib
import inspect
import pkgutil

import pytest

import atomloom


def rooms() -> list[str]:
    """The package and its rooms, each of which lists its public names in ``__all__``."""
    packages = [module.name for module in pkgutil.iter_modules(atomloom.__path__, "atomloom.") if module.ispkg]
    return ["atomloom", *(name for name in packages if hasattr(importlib.import_module(name), "__all__"))]


NAMES = [(room, name) for room in rooms() for name in importlib.import_module(room).__all__]


@pytest.mark.parametrize(("room", "name"), NAMES, ids=[f"{room}.{name}" for room, name in NAMES])
def test_a_public_name_resolves_and_explains_itself(room: str, name: str) -> None:
    thing = getattr(importlib.import_module(room), name)
    if not callable(thing):
        assert isinstance(thing, str | type(inspect)), f"{room}.{name} is neither a verb, a noun, a room nor a text"
        return
    doc = inspect.getdoc(thing) or ""
    first = doc.splitlines()[0] if doc else ""
    assert first.endswith("."), f"{room}.{name}: its docstring opens with {first!r}, not with a sentence"
    if not (inspect.isclass(thing) and issubclass(thing, Exception)):
        assert "Examples\n--------" in doc, f"{room}.{name} has no Examples section"
        assert ">>>" in doc, f"{room}.{name} has no runnable example"


def test_no_name_is_listed_twice() -> None:
    for room in rooms():
        names = list(importlib.import_module(room).__all__)
        assert len(set(names)) == len(names), room


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'run_paralel'"):
        _ = atomloom.run_paralel


@pytest.mark.parametrize(("room", "name"), NAMES, ids=[f"{room}.{name}" for room, name in NAMES])
def test_a_public_name_is_not_hidden_by_a_module_of_that_name(room: str, name: str) -> None:
    """Importing the submodule ROOM.NAME would rebind ROOM.NAME to it, whatever the front door says."""
    package = importlib.import_module(room)
    modules = {module.name for module in pkgutil.iter_modules(package.__path__)}
    if name in modules:
        assert inspect.ismodule(getattr(package, name)), f"{room}.{name} is hidden by its module; rename the module"
        assert room == "atomloom", f"{room}.{name} is hidden by the module {room}/{name}.py; rename one of them"
