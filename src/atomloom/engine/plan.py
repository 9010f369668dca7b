"""The plan of a run: leaves fixed by the atoms, molecules fitted to the machine.

Leaves decide the bits, so they depend on nothing but the atoms, their declared cost and
the grain. Molecules decide the speed, so they follow workers, batches and measured cost;
a molecule is a run of consecutive leaves.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from atomloom.engine.partition import cost_parts, lin_parts, nested_parts
from atomloom.errors import BadInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

Method = Literal["minmax", "quantile"]

LEAVES = 480
"""Leaves of a run, unless there are fewer atoms: divisible by most numbers of workers."""

AUTO_LEAVES = 960
"""Finer with ``partition="auto"``: leaves are linear there, and balance must come from their union."""

FOLD_SPREAD = 16
"""Molecules per worker in a strict fold, which can only look ahead within its window."""

PARTITIONS = ("linear", "nestedLower", "nestedUpper", "auto")


@dataclass(frozen=True)
class Plan:
    """How a run is cut, where it runs, and what that is expected to need.

    Attributes
    ----------
    n_atoms : int
    leaves : list of int
        Boundaries of the leaves in atoms; the function is called once per leaf.
    molecules : list of (int, int)
        Half-open ranges of leaves; each is worked by one worker.
    num_threads, mp_batches : int
    partition, executor, reduction : str
    window : int
        How many molecules of a fold may be under way or finished but not yet reduced. A tree may
        hold 2 log2(leaves) partial results more; without a reducer every result is kept.
    cost : dict or None
        The fitted or declared cost model.
    projection : dict or None
        Bytes expected, from a probe, when ``memory=`` was given.
    notes : list of str
        What the planner decided and why.

    Examples
    --------
    >>> from atomloom import plan_parallel
    >>> plan = plan_parallel(lambda molecule: None, range(1000), num_threads=4)
    >>> plan.n_leaves, [plan.atoms_of(i) for i in range(2)]
    (480, [(0, 251), (251, 501)])
    """

    n_atoms: int
    leaves: list[int]
    molecules: list[tuple[int, int]]
    num_threads: int
    mp_batches: int
    partition: str
    executor: str
    reduction: str
    window: int
    cost: dict[str, Any] | None = None
    projection: dict[str, Any] | None = None
    notes: list[str] = field(default_factory=list)
    leaf_cost: NDArray[np.float64] | None = field(default=None, repr=False, compare=False)

    @property
    def n_leaves(self) -> int:
        """Number of leaves, which is the number of calls of the function."""
        return len(self.leaves) - 1

    @property
    def fingerprint(self) -> str:
        """Identify what decides the bits: the leaves and the way of reducing."""
        digest = hashlib.blake2b(np.asarray(self.leaves, dtype=np.int64).tobytes(), digest_size=8)
        digest.update(self.reduction.encode())
        return digest.hexdigest()

    def atoms_of(self, molecule: int) -> tuple[int, int]:
        """Give the half-open range of atoms of a molecule."""
        lo, hi = self.molecules[molecule]
        return self.leaves[lo], self.leaves[hi]

    def share_of(self, molecule: int) -> float:
        """Give the expected share of the whole cost that a molecule holds."""
        lo, hi = self.molecules[molecule]
        sums = self._cost_sums
        return (sums[hi] - sums[lo]) / sums[-1]

    @cached_property
    def _cost_sums(self) -> list[float]:
        """Running sums of the leaves' cost; of their atoms where all costs are zero."""
        costs = self.leaf_cost
        if costs is None or not costs.sum() > 0:
            costs = np.maximum(1.0, np.diff(np.asarray(self.leaves, dtype=float)))
        return [0.0, *np.cumsum(costs).tolist()]

    def to_dict(self) -> dict[str, Any]:
        """Give the plan as plain JSON types."""
        return {
            "n_atoms": self.n_atoms,
            "n_leaves": self.n_leaves,
            "molecules": [[*self.atoms_of(i)] for i in range(len(self.molecules))],
            "num_threads": self.num_threads,
            "mp_batches": self.mp_batches,
            "partition": self.partition,
            "executor": self.executor,
            "reduction": self.reduction,
            "window": self.window,
            "cost": self.cost,
            "projection": self.projection,
            "notes": list(self.notes),
            "fingerprint": self.fingerprint,
        }

    def summary(self) -> str:
        """Say the plan in a few lines."""
        shares = [self.share_of(i) for i in range(len(self.molecules))]
        balance = max(shares, default=0.0) * max(1, len(shares))
        lines = [
            f"{self.n_atoms} atoms in {self.n_leaves} leaves",
            f"{len(self.molecules)} molecules ({self.partition}) on {self.num_threads} {self.executor}",
            f"reduction: {self.reduction}, window {self.window}; largest molecule {balance:.2f}x the mean by cost",
        ]
        if self.cost:
            lines.append(f"cost: {self.cost.get('kind', 'declared')}")
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])

    def recut(self, first: int, most: int) -> Plan:
        """Cut the molecules from ``first`` on so that none has more than ``most`` leaves."""
        rest = self.molecules[first:]
        smaller = [(at, min(at + most, hi)) for lo, hi in rest for at in range(lo, hi, most)]
        return replace(self, molecules=[*self.molecules[:first], *smaller])

    def with_cost(self, leaf_cost: NDArray[np.float64], model: dict[str, Any]) -> Plan:
        """Cut the molecules anew by a measured cost of every leaf; leaves stay as they are."""
        parts = len(self.molecules)
        method: Method = "minmax" if parts <= self.num_threads else "quantile"
        cuts = cost_parts(leaf_cost, parts, method).tolist()
        pairs = list(pairwise(cuts))
        return replace(self, molecules=pairs, cost=model, leaf_cost=leaf_cost)


def check_partition(partition: str) -> None:
    """Refuse an unknown partition.

    Raises
    ------
    BadInput
    """
    if partition not in PARTITIONS:
        close = [name for name in PARTITIONS if str(partition).lower()[:4] == name.lower()[:4]]
        hint = f" Did you mean {close[0]!r}?" if close else ""
        raise BadInput(f"partition is {partition!r}; it must be one of {', '.join(PARTITIONS)}.{hint}")


def make_leaves(n: int, partition: str, cost: NDArray[np.float64] | None, grain: int | None) -> list[int]:
    """Cut the atoms into leaves: from the atoms, their declared cost and the grain alone.

    Examples
    --------
    >>> make_leaves(7, "linear", None, 3)
    [0, 3, 6, 7]
    """
    if grain is not None:
        return [*range(0, n, grain), n]
    parts = min(n, AUTO_LEAVES if partition == "auto" and cost is None else LEAVES)
    if parts == n:
        return list(range(n + 1))
    if cost is not None:
        return [int(cut) for cut in cost_parts(cost, parts, "quantile")]
    if partition.startswith("nested"):
        return [int(cut) for cut in nested_parts(n, parts, upper=partition == "nestedUpper")]
    return [int(cut) for cut in lin_parts(n, parts)]


def declared_leaf_cost(leaves: list[int], partition: str, cost: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Sum the declared cost of the atoms of every leaf."""
    bounds = np.asarray(leaves, dtype=np.int64)
    if cost is not None:
        sums = np.concatenate(([0.0], np.cumsum(cost)))[bounds]
        return np.asarray(np.diff(sums))
    cut = bounds.astype(float)
    if partition == "nestedLower":
        return np.asarray(np.diff(cut * (cut + 1) / 2))
    if partition == "nestedUpper":
        left = cut[-1] - cut
        return np.asarray(-np.diff(left * (left + 1) / 2))
    return np.asarray(np.diff(cut))


def cut_molecules(
    leaves: list[int], parts: int, partition: str, cost: NDArray[np.float64] | None, workers: int
) -> list[tuple[int, int]]:
    """Group leaves into molecules; where leaves are single atoms, exactly at the book's boundaries."""
    count = len(leaves) - 1
    if count == 0:
        return []
    parts = min(parts, count)
    if cost is None and partition in ("linear", "auto"):
        cuts = lin_parts(count, parts)
    elif cost is None and count == leaves[-1]:
        cuts = nested_parts(count, parts, upper=partition == "nestedUpper")
    else:
        method: Method = "minmax" if parts <= workers else "quantile"
        shares = declared_leaf_cost(leaves, partition, cost)
        cuts = cost_parts(shares, parts, method)
    ends = [int(cut) for cut in cuts]
    return list(pairwise(ends))


def single_leaves_first(molecules: list[tuple[int, int]], workers: int) -> list[tuple[int, int]]:
    """Let every worker begin with one leaf: its result tells how large the next molecules may be.

    Examples
    --------
    >>> single_leaves_first([(0, 3), (3, 6)], 2)
    [(0, 1), (1, 2), (2, 3), (3, 6)]
    """
    ends = {0, *(hi for _, hi in molecules), *range(1, min(workers, molecules[-1][1]) + 1)} if molecules else {0}
    return list(pairwise(sorted(ends)))


def align(molecules: list[tuple[int, int]], leaves: int) -> list[tuple[int, int]]:
    """Move cuts by up to a sixteenth of a molecule to the coarsest node of the tree that is near.

    A molecule between coarse nodes is tiled by few of them, so it returns few partial results.

    Examples
    --------
    >>> align([(0, 33), (33, 64)], 64)
    [(0, 32), (32, 64)]
    """
    ends = [0]
    for lo, hi in molecules[:-1]:
        slack = (hi - lo) // 16
        a, b = 0, leaves
        while b - a > 1:
            middle = (a + b) // 2
            if abs(middle - hi) <= slack:
                break
            a, b = (a, middle) if hi < middle else (middle, b)
        ends.append(middle if b - a > 1 and middle > ends[-1] else hi)
    return list(pairwise([*ends, leaves])) if molecules else []
