"""Which assets move together, also non-linearly? A triangle of distance correlations.

Distance correlation needs every pair i >= j: two nested loops. The outer row i is the atom,
and it costs i + 1 pairs, so equal numbers of rows are unequal work. ``nestedLower`` (AFML
snippet 20.6) cuts the triangle into equal areas; ``auto`` times a few rows and needs no
assumption. The printed balance is the largest molecule over the mean, by measured seconds.

Run it:  python examples/triangle.py [assets]
"""

from __future__ import annotations

import itertools
import sys

import numpy as np

from atomloom import run_parallel

PARTITIONS = ("linear", "nestedLower", "auto")


def centred_distances(returns):
    """Give (assets, days * days) doubly centred distances |x_s - x_t| of each asset's (days,) returns."""
    distance = np.abs(returns.T[:, :, None] - returns.T[:, None, :])
    rows, columns = distance.mean(axis=2, keepdims=True), distance.mean(axis=1, keepdims=True)
    centred = distance - rows - columns + distance.mean(axis=(1, 2), keepdims=True)
    return centred.reshape(len(centred), -1)


def covariance_rows(molecule, centred):
    """Give rows of the triangle of squared distance covariances: i + 1 numbers for row i."""
    days_squared = centred.shape[1]
    return [[float(centred[i] @ centred[j]) / days_squared for j in range(i + 1)] for i in molecule]


def correlation(triangle):
    """Turn the triangle of squared distance covariances into the (assets, assets) correlation."""
    covariance = np.zeros((len(triangle), len(triangle)))
    for i, row in enumerate(triangle):
        covariance[i, : i + 1] = covariance[: i + 1, i] = row
    variance = covariance.diagonal()
    return np.sqrt(np.maximum(covariance, 0.0) / np.sqrt(np.outer(variance, variance)))


def balance(result):
    """Largest molecule over the mean, by measured processor seconds."""
    seconds = [record["cpu"] for record in result.trace.records]
    return max(seconds) * len(seconds) / sum(seconds)


def main(assets=800, days=60, num_threads=2, mp_batches=4):
    """Give the correlation matrix and the balance of each partition."""
    rng = np.random.default_rng(0)
    common = rng.normal(size=(days, 1))
    returns = rng.normal(size=(days, assets)) + np.where(np.arange(assets) % 2, common, common**2)
    task = {"num_threads": num_threads, "mp_batches": mp_batches, "centred": centred_distances(returns)}
    found, balances = {}, {}
    for partition in PARTITIONS:
        result = run_parallel(covariance_rows, range(assets), partition=partition, **task)
        found[partition] = correlation(list(itertools.chain.from_iterable(result.value)))
        balances[partition] = balance(result)
    for partition in PARTITIONS[1:]:
        np.testing.assert_allclose(found[partition], found["linear"], rtol=0, atol=1e-9)
    return found["auto"], balances


if __name__ == "__main__":
    matrix, measured = main(assets=int(sys.argv[1]) if len(sys.argv) > 1 else 800)
    print("mean distance correlation:", matrix[np.tril_indices_from(matrix, -1)].mean().round(3))
    for name, ratio in measured.items():
        print(f"{name:12s} largest molecule / mean: {ratio:.2f}")
