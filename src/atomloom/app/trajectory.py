"""``atomloom trajectory``: the best path of portfolios over several horizons, costs and all, with its proof."""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from atomloom.app.options import RunOptions, run_options, say_result
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from atomloom.app.options import Chatter
    from atomloom.app.path_settings import TrajectorySettings
    from atomloom.app.runs import RunFolder
    from atomloom.trajectory.problem import TrajectoryProblem

_SHOWN = 0.1  # seconds between two drawings of the progress


@click.command(short_help="Find the optimal trading trajectory, with its proof.")
@click.argument(
    "file", required=False, metavar="[PROBLEM.toml]", type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--assets", type=int, help="Of a random problem [default: 3]; or the first columns of prices.")
@click.option("--horizons", type=int, help="Of a random problem [default: 3]; or from prices [default: 12].")
@click.option("--units", type=int, help="Units that are allocated in each horizon. [default: 6]")
@click.option("--method", help="auto, exact, brute, beam, coordinate, genetic or anneal. [default: auto]")
@click.option("--time-limit", type=float, help="Take the best path after so many seconds, with a bound.")
@click.option("--memory", help="Most memory to take, for example 2GB. [default: what is free]")
@click.option("--compare", is_flag=True, default=None, help="Set static weights and heuristics beside it.")
@run_options
def command(run: RunOptions, file: Path | None, **given: Any) -> None:
    """Find the path of portfolios with the highest Sharpe ratio, costs of trading included.

    PROBLEM.toml holds mu, cov and cost, or prices = "file.csv" to estimate them from; without it a problem is drawn
    by --seed. `--print-config` shows every setting; those under [problem] are what PROBLEM.toml may hold.
    """
    from atomloom.app import config, pipeline  # noqa: PLC0415  # --help owes nobody numpy

    settings = _settle(run, file, given)
    if run.print_config:
        say_result(config.to_toml(settings, "atomloom trajectory --config FILE").rstrip("\n"))
        return
    seed = _seed_of(run)
    problem, names = settings.problem.problem(seed)  # refused, if it is none, before there is a folder
    source = str(file) if file is not None else settings.problem.prices or settings.problem.kind
    pipeline.execute("trajectory", settings, run, source, partial(_work, settings, problem, names, run), _say)


def _settle(run: RunOptions, file: Path | None, given: dict[str, Any]) -> TrajectorySettings:
    """Put together the file of --config, the problem file and the options; the later win."""
    from atomloom.app import config, pipeline  # noqa: PLC0415  # same
    from atomloom.app.path_settings import TrajectorySettings  # noqa: PLC0415  # same

    asked = {name: value for name, value in given.items() if value is not None}
    if run.resume is not None and (asked or file is not None):
        raise click.UsageError("--resume takes the settings and the problem of its run. Hint: give it alone.")
    settings = pipeline.settled(run, TrajectorySettings(), "trajectory")
    of_problem: dict[str, Any] = {name: asked.pop(name) for name in ("assets", "horizons", "units") if name in asked}
    if file is not None:
        of_problem = {**_read(file), **of_problem}
    changed = config.update(
        settings, {**asked, "problem": of_problem}, "the command line" if file is None else str(file)
    )
    if file is None and (run.config is None or run.resume is not None):
        return changed
    from dataclasses import replace  # noqa: PLC0415  # only here

    return replace(changed, problem=changed.problem.beside(file or run.config or Path()))


def _read(file: Path) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415  # only here

    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} is not TOML: {error}. Hint: see [problem] of --print-config.") from None
    if isinstance(found.get("problem"), dict):
        raise BadInput(f"{file} has a table [problem], so it holds settings. Hint: --config {file}.")
    return found


def _seed_of(run: RunOptions) -> int:
    if run.resume is None:
        return run.seed or 0
    from atomloom.app.runs import RunFolder  # noqa: PLC0415  # same

    return int(RunFolder.open(run.resume).record["seed"])


def _work(
    settings: TrajectorySettings,
    problem: TrajectoryProblem,
    names: list[str],
    run: RunOptions,
    folder: RunFolder,
    chatter: Chatter,
) -> dict[str, Any]:
    from atomloom.app import config  # noqa: PLC0415  # same
    from atomloom.app.path_settings import written  # noqa: PLC0415  # same
    from atomloom.app.path_work import cloud, compared, solved, summary_of  # noqa: PLC0415  # same

    folder.write_text("problem.toml", config.to_toml(written(problem, names), "atomloom trajectory problem.toml"))
    chatter.say(repr(problem))
    file = folder.path / "result.json"
    found = None  # a run that goes on has it in its file only
    if not file.is_file():
        meter = PassMeter(folder, chatter)
        with folder.stage("solve"):
            try:
                found = solved(folder, problem, settings, run.threads, meter)
            finally:
                meter.end()
    result = json.loads(file.read_text(encoding="utf-8"))
    if result["status"] == "bounded":
        hidden = "rounding" in result["detail"]
        why = (
            "large terms cancel, and rounding hides what is left" if hidden else "time or memory ended before the proof"
        )
        chatter.warn(f"{why}: {_nearness(result)}.")
    if settings.compare:
        with folder.stage("compare"):
            compared(folder, problem, settings, result["method"], run.threads, found)
    with folder.stage("cloud"):
        folder.write_frame("cloud.csv", cloud(problem, result["units"], folder.record["seed"]))
    return summary_of(folder, problem, names, result)


def _nearness(summary: dict[str, Any]) -> str:
    """Say how near to the best a result is known to be.

    Examples
    --------
    >>> _nearness({"upper_bound": None, "gap": None})
    'nothing is known of how good it is'
    """
    if summary["upper_bound"] is None:
        return "nothing is known of how good it is"
    return f"no path is worth more than {summary['upper_bound']:.10g} (gap {summary['gap']:.2g})"


def _say(folder: RunFolder) -> list[tuple[str, str]]:
    summary = folder.record["summary"]
    passes = f", {summary['n_passes']} passes" if summary["n_passes"] else ""
    rows = [
        ("problem", summary["problem"]),
        ("path", f"{summary['method']}: {summary['status']}{passes}, {summary['runtime']:.3g} s"),
        ("Sharpe ratio", f"{summary['sr']:.10g} (mean {summary['mean']:.6g} after costs {summary['cost']:.6g})"),
        ("proof", _nearness(summary)),
        ("turnover", f"{summary['turnover']:.4g} in {summary['horizons']} horizons"),
    ]
    if summary["objective"] != "sharpe":
        rows.insert(2, ("value", f"{summary['value']:.10g} (mean - risk aversion x variance)"))
    return rows + [("beside", text) for text in summary["compared"]]


class PassMeter:
    """Notes every pass in the log of the run, and draws how the bound closes where stderr is a terminal.

    Examples
    --------
    >>> from atomloom.app.options import Chatter
    >>> PassMeter(None, Chatter(quiet=True)).end()
    """

    def __init__(self, folder: RunFolder | None, chatter: Chatter) -> None:
        self._folder = folder
        self._silent = chatter.quiet or not sys.stderr.isatty()
        self._drawn = False
        self._last = time.monotonic()

    def __call__(self, event: Any) -> None:
        """Take an event; an interruption that was lost is found here."""
        from dataclasses import asdict  # noqa: PLC0415  # same

        from atomloom.app import interrupts  # noqa: PLC0415  # same

        interrupts.check()
        if self._folder is not None:
            self._folder.event(type(event).__name__, **asdict(event))
        now = time.monotonic()
        if self._silent or type(event).__name__ != "PassDone" or now - self._last < _SHOWN:
            return
        self._last, self._drawn = now, True
        gap = (event.bound - event.best) / max(abs(event.bound), 1e-300)
        text = f"\rpass {event.n_passes}: best {event.best:.9g}, bound {event.bound:.9g}, gap {gap:.1e}\x1b[K"
        click.echo(text, err=True, nl=False)

    def end(self) -> None:
        """Leave the line."""
        if self._drawn:
            click.echo("\r\x1b[K", err=True, nl=False)
