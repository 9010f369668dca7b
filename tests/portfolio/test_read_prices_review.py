"""Prices as other tools write them: read as what they are, or refused; never as something else."""

from __future__ import annotations

import datetime as dt
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.app.price_input import begin_row, in_cli_words
from atomloom.errors import BadInput
from atomloom.portfolio import as_prices, read_prices
from atomloom.portfolio.price_files import load_prices
from atomloom.portfolio.price_texts import parsed
from atomloom.store import Trades, write_trades
from atomloom.store.units import to_ns

HOUR = 3_600_000_000_000
DAY = 24 * HOUR


def held(rows: int = 60, names: str = "ABC") -> pd.DataFrame:
    moves = np.random.default_rng(len(names)).normal(0, 0.01, (rows, len(names)))
    index = pd.bdate_range("2024-01-02", periods=rows, name="date")
    return pd.DataFrame(100 * np.exp(moves.cumsum(axis=0)), index=index, columns=list(names))


def numbers(found):
    return found.values  # noqa: PD011  # of Prices


def assert_same(found, frame: pd.DataFrame) -> None:
    assert found.names == tuple(map(str, frame.columns))
    assert np.array_equal(numbers(found), frame.to_numpy())
    assert np.array_equal(found.times, frame.index.as_unit("ns").asi8)


def written(tmp_path, text: str, name: str = "p.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


ORDERS = (
    "%d/%m/%y",
    "%d.%m.%y",
    "%m/%d/%y",
    "%y-%m-%d",
    "%d-%b-%y",
    "%d/%m/%Y",
    "%m-%d-%Y",
    "%d %B %Y",
    "%b %d, %Y",
    "%Y.%m.%d",
)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.dates(dt.date(1975, 1, 1), dt.date(2060, 1, 1)), min_size=1, max_size=40, unique=True),
    st.integers(0, 20000),
    st.sampled_from(ORDERS),
    st.booleans(),
    st.sampled_from(["", " 16:00", "T16:00:00", " 4:00 PM", " 16:00:00Z"]),
)
def test_dates_are_read_as_they_were_written_or_refused(days, near, order, newest_first, clock) -> None:
    first = dt.date(1975, 1, 1) + dt.timedelta(days=near)
    days = sorted(first + dt.timedelta(days=(day - days[0]).days % 400) for day in days)
    days = list(dict.fromkeys(reversed(days) if newest_first else days))
    try:
        wall, zoned = parsed([day.strftime(order) + clock for day in days], "p.csv")
    except BadInput as error:
        assert "may be day first or month first" in str(error)  # noqa: PT017  # or no error
        assert "%Y" not in order or {day.day > 12 for day in days} == {False}
        return
    expected = np.array(days, dtype="M8[ns]").astype(np.int64) + (16 * HOUR if clock else 0)
    assert np.array_equal(wall, expected)
    assert zoned.tolist() == ["Z" in clock] * len(days)


def test_years_of_two_digits_are_read_by_one_order_for_all(tmp_path) -> None:
    frame = held(300)
    for order in ("%d/%m/%y", "%m/%d/%y", "%d-%b-%y"):
        frame.set_axis(frame.index.strftime(order)).to_csv(tmp_path / "p.csv", index_label="date")
        assert_same(read_prices(tmp_path / "p.csv"), frame)
    short = written(tmp_path, "date,A\n01/02/24,1\n02/02/24,2\n05/02/24,3\n")
    with pytest.raises(BadInput, match="may be day first or month first or year first"):
        read_prices(short)
    mixed = frame.iloc[np.random.default_rng(0).permutation(300)]
    mixed.set_axis(mixed.index.strftime("%d/%m/%y")).to_csv(tmp_path / "p.csv", index_label="date")
    with pytest.raises(BadInput, match="known by rows that are sorted"):
        read_prices(tmp_path / "p.csv")


@pytest.mark.parametrize("text", ["12:30", "today", "now", "1.5", "AAPL 24", "NaT", "31/02/2024"])
def test_what_is_no_date_is_none(text) -> None:
    assert parsed([text], "p.csv")[0].tolist() == [-(2**63)]


def test_times_with_and_without_zone_go_by_their_own(tmp_path) -> None:
    rows = "time,A\n2024-01-02T16:00:00-05:00,1\n2024-01-03 16:00:00,2\n2024-01-04 16:00:00+00:00,3\n"
    found = read_prices(written(tmp_path, rows), tz="America/New_York")
    assert found.times.astype("M8[ns]").astype("M8[h]").astype(str).tolist() == [
        "2024-01-02T21", "2024-01-03T21", "2024-01-04T16",
    ]  # fmt: skip


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("called", ["", "Unnamed: 0", "index", "__index_level_0__"])
def test_numbers_of_rows_are_no_asset(first, called, tmp_path) -> None:
    frame = held()
    table = frame.reset_index()
    table.insert(0, called, np.arange(first, first + len(table)))
    table.to_csv(tmp_path / "p.csv", index=False)
    found = load_prices(tmp_path / "p.csv")
    assert_same(found.prices, frame)
    assert found.notes == [f"column {called!r} counts rows: left out"]


def test_an_index_of_prices_is_an_asset_and_numbers_without_a_name_are_refused(tmp_path) -> None:
    frame = held(names="AB").rename(columns={"B": "index"})
    frame.to_csv(tmp_path / "p.csv")
    assert_same(read_prices(tmp_path / "p.csv"), frame)
    frame.rename(columns={"index": ""}).to_csv(tmp_path / "p.csv")
    with pytest.raises(BadInput, match="numbers without a name"):
        read_prices(tmp_path / "p.csv")
    lines = held().to_csv(sep=";").splitlines()
    file = written(tmp_path, "\n".join(line + ";;" for line in lines))
    assert_same(read_prices(file), held())


def rows_of(frame: pd.DataFrame, symbol: str) -> pd.DataFrame:
    return frame.reset_index().melt("date", var_name=symbol, value_name="close")


@pytest.mark.parametrize("symbol", ["symbol", "permno", "GVKEY"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_whole_numbers_name_assets(symbol, suffix, tmp_path) -> None:
    frame = held().set_axis([101, 102, 103], axis=1)
    table, file = rows_of(frame, symbol), tmp_path / f"p.{suffix}"
    table = table.sort_values("date", kind="stable").astype({symbol: "float64" if suffix == "parquet" else "int64"})
    table.to_csv(file, index=False) if suffix == "csv" else table.to_parquet(file)
    assert_same(read_prices(file), frame)
    assert_same(read_prices(file, timeframe="1w"), frame.resample("W-MON", closed="left", label="left").last())
    alone = table[table[symbol] == 102]
    alone.to_csv(tmp_path / "one.csv", index=False)
    assert read_prices(tmp_path / "one.csv").names == ("102",)


def test_zeros_before_a_symbol_stay(tmp_path) -> None:
    frame = held().set_axis(["000001", "000002", "600519"], axis=1)
    rows_of(frame, "id").to_csv(tmp_path / "p.csv", index=False)
    assert_same(read_prices(tmp_path / "p.csv", columns={"symbol": "id"}), frame)
    rows_of(frame, "code").to_csv(tmp_path / "p.csv", index=False)
    assert_same(read_prices(tmp_path / "p.csv", names=["000002"]), frame[["000002"]])


def test_an_asset_may_be_called_as_symbols_are(tmp_path) -> None:
    frame = held(names="AB").set_axis(["CODE", "LAST"], axis=1)
    frame.to_csv(tmp_path / "p.csv", na_rep="NA")
    assert_same(read_prices(tmp_path / "p.csv"), frame)
    frame.iloc[0, 0] = np.nan
    frame.to_csv(tmp_path / "p.csv", na_rep="NA")
    assert_same(read_prices(tmp_path / "p.csv", missing="start"), frame.iloc[1:])


@pytest.mark.parametrize("kind", [int, str])
@pytest.mark.parametrize("timeframe", [None, "1d", "1w"])
def test_rows_of_several_assets_are_never_mixed(kind, timeframe, tmp_path) -> None:
    frame = held().set_axis([kind(k) if kind is int else f"x{k}" for k in (7, 8, 9)], axis=1)
    rows_of(frame, "holding").to_csv(tmp_path / "p.csv", index=False)
    with pytest.raises(BadInput, match=r"each with another 'holding'. Hint: .* say columns=\{\"symbol\": \.\.\.\}"):
        read_prices(tmp_path / "p.csv", timeframe=timeframe)
    assert_same(read_prices(tmp_path / "p.csv", columns={"symbol": "holding"}), frame)


def test_a_timeframe_is_proposed_where_a_time_is_there_twice_by_mistake_only(tmp_path) -> None:
    frame = held(300, "A")
    frame.iloc[[*range(300), 5]].to_csv(tmp_path / "p.csv")
    with pytest.raises(BadInput, match=r"Hint: keep one row for each time, or give a timeframe\.$"):
        read_prices(tmp_path / "p.csv")
    frame.iloc[[*range(300), *range(50)]].to_csv(tmp_path / "p.csv")
    with pytest.raises(BadInput, match=r'Hint: say columns=\{"symbol": \.\.\.\} where rows are of several assets'):
        read_prices(tmp_path / "p.csv")


def test_tickers_that_are_words_of_bars_stay_assets(tmp_path) -> None:
    frame = held(names="ABCD").set_axis(["LOW", "LAST", "C", "D"], axis=1)
    frame.to_csv(tmp_path / "low.csv")
    assert_same(read_prices(tmp_path / "low.csv"), frame)


def test_bars_may_have_more_columns_and_half_of_bars_is_refused(tmp_path) -> None:
    closes = held(names="A")["A"]
    bars = pd.DataFrame({"Open": 1.0, "High": 3.0, "Low": 0.5, "Close": closes, "Volume": 7, "Whatever": 9.0})
    bars.to_csv(tmp_path / "x.csv")
    assert np.array_equal(numbers(read_prices(tmp_path / "x.csv"))[:, 0], closes)
    bars[["Close", "Volume"]].to_csv(tmp_path / "x.csv")
    assert read_prices(tmp_path / "x.csv").names == ("x",)
    bars[["Close", "Volume", "Whatever"]].to_csv(tmp_path / "x.csv")
    with pytest.raises(BadInput, match="has a column 'Volume', which is no price, beside 'Close', 'Whatever'"):
        read_prices(tmp_path / "x.csv")
    assert read_prices(tmp_path / "x.csv", columns={"price": "Close"}).names == ("x",)
    assert read_prices(tmp_path / "x.csv", names=["Close", "Whatever"]).names == ("Close", "Whatever")


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        (
            "date;A;B\n2024-01-02;998;7\n2024-01-03;1.005;8\n2024-01-04;1.010;9\n",
            "'998' and '1.005', which may be 1005",
        ),
        (
            "date;A;B\n2024-01-02;998;7\n2024-01-03;1,005;8\n2024-01-04;1,010;9\n",
            "'998' and '1,005', which may be 1005",
        ),
        ("date;A;B\n2024-01-02;998;7,5\n2024-01-03;1.005;8\n2024-01-04;1.010;9\n", "which may be 1005"),
        ("date\tA\n2024-01-02\t998\n2024-01-03\tNA\n2024-01-04\t1.005.000\n2024-01-05\t1.1\n", "no price: row 2"),
        ("date;A;B\n2024-01-02;998,5;7\n2024-01-03;1.005,5;8\n2024-01-04;1.010;9\n", "no price: row 0"),
        ("date;A\n2024-01-02;1\n2024-01-03;1.005\n2024-01-04;1.010\n", None),
        ("date;A\n2024-01-02;998\n2024-01-03;1.005\n2024-01-04;1.01\n", None),
        ("date;A\n2024-01-02;98.125\n2024-01-03;99.250\n2024-01-04;101.375\n", None),
    ],
)
def test_points_that_may_part_thousands_are_refused(text, refused, tmp_path) -> None:
    file = written(tmp_path, text)
    if refused is None:
        assert len(read_prices(file)) == 3
    else:
        with pytest.raises(BadInput, match=re.escape(refused)):
            read_prices(file)


def test_a_price_that_jumps_is_told(tmp_path) -> None:
    file = written(tmp_path, "date,A,B\n2024-01-02,500,1\n2024-01-03,5.01,1\n2024-01-04,5.02,1\n")
    said = "1 price more than 50 times the one before, or less than a 50th"
    assert load_prices(file).notes == [f"{said} (first: 'A' from 500 to 5.01 on 2024-01-03)"]


def stored(path, hours: dict[str, list[int]]) -> None:
    for symbol, own in hours.items():
        count = np.arange(len(own))
        write_trades(path, Trades(np.array(own) * HOUR, 10_000 + count, count + 1, 0.01, symbol))


def test_what_is_traded_no_more_has_no_price_in_a_store(tmp_path) -> None:
    stored(tmp_path / "s.h5", {"dead": [0, 1, 2, 5, 6], "live": list(range(20))})
    with pytest.raises(BadInput, match=r"1 without prices at the end \('dead' after 1970-01-01T08:00:00\)"):
        read_prices(tmp_path / "s.h5", timeframe="1h")
    found = read_prices(tmp_path / "s.h5", timeframe="1h", missing="drop")
    assert numbers(found)[:, 0].tolist() == [100.0, 100.01, 100.02, 100.02, 100.02, 100.03, 100.04, 100.04, 100.04]
    assert len(read_prices(tmp_path / "s.h5", timeframe="1h", end="1970-01-01T09:00")) == 9
    stored(tmp_path / "t.h5", {"slow": [0, 3, 6, 9, 12, 15, 18], "live": list(range(20))})
    assert len(read_prices(tmp_path / "t.h5", timeframe="1h")) == 20


def test_other_encodings(tmp_path) -> None:
    frame = held()
    (tmp_path / "p.csv").write_bytes(frame.to_csv(sep="\t").encode("utf-16"))
    assert_same(read_prices(tmp_path / "p.csv"), frame)
    (tmp_path / "p.csv").write_bytes("date,Société\n2024-01-02,1\n".encode("latin-1"))
    with pytest.raises(BadInput, match="Hint: save it in UTF-8"):
        read_prices(tmp_path / "p.csv")


@pytest.mark.parametrize(
    "text",
    [
        ",Close,Close\n,A,B\ndate,,\n2024-01-02,1,2\n",
        "Price,Close,High,Low,Open,Volume\nTicker,A,A,A,A,A\nDate,,,,,\n2024-01-02,1,2,3,4,5\n",
    ],
)
def test_two_lines_of_names_are_refused_with_what_to_do(text, tmp_path) -> None:
    with pytest.raises(BadInput, match=r'more than one line of names: below .* of yfinance, data\["Close"\]\.to_csv'):
        read_prices(written(tmp_path, text))


def test_bars_between_angle_brackets(tmp_path) -> None:
    names = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>\n"
    rows = [f"AAPL.US,5,202401{day:02d},{clock:06d},1,3,0.5,{day},9,0\n" for day in (2, 3) for clock in (93000, 160000)]
    found = read_prices(written(tmp_path, names + "".join(rows)))
    assert (found.names, numbers(found)[:, 0].tolist()) == (("AAPL.US",), [2.0, 2.0, 3.0, 3.0])
    assert found.times.tolist()[1] == to_ns("2024-01-02T16:00")
    names = "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>\n"
    rows = [f"2024.01.0{day}\t{clock}:00:00\t1\t3\t0.5\t{day}.5\t9\t9\t0\n" for day in (2, 3) for clock in ("08", "16")]
    found = read_prices(written(tmp_path, names + "".join(rows), "EURUSD.csv"))
    assert (found.names, numbers(found)[:, 0].tolist()) == (("EURUSD",), [2.5, 2.5, 3.5, 3.5])
    assert found.times.tolist()[0] == to_ns("2024-01-02T08:00")


def test_moments_with_an_offset_need_no_warning(tmp_path) -> None:
    held().to_csv(tmp_path / "p.csv")
    cut = read_prices(tmp_path / "p.csv", end="2024-01-10T19:00:00-05:00")
    assert len(cut) == len(read_prices(tmp_path / "p.csv", end="2024-01-11"))
    zone = dt.timezone(dt.timedelta(hours=-5))
    for same in ("2024-01-10T19:00-05:00", "2024-01-11T00:00:00Z", dt.datetime(2024, 1, 10, 19, tzinfo=zone)):
        assert to_ns(same) == to_ns("2024-01-11")
    assert to_ns("2024-01-11T00:00:00.000000001+00:00") == to_ns("2024-01-11") + 1
    local = read_prices(tmp_path / "p.csv", tz="America/New_York")
    assert local.row_at("2024-01-10") == local.row_at("2024-01-10T00:00-05:00") == local.row_at("2024-01-10T05:00Z")


def test_what_the_shell_hears_is_in_its_words() -> None:
    prices = as_prices([1.0, 1.1, 1.2], times=np.array([0, 1, 2]) * DAY)
    assert begin_row(prices, "") is None
    with pytest.raises(BadInput, match=r"begin is 2030-01-01, and the prices go from 1970-01-01 to 1970-01-03\. Hint:"):
        begin_row(prices, "2030-01-01")
    assert in_cli_words("Hint: look back less far, or begin later (start=).").endswith("a later begin in --config.")
