"""Which rows count, and in which window: the part that fragmentation of all rows and of a stream share."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.errors import BadInput
from atomloom.market.bar_cuts import LEAST, MOST, check_kind, check_room
from atomloom.market.bars import count, whole_ns
from atomloom.market.local_time import DAY_NS, day_starts, in_session, local_days, time_of_day, zone_of
from atomloom.store.quotes import Quotes
from atomloom.store.schema import Trades

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

ROW = np.dtype(
    [
        ("start_ts", np.int64),
        ("end_ts", np.int64),
        ("hhi", np.float64),
        ("venues", np.int64),
        ("weight", np.int64),
        ("rows", np.int64),
        ("top", np.uint8),
        ("top_share", np.float64),
    ]
)
_MOST_CELLS = 2**20  # counts of each venue are held for as many steps
_WINDOW_BYTES = 160  # of a window, with what it takes to make it
_BY = {"trades": ("volume", "trades"), "quotes": ("quotes", "size")}


@dataclass(frozen=True)
class HHIConfig:
    """Windows, weights and the rows that count.

    Parameters
    ----------
    window : "day" or float, optional
        Local days, or seconds. Neither this nor volume means ``"day"``.
    volume : int, optional
        Windows of this volume instead; trades are cut at their edges.
    step : float or int, optional
        From one window to the next, seconds or volume, of which the window is a whole multiple: windows slide.
        Without it they follow one another.
    by : str, optional
        ``"volume"`` (default) or ``"trades"``; for quotes ``"quotes"`` (default) or ``"size"``, both sides added.
    flagged : bool
        Whether rows with flags count too.
    session : (str, str), optional
        Local times of day ``(start, end)``; other rows do not count.
    tz : str
        IANA name of the time zone of days and sessions.

    Raises
    ------
    BadInput
        If any of them is out of range, or they contradict each other.

    Examples
    --------
    >>> HHIConfig(window=3600, step=60).cells
    60
    """

    window: Any = None
    volume: int | None = None
    step: float | None = None
    by: str | None = None
    flagged: bool = False
    session: tuple[str, str] | None = None
    tz: str = "UTC"

    def __post_init__(self) -> None:
        if self.volume is not None and self.window is not None:
            raise BadInput("window and volume are both given. Hint: windows are either of time or of volume.")
        if self.volume is None and self.window is None:
            object.__setattr__(self, "window", "day")
        if isinstance(self.window, str) and self.window != "day":
            message = f"window is {self.window!r}. Hint: give 'day' or seconds."
            raise BadInput(message)
        if self.window == "day" and self.step is not None:
            raise BadInput("days do not slide. Hint: window=86400, step=3600.")
        if self.by is not None and self.by not in _BY["trades"] + _BY["quotes"]:
            message = f"by is {self.by!r}. Hint: 'volume' or 'trades' for trades, 'quotes' or 'size' for quotes."
            raise BadInput(message)
        if self.volume is not None and self.by in _BY["quotes"]:
            raise BadInput("quotes have no volume to make windows of. Hint: give window in seconds.")
        for name in ("window", "step"):  # 60.0 and 60 are one configuration, with one hash
            value = getattr(self, name)
            if isinstance(value, (float, np.floating)) and float(value).is_integer():
                object.__setattr__(self, name, int(value))
        zone_of(self.tz)
        if self.session is not None:
            start, end = _pair(self.session)
            if time_of_day(start) % DAY_NS == time_of_day(end):
                message = f"session is {self.session!r}, which is empty. Hint: session=('09:30', '16:00')."
                raise BadInput(message)
            object.__setattr__(self, "session", (start, end))
        if self.window != "day" and self._length % self.unit:
            message = (
                f"a window of {self.window or self.volume} is no multiple of the step of {self.step}. "
                "Hint: step=window / 10, for example."
            )
            raise BadInput(message)
        if self.cells > _MOST_CELLS:
            message = f"the window is {self.cells:,} steps long. Hint: {_MOST_CELLS:,} at most; give a larger step."
            raise BadInput(message)

    @property
    def _length(self) -> int:
        return whole_ns(self.window, "window") if self.volume is None else count(self.volume, "volume")

    @cached_property
    def unit(self) -> int:
        """Length of a cell: ns, or volume; 0 for days."""
        if self.window == "day":
            return 0
        if self.step is None:
            return self._length
        return whole_ns(self.step, "step") if self.volume is None else count(self.step, "step")

    @cached_property
    def cells(self) -> int:
        """Cells per window."""
        return 1 if self.window == "day" else self._length // self.unit

    def weigh(self, rows: Trades | Quotes) -> str:
        """Return what rows of this kind are weighed by."""
        options = _BY["quotes" if isinstance(rows, Quotes) else "trades"]
        by = options[0] if self.by is None else self.by
        if by not in options:
            message = f"by is {by!r}, which {type(rows).__name__} do not have. Hint: choose {' or '.join(options)}."
            raise BadInput(message)
        return by

    def to_dict(self) -> dict[str, Any]:
        """Return the parameters as plain values."""
        return asdict(self)


class WindowCount:
    """Counts the rows of each venue in windows as they come; weights are whole numbers, so nothing drifts."""

    def __init__(self, config: HHIConfig) -> None:
        self.config = config
        self.n_used = self.n_flagged = self.n_outside = 0
        self.venues: tuple[str, ...] = ()
        self._held = 0  # volume in the open cell
        self._place = np.zeros(4, np.int64)
        self._ring = np.zeros((0, 0), np.int64)
        self._window = np.zeros(0, np.int64)

    def check(self, rows: Trades | Quotes) -> None:
        """Refuse rows that have no venues, or other ones than before."""
        check_kind(rows, Trades, Quotes)
        by = self.config.weigh(rows)
        if isinstance(rows, Quotes) and self.config.volume is not None:
            raise BadInput("quotes have no volume to make windows of. Hint: give window in seconds.")
        if rows.venue is None:
            message = f"{rows!r} have no venues. Hint: give venue= and venues=, or a file with a column of venues."
            raise BadInput(message)
        if self.venues and rows.venues != self.venues:
            message = f"venues are {rows.venues}, before they were {self.venues}. Hint: one code per venue throughout."
            raise BadInput(message)
        held = int(self._window[:-1].sum())
        if by == "size" or (by == "volume" and self.config.volume is None):
            columns = (rows.bid_size, rows.ask_size) if isinstance(rows, Quotes) else (rows.size,)
            held += sum(int(column.max()) for column in columns) * len(rows)
            if held > MOST:  # only then is it worth adding up
                held = int(self._window[:-1].sum()) + sum(sum(column.tolist()) for column in columns)
        if held > MOST:
            raise BadInput("what is open would hold a weight beyond int64. Hint: rescale the sizes.")
        if self.config.volume is not None:
            windows = (self._held + rows.volume) // self.config.unit if isinstance(rows, Trades) else 0
            check_room(windows, _WINDOW_BYTES + 24, "windows", "give a larger volume, or a larger step")

    def feed(self, rows: Trades | Quotes) -> NDArray[np.void]:
        """Take rows that :meth:`check` lets pass; give those of the windows that they finish."""
        if not self.venues:
            self.venues = rows.venues
            self._ring = np.zeros((self.config.cells, len(self.venues) + 2), np.int64)
            self._window = np.zeros(len(self.venues) + 1, np.int64)
        ts, venue, weight = self._chosen(rows)
        self.n_used += len(ts)
        if self.config.volume is not None:
            return self._by_volume(ts, venue, weight)
        return self._run(self._cells(ts), ts, venue, weight, LEAST)

    def close(self, now: int | None = None) -> NDArray[np.void]:
        """Give the windows of time that are over at ``now``; without it also the one that the data cut short."""
        if self.config.volume is not None or not self._place[0]:
            return np.zeros(0, ROW)
        nothing = np.zeros(0, np.int64)
        upto = int(self._place[2]) + 1 if now is None else int(self._cells(np.array([now]))[0])
        return self._run(nothing, nothing, nothing.astype(np.uint8), nothing, upto)

    def state(self) -> dict[str, Any]:
        """Return everything that the next rows depend on."""
        return {
            "counts": [self.n_used, self.n_flagged, self.n_outside],
            "venues": self.venues,
            "held": self._held,
            "place": self._place.copy(),
            "ring": self._ring.copy(),
            "window": self._window.copy(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Hold what a state says; ValueError if it cannot be one of this configuration."""
        self.n_used, self.n_flagged, self.n_outside = (int(value) for value in state["counts"])
        self.venues, self._held = tuple(state["venues"]), int(state["held"])
        v = len(self.venues)  # formulas trust shapes: what has another one is refused here
        self._place = np.array(state["place"], dtype=np.int64).reshape(4)
        self._window = np.array(state["window"], dtype=np.int64).reshape(v + 1 if v else 0)
        shape = (self.config.cells, v + 2) if v else (0, 0)
        self._ring = np.array(state["ring"], dtype=np.int64).reshape(shape)
        if not ((self._ring[:, : v + 1].sum(axis=0) == self._window).all() and (self._window >= 0).all()):
            message = "its window is not what its steps add up to"
            raise ValueError(message)
        if not 0 <= self._held < (1 if self.config.volume is None else self.config.unit):
            message = f"its open step holds {self._held:,}"
            raise ValueError(message)

    def _chosen(self, rows: Trades | Quotes) -> tuple[NDArray[np.int64], NDArray[np.uint8], NDArray[np.int64]]:
        by = self.config.weigh(rows)
        if isinstance(rows, Quotes):
            weight = rows.bid_size.astype(np.int64) + rows.ask_size if by == "size" else None
        else:
            weight = rows.size.astype(np.int64) if by == "volume" or self.config.volume is not None else None
        keep: NDArray[np.bool_] | None = None
        if rows.flags is not None and not self.config.flagged:
            keep = rows.flags == 0
            self.n_flagged += len(rows) - int(keep.sum())
        if self.config.session is not None:
            inside = in_session(rows.ts, self.config.session, self.config.tz)
            self.n_outside += int((~inside if keep is None else keep & ~inside).sum())
            keep = inside if keep is None else keep & inside
        chosen = slice(None) if keep is None or keep.all() else keep
        if weight is None:
            weight = np.ones(len(rows), np.int64)
        venue = rows.venue if rows.venue is not None else np.zeros(0, np.uint8)
        return frozen(rows.ts[chosen]), frozen(venue[chosen]), frozen(weight[chosen])

    def _cells(self, ts: NDArray[np.int64]) -> NDArray[np.int64]:
        if self.config.window != "day":
            return ts // self.config.unit
        days = local_days(ts, self.config.tz)
        # Some clocks go back over midnight (St. John's did, until 2011): a day that has begun is not left again.
        begun = int(self._place[2]) if self._place[0] else int(days[0]) if len(days) else 0
        later: NDArray[np.int64] = np.maximum.accumulate(np.maximum(days, begun))
        return later

    def _by_volume(self, ts: NDArray[np.int64], venue: NDArray[np.uint8], size: NDArray[np.int64]) -> NDArray[np.void]:
        from atomloom.market import fragmentation_kernels  # noqa: PLC0415 - numba loads when a formula is first used

        unit = self.config.unit
        crossed, held = divmod(self._held + int(size.sum()), unit)
        trade, amount, cell = fragmentation_kernels.volume_pieces(size, unit, self._held, len(ts) + crossed)
        self._held = held
        before = int(self._place[2])
        weight = amount if self.config.by in {None, "volume"} else np.ones(len(trade), np.int64)
        return self._run(
            frozen(cell + before), frozen(ts[trade]), frozen(venue[trade]), frozen(weight), before + crossed
        )

    def _run(
        self,
        cell: NDArray[np.int64],
        ts: NDArray[np.int64],
        venue: NDArray[np.uint8],
        weight: NDArray[np.int64],
        upto: int,
    ) -> NDArray[np.void]:
        from atomloom.market import fragmentation_kernels  # noqa: PLC0415 - numba loads when a formula is first used

        room = self._room(cell, upto)
        check_room(room, _WINDOW_BYTES, "windows", "give a larger window, or a larger step")
        table, share = np.empty((room, 8), np.int64), np.empty(room)
        n = fragmentation_kernels.hhi_on(
            frozen(cell), frozen(ts), frozen(venue), frozen(weight), self._ring, self._window, self._place, upto,
            table, share,
        )  # fmt: skip
        table = table[:n]
        rows = np.zeros(n, ROW)
        rows["start_ts"], rows["end_ts"] = self._bounds(table)
        rows["hhi"], rows["venues"], rows["weight"], rows["rows"] = share[:n], table[:, 3], table[:, 4], table[:, 5]
        rows["top"], rows["top_share"] = table[:, 6], table[:, 7] / np.maximum(table[:, 4], 1)
        return rows

    def _room(self, cell: NDArray[np.int64], upto: int) -> int:
        """Most windows that can end: each cell entered, and the rest of a window after it."""
        if not len(cell) and not self._place[0]:
            return 0
        low = int(self._place[2]) if self._place[0] else int(cell[0])
        high = max(upto, int(cell[-1]) if len(cell) else low)
        entered = (int((cell[1:] != cell[:-1]).sum()) if len(cell) else 0) + 2
        return max(0, min(high - low, entered * self.config.cells))

    def _bounds(self, table: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        last, cells, unit = table[:, 0], self.config.cells, self.config.unit
        if self.config.volume is not None:
            return table[:, 1], table[:, 2]
        if self.config.window == "day":
            return day_starts(last, self.config.tz), day_starts(last + 1, self.config.tz)
        return (last - cells + 1) * unit, (last + 1) * unit


def frozen(column: NDArray[Any]) -> NDArray[Any]:
    """Give a read-only view, so that formulas are compiled once.

    Examples
    --------
    >>> frozen(np.arange(3)).flags.writeable
    False
    """
    view = column.view()
    view.flags.writeable = False
    return view


def _pair(session: Any) -> tuple[str, str]:
    if not (isinstance(session, (tuple, list)) and len(session) == 2):
        message = f"session is {session!r}. Hint: session=('09:30', '16:00')."
        raise BadInput(message)
    return session[0], session[1]
