"""How every run goes: settings, a folder, the work, the summary, the report."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING, Any, TypeVar

from atomloom.app import config, interrupts
from atomloom.app.facts import provenance
from atomloom.app.options import Chatter, RunOptions, emit_json, say_result
from atomloom.app.runs import RunFolder, resuming
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from atomloom.engine.progress import Event

    Work = Callable[[RunFolder, Chatter], dict[str, Any]]
    Say = Callable[[RunFolder], list[tuple[str, str]]]

Settings = TypeVar("Settings")


def settled(run: RunOptions, defaults: Settings, command: str) -> Settings:
    """Find the settings of a run: those of the resumed run, or the defaults under the user's file.

    Raises
    ------
    BadInput
        The file or the folder does not fit the command.
    """
    if run.resume is None:
        return config.load(run.config, defaults) if run.config else defaults
    record = RunFolder.open(run.resume).record
    if record["command"] != command:
        hint = f"Hint: atomloom {' '.join(resuming(record['command']))} {run.resume}."
        raise BadInput(f"{run.resume} is a run of {record['command']!r}. {hint}")
    return config.update(defaults, record["config"], str(run.resume / "run.json"))


def source_of(run: RunOptions, file: Path | None) -> Path:
    """Give the file of a run: the one named, or that of the resumed run.

    Raises
    ------
    UsageError
        Neither is there.
    """
    import click  # noqa: PLC0415  # loaded with the options anyway

    if run.resume is not None:
        from pathlib import Path  # noqa: PLC0415  # same

        return Path(RunFolder.open(run.resume).record["source"])
    if file is None:
        raise click.UsageError("Missing argument 'FILE'.")
    return file


def execute(
    command: str, settings: Any, run: RunOptions, source: str, work: Work, say: Say, *, page: bool = True
) -> None:
    """Do the work of a run in a folder, new or resumed, and print the summary on stdout.

    Parameters
    ----------
    command : str
        Name of the subcommand, for the folder and for resuming.
    settings : spec
    run : RunOptions
    source : str
        Where the data come from, as the user named it.
    work : callable
        Does it, leaves files in the folder, gives the summary.
    say : callable
        Tells a finished run in pairs of a word and a text.
    page : bool
        Whether to draw the report now; `atomloom report` does it any time.
    """
    from atomloom.app.report import write_report  # noqa: PLC0415  # a run that draws none does without

    chatter = Chatter(quiet=run.quiet)
    if run.resume is not None:
        folder = RunFolder.open(run.resume)
        folder.event("resumed", **provenance())
    else:
        seed = 0 if run.seed is None else run.seed
        folder = RunFolder.create(command, config.to_dict(settings), out=run.out, seed=seed)
        folder.record["source"] = source
    if folder.record["status"] == "done":
        chatter.say(f"{folder.path} is done already; here is its summary")
        if not (folder.path / "report.html").is_file():  # killed after the numbers, before the page
            write_report(folder)
    else:
        chatter.say(f"run folder: {folder.path}")
        with folder.running():
            summary = work(folder, chatter)
            folder.finish({**summary, "seconds": folder.seconds()})
            if page:
                # Not a stage: a report that told its own time could not be rebuilt to the same bytes.
                began = time.monotonic()
                write_report(folder)
                folder.event("report written", seconds=round(time.monotonic() - began, 6))
    drawn = folder.path / "report.html"
    if run.as_json:
        emit_json(
            {"run": str(folder.path), "report": str(drawn) if drawn.is_file() else None, **folder.record["summary"]}
        )
    else:
        report = str(drawn) if drawn.is_file() else f"atomloom report {shlex.quote(str(folder.path))}"
        ends = [("time", f"{folder.record['summary']['seconds']:.1f} s"), ("report", report)]
        rows = [*say(folder), *ends]
        width = max(len(name) for name, _ in rows) + 1
        say_result("\n".join(f"{name:<{width}} {value}" for name, value in rows))


def listener_of(folder: RunFolder, run: RunOptions) -> Callable[[Event], None]:
    """Give the engine someone to tell its progress: the folder's log, and the terminal unless quiet."""
    from atomloom.engine.progress import listener, to_json  # noqa: PLC0415  # the engine, only when it runs

    draw = None if run.quiet else listener(None)

    def note(event: Event) -> None:
        interrupts.check()  # the longest stage: an interruption that was lost is found at its next event
        details = to_json(event)
        folder.event(details.pop("event"), **details)
        if draw is not None:
            draw(event)

    return note
