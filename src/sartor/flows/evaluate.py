"""Evaluation by itself: outputs that were made elsewhere, or a system of the task on any rows, scored and compared."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

from sartor.adapters.registry import Registry
from sartor.complaints import did_you_mean
from sartor.data.columns import as_text
from sartor.data.example import Example
from sartor.data.examples import build_examples, build_questions
from sartor.data.table import Table
from sartor.data.versions import content_hash
from sartor.errors import InputError
from sartor.evaluate.compare import Comparison, compare, exploration
from sartor.evaluate.discrepancy import Discrepancy, discrepancies, sentence
from sartor.evaluate.own import OwnFunction, load_functions
from sartor.evaluate.promotion import Promotion, promotions
from sartor.evaluate.recipes import RecipeScore, judge_recipes
from sartor.evaluate.scorecard import Score, Scorecard, score
from sartor.evaluate.verdict import system_name
from sartor.flows.ask import ask_once
from sartor.flows.base import LoadedBase
from sartor.flows.judging import ask_judges, compare_with_people
from sartor.flows.predict import find_system
from sartor.flows.prepare import Task, prepare
from sartor.flows.recipes import seeds_of_recipes
from sartor.flows.systems import SPECIALIST
from sartor.generate.answer import Answer
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.store import Store, disk_errors
from sartor.task import DataSpec, GenerateSpec, Kind, KpiSpec, PromptSpec, TaskSpec

OUTPUT, TARGET, MODEL, SEED, PROBABILITIES = "output", "target", "model", "seed", "label_probs"
MEASURED = ("seconds", "prompt_tokens", "completion_tokens", "cost")
UNNAMED = "predictions"
Models = dict[str, list[tuple[Example, Answer]]]
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
    """Of every two systems that are not two seeds of one recipe."""
    promotions: list[Promotion]
    """Of every two systems that are no seeds of one recipe, whether the better one may take the other's place."""
    recipes: list[RecipeScore]
    """What is said of a recipe over its seeds: the usable rate and every KPI. Empty where no system has another seed."""
    recipe_comparisons: list[Comparison]
    """Of recipes, with each other and with single systems."""
    gaps: dict[str, list[Discrepancy]]
    """Perceived against real quality, by system."""
    slices: dict[str, dict[str, Scorecard]]
    """By system and value of the column `by`, the largest slice first."""
    by: str | None = None
    test_openings: int | None = None
    """How often the task's test set was looked at, this time included; None for other rows."""

    @property
    def all_scores(self) -> list[Score]:
        """Every metric, as the first system that was measured on it has it."""
        found: dict[str, Score] = {}
        for card in self.cards:
            for name, measured in card.all_scores.items():
                found.setdefault(name, measured)
        return list(found.values())

    @property
    def headline(self) -> str:
        """One sentence: how many outputs are usable, or the primary KPI where the task has no hard one.

        Of seeds it is said of their recipe, since the best of several seeds is best by luck.
        """
        scores = self._headline_scores
        best = max(scores, key=lambda name: _rank(scores[name]))
        score = scores[best]
        shown = score.scale.estimate(score.value, score.low, score.high)
        over = f" over {len(score.systems)} seeds" if isinstance(score, RecipeScore) else ""
        what = "recipes and systems" if self.recipes else "systems"
        of = f", best of {len(scores)} {what}" if len(scores) > 1 else ""
        name = system_name(best)
        return f"{name[:1].upper()}{name[1:]}{over}{of}: {score.title} {shown}, n = {score.n:,}."

    @property
    def _headline_scores(self) -> dict[str, Score | RecipeScore]:
        """By recipe, and by system that is no seed of one: the usable rate, or what stands first."""
        seeds = {system for found in self.recipes for system in found.systems}
        scores: dict[str, Score | RecipeScore] = {
            card.system: card.usable or card.primary for card in self.cards if card.system not in seeds
        }
        for found in self.recipes:
            scores.setdefault(found.recipe, found)
        return scores

    @property
    def notes(self) -> list[str]:
        """What is to be minded: warnings of intervals, and everything that was wrong in form or not scored."""
        scores = [score for card in self.cards for score in card.all_scores.values()]
        notes = []
        if self.test_openings:
            notes.append(f"test set opened {self.test_openings:,} times: what is chosen by its scores, it flatters")
        notes += [f"{score.title}: {score.note}" for score in scores if score.note]
        notes += [found.note for found in self.recipes if found.note]
        for card in self.cards:
            notes += [f"{card.system}: {count:,} {what}" for what, count in card.counts.items() if count]
            notes += [
                f"{card.system}: {count:,} not scored by {score.title}, counted as wrong ({reason})"
                for score in card.scores.values()
                for reason, count in _reasons(score)
            ]
        return list(dict.fromkeys(notes))

    def to_json(self) -> dict[str, Any]:
        """One document; `metrics` and `rows` are those of the first system, each system's own stand under `systems`."""
        systems = {card.system: self._system(card) for card in self.cards}
        first = self.cards[0].system
        return {
            "kind": self.spec.kind,
            "n": len(self.examples),
            "test_openings": self.test_openings,
            **{key: systems[first][key] for key in ("metrics", "usable", "discrepancy", "rows")},
            "systems": systems,
            "comparisons": [asdict(found) for found in self.comparisons],
            "promotions": [asdict(each) | {"rows_needed": each.rows_needed} for each in self.promotions],
            "seeds": {
                "recipes": [_measured(asdict(found)) for found in self.recipes],
                "comparisons": [asdict(found) for found in self.recipe_comparisons],
            },
        }

    def _system(self, card: Scorecard) -> dict[str, Any]:
        gaps = self.gaps[card.system]
        return self._scores(card) | {
            "discrepancy": [asdict(gap) for gap in gaps],
            "sentence": sentence(gaps[0], card) if gaps else None,
            "slices": {value: self._scores(part) for value, part in self.slices[card.system].items()},
            "counts": card.counts,
            "details": [asdict(detail) for detail in card.details],
            "confusions": [{"expected": a, "answered": b, "rows": rows} for a, b, rows in card.confusions],
            "rows": [
                {"id": row.id, "scores": row.scores, "usable": row.usable, "reasons": row.reasons} for row in card.rows
            ],
        }

    def _scores(self, card: Scorecard) -> dict[str, Any]:
        return {
            "n": card.n,
            "metrics": {name: _measured(asdict(found)) for name, found in card.scores.items()},
            "usable": _measured(asdict(card.usable)) if card.usable else None,
        }


def _reasons(score: Score, most: int = 3) -> list[tuple[str, int]]:
    """Why rows were not scored and how many, the most frequent reason first; what is over `most` is one line."""
    found = Counter(score.unscored.values()).most_common()
    rest = sum(count for _, count in found[most:])
    return [*found[:most], *([("for other reasons, each in the document", rest)] if rest else [])]


def _rank(score: Score | RecipeScore) -> float:
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
    recipes: Mapping[str, Sequence[str]] | None = None,
) -> Judged:
    """Score every system on the same rows, compare every two on each KPI, and slice by the column `by`.

    `recipes`, by name, are the systems that are seeds of one: they are judged together, and not against each other.
    Raises InputError for a KPI or column that is not there.
    """
    seed, rows = spec.train.seed, list(examples)
    cards = [score(name, rows, given, spec, seed, labels, functions) for name, given in answers.items()]
    parts = _parts(rows, by) if by else {}
    recipes = recipes or {}
    of = {system: recipe for recipe, systems in recipes.items() for system in systems}
    pairs = [(a, b) for a, b in combinations(answers, 2) if of.get(a, a) != of.get(b, b)]
    comparisons = [
        compare(kpi.name, a, b, rows, answers[a], answers[b], spec, seed, labels, functions)
        for kpi in spec.kpi_list
        if kpi.name in cards[0].scores
        for a, b in pairs
    ]
    over_seeds, recipe_comparisons = judge_recipes(recipes, cards, rows, answers, spec, labels, functions)
    shown = exploration([*recipe_comparisons, *comparisons])
    return Judged(
        spec=spec,
        examples=rows,
        cards=cards,
        comparisons=shown[len(recipe_comparisons) :],
        promotions=promotions(spec, {card.system: card for card in cards}, comparisons),
        recipes=over_seeds,
        recipe_comparisons=shown[: len(recipe_comparisons)],
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

    Each question is put to a system once, in whatever run or evaluation. Looking at the test set counts as an opening.
    Adapters that are seeds of one recipe are judged as it, too. Raises InputError as `find_system` and `seeds_of_recipes`
    do, and for rows that cannot be read.
    """
    spec, prepared, base = task.spec, prepare(task), LoadedBase(task, progress)
    rows = build_examples(table, spec) if table else prepared.splits.test
    entrants = [find_system(task, store, name, base) for name in systems]
    names = [entrant.name for entrant in entrants]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"`{twice[0]}` is named twice; name each system once")
    adapters = {entrant.name: Registry(store).get(entrant.name) for entrant in entrants if entrant.kind == SPECIALIST}
    recipes = seeds_of_recipes(adapters, drawn_test=not table and spec.data.draws_test)
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        answers = {entrant.name: ask_once(steps, store, entrant, rows, progress).answers for entrant in entrants}
        asked = [pair for given in answers.values() for pair in zip(rows, given, strict=True)]
        functions = load_functions(spec, task.folder) | ask_judges(steps, store, spec, asked, progress)
        openings = None if table else store.records.open_test(spec.task, content_hash(rows))
    judged = judge(spec, rows, answers, functions, prepared.labels, by, recipes)
    return replace(judged, test_openings=openings)


def predictions_spec(
    table: Table,
    kind: Kind,
    inputs: Sequence[str],
    target: str | None,
    group: str | None = None,
    facts: str | None = None,
    tests: str | None = None,
    kpis: Sequence[str] = (),
) -> TaskSpec:
    """The task that a file of predictions stands for: its kind's usual KPIs, and the named ones, on its own columns."""
    user = "\n\n".join(f"{{{name}}}" for name in inputs)
    target = target or OUTPUT  # never read: without references the rows are questions
    data = DataSpec(train=table.name, input=inputs[0], target=target, group=group, facts=facts, tests=tests)
    samples = max(len(_outputs(table, index, kind)) for index in range(len(table.rows)))
    drawn = GenerateSpec(samples=samples, temperature=1.0)  # the temperature is never read: nothing is generated
    spec = TaskSpec(task=UNNAMED, kind=kind, data=data, prompt=PromptSpec(user=user), generate=drawn)
    if not kpis:
        return spec
    usual = {kpi.name: kpi for kpi in spec.kpi_list}
    return spec.model_copy(
        update={"kpis": tuple({**usual, **{k: KpiSpec(name=k) for k in kpis if k not in usual}}.values())}
    )


def judge_predictions(table: Table, spec: TaskSpec, folder: Path, by: str | None = None) -> Judged:
    """Score the outputs of a file: rows of input fields, `output`, and perhaps `id`, a target, `model` and `seed`.

    An `output` is a text, or a list of texts: the answer and further samples of it. Where there are several models, each
    must have answered the same rows, with the same reference. Several seeds of a model are systems of their own, and the
    model is their recipe. Raises InputError for a missing column, a list of anything else, for a row that one model
    answered and another did not, or was asked otherwise, or twice, and for a model with seeds in some rows only.
    """
    return _judge_outputs(*read_outputs(table, spec), spec, load_functions(spec, folder), by)


def judge_outputs(task: Task, store: Store, table: Table, by: str | None = None, progress: Progress = silent) -> Judged:
    """The same by the KPIs of a task, its judges among them, which are compared with people where a column holds that."""
    spec = task.spec
    models, recipes = read_outputs(table, spec)
    rows = [pair for pairs in models.values() for pair in pairs]
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        judges = ask_judges(steps, store, spec, rows, progress)
    compare_with_people(judges, rows)
    return _judge_outputs(models, recipes, spec, load_functions(spec, task.folder) | judges, by)


def _judge_outputs(
    models: Models,
    recipes: Mapping[str, Sequence[str]],
    spec: TaskSpec,
    functions: Mapping[str, OwnFunction],
    by: str | None,
) -> Judged:
    first = next(iter(models.values()))
    answers = {model: [answer for _, answer in pairs] for model, pairs in models.items()}
    return judge(spec, [example for example, _ in first], answers, functions, by=by, recipes=recipes)


def read_outputs(table: Table, spec: TaskSpec) -> tuple[Models, dict[str, list[str]]]:
    """Each system's rows with its answers, in the order of the first one's; and the systems of each recipe.

    Raises as `judge_predictions`.
    """
    table.require(OUTPUT, "what the system answered")
    target = spec.data.target
    without = target is not None and (target == OUTPUT or target not in table.columns)
    examples = build_questions(table, spec) if without else build_examples(table, spec)
    names, recipes = _names(table)
    models: dict[str, dict[str, tuple[Example, Answer]]] = {}
    asked: dict[str, tuple[str, Any]] = {}
    compared = [column for column in (spec.data.group, spec.data.facts, spec.data.tests) if column]
    for index, (example, row, model) in enumerate(zip(examples, table.rows, names, strict=True)):
        known = models.setdefault(model, {})
        id = as_text(row["id"]) if "id" in table.columns else str(len(known) + 1)
        if id in known:
            raise InputError(f"{table.place(index)}: {model} answered the row `{id}` before; keep one of the two")
        row_asked = example.messages, example.target, [row.get(column) for column in compared]
        other, same = asked.setdefault(id, (model, row_asked))
        if row_asked != same:
            by_number = "" if "id" in table.columns else ", or tell rows apart by a column `id`"
            raise InputError(
                f"{table.place(index)}: {model} has another input or reference in the row `{id}` than {other}; give the same "
                f"rows to both{by_number}"
            )
        answer = _answer(id, _outputs(table, index, spec.kind), row)
        known[id] = replace(example, id=id, columns=row), answer
    name, first = next(iter(models.items()))
    for other, rows in models.items():
        if missing := sorted(first.keys() ^ rows.keys()):
            raise InputError(f"{table.name}: only one of {name} and {other} answered the row `{missing[0]}`; give both")
    return {model: [rows[id] for id in first] for model, rows in models.items()}, recipes


def _names(table: Table) -> tuple[list[str], dict[str, list[str]]]:
    """The system that gave each row, and by model the systems of those that have several seeds."""
    given = [(as_text(row[MODEL]) if MODEL in table.columns else UNNAMED, as_text(row.get(SEED))) for row in table.rows]
    seeds = dict[str, dict[str, int]]()
    for index, (model, seed) in enumerate(given):
        seeds.setdefault(model, {}).setdefault(seed, index)
    several = {model: known for model, known in seeds.items() if len(known) > 1}
    for model, known in several.items():
        if "" in known:
            raise InputError(f"{table.place(known[''])}: {model} has a `seed` in other rows and none here; fill it in")
    named = {(model, seed): f"{model}, seed {seed}" for model, known in several.items() for seed in known}
    recipes = {model: [named[model, seed] for seed in known] for model, known in several.items()}
    return [named.get(pair, pair[0]) for pair in given], recipes


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


def _is_amount(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf


def _answer(id: str, outputs: Sequence[Any], row: Mapping[str, Any]) -> Answer:
    said, *others = outputs
    probabilities = row.get(PROBABILITIES)
    took = {name: row[name] for name in MEASURED if _is_amount(row.get(name))}
    return Answer(
        id,
        "" if said is None else as_text(said),
        label_probs=probabilities if isinstance(probabilities, dict) else None,
        finish="error" if said is None else "stop",
        others=tuple(others),
        **took,
    )
