"""The shuffle filter of HDF5, byte after byte."""


def shuffled(content: bytes, size: int) -> bytes:
    """All first bytes of values of ``size`` bytes, then all second ones, and so on."""
    return bytes(content[i] for j in range(size) for i in range(j, len(content), size))
