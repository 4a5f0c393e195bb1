"""Answers to new rows by any of a task's systems: an adapter from the registry, or a rival."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sartor.adapters.registry import AdapterVersion, Registry
from sartor.data.examples import build_questions
from sartor.data.table import Table
from sartor.data.versions import content_hash
from sartor.errors import InputError
from sartor.flows.base import LoadedBase
from sartor.flows.prepare import Task, prepare
from sartor.flows.systems import Answering, prompted, rivals
from sartor.generate.answer import System
from sartor.progress import Progress, silent
from sartor.store import Store
from sartor.task import PromptSpec, TaskSpec


@dataclass(frozen=True, slots=True)
class Prediction:
    id: str
    """The row's own id, else its number."""
    answer: str
    probability: float | None
    """Of the answer, where labels are chosen."""
    finish: str
    """`stop`; `length`: cut at the token limit; `error`: no answer was had."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Found:
    """A system of a task, found by its name."""

    make: Callable[[], System]
    spec: TaskSpec
    """The task, with the prompt that this system was trained with."""
    inputs: dict[str, Any]
    """What its answers depend on, beside the rows."""
    adapter: AdapterVersion | None = None
    """None for a rival."""


def find_system(task: Task, store: Store, system: str, base: LoadedBase) -> Found:
    """The adapter or rival of that name. Raises InputError as `predict` does."""
    known = {adapter.task for adapter in Registry(store).list()}
    if system.partition("@")[0] in known or "@" in system:
        adapter = Registry(store).get(system)
        _check_same_base(task, base, adapter)
        spec = task.spec.model_copy(update={"prompt": PromptSpec(**adapter.manifest["prompt"])})
        inputs = {"adapter": adapter.hash, "generate": spec.generate.model_dump(exclude={"shots"})}
        return Found(lambda: _specialist(task, base, adapter), spec, inputs, adapter)
    splits = prepare(task).splits
    labelled = [*splits.train, *splits.validation]
    offered = rivals(task.spec, base, Answering.learn(task.spec, base, labelled), labelled, splits.test)
    for rival in offered:
        if rival.name == system:
            return Found(rival.make, task.spec, rival.inputs | {"train": content_hash(labelled)})
    raise InputError(f"no system {system!r}: there are {', '.join([*sorted(known), *(each.name for each in offered)])}")


def predict(task: Task, store: Store, system: str, table: Table, progress: Progress = silent) -> list[Prediction]:
    """One prediction per row of the table, in order.

    `system` is an adapter (`billing-notes`, `billing-notes@1`) or a rival's name. An adapter answers with the prompt,
    labels and limits that it was trained and scored with. Raises InputError for an unknown system, a base or template
    that is not the adapter's, and for rows that cannot be read.
    """
    found = find_system(task, store, system, LoadedBase(task, progress))
    answers = found.make().answer(build_questions(table, found.spec), progress)
    return [Prediction(a.id, a.text, a.label_probs[a.text] if a.label_probs else None, a.finish) for a in answers]


def _check_same_base(task: Task, base: LoadedBase, adapter: AdapterVersion) -> None:
    manifest = adapter.manifest
    for what, here, there in (
        ("base", base.opened.hash, manifest["base_hash"]),
        ("chat template", base.opened.template_hash, manifest["template_hash"]),
    ):
        if here != there:
            raise InputError(
                f"{adapter.name} was trained on another {what} ({there[:12]}) than `base: {task.spec.base}` has "
                f"({here[:12]}): name the base that it was trained on, or train anew with `sartor run`"
            )


def _specialist(task: Task, base: LoadedBase, adapter: AdapterVersion) -> System:
    learned = adapter.manifest["answering"]
    answering = Answering(**(learned | {"labels": tuple(learned["labels"])}))
    return prompted(adapter.name, task.spec, base, answering, adapter.path)
