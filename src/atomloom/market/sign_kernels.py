"""Formulas of trade signs: the best quote of all venues at each trade; the twin is in tests/oracles/bars_oracle.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from atomloom.kernels.jit import kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Codes = NDArray[np.uint8]

_NONE = np.int64(-(2**63))  # stands for "no quote"


@kernel
def best_of(quote: Ints, known: NDArray[np.bool_], highest: bool) -> Any:
    """Highest or lowest known quote among venues, or the least int64 if none is known; O(venues)."""
    best = _NONE
    for v in range(len(quote)):
        if known[v] and (best == _NONE or (quote[v] > best if highest else quote[v] < best)):
            best = quote[v]
    return best


@kernel
def best_quotes(
    when: Ints, ts: Ints, venue: Codes, bid: Ints, bid_size: Ints, ask: Ints, ask_size: Ints
) -> tuple[Ints, Ints]:  # fmt: skip
    """Best bid and ask over all venues from the quotes strictly before each time.

    Parameters
    ----------
    when : (T,) int64
        Never decreasing.
    ts : (Q,) int64
        Of the quotes, never decreasing.
    venue : (Q,) uint8
    bid, ask : (Q,) int64
        Ticks.
    bid_size, ask_size : (Q,) int64
        0 where the row has no quote of that side: with a price it withdraws that of its venue, and a row without
        any price withdraws both; with price 0 beside a side that has one it says nothing.

    Returns
    -------
    best_bid, best_ask : (T,) int64
        The least int64 where no venue's quote of that side stands.

    Notes
    -----
    Each venue's last quote of a side stands until its next. Venues are looked through only when the best
    one moves away: O(T + Q venues) at worst.
    """
    bids, asks = np.zeros(256, np.int64), np.zeros(256, np.int64)
    has_bid, has_ask = np.zeros(256, np.bool_), np.zeros(256, np.bool_)
    out_bid, out_ask = np.empty(len(when), np.int64), np.empty(len(when), np.int64)
    top = bottom = _NONE
    q = 0
    for t in range(len(when)):
        while q < len(ts) and ts[q] < when[t]:
            v = venue[q]
            none = bid[q] == 0 and ask[q] == 0
            if bid_size[q] > 0:
                was_best = has_bid[v] and bids[v] == top
                bids[v], has_bid[v] = bid[q], True
                if top == _NONE or bid[q] >= top:
                    top = bid[q]
                elif was_best:
                    top = best_of(bids, has_bid, True)
            elif has_bid[v] and (bid[q] != 0 or (none and ask_size[q] == 0)):
                has_bid[v] = False
                if bids[v] == top:
                    top = best_of(bids, has_bid, True)
            if ask_size[q] > 0:
                was_best = has_ask[v] and asks[v] == bottom
                asks[v], has_ask[v] = ask[q], True
                if bottom == _NONE or ask[q] <= bottom:
                    bottom = ask[q]
                elif was_best:
                    bottom = best_of(asks, has_ask, False)
            elif has_ask[v] and (ask[q] != 0 or (none and bid_size[q] == 0)):
                has_ask[v] = False
                if asks[v] == bottom:
                    bottom = best_of(asks, has_ask, False)
            q += 1
        out_bid[t], out_ask[t] = top, bottom
    return out_bid, out_ask


@kernel
def quote_signs(px: Ints, bid: Ints, ask: Ints, tick: NDArray[np.int8]) -> NDArray[np.int8]:
    """Sign of each trade against the midpoint of the best quotes, by the tick rule where that does not tell; O(T)."""
    out = np.empty(len(px), np.int8)
    for t in range(len(px)):
        out[t] = tick[t]
        if bid[t] != _NONE and ask[t] != _NONE and bid[t] <= ask[t]:
            away = (px[t] - bid[t]) - (ask[t] - px[t])
            if away != 0:
                out[t] = 1 if away > 0 else -1
    return out
