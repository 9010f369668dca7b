"""BLAS and OpenMP inside a leaf: one thread, everywhere.

A matrix product rounds differently with another number of threads, so a leaf that is to
give the same bits on one worker and on eight must always compute with the same number.
One is also what a machine needs whose cores are all workers (decision 0003).
"""

from __future__ import annotations

import os
import sys
from functools import lru_cache
from typing import Any

THREADS = 1

_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip
_OWNERS = ("numpy", "scipy", "sklearn", "torch", "faiss", "lightgbm", "xgboost")


def environment() -> dict[str, str]:
    """Give the variables that limit libraries which are not loaded yet.

    Examples
    --------
    >>> environment()["OMP_NUM_THREADS"]
    '1'
    """
    return dict.fromkeys(_VARIABLES, str(THREADS))


def limit_for_good() -> None:
    """Limit this process: loaded libraries now, later ones by environment."""
    os.environ.update(environment())
    if "numpy" in sys.modules:
        one_thread()


def one_thread() -> Any:
    """Limit the loaded libraries; call ``restore_original_limits()`` on what this gives to undo it."""
    return _controller(tuple(name for name in _OWNERS if name in sys.modules)).limit(limits=THREADS)


@lru_cache(maxsize=2)
def _controller(loaded: tuple[str, ...]) -> Any:  # noqa: ARG001  # looked for anew when another library was loaded
    import threadpoolctl  # noqa: PLC0415  # costs a millisecond that only runs pay

    return threadpoolctl.ThreadpoolController()


def threads_in_use() -> int:
    """Count the threads of the largest BLAS or OpenMP pool of this process."""
    import threadpoolctl  # noqa: PLC0415  # looked at once a run, where other threads than ours worked

    return max((int(pool["num_threads"]) for pool in threadpoolctl.threadpool_info()), default=0)
