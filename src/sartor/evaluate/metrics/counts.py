"""Precision, recall and F1 from counts of what was right, wrongly said, and missed."""

import numpy as np

from sartor.evaluate.metric import Array, Detail


def precision_recall_f1(right: Array, extra: Array, missed: Array) -> tuple[Array, Array, Array]:
    """Arrays of one shape. Nothing expected and nothing said is 1; any other empty denominator is 0."""
    idle = right + extra + missed == 0
    return (
        _ratio(right, right + extra, idle),
        _ratio(right, right + missed, idle),
        _ratio(2 * right, 2 * right + extra + missed, idle),
    )


def detail_lines(names: list[str], counts: Array) -> list[Detail]:
    """A table from names and their (right, extra, missed), shape [len(names), 3]."""
    columns = precision_recall_f1(counts[:, 0], counts[:, 1], counts[:, 2])
    support = counts[:, 0] + counts[:, 2]
    return [
        Detail(name, int(n), float(p), float(r), float(f))
        for name, n, p, r, f in zip(names, support, *columns, strict=True)
    ]


def _ratio(part: Array, whole: Array, idle: Array) -> Array:
    return np.where(idle, 1.0, np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0))
