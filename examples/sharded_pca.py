"""Principal components of a matrix that is too large for memory (AFML section 20.6).

Z has many more columns (features) than rows (days) and lies on disk in shards of columns.
Both steps are sums over shards, so at no time is more than a shard per worker in memory:

    G = sum_b Z_b Z_b'        the (days, days) Gram matrix, whose eigenvectors U are the components
    P = sum_b Z_b W_b         the projection, W_b = Z_b' U / s being the shard's rows of the loadings

Partial sums are added up as they arrive, inside the workers first, always in the same tree:
the result has the same bits on any number of workers.

Run it:  python examples/sharded_pca.py [columns]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

from atomloom import run_parallel


def write_shards(folder, rows, columns, shards, seed=0):
    """Write a random matrix with five strong factors, columns centred and scaled, shard by shard."""
    rng = np.random.default_rng(seed)
    factors, paths = rng.normal(size=(rows, 5)) * [9, 7, 5, 4, 3], []
    for b, part in enumerate(np.array_split(np.arange(columns), shards)):
        z = factors @ rng.normal(size=(5, len(part))) + rng.normal(size=(rows, len(part)))
        paths.append(str(Path(folder) / f"shard_{b:03d}.npy"))
        np.save(paths[-1], (z - z.mean(axis=0)) / z.std(axis=0))
    return paths


def gram(molecule):
    """Sum Z_b Z_b' over the shards of a molecule, each mapped from disk."""
    return sum(z @ z.T for z in map(load, molecule))


def project(molecule, vectors, scale):
    """Sum Z_b W_b over the shards of a molecule."""
    return sum(z @ (z.T @ vectors / scale) for z in map(load, molecule))


def load(path):
    """Map a shard read-only: pages come from disk as the product needs them."""
    return np.load(path, mmap_mode="r")


def main(rows=1000, columns=16_000, shards=16, components=5, num_threads=None):
    """Give the (rows, components) projection; checked against one matmul and against a serial run."""
    with tempfile.TemporaryDirectory() as folder:
        atoms = write_shards(folder, rows, columns, shards)
        total = run_parallel(gram, atoms, num_threads=num_threads, redux=np.add).value
        squares, vectors = np.linalg.eigh(total)
        scale, vectors = np.sqrt(squares[::-1][:components]), vectors[:, ::-1][:, :components]
        task = {"redux": np.add, "vectors": vectors, "scale": scale}
        result = run_parallel(project, atoms, num_threads=num_threads, **task)
        serial = run_parallel(project, atoms, num_threads=1, debug=True, **task)
        if result.value.tobytes() != serial.value.tobytes():
            raise AssertionError("parallel and serial sums differ in their bits")
        whole = np.concatenate([np.load(path) for path in atoms], axis=1)
        np.testing.assert_allclose(result.value, whole @ (whole.T @ vectors / scale), rtol=0, atol=1e-12 * scale[0])
        np.testing.assert_allclose(result.value, vectors * scale, rtol=0, atol=1e-9 * scale[0])
    return result


if __name__ == "__main__":
    projection = main(columns=int(sys.argv[1]) if len(sys.argv) > 1 else 16_000)
    print(projection.summary())
    print("strength of the components:", np.linalg.norm(projection.value, axis=0).round(1))
