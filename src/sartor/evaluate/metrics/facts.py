"""Facts kept, lost, turned round and made up: what a summary is worth to those who act on it.

Facts are found by the rules of `sartor.evaluate.facts`, or stated row by row in the column `data.facts`. An empty
answer keeps no fact and counts as the worst there is. A row without reference (and without stated facts, where they
count) is unscored. A text in which the rules find nothing is one fact: itself, word for word.
"""

from abc import abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from sartor.data.example import Example
from sartor.errors import InputError
from sartor.evaluate.facts import Reading, compare
from sartor.evaluate.metric import Array, Mean, Metric, Proportion, Scope, Unscored, register, text_of
from sartor.generate.answer import Answer
from sartor.task import FACTUAL


@dataclass(frozen=True, slots=True)
class Counts:
    """How many facts of a row are what; every metric of this file is made of them."""

    critical: int
    critical_included: int
    kept: bool
    expected: int
    included: int
    contradicted: int
    said: int
    contradicting: int
    hallucinated: int
    false_values: int
    """Numbers, dates and names among the hallucinated: no paraphrase of the source."""


@lru_cache(maxsize=1 << 14)
def count(reference: str, output: str, source: str, stated: tuple[str, ...] | None) -> Counts:
    """The counts of a row; `stated` are its critical facts where a column holds them."""
    said, given = Reading(output), Reading(source)
    found = compare(Reading(reference), said, given)
    included = sum(one.state == "included" for one in found.expected)
    critical, kept = [one.state == "included" for one in found.critical], found.kept
    if stated is not None:
        each = [compare(Reading(fact), said, given) for fact in stated]
        critical = [all(one.state == "included" for one in fact.expected) for fact in each]
        kept = all(critical) and not any(fact.contradicting for fact in (found, *each))
    return Counts(
        critical=len(critical),
        critical_included=sum(critical),
        kept=kept,
        expected=len(found.expected),
        included=included,
        contradicted=sum(one.state == "contradicted" for one in found.expected),
        said=len(found.said),
        contradicting=len(found.contradicting),
        hallucinated=len(found.hallucinated),
        false_values=sum(fact.is_value for fact in found.hallucinated),
    )


class _Factual(Metric):
    """What all metrics of facts share."""

    kinds = FACTUAL
    by_column: ClassVar[bool] = False
    """Asks for the facts of the column `data.facts` where the task names one."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope)
        self.needs_target = type(self).needs_target and self._column() is None

    @property
    def signature(self) -> str:
        origin = f"facts:column {column}" if (column := self._column()) else "facts:by rule"
        return f"{self.name}|{origin}|rules:2|lang:en"

    def _column(self) -> str | None:
        return self.scope.data.facts if self.by_column and self.scope.data else None

    def counts(self, example: Example, answer: Answer) -> Counts:
        """Raises Unscored where the row has nothing to compare with, InputError for a column that holds no facts."""
        column = self._column()
        if column is None and not example.target.strip() and self.needs_target:
            raise Unscored("the row has no reference to take facts from")
        facts = None if column is None else stated_facts(example, column)
        return count(example.target, text_of(answer), example.question, facts)


class _FactShare(_Factual):
    """A share of facts over all rows; its statistics are (how many, of how many)."""

    @abstractmethod
    def share(self, counts: Counts) -> tuple[int, int]:
        """(how many, of how many) of a row."""

    def row(self, example: Example, answer: Answer) -> tuple[float, ...]:
        """A row with nothing to share out counts as one fact that is as it should be; an empty answer has all wrong."""
        try:
            part, whole = self.share(self.counts(example, answer))
        except Unscored as reason:
            self.unscored[example.id] = str(reason)
            return float(not self.higher_is_better), 1.0
        if not text_of(answer):
            return (0.0 if self.higher_is_better else float(whole or 1)), float(whole or 1)
        return (float(part), float(whole)) if whole else (float(self.higher_is_better), 1.0)

    def of_sums(self, sums: Array) -> Array:
        return np.asarray(sums[..., 0] / sums[..., 1])


@register
class CriticalFacts(_FactShare):
    """Share of the critical facts (doses, numbers, dates, names, negations) that the answers include."""

    name = "critical_facts"
    title = "critical facts included"
    by_column = True

    def share(self, counts: Counts) -> tuple[int, int]:
        return counts.critical_included, counts.critical


@register
class FactsKept(_Factual, Proportion):
    """Share of answers that include every critical fact and contradict none."""

    name = "facts_kept"
    title = "all facts kept"
    by_column = True

    def score(self, example: Example, answer: Answer) -> float:
        return float(self.counts(example, answer).kept and bool(text_of(answer)))


@register
class ContradictedFacts(_FactShare):
    """Share of the reference's facts of which the answers say otherwise: another dose, a lost `not`."""

    name = "contradicted_facts"
    title = "facts contradicted"
    higher_is_better = False

    def share(self, counts: Counts) -> tuple[int, int]:
        return counts.contradicted, counts.expected


@register
class HallucinatedFacts(_FactShare):
    """Share of what the answers say that neither source nor reference supports, a paraphrase in rare words included."""

    name = "hallucinated_facts"
    title = "facts made up"
    higher_is_better = False
    needs_target = False

    def share(self, counts: Counts) -> tuple[int, int]:
        return counts.hallucinated, counts.said


@register
class OmittedFacts(_FactShare):
    """Share of the reference's facts of which the answers say nothing."""

    name = "omitted_facts"
    title = "facts omitted"
    higher_is_better = False

    def share(self, counts: Counts) -> tuple[int, int]:
        return counts.expected - counts.included - counts.contradicted, counts.expected


@register
class FactualF1(_Factual, Mean):
    """Mean F1 of facts: of those that are said, the share without fault; of those expected, the share that is said.

    A row says n facts; h of them are numbers, dates and names that nothing supports, and c contradict the reference:
    precision p = 1 − (h + c) / n, 1 where n is 0. Words without support do not count here, as they may paraphrase.
    That what is said is true is expected beside the m facts of the reference, of which i are included: recall
    r = (i + p) / (m + 1). The score is 2pr / (p + r), 0 for an empty answer.
    """

    name = "factual_f1"
    title = "factual F1"

    def score(self, example: Example, answer: Answer) -> float:
        counts = self.counts(example, answer)
        if not text_of(answer):
            return 0.0
        faults = counts.false_values + counts.contradicting
        precision = 1 - faults / counts.said if counts.said else 1.0
        recall = (counts.included + precision) / (counts.expected + 1)
        return 2 * precision * recall / (precision + recall) if precision else 0.0


def stated_facts(example: Example, column: str) -> tuple[str, ...]:
    """The facts of a row's column: a list of texts, or text with one fact a line.

    Raises Unscored where the row has none, InputError for a column that holds something else.
    """
    value = example.columns.get(column)
    lines = value.splitlines() if isinstance(value, str) else value
    if value is None:
        raise Unscored(f"the row has no facts in the column `{column}`")
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise InputError(
            f"{example.source}: the column `{column}` must hold a list of texts, or text with one fact a line; "
            f"it holds {value!r:.60}"
        )
    return tuple(line.strip() for line in lines if line.strip())
