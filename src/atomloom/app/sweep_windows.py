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
    from atomloom.portfolio import CombinatorialPurgedCV, PurgedKFold, WalkForward  # noqa: PLC0415 - only here

    gaps = {"purge": how.gap("purge"), "embargo": how.gap("embargo")}
    kept: list[str] = []
    if how.kind in ("cpcv", "kfold"):
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
    windows, train, notes = fit(how, times)
    made_walk = WalkForward(
        _days(train), _days(how.window_days), n_windows=windows, anchor="end", expanding=how.expanding, **gaps
    )
    behind = "all rows before" if how.expanding else f"{train:g} days of training"
    what = "1 test window" if windows == 1 else f"{windows} test windows"
    return made_walk, f"{what} of {how.window_days:g} days, each behind {behind}", notes


def fit(how: SplitSettings, times: NDArray[np.int64]) -> tuple[int, float, list[str]]:
    """Say how many test windows there are, and how many days each is trained on.

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
        raise BadInput(f"{seen}. Hint: fewer --test-windows, shorter --window-days or --train-days, or more prices.")
    windows = min(most, _WINDOWS) if wanted is None else wanted
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


def _days(count: float) -> str:
    """Write days as a duration that splitters take, to the second.

    Examples
    --------
    >>> _days(365.0), _days(0.5)
    ('365D', '43200s')
    """
    return f"{int(count)}D" if float(count).is_integer() else f"{round(count * 86_400)}s"
