"""What the report shows, as plain values: `flows` fills them, the page and the terminal only read them.

Scores are as the metric defines them, on `MetricView.scale`. Differences are specialist minus rival.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sartor.scale import SHARE, Scale
from sartor.task import Kind

Outcome = Literal["specialist wins", "rival wins", "tie"]


@dataclass(frozen=True, slots=True)
class MetricView:
    """How a metric is called and read."""

    title: str
    """As it stands in a sentence: `field F1`."""
    about: str = ""
    """One line for a stranger: `share of fields that are right, missing and invented ones counted`."""
    signature: str = ""
    """What makes the number reproducible, printed in the provenance."""
    scale: Scale = SHARE
    higher_is_better: bool = True


@dataclass(frozen=True, slots=True)
class Mark:
    """A score with its interval.

    Raises ValueError where a number is not finite: a NaN is a failure, never a mark.
    """

    value: float
    low: float
    high: float
    n: int
    """Rows scored."""
    method: str = ""
    """How the 95 % interval was made: `Wilson`."""
    note: str = ""
    """A warning to print beside the number."""

    def __post_init__(self) -> None:
        if not all(math.isfinite(number) for number in (self.value, self.low, self.high)):
            raise ValueError(f"a mark must be finite, not {self.value} ({self.low} to {self.high})")


@dataclass(frozen=True, slots=True)
class KpiView:
    """One goal of the task, with what the specialist reached."""

    metric: str
    mark: Mark
    goal: float | None = None
    met: Literal["met", "missed", "unclear"] | None = None
    """Whether the whole interval reaches the goal, misses it, or holds it; None without a goal."""
    hard: bool = False


@dataclass(frozen=True, slots=True)
class PartRow:
    """How often a label, or a filled field, occurs in the training and the test rows."""

    name: str
    train: int
    test: int


@dataclass(frozen=True, slots=True)
class DataView:
    train: int
    validation: int
    test: int
    format: str = ""
    """What the files were read as: `JSONL, one object a row`."""
    dropped: tuple[tuple[str, int], ...] = ()
    """(reason, rows) for every row that was left out."""
    cut: int = 0
    """Rows whose prompt was cut to the longest length."""
    duplicates: int | None = None
    """Training rows that repeat another one; None: not counted."""
    leakage: int | None = None
    """Test rows that also occur in training; None: not counted."""
    parts: tuple[PartRow, ...] = ()
    """Labels of a classification, fields of an extraction."""
    lengths: tuple[int, ...] = ()
    """Tokens of every training example, prompt and answer together."""
    max_length: int | None = None
    """Longest example that the base or the task allows, in tokens."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SystemView:
    name: str
    kind: str
    """`specialist`, or what the rival is: `prompt`, `encoder`, `endpoint`."""
    scores: Mapping[str, Mark]
    """Metric name → mark; a metric that was not measured is missing."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Answers that went wrong in form: `errors`, `cut at the limit`, `not a label`, `invalid JSON`."""
    seconds: float | None = None
    """For all test rows."""
    tokens: int | None = None
    money: float | None = None


@dataclass(frozen=True, slots=True)
class ComparisonView:
    """The specialist against one rival, paired on the same rows."""

    rival: str
    metric: str
    difference: float
    low: float
    high: float
    p_value: float
    test: str
    """`mid-p McNemar`"""
    mdd: float
    """Smallest difference that this many rows show with 80 % power."""
    n: int
    verdict: Literal["better", "worse", "tie"]
    """What the specialist is beside the rival."""
    note: str = ""
    """A warning to print beside the number."""


@dataclass(frozen=True, slots=True)
class DetailRow:
    """One class or field; precision, recall and F1 lie between 0 and 1."""

    name: str
    support: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True, slots=True)
class ConfusionView:
    expected: str
    answered: str
    rows: int


@dataclass(frozen=True, slots=True)
class Difference:
    """One field in which an answer is wrong; None: the field is absent."""

    field: str
    expected: str | None
    answered: str | None


@dataclass(frozen=True, slots=True)
class MistakeView:
    """One wrong answer of the specialist that is worth reading."""

    id: str
    source: str
    """`held_out.jsonl:12`"""
    question: str
    expected: str
    answered: str
    differences: tuple[Difference, ...] = ()
    confidence: float | None = None
    """The probability that the specialist gave to its answer, where it gives one."""
    right_rivals: tuple[str, ...] = ()
    """Systems that answered this one right."""
    reason: str = ""
    """What the primary KPI says of it: `failed: AssertionError`."""


@dataclass(frozen=True, slots=True)
class MisledView:
    """An output that looks good by a general metric and is not usable."""

    id: str
    source: str
    question: str
    expected: tuple[tuple[str, bool], ...]
    """The reference in pieces, and whether a piece is a fact that was lost."""
    answered: tuple[tuple[str, bool], ...]
    """The answer in pieces, and whether a piece is at fault."""
    score: str
    """The general metric on this row."""
    failed: tuple[str, ...]
    """The hard KPIs that fail."""


@dataclass(frozen=True, slots=True)
class GapRow:
    """One general metric beside the usable rate."""

    title: str
    threshold: str
    threshold_from: str
    perceived: float
    usable: float
    points: str
    """Perceived less usable, with its interval."""
    correlation: str
    quadrants: tuple[int, int, int, int]
    """Looks good and is usable; looks good and is not; looks poor and is usable; looks poor and is not."""


@dataclass(frozen=True, slots=True)
class GapView:
    """Perceived against real quality of one system's outputs."""

    system: str
    sentence: str
    rows: tuple[GapRow, ...]
    """The metric that misleads most first."""
    dots: tuple[tuple[float, float, bool], ...]
    """Per output: that metric, the primary KPI, whether it is usable."""
    axes: tuple[tuple[str, float], tuple[str, float]]
    """(title, end of the scale) of both."""
    threshold: float
    misled: tuple[MisledView, ...]


@dataclass(frozen=True, slots=True)
class TrainingView:
    method: str
    """`LoRA, rank 16, on all linear layers`"""
    train_loss: tuple[tuple[float, float], ...]
    """(epoch, loss), nats a supervised token; the epoch is a fraction inside an epoch."""
    validation_loss: tuple[tuple[float, float], ...]
    seconds: float
    examples_per_s: float
    tokens: int
    """Computed, over all epochs."""
    learning_rate: float
    learning_rate_why: str
    epochs: float
    """Epochs that ran."""
    batch_size: int
    """Examples an optimiser step."""
    early_stop: str = ""
    """`stopped after 2 of 3 epochs: the validation loss rose`"""
    trainable: int | None = None
    """Parameters trained."""
    peak_memory: int | None = None
    """Bytes."""
    supervised: int | None = None
    """Of the tokens, those that the loss saw."""
    flops: float | None = None
    """Modelled."""
    energy: float | None = None
    """Modelled, kWh."""
    energy_from: str = ""
    """The watts, and where they come from."""
    money: float | None = None


@dataclass(frozen=True, slots=True)
class CostRow:
    item: str
    quantity: float
    unit: str
    rate: float
    source: Literal["measured", "configured", "modelled"]
    amount: float


@dataclass(frozen=True, slots=True)
class CostView:
    currency: str
    rows: tuple[CostRow, ...]

    @property
    def total(self) -> float:
        return math.fsum(row.amount for row in self.rows)


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything on the page. The first KPI is the primary one: it orders the systems and leads the verdict.

    Raises ValueError unless there is exactly one specialist and every system is marked on the primary KPI.
    """

    task: str
    kind: Kind
    base: str
    created_at: datetime
    outcome: Outcome
    headline: str
    kpis: tuple[KpiView, ...]
    metrics: Mapping[str, MetricView]
    systems: tuple[SystemView, ...]
    data: DataView
    cost: CostView
    sentences: tuple[str, ...] = ()
    """What follows the headline, a sentence each."""
    comparisons: tuple[ComparisonView, ...] = ()
    details: tuple[DetailRow, ...] = ()
    """The specialist's classes or fields."""
    rival_details: tuple[DetailRow, ...] = ()
    """The best rival's."""
    confusions: tuple[ConfusionView, ...] = ()
    mistakes: tuple[MistakeView, ...] = ()
    gap: GapView | None = None
    """The specialist's perceived quality against its real one; None without a hard KPI or a general metric."""
    training: TrainingView | None = None
    provenance: tuple[tuple[str, str], ...] = ()
    test_openings: int = 1
    """How often this test set has been scored, this time included."""
    warnings: tuple[str, ...] = ()
    adapter: str = ""
    """Where the adapter is, for the terminal's last line and the provenance."""
    path: str = ""
    """Where the page is written, for the terminal's last line."""

    def __post_init__(self) -> None:
        if not self.kpis:
            raise ValueError("a report needs a KPI")
        if sum(system.kind == "specialist" for system in self.systems) != 1:
            raise ValueError("a report shows exactly one specialist")
        for system in self.systems:
            if self.primary not in system.scores:
                raise ValueError(f"{system.name} has no {self.primary}")

    @property
    def primary(self) -> str:
        return self.kpis[0].metric

    @property
    def specialist(self) -> SystemView:
        return next(system for system in self.systems if system.kind == "specialist")

    @property
    def ranked(self) -> tuple[SystemView, ...]:
        """The systems by their primary KPI, best first; of equals the rival comes first."""
        sign = -1 if self.metric(self.primary).higher_is_better else 1
        return tuple(
            sorted(self.systems, key=lambda s: (sign * s.scores[self.primary].value, s.kind == "specialist", s.name))
        )

    @property
    def best_rival(self) -> SystemView | None:
        return next((system for system in self.ranked if system.kind != "specialist"), None)

    @property
    def decisive(self) -> ComparisonView | None:
        """The comparison with the best rival on the primary KPI."""
        name = self.best_rival.name if self.best_rival else None
        return next((c for c in self.comparisons if c.rival == name and c.metric == self.primary), None)

    @property
    def part(self) -> str:
        """What one row of `details` is."""
        return "field" if self.kind == "extraction" else "class"

    def metric(self, name: str) -> MetricView:
        """How to call and read a metric; its bare name where nothing is known."""
        return self.metrics.get(name, MetricView(name))


@dataclass(frozen=True, slots=True)
class MethodsView:
    """Methods of fine-tuning beside each other, everything as it is shown."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    """A method and what it scores and takes, as many cells as there are heads."""
    sentences: tuple[str, ...]
