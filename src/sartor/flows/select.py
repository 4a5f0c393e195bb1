"""Selection: the rows that say most in few, beside as many at random and the longest.

What each selection covers, and how well a linear model on the sentence encoder learns from it, is told of all three; whether the
task's own KPI gains is what `--prove` answers.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sartor.curate.difficulty import instruction_following_difficulty
from sartor.curate.embeddings import Remembered
from sartor.curate.ledger import Decision, to_jsonl
from sartor.curate.neighbours import MOST_COMPARED, nearest, nearest_cosine
from sartor.curate.pool import Pool
from sartor.curate.probabilities import assign_folds
from sartor.curate.select import Rows, clusters, evenly, facility_location, hardest, k_center, longest, most_like
from sartor.data.carve import sample
from sartor.data.example import Example
from sartor.data.examples import build_examples
from sartor.data.history import History
from sartor.data.read import read_rows
from sartor.data.versions import asked_hash
from sartor.errors import InputError
from sartor.evaluate.statistics import wilson
from sartor.flows.base import LoadedBase
from sartor.flows.embed import embedded, once
from sartor.flows.prepare import Task, without_test
from sartor.flows.rows import current, held_out, named, questions
from sartor.generate.linear import LinearSystem
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.models.pooled import pooled
from sartor.progress import Progress, silent
from sartor.report.format import plural
from sartor.store import Store, disk_errors
from sartor.store.canonical import digest
from sartor.task import TaskSpec, Way

SELECT = "select"
RANDOM, LONGEST = "random", "longest"
CLUSTER_ROWS = 10
"""Rows of a cluster that `coverage` takes where there are no classes, on average."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What encoder + linear learns from rows that were chosen from four fifths of all, in the same way and as large a share of
    them, tried on the last fifth."""

    accuracy: float
    low: float
    high: float
    """95 % interval (Wilson): of the rows that it was tried on, not of another draw of the chosen."""
    rows: int


@dataclass(frozen=True, slots=True)
class Choice:
    """One way's rows, and what they are like."""

    way: str
    rows: int
    words: int
    classes: int
    """Classes that have a row; 0 where there are none."""
    smallest: int
    """Rows of the smallest class."""
    reach: float
    """Mean over all rows of the cosine to the nearest chosen one."""
    farthest: float
    """The same, of the row that is worst off."""
    probe: Probe | None
    """Where rows have one label each."""


@dataclass(frozen=True, slots=True)
class Selected:
    spec: TaskSpec
    way: Way
    before: str
    """The version that was chosen from."""
    after: str | None
    """The version that came of it; None where nothing was to be done (`plan`) or left out."""
    examples: list[Example]
    """The rows that were chosen from."""
    chosen: dict[str, list[Example]]
    """By way, its own first, then its rivals; in the rows' order."""
    choices: tuple[Choice, ...]
    """What those are like."""
    decisions: list[Decision]
    """A line for every row that was left out."""

    @property
    def ledger(self) -> str:
        """One line of JSON for each decision."""
        return to_jsonl(self.decisions, numbered=not self.spec.data.id)

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.spec.task,
            "way": self.way,
            "before": self.before,
            "after": self.after,
            "left_out": len(self.decisions),
            "choices": [asdict(choice) for choice in self.choices],
        }


def select(
    task: Task,
    store: Store,
    size: int,
    way: Way = "coverage",
    like: Path | None = None,
    plan: bool = False,
    progress: Progress = silent,
) -> Selected:
    """`size` rows of the latest version as a new version. `like`: for `similar`, a file of rows with the task's columns.

    Raises InputError where there are no more rows than that, for `similar` without `like`, and for `typical` beyond 100,000 rows.
    """
    spec = task.spec
    if (way == "similar") != (like is not None):
        raise InputError("`similar` rows are similar to those of a file: name both, `--by similar --like FILE`")
    history = History(store, spec.task)
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        head = current(task, history)
        there = history.examples(head.hash)
        stand = without_test(task, there)
        if size >= len(stand):
            hint = f", such as {len(stand) // 2:,}" if len(stand) > 1 else ""
            raise InputError(f"{spec.task} has {plural(len(stand), 'row')}: a selection takes fewer{hint}")
        if way == "typical" and len(stand) > MOST_COMPARED:
            raise InputError(f"`typical` compares every row with all others, up to {MOST_COMPARED:,}; take another way")
        read = partial(embedded, steps, store, before=partial(questions, history, head), progress=progress)
        pool = Pool(stand, spec, read=read)
        choosing = _Choosing(task, pool, steps, store, like, progress)
        everything = np.arange(len(stand))
        places = {name: choosing.rows(name, size, everything) for name in dict.fromkeys((way, RANDOM, LONGEST))}
        probes = _probes(choosing, pool, places, size)
        choices = tuple(_described(name, rows, pool, probes.get(name)) for name, rows in places.items())
        chosen = {name: [stand[place] for place in rows.tolist()] for name, rows in places.items()}
        kept = set(places[way].tolist())
        left_out = [example for place, example in enumerate(named(stand, spec)) if place not in kept]
        reason = f"not among the {size:,} rows chosen by `{way}`"
        decisions = [Decision(example.id, SELECT, "drop", reason, 1.0, {"way": way}) for example in left_out]
        decisions = [*held_out(named(there, spec), named(stand, spec)), *decisions]
        made = Selected(spec, way, head.hash, None, stand, chosen, choices, decisions)
        if plan:
            return made
        config = {"size": size, "way": way, "like": like.name if like else None, "seed": spec.train.seed}
        after = history.append(chosen[way], SELECT, config, store.objects.put(made.ledger.encode()), parent=head.hash)
    return replace(made, after=after.hash)


class _Choosing:
    """The ways by name, and what they need."""

    def __init__(
        self, task: Task, pool: Pool, steps: Steps, store: Store, like: Path | None, progress: Progress
    ) -> None:
        self._task, self._pool, self._steps, self._store = task, pool, steps, store
        self._like, self._progress = like, progress

    def rows(self, way: str, size: int, among: Rows) -> Rows:
        """`size` of the places `among`, in their order."""
        return among[np.sort(self._chosen(way, size, among))]

    def _chosen(self, way: str, size: int, among: Rows) -> Rows:
        pool, seed = self._pool, self._pool.spec.train.seed
        vectors = pool.embeddings.meaning[among]
        match way:
            case "diverse":
                return k_center(vectors, size, seed)
            case "typical":
                return facility_location(nearest(vectors), size)
            case "coverage" if pool.classes and pool.one_label:
                return evenly(pool.labels[among], size, seed)
            case "coverage":
                return evenly(clusters(vectors, -(-size // CLUSTER_ROWS), seed), size, seed)
            case "hard":
                return hardest(self._difficulty[among], size)
            case "similar":
                rows, wanted = self._hidden
                return most_like(rows[among], wanted, size)
            case "longest":
                lengths = [len(pool.examples[at].question) + len(pool.examples[at].target) for at in among.tolist()]
                return longest(np.array(lengths), size)
        return _drawn([pool.examples[at] for at in among.tolist()], size, seed)

    @cached_property
    def _difficulty(self) -> NDArray[np.float64]:
        base, rows = LoadedBase(self._task, self._progress), self._pool.examples
        found = once(
            self._steps,
            self._store,
            "difficulty",
            {"rows": asked_hash(rows), "base": base.opened.hash, "template": base.opened.template_hash},
            lambda: instruction_following_difficulty(base.forward(), base.renderer, rows, base.context, self._progress),
        )
        return found.astype(np.float64)

    @cached_property
    def _hidden(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        assert self._like is not None
        base, rows = LoadedBase(self._task, self._progress), self._pool.examples
        wanted = build_examples(read_rows(self._like), self._pool.spec)
        tokens = [
            [*base.renderer.prompt_ids(row.messages), *base.renderer.reply_ids(row.target)][-(base.context or 0) :]
            for row in (*rows, *wanted)
        ]
        vectors = once(
            self._steps,
            self._store,
            "hidden states",
            {"tokens": digest(tokens), "base": base.opened.hash},
            lambda: pooled(base.model(), tokens, self._progress),
        ).astype(np.float32)
        return vectors[: len(rows)], vectors[len(rows) :]


def _drawn(examples: Sequence[Example], size: int, seed: int) -> Rows:
    """Places of as many rows at random, in proportion to the classes."""
    places = {id(example): place for place, example in enumerate(examples)}
    return np.array([places[id(example)] for example in sample(examples, size, seed, floor=0)], dtype=np.int64)


def _described(way: str, rows: Rows, pool: Pool, probe: Probe | None) -> Choice:
    chosen = [pool.examples[place] for place in rows.tolist()]
    near = nearest_cosine(pool.embeddings.meaning, pool.embeddings.meaning[rows])
    counts = Counter(label for example in chosen for label in example.labels)
    return Choice(
        way=way,
        rows=len(chosen),
        words=sum(len(f"{example.question} {example.target}".split()) for example in chosen),
        classes=len(counts),
        smallest=min(counts.values(), default=0),
        reach=float(near.mean()),
        farthest=float(near.min()),
        probe=probe,
    )


def _probes(choosing: _Choosing, pool: Pool, ways: Iterable[str], size: int) -> dict[str, Probe]:
    """By way; empty where rows have not one label each, all belong together, or the chosen ones have one class only."""
    if not pool.classes or not pool.one_label:
        return {}
    held = assign_folds(pool.labels, pool.groups, pool.spec.train.seed) == 0
    if not 0 < held.sum() < len(held):
        return {}
    among, share = np.flatnonzero(~held), max(1, round(size * (~held).mean()))
    rest = [pool.examples[place] for place in np.flatnonzero(held).tolist()]
    encoder, found = Remembered(pool.questions, pool.embeddings.meaning), dict[str, Probe]()
    for way in ways:
        chosen = [pool.examples[place] for place in choosing.rows(way, share, among).tolist()]
        if len({example.labels for example in chosen}) > 1:
            answers = LinearSystem.fit(encoder, chosen, seed=0).answer(rest)
            right = sum(answer.text == example.target for answer, example in zip(answers, rest, strict=True))
            interval = wilson(right, len(rest))
            found[way] = Probe(right / len(rest), interval.low, interval.high, len(rest))
    return found
