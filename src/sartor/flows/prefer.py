"""From a specialist to pairs: what it says to training rows, and which of that passes the task's hard KPIs.

Every distinct output that fails is paired with one that passes, in turn; where none does, with the row's own target. A row
whose outputs all pass has nothing to learn from. KPIs that a model judges take no part. What the pairs have taught is kept only
where it answers the validation rows better than before.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import cycle
from pathlib import Path

from sartor.data.carve import sample
from sartor.data.example import Example
from sartor.errors import InputError
from sartor.evaluate.acceptance import acceptance, failed_kpis
from sartor.evaluate.metric import Scope, metric
from sartor.evaluate.own import OwnFunction
from sartor.flows.base import LoadedBase
from sartor.flows.systems import Answering, prompted
from sartor.generate.answer import Answer
from sartor.models.template import Renderer
from sartor.progress import Progress
from sartor.store.disk import write_file
from sartor.task import PreferSpec, TaskSpec
from sartor.train.batches import Encoded, Pair

PAIRS_NAME = "pairs.json"


@dataclass(frozen=True, slots=True)
class Preference:
    """Two answers to a row."""

    row: int
    """Its place among the rows that were asked."""
    chosen: str
    rejected: str


@dataclass(frozen=True, slots=True)
class Preferences:
    pairs: list[Preference]
    outputs: int
    """Distinct ones that were judged."""
    passed: int
    """Of them, how many hold every hard KPI."""

    def save(self, path: Path) -> None:
        write_file(path, json.dumps(asdict(self), ensure_ascii=False).encode())

    @classmethod
    def load(cls, path: Path) -> "Preferences":
        found = json.loads(path.read_text(encoding="utf-8"))
        return cls(**found | {"pairs": [Preference(**pair) for pair in found["pairs"]]})


def asked(rows: Sequence[Example], prefer: PreferSpec, seed: int) -> list[Example]:
    """The training rows that outputs are drawn for."""
    return sample(rows, min(len(rows), prefer.rows), seed, floor=0)


def draw(
    spec: TaskSpec,
    prefer: PreferSpec,
    base: LoadedBase,
    answering: Answering,
    adapter: Path,
    rows: Sequence[Example],
    functions: Mapping[str, OwnFunction],
    progress: Progress,
) -> Preferences:
    """What the specialist answers to the rows, drawn at `prefer.temperature` under the task's constraints, as pairs."""
    drawn = {"temperature": prefer.temperature, "samples": prefer.samples}
    drawing = spec.model_copy(update={"generate": spec.generate.model_copy(update=drawn)})
    answers = prompted("draws", drawing, base, answering, adapter).answer(rows, progress)
    said = [
        list(dict.fromkeys((answer.text, *answer.others))) if answer.finish != "error" else [] for answer in answers
    ]
    outputs = [(row, text) for row, texts in enumerate(said) for text in texts]
    passed = dict(zip(outputs, passes(spec, [(rows[row], text) for row, text in outputs], functions), strict=True))
    return Preferences(
        [
            pair
            for row, texts in enumerate(said)
            for pair in paired(row, rows[row].target, {text: passed[row, text] for text in texts})
        ],
        outputs=len(outputs),
        passed=sum(passed.values()),
    )


def passes(spec: TaskSpec, outputs: Sequence[tuple[Example, str]], functions: Mapping[str, OwnFunction]) -> list[bool]:
    """Whether every hard KPI that can be measured holds for each output. Raises InputError where there is none."""
    if not outputs:
        return []
    examples = [example for example, _ in outputs]
    answers = [Answer(example.id, text) for example, text in outputs]
    scope = Scope.of(spec, examples, functions=functions)
    hard = {kpi.name: metric(kpi.name, scope) for kpi in acceptance(spec) if not kpi.judge}
    hard = {name: judge for name, judge in hard.items() if judge.applies(examples, answers)}
    if not hard:
        raise InputError(
            "`train.prefer`: no hard KPI of the task can be measured on the training rows; give them the columns that one "
            "reads, or remove `prefer`"
        )
    scores = {name: judge.per_row(judge.table(examples, answers)) for name, judge in hard.items()}
    return [
        not failed_kpis(spec, hard, {name: float(values[place]) for name, values in scores.items()})
        for place in range(len(outputs))
    ]


def first_kpi(
    spec: TaskSpec,
    base: LoadedBase,
    answering: Answering,
    adapter: Path,
    rows: Sequence[Example],
    functions: Mapping[str, OwnFunction],
    progress: Progress,
) -> float:
    """The task's first KPI over the specialist's answers to the rows, turned so that more is better."""
    answers = prompted("validation", spec, base, answering, adapter).answer(rows, progress)
    judge = metric(spec.kpi_list[0].name, Scope.of(spec, rows, answering.labels, functions))
    value = judge.aggregate(judge.table(rows, answers))
    return value if judge.higher_is_better else -value


def paired(row: int, target: str, passed: Mapping[str, bool]) -> list[Preference]:
    """The pairs of a row, from its outputs and whether they pass."""
    good = cycle([text for text, passes in passed.items() if passes] or [target])
    return [Preference(row, next(good), text) for text, passes in passed.items() if not passes and text != target]


def encoded(
    found: Sequence[Preference], rows: Sequence[Example], renderer: Renderer, longest: int, limit: int | None
) -> list[Pair]:
    """The pairs as tokens, their margins to be filled in; without those that are longer than the `limit`.

    A rejected answer of more than `longest` tokens was cut there, and has no end of turn.
    """
    pairs = []
    for each in found:
        example = rows[each.row]
        prompt = tuple(renderer.prompt_ids(example.messages))
        chosen, rejected = (tuple(renderer.reply_ids(text)) for text in (each.chosen, each.rejected))
        first = Encoded(example.id, prompt, chosen)
        pair = Pair(first, replace(first, reply=rejected[:-1] if len(rejected) > longest else rejected), 0.0)
        if limit is None or len(pair) <= limit:
            pairs.append(pair)
    return pairs
