"""The ``atomloom`` command: finds the subcommand, runs it, and turns errors into exit codes."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from typing import TYPE_CHECKING

import click

import atomloom
from atomloom.app.options import mark
from atomloom.errors import AtomloomError, BadInput, Infeasible, MissingExtra, OverBudget

if TYPE_CHECKING:
    from collections.abc import Sequence

DONE, FAILED, USAGE, MISSING, REFUSED, INTERRUPTED = 0, 1, 2, 3, 4, 130

# Each command lives in the module of its name, as `command`; it is imported when asked for.
COMMANDS = (
    "bars", "calibrate", "demo", "doctor", "hhi", "ingest", "report", "samples", "spectrum", "store", "sweep",
    "trajectory", "vpin",
)  # fmt: skip


class _Commands(click.Group):
    """A group whose commands are modules of this room."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            import difflib  # noqa: PLC0415  # only a misspelling pays for it

            near = difflib.get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {name!r}.{hint} The commands are: {', '.join(COMMANDS)}.")
        found: click.Command = importlib.import_module(f"atomloom.app.{name}").command
        found.name = name
        return found


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(atomloom.__version__, prog_name="atomloom")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, *, debug: bool) -> None:
    """High-performance computing for financial machine learning.

    Start with `atomloom demo`; look at the machine with `atomloom doctor`.
    """
    ctx.obj["debug"] = debug


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code; errors become one clear line on stderr.

    Returns
    -------
    int
        0 done, 1 ran and failed, 2 usage or bad input, 3 extra or resource missing,
        4 refused (over budget), 130 interrupted.

    Examples
    --------
    >>> run(["--version"])
    atomloom, version ...
    0
    """
    state: dict[str, bool] = {"debug": False}
    try:
        given = cli.main(list(arguments), prog_name="atomloom", standalone_mode=False, obj=state)
    except click.ClickException as error:
        error.show()
        return USAGE
    except click.Abort:
        return INTERRUPTED
    except (AtomloomError, OSError) as error:
        if state["debug"]:
            import traceback  # noqa: PLC0415  # only --debug pays for it

            traceback.print_exc()
        click.echo(f"{mark('error', 'red')}: {_line(error)}", err=True)
        return exit_code(error)
    return given if isinstance(given, int) else DONE


def exit_code(error: BaseException) -> int:
    """Map an error to the exit code of the command that raised it.

    Examples
    --------
    >>> exit_code(BadInput("no rows")), exit_code(MissingExtra("torch")), exit_code(OverBudget("9 GB"))
    (2, 3, 4)
    """
    if isinstance(error, OverBudget):
        return REFUSED
    if isinstance(error, BadInput | Infeasible):
        return USAGE
    if isinstance(error, MissingExtra) or (isinstance(error, OSError) and not isinstance(error, AtomloomError)):
        return MISSING
    return FAILED


_ADVICE = {
    errno.ENOSPC: "Hint: make room, or write to another disk with --out; a run that had begun goes on with --resume.",
    errno.EDQUOT: "Hint: make room, or write to another disk with --out; a run that had begun goes on with --resume.",
    errno.EACCES: "Hint: another folder with --out, or the rights to this one.",
    errno.EROFS: "Hint: another folder with --out; this disk is read-only.",
}


def _line(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    if isinstance(error, OSError) and not isinstance(error, AtomloomError):
        advice = _ADVICE.get(error.errno or 0)
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}. {advice}" if advice else text
    return " ".join(text.split()) if not isinstance(error, AtomloomError) else text


def main() -> None:
    """Enter from the shell.

    Examples
    --------
    >>> import sys
    >>> sys.argv = ["atomloom", "--version"]
    >>> main()
    Traceback (most recent call last):
    SystemExit: 0
    """
    try:
        code = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output left (`atomloom doctor | head -1`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED
    raise SystemExit(code)
