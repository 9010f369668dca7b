"""The names of the reference design."""

import pickle

import numpy as np
import pandas as pd
import pytest
from bars_to_try import bars, frame

from atomloom.errors import BadInput, OverBudget
from atomloom.samples import build_dataset, build_samples, build_samples_parallel, dataset

CFG = {"lookback": 8, "seed": 5, "performance": {"n_jobs": -1}}


@pytest.mark.parametrize("n_jobs", [None, 1, 2, 3, -1, -2])
def test_a_frame_is_the_same_whatever_the_jobs(n_jobs):
    wanted = build_samples(frame(100), 2500, CFG)
    found = build_samples_parallel(frame(100), 2500, CFG, n_jobs=n_jobs)
    assert list(found)[:4] == ["idx", "equity", "position", "action"]
    for name in found:
        np.testing.assert_array_equal(np.stack(found[name].to_numpy()), np.stack(wanted[name].to_numpy()))
    np.testing.assert_array_equal(
        found["idx"], dataset(frame(100), 2500, {"lookback": 8, "seed": 5}).batch(range(2500))["idx"]
    )


def test_a_generator_gives_the_seed():
    one, same, other = (build_samples(bars(60), 20, CFG, np.random.default_rng(seed)) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same)
    assert (one["idx"] != other["idx"]).any()
    assert (build_samples(bars(60), 20, CFG, 5)["idx"] == build_samples(bars(60), 20, CFG)["idx"]).all()


@pytest.mark.parametrize("n_jobs", [0, 1.5, "two", True])
def test_jobs_that_are_none(n_jobs):
    with pytest.raises(BadInput, match="n_jobs is"):
        build_samples_parallel(bars(60), 20, CFG, n_jobs=n_jobs)


def test_frames_that_are_too_large_are_refused():
    with pytest.raises(OverBudget, match="iter"):
        build_samples(bars(60), 10**9, CFG)


def test_a_dataset_on_disk(tmp_path):
    cfg = {**CFG, "output": {"path": tmp_path / "d", "format": "arrow", "shard_rows": 64}}
    stored = build_dataset(bars(60), 300, cfg)
    wanted = dataset(bars(60), 300, {"lookback": 8, "seed": 5}).batch(range(300))
    np.testing.assert_array_equal(stored.batch(range(300))["x"], wanted["x"])
    with pytest.raises(BadInput, match="overwrite"):
        build_dataset(bars(60), 300, cfg)
    assert len(build_dataset(bars(60), 30, cfg, overwrite=True)) == 30
    with pytest.raises(BadInput, match="no output path"):
        build_dataset(bars(60), 300, CFG)


def test_settings_of_a_configuration(tmp_path):
    cfg = {"lookback": 8, "split": {"parts": {"train": 0.5, "test": 0.5}}, "part": "test"}
    assert build_samples(frame(100), 50, cfg)["idx"].min() >= 58
    stored = build_dataset(frame(100), 50, cfg | {"output": {"path": tmp_path / "d", "format": "npy"}})
    again = pickle.loads(pickle.dumps(stored))
    np.testing.assert_array_equal(again.batch([3, 4])["x"], stored.batch([3, 4])["x"])
    with pytest.raises(BadInput, match="did you mean 'n_jobs'"):
        build_samples(frame(100), 50, cfg | {"performance": {"njobs": 2}})
    with pytest.raises(BadInput, match="output of cfg is 'w'"):
        build_dataset(frame(100), 50, cfg | {"output": "w"})
