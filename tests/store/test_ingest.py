"""ingest: every row of any source is stored or listed, whatever is interrupted, repeated or broken."""

from __future__ import annotations

import csv
import functools
import gzip
import io
import signal
import subprocess
import sys
import textwrap
import zipfile

import numpy as np
import pytest

from atomloom.errors import BadInput, StoreError
from atomloom.store import Format, Trades, ingest, intake, open_store, sink
from atomloom.store.text_rows import feed_file, feed_stream
from atomloom.store.writer import Writer
from store.made import Pipe

HEAD = "DateTime,Price,Volume\n"


def day(rows=3000, seed=0, start="2013-09-02T13:30", bad=97):
    """A day of ticks as text, every ``bad``-th row broken; and the good rows."""
    rng = np.random.default_rng(seed)
    ts = np.datetime64(start, "ns") + np.cumsum(rng.integers(0, 10**10, rows))
    px = 6560 + np.cumsum(rng.integers(-1, 2, rows))
    size = rng.integers(1, 50, rows)
    lines, good = [], []
    for k, (t, p, s) in enumerate(zip(ts, px, size, strict=True)):
        if bad and k % bad == bad - 1:
            lines.append(f"{t},{p / 4},{['0', 'x', '1.5'][k % 3]}")
        else:
            lines.append(f"{str(t).replace('T', ' ')},{p / 4},{s}")
            good.append((int(t.astype(np.int64)), int(p), int(s)))
    return HEAD + "\n".join(lines) + "\n", good


def stored(path, symbol="ES"):
    with open_store(path) as store:
        trades = store[symbol].trades()
        return list(zip(trades.ts.tolist(), trades.px.tolist(), trades.size.tolist(), strict=True))


def rejects(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def small(monkeypatch):
    """Blocks of 4 kB and a commit after each 16 kB."""
    monkeypatch.setattr(intake, "feed_file", functools.partial(feed_file, block=4096))
    monkeypatch.setattr(intake, "feed_stream", functools.partial(feed_stream, block=4096))
    monkeypatch.setattr(sink, "COMMIT_BYTES", 16384)


def as_path(folder, text):
    path = folder / "ES.csv"
    path.write_text(text)
    return path


def as_gzip(folder, text):
    path = folder / "ES.csv.gz"
    path.write_bytes(gzip.compress(text.encode()))
    return path


def as_zip(folder, text):
    path = folder / "ES.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ES.csv", text)
    return path


def as_members(folder, text):
    path = folder / "ES.zip"
    lines = text[len(HEAD) :].splitlines(keepends=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, part in (("b.csv", lines[1000:]), ("a.csv", lines[:1000]), ("c/", []), ("d.csv", [])):
            archive.writestr(name, HEAD + "".join(part) if part else HEAD if name == "d.csv" else "")
    return path


def as_list(folder, text):
    lines = text[len(HEAD) :].splitlines(keepends=True)
    paths = [folder / "one.csv", folder / "two.csv.gz"]
    paths[0].write_text(HEAD + "".join(lines[:1000]))
    paths[1].write_bytes(gzip.compress((HEAD + "".join(lines[1000:])).encode()))
    return paths


SOURCES = {
    "path": as_path,
    "gzip": as_gzip,
    "zip": as_zip,
    "members": as_members,
    "list": as_list,
    "bytes": lambda _, text: text.encode(),
    "gzip bytes": lambda _, text: gzip.compress(text.encode()),
    "open file": lambda _, text: io.BytesIO(text.encode()),
    "open text": lambda _, text: io.StringIO(text),
    "open gzip": lambda _, text: io.BytesIO(gzip.compress(text.encode())),
    "open zip": lambda folder, text: io.BytesIO(as_zip(folder, text).read_bytes()),
    "pipe": lambda _, text: Pipe(text.encode()),
    "gzip pipe": lambda _, text: Pipe(gzip.compress(text.encode())),
}


@pytest.mark.parametrize("tick_size", [0.25, None])
@pytest.mark.parametrize("name", sorted(SOURCES))
def test_the_same_rows_from_any_source(tmp_path, small, name, tick_size):
    text, good = day()
    report = ingest(SOURCES[name](tmp_path, text), tmp_path / "a.h5", symbol="ES", tick_size=tick_size)
    assert stored(tmp_path / "a.h5") == good
    assert report.n_stored == len(good)
    assert report.n_read == report.n_stored + report.n_rejected == 3000
    assert sum(report.reasons.values()) == report.n_rejected == 30
    assert report.tick_size == 0.25
    assert report.tick_inferred == (tick_size is None)
    assert report.bytes >= len(text) - 2 * len(HEAD)
    assert set(report.seconds) == {"read", "parse", "write", "commit", "total"}
    assert "read 3,000 rows = stored 2,970 + rejected 30" in report.summary()
    listed = rejects(tmp_path / "a.h5.ES.rejects.csv")
    assert len(listed) == 30
    assert report.to_dict()["rejects"].endswith("a.h5.ES.rejects.csv")


def test_rejects_say_where_in_the_text_they_are(tmp_path, small):
    text, _ = day()
    text = "\ufeff\n" + text.replace("\n", "\r\n")
    ingest(as_gzip(tmp_path, text), tmp_path / "a.h5", rejects=tmp_path / "r.csv")
    listed = rejects(tmp_path / "r.csv")
    assert len(listed) == 30
    raw = text.encode()
    for each in listed:
        begun = int(each["byte_offset"])
        assert raw[begun : begun + len(each["text"])].decode() == each["text"]
        assert raw[:begun].count(b"\n") + 1 == int(each["line"])
        assert each["source"].endswith("ES.csv.gz")
    assert {each["reason"] for each in listed} == {"size is below 1", "size is not a whole number"}


def test_a_file_without_rejects_leaves_no_reject_file(tmp_path):
    text, good = day(50, bad=0)
    report = ingest(as_path(tmp_path, text), tmp_path / "a.h5")
    assert report.rejects is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ES.csv", "a.h5"]
    assert stored(tmp_path / "a.h5") == good


class Stop(Exception):
    """Raised from a progress listener: the run ends there."""


def stopper(after):
    seen = []

    def listen(event):
        seen.append(event)
        if len(seen) >= after:
            raise Stop

    return listen


@pytest.mark.parametrize("source", [as_path, as_gzip, as_zip])
@pytest.mark.parametrize("after", [1, 6, 7, 13, 24])
def test_an_interrupted_ingest_goes_on_where_it_was(tmp_path, small, source, after):
    text, good = day()
    path = source(tmp_path, text)
    with pytest.raises(Stop):
        ingest(path, tmp_path / "a.h5", symbol="ES", tick_size=0.25, progress=stopper(after))
    report = ingest(path, tmp_path / "a.h5", symbol="ES", tick_size=0.25)
    assert stored(tmp_path / "a.h5") == good
    assert (report.n_read, report.n_rejected) == (3000, 30)
    assert sum(report.reasons.values()) == 30
    assert bool(report.resumed_from) == (after > 4)
    listed = rejects(tmp_path / "a.h5.ES.rejects.csv")
    assert len({each["line"] for each in listed}) == len(listed) == 30
    with pytest.raises(BadInput, match=r"is in .* already"):
        ingest(path, tmp_path / "a.h5", symbol="ES", tick_size=0.25)


@pytest.mark.parametrize("before", ["", "byte_offset,line,reason,text,source\n1,2,of another,x,other.csv\n"])
def test_rejects_of_a_run_that_died_before_its_first_commit_are_listed_once(tmp_path, small, monkeypatch, before):
    text, _ = day()
    path, listed = as_path(tmp_path, text), tmp_path / "a.h5.ES.rejects.csv"
    if before:
        listed.write_text(before)
    real = Writer.commit

    def dead(*_):
        raise Stop

    monkeypatch.setattr(Writer, "commit", dead)
    with pytest.raises(Stop):
        ingest(path, tmp_path / "a.h5", tick_size=0.25)
    assert len(listed.read_text()) > len(before)
    monkeypatch.setattr(Writer, "commit", real)
    ingest(path, tmp_path / "a.h5", tick_size=0.25)
    lines = [each["line"] for each in rejects(listed) if each["source"] == str(path)]
    assert len(set(lines)) == len(lines) == 30
    assert listed.read_text().startswith(before)


def test_a_killed_ingest_goes_on(tmp_path):
    text, good = day()
    path = as_path(tmp_path, text)
    script = textwrap.dedent(f"""
        import functools, os, signal
        from atomloom.store import ingest, intake, sink
        from atomloom.store.text_rows import feed_file
        intake.feed_file = functools.partial(feed_file, block=4096)
        sink.COMMIT_BYTES = 16384
        seen = []
        def listen(event):
            seen.append(event)
            if len(seen) == 11:
                os.kill(os.getpid(), signal.SIGKILL)
        ingest({str(path)!r}, {str(tmp_path / "a.h5")!r}, tick_size=0.25, progress=listen)
    """)
    done = subprocess.run([sys.executable, "-c", script], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    before = stored(tmp_path / "a.h5")
    assert 0 < len(before) < len(good)
    assert before == good[: len(before)]
    report = ingest(path, tmp_path / "a.h5", tick_size=0.25)
    assert stored(tmp_path / "a.h5") == good
    assert list(report.resumed_from) == [str(path)]
    assert len(rejects(tmp_path / "a.h5.ES.rejects.csv")) == 30


def test_an_interrupted_file_must_be_the_same_when_it_goes_on(tmp_path, small):
    text, good = day()
    path = as_path(tmp_path, text)
    with pytest.raises(Stop):
        ingest(path, tmp_path / "a.h5", tick_size=0.25, progress=stopper(8))
    with pytest.raises(BadInput, match=r"rows were stored, and resume is False.*Hint"):
        ingest(path, tmp_path / "a.h5", tick_size=0.25, resume=False)
    path.write_text(text + "2013-09-03 00:00:00,1640.25,1\n")
    with pytest.raises(BadInput, match=r"rows were stored, and has changed since.*Hint"):
        ingest(path, tmp_path / "a.h5", tick_size=0.25)
    with open_store(tmp_path / "a.h5", "a") as store:
        store.drop("ES")
    ingest(path, tmp_path / "a.h5", tick_size=0.25)
    assert stored(tmp_path / "a.h5")[:-1] == good


def test_another_file_of_the_same_name_is_another_file(tmp_path):
    first, good = day(100, bad=0)
    second, more = day(100, seed=1, start="2013-09-03T13:30", bad=0)
    ingest(as_path(tmp_path, first), tmp_path / "a.h5", tick_size=0.25)
    ingest(as_path(tmp_path, second), tmp_path / "a.h5")  # the tick size is that of the table
    assert stored(tmp_path / "a.h5") == good + more


def test_rows_that_go_back_are_refused_or_merged(tmp_path, small):
    text, good = day(bad=0)
    lines = text.splitlines(keepends=True)
    lines[2000], lines[2001] = lines[2001], lines[2000]
    lines[2500], lines[2502] = lines[2502], lines[2500]
    path = as_path(tmp_path, "".join(lines))
    offset = len("".join(lines[:2001]))
    with pytest.raises(BadInput) as caught:
        ingest(path, tmp_path / "a.h5", tick_size=0.25)
    says = str(caught.value)
    assert f"goes back in time 3 times (first at byte {offset:,}, line 2,002)" in says
    kept = stored(tmp_path / "a.h5")
    assert f"Its first {len(kept):,} good rows were committed before" in says
    assert kept == good[: len(kept)]
    merged = ingest(path, tmp_path / "b.h5", tick_size=0.25, out_of_order="merge")
    assert merged.n_stored == 3000
    assert sorted(stored(tmp_path / "b.h5")) == sorted(good)
    assert [row[0] for row in stored(tmp_path / "b.h5")] == [row[0] for row in good]


def test_a_file_that_goes_back_leaves_nothing(tmp_path):
    path = as_path(tmp_path, HEAD + "2020-01-02 00:00:02,1,1\n2020-01-02 00:00:01,2,1\n")
    with pytest.raises(
        BadInput, match=r"1 times \(first at byte 46, line 3\)\. Nothing of it is stored\. Hint: .*merge"
    ):
        ingest(path, tmp_path / "a.h5")
    assert not (tmp_path / "a.h5").exists()


def test_rows_before_those_stored_name_the_file(tmp_path):
    ingest((HEAD + "2020-01-02,1,1\n").encode(), tmp_path / "a.h5", symbol="ES", tick_size=1)
    path = as_path(tmp_path, HEAD + "2020-01-01,1,1\n")
    with pytest.raises(BadInput, match=r"ES\.csv, rows from byte 22, line 2.*Nothing of it is stored"):
        ingest(path, tmp_path / "a.h5")
    report = ingest(path, tmp_path / "a.h5", out_of_order="merge")
    assert report.n_stored == 1
    assert len(stored(tmp_path / "a.h5")) == 2


def test_a_cut_gzip_keeps_what_came_before(tmp_path, small):
    text, good = day()
    path = as_gzip(tmp_path, text)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(StoreError, match=r"cannot be read.*rows up to byte .* = stored .*they are kept"):
        ingest(path, tmp_path / "a.h5", symbol="ES", tick_size=0.25)
    kept = stored(tmp_path / "a.h5")
    assert 0 < len(kept) < len(good)
    assert kept == good[: len(kept)]


@pytest.mark.parametrize("place", [0, 12, 40])
def test_damaged_sources_are_store_errors(tmp_path, place):
    data = bytearray(as_zip(tmp_path, day(100)[0]).read_bytes())
    data[place] ^= 0xFF
    path = tmp_path / "broken.zip"
    path.write_bytes(data)
    try:
        ingest(path, tmp_path / "a.h5", symbol="ES")
    except (StoreError, BadInput) as error:
        assert "Hint" in str(error)  # noqa: PT017 - a flipped byte may also hit what nobody reads
    with pytest.raises(StoreError, match="cannot be read"):
        ingest(tmp_path / "none.csv", tmp_path / "a.h5")


def test_times_that_count_from_midnight_take_the_date_of_their_name(tmp_path):
    path = tmp_path / "aig.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("20131008_aig.csv", "20131007_aig.csv"):
            archive.writestr(name, "14400688,491800,300,P,2000,0\n14581540,488700,2000,Q,20002020,1\n")
    report = ingest(path, tmp_path / "a.h5", format="quantconnect")
    assert (report.symbol, report.n_stored, report.tick_size, report.time_unit) == ("aig", 4, 0.01, "ms since midnight")
    with open_store(tmp_path / "a.h5") as store:
        trades = store["aig"].trades()
    days = [str(np.datetime64(int(t), "ns"))[:23] for t in trades.ts]
    assert days == [
        "2013-10-07T08:00:00.688", "2013-10-07T08:03:01.540", "2013-10-08T08:00:00.688", "2013-10-08T08:03:01.540",
    ]  # fmt: skip
    assert trades.price.tolist() == [49.18, 48.87] * 2
    assert [trades.venues[code] for code in trades.venue] == ["P", "Q"] * 2
    assert trades.flags.tolist() == [0, 1, 0, 1]
    with pytest.raises(BadInput, match="date is one day, and there are several"):
        ingest(path, tmp_path / "b.h5", format="quantconnect", date="2013-10-07")
    with pytest.raises(BadInput, match=r"says no date\. Hint"):
        ingest(b"14400688,491800,300,P,2000,0\n", tmp_path / "b.h5", symbol="A", format="quantconnect")


def test_quotes(tmp_path):
    text = b"14400546,1750000,100,0,0,P,1,0\n14400546,0,0,1848300,100,P,1,0\n14400547,,,1848400,7,Q,1,1\n"
    report = ingest(
        text, tmp_path / "a.h5", symbol="IBM", kind="quotes", format="quantconnect-quote", date="2013-10-09"
    )
    assert (report.kind, report.n_stored, report.tick_size) == ("quotes", 3, 0.01)
    with open_store(tmp_path / "a.h5") as store:
        quotes = store["IBM"].quotes()
    assert quotes.bid_px.tolist() == [17500, 0, 0]
    assert quotes.ask_px.tolist() == [0, 18483, 18484]
    assert quotes.ask_size.tolist() == [0, 100, 7]
    assert quotes.flags.tolist() == [0, 0, 1]


def test_the_tick_size_of_a_large_file_comes_from_a_sample(tmp_path, monkeypatch):
    from atomloom.store import parts

    monkeypatch.setattr(parts, "SAMPLE_BYTES", 1 << 18)
    monkeypatch.setattr(parts, "BLOCK_BYTES", 1 << 12)
    text, good = day(20_000, bad=0)
    odd = text.splitlines(keepends=True)
    odd[10_001] = odd[10_001].rsplit(",", 2)[0] + ",1640.01,1\n"
    report = ingest(as_path(tmp_path, "".join(odd)), tmp_path / "a.h5")
    assert report.tick_inferred
    assert report.n_stored + report.n_rejected == 20_000
    if report.tick_size == 0.25:  # the block of the odd price was not looked at
        assert report.reasons == {"price is off the tick grid of 0.25": 1}
        assert len(stored(tmp_path / "a.h5")) == len(good) - 1
    else:
        assert report.tick_size == 0.01


def test_columns_are_joined_with_a_format(tmp_path):
    text = b"who;when;paid;lots\nA;01.09.2013 17:00:00;1640,25;3\n"
    layout = {"time": "%d.%m.%Y %H:%M:%S", "decimal": ",", "columns": {"ts": "when", "size": "lots"}}
    report = ingest(text, tmp_path / "a.h5", symbol="ES", format=layout, columns={"price": "paid"}, tz="Europe/Berlin")
    assert report.n_stored == 1
    assert stored(tmp_path / "a.h5") == [(1378047600000000000, 164_025, 3)]
    with open_store(tmp_path / "a.h5") as store:
        assert store["ES"].trades().price.tolist() == [1640.25]


def test_venues_of_blocks_agree(tmp_path, small):
    rng = np.random.default_rng(3)
    names = rng.choice(["P", "Q", "NYSE ARCA", "Z" * 30], 2000, p=[0.6, 0.3, 0.09, 0.01])
    text = "ts,px,size,exchange\n" + "".join(f"{1378072800 + k},1.5,1,{name}\n" for k, name in enumerate(names))
    ingest(as_path(tmp_path, text), tmp_path / "a.h5")
    with open_store(tmp_path / "a.h5") as store:
        trades = store["ES"].trades()
    assert [trades.venues[code] for code in trades.venue] == names.tolist()
    report = ingest(as_path(tmp_path, text), tmp_path / "b.h5", columns={"venue": None})
    assert report.n_stored == 2000
    with open_store(tmp_path / "b.h5") as store:
        assert store["ES"].trades().venue is None


def test_progress_tells_how_far_it_is(tmp_path, small):
    text, good = day()
    seen = []
    ingest(as_path(tmp_path, text), tmp_path / "a.h5", progress=seen.append)
    assert [event.bytes_done for event in seen] == sorted(event.bytes_done for event in seen)
    assert seen[-1].bytes_done == seen[-1].bytes_total == len(text)
    assert (seen[-1].rows, seen[-1].rejected) == (len(good), 30)


def test_an_open_store_stays_open(tmp_path):
    with open_store(tmp_path / "a.h5", "a") as store:
        ingest((HEAD + "2020-01-02,1,1\n").encode(), store, symbol="A")
        ingest(Trades([0], [1], [1], symbol="B"), store)
        assert store.symbols == ["A", "B"]


@pytest.mark.parametrize(
    ("source", "options", "says"),
    [
        (b"", {}, "is empty"),
        (HEAD.encode(), {}, "a header and no rows"),
        (HEAD.encode() + b"x,1,1\n", {}, r"no usable row \(line 2: time is not"),
        (HEAD.encode() + b"x,1,1\n", {"tick_size": 1}, r"no usable row \(line 2: time is not"),
        (HEAD.encode() + b"2020-01-02,1,1\n", {"symbol": None}, "symbol is not given"),
        (HEAD.encode() + b"2020-01-02,1,1\n", {"out_of_order": "sort"}, "out_of_order is 'sort'"),
        (HEAD.encode() + b"2020-01-02,1,1\n", {"format": "quantconect"}, "did you mean 'quantconnect'"),
        (HEAD.encode() + b"2020-01-02,1,1\n", {"kind": "quote"}, "did you mean 'quotes'"),
        (HEAD.encode() + b"2020-01-02,1,1\n", {"kind": "quotes", "format": "kibot"}, "format is one of trades"),
        (HEAD.encode() + b"2020-01-02,1,1\n", {"date": "noon"}, "date is 'noon'"),
        (HEAD.encode() + b"2020-01-02,1,1\n", {"ambiguous": "guess"}, "ambiguous is 'guess'"),
        (HEAD.encode() + b"2020-01-02,1.0000000001,1\n", {}, "more than 9 decimals"),
        (HEAD.encode().replace(b"Price", b"Prise") + b"2020-01-02,1,1\n", {}, "did you mean 'Prise'"),
        ("a\0b".encode("utf-16"), {}, "UTF-16"),
        ([], {}, "empty list"),
        (3, {}, "source is a int"),
    ],
)
def test_what_cannot_be_ingested_says_why(tmp_path, source, options, says):
    with pytest.raises(BadInput, match=says) as caught:
        ingest(source, tmp_path / "a.h5", **{"symbol": "ES", **options})
    assert "Hint: " in str(caught.value)


def test_a_source_without_a_good_row_leaves_no_trace_but_its_rejects(tmp_path):
    path = as_path(tmp_path, HEAD + "x,1,1\n")
    for _ in range(2):  # and it is not remembered as stored
        with pytest.raises(BadInput, match="no usable row"):
            ingest(path, tmp_path / "a.h5", tick_size=1)
    assert not (tmp_path / "a.h5").exists()
    assert rejects(tmp_path / "a.h5.ES.rejects.csv")[0]["text"] == "x,1,1"


def test_the_real_files(tmp_path, root):
    folder = root.parent / "shared" / "data"
    if not (folder / "es_ticks_2013-09.csv.gz").is_file():
        pytest.skip("../shared/data is not here; synthetic files of the same layouts are read in the other tests")
    es = ingest(folder / "es_ticks_2013-09.csv.gz", tmp_path / "a.h5", symbol="ES", tz="America/Chicago")
    assert (es.n_stored, es.n_rejected, es.tick_size) == (500_000, 0, 0.25)
    paths = sorted(folder.glob("ibm_*_trade.zip"))
    ibm = ingest(paths, tmp_path / "a.h5", symbol="IBM", format="quantconnect", tick_size=0.0001)
    assert ibm.n_read == ibm.n_stored + ibm.n_rejected
    assert len(ibm.sources) == 5
    quotes = ingest(
        folder / "ibm_20131009_quote.zip", tmp_path / "a.h5", symbol="IBM", kind="quotes", format="quantconnect-quote"
    )
    assert quotes.n_stored == 135_492
    with open_store(tmp_path / "a.h5") as store:
        assert store["ES"].trades().volume == 1_844_058
        assert len(store["IBM"].trades()) == ibm.n_stored
        assert set(store["IBM"].trades().venues) <= set("ABCDEFHIJKLMNPQSTVWXYZ")


def test_formats_are_plain_values(tmp_path):
    layout = Format(columns={"ts": 0, "price": 1, "size": 2}, time="epoch us", lot=1e-8)
    assert Format.from_dict(layout.to_dict()) == layout
    ingest(b"1378072800083000,1.5,0.5\n", tmp_path / "a.h5", symbol="BTC", format=layout)
    assert stored(tmp_path / "a.h5", "BTC") == [(1378072800083000000, 15, 50_000_000)]
