"""The trainings of a learning curve: on parts of the rows, each with its seed, and each done once."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sartor.data.carve import carve, sample
from sartor.data.example import Example
from sartor.errors import InputError
from sartor.flows.ask import Answered, ask_once
from sartor.flows.base import LoadedBase
from sartor.flows.elsewhere import UNCHANGED, Change
from sartor.flows.outcome import Trained
from sartor.flows.prepare import Prepared
from sartor.flows.run import Stages
from sartor.generate.answer import Answer
from sartor.jobs.steps import Steps
from sartor.progress import Progress
from sartor.report.format import plural
from sartor.store import Store

SHARE = 5
"""Of so many rows at most one is asked and not trained on."""


def set_aside(prepared: Prepared, count: int) -> tuple[Prepared, list[Example], list[str]]:
    """The task without the rows that are asked; these, those for early stopping first; and what to note.

    Raises InputError where nothing can be set aside.
    """
    spec, splits = prepared.task.spec, prepared.splits
    known = {row.id: row for row in prepared.learned}  # with what evaluation reads of them
    rows, asked, notes = splits.train, splits.validation, list(splits.notes)
    more = min(count, (len(rows) + len(asked)) // SHARE) - len(asked)
    if more > 0:
        rows, held, dropped = carve(rows, spec.kind, more, more, spec.train.seed + 2, keep=2, near=prepared.near)
        asked = [*asked, *held]
        if dropped:
            notes.append(
                f"{plural(dropped, 'row')} left out of training: a row that is asked says the same or nearly the same"
            )
    elif len(asked) > count:
        asked = sample(asked, count, spec.train.seed, floor=1)
    if not asked:
        raise InputError(
            "no rows can be set aside to be asked: too few, or too many linked by question, group or subject; add rows"
        )
    return replace(prepared, splits=replace(splits, train=rows)), [known[row.id] for row in asked], notes


@dataclass(frozen=True)
class Made:
    """One training, and what it answered to the rows that are asked."""

    stages: Stages
    trained: Trained
    answers: Sequence[Answer]

    def tested(self) -> Answered:
        return self.stages.answer(self.stages.specialist(self.trained))


@dataclass
class Grid:
    """Trainings of one task, which share bases and `train.budget`."""

    prepared: Prepared
    asked: Sequence[Example]
    store: Store
    steps: Steps
    progress: Progress
    pace: float | None = None
    """Seconds of training a row, all epochs: as estimated, then as it was."""

    def __post_init__(self) -> None:
        self.trainings, self._spent = 0, 0.0
        self._rows, self._seconds = 0, 0.0
        self._bases = dict[str, LoadedBase]()

    def train(self, size: int, seed: int, change: Change = UNCHANGED) -> Made:
        """With so many of the rows: a larger part of a seed holds its smaller ones, and every part holds every class."""
        task = change.of_task(self.prepared.task)
        rows = change.of_rows(sample(self.prepared.splits.train, size, seed, floor=1))
        spec = task.spec
        if spec.base not in self._bases:
            self._bases[spec.base] = LoadedBase(task, self.progress)
        budget = spec.train.budget
        left = None if budget is None else max(0.0, budget - self._spent)
        seeded = spec.model_copy(update={"train": spec.train.model_copy(update={"seed": seed, "budget": left})})
        part = replace(self.prepared, splits=replace(self.prepared.splits, train=list(rows)))
        ways = (self._bases[spec.base], self.store, self.steps, self.progress)
        stages = Stages(replace(task, spec=seeded), part, *ways, books_labels=False)
        self.trainings += 1
        trained = stages.train()
        self._spent += trained.step.money
        self._rows, self._seconds = self._rows + len(rows), self._seconds + trained.history.seconds
        self.pace = self._seconds / self._rows
        answered = ask_once(self.steps, self.store, stages.specialist(trained), self.asked, self.progress)
        return Made(stages, trained, answered.answers)
