"""Code of the book runs with only the import changed (AFML 20.2 - 20.12)."""

from __future__ import annotations

import itertools
import time

import numpy as np
import pandas as pd
import pytest

from atomloom.afml import (
    expandCall,
    linParts,
    mpJobList,
    mpPandasObj,
    nestedParts,
    processJobs,
    processJobs_,
    processJobsRedux,
    reportProgress,
)

pytestmark = pytest.mark.filterwarnings("ignore::atomloom.errors.AntiPattern")


def barrier_touch(r, width=0.5):
    """AFML 20.3: index of the first touch of a symmetric barrier, by column."""
    t, p = {}, np.log((1 + r).cumprod(axis=0))
    for j in range(r.shape[1]):
        for i in range(r.shape[0]):
            if p[i, j] >= width or p[i, j] <= -width:
                t[j] = i
                break
    return t


def test_barrier_touch_in_parallel_as_in_the_book():
    """AFML 20.4 and 20.5, smaller: jobs are dicts, outputs are dicts."""
    r = np.random.default_rng(0).normal(0, 0.05, size=(200, 60))
    parts = linParts(r.shape[1], 4)
    jobs = [{"func": barrier_touch, "r": r[:, lo:hi], "width": 0.5} for lo, hi in itertools.pairwise(parts)]
    serial = processJobs_(jobs)
    parallel = processJobs(jobs, numThreads=2)
    assert parallel == serial
    assert all("func" in job for job in jobs)  # the book's expandCall would have removed it


def ret_by_date(molecule, close):
    return close.loc[molecule].pct_change()


def size(molecule):
    return len(molecule)


def counts(molecule, close):
    return pd.DataFrame({"n": [close.loc[molecule].count()]})


def close_prices():
    dates = pd.bdate_range("2020-01-01", periods=300)
    return pd.Series(np.linspace(100, 130, 300), index=dates)


@pytest.mark.parametrize("lin", [True, False])
def test_mp_pandas_obj_joins_and_sorts(lin):
    close = close_prices()[::-1]
    got = mpPandasObj(ret_by_date, ("molecule", close.index), numThreads=24, mpBatches=2, linMols=lin, close=close)
    assert got.index.is_monotonic_increasing
    assert len(got) == 300
    assert mpPandasObj(size, ("molecule", list(range(10))), numThreads=2) == [1] * 10


def test_mp_job_list_reduces_on_the_fly():
    close = close_prices()
    kwargs = {"redux": pd.DataFrame.add, "reduxArgs": {"fill_value": 0}, "close": close}
    got = mpJobList(counts, ("molecule", close.index), numThreads=4, mpBatches=3, **kwargs)
    assert got["n"].tolist() == [300]


def test_keyword_arguments_may_have_any_name():
    def priced(molecule, cost, memory, seed):
        return len(molecule) * cost * memory * seed

    assert sum(mpPandasObj(priced, ("molecule", range(6)), numThreads=1, cost=2, memory=3, seed=5)) == 180


def test_redux_begins_with_a_copy_and_may_work_in_place():
    shared = {"a": 0}

    def job(k):
        return shared if k == 0 else {"abc"[k]: k}

    jobs = [{"func": job, "k": k} for k in range(3)]
    got = processJobsRedux(jobs, task="demo", numThreads=1, redux=dict.update, reduxInPlace=True)
    assert got == {"a": 0, "b": 1, "c": 2}
    assert shared == {"a": 0}
    assert processJobsRedux([{"func": job, "k": 1}], numThreads=1) == [{"b": 1}]
    assert processJobs([]) == []


def test_parts_and_calls():
    assert linParts(20, 6).tolist() == [0, 4, 7, 10, 14, 17, 20]
    assert nestedParts(20, 6).tolist() == [0, 8, 11, 14, 16, 18, 20]
    assert nestedParts(20, 6, upperTriang=True).tolist() == [0, 2, 4, 6, 9, 12, 20]
    job = {"func": dict, "x": 1}
    assert expandCall(job) == {"x": 1}
    assert "func" in job


def test_progress_is_reported_on_stderr(capsys):
    reportProgress(1, 4, time.time() - 60, "sweep")
    out, err = capsys.readouterr()
    assert out == ""
    assert "25.00% sweep done after 1.00 minutes. Remaining 3.00 minutes." in err
    processJobs([{"func": len_of, "x": "ab"}] * 3, task="letters", numThreads=1)
    assert "100.00% letters" in capsys.readouterr().err


def len_of(x):
    return len(x)
