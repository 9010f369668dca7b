from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.engine.partition import cost_parts, lin_parts, nested_parts
from atomloom.errors import BadInput
from oracles import partition_oracle as oracle

METHODS = ("minmax", "quantile")


def sound(bounds, n, parts):
    assert bounds.dtype == np.int64
    assert bounds[0] == 0
    assert bounds[-1] == n
    assert (np.diff(bounds) > 0).all()
    assert len(bounds) - 1 <= min(parts, n)


# --- the book's cuts


def test_published_boundaries():
    assert lin_parts(20, 6).tolist() == [0, 4, 7, 10, 14, 17, 20]
    assert nested_parts(20, 6).tolist() == [0, 8, 11, 14, 16, 18, 20]
    assert nested_parts(20, 6, upper=True).tolist() == [0, 2, 4, 6, 9, 12, 20]


def test_the_books_empty_molecules_are_dropped():
    book = oracle.book_nested(300, 240)
    assert sum(a == b for a, b in itertools.pairwise(book)) == 34
    assert nested_parts(300, 240).tolist() == sorted(set(book))
    assert len(nested_parts(300, 240)) - 1 == 206


@given(st.integers(0, 5000), st.integers(1, 6000))
def test_linear_is_the_book(n, parts):
    bounds = lin_parts(n, parts)
    book = np.ceil(np.linspace(0, n, min(parts, n) + 1)).astype(int)
    np.testing.assert_array_equal(bounds, book)
    sound(bounds, n, parts)
    # float noise in linspace may lift a boundary by one, never more
    assert max(abs(a - b) for a, b in zip(bounds.tolist(), oracle.book_linear(n, parts), strict=True)) <= 1


@given(st.integers(0, 5000), st.integers(1, 700), st.booleans())
def test_nested_is_the_book_without_empty_molecules(n, parts, upper):
    bounds = nested_parts(n, parts, upper=upper)
    assert bounds.tolist() == sorted(set(oracle.book_nested(n, parts, upper)))
    sound(bounds, n, parts)


@given(st.integers(2**30, 2**63 - 1), st.integers(1, 50), st.booleans())
def test_huge_rows_stay_exact(n, parts, upper):
    linear = lin_parts(n, parts)
    sound(linear, n, parts)
    if n * parts > 2**50:
        assert linear.tolist() == oracle.book_linear(n, parts)
    nested = nested_parts(n, parts, upper=upper)
    sound(nested, n, parts)
    assert len(nested) == parts + 1
    lower = (n - nested[::-1] if upper else nested).tolist()
    for m, bound in enumerate(lower):
        assert abs(oracle.nested_root(n, parts, m) - bound) <= Fraction(1, 2) + Fraction(1, 1000)


def test_a_billion_rows_in_many_molecules():
    for parts in (7, 240, 100_000):
        for upper in (False, True):
            sound(nested_parts(10**9, parts, upper=upper), 10**9, parts)
        sound(lin_parts(10**9, parts), 10**9, parts)


def test_exact_and_float_nested_agree_where_both_hold():
    from atomloom.engine.partition import _nested_exact, _nested_float

    for n, parts in [(1000, 24), (12_345, 17), (99_991, 250), (10**6, 1000), (10**8, 999)]:
        exact, book = _nested_exact(n, parts), _nested_float(n, parts)
        assert np.abs(exact - book).max() <= 1
        assert (exact != book).mean() < 0.01


def test_nested_balance_against_the_published_figures():
    def ratio(n, parts, bounds):
        load = np.add.reduceat(np.arange(1.0, n + 1), bounds[:-1])
        return round(load.max() / (n * (n + 1) / 2 / parts), 3)

    for n, nested, best in [(1000, 1.034, 1.014), (100, 1.326, 1.183)]:
        assert ratio(n, 24, nested_parts(n, 24)) == nested
        assert ratio(n, 24, cost_parts(np.arange(1, n + 1), 24)) == best


# --- cuts by cost

whole_costs = st.lists(st.integers(0, 50).map(float), min_size=1, max_size=24)
real_costs = st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=1, max_size=24)
wild_costs = st.lists(
    st.sampled_from([0.0, 0.0, 1.0, 1e-9, 1e-300, 0.1, 3.0, 1e6, 1e12, 1e300]), min_size=1, max_size=24
)


@given(whole_costs, st.integers(1, 30))
def test_minmax_is_the_optimum_of_whole_costs(cost, parts):
    bounds = cost_parts(cost, parts)
    sound(bounds, len(cost), parts)
    if any(cost):
        assert max(oracle.loads(cost, bounds)) == oracle.least_bottleneck(cost, parts)


@given(st.one_of(real_costs, wild_costs), st.integers(1, 30))
def test_minmax_is_the_optimum_of_any_costs(cost, parts):
    bounds = cost_parts(cost, parts)
    sound(bounds, len(cost), parts)
    if any(cost):
        # Prefix sums round at the size of the total, the bottleneck is at least total / parts.
        assert max(oracle.loads(cost, bounds)) <= oracle.least_bottleneck(cost, parts) * (1 + 1e-12)


@settings(max_examples=25)
@given(st.integers(0, 2**32), st.integers(25, 60), st.integers(2, 60), st.floats(0, 4))
def test_minmax_is_the_optimum_of_longer_rows(seed, n, parts, spread):
    cost = np.random.default_rng(seed).lognormal(0, spread, n)
    best = oracle.least_bottleneck(cost.tolist(), parts)
    assert max(oracle.loads(cost.tolist(), cost_parts(cost, parts))) == pytest.approx(best, rel=1e-12)


@given(st.one_of(whole_costs, real_costs), st.integers(1, 30))
def test_quantile_cuts_are_nearest_to_equal_shares(cost, parts):
    bounds = cost_parts(cost, parts, "quantile")
    sound(bounds, len(cost), parts)
    if math.fsum(cost) > 0:
        shares = oracle.quantile_cuts(cost, min(parts, len(cost)))
        for cut in bounds[1:-1].tolist():
            assert any(cut in near for near in shares)
        for near in shares:
            assert near & set(bounds.tolist())


def greedy_loads(cost, limit):
    """The textbook answer: fill each molecule up to the bottleneck."""
    filled = [0.0]
    for atom in cost:
        if filled[-1] + atom <= limit:
            filled[-1] += atom
        else:
            filled.append(atom)
    return filled


@given(st.integers(0, 2**32), st.integers(2, 3000), st.integers(2, 400))
def test_evening_spreads_the_loads_under_the_same_bottleneck(seed, n, parts):
    cost = np.random.default_rng(seed).integers(0, 20, n).astype(float)
    cost[0] = 1.0
    even = oracle.loads(cost, cost_parts(cost, parts))
    greedy = greedy_loads(cost.tolist(), max(even))
    assert len(greedy) <= min(parts, n)
    assert sum(load**2 for load in even) <= 1.05 * sum(load**2 for load in greedy)


def test_a_million_atoms_reach_the_certified_optimum():
    rng = np.random.default_rng(7)
    for cost in (rng.random(10**6), np.arange(10**6) + 1.0, np.where(rng.random(10**6) < 0.02, 60.0, 1.0)):
        prefix = np.r_[0.0, np.cumsum(cost)]
        bounds = cost_parts(cost, 1024)
        sound(bounds, 10**6, 1024)
        bottleneck = np.diff(prefix[bounds]).max()
        # certificate: with anything smaller, filling from the left runs out of molecules
        limit, position = np.nextafter(bottleneck, 0), 0
        for _ in range(1024):
            position = int(np.searchsorted(prefix, prefix[position] + limit * (1 - 1e-12), side="right")) - 1
        assert position < 10**6


@pytest.mark.parametrize("method", METHODS)
def test_one_heavy_atom_does_not_fill_the_other_molecules(method):
    """Greedy filling up to the heaviest atom leaves 24 loads of 100 in a row for 24 workers."""
    cost = np.ones(2400)
    cost[1200] = 100.0
    even = oracle.loads(cost, cost_parts(cost, 240, method))
    assert max(even) <= 112
    assert sorted(even)[-2] <= 20
    greedy = greedy_loads(cost.tolist(), 100.0)
    assert oracle.list_schedule(even, 24) < 0.8 * oracle.list_schedule(greedy, 24)


@pytest.mark.parametrize("method", METHODS)
def test_shapes_that_need_care(method):
    assert cost_parts([], 3, method).tolist() == [0]
    assert cost_parts([5.0], 3, method).tolist() == [0, 1]
    assert cost_parts([0, 0, 0, 0], 2, method).tolist() == [0, 2, 4]
    assert cost_parts([1.0] * 7, 1, method).tolist() == [0, 7]
    assert cost_parts([True, False, True], 2, method)[-1] == 3
    heavy = [1.0] * 50 + [1e6] + [1.0] * 49
    bounds = cost_parts(heavy, 8, method).tolist()
    assert 50 in bounds
    assert 51 in bounds
    sound(cost_parts([0.0] * 1000 + [1.0] + [0.0] * 1000, 16, method), 2001, 16)
    sound(cost_parts([1.7e308] * 9, 3, method), 9, 3)
    assert cost_parts([1.7e308] * 9, 3, method).tolist() == [0, 3, 6, 9]
    assert cost_parts([5e-324] * 6, 3, method).tolist() == [0, 2, 4, 6]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("cost", "said"),
    [
        ([1.0, np.nan, np.nan], r"2 NaN values \(first at position 1"),
        ([1.0, 2.0, np.inf], r"1 infinite value \(first at position 2"),
        ([1.0, -np.inf], "position 1"),
        ([1.0, -0.5, -2.0], r"2 negative values \(first at position 1: -0.5\)"),
        ([[1.0, 2.0]], "one-dimensional"),
        (3.0, "one-dimensional"),
        ("lower", "must be numbers"),
        (["a", "b"], "must be numbers"),
        (None, "one-dimensional|numbers"),
        ([1.0, None], "NaN|numbers"),
        ([1j], "must be numbers"),
        (np.array([1, 2], "timedelta64[s]"), "must be numbers"),
        ([object()], "must be numbers"),
    ],
)
def test_bad_costs_are_named(cost, said, method):
    with pytest.raises(BadInput, match=said):
        cost_parts(cost, 2, method)


@pytest.mark.parametrize("parts", [0, -1, True, 2.0, "3", None, np.float64(2), np.bool_(1), np.array([2]), 2**63])
def test_bad_parts_are_refused(parts):
    for call in (lin_parts, nested_parts, lambda n, parts: cost_parts(np.ones(n), parts)):
        with pytest.raises(BadInput, match="parts must"):
            call(10, parts)


@pytest.mark.parametrize("n", [-1, True, 2.0, None, 2**63])
def test_bad_sizes_are_refused(n):
    for call in (lin_parts, nested_parts):
        with pytest.raises(BadInput, match="n must"):
            call(n, 2)


def test_numpy_whole_numbers_are_whole_numbers():
    assert lin_parts(np.int64(6), np.uint8(2)).tolist() == [0, 3, 6]


def test_unknown_method_is_refused():
    with pytest.raises(BadInput, match="minmax"):
        cost_parts([1.0], 1, "best")


def test_the_callers_costs_are_left_alone():
    cost = np.array([3.0, 1.0, 2.0])
    cost.flags.writeable = False
    cost_parts(cost, 2)
    assert cost.tolist() == [3.0, 1.0, 2.0]
