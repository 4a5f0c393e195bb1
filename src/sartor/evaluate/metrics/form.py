"""Whatever the task: does an answer keep to a form, refuse, or go round in circles?"""

from itertools import islice
from typing import get_args

import regex

from sartor.data.example import Example
from sartor.data.refusals import refuses
from sartor.errors import InputError
from sartor.evaluate.metric import Mean, Proportion, Scope, Unscored, register, text_of
from sartor.generate.answer import Answer
from sartor.task import Kind

SECONDS = 1.0
"""What a pattern may take on one answer: some patterns would take longer than the universe lasts."""


@register
class Format(Proportion):
    """Share of answers that fit the task's pattern from their first character to their last.

    Raises InputError without a pattern, or with one that is no regular expression.
    """

    name = "format"
    title = "right format"
    kinds = get_args(Kind)
    on_request = True
    needs_target = False

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        if self.option.pattern is None:
            raise InputError("kpis: `format` has no pattern: add `pattern: 'REGULAR EXPRESSION'` to it")
        try:
            self._pattern = regex.compile(self.option.pattern)
        except regex.error as error:
            raise InputError(f"kpis: the pattern of `format` is no regular expression: {error}; mend it") from None

    @property
    def signature(self) -> str:
        return f"format|whole answer, strip:yes|limit:{SECONDS:g} s|pattern:{self.option.pattern}"

    def score(self, example: Example, answer: Answer) -> float:
        try:
            return float(bool(self._pattern.fullmatch(text_of(answer), timeout=SECONDS)) and answer.finish != "error")
        except TimeoutError:
            raise Unscored(f"the pattern takes more than {SECONDS:g} s on this answer") from None


@register
class Refusal(Proportion):
    """Share of answers that begin by refusing, in the usual English words, or that are empty; lower is better.

    "I cannot help with that", "I'm sorry, but I am unable to provide …", "As an AI …": a refusal in other words is not seen,
    and "I can't sleep" is none.
    """

    name = "refusal"
    title = "refusals"
    kinds = get_args(Kind)
    higher_is_better = False
    on_request = True
    needs_target = False

    @property
    def signature(self) -> str:
        return "refusal|english|at the beginning|empty:yes"

    def score(self, example: Example, answer: Answer) -> float:
        text = text_of(answer)
        return float(not text or refuses(text))


@register
class Repetition(Mean):
    """Mean share of an answer's runs of four words that it has said before; lower is better. No answer counts as 1."""

    name = "repetition"
    title = "repetition"
    kinds = get_args(Kind)
    higher_is_better = False
    on_request = True
    needs_target = False

    @property
    def signature(self) -> str:
        return "repetition|1 - distinct 4-grams / 4-grams|case:folded|words:white space"

    def score(self, example: Example, answer: Answer) -> float:
        words = text_of(answer).casefold().split()
        if not words:
            return 1.0
        runs = list(zip(*(islice(words, start, None) for start in range(4)), strict=False))
        return 1 - len(set(runs)) / len(runs) if runs else 0.0
