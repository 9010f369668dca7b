"""Stylised facts: values of scipy and pandas, bands that a copy stays in and another process leaves."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from atomloom.errors import BadInput
from atomloom.samples.diagnosis import Diagnosis, diagnose
from atomloom.samples.market_facts import FACTS, LAGS, cells_of, columns_of, facts_of
from atomloom.samples.market_making import market
from atomloom.samples.market_models import GBM, Garch

GARCH = Garch(1e-6, 0.02, 0.85, 0.2, nu=8)


@pytest.fixture(scope="module")
def real():
    return market(GARCH, 4000, seed=1, gap=0.2).ohlcv()


def test_facts_are_those_of_scipy_and_pandas(real) -> None:
    found = dict(zip(FACTS, diagnose(real).values, strict=True))
    r = np.log(real["close"]).diff().dropna()
    size = r.abs()
    short, long = range(1, 11), range(11, LAGS + 1)
    assert found["volatility"] == pytest.approx(r.std(), rel=0.02)
    assert found["kurtosis"] == pytest.approx(stats.kurtosis(r, fisher=False), rel=0.03)
    assert found["skewness"] == pytest.approx(stats.skew(r), abs=0.03)
    assert found["memory of returns"] == pytest.approx(np.mean([r.autocorr(k) for k in short]), abs=0.003)
    assert found["clustering"] == pytest.approx(np.mean([size.autocorr(k) for k in short]), abs=0.01)
    assert found["long memory"] == pytest.approx(np.mean([size.autocorr(k) for k in long]), abs=0.01)
    assert found["leverage"] == pytest.approx(np.mean([r.corr(size.shift(-k)) for k in short]), abs=0.005)
    assert found["volume and size"] == pytest.approx(np.log(real["volume"])[1:].corr(size), abs=0.01)
    rows = real.iloc[1:]
    spans = np.log(rows["high"] / rows["low"]).mean() / np.log(rows["close"] / rows["open"]).abs().mean()
    assert found["range over body"] == pytest.approx(spans, rel=0.01)


def test_cells_keep_the_means(real) -> None:
    table = columns_of(real, "x")
    long = np.concatenate([table] * 5)
    many, size = cells_of(long)
    assert size == (len(long) - LAGS) // 4000
    single = cells_of(table)[0]
    assert single.shape == (len(table) - LAGS, 162)
    np.testing.assert_allclose(facts_of(many.mean(axis=0))[0], facts_of(single.mean(axis=0))[0], rtol=0.05, atol=0.01)


def test_a_copy_is_within_the_bands_and_another_process_is_not(real) -> None:
    outside = dict.fromkeys(FACTS, 0)
    for seed in range(6):
        copy = diagnose(market(GARCH, 4000, seed=100 + seed, gap=0.2), real, n_resamples=100)
        for name, verdict in copy.verdicts.items():
            outside[name] += verdict != "as in the reference"
    assert sum(outside.values()) <= 10  # of 54
    other = diagnose(market(GBM(0.0, 0.0045), 4000, seed=3, n_paths=8), real).verdicts
    assert {other[name] for name in ("kurtosis", "clustering")} == {"too low"}
    assert other["leverage"] == "too high"
    assert other["memory of returns"] == "as in the reference"


def test_bands_are_about_as_wide_as_copies_differ() -> None:
    copies = [diagnose(market(GBM(0.0, 0.01), 2500, seed=seed)).to_frame()["value"] for seed in range(60)]
    reals = [market(GBM(0.0, 0.01), 2500, seed=100 + k).ohlcv() for k in range(8)]
    bands = [diagnose(market(GBM(0.0, 0.01), 2500), real, n_resamples=100) for real in reals]
    width = np.mean([band.high - band.low for band in bands], axis=0)
    spread = np.std(copies, axis=0) * 2 * 1.96 * math.sqrt(2.0)
    np.testing.assert_allclose(width / spread, 1.1, rtol=0.35)


def test_closes_alone_tell_of_some_facts(real) -> None:
    found = diagnose(real["close"].to_numpy(), real[["close"]])
    assert found.verdicts["range over body"] == found.verdicts["volume and size"] == "not known"
    assert found.verdicts["kurtosis"] == "as in the reference"
    still = real.assign(volume=0.0)
    assert diagnose(still, real).verdicts["volume and size"] == "not known"
    flat = real.assign(open=real["close"], high=real["close"], low=real["close"])
    assert diagnose(flat).to_dict()["values"][7] is None


def test_bits_do_not_depend_on_threads(real) -> None:
    one, two = (diagnose(real, real, num_threads=threads, seed=5) for threads in (1, 2))
    for name in ("low", "high", "curve_low"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    again = [diagnose(real, real, seed=np.random.default_rng(1)).low for _ in range(2)]
    np.testing.assert_array_equal(*again)


def test_what_a_diagnosis_says_of_itself(real) -> None:
    found = diagnose(market(GBM(), 1000, n_paths=3), real)
    assert isinstance(found, Diagnosis)
    assert repr(found).startswith("Diagnosis(2,997 returns, ")
    told = json.loads(json.dumps(found.to_dict()))
    assert told["verdicts"] == found.verdicts
    assert len(told["curves"][0]) == LAGS
    frame = found.to_frame()
    assert frame.index.tolist() == list(FACTS)
    assert ((frame["low"] < frame["reference"]) & (frame["reference"] < frame["high"])).all()
    assert "clustering: " in found.summary()
    assert "too low" in found._repr_html_()
    assert "kurtosis" in diagnose(real).summary()
    assert isinstance(frame, pd.DataFrame)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (np.arange(1.0, 100.0), "98 returns"),
        (np.full(500, 3.0), "standard deviation 0"),
        (np.append(np.arange(1.0, 400.0), np.nan), "1 bad values"),
        (pd.DataFrame({"price": [1.0] * 300}), "0 columns 'close'"),
        ("prices.csv", "could not convert"),
    ],
)
def test_series_that_cannot_be_used_are_refused(data, words) -> None:
    with pytest.raises(BadInput, match=words) as seen:
        diagnose(data)
    assert "Hint:" in str(seen.value)


@pytest.mark.parametrize(("settings", "words"), [({"block": 0}, "block is 0"), ({"n_resamples": 3}, "n_resamples is 3"),
                                                ({"seed": -1}, "seed is -1")])  # fmt: skip
def test_bad_arguments_are_refused(real, settings, words) -> None:
    with pytest.raises(BadInput, match=words):
        diagnose(real, real, **settings)
