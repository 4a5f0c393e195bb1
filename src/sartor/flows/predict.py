"""Answers to new rows by any of a task's systems: an adapter from the registry, or a rival."""

from dataclasses import asdict, dataclass
from typing import Any

from sartor.adapters.registry import AdapterVersion, Registry
from sartor.data.examples import build_questions
from sartor.data.table import Table
from sartor.errors import InputError
from sartor.flows.base import LoadedBase
from sartor.flows.prepare import Task, prepare
from sartor.flows.systems import Answering, Entrant, rivals, specialist
from sartor.progress import Progress, silent
from sartor.store import Store
from sartor.task import PromptSpec


@dataclass(frozen=True, slots=True)
class Prediction:
    id: str
    """The row's own id, else its number."""
    answer: str
    others: tuple[str, ...]
    """Further answers, where the task draws several samples."""
    probability: float | None
    """Of the answer, where it is one label and was chosen by its probability."""
    finish: str
    """`stop`; `length`: cut at the token limit; `error`: no answer was had."""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def find_system(task: Task, store: Store, system: str, base: LoadedBase) -> Entrant:
    """The adapter or rival of that name. Raises InputError as `predict` does."""
    known = {adapter.task for adapter in Registry(store).list()}
    if system.partition("@")[0] in known or "@" in system:
        return adapter_entrant(task, base, Registry(store).get(system))
    splits = prepare(task).splits
    labelled = [*splits.train, *splits.validation]
    offered = rivals(task.spec, base, Answering.learn(task.spec, base, labelled), labelled, splits.test)
    for rival in offered:
        if rival.name == system:
            return rival
    raise InputError(f"no system {system!r}: there are {', '.join([*sorted(known), *(each.name for each in offered)])}")


def predict(task: Task, store: Store, system: str, table: Table, progress: Progress = silent) -> list[Prediction]:
    """One prediction per row of the table, in order.

    `system` is an adapter (`billing-notes`, `billing-notes@1`) or a rival's name. An adapter answers with the prompt,
    labels and limits that it was trained and scored with. Raises InputError for an unknown system, a base or template
    that is not the adapter's, and for rows that cannot be read.
    """
    found = find_system(task, store, system, LoadedBase(task, progress))
    answers = found.make().answer(build_questions(table, found.spec), progress)
    return [Prediction(a.id, a.text, a.others, (a.label_probs or {}).get(a.text), a.finish) for a in answers]


def adapter_entrant(task: Task, base: LoadedBase, adapter: AdapterVersion) -> Entrant:
    """An adapter as it was trained and scored. Raises InputError as `check_base` does."""
    check_base(task, base, adapter)
    spec = task.spec.model_copy(update={"prompt": PromptSpec(**adapter.manifest["prompt"])})
    answering = Answering.from_json(adapter.manifest["answering"])
    return specialist(adapter.name, spec, base, answering, adapter.path, adapter.hash)


def check_base(task: Task, base: LoadedBase, adapter: AdapterVersion) -> None:
    """Raises InputError for a base or template that is not the adapter's."""
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
