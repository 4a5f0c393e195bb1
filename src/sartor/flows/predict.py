"""Answers to new rows by any of a task's systems: an adapter from the registry, or a rival."""

from dataclasses import asdict, dataclass
from typing import Any

from sartor.adapters.registry import AdapterVersion, Registry
from sartor.data.examples import build_questions
from sartor.data.table import Table
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


def predict(task: Task, store: Store, system: str, table: Table, progress: Progress = silent) -> list[Prediction]:
    """One prediction per row of the table, in order.

    `system` is an adapter (`billing-notes`, `billing-notes@1`) or a rival's name. An adapter answers with the prompt,
    labels and limits that it was trained and scored with. Raises InputError for an unknown system, a base or template
    that is not the adapter's, and for rows that cannot be read.
    """
    name = system.partition("@")[0]
    known = {adapter.task for adapter in Registry(store).list()}
    base = LoadedBase(task, progress)
    if name in known or "@" in system:
        adapter = Registry(store).get(system)
        found, spec = _specialist(task, base, adapter), _spec_of(task, adapter)
    else:
        found, spec = _rival(task, base, system, sorted(known)), task.spec
    answers = found.answer(build_questions(table, spec), progress)
    return [Prediction(a.id, a.text, a.label_probs[a.text] if a.label_probs else None, a.finish) for a in answers]


def _specialist(task: Task, base: LoadedBase, adapter: AdapterVersion) -> System:
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
    learned = manifest["answering"]
    answering = Answering(**(learned | {"labels": tuple(learned["labels"])}))
    return prompted(adapter.name, task.spec, base, answering, adapter.path)


def _spec_of(task: Task, adapter: AdapterVersion) -> TaskSpec:
    """The task with the prompt that the adapter was trained with."""
    return task.spec.model_copy(update={"prompt": PromptSpec(**adapter.manifest["prompt"])})


def _rival(task: Task, base: LoadedBase, name: str, adapters: list[str]) -> System:
    splits = prepare(task).splits
    labelled = [*splits.train, *splits.validation]
    offered = rivals(task.spec, base, Answering.learn(task.spec, base, labelled), labelled, splits.test)
    for rival in offered:
        if rival.name == name:
            return rival.make()
    raise InputError(f"no system {name!r}: there are {', '.join([*adapters, *(rival.name for rival in offered)])}")
