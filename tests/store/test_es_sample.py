"""The trades that travel with the package are the trades they come from."""

from __future__ import annotations

import csv
import gzip
import importlib.util
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from atomloom.data import es_2013_09
from atomloom.store import read_trades


@pytest.fixture(scope="module")
def es():
    return read_trades(es_2013_09())


def test_what_the_package_holds(es):
    assert (len(es), es.volume, es.symbol, es.tick_size) == (500_000, 1_844_058, "ES", 0.25)
    assert (es.price[0], es.price[-1]) == (1640.25, 1631.25)
    assert (es.price.min(), es.price.max()) == (1630.75, 1650.0)
    assert es.size.max() == 1150
    assert str(np.datetime64(int(es.ts[0]), "ns")) == "2013-09-01T22:00:00.083000000"
    assert str(np.datetime64(int(es.ts[-1]), "ns")) == "2013-09-03T18:51:44.578000000"
    assert es_2013_09().stat().st_size < 1_000_000


@pytest.fixture(scope="module")
def source(root):
    path = root.parent / "shared" / "data" / "es_ticks_2013-09.csv.gz"
    if not path.is_file():
        pytest.skip("../shared/data/es_ticks_2013-09.csv.gz is not here; the packaged copy is checked by its sums")
    return path


def test_row_by_row_against_the_csv(es, source):
    # the csv module, datetime and zoneinfo: none of the code that made the file
    zone, epoch = ZoneInfo("America/Chicago"), datetime(1970, 1, 1, tzinfo=ZoneInfo("UTC"))
    with gzip.open(source, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    offset = {row["DateTime"][:13] for row in rows}
    hours = {
        hour: (datetime.fromisoformat(f"{hour}:00").replace(tzinfo=zone) - epoch) // timedelta(seconds=1)
        for hour in offset
    }
    ts = [
        hours[row["DateTime"][:13]] * 10**9
        + int(row["DateTime"][14:16]) * 60 * 10**9
        + int(row["DateTime"][17:19]) * 10**9
        + int(row["DateTime"][20:23]) * 10**6
        for row in rows
    ]
    assert es.ts.tolist() == ts
    assert es.price.tolist() == [float(row["Price"]) for row in rows]
    assert es.size.tolist() == [int(row["Volume"]) for row in rows]


def test_the_script_makes_the_packaged_trades_again(es, source, root, tmp_path, capsys):
    spec = importlib.util.spec_from_file_location("make_es_sample", root / "scripts" / "make_es_sample.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.main([str(source), str(tmp_path / "es.h5")]) == 0
    assert "500,000 trades" in capsys.readouterr().out
    again = read_trades(tmp_path / "es.h5")
    assert np.array_equal(again.ts, es.ts)
    assert np.array_equal(again.px, es.px)
    assert np.array_equal(again.size, es.size)
    assert script.main([]) == 2
