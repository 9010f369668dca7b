"""Test windows in calendar days: how many fit behind a train window, and how long that may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from atomloom.app.sweep_settings import SplitSettings

_DAY = 86_400_000_000_000
_WINDOWS, _TRAINS = 5, 3
_LEAST = 2  # returns of a window: one has no Sharpe ratio
_SHORTER = "Hint: fewer --test-windows, shorter --window-days or --train-days, or more prices."


def splitter_of(
    how: SplitSettings, times: NDArray[np.int64] | None, n: int = 0, reach: int = 0
) -> tuple[Any, str, list[str]]:
    """Make the splitter of a sweep.

    Parameters
    ----------
    how : SplitSettings
    times : (n,) int64 or None
        End of each return, ns UTC.
    n : int
        Returns that are split.
    reach : int
        Returns that targets look back over: what an embargo of "auto" leaves out behind test rows.

    Returns
    -------
    splitter or None
    words : str
        What it does.
    notes : list of str
        What was made shorter than by default.

    Raises
    ------
    BadInput
        If the windows do not fit.

    Examples
    --------
    >>> from atomloom.app.sweep_settings import SplitSettings
    >>> days = np.arange(1500) * 86_400_000_000_000
    >>> splitter_of(SplitSettings(), days)[1:]
    ('3 test windows of 365 days, each behind 405 days of training', ['train windows ...', '3 test windows ...'])
    """
    if how.kind == "none":
        return None, "no splits", []
    from atomloom.portfolio import CombinatorialPurgedCV, PurgedKFold  # noqa: PLC0415 - only here

    gaps = {"purge": how.gap("purge"), "embargo": how.gap("embargo")}
    kept: list[str] = []
    if how.kind in ("cpcv", "kfold"):
        if n < 2 * how.n_folds:
            raise BadInput(f"{how.n_folds} folds of {n:,} returns have 1 or none. Hint: fewer n_folds, or more prices.")
        most = n // (2 * how.n_folds)  # half of a fold
        gaps["embargo"] = how.gap("embargo", min(reach, most))
        if how.embargo == "auto" and reach > most:
            kept = [
                f"the embargo is {most} rows, half of a fold; targets look back over {reach}: fewer folds leak less"
            ]
    if how.kind == "kfold":
        return PurgedKFold(how.n_folds, **gaps), f"{how.n_folds} folds, embargo {gaps['embargo']}", kept
    if how.kind == "cpcv":
        made = CombinatorialPurgedCV(how.n_folds, how.n_test_folds, **gaps)
        told = (
            f"{made.get_n_splits():,} splits: every {how.n_test_folds} of {how.n_folds} folds, {made.n_paths:,} paths, "
            f"embargo {gaps['embargo']}"
        )
        return made, told, kept
    if times is None:
        raise BadInput("the prices have no times. Hint: --splits cpcv or kfold go by rows.")
    made_walk, windows, train, notes = _walk(how, times, gaps)
    behind = "all rows before" if how.expanding else f"{_told(train)} of training"
    what = "1 test window" if windows == 1 else f"{windows} test windows"
    return made_walk, f"{what} of {_told(how.window_days)}, each behind {behind}", notes


def _walk(how: SplitSettings, times: NDArray[np.int64], gaps: dict[str, Any]) -> tuple[Any, int, float, list[str]]:
    """Place the windows; by default fewer than the days have room for, if rows have not (nights, holidays)."""
    from atomloom.portfolio import WalkForward  # noqa: PLC0415 - only here

    most = _WINDOWS
    while True:
        windows, train, notes = fit(how, times, most)
        made = WalkForward(
            _days(train), _days(how.window_days), n_windows=windows, anchor="end", expanding=how.expanding, **gaps
        )
        fault = _fault_of(made, times, how.window_days, train)
        if fault is None:
            return made, windows, train, notes
        if how.test_windows is not None or windows == 1:
            raise BadInput(fault)
        most = windows - 1


def _fault_of(made: Any, times: NDArray[np.int64], test: float, train: float) -> str | None:
    """Say what is wrong with windows on these rows."""
    try:
        ranges = made.ranges(len(times), times)
    except BadInput as error:
        return f"{str(error).partition('. Hint:')[0]}. {_SHORTER}"
    for side, option, days in (("test", "window", test), ("train", "train", train)):
        if getattr(ranges, f"n_{side}").min() < _LEAST:
            seen = f"a {side} window of {_told(days)} has 1 return, and a Sharpe ratio needs {_LEAST}"
            return f"{seen}. Hint: longer --{option}-days."
    return None


def fit(
    how: SplitSettings, times: NDArray[np.int64], at_most: int = _WINDOWS
) -> tuple[int, float, list[str]]:  # fmt: skip
    """Say how many test windows there are, and how many days each is trained on.

    Where nobody asked for a number, there are ``at_most`` so many.

    Examples
    --------
    >>> from atomloom.app.sweep_settings import SplitSettings
    >>> fit(SplitSettings(window_days=30, test_windows=2), np.arange(1000) * 86_400_000_000_000)
    (2, 90, [])
    """
    step = int(np.median(np.diff(times))) if len(times) > 1 else 0
    span = float(np.floor((int(times[-1]) - int(times[0]) + step) / _DAY * 1e6) / 1e6)
    test, gap = how.window_days, sum(_gap_days(how.gap(name)) for name in ("purge", "embargo"))
    most = int((span - gap - (how.train_days or test)) / test + 1e-9)
    wanted = how.test_windows
    if most < (wanted or 1):
        need = (how.train_days or test) + gap + test * (wanted or 1)
        many = f"{wanted or 1} test window{'s' if (wanted or 1) > 1 else ''} of {test:g} days"
        seen = f"{many} with a train window before take {need:,.0f} days, and returns cover {span:,.0f}"
        raise BadInput(f"{seen}. {_SHORTER}")
    windows = min(most, at_most) if wanted is None else wanted
    notes = []
    train = how.train_days
    if train is None:
        train = min(_TRAINS * test, span - gap - windows * test)
        train = float(np.floor(train)) if train >= 1 else train
        if train < _TRAINS * test:
            notes.append(f"train windows have {train:g} days instead of {_TRAINS * test:g}: the data are shorter")
    if wanted is None and windows < _WINDOWS:
        notes.append(f"{windows} test window{'s' if windows > 1 else ''} instead of {_WINDOWS}: the data are shorter")
    return windows, int(train) if float(train).is_integer() else train, notes


def _gap_days(gap: Any) -> float:
    """Give a gap in time as days; one in rows shortens the train window, and takes no days of its own."""
    from atomloom.portfolio.sizes import take_size  # noqa: PLC0415 - only here

    size = take_size(gap, "a gap", least=0)
    return float(size.amount) / _DAY if size.kind == "ns" else 0.0


def _told(days: float) -> str:
    return f"{days:g} day" + ("" if days == 1 else "s")


def _days(count: float) -> str:
    """Write days as a duration that splitters take, to the second.

    Examples
    --------
    >>> _days(365.0), _days(0.5)
    ('365D', '43200s')
    """
    return f"{int(count)}D" if float(count).is_integer() else f"{round(count * 86_400)}s"
