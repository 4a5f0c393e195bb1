"""Asking systems: no question is put to a system, or paid for, twice, whatever row set, verb or killed process put it."""

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from sartor.data.example import Example
from sartor.data.versions import asked_hash, question_hash
from sartor.flows.systems import Entrant
from sartor.generate.answer import Answer, System
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.store import Records, Store
from sartor.store.canonical import digest
from sartor.store.disk import write_file
from sartor.task import CostSpec, RivalSpec

SLICE = 96
"""Answers are kept after as many questions."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A system's answers to a set of rows, and what they take, whenever they were asked for."""

    name: str
    kind: str
    answers: list[Answer]
    object: str
    """The address of the answers in the store."""
    endpoint: RivalSpec | None = None

    @property
    def seconds(self) -> float:
        return math.fsum(answer.seconds for answer in self.answers)

    @property
    def tokens(self) -> int:
        return sum(answer.prompt_tokens + answer.completion_tokens for answer in self.answers)

    @property
    def money(self) -> float:
        return math.fsum(answer.cost or 0.0 for answer in self.answers)


def ask_once(steps: Steps, store: Store, entrant: Entrant, rows: Sequence[Example], progress: Progress) -> Answered:
    """A step: the system's answers to the rows, priced. What an endpoint charges for new ones is booked.

    What an endpoint failed to answer as often as it was asked to, it is asked again the next time.
    """

    def work(folder: Path) -> dict[str, Any]:
        system, fresh = digest(entrant.inputs), folder / "fresh.json"
        keys = [question_hash(row, entrant.reads_target) for row in rows]
        if not fresh.exists():  # else a killed attempt began with these
            kept = store.records.answers(system, keys)
            write_file(fresh, json.dumps([key for key in dict.fromkeys(keys) if key not in kept]).encode())
        progress(entrant.name, 0, len(rows))
        answers = ask(store.records, system, entrant.make, rows, progress, entrant.reads_target, entrant.samples)
        paid = dict(zip(keys, answers, strict=True))
        charged = [paid[question] for question in json.loads(fresh.read_text())]
        return {
            "objects": {"answers": store.objects.put("\n".join(map(line, answers)).encode())},
            "errors": sum(not _is_whole(answer, entrant.samples) for answer in answers),
            "prompt tokens": sum(answer.prompt_tokens for answer in charged),
            "answer tokens": sum(answer.completion_tokens for answer in charged),
        }

    costs, endpoint = entrant.spec.costs, entrant.endpoint
    inputs = entrant.inputs | {"rows": asked_hash(rows)}
    step = steps.run(f"answer {entrant.name}", inputs, work, lambda made: not (endpoint and made["errors"]))
    if endpoint:
        for item, price in (("prompt tokens", endpoint.price_in), ("answer tokens", endpoint.price_out)):
            rate = (price or 0.0) / 1e6
            store.records.book(step.run, item, step.outputs[item], "token", rate, "configured", costs.currency)
    address = step.outputs["objects"]["answers"]
    answers = [parse(each) for each in store.objects.get(address).decode("ascii").splitlines()]
    priced = [replace(answer, cost=cost_of(answer, costs, endpoint)) for answer in answers]
    return Answered(entrant.name, entrant.kind, priced, address, endpoint)


def cost_of(answer: Answer, costs: CostSpec, endpoint: RivalSpec | None) -> float | None:
    """What an answer costs: an endpoint's price of its tokens, or its share of an hour of this machine."""
    if endpoint is None:
        return answer.seconds / 3600 * costs.hour if costs.hour else None
    if endpoint.price_in is None and endpoint.price_out is None:
        return None
    return (
        answer.prompt_tokens * (endpoint.price_in or 0) + answer.completion_tokens * (endpoint.price_out or 0)
    ) / 1e6


def ask(
    records: Records,
    system: str,
    make: Callable[[], System],
    examples: Sequence[Example],
    progress: Progress = silent,
    reads_target: bool = False,
    samples: int = 1,
) -> list[Answer]:
    """One answer per example, in order; those that are kept in the records are read back.

    `system` is a hash of all that its answers depend on, decoding included. It is made, which may take a while, only
    when there is something to ask. Slices are taken by length of the question and depend on the questions alone, so that
    an interrupted evaluation gives the same answers as an uninterrupted one. An error is not kept, nor is an answer with fewer
    than the `samples` that the system was to draw: it is asked again.
    """
    keys = [question_hash(example, reads_target) for example in examples]
    first = dict(zip(reversed(keys), reversed(examples), strict=True))
    ordered = sorted(first, key=lambda key: (sum(len(m.content) for m in first[key].messages), key))
    answers = {key: parse(line) for key, line in records.answers(system, ordered).items()}
    made: System | None = None
    for start in range(0, len(ordered), SLICE):
        part = [key for key in ordered[start : start + SLICE] if key not in answers]
        if not part:
            continue
        made = made or make()
        began = time.perf_counter()
        given = made.answer([first[key] for key in part], _Offset(progress, start, len(ordered)))
        share = (time.perf_counter() - began) / len(part)
        fresh = {key: replace(a, seconds=a.seconds or share) for key, a in zip(part, given, strict=True)}
        records.keep_answers(system, {key: line(a) for key, a in fresh.items() if _is_whole(a, samples)})
        answers |= fresh
    return [replace(answers[key], id=example.id) for key, example in zip(keys, examples, strict=True)]


def _is_whole(answer: Answer, samples: int) -> bool:
    return answer.finish != "error" and len(answer.others) + 1 >= samples


def line(answer: Answer) -> str:
    """One line of JSON. In ASCII: a text may hold line separators of Unicode, and halves of surrogate pairs."""
    return json.dumps(asdict(answer))


def parse(line: str) -> Answer:
    fields = json.loads(line)
    return Answer(**fields | {"others": tuple(fields["others"])})


class _Offset:
    """The progress of a slice, told as progress of the whole."""

    def __init__(self, progress: Progress, before: int, total: int) -> None:
        self._progress, self._before, self._total = progress, before, total

    def __call__(self, what: str, done: int, total: int, detail: str = "") -> None:
        self._progress(what, self._before + done, self._total, detail)
