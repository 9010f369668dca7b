"""The parser against its plain-Python twin: the same rows and rejects for any text and any cut into blocks."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from atomloom.store.blocks import read_range, stream
from atomloom.store.csv_rows import parse_block, recipe
from atomloom.store.formats import Format
from atomloom.store.heads import Head
from atomloom.store.sources import texts_of
from atomloom.store.ticks import exact_step
from oracles import csv_oracle

TRADES = ("ts", "price", "size")
QUOTES = ("ts", "bid_px", "bid_size", "ask_px", "ask_size")


def plans(order, *, tick=0.25, tz="UTC", ambiguous="reject", day=None, epoch="", **layout):
    """A recipe of the parser and what its twin is told, for columns in a given order ("" is a column to skip)."""
    form = Format(**layout)
    roles = {role: k for k, role in enumerate(order) if role}
    head = Head(tuple(order), roles, form.delimiter or ",", 0, 0, epoch)
    plan = recipe(form, head, tz=tz, ambiguous=ambiguous, day=day).priced(exact_step(tick), form.price_scale)
    how = {
        "roles": roles, "width": len(order), "delimiter": head.delimiter, "decimal": form.decimal, "time": form.time,
        "epoch": epoch, "tz": tz, "ambiguous": ambiguous, "day": day, "joined": "date" in roles, "tick": tick,
        "quotes": form.kind == "quotes", "lot": exact_step(form.lot),
        "step": exact_step(tick) * exact_step(form.price_scale),
    }  # fmt: skip
    return plan, how


def rows_of(block, plan):
    columns = [block.columns[name].tolist() for name in ("ts", *plan.outputs)]
    venue = [block.venues[code] for code in block.columns["venue"]] if "venue" in plan.extras else [None] * block.rows
    flags = block.columns["flags"].tolist() if "flags" in plan.extras else [None] * block.rows
    return list(zip(*columns, venue, flags, strict=True))


def parsed(pieces, plan):
    rows, rejects, line, backs = [], [], 0, []
    for piece in pieces:
        block = parse_block(piece.data, piece.start, piece.stop, plan)
        fresh = rows_of(block, plan)
        rejects += [(piece.offset + at, line + k + 1, reason) for at, k, reason, _ in block.rejects]
        if block.rows:
            times = [row[0] for row in fresh]
            assert block.back[0] == sum(b < a for a, b in pairwise(times))
        backs.append(block.back)
        rows += fresh
        line += block.lines
    return rows, rejects


def check(text, order, **options):
    plan, how = plans(order, **options)
    expected = csv_oracle.parse(text, how)
    source = next(texts_of(text))
    assert parsed(stream(source, 0), plan) == expected
    return expected


ORDERS = {
    "iso": (("ts", "price", "size"), {}),
    "iso tz": (("price", "", "ts", "size"), {"tz": "America/Chicago"}),
    "iso first": (("ts", "price", "size"), {"tz": "Europe/London", "ambiguous": "first", "delimiter": ";"}),
    "joined": (("date", "ts", "price", "size", "venue"), {"tz": "America/New_York", "ambiguous": "second"}),
    "epoch auto": (("size", "price", "ts"), {"epoch": "ms"}),
    "epoch s": (("ts", "price", "size"), {"time": "epoch s", "delimiter": "\t"}),
    "midnight": (
        ("ts", "price", "size", "venue", "", "flags"),
        {"time": "ms since midnight", "day": 15985, "tz": "America/New_York", "price_scale": 10_000.0, "tick": 0.01},
    ),
    "date midnight": (("date", "ts", "price", "size"), {"time": "s since midnight", "tz": "America/Chicago"}),
    "layout": (("date", "ts", "price", "size"), {"time": "%m/%d/%Y %H:%M:%S.%f", "tz": "America/New_York"}),
    "layout am": (("ts", "price", "size"), {"time": "%d %b %y %I:%M:%S %p"}),
    "layout zone": (("ts", "price", "size"), {"time": "%Y%m%d-%H:%M:%S.%f%z"}),
    "comma": (("ts", "price", "size"), {"decimal": ",", "delimiter": ";", "tick": 0.05}),
    "lots": (("ts", "price", "size"), {"lot": 1e-8, "tick": 1 / 3}),
    "quotes": (("ts", "bid_px", "bid_size", "ask_px", "ask_size", "venue", "flags"), {"kind": "quotes"}),
}

HOURS = st.one_of(st.integers(0, 25), st.sampled_from([1, 2, 3, 9, 16]))
DAYS = st.sampled_from([
    (2013, 9, 1), (2020, 3, 8), (2020, 11, 1), (2020, 10, 25), (2020, 3, 29), (2020, 2, 29), (2021, 2, 29),
    (1969, 12, 31), (1677, 9, 22), (1677, 9, 23), (2262, 4, 9), (2262, 4, 10), (1883, 11, 18), (2013, 13, 1),
    (9999, 1, 1), (2100, 11, 7),
])  # fmt: skip
FRACTION = st.one_of(st.just(""), st.integers(1, 12).flatmap(lambda n: st.text("0123456789", min_size=n, max_size=n)))


@st.composite
def moments(draw):
    return (
        *draw(DAYS),
        draw(HOURS),
        draw(st.integers(0, 60)),
        draw(st.sampled_from([0, 1, 30, 59, 60, 61])),
        draw(FRACTION),
    )


@st.composite
def times(draw, name):
    year, month, day, hour, minute, second, digits = draw(moments())
    point = f".{digits}" if digits else draw(st.sampled_from(["", "", "."]))
    if name.startswith("epoch"):
        whole = draw(st.sampled_from([1378072800, 1378072800083, 1378072800083000, 0, 2**63 - 1, 2**63, 12]))
        return f"{whole}{point}"
    clock = f"{hour:02d}:{minute:02d}:{second:02d}{point}"
    compact = draw(st.booleans())
    if name == "midnight":
        return f"{draw(st.integers(0, 90_000_000))}{point}"
    if name == "date midnight":
        return (
            f"{year}{month:02d}{day:02d}" if compact else f"{year}-{month:02d}-{day:02d}",
            f"{draw(st.integers(0, 86_500))}{point}",
        )
    if name == "layout":
        return f"{month}/{day}/{year}" if compact else f"{month:02d}/{day:02d}/{year}", clock
    if name == "layout am":
        word = csv_oracle.MONTHS[month - 1 if month <= 12 else 0].title()
        half = draw(st.sampled_from(["AM", "pm", "xm"]))
        return f"{day} {word} {year % 100:02d} {hour}:{minute:02d}:{second:02d} {half}"
    offset = draw(st.sampled_from(["", "", "Z", "+02:00", "-0530", "+1", " +02", "+24:00", "+02:00x"]))
    if name == "layout zone":
        return f"{year}{month:02d}{day:02d}-{clock}{offset}"
    when = f"{year}{month:02d}{day:02d}" if compact else f"{year}-{month:02d}-{day:02d}"
    clock = clock.replace(":", "") if draw(st.booleans()) and compact else clock
    clock = draw(st.sampled_from([clock, clock, clock, clock[:5], clock[:2], clock[:7]]))
    if name == "joined":
        return when, clock + offset
    return draw(st.sampled_from([when, *[f"{when}{sep}{clock}{offset}" for sep in " Tt  "], f"{when}x{clock}"]))


PRICES = st.one_of(
    st.integers(-8, 20_000).map(lambda k: str(k / 4)),
    st.sampled_from([
        "1e3", "1.64e3", "+5.50", "-0.25", "0", ".5", "5.", "nan", "inf", "1e999", "1e300", "1,640.25", '"1,640.25"',
        "1.640,25", "0,05",
        "1640.1", "1640.2500000000002", "1640.25000000000000000000", "99999999999999999999", "9223372036854775807",
        "--1", "1e", "1e+2", "1e-2", "0.33333333333333333", "2305843009213693951.75", "1 2", "", ".", "-",
        "1640.250000000000000000001", "1_000", "0x10", "1e0000",
        "491800", "00000000000000000001.25", "2.5e-1",
    ]),
)  # fmt: skip
SIZES = st.one_of(
    st.integers(-1, 2000).map(str),
    st.sampled_from([
        "2.0", "1.5", "1e3", "99999999999999999999", "+7", "", "x", "0.5", "1,000", '"1,000"',
        "3.00000000000000000000000", "1e-9",
        "123456789012345678", "9223372036854775807", "9223372036854775808", "0.00000001",
    ]),
)  # fmt: skip
VENUES = st.sampled_from(
    ["P", "Q", "", "NYSE ARCA", "a longer name of a venue", '"quoted, name"', 'a"b', "D", "é", "P "]
)
FLAGS = st.sampled_from(["0", "1", "255", "256", "true", "F", "no", "YES", "maybe", "", "-1", "tru", "01"])
JUNK = st.text(st.sampled_from("0123456789.,;:-+ \t\"'eETZ\0\rxé\x1a/|"), max_size=20)


@st.composite
def lines(draw, name):
    order, options = ORDERS[name]
    sep = options.get("delimiter", ",")
    kind = draw(st.sampled_from("ggggggggbxjw"))
    if kind == "b":
        return draw(st.sampled_from(["", "  ", sep * 2, "\t", f" {sep} "]))
    if kind == "j":
        return draw(JUNK)
    cells = []
    joined = None
    for role in order:
        if role in {"ts", "date"}:
            if "date" in order:
                joined = joined or draw(times(name))
                cells.append(joined[0 if role == "date" else 1])
            else:
                cells.append(draw(times(name)))
        elif role in {"venue", "flags"}:
            cells.append(draw(VENUES if role == "venue" else FLAGS))
        elif role == "":
            cells.append(draw(st.sampled_from(["", "x", "2000", "\0", '"a,b"', 'a"'])))
        else:
            cells.append(draw(SIZES if role.endswith("size") else PRICES))
    if kind == "w":
        dresses = st.sampled_from([" {} ", '"{}"', '" {}"', '"{}" ', "{}\t", '"{}'])
        cells = [draw(dresses).replace("{}", cell) for cell in cells]
    if kind == "x":
        cells = draw(st.sampled_from([cells[:-1], [*cells, ""], [*cells, "1"], cells[1:]]))
    return sep.join(cells)


@st.composite
def texts(draw):
    name = draw(st.sampled_from(sorted(ORDERS)))
    body = draw(st.lists(lines(name), max_size=12))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    data = bytearray((newline.join(body) + draw(st.sampled_from(["", newline]))).encode())
    if data and draw(st.integers(0, 3)) == 0:
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return name, bytes(data)


@given(texts())
@example(("iso", b"2013-09-01 17:00:00.5,1.25,1\n2013-09-01 17:00:01\n2013-09-01 17:00,1,1\r\n"))
@example(("iso", b"2013-09-01 17:00:00,1640.10000000000000000001,1\n2013-09-01 16:00:00,1,1"))
def test_rows_and_rejects_are_those_of_the_twin(drawn):
    name, text = drawn
    order, options = ORDERS[name]
    check(text, order, **options)


@given(texts(), st.integers(1, 80))
def test_blocks_of_any_size_give_the_same(tmp_path_factory, drawn, size):
    name, text = drawn
    order, options = ORDERS[name]
    plan, how = plans(order, **options)
    expected = csv_oracle.parse(text, how)
    assert parsed(stream(next(texts_of(text)), 0, size), plan) == expected
    path = tmp_path_factory.mktemp("blocks") / "a.csv"
    path.write_bytes(text)
    source = next(texts_of(path))
    if source.path is not None:  # text that begins like an archive is none
        edges = [*range(0, len(text), size), len(text)]
        parts = [read_range(source, low, high, 0) for low, high in pairwise(edges)]
        # a buffer is good until the next call, so each is read again when it is parsed
        again = (read_range(source, low, high, 0) for low, high in pairwise(edges))
        assert parsed(again, plan) == expected
        assert sum(piece.stop - piece.start for piece in parts) == len(text)


@pytest.mark.parametrize("name", sorted(ORDERS))
def test_clean_rows_of_every_layout_are_read(name):
    good = {
        "iso": "2013-09-01 17:00:00.083123456,1640.25,8",
        "iso tz": "1640.25,x,2013-09-01T17:00:00.083123456,8",
        "iso first": "2013-09-01 17:00:00.083123456;1640.25;8",
        "joined": "2013-09-01,17:00:00.083123456,1640.25,8,P",
        "epoch auto": "8,1640.25,1378072800083.5",
        "epoch s": "1378072800.083\t1640.25\t8",
        "midnight": "14400688,491800,300,P,2000,0",
        "date midnight": "20130901,61200.5,1640.25,8",
        "layout": "09/01/2013,17:00:00,1640.25,8",
        "layout am": "1 Sep 13 5:00:00 PM,1640.25,8",
        "layout zone": "20130901-17:00:00.083+02:00,1640.25,8",
        "comma": "2013-09-01 17:00:00;1640,25;8",
        "lots": "2013-09-01 17:00:00,1640,0.00000001",
        "quotes": "2013-09-01 17:00:00,0,0,1640.25,8,P,1",
    }[name]
    order, options = ORDERS[name]
    rows, rejects = check(f"{good}\n{good}".encode(), order, **options)
    assert len(rows) == 2
    assert rejects == []


def test_a_number_of_rows_that_was_not_expected():
    # the room for rows is guessed from the beginning of a block: long lines first, then short ones
    long = b"2013-09-01 17:00:00.000000000,1640.250000000000,8" + b" " * 2000 + b"\n"
    text = long * 30 + b"20130901,1,1\n" * 20_000
    rows, rejects = check(text, ("ts", "price", "size"), tick=0.25)
    assert len(rows) == 20_030
    assert not rejects


def test_more_rejects_than_fit_at_once():
    text = b"20130901,1,0\n20130901,1,1\n" * 10_000
    rows, rejects = check(text, ("ts", "price", "size"))
    assert (len(rows), len(rejects)) == (10_000, 10_000)


def test_more_venues_than_fit():
    text = "".join(f"20130901,1,1,V{k}\n" for k in range(300)).encode()
    plan, _ = plans(("ts", "price", "size", "venue"))
    block = parse_block(np.frombuffer(text + bytes(64), np.uint8).copy(), 0, len(text), plan)
    assert block.rows == 255
    assert {reason for _, _, reason, _ in block.rejects} == {"venue is one name more than the 255 that fit"}


@given(st.integers(1, 10**7), st.integers(0, 8), st.integers(-(10**12), 10**12))
def test_ticks_of_exact_multiples(mantissa, decimals, steps):
    step = Fraction(mantissa, 10**decimals)
    price = step * steps
    digits = decimals + 2
    whole, rest = divmod(abs(price) * 10**digits, 10**digits)
    text = f"20130901,{'-' if price < 0 else ''}{int(whole)}.{int(rest):0{digits}d},1\n"
    rows, rejects = check(text.encode(), ("ts", "price", "size"), tick=float(step))
    assert not rejects
    assert rows[0][1] == steps
