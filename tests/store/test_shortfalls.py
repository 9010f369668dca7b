"""What a store and an ingest owe a person beside the rows: whole accounts, no litter, units that are remembered."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest

from atomloom.app.cli import run
from atomloom.errors import BadInput, StoreError
from atomloom.store import Quotes, Trades, export, ingest, intake, open_store, read_trades, verify, write_trades
from store.made import Pipe, make

HEAD = "ts,price,size\n"
DAY = 86_400 * 10**9


def listed(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# --- an ingest that is asked for again -------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", ["csv", "gz", "parquet"])
def test_a_file_that_is_stored_already_comes_with_its_account(tmp_path, wrap):
    text = HEAD + "1378072800,1.5,1\n1378072801,1.5,0\n1378072802,2,3\n1378072803,x,3\n"
    path = tmp_path / f"A.{wrap}"
    if wrap == "parquet":
        pd.DataFrame({"ts": [1378072800, 1378072801], "price": [1.5, 2.0], "size": [1, 0]}).to_parquet(path)
    else:
        path.write_bytes(text.encode() if wrap == "csv" else gzip.compress(text.encode()))
    first = ingest(path, tmp_path / "a.h5", tick_size=0.5)
    with pytest.raises(intake.AlreadyStored, match=r"already.*read \d rows = stored \d \+ rejected \d.*Hint") as caught:
        ingest(path, tmp_path / "a.h5", tick_size=0.5)
    again = caught.value.report
    told = ("symbol", "kind", "store", "sources", "n_read", "n_stored", "n_rejected", "reasons", "rejects", "tick_size")
    assert {name: getattr(again, name) for name in told} == {name: getattr(first, name) for name in told}


def test_members_that_were_stored_before_count_in_the_account(tmp_path):
    """Killed between two members of an archive."""
    path = tmp_path / "A.zip"
    members = {"a.csv": HEAD + "1378072800,1,1\n1378072801,1,0\n", "b.csv": HEAD + "1378072900,2,1\n"}
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    seen = []

    def stop(event):
        seen.append(event)
        if event.source.endswith("b.csv"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest(path, tmp_path / "a.h5", tick_size=1, progress=stop)
    report = ingest(path, tmp_path / "a.h5", tick_size=1)
    assert (report.n_read, report.n_stored, report.n_rejected) == (3, 2, 1)
    assert report.reasons == {"size is below 1": 1}
    assert len(report.sources) == 2


def test_the_command_says_what_was_done_when_it_was_killed_after_its_last_commit(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "A.csv").write_text(HEAD + "1378072800,1.5,1\n1378072801,1.5,0\n1378072802,2,3\n")
    command = ["ingest", "A.csv", "--to", "t.h5", "--tick-size", "0.5", "--json", "--quiet"]
    assert run([*command, "--out", "one"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert run([*command, "--out", "two"]) == 0
    told = capsys.readouterr()
    again = json.loads(told.out)
    assert "A.csv is in t.h5 already" in told.err
    assert (again["n_read"], again["n_stored"], again["n_rejected"]) == (3, 2, 1)
    assert (first.pop("already"), again.pop("already")) == (0, 1)
    own = {"bytes", "run", "report", "seconds"}
    assert {name: again[name] for name in again if name not in own} == {
        name: first[name] for name in first if name not in own
    }
    record = json.loads((tmp_path / "one" / "run.json").read_text())
    record["done"], record["status"] = {}, "running"  # what a kill leaves between the commit and the record of it
    (tmp_path / "one" / "run.json").write_text(json.dumps(record))
    assert run(["ingest", "--resume", "one", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["n_read"] == 3
    assert len(read_trades("t.h5")) == 2


def test_a_run_on_a_file_goes_on_when_it_was_killed_after_its_ingest(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "A.csv").write_text(HEAD + "".join(f"{1378072800 + k},1.5,{k % 3}\n" for k in range(60)))
    command = ["bars", "A.csv", "--kind", "tick", "--size", "10", "--tick-size", "0.5", "--json", "--quiet"]
    assert run([*command, "--out", "one"]) == 0
    first = json.loads(capsys.readouterr().out)
    record = json.loads((tmp_path / "one" / "run.json").read_text())
    del record["ingest"]
    record["status"] = "running"  # what a kill leaves between the last commit and the record of it
    (tmp_path / "one" / "run.json").write_text(json.dumps(record))
    assert run(["bars", "--resume", "one", "--json", "--quiet"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert {**again, "seconds": 0} == {**first, "seconds": 0}
    assert (again["rows_read"], again["rejected"]) == (60, 20)


# --- nothing is left behind ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["", HEAD, HEAD + "x,1,1\n", HEAD + "2020-01-02,1,1\n2020-01-01,1,1\n", "a,b,c\n1,2,3\n"]
)
def test_a_failed_ingest_leaves_no_store(tmp_path, text):
    path = tmp_path / "a.h5"
    with pytest.raises(BadInput):
        ingest(text.encode(), path, symbol="A", tick_size=1)
    assert not path.exists()
    with pytest.raises(StoreError):
        ingest(tmp_path / "none.csv", path)
    assert not path.exists()
    write_trades(path, make(3))
    with pytest.raises(BadInput):
        ingest(text.encode(), path, symbol="A", tick_size=1)
    assert len(read_trades(path)) == 3


def test_a_failed_write_leaves_no_store(tmp_path):
    with pytest.raises(BadInput, match="level"):
        write_trades(tmp_path / "a.h5", make(3), level=12)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_ingest_leaves_what_it_has_committed(tmp_path, monkeypatch):
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ingest((HEAD + "2020-01-02,1,1\n").encode(), tmp_path / "a.h5", symbol="A", progress=stop)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr("atomloom.store.sink.COMMIT_BYTES", 1)
    both = [(HEAD + f"2020-01-0{k},1,1\n").encode() for k in (1, 2)]
    seen = []
    with pytest.raises(KeyboardInterrupt):
        ingest(both, tmp_path / "a.h5", symbol="A", progress=lambda event: seen.append(event) or (seen[1:] and stop(0)))
    assert len(read_trades(tmp_path / "a.h5")) == 1


def test_a_missing_folder_is_named_as_it_was_typed(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "A.csv").write_text(HEAD + "2020-01-02,1,1\n")
    for call in (
        lambda: ingest("A.csv", "no/such/a.h5"),
        lambda: open_store("no/such/a.h5", "a"),
        lambda: open_store("no/such/a.h5", "w"),
        lambda: write_trades("no/such/a.h5", make(3)),
    ):
        with pytest.raises(StoreError, match=r"^no/such/a\.h5 could not be written: there is no folder no/such\. Hint"):
            call()
    assert run(["ingest", "A.csv", "--to", "no/such/a.h5", "--out", "one"]) != 0
    assert "there is no folder no/such" in capsys.readouterr().err


# --- more than a table holds -----------------------------------------------------------------------------------------


def many_venues(count, rows=2):
    names = [f"V{k}" for k in range(count)]
    return "ts,price,size,venue\n" + "".join(
        f"{1378072800 + k},1.5,1,{names[k % count]}\n" + ("\n" if k % 7 == 0 else "") + ("x,1,1,P\n" if k == 3 else "")
        for k in range(rows * count)
    )


@pytest.mark.parametrize("source", ["path", "gzip", "zip", "bytes", "open file", "pipe", "frame", "parquet"])
def test_venues_beyond_255_are_counted_and_listed(tmp_path, monkeypatch, source):
    import functools

    from atomloom.store.text_rows import feed_file, feed_stream

    monkeypatch.setattr(intake, "feed_file", functools.partial(feed_file, block=4096))
    monkeypatch.setattr(intake, "feed_stream", functools.partial(feed_stream, block=4096))
    monkeypatch.setattr("atomloom.store.frame_rows.BATCH_ROWS", 100)
    text = many_venues(300)
    frame = pd.read_csv(io.StringIO(text), dtype={"ts": str})
    path = tmp_path / "A.csv"
    path.write_text(text)
    if source == "gzip":
        path = tmp_path / "A.csv.gz"
        path.write_bytes(gzip.compress(text.encode()))
    elif source == "zip":
        path = tmp_path / "A.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("A.csv", text)
    elif source == "bytes":
        path = text.encode()
    elif source == "open file":
        path = io.BytesIO(text.encode())
    elif source == "pipe":
        path = Pipe(text.encode())
    elif source in {"frame", "parquet"}:
        frame = frame[frame["ts"] != "x"].astype({"ts": int})
        path = frame
        if source == "parquet":
            path = tmp_path / "A.parquet"
            frame.to_parquet(path)
    report = ingest(path, tmp_path / "a.h5", symbol="A", tick_size=0.5)
    extra = 0 if source in {"frame", "parquet"} else 1
    assert (report.n_read, report.n_stored, report.n_rejected) == (600 + extra, 510, 90 + extra)
    assert report.reasons["venue is one name more than the 255 that fit"] == 90
    trades = read_trades(tmp_path / "a.h5")
    assert [trades.venues[code] for code in trades.venue] == [f"V{k % 300}" for k in range(600) if k % 300 < 255]
    found = [each for each in listed(tmp_path / "a.h5.A.rejects.csv") if "255" in each["reason"]]
    lines = text.splitlines()
    if source in {"path", "gzip", "zip", "bytes"}:
        for each in found:
            assert lines[int(each["line"]) - 1] == each["text"]
            begun = int(each["byte_offset"])
            assert text[begun:].startswith(each["text"] + "\n")
    if source in {"frame", "parquet"}:
        assert [int(each["line"]) for each in found] == [k for k in range(600) if k % 300 >= 255]
    assert sorted(f"V{k % 300}" for k in range(600) if k % 300 >= 255) == sorted(
        each["text"].rpartition(",")[2] for each in found
    )
    assert verify(tmp_path / "a.h5").ok


@pytest.mark.parametrize("size", [2**63 - 1, 2**62, 2**60 + 1])
@pytest.mark.parametrize("source", ["text", "frame"])
def test_one_huge_size_is_a_counted_reject(tmp_path, size, source):
    rows = [(1378072800, 1.5, 1), (1378072801, 1.5, size), (1378072802, 1.5, 2**60), (1378072803, 1.5, 7)]
    text = HEAD + "".join(f"{ts},{px},{each}\n" for ts, px, each in rows)
    what = text.encode() if source == "text" else pd.DataFrame(rows, columns=["ts", "price", "size"])
    report = ingest(what, tmp_path / "a.h5", symbol="A", tick_size=0.5)
    assert (report.n_read, report.n_stored, report.n_rejected) == (4, 3, 1)
    assert list(report.reasons) == ["size is above 2**60, too much to add up"]
    assert read_trades(tmp_path / "a.h5").size.tolist() == [1, 2**60, 7]
    found = listed(tmp_path / "a.h5.A.rejects.csv")
    assert [(int(each["line"]), str(size) in each["text"]) for each in found] == [(3 if source == "text" else 1, True)]


# --- spans that end before they begin --------------------------------------------------------------------------------


def test_a_span_that_ends_before_it_begins_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    trades = make(200)
    with open_store("t.h5", "a") as store:
        store.append(trades)
        store.append(Quotes([0, 5], [1, 1], [1, 1], [2, 2], [1, 1], symbol="ES"))
        es = store["ES"]
        later, sooner = "1970-01-05", "1970-01-03"
        for call in (
            lambda: es.trades(later, sooner),
            lambda: es.quotes(5, 4),
            lambda: es.arrays(["px"], later, sooner),
            lambda: es.where("size > 0", later, sooner),
            lambda: export(store, "x.csv", "ES", start=later, end=sooner),
            lambda: trades.slice(later, sooner),
            lambda: es.quotes().slice(5, 4),
        ):
            with pytest.raises(BadInput, match=r"start .* is after end .*Hint"):
                call()
        assert len(es.where("size > 0", later, later)) == 0
        assert len(es.arrays(["px"], later, later)["px"]) == 0
        assert export(store, "x.csv", "ES", start=later, end=later) == 0
        with pytest.raises(BadInput, match="has no trades of ES"):
            es.trades(later, later)
    assert run(["store", "find", "t.h5", "size > 0", "--start", later, "--end", sooner]) == 2
    assert "is after end" in capsys.readouterr().err


# --- times at the ends of int64 --------------------------------------------------------------------------------------


def test_times_at_the_ends_of_int64_are_told_as_they_are(tmp_path):
    ts = [-(2**63), -(2**63) + 1, -106751 * DAY, 106751 * DAY, 2**63 - 1]
    trades = Trades(ts, [1] * 5, [1, 2, 3, 4, 5], symbol="A")
    assert "1677-09-21T00:12:43.145224192 .. 2262-04-11T23:47:16.854775807" in repr(trades)
    with open_store(tmp_path / "a.h5", "a") as store:
        store.append(trades)
        info, days = store["A"].info(), store["A"].days()
    assert (info["first"], info["last"]) == ("1677-09-21T00:12:43.145224192", "2262-04-11T23:47:16.854775807")
    assert [str(day)[:10] for day in days["day"]] == ["1677-09-21", "1677-09-22", "2262-04-11"]
    assert days["rows"].tolist() == [2, 1, 2]
    assert days["volume"].tolist() == [3, 3, 9]
    assert str(days["day"].dt.tz) == "UTC"


@pytest.mark.parametrize("when", ["1677-09-20", "2262-04-12", "1600-01-01", "2300-01-01", "9999-12-31T23:59:59"])
def test_times_that_int64_cannot_hold_are_rejected(tmp_path, when):
    text = HEAD + f"2020-01-01,1,1\n{when},1,1\n"
    report = ingest(text.encode(), tmp_path / "a.h5", symbol="A", out_of_order="merge")
    assert (report.n_stored, report.n_rejected) == (1, 1)
    frame = pd.DataFrame({"ts": np.array(["2020-01-01", when], "datetime64[s]"), "price": [1.0, 1.0], "size": [1, 1]})
    report = ingest(frame, tmp_path / "b.h5", symbol="A", out_of_order="merge")
    assert (report.n_stored, dict(report.reasons)) == (1, {"time is outside the years 1677 to 2262": 1})


# --- reasons ---------------------------------------------------------------------------------------------------------


def test_an_inferred_tick_does_not_hide_the_other_reason(tmp_path):
    text = HEAD + "1378072800,1.5,1\n1378072801,2,1\n1378072802,1.77,0\n1378072803,1.77,\n1378072804,3.5,2\n"
    report = ingest(text.encode(), tmp_path / "a.h5", symbol="A")
    assert report.tick_size == 0.5
    assert dict(report.reasons) == {"size is below 1": 1, "size is not a whole number": 1}
    assert [each["line"] for each in listed(tmp_path / "a.h5.A.rejects.csv")] == ["4", "5"]
    given = ingest(text.encode(), tmp_path / "b.h5", symbol="A", tick_size=0.5)
    assert dict(given.reasons) == {"price is off the tick grid of 0.5": 2}


# --- lots ------------------------------------------------------------------------------------------------------------

COINS = {"columns": {"ts": 0, "price": 1, "size": 2}, "lot": 1e-8}


def test_a_table_remembers_its_lot(tmp_path, monkeypatch, capsys):
    path = tmp_path / "a.h5"
    ingest(b"1378072800,1.5,0.5\n", path, symbol="BTC", format=COINS, tick_size=0.5)
    ingest((HEAD + "1378072800,1.5,5\n").encode(), path, symbol="ES", tick_size=0.5)
    with open_store(path) as store:
        assert store["BTC"].info()["lot"] == 1e-8
        assert store["ES"].info()["lot"] == 1
        assert store["BTC"].trades().size.tolist() == [50_000_000]
    ingest(b"1378072801,1.5,0.25\n", path, symbol="BTC", format=COINS)
    for source, options in (
        (b"1378072802,1.5,1\n", {"format": {**COINS, "lot": 1}}),
        (pd.DataFrame({"ts": [1378072802], "price": [1.5], "size": [1]}), {}),
    ):
        with pytest.raises(BadInput, match=r"counts sizes in units of 1e-08, not 1\. Hint: .*lot"):
            ingest(source, path, symbol="BTC", **options)
    with pytest.raises(BadInput, match=r"counts sizes in units of 1, not 1e-08"):
        ingest(b"1378072802,1.5,1\n", path, symbol="ES", format=COINS)
    assert len(read_trades(path, "BTC")) == 2
    assert run(["store", "info", str(path), "BTC"]) == 0
    assert "1e-08" in capsys.readouterr().out
    rows = export(path, tmp_path / "x.parquet", "BTC")
    assert rows == 2
    import pyarrow.parquet as pq

    assert pq.read_schema(tmp_path / "x.parquet").metadata[b"lot"] == b"1e-08"


def test_a_lot_goes_with_its_table(tmp_path):
    path = tmp_path / "a.h5"
    quotes = {"columns": {"ts": 0, "bid_px": 1, "bid_size": 2, "ask_px": 3, "ask_size": 4}, "lot": 0.01}
    with pytest.raises(BadInput):
        ingest(b"1378072800,x,0.5\n", path, symbol="A", format=COINS, tick_size=0.5)
    ingest(b"1378072800,1.5,0.5\n", path, symbol="A", format=COINS, tick_size=0.5)
    ingest(b"1378072800,1,0.5,2,0.5\n", path, symbol="A", kind="quotes", format={"kind": "quotes", **quotes})
    with open_store(path, "a") as store:
        assert (store["A"].info("trades")["lot"], store["A"].info("quotes")["lot"]) == (1e-8, 0.01)
        store.drop("A", "trades")
        assert store["A"].info("quotes")["lot"] == 0.01
        store.append(Trades([0], [1], [1], symbol="A"))
        assert store["A"].info()["lot"] == 1
        store.drop("A")
    ingest(b"1378072800,1.5,0.5\n", path, symbol="A", format=COINS, tick_size=0.5)
    with open_store(path, "a") as store:
        store.append(Trades([0], [1], [1], symbol="A"), overwrite=True)
        assert store["A"].info()["lot"] == 1
    assert verify(path).ok


# --- files of another kind -------------------------------------------------------------------------------------------

QUOTE_ROW = "14400546,1750000,100,0,0,P,1,0\n"


def test_quotes_are_not_taken_for_trades(tmp_path):
    with pytest.raises(BadInput, match=r"8 fields a row, not the 6 .*quantconnect-quote.*kind='quotes'"):
        ingest((QUOTE_ROW * 3).encode(), tmp_path / "a.h5", symbol="A", format="quantconnect", date="2013-10-07")
    text = b"14400688,491800,300,P,2000,0\n"
    with pytest.raises(BadInput, match=r"6 fields a row, not the 8 .*'quantconnect'"):
        ingest(text, tmp_path / "a.h5", symbol="A", kind="quotes", format="quantconnect-quote", date="2013-10-07")
    assert list(tmp_path.iterdir()) == []
    broken = b"14400688,4918\n14400688,491800,300,P,2000,0\n"
    report = ingest(broken, tmp_path / "a.h5", symbol="A", format="quantconnect", date="2013-10-07")
    assert (report.n_stored, dict(report.reasons)) == (1, {"2 fields, expected 6": 1})


def test_a_header_of_quotes_is_recognised(tmp_path):
    text = b"ts,bid,bid_size,ask,ask_size\n2020-01-01,1,1,2,1\n"
    with pytest.raises(BadInput, match=r"no column for price.*kind='quotes'"):
        ingest(text, tmp_path / "a.h5", symbol="A")
    assert ingest(text, tmp_path / "a.h5", symbol="A", kind="quotes").n_stored == 1


def test_the_real_file_of_quotes_is_refused_as_trades(tmp_path, root, capsys):
    path = root.parent / "shared" / "data" / "ibm_20131009_quote.zip"
    if not path.is_file():
        pytest.skip("../shared/data is not here; rows of the same layout are refused in the test above")
    with pytest.raises(BadInput, match=r"8 fields a row, not the 6.*kind='quotes'"):
        ingest(path, tmp_path / "a.h5", symbol="IBM", format="quantconnect")
    assert list(tmp_path.iterdir()) == []
    command = ["ingest", str(path), "--to", str(tmp_path / "a.h5"), "--out", str(tmp_path / "run")]
    assert run([*command, "--format", "quantconnect"]) == 2
    assert "'quantconnect-quote' with --kind quotes" in capsys.readouterr().err
