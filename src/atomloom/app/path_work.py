"""The work of `atomloom trajectory`: what is computed, and the files that it leaves."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from atomloom.app.options import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from atomloom.app.path_settings import TrajectorySettings
    from atomloom.app.runs import RunFolder
    from atomloom.trajectory.problem import TrajectoryProblem
    from atomloom.trajectory.result import TrajectoryResult

_DRAWS = 600
METHODS = ("static", "static_grid", "beam", "coordinate", "exact")


def solved(
    folder: RunFolder,
    problem: TrajectoryProblem,
    settings: TrajectorySettings,
    threads: int | None,
    listen: Callable[[Any], None],
) -> TrajectoryResult:
    """Solve, and leave ``result.json`` and ``result.csv``."""
    from atomloom.trajectory import solve  # noqa: PLC0415  # compiles

    found = solve(
        problem, settings.method, seed=folder.record["seed"], threads=threads, time_limit=settings.time_limit,
        memory=settings.memory or None, listen=listen,
    )  # fmt: skip
    folder.write_frame("result.csv", found.to_frame().reset_index())
    folder.write_text("result.json", json.dumps(plain(found.to_dict()), indent=1) + "\n")
    return found


def compared(
    folder: RunFolder,
    problem: TrajectoryProblem,
    settings: TrajectorySettings,
    method: str,
    threads: int | None,
    known: TrajectoryResult | None,
) -> None:
    """Set other ways to choose a path beside it, and leave ``methods.csv``; the proof comes from the exact method."""
    from atomloom.trajectory.comparison import compare  # noqa: PLC0415  # compiles

    names = [name for name in METHODS if name != "exact" or method == "exact"]
    found = compare(
        problem, methods=names if method in names else [*names, method], seed=folder.record["seed"], threads=threads,
        time_limit=settings.time_limit, memory=settings.memory or None, known=known,
    )  # fmt: skip
    folder.write_frame("methods.csv", found.to_frame().reset_index().assign(proved=int(found.proved)))


def cloud(problem: TrajectoryProblem, units: Any, seed: int) -> pd.DataFrame:
    """Give variance and mean of some paths: the found one, with more and more of its horizons drawn anew.

    Portfolios are drawn by spreading the units over assets at random, with random signs; those beyond the bounds are
    left out.

    Parameters
    ----------
    problem : TrajectoryProblem
    units : (H, N) integers
    seed : int

    Returns
    -------
    DataFrame
        ``variance`` and ``mean``; the first row is the path itself.

    Examples
    --------
    >>> from atomloom.trajectory import random_problem
    >>> cloud(random_problem(2, 3, 2), [[1, 1], [1, 1], [1, 1]], 0).shape
    (601, 2)
    """
    draws = np.random.default_rng(seed)
    horizons, assets = problem.horizons, problem.assets
    own = np.asarray(units, np.int64)
    drawn = draws.multinomial(problem.units, draws.dirichlet(np.full(assets, 0.6), (_DRAWS, horizons)))
    drawn = np.where(draws.random(drawn.shape) < 0.5, -drawn, drawn)
    keep = draws.random((_DRAWS, horizons)) < draws.random((_DRAWS, 1)) ** 0.5
    limits = problem.limits()
    if limits is not None:
        keep |= ((drawn < limits[0]) | (drawn > limits[1])).any(axis=2)
    paths = np.concatenate([own[None], np.where(keep[:, :, None], own, drawn)]) / problem.units
    mean, variance = worth(problem, paths)
    return pd.DataFrame({"variance": variance, "mean": mean})


def worth(problem: TrajectoryProblem, paths: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give mean and variance of many paths of weights, (P, H, N), at once."""
    from atomloom.trajectory.score import cost_of  # noqa: PLC0415  # with the room behind it

    mean = np.einsum("phn,hn->p", paths, problem.mu)
    variance = np.einsum("phn,hnm,phm->p", paths, problem.cov, paths)
    held: Any = problem.start
    for h in range(problem.horizons):
        mean -= cost_of(problem, h, held, paths[:, h]).sum(axis=1)
        held = paths[:, h]
    if problem.terminal is not None:
        mean -= cost_of(problem, problem.horizons - 1, held, problem.terminal).sum(axis=1)
    return mean, variance


def summary_of(
    folder: RunFolder, problem: TrajectoryProblem, names: list[str], result: dict[str, Any]
) -> dict[str, Any]:
    """Summarise a run from the files it left."""
    from atomloom.trajectory import omega_size  # noqa: PLC0415  # with the room behind it

    states = omega_size(problem.assets, problem.units)
    kept = ("method", "status", "value", "sr", "mean", "variance", "upper_bound", "gap", "n_passes", "runtime")
    return {
        "problem": repr(problem),
        "assets": problem.assets,
        "names": names,
        "horizons": problem.horizons,
        "units": problem.units,
        "objective": problem.objective,
        "portfolios": states,
        "paths_log10": problem.horizons * math.log10(states),
        **{name: result[name] for name in kept},
        "cost": math.fsum(result["cost"]),
        "turnover": math.fsum(result["turnover"]),
        "compared": _beside(folder),
    }


def _beside(folder: RunFolder) -> list[str]:
    """Tell each other way in a line."""
    if not (folder.path / "methods.csv").is_file():
        return []
    rows = folder.read_frame("methods.csv").to_dict("records")
    return [
        f"{row['method']}: Sharpe ratio {row['sr']:.6g}, {below(row['regret'])}, turnover {row['turnover']:.4g}"
        if row["sr"] == row["sr"]  # NaN: there is no path
        else f"{row['method']}: no path, {row['note']}"
        for row in rows
    ]


def below(regret: float) -> str:
    """Say how far below the best of the grid a path is.

    Examples
    --------
    >>> below(0.25), below(0.0), below(-0.01)
    ('25.00% below the best', 'the best', '1.00% above the best of the grid')
    """
    if abs(regret) <= 1e-9:
        return "the best"
    return f"{regret:.2%} below the best" if regret > 0 else f"{-regret:.2%} above the best of the grid"
