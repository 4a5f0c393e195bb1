"""Errors worth reading: few, grave and different from one another."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sartor.data.example import Example
from sartor.evaluate.fields import UNREADABLE, pairs, parse
from sartor.evaluate.metric import Scope, metric, text_of
from sartor.evaluate.metrics.labels import NO_ANSWER, answered_labels
from sartor.evaluate.metrics.text import words
from sartor.evaluate.own import OwnFunction
from sartor.evaluate.scorecard import check_rows
from sartor.generate.answer import Answer
from sartor.task import TaskSpec


@dataclass(frozen=True, slots=True)
class Difference:
    field: str
    """The JSON field, `label`, or `words`."""
    expected: str | None
    """None: nothing was expected here."""
    answered: str | None
    """None: nothing was answered here."""


@dataclass(frozen=True, slots=True)
class Mistake:
    id: str
    source: str
    question: str
    expected: str
    answered: str
    score: float
    """The primary metric on this row."""
    confidence: float | None
    """The probability that the system gave to its wrong answer, where it gives one."""
    differences: list[Difference]
    reason: str
    """What the primary metric says of the row."""
    right_rivals: list[str]
    """Rivals that answered this row as well as can be."""


def mistakes(
    examples: Sequence[Example],
    answers: Sequence[Answer],
    spec: TaskSpec,
    rivals: Mapping[str, Sequence[Answer]] | None = None,
    functions: Mapping[str, OwnFunction] | None = None,
    limit: int = 10,
) -> list[Mistake]:
    """At most `limit` rows that the system got wrong by the primary KPI, the gravest of each sort of error in turn.

    Graver is the lower row score, then the higher confidence in the wrong answer. A sort of error is a pair of labels,
    the first wrong JSON field, or how the answer ended. `rivals`: answers of other systems on the same rows.
    """
    check_rows("mistakes", examples, answers)
    scope = Scope.of(spec, examples, functions=functions)
    judge = metric(spec.kpi_list[0].name, scope)
    best = judge.maximum if judge.higher_is_better else 0.0
    scores = judge.per_row(judge.table(examples, answers))
    reasons = {**judge.unscored, **judge.reasons}
    right = {
        name: np.abs(judge.per_row(judge.table(examples, given)) - best) <= 1e-9
        for name, given in (rivals or {}).items()
    }
    found = {
        i: Mistake(
            id=example.id,
            source=example.source,
            question=example.question,
            expected=example.target,
            answered=answer.text,
            score=float(scores[i]),
            confidence=answer.label_probs.get(text_of(answer)) if answer.label_probs else None,
            differences=_differences(example, answer, scope),
            reason=reasons.get(example.id, ""),
            right_rivals=[name for name, rows in right.items() if rows[i]],
        )
        for i, (example, answer) in enumerate(zip(examples, answers, strict=True))
        if abs(scores[i] - best) > 1e-9
    }
    grave_first = sorted(found, key=lambda i: (-abs(scores[i] - best), -(found[i].confidence or 0.0), i))
    seen, turns = Counter[str](), {}
    for i in grave_first:
        sort = _sort(examples[i], answers[i], found[i], scope)
        turns[i] = seen[sort]
        seen[sort] += 1
    chosen = sorted(grave_first, key=lambda i: turns[i])[:limit]
    return [found[i] for i in chosen]


def _sort(example: Example, answer: Answer, mistake: Mistake, scope: Scope) -> str:
    if answer.finish != "stop":
        return answer.finish
    if scope.kind == "classification":
        return f"{example.labels} {text_of(answer)}"
    if scope.kind == "extraction":
        return mistake.differences[0].field if mistake.differences else "order"
    return "text" if text_of(answer) else "empty"


def _differences(example: Example, answer: Answer, scope: Scope) -> list[Difference]:
    if scope.kind == "classification":
        return _label_differences(example, answer, scope)
    expected, answered = parse(example.target), parse(text_of(answer))
    if scope.kind == "extraction" and UNREADABLE not in (expected, answered):
        found = pairs(expected, answered)
        return [Difference(pair.field, pair.expected, pair.answered) for pair in found if not pair.equal]
    if scope.kind == "extraction":
        return [Difference("answer", "JSON", "no answer" if answer.finish == "error" else "not JSON")]
    missing = Counter(words(example.target)) - Counter(words(text_of(answer)))
    extra = Counter(words(text_of(answer))) - Counter(words(example.target))
    return [Difference("words", " ".join(missing.elements()) or None, " ".join(extra.elements()) or None)]


def _label_differences(example: Example, answer: Answer, scope: Scope) -> list[Difference]:
    said, gold = answered_labels(answer, scope), frozenset(example.labels)
    if not scope.multi:
        return [Difference("label", example.labels[0], NO_ANSWER if said is None else text_of(answer))]
    said = said or frozenset()
    return [Difference("label", label, None) for label in sorted(gold - said)] + [
        Difference("label", None, label) for label in sorted(said - gold)
    ]
