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
from sartor.evaluate.recipes import RecipeScore, judge_recipes
from sartor.evaluate.scorecard import Score, Scorecard, score
from sartor.evaluate.wording import estimate, system_name
from sartor.flows.base import LoadedBase
from sartor.flows.predict import Found, find_system
from sartor.flows.prepare import Task, prepare
from sartor.flows.recipes import seeds_of_recipes
from sartor.generate.answer import Answer
from sartor.generate.resume import answer_resumably, line, parse
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.store import Store, disk_errors
from sartor.task import DataSpec, Kind, PromptSpec, TaskSpec

OUTPUT, MODEL, SEED, PROBABILITIES = "output", "model", "seed", "label_probs"
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
    """Of every two systems that are not two seeds of one recipe."""
    promotions: list[Promotion]
    """Whether each system may take the place of each that is named after it, and is no other seed of its recipe."""
    recipes: list[RecipeScore]
    """What is said of a recipe over its seeds: the usable rate and every KPI. Empty where no system has another seed."""
    recipe_comparisons: list[Comparison]
    """Of recipes, with each other and with single systems."""
    gaps: dict[str, list[Discrepancy]]
    """Perceived against real quality, by system."""
    slices: dict[str, dict[str, Scorecard]]
    """By system and value of the column `by`, the largest slice first."""
    by: str | None = None

    @property
    def headline(self) -> str:
        """One sentence: how many outputs are usable, or the primary KPI where the task has no hard one.

        Of seeds it is said of their recipe, since the best of several seeds is best by luck.
        """
        scores = self._headline_scores
        best = max(scores, key=lambda name: _rank(scores[name]))
        score = scores[best]
        shown = estimate(score.value, score.low, score.high, score.maximum)
        over = f" over {len(score.systems)} seeds" if isinstance(score, RecipeScore) else ""
        what = "recipes and systems" if self.recipes else "systems"
        of = f", best of {len(scores)} {what}" if len(scores) > 1 else ""
        return f"{system_name(best).capitalize()}{over}{of}: {score.title} {shown}, n = {score.n}."

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
        notes = [score.note for score in scores if score.note]
        notes += [found.note for found in self.recipes if found.note]
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
            "rows": [{"id": row.id, "scores": row.scores, "usable": row.usable} for row in card.rows],
        }

    def _scores(self, card: Scorecard) -> dict[str, Any]:
        return {
            "n": card.n,
            "metrics": {name: _measured(asdict(found)) for name, found in card.scores.items()},
            "usable": _measured(asdict(card.usable)) if card.usable else None,
        }


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
        recipes=over_seeds,
        recipe_comparisons=recipe_comparisons,
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
    set counts as an opening. Adapters that are seeds of one recipe are judged as it, too. Raises InputError as
    `find_system` and `seeds_of_recipes` do, and for rows that cannot be read.
    """
    spec, prepared, base = task.spec, prepare(task), LoadedBase(task, progress)
    rows = build_examples(table, spec) if table else prepared.splits.test
    version, answers = content_hash(rows), dict[str, list[Answer]]()
    systems_found = {name: find_system(task, store, name, base) for name in systems}
    adapters = {name: found.adapter for name, found in systems_found.items() if found.adapter}
    recipes = seeds_of_recipes(adapters, drawn_test=not (table or spec.data.test))
    with disk_errors(), Steps(store, spec.task, Here(), spec.costs.hour, spec.costs.currency) as steps:
        for name, found in systems_found.items():

            def work(folder: Path, name: str = name, found: Found = found) -> dict[str, Any]:
                if table is None:
                    store.records.open_test(spec.task, version)
                made = answer_resumably(found.make(), rows, folder / "answers.jsonl", progress)
                return {"objects": {"answers": store.objects.put("".join(map(line, made)).encode())}}

            step = steps.run(f"answer {name}", found.inputs | {"system": name, "rows": asked_hash(rows)}, work)
            answers[name] = parse(store.objects.get(step.outputs["objects"]["answers"]))
    return judge(spec, rows, answers, load_functions(spec, task.folder), prepared.labels, by, recipes)


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
    return TaskSpec(task=UNNAMED, kind=kind, data=data, prompt=PromptSpec(user=user))


def judge_predictions(table: Table, spec: TaskSpec, folder: Path, by: str | None = None) -> Judged:
    """Score the outputs of a file: rows of input fields, `output`, and perhaps `id`, a target, `model` and `seed`.

    Where there are several models, each must have answered the same rows. Several seeds of a model are systems of their
    own, and the model is their recipe. Raises InputError for a missing column, for a row that one model answered and
    another did not, or twice, and for a model with seeds in some rows only.
    """
    table.require(OUTPUT, "what the system answered")
    reference = spec.data.target != OUTPUT
    examples = build_examples(table, spec) if reference else build_questions(table, spec)
    names, recipes = _names(table)
    models: dict[str, dict[str, tuple[Example, Answer]]] = {}
    for index, (example, row, model) in enumerate(zip(examples, table.rows, names, strict=True)):
        known = models.setdefault(model, {})
        id = as_text(row["id"]) if "id" in table.columns else str(len(known) + 1)
        if id in known:
            raise InputError(f"{table.place(index)}: {model} answered the row `{id}` before; keep one of the two")
        known[id] = replace(example, id=id, columns=row), _answer(id, row)
    first, *others = models.values()
    name = next(iter(models))
    for other, rows in zip(list(models)[1:], others, strict=True):
        if missing := sorted(first.keys() ^ rows.keys()):
            raise InputError(f"{table.name}: only one of {name} and {other} answered the row `{missing[0]}`; give both")
    asked = [example for example, _ in first.values()]
    answers = {model: [given[row.id][1] for row in asked] for model, given in models.items()}
    return judge(spec, asked, answers, load_functions(spec, folder), by=by, recipes=recipes)


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


def _answer(id: str, row: Mapping[str, Any]) -> Answer:
    said, probabilities = row[OUTPUT], row.get(PROBABILITIES)
    return Answer(
        id,
        "" if said is None else as_text(said),
        label_probs=probabilities if isinstance(probabilities, dict) else None,
        finish="error" if said is None else "stop",
    )
