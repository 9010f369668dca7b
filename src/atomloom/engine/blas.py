"""BLAS and OpenMP inside a leaf: one thread, everywhere.

A matrix product rounds differently with another number of threads, so a leaf that is to
give the same bits on one worker and on eight must always compute with the same number.
One is also what a machine needs whose cores are all workers (decision 0003).
"""

from __future__ import annotations

import contextlib
import sys
import threading
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Limit the loaded libraries while a run goes on; the last of several runs gives them back.

    Workers forked meanwhile inherit the limit. (Limiting them after the fork would restart BLAS
    threads in each, which spin for 50 ms before they sleep.)
    """
    global _runs, _limits, _native  # noqa: PLW0603  # the libraries' limits are global too
    with _lock:
        _runs += 1
        if _runs == 1:
            controller = _loaded()
            _native = _openblas_threads(controller)
            _limits = controller.limit(limits=THREADS)
    try:
        yield
    finally:
        with _lock:
            _runs -= 1
            if _runs == 0:
                _limits.restore_original_limits()


_lock = threading.Lock()
_runs = 0
_limits: Any = None
_native = 0


def openblas_threads() -> int:
    """Count the native threads that OpenBLAS may keep in this process beside the main one."""
    return _native if _runs else _openblas_threads(_loaded())


def _openblas_threads(controller: Any) -> int:
    return sum(int(pool["num_threads"]) - 1 for pool in controller.info() if pool["internal_api"] == "openblas")


def _loaded() -> Any:
    return _controller(tuple(name for name in _OWNERS if name in sys.modules))


@lru_cache(maxsize=2)
def _controller(loaded: tuple[str, ...]) -> Any:  # noqa: ARG001  # looked for anew when another library was loaded
    import threadpoolctl  # noqa: PLC0415  # costs a millisecond that only runs pay

    return threadpoolctl.ThreadpoolController()


def threads_in_use() -> int:
    """Count the threads of the largest BLAS or OpenMP pool of this process."""
    import threadpoolctl  # noqa: PLC0415  # looked at once a run, where other threads than ours worked

    return max((int(pool["num_threads"]) for pool in threadpoolctl.threadpool_info()), default=0)
