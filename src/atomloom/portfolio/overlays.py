"""Targets that are scaled to a volatility, and down to a leverage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.portfolio.row_windows import RowWindows, WindowError
from atomloom.portfolio.weight_work import Group, Workers, finite, work_groups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from atomloom.portfolio.closed_forms import Sample

    Reals = NDArray[np.float64]


def scaled(
    weights: Reals, variance: Reals | None, target: float | None, leverage: float | None, periods_per_year: float
) -> Reals:
    """Scale rows of weights to a volatility, and down to a leverage.

    Parameters
    ----------
    weights : (R, N) float64
    variance : (R,) float64, optional
        w'Sw of each row, per period; needed with a target.
    target : float, optional
        Volatility in a year.
    leverage : float, optional
        Most that sum |w| may be.
    periods_per_year : float

    Raises
    ------
    WindowError
        If a row has weights and no variance, and there is no leverage to stop at.

    Examples
    --------
    >>> scaled(np.array([[0.5, 0.5]]), np.array([0.0001]), 0.2, 1.5, 100.0)
    array([[0.75, 0.75]])
    """
    gross = np.abs(weights).sum(axis=1)
    holds = gross > 0.0
    scale = np.ones(len(weights))
    if target is not None and variance is not None:
        still = np.flatnonzero(holds & (variance == 0.0))
        if len(still) and leverage is None:
            message = "the portfolio has no volatility, so that no leverage reaches the target. Hint: give max_leverage"
            raise WindowError(int(still[0]), message)
        wild = np.flatnonzero(holds & ~np.isfinite(variance))
        if len(wild):
            raise WindowError(
                int(wild[0]), f"the variance of the portfolio is {variance[wild[0]]}. Hint: see the returns"
            )
        scale[still] = np.inf
        moves = holds & (variance > 0.0)
        scale[moves] = target / np.sqrt(variance[moves] * periods_per_year)
    if leverage is not None:
        scale[holds] = np.minimum(scale[holds], leverage / gross[holds])
    return weights * scale[:, None]


def overlay_all(
    sample: Sample, asked: Sequence[tuple[Reals, RowWindows, Mapping[str, Any]]], workers: Workers
) -> list[Reals | WindowError]:
    """Apply overlays; variances of the same weights over the same windows are measured once.

    Parameters
    ----------
    sample : Sample
    asked : sequence of (weights, windows, overlay)
        Weights (R, N), the window that the volatility of each row is measured over, and a mapping with
        volatility_target, max_leverage and periods_per_year.
    workers : Workers

    Returns
    -------
    list of (R, N) float64 or WindowError
    """
    members: dict[Any, dict[int, tuple[int, Reals]]] = {}
    windows_of: dict[Any, RowWindows] = {}
    places: dict[int, int] = {}
    for place, (weights, windows, overlay) in enumerate(asked):
        if overlay["volatility_target"] is None:
            continue
        key = windows.key
        windows_of[key] = windows
        places[place] = members.setdefault(key, {}).setdefault(id(weights), (place, weights))[0]
    groups = [Group("risk", windows_of[key], tuple(own.values())) for key, own in members.items()]
    variances = work_groups(sample, groups, workers)
    found: list[Reals | WindowError] = []
    for place, (weights, _, overlay) in enumerate(asked):
        variance = variances[places[place]] if place in places else None
        target, leverage = overlay["volatility_target"], overlay["max_leverage"]
        try:
            found.append(finite(scaled(weights, variance, target, leverage, overlay["periods_per_year"]), sample))
        except WindowError as error:
            found.append(error)
    return found
