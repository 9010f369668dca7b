"""Every example runs as a script, and its formulas agree with an independent way of computing them."""

from __future__ import annotations

import importlib
import itertools
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import atomloom

SMALL = {"barrier_touch": "2000", "sharded_pca": "640", "triangle": "40", "parameter_grid": "300"}

# At sizes fit for a test the engine rightly says that serial is faster.
pytestmark = pytest.mark.filterwarnings("ignore::atomloom.errors.AntiPattern")


@pytest.fixture
def example(root, monkeypatch):
    monkeypatch.syspath_prepend(str(root / "examples"))
    return importlib.import_module


def test_every_example_is_tested(root):
    assert {path.stem for path in (root / "examples").glob("*.py")} == set(SMALL)


@pytest.mark.parametrize("name", SMALL)
def test_example_runs_as_a_script(root, name):
    source = os.path.dirname(os.path.dirname(atomloom.__file__))  # noqa: PTH120
    done = subprocess.run(
        [sys.executable, str(root / "examples" / f"{name}.py"), SMALL[name]],
        env={**os.environ, "PYTHONPATH": source},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") >= 2


@pytest.mark.parametrize("name", SMALL)
def test_examples_stay_short(root, name):
    assert len((root / "examples" / f"{name}.py").read_text().splitlines()) < 80


# --- barrier_touch


def test_first_touch_is_that_of_the_books_loops(example):
    returns = np.random.default_rng(1).normal(0, 0.05, (80, 60))
    returns[:, 7] = 0.0
    expected = []
    for j in range(60):
        wealth, bar = 0.0, -1
        for i in range(80):
            wealth += np.log(1 + returns[i, j])
            if abs(wealth) >= 0.3:
                bar = i
                break
        expected.append(bar)
    found = example("barrier_touch").first_touch(returns, 0.3).tolist()
    assert found == expected
    assert found[7] == -1
    assert len(set(found)) > 10


def test_barrier_touch_has_the_same_bits_on_any_number_of_workers(example):
    module = example("barrier_touch")
    one, two, three = (module.main(paths=700, steps=300, width=0.2, num_threads=k).value for k in (1, 2, 3))
    pd.testing.assert_series_equal(one, two, check_exact=True)
    pd.testing.assert_series_equal(one, three, check_exact=True)
    assert one.index.is_monotonic_increasing
    assert one.between(0, 299).all()
    assert 0 < len(one) < 700


# --- sharded_pca


def test_sharded_components_are_those_of_a_singular_value_decomposition(example, tmp_path):
    module = example("sharded_pca")
    paths = module.write_shards(tmp_path, 30, 100, 7)
    whole = np.concatenate([np.load(path) for path in paths], axis=1)
    assert whole.shape == (30, 100)
    left, singular, _ = np.linalg.svd(whole, full_matrices=False)
    np.testing.assert_allclose(module.gram(paths), whole @ whole.T, atol=1e-10)
    projection = module.project(paths, left[:, :4], singular[:4])
    np.testing.assert_allclose(projection, left[:, :4] * singular[:4], atol=1e-10)


def test_sharded_pca_checks_itself(example):
    result = example("sharded_pca").main(rows=40, columns=200, shards=10, components=3, num_threads=2)
    assert result.value.shape == (40, 3)
    assert result.plan.n_leaves == 10
    assert result.plan.reduction == "tree"


# --- triangle


def distance_correlation(x, y):
    """Szekely, Rizzo and Bakirov (2007), term by term."""
    n = len(x)
    a, b = ([[abs(p - q) for q in row] for p in row] for row in (x.tolist(), y.tolist()))

    def centred(d):
        rows = [sum(row) / n for row in d]
        mean = sum(rows) / n
        return [[d[s][t] - rows[s] - rows[t] + mean for t in range(n)] for s in range(n)]

    def covariance(p, q):
        return sum(p[s][t] * q[s][t] for s in range(n) for t in range(n)) / n**2

    a, b = centred(a), centred(b)
    return (covariance(a, b) / (covariance(a, a) * covariance(b, b)) ** 0.5) ** 0.5


def test_triangle_of_distance_correlations_is_the_definition(example):
    module = example("triangle")
    returns = np.random.default_rng(2).normal(size=(12, 5))
    returns[:, 4] = returns[:, 0] ** 2
    found = module.correlation(module.covariance_rows(range(5), module.centred_distances(returns)))
    for i, j in itertools.product(range(5), repeat=2):
        assert found[i, j] == pytest.approx(distance_correlation(returns[:, i], returns[:, j]), rel=1e-9)


def test_triangle_gives_matrix_and_balance(example):
    matrix, balances = example("triangle").main(assets=30, days=20, mp_batches=2)
    np.testing.assert_allclose(matrix, matrix.T)
    np.testing.assert_allclose(matrix.diagonal(), 1.0)
    assert list(balances) == ["linear", "nestedLower", "auto"]
    assert min(balances.values()) >= 1.0


# --- parameter_grid


def test_parameter_grid_is_three_nested_loops(example):
    fast, slow, bands, days = [5, 10, 30], [20, 30], [0.0, 0.005, 0.01, 0.02], 400
    table = example("parameter_grid").main(fast=fast, slow=slow, days=days, num_threads=2)
    rng = np.random.default_rng(0)
    prices = pd.Series(100 * np.exp(np.cumsum(rng.normal(2e-4, 0.01, days))))
    gains, expected = np.log(prices).diff().shift(-1).iloc[:-1], []
    for f in fast:
        for s in slow:
            for band in bands:
                held = prices.rolling(f).mean() > prices.rolling(s).mean() * (1 + band)
                earned = gains.where(held.iloc[:-1], 0.0)
                ratio = earned.mean() / earned.std(ddof=0) * 252**0.5 if earned.any() else 0.0
                expected.append((f, s, band, ratio if f < s else np.nan))
    pd.testing.assert_frame_equal(table, pd.DataFrame(expected, columns=["fast", "slow", "band", "sharpe"]), rtol=1e-9)
    assert table.sharpe.nunique() > 5
