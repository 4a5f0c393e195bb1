"""Rows that say what an earlier row says."""

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.pool import Pool
from sartor.data.duplicates import target_key


@register
class ExactDuplicates(Check):
    """Finds rows with the question and the target of an earlier row; case, punctuation and space of the question do not count,
    but in code and SQL, where only space at the ends of lines does not.

    The first row of its like stands for the others, and is not flagged.
    """

    name = "exact_duplicates"
    title = "exact duplicates"
    action = "drop"

    def look(self, pool: Pool) -> Suspicions:
        found: Suspicions = {}
        for places in pool.same_questions:
            first: dict[str, int] = {}
            for place in places:
                earlier = first.setdefault(target_key(pool.examples[place]), place)
                if earlier != place:
                    of = pool.examples[earlier].id
                    found[place] = Suspicion(1.0, f"same question and target as row {of}", {"duplicate_of": of})
        return found
