"""Alerts and early warnings: only what was known, joined as stated, and through JSON and back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from atomloom.data import es_2013_09
from atomloom.errors import BadInput
from atomloom.market import Alert, Alerts, VPINConfig, alerts, early_warning, herfindahl, vpin
from atomloom.market.alert_book import config_digest
from atomloom.store import Trades, read_trades
from oracles import market_oracle as oracle


@pytest.fixture(scope="module")
def es():
    return vpin(read_trades(es_2013_09()), VPINConfig(buckets_per_day=50, support_days=0.5, threshold=0.9))


def test_alerts_are_the_events(es):
    book = alerts(es)
    start = es.events.start
    assert len(book) == len(start) == 5
    assert [one.time for one in book] == es.end_ts[start].tolist()
    assert [one.value for one in book] == es.vpin[start].tolist()
    assert [one.confidence for one in book] == es.cdf[start].tolist()
    assert {(one.symbol, one.signal, one.latency_ns) for one in book} == {("ES", "vpin", 0)}
    assert {one.config_hash for one in book} == {config_digest(es.config.to_dict())}
    assert book[0] == next(iter(book))
    assert "5 of vpin" in repr(book)
    assert "<table>" in book._repr_html_()


def test_a_calibration_sets_the_confidence(es):
    assert {one.confidence for one in alerts(es, calibration=SimpleNamespace(false_positive_rate=0.25))} == {0.75}
    for wrong in (None, "low", 1.5, float("nan"), True):
        with pytest.raises(BadInput, match="could be judged"):
            alerts(es, calibration=SimpleNamespace(false_positive_rate=wrong))
    with pytest.raises(BadInput, match="no events"):
        alerts([1, 2])


def test_alerts_go_through_json_lines_and_frames(es):
    book = alerts(es)
    assert Alerts.from_json_lines(book.to_json_lines()) == book
    assert book.to_json_lines().count("\n") == 5
    frame = book.to_frame()
    assert str(frame["time"].dt.tz) == "UTC"
    assert frame["time"].astype("int64").tolist() == [one.time for one in book]
    assert book.to_dict()["n_alerts"] == 5
    assert Alerts().to_frame().empty
    assert (Alerts().summary(), Alerts().to_json_lines()) == ("no alerts", "")
    for text in ("{}\n", "nonsense\n", '{"time": 1}\n', "[1]\n"):
        with pytest.raises(BadInput, match="line 1"):
            Alerts.from_json_lines(text)


def test_digests_tell_configurations_apart():
    digests = {config_digest(VPINConfig(nu=nu).to_dict()) for nu in (0, 0.1, 0.2)}
    assert len(digests) == 3
    assert all(len(digest) == 16 for digest in digests)


@pytest.fixture(scope="module")
def pair():
    rng = np.random.default_rng(4)
    n = 20_000
    trades = Trades(
        np.cumsum(rng.integers(1, 20, n)) * 10**9,
        900 + np.cumsum(rng.integers(-1, 2, n)) % 50,
        rng.integers(1, 9, n),
        symbol="TWO",
        venue=np.minimum(rng.integers(0, 12, n), rng.integers(0, 12, n) + (np.arange(n) % 9000 > 7000) * 9),
        venues=[f"V{v}" for v in range(30)],
    )
    config = VPINConfig(buckets_per_day=60, support_days=0.1, bars_per_bucket=5, threshold=0.8)
    return vpin(trades, config), herfindahl(trades, 1800, step=600)


@pytest.mark.parametrize("side", ["low", "high", "both"])
def test_the_record_is_what_was_known_at_the_end_of_each_bucket(pair, side):
    result, hhi = pair
    record = early_warning(result, hhi, side=side, hhi_threshold=0.6)
    ranks = oracle.expanding_mid_rank(hhi.hhi.tolist())
    for k, end in enumerate(result.end_ts.tolist()):
        ended = [j for j, when in enumerate(hhi.end_ts.tolist()) if when <= end]
        if not ended:
            assert np.isnan(record.hhi[k])
            assert record.hhi_age[k] == -1
            continue
        rank = ranks[ended[-1]]
        share = {"low": 1 - rank, "high": rank, "both": abs(2 * rank - 1)}[side]
        assert (record.hhi[k], record.hhi_rank[k]) == (hhi.hhi[ended[-1]], rank)
        assert record.hhi_share[k] == pytest.approx(share, abs=1e-15)
        assert record.hhi_age[k] == end - hhi.end_ts[ended[-1]]
        assert record.warning[k] == (bool(result.cdf[k] > 0.8) and share > 0.6)
    assert record.warning.any()
    book = alerts(record)
    assert len(book) == len(record.starts) > 0
    assert {one.signal for one in book} == {"vpin+hhi"}
    sure = np.minimum(record.vpin_cdf, record.hhi_share)[record.starts]
    assert [one.confidence for one in book] == sure.tolist()
    assert len(record.to_frame()) == len(result)
    assert record.to_dict()["n_warnings"] == len(book)
    assert f"{len(book)} warnings" in record.summary()


def test_later_windows_change_nothing(pair):
    result, hhi = pair
    record = early_warning(result, hhi)
    half = len(hhi) // 2
    cut = {name: getattr(hhi, name)[:half] for name in ("hhi", "end_ts")}
    before = early_warning(result, SimpleNamespace(symbol="TWO", config=hhi.config, **cut))
    seen = result.end_ts < hhi.end_ts[half]
    for name in ("hhi", "hhi_rank", "hhi_share", "hhi_age", "warning"):
        assert getattr(record, name)[seen].tobytes() == getattr(before, name)[seen].tobytes()


def test_old_windows_may_count_as_unknown(pair):
    result, hhi = pair
    record = early_warning(result, hhi, max_age=300)
    assert ((record.hhi_age >= 0) == ~np.isnan(record.hhi)).all()
    assert record.hhi_age.max() <= 300 * 10**9
    assert np.isnan(record.hhi).sum() > np.isnan(early_warning(result, hhi).hhi).sum()
    assert record.to_frame()["hhi_age"].isna().sum() == np.isnan(record.hhi).sum()


def test_bad_arguments_are_refused_with_advice(pair, es):
    result, hhi = pair
    for call in (
        lambda: early_warning(es, hhi),
        lambda: early_warning(result, hhi, side="left"),
        lambda: early_warning(result, hhi, hhi_threshold=1.5),
        lambda: early_warning(result, hhi, vpin_threshold=-1),
    ):
        with pytest.raises(BadInput, match="Hint"):
            call()
    assert Alert(0, "A", "hhi", 0.2, 0.9, 0, "00").signal == "hhi"


def test_fields_of_another_kind_and_ages_that_are_none_are_refused(pair):
    line = Alerts((Alert(5, "ES", "vpin", 0.4, 0.9, 0, "00"),)).to_json_lines()
    for right, wrong in (("5", '"5"'), ('"ES"', "7"), ("0.4", "null"), ("0.9", "true")):
        with pytest.raises(BadInput, match="line 1 is no alert"):
            Alerts.from_json_lines(line.replace(right, wrong))
    assert Alerts().to_frame().dtypes["value"] == np.float64
    result, hhi = pair
    for age in (-1, float("nan"), "x", True):
        with pytest.raises(BadInput, match="max_age"):
            early_warning(result, hhi, max_age=age)
    with pytest.raises(BadInput, match="cannot be joined"):
        early_warning(hhi, result)


def test_a_rate_is_a_calibration(es):
    assert {one.confidence for one in alerts(es, calibration=0.25)} == {0.75}
    for wrong in (1.5, float("nan"), -0.1, "0.2", object()):
        with pytest.raises(BadInput, match="could be judged"):
            alerts(es, calibration=wrong)
