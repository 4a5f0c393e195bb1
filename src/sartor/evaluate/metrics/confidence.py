"""Classification: can the probabilities be believed, and what may be left to the system on its own?

They judge systems that give a probability of every label: probabilities that sum to 1 where a row has one label, and one for
each label by itself where it may have several. Of any other row (an endpoint's, an error's) they say nothing: it counts as
the worst there is, with the reason. So they are shown on request.
"""

from abc import abstractmethod

import numpy as np

from sartor.data.example import Example
from sartor.evaluate.metric import Array, Mean, Metric, Proportion, Scope, Unscored, register, text_of
from sartor.evaluate.metrics.single_label import refuse_multi
from sartor.generate.answer import Answer

BINS = 15
SURE = 0.9
"""The confidence from which an answer is left to the system, where the task does not say."""


def label_probs(answer: Answer, multi: bool = False) -> dict[str, float]:
    """The probability of each label, that of the answer among them where a row has one.

    Raises Unscored where there are none, or values that are no probabilities.
    """
    if answer.finish == "error":
        raise Unscored("no answer was had")
    if not answer.label_probs or (not multi and text_of(answer) not in answer.label_probs):
        raise Unscored("the system gives no probability of its answer")
    for label, share in answer.label_probs.items():
        if not isinstance(share, int | float) or not 0 <= share <= 1 + 1e-6:
            raise Unscored(f"the probability of `{label}` is {share!r}")
    return {label: min(share, 1.0) for label, share in answer.label_probs.items()}


def by_label(example: Example, answer: Answer, scope: Scope) -> tuple[Array, Array]:
    """Of every label, known or given: its probability, 0 where none is given; and 1 where it is right, else 0."""
    given = label_probs(answer, scope.multi)
    labels = list(dict.fromkeys((*scope.labels, *given)))
    right = np.array([label in example.labels for label in labels], dtype=np.float64)
    return np.array([given.get(label, 0.0) for label in labels]), right


class _Confidence(Metric):
    """A function of how sure the system was, and whether it was right."""

    kinds = ("classification",)
    on_request = True

    @abstractmethod
    def counts(self, example: Example, answer: Answer) -> Array | tuple[float, ...]:
        """The row's sufficient statistics. Raises Unscored where there is no probability to go by."""

    @abstractmethod
    def worst(self) -> Array | tuple[float, ...]:
        """Those of a row without a probability."""

    def row(self, example: Example, answer: Answer) -> Array | tuple[float, ...]:
        try:
            return self.counts(example, answer)
        except Unscored as reason:
            self.unscored[example.id] = str(reason)
            return self.worst()


@register
class Coverage(Proportion):
    """Share of rows that the system answers at the confidence asked for; the others are handed to a person."""

    name = "coverage"
    title = "coverage"
    kinds = ("classification",)
    on_request = True

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        refuse_multi(self)
        self.sure = SURE if self.option.at is None else self.option.at

    @property
    def signature(self) -> str:
        return f"coverage|confidence:at least {self.sure:g}"

    def score(self, example: Example, answer: Answer) -> float:
        return float(label_probs(answer)[text_of(answer)] >= self.sure)


@register
class AccuracyCovered(_Confidence):
    """Accuracy on the rows that the system answers at the confidence asked for; 1 where there are none."""

    name = "accuracy_covered"
    title = "accuracy where confident"

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        refuse_multi(self)
        self.sure = SURE if self.option.at is None else self.option.at

    @property
    def signature(self) -> str:
        return f"accuracy_covered|confidence:at least {self.sure:g}|no such row:1"

    def counts(self, example: Example, answer: Answer) -> tuple[float, ...]:
        """Right and covered, covered."""
        covered = label_probs(answer)[text_of(answer)] >= self.sure
        return float(covered and text_of(answer) == example.labels[0]), float(covered)

    def worst(self) -> tuple[float, ...]:
        return 0.0, 1.0

    def of_sums(self, sums: Array) -> Array:
        right, covered = sums[..., 0], sums[..., 1]
        return np.divide(right, covered, out=np.ones_like(covered), where=covered > 0)


@register
class Ece(_Confidence):
    """Expected calibration error: how far stated probabilities lie from what comes true, on average; lower is better.

    Over 15 bins of equal width (Guo et al. 2017, 1706.04599): of the answers' probabilities; where a row may have several
    labels, of every probability of a label in a row. Chance alone makes it larger than 0 on few rows.
    """

    name = "ece"
    title = "calibration error"
    higher_is_better = False

    @property
    def signature(self) -> str:
        return f"ece|bins:{BINS}, equal width|confidence:of {'every label' if self.scope.multi else 'the answer'}"

    def counts(self, example: Example, answer: Answer) -> Array:
        """What came true less its probability, by bin; the last is for rows without probabilities; then probabilities."""
        if self.scope.multi:
            shares, right = by_label(example, answer, self.scope)
        else:
            said = text_of(answer)
            shares, right = np.array([label_probs(answer)[said]]), np.array([float(said == example.labels[0])])
        sums = np.zeros(BINS + 2)
        np.add.at(sums, np.ceil(shares * BINS).clip(1, BINS).astype(int) - 1, right - shares)
        sums[-1] = len(shares)
        return sums

    def worst(self) -> Array:
        """As many probabilities as another row has, all of them quite wrong."""
        sums, count = np.zeros(BINS + 2), len(self.scope.labels) if self.scope.multi else 1
        sums[-2:] = -count, count
        return sums

    def of_sums(self, sums: Array) -> Array:
        return np.asarray(np.abs(sums[..., :-1]).sum(axis=-1) / sums[..., -1])


@register
class Brier(Mean):
    """Mean squared error of the probabilities of all labels, 1 for sure and wrong (Brier 1950); lower is better.

    With one label a row, half the sum over labels; where a row may have several, the mean over labels.
    """

    name = "brier"
    title = "Brier score"
    kinds = ("classification",)
    higher_is_better = False
    on_request = True

    @property
    def signature(self) -> str:
        return f"brier|all labels|{'mean' if self.scope.multi else 'halved'}"

    def score(self, example: Example, answer: Answer) -> float:
        shares, right = by_label(example, answer, self.scope)
        squares = float(((shares - right) ** 2).sum())
        return squares / len(right) if self.scope.multi else min(squares / 2, 1.0)
