"""Bars from trades that arrive in pieces: the same bits as from all trades at once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.bar_cuts import LEAST, Cutter, DollarCut, SplitCut, TickCut, TimeCut, VolumeCut, whole
from atomloom.market.bars import assemble, check_price, count, positive, whole_ns
from atomloom.market.imbalance import WEIGHTS, Expectations, ImbalanceCut, check_signs
from atomloom.market.stream_tape import VERSION, Tape, check_state, moment, revived, whole_state
from atomloom.store.schema import Trades

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike

    from atomloom.market.bar_table import Bars

KINDS = ("time", "tick", "volume", "dollar", *(f"{by}_{what}" for what in ("imbalance", "runs") for by in WEIGHTS))


class BarStream:
    """Make bars from trades as they arrive; any split of the trades gives the bars of the whole, to the bit.

    Parameters
    ----------
    kind : {"time", "tick", "volume", "dollar", "tick_imbalance", ..., "dollar_runs"}
        What ends a bar: see :func:`time_bars`, :func:`tick_bars`, :func:`volume_bars`, :func:`dollar_bars`,
        :func:`imbalance_bars` and :func:`runs_bars`.
    size : int or float
        Seconds, trades, volume or value of a bar; for imbalance and runs bars their ``expected_ticks``.
    split : bool
        For volume bars: whether a trade is cut at an edge.
    price : str
        What stands for a bar: see :func:`volume_bars`.
    alpha_bars, alpha_trades, limits
        For imbalance and runs bars: see :class:`atomloom.market.imbalance.Expectations`.
    warm : bool
        Compile (or load) the formulas now rather than with the first trades.

    Raises
    ------
    BadInput
        If a parameter is out of range.

    Notes
    -----
    The trades of the open bar are held, 24 bytes each. An update takes O(new trades), and O(trades of the
    bar) where it finishes one. Not for several threads at once.

    Examples
    --------
    >>> from atomloom.store import Trades
    >>> stream = BarStream("volume", 3, warm=False)
    >>> [stream.update(Trades([t], [10 + t], [2])).volume.tolist() for t in range(3)]
    [[], [3], [3]]
    """

    def __init__(
        self,
        kind: str,
        size: float,
        *,
        split: bool = True,
        price: str = "close",
        alpha_bars: float = 0.1,
        alpha_trades: float | None = None,
        limits: tuple[float, float] | None = (0.1, 10.0),
        warm: bool = True,
    ) -> None:
        check_price(price)
        self._config: dict[str, Any] = {
            "kind": kind,
            "size": size,
            "split": split,
            "price": price,
            "alpha_bars": alpha_bars,
            "alpha_trades": alpha_trades,
            "limits": limits,
        }
        self._cutter = _cutter(self._config)
        self._tape = Tape()
        if warm:
            self._warm()

    def __repr__(self) -> str:
        return f"BarStream({self.kind}, {self._config['size']:g}, {len(self._tape):,} trades in the open bar)"

    @property
    def kind(self) -> str:
        """What ends a bar."""
        return str(self._config["kind"])

    @property
    def config(self) -> dict[str, Any]:
        """The parameters, as plain values."""
        return dict(self._config)

    def update(self, trades: Trades, *, signs: ArrayLike | None = None) -> Bars:
        """Take the next trades; give the bars that they finish.

        Parameters
        ----------
        trades : Trades
            Of the same instrument, none before the last trade seen.
        signs : (T,) int8, optional
            For imbalance and runs bars, as in :func:`imbalance_bars`; in every update or in none.

        Returns
        -------
        Bars
            Often none.

        Raises
        ------
        BadInput
            If the trades do not continue the stream; it is then as before.
        """
        self._tape.check(trades)
        given = None if signs is None else check_signs(signs, len(trades))
        if given is not None and not isinstance(self._cutter, ImbalanceCut):
            message = f"{self.kind} bars take no signs. Hint: leave them out."
            raise BadInput(message)
        if self.kind.startswith("dollar") and int(trades.px.min()) <= 0:
            raise BadInput("dollar bars need positive prices. Hint: use volume or tick bars for spreads.")
        offset = len(self._tape)
        new = self._tape.append(trades)
        cut = (
            self._cutter.cut(new, offset, given)
            if isinstance(self._cutter, ImbalanceCut)
            else self._cutter.cut(new, offset)
        )
        made = self._bars(cut, given is not None)
        self._tape.drop(cut.rest)
        return made

    def advance(self, now: Any) -> Bars:
        """Say that no trade before ``now`` (ns UTC) will come; gives the time bar that is over by then, if one is."""
        at = moment(now)
        over = isinstance(self._cutter, TimeCut) and self._cutter.over(at)
        self._tape.last_ts = max(self._tape.last_ts, at)
        return self.finish() if over else self._bars(whole(np.zeros(0, np.int64)))

    def finish(self) -> Bars:
        """End the data: gives the last time bar, cut short as in :func:`time_bars`; other kinds leave the rest out."""
        last = np.zeros(0, np.int64)
        if isinstance(self._cutter, TimeCut) and len(self._tape):
            last = np.array([len(self._tape) - 1])
            self._cutter.end = LEAST
        made = self._bars(whole(last))
        self._tape.drop(len(last) and len(self._tape))
        return made

    def state(self) -> dict[str, Any]:
        """Return all that the stream knows, as plain values and arrays: a checkpoint."""
        head = {"stream": "BarStream", "version": VERSION, "config": self.config}
        return {**head, "cutter": self._cutter.state(), "tape": self._tape.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint of a stream with the same parameters.

        Raises
        ------
        BadInput
            If the state is of another kind of stream, or the parameters differ.
        """
        check_state(state, "BarStream")
        with whole_state("BarStream"):
            self._restore(state)

    def _restore(self, state: Mapping[str, Any]) -> None:
        if _parameters(state) != self._config:
            message = f"the state has {state['config']}, this stream {self._config}. Hint: BarStream.from_state(state)."
            raise BadInput(message)
        cutter, tape = _cutter(self._config, state["cutter"]), Tape()
        if _asked_of(cutter) != _asked_of(self._cutter):
            message = f"its bars end at {_asked_of(cutter)}, its parameters say {_asked_of(self._cutter)}"
            raise ValueError(message)
        tape.load(state["tape"])
        _check_cutter(cutter, tape)
        self._cutter, self._tape = cutter, tape

    @classmethod
    def from_state(cls, state: Mapping[str, Any], *, warm: bool = True) -> Self:
        """Make a stream that goes on from a checkpoint."""
        return revived(cls, state, lambda: cls(**_parameters(state), warm=warm))

    def _bars(self, cut: Any, signed: bool = False) -> Bars:
        symbol, columns = self._tape.symbol or "UNKNOWN", self._tape.columns()
        columns = columns._replace(tick_size=columns.tick_size or 1.0)  # before the first trade
        return assemble(symbol, columns, cut, self.kind, str(self._config["price"]), self._asked(signed))

    def _asked(self, signed: bool) -> dict[str, Any]:
        """Tell what the bars are asked for by, as the function of all trades at once does."""
        if isinstance(self._cutter, ImbalanceCut):
            return {**self._cutter.expect.to_dict(), "signs": "given" if signed else "tick rule"}
        size = self._config["size"]
        if self.kind == "volume":
            return {"size": int(size), "split": bool(self._config["split"])}
        return {"size": int(size) if self.kind == "tick" else float(size)}

    def _warm(self) -> None:
        """Run every formula once over a few trades; the results are thrown away."""
        config = {**self._config, "size": 1, "limits": None, "alpha_trades": None, "warm": False}
        one = type(self)(**config)
        for t in range(3):
            one.update(Trades(ts=np.array([4, 5]) * 10**9 + t * 10**10, px=np.array([5, 6]), size=np.array([1, 2])))
        one.finish()


def _cutter(config: Mapping[str, Any], state: Mapping[str, Any] | None = None) -> Cutter:
    kind, size = config["kind"], config["size"]
    held = dict(state or {})
    if kind not in KINDS:
        message = f"kind is {kind!r}. Hint: choose one of {', '.join(KINDS)}."
        raise BadInput(message)
    if kind == "time":
        return TimeCut(**{"step": whole_ns(size), **held})
    if kind == "tick":
        return TickCut(**{"step": count(size, "size"), **held})
    if kind == "volume" and config["split"]:
        return SplitCut(**{"edges": (0, count(size, "size")), **held})
    if kind == "volume":
        return VolumeCut(**{"threshold": count(size, "size"), **held})
    if kind == "dollar":
        return DollarCut(**{"threshold": positive(size, "size", "the quote currency per bar"), **held})
    by, what = kind.split("_")
    expect = Expectations(size, config["alpha_bars"], config["alpha_trades"], config["limits"])
    if held:
        held["held"] = np.array(held["held"], dtype=np.float64)
    return ImbalanceCut(what, by, expect, **held)


def _check_cutter(cutter: Cutter, tape: Tape) -> None:
    """Refuse places within a bar that formulas could not go on from."""
    kinds = (int, float) if isinstance(cutter, DollarCut) else (int,)
    for name, value in () if isinstance(cutter, ImbalanceCut) else cutter.state().items():
        if name != "edges" and (isinstance(value, bool) or not isinstance(value, kinds)):
            message = f"{name} is {value!r}"
            raise TypeError(message)
    held, skip = getattr(cutter, "held", 0), getattr(cutter, "skip", 0)
    first = int(tape.columns().size[0]) if len(tape) else 1
    if (not isinstance(cutter, ImbalanceCut) and not 0 <= held < math.inf) or not 0 <= skip < first:
        message = f"its open bar holds {held}, {skip} of its first trade is taken"
        raise ValueError(message)


def _asked_of(cutter: Cutter) -> Any:
    """Give the part of a cut that does not change: a state must not bring another."""
    names = ("step", "threshold", "edges")
    return next((getattr(cutter, name) for name in names if hasattr(cutter, name)), None)


def _parameters(state: Mapping[str, Any]) -> dict[str, Any]:
    limits = state["config"]["limits"]
    return {**state["config"], "limits": None if limits is None else (limits[0], limits[1])}
