"""The fixed tree and the strict fold against their recursive twins, in any order of arrival."""

from __future__ import annotations

import itertools
import math
import operator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom import BadInput, JobFailed, run_parallel
from atomloom.engine.redux import MISSING, Reducer, Tree, associative, cover
from oracles import redux_oracle

floats = st.floats(-1e12, 1e12, allow_nan=False)


def pair(a, b):
    """Keep the shape of the tree in the result."""
    return (a, b)


@given(st.lists(floats, min_size=1, max_size=70), st.randoms(use_true_random=False))
def test_tree_is_the_recursive_tree_in_any_order(values, random):
    tree = Tree(len(values), Reducer(operator.add, tree=True))
    order = list(range(len(values)))
    random.shuffle(order)
    for leaf in order:
        tree.add(leaf, leaf + 1, values[leaf])
    assert tree.value == redux_oracle.tree(values, operator.add)
    assert tree.held == 1


@given(st.integers(1, 60), st.lists(st.integers(0, 60), max_size=6), st.randoms(use_true_random=False))
def test_any_molecules_give_the_same_tree(n, cuts, random):
    ends = sorted({0, n, *(cut for cut in cuts if cut < n)})
    tree = Tree(n, Reducer(pair, tree=True))
    nodes = [node for lo, hi in itertools.pairwise(ends) for node in cover(0, n, lo, hi)]
    random.shuffle(nodes)
    for lo, hi in nodes:
        tree.add(lo, hi, _subtree(lo, hi))
    assert tree.value == redux_oracle.tree(list(range(n)), pair)


def _subtree(lo, hi):
    return lo if hi - lo == 1 else (_subtree(lo, (lo + hi) // 2), _subtree((lo + hi) // 2, hi))


@given(st.integers(1, 2000), st.data())
def test_cover_tiles_exactly_with_few_whole_nodes(n, data):
    lo = data.draw(st.integers(0, n))
    hi = data.draw(st.integers(lo, n))
    nodes = list(cover(0, n, lo, hi))
    assert [leaf for a, b in nodes for leaf in range(a, b)] == list(range(lo, hi))
    assert len(nodes) <= 2 * math.ceil(math.log2(n + 1)) + 1


@given(st.lists(floats, min_size=2, max_size=40), st.sets(st.integers(0, 39)))
def test_missing_leaves_are_left_out_of_the_tree(values, missing):
    kept = [value for i, value in enumerate(values) if i not in missing]
    tree = Tree(len(values), Reducer(lambda a, b: [*a, *b], tree=True))
    for i, value in enumerate(values):
        tree.add(i, i + 1, MISSING if i in missing else [value])
    assert tree.value == kept or (tree.value is MISSING and not kept)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300))
def test_the_tree_is_as_accurate_as_pairwise_summation(values):
    tree = Tree(len(values), Reducer(operator.add, tree=True))
    for i, value in enumerate(values):
        tree.add(i, i + 1, value)
    bound = (math.log2(len(values)) + 2) * 2**-53 * math.fsum(map(abs, values))
    assert abs(tree.value - math.fsum(values)) <= bound


@pytest.mark.parametrize(
    ("redux", "kind"),
    [
        (operator.add, "tree"), (np.add, "tree"), (np.maximum, "tree"), (min, "tree"), (operator.iadd, "tree"),
        (associative(lambda a, b: a + b), "tree"), (list.append, "fold"), (dict.update, "fold"), (np.subtract, "fold"),
        (lambda a, b: a - b, "fold"), (None, "stitch"), (operator.sub, "fold"),
    ],
)  # fmt: skip
def test_which_reducers_are_associative(redux, kind):
    assert Reducer.of(redux).kind == kind


def test_pandas_addition_is_a_tree():
    pd = pytest.importorskip("pandas")
    assert Reducer.of(pd.DataFrame.add).kind == "tree"
    assert Reducer.of(pd.DataFrame.join).kind == "fold"

    def frame(molecule):
        import pandas as pd

        return pd.DataFrame({"n": [1.0], str(molecule[0] % 2): [1.0]})

    total = run_parallel(frame, range(9), num_threads=1, redux=pd.DataFrame.add, redux_args={"fill_value": 0.0}).value
    assert total.loc[0].to_dict() == {"0": 5.0, "1": 4.0, "n": 9.0}


@pytest.mark.parametrize("n", [1, 2, 7, 40])
def test_fold_is_strictly_left_to_right(n):
    got = run_parallel(lambda molecule: molecule[0], list(range(n)), num_threads=1, redux=pair).value
    assert got == redux_oracle.fold(list(range(n)), pair)


def test_the_collecting_reducers_of_the_book():
    one = {"num_threads": 1}
    assert run_parallel(lambda molecule: molecule[0], range(4), redux=list.append, **one).value == [0, 1, 2, 3]
    assert run_parallel(lambda molecule: [molecule[0]], range(4), redux=list.extend, **one).value == [0, 1, 2, 3]
    got = run_parallel(lambda molecule: {molecule[0] % 2: molecule[0]}, range(4), redux=dict.update, **one).value
    assert got == {0: 2, 1: 3}
    assert run_parallel(lambda molecule: molecule[0] % 2, range(4), redux=set.add, **one).value == {0, 1}


def test_reducing_in_place_never_touches_the_users_objects():
    cached = np.ones(3)

    def add(total, part, scale):
        total += scale * part

    @associative
    def add_in_tree(total, part, scale):
        total += scale * part

    for redux in (add, add_in_tree):
        result = run_parallel(
            lambda molecule: cached, range(4), debug=True, redux=redux, redux_args={"scale": 2.0}, redux_in_place=True
        )
        # from left to right 1 + 2 + 2 + 2; as a tree (1 + 2) + 2 (1 + 2)
        assert result.value.tolist() == [7.0 if redux is add else 9.0] * 3
        assert result.value is not cached
        assert cached.tolist() == [1.0, 1.0, 1.0]
    run_parallel(lambda molecule: cached, range(4), debug=True, redux=operator.iadd)
    assert cached.tolist() == [1.0, 1.0, 1.0]


def test_bad_reducers_are_explained():
    with pytest.raises(BadInput, match="redux is 3"):
        run_parallel(lambda molecule: 1, range(2), redux=3)
    with pytest.raises(BadInput, match="without redux"):
        run_parallel(lambda molecule: 1, range(2), redux_args={"a": 1})
    with pytest.raises(BadInput, match="redux_in_place=True"):
        run_parallel(lambda molecule: [1], range(4), debug=True, redux=lambda a, b: a.extend(b))
    with pytest.raises(BadInput, match="which cannot change in place"):
        run_parallel(lambda molecule: 1, range(4), debug=True, redux=lambda a, b: None, redux_in_place=True)
    with pytest.raises(JobFailed, match=r"failed at the result of leaf 1 .*TypeError"):
        run_parallel(lambda molecule: object(), range(4), debug=True, redux=lambda a, b: a + b)
    with pytest.raises(JobFailed, match="TypeError"):
        run_parallel(lambda molecule: object(), range(4), debug=True, redux=operator.add)
