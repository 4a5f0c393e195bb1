"""Rows that are like no other row: out of scope, another language, damage; or rare and right."""

import numpy as np

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.outliers import distance_to_classes, distance_to_rows, outliers
from sartor.curate.pool import Pool

_FEW = 30
"""Rows below which far and near cannot be told apart."""


@register
class OutlierRows(Check):
    """Finds rows that mean what no class, or without classes no other row, means; the score is in robust standard deviations.

    The distance is that to the nearest class's mean, since a clump of strangers has near neighbours; where there are no
    classes, or several labels a row, that to the twentieth neighbour.
    """

    name = "outliers"
    title = "rows unlike all others"
    threshold = 3.5
    encodes = True

    def look(self, pool: Pool) -> Suspicions:
        if len(pool.examples) < _FEW:
            return {}
        if pool.classes and pool.one_label:
            distances = distance_to_classes(pool.embeddings.meaning, pool.labels)
        else:
            distances = distance_to_rows(pool.neighbours)
        score = outliers(distances)
        found: Suspicions = {}
        for place in np.flatnonzero(score > 2).tolist():
            nearest = pool.examples[int(pool.neighbours.rows[place, 0])].id
            cosine = round(float(pool.neighbours.cosines[place, 0]), 3)
            reason = f"unlike the others; the nearest is row {nearest}, at cosine {cosine:.2f}"
            found[place] = Suspicion(round(float(score[place]), 3), reason, {"nearest": nearest, "cosine": cosine})
        return found
