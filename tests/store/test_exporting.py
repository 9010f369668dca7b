"""Export: what other tools read is what is stored."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from atomloom.errors import BadInput
from atomloom.store import export, open_store, write_trades
from store.made import make


@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.csv.gz"])
def test_a_table_comes_out_whole(tmp_path, name):
    trades = make(3_000, venues=4)
    store = write_trades(tmp_path / "t.h5", trades)
    assert export(store, tmp_path / name) == 3_000
    frame = pd.read_parquet(tmp_path / name) if name.endswith("parquet") else pd.read_csv(tmp_path / name)
    assert np.array_equal(
        pd.to_datetime(frame["ts"]).dt.tz_localize(None).astype("datetime64[ns]").astype("int64"), trades.ts
    )
    assert np.array_equal(frame["price"], trades.price)
    assert np.array_equal(frame["size"], trades.size)
    assert frame["venue"].tolist() == [trades.venues[code] for code in trades.venue]
    assert sorted(child.name for child in tmp_path.iterdir()) == sorted(["t.h5", name])


def test_a_span_and_what_is_refused(tmp_path):
    trades = make(300)
    path = write_trades(tmp_path / "t.h5", trades)
    lo, hi = int(trades.ts[50]), int(trades.ts[60])
    with open_store(path) as store:
        assert export(store, tmp_path / "a.csv", "ES", start=lo, end=hi) == len(trades.slice(lo, hi))
        assert export(store, tmp_path / "b.csv", "ES", start=10**18) == 0
    assert (tmp_path / "b.csv").read_text() == "ts,price,size\n"
    with pytest.raises(BadInput, match=r"format is None for t\.txt"):
        export(path, tmp_path / "t.txt")


def test_no_store_is_written_over(tmp_path):
    trades = make(30)
    one, two = (write_trades(tmp_path / name, trades) for name in ("1.h5", "2.h5"))
    for target in (one, two):
        with pytest.raises(BadInput, match="is a store"):
            export(one, target, format="csv")
    with open_store(one) as store:
        assert len(store["ES"].trades()) == 30
