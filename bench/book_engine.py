"""The multiprocessing engine of AFML, snippets 20.5 to 20.12, in its behaviour (written anew for measuring).

A new pool for every call; every job carries the constants; results come as they finish
(``imap_unordered``) and are kept, or reduced, in the order of arrival.
"""

from __future__ import annotations

import multiprocessing

import numpy as np


def lin_parts(atoms, parts):
    return np.ceil(np.linspace(0, atoms, min(parts, atoms) + 1)).astype(int)


def nested_parts(atoms, parts, upper=False):
    cuts = [0.0]
    for _ in range(min(parts, atoms)):
        inner = 1 + 4 * (cuts[-1] ** 2 + cuts[-1] + atoms * (atoms + 1.0) / min(parts, atoms))
        cuts.append((-1 + inner**0.5) / 2)
    cuts = np.round(cuts).astype(int)
    return np.cumsum(np.concatenate([[0], np.diff(cuts)[::-1]])) if upper else cuts


def make_jobs(func, name, atoms, num_threads, mp_batches, linear, constants):
    parts = (lin_parts if linear else nested_parts)(len(atoms), num_threads * mp_batches)
    return [{name: atoms[parts[i - 1] : parts[i]], "func": func, **constants} for i in range(1, len(parts))]


def expand_call(job):
    func = job.pop("func")
    return func(**job)


def process_jobs(jobs, num_threads):
    """Keep every result (20.9)."""
    pool = multiprocessing.get_context("fork").Pool(num_threads)
    results = list(pool.imap_unordered(expand_call, jobs))
    pool.close()
    pool.join()
    return results


def process_jobs_redux(jobs, num_threads, redux, redux_args=None, redux_in_place=False):
    """Reduce on the fly (20.12), in the order of arrival."""
    pool = multiprocessing.get_context("fork").Pool(num_threads)
    reduced = None
    for result in pool.imap_unordered(expand_call, jobs):
        if reduced is None:
            reduced = [result] if redux is list.append else result
        elif redux_in_place:
            redux(reduced, result, **(redux_args or {}))
        else:
            reduced = redux(reduced, result, **(redux_args or {}))
    pool.close()
    pool.join()
    return reduced


def mp_job_list(func, name, atoms, num_threads=2, mp_batches=1, linear=True, redux=None, redux_in_place=False, **kw):
    """Cut, run, and reduce or keep (20.7, 20.10)."""
    jobs = make_jobs(func, name, atoms, num_threads, mp_batches, linear, kw)
    if redux is None:
        return process_jobs(jobs, num_threads)
    return process_jobs_redux(jobs, num_threads, redux, redux_in_place=redux_in_place)
