"""Rows that the test set has too, in whole or by whose they are: a score on it would be too good."""

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.pool import Pool
from sartor.data.duplicates import question_key, target_key

RELATED = 0.5
"""The score of a row that shares no more than its group or subject with a test row; one that asks the same scores 1."""


@register
class Leakage(Check):
    """Finds rows that ask what a test row asks, exactly or nearly, or share its group or subject."""

    name = "leakage"
    title = "leaks into the test set"

    def look(self, pool: Pool) -> Suspicions:
        last_first = pool.test[::-1]  # so that of several test rows the first is named
        by_question = {question_key(example, pool.spec.kind): example for example in last_first}
        by_subject = {example.subject: example for example in last_first if example.subject}
        by_group = {example.group: example for example in last_first if example.group}
        found: Suspicions = {}
        for place, (example, key) in enumerate(zip(pool.examples, pool.question_keys, strict=True)):
            if test := by_question.get(key):
                same = "the same" if target_key(test) == target_key(example) else "another"
                reason = f"asks what test row {test.id} asks, with {same} target"
                found[place] = Suspicion(1.0, reason, {"test": test.id, "by": "question"})
            elif test := by_subject.get(example.subject or ""):
                reason = f"is of the same subject as test row {test.id}"
                found[place] = Suspicion(RELATED, reason, {"test": test.id, "by": "subject"})
            elif test := by_group.get(example.group or ""):
                reason = f"is of the same group as test row {test.id}"
                found[place] = Suspicion(RELATED, reason, {"test": test.id, "by": "group"})
        for leak in pool.duplicates.leaks:
            test = pool.test[leak.of]
            if pool.question_keys[leak.row] == question_key(test, pool.spec.kind):
                continue
            if leak.row not in found or found[leak.row].score < leak.score:
                evidence = {"test": test.id, "by": "near", "differences": leak.counts}
                found[leak.row] = Suspicion(leak.score, f"asks nearly what test row {test.id} asks", evidence)
        return found
