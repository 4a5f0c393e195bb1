"""The money of the next labels, spent otherwise: on the weakest classes, on flagged labels, on a larger adapter or base.

What needs no new label is trained and measured at the curve's last size with its seeds; what needs some is estimated by the
curve's own law. Ranked by gain for the money.
"""

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from sartor.curate.check import make_check
from sartor.curate.ledger import Policy
from sartor.curate.pool import Pool
from sartor.curve.classes import allocate, shrunk
from sartor.curve.forecast import Band
from sartor.curve.stop import Purchase
from sartor.data.example import Example
from sartor.evaluate.statistics import Array
from sartor.flows.embed import embedded
from sartor.flows.prepare import Task
from sartor.jobs.steps import Steps
from sartor.progress import Progress
from sartor.report.format import plural
from sartor.store import Store
from sartor.task import METHOD_SETTINGS, Kind, TaskSpec

LABELS = "label_errors"
"""The check that flags labels that look wrong."""
LABELLED: tuple[Kind, ...] = ("classification", "extraction")
"""Kinds that it is for."""
LARGER, MOST_RANK = 4, 512
"""By how much a rank is tried larger, and what it may be at most."""
MOST_NAMED = 4
"""Classes that are named."""


@dataclass(frozen=True, slots=True)
class Alternative:
    """A way to spend money, and what it brings."""

    what: str
    how: Literal["forecast", "estimated", "measured"]
    gain: Band
    """Of the first KPI, better above 0; the bounds are of 90 % where it is forecast or estimated, of 95 % where measured."""
    cost: float

    @property
    def worth(self) -> float:
        """Gain for a unit of money; what is free and brings something comes before all else."""
        if self.cost > 0:
            return self.gain.value / self.cost
        return math.copysign(math.inf, self.gain.value) if self.gain.value else 0.0


def ranked(found: Sequence[Alternative]) -> list[Alternative]:
    """The most gain for the money first."""
    return sorted(found, key=lambda each: (-each.worth, -each.gain.value))


def more_labels(following: Purchase) -> Alternative:
    return Alternative(
        f"label {plural(following.rows, 'more row')} at random", "forecast", following.gain, following.cost
    )


def weakest_classes(
    following: Purchase, learned: Sequence[Example], asked: Sequence[Example], right: Array
) -> Alternative | None:
    """As many labels for the classes where they bring most. `right`: of each row asked, the share of seeds that have it right.

    None where no row is wrong, or no gain is forecast: then nothing says which class would gain.
    """
    lack = 1 - float(right.mean())
    if lack <= 0 or following.gain.value <= 0:
        return None
    have = Counter(row.labels[0] for row in learned)
    classes = sorted(have)
    place = {label: at for at, label in enumerate(classes)}
    rows, wrong = np.zeros(len(classes)), np.zeros(len(classes))
    for row, share in zip(asked, right, strict=True):
        if row.labels[0] in place:
            rows[place[row.labels[0]]] += 1
            wrong[place[row.labels[0]]] += 1 - share
    counts = np.array([have[label] for label in classes], dtype=float)
    lost = following.gain.value / lack
    found = allocate(shrunk(wrong, rows), counts, rows / rows.sum(), following.rows, lost)
    most = np.argsort(-found.labels)[:MOST_NAMED]
    named = ", ".join(f"{classes[at]} {found.labels[at]:.0f}" for at in most if found.labels[at] >= 1)
    gain = Band(*(found.times * end for end in (following.gain.low, following.gain.value, following.gain.high)))
    what = f"label {plural(following.rows, 'more row')} of the weakest classes{f' (most: {named})' if named else ''}"
    return Alternative(what, "estimated", gain, following.cost)


@dataclass(frozen=True, slots=True)
class Change:
    """Of a task or of its training rows."""

    what: str
    of_task: Callable[[Task], Task] = lambda task: task
    of_rows: Callable[[Sequence[Example]], Sequence[Example]] = lambda rows: rows


UNCHANGED = Change("")


def alternatives(spec: TaskSpec) -> list[Change]:
    """What can be tried on the same rows: a larger rank, and `curve.bases`."""
    found = list[Change]()
    if "rank" in METHOD_SETTINGS[spec.train.method] and spec.train.rank * LARGER <= MOST_RANK:
        rank = spec.train.rank * LARGER
        alpha = spec.train.alpha and spec.train.alpha * LARGER
        found.append(Change(f"rank {rank}", partial(_with, train={"rank": rank, "alpha": alpha})))
    return [*found, *(Change(f"base {base}", partial(_with, base=base)) for base in spec.curve.bases)]


def without(flagged: Collection[str]) -> Change:
    """Leaving out rows whose labels look wrong, which shows the least that mending them brings."""
    what = "check the labels that look wrong (measured: leaving these rows out)"
    return Change(what, of_rows=lambda rows: [row for row in rows if row.id not in flagged])


def flagged_labels(steps: Steps, store: Store, spec: TaskSpec, rows: Sequence[Example], progress: Progress) -> set[str]:
    """The ids of training rows whose label the other training rows contradict; no other row is looked at.

    Raises InputError where the encoder is not on this machine, and for too few rows.
    """
    check = make_check(LABELS, spec.kind)
    pool = Pool(list(rows), spec, [], partial(embedded, steps, store, progress=progress))
    threshold = Policy.of(check, spec.curate.get(LABELS)).threshold
    return {rows[place].id for place, each in check.look(pool).items() if each.score > threshold}


def _with(task: Task, train: dict[str, Any] | None = None, **changed: Any) -> Task:
    spec = task.spec
    if train:
        changed["train"] = spec.train.model_copy(update=train)
    return replace(task, spec=spec.model_copy(update=changed))
