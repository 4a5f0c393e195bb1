"""Which labels are wrong: Bayes' rule on out-of-fold probabilities and on how labels get confused with one another.

Per true class t and given label y, confident learning (Northcutt et al. 2021, 1911.00068) counts the rows labelled y that are
confidently t. The counts give the rate of errors e, and the confusions T[t, y] = P(label y | true t) (noise transitions,
Patrini et al. 2017, 1609.03683), drawn towards errors that fall on all classes alike as far as the counts allow
(a Dirichlet prior fitted by its marginal likelihood; Minka 2000). So a label is weighed against what people take it for: an
error between two classes that are often confused needs less evidence than one between two that never are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

FLOOR = 1e-12
"""No class is impossible."""

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class LabelErrors:
    """A verdict per row of n."""

    score: Matrix
    """[n]: the probability that the label is wrong, as the probes see it."""
    suggested: Labels
    """[n]: the likeliest other label."""


def label_errors(probs: Matrix, labels: Labels) -> LabelErrors:
    """`probs` [n, classes], out of fold; `labels` [n], as given; at least two classes."""
    counts = confident_counts(probs, labels)
    posterior = (probs + FLOOR) * transitions(counts)[:, labels].T
    posterior /= posterior.sum(axis=1, keepdims=True)
    posterior[np.arange(len(labels)), labels] = 0
    return LabelErrors(score=posterior.sum(axis=1), suggested=posterior.argmax(axis=1))


def confident_counts(probs: Matrix, labels: Labels) -> Matrix:
    """[true class, label]: rows by their likeliest class among those whose probability reaches the mean that the class
    has on the rows labelled with it; rows without such a class are not counted (1911.00068, eq. 1)."""
    classes = probs.shape[1]
    own = probs[np.arange(len(labels)), labels]
    sizes = np.bincount(labels, minlength=classes)
    mean = np.bincount(labels, own, classes) / np.maximum(sizes, 1)
    confident = (probs >= mean) & (sizes > 0)
    counted = confident.any(axis=1)
    counts = np.zeros((classes, classes))
    np.add.at(counts, (np.where(confident, probs, -1).argmax(axis=1)[counted], labels[counted]), 1)
    return counts


def transitions(counts: Matrix) -> Matrix:
    """T [true class, label], rows that sum to 1: 1 − e on the diagonal, and e shared out by `counts` off the diagonal."""
    classes = len(counts)
    diagonal = np.eye(classes, dtype=bool)
    errors = np.where(diagonal, 0, counts)
    rate = (errors.sum() + 1) / (counts.sum() + 2)
    shares = np.where(diagonal, 0, errors + _evenness(errors))
    shares *= rate / shares.sum(axis=1, keepdims=True)
    return np.where(diagonal, 1 - rate, shares)


def _evenness(errors: Matrix) -> float:
    """The a of a symmetric Dirichlet(a) over a class's wrong labels that makes `errors` likeliest: large when errors fall
    on all classes alike, small when on a few."""
    others = ~np.eye(len(errors), dtype=bool)

    def surprise(log_a: float) -> float:
        a, total = np.exp(log_a), np.exp(log_a) * (len(errors) - 1)
        rows = gammaln(total) - gammaln(total + errors.sum(axis=1))
        return -float(rows.sum() + (gammaln(errors + a) - gammaln(a))[others].sum())

    return float(np.exp(minimize_scalar(surprise, bounds=np.log([1e-3, 1e3]), method="bounded").x))
