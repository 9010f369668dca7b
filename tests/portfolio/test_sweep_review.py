"""What a review of the sweep found: each defect once."""

import numpy as np
from sweeps_to_try import walk

from atomloom.portfolio import Grid, WalkForward, overfit, sweep


def rising(rows=900, assets=3, seed=2):
    return np.exp(np.cumsum(np.random.default_rng(seed).normal(0.0008, 0.01, (rows, assets)), axis=0))


def test_borrowing_alone_is_no_edge():
    levels = [tuple([level / 3] * 3) for level in (0.5, 1.0, 1.5, 2.0, 3.0)]
    configs = [{"method": "fixed", "weights": weights, "interval": 1, "lag": 0} for weights in levels]
    plain = sweep(rising(), configs, match_volatility=False)
    assert len(plain.verdict.survivors)
    matched = sweep(rising(), configs)
    assert not len(matched.verdict.survivors)
    assert "at the same volatility" in matched.verdict.summary()
    returns = np.stack([matched.path(k).returns for k in range(len(configs))], axis=1)
    beside = matched.benchmark.returns
    assert not len(overfit(returns, benchmark=beside).survivors)
    assert len(overfit(returns, benchmark=beside, match_volatility=False).survivors)


def test_a_rate_counts_in_the_table_the_choice_and_the_verdict():
    quiet = {"method": "fixed", "weights": (0.02, 0.02, 0.02), "interval": 1, "lag": 0}
    loud = {"method": "fixed", "weights": (1.0, 0.0, 0.0), "interval": 1, "lag": 0}
    found = sweep(rising(), [quiet, loud], risk_free=0.0002, splits=WalkForward(300, 100))
    r = np.stack([found.path(k).returns for k in range(2)]) - 0.0002
    ratios = r.mean(axis=1) / r.std(axis=1, ddof=1)
    np.testing.assert_allclose(found.figure("sharpe"), ratios * np.sqrt(252), rtol=1e-9)
    assert found.best == found.verdict.best == int(np.argmax(ratios))
    for k in range(found.splits.n_splits):
        rows = found.splits.train(k)
        best = np.argmax(r[:, rows].mean(axis=1) / r[:, rows].std(axis=1))
        assert found.selection.winners[k] == best
    whole = found.path(1).metrics(risk_free=0.0002)
    np.testing.assert_allclose(found.figure("sharpe")[1], whole.sharpe, rtol=1e-9)
    np.testing.assert_allclose(found.figure("sortino")[1], found.path(1).metrics().sortino, rtol=1e-9)


def test_one_configuration_alone_has_the_bits_that_it_has_among_others():
    one = {"method": "inverse_volatility", "lookback": 21, "interval": 5}
    others = [one | {"threshold": k / 100} for k in range(1, 66)]
    alone = sweep(walk(3), [one], start=60)
    for some in ([one, *others[:1]], [one, *others[:62]], [one, *others]):
        found = sweep(walk(3), some, start=60)
        assert found.t[0].tobytes() == alone.t[0].tobytes()
        assert found.figures[:, 0].tobytes() == alone.figures[:, 0].tobytes()


def test_configurations_that_do_the_same_in_a_window_are_equal_in_it():
    """Costs that are paid once, before the blocks, leave other values behind and the same returns."""
    configs = Grid(method="equal_weight", threshold=[float("inf")], cost=[0.0, 0.001, 0.002, 0.01])
    found = sweep(walk(5, rows=700), configs, splits=WalkForward(200, 100))
    assert (found.block_sums[:, 1:] == found.block_sums[:, 1:, :1]).all()
    assert (found.selection.rank[1:] == 0.5).all()


def test_leverage_that_is_lost_is_lost_in_later_windows_too():
    prices = np.ones((400, 2))
    prices[100:, 0] = 5.0
    prices[200:, 1] *= np.exp(np.cumsum(np.random.default_rng(0).normal(0, 0.01, 200)))
    short = {"method": "fixed", "weights": (-1.0, 1.5), "interval": 1, "lag": 0}
    found = sweep(prices, [short, {"method": "equal_weight"}], splits=WalkForward(80, 60), state="reset")
    assert found.status[0] == "ruined"
    assert (found.path(0).returns[100:] == 0.0).all()
