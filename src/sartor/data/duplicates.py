"""Rows that ask the same thing: inside one set, and across the two sides of a split."""

import json
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import regex

from sartor.data.example import Example
from sartor.data.jsontext import NotJsonError, parse_json
from sartor.task import CODE, Kind

_APOSTROPHES = regex.compile("['\N{RIGHT SINGLE QUOTATION MARK}]")
_IN_A_NUMBER = r"(?<=\d)[.,:/-](?=\d)|(?<!\w)-(?=\.?\d)|(?<!\w)\.(?=\d)|(?<=\d\s*)%"
_PUNCTUATION = regex.compile(rf"(?!{_IN_A_NUMBER})\p{{P}}")


def normalise(text: str) -> str:
    """The text with case, punctuation and white space folded; a text of punctuation alone stays as it is.

    Symbols such as `<`, `+` and `€` carry meaning and stay, and so do the marks of a number: `-5`, `3/4`, `1.5`, `5 %`.
    """
    folded = _APOSTROPHES.sub("", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(_PUNCTUATION.sub(" ", folded).split()) or text.strip()


def fold(text: str, kind: Kind) -> str:
    """What two texts of a task have in common where they ask the same.

    In code and SQL every mark, capital and indent can make another program: only white space at the ends of lines is folded.
    """
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n") if kind in CODE else normalise(text)


def question_key(example: Example, kind: Kind) -> str:
    """What makes two examples ask the same: the folded conversation without its system message."""
    return "\n".join(fold(message.content, kind) for message in example.messages if message.role != "system")


def target_key(example: Example) -> str:
    """What makes two examples answer the same: labels in whatever order, JSON with keys in whatever order, other text as it is
    but for white space around it."""
    if example.labels:
        return json.dumps(sorted(example.labels))
    text = example.target.strip()
    if not text.startswith(("{", "[")):
        return text
    try:
        return json.dumps(parse_json(text), sort_keys=True)
    except NotJsonError:
        return text


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Two or more rows that ask the same after folding."""

    rows: tuple[int, ...]
    """Indices, in order."""
    places: tuple[str, ...]
    same_target: bool
    """False: they contradict each other."""


@dataclass(frozen=True, slots=True)
class Match:
    """A test row, or a value that both sides hold, and the first training row that has the same."""

    train: str
    test: str


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a test set shares with its training set. The first three hold a match per test row."""

    exact: tuple[Match, ...]
    """Question and target the same, character by character but for white space around them."""
    questions: tuple[Match, ...]
    """The same folded question, whatever the target: the exact ones are among them."""
    contradictions: tuple[Match, ...]
    """The same folded question, but no training row with the same target."""
    groups: tuple[Match, ...]
    """One match per shared `group` value."""
    subjects: tuple[Match, ...]
    """One match per shared `subject` value."""
    identical: bool
    """Both sets hold the same questions and targets, in whatever order: train = test."""


def duplicate_groups(examples: Sequence[Example], kind: Kind) -> list[DuplicateGroup]:
    """The groups of rows that ask the same, in the order of their first rows."""
    by_question: dict[str, list[int]] = {}
    for index, example in enumerate(examples):
        by_question.setdefault(question_key(example, kind), []).append(index)
    return [
        DuplicateGroup(
            tuple(rows),
            tuple(examples[row].source for row in rows),
            len({target_key(examples[row]) for row in rows}) == 1,
        )
        for rows in by_question.values()
        if len(rows) > 1
    ]


def overlap(train: Sequence[Example], test: Sequence[Example], kind: Kind) -> Overlap:
    """What the two sets share, with the places of the rows as evidence."""

    def asks(example: Example) -> str:
        return question_key(example, kind)

    asked = _matches(train, test, asks)
    answered = {(asks(example), target_key(example)) for example in train}
    contradicted = [match for example, match in asked if (asks(example), target_key(example)) not in answered]
    return Overlap(
        exact=tuple(match for _, match in _matches(train, test, _content)),
        questions=tuple(match for _, match in asked),
        contradictions=tuple(contradicted),
        groups=_shared(train, test, lambda example: example.group),
        subjects=_shared(train, test, lambda example: example.subject),
        identical=Counter(map(_content, train)) == Counter(map(_content, test)),
    )


def _content(example: Example) -> str:
    turns = [message.content.strip() for message in example.messages if message.role != "system"]
    return "\0".join((*turns, example.target.strip()))


def _matches(
    train: Sequence[Example], test: Sequence[Example], key: Callable[[Example], str | None]
) -> list[tuple[Example, Match]]:
    first: dict[str | None, str] = {}
    for example in train:
        first.setdefault(key(example), example.source)
    keyed = [(example, key(example)) for example in test]
    return [(example, Match(first[k], example.source)) for example, k in keyed if k is not None and k in first]


def _shared(
    train: Sequence[Example], test: Sequence[Example], key: Callable[[Example], str | None]
) -> tuple[Match, ...]:
    by_value: dict[str | None, Match] = {}
    for example, match in _matches(train, test, key):
        by_value.setdefault(key(example), match)
    return tuple(by_value.values())
