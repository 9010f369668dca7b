"""`atomloom sweep`: the numbers of the library, proved and resumed; and what is refused before there is a run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.app import cli, config, sweep_files, sweep_work
from atomloom.app import sweep as command
from atomloom.app.options import Chatter
from atomloom.app.runs import RunFolder
from atomloom.app.sweep_settings import SplitSettings, SweepSettings, fitting
from atomloom.app.sweep_windows import fit, splitter_of
from atomloom.data import sp500_20
from atomloom.errors import BadInput
from atomloom.portfolio import Grid, WalkForward, path_metrics, ranges_of, read_prices, sweep

DAY = 86_400_000_000_000
GRID = """
top = 4
[splits]
window_days = 60
test_windows = 3
train_days = 90
[verdict]
n_boot = 200
[[grid]]
method = ["momentum", "time_series_momentum"]
lookback = [10, 20, 40]
top = 2
interval = [5, 10, 20]
cost = [0.0, 0.001]
"""
AXES = {
    "method": ["momentum", "time_series_momentum"], "lookback": [10, 20, 40], "top": [2], "interval": [5, 10, 20],
    "cost": [0.0, 0.001],
}  # fmt: skip


def ask(line) -> int:
    return cli.run(line.split())


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NO_COLOR", "1")
    moves = np.random.default_rng(3).normal(0.0004, 0.01, (600, 4))
    days = pd.date_range("2020-01-01", periods=600, freq="B", name="Date")
    pd.DataFrame(np.exp(moves.cumsum(axis=0)), index=days, columns=list("ABCD")).to_csv("p.csv")
    Path("g.toml").write_text(GRID)
    return tmp_path


def swept(line, capsys) -> dict:
    """Run without drawing a page."""
    assert ask(f"sweep {line} --quick -q --json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["report"] is None
    return said


def done(out: str) -> dict:
    return json.loads(Path(out, "run.json").read_text())["summary"]


def test_a_run_has_the_numbers_of_the_library(here, capsys) -> None:
    assert ask("sweep p.csv --config g.toml --out a --json -q") == 0
    out, err = capsys.readouterr()
    said = json.loads(out)
    assert err == ""
    splits = WalkForward("90D", "60D", n_windows=3, anchor="end")
    expected = sweep(read_prices("p.csv"), Grid(**AXES), splits=splits, n_boot=200)
    assert said["digest"] == expected.digest()
    assert said["ledger"] == expected.ledger()
    assert said["best"]["sharpe"] == expected.figure("sharpe")[expected.best]
    assert said["walk"]["sharpe"] == expected.walk().metrics().sharpe
    assert said["benchmark"]["sharpe"] == path_metrics(expected.benchmark.returns, periods_per_year=252.0).sharpe
    assert said["verdict"]["p_value"] == expected.verdict.p_value
    assert said["clearest"]["config"] == expected.verdict.steps.best
    assert said["text"] == expected.summary()
    assert said["report"] == "a/report.html"
    table = pd.read_parquet("a/result.parquet").set_index("config").sort_index()
    assert np.array_equal(table["sharpe"], expected.figure("sharpe"))
    paths = pd.read_parquet("a/paths.parquet")
    assert np.array_equal(paths[f"config_{expected.best}"], expected.path(expected.best).values)
    assert np.array_equal(paths["walk"].dropna(), expected.walk().values)
    assert np.array_equal(paths["time"].astype("int64"), expected.times)
    top = RunFolder.open(Path("a")).read_frame("top.csv")
    assert top["config"].tolist() == expected.order()[:4].tolist()
    best = json.loads(Path("a/best.json").read_text())
    assert best["config"] == expected.configs[expected.best]
    null = RunFolder.open(Path("a")).read_frame("null.csv")["t_max"]
    assert np.array_equal(null, np.sort(expected.maxima.max(axis=0)))


def test_threads_change_no_byte_and_verify_says_so(here, capsys) -> None:
    one = swept("p.csv --config g.toml --threads 1", capsys)
    assert one["verify"] is None
    assert ask("sweep p.csv --config g.toml --quick --workers 2 --verify -q") == 0
    said = capsys.readouterr().out
    two = said.split()[-1]
    assert "identical" in said
    assert "yes: 2 threads and 1 thread, every bit of figures and verdict" in said
    assert "too few configurations to share out" in said
    proof = done(two)["verify"]
    assert proof["efficiency"] == pytest.approx(proof["speedup"] / 2)
    assert proof["speedup"] == pytest.approx(proof["seconds_serial"] / proof["seconds"])
    for name in ("result.parquet", "top.csv", "splits.csv", "heat.csv", "null.csv", "logits.csv", "result.json"):
        assert Path(one["run"], name).read_bytes() == Path(two, name).read_bytes(), name


def test_a_difference_fails_the_run(here, monkeypatch, capsys) -> None:
    from atomloom.portfolio.sweep_result import SweepResult

    genuine = SweepResult.digest
    monkeypatch.setattr(SweepResult, "digest", lambda self: genuine(self) + str(self.settings["num_threads"]))
    assert ask("sweep p.csv --config g.toml --out a --threads 2 --verify -q") == 1
    assert "different bits" in capsys.readouterr().err


def test_quick_draws_no_page_until_it_is_asked_for(here, capsys) -> None:
    assert ask("sweep --quick -q --json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["report"] is None
    assert said["ledger"]["configurations"] == 96
    assert len(said["prices"]["assets"]) == 20
    assert said["windows"] == "5 test windows of 365 days, each behind 1095 days of training"
    run = Path(said["run"])
    assert not (run / "report.html").exists()
    assert ask(f"report {run}") == 0
    page = (run / "report.html").read_bytes()
    assert page.count(b"<svg") == 8
    capsys.readouterr()
    assert ask("sweep sp500 --quick -q") == 0
    assert "report         atomloom report runs" in capsys.readouterr().out
    assert ask(f"sweep --resume {run} -q") == 0  # done already
    assert (run / "report.html").read_bytes() == page


def test_the_first_command_loads_neither_pandas_nor_matplotlib_for_its_prices() -> None:
    code = (
        "import sys\nfrom atomloom.app import price_input\nfrom atomloom.app.sweep_settings import PriceSource\n"
        "price_input.read(price_input.path_of(None), PriceSource())\n"
        "sys.exit(str([m for m in ('pandas', 'matplotlib', 'numba') if m in sys.modules]))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).stderr.strip() == b"[]"


@pytest.mark.parametrize("kind", ["cpcv", "kfold", "none"])
def test_other_splits(kind, here, capsys) -> None:
    assert ask(f"sweep p.csv --config g.toml --splits {kind} --out a -q --json") == 0
    said = json.loads(capsys.readouterr().out)
    text = Path("a/report.html").read_text()
    assert ("Paths of combinatorial cross-validation" in text) == (kind == "cpcv")
    assert (said["selection"] is None) == (kind == "none")
    assert (said["walk"] is None) == (kind != "kfold")
    if kind == "cpcv":
        assert said["selection"]["n_splits"] == 45
        paths = pd.read_parquet("a/cpcv.parquet").drop(columns="time").to_numpy()
        returns = np.diff(np.vstack([np.ones(9), paths]), axis=0) / np.vstack([np.ones(9), paths[:-1]])
        sharpe = returns.mean(axis=0) / returns.std(axis=0, ddof=1) * 252**0.5
        assert np.allclose(sharpe, RunFolder.open(Path("a")).read_frame("cpcv.csv")["sharpe"], rtol=1e-9)


def test_print_config_reads_back_and_yaml_is_taken(here, capsys) -> None:
    assert ask("sweep --config g.toml --print-config --window-days 30 --assets A,B") == 0
    text = capsys.readouterr().out
    again = config.update(SweepSettings(), tomllib.loads(text))
    assert again.splits.window_days == 30.0
    assert again.prices.assets == ("A", "B")
    assert again.grid[0]["lookback"] == [10, 20, 40]
    Path("again.toml").write_text(text)
    assert ask("sweep --config again.toml --print-config") == 0
    assert capsys.readouterr().out == text
    yaml = pytest.importorskip("yaml")
    Path("g.yaml").write_text(yaml.safe_dump(tomllib.loads(GRID), sort_keys=False))
    assert swept("p.csv --config g.yaml", capsys)["digest"] == swept("p.csv --config g.toml", capsys)["digest"]
    Path("bad.yaml").write_text("a: [1")
    assert ask("sweep --config bad.yaml") == 2
    assert "is not YAML" in capsys.readouterr().err


def test_one_table_is_a_grid_too_and_infinity_survives_json(here, capsys) -> None:
    Path("g.toml").write_text(
        "[splits]\nkind = 'none'\n[grid]\nmethod = 'equal_weight'\nthreshold = [0.1, inf]\ninterval = 1\n"
    )
    assert ask("sweep p.csv --config g.toml --out a -q --json") == 0
    first = json.loads(capsys.readouterr().out)
    shutil.copytree("a", "b")
    record = json.loads(Path("b/run.json").read_text())
    assert record["config"]["grid"][0]["threshold"] == [0.1, "inf"]
    record["status"] = "failed"
    Path("b/run.json").write_text(json.dumps(record))
    assert ask("sweep --resume b -q --json") == 0
    assert json.loads(capsys.readouterr().out)["digest"] == first["digest"]
    expected = sweep(read_prices("p.csv"), Grid(method="equal_weight", threshold=[0.1, np.inf], interval=1))
    assert first["digest"] == expected.digest()


def test_drawn_configurations_follow_the_seed(here, capsys) -> None:
    Path("r.toml").write_text(
        "[splits]\nkind = 'none'\n[random]\nn = 20\n[random.space]\nmethod = ['momentum', 'cash']\ntop = 2\n"
        "lookback = {low = 5, high = 60}\nthreshold = {low = 0.001, high = 0.2, log = true}\n"
    )
    digests = [swept(f"p.csv --config r.toml --seed {seed}", capsys)["digest"] for seed in (1, 1, 2)]
    assert digests[0] == digests[1] != digests[2]


def test_failures_are_told_counted_and_listed(here, capsys) -> None:
    grid = '[splits]\nkind = "none"\n[[grid]]\nmethod = ["momentum"]\nlookback = [20, 590]\ntop = [2, 30]\n'
    Path("f.toml").write_text(grid)
    assert ask("sweep p.csv --config f.toml --out a") == 0
    assert "4 configurations, 3 failed" in capsys.readouterr().out
    failed = pd.read_csv("a/failed.csv")
    assert failed["configurations"].sum() == 3
    assert failed["reason"].str.contains("needs 590 returns").any()
    assert "why it failed" in Path("a/report.html").read_text()


def stopped_after(monkeypatch, events: int) -> None:
    seen = []
    genuine = command.SweepMeter.__call__

    def stop(self, event) -> None:
        genuine(self, event)
        seen.append(type(event).__name__)
        if seen.count("MoleculeDone") == events:
            raise KeyboardInterrupt

    monkeypatch.setattr(command.SweepMeter, "__call__", stop)


def test_a_stopped_sweep_goes_on_where_it_was(here, monkeypatch, capsys) -> None:
    costs = ", ".join(str(round(0.0001 * k, 4)) for k in range(400))
    Path("g.toml").write_text(GRID.replace("cost = [0.0, 0.001]", f"cost = [{costs}]"))
    whole = swept("p.csv --config g.toml --threads 2", capsys)
    monkeypatch.setattr(sweep_work, "_JOURNALLED", 0)
    with monkeypatch.context() as patch:
        stopped_after(patch, 2)
        assert ask("sweep p.csv --config g.toml --out a -q --threads 2") == 130
    err = capsys.readouterr().err
    assert err.rstrip().endswith("interrupted. Resume with: atomloom sweep --resume a")
    assert Path("a/journal").is_dir()
    assert not Path("a/result.parquet").exists()
    with monkeypatch.context() as patch:
        frame = pd.read_csv("p.csv")
        frame["A"] *= 2
        frame.to_csv("p.csv", index=False)
        assert ask("sweep --resume a -q") == 2
        assert "not those that the run began with" in capsys.readouterr().err
        frame["A"] /= 2
        frame.to_csv("p.csv", index=False)
    assert ask("sweep --resume a -q") == 0
    assert not Path("a/journal").exists()
    assert done("a")["digest"] == whole["digest"]
    for name in ("result.parquet", "top.csv", "paths.parquet", "null.csv"):
        assert Path("a", name).read_bytes() == Path(whole["run"], name).read_bytes(), name
    log = [json.loads(line) for line in Path("a/events.jsonl").read_text().splitlines()]
    assert sum(row["event"] == "MoleculeDone" for row in log) >= 4


def test_the_ledger_counts_over_time(here, capsys) -> None:
    counted = []
    for lookbacks in ("[10, 20]", "[15, 30, 45]"):
        Path("g.toml").write_text(GRID.replace("[10, 20, 40]", lookbacks))
        counted.append(swept("p.csv --config g.toml --ledger trials.jsonl", capsys)["verdict"]["n_trials"])
    assert counted == [24, 24 + 36]


WRONG = {
    "no file": ("sweep none.csv", "none.csv does not exist"),
    "a folder": ("sweep .", "is a folder"),
    "finer than the data": ("sweep --timeframe 1h", "sp500: rows are 1 day apart"),
    "unknown asset": ("sweep --assets AAPL,MSF", "did you mean 'MSFT'?"),
    "too long windows": ("sweep p.csv --quick --test-windows 9", "take 3,650 days, and returns cover"),
    "a window of a row": ("sweep p.csv --quick --window-days 1 --train-days 9", "a test window of 1 day has 1 return"),
    "a train window of a row": ("sweep p.csv --quick --train-days 1 --window-days 9", "Hint: longer --train-days"),
    "folds of a row": ("sweep p.csv --config folds.toml", "500 folds of 558 returns have 1 or none"),
    "no place for a ledger": (
        "sweep p.csv --window-days 60 --ledger nowhere/trials.jsonl",
        "cannot be used: No such file",
    ),
    "a ledger that is none": ("sweep p.csv --window-days 60 --ledger p.csv", "line 1 of"),
    "no window": ("sweep p.csv --quick --window-days 9999", "--window-days"),
    "zero days": ("sweep --window-days 0", "window_days is 0.0"),
    "unknown splits": ("sweep --splits walkforward", "did you mean 'walk_forward'?"),
    "unknown benchmark": ("sweep --quick --benchmark equalweight", "did you mean 'equal_weight'?"),
    "two numbers of workers": ("sweep --workers 2 --threads 3", "differ"),
    "no workers": ("sweep --workers 0", "0 workers"),
    "unknown policy": ("sweep --missing guess", "missing is 'guess'"),
    "top 0": ("sweep --top 0", "top is 0"),
    "later than the data": ("sweep p.csv --config c.toml", "begin is 2040-01-01, and the prices go from"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_is_refused_before_there_is_a_folder(case, here, capsys) -> None:
    Path("c.toml").write_text(f"begin = '2040-01-01'\n{GRID}")
    Path("folds.toml").write_text(GRID.replace("[splits]", "[splits]\nkind = 'kfold'\nn_folds = 500"))
    line, said = WRONG[case]
    assert ask(line) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[splits]\ntain_days = 3", "Did you mean 'train_days'?"),
        ("[[grid]]\nlokback = [3]\nmethod = ['momentum']", "did you mean 'lookback'?"),
        ("[[grid]]\nmethod = ['momentun']", "did you mean 'momentum'?"),
        ("[[grid]]\nmethod = ['momentum']\nlookback = [3, 3]", "has 3 twice"),
        ("[[grid]]", "a [[grid]] is empty"),
        ("grid = 3", "grid is 3"),
        ("[random]\nn = 5", "needs both n and [random.space]"),
        ("[random]\nn = 5\n[random.space]\nmethod = 'cash'\nlag = {low = 1, hgh = 3}", "the range of lag"),
        ("[verdict]\nn_blocks = 7", "an even number"),
        ("[verdict]\nalpha = 2.0", "alpha is 2.0"),
        ("memory = 'much'", "memory is 'much'"),
    ],
)
def test_settings_are_checked_before_there_is_a_folder(text, said, here, capsys) -> None:
    Path("bad.toml").write_text(text)
    assert ask("sweep p.csv --config bad.toml") == 2
    assert said in capsys.readouterr().err
    assert not Path("runs").exists()


def test_over_budget_is_4(here) -> None:
    Path("g.toml").write_text("memory = '1kB'\n" + GRID)
    assert ask("sweep p.csv --config g.toml --out a -q") == 4


def test_late_listings_are_said_and_too_late_ones_refused(here, capsys) -> None:
    frame = pd.read_csv("p.csv", index_col=0)
    frame.iloc[:50, 1] = np.nan
    frame.to_csv("late.csv")
    assert ask("sweep late.csv --config g.toml --quick") == 0
    note = "the first 50 of 600 rows left out: 'B' has prices from 2020-03-11 on"
    out, err = capsys.readouterr()
    assert f"note: {note}" in err
    assert note in done(out.split()[-1])["notes"]
    frame.iloc[:400, 1] = np.nan
    frame.to_csv("late.csv")
    assert ask("sweep late.csv --config g.toml --out b -q") == 2
    assert "more than half. Hint: --assets without it, or --missing start" in capsys.readouterr().err
    frame.iloc[500, 0] = np.nan
    frame.to_csv("late.csv")
    assert ask("sweep late.csv --config g.toml --assets A,C --out b -q") == 2
    assert "--missing fill takes the price before" in capsys.readouterr().err
    assert swept("late.csv --config g.toml --assets A,C --missing drop", capsys)["prices"]["rows"] == 599


def test_the_default_grid_is_cut_to_the_prices(here, capsys) -> None:
    assert ask("sweep p.csv --window-days 60 --quick") == 0
    out, err = capsys.readouterr()
    assert "the default grid was cut to 64 of 96 configurations" in err
    assert json.loads(Path(out.split()[-1], "run.json").read_text())["config"]["grid"][0]["lookback"] == [63, 126]
    small = fitting(SweepSettings().filled().grid, 80, 2)
    assert all(value <= 20 for table in small for value in table.get("lookback", []))
    momentum = next(table for table in small if table["method"] == ["momentum"])
    assert momentum["top"] == [1]
    assert momentum["skip"] == [0]


@given(
    st.integers(20, 4000), st.integers(1, 400), st.one_of(st.none(), st.integers(1, 12)),
    st.sampled_from([DAY, DAY // 24, 7 * DAY]), st.integers(0, 5), st.booleans(),
)  # fmt: skip
def test_windows_that_are_said_to_fit_do(rows, window, count, step, purge, expanding) -> None:
    how = SplitSettings(window_days=float(window), test_windows=count, purge=str(purge), expanding=expanding)
    times = np.datetime64("2000-01-03", "ns").astype(np.int64) + np.arange(rows) * step
    try:
        windows, train, _ = fit(how, times)
    except BadInput:
        assert (rows * step) / DAY < window * (1 + (count or 1)) + 1e-6
        return
    if min(train - purge * step / DAY, window) * DAY < 2 * step:
        return  # windows without rows
    try:
        made = splitter_of(how, times)[0]
    except BadInput:
        assert min(train - purge * step / DAY, window) * DAY < 3 * step  # of one return
        return
    ranges = ranges_of(made, rows, times)
    assert ranges.n_splits == windows == (count or windows)
    assert ranges.test_stop[-1] == rows
    assert train <= 3 * window
    assert ((ranges.n_test - window * DAY / step).round() == 0).all() or step > DAY


def test_the_heat_map_is_a_slice_through_the_winner(here) -> None:
    found = sweep(read_prices("p.csv"), Grid(**AXES), n_boot=100)
    heat, *more = sweep_files.heats_of(found)
    assert [(each["down_name"][0], each["across_name"][0]) for each in more] == [
        ("method", "lookback"),
        ("lookback", "cost"),
    ]
    frame = found.to_frame()
    best = frame.loc[found.best]
    down, across = heat["down_name"][0], heat["across_name"][0]
    assert {down, across} == {"lookback", "interval"}
    others = [name for name in ("method", "cost", "lookback", "interval") if name not in (down, across)]
    part = frame[(frame[others] == best[others]).all(axis=1)]
    expected = {(str(row[down]), str(row[across])): row["sharpe"] for _, row in part.iterrows()}
    cells = dict(zip(zip(heat["down"], heat["across"], strict=True), heat["sharpe"], strict=True))
    assert cells == expected
    assert len(cells) == 9
    place = int(np.flatnonzero(heat["best"])[0])
    assert heat["sharpe"][place] == best["sharpe"]
    single = sweep(read_prices("p.csv"), [{"method": "cash"}, {"method": "equal_weight"}])
    assert sweep_files.heats_of(single) == []


def test_the_meter_says_how_far_and_how_good(here) -> None:
    from atomloom.engine.progress import MoleculeDone

    planned = sweep_work.plan(
        replace(config.update(SweepSettings(), tomllib.loads(GRID))), read_prices("p.csv"), seed=0
    )
    folder = RunFolder.create("sweep", {}, out=Path("m"), seed=0)
    meter = command.SweepMeter(folder, Chatter(quiet=True), planned)
    meter(MoleculeDone(0, "done", 1, 0.1, 0.25, 1, 4, 0, 3.0))
    assert " 25% of 36 configurations" in meter.line(meter._began + 1)
    assert "0:03 to go" in meter.line(meter._began + 1)

    class SweepProgress:
        done, total, best, place = 18, 36, 1.234, 5

    meter(SweepProgress())
    line = meter.line(meter._began + 2)
    assert " 50% of 36 configurations, 9/s, 0:02 to go" in line
    assert f"best Sharpe ratio 1.23 a year ({planned.configs.label(5)})" in line
    meter.end()
    assert '"event": "MoleculeDone"' in Path("m/events.jsonl").read_text()


def test_the_report_is_rebuilt_to_the_byte_and_whole(here) -> None:
    from xml.etree import ElementTree as ET

    assert ask("sweep p.csv --config g.toml --out a -q") == 0
    page = Path("a/report.html").read_text()
    assert "nan" not in page.lower().replace("dominan", "")
    for svg in page.split("<svg")[1:]:
        ET.fromstring("<svg" + svg.split("</svg>")[0] + "</svg>")
    shutil.copytree("a", "b")
    Path("b/report.html").unlink()
    assert ask("report b") == 0
    assert Path("b/report.html").read_text() == page
    summary = done("a")
    for words in ("The verdict", "Around the best", "Chosen in training", "All trials", summary["judgement"][:30]):
        assert words in page


def test_the_shipped_prices_are_the_default(here, capsys) -> None:
    said = swept("--timeframe 1w --window-days 730", capsys)
    assert said["prices"]["rows"] == 1722
    assert json.loads(Path(said["run"], "run.json").read_text())["source"] == "sp500"
    shutil.copy(sp500_20(), "sp500")
    assert swept("sp500 --assets AAPL,XOM --splits none", capsys)["prices"]["assets"] == ["AAPL", "XOM"]


def test_folds_are_embargoed_as_long_as_targets_look_back():
    from atomloom.app.sweep_settings import SplitSettings
    from atomloom.app.sweep_windows import splitter_of

    made, words, notes = splitter_of(SplitSettings(kind="cpcv"), None, 8000, 252)
    assert (made.embargo, notes) == (252, [])
    assert words.endswith("embargo 252")
    made, _, notes = splitter_of(SplitSettings(kind="kfold", n_folds=10), None, 1000, 252)
    assert made.embargo == 50
    assert "half of a fold" in notes[0]
    assert splitter_of(SplitSettings(kind="cpcv", embargo="7"), None, 8000, 252)[0].embargo == 7
