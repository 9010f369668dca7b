"""The states: all of them, once each, in order; and partitions as the book's pigeon holes."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from atomloom.errors import BadInput, OverBudget
from atomloom.trajectory import iter_omega, omega, omega_size, partitions
from atomloom.trajectory.plan import plan_of, sizes_of
from oracles.chain_oracle import portfolios


@pytest.mark.parametrize("units", range(1, 6))
@pytest.mark.parametrize("assets", range(1, 6))
def test_omega_is_every_state_once_in_order(assets, units):
    wanted = portfolios(assets, units)
    assert omega(assets, units).tolist() == [list(state) for state in wanted]
    assert omega_size(assets, units) == len(wanted)
    blocks = list(iter_omega(assets, units, rows=7))
    assert np.concatenate(blocks).tolist() == [list(state) for state in wanted]
    assert all(len(block) == 7 for block in blocks[:-1])


@pytest.mark.parametrize("units", range(5))
@pytest.mark.parametrize("assets", range(1, 5))
def test_partitions(assets, units):
    wanted = [row for row in itertools.product(range(units + 1), repeat=assets) if sum(row) == units]
    assert partitions(units, assets).tolist() == sorted(map(list, wanted), reverse=True)
    assert len(wanted) == math.comb(units + assets - 1, units)


def test_counts_of_the_literature():
    assert [omega_size(2, k) for k in (1, 2, 7)] == [4, 8, 28]  # 4 K
    assert [omega_size(3, k) for k in (1, 2, 7)] == [6, 18, 198]  # 4 K^2 + 2
    assert omega_size(8, 8) == 157_184
    assert omega_size(10, 10) == 4_780_008


def test_wide_units_and_long_blocks():
    assert omega(1, 300).dtype == np.int16
    assert omega(2, 127).dtype == np.int8
    assert sum(map(len, iter_omega(6, 8, rows=1_000))) == omega_size(6, 8)


@pytest.mark.parametrize(("assets", "units"), [(0, 1), (1, 0), (2, 1.5), (True, 1), (2, 40_000), ("2", 1)])
def test_nonsense_is_refused(assets, units):
    with pytest.raises(BadInput):
        omega_size(assets, units)


def test_what_does_not_fit_is_refused_before_it_is_made():
    with pytest.raises(OverBudget, match=r"25,534,368 states.*iter_omega"):
        omega(12, 10, memory=10**6)


@pytest.mark.parametrize(("assets", "units"), [(1, 3), (2, 4), (3, 3), (4, 2)])
def test_the_plan_lays_out_every_part(assets, units):
    plan = plan_of(assets, units)
    states = omega(assets, units)
    assert sorted(plan.order.tolist()) == sorted(plan.turned.tolist()) == list(range(len(states)))
    assert (states[plan.turned] == states[plan.order][:, ::-1]).all()
    grouped = states[plan.order]
    for place, state in enumerate(grouped):  # by last asset, then the place of the rest among those of its units
        at = plan.blocks[assets - 1, units, state[-1] + units]
        rest = [tuple(row) for row in grouped[:, :-1][grouped[:, -1] == state[-1]]]
        assert place == at + rest.index(tuple(state[:-1]))
    assert sizes_of(assets, units).steps > 0
