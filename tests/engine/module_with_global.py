"""A module whose function reads a global that tests rebind."""

DATA: list[int] = []


def read(molecule):
    return list(DATA)
