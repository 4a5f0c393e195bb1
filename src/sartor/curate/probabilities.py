"""What each row's label would be by the other rows: class probabilities out of fold, shared by all checks that need them."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax
from sklearn.linear_model import LogisticRegression

from sartor.curate.embeddings import Embeddings, Vectors
from sartor.curate.label_errors import Labels, Matrix, label_errors
from sartor.curate.neighbours import Neighbours
from sartor.errors import InputError
from sartor.progress import Progress, silent

FOLDS = 5
ROUNDS = 3
"""The first learns from all labels, the others less from those that seem wrong."""
STRENGTH = 2.0
"""C of the L2 penalty: more than the least log loss asks for, since a penalised model repeats fewer wrong labels."""
SPELLING = 0.7
"""Length of the spelling's vector beside the meaning's 1."""
NARROWNESS = 0.05
"""A neighbour's vote falls by e for every such step of cosine."""
FLOOR = 0.02
"""Share of the neighbours' votes that falls on all classes alike."""


def out_of_fold(
    embeddings: Embeddings,
    neighbours: Neighbours,
    labels: Labels,
    groups: NDArray[np.int64] | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Matrix:
    """float64 [n, classes]: each row's probabilities by models and neighbours of other folds; a group is in one fold.

    Logistic regression on both views and the votes of the nearest rows are pooled (the weights of their logarithms have the
    least log loss). Two more rounds, each in new folds, weight every row by the probability that its label is right, so that
    wrong labels teach less; the result is their mean. `labels` [n] from 0 to classes − 1, `groups` [n] integers.

    Raises InputError when a fold's other rows have a single label.
    """
    classes = int(labels.max()) + 1
    vectors = np.hstack([embeddings.meaning, SPELLING * embeddings.spelling])
    weights = np.ones(len(labels))
    pooled: list[Matrix] = []
    for turn in range(ROUNDS):
        folds = assign_folds(labels, groups, seed + turn)
        model = np.zeros((len(labels), classes))
        for fold in range(FOLDS):
            held = folds == fold
            if held.any():
                model[held] = _fitted(vectors, labels, weights, held, classes)
            progress("probabilities", turn * FOLDS + fold + 1, ROUNDS * FOLDS)
        pooled.append(_pool(model, _votes(neighbours, labels, weights, folds, classes), labels, weights))
        weights = 1 - label_errors(pooled[-1], labels).score
    robust: Matrix = np.mean(pooled[1:], axis=0)
    return robust


def assign_folds(labels: Labels, groups: NDArray[np.int64] | None, seed: int) -> NDArray[np.int64]:
    """[n] from 0 to 4: groups dealt out in turn, in the order of their first row's label, so that folds are alike."""
    _, first, group = np.unique(
        np.arange(len(labels)) if groups is None else groups, return_index=True, return_inverse=True
    )
    shuffled = np.random.default_rng(seed).permutation(len(first))
    dealt = shuffled[np.argsort(labels[first][shuffled], kind="stable")]
    fold = np.empty(len(first), dtype=np.int64)
    fold[dealt] = np.arange(len(first)) % FOLDS
    return fold[group]


def _fitted(vectors: Vectors, labels: Labels, weights: Matrix, held: NDArray[np.bool_], classes: int) -> Matrix:
    """[held rows, classes] by a model of the other rows; 0 for a class that those lack."""
    known = np.unique(labels[~held])
    if len(known) < 2:
        raise InputError(
            "label errors cannot be looked for: without one fifth of the groups, a single label is left; "
            "give rows of two labels or more, in more groups"
        )
    centre = vectors[~held].mean(axis=0)  # Newton's steps are fewer on centred vectors
    model = LogisticRegression(C=STRENGTH, solver="newton-cg", tol=1e-3, max_iter=100)
    model.fit(vectors[~held] - centre, labels[~held], sample_weight=weights[~held])
    probs = np.zeros((int(held.sum()), classes))
    probs[:, known] = model.predict_proba(vectors[held] - centre)
    return probs


def _votes(neighbours: Neighbours, labels: Labels, weights: Matrix, folds: NDArray[np.int64], classes: int) -> Matrix:
    """[n, classes]: the labels of the nearest rows of other folds, the nearer the heavier."""
    rows, cosines = neighbours.rows, neighbours.cosines
    heard = np.exp((cosines - cosines.max(axis=1, keepdims=True, initial=-1)) / NARROWNESS) * weights[rows]
    heard[folds[rows] == folds[:, None]] = 0
    votes = np.zeros((len(labels), classes))
    np.add.at(votes, (np.arange(len(labels))[:, None], labels[rows]), heard)
    votes += (votes.sum(axis=1, keepdims=True) == 0) / classes
    votes /= votes.sum(axis=1, keepdims=True)
    return (1 - FLOOR) * votes + FLOOR / classes


def _pool(model: Matrix, votes: Matrix, labels: Labels, weights: Matrix) -> Matrix:
    """Logarithmic pool: p ∝ model^a · votes^b, where a, b ≥ 0 have the least weighted log loss (a convex problem)."""
    logs = np.log(np.stack([model + 1e-9, votes]))

    def loss(powers: Matrix) -> float:
        given = log_softmax(np.tensordot(powers, logs, 1), axis=1)[np.arange(len(labels)), labels]
        return -float(weights @ given / weights.sum())

    powers = minimize(loss, np.array([1.0, 0.0]), bounds=[(0, 5), (0, 5)], method="L-BFGS-B").x
    pooled: Matrix = softmax(np.tensordot(powers, logs, 1), axis=1)
    return pooled
