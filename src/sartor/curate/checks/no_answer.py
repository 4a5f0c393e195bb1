"""Targets that answer nothing: empty, a placeholder, a refusal."""

import unicodedata

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.pool import Pool
from sartor.data.duplicates import normalise
from sartor.data.example import Example
from sartor.data.jsontext import NotJsonError, parse_json
from sartor.data.refusals import refuses
from sartor.task import Kind

_PLACEHOLDERS = frozenset(
    {
        "n a", "na", "nan", "null", "nil", "undefined", "tbd", "tba", "tbc", "todo", "to do", "to be done",
        "to be determined", "to be added", "fixme", "xxx", "xxxx", "lorem ipsum", "placeholder",
        "insert answer here", "your answer here", "answer goes here", "no answer", "no response",
    }
)  # fmt: skip
"""As `normalise` leaves them."""


@register
class NoAnswer(Check):
    """Finds targets that are empty, a placeholder or a refusal in the usual English words.

    `none`, `unknown` and the like are answers. In a record, placeholders count where it holds nothing else.
    """

    name = "no_answer"
    title = "targets that answer nothing"

    def look(self, pool: Pool) -> Suspicions:
        found: Suspicions = {}
        for place, example in enumerate(pool.examples):
            if fault := _fault(example, pool.spec.kind):
                found[place] = Suspicion(1.0, f"the target is {fault}", {"fault": fault})
        return found


def _fault(example: Example, kind: Kind) -> str:
    text = example.target.strip()
    if not text:
        return "empty"
    if kind == "extraction":
        return "a placeholder" if _holds_only_placeholders(text) else ""
    if _is_placeholder(text) or (kind != "classification" and _is_punctuation(text)):
        return "a placeholder"
    return "a refusal" if refuses(text) else ""


def _is_placeholder(text: str) -> bool:
    return normalise(text) in _PLACEHOLDERS or normalise(text).startswith("lorem ipsum dolor")


def _is_punctuation(text: str) -> bool:
    return all(char.isspace() or unicodedata.category(char).startswith(("P", "C")) for char in text)


def _holds_only_placeholders(record: str) -> bool:
    try:
        level = [parse_json(record)]
    except NotJsonError:
        return False
    texts = list[str]()
    while level:
        value = level.pop()
        if isinstance(value, dict | list):
            level += value.values() if isinstance(value, dict) else value
        elif isinstance(value, str) and value.strip():
            texts.append(value)
        elif value is not None and value != "":
            return False
    return bool(texts) and all(map(_is_placeholder, texts))
