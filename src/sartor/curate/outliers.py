"""Rows far from all others, or from every class: out of scope, another language, damage. To review: rare is not wrong."""

import numpy as np
from numpy.typing import NDArray

from sartor.curate.embeddings import Vectors
from sartor.curate.neighbours import Neighbours

NEAREST = 20
"""A clump of fewer strangers than this is still far from its neighbours; a larger one hides itself."""
DEVIATION = 1.4826
"""A normal distribution's standard deviation, in median absolute deviations."""

Distances = NDArray[np.float64]


def outliers(distances: Distances) -> Distances:
    """[n]: how far each distance lies above the median, in standard deviations (by the median absolute deviation).

    3.5 is far (Iglewicz & Hoaglin 1993). `distances` [n], by either function below.
    """
    above = distances - np.median(distances)
    scores: Distances = above / max(DEVIATION * float(np.median(np.abs(above))), 1e-6)
    return scores


def distance_to_rows(neighbours: Neighbours) -> Distances:
    """[n]: 1 − cosine to the row's 20th nearest, or to its last if it has fewer (Ramaswamy et al. 2000); needs two rows."""
    last = min(NEAREST, neighbours.cosines.shape[1]) - 1
    return 1 - neighbours.cosines[:, last].astype(np.float64)


def distance_to_classes(vectors: Vectors, labels: NDArray[np.int64]) -> Distances:
    """[n]: 1 − the greatest cosine to a class's mean, whatever the row's own label; sees clumps that neighbours miss.

    A row is left out of its own class's mean; a class of that row alone has cosine 0. `vectors` [n, d], `labels` [n].
    """
    sums = np.zeros((int(labels.max()) + 1, vectors.shape[1]), dtype=np.float32)
    np.add.at(sums, labels, vectors)
    cosines = vectors @ _unit(sums).T
    own = _unit(sums[labels] - vectors)
    cosines[np.arange(len(labels)), labels] = (vectors * own).sum(axis=1)
    distances: Distances = 1 - cosines.max(axis=1).astype(np.float64)
    return distances


def _unit(vectors: Vectors) -> Vectors:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(lengths > 1e-5, vectors / np.maximum(lengths, 1e-5), 0).astype(np.float32)
