"""Trades as hypothesis draws them: short, clustered in time, with nasty sizes and prices."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from atomloom.store import Trades

PX = st.integers(90, 110)


@st.composite
def trades(draw, *, max_trades=40, max_size=30, px=PX, dtype=None):
    n = draw(st.integers(1, max_trades))
    steps = draw(
        st.lists(st.sampled_from([0, 0, 1, 10**6, 10**9, 3600 * 10**9, 90_000 * 10**9]), min_size=n, max_size=n)
    )
    dtype = draw(st.sampled_from([np.int32, np.int64])) if dtype is None else dtype
    return Trades(
        ts=np.cumsum(np.array(steps, dtype=np.int64)) + 10**18,
        px=np.array(draw(st.lists(px, min_size=n, max_size=n)), dtype=dtype),
        size=np.array(draw(st.lists(st.integers(1, max_size), min_size=n, max_size=n)), dtype=np.int64),
        tick_size=0.25,
        symbol="TEST",
    )
