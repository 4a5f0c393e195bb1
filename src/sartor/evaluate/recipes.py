"""Systems that are the same recipe trained with different seeds: scored, and compared, as the recipe."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from sartor.data.example import Example
from sartor.evaluate.compare import Comparison, verdict
from sartor.evaluate.metric import Array, Scope, metric
from sartor.evaluate.own import OwnFunction
from sartor.evaluate.scorecard import Scorecard, small_note
from sartor.evaluate.seeds import Member, difference_over_seeds, over_seeds
from sartor.evaluate.statistics import Value, clusters
from sartor.generate.answer import Answer
from sartor.scale import SHARE, Scale
from sartor.task import TaskSpec

TWO_SEEDS = "two seeds show little of how seeds differ; train a third"


@dataclass(frozen=True, slots=True)
class RecipeScore:
    """What a recipe scores on one KPI, whatever the seed; the mean of its seeds."""

    recipe: str
    systems: tuple[str, ...]
    """One a seed."""
    name: str
    """Of the KPI, or `usable`."""
    title: str
    value: float
    low: float
    high: float
    """95 % interval, over rows and seeds."""
    n: int
    """Test rows, which all seeds share."""
    between: float
    """Standard deviation between seeds, less what rows alone explain."""
    rows: float
    """Standard error from the draw of rows."""
    seeds_share: float
    """Of the value's variance, the share that more seeds would lessen."""
    scale: Scale
    higher_is_better: bool
    note: str = ""
    """A warning to print beside the number."""


@dataclass(frozen=True, slots=True)
class _Measure:
    name: str
    title: str
    scale: Scale
    higher_is_better: bool
    value: Value
    tables: dict[str, Array]
    """Statistics of every system, [n, k]."""


def judge_recipes(
    recipes: Mapping[str, Sequence[str]],
    cards: Sequence[Scorecard],
    examples: Sequence[Example],
    answers: Mapping[str, Sequence[Answer]],
    spec: TaskSpec,
    labels: Sequence[str] = (),
    functions: Mapping[str, OwnFunction] | None = None,
) -> tuple[list[RecipeScore], list[Comparison]]:
    """Every recipe's usable rate and KPIs; and on each KPI every two recipes, and every recipe beside each single system.

    `recipes`: the systems, two or more, that are seeds of each, by its name. `cards` and `answers` are of all systems on the
    same rows.
    """
    if not recipes:
        return [], []
    member = clusters([(example.group, example.subject) for example in examples])
    note = small_note(len(examples), len(examples) if member is None else int(member.max()) + 1)
    of = {system: recipe for recipe, systems in recipes.items() for system in systems}
    rivals = {name: recipes.get(name, [name]) for name in (of.get(system, system) for system in answers)}
    pairs = [pair for pair in combinations(rivals, 2) if recipes.keys() & pair]
    scores, comparisons = list[RecipeScore](), list[Comparison]()
    for measure in _measures(cards, examples, answers, spec, labels, functions):
        scores += [_score(recipe, systems, measure, member, note) for recipe, systems in recipes.items()]
        if measure.name in cards[0].scores:
            comparisons += [_compare(a, b, rivals[a], rivals[b], measure, member, note) for a, b in pairs]
    return scores, comparisons


def _score(recipe: str, systems: Sequence[str], measure: _Measure, member: Member | None, note: str) -> RecipeScore:
    found = over_seeds([measure.tables[name] for name in systems], measure.value, member, measure.scale.maximum)
    return RecipeScore(
        recipe=recipe,
        systems=tuple(systems),
        name=measure.name,
        title=measure.title,
        value=found.value,
        low=found.low,
        high=found.high,
        n=len(measure.tables[systems[0]]),
        between=found.between,
        rows=found.rows,
        seeds_share=found.seeds_share,
        scale=measure.scale,
        higher_is_better=measure.higher_is_better,
        note=TWO_SEEDS if len(systems) == 2 else note,
    )


def _compare(
    a: str,
    b: str,
    seeds_a: Sequence[str],
    seeds_b: Sequence[str],
    measure: _Measure,
    member: Member | None,
    note: str,
) -> Comparison:
    tables_a, tables_b = ([measure.tables[name] for name in seeds] for seeds in (seeds_a, seeds_b))
    found = difference_over_seeds(tables_a, tables_b, measure.value, member, measure.scale.maximum)
    return Comparison(
        metric=measure.name,
        a=a,
        b=b,
        value_a=found.value_a,
        value_b=found.value_b,
        difference=found.value,
        low=found.low,
        high=found.high,
        p_value=found.p_value,
        test="t over rows and seeds",
        mdd=found.mdd,
        n=len(tables_a[0]),
        verdict=verdict(found.value, found.low, found.high, found.p_value, measure.higher_is_better),
        note=TWO_SEEDS if 2 in (len(seeds_a), len(seeds_b)) else note,
    )


def _measures(
    cards: Sequence[Scorecard],
    examples: Sequence[Example],
    answers: Mapping[str, Sequence[Answer]],
    spec: TaskSpec,
    labels: Sequence[str],
    functions: Mapping[str, OwnFunction] | None,
) -> Iterator[_Measure]:
    """The usable rate, and the KPIs that can be measured, or where there is none what stands first on the scorecards."""
    if usable := cards[0].usable:
        hits = {card.system: np.array([(bool(row.usable), 1.0) for row in card.rows]) for card in cards}
        yield _Measure(
            usable.name, usable.title, SHARE, True, lambda sums: np.asarray(sums[..., 0] / sums[..., 1]), hits
        )
    scope = Scope.of(spec, examples, labels, functions)
    kpis = [kpi.name for kpi in spec.kpi_list if kpi.name in cards[0].scores]
    for name in kpis or [cards[0].primary.name]:
        judge = metric(name, scope)
        tables = {system: judge.table(examples, given) for system, given in answers.items()}
        yield _Measure(name, judge.title, judge.scale, judge.higher_is_better, judge.of_sums, tables)
