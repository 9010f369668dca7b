"""The block bootstrap of whole rows: paths made of stretches of what really happened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.engine.side_by_side import in_threads, spans
from atomloom.errors import BadInput
from atomloom.kernels import memory
from atomloom.samples.market_checks import check_out, ohlcv_rows, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Reals = NDArray[np.float64]

KINDS = ("moving", "circular", "stationary")
_GRAIN = 1 << 16  # rows that are worth a thread of their own


@dataclass(frozen=True, eq=False)
class BlockBootstrap:
    """Paths of blocks of real OHLCV rows, drawn with replacement.

    Parameters
    ----------
    frame : DataFrame, or mapping of str to DataFrame
        Columns open, high, low, close, volume, in any case; rows in time order. Several frames are several assets: of
        the same rows, which are drawn together, so whatever correlates them stays.
    block : float
        Rows of a block; of the stationary kind their mean, at least 1.
    kind : str
        "stationary": lengths are geometric (Politis and Romano 1994), blocks go round the end. "circular": equal
        lengths, round the end (Politis and Romano 1992). "moving": equal lengths, within the rows (Künsch 1989).

    Raises
    ------
    BadInput
        For frames that :func:`ohlcv_rows` refuses, or of other rows than the first; for an unknown kind; for a block
        that is no number from 1 to the number of rows less one.

    Notes
    -----
    A row is drawn as ratios to the close before, and is put at the price that its path has reached. The first row of
    the frame only gives such a close. Within a block everything is as it was; across its end nothing is.

    Examples
    --------
    >>> import pandas as pd
    >>> close = np.array([10.0, 11.0, 12.0, 11.0])
    >>> frame = pd.DataFrame({"open": close, "high": close, "low": close, "close": close, "volume": 7.0})
    >>> BlockBootstrap(frame, block=2)
    BlockBootstrap(block=2.0, kind='stationary', rows=3, assets=1)
    """

    frame: Any = field(repr=False)
    block: float = 20.0
    kind: str = "stationary"
    ratios: Reals = field(init=False, repr=False)
    names: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        frames = dict(self.frame) if isinstance(self.frame, Mapping) else {"asset": self.frame}
        if not frames:
            raise BadInput("BlockBootstrap: no frame is given. Hint: a DataFrame, or {name: DataFrame}.")
        tables = [ohlcv_rows(frame, f"BlockBootstrap: {name}") for name, frame in frames.items()]
        first = next(iter(frames))
        for (name, frame), table in zip(frames.items(), tables, strict=True):
            if len(table) != len(tables[0]) or not frame.index.equals(frames[first].index):
                message = f"BlockBootstrap: {name} has other rows than {first} ({len(table):,}, {len(tables[0]):,})"
                raise BadInput(f"{message}. Hint: give rows of the same times; join the frames first.")
        ratios = [np.column_stack([table[1:, :4] / table[:-1, 3:4], table[1:, 4]]) for table in tables]
        object.__setattr__(self, "ratios", np.ascontiguousarray(ratios))
        object.__setattr__(self, "names", tuple(map(str, frames)))
        object.__setattr__(self, "block", checked_block(self.block, self.kind, self.ratios.shape[1]))

    def __repr__(self) -> str:
        assets, rows = self.ratios.shape[:2]
        return f"BlockBootstrap(block={self.block}, kind={self.kind!r}, rows={rows}, assets={assets})"

    @property
    def volatility(self) -> float:
        """Standard deviation of log-returns of the first frame, per bar."""
        return float(np.log(self.ratios[0, :, 3]).std())

    def to_dict(self) -> dict[str, Any]:
        """Give the name and the parameters, and how many rows there are, as plain values."""
        own = {"block": self.block, "kind": self.kind, "rows": self.ratios.shape[1], "assets": list(self.names)}
        return {"model": "BlockBootstrap", **own}


def checked_block(block: Any, kind: Any, rows: int) -> float:
    """Refuse what is no block of so many rows; give its size.

    Examples
    --------
    >>> checked_block(20, "stationary", 100)
    20.0
    """
    if kind not in KINDS:
        raise BadInput(f"kind is {kind!r}. Hint: give one of {', '.join(KINDS)}.")
    number = isinstance(block, (int, float, np.integer, np.floating)) and not isinstance(block, bool)
    if not number or not 1 <= block <= rows:
        raise BadInput(f"block is {block!r}. Hint: give a number from 1 to the {rows:,} rows there are.")
    if kind != "stationary" and block != int(block):
        raise BadInput(f"block is {block!r}. Hint: blocks of equal length are whole numbers of rows.")
    return float(block)


def bootstrap_rows(
    data: Any,
    n_bars: int,
    block: float = 20.0,
    kind: str = "stationary",
    seed: int | Sequence[int] | np.random.Generator = 0,
    *,
    n_paths: int = 1,
    first_path: int = 0,
    out: NDArray[Any] | None = None,
    num_threads: int | None = None,
) -> NDArray[Any]:
    """Draw blocks of rows with replacement, until every path has its bars.

    Parameters
    ----------
    data : (R, C) or (R,) array, or DataFrame
        Of float64 or float32; other numbers become float64. Rows are copied as they are.
    n_bars : int
        Rows of a path.
    block, kind
        See :class:`BlockBootstrap`.
    seed : int, sequence of int or Generator
    n_paths, first_path : int
        Paths are numbered from `first_path` on; a path depends on its number and the seed only.
    out : (n_paths, n_bars, C) array of the dtype of the rows, optional
        Written and returned; (n_paths, n_bars) for one-dimensional data. C order.
    num_threads : int, optional
        None is every physical core. Values do not depend on it.

    Returns
    -------
    (n_paths, n_bars, C) array, or (n_paths, n_bars) for one-dimensional data

    Raises
    ------
    BadInput
        For data without rows or with other than numbers, a block that is no number from 1 to R, an unknown kind, or an
        `out` of another shape, dtype or order, that is read-only, or has memory of the data.

    Notes
    -----
    O(n_paths n_bars C) time. Each block takes one random block of the path's stream: a start in [0, R), and for the
    stationary kind a length ``1 + floor(log u / log(1 - 1/block))``.

    References
    ----------
    Künsch (1989), The Annals of Statistics 17; Politis and Romano, The stationary bootstrap, JASA 89 (1994).

    Examples
    --------
    >>> bootstrap_rows(np.arange(10.0), 12, block=4, kind="circular", seed=1)[0]
    array([6., 7., 8., 9., 9., 0., 1., 2., 5., 6., 7., 8.])
    """
    rows = _rows_of(data)
    count, width = len(rows), rows.shape[1] if rows.ndim == 2 else 1
    size = checked_block(block, kind, count)
    paths, bars = whole("n_paths", n_paths, 1, 1 << 40), whole("n_bars", n_bars, 1, 1 << 40)
    first = whole("first_path", first_path, 0, 1 << 62)
    shape = (paths, bars, *rows.shape[1:])
    if out is None:
        out = memory.empty(shape, rows.dtype)
    else:
        check_out(out, shape, (rows.dtype,))
        if np.shares_memory(out, rows):
            raise BadInput("out has memory of the rows that are drawn. Hint: an array of its own, or nothing.")
    _copy(rows.reshape(-1), width, (KINDS.index(kind), size), (first, seed), out.reshape(paths, -1), num_threads)
    return out


def _rows_of(data: Any) -> NDArray[Any]:
    try:
        found = np.asarray(data)
        if found.dtype not in (np.float64, np.float32):
            found = found.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise BadInput(f"data: {error}. Hint: give rows of numbers, (R, C) or (R,).") from None
    if found.ndim not in {1, 2} or 0 in found.shape:
        raise BadInput(f"data has shape {found.shape}. Hint: give rows of numbers, (R, C) or (R,).")
    return np.ascontiguousarray(found)


def _copy(
    flat: NDArray[Any],
    width: int,
    plan: tuple[int, float],
    origin: tuple[int, Any],
    out: NDArray[Any],
    num_threads: int | None,
) -> None:
    from atomloom.kernels.philox import key_of  # noqa: PLC0415 - loads numba
    from atomloom.samples.bootstrap_kernels import drawn_copies  # noqa: PLC0415 - same
    from atomloom.samples.shock_kernels import BLOCK, word_of  # noqa: PLC0415 - same

    keys = (word_of(BLOCK), *key_of(origin[1]))
    flat.flags.writeable = False  # one form for the compiler, whatever was given

    def some(low: int, high: int) -> None:
        ids = np.arange(origin[0] + low, origin[0] + high, dtype=np.uint64)
        drawn_copies(ids, flat, width, *plan, keys, out[low:high])

    grain = max(1, _GRAIN // max(1, out.shape[1] // width))
    in_threads(some, spans(len(out), grain, num_threads, most=4), num_threads)
