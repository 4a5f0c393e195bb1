"""Which rows to label next: those that stand for most of what the model is unsure of and no labelled row lies near."""

import numpy as np
from numpy.typing import NDArray

from sartor.curate.embeddings import Vectors
from sartor.curate.neighbours import nearest, nearest_cosine
from sartor.curate.select import Numbers, Rows, facility_location


def uncertainty(probs: NDArray[np.float64], multi: bool = False) -> NDArray[np.float64]:
    """[n] from 0, sure, to 1: one less the margin between the two likeliest classes (Scheffer et al. 2001).

    `probs` [n, classes], two classes or more, sum to 1; with `multi` each class has its own, and the least sure one counts.
    """
    if multi:
        unsure: NDArray[np.float64] = (1 - np.abs(2 * probs - 1)).max(axis=1)
        return unsure
    likeliest = np.sort(probs, axis=1)[:, -2:]
    return 1 - (likeliest[:, 1] - likeliest[:, 0])


def next_rows(vectors: Vectors, labelled: Vectors, size: int, unsure: Numbers | None = None) -> Rows:
    """`size` places of a pool, at most n, in the order of choice: a smaller choice begins a larger one, nothing is random.

    Always the row that adds most to Σ over pool rows of u · cosine to the nearest labelled or chosen row, as far as rows are
    among each other's 50 nearest. u is the uncertainty, so that one sum holds all three: a row counts as far as the model is
    unsure of it (uncertainty), as far as no labelled row covers it (gaps) and as no chosen one does (diversity). An odd row
    that stands for no other gains little. Facility location for active learning is by Wei, Iyer & Bilmes (2015); informativeness
    as the weight of a diverse batch by Zhdanov (1901.05954).

    `vectors` [n, d] and `labelled` [m, d], m ≥ 1, have length 1; `unsure` [n] is 1 everywhere where it is not given. Work grows
    with n (n + m) d.
    """
    return facility_location(nearest(vectors), size, unsure, nearest_cosine(vectors, labelled))
