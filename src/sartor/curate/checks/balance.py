"""Classes with too few rows to learn and to test, or far more rows than the others."""

from collections import Counter
from statistics import median

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.pool import Pool

FOLDS = 5
ENOUGH = 2 * FOLDS
"""Rows of a class: two in each fold of a cross-validation."""
_DOMINANT = 10
"""A class with so many times the rows of the others' median decides every score that counts rows."""


@register
class Balance(Check):
    """Finds the rows of classes with fewer than 10 rows; the score is the share of the 10 that is missing.

    A class that is far larger than the others, and labels that only the test set has, are flaws of no single row: they are
    remarks.
    """

    name = "balance"
    title = "rows of tiny classes"
    kinds = ("classification",)

    def look(self, pool: Pool) -> Suspicions:
        counts = _counts(pool)
        found: Suspicions = {}
        for place, example in enumerate(pool.examples):
            label = min(example.labels, key=lambda label: counts[label], default=None)
            if label is not None and counts[label] < ENOUGH:
                count = counts[label]
                reason = (
                    f"the class `{label}` has {count} row{'s' * (count > 1)}; {ENOUGH} are enough to learn and to test"
                )
                found[place] = Suspicion(1 - count / ENOUGH, reason, {"label": label, "rows": count})
        return found

    def remarks(self, pool: Pool) -> list[str]:
        counts = _counts(pool)
        said = []
        if tiny := sorted((count, label) for label, count in counts.items() if count < ENOUGH):
            named = ", ".join(f"`{label}` ({count})" for count, label in tiny[:5]) + (", …" if len(tiny) > 5 else "")
            said.append(f"{len(tiny)} of {len(counts)} classes have fewer than {ENOUGH} rows: {named}")
        for label, count in counts.most_common(1):
            others = [other for name, other in counts.items() if name != label]
            if others and count > _DOMINANT * median(others):
                said.append(f"the class `{label}` has {count:,} rows, the median of the others {median(others):g}")
        if missing := sorted({label for example in pool.test for label in example.labels} - counts.keys()):
            said.append(f"the test set has labels that no row has: {', '.join(f'`{label}`' for label in missing)}")
        return said


def _counts(pool: Pool) -> Counter[str]:
    return Counter(label for example in pool.examples for label in example.labels)
