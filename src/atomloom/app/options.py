"""What every command shares: options, output (results to stdout, chatter to stderr), colour."""

from __future__ import annotations

import functools
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True)
class RunOptions:
    """The options of every command that makes a run folder.

    Attributes
    ----------
    as_json, quiet, print_config : bool
        Print one JSON object; say nothing on stderr; print the configuration and stop.
    out, config, resume : Path or None
        The run folder to make; a TOML file with the spec; a run folder to go on with.
    seed, threads : int or None
        Seed of the random streams; number of workers (None: all usable cores).

    Examples
    --------
    >>> RunOptions().threads is None
    True
    """

    as_json: bool = False
    out: Path | None = None
    seed: int | None = None
    threads: int | None = None
    quiet: bool = False
    config: Path | None = None
    print_config: bool = False
    resume: Path | None = None


def some_threads(_context: click.Context, _parameter: click.Parameter, value: int | None) -> int | None:
    """Refuse 0 workers.

    Examples
    --------
    >>> some_threads(None, None, 2)
    2
    """
    if value == 0:
        message = "0 workers cannot work. Hint: 1 is sequential, -1 all processors; leave it out for all usable cores."
        raise click.BadParameter(message)
    return value


_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
_RUN_OPTIONS = [
    click.option("--json", "as_json", is_flag=True, help="Print the summary as one JSON object."),
    click.option(
        "--out",
        type=click.Path(file_okay=False, path_type=Path),
        help="Run folder to make. [default: in runs/]",
    ),
    click.option("--seed", type=click.IntRange(min=0), help="Seed of the random streams, recorded. [default: 0]"),
    click.option(
        "--threads", type=int, callback=some_threads, help="Workers; -1 all processors. [default: all usable cores]"
    ),
    click.option("--quiet", "-q", is_flag=True, help="No progress on stderr."),
    click.option("--config", type=_FILE, help="TOML file with the settings (see --print-config)."),
    click.option("--print-config", is_flag=True, help="Print the settings as commented TOML and stop."),
    click.option("--resume", type=_FOLDER, help="Go on with the run in this folder, with its own settings."),
]


def run_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a click command the shared options, handed over as one ``run`` argument.

    Examples
    --------
    >>> @click.command()
    ... @run_options
    ... def command(run): ...
    >>> sorted(option.name for option in command.params)[:3]
    ['as_json', 'config', 'out']
    """
    names = RunOptions.__dataclass_fields__

    @functools.wraps(function)
    def wrapper(**values: Any) -> Any:
        run = RunOptions(**{name: values.pop(name) for name in names})
        if run.resume is not None and (run.config or run.out or run.seed is not None):
            raise click.UsageError("--resume takes the settings, seed and folder of its run. Hint: give it alone.")
        return function(run=run, **values)

    for option in reversed(_RUN_OPTIONS):
        wrapper = option(wrapper)
    return wrapper


def mark(text: str, colour: str) -> str:
    """Colour a word, unless NO_COLOR is set; click drops the colour where the stream is no terminal.

    Examples
    --------
    >>> click.unstyle(mark("ready", "green"))
    'ready'
    """
    return text if os.environ.get("NO_COLOR") else click.style(text, fg=colour)


def say_result(text: str) -> None:
    """Print a result: stdout carries results and nothing else.

    Examples
    --------
    >>> say_result("0.97")
    0.97
    """
    click.echo(text)


def emit_json(value: Any) -> None:
    """Print one JSON object on stdout; numbers that JSON lacks (NaN) are null.

    Examples
    --------
    >>> emit_json({"vpin": float("nan")})
    {
      "vpin": null
    }
    """
    click.echo(json.dumps(plain(value), indent=2, allow_nan=False))


def plain(value: Any) -> Any:
    """Turn dataclass-free nested data into what JSON knows: no NaN, no numpy scalars, no paths.

    Examples
    --------
    >>> plain({"a": (1, float("inf")), "b": Path("runs")})
    {'a': [1, None], 'b': 'runs'}
    """
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        return plain(value.item())
    if isinstance(value, float):
        return value if value - value == 0 else None  # inf - inf and nan - nan are nan
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


class Chatter:
    """What a run says on stderr while it works; silent under ``--quiet`` but for warnings.

    Examples
    --------
    >>> Chatter(quiet=True).say("reading")
    """

    def __init__(self, *, quiet: bool) -> None:
        self.quiet = quiet

    def say(self, text: str) -> None:
        """Print one line on stderr."""
        if not self.quiet:
            click.echo(text, err=True)

    def warn(self, text: str) -> None:
        """Print one line on stderr, quiet or not: what a reader of the result has to know."""
        click.echo(f"{mark('warning', 'yellow')}: {text}", err=True)
