"""Points on a sphere in a few tight classes, so that what is planted is known."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from sartor.curate.embeddings import Embeddings


@dataclass(frozen=True)
class Planted:
    embeddings: Embeddings
    labels: NDArray[np.int64]
    """As given: some wrong."""
    truth: NDArray[np.int64]


def unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def cloud(rows: int, classes: int, spread: float, seed: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Vectors [rows, 16] around one centre a class, and the classes."""
    generator = np.random.default_rng(seed)
    centres, truth = unit(generator.normal(size=(classes, 16))), np.arange(rows) % classes
    return unit(centres[truth] + spread * generator.normal(size=(rows, 16))), truth


@pytest.fixture(scope="session")
def planted() -> Planted:
    """300 rows of 6 classes, a tenth with the label of the next class."""
    meaning, truth = cloud(300, 6, spread=0.15, seed=0)
    wrong = np.random.default_rng(1).permutation(300)[:30]
    labels = truth.copy()
    labels[wrong] = (truth[wrong] + 1) % 6
    return Planted(Embeddings(meaning, np.zeros((300, 1), dtype=np.float32)), labels, truth)
