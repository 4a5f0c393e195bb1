"""Rows whose label the other rows contradict."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.label_errors import label_errors
from sartor.curate.pool import Pool
from sartor.curate.probabilities import out_of_fold
from sartor.curate.value_errors import Value, ValueErrors, value_errors
from sartor.data.example import Example
from sartor.data.jsontext import NotJsonError, compact, leaves, parse_json

_SPEAKING = 0.001
"""Probabilities below this are not worth a line; of those above, even small ones rank what a person may look at next."""
_NAMED = 0.3
"""Values more probably in error are named, and mended by a fix; where none is, the worst."""


@register
class LabelErrors(Check):
    """Finds rows whose label is probably wrong, by models of the other rows and by how labels get confused.

    The score is the probability that the label is wrong. The fix is the likeliest other label. Of several labels a row, and of
    a record's values that ten rows or more share, such as codes, each is judged: wrong where it stands, or missing.
    """

    name = "label_errors"
    title = "probable label errors"
    kinds = ("classification", "extraction")
    threshold = 0.5
    encodes = True

    def look(self, pool: Pool) -> Suspicions:
        if pool.spec.kind == "classification" and pool.one_label:
            return _one_label(pool) if len(pool.classes) > 1 else {}
        rows = [set(_values(example)) for example in pool.examples]
        found = value_errors(pool.embeddings, rows, pool.groups, pool.spec.train.seed)
        score = found.score
        return {place: _suspicion(pool.examples[place], found, place, score[place]) for place in _speaking(score)}


def _one_label(pool: Pool) -> Suspicions:
    probs = out_of_fold(pool.embeddings, pool.neighbours, pool.labels, pool.groups, pool.spec.train.seed)
    found = label_errors(probs, pool.labels)
    suspicions: Suspicions = {}
    for place in _speaking(found.score):
        example, suggested = pool.examples[place], pool.classes[found.suggested[place]]
        suspicions[place] = Suspicion(
            score=round(float(found.score[place]), 4),
            reason=f"labelled `{example.labels[0]}`, and reads as `{suggested}`",
            evidence={"label": example.labels[0], "suggested": suggested},
            fix=replace(example, target=suggested, labels=(suggested,)),
        )
    return suspicions


def _speaking(score: Any) -> list[int]:
    places: list[int] = np.flatnonzero(score > _SPEAKING).tolist()
    return places


def _values(example: Example) -> Iterator[Value]:
    """The row's labels, or the values of its record."""
    if example.labels:
        yield from (("", compact(label)) for label in example.labels)
        return
    try:
        record = parse_json(example.target)
    except NotJsonError:
        return
    yield from ((field, compact(value)) for field, value in leaves(record))


def _suspicion(example: Example, found: ValueErrors, place: int, score: float) -> Suspicion:
    """What is wrong with the row's values and, where that tells all, the row as it should be."""
    errors, given = found.wrong[place], found.given[place]
    worst = [at for at in np.argsort(-errors, kind="stable").tolist() if errors[at] > _NAMED] or [int(errors.argmax())]
    wrong = [found.values[at] for at in worst if given[at]]
    missing = [found.values[at] for at in worst if not given[at]]
    said = [f"{_shown(value)} reads as wrong" for value in wrong] + [f"{_shown(value)} as missing" for value in missing]
    evidence: dict[str, Any] = {"wrong": list(map(_shown, wrong)), "missing": list(map(_shown, missing))}
    fix = _fixed(example, wrong, missing)
    if fix:
        evidence["suggested"] = list(fix.labels) if example.labels else json.loads(missing[0][1])
    return Suspicion(round(float(score), 4), "; ".join(said), evidence, fix)


def _shown(value: Value) -> str:
    field, text = value
    return f"`{field}: {json.loads(text)}`" if field else f"`{json.loads(text)}`"


def _fixed(example: Example, wrong: list[Value], missing: list[Value]) -> Example | None:
    """The row with its labels put right, or with the one wrong value of its record in favour of the one that is missing."""
    if example.labels:
        out = {json.loads(text) for _, text in wrong}
        labels = (*(label for label in example.labels if label not in out), *(json.loads(text) for _, text in missing))
        return replace(example, target="; ".join(labels), labels=labels) if labels else None
    if len(wrong) != 1 or len(missing) != 1 or wrong[0][0] != missing[0][0]:
        return None
    record = parse_json(example.target)
    (field, old), (_, new) = wrong[0], missing[0]
    if sum((path, compact(value)) == (field, old) for path, value in leaves(record)) != 1:
        return None
    return replace(example, target=compact(_put(record, field, json.loads(old), json.loads(new))))


def _put(value: Any, field: str, old: Any, new: Any, path: str = "") -> Any:
    """The value with `new` where a field has `old`."""
    if isinstance(value, dict):
        return {key: _put(item, field, old, new, f"{path}.{key}" if path else key) for key, item in value.items()}
    if isinstance(value, list):
        return [_put(item, field, old, new, path) for item in value]
    return new if path == field and value == old and type(value) is type(old) else value
