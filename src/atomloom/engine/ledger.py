"""The ledger of a run: a record for every molecule, and events for whoever listens."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from atomloom.engine.progress import MoleculeDone
from atomloom.engine.trace import Trace

if TYPE_CHECKING:
    from collections import Counter

    from atomloom.engine.jobs import Outcome
    from atomloom.engine.plan import Plan
    from atomloom.engine.progress import Event, Listener
    from atomloom.engine.reply import Reply

_log = logging.getLogger(__name__)


class Ledger:
    """Keeps the trace and tells the listener.

    Parameters
    ----------
    workers : int
    listen : callable or None
    began : float
        ``time.monotonic()`` at the begin of the run.
    """

    def __init__(self, workers: int, listen: Listener | None, began: float) -> None:
        self.trace = Trace(workers=workers)
        self.share = 0.0
        self._listen = listen
        self._began = began

    def tell(self, event: Event) -> None:
        """Pass an event on; a listener that raises is not called again, and costs nobody a result."""
        if self._listen is None:
            return
        begun = time.monotonic()
        try:
            self._listen(event)
        except Exception:  # noqa: BLE001  # a listener's fault must not cost a result
            _log.exception("the progress listener raised at %s; the run goes on without it", type(event).__name__)
            self._listen = None
        finally:
            self.trace.listening += time.monotonic() - begun

    def end(self, plan: Plan, index: int, status: str, worker: int, seconds: float, done: int, failures: int) -> None:
        """Note that a molecule ended, and tell it with the time to go by cost."""
        share = plan.share_of(index)
        self.share += share
        if self._listen is None:
            return
        spent = time.monotonic() - self._began - self.trace.startup
        eta = spent * (1 - self.share) / self.share if self.share > 0 else None
        self.tell(MoleculeDone(index, status, worker, seconds, share, done, len(plan.molecules), failures, eta))

    def record(
        self, plan: Plan, attempts: Counter[int], index: int, status: str, reply: Reply | None = None,
        outcome: Outcome | None = None, queued: float | None = None,
    ) -> None:  # fmt: skip
        """Add a record; times are seconds since the run began."""
        lo, hi = plan.molecules[index]
        a, b = plan.atoms_of(index)
        now = time.monotonic()
        record: dict[str, Any] = {
            "molecule": index, "leaf_lo": lo, "leaf_hi": hi, "atom_lo": a, "atom_hi": b,
            "worker": 0 if reply is None else reply.worker,
            "queued": (now if queued is None else queued) - self._began,
            "start": (now if outcome is None else outcome.start) - self._began,
            "end": (now if outcome is None else outcome.end) - self._began,
            "cpu": 0.0 if outcome is None else outcome.cpu,
            "rss": 0 if reply is None else reply.rss,
            "bytes_in": 0 if reply is None else reply.bytes_in,
            "bytes_out": 0 if reply is None else reply.bytes_out,
            "attempt": attempts[index] + (status not in ("lost", "timeout")),
            "status": status,
        }  # fmt: skip
        self.trace.records.append(record)
