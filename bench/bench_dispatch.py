"""Dispatch: what a molecule costs that does nothing."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context

from atomloom import run_parallel
from bench import peers
from bench.measure import alternate, medians, row

WORKERS = 2


def noop(molecule):
    return len(molecule)


def nothing(atom):  # noqa: ARG001  # that it does nothing with it is the point
    return 1


def each(molecule):
    return [nothing(atom) for atom in molecule]


ours = partial(peers.ours, partial(run_parallel, noop, range(64), num_threads=WORKERS, executor="processes", grain=1))
futures = partial(peers.futures, noop, ((0,),))
loky = partial(peers.loky, noop, ((0,),))


@contextmanager
def pool(work):
    with get_context("fork").Pool(WORKERS) as opened:
        opened.map(noop, [(0,)] * 64, chunksize=1)
        yield partial(work, opened)


def by_molecule(n):
    return sum(run_parallel(noop, range(n), num_threads=WORKERS, executor="processes", mp_batches=n // 2,
                            grain=1, progress=False).value)  # fmt: skip


def by_future(n, executor):
    return sum(future.result() for future in [executor.submit(noop, (i,)) for i in range(n)])


def by_joblib(n, function=noop, atom=lambda i: (i,)):
    from joblib import Parallel, delayed

    return sum(Parallel(n_jobs=WORKERS)(delayed(function)(atom(i)) for i in range(n)))


def by_pool(n, opened):
    return sum(opened.map(noop, [(i,) for i in range(n)], chunksize=1))


def batched(n):
    found = run_parallel(each, range(n), num_threads=WORKERS, executor="processes", progress=False).value
    return sum(map(sum, found))


def pool_batched(n, opened):
    return sum(opened.map(nothing, range(n)))


def run(smoke: bool) -> dict:
    n, atoms, repeats = (400, 5_000, 1) if smoke else (4_000, 100_000, 7)
    one = medians(
        alternate(
            {
                "atomloom": partial(ours, partial(by_molecule, n)),
                "ppe": partial(futures, partial(by_future, n)),
                "joblib": partial(loky, partial(by_joblib, n)),
                "pool": partial(pool, partial(by_pool, n)),
            },
            repeats,
            lambda total: total == n,
        )
    )
    many = medians(
        alternate(
            {
                "atomloom": partial(ours, partial(batched, atoms)),
                "pool": partial(pool, partial(pool_batched, atoms)),
                "joblib": partial(loky, partial(by_joblib, atoms, nothing, int)),
            },
            min(repeats, 3),
            lambda total: total == atoms,
        )
    )
    us = {name: 1e6 * seconds / n for name, seconds in one.items()}
    per_atom = {name: 1e6 * seconds / atoms for name, seconds in many.items()}
    what = f"no-op molecule, {n:,} of them, 2 workers"
    return {
        "title": "Dispatch",
        "claim": "A molecule that does nothing costs little more than its way through two sockets.",
        "rows": [
            row(what, us["atomloom"], "us", most=35, peer="ProcessPoolExecutor.submit", peer_value=us["ppe"],
                most_ratio=0.45, headline=True),
            row(what, us["atomloom"], "us", peer="joblib (loky, its own batches)", peer_value=us["joblib"]),
            row(what, us["atomloom"], "us", peer="multiprocessing.Pool.map(chunksize=1)", peer_value=us["pool"]),
            row(f"{atoms:,} no-op atoms, batched by the tool", per_atom["atomloom"], "us per atom", most=1,
                peer="joblib (loky, its own batches)", peer_value=per_atom["joblib"], headline=True),
            row(f"{atoms:,} no-op atoms, batched by the tool", per_atom["atomloom"], "us per atom",
                peer="multiprocessing.Pool.map (its own batches)", peer_value=per_atom["pool"]),
        ],
        "repeats": f"medians of {repeats} alternating repeats ({min(repeats, 3)} for the batched atoms), warm pools",
    }  # fmt: skip
