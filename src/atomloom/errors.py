"""Every error atomloom raises: one family, each also the built-in it resembles.

A message says what was wrong, where, what was seen, and what to do about it.
Catch :class:`AtomloomError` for all of them, or the built-in you would expect
(``ValueError`` for bad input, ``MemoryError`` for a refused plan, and so on).
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers read it as true; importing typing would double the import time

if TYPE_CHECKING:
    from typing import Any


class AtomloomError(Exception):
    """The root of every error that atomloom raises on purpose."""


class BadInput(AtomloomError, ValueError):
    """An argument cannot be used; the message names it, what was seen, and the remedy."""


class Infeasible(AtomloomError, ValueError):
    """The problem is well-formed but has no solution."""


class OverBudget(AtomloomError, MemoryError):
    """The plan needs more memory or time than it was allowed; refused before it started."""


class StoreError(AtomloomError, OSError):
    """A file cannot be read or written, or does not hold what its index promises."""


class MissingExtra(AtomloomError, ImportError):
    """An optional package is needed; the message gives the command that installs it."""


class JobFailed(AtomloomError, RuntimeError):
    """A molecule failed: its function raised, or a result could not travel or be reduced.

    Attributes
    ----------
    failures : list
        One record per failed leaf (see :class:`atomloom.engine.jobs.Failure`).
    """

    def __init__(self, message: str, failures: list[Any] | None = None) -> None:
        super().__init__(message)
        self.failures: list[Any] = list(failures or [])


class WorkerDied(JobFailed):
    """A molecule killed its worker more often than ``retries`` allows."""


class AntiPattern(UserWarning):
    """A measured misuse of the engine, with the evidence and the fix."""
