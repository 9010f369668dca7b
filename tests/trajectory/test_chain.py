"""Chains that are not the book's, against every path tried; both ways of a transition give the same."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from atomloom.errors import BadInput, Infeasible
from atomloom.trajectory import omega, plan, solve_chain
from atomloom.trajectory.passes import Chain, DivePasses, Runner, SpherePasses, TriePasses
from atomloom.trajectory.plan import plan_of, sizes_of
from oracles import chain_oracle as oracle


@st.composite
def chains(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    assets, horizons = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    everything = list(itertools.product(range(-2, 3), repeat=assets))
    count = min(len(everything), draw(st.integers(1, 9)))
    states = rng.permutation(np.array(everything))[:count]
    reward, risk = rng.normal(size=(horizons, count)), rng.random((horizons, count))
    cost = rng.normal(size=(horizons, assets, 2 * 4 + 1)) * 0.5  # rebates among them
    start = rng.integers(-2, 3, assets) if rng.random() < 0.5 else None
    return states, reward, risk, cost, start


@settings(max_examples=150, deadline=None)
@given(chains(), st.sampled_from(["sum", "mean_variance"]))
def test_sums_over_any_states(chain, objective):
    states, reward, risk, cost, start = chain
    aversion = 0.7 if objective == "mean_variance" else None
    found = solve_chain(states, reward, risk, cost=cost, start=start, objective=objective, risk_aversion=aversion)
    wanted = oracle.best_chain(states.tolist(), reward, risk, cost, start, aversion or 0.0)
    assert found.value == pytest.approx(wanted, rel=1e-12, abs=1e-12)
    assert found.status == "optimal"
    assert (found.states == states[found.path]).all()


@settings(max_examples=60, deadline=None)
@given(chains())
def test_ratios_over_any_states(chain):
    states, reward, risk, cost, start = chain
    found = solve_chain(states, reward, risk + 0.1, cost=cost, start=start, objective="sharpe")
    middle = 4
    best = -np.inf
    for path in itertools.product(range(len(states)), repeat=len(reward)):
        mean, variance, before = 0.0, 0.0, start
        for h, s in enumerate(path):
            mean += reward[h, s]
            variance += risk[h, s] + 0.1
            if before is not None:
                mean -= sum(cost[h, n, states[s, n] - before[n] + middle] for n in range(states.shape[1]))
            before = states[s]
        best = max(best, mean / variance**0.5)
    assert found.value == pytest.approx(best, rel=1e-11)


@pytest.mark.parametrize(
    ("assets", "units"), [(2, 1), (2, 7), (3, 4), (3, 9), (4, 3), (4, 5), (5, 2), (5, 4), (6, 2), (7, 2)]
)
def test_all_transitions_give_the_same(assets, units, monkeypatch):
    rng = np.random.default_rng(assets)
    states = omega(assets, units)
    node = rng.normal(size=(4, len(states)))
    node[:, rng.integers(0, len(states), 3)] = -np.inf
    cost = rng.normal(size=(4, assets, 4 * units + 1))
    chain = Chain(states, node, np.zeros_like(node), cost)
    one, two = np.empty_like(node), np.empty_like(node)
    sizes = sizes_of(assets, units)
    SpherePasses(chain, plan_of(assets, units), sizes).forward(node, one)
    TriePasses(chain).forward(node, two)
    assert np.array_equal(one, two)
    assert Runner(TriePasses(chain)).line(0.0).level == pytest.approx(one[-1].max(), rel=1e-14)
    if assets < 3:
        return
    large = plan.sizes_of.__wrapped__
    monkeypatch.setattr(plan, "LARGE", 0)
    dives = large(assets, units)
    assert dives.dives
    for threads in (1, 3):
        two[:] = 0.0
        DivePasses(chain, plan_of(assets, units), dives, threads).forward(node, two)
        assert np.array_equal(one, two)


def test_barred_states_are_not_used():
    found = solve_chain([[0], [1], [2]], [[1.0, 5.0, -np.inf], [-np.inf, 1.0, 9.0]], cost=np.abs(np.arange(-2, 3)))
    assert found.path.tolist() == [1, 2]
    assert found.value == 13.0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (([[0.5]], [[1.0]]), "integers"),
        (([[0], [0]], [[1.0, 1.0]]), "twice"),
        (([[0], [1]], [[1.0]]), "reward has shape"),
        (([[0], [1]], [[-np.inf, -np.inf]]), "allows no state in horizon 0"),
        (([[0], [1]], [[np.nan, 1.0]]), "not finite"),
    ],
)
def test_bad_chains_are_refused(arguments, says):
    with pytest.raises(BadInput, match=says):
        solve_chain(*arguments)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"cost": [0.0, 1.0]}, "changes of -2 to 2 units need 5"),
        ({"cost": np.zeros((1, 1, 4))}, "an odd number"),
        ({"objective": "sharpe"}, "needs risk"),
        ({"risk_aversion": 1.0}, "others have none"),
        ({"start": [0.5]}, "start"),
        ({"objective": "most"}, "One of sum"),
    ],
)
def test_bad_options_are_refused(options, says):
    with pytest.raises(BadInput, match=says):
        solve_chain([[0], [2]], [[1.0, 2.0]], **options)


def test_reward_without_risk_has_no_ratio():
    with pytest.raises(Infeasible):
        solve_chain([[0], [1]], [[1.0, 2.0]], [[0.0, 1.0]], objective="sharpe")


def test_a_chain_tells_what_it_found():
    found = solve_chain([[0], [1]], [[1.0, 2.0]], [[1.0, 1.0]], objective="sharpe")
    told = json.loads(json.dumps(found.to_dict()))
    assert (told["path"], told["states"], told["value"], told["status"]) == ([1], [[1]], 2.0, "optimal")
    assert told["certificate"]["kind"] == "lines"
    assert found.summary().startswith("optimal: 2 over 1 horizons")
