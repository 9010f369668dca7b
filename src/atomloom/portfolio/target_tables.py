"""Tables of targets: what a portfolio should hold after each decision, for many methods at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput, JobFailed
from atomloom.portfolio.overlays import overlay_all
from atomloom.portfolio.row_windows import RowWindows, WindowError
from atomloom.portfolio.sample_input import take_returns
from atomloom.portfolio.target_spec import TargetSpec
from atomloom.portfolio.weight_work import ANYWHERE, Order, Workers, fit_orders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from atomloom.portfolio.closed_forms import Sample

    Reals = NDArray[np.float64]
    Ints = NDArray[np.int64]


@dataclass(frozen=True)
class FailedTable:
    """Why a spec has no table.

    Attributes
    ----------
    spec : TargetSpec
    row : int or None
        Price row of the first decision without weights; None where no row is to blame.
    message : str
        A sentence: method, row, what was seen, and what to do.

    Examples
    --------
    >>> returns = [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]
    >>> (failed,) = build_tables(returns, [TargetSpec("inverse_volatility", {"lookback": 3})], [3], names=["A", "B"])
    >>> print(failed)
    inverse_volatility at price row 3: no asset moves in 3 returns. Hint: look back further.
    """

    spec: TargetSpec
    row: int | None
    message: str

    def __str__(self) -> str:
        return self.message


def target_table(
    returns: Any, spec: TargetSpec, decision_rows: ArrayLike, *, names: Sequence[str] | None = None
) -> Reals:
    """Give the target of every decision.

    Parameters
    ----------
    returns : (T - 1, N) float64 or DataFrame
        Row t - 1 is the return from price row t - 1 to price row t.
    spec : TargetSpec
    decision_rows : (R,) integers
        Price rows. A decision at row t is made of the last returns up to row t, and of nothing after it.
    names : sequence of str, optional
        Of the assets; a data frame has them.

    Returns
    -------
    (R, N) float64, read-only
        Weights; what they leave of 1 is cash.

    Raises
    ------
    BadInput
        For returns or rows that cannot be used.
    JobFailed
        If the spec has no weights at some row; the message says which.
    MissingExtra
        If the method needs a package that is not there.

    Notes
    -----
    A row of the table depends on the spec and the returns before its decision only, bit for bit, whichever other rows
    and specs are asked for.

    Examples
    --------
    >>> returns = np.array([[0.01, -0.02], [-0.01, 0.02], [0.02, -0.01], [0.01, 0.01]])
    >>> target_table(returns, TargetSpec("time_series_momentum", {"lookback": 2}), [2, 4])
    array([[0. , 0. ],
           [0.5, 0. ]])
    """
    (found,) = build_tables(returns, [spec], decision_rows, names=names)
    if isinstance(found, FailedTable):
        raise JobFailed(found.message)
    return found


def build_tables(
    returns: Any,
    specs: Iterable[TargetSpec],
    decision_rows: ArrayLike | Mapping[int, ArrayLike],
    *,
    names: Sequence[str] | None = None,
    num_threads: int | None = None,
    executor: Any = None,
    progress: Any = False,
) -> list[Reals | FailedTable]:
    """Give the tables of many specs, sharing what they have in common.

    Parameters
    ----------
    returns : (T - 1, N) float64 or DataFrame
        As for :func:`target_table`.
    specs : iterable of TargetSpec
    decision_rows : (R,) integers, or mapping of int to (R,) integers
        Price rows of the decisions, for all specs or by their ``refit``.
    names : sequence of str, optional
    num_threads, progress
        As of :func:`atomloom.run_parallel`.
    executor : {"serial", "threads", "processes"} or concurrent.futures.Executor, optional
        Who fits methods that are written in Python; kernels are worked by threads.

    Returns
    -------
    list of (R, N) float64 or FailedTable
        In the order of the specs; read-only, and one array for equal tables.

    Raises
    ------
    BadInput
        For returns, rows or specs that cannot be used.
    MissingExtra
        If a method needs a package that is not there.

    Notes
    -----
    A method is worked once for all overlays and all refits together, at the rows that any of them asks for; the
    covariances of a lookback once for all methods. O(R L N^2) per lookback for those, O(R N) for the other formulas
    by blocks of rows, and some N^3 per solution. Memory is that of the tables.

    Examples
    --------
    >>> returns = np.random.default_rng(1).normal(0.001, 0.01, (60, 3))
    >>> specs = [TargetSpec(method, {"lookback": 40}) for method in ("minimum_variance", "maximum_sharpe")]
    >>> [table.shape for table in build_tables(returns, specs, [40, 50, 60])]
    [(3, 3), (3, 3)]
    """
    sample, held = take_returns(returns, names), list(specs)
    for place, spec in enumerate(held):
        if not isinstance(spec, TargetSpec):
            raise BadInput(f"specs[{place}] is {type(spec).__name__}. Hint: give TargetSpec objects.")
    workers = Workers(num_threads, executor, progress)
    rows = {refit: _rows_of(decision_rows, refit, len(sample.returns)) for refit in {spec.refit for spec in held}}
    found: list[Any] = [_too_early(spec, rows[spec.refit]) for spec in held]
    fitted = _fit(sample, [spec for spec, early in zip(held, found, strict=True) if early is None], rows, workers)
    scaled: dict[TargetSpec, Any] = {}
    for spec, early in zip(held, found, strict=True):
        if early is None:
            scaled[spec] = fitted[_key(spec)]
    ready = [spec for spec, value in scaled.items() if not isinstance(value, WindowError) and _has_overlay(spec)]
    asked = [
        (scaled[spec], RowWindows.trailing(rows[spec.refit], spec.volatility_lookback or 0), _overlay(spec))
        for spec in ready
    ]
    scaled.update(zip(ready, overlay_all(sample, asked, workers), strict=True))
    for spec, value in scaled.items():
        if isinstance(value, WindowError):
            scaled[spec] = _failed(spec, rows[spec.refit], value)
        else:
            value.flags.writeable = False
    return [early if early is not None else scaled[spec] for spec, early in zip(held, found, strict=True)]


def _fit(
    sample: Sample, specs: Sequence[TargetSpec], rows: Mapping[int, Ints], workers: Workers
) -> dict[Any, Reals | WindowError]:
    """Fit every method of some specs once, at all rows that are asked for; gives the tables by method and refit."""
    refits: dict[Any, dict[int, None]] = {}
    lookbacks: dict[Any, int] = {}
    for spec in specs:
        refits.setdefault(_key(spec)[:2], {})[spec.refit] = None
        lookbacks[_key(spec)[:2]] = spec.lookback
    unions = {base: np.unique(np.concatenate([rows[refit] for refit in own])) for base, own in refits.items()}
    found: dict[Any, Reals | WindowError] = {}
    again = []
    for base, value in _work(sample, [(base, unions[base], lookbacks[base]) for base in refits], workers):
        for refit in refits[base]:
            own = rows[refit]
            if not isinstance(value, WindowError):
                same = np.array_equal(own, unions[base])
                found[(*base, refit)] = value if same else value[np.searchsorted(unions[base], own)]
            else:
                again.append(((*base, refit), own, lookbacks[base]))
    # One row without weights is no reason to give up a spec that does not ask for it.
    found.update(_work(sample, again, workers))
    return found


def _work(sample: Sample, asked: Sequence[tuple[Any, Ints, int]], workers: Workers) -> list[tuple[Any, Any]]:
    orders = [Order(key[0], dict(key[1]), RowWindows.trailing(own, lookback)) for key, own, lookback in asked]
    return [(key, value) for (key, _, _), value in zip(asked, fit_orders(sample, orders, workers), strict=True)]


def _key(spec: TargetSpec) -> tuple[Any, Any, int]:
    return spec.method, spec.parameters, spec.refit


def _has_overlay(spec: TargetSpec) -> bool:
    return spec.volatility_target is not None or spec.max_leverage is not None


def _overlay(spec: TargetSpec) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in ("volatility_target", "max_leverage", "periods_per_year")}


def _failed(spec: TargetSpec, rows: Ints, error: WindowError) -> FailedTable:
    row = None if error.window == ANYWHERE else int(rows[error.window])
    where = "" if row is None else f" at price row {row:,}"
    return FailedTable(spec, row, f"{spec.name}{where}: {error.message.rstrip('.')}.")


def _too_early(spec: TargetSpec, rows: Ints) -> FailedTable | None:
    """Refuse a spec that has to look back further than there are returns."""
    early = rows < spec.history
    if not early.any():
        return None
    row = int(rows[early][0])
    message = f"{spec.name} at price row {row:,}: it looks back over {spec.history:,} returns, and {row:,} are there"
    return FailedTable(spec, row, f"{message}. Hint: decide later, or look back less.")


def _rows_of(given: Any, refit: int, n: int) -> Ints:
    """Take the price rows of decisions."""
    if isinstance(given, Mapping):
        if refit not in given:
            known = ", ".join(map(str, given))
            raise BadInput(f"decision_rows has no rows for refit={refit}. Hint: give them; there are {known}.")
        given = given[refit]
    raw = np.asarray(given)
    if raw.ndim != 1 or not len(raw) or raw.dtype.kind not in "iu":
        message = f"decision_rows has shape {raw.shape} and holds {raw.dtype}"
        raise BadInput(f"{message}. Hint: give price rows, a whole number for each decision.")
    rows = raw.astype(np.int64)
    if rows.min() < 0 or rows.max() > n:
        bad = rows[(rows < 0) | (rows > n)][0]
        raise BadInput(f"decision_rows has {bad:,}, and prices have rows 0 to {n:,}. Hint: row 0 is the first price.")
    return rows
