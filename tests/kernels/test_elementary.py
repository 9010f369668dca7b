"""Elementary functions: accurate beside long doubles and scipy, the same bits as a numpy twin, whatever the loop."""

from __future__ import annotations

import math

import numba
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import special, stats

from atomloom.kernels import elementary as own
from oracles import elementary_oracle as twin

LONG = np.longdouble
wide = pytest.mark.skipif(np.finfo(LONG).eps > 1e-18, reason="this machine's long double is no longer than a double")
TURN = LONG("6.28318530717958647692528676655900577")


def loop(function):
    """The function over an array, in vector registers where the compiler likes."""
    lean = {"error_model": "numpy", "nogil": True}

    @numba.njit(**lean)
    def run(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    @numba.njit(**lean)
    def run_two(x, y, z):
        for i in range(x.size):
            y[i], z[i] = function(x[i])

    def over(x):
        x = np.ascontiguousarray(x, dtype=np.float64)
        if function is own.cos_sin_fixed:
            y, z = np.empty_like(x), np.empty_like(x)
            run_two(x, y, z)
            return y, z
        y = np.empty_like(x)
        run(x, y)
        return y

    return over


log, exp, turns, quantile = map(loop, (own.log_fixed, own.exp_fixed, own.cos_sin_fixed, own.normal_of))


def draws():
    rng = np.random.default_rng(0)
    near_one = 1.0 + rng.normal(size=20_000) * 10.0 ** rng.uniform(-16, -1, 20_000)
    below_one = 1.0 - 2.0 ** -rng.uniform(1, 53, 20_000)
    spread = np.exp(rng.uniform(-700, 700, 20_000))
    return np.concatenate([rng.random(20_000), spread, near_one, below_one, [2.0**-53, 1 - 2.0**-53, 1.0, 1e-300]])


def exponents():
    rng = np.random.default_rng(1)
    small = rng.normal(size=20_000) * 10.0 ** rng.uniform(-18, 0, 20_000)
    return np.concatenate([rng.uniform(-708, 709, 20_000), small, [0.0, -0.0, -708.0, 709.0, -1e-320]])


def fractions():
    rng = np.random.default_rng(2)
    return np.concatenate([rng.random(20_000), 2.0 ** -rng.uniform(0, 60, 20_000), np.arange(17) / 16, -rng.random(99)])


def ulps(found, exact):
    return float(np.max(np.abs(found.astype(LONG) - exact) / np.spacing(np.abs(exact.astype(np.float64)))))


@wide
def test_logarithm_and_exponential_are_right_within_a_unit_in_the_last_place() -> None:
    assert ulps(log(draws()), np.log(draws().astype(LONG))) < 1.0
    assert ulps(exp(exponents()), np.exp(exponents().astype(LONG))) < 1.0


@wide
def test_cosine_and_sine_are_right_within_two_units_in_the_last_place() -> None:
    u = fractions()
    quarter = np.round(4.0 * u)
    angle = TURN * (u.astype(LONG) - quarter.astype(LONG) / 4)
    cosine, sine, place = np.cos(angle), np.sin(angle), quarter.astype(int) % 4
    found = turns(u)
    some = angle != 0
    for k, exact in enumerate(([cosine, -sine, -cosine, sine], [sine, cosine, -sine, -cosine])):
        assert ulps(found[k][some], np.choose(place, exact)[some]) < 2.0


def test_quarter_turns_are_exact() -> None:
    cosine, sine = turns(np.arange(-8, 9) / 4.0)
    assert cosine[8:12].tolist() == [1.0, 0.0, -1.0, 0.0]
    assert sine[8:12].tolist() == [0.0, 1.0, 0.0, -1.0]
    assert (np.abs(cosine) + np.abs(sine) == 1.0).all()


def test_quantiles_are_those_of_scipy() -> None:
    u = draws()
    u = u[(u > 0.0) & (u < 1.0)]
    exact = special.ndtri(u)
    np.testing.assert_allclose(quantile(u), exact, rtol=2e-15, atol=1e-300)
    assert quantile([0.5])[0] == 0.0
    np.testing.assert_array_equal(quantile(1.0 - u[u > 0.5]), -quantile(u[u > 0.5]))


@pytest.mark.parametrize(
    ("ours", "theirs", "values"),
    [(log, twin.log_fixed, draws), (exp, twin.exp_fixed, exponents), (turns, twin.cos_sin_fixed, fractions)],
)
def test_bits_are_those_of_the_numpy_twin(ours, theirs, values) -> None:
    x = values()
    found, expected = np.array(ours(x)), np.array(theirs(x))
    np.testing.assert_array_equal(found.view(np.int64) & ~(found == 0.0), expected.view(np.int64) & ~(expected == 0.0))
    one_by_one = np.array([ours(x[k : k + 1]) for k in range(200)])
    np.testing.assert_array_equal(one_by_one.reshape(200, -1).T, found.reshape(-1, len(x))[:, :200])


@given(st.floats(2.3e-308, 1.7e308))
@example(1.0)
@example(2.2250738585072014e-308)
def test_logarithm_of_anything(x) -> None:
    assert log([x])[0] == twin.log_fixed(np.float64(x))
    assert math.isclose(log([x])[0], math.log(x), rel_tol=3e-16, abs_tol=0.0)


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_exponential_of_anything(x) -> None:
    found = exp([x])[0]
    if math.isnan(x):
        assert math.isnan(found)
    elif x > 709.0 or x < -708.0:
        assert found == (math.inf if x > 0 else 0.0)
    else:
        assert math.isclose(found, math.exp(x), rel_tol=3e-16)


@given(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
@example(0, 0)
@example(2**32 - 1, 2**32 - 1)
def test_uniform_numbers_are_between_0_and_1_and_symmetric(w0, w1) -> None:
    words = np.uint64(w0), np.uint64(w1)
    u = own.uniform_of(*words)
    assert 0.0 < u < 1.0
    assert u == twin.uniform_of(w0, w1)
    mirrored = own.uniform_of(np.uint64(2**32 - 1 - w0), np.uint64(2**32 - 1 - w1))
    assert mirrored == 1.0 - u
    assert math.isfinite(own.normal_of(u))


def test_normal_numbers_are_normal() -> None:
    rng = np.random.default_rng(3)
    u, v = rng.random((2, 50_000)) + 2.0**-54
    z = np.concatenate(twin.normals_of(u, v))
    assert own.normals_of(u[0], v[0]) == (z[0], z[50_000])
    assert stats.kstest(z, "norm").pvalue > 1e-3
    assert abs(np.corrcoef(z[:50_000], z[50_000:])[0, 1]) < 0.02
