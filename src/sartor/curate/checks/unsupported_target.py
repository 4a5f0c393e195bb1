"""Targets that state what their input does not: a number, a code or a name that nobody could have found there."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.pool import Pool
from sartor.curate.spoken import spoken
from sartor.data.example import Example
from sartor.data.jsontext import NotJsonError, parse_json
from sartor.data.vocabulary import UNITS

USUAL = 0.8
"""Targets take from their inputs what the inputs hold at least so often; other kinds of facts are not judged."""
_NUMBER = re.compile(r"(?<![\w.])(\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)[ -]?([a-zµ]+|%)?", re.IGNORECASE)
_CODE = re.compile(r"\b[A-Z][A-Za-z]*[-.]?\d(?:[\w.-]*\w)?")
_PROPER = r"(?!Mrs\b|Miss\b)[A-Z]\w*[a-z]{2}\w*(?:-\w+)*"
_NAME = re.compile(rf"(?<=[a-z,] ){_PROPER}(?: {_PROPER})*")
_ITEM = re.compile(r"(?:^|(?<=[.:;\n]))\s*\d{1,2}[.)]\s")
"""`1. Headache. 2. Nausea`: a number that only counts the items."""
_TRIVIAL = ("0", "1")
"""People say `no`, `a`, `first` and `full` for them."""
_HALF = re.compile(r"(?<![\d/])(?:(\d+)[- ])?1/2(?![\d/])")
_WORD = re.compile(r"[^\W_]+")
_COMMON = re.compile(r"\b[a-z]{3,}\b")
_UNITS = UNITS | {"yo": "year"}


class Fact(NamedTuple):
    field: str
    """`number`, `code` or `name`; of a record, the keys on the way to the value."""
    text: str


@register
class UnsupportedTarget(Check):
    """Finds targets with numbers, codes, names or fields that their input does not hold.

    The score is the share of the target's facts that is missing. A number may be spelled out in the input, and must have the
    same unit where both have one; a name is a word inside a sentence that the set's targets never write small. What a set's
    inputs hold less than 80 % of the time is inferred rather than found, such as the code of a diagnosis: it is not judged,
    and a remark says so.
    """

    name = "unsupported_target"
    title = "targets that their input does not support"
    kinds = ("extraction", "summarization", "generation")

    def look(self, pool: Pool) -> Suspicions:
        stated = _stated(pool)
        inferred = _inferred(stated)
        found: Suspicions = {}
        for place, facts in enumerate(stated):
            judged = [fact for fact in facts if fact.field not in inferred]
            if missing := [fact for fact in judged if not facts[fact]]:
                texts = [f"`{' '.join(fact.text.split())[:40]}`" for fact in missing[:3]]
                shown = ", ".join(texts) + (", …" if len(missing) > 3 else "")
                evidence: dict[str, list[str]] = {}
                for fact in missing:
                    evidence.setdefault(fact.field, []).append(fact.text)
                reason = f"the target has {shown}, which the input does not"
                found[place] = Suspicion(len(missing) / len(judged), reason, {"missing": evidence})
        return found

    def remarks(self, pool: Pool) -> list[str]:
        return [
            f"`{field}` is in the input in {share:.0%} of targets: taken as inferred, not judged"
            for field, share in sorted(_inferred(_stated(pool)).items())
        ]


def _stated(pool: Pool) -> list[dict[Fact, bool]]:
    """The facts of every row's target, and whether its input holds them."""
    if pool.spec.kind == "extraction":
        stated = [list(_fields(example.target)) for example in pool.examples]
    else:
        common = {word for example in pool.examples for word in _COMMON.findall(example.target)}
        stated = [list(_facts(example.target, common)) for example in pool.examples]
    found = []
    for example, facts in zip(pool.examples, stated, strict=True):
        source = _Source(example)
        found.append({fact: source.holds(fact) for fact in facts})
    return found


def _inferred(stated: Sequence[dict[Fact, bool]]) -> dict[str, float]:
    """The kinds of facts that inputs do not usually hold, with the share that they hold."""
    all_, held = Counter[str](), Counter[str]()
    for facts in stated:
        all_.update(fact.field for fact in facts)
        held.update(fact.field for fact, there in facts.items() if there)
    return {field: held[field] / count for field, count in all_.items() if held[field] < USUAL * count}


def _facts(text: str, common: set[str]) -> Iterator[Fact]:
    """Codes, numbers with their units, and names of a text; a capitalised word that is `common` elsewhere is no name."""
    yield from (Fact("code", match[0]) for match in _CODE.finditer(text))
    for match in _NUMBER.finditer(_halves(_ITEM.sub(" ", _CODE.sub(" ", text)))):
        if next(_numbers(match[1]))[0] not in _TRIVIAL:
            yield Fact("number", match[0].strip() if (match[2] or "").casefold() in _UNITS else match[1])
    for match in _NAME.finditer(text):
        if name := " ".join(word for word in match[0].split() if word.casefold() not in common):
            yield Fact("name", name)


def _fields(target: str) -> Iterator[Fact]:
    """The values of a record, by the keys on the way to them."""
    try:
        level: list[tuple[str, Any]] = [("", parse_json(target))]
    except NotJsonError:
        return
    while level:
        path, value = level.pop()
        if isinstance(value, dict):
            level += ((f"{path}.{key}" if path else key, item) for key, item in value.items())
        elif isinstance(value, list):
            level += ((path, item) for item in value)
        elif isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            yield Fact(path, str(value))


class _Source:
    """What an input holds, in the forms in which it is asked."""

    def __init__(self, example: Example) -> None:
        self._text = " ".join(message.content for message in example.messages)
        self._low = self._text.casefold()

    @cached_property
    def _said(self) -> str:
        """Its words with one space around each."""
        return f" {' '.join(_WORD.findall(self._low))} "

    @cached_property
    def _squeezed(self) -> str:
        return "".join(_WORD.findall(self._low))

    @cached_property
    def _units(self) -> dict[str, set[str | None]]:
        """The units that each number in digits has; None where it has none."""
        units: dict[str, set[str | None]] = {}
        for number, unit in _numbers(self._text):
            units.setdefault(number, set()).add(unit)
        return units

    def holds(self, fact: Fact) -> bool:
        match fact.field:
            case "number":
                return all(self._holds_number(*number) for number in _numbers(fact.text))
            case "name":
                return all(map(self._holds_letters, fact.text.split()))
            case "code":
                return self._holds_letters(fact.text)
        numbers = list(_numbers(fact.text))
        return self._holds_letters(fact.text) or (
            bool(numbers) and all(self._holds_number(*number) for number in numbers)
        )

    def _holds_letters(self, text: str) -> bool:
        """The letters and digits of the text, one after the other; of short ones, as words."""
        words = _WORD.findall(text.casefold())
        squeezed = "".join(words)
        return squeezed in self._squeezed if len(squeezed) > 3 else f" {' '.join(words)} " in self._said

    def _holds_number(self, number: str, unit: str | None) -> bool:
        units = self._units.get(number)
        if units is None:
            return any(f" {way} " in self._said for way in spoken(number))
        return unit is None or unit in units or None in units


def _numbers(text: str) -> Iterator[tuple[str, str | None]]:
    """Every number in digits without commas and needless zeros, with its unit where it has a known one."""
    for match in _NUMBER.finditer(_halves(text)):
        number = match[1].replace(",", "").lstrip("0") or "0"
        number = number.rstrip("0").rstrip(".") if "." in number else number
        yield (f"0{number}" if number.startswith(".") else number), _UNITS.get((match[2] or "").casefold())


def _halves(text: str) -> str:
    """`1-1/2 packs` as `1.5 packs`."""
    return _HALF.sub(lambda match: f"{match[1] or 0}.5", text)
