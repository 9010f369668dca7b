"""Returns as the methods take them: checked, of one kind, with the names of the assets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.closed_forms import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence


def take_returns(returns: Any, names: Sequence[str] | None = None) -> Sample:
    """Take returns of assets, rows in time order.

    Parameters
    ----------
    returns : (T, N) float64 or DataFrame
        Finite. The columns of a data frame are the names.
    names : sequence of str, optional

    Raises
    ------
    BadInput
        For another shape, no numbers, values that are not finite, and names that do not fit.

    Examples
    --------
    >>> take_returns([[0.01, 0.02], [0.0, float("nan")]], ["A", "B"])
    Traceback (most recent call last):
    atomloom.errors.BadInput: returns has 1 value that is not finite (first at row 1, B: nan). Hint: drop or fill it.
    """
    if names is None and hasattr(returns, "columns"):
        names = [str(name) for name in returns.columns]
    try:
        found = np.ascontiguousarray(returns, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"returns is no table of numbers: {error}. Hint: give floats of shape (T, N).") from None
    if found.ndim != 2 or not found.shape[1]:
        raise BadInput(f"returns has shape {found.shape}. Hint: give (T, N), a column for each asset.")
    own = _names(names, found.shape[1])
    bad = ~np.isfinite(found)
    if bad.any():
        row, asset = np.argwhere(bad)[0]
        count = int(bad.sum())
        what = "value that is" if count == 1 else "values that are"
        name = f"asset {asset}" if own is None else own[asset]
        seen = f"first at row {row:,}, {name}: {found[row, asset]}"
        raise BadInput(f"returns has {count:,} {what} not finite ({seen}). Hint: drop or fill it.")
    view = found.view()
    view.flags.writeable = False
    return Sample.of(view, own)


def _names(names: Sequence[str] | None, assets: int) -> tuple[str, ...] | None:
    if names is None:
        return None
    if isinstance(names, str):
        raise BadInput(f"names is {names!r}. Hint: give a list, a name for each asset.")
    own = tuple(str(name) for name in names)
    if len(own) != assets or len(set(own)) < len(own):
        seen = f"{len(own)} names, {len(set(own))} different, of {assets} assets"
        raise BadInput(f"names has {seen}. Hint: give each asset its own.")
    return own
