"""Formats: what a layout may say, what it refuses, and the presets on rows of the vendors' documents."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from atomloom.errors import BadInput
from atomloom.store import Format, ingest, open_store
from atomloom.store.clock import REPEATED, SKIPPED, localize, zone_table
from atomloom.store.formats import PRESETS
from atomloom.store.heads import read_head
from atomloom.store.ticks import exact_step, grid_table, steps_of


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"columns": {"prize": 1}}, "did you mean 'price'"),
        ({"columns": {"price": -1}}, "a position from 0"),
        ({"columns": {"price": True}}, "a position from 0"),
        ({"columns": {"bid_px": 1}}, "trades do not have"),
        ({"kind": "trade"}, "did you mean 'trades'"),
        ({"delimiter": "--"}, "delimiter is '--'"),
        ({"delimiter": "1"}, "delimiter is '1'"),
        ({"delimiter": '"'}, "delimiter is"),
        ({"decimal": ";"}, "decimal is ';'"),
        ({"decimal": ",", "delimiter": ","}, "not the delimiter"),
        ({"time": "epoch m"}, "time is 'epoch m'.*did you mean 'epoch m?s'"),
        ({"time": "isso"}, "did you mean 'iso'"),
        ({"time": "%Q"}, "has '%Q'"),
        ({"time": "%H:%M"}, "needs year, month and day"),
        ({"time": "%Y%m%d %I"}, "needs %I and %p together"),
        ({"time": "%z%Y%m%d"}, "%z at its end"),
        ({"time": "%Y%m%d%d"}, "names a part twice"),
        ({"time": "epoch s", "columns": {"date": 1}}, "an epoch needs no date"),
        ({"price_scale": 0}, "price_scale is 0"),
        ({"price_scale": float("nan")}, "price_scale is nan"),
        ({"lot": -1}, "lot is -1"),
        ({"width": 0}, "width is 0"),
        ({"width": True}, "width is True"),
        ({"tyme": "iso"}, "did you mean 'time'"),
    ],
)
def test_a_format_checks_itself(options, says):
    with pytest.raises(BadInput, match=says) as caught:
        Format.from_dict(options)
    assert "Hint" in str(caught.value)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_travel_as_plain_values(name):
    assert Format.from_dict(PRESETS[name].to_dict()) == PRESETS[name]


DATABENTO = (
    "ts_recv,ts_event,rtype,publisher_id,instrument_id,action,side,depth,price,size,flags,ts_in_delta,sequence,symbol\n"
    "2023-09-29T12:00:00.527428009Z,2023-09-29T12:00:00.527194909Z,0,19,7051,T,N,0,16.950000000,5,130,206685,11853,GME"
)
DUKASCOPY = "time,ask,bid,ask_volume,bid_volume\n2017-01-01 22:00:20.786,1.05236,1.05148,0.75,1.50"
TICKDATA = "09/25/2015,16:12:10.105,10.01,300,20,2,,,,,,,,,12188,A,,,,854034"
BINANCE = "28457,4.00000100,12.00000000,48.00001200,1735689600010866,True,True"
AGGTRADES = "26129,0.01633102,4.70443515,27781,27781,1498793709153,true,true"
TARDIS = (
    "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n"
    "bitmex,XBTUSD,1585699200245000,1585699200345123,6ea8-1,buy,6425.5,0.00000400"
)
TARDIS_QUOTES = (
    "exchange,symbol,timestamp,local_timestamp,ask_amount,ask_price,bid_price,bid_amount\n"
    "huobi,BTC-USD,1588291201099000,1588291201234268,5000,8629.3,8629.1,0.25"
)
SAMPLES = {  # name -> (text, time in UTC, prices, sizes)
    "quantconnect": ("14400688,491800,300,P,2000,0", "2013-10-07T08:00:00.688", [49.18], [300]),
    "quantconnect-quote": ("14400546,0,0,1848300,100,P,1,0", "2013-10-07T08:00:00.546", [0.0, 184.83], [0, 100]),
    "kibot": ("10/07/2013,09:30:00,49.18,49.17,49.19,300", "2013-10-07T13:30:00.000", [49.18], [300]),
    "tickdata": (TICKDATA, "2015-09-25T16:12:10.105", [10.01], [300]),
    "binance-trades": (BINANCE, "2025-01-01T00:00:00.010866", [4.000001], [12 * 10**8]),
    "binance-aggtrades": (AGGTRADES, "2017-06-30T03:35:09.153", [0.01633102], [470443515]),
    "databento": (DATABENTO, "2023-09-29T12:00:00.527194909", [16.95], [5]),
    "tardis-trades": (TARDIS, "2020-04-01T00:00:00.245", [6425.5], [400]),
    "tardis-quotes": (TARDIS_QUOTES, "2020-05-01T00:00:01.099", [8629.1, 8629.3], [25_000_000, 500_000_000_000]),
    "bitcoincharts": ("1381095255,122.5,0.10000000", "2013-10-06T21:34:15", [122.5], [10_000_000]),
    "dukascopy": (DUKASCOPY, "2017-01-01T22:00:20.786", [1.05148, 1.05236], [150, 75]),
}


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_presets_read_the_rows_of_the_documents(tmp_path, name):
    text, when, prices, sizes = SAMPLES[name]
    kind = PRESETS[name].kind
    date = "2013-10-07" if "midnight" in PRESETS[name].time else None
    report = ingest(text.encode(), tmp_path / "a.h5", symbol="X", kind=kind, format=name, tick_size=1e-8, date=date)
    assert (report.n_stored, report.n_rejected) == (1, 0)
    with open_store(tmp_path / "a.h5") as store:
        rows = store["X"].trades() if kind == "trades" else store["X"].quotes()
    assert int(rows.ts[0]) == int(np.datetime64(when, "ns").astype(np.int64))
    got = [rows.px[0]] if kind == "trades" else [rows.bid_px[0], rows.ask_px[0]]
    assert [round(int(px) * 1e-8, 8) for px in got] == prices
    assert sizes == ([rows.size[0]] if kind == "trades" else [rows.bid_size[0], rows.ask_size[0]])


NAMES = {"ts": "time", "price": "px", "size": "size"}


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        (b"Time,Price,Qty\n", {"ts": "Time", "price": "Price", "size": "Qty"}),
        (b"when|LAST|volume|Exchange\n1|2|3|4\n", None),
        (
            b"\xef\xbb\xbfdate\ttime\tpx\tsize\n1\t2\t3\t4\n",
            {"ts": "time", "price": "px", "size": "size", "date": "date"},
        ),
        (
            b"time;px;size;venue;flags\n1;2;3;4;5\n",
            {"ts": "time", "price": "px", "size": "size", "venue": "venue", "flags": "flags"},
        ),
    ],
)
def test_heads(text, columns):
    text = text if text.count(b"\n") > 1 else text + b"2020-01-01,1,1\n"
    if columns is None:
        with pytest.raises(BadInput, match="no column for ts"):
            read_head(text, Format(), "a.csv")
        return
    assert read_head(text, Format(), "a.csv").columns == columns


def test_two_roles_cannot_share_a_column():
    with pytest.raises(BadInput, match="share a column"):
        read_head(b"1,2,3\n", Format(columns={"ts": 0, "price": 1, "size": 1}), "a.csv")


@pytest.mark.parametrize(
    "zone",
    [
        "America/Chicago",
        "Europe/London",
        "Africa/Casablanca",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Asia/Kolkata",
        "Europe/Dublin",
    ],
)
def test_zones_are_those_of_zoneinfo(zone):
    rng = np.random.default_rng(5)
    there, epoch = ZoneInfo(zone), datetime(1970, 1, 1, tzinfo=UTC)
    low, high = (int((datetime(year, 1, 1, tzinfo=UTC) - epoch).total_seconds()) for year in (1800, 2200))
    wall = rng.integers(low, high, 2000)
    table = zone_table(zone)
    edges = table[0, (table[0] > low) & (table[0] < high)]  # what int64 ns can hold
    wall = np.concatenate([wall, edges, edges - 1, edges + 1])
    ts, missing = localize(wall * 10**9, table)
    first, _ = localize(wall * 10**9, zone_table(zone, "first"))
    second, _ = localize(wall * 10**9, zone_table(zone, "second"))
    for k, seconds in enumerate(wall.tolist()):
        naive = datetime(1970, 1, 1) + timedelta(seconds=seconds)  # noqa: DTZ001 - wall time has no zone
        found = []
        for fold in (0, 1):
            moment = naive.replace(tzinfo=there, fold=fold).astimezone(UTC)
            if moment.astimezone(there).replace(tzinfo=None) == naive:
                found.append((moment - epoch) // timedelta(seconds=1) * 10**9)
        assert missing[k] == (SKIPPED if not found else REPEATED if found[0] != found[-1] else 0)
        if found:
            assert (first[k], second[k]) == (found[0], found[-1])
        assert ts[k] == (found[0] if missing[k] == 0 else 0)


def test_grids_count_exactly():
    step = exact_step(0.1)
    table = grid_table(step)
    for decimals in range(-18, 19):
        num, den, most = (int(each) for each in table[:, decimals + 18])
        if most >= 1:
            steps, on_grid = steps_of(f"1e{-decimals}", step, 0)
            assert on_grid == (num % den == 0)
            assert not on_grid or steps == num // den
    assert steps_of("x", step, 0) is None
