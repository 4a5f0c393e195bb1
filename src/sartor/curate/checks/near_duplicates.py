"""Rows that say what another says in slightly other words: typos, two words in another order, a polite wrapper."""

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.pool import Pool
from sartor.data.duplicates import target_key


@register
class NearDuplicates(Check):
    """Finds rows whose question differs from another's by misspellings, order or polite phrases, and by no word that counts.

    The score is the share of the words that stand in both as they are. A changed number, name, negation or other word of
    content is another question. Of rows with different targets none is dropped: which of them is right, a person says.
    """

    name = "near_duplicates"
    title = "near-duplicates"

    def look(self, pool: Pool) -> Suspicions:
        found: Suspicions = {}
        for each in pool.duplicates.duplicates:
            row, of = pool.examples[each.row], pool.examples[each.of]
            if pool.question_keys[each.row] == pool.question_keys[each.of]:
                continue
            same = target_key(row) == target_key(of)
            evidence = {"duplicate_of": of.id, "same_target": same, "differences": each.counts}
            reason = f"asks nearly what row {of.id} asks, with {'the same' if same else 'another'} target"
            found[each.row] = Suspicion(each.score, reason, evidence, disputed=not same)
        return found
