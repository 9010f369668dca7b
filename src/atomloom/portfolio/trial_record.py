"""The record of one search: what a ledger of trials keeps of it, and how it is written and read."""

from __future__ import annotations

import json
import math
import secrets
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.portfolio.trial_identity import digest_of_failed, prices_digest, trials_digest

if TYPE_CHECKING:
    from atomloom.portfolio.asking import Asked
    from atomloom.portfolio.prices import Prices
    from atomloom.portfolio.sweep_plan import Market
    from atomloom.portfolio.sweep_result import SweepResult
    from atomloom.portfolio.trial_ledger import TrialLedger

MARK = b'{"atomloom": "trials", '
"""What the line of every record begins with."""


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_real(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_known(value: Any) -> bool:
    return value is None or _is_real(value)


_FITS = {"str": _is_text, "int": _is_count, "float": _is_real, "float | None": _is_known}


@dataclass(frozen=True)
class TrialRecord:
    """One search, as the ledger keeps it.

    Attributes
    ----------
    data : str
        Which prices: their digest, or the name that the ledger was given.
    trials : str
        Digest of the configurations and of all that their paths follow from.
    time : str
        When it was recorded, UTC.
    configurations : int
        All that were asked for, whatever became of them.
    failed, ruined, pruned : int
        Failed and ruined ones are among the configurations, pruned ones come on top.
    known : int
        Configurations that have a Sharpe ratio.
    total, squares : float
        Sum of their ratios per period, and of the squares.
    best : float or None
        The highest of them.
    label : str
        Which configuration has it.
    n_returns : int

    Raises
    ------
    BadInput
        For counts that are no whole numbers of at least 0, and sums that are no finite numbers.

    Examples
    --------
    >>> TrialRecord("sp500", "ab12", "2026-11-22T10:00:00+00:00", 96, failed=3, pruned=4).counted
    100
    """

    data: str
    trials: str
    time: str
    configurations: int
    failed: int = 0
    ruined: int = 0
    pruned: int = 0
    known: int = 0
    total: float = 0.0
    squares: float = 0.0
    best: float | None = None
    label: str = ""
    n_returns: int = 0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not _FITS[str(field.type)](value):
                raise BadInput(f"{field.name} of a record is {value!r}. Hint: {field.type}; counts are 0 or more.")

    @property
    def counted(self) -> int:
        """Trials that the search was."""
        return self.configurations + self.pruned

    def line(self) -> bytes:
        """Write the record as a line of the file."""
        return MARK + json.dumps(asdict(self), allow_nan=False).encode()[1:] + b"\n"


def record_of(found: SweepResult, ledger: TrialLedger) -> TrialRecord:
    """Give what a ledger keeps of a sweep.

    Examples
    --------
    >>> from atomloom.portfolio import TrialLedger, sweep
    >>> prices = np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, (300, 2)), axis=0))
    >>> record_of(sweep(prices, [{"method": "cash"}, {"method": "equal_weight"}]), TrialLedger("x", name="noise")).known
    1
    """
    from atomloom.portfolio.evidence import moments_of  # noqa: PLC0415 - only with a ledger

    sharpe = moments_of(found.sums, found.n_returns)[0]
    known = sharpe[~np.isnan(sharpe)]
    best = int(np.nanargmax(sharpe)) if len(known) else None
    told = found.ledger()
    return TrialRecord(
        data=_data(found.prices, ledger),
        trials=trials_digest(found),
        time=_now(),
        configurations=len(found),
        failed=told["failed"],
        ruined=told["ruined"],
        pruned=ledger.pruned,
        known=len(known),
        total=float(known.sum()),
        squares=float((known**2).sum()),
        best=None if best is None else float(sharpe[best]),
        label="" if best is None else found.configs.label(best),
        n_returns=found.n_returns,
    )


def record_of_failed(
    prices: Prices, asked: Asked, failures: dict[int, str], market: Market, start: int, ledger: TrialLedger
) -> TrialRecord:
    """Give what a ledger keeps of a sweep of which every configuration failed.

    Parameters
    ----------
    prices : Prices
    asked : Asked
    failures : dict of int to str
        Why each table of targets is not there.
    market : Market
    start : int
    ledger : TrialLedger
    """
    number = asked.rows.shape[1]
    trials = digest_of_failed(asked, failures, market, start)
    return TrialRecord(
        _data(prices, ledger), trials, _now(), number, failed=number, pruned=ledger.pruned,
        n_returns=len(prices) - 1 - start,
    )  # fmt: skip


def record_of_pruned(prices: Prices, pruned: int, ledger: TrialLedger) -> TrialRecord:
    """Give what a ledger keeps of a search that simulated nothing: it is like no other, as nobody knows what it was."""
    return TrialRecord(_data(prices, ledger), secrets.token_hex(16), _now(), 0, pruned=pruned)


def deviation_of(records: tuple[TrialRecord, ...]) -> float:
    """Deviation (ddof=1) of the Sharpe ratios per period of all trials of some searches; 0 of fewer than two.

    Examples
    --------
    >>> one = TrialRecord("x", "a", "", 2, known=2, total=0.3, squares=0.05)
    >>> other = TrialRecord("x", "b", "", 1, known=1, total=0.3, squares=0.09)
    >>> round(deviation_of((one, other)), 6) == round(float(np.std([0.1, 0.2, 0.3], ddof=1)), 6)
    True
    """
    n = sum(record.known for record in records)
    if n < 2:
        return 0.0
    total, squares = math.fsum(record.total for record in records), math.fsum(record.squares for record in records)
    return math.sqrt(max(0.0, (squares - total * total / n) / (n - 1)))


def _data(prices: Prices, ledger: TrialLedger) -> str:
    return prices_digest(prices) if ledger.name is None else ledger.name


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_record(line: bytes) -> TrialRecord | None:
    """Read the line of a record; None where it is none.

    Examples
    --------
    >>> one = TrialRecord("x", "a", "", 2)
    >>> read_record(one.line()) == one, read_record(one.line()[:-9]) is None
    (True, True)
    """
    try:
        held = json.loads(line)
        kept = {field.name: held[field.name] for field in fields(TrialRecord)}
        return TrialRecord(**kept) if held["atomloom"] == "trials" else None
    except (ValueError, KeyError, TypeError):
        return None
