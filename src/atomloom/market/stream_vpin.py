"""VPIN from trades that arrive in pieces: the same bits as from all trades at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.alert_book import Alerts, book
from atomloom.market.bar_cuts import BAR_BYTES, check_room
from atomloom.market.bars import split_columns, volume_edges
from atomloom.market.expanding import ExpandingRank
from atomloom.market.flow import Flow, Spread, classify, vpin_of
from atomloom.market.layout import Layout
from atomloom.market.spec import VPINConfig
from atomloom.market.stream_tape import VERSION, Tape, check_state, moment, revived, whole_state
from atomloom.store.schema import Trades
from atomloom.store.units import to_price

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from atomloom.market.bar_table import Bars

ROW = np.dtype(
    [
        ("bucket", np.int64),
        ("start_ts", np.int64),
        ("end_ts", np.int64),
        ("close", np.float64),
        ("volume", np.int64),
        ("buy", np.float64),
        ("vpin", np.float64),
        ("cdf", np.float64),
        ("event", np.int8),
    ]
)
_MOST = 2**63 - 1


class VPINStream:
    """Compute VPIN bucket by bucket as trades arrive; any split of them gives the bits of :func:`vpin`.

    Parameters
    ----------
    config : VPINConfig
        With ``bucket_volume``, and sigma and CDF ``"expanding"``: what a stream can know.
    warm : bool
        Compile (or load) the formulas now rather than with the first trades.

    Attributes
    ----------
    alerts : Alerts
        Those of the last update.

    Raises
    ------
    BadInput
        If the configuration needs data from the future.

    Notes
    -----
    An update takes O(new trades), and O(trades of the bucket + window + log of the buckets so far) per bucket
    that it finishes. Held are the trades since the last bar ended (24 bytes each) and 8 bytes per bucket. Not for
    several threads at once.

    Examples
    --------
    >>> from atomloom.data import es_2013_09
    >>> from atomloom.store import read_trades
    >>> trades = read_trades(es_2013_09())
    >>> stream = VPINStream(VPINConfig(buckets_per_day=50, bucket_volume=18_000, support_days=0.5))
    >>> parts = [stream.update(trades.rows(k, k + 125_000)) for k in range(0, 500_000, 125_000)]
    >>> [len(rows) for rows in parts], parts[-1]["bucket"][-1]
    ([21, 27, 27, 27], np.int64(101))
    """

    def __init__(self, config: VPINConfig, *, warm: bool = True) -> None:
        _check_config(config)
        self.config = config
        self.alerts = Alerts()
        self._edges = volume_edges(config.bars_per_bucket, _volume_of(config), config.bars_per_bucket)
        self._tape = Tape()  # trades of the open bucket
        self._taken = 0  # volume of its first trade that earlier buckets have
        self._volume = 0  # what the tape holds beside that
        self._before: float | None = None  # price of the last bar, in ticks
        self._spread = Spread()
        self._imbalance = np.zeros(0)  # of the last window - 1 buckets
        self._rank = ExpandingRank()
        self._bucket = 0
        self._in_event = False
        if warm:
            self._warm()

    def __repr__(self) -> str:
        return f"VPINStream({self._tape.symbol or 'no trades yet'}, {self._bucket:,} buckets)"

    def update(self, trades: Trades, *, now: Any = None) -> NDArray[np.void]:
        """Take the next trades; give a row per bucket that they finish.

        Parameters
        ----------
        trades : Trades
            Of the same instrument, none before the last trade seen; positive prices.
        now : int or datetime64, optional
            Time of this update, ns UTC, for the latency of alerts; without it alerts bear the bucket's end.

        Returns
        -------
        (B,) structured array
            ``bucket, start_ts, end_ts, close, volume, buy, vpin, cdf`` as in :class:`VPINResult`, and
            ``event``: 1 where an event begins, -1 where one has ended, else 0.

        Raises
        ------
        BadInput
            If the trades do not continue the stream or a price is not positive; the stream is then as before.
        """
        self._tape.check(trades)
        at = None if now is None else moment(now)
        if int(trades.px.min()) <= 0:
            message = "px has values that are not positive. "
            raise BadInput(message + "Hint: leave them out, or shift the prices of a spread.")
        volume = self._volume + trades.volume
        if volume + self._taken > _MOST:
            raise BadInput("the open bucket would hold a volume beyond int64. Hint: rescale the sizes.")
        n = volume // _volume_of(self.config)
        check_room(n * self.config.bars_per_bucket, 2 * BAR_BYTES, "bars", "a larger bucket_volume")
        self._tape.append(trades)
        self._volume = volume
        rows = self._finished(n)
        begun = rows[rows["event"] == 1]
        found = zip(begun["end_ts"], begun["vpin"], begun["cdf"], ["vpin"] * len(begun), strict=True)
        self.alerts = book(found, self._tape.symbol, self.config.to_dict(), now=at) if len(begun) else Alerts()
        return rows

    def state(self) -> dict[str, Any]:
        """Return all that the stream knows, as plain values and arrays: a checkpoint."""
        return {
            "stream": "VPINStream",
            "version": VERSION,
            "config": self.config.to_dict(),
            "tape": self._tape.state(),
            "taken": self._taken,
            "volume": self._volume,
            "before": self._before,
            "known": self._spread.known.copy(),
            "moments": self._spread.moments.copy(),
            "imbalance": self._imbalance.copy(),
            "ranked": self._rank.values(),
            "bucket": self._bucket,
            "in_event": self._in_event,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint of a stream with the same configuration.

        Raises
        ------
        BadInput
            If the state is of another kind of stream, or the configurations differ.
        """
        check_state(state, "VPINStream")
        with whole_state("VPINStream"):
            config = VPINConfig.from_dict(state["config"])
        if config != self.config:
            message = (
                f"the state has {state.get('config')}. Hint: VPINStream.from_state(state) takes its configuration."
            )
            raise BadInput(message)
        with whole_state("VPINStream"):
            before = dict(self.__dict__)
            try:
                self._load(state)
            except Exception:
                self.__dict__.update(before)  # what is damaged changes nothing here
                raise

    def _load(self, state: Mapping[str, Any]) -> None:
        self.alerts, self._tape = Alerts(), Tape()
        self._tape.load(state["tape"])
        self._taken, self._volume, self._bucket = (int(state[name]) for name in ("taken", "volume", "bucket"))
        self._before = None if state["before"] is None else float(state["before"])
        known = np.array(state["known"], dtype=np.int64).reshape(4)
        moments = np.array(state["moments"], dtype=np.float64).reshape(2)
        self._spread = Spread(known, moments)
        self._imbalance = np.array(state["imbalance"], dtype=np.float64)
        if self._taken < 0 or self._volume != self._tape.volume - self._taken:
            message = f"its trades hold {self._tape.volume:,}, of which {self._taken:,} and {self._volume:,} are told"
            raise ValueError(message)
        if self._imbalance.shape != (min(max(self._bucket, 0), self.config.window - 1),):
            message = f"it has {self._imbalance.size:,} imbalances after {self._bucket:,} buckets"
            raise ValueError(message)
        self._rank = ExpandingRank(np.asarray(state["ranked"], dtype=np.float64))
        if len(self._rank) > max(0, self._bucket - self.config.window):
            message = f"it has ranked {len(self._rank):,} values after {self._bucket:,} buckets"
            raise ValueError(message)
        if not isinstance(state["in_event"], (bool, int)) or (self._before is None) != (self._bucket == 0):
            message = "in_event or before are not what they should be"
            raise ValueError(message)
        self._in_event = bool(state["in_event"])

    @classmethod
    def from_state(cls, state: Mapping[str, Any], *, warm: bool = True) -> Self:
        """Make a stream that goes on from a checkpoint."""
        return revived(cls, state, lambda: cls(VPINConfig.from_dict(state["config"]), warm=warm))

    def _finished(self, n: int) -> NDArray[np.void]:
        """Take n buckets off the tape and carry VPIN on over them."""
        if n == 0:
            return np.zeros(0, ROW)
        per = self.config.bars_per_bucket
        bars = self._take(n)
        rows = np.zeros(n, ROW)
        rows["bucket"] = np.arange(self._bucket, self._bucket + n)
        rows["start_ts"], rows["end_ts"] = bars.start_ts[::per], bars.end_ts[per - 1 :: per]
        rows["close"] = to_price(bars.close_px[per - 1 :: per], bars.tick_size)
        rows["buy"], rows["volume"], rows["vpin"] = self._toxicity(bars)
        rows["cdf"] = self._rank.update(rows["vpin"])
        above = np.concatenate([[self._in_event], rows["cdf"] > self.config.threshold])
        rows["event"] = np.diff(above.astype(np.int8))
        self._in_event = bool(above[-1])
        self._bucket += n
        return rows

    def _take(self, n: int) -> Bars:
        """Cut the bars of n buckets off the front of the tape."""
        columns, volume = self._tape.columns(), _volume_of(self.config)
        size = columns.size.copy()
        size[0] -= self._taken
        edges = np.append((np.arange(n)[:, None] * volume + self._edges[:-1]).ravel(), n * volume)
        for column in (size, edges):
            column.flags.writeable = False
        bars = split_columns(self._tape.symbol, columns._replace(size=size), edges, self.config.price)
        at = int(np.searchsorted(np.cumsum(size), n * volume))  # the trade that ends the last of them
        over = int(size[: at + 1].sum()) - n * volume
        self._taken = int(columns.size[at]) - over if over else 0
        self._volume -= n * volume
        self._tape.drop(at if over else at + 1)
        return bars

    def _toxicity(self, bars: Bars) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
        """Bought volume, volume and VPIN of each bucket, by the formulas of :func:`vpin`, and carry the window on."""
        from atomloom.market.flow_kernels import bucket_sums  # noqa: PLC0415 - numba loads when a formula is first used

        config, n = self.config, len(bars) // self.config.bars_per_bucket
        layout = Layout(n, config.bars_per_bucket, _volume_of(config), config.bars_per_bucket)
        change = 2.0 * np.diff(bars.price_px, prepend=bars.price_px[0] if self._before is None else self._before)
        self._before = float(bars.price_px[-1])
        most, sums = np.empty(n), np.empty((n, 2), np.int64)
        bucket_sums(change, layout.per_bucket, config.price in {"close", "median"}, most, sums)
        sigma = self._spread.update(change, sums, layout.per_bucket)[:-1]
        flow = classify(change, most, sigma, layout, config.nu)
        held = len(self._imbalance)
        imbalance = np.concatenate([self._imbalance, flow.imbalance])
        series = vpin_of(Flow(imbalance, imbalance, np.full(len(imbalance), layout.num)), config.window)[held:]
        self._imbalance = imbalance[max(0, len(imbalance) - (config.window - 1)) :].copy()
        return flow.bought, flow.total, series

    def _warm(self) -> None:
        """Run every formula once over a few trades; the results are thrown away."""
        config = replace(self.config, bucket_volume=self.config.bars_per_bucket)
        one = type(self)(config, warm=False)
        one.update(Trades(ts=np.arange(2), px=np.array([5, 6]), size=np.array([1, 2 * self.config.bars_per_bucket])))


def _volume_of(config: VPINConfig) -> int:
    return int(config.bucket_volume or 0)


def _check_config(config: Any) -> None:
    """Refuse what a stream cannot work with."""
    if not isinstance(config, VPINConfig):
        message = f"config is {config!r}. Hint: VPINConfig(bucket_volume=...), or VPINConfig.from_dict(...)."
        raise BadInput(message)
    ahead = config.looks_ahead()
    if ahead or config.cdf != "expanding":
        what = f"needs what a stream cannot know ({', '.join(ahead)})" if ahead else f"has the CDF {config.cdf!r}"
        message = (
            f"this configuration {what}. Hint: give bucket_volume (last month's daily volume over buckets_per_day), "
            'sigma="expanding", cdf="expanding".'
        )
        raise BadInput(message)
