"""Prices from files: every layout gives the numbers that pandas gives, and what is no price is refused by its place."""

from __future__ import annotations

import gzip
import zipfile

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.data import es_2013_09, sp500_20
from atomloom.errors import BadInput
from atomloom.portfolio import read_prices
from atomloom.portfolio.price_files import load_prices
from atomloom.store import read_trades

DAY = 86_400_000_000_000


def held(rows: int = 60, names: str = "ABC", freq: str = "B") -> pd.DataFrame:
    moves = np.random.default_rng(len(names)).normal(0, 0.01, (rows, len(names)))
    return pd.DataFrame(
        100 * np.exp(moves.cumsum(axis=0)),
        index=pd.date_range("2020-01-01", periods=rows, freq=freq, name="Date"),
        columns=list(names),
    )


def numbers(found):
    return found.values  # noqa: PD011  # of Prices


def assert_same(found, frame: pd.DataFrame) -> None:
    assert found.names == tuple(map(str, frame.columns))
    assert np.array_equal(numbers(found), frame.to_numpy())
    assert np.array_equal(found.times, frame.index.as_unit("ns").asi8)


def test_the_stocks_of_the_package_have_the_prices_of_the_table_they_came_from() -> None:
    found = read_prices(sp500_20())
    assert numbers(found).shape == (8313, 20)
    assert found.names[:3] == ("AAPL", "AMD", "BAC")
    assert str(np.datetime64(int(found.times[0]), "ns"))[:10] == "1990-01-02"
    assert numbers(found)[0, :3].tolist() == [0.264, 4.125, 4.599]
    assert numbers(found)[-1, 0] == 125.674
    frame = pd.read_parquet(sp500_20()).set_index("date")  # decimals, as any reader sees them
    assert np.array_equal(numbers(found), frame.astype(str).astype(float).to_numpy())
    assert sp500_20().stat().st_size < 400_000


def writers():
    def long(frame, path):
        frame.reset_index().melt("Date", var_name="Ticker", value_name="Close").to_csv(path, index=False)

    def long_parquet(frame, path):
        table = frame.reset_index().melt("Date", var_name="Ticker", value_name="Close")
        table.sample(frac=1, random_state=0).assign(Ticker=lambda t: t["Ticker"].astype("category")).to_parquet(path)

    def zipped(frame, path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("p.csv", frame.to_csv())

    dated = {
        "day first": "%d/%m/%Y", "month first": "%m/%d/%Y", "words": "%b %d, %Y", "compact": "%Y%m%d",
    }  # fmt: skip
    return {
        "csv": ("p.csv", lambda frame, path: frame.to_csv(path)),
        "newest first": ("p.csv", lambda frame, path: frame.iloc[::-1].to_csv(path)),
        "semicolons": ("p.csv", lambda frame, path: frame.to_csv(path, sep=";", decimal=",")),
        "tabs": ("p.txt", lambda frame, path: frame.to_csv(path, sep="\t")),
        "gz": ("p.csv.gz", lambda frame, path: path.write_bytes(gzip.compress(frame.to_csv().encode()))),
        "zip": ("p.zip", zipped),
        "bom": ("p.csv", lambda frame, path: path.write_text(frame.to_csv(), encoding="utf-8-sig")),
        "parquet": ("p.parquet", lambda frame, path: frame.to_parquet(path)),
        "index as column": ("p.parquet", lambda frame, path: frame.reset_index().to_parquet(path)),
        "long": ("p.csv", long),
        "long parquet": ("p.parquet", long_parquet),
        "seconds": ("p.csv", lambda frame, path: frame.set_axis(frame.index.as_unit("s").asi8).to_csv(path)),
        "milliseconds": ("p.csv", lambda frame, path: frame.set_axis(frame.index.as_unit("ms").asi8).to_csv(path)),
        **{
            name: ("p.csv", lambda frame, path, how=how: frame.set_axis(frame.index.strftime(how)).to_csv(path))
            for name, how in dated.items()
        },
    }


@pytest.mark.parametrize("layout", writers())
def test_every_layout_gives_the_same_prices(layout, tmp_path) -> None:
    name, write = writers()[layout]
    frame = held()
    write(frame, tmp_path / name)
    assert_same(read_prices(tmp_path / name), frame)
    some = read_prices(tmp_path / name, names=["C", "A"])
    assert_same(some, frame[["C", "A"]])


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.floats(1e-6, 1e12), min_size=2, max_size=2), min_size=3, max_size=20),
    st.sampled_from(["csv", "long", "parquet", "semicolons"]),
)
def test_any_price_comes_back_to_the_bit(tmp_path_factory, values, layout) -> None:
    name, write = writers()[layout]
    file = tmp_path_factory.mktemp("p") / name
    index = pd.date_range("2021-03-01", periods=len(values), name="Date")
    frame = pd.DataFrame(values, index=index, columns=["X", "Y"])
    write(frame, file)
    assert_same(read_prices(file), frame)


def test_bars_of_one_asset_give_the_adjusted_close(tmp_path) -> None:
    closes = held(names="A")["A"]
    bars = pd.DataFrame({"Open": 1.0, "Close": closes, "Adj Close": closes / 2, "Volume": 7})
    bars.to_csv(tmp_path / "AAPL.csv")
    found = load_prices(tmp_path / "AAPL.csv")
    assert found.prices.names == ("AAPL",)
    assert np.array_equal(numbers(found.prices)[:, 0], (closes / 2).to_numpy())
    assert found.notes == ["prices are those of column 'Adj Close'"]
    raw = read_prices(tmp_path / "AAPL.csv", columns={"price": "Close"}, names=["apple"])
    assert raw.names == ("apple",)
    assert np.array_equal(numbers(raw)[:, 0], closes.to_numpy())


def test_dates_and_times_of_day_in_two_columns_go_together(tmp_path) -> None:
    frame = held(freq="h")
    split = frame.assign(date=frame.index.strftime("%Y-%m-%d"), time=frame.index.strftime("%H:%M:%S"))
    split.to_csv(tmp_path / "p.csv", index=False)
    assert_same(read_prices(tmp_path / "p.csv"), frame)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_zones_become_utc_and_their_days_are_kept(suffix, tmp_path) -> None:
    frame = held(rows=900, freq="3h").tz_localize("America/New_York", nonexistent="shift_forward", ambiguous=True)
    frame = frame[~frame.index.duplicated()]
    file = tmp_path / f"p.{suffix}"
    frame.to_csv(file) if suffix == "csv" else frame.to_parquet(file)
    assert_same(read_prices(file), frame)
    daily = read_prices(file, timeframe="1d", tz="America/New_York")
    expected = frame.resample("1D").last()
    assert_same(daily, expected)
    assert np.array_equal(daily.wall, expected.index.tz_localize(None).as_unit("ns").asi8)
    naive = tmp_path / "n.csv"
    frame.tz_localize(None)[lambda f: ~f.index.duplicated(keep=False)].to_csv(naive)
    assert read_prices(naive, tz="America/New_York").times[0] == frame.index[0].value


@pytest.mark.parametrize(("timeframe", "pandas"), [("4h", "4h"), ("1d", "1D"), ("1w", "W-MON")])
def test_closes_of_periods_are_those_of_pandas(timeframe, pandas, tmp_path) -> None:
    frame = held(rows=700, freq="h")
    frame = frame.drop(frame.index[30:90])  # nobody traded
    frame.to_csv(tmp_path / "p.csv")
    closed = "left" if timeframe == "1w" else None
    expected = frame.resample(pandas, closed=closed, label=closed).last().dropna(how="all")
    assert_same(read_prices(tmp_path / "p.csv", timeframe=timeframe), expected)


def test_a_store_gives_the_last_trade_of_each_period() -> None:
    trades = read_trades(es_2013_09())
    series = pd.Series(trades.price, index=pd.to_datetime(trades.ts))
    expected = series.resample("1h").last().dropna().to_frame("ES")
    assert_same(read_prices(es_2013_09(), timeframe="1h"), expected)
    assert len(read_prices(es_2013_09())) == 3
    with pytest.raises(BadInput, match="has no asset 'EX'"):
        read_prices(es_2013_09(), names=["EX"])


def test_rows_between_moments(tmp_path) -> None:
    frame = held()
    frame.to_csv(tmp_path / "p.csv")
    assert_same(read_prices(tmp_path / "p.csv", start="2020-02-01", end="2020-03-02"), frame["2020-02-01":"2020-03-01"])
    with pytest.raises(BadInput, match=r"no rows from 2030-01-01 to its end; it goes from 2020-01-01 to 2020-03-24"):
        read_prices(tmp_path / "p.csv", start="2030-01-01")


def gappy() -> pd.DataFrame:
    frame = held()
    frame.iloc[:20, 1] = np.nan  # B is listed later
    frame.iloc[30, 2] = np.nan
    return frame


def test_missing_prices_are_refused_or_dealt_with_as_asked(tmp_path) -> None:
    file, frame = tmp_path / "p.csv", gappy()
    frame.to_csv(file)
    said = r"1 of 3 assets without prices at first \('B' until 2020-01-29, row 20 of 60\); 1 price missing in between"
    with pytest.raises(BadInput, match=said):
        read_prices(file)
    with pytest.raises(BadInput, match=r"missing in between \(first: 'C' on 2020-02-12\)"):
        read_prices(file, missing="start")
    filled = load_prices(file, missing="fill")
    assert_same(filled.prices, frame.iloc[20:].ffill())
    assert filled.late == pytest.approx(1 / 3)
    assert "the first 20 of 60 rows left out: 'B' has prices from 2020-01-29 on" in filled.notes
    assert_same(read_prices(file, missing="drop"), frame.dropna())
    assert_same(read_prices(file, missing="start", end="2020-02-12"), frame.iloc[20:30])
    assert_same(read_prices(file, names=["A"]), frame[["A"]])
    frame.iloc[-5:, 0] = np.nan  # delisted: never filled
    frame.to_csv(file)
    with pytest.raises(BadInput, match=r"1 without prices at the end \('A' after 2020-03-17\)"):
        read_prices(file, missing="fill")


def test_days_without_any_price_are_no_days(tmp_path) -> None:
    frame = held()
    frame.iloc[[7, 8]] = np.nan
    frame.to_csv(tmp_path / "p.csv")
    found = load_prices(tmp_path / "p.csv")
    assert_same(found.prices, frame.dropna())
    assert found.notes == ["2 rows without any price left out"]


WRONG = {
    "empty": ("", "is empty"),
    "only names": ("date,A\n", "has no rows"),
    "no names": ("2020-01-01,1.5\n2020-01-02,1.6\n", "has no line of names"),
    "no times": ("A,B\n1.5,2\n1.6,2\n", "has no column of times; it has 'A', 'B'"),
    "row numbers": (",A\n0,1.5\n1,1.6\n", "small whole numbers, which are no times"),
    "a word": ("date,A\n2020-01-01,1\n2020-01-02,abc\n", "column 'A' is no price: row 1 is 'abc'"),
    "thousands": ('date,A\n2020-01-01,"1,234"\n2020-01-02,2\n', "row 0 is '1,234'"),
    "a time twice": ("date,A\n2020-01-01,1\n2020-01-01,2\n", r"1 time more than once \(first: 2020-01-01\)"),
    "no time in a row": ("date,A\n2020-01-01,1\n,2\n", r"1 missing times \(first at row 1\)"),
    "no date": ("date,A\n2020-01-01,1\nsoon,2\n", "holds what is no time"),
    "30 February": ("date,A\n20200230,1\n20200301,2\n", "Day out of range"),
    "day or month": ("date,A\n01/02/2020,1\n02/02/2020,2\n", "may be day first or month first"),
    "a column twice": ("date,A,A\n2020-01-01,1,2\n", "two columns 'A'"),
    "ragged": ("date,A\n2020-01-01,1\n2020-01-02,2,3\n", "cannot be read as a table"),
    "nothing but times": ("date\n2020-01-01\n2020-01-02\n", "no column of prices"),
    "zero": ("date,A\n2020-01-01,1\n2020-01-02,0\n2020-01-03,2\n", "at or below 0"),
    "no price at all": ("date,A,B\n2020-01-01,1,\n2020-01-02,2,\n", "'B' has no price at all"),
    "symbol and time twice": (
        "date,ticker,close\n2020-01-01,A,1\n2020-01-01,A,2\n", r"1 price more than once \(first: 'A' at 2020-01-01"
    ),
    "a symbol missing": ("date,ticker,close\n2020-01-01,A,1\n2020-01-01,,2\n", "is missing in 1 row"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_what_is_no_table_of_prices_is_refused_with_its_place(case, tmp_path) -> None:
    text, said = WRONG[case]
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(BadInput, match=said):
        read_prices(tmp_path / "p.csv")


def test_wrong_arguments_are_refused(tmp_path) -> None:
    file = tmp_path / "p.csv"
    held().to_csv(file)
    for options, said in (
        ({"timeframe": "1h"}, r"rows are 1 day apart \(median\)"),
        ({"timeframe": "soon"}, "timeframe is 'soon'"),
        ({"timeframe": 5}, "timeframe is 5"),
        ({"names": ["X"]}, "has no asset 'X'"),
        ({"names": ["A", "A"]}, "wanted twice"),
        ({"names": "A"}, "give a list"),
        ({"columns": {"prize": "A"}}, "columns names a 'prize'"),
        ({"columns": {"time": "Day"}}, "has no column 'Day'"),
        ({"missing": "fil"}, "did you mean 'fill'"),
        ({"tz": "Mars/Olympus"}, "Mars/Olympus"),
    ):
        with pytest.raises(BadInput, match=said):
            read_prices(file, **options)
    with pytest.raises(BadInput, match="does not exist"):
        read_prices(tmp_path / "none.csv")
    with pytest.raises(BadInput, match="is a folder"):
        read_prices(tmp_path)
    (tmp_path / "b.csv").write_bytes(bytes(range(256)) * 9)
    (tmp_path / "l.csv").write_bytes("date,Société\n2020-01-01,1\n".encode("latin-1"))
    for name in ("b.csv", "l.csv"):
        with pytest.raises(BadInput, match="cannot be read as a table"):
            read_prices(tmp_path / name)


def test_local_times_that_do_not_exist_are_refused(tmp_path) -> None:
    (tmp_path / "p.csv").write_text("time,A\n2024-03-10T01:30:00,1\n2024-03-10T02:30:00,2\n2024-03-10T03:30:00,3\n")
    with pytest.raises(BadInput, match="shows 2024-03-10T02:30:00 twice or never"):
        read_prices(tmp_path / "p.csv", tz="America/New_York")
