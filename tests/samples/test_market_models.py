"""Models of markets: bit for bit the plain-Python twin, and moments that theory gives."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from atomloom.data import sp500_20
from atomloom.errors import BadInput
from atomloom.samples.market_making import market
from atomloom.samples.market_models import GBM, Garch, Heston, JumpDiffusion, OrnsteinUhlenbeck
from atomloom.samples.path_groups import factor_of
from atomloom.samples.regime_model import RegimeSwitching
from oracles import paths_oracle as twin

THREE = [[0.9, 0.08, 0.02], [0.05, 0.9, 0.05], [0.3, 0.2, 0.5]]
REGIMES = RegimeSwitching(THREE, [0.001, 0, -0.01], [0.005, 0.01, 0.04])
MODELS = [
    GBM(0.0004, 0.012),
    OrnsteinUhlenbeck(7.5, 0.02, 0.3),
    Garch(1e-6, 0.08, 0.9),
    Garch(2e-6, 0.02, 0.85, 0.15, nu=4.5, mu=0.0003),
    REGIMES,
    JumpDiffusion(0.0002, 0.01, 0.7, -0.02, 0.03),
    Heston(0.0002, 0.3, 1e-4, 0.012, -0.7),
    Heston(0.0, 0.05, 1e-4, 0.002, 0.5, v0=4e-4),
]
IDS = [type(model).__name__ + str(k) for k, model in enumerate(MODELS)]


def log_returns(paths):
    logs = np.log(paths.closes / 100.0)
    return np.diff(np.concatenate([np.zeros((*logs.shape[:-1], 1)), logs], axis=-1), axis=-1)


@pytest.mark.parametrize("model", MODELS, ids=IDS)
@pytest.mark.parametrize("n_bars", [1, 2, 37])
def test_closes_are_bit_for_bit_those_of_plain_python(model, n_bars) -> None:
    found = market(model, n_bars, n_paths=3, seed=11).closes
    expected = [twin.closes([model], path, n_bars, 11)[0] for path in range(3)]
    np.testing.assert_array_equal(found, expected)


def test_correlated_assets_of_several_models_are_those_of_plain_python() -> None:
    table = np.array([[1.0, 0.6, -0.2], [0.6, 1.0, 0.1], [-0.2, 0.1, 1.0]])
    three = [MODELS[0], MODELS[3], MODELS[5]]
    found = market(three, 15, n_paths=70, correlation=table, seed=5).closes
    for path in (0, 69):
        np.testing.assert_array_equal(found[path], twin.closes(three, path, 15, 5, factor=factor_of(table)))


@settings(max_examples=25)
@given(st.integers(0, 2**63 - 1), st.integers(0, 2**40), st.sampled_from(MODELS))
def test_any_path_of_any_seed_is_that_of_plain_python(path, seed, model) -> None:
    found = market(model, 5, seed=seed).fill(np.array([path, 3], np.uint64))
    np.testing.assert_array_equal(found[0], twin.closes([model], path, 5, seed)[0])


def test_normal_returns_have_their_mean_and_variance() -> None:
    r = log_returns(market(GBM(0.001, 0.02), 500, n_paths=800, seed=1))
    assert stats.kstest((r.ravel()[::7] - (0.001 - 0.0002)) / 0.02, "norm").pvalue > 1e-3
    growth = market(GBM(0.001, 0.02), 100, n_paths=20_000, seed=2).closes[:, -1] / 100.0
    assert abs(growth.mean() - math.exp(0.1)) < 4 * growth.std() / math.sqrt(20_000)


def test_a_reverting_path_has_its_variance_and_half_life() -> None:
    model = OrnsteinUhlenbeck(10, 0.01, 0.2)
    x = np.log(market(model, 400, n_paths=4000, seed=3).closes / 100.0)
    assert model.phi == pytest.approx(2 ** (-1 / 10), rel=1e-15)
    at_ten = x[:, 9]
    assert at_ten.mean() == pytest.approx(0.1, abs=4 * at_ten.std() / math.sqrt(4000))
    last = x[:, 300:]
    assert last.mean() == pytest.approx(0.2, abs=0.003)
    assert last.var() == pytest.approx(0.01**2 / (1 - model.phi**2), rel=0.03)


@pytest.mark.parametrize("model", MODELS[2:4], ids=IDS[2:4])
def test_garch_has_its_variance_and_the_kurtosis_of_its_shocks(model) -> None:
    light = dataclasses.replace(model, alpha=0.05, beta=0.8, gamma=0.05 if model.gamma else 0.0, nu=None)
    r = log_returns(market(light, 500, n_paths=4000, seed=4))
    assert r.var() == pytest.approx(light.omega / (1 - light.alpha - light.beta - light.gamma / 2), rel=0.01)
    if not light.gamma:
        a, b = light.alpha, light.beta
        kurtosis = 3 * (1 - (a + b) ** 2) / (1 - (a + b) ** 2 - 2 * a * a)
        assert stats.kurtosis(r[:, 100:].ravel(), fisher=False) == pytest.approx(kurtosis, rel=0.01)
    else:
        before, after = r[:, :-1] - light.mu, (r[:, 1:] - light.mu) ** 2
        # given a shock e: omega + (alpha + gamma [e < 0]) e^2 + beta h; e^2 and h are as large on both sides
        difference = after[before < 0].mean() - after[before > 0].mean()
        assert difference == pytest.approx(light.gamma * r.var(), rel=0.1)


def test_heavy_tailed_shocks_are_students() -> None:
    flat = Garch(1e-4, 0.0, 0.0, nu=5.0)
    r = log_returns(market(flat, 200, n_paths=500, seed=6)).ravel()
    assert stats.kstest(r / 0.01 / math.sqrt(3 / 5), stats.t(5).cdf).pvalue > 1e-3


def test_regimes_have_their_shares_and_last_as_long_as_they_should() -> None:
    model = RegimeSwitching([[0.95, 0.05], [0.2, 0.8]], [0.0, 0.0], [0.001, 1.0])
    assert model.long_run == pytest.approx((0.8, 0.2), rel=1e-12)
    r = log_returns(market(model, 300, n_paths=1000, seed=7))
    wild = np.abs(r) > 0.006
    assert wild[:, 0].mean() == pytest.approx(0.2, abs=0.05)
    assert wild.mean() == pytest.approx(0.2, abs=0.01)
    stays = (wild[:, :-1] & wild[:, 1:]).sum() / wild[:, :-1].sum()
    assert stays == pytest.approx(0.8, abs=0.01)


def test_jumps_are_poisson_and_the_growth_is_what_was_asked() -> None:
    model = JumpDiffusion(0.0, 1e-6, 0.3, 1.0, 0.0)
    r = log_returns(market(model, 200, n_paths=500, seed=8))
    drift = -0.3 * (math.e - 1.0)
    jumps = np.rint(r - drift).astype(int).ravel()
    for n in range(4):
        assert (jumps == n).mean() == pytest.approx(stats.poisson(0.3).pmf(n), abs=0.005)
    growth = market(JumpDiffusion(0.001, 0.01, 0.1, -0.02, 0.03), 50, n_paths=40_000, seed=9).closes[:, -1] / 100.0
    assert growth.mean() == pytest.approx(math.exp(0.05), abs=4 * growth.std() / 200)
    assert model.volatility == pytest.approx(math.sqrt(0.3), rel=1e-9)


def test_heston_has_its_mean_variance_and_leverage() -> None:
    model = Heston(0.0, 0.05, 1e-4, 0.001, -0.8, v0=4e-4)
    r = log_returns(market(model, 300, n_paths=20_000, seed=10))
    for t in (0, 10, 40):
        expected = 1e-4 + 3e-4 * 0.95**t  # mean of the variance at this bar
        assert r[:, t].var() == pytest.approx(expected, rel=0.04)
    down = r[:, 99] < 0
    assert np.abs(r[down, 100]).mean() > np.abs(r[~down, 100]).mean()
    growth = np.exp(r[:, :100].sum(axis=1))
    assert growth.mean() == pytest.approx(1.0, abs=4 * growth.std() / math.sqrt(20_000))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: GBM(0.0, -0.1), "GBM: sigma is -0.1"),
        (lambda: GBM(math.nan), "GBM: mu is nan"),
        (lambda: GBM("0.1"), "GBM: mu is '0.1'"),
        (lambda: GBM(True), "GBM: mu is True"),
        (lambda: OrnsteinUhlenbeck(0), "half_life is 0"),
        (lambda: Garch(0.0, 0.1, 0.8), "omega is 0.0"),
        (lambda: Garch(1e-6, 0.2, 0.8), "alpha \\+ beta \\+ gamma / 2 is 1"),
        (lambda: Garch(1e-6, 0.1, 0.8, -0.2), "gamma is -0.2"),
        (lambda: Garch(1e-6, 0.1, 0.8, nu=2), "nu is 2"),
        (lambda: RegimeSwitching([[0.5, 0.4], [0.5, 0.5]], [0, 0], [1, 1]), "add up to \\[0.9, 1.0\\]"),
        (lambda: RegimeSwitching([[1, 0], [0, 1]], [0, 0], [1, 1]), "falls apart"),
        (lambda: RegimeSwitching([[1.0]], [0, 0], [1]), "shapes are"),
        (lambda: RegimeSwitching([[1.0]], [0], [-1]), "sigma 0 or more"),
        (lambda: RegimeSwitching([["a"]], [0], [1]), "could not convert"),
        (lambda: JumpDiffusion(intensity=1e4), "intensity is 10000"),
        (lambda: Heston(rho=-1.5), "rho is -1.5"),
        (lambda: Heston(kappa=1.5), "kappa is 1.5"),
    ],
)
def test_impossible_parameters_are_refused(make, words) -> None:
    with pytest.raises(BadInput, match=words) as seen:
        make()
    assert "Hint:" in str(seen.value)


def test_specs_say_what_they_are() -> None:
    for model in MODELS:
        told = model.to_dict()
        name = told.pop("model")
        assert type(model)(**told) == model
        assert name == type(model).__name__


def test_fits_find_what_paths_were_made_of() -> None:
    garch = Garch(2e-6, 0.06, 0.87, 0.08, nu=7)
    found = Garch.fit(market(garch, 30_000, seed=12).closes[0], leverage=True)
    assert found.persistence == pytest.approx(garch.persistence, abs=0.012)
    assert (found.alpha, found.gamma) == (pytest.approx(0.06, abs=0.02), pytest.approx(0.08, abs=0.03))
    assert found.nu == pytest.approx(7, abs=1.5)
    assert Garch.fit(market(Garch(5e-6, 0.1, 0.8), 20_000, seed=1).closes[0]).nu is None
    gbm = GBM.fit(market(GBM(0.001, 0.01), 20_000, seed=13).closes[0])
    assert (gbm.mu, gbm.sigma) == (pytest.approx(0.001, abs=3e-4), pytest.approx(0.01, rel=0.02))
    ou = OrnsteinUhlenbeck.fit(market(OrnsteinUhlenbeck(20, 0.01, 0.3), 20_000, seed=14).closes[0])
    assert (ou.half_life, ou.sigma) == (pytest.approx(20, rel=0.15), pytest.approx(0.01, rel=0.02))


def test_a_quasi_likelihood_is_that_of_plain_python() -> None:
    from atomloom.samples.model_kernels import garch_shocks

    r = np.random.default_rng(0).normal(size=50) * 0.01
    z = np.empty(50)
    total, h = 0.0, 1e-6 / (1 - 0.1 - 0.8 - 0.05)
    for value in r:
        e = value - 0.001
        total += math.log(h) + e * e / h
        h = 1e-6 + (0.2 if e < 0 else 0.1) * e * e + 0.8 * h
    assert garch_shocks(r, (1e-6, 0.1, 0.8, 0.1, 0.001), z) == pytest.approx(total, rel=1e-13)


@pytest.mark.parametrize(
    ("prices", "words"),
    [
        ([1.0] * 500, "standard deviation 0"),
        ([1.0, 2.0] * 50, "99 returns"),
        ([1.0, -2.0] * 500, "500 bad values \\(first -2.0 in row 1\\)"),
        ([[1.0, 2.0]] * 500, "shape"),
        (["a"] * 500, "could not convert"),
    ],
)
def test_prices_that_cannot_be_fitted_are_refused(prices, words) -> None:
    with pytest.raises(BadInput, match=words):
        Garch.fit(prices)


def test_prices_that_do_not_revert_are_refused() -> None:
    with pytest.raises(BadInput, match="do not revert"):
        OrnsteinUhlenbeck.fit(np.exp(np.linspace(0, 1, 100) ** 2))


ARCH = {  # alpha, gamma, beta of arch 8.0.0, constant mean, normal likelihood, on the log-returns of these closes
    ("KO", False): (0.0528, 0.0, 0.9412),
    ("KO", True): (0.0271, 0.0519, 0.9406),
    ("JPM", False): (0.0774, 0.0, 0.9177),
    ("JPM", True): (0.0244, 0.0885, 0.9273),
    ("XOM", True): (0.0470, 0.0476, 0.9180),
}


@pytest.mark.parametrize(("name", "leverage"), ARCH, ids=str)
def test_fits_to_real_prices_are_near_those_of_arch(name, leverage) -> None:
    closes = pd.read_parquet(sp500_20())[name].astype(float)
    found = Garch.fit(closes, leverage=leverage)
    assert (found.alpha, found.gamma, found.beta) == pytest.approx(ARCH[name, leverage], abs=0.005)
    assert found.volatility == pytest.approx(np.log(closes).diff().std(), rel=0.01)
