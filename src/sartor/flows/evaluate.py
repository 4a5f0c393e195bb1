"""Evaluation by itself: outputs that were made elsewhere, or a system of the task on any rows, scored and compared."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from sartor.complaints import did_you_mean
from sartor.data.columns import as_text
from sartor.data.example import Example
from sartor.data.examples import build_examples, build_questions
from sartor.data.table import Table
from sartor.data.versions import asked_hash, content_hash
from sartor.errors import InputError
from sartor.evaluate.compare import Comparison, compare
from sartor.evaluate.discrepancy import Discrepancy, discrepancies, sentence
from sartor.evaluate.own import OwnFunction, load_functions
from sartor.evaluate.promotion import Promotion, promotion
from sartor.evaluate.scorecard import Scorecard, score
from sartor.evaluate.wording import estimate, system_name
from sartor.flows.base import LoadedBase
from sartor.flows.predict import Found, find_system
from sartor.flows.prepare import Task, prepare
from sartor.generate.answer import Answer
from sartor.generate.resume import answer_resumably, line, parse
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.store import Store, disk_errors
from sartor.task import DataSpec, GenerateSpec, Kind, PromptSpec, TaskSpec

OUTPUT, MODEL, PROBABILITIES = "output", "model", "label_probs"
UNNAMED = "predictions"
FEW_ROWS = 10
"""Values of a slicing column with fewer rows are counted together."""
OTHER = "(other values)"


@dataclass(frozen=True, slots=True)
class Judged:
    """Systems on the same rows, with all that was measured of them."""

    spec: TaskSpec
    examples: list[Example]
    cards: list[Scorecard]
    comparisons: list[Comparison]
    promotions: list[Promotion]
    """Whether each system may take the place of each that is named after it."""
    gaps: dict[str, list[Discrepancy]]
    """Perceived against real quality, by system."""
    slices: dict[str, dict[str, Scorecard]]
    """By system and value of the column `by`, the largest slice first."""
    by: str | None = None

    @property
    def headline(self) -> str:
        """One sentence: how many outputs are usable, or the primary KPI where the task has no hard one."""
        best = max(self.cards, key=_rank)
        score = best.usable or best.primary
        shown = estimate(score.value, score.low, score.high, score.maximum)
        of = f", best of {len(self.cards)} systems" if len(self.cards) > 1 else ""
        return f"{system_name(best.system).capitalize()}{of}: {score.title} {shown}, n = {score.n}."

    @property
    def notes(self) -> list[str]:
        """What is to be minded: warnings of intervals, and everything that was wrong in form or not scored."""
        scores = [score for card in self.cards for score in card.all_scores.values()]
        notes = [score.note for score in scores if score.note]
        for card in self.cards:
            notes += [f"{card.system}: {count:,} {what}" for what, count in card.counts.items() if count]
            notes += [
                f"{card.system}: {len(score.unscored):,} not scored by {score.title}, counted as wrong "
                f"({next(iter(score.unscored.values()))})"
                for score in card.scores.values()
                if score.unscored
            ]
        return list(dict.fromkeys(notes))

    def to_json(self) -> dict[str, Any]:
        """One document; `metrics` and `rows` are those of the first system, each system's own stand under `systems`."""
        systems = {card.system: self._system(card) for card in self.cards}
        first = self.cards[0].system
        return {
            "kind": self.spec.kind,
            "n": len(self.examples),
            **{key: systems[first][key] for key in ("metrics", "usable", "discrepancy", "rows")},
            "systems": systems,
            "comparisons": [asdict(found) for found in self.comparisons],
            "promotions": [asdict(each) | {"rows_needed": each.rows_needed} for each in self.promotions],
        }

    def _system(self, card: Scorecard) -> dict[str, Any]:
        gaps = self.gaps[card.system]
        return self._scores(card) | {
            "discrepancy": [asdict(gap) for gap in gaps],
            "sentence": sentence(gaps[0], card) if gaps else None,
            "slices": {value: self._scores(part) for value, part in self.slices[card.system].items()},
            "counts": card.counts,
            "rows": [{"id": row.id, "scores": row.scores, "usable": row.usable} for row in card.rows],
        }

    def _scores(self, card: Scorecard) -> dict[str, Any]:
        return {
            "n": card.n,
            "metrics": {name: _measured(asdict(found)) for name, found in card.scores.items()},
            "usable": _measured(asdict(card.usable)) if card.usable else None,
        }


def _rank(card: Scorecard) -> float:
    score = card.usable or card.primary
    return score.value if score.higher_is_better else -score.value


def _measured(found: dict[str, Any]) -> dict[str, Any]:
    return found | {"interval": [found.pop("low"), found.pop("high")]}


def judge(
    spec: TaskSpec,
    examples: Sequence[Example],
    answers: Mapping[str, Sequence[Answer]],
    functions: Mapping[str, OwnFunction],
    labels: Sequence[str] = (),
    by: str | None = None,
) -> Judged:
    """Score every system on the same rows, compare every two on each KPI, and slice by the column `by`.

    Raises InputError for a KPI or column that is not there.
    """
    seed, rows = spec.train.seed, list(examples)
    cards = [score(name, rows, given, spec, seed, labels, functions) for name, given in answers.items()]
    parts = _parts(rows, by) if by else {}
    pairs = list(combinations(answers, 2))
    comparisons = [
        compare(kpi.name, a, b, rows, answers[a], answers[b], spec, seed, labels, functions)
        for kpi in spec.kpi_list
        if kpi.name in cards[0].scores
        for a, b in pairs
    ]
    return Judged(
        spec=spec,
        examples=rows,
        cards=cards,
        comparisons=comparisons,
        promotions=[
            promotion(spec, card, [c for c in comparisons if (c.a, c.b) == (card.system, b)])
            for card in cards
            for a, b in pairs
            if a == card.system
        ],
        gaps={card.system: discrepancies(spec, rows, card, cards, seed) for card in cards},
        slices={
            name: {
                value: score(name, [rows[i] for i in part], [given[i] for i in part], spec, seed, labels, functions)
                for value, part in parts.items()
            }
            for name, given in answers.items()
        },
        by=by,
    )


def _parts(rows: Sequence[Example], column: str) -> dict[str, list[int]]:
    """The places of the rows by their value of a column, most frequent first; values of few rows are one part."""
    if column not in rows[0].columns:
        raise InputError(f"no column `{column}` to slice by{did_you_mean(column, rows[0].columns)}")
    places: dict[str, list[int]] = {}
    for i, row in enumerate(rows):
        places.setdefault(as_text(row.columns[column]) or "(empty)", []).append(i)
    few = [value for value, part in places.items() if len(part) < FEW_ROWS]
    if len(few) > 1:
        places[OTHER] = [i for value in few for i in places.pop(value)]
    return dict(sorted(places.items(), key=lambda item: -len(item[1])))


def judge_systems(
    task: Task,
    store: Store,
    systems: Sequence[str],
    table: Table | None = None,
    by: str | None = None,
    progress: Progress = silent,
) -> Judged:
    """Systems of a task on its test set, or on the rows of a table that has the task's columns.

    Answers are kept by what made them: the same system on the same rows is not asked again. Each answering of the test
    set counts as an opening. Raises InputError as `find_system` does, and for rows that cannot be read.
    """
    spec, prepared, base = task.spec, prepare(task), LoadedBase(task, progress)
    rows = build_examples(table, spec) if table else prepared.splits.test
    version, answers = content_hash(rows), dict[str, list[Answer]]()
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        for name in systems:
            found = find_system(task, store, name, base)

            def work(folder: Path, name: str = name, found: Found = found) -> dict[str, Any]:
                if table is None:
                    store.records.open_test(spec.task, version)
                made = answer_resumably(found.make(), rows, folder / "answers.jsonl", progress)
                return {"objects": {"answers": store.objects.put("".join(map(line, made)).encode())}}

            step = steps.run(f"answer {name}", found.inputs | {"system": name, "rows": asked_hash(rows)}, work)
            answers[name] = parse(store.objects.get(step.outputs["objects"]["answers"]))
    return judge(spec, rows, answers, load_functions(spec, task.folder), prepared.labels, by)


def predictions_spec(
    table: Table,
    kind: Kind,
    inputs: Sequence[str],
    target: str | None,
    group: str | None = None,
    facts: str | None = None,
    tests: str | None = None,
) -> TaskSpec:
    """The task that a file of predictions stands for: its kind's usual KPIs on its own columns."""
    user = "\n\n".join(f"{{{name}}}" for name in inputs)
    target = target or OUTPUT  # never read: without references the rows are questions
    data = DataSpec(train=table.name, input=inputs[0], target=target, group=group, facts=facts, tests=tests)
    samples = max(len(_outputs(table, index, kind)) for index in range(len(table.rows)))
    drawn = GenerateSpec(samples=samples, temperature=1.0)  # the temperature is never read: nothing is generated
    return TaskSpec(task=UNNAMED, kind=kind, data=data, prompt=PromptSpec(user=user), generate=drawn)


def judge_predictions(table: Table, spec: TaskSpec, folder: Path, by: str | None = None) -> Judged:
    """Score the outputs of a file: rows of input fields, `output`, and perhaps `id`, a target and `model`.

    An `output` is a text, or a list of texts: the answer and further samples of it. Where there are several models, each
    must have answered the same rows. Raises InputError for a missing column, a list of anything else, and for a row that
    one model answered and another did not, or twice.
    """
    table.require(OUTPUT, "what the system answered")
    reference = spec.data.target != OUTPUT
    examples = build_examples(table, spec) if reference else build_questions(table, spec)
    models: dict[str, dict[str, tuple[Example, Answer]]] = {}
    for index, (example, row) in enumerate(zip(examples, table.rows, strict=True)):
        model = as_text(row[MODEL]) if MODEL in table.columns else UNNAMED
        known = models.setdefault(model, {})
        id = as_text(row["id"]) if "id" in table.columns else str(len(known) + 1)
        if id in known:
            raise InputError(f"{table.place(index)}: {model} answered the row `{id}` before; keep one of the two")
        answer = _answer(id, _outputs(table, index, spec.kind), row.get(PROBABILITIES))
        known[id] = replace(example, id=id, columns=row), answer
    first, *others = models.values()
    name = next(iter(models))
    for other, rows in zip(list(models)[1:], others, strict=True):
        if missing := sorted(first.keys() ^ rows.keys()):
            raise InputError(f"{table.name}: only one of {name} and {other} answered the row `{missing[0]}`; give both")
    asked = [example for example, _ in first.values()]
    answers = {model: [given[row.id][1] for row in asked] for model, given in models.items()}
    return judge(spec, asked, answers, load_functions(spec, folder), by=by)


def _outputs(table: Table, index: int, kind: Kind) -> list[Any]:
    """The outputs of a row, the answer first. In a classification a list is one answer: the labels of the row.

    Raises InputError for a list that is empty, or holds what is no text.
    """
    said = table.rows[index].get(OUTPUT)
    if not isinstance(said, list) or kind == "classification":
        return [said]
    if not said or not all(isinstance(each, str) for each in said):
        raise InputError(
            f"{table.place(index)}, column `{OUTPUT}`: a list holds one text or more, the answer first and then further "
            "samples; write an answer that is no text as JSON text, and null where there is none"
        )
    return said


def _answer(id: str, outputs: Sequence[Any], probabilities: Any) -> Answer:
    said, *others = outputs
    return Answer(
        id,
        "" if said is None else as_text(said),
        label_probs=probabilities if isinstance(probabilities, dict) else None,
        finish="error" if said is None else "stop",
        others=tuple(others),
    )
