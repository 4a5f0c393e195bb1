"""Rows that ask the same and answer otherwise: one of them teaches what is wrong."""

from collections.abc import Callable

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.pool import Pool
from sartor.data.duplicates import normalise, target_key
from sartor.data.example import Example
from sartor.task import Kind

_WRITTEN: tuple[Kind, ...] = ("summarization", "generation")


@register
class Contradictions(Check):
    """Finds rows whose question another row has with another target.

    The score is the share of the rows with that question whose target is another: one row against three scores 0.75, the
    three 0.25. Case, punctuation and space make no other answer where it is prose.
    """

    name = "contradictions"
    title = "contradictions"

    def look(self, pool: Pool) -> Suspicions:
        answer: Callable[[Example], str] = target_key
        if pool.spec.kind in _WRITTEN:
            answer = _prose
        found: Suspicions = {}
        for places in pool.same_questions:
            sides: dict[str, list[int]] = {}
            for place in places:
                sides.setdefault(answer(pool.examples[place]), []).append(place)
            if len(sides) == 1:
                continue
            ids = [[pool.examples[place].id for place in side] for side in sides.values()]
            for own, side in enumerate(sides.values()):
                other = next(side_ids[0] for at, side_ids in enumerate(ids) if at != own)
                suspicion = Suspicion(
                    1 - len(side) / len(places), f"same question as row {other}, another target", {"targets": ids}
                )
                found.update(dict.fromkeys(side, suspicion))
        return found


def _prose(example: Example) -> str:
    return normalise(example.target)
