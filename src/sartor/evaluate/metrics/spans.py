"""Extraction: where in the text an answer says that something stands."""

from collections import defaultdict
from typing import Any

from sartor.data.example import Example
from sartor.evaluate.fields import UNREADABLE, parse
from sartor.evaluate.metric import Array, Metric, register, text_of
from sartor.evaluate.metrics.counts import precision_recall_f1
from sartor.generate.answer import Answer

Span = tuple[int, int]
FARTHEST = 10**9
"""Characters; a place beyond is taken for this one."""


@register
class SpanF1(Metric):
    """F1 of the characters that answered and expected spans share, spans of one field and label together.

    A span is an object `{"start": 3, "end": 9}`, the end not in it; a `label` that it holds must agree. Where no span is
    expected and none stated, a row says nothing; an unreadable answer to such a row is one wrong character.
    """

    name = "span_f1"
    title = "span F1"
    kinds = ("extraction",)
    on_request = True

    @property
    def signature(self) -> str:
        return "span_f1|micro|characters|by field and label"

    def row(self, example: Example, answer: Answer) -> tuple[float, ...]:
        """Characters right, extra and missed."""
        said = parse(text_of(answer))
        expected, answered = spans(parse(example.target)), spans(said)
        if not expected and said is UNREADABLE:
            return 0.0, 1.0, 0.0
        right = sum(shared_characters(expected[key], answered[key]) for key in expected.keys() & answered.keys())
        return float(right), float(_length(answered) - right), float(_length(expected) - right)

    def of_sums(self, sums: Array) -> Array:
        return precision_recall_f1(sums[..., 0], sums[..., 1], sums[..., 2])[2]


def spans(value: Any) -> dict[tuple[str, str], list[Span]]:
    """The spans of every (field, label), in order and apart from each other."""
    found: dict[tuple[str, str], list[Span]] = defaultdict(list)
    _collect(value, "", found)
    return {key: _joined(pieces) for key, pieces in found.items()}


def _collect(value: Any, field: str, found: dict[tuple[str, str], list[Span]]) -> None:
    if isinstance(value, list):
        for item in value:
            _collect(item, field, found)
    if not isinstance(value, dict):
        return
    start, end = value.get("start"), value.get("end")
    if type(start) is int and type(end) is int and 0 <= start < end:
        found[field, str(value.get("label", ""))].append((min(start, FARTHEST), min(end, FARTHEST)))
    for key, item in value.items():
        _collect(item, f"{field}.{key}", found)


def _joined(pieces: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in sorted(pieces):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def _length(found: dict[tuple[str, str], list[Span]]) -> int:
    return sum(end - start for pieces in found.values() for start, end in pieces)


def shared_characters(a: list[Span], b: list[Span]) -> int:
    """How many characters lie in both, each list in order and its spans apart."""
    shared = i = j = 0
    while i < len(a) and j < len(b):
        shared += max(0, min(a[i][1], b[j][1]) - max(a[i][0], b[j][0]))
        if a[i][1] <= b[j][1]:
            i += 1
        else:
            j += 1
    return shared
