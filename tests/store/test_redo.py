"""A log belongs to one state of one store: to no other file is it applied, and it is never lost in silence."""

from __future__ import annotations

import os
import shutil
import struct

import h5py
import numpy as np
import pytest

from atomloom.errors import StoreError
from atomloom.store import Trades, open_store, read_trades, redo_log, verify
from atomloom.store import redo as redo_module
from atomloom.store.codec import checksum
from atomloom.store.redo_log import owner_of
from store.made import make, same


class Dead(BaseException):
    """A machine that dies."""


def die_in_a_commit(path, monkeypatch, do, pages=0):
    """Leave what a machine leaves that dies when the log of a commit is whole and some of its pages are in place."""

    def dying(descriptor, log):
        for number, page in sorted(log.pages.items())[:pages]:
            os.pwrite(descriptor, bytes(page), number * redo_log.PAGE)
        raise Dead

    with monkeypatch.context() as patch:
        patch.setattr(redo_module, "apply", dying)
        patch.setattr(redo_module.RedoFile, "discard", lambda _: None)
        with pytest.raises(Dead), open_store(path, "a") as store:
            do(store)
    log = path.with_name(f"{path.name}.redo")
    assert log.exists()
    return log


def first(path):
    with open_store(path, "a") as store:
        store.append(make(400).rows(0, 100))


def more(store):
    store.append(make(400).rows(100, 400))


@pytest.mark.parametrize("mode", ["r", "a", "w"])
@pytest.mark.parametrize("twin", ["same trades", "more trades", "other trades", "empty"])
def test_a_log_is_not_applied_to_another_store_of_that_name(tmp_path, monkeypatch, twin, mode):
    path = tmp_path / "t.h5"
    first(path)
    log = die_in_a_commit(path, monkeypatch, more)
    path.rename(tmp_path / "moved.h5")
    kept = log.read_bytes()
    log.rename(tmp_path / "aside")
    with open_store(path, "a") as store:  # another store gets the name
        if twin != "empty":
            store.append(make(5000, seed=1) if twin == "other trades" else make(400).rows(0, 100))
        if twin == "more trades":
            store.append(make(400).rows(100, 400))
    (tmp_path / "aside").rename(log)
    before = path.read_bytes()
    with pytest.raises(
        StoreError, match=r"t\.h5\.redo is the unfinished commit of another store.*Hint: .*move"
    ) as told:
        open_store(path, mode)
    assert "t.h5" in str(told.value)
    assert (path.read_bytes(), log.read_bytes()) == (before, kept)
    log.rename(tmp_path / "moved.h5.redo")  # as the hint says
    same(read_trades(tmp_path / "moved.h5"), make(400))
    assert path.read_bytes() == before
    open_store(path, mode).close()


def test_a_log_of_an_earlier_state_of_the_store_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "t.h5"
    first(path)
    log = die_in_a_commit(path, monkeypatch, more)
    shutil.copy(log, tmp_path / "old log")
    same(read_trades(path), make(400))  # the commit is brought in ...
    with open_store(path, "a") as store:
        store.append(Trades([10**18], [1], [1], 0.25, "ES"))
    shutil.copy(tmp_path / "old log", log)  # ... and its log comes back, from a backup say
    with pytest.raises(StoreError, match="another state of"):
        read_trades(path)
    log.unlink()
    assert len(read_trades(path)) == 401


@pytest.mark.parametrize("mode", ["a", "w"])
def test_no_store_is_made_beside_the_log_of_another(tmp_path, monkeypatch, mode):
    path = tmp_path / "t.h5"
    first(path)
    log = die_in_a_commit(path, monkeypatch, more)
    path.rename(tmp_path / "moved.h5")
    with pytest.raises(StoreError, match=r"unfinished commit of another store.*Hint"):
        open_store(path, mode)
    assert not path.exists()
    assert log.exists()


def test_a_store_made_anew_takes_its_own_log_with_it(tmp_path, monkeypatch):
    path = tmp_path / "t.h5"
    first(path)
    log = die_in_a_commit(path, monkeypatch, more)
    with open_store(path, "w") as store:
        assert store.symbols == []
    assert not log.exists()


@pytest.mark.parametrize("torn", [None, 512, 1536])
@pytest.mark.parametrize("pages", [0, 1, 3, 100])
def test_a_half_applied_log_is_still_the_one_of_its_file(tmp_path, monkeypatch, pages, torn):
    path = tmp_path / "t.h5"
    first(path)
    log = die_in_a_commit(path, monkeypatch, more, pages=pages)
    if torn:  # a page that was on its way when the power went: some of its sectors are new
        found = redo_log.read_log(log)
        number = sorted(found.pages)[min(pages, len(found.pages) - 1)]
        with path.open("r+b") as file:
            file.seek(number * redo_log.PAGE)
            file.write(bytes(found.pages[number])[:torn])
    same(read_trades(path), make(400))
    assert verify(path).ok
    assert not log.exists()


def test_a_shrinking_commit_is_recognised_too(tmp_path, monkeypatch):
    path = tmp_path / "t.h5"
    first(path)
    with open_store(path, "a") as store:
        store.append(make(200_000, symbol="NQ"))
    for pages in (0, 2, 1000):
        shutil.copy(path, tmp_path / f"{pages}.h5")
        die_in_a_commit(tmp_path / f"{pages}.h5", monkeypatch, lambda store: store.drop("NQ"), pages=pages)
        with open_store(tmp_path / f"{pages}.h5") as store:
            assert store.symbols == ["ES"]
        assert verify(tmp_path / f"{pages}.h5").ok


def test_stores_without_an_id_are_told_apart_by_what_is_in_them(tmp_path, monkeypatch):
    """Those of earlier versions."""
    path, other = tmp_path / "t.h5", tmp_path / "u.h5"
    for each, trades in ((path, make(400).rows(0, 100)), (other, make(5000, seed=1))):
        with open_store(each, "a") as store:
            store.append(trades)
        with h5py.File(each, "r+", libver=("v110", "v110")) as file:
            del file.attrs["id"]
    with path.open("rb") as file:
        assert owner_of(file.fileno()) == b""
    log = die_in_a_commit(path, monkeypatch, more)
    shutil.copy(log, tmp_path / "u.h5.redo")
    with pytest.raises(StoreError, match="another"):
        read_trades(other)
    same(read_trades(path), make(400))


def test_the_log_of_an_earlier_version_is_brought_in(tmp_path, monkeypatch):
    """It told neither id nor state: only what begins alike and is long enough can be meant."""
    path = tmp_path / "t.h5"
    first(path)
    log = die_in_a_commit(path, monkeypatch, more)
    found = redo_log.read_log(log)
    body = b"".join(struct.pack("<q", number) + bytes(page) for number, page in sorted(found.pages.items()))
    told = struct.pack("<qq", found.length, len(found.pages))
    log.write_bytes(b"ATOMREDO" + told + struct.pack("<Q", checksum(told + body)) + body)
    for name, content in (("u.h5", b"\x89HDF no more" * 100_000), ("v.h5", path.read_bytes()[:4096])):
        (tmp_path / name).write_bytes(content)
        shutil.copy(log, tmp_path / f"{name}.redo")
        with pytest.raises(StoreError, match="of another store"):
            read_trades(tmp_path / name)
    same(read_trades(path), make(400))
    assert verify(path).ok
    assert not log.exists()


def test_a_file_called_like_a_log_is_none(tmp_path):
    path = tmp_path / "t.h5"
    first(path)
    strange = tmp_path / "t.h5.redo"
    strange.write_text("my notes on what to do again")
    with pytest.raises(StoreError, match=r"is no log.*Hint"):
        read_trades(path)
    assert strange.read_text().startswith("my notes")


def test_every_store_has_an_id_of_its_own_which_stays(tmp_path):
    ids = set()
    for name in ("a.h5", "b.h5"):
        path = tmp_path / name
        for k in range(30):
            with open_store(path, "a") as store:
                store.append(make(50, symbol=f"S{k}", venues=3))
            with path.open("rb") as raw, h5py.File(path) as file:
                assert owner_of(raw.fileno()) == np.bytes_(file.attrs["id"])
                ids.add(owner_of(raw.fileno()))
    assert len(ids) == 2
    assert b"" not in ids
