"""What to label next: rows of a pool without labels, chosen by uncertainty, gaps in coverage and diversity, beside random ones.

Labels that the pool has are not read. What labels are known comes from the task's rows for training and validation; test rows
only keep pool rows that ask the same out. Whether the choice pays is tried on labelled rows (`sartor.flows.next_trial`).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sartor.curate.active import next_rows, uncertainty
from sartor.curate.duplicates import conversations, find
from sartor.curate.embeddings import Vectors
from sartor.curate.neighbours import MOST_COMPARED, nearest_cosine
from sartor.curate.pool import Pool
from sartor.curate.select import Rows
from sartor.data.carve import apart
from sartor.data.example import Example
from sartor.data.examples import build_examples, build_questions
from sartor.data.jsontext import compact
from sartor.data.table import Table
from sartor.errors import InputError
from sartor.flows.embed import meaning
from sartor.flows.next_trial import Trial, attempt, fit_probe, why_not
from sartor.flows.prepare import Prepared, Task, prepare, test_rows
from sartor.generate.linear import LinearSystem
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.report.format import capital, plural
from sartor.store import Store, disk_errors
from sartor.task import CODE, Kind

NOW, NEXT, RANDOM = "labelled", "next", "random"
ONE_SIDED = "a fifth of the labelled rows has one label only, or no row"


@dataclass(frozen=True, slots=True)
class Choice:
    """Rows of the pool, and what they are like."""

    way: str
    """`labelled`: nothing is added; `next`: what is chosen; `random`: as many at random."""
    rows: int
    uncertainty: float | None
    """Mean over these rows, from 0 to 1; None without a probe, and where there are no rows."""
    reach: float
    """Mean over the pool's rows of the cosine to the nearest labelled row or one of these."""
    farthest: float
    """The same, of the row that is worst off."""
    classes: dict[str, int]
    """How many of these rows the probe expects of each label, the most first."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows of the pool that nothing could be learnt from."""

    labelled: int
    """They ask, exactly or nearly, what a labelled row asks."""
    test: int
    """They ask so what a test row asks, or share its group or subject: training leaves them out."""
    repeated: int
    """They ask so what another row of the pool asks."""

    def __str__(self) -> str:
        """`12 ask what a labelled row asks, 3 …`; empty where there are none."""
        said = (
            (self.labelled, "what a labelled row asks, or nearly so"),
            (self.test, "what a test row asks, or nearly so, or share its group or subject"),
            (self.repeated, "what another row of the pool asks, or nearly so"),
        )
        return ", ".join(f"{count:,} ask {what}" for count, what in said if count)


@dataclass(frozen=True, slots=True)
class Next:
    task: str
    pool: str
    """The pool's name."""
    rows: int
    """Of the pool."""
    left: int
    """Rows of it to choose from, without those left out."""
    left_out: LeftOut
    chosen: list[dict[str, Any]]
    """The pool's rows that come next, with its own columns, the most useful first."""
    choices: tuple[Choice, ...]
    """What labelled rows cover, what they do with the chosen, and with as many at random."""
    trial: Trial | None
    notes: tuple[str, ...]
    """What was not measured or not used, and why, one sentence each."""

    @property
    def jsonl(self) -> str:
        """The chosen rows, a line each. Raises InputError for what JSON cannot hold."""
        return "".join(f"{line}\n" for line in lines(self.pool, self.chosen))

    @property
    def sentences(self) -> list[str]:
        """Whether choosing pays, and what is not known."""
        return [*(self.trial.sentences if self.trial else ()), *self.notes]

    def to_json(self) -> dict[str, Any]:
        return {
            "task": self.task,
            "pool": self.pool,
            "rows": self.rows,
            "left": self.left,
            "left_out": asdict(self.left_out),
            "chosen": len(self.chosen),
            "choices": [asdict(choice) for choice in self.choices],
            "trial": asdict(self.trial) | {"verdict": self.trial.verdict} if self.trial else None,
            "sentences": self.sentences,
        }


def lines(name: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    """Rows of a table of that name as lines of JSON. Raises InputError, naming the column, for what JSON cannot hold."""
    written = list[str]()
    for row in rows:
        try:
            written.append(compact(row))
        except ValueError:
            column = next(column for column, value in row.items() if not _fits(value))
            raise InputError(
                f"{name}, column `{column}`: a value that is neither text nor JSON cannot be written to a file of lines; "
                "remove the column"
            ) from None
    return written


def curve_next(task: Task, store: Store, table: Table, size: int, progress: Progress = silent) -> Next:
    """`size` rows of a pool to label next; nothing of the task changes.

    Raises InputError for a size below 1 or above what is left of the pool, for rows that cannot be read as the task's
    questions or written as JSON, and where more than 100,000 are left.
    """
    spec = task.spec
    if size < 1:
        raise InputError(f"{plural(size, 'row')} cannot be chosen: name a size of 1 or more")
    asked = build_questions(table, spec)
    lines(table.name, table.rows)
    prepared = prepare(task)
    labelled = [*prepared.splits.train, *prepared.splits.validation]
    places, left_out = _worth_labelling(asked, prepared)
    _check_size(size, len(places), table, left_out)
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        known, pool = (_meaning(steps, store, rows, progress) for rows in (labelled, asked))
    vectors = pool[places]
    probe, why = _probe(spec.kind, labelled, known)
    guesses = _Guesses.of(probe, vectors) if probe else None
    chosen = next_rows(vectors, known, size, guesses.unsure if guesses else None)
    random = np.random.default_rng(spec.train.seed).permutation(len(places))[:size]
    ways = {NOW: chosen[:0], NEXT: chosen, RANDOM: random}
    choices = tuple(_described(way, rows, vectors, known, guesses) for way, rows in ways.items())
    trial = None
    if probe and not (why := why_not(labelled)):
        trial = attempt(Pool(labelled, spec), known, size, progress)
        why = None if trial else f"{ONE_SIDED}, so that the choice could not be tried on them"
    return Next(
        task=spec.task,
        pool=table.name,
        rows=len(asked),
        left=len(places),
        left_out=left_out,
        chosen=[table.rows[place] for place in places[chosen].tolist()],
        choices=choices,
        trial=trial,
        notes=(*table.notes, *([capital(why)] if why else [])),
    )


@dataclass(frozen=True, slots=True)
class _Guesses:
    """What the probe makes of the pool's rows."""

    unsure: NDArray[np.float64]
    labels: list[list[str]]

    @classmethod
    def of(cls, probe: LinearSystem, vectors: Vectors) -> "_Guesses":
        probs = probe.probabilities(vectors)
        return cls(uncertainty(probs, probe.multi), [probe.chosen(row) for row in probs])


def _meaning(steps: Steps, store: Store, rows: Sequence[Example], progress: Progress) -> Vectors:
    """[n, 384]: the rows' questions."""
    texts = [row.question for row in rows]
    distinct = list(dict.fromkeys(texts))
    place = {text: at for at, text in enumerate(distinct)}
    return meaning(steps, store, distinct, progress)[[place[text] for text in texts]]


def _worth_labelling(asked: Sequence[Example], prepared: Prepared) -> tuple[Rows, LeftOut]:
    """The places of rows that ask what no other row asks, of the pool or of the task, and how many do not."""
    task, kind = prepared.task, prepared.task.spec.kind
    test = test_rows(task) or []
    rows = build_examples(prepared.train_table, task.spec) if task.rows is None else task.rows
    found = find(conversations(asked), held_out=conversations([*test, *rows]), code=kind in CODE)
    of = dict(zip(found.leaks.rows.tolist(), found.leaks.of.tolist(), strict=True))
    numbered = [replace(row, id=str(place)) for place, row in enumerate(asked)]
    learnable = {
        int(row.id) for row in apart(numbered, kind, test, [row for row, which in of.items() if which < len(test)])
    }
    known, repeated = of.keys() & learnable, set(found.duplicates.rows.tolist()) & learnable - of.keys()
    left = sorted(learnable - known - repeated)
    return np.array(left, dtype=np.int64), LeftOut(len(known), len(asked) - len(learnable), len(repeated))


def _check_size(size: int, left: int, table: Table, left_out: LeftOut) -> None:
    rows = len(table.rows)
    if left < size:
        of = f"{left:,} of {plural(rows, 'row')} to choose from" + (f" ({left_out})" if left < rows else "")
        do = f"name a size of {left:,} or less, or a larger pool" if left else "name another pool"
        raise InputError(f"{table.name} has {of}, and {size:,} are wanted: {do}")
    if left > MOST_COMPARED:
        raise InputError(
            f"{table.name} has {left:,} rows to choose from: each is compared with all others, up to {MOST_COMPARED:,}; "
            "name a part of the file"
        )


def _probe(kind: Kind, labelled: Sequence[Example], known: Vectors) -> tuple[LinearSystem | None, str | None]:
    """Encoder + linear on the labelled rows, or why there is none."""
    unknown = "chosen by gaps and diversity alone; uncertainty, and what the choice brings, were not measured"
    if kind != "classification":
        return None, f"no linear model answers {kind}: {unknown}"
    if len({label for row in labelled for label in row.labels}) < 2:
        return None, f"all labelled rows have one label: {unknown}"
    return fit_probe(labelled, known), None


def _described(way: str, rows: Rows, vectors: Vectors, known: Vectors, guesses: _Guesses | None) -> Choice:
    near = nearest_cosine(vectors, np.concatenate([known, vectors[rows]]))
    expected = Counter(label for row in rows.tolist() for label in guesses.labels[row]) if guesses else Counter[str]()
    return Choice(
        way=way,
        rows=len(rows),
        uncertainty=float(guesses.unsure[rows].mean()) if guesses and len(rows) else None,
        reach=float(near.mean()),
        farthest=float(near.min()),
        classes=dict(expected.most_common()),
    )


def _fits(value: Any) -> bool:
    try:
        compact(value)
    except ValueError:
        return False
    return True
