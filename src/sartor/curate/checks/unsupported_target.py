"""Targets that state what their input does not: a number, a code or a name that nobody could have found there."""

import dataclasses
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import zip_longest

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
_JSON = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_KINDS = ("number", "code", "name")
_UNITS = UNITS | {"yo": "year"}


@dataclasses.dataclass(frozen=True, slots=True)
class Fact:
    field: str
    """`number`, `code` or `name`; of a record, the keys on the way to the value."""
    text: str
    place: tuple[int, int] = dataclasses.field(compare=False)
    """Where it stands first in the target: `target[start:end]`."""


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
                evidence: dict[str, list[list[int]]] = {}
                for fact in missing:
                    evidence.setdefault(fact.field, []).append(list(fact.place))
                said = [_said(field, len(places)) for field, places in evidence.items()]
                shown = ", ".join(said[:3]) + (", …" if len(said) > 3 else "")
                reason = f"the input does not hold {shown} of the target"
                found[place] = Suspicion(len(missing) / len(judged), reason, {"unsupported": evidence})
        return found

    def remarks(self, pool: Pool) -> list[str]:
        return [
            f"`{field}` is in the input in {share:.0%} of targets: taken as inferred, not judged"
            for field, share in sorted(_inferred(_stated(pool)).items())
        ]


def _said(field: str, count: int) -> str:
    """`2 names`; of a record, `meds.drug (2)`: a key is the task's word, and no row's."""
    if field in _KINDS:
        return f"{count} {field}{'s' * (count > 1)}"
    return f"`{' '.join(field.split())[:40]}`" + (f" ({count})" if count > 1 else "")


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
    yield from (Fact("code", match[0], match.span()) for match in _CODE.finditer(text))
    for match in _NUMBER.finditer(_halves(_blank(_ITEM, _blank(_CODE, text)))):
        if next(_numbers(match[1]))[0] not in _TRIVIAL:
            measured = (match[2] or "").casefold() in _UNITS
            yield Fact("number", match[0] if measured else match[1], match.span() if measured else match.span(1))
    for match in _NAME.finditer(text):
        if name := " ".join(word for word in match[0].split() if word.casefold() not in common):
            yield Fact("name", name, match.span())


def _blank(pattern: re.Pattern[str], text: str) -> str:
    """The text with what matches made spaces, so that the rest stays in its place."""
    return pattern.sub(lambda match: " " * len(match[0]), text)


def _fields(target: str) -> Iterator[Fact]:
    """The values of a record, by the keys on the way to them."""
    try:
        parse_json(target)
    except NotJsonError:
        return
    keys = list[str]()
    """Of the objects and lists that the text is in; "" for a list."""
    tokens = list(_JSON.finditer(target))
    for token, following in zip_longest(tokens, tokens[1:]):
        if token[0] in "{[":
            keys.append("")
        elif token[0] in "}]":
            keys.pop()
        elif token[0] in ",:":
            continue
        elif following and following[0] == ":":
            keys[-1] = json.loads(token[0])
        elif (value := str(json.loads(token[0]))).strip() and token[0] not in ("true", "false", "null"):
            yield Fact(".".join(filter(None, keys)), value, token.span())


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
    """`1-1/2 packs` as `  1.5 packs`: the rest stays in its place."""
    return _HALF.sub(lambda match: f"{match[1] or 0}.5".rjust(len(match[0])), text)
