"""Who won: the specialist or its cheapest honest rivals, on the task's primary KPI."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sartor.errors import SystemFailure
from sartor.evaluate.compare import ALPHA, Comparison
from sartor.evaluate.scorecard import Score, Scorecard
from sartor.evaluate.statistics import holm, needed
from sartor.scale import Z_POWER
from sartor.task import TaskSpec

SPECIALIST = "specialist"
MANY = 1_000_000
"""A number of rows beyond which nobody would look for the difference."""


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Literal["specialist wins", "rival wins", "tie"]
    winner: str | None
    """The winning system; None on a tie."""
    headline: str
    """One sentence; when a rival wins or ties, it begins with that."""
    goals: list[str]
    """A sentence for every KPI of the specialist that has a goal."""
    rows_needed: int | None
    """On a tie, the test rows it would take if the difference is as it looks; None when out of reach."""
    p_values: dict[str, float]
    """Each rival's p against the specialist, adjusted for the number of rivals (Holm)."""


def decide(spec: TaskSpec, scorecards: Sequence[Scorecard], comparisons: Sequence[Comparison]) -> Verdict:
    """The verdict from the scorecards of all systems and the specialist's comparisons on the primary KPI.

    The specialist wins when it is better than every rival, a rival wins when any is better than the specialist
    (Holm-adjusted p < .05 and an interval without 0), and everything else is a tie. Raises SystemFailure when the
    specialist's scorecard, or its comparison with a rival, or every rival is missing.
    """
    primary = spec.kpi_list[0].name
    cards = {card.system: card for card in scorecards}
    rivals = [name for name in cards if name != SPECIALIST]
    against = {c.b: c for c in comparisons if c.metric == primary and c.a == SPECIALIST}
    missing = [name for name in rivals if name not in against]
    if SPECIALIST not in cards or not rivals or missing:
        raise SystemFailure(
            f"no verdict on {primary}: it needs the specialist's scorecard and its comparison with every rival"
            + (f"; missing: {', '.join(missing)}" if missing else "")
        )
    adjusted = dict(zip(rivals, holm([against[name].p_value for name in rivals]), strict=True))
    judged = {name: against[name].verdict if adjusted[name] < ALPHA else "tie" for name in rivals}
    higher_is_better = cards[SPECIALIST].scores[primary].higher_is_better
    best_first = sorted(rivals, key=lambda name: against[name].value_b, reverse=higher_is_better)
    ahead = [name for name in best_first if judged[name] == "worse"]
    level = [name for name in best_first if judged[name] == "tie"]
    rival = (ahead or level or best_first)[0]
    specialist, other, found = cards[SPECIALIST].scores[primary], cards[rival].scores[primary], against[rival]
    goals = [_goal(score) for score in cards[SPECIALIST].scores.values() if score.goal is not None]
    if ahead:
        return Verdict("rival wins", rival, _rival_wins(rival, specialist, other, found), goals, None, adjusted)
    if level:
        rows = _rows_needed(found, specialist)
        return Verdict("tie", None, _tie(rival, specialist, other, found, rows), goals, rows, adjusted)
    headline = _specialist_wins(rival, specialist, other, found, only=len(rivals) == 1)
    return Verdict("specialist wins", SPECIALIST, headline, goals, None, adjusted)


def _rows_needed(found: Comparison, specialist: Score) -> int | None:
    """The n whose minimal detectable difference is the difference that was seen."""
    if not found.difference or (found.test.endswith("by group") and found.mdd <= abs(found.difference)):
        return None  # rows of the same few groups would not settle it
    rows = needed(found.mdd / Z_POWER, found.n, found.difference)
    return max(math.ceil(rows), found.n + 1) if rows < MANY else None


def _specialist_wins(rival: str, specialist: Score, other: Score, found: Comparison, only: bool) -> str:
    return (
        f"The specialist reaches {specialist.title} {_estimate(specialist)}; the {'' if only else 'best '}rival, "
        f"{system_name(rival)}, {_estimate(other)}: {_points(specialist, found)}, n = {found.n}."
    )


def system_name(system: str) -> str:
    """A system's name as a noun: `4-shot prompting`, `the specialist`."""
    if system.endswith("-shot"):
        return f"{system} prompting"
    return f"the {system}" if system == "specialist" else system


def _rival_wins(rival: str, specialist: Score, other: Score, found: Comparison) -> str:
    return (
        f"A rival wins: {system_name(rival)} reaches {other.title} {_estimate(other)}, the specialist "
        f"{_estimate(specialist)}: {_points(specialist, found)}, n = {found.n}."
    )


def _tie(rival: str, specialist: Score, other: Score, found: Comparison, rows: int | None) -> str:
    if rows:
        remedy = f"about {_round_up(rows):,} rows would"
    elif found.test.endswith("by group"):
        remedy = "test rows from more groups or subjects would"
    else:
        remedy = "no reasonable number of rows would"
    return (
        f"A rival ties: {system_name(rival)} reaches {other.title} {_estimate(other)}, the specialist "
        f"{_estimate(specialist)}: {_points(specialist, found)}, which n = {found.n} cannot tell apart; {remedy}."
    )


def _goal(score: Score) -> str:
    assert score.goal is not None
    goal = f"{'hard ' if score.hard else ''}goal {score.scale.number(score.goal)}"
    reached = {
        "met": f"meets its {goal}",
        "missed": f"misses its {goal}",
        "unclear": f"may or may not reach its {goal}: the interval holds it",
    }[score.met or "unclear"]
    return f"{score.title[0].upper()}{score.title[1:]} {_estimate(score)} {reached}."


def _estimate(score: Score) -> str:
    return score.scale.estimate(score.value, score.low, score.high)


def _points(score: Score, found: Comparison) -> str:
    return score.scale.difference(found.difference, found.low, found.high)


def _round_up(rows: int) -> int:
    """Two leading digits are all that such a forecast is good for."""
    unit: int = 10 ** max(len(str(rows)) - 2, 0)
    return math.ceil(rows / unit) * unit
