"""Classification: can the probabilities be believed, and what may be left to the system on its own?

They judge systems that give a probability of every label, and rows with one label. On any other row (an endpoint's, an
error's) they say nothing: it counts as the worst there is, with the reason. So they are shown on request.
"""

import math
from abc import abstractmethod

import numpy as np

from sartor.data.example import Example
from sartor.evaluate.metric import Array, Mean, Metric, Proportion, Scope, Unscored, register, text_of
from sartor.evaluate.metrics.single_label import refuse_multi
from sartor.generate.answer import Answer

BINS = 15
SURE = 0.9
"""The confidence from which an answer is left to the system, where the task does not say."""


def label_probs(answer: Answer) -> dict[str, float]:
    """The probability of each label. Raises Unscored where there are none, or numbers that are no probabilities."""
    if answer.finish == "error":
        raise Unscored("no answer was had")
    if not answer.label_probs or text_of(answer) not in answer.label_probs:
        raise Unscored("the system gives no probability of its answer")
    for label, share in answer.label_probs.items():
        if not 0 <= share <= 1 + 1e-6:
            raise Unscored(f"the probability of `{label}` is {share:g}")
    return answer.label_probs


class _Confidence(Metric):
    """A function of how sure the system was of its answer, and whether it was right."""

    kinds = ("classification",)
    on_request = True

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        refuse_multi(self)

    @abstractmethod
    def counts(self, confidence: float, right: bool) -> Array | tuple[float, ...]:
        """The row's sufficient statistics."""

    @abstractmethod
    def worst(self) -> Array | tuple[float, ...]:
        """Those of a row without a probability."""

    def row(self, example: Example, answer: Answer) -> Array | tuple[float, ...]:
        try:
            confidence = label_probs(answer)[text_of(answer)]
        except Unscored as reason:
            self.unscored[example.id] = str(reason)
            return self.worst()
        return self.counts(confidence, text_of(answer) == example.labels[0])


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
        self.sure = SURE if self.option.at is None else self.option.at

    @property
    def signature(self) -> str:
        return f"accuracy_covered|confidence:at least {self.sure:g}|no such row:1"

    def counts(self, confidence: float, right: bool) -> tuple[float, ...]:
        """Right and covered, covered."""
        return (float(right), 1.0) if confidence >= self.sure else (0.0, 0.0)

    def worst(self) -> tuple[float, ...]:
        return 0.0, 1.0

    def of_sums(self, sums: Array) -> Array:
        right, covered = sums[..., 0], sums[..., 1]
        return np.divide(right, covered, out=np.ones_like(covered), where=covered > 0)


@register
class Ece(_Confidence):
    """Expected calibration error: how far the stated confidence lies from the accuracy, on average; lower is better.

    Over 15 bins of equal width (Guo et al. 2017, 1706.04599). Chance alone makes it larger than 0 on few rows.
    """

    name = "ece"
    title = "calibration error"
    higher_is_better = False

    @property
    def signature(self) -> str:
        return f"ece|bins:{BINS}, equal width|confidence:of the answer"

    def counts(self, confidence: float, right: bool) -> Array:
        """Right rows less confidence, by bin; the last is for rows without a probability; then rows."""
        sums = np.zeros(BINS + 2)
        sums[min(max(math.ceil(confidence * BINS) - 1, 0), BINS - 1)] = right - min(confidence, 1.0)
        sums[-1] = 1.0
        return sums

    def worst(self) -> Array:
        sums = np.zeros(BINS + 2)
        sums[-2:] = -1.0, 1.0
        return sums

    def of_sums(self, sums: Array) -> Array:
        return np.asarray(np.abs(sums[..., :-1]).sum(axis=-1) / sums[..., -1])


@register
class Brier(Mean):
    """Mean squared error of the probabilities of all labels, halved so that sure and wrong is 1 (Brier 1950); lower is better."""

    name = "brier"
    title = "Brier score"
    kinds = ("classification",)
    higher_is_better = False
    on_request = True

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        refuse_multi(self)

    @property
    def signature(self) -> str:
        return "brier|all labels|halved"

    def score(self, example: Example, answer: Answer) -> float:
        shares = label_probs(answer)
        gold = shares.get(example.labels[0], 0.0)
        squares = sum(share**2 for share in shares.values()) - gold**2 + (1 - gold) ** 2
        return min(squares / 2, 1.0)
