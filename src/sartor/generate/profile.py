"""What a task is asked: the clusters of its own questions, and how like them a new one is. Kept as numbers, not as text.

    likeness = mean cosine with the three nearest of the task's training questions

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
"""Of the task's own held questions so many are taken to be unlike what is known."""
KNOWN = 2000
"""Questions that are kept at most."""
ROWS, MOST_CLUSTERS = 50, 20
"""A cluster for so many rows, and clusters at most."""
LEAST, LEAST_HELD = 20, 2
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
    held: int
    """Rows by which that was found."""
    labels: Mapping[str, int]
    """How many rows have each label; empty for other kinds."""

    @classmethod
    def fit(cls, encoder: Encoder, learn: Sequence[Example], held: Sequence[Example], seed: int = 0) -> Self:
        """Clusters of all rows, and how like the training rows those are that were held back from them, with all of their group.

        Raises InputError for fewer than 20 training rows or 2 held ones.
        """
        if len(learn) < LEAST or len(held) < LEAST_HELD:
            raise InputError(
                f"{len(learn)} training rows and {len(held)} of validation do not say what a task is asked: "
                f"give it {LEAST} and {LEAST_HELD} or more (`train.validation` holds rows back)"
            )
        rows = [*learn, *held]
        vectors = np.asarray(encoder.encode([row.question for row in rows]), dtype=np.float32)
        clusters = min(MOST_CLUSTERS, max(2, len(rows) // ROWS))
        found = KMeans(clusters, n_init=10, random_state=seed).fit(vectors)
        centres = found.cluster_centers_ / np.linalg.norm(found.cluster_centers_, axis=1, keepdims=True)
        cosines = vectors @ centres.T
        drawn = np.random.default_rng(seed).permutation(len(learn))[:KNOWN]
        known = vectors[drawn].astype(np.float16).astype(np.float32)  # as it is kept
        labels: dict[str, int] = {}
        for label in (label for row in rows for label in row.labels):
            labels[label] = labels.get(label, 0) + 1
        return cls(
            known=known,
            centres=centres,
            nearest=tuple(rows[place].source for place in cosines.argmax(axis=0)),
            sizes=tuple(np.bincount(cosines.argmax(axis=1), minlength=clusters).tolist()),
            least_likeness=float(np.quantile(_likeness(vectors[len(learn) :], known), UNLIKE)),
            held=len(held),
            labels=labels,
        )

    @property
    def unlike(self) -> float:
        """The share of new questions that is expected to be unlike, where nothing has changed: few held rows say little of the
        rarest of them (the i-th of n lies above i / (n + 1) on average)."""
        return (UNLIKE * (self.held - 1) + 1) / (self.held + 1)

    def look(self, vectors: Matrix) -> tuple[list[int], list[bool]]:
        """Of each question the cluster, and whether it is unlike the task's own."""
        unlike = _likeness(vectors, self.known) < self.least_likeness
        return (vectors @ self.centres.T).argmax(axis=1).tolist(), unlike.tolist()

    def save(self, folder: Path) -> None:
        with (folder / "profile.npz").open("wb") as file:
            np.savez(
                file,
                known=self.known.astype(np.float16),
                centres=self.centres,
                nearest=np.array(self.nearest),
                sizes=np.array(self.sizes),
                least_likeness=self.least_likeness,
                held=self.held,
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
                int(saved["held"]),
                dict(zip(saved["labels"].tolist(), saved["counts"].tolist(), strict=True)),
            )


def _likeness(vectors: Matrix, known: Matrix) -> Matrix:
    found: Matrix = np.sort(vectors @ known.T, axis=1)[:, -NEAREST:].mean(axis=1)
    return found
