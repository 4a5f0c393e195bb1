"""What counts more than the rest in the loss: rows by their weight, and the tokens of what the KPIs look at.

A token of the reply weighs (weight of its row) × (1, or `train.fact_weight` in a critical fact, or `train.field_weight` in a
value). A token that spells a character of it lies in it.
"""

import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from sartor.data.example import Example
from sartor.data.examples import read_weight
from sartor.errors import InputError
from sartor.evaluate.facts import Reading, compare
from sartor.evaluate.facts.words import word_set
from sartor.evaluate.metric import Unscored
from sartor.evaluate.metrics.facts import stated_facts
from sartor.models.template import Renderer
from sartor.task import Kind, TaskSpec
from sartor.train.batches import Encoded

Place = tuple[int, int]
"""Characters of a text: from, to."""

_STRING = r'"(?:[^"\\]|\\.)*"'
_JSON = re.compile(rf"(?P<key>{_STRING}\s*:)|(?P<value>{_STRING}|-?\d[\d.eE+-]*|true|false|null)")
_NAME = r"\b\d[\w.]*|\b[^\W\d]\w*"
_PYTHON = re.compile(
    rf"#[^\n]*|(?P<value>\"{{3}}.*?\"{{3}}|'{{3}}.*?'{{3}}|{_STRING}|'(?:[^'\\]|\\.)*'|{_NAME})", re.DOTALL
)
_SQL = re.compile(rf"--[^\n]*|(?P<value>'(?:[^']|'')*'|\"[^\"]*\"|`[^`]*`|{_NAME})")
_SQL_WORDS = word_set(
    "all and any as asc between by case cast cross desc distinct else end except exists from full group having in inner "
    "intersect into is join left like limit not null offset on or order outer over partition right select set then union "
    "using values when where with"
)


def emphasised(
    examples: Sequence[Example], rows: Sequence[Encoded], spec: TaskSpec, renderer: Renderer
) -> list[Encoded]:
    """The rows (those of the examples, in order) with the weights of their tokens; without any where all count alike.

    Raises InputError, with the row's place, for a weight or facts that cannot be read.
    """
    if spec.data.weight is None and spec.train.fact_weight == spec.train.field_weight == 1:
        return list(rows)
    return [_emphasised(example, row, spec, renderer) for example, row in zip(examples, rows, strict=True)]


def _emphasised(example: Example, row: Encoded, spec: TaskSpec, renderer: Renderer) -> Encoded:
    weight = 1.0
    if spec.data.weight is not None:
        try:
            weight = read_weight(example.columns, spec.data.weight)
        except ValueError as error:
            raise InputError(f"{example.source}: {error}") from None
    weights = [weight] * len(row.reply)
    by = max(spec.train.fact_weight, spec.train.field_weight)
    if by > 1:
        places = fact_places(example, spec) if spec.train.fact_weight > 1 else value_places(example.target, spec.kind)
        for at, (start, end) in enumerate(renderer.reply_places(example.target)):
            if any(start < to and begin < end for begin, to in places):
                weights[at] *= by
    return replace(row, weights=tuple(weights))


def fact_places(example: Example, spec: TaskSpec) -> list[Place]:
    """Where the target states its critical facts: those of the column `data.facts`, else those that the rules find.

    A stated fact is where the target has it word for word, else every fact of the target that it holds.
    """
    target = Reading(example.target)
    if spec.data.facts is None:
        critical = compare(target, target, target).critical
        return [(one.fact.start, one.fact.end) for one in critical]
    try:
        stated = stated_facts(example, spec.data.facts)
    except Unscored:
        return []
    places: list[Place] = []
    for fact in stated:
        words = r"\s+".join(map(re.escape, fact.split()))
        found = [match.span() for match in re.finditer(rf"(?<!\w){words}(?!\w)", target.text, re.IGNORECASE)]
        held = Reading(fact).held
        places += found or [(each.start, each.end) for each in target.facts if held.holds(each)]
    return places


def value_places(target: str, kind: Kind) -> list[Place]:
    """Values of JSON, quotes included, but neither keys nor marks; of code, what is neither keyword, mark nor comment."""
    return list(_values(target, kind))


def _values(target: str, kind: Kind) -> Iterator[Place]:
    pattern = {"code": _PYTHON, "sql": _SQL}.get(kind, _JSON)
    for match in pattern.finditer(target):
        word = match["value"]
        if word is None or (kind == "code" and keyword.iskeyword(word)):
            continue
        if kind == "sql" and word.lower() in _SQL_WORDS:
            continue
        yield match.span("value")
