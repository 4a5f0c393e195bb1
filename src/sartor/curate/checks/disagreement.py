"""Rows that several people answered, and not alike: one of them errs, or the question has no one answer."""

import json
from typing import Any

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.pool import Pool
from sartor.data.agreement import answers


@register
class Disagreement(Check):
    """Finds rows whose annotators disagree; the score is the share of the answers that are not the most frequent one.

    The order of labels, and of keys in JSON, makes no other answer. The evidence has the labels, but no JSON.
    """

    name = "disagreement"
    title = "rows whose annotators disagree"
    kinds = ("classification", "extraction")

    def look(self, pool: Pool) -> Suspicions:
        labelled = pool.spec.kind == "classification"
        found: Suspicions = {}
        for place, example in enumerate(pool.examples):
            people: dict[str, list[str]] = {}
            for who, answer in answers(example):
                people.setdefault(answer, []).append(who)
            if len(people) < 2:
                continue
            sides = list[dict[str, Any]]()
            for answer, names in sorted(people.items(), key=lambda side: -len(side[1])):
                label = {"label": "; ".join(json.loads(answer))} if labelled else {}
                sides.append({**label, "count": len(names), "annotators": names})
            most, given = sides[0]["count"], sum(side["count"] for side in sides)
            reason = f"{given} people gave {len(sides)} answers"
            if labelled:
                reason += ": " + ", ".join(f"{side['count']} `{side['label']}`" for side in sides)
            found[place] = Suspicion(round(1 - most / given, 4), reason, {"answers": sides})
        return found
