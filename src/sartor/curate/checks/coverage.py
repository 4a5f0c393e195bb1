"""Test rows that no row is like: what the set leaves out of the job."""

import numpy as np

from sartor.curate.check import Check, Suspicions, register
from sartor.curate.neighbours import BLOCK
from sartor.curate.outliers import outliers
from sartor.curate.pool import Pool

_FAR = 3.5
"""Robust standard deviations beyond which a test row's nearest row is too far, by what the rows are to each other."""
_NAMED = 5


@register
class Coverage(Check):
    """Finds gaps: test rows whose nearest row is farther off than rows are from each other.

    No row is to blame for what is missing: none is flagged, and a remark names the test rows.
    """

    name = "coverage"
    title = "gaps beside the test set"
    encodes = True

    def look(self, pool: Pool) -> Suspicions:
        return {}

    def remarks(self, pool: Pool) -> list[str]:
        if not pool.test or len(pool.examples) < 2:
            return []
        rows, test = pool.embeddings.meaning, pool.test_meaning
        blocks = [(test[start : start + BLOCK] @ rows.T).max(axis=1) for start in range(0, len(test), BLOCK)]
        usual = 1 - pool.neighbours.cosines[:, 0].astype(np.float64)
        score = outliers(np.concatenate([usual, 1 - np.concatenate(blocks).astype(np.float64)]))[len(usual) :]
        far = np.flatnonzero(score > _FAR)
        if not len(far):
            return []
        worst = [pool.test[place].id for place in far[np.argsort(-score[far], kind="stable")].tolist()]
        named = ", ".join(worst[:_NAMED]) + (", …" if len(worst) > _NAMED else "")
        return [
            f"{len(worst):,} of {len(pool.test):,} test rows are unlike every row (test rows {named}): add rows like them"
        ]
