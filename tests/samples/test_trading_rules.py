"""The mesh of trading rules: snippet 13.2 on the same paths, values of the book's process, any layout of threads."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput
from atomloom.samples.rule_mesh import LEVELS, trading_rules
from oracles import paths_oracle as twin


@settings(max_examples=15)
@given(
    st.floats(-8, 8), st.floats(0.5, 60), st.floats(0.2, 3), st.integers(1, 30), st.integers(1, 40), st.integers(0, 99)
)
def test_each_node_is_snippet_13_2(forecast, half_life, sigma, n_paths, max_bars, seed) -> None:
    profits, stops = (0.5, 1.0, 4.0), (0.25, 3.0)
    mesh = trading_rules(forecast, half_life, sigma, profit_takes=profits, stop_losses=stops, n_paths=n_paths,
                         max_bars=max_bars, seed=seed)  # fmt: skip
    paths = [twin.reverting(forecast, half_life, sigma, p, max_bars + 1, seed) for p in range(n_paths)]
    for i, profit in enumerate(profits):
        for j, stop in enumerate(stops):
            ends = [twin.rule(path, profit * sigma, stop * sigma, max_bars) for path in paths]
            values = np.array([value for value, _ in ends])
            assert mesh.mean[i, j] == pytest.approx(values.mean(), rel=1e-9, abs=1e-9 * sigma)
            assert mesh.std[i, j] == pytest.approx(values.std(), rel=1e-6, abs=1e-6 * (sigma + abs(forecast)))
            assert mesh.bars[i, j] == pytest.approx(np.mean([held for _, held in ends]))
            timed = np.array([held > max_bars for _, held in ends])
            assert mesh.won[i, j] == pytest.approx(((values > profit * sigma) & ~timed).mean())
            assert mesh.lost[i, j] == pytest.approx(((values < -stop * sigma) & ~timed).mean())


def test_the_process_of_the_book() -> None:
    """Forecast 0, half-life 5: values of 400,000 paths, and of the book's own loop."""
    mesh = trading_rules(0.0, 5, n_paths=200_000, seed=1)
    for levels, value in (((1.5, 10), 3.814), ((0.5, 9.5), 2.171), ((0.5, 6.5), 1.504), ((3.5, 3.5), 0.0)):
        error = mesh.error[LEVELS.index(levels[0]), LEVELS.index(levels[1])]
        assert mesh.at(*levels) == pytest.approx(value, abs=4 * error * math.sqrt(1.5))
    assert (mesh.best["profit_take"], mesh.best["stop_loss"]) == (1.5, 10.0)
    assert mesh.sharpe.max() == mesh.best["sharpe"]


def test_a_random_walk_has_no_best_rule() -> None:
    mesh = trading_rules(0.0, 1e9, n_paths=20_000)
    assert "no rule differs from chance" in mesh.summary()
    assert "no rule" not in trading_rules(0.0, 5, n_paths=20_000).summary()


def test_the_standard_error_is_that_of_other_seeds() -> None:
    meshes = [trading_rules(0.0, 5, n_paths=4000, seed=seed) for seed in range(40)]
    spread = np.std([mesh.sharpe for mesh in meshes], axis=0)
    told = np.mean([mesh.error for mesh in meshes], axis=0)
    assert np.median(told / spread) == pytest.approx(1.0, abs=0.15)


def test_bits_do_not_depend_on_threads() -> None:
    one = trading_rules(3.0, 10, n_paths=10_001, num_threads=1, seed=4)
    two = trading_rules(3.0, 10, n_paths=10_001, num_threads=2, seed=4)
    for name in ("mean", "std", "bars", "won", "lost", "error"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_units_of_price_do_not_matter() -> None:
    one = trading_rules(2.0, 10, n_paths=3000)
    other = trading_rules(2.0 * 64, 10, 64.0, n_paths=3000)
    np.testing.assert_array_equal(one.sharpe, other.sharpe)
    np.testing.assert_array_equal(one.mean * 64, other.mean)


def test_certain_trades_and_few_paths() -> None:
    sure = trading_rules(1e6, 1e-3, 1e-6, n_paths=5)
    assert np.isinf(sure.sharpe).all()
    assert np.isnan(sure.error).all()
    assert (sure.won == 1.0).all()
    assert (sure.bars == 1.0).all()
    single = trading_rules(0.0, 5, n_paths=1)
    assert single.std.max() == 0.0


def test_what_a_mesh_says_of_itself() -> None:
    mesh = trading_rules(0.0, 5, profit_takes=[1, 2], stop_losses=[3], n_paths=1000)
    frame = mesh.to_frame()
    assert frame["sharpe"].tolist() == mesh.sharpe.ravel().tolist()
    assert frame[["profit_take", "stop_loss"]].to_numpy().tolist() == [[1, 3], [2, 3]]
    assert json.loads(json.dumps(mesh.to_dict()))["best"] == mesh.best
    assert mesh.at(2, 3) == mesh.sharpe[1, 0]
    assert "<table" in mesh._repr_html_()
    with pytest.raises(BadInput, match="profit_take 5 is no level"):
        mesh.at(5, 3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"forecast": math.inf}, "forecast is inf"),
        ({"half_life": 0}, "half_life is 0"),
        ({"half_life": "5"}, "half_life is '5'"),
        ({"sigma": -1}, "sigma is -1"),
        ({"sigma": math.nan}, "sigma is nan"),
        ({"profit_takes": []}, "profit_takes are"),
        ({"profit_takes": [0.0, 1.0]}, "more than 0"),
        ({"stop_losses": [2.0, 1.0]}, "increasing"),
        ({"stop_losses": [1.0, 1.0]}, "increasing"),
        ({"stop_losses": [-1.0]}, "more than 0"),
        ({"stop_losses": ["a"]}, "could not convert"),
        ({"stop_losses": [1.0, math.nan]}, "finite"),
        ({"n_paths": 0}, "n_paths is 0"),
        ({"max_bars": 0}, "max_bars is 0"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_arguments_are_refused(arguments, words) -> None:
    with pytest.raises(BadInput, match=words) as seen:
        trading_rules(**{"forecast": 0.0, "half_life": 5, **arguments})
    assert "Hint:" in str(seen.value)
