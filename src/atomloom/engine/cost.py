"""What an atom costs: told by the caller, or learnt from a few timed atoms.

``partition="auto"`` times some 32 atoms spread over the range and fits
``seconds(i) = constant + rise*i + fall*(n-1-i) + rise2*i**2 + fall2*(n-1-i)**2`` with
coefficients >= 0. That covers flat work, both triangles, SADF-like quadratic rows and the
mixtures a vectorised inner loop leaves.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.partition import checked_cost, whole
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

MOST_PROBES = 32
_TERMS = ("constant", "rise", "fall", "rise2", "fall2")
# 1, i and n-1-i are linearly dependent, as are any four of these polynomials of degree two.
_SUBSETS = tuple(
    chosen for size in (1, 2, 3) for chosen in combinations(range(len(_TERMS)), size) if chosen != (0, 1, 2)
)
# A probe cheaper than this share of the average hardly matters for the cut and is the noisiest.
_SMALL = 0.05
_TUKEY = 4.685
_ROUNDS = 8


@dataclass(frozen=True)
class CostModel:
    """Seconds of atom i of n: a non-negative mixture of five shapes.

    Attributes
    ----------
    constant : float
        Seconds that every atom takes.
    rise, fall : float
        Seconds per atom before, and per atom after, this one.
    rise2, fall2 : float
        Seconds per squared number of atoms before, and after, this one.
    kind : str
        The shape in words: "flat", "grows linearly", "grows with the square",
        "shrinks linearly", "shrinks with the square", "cheapest in the middle".
    residual : float
        Median relative distance of the probes from the fit; 0.1 is a good fit to timings,
        above 0.5 the cost is not a smooth function of position.
    probes : int
        Number of timed atoms.

    Examples
    --------
    >>> model = CostModel(constant=1.0, rise=0.5)
    >>> model.cost(4).tolist()
    [1.0, 1.5, 2.0, 2.5]
    """

    constant: float = 0.0
    rise: float = 0.0
    fall: float = 0.0
    rise2: float = 0.0
    fall2: float = 0.0
    kind: str = "flat"
    residual: float = 0.0
    probes: int = 0

    def cost(self, n: int) -> NDArray[np.float64]:
        """Predict the seconds of each of n atoms, (n,) float64, in O(n).

        Raises
        ------
        BadInput
            When ``n`` is no whole number >= 0.

        Examples
        --------
        >>> CostModel(fall=2.0).cost(3).tolist()
        [4.0, 2.0, 0.0]
        """
        before = np.arange(whole(n, "n", 0), dtype=np.float64)
        after = before[::-1]
        return self.constant + (self.rise + self.rise2 * before) * before + (self.fall + self.fall2 * after) * after

    def to_dict(self) -> dict[str, Any]:
        """Give the model as plain numbers and words, ready for JSON.

        Examples
        --------
        >>> CostModel(constant=2.0).to_dict()["constant"]
        2.0
        """
        return asdict(self)


def probe_indices(n: int, k: int | None = None) -> NDArray[np.int64]:
    """Choose the atoms to time: evenly spread, first and last included.

    Parameters
    ----------
    n : int
        Number of atoms, >= 0.
    k : int, optional
        How many to time, >= 1; by default ``2 * sqrt(n)``, at most 32.

    Returns
    -------
    indices : (min(k, n),) int64
        Increasing and distinct, the same on every call.

    Raises
    ------
    BadInput
        When ``n`` or ``k`` is no whole number or too small.

    Examples
    --------
    >>> probe_indices(10, 4).tolist()
    [0, 3, 6, 9]
    """
    n = whole(n, "n", 0)
    wanted = min(MOST_PROBES, math.ceil(2 * math.sqrt(n))) if k is None else whole(k, "k", 1)
    count = min(wanted, n)
    if count < 2:
        return np.zeros(count, np.int64)
    return np.arange(count, dtype=np.int64) * (n - 1) // (count - 1)


def fit_cost(indices: ArrayLike, seconds: ArrayLike, n: int) -> CostModel:
    """Learn what an atom costs from a few timed ones.

    Distances are relative, so that cheap atoms count as much as dear ones, and probes far
    from the rest (a page fault, a busy neighbour) lose their weight (Tukey's biweight,
    re-weighted to convergence). The simplest shape that explains the times wins (BIC).

    Parameters
    ----------
    indices : (k,) array_like of int
        Positions of the timed atoms in ``range(n)``.
    seconds : (k,) or (k, repeats) array_like of float
        Measured seconds, >= 0; the median over repeats is used.
    n : int
        Number of atoms, >= 1.

    Returns
    -------
    CostModel

    Raises
    ------
    BadInput
        For no probes, lengths that differ, positions outside ``range(n)``, and times that
        are negative, NaN or infinite.

    Notes
    -----
    Non-negative least squares by trying each of the 24 independent sets of at most three
    columns: exact for this basis, and free of tolerances. A few milliseconds.

    Examples
    --------
    >>> model = fit_cost([0, 25, 50, 75, 99], [0.10, 0.35, 0.60, 0.85, 1.09], 100)
    >>> model.kind, round(model.constant, 6), round(model.rise, 6)
    ('grows linearly', 0.1, 0.01)
    """
    n = whole(n, "n", 1)
    positions, times = _probes(indices, seconds, n)
    scale = float(max(n - 1, 1))
    x = positions / scale
    y = 1.0 - x if n > 1 else x
    columns = np.stack([np.ones_like(x), x, y, x * x, y * y], axis=1)
    coefficients = _robust(columns, times)
    fitted = columns @ coefficients
    floor = _SMALL * float(times.mean())
    shares = coefficients / np.array([1.0, scale, scale, scale**2, scale**2])
    size = np.maximum(fitted, floor)
    residual = float(np.median(np.abs(times - fitted) / size)) if floor > 0.0 else 0.0
    named = dict(zip(_TERMS, shares.tolist(), strict=True))
    return CostModel(**named, kind=_in_words(coefficients), residual=residual, probes=len(positions))


def _probes(indices: ArrayLike, seconds: ArrayLike, n: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    positions = np.asarray(indices)
    times = np.asarray(seconds, np.float64)
    if positions.ndim != 1 or len(positions) == 0 or positions.dtype.kind not in "iu":
        raise BadInput("indices must be a non-empty row of whole numbers. Hint: take them from probe_indices(n).")
    if times.ndim not in (1, 2) or len(times) != len(positions) or times.size == 0:
        raise BadInput(f"seconds has shape {times.shape} for {len(positions)} probed atoms.")
    if positions.min() < 0 or positions.max() >= n:
        raise BadInput(f"indices must lie in range({n:,}), got {positions.min()} to {positions.max()}.")
    if not (times.min() >= 0.0 and times.max() < np.inf):
        raise BadInput("seconds must be finite and >= 0. Hint: use time.perf_counter, whose differences are.")
    middle: NDArray[np.float64] = np.median(times, axis=1) if times.ndim == 2 else times
    return positions.astype(np.int64), middle


def _robust(columns: NDArray[np.float64], times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Fit with relative weights, then re-weight so that outliers fade."""
    if not times.any():
        return np.zeros(columns.shape[1])
    # First by 1 / measured: a spike, however high, has a relative distance of at most one.
    floor = _SMALL * float(np.median(times)) or _SMALL * float(times.mean())
    weights = 1.0 / np.maximum(times, floor)
    coefficients = _nnls(columns, times, weights)
    for _ in range(_ROUNDS):
        fitted = columns @ coefficients
        size = np.maximum(fitted, max(floor, _SMALL * float(fitted.mean())))
        distance = (times - fitted) / size
        spread = max(1.4826 * float(np.median(np.abs(distance))), 0.01)
        trust = np.clip(1.0 - (distance / (_TUKEY * spread)) ** 2, 0.0, 1.0)
        coefficients = _nnls(columns, times, trust / size)
    return coefficients


def _nnls(
    columns: NDArray[np.float64], values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Minimise the weighted squares over coefficients >= 0, fewer columns preferred (BIC)."""
    a = columns * weights[:, None]
    b = values * weights
    count = int(np.count_nonzero(weights))
    noise = 1e-12 * float(b @ b)
    best, chosen = math.inf, np.zeros(columns.shape[1])
    if noise == 0.0:
        return chosen
    for subset in _SUBSETS:
        if len(subset) > count:
            continue
        part, _, rank, _ = np.linalg.lstsq(a[:, subset], b, rcond=1e-10)
        if rank < len(subset) or part.min() < 0.0:
            continue
        rest = b - a[:, subset] @ part
        score = count * math.log((float(rest @ rest) + noise) / count) + len(subset) * math.log(count + 1)
        if score < best:
            best, chosen = score, np.zeros(columns.shape[1])
            chosen[list(subset)] = part
    return chosen


def _in_words(coefficients: NDArray[np.float64]) -> str:
    """Name the shape of a cost whose coefficients are scaled to the unit interval."""
    constant, rise, fall, rise2, fall2 = coefficients.tolist()
    first, last = constant + fall + fall2, constant + rise + rise2
    x = np.linspace(0.0, 1.0, 65)
    curve = constant + rise * x + fall * (1 - x) + rise2 * x * x + fall2 * (1 - x) ** 2
    low, high = float(curve.min()), float(curve.max())
    if high <= 1.25 * low or high == 0.0:
        return "flat"
    if low < 0.8 * min(first, last):
        return "cheapest in the middle"
    if last > first:
        return "grows with the square" if rise2 > rise else "grows linearly"
    return "shrinks with the square" if fall2 > fall else "shrinks linearly"


def resolve_cost(cost: Any, n: int) -> NDArray[np.float64] | None:
    """Turn what a caller says about costs into one number per atom.

    Parameters
    ----------
    cost : None, str, callable or (n,) array_like of float
        ``None`` or ``"linear"``: all the same. ``"lower"``: atom i costs i + 1;
        ``"upper"``: n - i. A callable gets ``arange(n)`` (int64) and returns n costs.
    n : int
        Number of atoms.

    Returns
    -------
    costs : (n,) float64 or None
        None when all atoms cost the same.

    Raises
    ------
    BadInput
        For unknown words, a wrong number of costs, and costs that are negative, NaN or
        infinite.

    Examples
    --------
    >>> resolve_cost("upper", 3).tolist()
    [3.0, 2.0, 1.0]
    >>> resolve_cost(lambda i: i**2, 3).tolist()
    [0.0, 1.0, 4.0]
    """
    n = whole(n, "n", 0)
    if cost is None:
        return None
    if isinstance(cost, str):
        if cost == "linear":
            return None
        if cost not in ("lower", "upper"):
            hint = ' Hint: for measured costs say partition="auto".' if cost == "auto" else ""
            raise BadInput(f'cost must be "linear", "lower" or "upper", an array or a callable, got {cost!r}.{hint}')
        ramp = np.arange(1, n + 1, dtype=np.float64)
        return ramp if cost == "lower" else ramp[::-1].copy()
    if callable(cost):
        try:
            told = cost(np.arange(n, dtype=np.int64))
        except Exception as error:
            raise BadInput(
                f"the cost callable raised {type(error).__name__}: {error}. "
                "Hint: it gets all indices at once, as an array.",
            ) from error
        if np.ndim(told) == 0:
            raise BadInput("the cost callable returned one value. Hint: it gets all indices at once, as an array.")
        return checked_cost(told, n)
    return checked_cost(cost, n)
