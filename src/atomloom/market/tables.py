"""How results show themselves in a notebook: a table of names and values."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def html_table(title: str, values: Mapping[str, Any]) -> str:
    """Write names and values as an HTML table; None is an empty cell.

    Examples
    --------
    >>> html_table("A & B", {"n": 1, "rate": None})
    '<table><caption>A &amp; B</caption><tr><th>n</th><td>1</td></tr><tr><th>rate</th><td></td></tr></table>'
    """
    rows = "".join(
        f"<tr><th>{html.escape(str(name))}</th><td>{html.escape('' if value is None else str(value))}</td></tr>"
        for name, value in values.items()
    )
    return f"<table><caption>{html.escape(title)}</caption>{rows}</table>"
