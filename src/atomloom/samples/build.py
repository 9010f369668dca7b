"""The names of the reference design: a frame of samples, the same in parallel, and a dataset on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom._choices import check_choice
from atomloom.engine.budget import show_size
from atomloom.engine.side_by_side import in_threads, spans
from atomloom.errors import BadInput, OverBudget
from atomloom.samples.checks import take_count
from atomloom.samples.making import dataset
from atomloom.samples.reading import open_stored
from atomloom.samples.shards import jobs_of
from atomloom.samples.spec import SampleSpec
from atomloom.samples.writing import write

if TYPE_CHECKING:
    from atomloom.samples.sample_set import Dataset

_NESTED = {
    "performance": ("n_jobs", "memory_limit"),
    "output": ("path", "format", "compression", "shard_rows", "fixed_size_list"),
}
_OF_DATA = ("part", "nan", "bad_bars")
_LARGEST = 8 << 30


def build_samples(df: Any, n: int, cfg: Mapping[str, Any] | None = None, rng: Any = None) -> Any:
    """Give a frame with a row for each sample: the columns of the reference design.

    Parameters
    ----------
    df : frame of bars
    n : int
    cfg : mapping, optional
        Settings of :class:`SampleSpec`, and "part", "nan" and "bad_bars" of :func:`dataset`; "performance" and "output"
        are for :func:`build_dataset`.
    rng : Generator or int, optional
        A generator gives the seed, and so moves on; None is that of ``cfg``.

    Returns
    -------
    DataFrame
        As of :meth:`Dataset.to_frame`.

    Raises
    ------
    BadInput
    OverBudget
        For more than 8 GiB: a frame of lists is no way to hold so many. Iterate over a dataset instead.

    Examples
    --------
    >>> close = np.linspace(10.0, 20.0, 50)
    >>> bars = {name: close for name in ("open", "high", "low", "close")} | {"volume": np.ones(50)}
    >>> build_samples(bars, 3, {"lookback": 4, "seed": 1})["close_scaled"].map(lambda row: float(row[-1])).tolist()
    [1.0, 1.0, 1.0]
    """
    return build_samples_parallel(df, n, cfg, rng, n_jobs=1)


def build_samples_parallel(
    df: Any, n: int, cfg: Mapping[str, Any] | None = None, rng: Any = None, *, n_jobs: int | None = None
) -> Any:
    """Give the same frame, made by several threads.

    Parameters
    ----------
    df, n, cfg, rng
        See :func:`build_samples`.
    n_jobs : int, optional
        Threads; -1 all, -2 all but one; None is that of ``cfg["performance"]``, or all from 100,000 samples on. The
        frame is the same whatever it is.

    Examples
    --------
    >>> bars = {"close": np.linspace(10.0, 20.0, 50)}
    >>> cfg = {"lookback": 4, "channels": ["close"]}
    >>> build_samples(bars, 9, cfg).equals(build_samples_parallel(bars, 9, cfg, n_jobs=2))
    True
    """
    import pandas as pd  # noqa: PLC0415 - heavy

    samples, settings = _made(df, n, cfg, rng)
    size = 20 * sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in samples.fields.values()) * len(samples)
    if size > _LARGEST:
        message = f"a frame of {len(samples):,} samples takes about {show_size(size)}"
        raise OverBudget(f"{message}. Hint: atomloom.samples.dataset(...).iter(batch_size), or build_dataset.")
    jobs = jobs_of(settings.get("performance", {}).get("n_jobs") if n_jobs is None else n_jobs, len(samples))
    pieces = spans(len(samples), 1000, jobs)
    frames = in_threads(lambda low, high: samples.to_frame(range(low, high)), pieces, jobs)
    return pd.concat(frames) if len(frames) > 1 else frames[0]


def build_dataset(
    df: Any, n: int, cfg: Mapping[str, Any] | None = None, rng: Any = None, overwrite: bool = False
) -> Any:
    """Write a dataset to disk and open it.

    Parameters
    ----------
    df, n, cfg, rng
        See :func:`build_samples`. ``cfg["output"]`` has "path", and may have "format", "compression" and
        "shard_rows"; ``cfg["performance"]`` may have "n_jobs" and "memory_limit".
    overwrite : bool
        Replace a dataset that is there.

    Returns
    -------
    StoredDataset

    Examples
    --------
    >>> import tempfile
    >>> bars = {"close": np.linspace(10.0, 20.0, 50)}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     cfg = {"lookback": 4, "channels": ["close"], "output": {"path": f"{folder}/new", "format": "npy"}}
    ...     len(build_dataset(bars, 9, cfg))
    9
    """
    samples, settings = _made(df, n, cfg, rng)
    output, performance = dict(settings.get("output", {})), dict(settings.get("performance", {}))
    path = output.pop("path", None)
    if path is None:
        raise BadInput("cfg has no output path. Hint: cfg = {..., 'output': {'path': 'samples', 'format': 'arrow'}}.")
    write(samples, Path(path), overwrite=overwrite, **output, **performance)
    return open_stored(Path(path))


def _made(df: Any, n: int, cfg: Mapping[str, Any] | None, rng: Any) -> tuple[Dataset, dict[str, Any]]:
    """Make the dataset of a configuration; gives its other settings too."""
    if cfg is not None and not isinstance(cfg, Mapping):
        raise BadInput(f"cfg is {cfg!r}. Hint: a mapping of settings, {{'lookback': 64, 'seed': 7}} say.")
    given = dict(cfg or {})
    settings = {name: given.pop(name) for name in _NESTED if name in given}
    for name, own in settings.items():
        if not hasattr(own, "items"):
            raise BadInput(f"{name} of cfg is {own!r}. Hint: a mapping of {', '.join(_NESTED[name])}.")
        for key in own:
            check_choice(f"a setting of {name}", key, _NESTED[name])
    of_data = {name: given.pop(name) for name in _OF_DATA if name in given}
    spec = SampleSpec.from_dict(given)
    if rng is not None:
        seed = int(rng.integers(2**63)) if isinstance(rng, np.random.Generator) else take_count("rng", rng, 0)
        spec = spec.with_(seed=seed)
    return dataset(df, n, spec, **of_data), settings
