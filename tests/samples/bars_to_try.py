"""Series of bars for the tests of the samples room."""

import numpy as np
import pandas as pd


def bars(rows=300, seed=0, quiet=0.0):
    """A dict of columns; a share of the volumes is 0."""
    rng = np.random.default_rng(seed)
    close = np.exp(np.cumsum(rng.normal(0.0, 0.02, rows))) * 50.0
    open_ = close * np.exp(rng.normal(0.0, 0.01, rows))
    high = np.maximum(open_, close) * (1.0 + np.abs(rng.normal(0.0, 0.01, rows)))
    low = np.minimum(open_, close) * (1.0 - np.abs(rng.normal(0.0, 0.01, rows)).clip(0, 0.5))
    volume = np.where(rng.random(rows) < quiet, 0.0, rng.integers(0, 10_000, rows).astype(float))
    return {"open": open_, "high": high, "low": low, "close": close, "volume": volume}


def frame(rows=300, seed=0, start="2020-01-01", freq="D", **settings):
    """The same as a frame with times."""
    return pd.DataFrame(bars(rows, seed, **settings), index=pd.date_range(start, periods=rows, freq=freq))
