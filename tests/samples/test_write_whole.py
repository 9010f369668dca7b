"""The same files whoever writes them, killed or not; and what is damaged is found."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from files_to_try import FORMATS, WAYS, plain, tree

from atomloom.engine.progress import MoleculeDone, RunFinished, RunStarted
from atomloom.errors import StoreError
from atomloom.samples.formats import sink
from atomloom.samples.opening import open_dataset
from atomloom.samples.verifying import verify
from atomloom.samples.writing import write

HERE = Path(__file__).parent
CHILD = """
    import os, signal, sys
    sys.path.insert(0, {here!r})
    from files_to_try import plain
    from atomloom.samples.writing import write
    out, kind, jobs, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    inner, seen = os.pwrite, [0]
    def pwrite(*given):
        seen[0] += 1
        if seen[0] == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return inner(*given)
    os.pwrite = pwrite
    write(plain(n=4000), out, format=kind, shard_rows=200, n_jobs=jobs)
"""


@pytest.mark.parametrize(("kind", "compression"), WAYS)
def test_files_do_not_depend_on_jobs(tmp_path, kind, compression):
    trees = set()
    for jobs in (1, 2, 3, -1, -2, None):
        out = tmp_path / str(jobs)
        write(plain(n=2500), out, format=kind, compression=compression, shard_rows=400, n_jobs=jobs)
        trees.add(tree(out))
    assert len(trees) == 1


@pytest.mark.parametrize(
    ("kind", "jobs", "last"), [("arrow", 2, 3), ("npy", 3, 97), ("hdf5", 2, 61), ("zarr", 1, 40), ("mds", 2, 15)]
)
def test_killed_and_gone_on_with(tmp_path, kind, jobs, last):
    out, straight = tmp_path / "out", tmp_path / "straight"
    command = [sys.executable, "-c", textwrap.dedent(CHILD.format(here=str(HERE))), out, kind, str(jobs), str(last)]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    with pytest.raises(StoreError, match="resume=True"):
        open_dataset(out)
    lines = (out / "journal.jsonl").read_text().splitlines() if (out / "journal.jsonl").exists() else []
    begun = {place.name.split(".")[0] for place in out.glob("shard-*")}
    if kind != "zarr":
        assert len(begun) - len(lines) <= jobs  # what is made again
    done = write(plain(n=4000), out, format=kind, shard_rows=200, n_jobs=4 - jobs, resume=True)
    assert done.resumed == len(lines)
    write(plain(n=4000), straight, format=kind, shard_rows=200, n_jobs=1)
    assert tree(out) == tree(straight)
    assert verify(out, recompute=True).ok


def test_a_torn_line_of_the_journal_is_none(tmp_path):
    made = plain(n=1000)
    write(made, tmp_path / "straight", format="npy", shard_rows=100)
    stop_after(made, tmp_path / "out", 4)
    with (tmp_path / "out" / "journal.jsonl").open("r+b") as file:
        file.truncate(file.seek(0, os.SEEK_END) - 7)
    assert write(made, tmp_path / "out", format="npy", shard_rows=100, resume=True).resumed == 3
    assert tree(tmp_path / "out") == tree(tmp_path / "straight")


def stop_after(made, out, shards, **settings):
    """Write until so many shards are done, and interrupt."""

    def heard(event):
        if isinstance(event, MoleculeDone) and event.done == shards:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(made, out, **{"format": "npy", "shard_rows": 100, "progress": heard, **settings})


@pytest.mark.parametrize("jobs", [1, 3])
def test_interrupted_and_gone_on_with(tmp_path, jobs):
    made = plain(n=1000)
    stop_after(made, tmp_path / "out", 3, n_jobs=jobs)
    assert not list(tmp_path.rglob("*.tmp"))
    done = write(made, tmp_path / "out", format="npy", shard_rows=100, resume=True)
    assert 3 <= done.resumed <= 10  # threads have their next shards when the first ones are told of
    write(made, tmp_path / "straight", format="npy", shard_rows=100)
    assert tree(tmp_path / "out") == tree(tmp_path / "straight")


def test_a_whole_dataset_is_left_as_it_is(tmp_path):
    made = plain(n=500)
    write(made, tmp_path, shard_rows=100)
    before = {place: place.stat().st_mtime_ns for place in tmp_path.rglob("*")}
    assert write(made, tmp_path, shard_rows=100, resume=True).resumed == 5
    assert before == {place: place.stat().st_mtime_ns for place in tmp_path.rglob("*")}


def test_a_lost_shard_is_made_again(tmp_path):
    made = plain(n=500)
    write(made, tmp_path, shard_rows=100)
    before = tree(tmp_path)
    (tmp_path / "shard-00000002.arrow").unlink()
    assert write(made, tmp_path, shard_rows=100, resume=True).resumed == 4
    assert tree(tmp_path) == before


def test_progress_is_told(tmp_path):
    events = []
    write(plain(n=500), tmp_path, shard_rows=100, n_jobs=2, progress=events.append)
    assert isinstance(events[0], RunStarted)
    assert events[0].molecules == 5
    assert sorted(event.molecule for event in events[1:-1]) == [0, 1, 2, 3, 4]
    assert sum(event.share for event in events[1:-1]) == pytest.approx(1.0)
    assert events[-1] == RunFinished("done", events[-1].seconds)


@pytest.mark.parametrize(("kind", "compression"), WAYS)
def test_a_flipped_bit_is_found_wherever_it_is(tmp_path, kind, compression):
    write(plain(n=900), tmp_path, format=kind, compression=compression, shard_rows=400)
    rng = np.random.default_rng(3)
    for place in sorted(path for path in tmp_path.rglob("*") if path.is_file() and path.name != "manifest.json"):
        content = place.read_bytes()
        damaged = bytearray(content)
        damaged[int(rng.integers(len(damaged)))] ^= 1 << int(rng.integers(8))
        place.write_bytes(damaged)
        found = verify(tmp_path, n_jobs=2)
        name = str(place.relative_to(tmp_path))
        assert not found.ok
        assert any(name in problem for problem in found.problems), (name, found.problems)
        assert name in found.summary()
        place.write_bytes(content)
    assert verify(tmp_path).ok


def test_a_flipped_bit_of_the_manifest_is_found(tmp_path):
    write(plain(n=300), tmp_path, format="npy")
    place, rng = tmp_path / "manifest.json", np.random.default_rng(4)
    content = place.read_bytes()
    for at in rng.integers(len(content), size=60):
        damaged = bytearray(content)
        damaged[at] ^= 1 << int(rng.integers(8))
        place.write_bytes(damaged)
        with pytest.raises(StoreError, match="Hint"):
            open_dataset(tmp_path)


def test_short_and_missing_shards_are_named(tmp_path):
    write(plain(n=900), tmp_path, shard_rows=300)
    with (tmp_path / "shard-00000001.arrow").open("r+b") as file:
        file.truncate(1000)
    (tmp_path / "shard-00000002.arrow").unlink()
    found = verify(tmp_path)
    assert len(found.problems) == 2
    assert found.problems[0].startswith("shard-00000001.arrow (shard 1): 1,000 bytes of ")
    assert found.problems[1] == "shard-00000002.arrow (shard 2): No such file or directory"
    assert json.loads(json.dumps(found.to_dict()))["problems"] == list(found.problems)
    with pytest.raises(StoreError, match=r"shard 2 .* cannot be read: .* Hint: verify"):
        open_dataset(tmp_path).batch([700])
    with pytest.raises(StoreError, match=r"shard 1 .* cannot be read"):
        open_dataset(tmp_path).batch([400])


def test_rows_that_the_recipe_does_not_give_are_found(tmp_path):
    made = plain(n=900)
    write(made, tmp_path / "a", format="npy", shard_rows=300)
    write(plain(n=900, seed=6), tmp_path / "b", format="npy", shard_rows=300)
    for place in (tmp_path / "a").glob("shard-00000001.*"):
        place.write_bytes((tmp_path / "b" / place.name).read_bytes())
    journal = (tmp_path / "a" / "journal.jsonl").read_text().splitlines()
    journal[1] = (tmp_path / "b" / "journal.jsonl").read_text().splitlines()[1]
    (tmp_path / "a" / "journal.jsonl").write_text("\n".join(journal) + "\n")
    manifest = json.loads((tmp_path / "a" / "manifest.json").read_text())
    from atomloom.samples.formats.hashing import hash_of
    from atomloom.samples.manifest import put_manifest

    put_manifest(tmp_path / "a", {**manifest, "journal": hash_of((tmp_path / "a" / "journal.jsonl").read_bytes())})
    assert verify(tmp_path / "a").ok  # all hashes fit
    found = verify(tmp_path / "a", recompute=True)
    assert found.problems == ("shard 1: idx of samples 300 to 599 is not the recipe's",) or (
        len(found.problems) == 1 and found.problems[0].startswith("shard 1: x of samples 300 to 599")
    )


class Full:
    """A disk that takes so many writes."""

    def __init__(self, room, monkeypatch, name="pwrite"):
        self.room, self.inner = room, getattr(os, name)
        monkeypatch.setattr(sink.os, name, self)

    def __call__(self, *given):
        self.room -= 1
        if self.room < 0:
            raise OSError(28, "No space left on device")
        return self.inner(*given)


@pytest.mark.parametrize("name", ["pwrite", "fsync"])
@pytest.mark.parametrize(("kind", "compression"), [*FORMATS, ("hdf5", "zstd")])
def test_a_full_disk(tmp_path, monkeypatch, kind, compression, name):
    made, out = plain(n=2000), tmp_path / "out"
    settings = {"format": kind, "compression": compression, "shard_rows": 200}
    for room in (0, 5, 17, 25):
        refused = None
        with monkeypatch.context() as patch:
            disk = Full(room, patch, name)
            try:
                write(made, out, n_jobs=2, resume=room > 0, **settings)
            except StoreError as error:
                refused = str(error)
        assert (refused is None) == (disk.room >= 0)
        if refused is not None:
            assert "No space left on device. Hint: free some space, and call again with resume=True" in refused
        assert not list(tmp_path.rglob("*.tmp"))
        assert room > 0 or not out.exists()
    write(made, out, resume=True, **settings)
    write(made, tmp_path / "straight", **settings)
    assert tree(out) == tree(tmp_path / "straight")


LIMITED = """
    import resource, sys
    sys.path.insert(0, {here!r})
    from files_to_try import WAYS, plain
    from atomloom.errors import StoreError
    from atomloom.samples.writing import write
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    for kind, compression in WAYS:
        try:
            write(plain(n=3000, lookback=40), f"{{sys.argv[1]}}/{{kind}}-{{compression}}", format=kind,
                  compression=compression, n_jobs=2, shard_rows=1500)
        except StoreError as error:
            print("refused", str(error).partition("could not be written: ")[2])
        else:
            print("written")
"""


def test_a_limit_that_the_system_sets(tmp_path):
    """Writes of HDF5 itself fail here, too."""
    command = [sys.executable, "-c", textwrap.dedent(LIMITED.format(here=str(HERE))), tmp_path]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    lines = ended.stdout.splitlines()
    assert len(lines) == len(WAYS), ended.stderr
    assert ended.returncode == 0
    assert {line.split()[0] for line in lines} == {"refused"}, lines
    assert all("Hint: fewer shard_rows" in line for line in lines), lines
    assert not list(tmp_path.rglob("*.tmp"))
