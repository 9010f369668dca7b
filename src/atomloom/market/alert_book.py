"""Alerts as records: when, which instrument, which signal, how sure, and how late."""

from __future__ import annotations

import hashlib
import html
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from atomloom.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import pandas as pd


@dataclass(frozen=True)
class Alert:
    """One alert.

    Attributes
    ----------
    time : int
        When it was given, ns UTC.
    symbol : str
    signal : str
        What gave it: ``"vpin"`` or ``"vpin+hhi"``.
    value : float
        The signal at that time.
    confidence : float
        0 to 1: where the signal stands among its own past (its CDF), or 1 - false positive rate where a
        calibration says so.
    latency_ns : int
        From the end of the data that it rests on to ``time``. 0 in a run over past data.
    config_hash : str
        Of the parameters of the signal: see :func:`config_digest`.

    Examples
    --------
    >>> Alert(0, "ES", "vpin", 0.4, 0.995, 0, "00")
    Alert(time=0, symbol='ES', signal='vpin', value=0.4, confidence=0.995, latency_ns=0, config_hash='00')
    """

    time: int
    symbol: str
    signal: str
    value: float
    confidence: float
    latency_ns: int
    config_hash: str


@dataclass(frozen=True)
class Alerts:
    """Alerts in order of time.

    Examples
    --------
    >>> book = Alerts((Alert(0, "ES", "vpin", 0.4, 0.995, 0, "00"),))
    >>> Alerts.from_json_lines(book.to_json_lines()) == book
    True
    """

    records: tuple[Alert, ...] = ()

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Alert]:
        return iter(self.records)

    def __getitem__(self, at: int) -> Alert:
        return self.records[at]

    def __repr__(self) -> str:
        return f"Alerts({len(self):,} of {', '.join(sorted({one.signal for one in self})) or 'nothing'})"

    @property
    def config(self) -> dict[str, Any]:
        """Symbols, signals, and the hashes of their parameters; the parameters are in what the alerts came from."""
        kept = {"symbols": "symbol", "signals": "signal", "config_hashes": "config_hash"}
        return {name: sorted({getattr(one, field) for one in self}) for name, field in kept.items()}

    def summary(self) -> str:
        """Return the number of alerts by symbol and signal, a line each."""
        counts: dict[tuple[str, str], int] = {}
        for one in self:
            counts[one.symbol, one.signal] = counts.get((one.symbol, one.signal), 0) + 1
        return "\n".join(f"{symbol} {signal}: {n:,} alerts" for (symbol, signal), n in counts.items()) or "no alerts"

    def to_dict(self) -> dict[str, Any]:
        """Return the alerts as plain values."""
        return {"n_alerts": len(self), "alerts": [asdict(one) for one in self]}

    def to_frame(self) -> pd.DataFrame:
        """Return one row per alert as a pandas DataFrame with UTC times."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        names = list(Alert.__dataclass_fields__)
        frame = pd.DataFrame([asdict(one) for one in self], columns=names)
        frame = frame.astype({"value": "float64", "confidence": "float64"})
        frame["time"] = pd.to_datetime(frame["time"].astype("int64"), unit="ns", utc=True)
        frame["latency"] = pd.to_timedelta(frame.pop("latency_ns").astype("int64"), unit="ns")
        return frame

    def to_json_lines(self) -> str:
        """Return one JSON object per line, a newline after each."""
        return "".join(json.dumps(asdict(one)) + "\n" for one in self)

    @classmethod
    def from_json_lines(cls, text: str) -> Self:
        """Read what :meth:`to_json_lines` wrote.

        Raises
        ------
        BadInput
            If a line is no alert.
        """
        records = []
        for number, line in enumerate(text.splitlines(), 1):
            try:
                records.append(_checked(Alert(**json.loads(line))))
            except (TypeError, ValueError) as error:
                message = f"line {number} is no alert: {error}. Hint: give the text of Alerts.to_json_lines()."
                raise BadInput(message) from error
        return cls(tuple(records))

    def _repr_html_(self) -> str:
        heads = "".join(f"<th>{name}</th>" for name in Alert.__dataclass_fields__)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(value))}</td>" for value in asdict(one).values()) + "</tr>"
            for one in self
        )
        return f"<table><caption>{html.escape(repr(self))}</caption><tr>{heads}</tr>{rows}</table>"


def alerts(result: Any, *, calibration: Any = None) -> Alerts:
    """Turn the events of a result into alerts.

    Parameters
    ----------
    result : VPINResult or EarlyWarning
        What has events: buckets at whose end a signal rose above its threshold.
    calibration : float or object, optional
        A false positive rate between 0 and 1, best one of a test part, ``found.best()["test"]["false_positive_rate"]``
        of a :class:`Calibration`; or anything that has a ``false_positive_rate``. The confidence of each alert is
        then 1 less that rate. Without it the confidence is the CDF of the signal at that time, which says how
        unusual the signal is and not how often it is right.

    Returns
    -------
    Alerts
        One per event, at the end of the bucket that started it.

    Raises
    ------
    BadInput
        If the calibration has no usable rate, or the result has no events.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.market import VPINConfig, vpin
    >>> from atomloom.store import read_trades
    >>> result = vpin(read_trades(es_2013_09()), VPINConfig(buckets_per_day=50, support_days=0.5, threshold=0.9))
    >>> alerts(result).summary()
    'ES vpin: 5 alerts'
    """
    if hasattr(result, "alert_rows"):
        rows, symbol, config = result.alert_rows(), result.symbol, result.config
    elif hasattr(result, "events") and hasattr(result, "cdf"):
        start = result.events.start
        rows = zip(result.end_ts[start], result.vpin[start], result.cdf[start], ["vpin"] * len(start), strict=True)
        symbol, config = result.symbol, result.config.to_dict()
    else:
        message = f"{type(result).__name__} has no events. Hint: give the result of vpin() or of early_warning()."
        raise BadInput(message)
    return book(rows, symbol, config, calibration=calibration)


def book(
    rows: Iterable[tuple[Any, Any, Any, str]],
    symbol: str,
    config: Mapping[str, Any],
    *,
    calibration: Any = None,
    now: int | None = None,
) -> Alerts:
    """Make alerts of (time, value, confidence, signal) rows; ``now`` is when they are given, if not at their time.

    Examples
    --------
    >>> book([(5, 0.4, 0.99, "vpin")], "ES", {}, now=7)[0].latency_ns
    2
    """
    digest = config_digest(config)
    sure = None if calibration is None else 1.0 - _rate(calibration)
    return Alerts(
        tuple(
            Alert(
                time=int(time if now is None else now),
                symbol=symbol,
                signal=signal,
                value=float(value),
                confidence=float(cdf) if sure is None else sure,
                latency_ns=0 if now is None else int(now) - int(time),
                config_hash=digest,
            )
            for time, value, cdf, signal in rows
        )
    )


def config_digest(config: Mapping[str, Any]) -> str:
    """Give 16 hexadecimal digits that stand for a configuration, whatever the order of its keys.

    Examples
    --------
    >>> config_digest({"a": 1, "b": 2}) == config_digest({"b": 2, "a": 1})
    True
    """
    text = json.dumps(dict(config), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _checked(alert: Alert) -> Alert:
    """Return an alert whose fields are what they should be, or raise TypeError."""
    kinds: dict[str, tuple[type, ...]] = {
        "time": (int,),
        "latency_ns": (int,),
        "value": (int, float),
        "confidence": (int, float),
    }
    for name, value in asdict(alert).items():
        if isinstance(value, bool) or not isinstance(value, kinds.get(name, (str,))):
            message = f"{name} is {value!r}"
            raise TypeError(message)
    return alert


def _rate(calibration: Any) -> float:
    rate = calibration if isinstance(calibration, float) else getattr(calibration, "false_positive_rate", None)
    real = isinstance(rate, (int, float, np.floating)) and not isinstance(rate, bool)
    if rate is None or not real or not 0.0 <= rate <= 1.0:
        message = (
            f"the calibration has a false_positive_rate of {rate!r}. Hint: give one from 0 to 1, for example "
            'found.best()["test"]["false_positive_rate"]; it takes events that could be judged.'
        )
        raise BadInput(message)
    return float(rate)
