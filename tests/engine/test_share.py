"""Large arrays travel by reference, in and out, whatever they are made of."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from atomloom import BadInput, run_parallel, shared_empty
from atomloom.engine.pool import ProcessPool
from atomloom.engine.share import layout, map_file, new_parcel, pack, pack_result, read_parcel, unpack
from atomloom.engine.slabs import SlabReader, Slabs

pytestmark = pytest.mark.filterwarnings("ignore::atomloom.errors.AntiPattern")
BIG = 200_000


def open_files():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


@given(hnp.arrays(hnp.scalar_dtypes(), hnp.array_shapes(max_dims=3, max_side=6), elements=None), st.booleans())
def test_any_array_survives_the_parcel(array, fortran):
    array = np.asfortranarray(array) if fortran else array
    payload = pack_result({"x": array, "y": [array.T, array[::-1]]})
    fd = new_parcel([payload.head, *payload.buffers])
    head, *buffers = read_parcel(map_file(fd, writable=False), 1 + len(payload.buffers))
    os.close(fd)
    back = unpack(head, buffers)
    np.testing.assert_array_equal(back["x"], array)
    np.testing.assert_array_equal(back["y"][0], array.T)
    np.testing.assert_array_equal(back["y"][1], array[::-1])


@given(st.lists(st.integers(0, 5000), max_size=20))
def test_layout_never_overlaps(sizes):
    offsets, end = layout(sizes)
    at = 0
    for offset, size in zip(offsets, sizes, strict=True):
        assert offset >= at
        assert offset % 64 == 0
        at = offset + size
    assert at == end


def variants(tmp_path):
    base = np.arange(BIG, dtype=float)
    path = tmp_path / "x.npy"
    np.save(path, base)
    shared = shared_empty(BIG)
    shared[:] = base
    two = shared_empty((BIG // 2, 2))
    two[:] = base.reshape(-1, 2)
    mapped = np.load(path, mmap_mode="r")
    return {
        "plain": base,
        "strided": np.repeat(base, 2)[::2],
        "shared": shared,
        "shared slice": shared[1000:-1000],
        "shared 2-d": two,
        "shared transposed": two.T,
        "memmap": mapped,
        "memmap slice": mapped[5:-5],
        "memmap as array": np.asarray(mapped),
        "memmap fortran": np.load(path, mmap_mode="r").reshape(2, -1).T,
        "copy-on-write": np.load(path, mmap_mode="c"),
        "read-write": np.load(path, mmap_mode="r+"),
    }


@pytest.mark.parametrize("method", ["fork", "forkserver"])
def test_every_kind_of_array_arrives_and_is_read_only(tmp_path, method, monkeypatch):
    from atomloom.engine.warm import ProcessBackend

    monkeypatch.setattr(
        "atomloom.engine.executors.ProcessBackend", lambda n, timeout: ProcessBackend(n, timeout, method)
    )
    arrays = variants(tmp_path)
    arrays["copy-on-write"][3] = -1.0  # private to this process: must travel by value

    def look(molecule, arrays):
        return [(name, array.flags.writeable, array.sum(), array.shape) for name, array in arrays.items()]

    (got,) = run_parallel(look, [0], num_threads=2, executor="processes", arrays=arrays).value[:1]
    for name, writeable, total, shape in got:
        assert total == arrays[name].sum(), name
        assert shape == arrays[name].shape, name
        assert not writeable, name


def test_arrays_by_reference_are_not_in_the_payload(tmp_path):
    arrays = variants(tmp_path)
    for name in ("shared", "shared slice", "shared transposed", "memmap", "memmap slice", "memmap as array"):
        assert pack(arrays[name]).nbytes < 2000, name
    for name in ("plain", "copy-on-write"):
        assert pack(arrays[name]).large == 8 * BIG, name


def test_a_mapped_array_that_was_written_is_flushed(tmp_path):
    array = np.memmap(tmp_path / "x.bin", dtype=float, mode="w+", shape=(BIG,))
    array[:] = 2.0
    total = run_parallel(lambda molecule, x: x.sum(), [0], num_threads=2, executor="processes", x=array).value
    assert total == [2.0 * BIG]


def test_shared_memory_is_given_back():
    before = open_files()
    arrays = [shared_empty(1000) for _ in range(20)]
    assert open_files() > before
    del arrays
    gc.collect()
    assert open_files() <= before + 1
    with pytest.raises(BadInput, match="objects cannot live in shared memory"):
        shared_empty(3, object)


def test_frames_travel_by_reference():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": np.arange(BIG, dtype=float), "b": np.arange(BIG)})
    got = run_parallel(
        lambda molecule, frame: frame.iloc[molecule[0]].tolist(), [3, BIG - 1], num_threads=2, executor="processes",
        frame=frame,
    ).value  # fmt: skip
    assert got == [[3.0, 3.0], [BIG - 1.0, BIG - 1.0]]
    assert len(pack(frame).head) < 10_000


def test_slabs_are_recycled_when_nobody_reads_them():
    worker, reader = Slabs(), SlabReader()
    numbers = []
    for i in range(6):
        payload = pack_result(np.full(BIG, float(i)))
        number, fd = worker.put([payload.head, *payload.buffers])
        numbers.append(number)
        array, size = reader.read(number, 2, [] if fd is None else [os.dup(fd)], keep=False)
        assert size > 8 * BIG
        assert array.sum() == i * BIG
        view = array[5:]
        del array
        gc.collect()
        assert reader.returned() == ([], [])  # the view still reads the slab
        del view
        released, kept = reader.returned()
        assert (released, kept) == ([number], [])
        worker.release(released)
    assert len(set(numbers)) == 1
    worker.clear()


def test_kept_slabs_belong_to_the_result():
    worker, reader = Slabs(), SlabReader()
    kept = []
    for i in range(3):
        payload = pack_result(np.full(BIG, float(i)))
        number, fd = worker.put([payload.head, *payload.buffers])
        kept.append(reader.read(number, 2, [os.dup(fd)], keep=True)[0])
        worker.forget(reader.returned()[1])
    worker.clear()
    assert [array.sum() for array in kept] == [0.0, float(BIG), 2.0 * BIG]


def test_the_pool_frees_what_a_run_used():
    pool = ProcessPool(2)
    before = open_files()
    for _ in range(3):
        from atomloom.engine.jobs import Work
        from atomloom.engine.redux import Reducer

        work = Work(lambda molecule: np.ones(BIG), "molecule", {}, range(8), list(range(9)), Reducer())
        pool.begin(pack(work), keep=False)
        for i in range(8):
            pool.submit(i, [(i, i + 1)], None, i)
        got = []
        while len(got) < 8:
            got += pool.poll(None)
        assert all(reply.status == "done" for reply in got)
        pool.end()
    pool.close()
    assert open_files() <= before


def test_huge_numbers_of_atoms_and_large_atoms_travel(tmp_path):
    atoms = ["x" * 50_000 for _ in range(20)]
    got = run_parallel(lambda molecule: sum(map(len, molecule)), atoms, num_threads=2, executor="processes").value
    assert sum(got) == 1_000_000


def test_a_file_of_more_than_two_gigabytes_is_passed_by_reference(tmp_path):
    path = tmp_path / "sparse.bin"
    with path.open("wb") as file:
        file.truncate(3 << 30)
    x = np.memmap(path, dtype=np.uint8, mode="r+")
    x[(5 << 29) + 7] = 9

    def look(molecule, x):
        return int(x[(5 << 29) + molecule[0]])

    got = run_parallel(look, [6, 7], num_threads=2, executor="processes", x=x, progress=False).value
    assert got == [0, 9]


@pytest.mark.parametrize("allowed", [28, 40])
def test_few_descriptors_are_enough(allowed):
    """Results that a reducer keeps do not hold a descriptor each, here or in the workers."""
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({allowed}, {allowed}))\n"
        "import numpy as np\nfrom atomloom import run_parallel\n"
        "f = lambda molecule: {molecule[0]: np.ones(200_000)}\n"
        "got = run_parallel(f, range(120), num_threads=2, executor='processes', redux=dict.update, progress=False)\n"
        "kept = run_parallel(f, range(120), num_threads=2, executor='processes', progress=False)\n"
        "print(len(got.value), len(kept.value), got.trace.deaths + kept.trace.deaths)"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["120", "120", "0"], done.stderr
