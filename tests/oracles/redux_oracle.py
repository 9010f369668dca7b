"""Plain-Python twins of the engine's reductions."""

from __future__ import annotations


def tree(values, combine):
    """Reduce along the tree that halves its range: the definition, by recursion."""
    if len(values) == 1:
        return values[0]
    middle = len(values) // 2
    return combine(tree(values[:middle], combine), tree(values[middle:], combine))


def fold(values, combine):
    """Reduce strictly from left to right."""
    total = values[0]
    for value in values[1:]:
        total = combine(total, value)
    return total
