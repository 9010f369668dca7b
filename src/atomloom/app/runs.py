"""Run folders: one run, one folder - what was asked, on what machine, what happened, what came out."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from atomloom.app import interrupts
from atomloom.app.facts import provenance
from atomloom.app.options import plain
from atomloom.errors import BadInput, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pandas as pd
    from numpy.typing import NDArray

FORMAT = 1
_GROUPS = ("samples",)  # commands that have commands
_BEGUN = ("read trades", "recipe")  # stages behind which there is work that a new run would not go on with


def config_hash(command: str, config: dict[str, Any], seed: int | None) -> str:
    """Digest what was asked for: equal hashes mean equal command, settings and seed.

    Examples
    --------
    >>> config_hash("vpin", {"a": 1, "b": 2}, 0) == config_hash("vpin", {"b": 2, "a": 1}, 0)
    True
    """
    asked = json.dumps({"command": command, "config": plain(config), "seed": seed}, sort_keys=True)
    return hashlib.sha256(asked.encode()).hexdigest()[:16]


def resuming(command: str) -> tuple[str, str]:
    """Say how a run of a command is resumed: by an option, or by a command of its own where there are several.

    Examples
    --------
    >>> resuming("vpin"), resuming("samples")
    (('vpin', '--resume'), ('samples', 'resume'))
    """
    return command, "resume" if command in _GROUPS else "--resume"


class RunFolder:
    """A folder with ``run.json``, ``events.jsonl``, result files and ``report.html``.

    Every file but the event log appears whole or not at all (written beside, then renamed).

    Attributes
    ----------
    path : Path
        The folder, as the user may type it.
    record : dict
        The content of ``run.json``: format, command, command_line, created, status
        (``running``, ``done``, ``failed``, ``interrupted``), config, seed, config_hash,
        versions, machine, stages (name, seconds), summary.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     run = RunFolder.create("demo", {"bars": 30}, out=Path(folder, "first"), seed=0)
    ...     with run.stage("sum"):
    ...         total = sum(range(10))
    ...     run.finish({"total": total})
    ...     RunFolder.open(run.path).record["summary"]
    {'total': 45}
    """

    def __init__(self, path: Path, record: dict[str, Any]) -> None:
        self.path = path
        self.record = record
        self._began = time.monotonic()

    @classmethod
    def create(
        cls, command: str, config: dict[str, Any], out: Path | None = None, seed: int | None = None
    ) -> RunFolder:
        """Make a new folder: ``out``, or ``runs/<UTC time>-<command>-<short hash>``.

        Raises
        ------
        BadInput
            ``out`` holds something else than a run that failed before it had trades, or the recipe of samples.
        """
        interrupts.check()
        now = datetime.now(UTC)
        digest = config_hash(command, config, seed)
        path = _new_folder(f"{now:%Y%m%dT%H%M%SZ}-{command}-{digest[:6]}") if out is None else _given_folder(out)
        record = {
            "format": FORMAT,
            "command": command,
            "command_line": shlex.join(["atomloom", *sys.argv[1:]]),
            "created": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "status": "running",
            "config": plain(config),
            "seed": seed,
            "config_hash": digest,
            **provenance(),
            "stages": [],
            "summary": {},
        }
        run = cls(path, record)
        run.save()
        run.event("created")
        return run

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Open an existing run folder.

        Raises
        ------
        BadInput
            The folder has no ``run.json`` of a format this version reads.
        """
        file = path / "run.json"
        try:
            record = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BadInput(f"{path} is no run folder: it has no run.json. Hint: give a folder made by a run.") from None
        except ValueError as error:
            raise BadInput(f"{file} cannot be read: {error}.") from None
        seen = record.get("format") if isinstance(record, dict) else None
        if seen != FORMAT:
            raise BadInput(f"{file} has format {seen!r}; this version of atomloom reads format {FORMAT}.")
        return cls(path, record)

    def save(self) -> None:
        """Write ``run.json``."""
        self.write_text("run.json", json.dumps(plain(self.record), indent=2) + "\n")

    def event(self, kind: str, **details: Any) -> None:
        """Append one line to ``events.jsonl``; ``at`` is seconds since this process took up the run."""
        row = {"at": round(time.monotonic() - self._began, 6), "event": kind, **plain(details)}
        with (self.path / "events.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage of the run and record it; a resumed run replaces the time of the stage it repeats."""
        interrupts.check()
        start = time.monotonic()
        self.event("stage started", stage=name)
        yield
        row = {"name": name, "start": round(start - self._began, 6), "seconds": round(time.monotonic() - start, 6)}
        self.record["stages"] = [old for old in self.record["stages"] if old["name"] != name] + [row]
        self.save()
        self.event("stage finished", stage=name, seconds=row["seconds"])
        interrupts.check()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Guard the whole run: an error or an interruption is recorded, and the way to go on is said.

        SIGTERM is taken like Ctrl-C, and neither is lost where Python drops the exception: the next stage raises it.
        """
        self.record["status"] = "running"
        self.save()
        try:
            with interrupts.guarded():
                interrupts.check()
                yield
        except KeyboardInterrupt:
            self._stop("interrupted", "KeyboardInterrupt")
            again = shlex.join(["atomloom", *resuming(self.record["command"]), str(self.path)])
            click.echo(f"interrupted. Resume with: {again}", err=True)
            raise
        except BaseException as error:
            self._stop("failed", f"{type(error).__name__}: {error}")
            raise

    def finish(self, summary: dict[str, Any]) -> None:
        """Record the summary and mark the run done."""
        interrupts.check()
        self.record["summary"] = plain(summary)
        self._stop("done", None)

    def write_text(self, name: str, text: str) -> None:
        """Write a file of the folder atomically."""
        self.write_bytes(name, text.encode("utf-8"))

    def write_bytes(self, name: str, content: bytes) -> None:
        """Write a file of the folder atomically."""
        target = self.path / name
        beside = target.with_name(f".{name}.{os.getpid()}.part")
        try:
            beside.write_bytes(content)
            beside.replace(target)
        finally:
            beside.unlink(missing_ok=True)

    def write_lines(self, name: str, rows: Iterable[dict[str, Any]]) -> None:
        """Write one JSON object per line."""
        self.write_text(name, "".join(json.dumps(plain(row)) + "\n" for row in rows))

    def seconds(self) -> float:
        """Add up the time of all stages."""
        return float(sum(row["seconds"] for row in self.record["stages"]))

    def write_frame(self, name: str, frame: pd.DataFrame) -> None:
        """Write a table as CSV, floats with all their digits, times as ISO 8601."""
        self.write_text(name, frame.to_csv(index=False, lineterminator="\n"))

    def read_frame(self, name: str, times: tuple[str, ...] = ()) -> pd.DataFrame:
        """Read a table back with the same bits.

        Raises
        ------
        StoreError
            The table is not in the folder.
        """
        import pandas as pd  # noqa: PLC0415  # half a second that the command line does not owe

        file = self.path / name
        if not file.is_file():
            raise StoreError(f"{file} is missing; the run is {self.record['status']}. Hint: finish it with --resume.")
        frame = pd.read_csv(file, dtype=str, keep_default_na=False)
        return pd.DataFrame(
            {
                name: pd.to_datetime(column, format="ISO8601")
                if name in times
                else _typed(column.to_numpy(dtype=object))
                for name, column in frame.items()
            }
        )

    def _stop(self, status: str, error: str | None) -> None:
        self.record["status"] = status
        self.record.pop("error", None)
        if error is not None:
            self.record["error"] = error
        self.save()
        self.event(status)


def _typed(texts: NDArray[Any]) -> NDArray[Any]:
    """Read a column as integers or else floats, every bit as written (pandas' fast parser rounds), or leave it text."""
    with contextlib.suppress(ValueError):
        return texts.astype("int64")
    with contextlib.suppress(ValueError):
        filled = texts.copy()
        filled[filled == ""] = "nan"
        return filled.astype("float64")
    return texts


def _new_folder(name: str) -> Path:
    for attempt in range(1, 1000):
        path = Path("runs", name if attempt == 1 else f"{name}-{attempt}")
        with contextlib.suppress(FileExistsError):  # another run of this second: take the next name
            path.mkdir(parents=True)
            return path
    raise StoreError(f"runs/{name} and 998 like it exist already. Hint: give a folder with --out.")


def _given_folder(out: Path) -> Path:
    """Take a new or empty folder, or that of a run that failed on its input: mended options deserve its name."""
    failed = _status(out) == "failed"
    if failed and not any(row["name"] in _BEGUN for row in RunFolder.open(out).record["stages"]):
        for name in ("events.jsonl", "rejects.csv", "trades.h5"):
            (out / name).unlink(missing_ok=True)
    elif failed:
        raise BadInput(
            f"--out {out} holds a run that failed. Hint: name a new folder, or delete this one; "
            f"--resume {out} tries again with the settings of the run."
        )
    elif out.exists() and any(out.iterdir()):
        raise BadInput(
            f"--out {out} is not empty. Hint: --resume {out} goes on with the run in it, or name a new folder."
        )
    out.mkdir(parents=True, exist_ok=True)
    return out


def _status(path: Path) -> str | None:
    with contextlib.suppress(BadInput):
        return str(RunFolder.open(path).record.get("status"))
    return None
