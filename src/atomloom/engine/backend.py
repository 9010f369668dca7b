"""The protocol that every engine speaks: begin a run, take molecules, give replies."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Protocol

from atomloom.engine.worker import in_worker

if TYPE_CHECKING:
    from atomloom.engine.jobs import Work
    from atomloom.engine.reply import Reply

Segments = list[tuple[int, int]]

_nested = threading.local()


class Backend(Protocol):
    """Where molecules are worked."""

    name: str
    workers: int
    payload_bytes: int
    retries_deaths: bool

    def begin(self, work: Work, *, keep: bool) -> None:
        """Take the work of a run; ``keep`` says that results are kept to the end."""
        ...

    def submit(self, index: int, segments: Segments, atoms: Any, first: int) -> None:
        """Queue one molecule; returns at once."""
        ...

    def poll(self, timeout: float | None) -> list[Reply]:
        """Wait for replies, at most ``timeout`` seconds."""
        ...

    def end(self, *, abort: bool) -> None:
        """Finish the run; ``abort`` stops what is still running as far as that is possible."""
        ...


def enter_parallel() -> None:
    """Mark this thread as working inside a parallel run."""
    _nested.active = True


def inside_parallel() -> bool:
    """Tell whether this code already runs inside a molecule of a parallel run."""
    return in_worker() or getattr(_nested, "active", False)
