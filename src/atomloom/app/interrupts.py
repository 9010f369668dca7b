"""Ctrl-C and SIGTERM that cannot be lost: Python drops an exception raised inside a weakref callback or ``__del__``."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)

# The signals that came: kept where the exception was dropped, until check() raises it again. No Event: a handler
# that takes a lock can meet itself.
_asked: list[int] = []


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """Take SIGINT and SIGTERM as KeyboardInterrupt, and remember them for :func:`check`.

    Does nothing outside the main thread; a signal that the caller's caller had ignored stays ignored.
    Guards may be nested; the outermost puts the old handlers back and forgets.

    Examples
    --------
    >>> with guarded():
    ...     signal.getsignal(signal.SIGTERM) is signal.getsignal(signal.SIGINT)
    True
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    if threading.current_thread() is not threading.main_thread() or _interrupt in before.values():
        yield
        return
    before = {number: old for number, old in before.items() if old not in {None, signal.SIG_IGN}}
    _asked.clear()
    hook = sys.unraisablehook

    def unraisable(lost: sys.UnraisableHookArgs) -> None:
        if not (_asked and lost.exc_type is KeyboardInterrupt):  # that one is not lost: check() raises it
            hook(lost)

    sys.unraisablehook = unraisable
    try:
        for number in before:
            signal.signal(number, _interrupt)
        yield
    finally:
        sys.unraisablehook = hook
        for number, old in before.items():
            signal.signal(number, old)
        _asked.clear()


def check() -> None:
    """Raise the KeyboardInterrupt of a signal that came since the guard began.

    Raises
    ------
    KeyboardInterrupt
        One came; where it was raised already, nothing after it gets here.

    Examples
    --------
    >>> check()
    """
    if _asked and threading.current_thread() is threading.main_thread():
        raise KeyboardInterrupt


def _interrupt(signum: int, _frame: FrameType | None) -> None:
    _asked.append(signum)
    raise KeyboardInterrupt
