"""Clocks planted in clustered trades are found, and none is found where none is: lines, folds and yearly cycles."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom.errors import BadInput, Infeasible
from atomloom.market import fold, high_frequency_power, leap_year_check, line_test
from atomloom.market.surrogates import p_value
from oracles import spectrum_oracle as twin

DAY, SECOND = 86_400 * 10**9, 10**9
SESSION = 6.5 * 3600


def trades(seed, days=4, bursts=150, clock=0.0):
    """Bursts of trades in sessions with a busy open and close, and a share that trades on the minute."""
    rng = np.random.default_rng(seed)
    parts = []
    for day in range(days):
        when = SESSION * rng.beta(0.7, 0.7, bursts)  # more at both ends
        sizes = rng.geometric(0.4, bursts)
        inside = np.repeat(when, sizes) + rng.exponential(0.5, sizes.sum())
        parts.append(day * 86_400 + 13.5 * 3600 + inside)
    seconds = np.concatenate(parts)
    planted = rng.random(len(seconds)) < clock
    seconds[planted] = np.round(seconds[planted] / 60) * 60 + rng.exponential(0.05, planted.sum())
    return np.sort((seconds * 1e9).astype(np.int64))


def test_two_per_cent_on_the_clock_are_found():
    with_clock = trades(1, days=10, bursts=3000, clock=0.02)
    for harmonics in (1, 5):
        found = line_test(with_clock, harmonics=harmonics, surrogates=199)
        assert found.found
        assert found.amplitude == pytest.approx(0.02, abs=0.006)
        assert found.contrast > 5
    assert fold(with_clock, surrogates=199).top == 0
    assert fold(with_clock, surrogates=199).p.value == pytest.approx(0.005)
    without = trades(1, days=10, bursts=3000)
    assert not line_test(without, surrogates=199).found
    assert fold(without, surrogates=199).p.value > 0.01


def test_false_alarms_are_as_many_as_stated():
    # 200 markets without a clock; at 5%, more than 20 or none at all would happen once in some thousand tries
    lines, sums, folds = [], [], []
    for seed in range(200):
        times = trades(1000 + seed)
        one = line_test(times, surrogates=99, seed=seed)
        many = line_test(times, harmonics=4, surrogates=99, seed=seed)
        lines.append((one.surrogate_p.value, one.found))
        sums.append((many.surrogate_p.value, many.found))
        folds.append(fold(times, bins=12, surrogates=99, seed=seed).p.value)
    for tests in (lines, sums):
        assert 1 <= sum(p <= 0.05 for p, _ in tests) <= 20
        assert sum(found for _, found in tests) <= 20
        assert np.mean([p for p, _ in tests]) == pytest.approx(0.5, abs=0.08)
    assert 1 <= sum(p <= 0.05 for p in folds) <= 20


def test_a_daily_burst_at_the_same_second_is_no_line():
    # the open at 13:30:00 each day puts power at every multiple of a cycle per day, 1440 and its neighbours alike
    rng = np.random.default_rng(5)
    opens = np.repeat(np.arange(60) * DAY + int(13.5 * 3600) * SECOND, 40) + rng.integers(0, 5 * SECOND, 2400)
    spread = np.concatenate([day * DAY + int(13.5 * 3600) * SECOND + rng.integers(0, int(SESSION) * SECOND, 100)
                             for day in range(60)])  # fmt: skip
    result = line_test(np.sort(np.concatenate([opens, spread])), surrogates=99)
    assert result.surrogate_p.value == 0.01
    assert not result.found
    assert result.contrast < 3


@given(
    st.lists(st.integers(0, 10**13), min_size=2, max_size=30),
    st.integers(1, 4),
    st.integers(1, 5),
    st.sampled_from([Fraction(1, 60), Fraction(1, 7), 0.25]),
)
def test_powers_are_the_direct_sums(times, harmonics, neighbours, frequency):
    comb = Fraction(1, 86_400)
    result = line_test(times, frequency, harmonics=harmonics, neighbours=neighbours, surrogates=19)
    power = {}
    for k in range(-neighbours, neighbours + 1):
        at = [h * (Fraction(frequency) + k * comb) for h in range(1, harmonics + 1)]
        power[k] = sum(abs(c) ** 2 for c in twin.direct(times, [1.0] * len(times), min(times), at)) / len(times)
    assert result.power == pytest.approx(power.pop(0), rel=1e-9, abs=1e-9)
    assert result.neighbour_power.tolist() == pytest.approx(list(power.values()), rel=1e-9, abs=1e-9)
    first = abs(twin.direct(times, [1.0] * len(times), min(times), [frequency])[0])
    assert result.amplitude == pytest.approx(first / len(times), abs=1e-9)
    length = round(5 / Fraction(frequency) * 10**9)
    assert result.n_blocks == len(twin.blocks(times, length))
    # blocks turned at random: the mean power is the sum of the blocks' own
    own = [sum(abs(c) ** 2 for c in twin.direct(block, [1.0] * len(block), min(times), at_line))
           for block in twin.blocks(times, length)
           for at_line in [[h * Fraction(frequency) for h in range(1, harmonics + 1)]]]  # fmt: skip
    assert result.surrogate_power.max() <= (sum(math.sqrt(value) for value in own) ** 2) / len(times) + 1e-9


def test_surrogates_are_blocks_turned_at_random():
    times = trades(3)
    result = line_test(times, surrogates=999)
    blocks = twin.blocks(times.tolist(), 300 * SECOND)
    own = sum(abs(twin.direct(block, [1.0] * len(block), 0, [Fraction(1, 60)])[0]) ** 2 for block in blocks)
    assert result.surrogate_power.mean() == pytest.approx(own / len(times), rel=0.1)
    again = line_test(times[::-1], surrogates=999)
    assert again.surrogate_power.tobytes() == result.surrogate_power.tobytes()
    assert line_test(times, surrogates=99).surrogate_power.tolist() == result.surrogate_power[:99].tolist()
    assert line_test(times, surrogates=99, seed=1).surrogate_power[0] != result.surrogate_power[0]


@given(
    st.lists(st.one_of(st.integers(-(10**12), 10**12), st.integers(-(2**62), 2**62)), min_size=1, max_size=30),
    st.sampled_from([60, 7, 0.001]),
    st.sampled_from([2, 7, 60]),
)
def test_folds_count_exactly(times, period, bins):
    result = fold(times, period, bins, surrogates=19)
    length = round(period * 10**9)
    assert result.count.tolist() == twin.folded(times, length, bins)
    by_block = [twin.folded(block, length, bins) for block in twin.blocks(times, 5 * length)]
    variance = float(twin.variance_of_turns(by_block, bins))
    assert result.sigma == pytest.approx(math.sqrt(variance), abs=1e-9)
    assert result.count.sum() == len(times) == result.n_events
    if variance:
        assert result.z == pytest.approx((result.count - len(times) / bins) / math.sqrt(variance), abs=1e-9)


def test_the_p_value_of_a_fold_is_that_of_all_turns():
    # three blocks of three bins: all 27 turns can be listed
    times = [0, 0, 1, 15, 15, 17, 30, 31, 31, 31]
    result = fold(times, 3e-9, 3, surrogates=20_000)
    counts = [twin.folded(block, 3, 3) for block in twin.blocks(times, 15)]
    top = max(result.count)
    every = [
        max(sum(block[(k - turn) % 3] for block, turn in zip(counts, turns, strict=True)) for k in range(3)) >= top
        for turns in itertools.product(range(3), repeat=len(counts))
    ]
    assert result.p.value == pytest.approx(sum(every) / len(every), abs=0.012)  # four standard errors
    assert result.p.low < result.p.value < result.p.high


def test_results_show_themselves():
    times = trades(4, clock=0.3)
    line, folded = line_test(times, surrogates=19), fold(times, surrogates=19)
    assert len(line.to_frame()) == 81
    assert line.to_frame()["power"][40] == line.power
    assert line.to_dict()["found"] == line.found
    assert "a line at level 0.05" in line.summary()
    assert len(folded.to_frame()) == len(folded) == 60
    assert folded.to_dict()["top_bin"] == 0
    assert "bin 0 has" in folded.summary()
    assert all("<table>" in result._repr_html_() for result in (line, folded))
    assert p_value(9, 99).value == 0.1
    assert (p_value(0, 99).low, p_value(99, 99).high) == (0.0, 1.0)


@pytest.mark.parametrize("offset", [0, 5 * 3600])
def test_the_daily_line_moves_in_leap_years(offset):
    rng = np.random.default_rng(6)
    days = np.arange("2010-01-01", "2017-01-01", dtype="datetime64[D]")
    days = days[np.is_busday(days)]
    ns = days.astype("datetime64[ns]").astype(np.int64)
    times = np.repeat(ns, 20) + (offset + 9.5 * 3600 + SESSION * rng.random(20 * len(ns))).astype(np.int64) * SECOND
    result = leap_year_check(rng.permutation(times))
    assert result.year.tolist() == list(range(2010, 2017))
    assert result.peak.tolist() == [365, 365, 366, 365, 365, 365, 366]
    assert result.ok
    assert result.to_dict()["ok"]
    assert len(result.to_frame().columns) == 15
    assert "2012: daily line at 366 cycles per year, 366 days" in result.summary()
    # a calendar that forgets the leap day is caught
    wrong = times - np.where(times >= np.datetime64("2012-03-01", "ns").astype(np.int64), DAY, 0)
    during = (times // DAY > 15_340) & (times // DAY < 15_706)
    squeezed = np.where(during, 15_340 * DAY + (times - 15_340 * DAY) * 366 // 365, wrong)
    assert not leap_year_check(squeezed).ok


def test_years_that_are_not_covered_are_said_to_be():
    times = np.arange("2011-01-01", "2012-07-01", dtype="datetime64[h]")
    result = leap_year_check(times[times.astype(int) % 24 < 6])
    assert (result.year.tolist(), result.skipped) == ([2011], (2012,))
    with pytest.raises(Infeasible, match="no year"):
        leap_year_check(times[:100])


def test_growth_of_bursts_is_seen():
    pytest.importorskip("finufft", reason="the nufft extra is not installed")
    rng = np.random.default_rng(7)
    parts = []
    for window in range(8):
        n = 2000
        times = rng.random(n) * 86_400
        bursts = rng.random(n) < 0.05 * window
        times[bursts] = rng.choice(times[~bursts], bursts.sum()) + rng.exponential(0.01, bursts.sum())
        parts.append((times + 86_400 * window) * 1e9)
    times = np.sort(np.concatenate(parts).astype(np.int64))
    result = high_frequency_power(times, 1.0, window=86_400, modes=512)
    assert len(result) == 8
    assert result.power[0] == pytest.approx(1.0, abs=0.2)
    assert result.power[-1] > 1.4
    assert result.slope > 3 * result.slope_error > 0
    assert result.share == pytest.approx(result.power / result.n_events)
    assert result.n_events.sum() == len(times)
    assert len(result.to_frame()) == 8
    assert result.to_dict()["n_windows"] == 8
    assert "8 windows" in result.summary()
    still = high_frequency_power(rng.permutation(times[:2000]), 1.0, window=86_400, modes=64)
    assert math.isnan(still.slope)
    assert still.to_dict()["slope"] is None
    with pytest.raises(Infeasible, match="no window"):
        high_frequency_power(times, min_events=10**6)


def test_bad_arguments_are_refused_with_advice():
    times = [0, 10**9, 10**12]
    for call in (
        lambda: line_test(times, -1.0),
        lambda: line_test(times, 1e-9),
        lambda: line_test(times, harmonics=0),
        lambda: line_test(times, harmonics=65),
        lambda: line_test(times, neighbours=0),
        lambda: line_test(times, surrogates=5),
        lambda: line_test(times, seed=-1),
        lambda: line_test(times, level=2),
        lambda: line_test(times, block=0),
        lambda: line_test([]),
        lambda: fold(times, 0),
        lambda: fold(times, bins=1),
        lambda: fold(times, bins=10**5),
        lambda: fold(times, 10**8, 10_000),
        lambda: high_frequency_power(times, -1.0),
        lambda: high_frequency_power(times, 1.0, below=0.5),
        lambda: high_frequency_power(times, window=0),
    ):
        with pytest.raises(BadInput, match="Hint"):
            call()


def test_signed_weights_that_cancel_out_are_no_division_by_zero():
    pytest.importorskip("finufft", reason="the nufft extra is not installed")
    times = np.arange(400) * 7 * 10**9
    signs = np.tile([1.0, -1.0], 200)
    tested = line_test(times, Fraction(1, 14), weights=signs, surrogates=19, block=70)
    assert tested.amplitude == pytest.approx(1.0)
    assert tested.power == pytest.approx(400)
    grown = high_frequency_power(times, weights=signs, modes=16)
    assert grown.share == pytest.approx(grown.power / 400)


def test_lengths_and_counts_that_are_none_are_refused_by_name():
    times = np.arange(200) * 10**9
    for call, name in (
        (lambda: fold(times, 0), "period"),
        (lambda: fold(times, block="x"), "block"),
        (lambda: line_test(times, neighbours="x"), "neighbours"),
        (lambda: line_test(times, level=2), "level"),
        (lambda: line_test(times, 1e20), "block"),
        (lambda: leap_year_check(times, coverage="x"), "coverage"),
        (lambda: leap_year_check(times, coverage=math.nan), "coverage"),
        (lambda: high_frequency_power(times, window=1e-12), "window"),
        (lambda: high_frequency_power(times, window=1e12), "window"),
        (lambda: high_frequency_power(times, min_events="x"), "min_events"),
    ):
        with pytest.raises(BadInput, match=name):
            call()
