"""Functions that tests send to workers: importable by name in every kind of worker."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import numpy as np


def harmonic(molecule):
    """A float sum whose bits depend on the order of additions."""
    return sum(1.0 / (i + 1) for i in molecule)


def wave(molecule, amplitude=1.0):
    """A float64[64] whose sum over atoms differs in its last bits with every other order."""
    index = np.asarray(list(molecule), dtype=float)
    return amplitude * np.sin(index[:, None] * np.arange(1, 65)).sum(axis=0)


def noisy(molecule, rng):
    return rng.standard_normal(len(molecule)).sum()


def identity(molecule):
    return list(molecule)


def die_once(molecule, flag, how="kill", at=5):
    """End the worker the first time that an atom is met; work on afterwards."""
    for atom in molecule:
        if atom == at and not Path(flag).exists():
            Path(flag).touch()
            die(how)
    return harmonic(molecule)


def die(how):
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "exit":
        os._exit(7)
    elif how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)


def die_always(molecule, at=7, how="exit"):
    if at in list(molecule):
        die(how)
    return len(molecule)


class Unpicklable(Exception):
    """An exception that pickles but does not come back."""

    def __init__(self, a, b):
        super().__init__(f"{a}{b}")


def raise_unpicklable(molecule):
    raise Unpicklable(1, 2)


class Stubborn:
    """A result that refuses to be pickled."""

    def __reduce__(self):
        raise TypeError("this object stays here")


class Trap:
    """A result that pickles but raises when it is unpickled."""

    def __reduce__(self):
        return _spring, ()


def _spring():
    raise RuntimeError("the trap springs")


def nap(molecule, seconds=0.05):
    time.sleep(seconds * len(molecule))
    return len(molecule)


def touch_and_count(molecule, folder):
    """Leave one file per call, so that recomputation can be counted."""
    (Path(folder) / f"{molecule[0]}-{os.getpid()}-{time.monotonic_ns()}").touch()
    return harmonic(molecule)


def spin(molecule, n=20_000):
    total = 0
    for _ in molecule:
        for i in range(n):
            total += i * i
    return total


class Account:
    """A thing with a method."""

    def __init__(self, rate):
        self.rate = rate

    def grow(self, molecule):
        return [self.rate * atom for atom in molecule]


def spin_row(molecule):
    total = 0
    for row in molecule:
        for i in range(row):
            total += i * i
    return total
