"""Whether a candidate may take an incumbent's place: PROMOTE, REJECT, or INCONCLUSIVE and how many rows would settle it.

Three kinds of condition, each passed, failed or open:

    a hard goal     the candidate's whole interval reaches the goal, or misses it (an absolute demand)
    a guard rail    a KPI with a `margin`: non-inferior when the interval of the difference lies above −margin
    the first KPI   better than the incumbent by its paired test, unless it is a guard rail itself

All passed: PROMOTE. Any failed: REJECT. Else INCONCLUSIVE.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sartor.evaluate.compare import ALPHA, Comparison
from sartor.evaluate.scorecard import Score, Scorecard
from sartor.evaluate.statistics import holm
from sartor.task import TaskSpec

State = Literal["passed", "failed", "open"]
Verdict = Literal["PROMOTE", "REJECT", "INCONCLUSIVE"]


@dataclass(frozen=True, slots=True)
class Condition:
    state: State
    text: str
    rows_needed: int | None = None
    """Where it is open: test rows that would settle it, if things are as they look; None where no number would."""


@dataclass(frozen=True, slots=True)
class Promotion:
    verdict: Verdict
    candidate: str
    incumbent: str
    conditions: list[Condition]

    @property
    def rows_needed(self) -> int | None:
        """Test rows that would settle every open condition; None where there is none, or no number would."""
        needed = [condition.rows_needed for condition in self.conditions if condition.state == "open"]
        return None if None in needed else max((rows for rows in needed if rows), default=None)

    def __str__(self) -> str:
        rows = f" (about {self.rows_needed:,} test rows would settle it)" if self.rows_needed else ""
        return f"{self.verdict} {self.candidate} over {self.incumbent}{rows}"


def promotion(spec: TaskSpec, candidate: Scorecard, comparisons: Sequence[Comparison]) -> Promotion:
    """The verdict from the candidate's scorecard and its comparisons (candidate less incumbent), one a KPI."""
    hard = [score for score in candidate.scores.values() if score.hard]
    conditions = [*goals(hard), *beside(spec, candidate, comparisons)]
    return Promotion(verdict_of(conditions), candidate.system, comparisons[0].b, conditions)


def goals(scores: Sequence[Score]) -> list[Condition]:
    """Whether the whole interval reaches the goal, of each score that has one."""
    return [_goal(score, score.goal) for score in scores if score.goal is not None]


def beside(spec: TaskSpec, candidate: Scorecard, comparisons: Sequence[Comparison]) -> list[Condition]:
    """Whether the first KPI is better, and the guard rails hold; without adjustment, as all must be so (Berger 1982)."""
    found, conditions = {each.metric: each for each in comparisons}, list[Condition]()
    for place, kpi in enumerate(kpi for kpi in spec.kpi_list if kpi.name in candidate.scores):
        if kpi.margin is not None:
            conditions.append(_guard_rail(candidate.scores[kpi.name], found[kpi.name], kpi.margin))
        elif place == 0:
            conditions.append(superior(candidate.scores[kpi.name], found[kpi.name]))
    return conditions


def verdict_of(conditions: Sequence[Condition]) -> Verdict:
    """PROMOTE where all are passed, REJECT where any is failed."""
    states = {condition.state for condition in conditions}
    return "REJECT" if "failed" in states else "PROMOTE" if states == {"passed"} else "INCONCLUSIVE"


def promotions(spec: TaskSpec, cards: Mapping[str, Scorecard], comparisons: Sequence[Comparison]) -> list[Promotion]:
    """Of every two systems that were compared, whether the one that is better on the first KPI may replace the other.

    As many questions as there are pairs are asked at once: their p-values are adjusted for that (Holm 1979).
    """
    first = comparisons[0].metric if comparisons else ""
    asked = [found for found in comparisons if found.metric == first]
    found = []
    for one, p_value in zip(asked, holm([each.p_value for each in asked]), strict=True):
        score = cards[one.a].scores[first]
        candidate, incumbent = one.a, one.b
        if (one.difference >= 0) != score.higher_is_better:
            candidate, incumbent = one.b, one.a
        pair = [c if c.a == candidate else c.turned for c in comparisons if {c.a, c.b} == {candidate, incumbent}]
        found.append(
            promotion(spec, cards[candidate], [_adjusted(c, p_value) if c.metric == first else c for c in pair])
        )
    return found


def _adjusted(found: Comparison, p_value: float) -> Comparison:
    return replace(found, p_value=p_value, verdict=found.verdict if p_value < ALPHA else "tie")


def _goal(score: Score, goal: float) -> Condition:
    state: State = {"met": "passed", "missed": "failed"}.get(score.met or "", "open")  # type: ignore[assignment]
    low, high = (score.low, score.value) if score.value > goal else (score.value, score.high)
    shown, hard = score.scale.estimate(score.value, score.low, score.high), "hard " if score.hard else ""
    text = f"{score.title} {shown}, {hard}goal {score.scale.number(goal)}"
    return Condition(state, text, _more_rows(score.n, high - low, score.value - goal) if state == "open" else None)


def _guard_rail(score: Score, found: Comparison, margin: float) -> Condition:
    sign = 1 if score.higher_is_better else -1
    difference = sign * found.difference
    low, high = sorted((sign * found.low, sign * found.high))
    state: State = "passed" if low > -margin else "failed" if high < -margin else "open"
    text = f"{score.title} {_points(score, found)}, may lose {score.scale.points(margin).lstrip('+')}"
    half = difference - low if difference > -margin else high - difference
    return Condition(state, text, _more_rows(found.n, half, difference + margin) if state == "open" else None)


def superior(score: Score, found: Comparison) -> Condition:
    """Whether a KPI is better than the other system's."""
    state: State = {"better": "passed", "worse": "failed", "tie": "open"}[found.verdict]  # type: ignore[assignment]
    p = f"= {found.p_value:.3f}" if found.p_value >= 0.001 else "< 0.001"
    text = f"{score.title} {_points(score, found)}, p {p}, must be better"
    return Condition(state, text, _more_rows(found.n, found.mdd, found.difference) if state == "open" else None)


def _more_rows(n: int, reach: float, gap: float) -> int | None:
    """The rows at which an uncertainty of `reach` at n rows, which falls with √n, is down to the gap."""
    if not gap:
        return None
    rows = n * (reach / gap) ** 2
    return max(n + 1, math.ceil(rows)) if rows < 1_000_000 else None


def _points(score: Score, found: Comparison) -> str:
    return score.scale.difference(found.difference, found.low, found.high)
