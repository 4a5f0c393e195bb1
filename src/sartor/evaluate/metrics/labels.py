"""Classification: accuracy and F1 over labels, one label a row or several."""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np

from sartor.data.example import Example
from sartor.evaluate.metric import Array, Detail, Metric, Proportion, Scope, register, text_of
from sartor.evaluate.metrics.counts import detail_lines, precision_recall_f1
from sartor.generate.answer import Answer

NOT_A_LABEL = "(not a label)"
NO_ANSWER = "(no answer)"


def answered_labels(answer: Answer, scope: Scope) -> frozenset[str] | None:
    """The labels that a text states, known or not; None where there was an error.

    With several labels a row, the text is labels joined by `;`, as in a target, or a JSON list of them.
    """
    if answer.finish == "error":
        return None
    text = text_of(answer)
    if not scope.multi:
        return frozenset({text})
    parts = text.split(";")
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except (ValueError, RecursionError):
            listed = None
        if isinstance(listed, list):
            parts = [item if isinstance(item, str) else json.dumps(item) for item in listed]
    return frozenset(part.strip() for part in parts if part.strip())


def is_no_label(answer: Answer, scope: Scope) -> bool:
    """An answer was had, and holds a text that is no known label."""
    return not (answered_labels(answer, scope) or frozenset()) <= set(scope.labels)


@register
class Accuracy(Proportion):
    """Share of rows with the right label; with several labels a row, exactly the right set of them."""

    name = "accuracy"
    title = "accuracy"
    kinds = ("classification",)

    @property
    def signature(self) -> str:
        return f"accuracy|{'exact set' if self.scope.multi else 'strip:yes'}"

    def score(self, example: Example, answer: Answer) -> float:
        return float(answered_labels(answer, self.scope) == frozenset(example.labels))


@register
class MacroF1(Metric):
    """Mean of the labels' F1, over the known labels that are expected or answered at least once."""

    name = "macro_f1"
    title = "macro-F1"
    kinds = ("classification",)

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self._place = {label: i for i, label in enumerate(scope.labels)}

    @property
    def signature(self) -> str:
        return f"macro_f1|labels:{len(self.scope.labels)}, expected or answered|zero_division:0"

    def row(self, example: Example, answer: Answer) -> Array:
        """(right, extra, missed) of each known label, flattened to [3 * labels]."""
        return np.asarray(self.table([example], [answer])[0])

    def table(self, examples: Sequence[Example], answers: Sequence[Answer]) -> Array:
        lines: list[int] = []
        places: list[int] = []
        for i, (example, answer) in enumerate(zip(examples, answers, strict=True)):
            said, gold = answered_labels(answer, self.scope) or frozenset(), frozenset(example.labels)
            for outcome, labels in enumerate((said & gold, said - gold, gold - said)):
                known = [self._place[label] + outcome * len(self._place) for label in labels if label in self._place]
                lines += [i] * len(known)
                places += known
        stats = np.zeros((len(examples), 3 * len(self._place)))
        stats[lines, places] = 1.0
        return stats

    def of_sums(self, sums: Array) -> Array:
        counts = sums.reshape(*sums.shape[:-1], 3, -1)
        f1 = precision_recall_f1(counts[..., 0, :], counts[..., 1, :], counts[..., 2, :])[2]
        met = counts.any(axis=-2)
        labels = met.sum(axis=-1)
        return np.asarray(np.where(labels, np.where(met, f1, 0.0).sum(axis=-1) / np.maximum(labels, 1), 1.0))


@register
class WeightedF1(MacroF1):
    """Mean of the labels' F1, each weighted by how often it is expected: frequent labels decide."""

    name = "weighted_f1"
    title = "weighted F1"
    on_request = True

    @property
    def signature(self) -> str:
        return f"weighted_f1|labels:{len(self.scope.labels)}, by support|zero_division:0"

    def of_sums(self, sums: Array) -> Array:
        counts = sums.reshape(*sums.shape[:-1], 3, -1)
        f1 = precision_recall_f1(counts[..., 0, :], counts[..., 1, :], counts[..., 2, :])[2]
        support = counts[..., 0, :] + counts[..., 2, :]
        whole = support.sum(axis=-1)
        idle = np.where(counts.any(axis=(-2, -1)), 0.0, 1.0)
        return np.asarray(np.divide((f1 * support).sum(axis=-1), whole, out=idle, where=whole > 0))


@register
class MicroF1(Metric):
    """F1 over all (row, label) decisions; text that is no known label is a wrong one."""

    name = "micro_f1"
    title = "micro-F1"
    kinds = ("classification",)
    only_multi = True

    @property
    def signature(self) -> str:
        return "micro_f1|unknown labels:wrong"

    def row(self, example: Example, answer: Answer) -> tuple[float, ...]:
        said, gold = answered_labels(answer, self.scope), frozenset(example.labels)
        if said is None:
            return 0.0, float(not gold), float(len(gold))
        return float(len(said & gold)), float(len(said - gold)), float(len(gold - said))

    def of_sums(self, sums: Array) -> Array:
        return precision_recall_f1(sums[..., 0], sums[..., 1], sums[..., 2])[2]


def per_label(examples: Sequence[Example], answers: Sequence[Answer], scope: Scope) -> list[Detail]:
    """Precision, recall and F1 of every label that is expected or answered, those that are expected most first."""
    sums = MacroF1(scope).table(examples, answers).sum(axis=0).reshape(3, -1).T
    met = sums.any(axis=1)
    lines = detail_lines([label for label, seen in zip(scope.labels, met, strict=True) if seen], sums[met])
    return sorted(lines, key=lambda line: -line.support)


def confusions(
    examples: Sequence[Example], answers: Sequence[Answer], scope: Scope, most: int = 20
) -> list[tuple[str, str, int]]:
    """The most frequent (expected, answered, count) among wrong rows; empty where a row has several labels."""
    if scope.multi:
        return []
    wrong = Counter[tuple[str, str]]()
    for example, answer in zip(examples, answers, strict=True):
        said = NO_ANSWER if answer.finish == "error" else text_of(answer)
        if said != example.labels[0]:
            wrong[example.labels[0], said if said == NO_ANSWER or said in scope.labels else NOT_A_LABEL] += 1
    return [(gold, said, count) for (gold, said), count in sorted(wrong.items(), key=lambda item: (-item[1], item[0]))][
        :most
    ]
