"""The book's spellings of AFML chapter 21 over the trajectory room; `atomloom.afml` has them all."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from atomloom.trajectory.problem import TrajectoryProblem

    Params = Sequence[Mapping[str, Any]]
    Reals = NDArray[np.float64]


def pigeonHole(k: int, n: int) -> Iterator[list[int]]:
    """Give the ways to put k units into n holes, one by one (AFML 21.1).

    Examples
    --------
    >>> list(pigeonHole(2, 2))
    [[2, 0], [1, 1], [0, 2]]
    """
    from atomloom.trajectory.lattice import partitions  # noqa: PLC0415 - compiles

    yield from partitions(k, n).tolist()


def getAllWeights(k: int, n: int) -> Reals:
    """List all weights in units of 1 / k whose absolute values add up to 1, a portfolio in each column (AFML 21.2).

    The order is the book's. **Without its duplicates**: the book gives each weight of zero both signs, and so lists a
    portfolio once for every way to sign its zeros (80 columns for k = n = 3, of which 38 differ).

    Returns
    -------
    (n, omega_size(n, k)) float64

    Examples
    --------
    >>> getAllWeights(2, 2)
    array([[-1. ,  1. , -0.5, -0.5,  0.5,  0.5,  0. ,  0. ],
           [ 0. ,  0. , -0.5,  0.5, -0.5,  0.5, -1. ,  1. ]])
    """
    from atomloom.trajectory.lattice import partitions  # noqa: PLC0415 - compiles

    parts = partitions(k, n)
    held = parts > 0
    signs = [np.array(list(itertools.product((-1, 1), repeat=j)), np.int64) for j in range(n + 1)]
    rows = []
    for part, mask in zip(parts, held, strict=True):
        signed = np.zeros((2 ** int(mask.sum()), n), np.int64)
        signed[:, mask] = part[mask] * signs[int(mask.sum())]
        rows.append(signed)
    return np.ascontiguousarray(np.concatenate(rows).T / float(k))


def evalTCosts(w: Any, params: Params) -> Reals:
    """Give the cost of each horizon, sum of c |change of the weight|^(1/2), from nothing held on (AFML 21.3).

    Parameters
    ----------
    w : (N, H) array_like
    params : list of dict
        Of each horizon, with "c", (N,).

    Returns
    -------
    (H,) float64

    Examples
    --------
    >>> evalTCosts([[1.0, 0.75]], [{"c": [0.1]}, {"c": [0.2]}])
    array([0.1, 0.1])
    """
    path = _path(w, params)
    change = np.abs(np.diff(path, axis=1, prepend=0.0))
    costs = np.array([np.ravel(each["c"]) for each in params], dtype=np.float64)
    return np.asarray((costs.T * np.sqrt(change)).sum(axis=0))


def evalSR(params: Params, w: Any, tcost: Any) -> float:
    """Give the Sharpe ratio of a path: the sum of means less costs, over the root of the sum of variances (AFML 21.4).

    Parameters
    ----------
    params : list of dict
        Of each horizon, with "mean", (N, 1), and "cov", (N, N).
    w : (N, H) array_like
    tcost : (H,) array_like

    Examples
    --------
    >>> evalSR([{"mean": [[0.75]], "cov": [[0.25]]}], [[1.0]], [0.25])
    1.0
    """
    from atomloom.trajectory.score import ratio  # noqa: PLC0415 - with the room behind it

    path = _path(w, params)
    mean = variance = 0.0
    for held, each, cost in zip(path.T, params, np.ravel(tcost), strict=True):
        mean += float(held @ np.ravel(each["mean"])) - float(cost)
        variance += float(held @ np.asarray(each["cov"], dtype=np.float64) @ held)
    return ratio(mean, variance)


def dynOptPort(params: Params, k: int | None = None) -> Reals:
    """Find the path with the highest Sharpe ratio, proved to be so (AFML 21.4).

    The book scores every path; this asks ``atomloom.trajectory.solve(..., method="exact")``. Where several paths are
    best, it may be another one than the book's.

    Parameters
    ----------
    params : list of dict
        Of each horizon, with "mean", (N, 1), "cov", (N, N), and "c", (N,).
    k : int, optional
        Units; as many as assets where not given.

    Returns
    -------
    (N, H) float64
        Weights.

    Raises
    ------
    BadInput
        For params of other shapes or without one of the three.

    Examples
    --------
    >>> flat = {"cov": [[1.0, 0.0], [0.0, 1.0]], "c": [0.0, 0.0]}
    >>> dynOptPort([{"mean": [[1.0], [0.0]], **flat}, {"mean": [[0.0], [-1.0]], **flat}])
    array([[ 1.,  0.],
           [ 0., -1.]])
    """
    from atomloom.trajectory.solver import solve  # noqa: PLC0415 - compiles

    return np.ascontiguousarray(solve(_problem(params, k), method="exact").weights.T)


def rndMatWithRank(
    nSamples: int, nCols: int, rank: int, sigma: float = 0, homNoise: bool = True, *, seed: int | None = None
) -> Reals:
    """Draw normal samples of a rank, and noise over them (AFML 21.5).

    Parameters
    ----------
    nSamples, nCols, rank : int
    sigma : float
        Size of the noise.
    homNoise : bool
        The same size in each column, or between half and one and a half times that.
    seed : int, optional
        Without one, as in the book, each call draws anew.

    Returns
    -------
    (nSamples, nCols) float64

    Examples
    --------
    >>> int(np.linalg.matrix_rank(rndMatWithRank(100, 5, 2, seed=0)))
    2
    """
    from atomloom.trajectory.problem import random_matrix  # noqa: PLC0415 - with the room behind it

    draws = np.random.default_rng(seed)
    made = random_matrix(draws, nSamples, nCols, rank)
    sizes = sigma * (1.0 if homNoise else draws.random(nCols) + 0.5)
    return np.asarray(made + sizes * draws.normal(size=(nSamples, nCols)))


def _problem(params: Params, k: int | None) -> TrajectoryProblem:
    from atomloom.trajectory.problem import TrajectoryProblem  # noqa: PLC0415 - with the room behind it

    _check(params, ("mean", "cov", "c"))
    assets = np.size(params[0]["mean"])
    try:
        mu = np.array([np.ravel(each["mean"]) for each in params], dtype=np.float64)
        cov = np.array([each["cov"] for each in params], dtype=np.float64)
        cost = np.array([np.ravel(each["c"]) for each in params], dtype=np.float64)
    except ValueError as error:
        message = f"params are of different sizes, or no numbers: {error}. Hint: the first has {assets} assets."
        raise BadInput(message) from error
    return TrajectoryProblem(mu, cov, cost, assets if k is None else k)


def _path(w: Any, params: Params) -> Reals:
    _check(params, ())
    path = np.asarray(w, dtype=np.float64)
    if path.ndim != 2 or path.shape[1] != len(params):
        message = f"w has shape {path.shape}, and params are of {len(params)} horizons. Hint: give (assets, horizons)."
        raise BadInput(message)
    return path


def _check(params: Params, names: tuple[str, ...]) -> None:
    if not len(params):
        message = "params are empty. Hint: give a dict with mean, cov and c for each horizon."
        raise BadInput(message)
    for h, each in enumerate(params):
        for name in names:
            if name not in each:
                message = f"params[{h}] has no {name!r}. Hint: give mean, cov and c."
                raise BadInput(message)
