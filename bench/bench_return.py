"""Return: large arrays on their way back from the workers."""

from __future__ import annotations

from concurrent.futures import as_completed
from functools import partial

import numpy as np

from atomloom import run_parallel
from bench import peers
from bench.measure import alternate, medians, row

WORKERS, ARRAYS = 2, 24


def make(molecule, count):
    """One fresh array per molecule."""
    return np.full(count, float(molecule[0]))


def add(total, array):
    total += array


def folded(arrays):
    total = None
    for array in arrays:
        if total is None:
            total = array.copy()
        else:
            add(total, array)
    return total


ours = partial(peers.ours, partial(run_parallel, make, range(4), num_threads=WORKERS, executor="processes", count=1))
futures = partial(peers.futures, make, ((0,), 1))
loky = partial(peers.loky, make, ((0,), 1))


def our_sum(count):
    return run_parallel(make, range(ARRAYS), num_threads=WORKERS, executor="processes", mp_batches=ARRAYS // 2,
                        redux=add, redux_in_place=True, progress=False, count=count).value  # fmt: skip


def our_list(count):
    return run_parallel(make, range(ARRAYS), num_threads=WORKERS, executor="processes", mp_batches=ARRAYS // 2,
                        progress=False, count=count).value  # fmt: skip


def future_sum(count, pool):
    waiting = [pool.submit(make, (i,), count) for i in range(ARRAYS)]
    return folded(future.result() for future in as_completed(waiting))


def future_list(count, pool):
    return [future.result() for future in [pool.submit(make, (i,), count) for i in range(ARRAYS)]]


def joblib_sum(count):
    from joblib import Parallel, delayed

    work = (delayed(make)((i,), count) for i in range(ARRAYS))
    return folded(Parallel(n_jobs=WORKERS, return_as="generator_unordered")(work))


def joblib_list(count):
    from joblib import Parallel, delayed

    return Parallel(n_jobs=WORKERS)(delayed(make)((i,), count) for i in range(ARRAYS))


def right_sum(total):
    return total.min() == total.max() == ARRAYS * (ARRAYS - 1) / 2


def right_list(arrays):
    return [array[-1] for array in arrays] == list(range(ARRAYS)) and len({len(array) for array in arrays}) == 1


def run(smoke: bool) -> dict:
    count, repeats = (1 << 17, 1) if smoke else (1 << 22, 3)
    rows = []
    for how, mine, theirs, other, right in (
        ("consumed by a sum", our_sum, future_sum, joblib_sum, right_sum),
        ("kept in a list", our_list, future_list, joblib_list, right_list),
    ):
        seconds = medians(
            alternate(
                {
                    "atomloom": partial(ours, partial(mine, count)),
                    "ppe": partial(futures, partial(theirs, count)),
                    "joblib": partial(loky, partial(other, count)),
                },
                repeats,
                right,
                0 if smoke else 5,
            )
        )
        speed = {name: ARRAYS * 8 * count / took / 1e9 for name, took in seconds.items()}
        what = f"{ARRAYS} arrays of {8 * count >> 20} MB returned, {how}"
        for name, peer in (("ppe", "ProcessPoolExecutor"), ("joblib", "joblib (loky)")):
            rows.append(row(what, speed["atomloom"], "GB/s", peer=peer, peer_value=speed[name], least_ratio=4,
                            headline=right is right_sum))  # fmt: skip
    return {
        "title": "Arrays returned",
        "claim": "Large results come back in recycled shared memory, out of band of every pickle.",
        "rows": rows,
        "repeats": f"medians of {repeats} alternating repeats, warm pools, 2 workers; "
        "the time to make the arrays and to read them is in, for all",
    }
