"""The mapping from numbers to samples, beside the one that is written in plain Python."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from bars_to_try import bars, frame
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.kernels.philox import philox
from atomloom.samples import Choice, EntryPrice, SampleSpec, Uniform, UnrealisedPnl, dataset
from oracles import samples_oracle as oracle

GOLDEN = Path(__file__).parents[1] / "golden" / "samples_version_1.json"
# Random123's own examples (kat_vectors): counter, key, words
KNOWN = [
    ([0, 0, 0, 0], [0, 0], [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]
STATE = {
    "equity": Uniform(0.5, 2.0), "wealth": Uniform(1e3, 1e6, "log"), "position": Choice((-1, 0, 1)),
    "size": Choice((0.5, 1.5)), "entry_price": EntryPrice(5), "unrealised_pnl": UnrealisedPnl(),
}  # fmt: skip


@pytest.mark.parametrize(("counter", "key", "wanted"), KNOWN)
def test_philox_gives_the_known_words(counter, key, wanted):
    assert list(oracle.philox_4x32_10(counter, key)) == wanted
    assert [int(word) for word in philox.py_func(*map(np.uint64, [*counter, *key]))] == wanted


def test_philox_compiled_is_philox_written_down():
    import numba

    @numba.njit
    def compiled(a, b, c, d, k, m):
        return philox(a, b, c, d, k, m)

    rng = np.random.default_rng(1)
    for row in rng.integers(0, 2**32, (200, 6), dtype=np.uint64):
        found = [int(word) for word in compiled(*row)]
        assert found == list(oracle.philox_4x32_10([int(w) for w in row[:4]], [int(w) for w in row[4:]]))


@settings(max_examples=80, deadline=None)
@given(
    st.lists(st.integers(0, 10**12 - 1), min_size=1, max_size=20),
    st.sampled_from(["uniform", "permuted"]),
    st.integers(0, 2**40),
    st.integers(1, 40),
    st.integers(0, 5),
    st.sampled_from(["window_max", "window_mean", "last", "log1p", "none"]),
    st.sampled_from(["last_close", "none"]),
    st.sampled_from(["float32", "float64"]),
)
def test_every_sample_is_the_one_written_down(ids, mode, seed, lookback, horizon, volume, scale, dtype):
    columns = bars(60, seed=3, quiet=0.7)
    spec = SampleSpec(
        lookback, index=mode, seed=seed, horizon=horizon, volume=volume, scale=scale, dtype=dtype, state=("position",)
    )
    found = dataset(columns, 10**12, spec).batch(ids)
    count = 60 - horizon - lookback + 1
    for b, number in enumerate(ids):
        end = lookback + oracle.rank(number, mode, count, seed)
        assert found["idx"][b] == end
        wanted, ulps = oracle.window(columns, end, spec), 2 if volume == "log1p" else 0
        np.testing.assert_array_almost_equal_nulp(found["x"][b], wanted, ulps)
        if scale == "last_close":
            assert found["x"][b, 3, -1] == 1.0
        if horizon:
            close = columns["close"].astype(dtype)
            assert found["label"][b] == close[end + horizon - 1] / close[end - 1] - close.dtype.type(1)


def test_states_are_drawn_from_the_words_of_a_sample():
    columns, n = bars(80), 2**33 + 10
    spec = SampleSpec(8, seed=5, state=STATE)
    ids = [0, 1, 17, 2**32 - 1, 2**32, n - 1]
    found = dataset(columns, n, spec).batch(ids)
    close = columns["close"].astype(np.float32)
    for b, number in enumerate(ids):
        w = [*oracle.words(number, 0, 1, 5), *oracle.words(number, 1, 1, 5)]
        assert found["equity"][b] == np.float32(0.5) + oracle.unit(w[0]) * np.float32(1.5)
        assert found["wealth"][b] == pytest.approx(1e3 * 1e3 ** float(oracle.unit(w[1])), rel=1e-7)
        assert found["position"][b] == (-1, 0, 1)[(w[2] * 3) >> 32]
        assert found["size"][b] == (0.5, 1.5)[(w[3] * 2) >> 32]
        end = found["idx"][b]
        entry = close[end - 1 - ((w[4] * 5) >> 32)] / close[end - 1]
        assert found["entry_price"][b] == entry
        assert found["unrealised_pnl"][b] == np.float32(found["position"][b]) * (np.float32(1) - entry)


def test_strata_take_turns():
    data = {"A": frame(40, 1), "B": frame(300, 2), "C": frame(25, 3)}
    spec = SampleSpec(10, index={"mode": "stratified", "by": "symbol"}, seed=9)
    found = dataset(data, 3000, spec).batch(range(3000))
    np.testing.assert_array_equal(np.bincount(found["symbol"]), [1000, 1000, 1000])
    first = [0, 30, 320]
    strata = [list(range(30)), list(range(30, 320)), list(range(320, 335))]
    for number in range(0, 3000, 97):
        wanted = oracle.rank(number, "stratified", 335, 9, strata) - first[number % 3] + 10
        assert found["idx"][number] == wanted


@pytest.mark.parametrize("windows", [1, 2, 3, 7, 64, 236])
def test_permuted_windows_come_equally_often(windows):
    columns, extra = bars(windows + 4), windows // 3
    samples = dataset(columns, 3 * windows + extra, SampleSpec(4, index="permuted", seed=2))
    counts = np.bincount(samples.batch(range(len(samples)))["idx"] - 4, minlength=windows)
    assert counts.min() >= 3
    assert counts.max() <= 4
    assert (counts == 4).sum() == extra
    turns = samples.batch(range(2 * windows))["idx"].reshape(2, windows)
    assert windows < 7 or (turns[0] != turns[1]).any()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 5000), st.integers(0, 2**50), st.integers(0, 3))
def test_a_shuffled_epoch_has_every_sample_once(n, seed, epoch):
    samples = dataset(bars(30), n, SampleSpec(4, seed=seed, state=()))
    order = np.concatenate([b.ids(0, n, epoch) for b in [samples.iter(n, shuffle=True)]])
    np.testing.assert_array_equal(np.sort(order), np.arange(n))
    assert order[n // 2] == oracle.epoch_order(n // 2, n, epoch, seed)


def test_a_shuffle_leaves_no_pattern():
    """Ranks of neighbours are uncorrelated, and small numbers land everywhere."""
    n = 100_000
    samples = dataset(bars(30), n, SampleSpec(4, seed=1, state=()))
    order = samples.iter(n, shuffle=True).ids(0, n, 0)
    assert abs(np.corrcoef(order[:-1], order[1:])[0, 1]) < 4.0 / np.sqrt(n)
    assert abs(np.corrcoef(order, np.arange(n))[0, 1]) < 4.0 / np.sqrt(n)
    counts = np.bincount(order[:20_000] // 1000, minlength=100)
    expected = 20_000 / 100
    assert ((counts - expected) ** 2 / expected).sum() < 100 + 5 * np.sqrt(200)
    steps = np.bincount(np.diff(order) % 64, minlength=64)
    assert ((steps - n / 64) ** 2 / (n / 64)).sum() < 64 + 5 * np.sqrt(128)


def test_uniform_windows_pass_the_chi_square_test():
    samples = dataset(bars(104), 200_000, SampleSpec(4, seed=3, state=("equity",)))
    found = samples.batch(range(200_000))
    counts = np.bincount(found["idx"] - 4, minlength=100)
    assert ((counts - 2000.0) ** 2 / 2000.0).sum() < 100 + 4 * np.sqrt(200)
    logs = np.log(found["equity"] / 1e3) / np.log(1e3)
    assert np.abs(np.sort(logs) - np.linspace(0, 1, len(logs))).max() < 1.63 / np.sqrt(len(logs))


def test_bytes_of_version_1_never_change():
    """Golden hashes: a change here is another version of the mapping."""
    found = {}
    for name, spec in {
        "plain": SampleSpec(seed=1),
        "permuted": SampleSpec(16, index="permuted", seed=2, volume="window_mean", state=("action", "position")),
        "state": SampleSpec(8, seed=3, state=STATE, dtype="float64", horizon=3),
        "strata": SampleSpec(8, index={"mode": "stratified", "by": "month"}, seed=4, state=()),
    }.items():
        batch = dataset(exact_bars(), 2**40, spec).batch([0, 1, 2, 99, 2**32 + 5, 2**40 - 1])
        hashed = hashlib.sha256()
        for key in sorted(batch):
            hashed.update(key.encode() + np.ascontiguousarray(batch[key]).tobytes())
        found[name] = hashed.hexdigest()
    assert found == json.loads(GOLDEN.read_text())


def exact_bars():
    """Bars that need no function of a library."""
    import pandas as pd

    k = np.arange(500)
    close = 100.0 + (k * 37 % 101) / 8.0
    columns = {"open": close - 0.5, "high": close + 1.0, "low": close - 1.0, "close": close, "volume": k * 7919 % 1000}
    return pd.DataFrame(columns, index=pd.date_range("2021-01-01", periods=500))
