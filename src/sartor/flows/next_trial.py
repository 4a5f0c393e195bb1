"""Does choosing what to label next pay? Tried on rows that are labelled already, as if most of them were not."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sartor.curate.active import next_rows, uncertainty
from sartor.curate.embeddings import Remembered
from sartor.curate.pool import Pool
from sartor.curate.probabilities import FOLDS, assign_folds
from sartor.curate.select import Rows
from sartor.data.example import Example
from sartor.evaluate.statistics import over_folds
from sartor.generate.linear import LinearSystem
from sartor.progress import Progress, silent
from sartor.scale import SHARE

ROUNDS = 2
"""Times that the rows are dealt into folds."""
FEWEST = 50
"""Labelled rows below which nothing is tried: a fold of fewer than ten shows nothing."""
MOST = 3_000
"""Labelled rows that are used at most: a linear model of more takes minutes, and is learnt dozens of times."""

Verdict = Literal["better", "no difference", "worse"]


@dataclass(frozen=True, slots=True)
class Trial:
    """What encoder + linear gains by chosen rows beside as many at random; accuracies are means over the draws."""

    draws: int
    labelled: int
    """Rows that each draw began with; these and the following are of the first draw, others may differ by some."""
    hidden: int
    """Rows that it chose among, without their labels."""
    chosen: int
    asked: int
    """Rows that were kept out of both."""
    before: float
    """Accuracy without any more rows."""
    by_choice: float
    at_random: float
    difference: float
    low: float
    high: float
    """95 % interval over the draws."""

    @property
    def verdict(self) -> Verdict:
        return "better" if self.low > 0 else "worse" if self.high < 0 else "no difference"

    @property
    def sentences(self) -> list[str]:
        """The verdict first."""
        gain = SHARE.difference(self.difference, self.low, self.high)
        said = {
            "better": f"Choosing pays here: {gain} of accuracy over as many rows at random",
            "no difference": f"No difference shown between choosing and drawing rows at random: {gain} of accuracy",
            "worse": f"Choosing does harm here: {gain} of accuracy against as many rows at random; label random rows instead",
        }
        before, chosen, random = (SHARE.number(each) for each in (self.before, self.by_choice, self.at_random))
        how = (
            f"Tried on labelled rows, {self.draws} draws of encoder + linear: {self.labelled:,} rows reach {before}, and with "
            f"{self.chosen:,} more of {self.hidden:,} hidden ones {chosen} by this choice, {random} at random, on {self.asked:,} "
            "rows kept out of both"
        )
        return [said[self.verdict], how]


def why_not(rows: Sequence[Example]) -> str | None:
    """Why nothing can be tried on these labelled rows; None where it can."""
    if len(rows) < FEWEST:
        return f"{len(rows):,} labelled rows are too few to try the choice on: {FEWEST} are the least"
    return None


def attempt(pool: Pool, vectors: NDArray[np.float32], size: int, progress: Progress = silent) -> Trial | None:
    """The trial of choosing `size` rows more than the pool's, which are labelled; `vectors` [n, d] are their questions'.

    The rows are dealt into fifths, and each fifth in turn is kept out, the next is what is labelled, and the other three are
    hidden: of them as many are chosen for each labelled row as `size` is for all labelled rows, half of the hidden at most. Rows
    that belong together are in one fifth. None where a fifth has fewer than two labels, or no row at all.
    """
    seed, rows = pool.spec.train.seed, pool.examples
    labels = pool.labels if pool.one_label else np.zeros(len(rows), dtype=np.int64)
    used = np.sort(np.random.default_rng(seed).permutation(len(rows))[:MOST])
    found = np.zeros((ROUNDS, FOLDS, 3))
    counts: tuple[int, int, int, int] | None = None
    for turn in range(ROUNDS):
        folds = assign_folds(labels[used], pool.groups[used], seed + turn)
        for fold in range(FOLDS):
            asked, labelled = used[folds == fold], used[folds == (fold + 1) % FOLDS]
            hidden = np.setdiff1d(used, np.concatenate([asked, labelled]))
            known = {label for at in labelled.tolist() for label in rows[at].labels}
            if not len(asked) or not len(hidden) or len(known) < 2:
                return None
            more = min(max(1, round(size * len(labelled) / len(rows))), max(1, len(hidden) // 2))
            counts = counts or (len(labelled), len(hidden), more, len(asked))
            found[turn, fold] = _Draw(rows, vectors, labelled, hidden, asked).accuracies(more, seed + turn)
            progress("trial", turn * FOLDS + fold + 1, ROUNDS * FOLDS)
    assert counts
    before, chosen, random = found.reshape(-1, 3).mean(axis=0).tolist()
    interval = over_folds(found[..., 1] - found[..., 2])
    return Trial(ROUNDS * FOLDS, *counts, before, chosen, random, chosen - random, interval.low, interval.high)


@dataclass(frozen=True, slots=True)
class _Draw:
    rows: Sequence[Example]
    vectors: NDArray[np.float32]
    labelled: Rows
    hidden: Rows
    asked: Rows

    def accuracies(self, more: int, seed: int) -> tuple[float, float, float]:
        """Of the labelled rows alone, with `more` chosen ones, and with as many at random."""
        probe = fit_probe(self._of(self.labelled), self.vectors[self.labelled])
        unsure = uncertainty(probe.probabilities(self.vectors[self.hidden]), probe.multi)
        chosen = self.hidden[next_rows(self.vectors[self.hidden], self.vectors[self.labelled], more, unsure)]
        random = np.random.default_rng(seed).permutation(self.hidden)[:more]
        return self._accuracy(probe), self._learnt(chosen), self._learnt(random)

    def _learnt(self, added: Rows) -> float:
        places = np.sort(np.concatenate([self.labelled, added]))
        return self._accuracy(fit_probe(self._of(places), self.vectors[places]))

    def _accuracy(self, probe: LinearSystem) -> float:
        """Share of the asked rows whose labels are all right."""
        probs, examples = probe.probabilities(self.vectors[self.asked]), self._of(self.asked)
        told = [set(probe.chosen(row)) for row in probs]
        return float(np.mean([labels == set(example.labels) for labels, example in zip(told, examples, strict=True)]))

    def _of(self, places: Rows) -> list[Example]:
        return [self.rows[place] for place in places.tolist()]


def fit_probe(rows: Sequence[Example], vectors: NDArray[np.float32]) -> LinearSystem:
    """Encoder + linear on rows whose questions were read already, as `vectors`. Raises InputError for fewer than two labels."""
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "The number of unique classes", UserWarning
        )  # few rows a class are expected here
        return LinearSystem.fit(Remembered([row.question for row in rows], vectors), rows, seed=0)
