"""VPIN and fragmentation side by side: one record per bucket, and a warning where both are unusual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.expanding import expanding_share
from atomloom.market.imbalance import check_share
from atomloom.market.tables import html_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    from numpy.typing import NDArray

    from atomloom.market.fragmentation import Fragmentation
    from atomloom.market.result import VPINResult

_SIDES = ("low", "high", "both")


@dataclass(frozen=True, eq=False, repr=False)
class EarlyWarning:
    """VPIN and HHI of one instrument, a row per VPIN bucket, each as known at its end.

    Attributes
    ----------
    config : dict
        The parameters of both and of the warning.
    symbol : str
    end_ts : (B,) int64
        End of each bucket, ns UTC.
    vpin, vpin_cdf : (B,) float64
    hhi : (B,) float64
        Index of the last window that had ended by then; NaN if there was none.
    hhi_rank : (B,) float64
        Its mid-rank among the windows up to it.
    hhi_share : (B,) float64
        How unusual that is on the side that is watched: 1 - rank, rank, or 2 rank - 1 without its sign.
    hhi_age : (B,) int64
        From the end of that window to the end of the bucket, ns; -1 if there was none.
    warning : (B,) bool
        Both are above their thresholds.

    Examples
    --------
    >>> EarlyWarning.__dataclass_fields__["warning"].name
    'warning'
    """

    config: dict[str, Any]
    symbol: str
    end_ts: NDArray[np.int64]
    vpin: NDArray[np.float64]
    vpin_cdf: NDArray[np.float64]
    hhi: NDArray[np.float64]
    hhi_rank: NDArray[np.float64]
    hhi_share: NDArray[np.float64]
    hhi_age: NDArray[np.int64]
    warning: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.end_ts)

    def __repr__(self) -> str:
        return f"EarlyWarning({self.symbol}, {len(self):,} buckets, {len(self.starts):,} warnings)"

    @property
    def starts(self) -> NDArray[np.int64]:
        """Buckets at whose end a warning began, (W,) int64."""
        before = np.concatenate([[False], self.warning[:-1]])
        return np.flatnonzero(self.warning & ~before).astype(np.int64)

    def alert_rows(self) -> Iterator[tuple[int, float, float, str]]:
        """Give (time, VPIN, confidence, signal) of each warning; the confidence is the lesser of the two shares."""
        for k in self.starts.tolist():
            sure = min(float(self.vpin_cdf[k]), float(self.hhi_share[k]))
            yield int(self.end_ts[k]), float(self.vpin[k]), sure, "vpin+hhi"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per bucket as a pandas DataFrame with UTC times."""
        import pandas as pd  # noqa: PLC0415 - heavy; only this method needs it

        return pd.DataFrame(
            {
                "end": pd.to_datetime(self.end_ts, unit="ns", utc=True),
                "vpin": self.vpin,
                "vpin_cdf": self.vpin_cdf,
                "hhi": self.hhi,
                "hhi_rank": self.hhi_rank,
                "hhi_share": self.hhi_share,
                "hhi_age": pd.to_timedelta(
                    np.where(self.hhi_age < 0, np.datetime64("NaT").astype(np.int64), self.hhi_age)
                ),
                "warning": self.warning,
            }
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters and the scalars of the result as plain values."""
        known = ~np.isnan(self.vpin_cdf) & ~np.isnan(self.hhi_share)
        return {
            **self.config,
            "symbol": self.symbol,
            "n_buckets": len(self),
            "n_known": int(known.sum()),
            "n_warnings": len(self.starts),
            "warning_share": float(self.warning[known].mean()) if known.any() else None,
        }

    def summary(self) -> str:
        """Return the result in a line of text."""
        seen = self.to_dict()
        return (
            f"{self.symbol}: {seen['n_known']:,} of {len(self):,} buckets have VPIN and HHI; "
            f"{seen['n_warnings']:,} warnings (VPIN above {self.config['vpin_threshold']:g} and HHI unusually "
            f"{self.config['side']} above {self.config['hhi_threshold']:g})"
        )

    def _repr_html_(self) -> str:
        return html_table(repr(self), self.to_dict())


def early_warning(
    result: VPINResult,
    hhi: Fragmentation,
    *,
    vpin_threshold: float | None = None,
    hhi_threshold: float = 0.9,
    side: str = "low",
    max_age: float | None = None,
) -> EarlyWarning:
    """Put fragmentation beside VPIN, bucket by bucket, with nothing that was not known at the bucket's end.

    Parameters
    ----------
    result : VPINResult
    hhi : Fragmentation
        Of the same instrument; short windows, of an hour say, are known soon.
    vpin_threshold : float, optional
        That of the VPIN configuration where not given.
    hhi_threshold : float
        0 to 1.
    side : {"low", "high", "both"}
        Which index is unusual: low (trading is spread over more venues than before; Madhavan (2012) links that to
        the worst falls of the flash crash), high, or either.
    max_age : float, optional
        A window that ended longer ago than this, in seconds, counts as unknown.

    Returns
    -------
    EarlyWarning

    Raises
    ------
    BadInput
        If the instruments differ or a parameter is out of range.

    Notes
    -----
    After Bethel, Leinweber, Ruebel and Wu (2011), who propose the two signals; how to join them is our choice.
    O(B log H + H log H) time.

    Examples
    --------
    >>> from atomloom.market import VPINConfig, herfindahl, vpin
    >>> from atomloom.store import Trades
    >>> rng = np.random.default_rng(0)
    >>> trades = Trades(
    ...     np.arange(9000) * 10**10,
    ...     900 + rng.integers(0, 9, 9000),
    ...     rng.integers(1, 9, 9000),
    ...     venue=rng.integers(0, 4, 9000),
    ...     venues=["N", "P", "Q", "Z"],
    ... )
    >>> seen = vpin(trades, VPINConfig(buckets_per_day=50, support_days=0.2, threshold=0.9))
    >>> early_warning(seen, herfindahl(trades, 3600), hhi_threshold=0.5)
    EarlyWarning(UNKNOWN, 100 buckets, ... warnings)
    """
    if not (hasattr(result, "cdf") and hasattr(hhi, "hhi")):
        message = (
            f"{type(result).__name__} and {type(hhi).__name__} cannot be joined. Hint: early_warning(vpin(...), "
            "herfindahl(...))."
        )
        raise BadInput(message)
    limit = check_share(result.config.threshold if vpin_threshold is None else vpin_threshold, "vpin_threshold")
    check_share(hhi_threshold, "hhi_threshold")
    if side not in _SIDES:
        message = f"side is {side!r}. Hint: choose one of {', '.join(_SIDES)}."
        raise BadInput(message)
    if result.symbol != hhi.symbol:
        message = f"VPIN is of {result.symbol}, HHI of {hhi.symbol}. Hint: give both for one instrument."
        raise BadInput(message)
    oldest = None if max_age is None else _seconds(max_age)
    at = np.searchsorted(hhi.end_ts, result.end_ts, side="right") - 1
    known = at >= 0
    age = np.full(len(at), -1, dtype=np.int64)
    if known.any():
        age[known] = result.end_ts[known] - hhi.end_ts[at[known]]
    if oldest is not None:
        known &= age <= oldest * 10**9
        age[~known] = -1
    rank_of = expanding_share(hhi.hhi)
    index, rank = np.full(len(at), np.nan), np.full(len(at), np.nan)
    index[known], rank[known] = hhi.hhi[at[known]], rank_of[at[known]]
    share = {"low": 1.0 - rank, "high": rank, "both": np.abs(2.0 * rank - 1.0)}[side]
    warning = (result.cdf > limit) & (share > hhi_threshold)  # False where either is NaN
    config = {
        "vpin": result.config.to_dict(),
        "hhi": hhi.config.to_dict(),
        "vpin_threshold": limit,
        "hhi_threshold": float(hhi_threshold),
        "side": side,
        "max_age": oldest,
    }
    return EarlyWarning(config, hhi.symbol, result.end_ts, result.vpin, result.cdf, index, rank, share, age, warning)


def _seconds(max_age: Any) -> float:
    real = isinstance(max_age, (int, float, np.integer, np.floating)) and not isinstance(max_age, bool)
    if not (real and max_age >= 0):
        message = f"max_age is {max_age!r}. Hint: give seconds, 0 or more, or None for any age."
        raise BadInput(message)
    return float(max_age)
