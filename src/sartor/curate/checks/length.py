"""Questions and targets that are much shorter or longer than the set's others."""

from collections.abc import Sequence

import numpy as np

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.pool import Pool

NOTABLE = 2.0
"""Spreads from the median; what lies nearer scores 0."""
_FEWEST = 20
"""Rows; of fewer, nothing is usual."""
_TAIL, _TAIL_Z = 5, 1.645
"""Per cent of the rows that lie beyond the mark by which a side's spread is told, and where that mark lies in a normal one."""
_LEAST_SPREAD = 0.1
"""Where most lengths are the same, a tenth more or less is one spread."""


@register
class Length(Check):
    """Finds rows whose question or target has an unusual length.

    The score is a robust z of the logarithm of the number of characters: its distance from the median in spreads of its side.
    A side's spread is what makes the 5th or the 95th percentile lie where a normal distribution has it, so that lengths may be
    skewed, and what one row in twenty has is not unusual.
    """

    name = "length"
    title = "unusual lengths"
    threshold = 3.0

    def look(self, pool: Pool) -> Suspicions:
        found = _unusual("question", pool.questions)
        if pool.spec.kind != "classification":
            for place, other in _unusual("target", [example.target for example in pool.examples]).items():
                if place not in found or other.score > found[place].score:
                    found[place] = other
        return found


def _unusual(part: str, texts: Sequence[str]) -> Suspicions:
    if len(texts) < _FEWEST:
        return {}
    characters = np.array([len(text.strip()) for text in texts])
    logs = np.log(np.maximum(characters, 1))
    middle = np.median(logs)
    low, high = np.percentile(logs, [_TAIL, 100 - _TAIL])
    spreads = np.maximum(np.where(logs < middle, middle - low, high - middle) / _TAIL_Z, _LEAST_SPREAD)
    scores = np.abs(logs - middle) / spreads
    usual = round(float(np.exp(middle)))
    found: Suspicions = {}
    for place in np.flatnonzero(scores > NOTABLE).tolist():
        count = int(characters[place])
        how = "short" if logs[place] < middle else "long"
        found[place] = Suspicion(
            float(scores[place]),
            f"the {part} is unusually {how}: {count:,} characters, where {usual:,} are usual",
            {"part": part, "characters": count, "median": usual},
        )
    return found
