"""What a task is asked: the clusters of its own questions, and how like them a new one is. Kept as numbers, not as text.

    likeness = mean cosine with the three nearest of the task's own questions

The clusters are k-means on the sphere (Dhillon & Modha 2001).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from sartor.data.example import Example
from sartor.errors import InputError
from sartor.generate.linear import Encoder

NEAREST = 3
UNLIKE = 0.05
"""Of the task's own questions so many are taken to be unlike the others."""
KNOWN = 2000
"""Questions that are kept at most."""
ROWS, MOST_CLUSTERS = 50, 20
"""A cluster for so many rows, and clusters at most."""
LEAST = 20
"""Rows."""

Matrix = NDArray[np.floating]


@dataclass(frozen=True)
class Profile:
    known: Matrix
    """[questions, dimensions], of length 1."""
    centres: Matrix
    """[clusters, dimensions]"""
    nearest: tuple[str, ...]
    """Where the row at the middle of each cluster came from: `notes.jsonl:12`."""
    sizes: tuple[int, ...]
    """Rows of each cluster."""
    least_likeness: float
    labels: Mapping[str, int]
    """How many rows have each label; empty for other kinds."""

    @classmethod
    def fit(cls, encoder: Encoder, examples: Sequence[Example], seed: int = 0) -> Self:
        """Raises InputError for fewer than 20 rows."""
        if len(examples) < LEAST:
            raise InputError(f"{len(examples)} rows do not say what a task is asked: give it {LEAST} or more")
        vectors = np.asarray(encoder.encode([example.question for example in examples]))
        clusters = min(MOST_CLUSTERS, max(2, len(examples) // ROWS))
        found = KMeans(clusters, n_init=10, random_state=seed).fit(vectors)
        centres = found.cluster_centers_ / np.linalg.norm(found.cluster_centers_, axis=1, keepdims=True)
        cosines = vectors @ centres.T
        known = vectors[np.random.default_rng(seed).permutation(len(vectors))[:KNOWN]]
        # Each is compared with all but itself, as one that comes later is.
        likeness = np.sort(known @ known.T - 2 * np.eye(len(known)), axis=1)[:, -NEAREST:].mean(axis=1)
        labels: dict[str, int] = {}
        for label in (label for example in examples for label in example.labels):
            labels[label] = labels.get(label, 0) + 1
        return cls(
            known=known,
            centres=centres,
            nearest=tuple(examples[row].source for row in cosines.argmax(axis=0)),
            sizes=tuple(np.bincount(cosines.argmax(axis=1), minlength=clusters).tolist()),
            least_likeness=float(np.quantile(likeness, UNLIKE)),
            labels=labels,
        )

    def look(self, vectors: Matrix) -> tuple[list[int], list[bool]]:
        """Of each question the cluster, and whether it is unlike the task's own."""
        likeness = np.sort(vectors @ self.known.T, axis=1)[:, -NEAREST:].mean(axis=1)
        return (vectors @ self.centres.T).argmax(axis=1).tolist(), (likeness < self.least_likeness).tolist()

    def save(self, folder: Path) -> None:
        with (folder / "profile.npz").open("wb") as file:
            np.savez(
                file,
                known=self.known.astype(np.float16),
                centres=self.centres,
                nearest=np.array(self.nearest),
                sizes=np.array(self.sizes),
                least_likeness=self.least_likeness,
                labels=np.array(list(self.labels)),
                counts=np.array(list(self.labels.values()), dtype=np.int64),
            )

    @classmethod
    def load(cls, folder: Path) -> Self:
        with np.load(folder / "profile.npz", allow_pickle=False) as saved:
            return cls(
                saved["known"].astype(np.float32),
                saved["centres"],
                tuple(saved["nearest"].tolist()),
                tuple(saved["sizes"].tolist()),
                float(saved["least_likeness"]),
                dict(zip(saved["labels"].tolist(), saved["counts"].tolist(), strict=True)),
            )
