"""Configuration: one TOML file = one spec (a frozen dataclass), printed with comments, read with care."""

from __future__ import annotations

import difflib
import json
import re
import tomllib
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from atomloom._lazy import need
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Spec = TypeVar("Spec")


def load(path: Path, spec: Spec) -> Spec:
    """Read a TOML file (or YAML, by its suffix and where PyYAML is installed) over the defaults in ``spec``.

    Raises
    ------
    BadInput
        The file is neither, names a setting that does not exist, or gives one the wrong type.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> @dataclass(frozen=True)
    ... class Settings:
    ...     bars: int = 30
    >>> with TemporaryDirectory() as folder:
    ...     file = Path(folder, "settings.toml")
    ...     _ = file.write_text("bars = 50")
    ...     load(file, Settings())
    Settings(bars=50)
    """
    try:
        text = path.read_text(encoding="utf-8")
        values = _yaml(text, path) if path.suffix.lower() in {".yaml", ".yml"} else tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInput(f"{path} is not TOML: {error}. Hint: --print-config shows a file that is.") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8 text ({error.reason} at byte {error.start:,}).") from None
    return update(spec, values, where=str(path))


def _yaml(text: str, path: Path) -> dict[str, Any]:
    yaml = need("yaml", why=f"{path.name}; TOML is read without")
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        said = " ".join(str(error).split())
        raise BadInput(f"{path} is not YAML: {said}. Hint: --print-config shows the settings as TOML.") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise BadInput(f"{path} holds no settings. Hint: lines of NAME: VALUE.")
    return values


def update(spec: Spec, values: Mapping[str, Any], where: str = "config") -> Spec:
    """Copy a spec with some values changed; tables change nested specs.

    A text whose field has the metadata ``numbered`` may be given as a whole number; where it has ``tables``, a single
    table stands for a list of one.

    Raises
    ------
    BadInput
        Unknown names (with "did you mean") and wrong types.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Settings:
    ...     support: float = 1.0
    ...     axes: tuple[int, ...] = (1, 2)
    >>> update(Settings(), {"support": 2, "axes": [3]})
    Settings(support=2.0, axes=(3,))
    >>> update(Settings(), {"suport": 2})
    Traceback (most recent call last):
    atomloom.errors.BadInput: config has no setting 'suport'. Did you mean 'support'? ...
    """
    known = {field.name: getattr(spec, field.name) for field in fields(spec)}  # type: ignore[arg-type]  # a dataclass
    numbered = {field.name for field in fields(spec) if field.metadata.get("numbered")}  # type: ignore[arg-type]  # same
    tables = {field.name for field in fields(spec) if field.metadata.get("tables")}  # type: ignore[arg-type]  # same
    changed = {}
    for name, value in values.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise BadInput(f"{where} has no setting {name!r}.{hint} The settings are: {', '.join(known)}.")
        given = str(value) if type(value) is int and name in numbered else value
        given = [given] if isinstance(given, dict) and name in tables else given
        changed[name] = _fit(known[name], given, f"{where}: {name}")
    return replace(spec, **changed)  # type: ignore[type-var]  # a dataclass


def _fit(old: Any, new: Any, where: str) -> Any:
    """Give ``new`` the type of ``old``, or refuse it."""
    if is_dataclass(old):
        if isinstance(new, dict):
            return update(old, new, where)
        raise BadInput(f"{where} is {new!r}; it must be a table of settings.")
    if isinstance(old, tuple):
        if isinstance(new, list | tuple):
            return tuple(_fit(old[0], item, where) if old else item for item in new)
        raise BadInput(f"{where} is {new!r}; it must be a list such as {list(old)!r}.")
    if isinstance(old, float) and isinstance(new, int) and not isinstance(new, bool):
        return float(new)
    if old is not None and type(old) is not type(new):
        raise BadInput(f"{where} is {new!r} ({type(new).__name__}); it must be like {old!r} ({type(old).__name__}).")
    return new


def to_dict(spec: Any) -> dict[str, Any]:
    """Turn a spec into nested dicts of plain values (tuples become lists).

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Settings:
    ...     axes: tuple[int, ...] = (1, 2)
    >>> to_dict(Settings())
    {'axes': [1, 2]}
    """
    values = {field.name: getattr(spec, field.name) for field in fields(spec)}
    return {name: _simple(value) for name, value in values.items()}


def _simple(value: Any) -> Any:
    if is_dataclass(value):
        return to_dict(value)
    return list(value) if isinstance(value, tuple) else value


def to_toml(spec: Any, title: str = "") -> str:
    """Write a spec as TOML; each setting is explained from the spec's own docstring.

    Examples
    --------
    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Settings:
    ...     '''Bars.
    ...
    ...     Attributes
    ...     ----------
    ...     bars : int
    ...         Bars in each bucket.
    ...     '''
    ...
    ...     bars: int = 30
    >>> print(to_toml(Settings(), "What to compute."))
    # What to compute.
    <BLANKLINE>
    # Bars in each bucket.
    bars = 30
    <BLANKLINE>
    """
    lines = [f"# {title}", ""] if title else []
    lines += _table(spec, "")
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(spec: Any, path: str) -> list[str]:
    notes = _notes(type(spec).__doc__ or "")
    lines: list[str] = []
    nested = []
    said: list[str] = []
    for field in fields(spec):
        value = getattr(spec, field.name)
        if is_dataclass(value) or _holds_tables(value):
            nested.append((field.name, value))
            continue
        if said is not notes.get(field.name):  # fields explained together are explained once
            said = notes.get(field.name, [])
            lines += [f"# {line}" for line in said]
        lines.append(f"# {field.name} =" if value is None else f"{field.name} = {_literal(value)}")
    for name, value in nested:
        full = f"{path}.{name}" if path else name
        if lines and lines[-1]:
            lines.append("")
        lines += [f"# {line}" for line in notes.get(name, [])]
        if is_dataclass(value):
            lines += [f"[{full}]", *_table(value, full)]
            lines += [""] if lines[-1] else []
            continue
        for table in value if isinstance(value, tuple) else [value]:
            head = f"[[{full}]]" if isinstance(value, tuple) else f"[{full}]" if value else f"# [{full}]"
            lines += [head, *(f"{_key(name)} = {_literal(item)}" for name, item in table.items()), ""]
    return lines


def _holds_tables(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, tuple) and bool(value) and isinstance(value[0], dict))


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return f"[{', '.join(_literal(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(name)} = {_literal(item)}' for name, item in value.items())}}}"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # all else that JSON escapes, TOML does
    return repr(value)


def _notes(doc: str) -> dict[str, list[str]]:
    """Read the explanations of a numpydoc ``Attributes`` or ``Parameters`` section."""
    notes: dict[str, list[str]] = {}
    current: list[str] = []
    inside = False
    lines = doc.expandtabs().splitlines()
    indent = min((len(line) - len(line.lstrip()) for line in lines[1:] if line.strip()), default=0)
    for previous, line in zip(["", *lines], [*lines, ""], strict=True):
        if re.fullmatch(r"\s*-{3,}\s*", line):
            inside = previous.strip() in {"Attributes", "Parameters"}
            continue
        if not inside or not line.strip():
            continue
        if len(line) - len(line.lstrip()) <= indent:
            current = []
            for name in line.partition(":")[0].split(","):
                notes[name.strip()] = current
        else:
            current.append(line.strip())
    return notes
