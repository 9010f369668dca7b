"""CSV in: every row is a trade or a reject with its line, whatever the file looks like."""

from __future__ import annotations

import gzip

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.errors import BadInput, StoreError
from atomloom.store import read_csv
from atomloom.store.ticks import infer_tick

HEAD = "DateTime,Price,Volume\n"


def write(folder, text, name="ES.csv"):
    path = folder / name
    data = text if isinstance(text, bytes) else text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def read(folder, text, **options):
    return read_csv(write(folder, text), **options)


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "2013-09-01 22:00:00.083,1640.25,8\n2013-09-01T22:00:01Z,1640.5,1\n",
        "\ufeff" + HEAD + "2013-09-01 22:00:00.083,1640.25,8\n2013-09-01 22:00:01,1640.5,1",
        "\n\n"
        + HEAD.replace("\n", "\r\n")
        + "\r\n2013-09-01 22:00:00.083,1640.25,8\r\n\r\n2013-09-01 22:00:01,1640.5,1\r\n",
        'qty,"LAST",TimeStamp,venue\n8,1640.25,1378072800083,X\n"1", 1640.50 ,1378072801000,Y\n',
        "volume,px,time\n8,1640.25,1378072800.083\n1,1640.5,1378072801\n",
        "size,price,ts\n8.0,1640.25,1378072800083000000\n+1,+1640.5,1378072801000000000\n",
        "Size,Price,Date_Time\n8,1640.25,1378072800083000\n1,1640.5,1378072801000000\n",
        "Date,Time,Price,Quantity\n2013-09-01,22:00:00.083,1640.25,8\n2013-09-01,22:00:01,1640.5,1\n",
        "date time,Price,Volume\n2013-09-01T22:00:00.083+00:00,1640.25,8\n2013-09-02 00:00:01+02:00,1640.5,1\n",
    ],
)
@pytest.mark.parametrize("name", ["ES.csv", "ES.csv.gz"])
def test_the_same_trades_in_many_spellings(tmp_path, text, name):
    back = read_csv(write(tmp_path, text, name))
    assert back.trades.ts.tolist() == [1378072800083000000, 1378072801000000000]
    assert back.trades.price.tolist() == [1640.25, 1640.5]
    assert back.trades.size.tolist() == [8, 1]
    assert back.trades.symbol == "ES"
    assert back.trades.tick_size == 0.25
    assert back.tick_inferred
    assert (back.n_read, back.n_stored, back.n_rejected) == (2, 2, 0)


def test_every_bad_row_is_listed_with_its_line(tmp_path):
    rows = [
        ("2020-01-02 00:00:00,10.5,1", None),
        ("", None),
        ("2020-01-02 00:00:00,10.5", "2 fields, expected 3"),
        ("2020-01-02 00:00:00,10.5,1,9", "4 fields, expected 3"),
        ("   ", None),
        ("02/01/2020 00:00,10.5,1", "time is not ISO 8601 or epoch"),
        ("2020-02-30 00:00:00,10.5,1", "time is not ISO 8601 or epoch"),
        (",10.5,1", "time is not ISO 8601 or epoch"),
        ("1020-01-02 00:00:00,10.5,1", "time is not ISO 8601 or epoch"),
        ("2999-01-02 00:00:00,10.5,1", "time is not ISO 8601 or epoch"),
        ("2020-01-02 00:00:01,nan,1", "price is not a number"),
        ("2020-01-02 00:00:01,inf,1", "price is not a number"),
        ("2020-01-02 00:00:01,1e999,1", "price is not a number"),
        ("2020-01-02 00:00:01,,1", "price is not a number"),
        ("2020-01-02 00:00:01,10.6,1", "price is off the tick grid of 0.5"),
        ("2020-01-02 00:00:01,10.5,0", "size is below 1"),
        ("2020-01-02 00:00:01,10.5,-4", "size is below 1"),
        ("2020-01-02 00:00:01,10.5,1.5", "size is not a whole number"),
        ("2020-01-02 00:00:01,10.5,99999999999999999999", "size is not a whole number"),
        ("2020-01-02 00:00:01,10.5,x", "size is not a whole number"),
        (",,", None),
        ("2020-01-02 00:00:02,11,2", None),
    ]
    back = read(tmp_path, HEAD + "\n".join(row for row, _ in rows), tick_size=0.5)
    expected = [(line, reason) for line, (_, reason) in enumerate(rows, start=2) if reason]
    assert list(zip(back.rejects.line.tolist(), back.rejects.reason, strict=True)) == expected
    assert back.n_stored == 2
    assert back.n_read == back.n_stored + back.n_rejected == 19
    assert back.trades.px.tolist() == [21, 22]
    frame = back.rejects.to_frame()
    assert len(frame) == 17
    assert sum(back.to_dict()["rejected"].values()) == 17
    assert "read 19 rows = stored 2 + rejected 17" in back.summary()
    assert "2 x size is below 1 (first on line 17)" in back.summary()


GOOD = st.builds("2020-01-02 00:00:{:02d},{},{}".format, st.integers(0, 59), st.integers(1, 99), st.integers(1, 9))
BLANK = st.sampled_from(["", "  ", ",,"])
BAD = st.text(st.characters(exclude_characters='\r\n"', codec="utf-8"), max_size=12).filter(
    lambda text: text.strip(" ,\t")
)


@given(
    st.lists(st.tuples(st.sampled_from("gbx"), st.data()), max_size=30), st.sampled_from(["\n", "\r\n"]), st.booleans()
)
def test_no_line_is_lost(tmp_path_factory, draws, newline, final):
    kinds, lines = [], []
    for kind, data in draws:
        kinds.append(kind)
        lines.append(data.draw({"g": GOOD, "b": BLANK, "x": BAD}[kind]))
    kinds.append("g")
    lines.append("2020-01-02 00:00:30,7,1")
    text = newline.join([HEAD.strip(), *lines]) + (newline if final else "")
    path = write(tmp_path_factory.mktemp("csv"), text)
    back = read_csv(path, tick_size=1.0, sort=True)
    bad = [line for line, kind in enumerate(kinds, start=2) if kind == "x"]
    assert back.rejects.line.tolist() == bad
    assert back.n_read == len(kinds) - kinds.count("b")
    good = [line.split(",") for kind, line in zip(kinds, lines, strict=True) if kind == "g"]
    good.sort(key=lambda cells: cells[0])  # stable, as sort=True is
    assert back.trades.px.tolist() == [int(cells[1]) for cells in good]
    assert back.trades.size.tolist() == [int(cells[2]) for cells in good]


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    path = write(tmp_path_factory.mktemp("csv"), HEAD + text)
    try:
        back = read_csv(path)
    except BadInput as error:
        assert "Hint" in str(error)  # noqa: PT017 - either outcome is right
    else:
        assert back.n_stored >= 1


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    path = write(tmp_path_factory.mktemp("csv"), data)
    try:
        read_csv(path)
    except (BadInput, StoreError) as error:
        assert "Hint" in str(error)  # noqa: PT017 - either outcome is right


def test_unsorted_files_are_refused_or_sorted_in_a_stable_way(tmp_path):
    text = HEAD + "2020-01-02 00:00:02,1,1\n2020-01-02 00:00:01,2,1\n2020-01-02 00:00:02,3,1\n"
    with pytest.raises(BadInput, match=r"goes back in time 1 times \(first on line 3\).*sort=True"):
        read(tmp_path, text)
    assert read(tmp_path, text, sort=True).trades.px.tolist() == [2, 1, 3]


def test_daylight_saving_time_in_chicago(tmp_path):
    spring = HEAD + "2020-03-08 01:59:59,1,1\n2020-03-08 02:30:00,1,1\n2020-03-08 03:00:00,1,1\n"
    back = read(tmp_path, spring, tz="America/Chicago", tick_size=1)
    assert np.diff(back.trades.ts).tolist() == [10**9]
    assert back.rejects.reason == ("time does not exist in America/Chicago (clocks went forward)",)
    autumn = HEAD + "2020-11-01 00:59:59,1,1\n2020-11-01 01:30:00,1,1\n2020-11-01 02:00:00,1,1\n"
    back = read(tmp_path, autumn, tz="America/Chicago", tick_size=1)
    assert back.rejects.reason == ("time happens twice in America/Chicago (clocks went back)",)
    assert back.rejects.line.tolist() == [3]
    for ambiguous, hours in (("first", 6.5), ("second", 7.5)):
        ts = read(tmp_path, autumn, tz="America/Chicago", tick_size=1, ambiguous=ambiguous).trades.ts
        midnight = np.datetime64("2020-11-01", "ns").astype(np.int64)
        assert (ts[1] - midnight) / 3.6e12 == hours
    zoned = HEAD + "2020-11-01 01:30:00-05:00,1,1\n2020-11-01 01:30:00-06:00,1,1\n"
    assert read(tmp_path, zoned, tz="America/Chicago", tick_size=1).n_rejected == 0


def test_epochs_of_another_magnitude_are_rejected(tmp_path):
    back = read(tmp_path, "ts,px,size\n1378072800083,1,1\n1378072801,1,1\n1378072801083000,1,1\nnoon,1,1\n")
    assert back.time_unit == "epoch ms"
    assert back.rejects.line.tolist() == [3, 4, 5]
    assert "not of the magnitude of an epoch in ms" in back.rejects.reason[0]


def test_columns_by_name_and_by_position(tmp_path):
    text = "when,paid,how many\n2020-01-02,100000,3\n"
    back = read(tmp_path, text, columns={"ts": "when", "price": "paid", "size": "how many"}, price_scale=10_000)
    assert back.trades.price.tolist() == [10.0]
    assert back.columns == {"ts": "when", "price": "paid", "size": "how many"}
    back = read(tmp_path, "3,2020-01-02,1.5\n4,2020-01-03,2\n", columns={"ts": 1, "price": 2, "size": 0})
    assert back.trades.size.tolist() == [3, 4]
    assert back.trades.tick_size == 0.5
    back = read(tmp_path, "ts;px;size\n2020-01-02;1;1\n", delimiter=";")
    assert back.n_stored == 1


@pytest.mark.parametrize(
    ("text", "options", "says"),
    [
        ("", {}, "is empty"),
        ("\n \n", {}, "is empty"),
        (HEAD, {}, "a header and no rows"),
        (HEAD + "\n\n", {}, "a header and no rows"),
        (HEAD + ",,\n", {}, "no usable row"),
        (HEAD + "x,1,1\n", {}, r"no usable row \(line 2: time is not"),
        (HEAD + "x,1,1\n", {"tick_size": 1}, r"no usable row \(line 2: time is not"),
        (HEAD + "1,1\n", {}, r"no usable row \(line 2: 2 fields"),
        ("2020-01-02,1,1\n", {}, "has no header.*positions"),
        ("DateTime,Prise,Volume\n2020-01-02,1,1\n", {}, "no column for price.*did you mean 'Prise'"),
        ("a;b;c\n", {}, "no column for ts.*another delimiter"),
        (HEAD + "2020-01-02,1,1\n", {"columns": {"prize": "Price"}}, "did you mean 'price'"),
        (
            HEAD + "2020-01-02,1,1\n",
            {"columns": {"price": "Prcie"}},
            "no column 'Prcie' for price.*did you mean 'Price'",
        ),
        (HEAD + "2020-01-02,1,1\n", {"columns": {"price": 1}}, "columns misses"),
        (HEAD + "2020-01-02,1,1\n", {"columns": {"ts": 0, "price": 1, "size": 7}}, "points beyond"),
        (HEAD + "2020-01-02,1,1\n", {"tz": "Mars/Olympus"}, "tz is 'Mars/Olympus'.*IANA"),
        (HEAD + "2020-01-02,1,1\n", {"ambiguous": "guess"}, "ambiguous is 'guess'"),
        (HEAD + "2020-01-02,1,1\n", {"delimiter": "--"}, "delimiter is '--'"),
        (HEAD + "2020-01-02,1,1\n", {"price_scale": 0}, "price_scale is 0"),
        (HEAD + "2020-01-02,1,1\n", {"tick_size": -1}, "tick_size is -1"),
        (HEAD + "2020-01-02,1,1\n", {"symbol": "a/b"}, "symbol is 'a/b'"),
        (HEAD + "2020-01-02,1.0000000001,1\n", {}, "more than 9 decimals"),
    ],
)
def test_files_that_cannot_be_read_say_why(tmp_path, text, options, says):
    with pytest.raises(BadInput, match=says) as caught:
        read(tmp_path, text, **options)
    assert "Hint: " in str(caught.value)


def test_missing_and_damaged_files(tmp_path):
    with pytest.raises(StoreError, match="cannot be read"):
        read_csv(tmp_path / "none.csv")
    whole = gzip.compress((HEAD + "2020-01-02,1,1\n" * 1000).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="cannot be read"):
        read_csv(tmp_path / "cut.csv.gz")


@given(
    st.lists(st.integers(1, 10**6), min_size=2, max_size=20, unique=True),
    st.integers(1, 100),
    st.integers(0, 4),
)
def test_the_inferred_tick_divides_every_price(prices, step, decimals):
    whole = np.array(prices) * step
    tick = infer_tick(whole / 10**decimals)
    assert tick * 10**decimals == pytest.approx(np.gcd.reduce(whole))


def test_a_size_too_large_to_add_up_is_a_reject(tmp_path):
    rows = ["2020-01-02,10.5,1", "2020-01-02,10.5,1152921504606846977", "", "2020-01-02,10.5,0",
            "2020-01-02,10.5,1152921504606846976", "2020-01-02,10.5,9223372036854775807"]  # fmt: skip
    for name in ("ES.csv", "ES.csv.gz"):
        back = read_csv(write(tmp_path, HEAD + "\n".join(rows), name), tick_size=0.5)
        assert back.trades.size.tolist() == [1, 2**60]
        assert back.rejects.line.tolist() == [3, 5, 7]
        assert back.rejects.counts() == {"size is above 2**60, too much to add up": 2, "size is below 1": 1}
        text = (HEAD + "\n".join(rows)).encode()
        assert [text[at:].split(b"\n")[0].decode() for at in back.rejects.byte_offset] == [rows[1], rows[3], rows[5]]
    with pytest.raises(BadInput, match=r"no usable row \(line 2: size is above"):
        read(tmp_path, HEAD + "2020-01-02,10.5,1152921504606846977\n", tick_size=0.5)


def test_an_inferred_tick_does_not_hide_the_other_reason(tmp_path):
    text = HEAD + "1378072800,1.5,1\n1378072801,2,1\n1378072802,1.77,0\n1378072803,1.77,\n1378072804,3.5,2\n"
    back = read(tmp_path, text)
    assert (back.trades.tick_size, back.tick_inferred) == (0.5, True)
    assert back.rejects.counts() == {"size is below 1": 1, "size is not a whole number": 1}
    given = read(tmp_path, text, tick_size=0.5)
    assert given.rejects.counts() == {"price is off the tick grid of 0.5": 2}
