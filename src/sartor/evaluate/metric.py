"""The contract of every metric, and the registry that finds one by name.

As in sacrebleu, a metric first reduces each row to a few numbers that add up (its sufficient statistics) and then
computes its value from their sums. Whatever resamples rows (intervals, paired tests) works on sums alone and reads no
text again.
"""

import difflib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, ClassVar, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from sartor.data.example import Example
from sartor.errors import InputError, SystemFailure
from sartor.generate.answer import Answer
from sartor.scale import Scale
from sartor.task import DataSpec, Kind, KpiSpec, TaskSpec

Array = npt.NDArray[np.float64]
Form = Literal["proportion", "mean", "corpus"]
TEXT_KINDS: tuple[Kind, ...] = ("summarization", "generation", "code", "sql")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a metric knows of the task beside the row itself."""

    kind: Kind
    labels: tuple[str, ...] = ()
    """Classification: every label that is known, sorted; any other text is not a label."""
    multi: bool = False
    """Classification: a row may carry several labels."""
    options: Mapping[str, KpiSpec] = field(default_factory=dict)
    """What the task says of its KPIs, by metric name."""
    data: DataSpec | None = None
    """Which columns hold facts, tests and the like."""
    functions: Mapping[str, Callable[[Example, str], Any]] = field(default_factory=dict)
    """KPIs of the task's own, by name."""
    currency: str = ""
    samples: int = 1
    """How many outputs a row has at most."""

    @classmethod
    def of(
        cls,
        spec: TaskSpec,
        examples: Sequence[Example],
        labels: Sequence[str] = (),
        functions: Mapping[str, Callable[[Example, str], Any]] | None = None,
    ) -> "Scope":
        """The scope of a task: known labels are the examples' gold labels and `labels`."""
        options, own = {kpi.name: kpi for kpi in spec.kpi_list}, functions or {}
        currency, samples = spec.costs.currency, spec.generate.samples
        if spec.kind != "classification":
            return cls(spec.kind, options=options, data=spec.data, functions=own, currency=currency, samples=samples)
        multi = spec.data.labels == "multi" or any(len(example.labels) != 1 for example in examples)
        known = {label for example in examples for label in example.labels} | set(labels)
        return cls(spec.kind, tuple(sorted(known)), multi, options, spec.data, own, currency, samples)


@dataclass(frozen=True, slots=True)
class Detail:
    """One line of a per-class or per-field table."""

    name: str
    support: int
    """How often the gold answers hold it."""
    precision: float
    recall: float
    f1: float


class Unscored(Exception):
    """A row on which a metric cannot say anything, and why: `the row has no unit tests`."""


class Metric(ABC):
    """A number that judges answers against targets."""

    name: ClassVar[str]
    title: ClassVar[str]
    """As it stands in a sentence: `field F1`."""
    kinds: ClassVar[tuple[Kind, ...]]
    form: ClassVar[Form] = "corpus"
    """`proportion`: the share of rows that are right; `mean`: of row scores; `corpus`: any other function of sums."""
    higher_is_better: ClassVar[bool] = True
    maximum: float = 1.0
    """The end of the scale that begins at 0."""
    unit: str = ""
    """Of differences, where they are not told in hundredths of the scale: `grades`, `s`."""
    only_multi: ClassVar[bool] = False
    """Says something new only where a row has several labels."""
    needs_target: bool = True
    """Says nothing of rows without a reference."""
    on_request: ClassVar[bool] = False
    """Measured only where the task names it as a KPI."""
    general: ClassVar[bool] = False
    """Compares words with a reference's and knows nothing of the task: what quality looks like from afar."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.option = scope.options.get(self.name) or KpiSpec(name=self.name)
        self.unscored: dict[str, str] = {}
        """Row id → why it could not be scored; such a row counts as the worst there is. Filled by `table`."""
        self.reasons: dict[str, str] = {}
        """Row id → why it scored as it did, where there is something to say: `failed: AssertionError`. Filled likewise."""

    def applies(self, examples: Sequence[Example], answers: Sequence[Answer]) -> bool:
        """Whether these rows hold what it measures; if not, it is shown only where the task names it as a KPI."""
        return not self.needs_target or any(example.target for example in examples)

    @property
    @abstractmethod
    def signature(self) -> str:
        """All that somebody else needs to get the same number: `rouge_l|rouge-score 0.1.2|stemmer:no`."""

    @property
    def scale(self) -> Scale:
        return Scale(self.maximum, self.unit)

    @property
    def interval(self) -> Literal["wilson", "bootstrap"]:
        return "wilson" if self.form == "proportion" else "bootstrap"

    @property
    def note(self) -> str:
        """What is to be minded of its numbers, whatever the rows."""
        return ""

    @abstractmethod
    def row(self, example: Example, answer: Answer) -> tuple[float, ...] | Array:
        """The row's k sufficient statistics. A row without a usable answer is wrong, and still a row."""

    @abstractmethod
    def of_sums(self, sums: Array) -> Array:
        """From sums over rows, shape [..., k], to values, shape [...]."""

    def table(self, examples: Sequence[Example], answers: Sequence[Answer]) -> Array:
        """Statistics of all rows, shape [n, k]. Raises SystemFailure naming metric and row where one is not finite."""
        stats = np.array([self.row(*pair) for pair in zip(examples, answers, strict=True)], dtype=np.float64)
        finite = np.isfinite(stats).all(axis=1)
        if not finite.all():
            row = examples[int(finite.argmin())].id
            raise SystemFailure(f"metric {self.name} is not a number on row {row}; no score was computed")
        return stats

    def aggregate(self, stats: Array) -> float:
        """The metric's value over rows of statistics, shape [n, k]. Raises SystemFailure when it is not finite."""
        value = float(self.of_sums(stats.sum(axis=0)))
        if not math.isfinite(value):
            raise SystemFailure(f"metric {self.name} is not a number over {len(stats)} rows; no score was computed")
        return value

    def per_row(self, stats: Array) -> Array:
        """Each row's own value, shape [n]."""
        return self.of_sums(stats)


class Mean(Metric):
    """A mean of row scores; its statistics are (score, 1)."""

    form: ClassVar[Form] = "mean"

    @abstractmethod
    def score(self, example: Example, answer: Answer) -> float:
        """The row's score, 0 to `maximum`."""

    def row(self, example: Example, answer: Answer) -> tuple[float, ...]:
        try:
            return float(self.score(example, answer)), 1.0
        except Unscored as reason:
            self.unscored[example.id] = str(reason)
            return 0.0 if self.higher_is_better else self.maximum, 1.0

    def of_sums(self, sums: Array) -> Array:
        return np.asarray(sums[..., 0] / sums[..., 1])


class Proportion(Mean):
    """The share of rows whose score is 1; the others score 0."""

    form = "proportion"


def text_of(answer: Answer) -> str:
    """What was answered, stripped; nothing where there was an error."""
    return "" if answer.finish == "error" else answer.text.strip()


_registry: dict[str, type[Metric]] = {}
M = TypeVar("M", bound=type[Metric])


def register(cls: M) -> M:
    """Class decorator: makes a metric known by its name."""
    _registry[cls.name] = cls
    return cls


def metric(name: str, scope: Scope) -> Metric:
    """The metric of that name, ready for a task. Raises InputError as `metric_class` does."""
    if name in scope.functions:
        from sartor.evaluate.own import OwnKpi  # which imports this module

        return OwnKpi(scope, name)
    return metric_class(name, scope.kind)(scope)


def metric_class(name: str, kind: Kind) -> type[Metric]:
    """The metric of that name. Raises InputError with the nearest name and the kind's list when there is none."""
    known = metric_names(kind)
    if name in known:
        return _registry[name]
    near = difflib.get_close_matches(name, known, n=1)
    guess = f"did you mean `{near[0]}`? " if near else ""
    fault = f"metric `{name}` is not for {kind}" if name in _registry else f"there is no metric `{name}`"
    raise InputError(f"kpis: {fault}; {guess}The metrics for {kind} are {', '.join(known)}")


def metric_names(kind: Kind) -> list[str]:
    """All metrics of a kind of task, the most telling first."""
    import_module("sartor.evaluate.metrics")  # its modules register themselves, and import this one
    return [name for name, cls in _registry.items() if kind in cls.kinds]


def check_kpis(spec: TaskSpec) -> None:
    """Raises InputError for a KPI that the kind does not have, that lacks what it needs, or whose goal is out of reach."""
    for kpi in spec.kpi_list:
        if kpi.function or kpi.judge:
            _check_own(kpi, spec.kind)
            continue
        top = metric(kpi.name, Scope.of(spec, ())).maximum
        if kpi.goal is not None and not 0 <= kpi.goal <= top:
            raise InputError(f"kpis: the goal {kpi.goal:g} of `{kpi.name}` is outside its range, 0 to {top:g}")
        if kpi.goal is not None and 1 < top < math.inf and 0 < kpi.goal < 1:
            raise InputError(
                f"kpis: `{kpi.name}` counts from 0 to {top:g}; for a goal of {kpi.goal:g} write {kpi.goal * top:g}"
            )


def _check_own(kpi: KpiSpec, kind: Kind) -> None:
    if kpi.name in metric_names(kind):
        raise InputError(f"kpis: `{kpi.name}` is a metric of {kind} already: give your own KPI another name")
    if kpi.goal is not None and not 0 <= kpi.goal <= 1:
        raise InputError(f"kpis: the goal {kpi.goal:g} of `{kpi.name}` is outside its range, 0 to 1")
