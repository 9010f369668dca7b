"""Combinations of VPIN's parameters as columns, and the grid that calibrations are compared on."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.spec import VPINConfig

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

#: 16,000 combinations around the values of the literature: 5 x 4 x 2 x 4 x 5 x 4 x 5.
PAPER_GRID: dict[str, tuple[Any, ...]] = {
    "buckets_per_day": (20, 50, 100, 150, 200),
    "bars_per_bucket": (5, 10, 20, 30),
    "price": ("close", "median"),
    "nu": (0.0, 0.1, 0.25, 1.0),
    "support_days": (0.25, 0.5, 1.0, 2.0, 5.0),
    "threshold": (0.9, 0.95, 0.99, 0.999),
    "horizon_days": (0.05, 0.1, 0.25, 0.5, 1.0),
}

#: Fields of :class:`VPINConfig` as columns; ``bucket_volume`` is 0 where it is None.
POINT = np.dtype(
    [
        ("buckets_per_day", np.int64),
        ("bars_per_bucket", np.int64),
        ("price", "U8"),
        ("nu", np.float64),
        ("support_days", np.float64),
        ("horizon_days", np.float64),
        ("threshold", np.float64),
        ("bucket_volume", np.int64),
        ("days", "U8"),
        ("sigma", "U9"),
        ("cdf", "U9"),
        ("null_quantile", np.float64),
    ]
)


def paper_grid() -> dict[str, tuple[Any, ...]]:
    """Give the grid that calibrations are compared on: 16,000 combinations around the values of the literature.

    Returns
    -------
    dict of str to tuple
        Seven axes of 5, 4, 2, 4, 5, 4 and 5 values; change it to calibrate over your own.

    Notes
    -----
    Wu et al. (2013) and Song, Wu and Simon (2014) search the same parameters, 16,000 combinations per
    contract; their values are not published, so these are ours.

    Examples
    --------
    >>> import math
    >>> math.prod(len(values) for values in paper_grid().values())
    16000
    """
    return dict(PAPER_GRID)


def points_of(
    grid: Mapping[str, Iterable[Any]] | Iterable[VPINConfig | Mapping[str, Any]], base: VPINConfig
) -> tuple[NDArray[np.void], dict[str, tuple[Any, ...]]]:
    """Lay out a grid as columns.

    Parameters
    ----------
    grid : mapping of str to values, ``atomloom.grid(...)``, or iterable of VPINConfig or mapping
        Axes to combine, each with each, the last fastest; or the combinations themselves.
    base : VPINConfig
        What the grid leaves open.

    Returns
    -------
    points : (P,) array of POINT
    axes : dict of str to tuple
        The axes of a full product, in order; empty for a list of combinations.

    Raises
    ------
    BadInput
        For unknown parameters, values out of range, repeated values and empty grids.

    Examples
    --------
    >>> points, axes = points_of({"nu": (0.0, 0.1), "price": ("close", "median")}, VPINConfig())
    >>> points["nu"], points["price"].tolist()
    (array([0. , 0. , 0.1, 0.1]), ['close', 'median', 'close', 'median'])
    """
    whole = getattr(grid, "axes", None)  # of an atomloom.grid, which must not be a slice of one
    if isinstance(whole, Mapping) and len(grid) == np.prod([len(values) for values in whole.values()]):  # type: ignore[arg-type]
        grid = whole
    if isinstance(grid, Mapping):
        axes = {name: _axis(name, values) for name, values in grid.items()}
        return _product(axes, base), axes
    if not hasattr(grid, "__iter__"):
        raise BadInput(f"grid is {grid!r}. Hint: give a mapping of parameters to values, or VPINConfigs.")
    configs = [_config(point, base) for point in grid]
    if not configs:
        raise BadInput("the grid has no combinations. Hint: PAPER_GRID is one that has.")
    return np.array([_row(config) for config in configs], dtype=POINT), {}


def config_of(point: Any) -> VPINConfig:
    """Turn a row of columns back into a configuration.

    Examples
    --------
    >>> points, _ = points_of([VPINConfig(nu=0.25)], VPINConfig())
    >>> config_of(points[0]) == VPINConfig(nu=0.25)
    True
    """
    values = {name: point[name].item() for name in POINT.names or ()}
    values["bucket_volume"] = values["bucket_volume"] or None
    return VPINConfig(**values)


def grid_hash(points: NDArray[np.void]) -> str:
    """Name a set of combinations by its content, 16 hexadecimal digits.

    Examples
    --------
    >>> len(grid_hash(points_of(PAPER_GRID, VPINConfig())[0]))
    16
    """
    digest = hashlib.blake2b(digest_size=8)
    for name in POINT.names or ():
        digest.update(name.encode() + np.ascontiguousarray(points[name]).tobytes())
    return digest.hexdigest()


def _axis(name: str, values: Iterable[Any]) -> tuple[Any, ...]:
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise BadInput(f"grid: {name} is {values!r}. Hint: give a list of values, for example [{values!r}].")
    listed = tuple(value.item() if isinstance(value, np.generic) else value for value in values)
    if not listed:
        raise BadInput(f"grid: {name} has no values. Hint: leave the axis out to keep that of base.")
    if len(set(listed)) < len(listed):
        raise BadInput(f"grid: {name} repeats a value: {list(listed)}. Hint: name each value once.")
    return listed


def _product(axes: dict[str, tuple[Any, ...]], base: VPINConfig) -> NDArray[np.void]:
    """Combine every value with every other, checking each value once and the two that depend on each other."""
    columns = {name: [getattr(_config({name: value}, base), name) for value in values] for name, values in axes.items()}
    together = [name for name in ("bars_per_bucket", "bucket_volume") if name in axes]
    for pair in itertools.product(*(axes[name] for name in together)):
        _config(dict(zip(together, pair, strict=True)), base)
    shape = tuple(len(values) for values in axes.values())
    points = np.full(int(np.prod(shape)), np.array([_row(base)], dtype=POINT)[0], dtype=POINT)
    index = np.indices(shape).reshape(len(shape), -1) if shape else np.zeros((0, 1), dtype=np.int64)
    for digits, (name, column) in zip(index, columns.items(), strict=True):
        points[name] = np.array([0 if value is None else value for value in column], dtype=POINT[name])[digits]
    return points


def _config(point: VPINConfig | Mapping[str, Any], base: VPINConfig) -> VPINConfig:
    if isinstance(point, VPINConfig):
        return point
    if not isinstance(point, Mapping):
        raise BadInput(f"a combination is {point!r}. Hint: give a VPINConfig, or a mapping of its fields.")
    return VPINConfig.from_dict({**base.to_dict(), **point})


def _row(config: VPINConfig) -> tuple[Any, ...]:
    values = config.to_dict()
    unknown = {item.name for item in fields(config)} - set(POINT.names or ())
    if unknown:  # a field that was added to the configuration and not to the columns
        raise BadInput(f"no column for {sorted(unknown)}.")
    return tuple(values[name] or 0 if name == "bucket_volume" else values[name] for name in POINT.names or ())
