"""The same sweep has the same bits: for any workers, batches and order, resumed after a kill, and in a file."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from atomloom.errors import BadInput
from atomloom.portfolio import CombinatorialPurgedCV, Grid, as_configs, sweep
from atomloom.portfolio.sweep_table import FIGURES
from portfolio import sweep_drivers
from portfolio.sweeps_to_try import days, walk


@pytest.fixture(scope="module")
def alone():
    """The sweep by one thread."""
    return sweep_drivers.swept(None, num_threads=1)


@pytest.mark.parametrize(("threads", "batches"), [(1, 1), (1, 16), (2, 1), (2, 2), (2, 8), (2, 16), (3, 5), (-1, 8)])
def test_any_number_of_workers_and_batches_gives_the_same_bits(alone, threads, batches):
    found = sweep_drivers.swept(None, num_threads=threads, mp_batches=batches)
    assert found.digest() == alone.digest()
    assert found.selection.to_dict() == alone.selection.to_dict()
    assert found.verdict.p.tobytes() == alone.verdict.p.tobytes()
    assert found.verdict.summary() == alone.verdict.summary()


def test_the_order_of_configurations_changes_no_configuration(alone):
    order = np.random.default_rng(0).permutation(len(alone))
    some = order[:5000]
    configs = as_configs([alone.configs[int(place)] for place in some])
    found = sweep(sweep_drivers.prices(), configs, splits=sweep_drivers.WalkForward(40, 20), n_boot=199)
    for name in ("figures", "sums", "ruined", "split_sums", "block_sums", "t"):
        ours, theirs = getattr(found, name), getattr(alone, name)[..., some]
        assert np.ascontiguousarray(ours).tobytes() == np.ascontiguousarray(theirs).tobytes(), name


def test_a_sweep_that_was_killed_goes_on_with_the_same_bits(alone, tmp_path):
    root = Path(__file__).parents[1]
    command = [sys.executable, str(root / "portfolio" / "sweep_drivers.py"), str(tmp_path), str(tmp_path / "journal")]
    with subprocess.Popen(command, env=os.environ | {"PYTHONPATH": str(root)}) as driver:
        kept = tmp_path / "journal" / "molecules.bin"
        end = time.monotonic() + 60.0
        while time.monotonic() < end and driver.poll() is None:
            if len(list(tmp_path.glob("leaf-*"))) >= 7 and kept.exists() and kept.stat().st_size > 500_000:
                break
            time.sleep(0.01)
        assert driver.poll() is None, "it ended before it was killed"
        driver.kill()
    done = kept.stat().st_size
    assert done > 500_000
    found = sweep_drivers.swept(tmp_path / "journal", tmp_path / "out.parquet", num_threads=2)
    assert found.digest() == alone.digest()
    assert kept.stat().st_size > done, "what was there was worked again, or nothing was left to do"
    check_file(found, tmp_path / "out.parquet")
    again = sweep_drivers.swept(tmp_path / "journal", num_threads=1)
    assert again.digest() == alone.digest()


def test_a_journal_of_another_sweep_is_refused(tmp_path):
    prices, grid = walk(0, rows=120), Grid(method="momentum", lookback=[5, 10], top=1)
    first = sweep(prices, grid, journal=tmp_path)
    assert sweep(prices, grid, journal=tmp_path).digest() == first.digest()
    for other, options in (
        ((prices * 1.01**np.arange(120)[:, None], grid), {}),
        ((prices, Grid(method="momentum", lookback=[5, 11], top=1)), {}),
        ((prices, grid), {"risk_free": 0.0001}),
        ((prices, grid), {"seed": 1}),
        ((prices, grid), {"splits": CombinatorialPurgedCV(4, 1)}),
        ((prices, grid), {"benchmark": "cash"}),
    ):  # fmt: skip
        with pytest.raises(BadInput, match="belongs to another call"):
            sweep(*other, journal=tmp_path, **options)


def check_file(found, path):
    """The file has every configuration, failed ones too, with its parameters and figures, to the bit."""
    held = pd.read_parquet(path).set_index("config").sort_index()
    expected = found.to_frame()
    assert held["status"].tolist() == expected["status"].tolist()
    assert held.index.tolist() == expected.index.tolist()
    for name in FIGURES:
        assert held[name].to_numpy().tobytes() == expected[name].to_numpy().tobytes(), name
    for name in found.configs.columns:
        ours = held[name].tolist()
        theirs = [value.__name__ if callable(value) else value for value in expected[name].tolist()]
        assert [None if pd.isna(v) else v for v in ours] == [None if pd.isna(v) else v for v in theirs], name


def test_the_file_holds_what_the_table_holds(tmp_path):
    grids = [
        Grid(method="momentum", lookback=[5, 10, 300], top=[1, 3], interval=[1, 21], calendar=[None, "month"]),
        Grid(method="equal_weight", trade=["band", "target"], threshold=[0.01, 0.05], relative=[True, False]),
        [{"method": "cash"}, {"method": len, "lookback": 5}],
    ]
    found = sweep(walk(1), grids, times=days(400), out=tmp_path / "table.parquet")
    assert found.ledger()["failed"] == 9
    check_file(found, tmp_path / "table.parquet")
    assert not list(tmp_path.glob("*.part"))


def test_an_error_leaves_no_half_written_file(tmp_path, monkeypatch):
    from atomloom.portfolio import sweep_sink

    def broken(self, places, figures, status):
        raise RuntimeError("disk on fire")

    monkeypatch.setattr(sweep_sink.TableFile, "write", broken)
    with pytest.raises(RuntimeError, match="on fire"):
        sweep(walk(1), [{"method": "cash"}, {"method": "equal_weight"}], out=tmp_path / "table.parquet")
    assert not (tmp_path / "table.parquet").exists()
