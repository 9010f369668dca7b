"""The parameters of VPIN and of the events read from it."""

from __future__ import annotations

import difflib
import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from atomloom.errors import BadInput
from atomloom.market.bar_table import PRICES
from atomloom.market.classify import check_nu

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class VPINConfig:
    """How to compute VPIN, and what counts as an event.

    Parameters
    ----------
    buckets_per_day : int
        Volume buckets per average day (beta).
    bars_per_bucket : int
        Volume bars per bucket.
    price : {"median", "close", "mean", "vwap"}
        The price that stands for a bar (pi).
    nu : float
        Degrees of freedom of bulk volume classification; 0 for the normal.
    support_days : float
        Length of the VPIN window, in days' worth of buckets (sigma in the papers).
    horizon_days : float
        How far ahead an event is judged, in days' worth of buckets (eta).
    threshold : float
        An event begins where the CDF of VPIN rises above it (tau); strictly between 0 and 1.
    bucket_volume : int, optional
        Volume of a bucket. Without it the average day of the whole sample sets it, which looks ahead.
    days : {"calendar", "trading"}
        What a day is where no bucket_volume is given: 24 hours of the span from first to last trade,
        or a UTC date on which something traded (as the papers count; a session that passes midnight
        UTC is two).
    sigma : {"expanding", "sample"}
        What the spread of price changes is taken from: earlier buckets, or the whole sample (as
        papers do; looks ahead).
    cdf : {"expanding", "sample", "normal"}
        Where VPIN stands: its mid-rank among those up to now, or among all (looks ahead), or the normal
        distribution function with mean and deviation of those up to now (Song, Wu and Simon 2014 fit a
        normal to all).
    null_quantile : float
        An event is true if its move is above this quantile of the moves after all buckets.

    Raises
    ------
    BadInput
        If any of them is out of range.

    Examples
    --------
    >>> VPINConfig(buckets_per_day=50, support_days=0.5).window
    25
    """

    buckets_per_day: int = 200
    bars_per_bucket: int = 30
    price: str = "median"
    nu: float = 0.1
    support_days: float = 1.0
    horizon_days: float = 0.1
    threshold: float = 0.99
    bucket_volume: int | None = None
    days: str = "calendar"
    sigma: str = "expanding"
    cdf: str = "expanding"
    null_quantile: float = 0.5

    def __post_init__(self) -> None:
        for name in ("buckets_per_day", "bars_per_bucket", "bucket_volume"):
            value = getattr(self, name)
            if name == "bucket_volume" and value is None:
                continue
            if isinstance(value, bool) or not hasattr(value, "__index__") or value < 1:
                message = f"{name} is {value!r}. Hint: give a whole number, at least 1."
                raise BadInput(message)
            if value > _MOST:
                message = f"{name} is {value!r}, beyond int64. Hint: give less."
                raise BadInput(message)
            object.__setattr__(self, name, int(value))
        for name, options in (("price", PRICES), ("days", _DAYS), ("sigma", _SIGMA), ("cdf", _CDF)):
            if not isinstance(getattr(self, name), str) or getattr(self, name) not in options:
                message = f"{name} is {getattr(self, name)!r}. Hint: choose one of {', '.join(options)}."
                raise BadInput(message)
        object.__setattr__(self, "nu", check_nu(self.nu))
        for name in ("support_days", "horizon_days"):
            if not _is_real(getattr(self, name)) or getattr(self, name) <= 0:
                message = f"{name} is {getattr(self, name)!r}. Hint: give a positive number of days, for example 0.5."
                raise BadInput(message)
            object.__setattr__(self, name, float(getattr(self, name)))
            if getattr(self, name) * self.buckets_per_day >= _MOST_BUCKETS:
                message = f"{name} is {getattr(self, name)!r}, more buckets than any data has. Hint: give fewer days."
                raise BadInput(message)
        for name in ("threshold", "null_quantile"):
            if not _is_real(getattr(self, name)) or not 0 < getattr(self, name) < 1:
                message = f"{name} is {getattr(self, name)!r}. Hint: give a number between 0 and 1, both excluded."
                raise BadInput(message)
            object.__setattr__(self, name, float(getattr(self, name)))
        if self.bucket_volume is not None and self.bucket_volume < self.bars_per_bucket:
            message = (
                f"bucket_volume is {self.bucket_volume:,}, less than one per bar ({self.bars_per_bucket} bars). "
                "Hint: raise it or lower bars_per_bucket."
            )
            raise BadInput(message)

    @property
    def window(self) -> int:
        """Buckets per VPIN window: support_days * buckets_per_day to the nearest whole, at least 1."""
        return max(1, round(self.support_days * self.buckets_per_day))

    @property
    def horizon(self) -> int:
        """Buckets an event is judged over: horizon_days * buckets_per_day to the nearest whole, at least 1."""
        return max(1, round(self.horizon_days * self.buckets_per_day))

    @property
    def bars_key(self) -> tuple[int, int, str, int | None, str]:
        """What the bars depend on: configurations with the same key can share them."""
        return self.buckets_per_day, self.bars_per_bucket, self.price, self.bucket_volume, self.days

    def looks_ahead(self) -> tuple[str, ...]:
        """Return which parts of the signal use data from after the moment (empty if none does)."""
        parts = [name for name in ("sigma", "cdf") if getattr(self, name) == "sample"]
        return tuple((["bucket_volume"] if self.bucket_volume is None else []) + parts)

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as plain values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build a configuration from a mapping; unknown keys are refused.

        Examples
        --------
        >>> VPINConfig.from_dict({"nu": 0}).nu
        0.0
        """
        known = [item.name for item in fields(cls)]
        for name in values:
            if name not in known:
                near = difflib.get_close_matches(str(name), known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"the parameters are {', '.join(known)}."
                message = f"VPINConfig has no parameter {name!r}. Hint: {hint}"
                raise BadInput(message)
        return cls(**values)


_DAYS = ("calendar", "trading")
_SIGMA = ("expanding", "sample")
_CDF = ("expanding", "sample", "normal")


_MOST = 2**63 - 1
_MOST_BUCKETS = 2**53


def check_config(config: Any) -> VPINConfig:
    """Return a configuration, the defaults for None, or refuse what is none.

    Examples
    --------
    >>> check_config(None) == VPINConfig()
    True
    """
    if config is None:
        return VPINConfig()
    if not isinstance(config, VPINConfig):
        message = f"config is {config!r}. Hint: VPINConfig(...), or VPINConfig.from_dict(...) of a mapping."
        raise BadInput(message)
    return config


def _is_real(value: Any) -> bool:
    number = hasattr(value, "__float__") and not isinstance(value, bool) and getattr(value, "ndim", 0) == 0
    return number and math.isfinite(value)
