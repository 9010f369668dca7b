"""Appending, merging, widening; commits that hold and crashes that lose nothing."""

from __future__ import annotations

import errno
import os
import pickle
import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput, StoreError
from atomloom.store import Quotes, Trades, fresh, open_store, read_trades, verify
from atomloom.store import redo as redo_module
from store.made import columns_of, make, same


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_cut_of_the_rows_gives_the_same_table(tmp_path_factory, data):
    n = data.draw(st.integers(1, 60))
    trades = make(n, venues=3, seed=n)
    chunk = data.draw(st.integers(1, 9))
    cuts = sorted(data.draw(st.lists(st.integers(0, n), max_size=5)))
    path = tmp_path_factory.mktemp("h5") / "t.h5"
    writer = None
    for lo, hi in zip([0, *cuts], [*cuts, n], strict=True):
        if writer is None:
            store = open_store(path, "a")
            writer = store.writer("ES", tick_size=0.25, venues=trades.venues, chunk_rows=chunk)
        writer.append({name: column[lo:hi] for name, column in columns_of(trades).items()})
        what = data.draw(st.sampled_from(["on", "commit", "reopen"]))
        if what != "on":
            writer.commit()
            if hi:
                same(read_trades(path), trades.rows(0, hi))
        if what == "reopen":
            writer.close()
            writer = None
    if writer is not None:
        writer.commit()
        writer.close()
    same(read_trades(path), trades)
    assert verify(path).ok


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=12), min_size=1, max_size=6), st.integers(1, 5))
def test_merged_rows_lie_as_a_stable_sort_would_have_them(tmp_path_factory, batches, chunk):
    path = tmp_path_factory.mktemp("h5") / "t.h5"
    ts = np.concatenate([np.array(batch) for batch in batches])
    px = np.arange(len(ts))
    order = np.argsort(ts, kind="stable")
    with open_store(path, "a") as store:
        for place, batch in enumerate(batches):
            first = sum(map(len, batches[:place]))
            with store.writer("A", out_of_order="merge", chunk_rows=chunk) as writer:
                writer.append(
                    {"ts": np.array(batch), "px": px[first : first + len(batch)], "size": np.ones(len(batch), int)}
                )
        back = store["A"].trades()
    assert np.array_equal(back.ts, ts[order])
    assert np.array_equal(back.px, px[order])
    assert verify(path).ok


def test_rows_out_of_order_are_refused_and_nothing_is_lost(tmp_path):
    path = tmp_path / "t.h5"
    with open_store(path, "a") as store:
        store.append(make(100))
        with pytest.raises(BadInput, match=r"rows go back in time \(row 0 .*out_of_order='merge'"):
            store.append(Trades([0], [1], [1], 0.25, "ES"))
        with store.writer("ES") as writer:
            ones, ts = np.ones(3, int), np.array([10**18 + 5, 10**18 + 6, 5])
            with pytest.raises(BadInput, match="row 2 of those given: 5 after 1000000000000000006"):
                writer.append({"ts": ts, "px": ones, "size": ones})
        same(store["ES"].trades(), make(100))


def test_large_values_widen_a_column(tmp_path):
    path = tmp_path / "t.h5"
    small, large = make(50), Trades([10**18, 10**18], [2**40, 7], [2**50, 1], 0.25, "ES")
    with open_store(path, "a") as store:
        with store.writer("ES", tick_size=0.25, chunk_rows=16) as writer:
            writer.append(columns_of(small))
            writer.append(columns_of(large))
        back = store["ES"].trades()
        assert (back.px.dtype, back.size.dtype) == (np.int64, np.int64)
        assert np.array_equal(back.px, np.concatenate([small.px, large.px]))
        assert np.array_equal(back.size, np.concatenate([small.size, large.size]))
        assert store["ES"].where("size > 1000000000000").row.tolist() == [50]
    assert verify(path).ok


def test_what_does_not_fit_the_table_is_refused(tmp_path):
    with open_store(tmp_path / "t.h5", "a") as store:
        store.append(make(10))
        with pytest.raises(BadInput, match=r"has tick size 0\.25, not 0\.5"):
            store.append(Trades([10**18], [1], [1], 0.5, "ES"))
        with pytest.raises(BadInput, match=r"has the columns .*'size'\), not .*'flags'"):
            store.append(Trades([10**18], [1], [1], 0.25, "ES", flags=[0]))
        with store.writer("ES") as writer:
            with pytest.raises(BadInput, match="size is 0 at row 1"):
                writer.append({"ts": np.array([10**18] * 2), "px": np.ones(2, int), "size": np.array([1, 0])})
            with pytest.raises(BadInput, match="trades need the column 'size'"):
                writer.append({"ts": np.array([10**18]), "px": np.ones(1, int)})
            with pytest.raises(BadInput, match="px has dtype float64"):
                writer.append({"ts": np.array([10**18]), "px": np.ones(1), "size": np.ones(1, int)})
            with pytest.raises(StoreError, match="has an open writer"):
                store.writer("NQ")
        with pytest.raises(StoreError, match="the writer is closed"):
            writer.commit()
    with pytest.raises(StoreError, match="is closed"):
        store["ES"].trades()


def test_venues_are_joined_by_name(tmp_path):
    with open_store(tmp_path / "t.h5", "a") as store:
        store.append(Trades([0, 1], [1, 1], [1, 1], symbol="A", venue=[0, 1], venues=("P", "Q")))
        store.append(Trades([2, 3], [1, 1], [1, 1], symbol="A", venue=[0, 1], venues=("Q", "Z")))
        back = store["A"].trades()
        assert [back.venues[code] for code in back.venue] == ["P", "Q", "Q", "Z"]
        with store.writer("A") as writer:
            assert (writer.venue_code("Z"), writer.venue_code("new")) == (2, 3)
            with pytest.raises(BadInput, match="venue holds code 9"):
                writer.append(
                    {"ts": np.array([9]), "px": np.array([1]), "size": np.array([1]), "venue": np.array([9], np.uint8)}
                )


def test_quotes_have_a_table_of_their_own(tmp_path):
    quotes = Quotes([0, 5, 9], [99, 0, 100], [3, 0, 1], [0, 101, 102], [0, 4, 5], 0.01, "A", [0, 1, 0], ("P", "Q"))
    with open_store(tmp_path / "t.h5", "a") as store:
        store.append(quotes)
        store.append(make(5, symbol="A"))
        assert store["A"].kinds == ["trades", "quotes"]
        back = store["A"].quotes(5)
        assert (back.ask_px.tolist(), back.venue.tolist(), back.venues) == ([101, 102], [1, 0], ("P", "Q"))
        hits = store["A"].where("ask >= 1.02 and venue == 'P'", kind="quotes")
        assert hits.row.tolist() == [2]
        assert hits.quotes().bid_px.tolist() == [100]
        store.drop("A", "quotes")
        assert store["A"].kinds == ["trades"]
    assert verify(tmp_path / "t.h5").ok


def test_state_is_kept_by_source(tmp_path):
    with open_store(tmp_path / "t.h5", "a") as store:
        with store.writer("ES", tick_size=0.25, source="one.csv") as writer:
            assert writer.state is None
            writer.append(columns_of(make(10)))
            writer.commit({"offset": 7})
        with store.writer("ES", source="two.csv") as writer:
            assert writer.state is None
        with store.writer("ES", source="one.csv") as writer:
            assert writer.state == {"offset": 7}
        assert store["ES"].info()["sources"] == ["one.csv"]


def test_rows_without_a_commit_are_dropped(tmp_path):
    path = tmp_path / "t.h5"
    with open_store(path, "a") as store:
        store.append(make(10))
        before = path.read_bytes()
        ones = np.ones(300_000, int)

        def fail():
            with store.writer("ES") as writer:
                writer.append({"ts": 10**18 * ones, "px": ones, "size": ones})
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert path.read_bytes() == before
        same(store["ES"].trades(), make(10))


def test_a_second_program_cannot_write_and_readers_see_commits(tmp_path):
    path = tmp_path / "t.h5"
    with open_store(path, "a") as store, open_store(path) as reader:
        with store.writer("ES", tick_size=0.25) as writer:
            writer.append(columns_of(make(10)))
            writer.commit()
            assert len(reader["ES"].trades()) == 10
            code = f"from atomloom.store import open_store; open_store({str(path)!r}, 'a').writer('ES')"
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
            assert "is being written by another program" in done.stderr
            writer.append({"ts": np.array([10**18]), "px": np.ones(1, int), "size": np.ones(1, int)})
            assert len(reader["ES"].trades()) == 10
        assert len(reader["ES"].trades()) == 11


@pytest.mark.parametrize("stage", ["before the log", "log half written", "log written", "half applied"])
def test_a_crash_in_a_commit_leaves_one_of_two_states(tmp_path, monkeypatch, stage):
    """The disk as a machine leaves it that dies at this point, opened again."""
    path, trades = tmp_path / "t.h5", make(400)
    with open_store(path, "a") as store:
        store.append(trades.rows(0, 100))
        write_log = redo_module.write_log

        class Dead(BaseException):
            pass

        def dying_log(where, log):
            if stage != "before the log":
                write_log(where, log)
            if stage == "log half written":
                place = redo_module.log_of(where)
                place.write_bytes(place.read_bytes()[:-100])
            raise Dead

        def dying_apply(descriptor, log):
            if stage == "half applied":
                for number, page in sorted(log.pages.items())[: len(log.pages) // 2]:
                    os.pwrite(descriptor, bytes(page), number * redo_module.PAGE)
            raise Dead

        if stage in {"log written", "half applied"}:
            monkeypatch.setattr(redo_module, "apply", dying_apply)
        else:
            monkeypatch.setattr(redo_module, "write_log", dying_log)
        monkeypatch.setattr(redo_module.RedoFile, "discard", lambda _: None)
        writer = store.writer("ES")
        writer.append(columns_of(trades.rows(100, 400)))
        with pytest.raises(Dead):
            writer.commit()
        os.close(writer._table._file._descriptor)
    monkeypatch.undo()
    committed = stage in {"log written", "half applied"}
    same(read_trades(path), trades if committed else trades.rows(0, 100))
    assert verify(path).ok
    with open_store(path, "a") as store:
        store.append(Trades([10**18], [1], [1], 0.25, "ES"))
        assert len(store["ES"].trades()) == (401 if committed else 101)
    assert [child.name for child in tmp_path.iterdir()] == ["t.h5"]


def test_a_killed_writer_leaves_its_last_commit(tmp_path):
    """kill -9 at many moments: the file opens, verifies, and holds what was committed, at least what was reported."""
    code = textwrap.dedent("""
        import sys
        import numpy as np
        from atomloom.store import open_store
        with open_store(sys.argv[1], "a") as store:
            writer = store.writer("A", chunk_rows=64)
            print("ready", flush=True)
            for k in range(10_000):
                n = 1 + k * 37 % 150
                ts = np.arange(writer.rows, writer.rows + n)
                writer.append({"ts": ts, "px": np.full(n, k), "size": np.ones(n, int)})
                writer.commit({"k": k})
                print(writer.rows, flush=True)
    """)
    for attempt in range(6):
        path = tmp_path / f"{attempt}.h5"
        with subprocess.Popen([sys.executable, "-c", code, path], stdout=subprocess.PIPE, text=True) as child:
            told = 0
            assert child.stdout is not None
            for line in child.stdout:
                if line.strip().isdigit():
                    told = int(line)
                if told > 300 * (attempt + 1):
                    break
            child.send_signal(signal.SIGKILL)
            rest = [int(line) for line in child.stdout.read().split() if line.isdigit()]
        told = max([told, *rest])
        back = read_trades(path)
        assert len(back) >= told
        assert np.array_equal(back.ts, np.arange(len(back)))
        assert verify(path).ok
        with open_store(path, "a") as store:
            store.append(Trades([10**9], [1], [1], symbol="A"))
            assert len(store["A"].trades()) == len(back) + 1


@pytest.mark.parametrize("stage", ["write_log", "apply"])
def test_an_interrupted_commit_is_whole_or_never_was(tmp_path, monkeypatch, stage):
    """Ctrl-C while a commit is on its way, with everything that cleans up after it."""
    path, trades = tmp_path / "t.h5", make(400)
    with open_store(path, "a") as store:
        store.append(trades.rows(0, 100))
        real = getattr(redo_module, stage)

        def interrupted(*arguments):
            if stage == "write_log":
                real(*arguments)
            raise KeyboardInterrupt

        monkeypatch.setattr(redo_module, stage, interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.append(trades.rows(100, 400))
        monkeypatch.undo()
        same(store["ES"].trades(), trades if stage == "apply" else trades.rows(0, 100))
    assert verify(path).ok
    assert [child.name for child in tmp_path.iterdir()] == ["t.h5"]


def test_readers_never_meet_half_a_commit(tmp_path):
    path = tmp_path / "t.h5"
    open_store(path, "w").close()
    code = textwrap.dedent("""
        import sys
        import numpy as np
        from atomloom.store import Trades, open_store
        with open_store(sys.argv[1], "a") as store:
            for k in range(40):
                store.append(Trades(np.arange(100 * k, 100 * k + 100), np.full(100, k), np.ones(100, int), symbol="A"))
    """)
    seen, kept = set(), open_store(path)
    with subprocess.Popen([sys.executable, "-c", code, path]) as child:
        while child.poll() is None:
            for store in (kept, open_store(path)):
                if "A" in store:
                    ts = store["A"].trades().ts
                    assert len(ts) % 100 == 0
                    assert np.array_equal(ts, np.arange(len(ts)))
                    seen.add(len(ts))
    assert child.returncode == 0
    assert len(kept["A"].trades()) == 4000
    assert len(seen) > 1


def test_a_store_that_someone_else_made_first_is_kept(tmp_path):
    path, trades = tmp_path / "t.h5", make(10)
    with open_store(path, "a") as store:
        store.append(trades)
    fresh.make(path, anew=False)  # what a second program does that saw no file a moment ago
    same(read_trades(path), trades)
    with open_store(path, "a") as store, store.writer("B"), pytest.raises(StoreError, match="being written"):
        open_store(path, "w")
    open_store(path, "w").close()
    assert open_store(path).symbols == []
    assert [child.name for child in tmp_path.iterdir()] == ["t.h5"]


def test_a_link_is_the_file_it_names(tmp_path):
    (tmp_path / "far").mkdir()
    path, link = tmp_path / "t.h5", tmp_path / "far" / "l.h5"
    link.symlink_to(path)
    with open_store(link, "a") as store:
        store.append(make(10))
        assert store.path == path
    assert link.is_symlink()
    same(read_trades(path), make(10))


@pytest.mark.parametrize(
    ("column", "values"), [("venue", [0, 256]), ("flags", [0, 300]), ("flags", [0, -1]), ("size", [2**62, 2**62])]
)
def test_values_are_never_wrapped(tmp_path, column, values):
    rows = {name: np.array([1, 1]) for name in ("ts", "px", "size", "flags")} | {"venue": np.array([0, 0])}
    with open_store(tmp_path / "t.h5", "a") as store, store.writer("A", venues=["P"]) as writer:
        writer.append(rows)
        with pytest.raises(BadInput, match=f"{column} holds|sizes add up to"):
            writer.append(rows | {column: np.array(values)})
        writer.append(rows)
    assert len(read_trades(tmp_path / "t.h5")) == 4


def test_a_damaged_table_cannot_be_appended_to(tmp_path):
    path = tmp_path / "t.h5"
    with open_store(path, "a") as store:
        store.append(make(3000))
    whole = path.read_bytes()
    refused = 0
    for at in range(2048, len(whole), 997):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            with open_store(path, "a") as store:
                store.append(Trades([10**18], [1], [1], 0.25, "ES"))
        except StoreError:
            refused += 1
    assert refused > 5


def test_a_full_disk_costs_only_what_was_not_committed(tmp_path, monkeypatch):
    path, trades = tmp_path / "t.h5", make(400)
    with open_store(path, "a") as store:
        store.append(trades.rows(0, 100))

        def full(*_):
            raise OSError(errno.ENOSPC, "No space left on device")

        for stage in ("write_all", "write_log"):
            monkeypatch.setattr(redo_module, stage, full)
            with pytest.raises(OSError, match="No space left"):
                store.append(trades.rows(100, 400))
            monkeypatch.undo()
            same(store["ES"].trades(), trades.rows(0, 100))
        store.append(trades.rows(100, 400))
    same(read_trades(path), trades)
    assert verify(path).ok


def test_a_store_travels_to_another_process(tmp_path):
    path, trades = tmp_path / "t.h5", make(400)
    with open_store(path, "a") as store:
        store.append(trades)
        hits = store["ES"].where("size >= 2")
        sent = pickle.dumps((store, store["ES"], hits))
    code = textwrap.dedent("""
        import pickle, sys
        store, es, hits = pickle.load(sys.stdin.buffer)
        print(len(store["ES"].trades()), es.rows, len(hits.trades()))
    """)
    told = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, check=True).stdout
    assert told.split() == [b"400", b"400", b"%d" % len(hits)]
