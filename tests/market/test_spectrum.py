"""Spectra against exact phases and direct sums, and what happens without finufft."""

from __future__ import annotations

import builtins
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.errors import BadInput, MissingExtra
from atomloom.market import spectrum
from atomloom.market import spectrum_kernels as kernels
from atomloom.market.exact_phase import FINEST, event_times, event_weights, exact, fixed
from atomloom.market.spectra import some_sums
from oracles import spectrum_oracle as twin

TIMES = st.one_of(st.integers(-(2**62), 2**62), st.integers(0, 2 * 10**18), st.sampled_from([0, 1, 2**62, -(2**62)]))
FREQUENCIES = st.one_of(
    st.fractions(min_value=-5, max_value=5, max_denominator=10**6),
    st.floats(-1e9, 1e9, allow_nan=False).map(Fraction),
    st.sampled_from([Fraction(1, 60), Fraction(1, 86_400), Fraction(0), Fraction(10**9), Fraction(1, 3) * 10**9]),
)


@pytest.fixture
def finufft():
    return pytest.importorskip("finufft", reason="the nufft extra is not installed")


@given(st.integers(0, 2**64 - 1), FREQUENCIES)
def test_phases_are_exact(elapsed, frequency):
    high, low = fixed(frequency)
    ours = int(kernels.phase(np.uint64(elapsed), high, low))
    away = (Fraction(ours, 2**64) - twin.turns(elapsed, frequency)) % 1
    assert min(away, 1 - away) <= Fraction(4, 2**64)


@given(st.integers(-(2**63), 2**63 - 1))
def test_cosine_and_sine(turns):
    angle = 2 * math.pi * float(Fraction(turns, 2**64))
    assert kernels.cosine_sine(np.int64(turns)) == pytest.approx((math.cos(angle), math.sin(angle)), abs=1e-15)


def test_cosine_and_sine_at_the_quarters():
    quarters = [kernels.cosine_sine(np.int64(k * 2**62)) for k in (-2, -1, 0, 1)]
    assert quarters == [(-1, 0), (0, -1), (1, 0), (0, 1)]


@given(st.lists(TIMES, min_size=1, max_size=12), st.lists(FREQUENCIES, min_size=1, max_size=4), st.booleans())
def test_direct_sums(times, frequencies, weighted):
    weights = [1.0 + k for k in range(len(times))] if weighted else [1.0] * len(times)
    column = np.array(times)
    words = np.stack([fixed(frequency) for frequency in frequencies])
    each = np.array(weights if weighted else [1.0])
    for array in (column, each):
        array.flags.writeable = False
    ours = kernels.direct_sum(column, each, min(times), words)
    assert ours == pytest.approx(twin.direct(times, weights, min(times), frequencies), abs=1e-13 * sum(weights))


@given(
    st.lists(TIMES, min_size=1, max_size=40),
    st.tuples(FREQUENCIES, FREQUENCIES).filter(lambda pair: pair[1] - pair[0] >= 32 * FINEST),
    st.integers(2, 33),
    st.integers(1, 3),
    st.booleans(),
)
def test_any_band_is_the_direct_sum(times, band, modes, threads, weighted):
    pytest.importorskip("finufft", reason="the nufft extra is not installed")
    weights = [1.0 + k % 3 for k in range(len(times))] if weighted else None
    made = spectrum(times, weights, band, modes=modes, threads=threads)
    step = (band[1] - band[0]) / (modes - 1)
    frequencies = [band[0] + k * step for k in range(modes)]
    expected = np.array(twin.direct(times, weights or [1.0] * len(times), min(times), frequencies))
    assert np.abs(made.coefficient - expected).max() <= 1e-9 * (sum(weights) if weights else len(times))
    widest = float(max(abs(band[0]), abs(band[1])))
    assert made.frequency == pytest.approx([float(f) for f in frequencies], rel=1e-12, abs=1e-12 * widest)
    assert made.power == pytest.approx(np.abs(expected) ** 2 / made.square, abs=1e-6)


def test_bands_finer_than_phases_can_tell_are_refused(finufft):
    for width in (Fraction(2e-313), FINEST - Fraction(1, 10**60), 31 * FINEST / 32):
        with pytest.raises(BadInput, match="not closer ones"):
            spectrum([0, 10**18], band=(Fraction(0), width), modes=2)
    with pytest.raises(BadInput, match="33 frequencies"):
        spectrum([0, 10**18], band=(Fraction(1), 1 + 31 * FINEST), modes=33)
    assert spectrum([0, 10**18], band=(Fraction(1), 1 + FINEST), modes=2).step == FINEST
    assert fixed(FINEST).tolist() == [0, 1]


def test_seven_years_of_nanoseconds_cost_no_digit(finufft):
    rng = np.random.default_rng(1)
    times = rng.integers(0, 7 * 365 * 86_400 * 10**9, 20_000) + 1_300_000_000 * 10**9
    band = (Fraction(1, 60) - Fraction(1, 7200), Fraction(1, 60) + Fraction(1, 7200))
    made = spectrum(times, band=band, modes=2001, threads=2)
    some = [0, 1, 999, 1000, 1001, 2000]
    exact_sums = np.array(twin.direct(times, np.ones(len(times)), int(times.min()),
                                      [made.low + k * made.step for k in some]))  # fmt: skip
    assert np.linalg.norm(made.coefficient[some] - exact_sums) <= 1e-9 * np.linalg.norm(exact_sums)
    # a plain float64 product is off by far more than that
    naive = np.exp(-2j * np.pi * (times - times.min()) * 1e-9 * float(band[1])).sum()
    assert abs(naive - exact_sums[-1]) > 1e-9 * abs(exact_sums[-1])


def test_pieces_and_threads_change_nothing_that_matters(finufft, monkeypatch):
    rng = np.random.default_rng(2)
    times = rng.integers(0, 10**15, 50_000)
    whole = spectrum(times, band=(0.1, 0.2), modes=500, threads=1)
    monkeypatch.setattr("atomloom.market.spectra._PIECE", 4096)
    pieces = spectrum(times, band=(0.1, 0.2), modes=500, threads=2)
    assert np.abs(pieces.coefficient - whole.coefficient).max() < 1e-8 * len(times) ** 0.5


def test_parseval_on_a_grid(finufft):
    rng = np.random.default_rng(3)
    slots, n = 512, 200
    places = rng.choice(slots, n, replace=False)
    weights = rng.normal(size=n)
    made = spectrum(places * 10**9, weights, (0, Fraction(slots - 1, slots)), modes=slots)
    # the origin is the first event, a phase that power does not see
    assert made.power.sum() * made.square == pytest.approx(slots * (weights**2).sum(), rel=1e-9)
    assert made.power == pytest.approx(np.abs(np.fft.fft(np.bincount(places, weights, slots))) ** 2 / made.square,
                                       rel=1e-6, abs=1e-7)  # fmt: skip


def test_the_example_and_the_result(finufft):
    times = np.arange(1000) * 60 * 10**9
    made = spectrum(times, band=(Fraction(1, 120), Fraction(1, 30)), modes=4)
    assert made.power.round(6).tolist() == [0.0, 1000.0, 0.0, 1000.0]
    assert made.at(1 / 60) == pytest.approx(1000)
    assert made.peaks(1)["power"].tolist() == [pytest.approx(1000)]
    assert len(made.to_frame()) == len(made) == 4
    assert made.to_dict()["n_events"] == 1000
    assert "every 60 s" in made.summary()
    assert "<table>" in made._repr_html_()
    with pytest.raises(BadInput, match="outside the band"):
        made.at(1.0)
    as_dates = spectrum(times.view("datetime64[ns]"), band=(Fraction(1, 120), Fraction(1, 30)), modes=4)
    assert as_dates.coefficient.tobytes() == made.coefficient.tobytes()


def test_as_many_frequencies_as_the_data_can_tell_apart(finufft):
    times = np.array([0, 50, 100]) * 10**9
    assert len(spectrum(times, band=(0.0, 1.0))) == 101
    with pytest.raises(BadInput, match="narrow the band"):
        spectrum(times, band=(0.0, 1e6))


def test_without_finufft_it_says_how_to_get_it(monkeypatch):
    genuine = builtins.__import__

    def absent(name, *rest, **more):
        if name.partition(".")[0] == "finufft":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return genuine(name, *rest, **more)

    monkeypatch.setattr("importlib.import_module", absent)
    with pytest.raises(MissingExtra, match=r"pip install 'atomloom\[nufft\]'"):
        spectrum([0, 1], band=(0.0, 1.0), modes=2)


def test_small_sums_need_no_finufft(monkeypatch):
    times = np.array([0, 10**9, 5 * 10**9])
    times.flags.writeable = False
    monkeypatch.setattr("atomloom.market.spectra.find_spec", lambda _: None)
    grid = (Fraction(1, 10), Fraction(1, 7), 5)
    expected = twin.direct(times, [1.0] * 3, 0, [grid[0] + k * grid[1] for k in range(5)])
    assert some_sums(times, None, 0, grid, 1) == pytest.approx(expected, abs=1e-13)
    monkeypatch.setattr("atomloom.market.spectra._DIRECT", 1)
    assert some_sums(times, None, 0, grid, 1) == pytest.approx(expected, abs=1e-13)


def test_bad_arguments_are_refused_with_advice():
    for call in (
        lambda: spectrum([]),
        lambda: spectrum([0.5, 1.5]),
        lambda: spectrum([[0]]),
        lambda: spectrum(np.array(["NaT"], dtype="datetime64[ns]")),
        lambda: spectrum([0, 1], [1.0]),
        lambda: spectrum([0, 1], [1.0, math.nan]),
        lambda: spectrum([0, 1], [0.0, 0.0], modes=2),
        lambda: spectrum([0, 1], band=(1.0, 1.0)),
        lambda: spectrum([0, 1], band=(0.0, math.inf)),
        lambda: spectrum([0, 1], band=("low", 1.0)),
        lambda: spectrum([0, 1], modes=1),
        lambda: spectrum([0, 1], modes=2.5),
        lambda: spectrum([0, 1], eps=0.0),
        lambda: exact(True),
    ):
        with pytest.raises(BadInput, match="Hint"):
            call()


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([np.nan, 1.0], "1 that are NaN or infinite .first at row 0"),
        ([0.0, 0.0], "all weights are 0"),
        ([1e200, 1.0], "rescale"),
        ([1e-200, 0.0], "rescale"),
        (["a", "b"], "one real number per time"),
        ([1j, 1.0], "one real number per time"),
        ([1.0], "one real number per time"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(weights, words):
    with pytest.raises(BadInput, match=words):
        event_weights(weights, 2)


@pytest.mark.parametrize(
    "times",
    [np.array([2**63 + 5], np.uint64), np.array(["9999"], "M8[Y]"), np.array(["NaT"], "M8[s]"), [1.5], [], None, [[1]]],
)
def test_times_that_int64_cannot_tell_are_refused_not_wrapped(times):
    with pytest.raises(BadInput, match="Hint"):
        event_times(times)


@pytest.mark.parametrize("band", [0.1, (0.0,), (0.0, 1.0, 2.0), None, "ab", (1.0, 0.0), (0.0, math.inf), (0.0, 1e300)])
def test_bands_that_are_none_are_refused(band):
    with pytest.raises(BadInput, match="Hint"):
        spectrum([0, 10**9], band=band)
