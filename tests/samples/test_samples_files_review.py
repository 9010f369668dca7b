"""What a second look at files of samples found: datasets that are mended, and others that must not be lost."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
from bars_to_try import bars
from files_to_try import many, plain, same, tree

from atomloom.errors import BadInput, StoreError
from atomloom.samples import dataset, open_dataset, verify, write, write_recipe
from atomloom.samples.planning import plan_of

BESIDE = [
    ("arrow", "series.parquet"), ("zarr", "zarr.json"), ("zarr", "x/zarr.json"), ("mds", "index.json"),
    ("npy", "journal.jsonl"), ("npy", "shard-00000002.x.npy"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "name"), BESIDE)
@pytest.mark.parametrize("how", ["damaged", "gone"])
def test_whatever_is_deleted_or_damaged_is_made_again(tmp_path, kind, name, how) -> None:
    made = write(plain(1000), tmp_path / "a", format=kind, shard_rows=300)
    before, place = tree(made.path), made.path / name
    content = bytearray(place.read_bytes())
    content[len(content) // 2] ^= 1
    place.write_bytes(content)
    assert not verify(made.path).ok
    if how == "gone" or "shard" in name:  # the hint of verify: delete those files
        place.unlink()
        assert not verify(made.path).ok
    write(plain(1000), made.path, format=kind, shard_rows=300, resume=True)
    assert verify(made.path, recompute=True).ok
    assert tree(made.path) == before


def test_a_journal_with_another_hash_is_not_believed(tmp_path) -> None:
    made = write(plain(1000), tmp_path / "a", format="npy", shard_rows=300)
    before, journal = tree(made.path), made.path / "journal.jsonl"
    text = journal.read_text()
    first = text.index('"xxh64": "') + 10
    journal.write_text(text[:first] + ("1" if text[first] == "0" else "0") + text[first + 1 :])
    assert write(plain(1000), made.path, format="npy", shard_rows=300, resume=True).resumed == 0
    assert tree(made.path) == before


def test_a_whole_dataset_is_still_left_as_it_is(tmp_path) -> None:
    made = write(many(), tmp_path / "a", shard_rows=300)
    times = {place: place.stat().st_mtime_ns for place in made.path.rglob("*")}
    again = write(many(), made.path, shard_rows=300, resume=True)
    assert (again.resumed, again.bytes) == (again.shards, made.bytes)
    assert {place: place.stat().st_mtime_ns for place in made.path.rglob("*")} == times


def test_a_dataset_that_is_being_mended_is_not_whole(tmp_path) -> None:
    made = write(plain(1000), tmp_path / "a", format="npy", shard_rows=300)
    before = tree(made.path)
    (made.path / "shard-00000001.x.npy").unlink()

    def stop(_event):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(plain(1000), made.path, format="npy", shard_rows=300, resume=True, progress=stop)
    with pytest.raises(StoreError, match="the beginning of a dataset"):
        open_dataset(made.path)
    write(plain(1000), made.path, format="npy", shard_rows=300, resume=True)
    assert tree(made.path) == before


def test_overwrite_keeps_what_is_there_where_the_other_does_not_fit(tmp_path, monkeypatch) -> None:
    made = write(plain(1000), tmp_path / "a", shard_rows=300)
    before, size = tree(made.path), sum(place.stat().st_size for place in made.path.iterdir())
    monkeypatch.setattr(
        shutil, "disk_usage", lambda _: SimpleNamespace(free=10 + size * (not any(made.path.glob("shard*"))))
    )
    with pytest.raises(StoreError, match="its disk has"):
        write(plain(9000), made.path, shard_rows=300, overwrite=True)
    assert tree(made.path) == before
    assert same(open_dataset(made.path).batch(range(5)), plain(1000).batch(range(5)))
    # what is taken away is room for what comes
    assert write(plain(900), made.path, shard_rows=200, overwrite=True).rows == 900
    assert verify(made.path).ok


def test_verify_names_a_part_without_files(tmp_path) -> None:
    spec = {"lookback": 12, "split": {"parts": {"train": 0.6, "test": 0.4}}}
    parts = {name: dataset(bars(300), 400, spec, part=name) for name in ("train", "test")}
    write_recipe(parts, tmp_path / "run" / "recipe")
    assert verify(tmp_path / "run").ok  # a recipe alone is whole
    write(parts["train"], tmp_path / "run" / "samples" / "train", shard_rows=300)
    found = verify(tmp_path / "run")
    assert (found.ok, found.problems) == (False, ("samples: no files of part 'test'",))
    write(parts["test"], tmp_path / "run" / "samples" / "test", shard_rows=300)
    assert verify(tmp_path / "run", recompute=True).ok


def test_too_many_shards_are_refused_when_it_is_planned() -> None:
    with pytest.raises(BadInput, match=r"shards of 1\. Hint: larger shards"):
        plan_of(plain(10**9), "arrow", "zstd", 1)
