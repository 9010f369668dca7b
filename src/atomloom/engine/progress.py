"""Progress: typed events while a run goes on, and the bar that draws them by default."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from atomloom.errors import BadInput


@dataclass(frozen=True)
class RunStarted:
    """A run begins: its name, molecules and workers.

    Examples
    --------
    >>> RunStarted("simulate", 12, 2).molecules
    12
    """

    name: str
    molecules: int
    workers: int
    resumed: int = 0


@dataclass(frozen=True)
class MoleculeDone:
    """A molecule ended; ``share`` is its part of the whole cost, ``eta`` seconds to go by cost.

    Examples
    --------
    >>> MoleculeDone(3, "done", 4711, 0.8, 0.1, 4, 12, 0, 6.4).eta
    6.4
    """

    molecule: int
    status: str
    worker: int
    seconds: float
    share: float
    done: int
    molecules: int
    failures: int
    eta: float | None


@dataclass(frozen=True)
class WorkerLost:
    """A worker died or was stopped; its molecule is tried again or given up.

    Examples
    --------
    >>> WorkerLost(3, "killed by SIGKILL", 1).note
    'killed by SIGKILL'
    """

    molecule: int
    note: str
    attempt: int


@dataclass(frozen=True)
class RunFinished:
    """A run ended: done, failed or interrupted.

    Examples
    --------
    >>> RunFinished("done", 9.5).seconds
    9.5
    """

    status: str
    seconds: float


Event = RunStarted | MoleculeDone | WorkerLost | RunFinished
Listener = Callable[[Event], None]


def to_json(event: Event) -> dict[str, Any]:
    """Give an event as plain JSON types, its kind first.

    Examples
    --------
    >>> to_json(RunFinished("done", 1.5))
    {'event': 'RunFinished', 'status': 'done', 'seconds': 1.5}
    """
    return {"event": type(event).__name__, **asdict(event)}


def listener(progress: Any) -> Listener | None:
    """Turn ``progress=`` into something that listens: a callable, the bar, or nothing.

    Raises
    ------
    BadInput
        When it is neither None, a boolean nor callable.
    """
    if callable(progress):
        return progress  # type: ignore[no-any-return]
    if progress is None:
        return Bar() if sys.stderr is not None and sys.stderr.isatty() else None
    if isinstance(progress, bool):
        return Bar() if progress else None
    raise BadInput(f"progress is {progress!r}; it must be True, False, None or a callable that takes events.")


class Bar:
    """Draws a bar on stderr: share of the cost done, molecules, rate, ETA, failures.

    It has no thread of its own (a process with threads cannot be forked safely) and is
    drawn at most ten times a second.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._drawn = 0.0
        self._share = 0.0
        self._begun = time.monotonic()

    def __call__(self, event: Event) -> None:
        """Draw an event."""
        if isinstance(event, RunStarted):
            self._start(event)
        elif isinstance(event, MoleculeDone):
            self._share += event.share if event.status != "lost" else 0.0
            now = time.monotonic()
            if now - self._drawn > 0.1 or event.done == event.molecules:
                self._drawn = now
                self._draw(event, now)
        elif isinstance(event, WorkerLost) and self._bar is not None:
            self._bar.console.print(f"worker lost: {event.note}; molecule {event.molecule}, attempt {event.attempt}")
        elif isinstance(event, RunFinished) and self._bar is not None:
            self._bar.stop()

    def _start(self, event: RunStarted) -> None:
        from rich.console import Console  # noqa: PLC0415  # only a run that draws loads rich
        from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415  # same

        self._begun = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f}% {task.fields[facts]}"),
            console=Console(stderr=True),
            auto_refresh=False,
            transient=False,
        )
        self._bar.start()
        self._task = self._bar.add_task(event.name, total=1.0, facts=f"0/{event.molecules}")
        self._bar.refresh()

    def _draw(self, event: MoleculeDone, now: float) -> None:
        if self._bar is None:
            return
        rate = event.done / max(1e-9, now - self._begun)
        facts = f"{event.done}/{event.molecules} molecules, {rate:.3g}/s"
        if event.eta is not None and event.done < event.molecules:
            facts += f", {_clock(event.eta)} to go"
        if event.failures:
            facts += f", {event.failures} failed"
        self._bar.update(self._task, completed=min(1.0, self._share), facts=facts)
        self._bar.refresh()


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
