"""The result of a run: the value, and everything that is known about how it came about."""

from __future__ import annotations

import html
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from atomloom.engine.redux import MISSING

if TYPE_CHECKING:
    import pandas as pd

    from atomloom.engine.findings import Finding
    from atomloom.engine.jobs import Failure
    from atomloom.engine.plan import Plan
    from atomloom.engine.trace import Trace


@dataclass(frozen=True)
class ReducedResult:
    """What ``run_parallel`` gives back.

    Attributes
    ----------
    value : object
        The reduced value; without a reducer one table or series in input order where the
        function returns pandas objects, else the list of results, one per leaf.
    plan : Plan
    trace : Trace
    failures : list of Failure
        Leaves without a result (only with ``on_error`` "skip" or "collect").
    findings : list of Finding
        Misuses of the engine that the run gave evidence of.
    meta : dict
        Seed, versions and the plan's fingerprint, which decides the bits.

    Examples
    --------
    >>> from atomloom import run_parallel
    >>> result = run_parallel(lambda molecule: len(molecule), range(5), num_threads=1)
    >>> result.value, result.plan.n_leaves, len(result.failures)
    ([1, 1, 1, 1, 1], 5, 0)
    """

    value: Any
    plan: Plan
    trace: Trace
    failures: list[Failure] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)

    def summary(self) -> str:
        """Say in a few lines what ran, how well the machine was used, and what went wrong."""
        trace = self.trace
        done = sum(record["status"] in ("done", "journal") for record in trace.records)
        lines = [
            self.plan.summary(),
            f"{done} of {len(self.plan.molecules)} molecules done in {trace.wall:.3g} s",
            f"{trace.busy:.3g} s of work, workers {trace.utilisation():.0%} busy",
        ]
        resumed = sum(record["status"] == "journal" for record in trace.records)
        if resumed:
            lines.append(f"{resumed} molecules came from the journal")
        if trace.deaths:
            lines.append(f"{trace.deaths} workers died and were replaced")
        lines += [f"failed: {failure}" for failure in self.failures[:5]]
        lines += [f"advice: {finding.message}" for finding in self.findings]
        return "\n".join(lines)

    def to_frame(self) -> pd.DataFrame:
        """Give the value as a table where it is one, else one row per result.

        Examples
        --------
        >>> from atomloom import run_parallel
        >>> run_parallel(lambda molecule: sum(molecule), range(3), num_threads=1).to_frame()
           result
        0       0
        1       1
        2       2
        """
        import pandas as pd  # noqa: PLC0415  # only a result that is looked at as a table loads pandas

        if isinstance(self.value, pd.DataFrame):
            return self.value
        if isinstance(self.value, pd.Series):
            return self.value.to_frame("result" if self.value.name is None else self.value.name)
        if isinstance(self.value, list):
            if self.value and all(isinstance(item, dict) for item in self.value):
                return pd.DataFrame.from_records(self.value)
            return pd.DataFrame({"result": pd.Series(self.value, dtype=None if self.value else object)})
        return pd.DataFrame({"result": [self.value]})

    def to_dict(self) -> dict[str, Any]:
        """Give plan, timings, failures and advice as plain JSON types (not the value)."""
        return {
            "plan": self.plan.to_dict(),
            "wall": self.trace.wall,
            "busy": self.trace.busy,
            "utilisation": self.trace.utilisation(),
            "peak_held": self.trace.peak_held,
            "deaths": self.trace.deaths,
            "failures": [str(failure) for failure in self.failures],
            "findings": [finding.to_dict() for finding in self.findings],
            "meta": self.meta,
        }

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self.summary())}</pre>"


def stitch(values: list[Any]) -> Any:
    """Join pandas results in input order; leave anything else as a list.

    Examples
    --------
    >>> stitch([1, 2])
    [1, 2]
    """
    present = [value for value in values if value is not MISSING]
    pandas = sys.modules.get("pandas")
    if pandas is None or not present:
        return present
    for kind in (pandas.DataFrame, pandas.Series):
        if all(isinstance(value, kind) for value in present):
            return pandas.concat(present)
    return present
