"""Student's t against 60-digit values, closed forms and scipy."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from atomloom.errors import BadInput
from atomloom.market import t_cdf
from atomloom.market.student import gamma_ratio, student_cdf

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "market_student_t.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("nu", sorted({row[0] for row in GOLDEN["rows"]}))
def test_both_tails_agree_with_sixty_digits(nu):
    rows = [(x, tail) for row_nu, x, tail in GOLDEN["rows"] if row_nu == nu]
    assert len(rows) >= 10
    for x, tail in rows:
        check_tails(nu, x, tail)


def check_tails(nu, x, tail):
    assert student_cdf(-x, nu) == pytest.approx(float(tail), rel=2e-13, abs=0)
    assert student_cdf(x, nu) == pytest.approx(1 - float(tail), rel=2e-14, abs=0)


@given(st.floats(-1e300, 1e300))
def test_one_and_two_degrees_have_closed_forms(x):
    # written for the tail of |x|, so that neither form cancels
    t = abs(x)
    cauchy = math.atan2(1, t) / math.pi
    root = math.hypot(t, math.sqrt(2))
    two = 1 / (root * (root + t)) if root < 1e150 else 0.5 / root / root
    assert student_cdf(-t, 1.0) == pytest.approx(cauchy, rel=1e-13, abs=1e-300)
    assert student_cdf(-t, 2.0) == pytest.approx(two, rel=1e-13, abs=1e-300)


@given(st.floats(0.05, 1e4), st.floats(-1e6, 1e6))
def test_agrees_with_scipy(nu, x):
    if nu in {1.0, 2.0}:
        return  # closed forms above; scipy loses digits at 1
    assert student_cdf(x, nu) == pytest.approx(float(special.stdtr(nu, x)), abs=1e-12)


@given(st.floats(0.001, 1e9), st.lists(st.floats(allow_nan=False), min_size=2, max_size=20))
def test_is_a_distribution_function(nu, xs):
    xs = np.sort(xs)
    values = t_cdf(xs, nu)
    assert ((values >= 0) & (values <= 1)).all()
    assert (np.diff(values) >= -1e-13).all()
    np.testing.assert_allclose(values + t_cdf(-xs, nu), 1, atol=3e-16)


@pytest.mark.parametrize("nu", [0.0, math.inf])
def test_nu_zero_and_infinity_are_the_normal(nu):
    x = np.linspace(-38, 38, 400)
    np.testing.assert_allclose(t_cdf(x, nu), special.ndtr(x), rtol=1e-13, atol=1e-307)


def test_the_change_of_method_at_large_nu_leaves_no_step():
    x = np.linspace(-8, 8, 101)
    np.testing.assert_allclose(t_cdf(x, 10_000.0), t_cdf(x, np.nextafter(10_000.0, 2e4)), rtol=5e-13)


@given(st.floats(1e-4, 1e8))
def test_gamma_ratio(a):
    series = 1 - 1 / (8 * a) + 1 / (128 * a**2) + 5 / (1024 * a**3) - 21 / (32768 * a**4)
    expected = float(special.poch(a, 0.5)) if a < 100 else math.sqrt(a) * series  # scipy loses digits as a grows
    assert gamma_ratio(a) == pytest.approx(expected, rel=2e-12)


def test_nan_and_infinity():
    values = t_cdf([math.nan, -math.inf, math.inf], 0.1)
    assert math.isnan(values[0])
    assert values[1:].tolist() == [0.0, 1.0]


@pytest.mark.parametrize("nu", [-1, 1e-9, math.nan, True, "0.1"])
def test_impossible_nu_is_refused(nu):
    with pytest.raises(BadInput, match=r"nu is .* Hint"):
        t_cdf([0.0], nu)
