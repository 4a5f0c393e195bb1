"""Methods of fine-tuning beside each other: each at its own learning rate, tuned on validation rows, on the same data and test.

First every method is tuned, then trained with several seeds, then the test set is asked for the first time. Each training
is a process of its own, and a step that is done once.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from statistics import fmean
from typing import Any, Literal

import numpy as np
import torch
from scipy.stats import ttest_ind

from sartor.complaints import did_you_mean
from sartor.data.versions import content_hash
from sartor.errors import InputError, SystemFailure
from sartor.evaluate.compare import Comparison
from sartor.evaluate.metric import Scope, check_kpis, metric
from sartor.evaluate.own import load_functions
from sartor.evaluate.recipes import RecipeScore
from sartor.flows.base import Bases
from sartor.flows.evaluate import Judged, judge
from sartor.flows.findings import require_agreement
from sartor.flows.judging import ask_judges
from sartor.flows.outcome import Trained
from sartor.flows.prepare import Task, prepare
from sartor.flows.run import Stages
from sartor.flows.search import start_rate, try_out
from sartor.flows.training import Apart
from sartor.flows.tuning import MOST_RATES, Tried, Tuning, tune
from sartor.generate.answer import Answer
from sartor.jobs.here import Here
from sartor.jobs.steps import Steps
from sartor.progress import Progress, silent
from sartor.report.format import seconds as shown_seconds
from sartor.store import Store, disk_errors
from sartor.task import METHOD_SETTINGS, TaskSpec, TrainSpec
from sartor.train.loop import Diverged

SEEDS = 3
TUNING_SEED = 0
MARGIN = 0.02
"""How much of a KPI's range a method may lose and still be as good, where the KPI has no `margin`."""
REFERENCE = "full"
CLAIMED_RATIO = 0.35
"""What LoRA is said to cost of full fine-tuning at equal quality: it would save 65 %."""
VARIANTS: dict[str, dict[str, Any]] = {
    "rslora": {"method": "lora", "rslora": True},
    "dora": {"method": "lora", "dora": True},
    "lora+": {"method": "lora", "lora_plus": 16.0},
}
"""Names of LoRA's variants: what each sets. The ratio is that of Hayou et al. 2024, 2402.12354."""


@dataclass(frozen=True, slots=True)
class MethodCost:
    """What a method takes at its best rate: means over the seeds, the most of memory."""

    method: str
    settings: dict[str, Any]
    learning_rate: float
    trainable: int
    epochs: float
    seconds: float
    seconds_by_seed: list[float]
    """Of training with its validation, without loading."""
    flops: float
    """Modelled."""
    peak_memory_bytes: int
    """Of a process that only trains; on a GPU, what was allocated there."""
    stored_bytes: int
    money: float
    """`seconds` at `costs.hour`."""
    tuning: Tuning
    """Of the learning rate, on validation rows; none of it is in the numbers above."""
    tuning_money: float


@dataclass(frozen=True, slots=True)
class EqualQuality:
    """Whether a method is as good as the reference within a margin, and what it costs of it."""

    method: str
    reference: str
    metric: str
    difference: float
    low: float
    high: float
    """The method less the reference, its 95 % interval over rows and seeds; above 0 the method is better."""
    margin: float
    quality: Literal["EQUAL", "WORSE", "INCONCLUSIVE"]
    """EQUAL: as good or better, the interval lies above −margin. WORSE: it lies below."""
    cost_ratio: float
    cost_low: float
    cost_high: float
    """Training seconds, and so money, of the method by those of the reference; a 95 % interval over seeds."""
    flops_ratio: float
    claim: Literal["REPRODUCED", "REFUTED", "INCONCLUSIVE"] | None
    """Whether it costs at most `CLAIMED_RATIO` at equal quality; None where the claim is not about these two."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Methods beside each other."""

    judged: Judged
    costs: list[MethodCost]
    equal: list[EqualQuality]
    """One for each method but the reference, on the first KPI."""
    seeds: int
    validation_rows: int
    budget: float | None
    """Seconds of training that tuning a method could take."""
    memory_of: Literal["process", "GPU"]

    @property
    def kpis(self) -> dict[str, RecipeScore]:
        """The first KPI over seeds, by method."""
        return {found.recipe: found for found in self.judged.recipes if found.name == self.equal[0].metric}

    @property
    def sentences(self) -> list[str]:
        """How the rates were found, what equal quality comes to, and what is to be minded."""
        budget = f" and {shown_seconds(self.budget)} of training" if self.budget is not None else ""
        tuned = (
            f"Learning rates: the lowest loss on {self.validation_rows:,} validation rows, at most {MOST_RATES} rates"
        )
        said = [f"{tuned}{budget} a method; no test row was read."]
        said += [f"{cost.method}: {cost.tuning.note}." for cost in self.costs if cost.tuning.note]
        said += [self._sentence(found) for found in self.equal]
        if not any(found.claim for found in self.equal):
            said.append(
                f"LoRA is said to cost {CLAIMED_RATIO:g} of full fine-tuning: compare `lora` and `full` to test it."
            )
        return said

    def _sentence(self, found: EqualQuality) -> str:
        score = self.kpis[found.method]
        sign = 1 if score.higher_is_better else -1
        shown = score.scale.difference(sign * found.difference, *sorted((sign * found.low, sign * found.high)))
        may = f"{score.scale.points(found.margin).lstrip('+')} may be lost"
        cost = f"{found.cost_ratio:.2f} ({found.cost_low:.2f}–{found.cost_high:.2f}) of its training time and money"
        ratios = f"{cost}, {found.flops_ratio:.2f} of its FLOPs"
        of_quality = {
            "EQUAL": f"as good as {found.reference}, for {ratios}",
            "WORSE": f"worse than {found.reference}; it took {ratios}",
            "INCONCLUSIVE": f"INCONCLUSIVE, these rows and seeds do not decide; it took {ratios}",
        }[found.quality]
        claim = f" LoRA is said to cost {CLAIMED_RATIO:g}: {found.claim} here." if found.claim else ""
        return f"{found.method} against {found.reference}, {score.title} {shown}, {may}: {of_quality}.{claim}"

    def to_json(self) -> dict[str, Any]:
        """The scorecards' document, and what the methods take."""
        how = {"validation_rows": self.validation_rows, "most_rates": MOST_RATES, "budget_seconds": self.budget}
        return self.judged.to_json() | {
            "methods": [
                asdict(cost) | {"tuning": asdict(cost.tuning) | {"note": cost.tuning.note}} for cost in self.costs
            ],
            "equal_quality": [asdict(found) for found in self.equal],
            "claimed_ratio": CLAIMED_RATIO,
            "tuned_by": how,
            "memory_of": self.memory_of,
            "sentences": self.sentences,
        }


def compare_methods(
    task: Task,
    store: Store,
    methods: Sequence[str],
    seeds: int = SEEDS,
    budget: float | None = None,
    progress: Progress = silent,
) -> Compared:
    """Tune every method on validation rows, train it with `seeds` seeds at its best rate, and judge all on the test set.

    `budget` is in seconds of training, for the tuning of each method, as `tune` takes it. What was trained before is not
    trained again. Raises InputError for names that are no methods, for what the base cannot be trained by, where there are no
    validation rows, and for a first KPI that says not what may be lost; SystemFailure as `tune` does.
    """
    spec = task.spec
    if len(set(methods)) < max(2, len(methods)):
        raise InputError("name two or more methods, each once, such as `--methods lora,full`")
    if seeds < 2:
        raise InputError("one seed does not show how seeds differ: train two or more, such as `--seeds 3`")
    trains = {name: with_method(spec.train, name) for name in methods}
    prepared, margin = prepare(task), margin_of(spec)
    require_agreement(prepared)
    validation = len(prepared.splits.validation)
    if not validation:
        raise InputError(
            "learning rates are tuned on validation rows, and there are none: set `train.validation` above 0"
        )
    bases = Bases(task, progress)
    starts = {name: start_rate(train, spec.train, bases.of(train)) for name, train in trains.items()}
    hour, currency = spec.costs.hour, spec.costs.currency
    with disk_errors(), Steps(store, spec.task, Here(), hour, currency) as steps, Apart() as apart:

        def stages(name: str, rate: float, seed: int) -> Stages:
            train = trains[name].model_copy(update={"learning_rate": rate, "seed": seed})
            one = replace(task, spec=spec.model_copy(update={"train": train}))
            return Stages(one, prepared, bases.of(train), store, steps, progress)

        def attempt(name: str) -> Callable[[float], Tried]:
            return lambda rate: try_out(stages(name, rate, TUNING_SEED), apart)

        tunings = dict[str, Tuning]()
        for name in trains:
            progress("tune", len(tunings), len(trains), name)
            tunings[name] = tune(name, starts[name], attempt(name), budget)
        progress("tune", len(trains), len(trains))
        trained = {name: list[tuple[Stages, Trained]]() for name in trains}
        for done, (seed, name) in enumerate(product(range(seeds), trains)):
            progress("compare", done, seeds * len(trains), f"{name}, seed {seed}")
            one = stages(name, tunings[name].best.rate, seed)
            try:
                trained[name].append((one, one.train(apart)))
            except Diverged as error:
                raise SystemFailure(
                    f"{name} diverged at its best rate with seed {seed}: leave it out ({error})"
                ) from error
        progress("compare", seeds * len(trains), seeds * len(trains))
        judged = _judge(task, store, steps, trained, prepared.labels, progress)
    costs = [_cost(name, spec, tunings[name], trained[name]) for name in trains]
    memory_of: Literal["process", "GPU"] = "GPU" if torch.cuda.is_available() else "process"
    return Compared(judged, costs, _equal_quality(judged, costs, trains, margin), seeds, validation, budget, memory_of)


def with_method(spec: TrainSpec, name: str) -> TrainSpec:
    """The same training by another method, or by a variant of LoRA alone: its settings, less those that are not read then.

    `lora` is LoRA without variants; it is one training, whatever `seeds` says. Raises InputError for a name that is none, with
    the nearest one.
    """
    if name not in METHOD_SETTINGS and name not in VARIANTS:
        known = (*METHOD_SETTINGS, *VARIANTS)
        raise InputError(f"no method `{name}`{did_you_mean(name, known) or '; there are ' + ', '.join(known)}")
    sets = VARIANTS.get(name, {"method": name})
    chosen = {"method", "seeds", *(key for variant in VARIANTS.values() for key in variant)}
    unread = {key for keys in METHOD_SETTINGS.values() for key in keys} - set(METHOD_SETTINGS[sets["method"]])
    kept = {key: getattr(spec, key) for key in spec.model_fields_set - chosen - unread}
    return TrainSpec(**kept | sets)


def _judge(
    task: Task,
    store: Store,
    steps: Steps,
    trained: Mapping[str, Sequence[tuple[Stages, Trained]]],
    labels: Sequence[str],
    progress: Progress,
) -> Judged:
    """Every training on the test set, the seeds of a method as one recipe."""
    answers, recipes = dict[str, list[Answer]](), dict[str, list[str]]()
    for name, seeds in trained.items():
        for stages, each in seeds:
            system = f"{name}, seed {stages.spec.train.seed}"
            answers[system] = stages.answer(stages.specialist(each)).answers
            recipes.setdefault(name, []).append(system)
    test = stages.prepared.splits.test
    asked = [pair for given in answers.values() for pair in zip(test, given, strict=True)]
    functions = load_functions(task.spec, task.folder) | ask_judges(steps, store, task.spec, asked, progress)
    openings = store.records.open_test(task.spec.task, content_hash(test))
    judged = judge(task.spec, test, answers, functions, labels, recipes=recipes)
    return replace(judged, test_openings=openings)


def _cost(name: str, spec: TaskSpec, tuning: Tuning, trained: Sequence[tuple[Stages, Trained]]) -> MethodCost:
    took = [each.history.seconds for _, each in trained]
    stages, first = trained[0]
    return MethodCost(
        method=name,
        settings=stages.spec.train.method_settings,
        learning_rate=tuning.best.rate,
        trainable=first.manifest["trainable"],
        epochs=fmean(each.history.epochs for _, each in trained),
        seconds=fmean(took),
        seconds_by_seed=took,
        flops=fmean(each.meter.flops for _, each in trained),
        peak_memory_bytes=max(each.meter.peak_memory_bytes for _, each in trained),
        stored_bytes=max(each.stored_bytes for _, each in trained),
        money=fmean(took) / 3600 * spec.costs.hour,
        tuning=tuning,
        tuning_money=tuning.seconds / 3600 * spec.costs.hour,
    )


def _equal_quality(
    judged: Judged, costs: Sequence[MethodCost], trains: Mapping[str, TrainSpec], margin: float
) -> list[EqualQuality]:
    """Each method beside full fine-tuning, or where that is not among them beside the first one, on the first KPI."""
    by_name = {cost.method: cost for cost in costs}
    reference = REFERENCE if REFERENCE in by_name else costs[0].method
    score = judged.cards[0].scores[judged.spec.kpi_list[0].name]
    found = {(c.a, c.b): c for c in judged.recipe_comparisons if c.metric == score.name}
    return [
        beside(
            found[name, reference] if (name, reference) in found else found[reference, name].turned,
            1 if score.higher_is_better else -1,
            margin,
            cost,
            by_name[reference],
            trains[name].method in ("lora", "qlora") and reference == REFERENCE,
        )
        for name, cost in by_name.items()
        if name != reference
    ]


def margin_of(spec: TaskSpec) -> float:
    """How much of the first KPI may be lost at equal quality. Raises InputError as `check_kpis`, and for a KPI without bound."""
    check_kpis(spec)
    first = spec.kpi_list[0]
    top = 1.0 if first.function else metric(first.name, Scope.of(spec, ())).maximum
    if first.margin is None and math.isinf(top):
        raise InputError(
            f"`{first.name}` counts without bound: say with its `margin` how much may be lost at equal quality"
        )
    return first.margin or MARGIN * top


def beside(
    compared: Comparison, sign: int, margin: float, cost: MethodCost, reference: MethodCost, claimed: bool
) -> EqualQuality:
    """A method beside the reference, from their comparison (method less reference; `sign` 1 where higher is better)."""
    low, high = sorted((sign * compared.low, sign * compared.high))
    quality: Literal["EQUAL", "WORSE", "INCONCLUSIVE"]
    quality = "EQUAL" if low > -margin else "WORSE" if high < -margin else "INCONCLUSIVE"
    ratio, cost_low, cost_high = _ratio(cost.seconds_by_seed, reference.seconds_by_seed)
    claim: Literal["REPRODUCED", "REFUTED", "INCONCLUSIVE"] = "INCONCLUSIVE"
    if quality == "WORSE" or cost_low > CLAIMED_RATIO:  # it asks for both, so one that is missing is enough
        claim = "REFUTED"
    elif quality == "EQUAL" and cost_high <= CLAIMED_RATIO:
        claim = "REPRODUCED"
    return EqualQuality(
        method=cost.method,
        reference=reference.method,
        metric=compared.metric,
        difference=sign * compared.difference,
        low=low,
        high=high,
        margin=margin,
        quality=quality,
        cost_ratio=ratio,
        cost_low=cost_low,
        cost_high=cost_high,
        flops_ratio=cost.flops / reference.flops,
        claim=claim if claimed else None,
    )


def _ratio(a: Sequence[float], b: Sequence[float]) -> tuple[float, float, float]:
    """Ratio of the geometric means and its 95 % interval, by Welch's t on logarithms."""
    logs_a, logs_b = np.log(a), np.log(b)
    interval = ttest_ind(logs_a, logs_b, equal_var=False).confidence_interval()
    found = float(np.exp(logs_a.mean() - logs_b.mean()))
    return found, float(np.exp(interval.low)), float(np.exp(interval.high))
