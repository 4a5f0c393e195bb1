"""Rows whose label the other rows contradict."""

from dataclasses import replace

import numpy as np

from sartor.curate.check import Check, Suspicion, Suspicions, register
from sartor.curate.label_errors import label_errors
from sartor.curate.pool import Pool
from sartor.curate.probabilities import out_of_fold

_SPEAKING = 0.05
"""Probabilities below this are not worth a line."""


@register
class LabelErrors(Check):
    """Finds rows whose label is probably wrong, by models of the other rows and by how labels get confused; one label a row.

    The score is the probability that the label is wrong. The fix is the likeliest other label.
    """

    name = "label_errors"
    title = "probable label errors"
    kinds = ("classification",)
    threshold = 0.5
    encodes = True

    def look(self, pool: Pool) -> Suspicions:
        if len(pool.classes) < 2 or not pool.one_label:
            return {}
        probs = out_of_fold(pool.embeddings, pool.neighbours, pool.labels, pool.groups, pool.spec.train.seed)
        found = label_errors(probs, pool.labels)
        suspicions: Suspicions = {}
        for place in np.flatnonzero(found.score > _SPEAKING).tolist():
            example, suggested = pool.examples[place], pool.classes[found.suggested[place]]
            suspicions[place] = Suspicion(
                score=round(float(found.score[place]), 4),
                reason=f"labelled `{example.labels[0]}`, and reads as `{suggested}`",
                evidence={"label": example.labels[0], "suggested": suggested},
                fix=replace(example, target=suggested, labels=(suggested,)),
            )
        return suspicions
