"""The journal: complete frames survive anything, another call's journal is refused."""

from __future__ import annotations

import operator
import os

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom import BadInput, StoreError, run_parallel
from atomloom.engine.digest import digest
from atomloom.engine.journal import Journal
from atomloom.engine.known import Known

from . import work

KEY = {"function": "f", "atoms": "a"}


def run(journal, folder, **changes):
    arguments = {"num_threads": 1, "mp_batches": 10, "redux": operator.add} | changes
    return run_parallel(work.touch_and_count, range(500), journal=journal, folder=str(folder), **arguments)


def calls(folder):
    return len(list(folder.iterdir()))


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "calls").mkdir()
    return tmp_path / "calls"


@pytest.mark.parametrize("redux", [operator.add, None, lambda a, b: a + b])
def test_a_finished_run_is_not_worked_again(tmp_path, folder, redux):
    first = run(tmp_path / "j", folder, redux=redux)
    assert calls(folder) == 480
    again = run(tmp_path / "j", folder, redux=redux, mp_batches=3)
    assert calls(folder) == 480
    assert again.value == first.value
    assert {record["status"] for record in again.trace.records} == {"journal"}


@given(cut=st.integers(0, 4000), data=st.data())
def test_a_torn_tail_is_cut_off(tmp_path_factory, cut, data):
    where = tmp_path_factory.mktemp("journal")
    journal = Journal(where, KEY)
    rng = np.random.default_rng(cut)
    values = [rng.random(data.draw(st.integers(0, 40))) for _ in range(6)]
    ends = []
    for i, value in enumerate(values):
        journal.append([(i, i + 1, value)])
        ends.append((where / "molecules.bin").stat().st_size)
    journal.close()
    size = min(cut, ends[-1])
    os.truncate(where / "molecules.bin", size)
    again = Journal(where, KEY)
    whole = sum(end <= size for end in ends)
    assert again.done == [(i, i + 1) for i in range(whole)]
    for i in range(whole):
        assert again.load(i, i + 1).tobytes() == values[i].tobytes()
    again.append([(50, 52, "after")])
    again.close()
    last = Journal(where, KEY)
    assert last.load(50, 52) == "after"
    last.close()


def test_a_flipped_byte_costs_its_frame_and_what_follows(tmp_path):
    journal = Journal(tmp_path, KEY)
    for i in range(4):
        journal.append([(i, i + 1, list(range(100)))])
    journal.close()
    path = tmp_path / "molecules.bin"
    blob = bytearray(path.read_bytes())
    blob[len(blob) // 2 + 40] ^= 0xFF
    path.write_bytes(blob)
    again = Journal(tmp_path, KEY)
    assert again.done == [(0, 1), (1, 2)]
    again.close()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"redux": operator.mul}, "reducer"),
        ({"seed": 1}, "seed"),
        ({"grain": 7}, "leaves"),
        ({"extra": 1}, "arguments"),
    ],
)
def test_another_call_is_refused_with_what_differs(tmp_path, folder, change, word):
    def func(molecule, folder, extra=0, rng=None):
        return len(molecule)

    common = {"num_threads": 1, "redux": operator.add, "journal": tmp_path / "j", "folder": str(folder)}
    run_parallel(func, range(500), **common)
    with pytest.raises(BadInput, match=f"belongs to another call: .*{word}"):
        run_parallel(func, range(500), **(common | change))


def test_a_changed_function_or_changed_atoms_are_refused(tmp_path):
    run_parallel(lambda molecule: 1, [1, 2], num_threads=1, journal=tmp_path)
    with pytest.raises(BadInput, match="the function"):
        run_parallel(lambda molecule: 2, [1, 2], num_threads=1, journal=tmp_path)
    with pytest.raises(BadInput, match=r"the function .*and the atoms"):
        run_parallel(lambda molecule: 3, [1, 3], num_threads=1, journal=tmp_path)


def test_only_one_run_writes_to_a_journal(tmp_path):
    journal = Journal(tmp_path, KEY)
    with pytest.raises(StoreError, match="in use"):
        Journal(tmp_path, KEY)
    journal.close()
    Journal(tmp_path, KEY).close()


def test_unwritable_or_foreign_folders_are_explained(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="cannot be written"):
        Journal(tmp_path / "file", KEY)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "molecules.bin").write_bytes(b"something else")
    with pytest.raises(StoreError, match=r"no call\.json"):
        Journal(tmp_path / "other", KEY)


def test_failed_molecules_are_tried_again(tmp_path):
    flag = tmp_path / "flag"

    def fail_once(molecule, flag):
        if molecule[0] == 3 and not flag.exists():
            flag.touch()
            raise ValueError
        return molecule[0]

    kwargs = {"num_threads": 1, "mp_batches": 5, "on_error": "skip", "journal": tmp_path / "j", "flag": flag}
    first = run_parallel(fail_once, [0, 1, 2, 3, 4], **kwargs)
    assert first.value == [0, 1, 2, 4]
    second = run_parallel(fail_once, [0, 1, 2, 3, 4], **kwargs)
    assert second.value == [0, 1, 2, 3, 4]
    assert [record["status"] for record in second.trace.records].count("journal") == 4


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 8)), max_size=8), st.integers(0, 60), st.integers(0, 60))
def test_gaps_are_what_is_not_known(raw, a, b):
    ranges, at = [], 0
    for skip, size in raw:
        ranges.append((at + skip, at + skip + size))
        at += skip + size
    known = Known([(lo, hi, None) for lo, hi in ranges], None)
    lo, hi = min(a, b), max(a, b)
    covered = {leaf for x, y in ranges for leaf in range(x, y)}
    free = [leaf for leaf in range(lo, hi) if leaf not in covered]
    gaps = known.gaps(lo, hi)
    assert [leaf for x, y in gaps for leaf in range(x, y)] == free
    assert all(x < y for x, y in gaps)


# ---- digests ---------------------------------------------------------------------------------

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
    | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    | st.tuples(inner, inner) | st.frozensets(st.integers(), max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(values)
def test_digests_go_by_value_not_by_identity(value):
    import copy
    import pickle

    assert digest(value) == digest(copy.deepcopy(value)) == digest(pickle.loads(pickle.dumps(value)))


@given(values, values)
def test_different_values_have_different_digests(a, b):
    if repr(a) != repr(b):
        assert digest(a) != digest(b)


def test_digests_of_arrays_frames_and_cycles():
    pd = pytest.importorskip("pandas")
    x = np.arange(6.0)
    assert digest(x) == digest(x.copy()) != digest(x.astype(np.float32))
    assert digest(x.reshape(2, 3)) != digest(x.reshape(3, 2))
    assert digest(x[::2]) == digest(x[::2].copy())
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    assert digest(frame) == digest(frame.copy())
    assert digest(frame) != digest(frame.assign(a=[1, 3]))
    loop: list = [1]
    loop.append(loop)
    assert digest(loop) == digest(loop)
    shared = [1, 2]
    assert digest([shared, shared]) == digest([[1, 2], [1, 2]])


def test_digests_see_closures_defaults_and_helpers():
    def make(k):
        return lambda molecule: k

    assert digest(make(1)) == digest(make(1)) != digest(make(2))
    assert digest(work.Account(1).grow) == digest(work.Account(1).grow) != digest(work.Account(2).grow)
