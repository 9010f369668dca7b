"""The block bootstrap of rows: those of the plain-Python twin, blocks of the right lengths, any layout of threads."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from atomloom.errors import BadInput
from atomloom.samples.bootstrap import KINDS, bootstrap_rows
from oracles import paths_oracle as twin


@settings(max_examples=60)
@given(
    st.integers(1, 40), st.integers(1, 90), st.floats(1, 40), st.sampled_from(KINDS), st.integers(0, 2**62),
    st.integers(1, 4), st.sampled_from([np.float64, np.float32]),
)  # fmt: skip
def test_rows_are_those_of_plain_python(rows, bars, block, kind, first, width, dtype) -> None:
    block = min(float(rows), block if kind == "stationary" else float(int(block)))
    base = np.random.default_rng(rows).random((rows, width)).astype(dtype)
    found = bootstrap_rows(base, bars, block, kind, seed=4, n_paths=3, first_path=first)
    assert found.dtype == dtype
    for p in range(3):
        np.testing.assert_array_equal(found[p], base[twin.bootstrap(rows, first + p, bars, block, kind, 4)])


def test_bits_do_not_depend_on_threads_or_on_how_many_paths_there_are() -> None:
    base = np.random.default_rng(0).random((500, 5))
    whole = bootstrap_rows(base, 3000, 20, n_paths=100, num_threads=1)
    np.testing.assert_array_equal(bootstrap_rows(base, 3000, 20, n_paths=100, num_threads=2), whole)
    np.testing.assert_array_equal(bootstrap_rows(base, 3000, 20, n_paths=5, first_path=7), whole[7:12])
    np.testing.assert_array_equal(bootstrap_rows(base, 100, 20, n_paths=100), whole[:, :100])
    out = np.zeros_like(whole)
    assert bootstrap_rows(base, 3000, 20, n_paths=100, out=out) is out
    np.testing.assert_array_equal(out, whole)


def runs(rows, bars=200_000, block=8.0, kind="stationary", seed=1):
    """Lengths of blocks, but for the last one, and their first rows; what follows by chance counts as one block."""
    drawn = bootstrap_rows(np.arange(float(rows)), bars, block, kind, seed=seed)[0].astype(int)
    ends = np.flatnonzero((np.diff(drawn) - 1) % rows)
    return np.diff(np.append(-1, ends)), drawn[np.append(0, ends[:-1] + 1)]


def test_stationary_blocks_are_geometric_and_begin_anywhere() -> None:
    lengths, starts = runs(100_000)
    assert lengths.mean() == pytest.approx(8, rel=0.03)
    seen = np.bincount(np.minimum(lengths, 30), minlength=31)[1:]
    shares = stats.geom(1 / 8).pmf(np.arange(1, 31))
    shares[-1] = stats.geom(1 / 8).sf(29)
    assert stats.chisquare(seen, shares * seen.sum()).pvalue > 1e-3
    assert stats.kstest(starts / 100_000, "uniform").pvalue > 1e-3


@pytest.mark.parametrize(("kind", "last"), [("circular", 99_999), ("moving", 99_992)])
def test_other_blocks_are_of_one_length(kind, last) -> None:
    lengths, starts = runs(100_000, kind=kind)
    assert set(lengths.tolist()) <= {8, 16}
    assert starts.max() <= last
    assert stats.kstest(starts / (last + 1), "uniform").pvalue > 1e-3


def test_moving_blocks_stay_within_the_rows_and_others_go_round() -> None:
    for kind in KINDS:
        drawn = bootstrap_rows(np.arange(10.0), 45_000, 9, kind)[0].astype(int)
        assert set(drawn.tolist()) == set(range(10))
        inside = drawn.reshape(-1, 9)
        if kind == "moving":
            assert (np.diff(inside) == 1).all()
        elif kind == "circular":
            assert (np.diff(inside) % 10 == 1).all()
            assert (np.diff(inside) == -9).any()
        else:
            assert ((drawn[:-1] == 9) & (drawn[1:] == 0)).mean() > 0.05


def test_single_rows_and_all_rows() -> None:
    single = bootstrap_rows(np.arange(50.0), 5000, 1)[0]
    assert abs(np.corrcoef(single[1:], single[:-1])[0, 1]) < 0.05
    whole = bootstrap_rows(np.arange(5.0), 12, 5, "moving")[0]
    np.testing.assert_array_equal(whole, np.tile(np.arange(5.0), 3)[:12])


def test_frames_integers_and_odd_layouts_are_taken() -> None:
    table = np.arange(60).reshape(20, 3)
    expected = bootstrap_rows(table.astype(float), 30)
    for data in (table, pd.DataFrame(table), np.asfortranarray(table), table[::1, ::1].copy()):
        np.testing.assert_array_equal(bootstrap_rows(data, 30), expected)
    locked = table.astype(float)
    locked.flags.writeable = False
    np.testing.assert_array_equal(bootstrap_rows(locked, 30), expected)
    own = table.astype(float)
    bootstrap_rows(own, 30)
    assert own.flags.writeable


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"data": np.empty((0, 3))}, "shape \\(0, 3\\)"),
        ({"data": np.empty((3, 0))}, "shape \\(3, 0\\)"),
        ({"data": np.empty((3, 1, 1))}, "shape"),
        ({"data": ["a"]}, "could not convert"),
        ({"block": 0.5}, "block is 0.5"),
        ({"block": 21}, "20 rows"),
        ({"block": np.nan}, "block is nan"),
        ({"block": True}, "block is True"),
        ({"block": 2.5, "kind": "circular"}, "whole numbers"),
        ({"kind": "Stationary"}, "kind is 'Stationary'"),
        ({"n_bars": 0}, "n_bars is 0"),
        ({"n_paths": 0}, "n_paths is 0"),
        ({"first_path": -1}, "first_path is -1"),
        ({"seed": -3}, "seed is -3"),
        ({"out": np.empty((1, 9, 2))}, "out is float64 \\(1, 9, 2\\)"),
        ({"out": np.empty((1, 10, 2), np.float32)}, "out is float32"),
        ({"out": np.empty((2, 10, 1)).T}, "not in C order"),
    ],
)
def test_bad_arguments_are_refused(arguments, words) -> None:
    own = {"data": np.ones((20, 2)), "n_bars": 10, **arguments}
    with pytest.raises(BadInput, match=words) as seen:
        bootstrap_rows(**own)
    assert "Hint:" in str(seen.value)
