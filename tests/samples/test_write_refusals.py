"""What write, open_dataset and verify refuse, and in which words."""

import json
import os
import threading

import pytest
from files_to_try import plain, same, tree

from atomloom.errors import AtomloomError, BadInput, OverBudget, StoreError
from atomloom.samples import Computed, SampleSpec
from atomloom.samples.formats import sink
from atomloom.samples.opening import open_dataset
from atomloom.samples.verifying import verify
from atomloom.samples.writing import Written, write


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"format": "arow"}, "format is 'arow'. Hint: did you mean 'arrow'?"),
        ({"format": "npy", "compression": "zstd"}, "npy files are not compressed"),
        ({"compression": "lz5"}, "compression of arrow is 'lz5'. Hint: did you mean 'lz4'?"),
        ({"shard_rows": 0}, "shard_rows is 0"),
        ({"shard_rows": 2.5}, "shard_rows is 2.5"),
        ({"shard_rows": "many"}, "shard_rows is 'many'"),
        ({"n_jobs": 0}, "n_jobs is 0"),
        ({"n_jobs": 1.5}, "n_jobs is 1.5"),
        ({"n_jobs": "two"}, "n_jobs is 'two'"),
        ({"n_jobs": True}, "n_jobs is True"),
        ({"resume": True, "overwrite": True}, "resume and overwrite are both asked for"),
        ({"fixed_size_list": True}, "fixed_size_list is of Parquet"),
        ({"progress": 3}, "progress is 3"),
        ({"memory_limit": "a lot"}, "memory_limit is 'a lot'"),
        ({"format": "zarr", "shard_rows": 65_537}, "does not divide into pieces"),
        ({"format": "mds", "shard_rows": 40_000_000}, "MDS counts to"),
    ],
)
def test_settings(tmp_path, settings, words):
    made = plain(n=10**8)
    with pytest.raises(BadInput) as error:
        write(made, tmp_path / "out", **settings)
    assert words in str(error.value)
    assert "Hint" in str(error.value) or "must be" in str(error.value) or "must read" in str(error.value)
    assert not (tmp_path / "out").exists()


def test_a_million_jobs_are_as_many_as_shards(tmp_path):
    assert write(plain(n=500), tmp_path, shard_rows=200, n_jobs=10**6).jobs == 3


def test_memory(tmp_path):
    made = plain(n=200_000)
    with pytest.raises(OverBudget, match=r"memory_limit is 100.0 KB, and one job needs .* for pieces of .*Hint"):
        write(made, tmp_path / "out", memory_limit="100KB")
    assert not (tmp_path / "out").exists()
    done = write(plain(n=60_000), tmp_path / "out", memory_limit="9MB", n_jobs=4, shard_rows=15_000)
    assert done.jobs == 2
    write(plain(n=60_000), tmp_path / "other", n_jobs=4, shard_rows=15_000)
    assert tree(tmp_path / "out") == tree(tmp_path / "other")


def test_shards_by_size(tmp_path):
    write(plain(n=60_000), tmp_path, shard_rows="4MB")
    stored = open_dataset(tmp_path)
    assert stored.manifest["shard_rows"] % 1024 == 0
    assert 3.5e6 < (tmp_path / "shard-00000000.arrow").stat().st_size < 4.1e6


def test_a_disk_that_is_too_small(tmp_path):
    with pytest.raises(StoreError, match=r"needs .* TB, and its disk has .* free. Hint: fewer samples"):
        write(plain(n=10**12, lookback=64), tmp_path / "out", shard_rows=10**9)
    assert not (tmp_path / "out" / "shard-00000000.arrow").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"seed": 6}, "seed 5 (now 6)"),
        ({"lookback": 13}, "lookback 12 (now 13)"),
        ({"n": 901}, "n 900 (now 901)"),
        ({"rows": 301}, "series '"),
        ({"format": "npy"}, "format 'arrow' (now 'npy')"),
        ({"shard_rows": 200}, "shard_rows 300 (now 200)"),
        ({"compression": "zstd"}, "compression None (now 'zstd')"),
        ({"split": {"parts": {"a": 0.9}}, "part": "a"}, "split None (now "),
    ],
)
def test_another_dataset_is_not_gone_on_with(tmp_path, change, words):
    write(plain(n=900), tmp_path, shard_rows=300)
    (tmp_path / "shard-00000000.arrow").unlink()
    before = tree(tmp_path)
    files = {name: change[name] for name in ("format", "shard_rows", "compression") if name in change}
    made = {name: value for name, value in change.items() if name not in files}
    part = made.pop("part", None)
    if part is None:
        other = plain(**{"n": 900, **made})
    else:
        from bars_to_try import bars

        from atomloom.samples import dataset

        other = dataset(bars(300), 900, SampleSpec(lookback=12, seed=5, **made), part=part)
    with pytest.raises(BadInput) as error:
        write(other, tmp_path, resume=True, **{"shard_rows": 300, **files})
    assert words in str(error.value)
    assert str(error.value).endswith("or pass overwrite=True.")
    assert tree(tmp_path) == before


def test_another_version_of_the_library(tmp_path, monkeypatch):
    write(plain(n=900), tmp_path, shard_rows=300)
    monkeypatch.setattr("atomloom.samples.manifest.version", lambda name: "0.0")
    with pytest.raises(BadInput, match=r"version of the library that writes it 'pyarrow .*now 'pyarrow 0.0'"):
        write(plain(n=900), tmp_path, shard_rows=300, resume=True)


def test_what_is_there_is_not_written_over(tmp_path):
    write(plain(n=300), tmp_path / "out")
    with pytest.raises(BadInput, match=r"holds a dataset already. Hint: write to another folder, or overwrite=True"):
        write(plain(n=300), tmp_path / "out")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "text").write_text("mine")
    for settings in ({}, {"overwrite": True}, {"resume": True}):
        with pytest.raises(BadInput, match=r"holds something else than samples \('text'\)"):
            write(plain(n=300), tmp_path / "notes", **settings)
    assert (tmp_path / "notes" / "text").read_text() == "mine"


def test_overwriting_takes_away_what_is_ours_only(tmp_path):
    write(plain(n=900), tmp_path / "out", format="zarr", shard_rows=100)
    (tmp_path / "out" / "x" / "mine").write_text("kept")
    write(plain(n=300), tmp_path / "out", format="npy", overwrite=True)
    assert (tmp_path / "out" / "x" / "mine").read_text() == "kept"
    (tmp_path / "out" / "x" / "mine").unlink()
    (tmp_path / "out" / "x").rmdir()
    write(plain(n=300), tmp_path / "straight", format="npy")
    assert tree(tmp_path / "out") == tree(tmp_path / "straight")
    assert same(open_dataset(tmp_path / "out").batch([7]), plain(n=300).batch([7]))


def test_two_writers_of_one_folder(tmp_path):
    inside, go = threading.Event(), threading.Event()

    def heard(_):
        inside.set()
        go.wait(20)

    first = threading.Thread(target=write, args=(plain(n=300), tmp_path), kwargs={"progress": heard})
    first.start()
    inside.wait(20)
    try:
        with pytest.raises(StoreError, match=r"is being written to by another call. Hint"):
            write(plain(n=300), tmp_path, resume=True)
    finally:
        go.set()
        first.join()
    assert verify(tmp_path).ok


def test_places_that_cannot_be_written_to(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="Hint: a folder, not a file"):
        write(plain(n=10), tmp_path / "file")
    with pytest.raises(StoreError, match="Hint: a folder, not a file"):
        write(plain(n=10), tmp_path / "file" / "out")
    inner = os.open

    def refused(path, flags, *mode, **more):
        if flags & os.O_WRONLY:
            raise PermissionError(13, "Permission denied")
        return inner(path, flags, *mode, **more)

    monkeypatch.setattr(sink.os, "open", refused)
    with pytest.raises(StoreError, match=r"Permission denied. Hint: a folder that you may write to"):
        write(plain(n=10), tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_leave_to_write(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="Hint: a folder that you may write to"):
        write(plain(n=10), tmp_path / "out")


def test_functions_without_a_name_and_texts_are_refused(tmp_path):
    nameless = plain(n=10, state={"up": Computed(lambda u, _: u[:, 0])})
    with pytest.raises(BadInput, match="Hint: give it as 'module:name' to write it down"):
        write(nameless, tmp_path / "out")
    texts = plain(n=10, state={"up": Computed("test_write_refusals:words")})
    with pytest.raises(BadInput, match=r"field 'up' is of <U2, which files do not hold. Hint"):
        write(texts, tmp_path / "out")
    restless = plain(n=5000, state={"up": Computed("test_write_refusals:whims")})
    with pytest.raises(BadInput, match=r"the function of 'up' gave float64 .* Hint: one dtype for all"):
        write(restless, tmp_path / "out")
    assert not list(tmp_path.rglob("*.tmp"))


def words(u, batch):
    import numpy as np

    return np.array(["ab"] * len(u))


def whims(u, batch):
    return u[:, 0].astype("float32" if len(u) < 10 else "float64")


def test_what_is_no_dataset_is_not_opened(tmp_path):
    for path, words in (
        (tmp_path / "none", "there is no manifest.json. Hint"), (tmp_path, "there is no manifest.json. Hint"),
    ):  # fmt: skip
        for verb in (open_dataset, verify):
            with pytest.raises(StoreError) as error:
                verb(path)
            assert words in str(error.value)
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"is a file. Hint"):
        open_dataset(tmp_path / "file")
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(StoreError, match="is no JSON"):
        open_dataset(tmp_path)
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(StoreError, match="is of something else"):
        open_dataset(tmp_path)
    (tmp_path / "manifest.json").write_text(json.dumps({"kind": "atomloom samples", "version": 9}))
    with pytest.raises(StoreError, match=r"has version 9, and this atomloom reads version 2. Hint"):
        open_dataset(tmp_path)


def test_a_copy_of_the_series_that_was_changed(tmp_path):
    write(plain(n=300), tmp_path)
    place = tmp_path / "series.parquet"
    content = bytearray(place.read_bytes())
    content[-1] ^= 1
    place.write_bytes(content)
    with pytest.raises(StoreError, match=r"series.parquet is not as it was written. Hint"):
        open_dataset(tmp_path).recipe()
    place.unlink()
    with pytest.raises(StoreError, match=r"series.parquet cannot be read: No such file"):
        open_dataset(tmp_path).recipe()


def test_samples_that_are_none(tmp_path):
    write(plain(n=300), tmp_path)
    stored = open_dataset(tmp_path)
    with pytest.raises(BadInput, match="ids has 300"):
        stored.batch([300])
    with pytest.raises(IndexError, match="sample 300 of 300"):
        stored[300]
    with pytest.raises(BadInput, match="out"):
        stored.batch([1, 2], out=stored.empty(3))
    out = stored.empty(2)
    assert stored.batch([1, 2], out=out) is out


def test_torch_takes_what_is_stored(tmp_path):
    torch = pytest.importorskip("torch")
    made = plain(n=300)
    write(made, tmp_path, format="hdf5")
    samples = open_dataset(tmp_path).to_torch()
    assert torch.equal(samples.__getitems__([5, 299])["x"], torch.from_numpy(made.batch([5, 299])["x"]))


def test_words_about_what_was_written(tmp_path):
    done = write(plain(n=300), tmp_path / "out", shard_rows=100, compression="zstd", n_jobs=1)
    assert done.summary().startswith("300 samples in 3 shards of arrow (zstd) (")
    assert Written(**{**done.to_dict(), "path": done.path}) == done
    assert json.loads(json.dumps(done.to_dict()))["rows"] == 300
    assert "300 samples in 3 shards of arrow, zstd" in repr(open_dataset(tmp_path / "out"))
    assert "and as the recipe gives them" in verify(tmp_path / "out", recompute=True).summary()
    assert issubclass(StoreError, AtomloomError)
