"""Which pieces of an answer are at fault, and which of its reference were lost: what a reader should look at first."""

from collections.abc import Sequence

from sartor.data.example import Example
from sartor.evaluate.facts import Reading, compare
from sartor.evaluate.fields import pairs, parse
from sartor.task import Kind

Span = tuple[int, int]
LONGEST = 20_000
"""Characters; a longer text is shown without marks."""


def marks(example: Example, answered: str, kind: Kind) -> tuple[list[Span], list[Span]]:
    """Places of the faults in the answer, and of the losses in the reference: facts of a text, fields of a record."""
    if len(answered) + len(example.target) > LONGEST:
        return [], []
    if kind == "extraction":
        wrong = [pair for pair in pairs(parse(example.target), parse(answered)) if not pair.equal]
        return (
            _places(answered, [pair.answered for pair in wrong]),
            _places(example.target, [pair.expected for pair in wrong]),
        )
    if kind not in ("summarization", "generation"):
        return [], []
    found = compare(Reading(example.target), Reading(answered), Reading(example.question))
    return found.faults, found.losses


def pieces(text: str, spans: Sequence[Span]) -> list[tuple[str, bool]]:
    """The text cut at the spans' ends, each piece with whether it is marked; spans may overlap."""
    cut, at = list[tuple[str, bool]](), 0
    for start, end in sorted(spans):
        start = max(start, at)
        if end > start:
            cut += [(text[at:start], False), (text[start:end], True)]
            at = end
    return [(piece, marked) for piece, marked in (*cut, (text[at:], False)) if piece]


def _places(text: str, values: Sequence[str | None]) -> list[Span]:
    """The first place of each value in a JSON text, one after the other where a value occurs several times."""
    found, taken = list[Span](), dict[str, int]()
    for value in values:
        if value and (start := text.find(value, taken.get(value, 0))) >= 0:
            taken[value] = start + len(value)
            found.append((start, start + len(value)))
    return found
