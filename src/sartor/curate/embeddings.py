"""Texts as points, computed once for every check: what they mean (a sentence encoder) and how they are spelt."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import normalize
from sklearn.utils.extmath import randomized_svd

from sartor.generate.linear import Encoder

SPELLING_WIDTH = 256

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Two views of the same n rows, of length 1 each (0 for a text without any common n-gram)."""

    meaning: Vectors
    """float32 [n, d]: of like meaning, close by cosine."""
    spelling: Vectors
    """float32 [n, ≤ 256]: of like character n-grams, close by cosine."""


class Remembered:
    """An encoder of texts that were read already. Raises KeyError for another."""

    def __init__(self, texts: Sequence[str], vectors: Vectors) -> None:
        self._vectors = dict(zip(texts, vectors, strict=True))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """float32 [len(texts), d]"""
        return np.stack([self._vectors[text] for text in texts])


def embed(texts: Sequence[str], encoder: Encoder, seed: int = 0) -> Embeddings:
    """Both views of `texts`; the caller may keep the arrays on disk."""
    return Embeddings(np.asarray(encoder.encode(texts), dtype=np.float32), spell(texts, seed))


def spell(texts: Sequence[str], seed: int = 0) -> Vectors:
    """float32 [n, ≤ 256]: tf-idf of the 2- to 5-grams of characters within words, its leading singular directions.

    n-grams of a single row are left out: they tell nothing about another row.
    """
    try:
        counts = TfidfVectorizer(
            analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2, dtype=np.float32
        ).fit_transform(texts)
    except ValueError:  # no n-gram is shared
        return np.zeros((len(texts), 1), dtype=np.float32)
    width = min(SPELLING_WIDTH, *counts.shape)
    left, strengths, _ = randomized_svd(counts, width, n_iter=2, random_state=seed)
    vectors: Vectors = normalize(left * strengths).astype(np.float32)
    return vectors
