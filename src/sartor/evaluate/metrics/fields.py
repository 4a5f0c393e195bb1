"""Extraction: is the answer JSON, and are its fields right?

Field metrics are micro-averages over all fields of all rows. An unreadable answer states no field: all that was
expected of it is missed, and where nothing was expected it counts as one wrong field, so no row leaves the count.
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from sartor.data.example import Example
from sartor.evaluate.fields import UNREADABLE, Key, leaves, pairs, parse
from sartor.evaluate.metric import Array, Detail, Metric, Proportion, register, text_of
from sartor.evaluate.metrics.counts import detail_lines, precision_recall_f1
from sartor.evaluate.normalise import Source, normalise
from sartor.generate.answer import Answer


@register
class FieldF1(Metric):
    """Harmonic mean of field precision and field recall."""

    name = "field_f1"
    title = "field F1"
    kinds = ("extraction",)
    place = 2
    key: Key = staticmethod(str.casefold)

    @property
    def signature(self) -> str:
        return f"{self.name}|micro|lists:best match|values:strip,casefold,numeric|unreadable:no field"

    def row(self, example: Example, answer: Answer) -> tuple[float, ...]:
        counts = np.sum(list(field_counts(example, answer, self.key).values()) or [(0, 0, 0)], axis=0)
        if not counts.any() and unreadable(answer):
            return 0.0, 1.0, 0.0
        return tuple(map(float, counts))

    def of_sums(self, sums: Array) -> Array:
        return precision_recall_f1(sums[..., 0], sums[..., 1], sums[..., 2])[self.place]


@register
class FieldPrecision(FieldF1):
    """Of the fields that were stated, the share that is right."""

    name = "field_precision"
    title = "field precision"
    place = 0


@register
class FieldRecall(FieldF1):
    """Of the fields that were expected, the share that was stated right."""

    name = "field_recall"
    title = "field recall"
    place = 1


@register
class FieldF1Normalised(FieldF1):
    """Field F1 where "3 May 2024" is 2024-05-03, "$1,200.00" 1200 USD, "E11.9" e119 and "Doe, Dr. Jane" Jane Doe."""

    name = "field_f1_normalised"
    title = "field F1, normalised"
    key = staticmethod(normalise)

    @property
    def signature(self) -> str:
        return f"{self.name}|micro|lists:best match|values:dates,money,numbers,codes,names|unreadable:no field"


@register
class HallucinatedFields(Metric):
    """Of the stated values, the share that neither the source text nor the target holds in any spelling; lower is better.

    The source is the row's last user message. What is right is not invented, although it may stand nowhere in the source:
    a code, a category. true and false are judgements and do not count. An unreadable answer counts as one invented value.
    """

    name = "hallucinated_fields"
    title = "hallucinated fields"
    kinds = ("extraction",)
    higher_is_better = False

    @property
    def signature(self) -> str:
        return f"{self.name}|source:last user message, target|values:dates,money,numbers,codes,names"

    def row(self, example: Example, answer: Answer) -> tuple[float, ...]:
        """Invented values, values."""
        said = parse(text_of(answer))
        if said is UNREADABLE:
            return 1.0, 1.0
        values = [text for _, text in leaves(said) if text not in ("true", "false")]
        expected = {normalise(text) for _, text in leaves(parse(example.target))}
        source = Source(example.question)
        invented = sum(normalise(text) not in expected and not source.holds(text) for text in values)
        return float(invented), float(len(values))

    def of_sums(self, sums: Array) -> Array:
        absent, stated = sums[..., 0], sums[..., 1]
        return np.divide(absent, stated, out=np.zeros_like(stated), where=stated > 0)


@register
class JsonValid(Proportion):
    """Share of answers that parse as JSON as they stand: no code fence, no text around, no NaN."""

    name = "json_valid"
    needs_target = False
    title = "valid JSON"
    kinds = ("extraction",)

    @property
    def signature(self) -> str:
        return "json_valid|RFC 8259|depth:64"

    def score(self, example: Example, answer: Answer) -> float:
        return float(not unreadable(answer))


def unreadable(answer: Answer) -> bool:
    """No answer, or one that is not JSON."""
    return parse(text_of(answer)) is UNREADABLE


def field_counts(example: Example, answer: Answer, key: Key = str.casefold) -> dict[str, tuple[int, int, int]]:
    """(right, extra, missed) of each field of a row."""
    right, extra, missed = Counter[str](), Counter[str](), Counter[str]()
    found = pairs(parse(example.target), parse(text_of(answer)), key=key)
    for pair in found:
        if pair.equal:
            right[pair.field] += 1
            continue
        extra[pair.field] += pair.answered is not None
        missed[pair.field] += pair.expected is not None
    return {name: (right[name], extra[name], missed[name]) for name in dict.fromkeys(pair.field for pair in found)}


def per_field(examples: Sequence[Example], answers: Sequence[Answer]) -> list[Detail]:
    """Precision, recall and F1 of every field, those that are expected most first."""
    total: dict[str, Array] = {}
    for example, answer in zip(examples, answers, strict=True):
        for name, counts in field_counts(example, answer).items():
            total[name] = total.get(name, np.zeros(3)) + counts
    lines = detail_lines(list(total), np.array(list(total.values())).reshape(-1, 3))
    return sorted(lines, key=lambda line: -line.support)
