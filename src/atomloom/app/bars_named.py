"""Bars that a recipe names instead of copying: by path, digest, and how they are read."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from atomloom.app import bars_input
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from atomloom.app.samples_settings import SamplesSettings


def name(settings: SamplesSettings, folder: Path) -> dict[str, Any]:
    """Name the bars of some settings.

    Parameters
    ----------
    settings : SamplesSettings
    folder : Path
        Of the recipe: where files are is said from there too, so that all may move together.

    Returns
    -------
    dict
        "files", each with "path" (as it was given), "from_here", "sha256" and "bytes"; and how they are read.
    """
    from atomloom.app.sources import is_store  # noqa: PLC0415  # with click behind it

    how = settings.bars
    files, stores = [], 0
    for given in settings.data or (bars_input.TRADES,):
        own = bars_input.is_embedded(given)
        path = bars_input.embedded_file(given) if own else Path(given)
        row = {"path": given, "sha256": _hash(path), "bytes": path.stat().st_size}
        stores += not own and is_store(path)
        if not own:
            row["from_here"] = os.path.relpath(path.absolute(), folder.absolute())
        files.append(row)
    timeframe = how.timeframe or (bars_input.STORE_TIMEFRAME if stores else "")
    return {
        "files": files, "timeframe": timeframe, "symbols": list(how.symbols), "tz": how.tz, "nan": how.nan,
        "bad_bars": how.bad_bars,
    }  # fmt: skip


def read_again(named: Mapping[str, Any], folder: Path, channels: Sequence[str]) -> Any:
    """Read the bars that a recipe names.

    Raises
    ------
    BadInput
        For a file that is not there, or is another now.
    """
    from atomloom.app.samples_settings import BarSource  # noqa: PLC0415  # only here

    data = [_found(row, folder) for row in named["files"]]
    own = {each: named[each] for each in ("timeframe", "tz", "nan", "bad_bars")}
    return bars_input.read(data, BarSource(**own, symbols=tuple(named["symbols"])), channels).data


def _found(row: Mapping[str, Any], folder: Path) -> str:
    """Find a file that was named, where it was given or beside the recipe; it must be as it was."""
    given = str(row["path"])
    if "from_here" not in row:
        places = [bars_input.embedded_file(given)]
    else:
        places = [Path(given), Path(os.path.normpath(folder.absolute() / str(row["from_here"])))]
    there = [place for place in places if place.is_file()]
    if not there:
        raise BadInput(f"{given}, which {folder} names, does not exist. Hint: put it back, or make a new recipe.")
    for place in there:
        if _hash(place) == row["sha256"]:
            return given if "from_here" not in row else str(place)
    message = f"{given} is not the file that {folder} names: it has other bytes (sha256 {row['sha256'][:12]}... then)"
    raise BadInput(f"{message}. Hint: the file as it was, or make a new recipe.")


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
