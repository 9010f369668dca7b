"""The pools beside which benchmarks measure, opened warm and closed again."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context

from atomloom.engine.warm import shutdown

WORKERS = 2


@contextmanager
def ours(warm, work):
    """Start atomloom's own workers by a first run."""
    warm()
    try:
        yield work
    finally:
        shutdown()


@contextmanager
def futures(function, arguments, work):
    """Open a ProcessPoolExecutor and send some calls through it."""
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("fork")) as pool:
        for future in [pool.submit(function, *arguments) for _ in range(8 * WORKERS)]:
            future.result()
        yield partial(work, pool)


@contextmanager
def loky(function, arguments, work):
    """Open joblib's workers and send some calls through them."""
    from joblib import Parallel, delayed
    from joblib.externals.loky import get_reusable_executor

    Parallel(n_jobs=WORKERS)(delayed(function)(*arguments) for _ in range(8 * WORKERS))
    try:
        yield work
    finally:
        get_reusable_executor().shutdown(wait=True)
