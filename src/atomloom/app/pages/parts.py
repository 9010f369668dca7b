"""What the pages of all runs share: how it ran, what was asked, and small ways to write things."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from atomloom.app import page
from atomloom.engine.budget import show_size

if TYPE_CHECKING:
    from atomloom.app.runs import RunFolder


_UNSET: tuple[Any, ...] = (None, "", [])


def how_it_ran(run: RunFolder) -> str:
    """Draw the stages, and the molecules where the engine worked."""
    from atomloom.app import charts  # noqa: PLC0415  # matplotlib is loaded when figures are drawn

    trace = run.path / "trace.jsonl"
    lines = trace.read_text(encoding="utf-8").splitlines() if trace.is_file() else []
    return page.section(
        "How it ran",
        page.figure(charts.stages(run.record["stages"])),
        *([page.figure(charts.molecules([json.loads(line) for line in lines]))] if lines else []),
    )


def what_was_asked(record: dict[str, Any]) -> str:
    """List the settings and the machine."""
    machine = record["machine"]
    limit = f", limited to {show_size(machine['memory_limit'])}" if machine["memory_limit"] else ""
    where = [
        ("command", record["command_line"]),
        ("seed", record["seed"]),
        ("made", record["created"]),
        ("machine", f"{machine['system']} {machine['arch']}, {machine['cores']} of {machine['logical']} cores"),
        ("memory", f"{show_size(machine['memory_total'])}{limit}"),
        ("versions", ", ".join(f"{name} {version}" for name, version in record["versions"].items())),
    ]
    asked = [(name, _listed(value)) for name, value in settings(record["config"]) if value not in _UNSET]
    idle = [name for name, value in settings(record["config"]) if value in _UNSET]
    if idle:
        asked.append(("not set", ", ".join(idle)))
    halves = f'<div class="half"><div>{page.pairs(asked)}</div><div>{page.pairs(where)}</div></div>'
    return page.section("What was asked, and of what machine", halves)


def _listed(value: Any) -> Any:
    """Write a list as words."""
    return ", ".join(str(item) for item in value) if isinstance(value, list | tuple) else value


def settings(config: dict[str, Any]) -> list[tuple[str, Any]]:
    """Flatten nested settings to dotted names.

    Examples
    --------
    >>> settings({"a": 1, "b": {"c": 2}})
    [('a', 1), ('b.c', 2)]
    """
    found: list[tuple[str, Any]] = []
    for name, value in config.items():
        found += (
            [(f"{name}.{key}", item) for key, item in value.items()] if isinstance(value, dict) else [(name, value)]
        )
    return found


def decimals(prices: list[float]) -> int:
    """Count the decimals that show every price to ten digits, so that a column of them is even.

    Examples
    --------
    >>> decimals([1640.25, 1640.5])
    2
    """
    return max((-int(Decimal(f"{price:.10g}").as_tuple().exponent) for price in [0.0, *prices]), default=0)


def moment(value: Any) -> str:
    """Write a time to the second.

    Examples
    --------
    >>> moment("2013-09-01T22:00:00.083Z")
    '2013-09-01 22:00:00'
    """
    return str(value).replace("T", " ")[:19]


def rejected(record: dict[str, Any]) -> str:
    """Say how many rows of the file were rejected; empty if none was."""
    account = record.get("ingest")
    if not account or not account["n_rejected"]:
        return ""
    return f" {account['n_rejected']:,} of {account['n_read']:,} rows of the file were rejected: see rejects.csv."
