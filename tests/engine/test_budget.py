"""Cores and memory as the machine, the affinity and the control groups allow them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atomloom import BadInput
from atomloom.engine import budget


def test_affinity_is_respected():
    allowed = sorted(os.sched_getaffinity(0))
    code = (
        f"import os; os.sched_setaffinity(0, {{{allowed[0]}}}); "
        "from atomloom.engine.budget import machine; m = machine(); print(m.affinity, m.cores, m.physical)"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).split() == ["1", "1", "1"]


def test_the_facts_are_consistent():
    facts = budget.machine()
    assert 1 <= facts.cores <= facts.affinity <= facts.logical
    assert 0 < facts.memory_available <= facts.memory_total
    assert facts.memory_limit is None or facts.memory_limit < facts.memory_total


@pytest.mark.parametrize(
    ("text", "quota"), [("max 100000", None), ("150000 100000", 1.5), ("50000 100000", 0.5), ("800000 100000", 8.0)]
)
def test_cpu_quota_of_a_control_group(tmp_path, monkeypatch, text, quota):
    path = tmp_path / "cpu.max"
    path.write_text(text)
    monkeypatch.setattr(budget, "_cgroup_files", lambda *names: (path,))
    assert budget._cpu_quota() == quota
    cores = budget.usable_cores()
    assert cores == (budget._physical(budget._affinity()) if quota is None else min(cores, max(1, int(quota))))


def test_memory_limit_of_a_control_group(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("1000000000")
    (tmp_path / "memory.current").write_text("400000000")
    monkeypatch.setattr(budget, "_cgroup_files", lambda v2, v1: (tmp_path / v2,) if v2 == "memory.max" else ())
    facts = budget.machine()
    assert facts.memory_limit == 1_000_000_000
    assert facts.memory_available <= 600_000_000


@given(st.integers(1, 10**15))
def test_sizes_read_as_they_are_written(size):
    assert budget.parse_size(size) == size
    assert budget.parse_size(f"{size}") == size
    assert budget.parse_size(f"{size} B") == size


@pytest.mark.parametrize(
    ("text", "size"),
    [("2GB", 2 * 10**9), ("2 gib", 2 * 2**30), ("1.5MB", 1_500_000), ("10k", 10_000), (".5G", 5 * 10**8), (3.7, 3)],
)
def test_sizes(text, size):
    assert budget.parse_size(text) == size


@pytest.mark.parametrize("bad", ["", "GB", "-1GB", "2XB", None, True, 0, [], float("nan")])
def test_bad_sizes_are_explained(bad):
    with pytest.raises(BadInput, match="memory is"):
        budget.parse_size(bad)
