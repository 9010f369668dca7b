"""The folder that a dataset is written to: whose it is, what is there already, and taking it away again."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomloom.engine.budget import show_size
from atomloom.errors import BadInput, StoreError
from atomloom.samples.formats.hashing import hash_of
from atomloom.samples.formats.known import format_of
from atomloom.samples.formats.sink import entry_of, put
from atomloom.samples.manifest import MANIFEST, check_same, layout_of, put_manifest, read_manifest
from atomloom.samples.shards import JOURNAL, ShardEntry, read_journal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HINTS = {
    errno.ENOSPC: "free some space, and call again with resume=True: what was finished is kept",
    errno.EDQUOT: "free some space of your quota, and call again with resume=True: what was finished is kept",
    errno.EACCES: "a folder that you may write to",
    errno.EPERM: "a folder that you may write to",
    errno.EROFS: "a folder on a disk that can be written to",
    errno.ENOTDIR: "a folder, not a file",
    errno.EEXIST: "a folder, not a file",
    errno.EFBIG: "fewer shard_rows: files may not be that large here",
    errno.EMFILE: "fewer n_jobs, or `ulimit -n` higher",
}


def fault(error: OSError, folder: Path) -> StoreError:
    """Say what a failed write means, and what to do."""
    seen = os.strerror(error.errno) if error.errno else str(error)
    hint = _HINTS.get(error.errno or 0, "mend that, and call again with resume=True")
    return StoreError(f"{folder} could not be written: {seen}. Hint: {hint}.")


@contextlib.contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Make a folder, and keep other writers out of it; it goes again where nothing was put into it.

    Raises
    ------
    StoreError
        Where another process or thread writes to it, or it cannot be made.
    """
    try:
        made = not folder.exists()
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise fault(error, folder) from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            message = f"{folder} is being written to by another call"
            raise StoreError(f"{message}. Hint: wait for it, or write to another folder.") from error
        yield
        os.fsync(handle)
    except BaseException:
        if made:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only where it is empty
        raise
    finally:
        os.close(handle)


def begin(folder: Path, manifest: Mapping[str, Any], *, resume: bool, overwrite: bool) -> dict[int, ShardEntry]:
    """Look at what is in a folder, and make it ready; gives the shards that are there already.

    A dataset that was whole, and of which a file is gone or damaged, is no longer called whole.

    Raises
    ------
    BadInput
        Where something else is there, or a dataset that is not to be gone on with.
    """
    names = {place.name for place in folder.iterdir()}
    if MANIFEST not in names:
        others = sorted(names - {f"{MANIFEST}.tmp"})
        if others:
            message = f"{folder} holds something else than samples ({others[0]!r})"
            raise BadInput(f"{message}. Hint: a new folder, or an empty one.")
        put_manifest(folder, manifest)
        return {}
    old = read_manifest(folder)
    if overwrite:
        clear(folder, old)
        put_manifest(folder, manifest)
        return {}
    if not resume:
        state = "a dataset" if old["complete"] else "the beginning of a dataset"
        hint = "write to another folder" if old["complete"] else "pass resume=True to go on with it"
        raise BadInput(f"{folder} holds {state} already. Hint: {hint}, or overwrite=True.")
    check_same(folder, old, manifest)
    named = read_journal(folder)
    there = {shard: entry for shard, entry in named.items() if _there(folder, entry)}
    if old["complete"]:
        wrong = beside(folder, old, named)
        if not wrong and len(there) == old["shards"]:
            return there
        put_manifest(folder, {**manifest, "complete": False})
        if JOURNAL in wrong:  # sizes and hashes of a damaged one are worth nothing
            (folder / JOURNAL).unlink(missing_ok=True)
            return {}
    return there


def beside(folder: Path, manifest: Mapping[str, Any], entries: Mapping[int, ShardEntry]) -> dict[str, str]:
    """Look at what is beside the shards of a whole dataset: the journal, the series, what describes or lists all.

    Returns
    -------
    dict of str to str
        By the name of each file that is not as it was written: what is wrong with it.
    """
    made, layout = format_of(manifest["format"]), layout_of(manifest)
    wanted = {JOURNAL: manifest["journal"], **manifest["series"]}
    wanted |= {name: hash_of(content) for name, content in made.standing(layout).items()}
    if len(entries) == layout.shards:
        ordered = [entries[shard].files for shard in range(layout.shards) if shard in entries]
        wanted |= {name: hash_of(content) for name, content in made.closing(layout, ordered).items()}
    wrong = {}
    for name, digest in wanted.items():
        try:
            if entry_of(folder / name).xxh64 != digest:
                wrong[name] = "not as it was written"
        except OSError as error:
            wrong[name] = str(error.strerror)
    return wrong


def describe(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Put small files that are not there yet."""
    for name, content in contents.items():
        place = folder / name
        if not place.exists() or place.read_bytes() != content:
            put(place, content)


def check_space(folder: Path, needed: int, freed: int = 0) -> None:
    """Refuse what cannot fit on the disk, before anything is written, or taken away to make room.

    Parameters
    ----------
    folder : Path
        It need not be there yet.
    needed, freed : int
        Bytes; what will be taken away before counts as free.

    Raises
    ------
    StoreError
    """
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    free = shutil.disk_usage(there).free + freed
    if needed > free:
        message = f"{folder} needs {show_size(needed)}, and its disk has {show_size(free)} free"
        raise StoreError(f"{message}. Hint: fewer samples, another disk, or no files: the recipe computes them again.")


def held(folder: Path) -> int:
    """Give the bytes that :func:`clear` would free."""
    if not (folder / MANIFEST).exists():
        return 0
    size = 0
    for name in _own(read_manifest(folder)):
        with contextlib.suppress(OSError):
            size += (folder / name).stat().st_size
    return size


def _own(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Name the files of a dataset but for its manifest."""
    layout, made = layout_of(manifest), format_of(manifest["format"])
    yield from (*made.standing(layout), *made.index_names, *manifest["series"], JOURNAL)
    for shard in range(layout.shards):
        yield from made.files(layout, shard)


def clear(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Take a dataset away: its own files, and folders that are empty then; the manifest goes last."""
    put_manifest(folder, {**manifest, "complete": False})
    folders = set()
    for name in _own(manifest):
        place = folder / name
        place.unlink(missing_ok=True)
        place.with_name(f"{place.name}.tmp").unlink(missing_ok=True)
        folders |= {folder / parent for parent in Path(name).parents if parent != Path()}
    for each in sorted(folders, key=lambda each: -len(each.parts)):
        with contextlib.suppress(OSError):
            each.rmdir()
    (folder / MANIFEST).unlink()


def discard(place: Path) -> None:
    """Take away a file that was not finished; its room is free at once, even where a library has it open."""
    with contextlib.suppress(FileNotFoundError):
        with contextlib.suppress(PermissionError):
            os.truncate(place, 0)
        place.unlink()


def _there(folder: Path, entry: ShardEntry) -> bool:
    """Whether all files of a shard are there in their size."""
    for each in entry.files:
        try:
            if (folder / each.name).stat().st_size != each.bytes:
                return False
        except OSError:
            return False
    return True
