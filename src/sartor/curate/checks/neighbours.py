"""Pairs of rows that mean nearly the same and are labelled otherwise."""

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.neighbours import near_pairs
from sartor.curate.pool import Pool

_FROM = 0.9


@register
class Neighbours(Check):
    """Finds rows that mean nearly what a row of another label means, for people to look at; the score is their cosine.

    Cosine is blind to numbers and negations, so that such a pair is a question and no finding.
    """

    name = "neighbours"
    title = "like rows of other labels"
    kinds = ("classification",)
    threshold = 0.95
    encodes = True

    def look(self, pool: Pool) -> Suspicions:
        if not pool.one_label:
            return {}
        found: Suspicions = {}
        for pair in near_pairs(pool.neighbours, pool.labels, _FROM):
            if pair.same_label:
                continue
            for place, other in ((pair.first, pair.second), (pair.second, pair.first)):
                of = pool.examples[other]
                reason = f"means nearly what row {of.id} means, which is labelled `{of.labels[0]}`"
                found.setdefault(place, Suspicion(round(pair.cosine, 4), reason, {"neighbour": of.id}))
        return found
