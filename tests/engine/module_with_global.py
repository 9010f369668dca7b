"""A module of a user's: functions that read globals, helpers and classes, which tests change."""

from __future__ import annotations

import os
from pathlib import Path

from . import settings_of_user

DATA: list[int] = []
LEVEL: int | None = 1


def read(molecule):
    return list(DATA)


def level(molecule):
    return LEVEL


def helper():
    return "old"


def through_helper(molecule):
    return helper()


def through_module(molecule):
    return settings_of_user.RATE


class Model:
    weight = 1

    def score(self, molecule):
        return self.weight

    def __call__(self, molecule):
        return self.weight


def through_class(molecule):
    return Model.weight


def with_callable(molecule, inner):
    return inner(molecule)


def surroundings(molecule):
    return str(Path.cwd()), os.environ.get("ATOMLOOM_TEST")


def keep_last(a, b):
    return [*DATA, b]


def comprehension(molecule):
    return [LEVEL for _ in range(1)]
