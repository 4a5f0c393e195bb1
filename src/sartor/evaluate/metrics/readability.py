"""How hard an answer is to read, and whether it has the sections that it must have."""

import re
from importlib.metadata import version
from typing import ClassVar

from sartor.data.example import Example
from sartor.errors import InputError
from sartor.evaluate.metric import Mean, Proportion, Scope, register, text_of
from sartor.evaluate.readability import HIGHEST, reading_grade, smog
from sartor.generate.answer import Answer
from sartor.task import Kind

_KINDS: tuple[Kind, ...] = ("summarization", "generation")
_EASY = 8.0
"""The grade that health agencies ask of texts for patients to stay at or under."""


def _signature(name: str, formula: str) -> str:
    return f"{name}|{formula}|syllables:pyphen {version('pyphen')} en_US or vowels|clipped:0–{HIGHEST:g}|empty:worst"


@register
class ReadingGrade(Mean):
    """Mean Flesch–Kincaid grade: the years of school in the United States that an answer asks of its reader."""

    name = "reading_grade"
    title = "reading grade"
    kinds = _KINDS
    higher_is_better = False
    maximum = HIGHEST
    unit = "grades"
    needs_target = False
    formula: ClassVar[str] = "Flesch–Kincaid"
    grade = staticmethod(reading_grade)

    @property
    def signature(self) -> str:
        return _signature(self.name, self.formula)

    def score(self, example: Example, answer: Answer) -> float:
        return self.grade(text_of(answer)) if text_of(answer) else HIGHEST


@register
class Smog(ReadingGrade):
    """Mean SMOG grade: years of school by the long words in a sentence, as texts on health are judged."""

    name = "smog"
    title = "SMOG grade"
    formula = "McLaughlin 1969"
    grade = staticmethod(smog)


@register
class Readable(Proportion):
    """Share of answers that a reader with so many years of school can follow: Flesch–Kincaid grade 8 or the KPI's `at`."""

    name = "readable"
    title = "readable answers"
    kinds = _KINDS
    needs_target = False

    @property
    def limit(self) -> float:
        return _EASY if self.option.at is None else self.option.at

    @property
    def signature(self) -> str:
        return _signature(self.name, f"Flesch–Kincaid at most {self.limit:g}")

    def score(self, example: Example, answer: Answer) -> float:
        return float(bool(text_of(answer)) and reading_grade(text_of(answer)) <= self.limit)


@register
class Sections(Proportion):
    """Share of answers in which every heading that the task asks for starts a line."""

    name = "sections"
    title = "all sections present"
    kinds = _KINDS
    needs_target = False
    on_request = True

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        if not self.option.sections:
            raise InputError("kpis: `sections` needs its headings; write `sections: [Plan, Follow-up]` beside its name")
        self._headings = [
            re.compile(rf"^[\W_]{{0,8}}{re.escape(heading.strip())}(?!\w)", re.IGNORECASE | re.MULTILINE)
            for heading in self.option.sections
        ]

    @property
    def signature(self) -> str:
        return f"{self.name}|{', '.join(self.option.sections)}|case:lower|place:line start"

    def score(self, example: Example, answer: Answer) -> float:
        return float(all(heading.search(text_of(answer)) for heading in self._headings))
