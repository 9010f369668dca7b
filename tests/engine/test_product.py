from __future__ import annotations

import pickle
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.engine.product import grid
from atomloom.errors import BadInput
from oracles import partition_oracle as oracle

values = st.one_of(
    st.lists(st.integers(-5, 5), max_size=5),
    st.lists(st.sampled_from(["a", "b", 1, 2.5, None, True]), max_size=4),
    st.builds(range, st.integers(-4, 4), st.integers(-4, 8), st.sampled_from([1, 2, -1])),
    st.lists(st.floats(-1, 1), max_size=4).map(np.array),
)
axes = st.dictionaries(st.sampled_from("abcdefg"), values, min_size=1, max_size=5)


@given(axes)
def test_a_grid_is_the_product_of_its_axes(axes):
    g, points = grid(**axes), oracle.grid_points(axes)
    assert list(g) == points
    assert g.size == len(g) == len(points)
    assert bool(g) == bool(points)
    assert g.shape == tuple(map(len, axes.values()))
    assert list(reversed(g)) == points[::-1]
    for i in range(-len(points), len(points)):
        assert g[i] == points[i]
    for i in (len(points), -len(points) - 1):
        with pytest.raises(IndexError, match="of a grid of"):
            g[i]


bound = st.one_of(st.none(), st.integers(-30, 30))
cuts = st.builds(slice, bound, bound, st.one_of(st.none(), st.integers(-4, 4).filter(bool)))


@given(axes, cuts, cuts)
def test_slices_of_slices_are_those_of_a_list(axes, first, second):
    g, points = grid(**axes), oracle.grid_points(axes)
    view, some = g[first], points[first]
    assert list(view) == some
    again, few = view[second], some[second]
    assert list(again) == few
    assert again.size == len(few)
    assert pickle.loads(pickle.dumps(again)) == again
    if few:
        assert again[-1] == few[-1]


@given(axes, cuts, st.integers(0, 30), st.integers(0, 30))
def test_columns_are_the_points_axis_by_axis(axes, cut, lo, hi):
    view, points = grid(**axes)[cut], oracle.grid_points(axes)[cut]
    columns = view.columns(lo, hi)
    assert list(columns) == list(axes)
    for name, column in columns.items():
        assert isinstance(column, np.ndarray)
        assert column.tolist() == [point[name] for point in points[lo:hi]]
    assert len(next(iter(view.columns().values()))) == len(points)


@given(axes)
def test_index_finds_every_point(axes):
    g = grid(**axes)
    points = list(g)
    for i in range(0, len(points), 1 + len(points) // 40):
        found = g.index(points[i])
        assert found == points.index(points[i])
        assert points[i] in g
    for point in points[:3]:
        assert g.count(point) == points.count(point)


def test_index_looks_only_into_the_slice():
    g = grid(a=range(4), b=["x", "y"])
    view = g[1::2]
    assert [view.index(point) for point in view] == [0, 1, 2, 3]
    with pytest.raises(BadInput, match="not of this slice"):
        view.index({"a": 0, "b": "x"})
    assert {"a": 0, "b": "x"} not in view
    assert "nonsense" not in g


def test_kinds_of_axes():
    class Iter:
        def __iter__(self):
            return iter([1, 2])

    g = grid(
        a=(i * i for i in range(3)),
        b=pd.Index([1.5, 2.5]),
        c=pd.Series([7, 8], index=[3, 4]),
        d={"k": 0, "l": 1},
        e=Iter(),
    )
    assert g.shape == (3, 2, 2, 2, 2)
    assert g[-1] == {"a": 4, "b": 2.5, "c": 8, "d": "l", "e": 2}
    days = pd.date_range("2024-01-01", periods=3)
    assert grid(day=days)[1] == {"day": days[1]}
    assert grid(day=days, k=[1, 2]).columns(1, 3)["day"].dtype.kind == "M"


def test_columns_keep_the_meaning_of_values():
    mixed = grid(x=["a", 1], y=[(1, 2), (3, 4)], z=[1, 2.5], s=["u", "v"], t=[True, False], h=[2**63, -1])
    columns = mixed.columns()
    assert [columns[name].dtype.kind for name in "xyzsth"] == list("OOfUbO")
    assert columns["x"][-1] == 1
    assert columns["y"][-1] == (3, 4)
    assert columns["h"][0] == 2**63
    rows = [np.zeros(2), np.ones(3)]
    assert grid(row=rows).columns()["row"][1] is rows[1]
    assert grid(row=rows).index({"row": np.ones(3)}) == 1


def test_grids_beyond_the_word_size():
    g = grid(**{f"axis{i}": range(10**6) for i in range(5)})
    assert g.size == 10**30
    with pytest.raises(OverflowError):
        len(g)
    assert bool(g)
    assert g[-1] == {f"axis{i}": 999_999 for i in range(5)}
    assert g.index(g[123456789012345678901234567890]) == 123456789012345678901234567890
    view = g[10**29 : 10**29 + 3]
    assert len(view) == 3
    assert view.columns()["axis4"].tolist() == [0, 1, 2]
    assert view.columns()["axis0"].tolist() == [100_000] * 3
    wide = grid(a=range(2**64, 2**64 + 5), b=[0, 1])
    assert wide.columns(2, 3)["a"].tolist() == [2**64 + 1]
    assert grid(a=range(2**63 - 1)).size == 2**63 - 1
    with pytest.raises(BadInput, match="longer"):
        grid(a=range(2**63))
    assert g[::-1][0] == g[-1]


def test_a_view_travels_as_its_axes():
    g = grid(a=range(10**9), b=range(10**9))
    assert len(pickle.dumps(g[17 : 10**17])) < 300
    assert pickle.loads(pickle.dumps(g[17:19]))[1] == g[18]


def test_equality_hash_and_repr():
    g = grid(a=[1, 2, 3], b=np.arange(5))
    assert repr(g) == "grid(a=3, b=5): 15 points"
    assert repr(g[2:9]) == "grid(a=3, b=5)[2:9]: 7 points"
    assert repr(g[::2][3:4]) == "grid(a=3, b=5)[6:8:2]: 1 point"
    assert g == grid(a=(1, 2, 3), b=range(5))
    assert hash(g) == hash(grid(a=(1, 2, 3), b=range(5)))
    assert g != grid(a=(1, 2, 3), c=range(5))
    assert g != grid(a=(1, 2, 4), b=range(5))
    assert g != g[1:]
    assert g[:] == g
    assert g != "grid"
    assert isinstance(g, Sequence)
    assert g.axes["a"] == (1, 2, 3)


def test_later_changes_of_an_array_do_not_reach_the_grid():
    values = np.arange(3)
    g = grid(a=values)
    values[0] = 99
    assert g[0] == {"a": 0}
    with pytest.raises(ValueError, match="read-only"):
        g.axes["a"][0] = 1


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (3, r"a=\[3\]"),
        (2.5, "single value"),
        (None, "single value"),
        ("abc", "text"),
        (b"abc", "text"),
        (np.float64(1.0), "single value"),
        (np.array(3), "single value"),
        (np.zeros((2, 2)), "2 dimensions"),
        (pd.DataFrame({"x": [1]}), "2 dimensions"),
        ({1, 2}, "sorted"),
        (frozenset("ab"), "sorted"),
    ],
)
def test_bad_axes_are_refused(bad, said):
    with pytest.raises(BadInput, match=said):
        grid(a=bad, b=[1])


def test_no_axes_are_refused():
    with pytest.raises(BadInput, match="at least one axis"):
        grid()


@pytest.mark.parametrize(
    ("point", "said"),
    [
        ({"window": 1}, "no value for axis 'depth'"),
        ({"window": 1, "depth": 2, "dept": 1}, "did you mean 'depth'"),
        ({"window": 1, "q": 2}, "axes are window, depth"),
        ({"window": 9, "depth": 2}, "has no value 9"),
        ({"window": 1, "depth": 7}, "has no value 7"),
    ],
)
def test_points_off_the_grid_are_refused(point, said):
    with pytest.raises(BadInput, match=said):
        grid(window=[1, 2], depth=range(5)).index(point)


def test_slice_and_index_errors_are_those_of_sequences():
    g = grid(a=[1, 2])
    with pytest.raises(TypeError):
        g["a"]
    with pytest.raises(TypeError):
        g[1.0]
    with pytest.raises(ValueError, match="zero"):
        g[::0]
