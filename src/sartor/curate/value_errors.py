"""Which of several values of a row are wrong, and which are missing: the labels of a row that may have several, and the values of
a record that come from a closed vocabulary, such as codes.

Each value is a question of yes or no, put to models of the other rows. Where a value stands that the models do not see, or
one that they see does not stand, Bayes' rule weighs their probabilities against how rare the value is and how seldom people
err. A value that cannot be read from the text at all is so never suspected: its probability is its frequency.
"""

from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, log_expit, logit

from sartor.curate.embeddings import Embeddings
from sartor.curate.probabilities import FOLDS, SPELLING, assign_folds

LEAST = 10
"""Rows that must have a value, and rows that must not, for it to be judged."""
RATE = 0.02
"""Share of values that are taken to be wrong, and to be missing, before a row is read."""
STRENGTH = 3.0
"""C of the L2 penalty."""
ROUNDS = 2
"""The first learns from all values, the second less from those that seem wrong."""

Matrix = NDArray[np.float64]
Value = tuple[str, str]
"""The field (empty for a label), and the value as it is written."""


@dataclass(frozen=True, slots=True)
class ValueErrors:
    """A verdict per row of n and value of v."""

    values: list[Value]
    given: NDArray[np.bool_]
    """[n, v]"""
    wrong: Matrix
    """[n, v]: the probability that a value is wrong where it is given, and missing where it is not."""

    @property
    def score(self) -> Matrix:
        """[n]: the probability that any value of the row is in error, were they independent."""
        score: Matrix = 1 - np.exp(np.log1p(-self.wrong).sum(axis=1))
        return score


def value_errors(
    embeddings: Embeddings, rows: Sequence[Set[Value]], groups: NDArray[np.int64], seed: int = 0
) -> ValueErrors:
    """`rows` [n] are the values of each; `groups` [n]: rows of one group are judged by models of the others."""
    counts = Counter(value for row in rows for value in row)
    values = sorted(value for value, count in counts.items() if LEAST <= count <= len(rows) - LEAST)
    given = np.array([[value in row for value in values] for row in rows], dtype=bool).reshape(len(rows), len(values))
    wrong = np.zeros(given.shape)
    if values:
        vectors = np.hstack([embeddings.meaning, SPELLING * embeddings.spelling]).astype(np.float64)
        rarest = np.where(given, given.sum(axis=0), np.inf).argmin(axis=1)
        for turn in range(ROUNDS):
            folds, weights = assign_folds(rarest, groups, seed + turn), 1 - wrong
            probs = np.zeros(given.shape)
            for fold in range(FOLDS):
                held = folds == fold
                if held.any() and not held.all():
                    probs[held] = _fitted(vectors[~held], given[~held], weights[~held], vectors[held])
            wrong = in_error(_calibrated(probs, given, weights), given)
    return ValueErrors(values, given, wrong)


def in_error(probs: Matrix, given: NDArray[np.bool_], rate: float = RATE) -> Matrix:
    """[n, v]: P(wrong | given, text) or P(missing | not given, text), from `probs` = P(true | text), all [n, v].

    `rate` of the true values is not given, and as many others are given that are not true.
    """
    frequency = given.mean(axis=0)
    spurious = rate * frequency / (1 - frequency)
    wrong, right = (1 - probs) * spurious, probs * (1 - rate)
    missing, absent = probs * rate, (1 - probs) * (1 - spurious)
    error: Matrix = np.where(given, wrong / (wrong + right), missing / (missing + absent))
    return error


def _fitted(vectors: Matrix, given: NDArray[np.bool_], weights: Matrix, held: Matrix) -> Matrix:
    """[held rows, v]: a logistic regression for every value, all in one problem, since they share the vectors."""
    signs = np.where(given, 1.0, -1.0)
    share = given.mean(axis=0).clip(1e-4, 1 - 1e-4)
    start = np.vstack([np.zeros((vectors.shape[1], given.shape[1])), logit(share)])

    def loss(flat: Matrix) -> tuple[float, Matrix]:
        model = flat.reshape(start.shape)
        margins = signs * (vectors @ model[:-1] + model[-1])
        pull = -signs * weights * expit(-margins)
        slope = np.vstack([vectors.T @ pull + model[:-1] / STRENGTH, pull.sum(axis=0)])
        penalty = float((model[:-1] ** 2).sum()) / (2 * STRENGTH)
        return penalty - float((weights * log_expit(margins)).sum()), slope.ravel()

    fitted = minimize(loss, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": 60, "maxcor": 5}).x
    model = fitted.reshape(start.shape)
    probs: Matrix = expit(held @ model[:-1] + model[-1])
    return probs


def _calibrated(probs: Matrix, given: NDArray[np.bool_], weights: Matrix) -> Matrix:
    """Platt's scaling, one for all values: a penalised model is too unsure of what it sees."""
    logits, signs = logit(probs.clip(1e-7, 1 - 1e-7)), np.where(given, 1.0, -1.0)

    def loss(line: Matrix) -> float:
        return -float((weights * log_expit(signs * (line[0] * logits + line[1]))).mean())

    slope, shift = minimize(loss, np.array([1.0, 0.0]), bounds=[(0.2, 5), (-5, 5)], method="L-BFGS-B").x
    scaled: Matrix = expit(slope * logits + shift).clip(1e-7, 1 - 1e-7)
    return scaled
