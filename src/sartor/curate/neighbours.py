"""The nearest rows of every row, and pairs that mean nearly the same: for people to review, never to drop by themselves.

Cosine is blind to what matters most: "5 mg, not allergic" and "50 mg, allergic" have .97.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sartor.curate.embeddings import Vectors

MOST_COMPARED = 100_000
"""Rows up to which each is compared with all others: this search is exact, and its work grows with their square."""
BLOCK = 1024
"""Rows compared with all others at a time: 400 MB of cosines at 100,000 rows."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The k nearest other rows of each of n rows, nearest first; of equally near ones, the first."""

    rows: NDArray[np.int64]
    """[n, k]"""
    cosines: Vectors
    """[n, k]"""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two rows, `first` < `second`, and their cosine."""

    first: int
    second: int
    cosine: float
    same_label: bool


def nearest(vectors: Vectors, k: int = 50) -> Neighbours:
    """The k (at most n − 1) nearest rows by cosine, exactly; `vectors` [n, d] have length 1.

    Work grows with n² d.
    """
    count = len(vectors)
    k = min(k, max(count - 1, 0))
    rows, cosines = np.zeros((count, k), dtype=np.int64), np.zeros((count, k), dtype=np.float32)
    for start in range(0, count if k else 0, BLOCK):
        near = vectors[start : start + BLOCK] @ vectors.T
        own = np.arange(len(near))
        near[own, start + own] = -np.inf
        kept = np.sort(np.argpartition(-near, k - 1, axis=1)[:, :k], axis=1)
        values = np.take_along_axis(near, kept, axis=1)
        order = np.argsort(-values, axis=1, kind="stable")
        rows[start : start + BLOCK] = np.take_along_axis(kept, order, axis=1)
        cosines[start : start + BLOCK] = np.take_along_axis(values, order, axis=1)
    return Neighbours(rows, cosines)


def nearest_cosine(vectors: Vectors, others: Vectors) -> Vectors:
    """[n]: the cosine of every row to the nearest of `others` [m, d], m ≥ 1; all have length 1."""
    blocks = [vectors[start : start + BLOCK] @ others.T for start in range(0, len(vectors), BLOCK)]
    return np.concatenate([block.max(axis=1) for block in blocks])


def near_pairs(neighbours: Neighbours, labels: NDArray[np.int64], threshold: float = 0.9) -> list[Pair]:
    """Pairs of cosine ≥ `threshold`, those with different labels first, then the nearest.

    A row with more than k such neighbours shows its k nearest.
    """
    first, place = np.nonzero(neighbours.cosines >= threshold)
    second, cosines = neighbours.rows[first, place], neighbours.cosines[first, place]
    found: dict[tuple[int, int], float] = {}
    for a, b, cosine in zip(first.tolist(), second.tolist(), cosines.tolist(), strict=True):
        found.setdefault((min(a, b), max(a, b)), cosine)
    pairs = [Pair(a, b, cosine, bool(labels[a] == labels[b])) for (a, b), cosine in found.items()]
    return sorted(pairs, key=lambda pair: (pair.same_label, -pair.cosine, pair.first, pair.second))
