"""The book's names of chapter 21 do what the book's algorithm does, told in plain Python by its oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom import afml
from atomloom.errors import BadInput
from oracles import afml21_oracle as book


def drawn(assets, horizons, seed, scale=0.3):
    """Params as the book draws them, from a seed."""
    draws = np.random.default_rng(seed)
    return [
        {
            "mean": draws.normal(size=(assets, 1)),
            "cov": np.cov(afml.rndMatWithRank(50, assets, assets, seed=seed + h), rowvar=False).reshape(assets, assets),
            "c": draws.uniform(0, scale, assets),
        }
        for h in range(horizons)
    ]


@pytest.mark.parametrize(("units", "assets"), [(1, 1), (3, 1), (1, 4), (2, 2), (3, 3), (4, 3), (2, 5), (5, 4)])
def test_holes_and_portfolios_are_the_books_in_its_order_once_each(units, assets) -> None:
    assert list(afml.pigeonHole(units, assets)) == list(book.holes(units, assets))
    listed = book.columns(units, assets)
    once = list(dict.fromkeys(tuple(column) for column in listed))
    assert [tuple(column) for column in afml.getAllWeights(units, assets).T] == once
    assert len(listed) == len(list(book.holes(units, assets))) * 2**assets


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 10_000))
def test_costs_and_ratio_of_any_path(assets, horizons, seed) -> None:
    params = drawn(assets, horizons, seed)
    path = np.random.default_rng(seed).normal(size=(horizons, assets))
    paid = afml.evalTCosts(path.T, params)
    assert paid == pytest.approx(book.costs(path.tolist(), params), rel=1e-13)
    assert afml.evalSR(params, path.T, paid) == pytest.approx(book.sharpe(path.tolist(), params, paid), rel=1e-12)


@pytest.mark.parametrize(
    ("assets", "horizons", "units", "seed"),
    [(2, 2, None, 0), (3, 2, None, 1), (2, 3, 2, 2), (3, 1, 4, 3), (1, 3, 2, 4)],
)
def test_the_best_path_is_worth_what_the_books_is(assets, horizons, units, seed) -> None:
    params = drawn(assets, horizons, seed)
    w = afml.dynOptPort(params, units)
    assert w.shape == (assets, horizons)
    assert np.abs(w).sum(axis=0) == pytest.approx(1.0)
    top, _ = book.best(params, assets if units is None else units)
    assert afml.evalSR(params, w, afml.evalTCosts(w, params)) == pytest.approx(top, rel=1e-12)


def test_a_best_path_that_loses_is_the_books_too() -> None:
    params = [{"mean": [[0.01], [-0.01]], "cov": [[1.0, 0.2], [0.2, 0.5]], "c": [0.5, 0.4]} for _ in range(2)]
    w = afml.dynOptPort(params)
    top, _ = book.best(params, 2)
    assert top < 0
    assert afml.evalSR(params, w, afml.evalTCosts(w, params)) == pytest.approx(top, rel=1e-12)


def test_samples_have_the_rank_and_the_noise() -> None:
    assert np.linalg.matrix_rank(afml.rndMatWithRank(200, 6, 3, seed=1)) == 3
    even = afml.rndMatWithRank(20_000, 4, 1, 2.0, seed=1)
    uneven = afml.rndMatWithRank(20_000, 4, 1, 2.0, homNoise=False, seed=1)
    assert np.linalg.matrix_rank(even) == 4
    assert np.linalg.eigvalsh(np.cov(even, rowvar=False))[:3] == pytest.approx(4.0, rel=0.06)
    assert np.ptp(np.linalg.eigvalsh(np.cov(uneven, rowvar=False))[:3]) > 1.0
    assert np.array_equal(even, afml.rndMatWithRank(20_000, 4, 1, 2.0, seed=1))
    assert not np.array_equal(afml.rndMatWithRank(5, 2, 1), afml.rndMatWithRank(5, 2, 1))


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ([], "params are empty"),
        ([{"mean": [[1.0]], "cov": [[1.0]]}], r"params\[0\] has no 'c'. Hint: give mean, cov and c"),
        (
            [{"mean": [[1.0]], "cov": [[1.0]], "c": [0]}, {"mean": [[1], [2]], "cov": np.eye(2), "c": [0, 0]}],
            "params are of different sizes, or no numbers",
        ),
    ],
)
def test_what_is_wrong_with_params_is_said(params, said) -> None:
    with pytest.raises(BadInput, match=said):
        afml.dynOptPort(params)


def test_a_path_of_another_length_is_refused() -> None:
    with pytest.raises(BadInput, match=r"w has shape \(2, 3\), and params are of 1 horizons"):
        afml.evalTCosts(np.zeros((2, 3)), [{"c": [0.0, 0.0]}])
