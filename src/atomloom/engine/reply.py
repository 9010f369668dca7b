"""Replies: how a molecule's journey to a worker ended."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from atomloom.engine.jobs import Outcome


@dataclass
class Reply:
    """One molecule's end: done, lost with its worker, or broken on its way.

    Attributes
    ----------
    index : int
        The molecule.
    status : {"done", "lost", "timeout", "broken", "untouched"}
    worker : int
        Process id.
    outcome : Outcome or None
    note : str
        Exit status or reason in words.
    rss, bytes_in, bytes_out, blas_threads : int
    leaf : int
        The leaf that was under work when its worker ended, -1 where unknown.
    """

    index: int
    status: str
    worker: int
    outcome: Outcome | None = None
    note: str = ""
    rss: int = 0
    bytes_in: int = 0
    bytes_out: int = 0
    blas_threads: int = 0
    leaf: int = -1


def describe_exit(status: int | None) -> str:
    """Say how a process ended, from its wait status.

    Examples
    --------
    >>> describe_exit(9), describe_exit(7 << 8)
    ('killed by SIGKILL (out of memory, or kill -9)', 'exited with code 7')
    """
    if status is None:
        return "ended, status unknown"
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            name = signal.Signals(number).name
        except ValueError:
            name = f"signal {number}"
        return f"killed by {name}" + (" (out of memory, or kill -9)" if number == signal.SIGKILL else "")
    return f"exited with code {os.WEXITSTATUS(status)}"
