"""The honest rival of a classifier: a frozen sentence encoder with logistic regression, fitted in seconds."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax
from sklearn.linear_model import LogisticRegression

from sartor.data.example import Example
from sartor.errors import InputError
from sartor.generate.answer import Answer
from sartor.progress import Progress, silent

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
"""Inverse strengths C of the L2 penalty that are tried."""
HELD_OUT = 0.2
"""Share of each label's rows that choose C."""
CHUNK = 256

Matrix = NDArray[np.float64]


class Encoder(Protocol):
    """Turns texts into vectors."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.floating]:
        """[len(texts), dimensions]"""
        ...


class LinearSystem:
    """Answers with the label of the highest probability (softmax), or, where rows have several labels, with every label
    whose own probability (sigmoid, one against the rest) reaches ½, at least one.

    It reads an example's last user message.
    """

    name = "encoder + linear"

    def __init__(
        self, encoder: Encoder, labels: Sequence[str], weights: Matrix, bias: Matrix, multi: bool, separator: str = "; "
    ) -> None:
        """`weights` [labels, dimensions] and `bias` [labels] give one logit a label; `multi`: a row may have several labels."""
        self._encoder = encoder
        self.labels = tuple(labels)
        self._weights = weights
        self._bias = bias
        self.multi = multi
        self._separator = separator

    @classmethod
    def fit(cls, encoder: Encoder, train_examples: Sequence[Example], seed: int, separator: str = "; ") -> Self:
        """Fit on every example, with the C of `STRENGTHS` that has the least log loss on a seeded fifth of each label.

        Raises InputError when the rows have fewer than two labels between them.
        """
        labels = sorted({label for example in train_examples for label in example.labels})
        if len(labels) < 2:
            raise InputError(
                f"a classifier needs two labels or more, and the training rows have {len(labels)}: {labels}"
            )
        index = {label: position for position, label in enumerate(labels)}
        gold = np.zeros((len(train_examples), len(labels)), dtype=bool)
        for row, example in zip(gold, train_examples, strict=True):
            row[[index[label] for label in example.labels]] = True
        multi = bool((gold.sum(axis=1) != 1).any())
        vectors = np.asarray(encoder.encode([example.question for example in train_examples]), dtype=np.float64)
        strength = _choose_strength(vectors, gold, multi, seed)
        return cls(encoder, labels, *_fit(vectors, gold, multi, strength), multi, separator)

    def answer(self, examples: Sequence[Example], progress: Progress = silent) -> list[Answer]:
        answers: list[Answer] = []
        for start in range(0, len(examples), CHUNK):
            chunk = examples[start : start + CHUNK]
            probs = self.probabilities(self._encoder.encode([example.question for example in chunk]))
            answers += [self._read(example.id, row) for example, row in zip(chunk, probs, strict=True)]
            progress(self.name, len(answers), len(examples))
        return answers

    def probabilities(self, vectors: NDArray[np.floating]) -> Matrix:
        """[n, labels]: of encoded texts [n, dimensions], every label's probability, in the order of `labels`."""
        return _probs(np.asarray(vectors, dtype=np.float64) @ self._weights.T + self._bias, self.multi)

    def chosen(self, probs: Matrix) -> list[str]:
        """The labels that a row of `probabilities` comes to."""
        reached = [label for label, prob in zip(self.labels, probs.tolist(), strict=True) if self.multi and prob >= 0.5]
        return reached or [self.labels[int(probs.argmax())]]

    def _read(self, id: str, probs: Matrix) -> Answer:
        label_probs = dict(zip(self.labels, probs.tolist(), strict=True))
        return Answer(id=id, text=self._separator.join(self.chosen(probs)), label_probs=label_probs)

    def save(self, path: Path) -> None:
        """Write everything but the encoder as .npz, without pickle."""
        with path.open("wb") as file:
            np.savez(
                file,
                labels=np.array(self.labels),
                weights=self._weights,
                bias=self._bias,
                multi=np.array(self.multi),
                separator=np.array(self._separator),
            )

    @classmethod
    def load(cls, path: Path, encoder: Encoder) -> Self:
        """What `save` wrote, with the encoder that it was fitted on."""
        with np.load(path, allow_pickle=False) as saved:
            labels = [str(label) for label in saved["labels"]]
            return cls(encoder, labels, saved["weights"], saved["bias"], bool(saved["multi"]), str(saved["separator"]))


def _choose_strength(vectors: Matrix, gold: NDArray[np.bool_], multi: bool, seed: int) -> float:
    held = np.zeros(len(gold), dtype=bool)
    generator = np.random.default_rng(seed)
    for column in gold.T:
        rows = generator.permutation(np.flatnonzero(column))
        held[rows[: int(HELD_OUT * len(rows))]] = True
    seen = gold[~held].any(axis=0)
    if not held.any() or seen.sum() < 2:
        return STRENGTHS[len(STRENGTHS) // 2]
    known = gold[held][:, seen]
    losses = []
    for strength in STRENGTHS:
        weights, bias = _fit(vectors[~held], gold[~held][:, seen], multi, strength)
        probs = _probs(vectors[held] @ weights.T + bias, multi).clip(1e-12, 1 - 1e-12)
        losses.append(-np.log(np.where(known, probs, 1 - probs if multi else 1.0)).mean())
    return STRENGTHS[int(np.argmin(losses))]


def _fit(vectors: Matrix, gold: NDArray[np.bool_], multi: bool, strength: float) -> tuple[Matrix, Matrix]:
    """Weights [labels, dimensions] and bias [labels] of the logits."""
    if not multi:
        model = LogisticRegression(C=strength, max_iter=1000).fit(vectors, gold.argmax(axis=1))
        if len(model.coef_) == 1:  # two labels: sklearn keeps the second one's logit against the first's
            return np.vstack([np.zeros_like(model.coef_), model.coef_]), np.array([0.0, model.intercept_[0]])
        return model.coef_, model.intercept_
    weights, bias = np.zeros((gold.shape[1], vectors.shape[1])), np.zeros(gold.shape[1])
    for label, column in enumerate(gold.T):
        if column.all():
            bias[label] = np.inf
        else:
            model = LogisticRegression(C=strength, max_iter=1000).fit(vectors, column)
            weights[label], bias[label] = model.coef_[0], model.intercept_[0]
    return weights, bias


def _probs(logits: Matrix, multi: bool) -> Matrix:
    probs: Matrix = expit(logits) if multi else softmax(logits, axis=-1)
    return probs
