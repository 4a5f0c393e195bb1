"""What came of specialists beside one adapter for all of their tasks, and the verdict in words."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sartor.evaluate.matrix import Cell, TaskDifference
from sartor.report.format import p_value, plural
from sartor.scale import Scale

GENERALIST, SEQUENTIAL, AFTER_OWN = "generalist", "sequential", "sequential, after its own task"
Verdict = Literal[
    "specialists better", "generalist better", "depends on the task", "no difference shown", "INCONCLUSIVE"
]
WORDS = {
    "better": "specialist better",
    "worse": "{} better",
    "no difference": "no difference shown",
    "inconclusive": "INCONCLUSIVE",
}


@dataclass(frozen=True, slots=True)
class Tested:
    """A task, as it was tested."""

    task: str
    metric: str
    title: str
    scale: Scale
    higher_is_better: bool
    learned: int
    """Rows of training and validation."""
    n: int
    """Test rows."""
    margin: float
    """A difference within it, to either side, is none that matters: the KPI's `margin`, else 2 points."""
    test: str
    """Hash of the test rows."""
    test_openings: int
    """How often they were looked at, this time included."""


@dataclass(frozen=True, slots=True)
class WayCost:
    """What a way to have an adapter for every task takes."""

    way: str
    trainings: int
    """For one seed."""
    seconds: float
    """Of all of them, with validation and without loading: mean of the seeds."""
    seconds_by_seed: list[float]
    money: float
    """`seconds` at the first task's `costs.hour`."""
    adapter_bytes: int
    """Of the largest adapter's files."""
    loaded_bytes: int
    """Of all adapters that answer the tasks."""


@dataclass(frozen=True, slots=True)
class OneForAll:
    """Specialists beside one adapter for all of their tasks."""

    base: str
    recipe: str
    """Of the generalist and of the sequential adapter, in words: the first task's."""
    seeds: int
    currency: str | None
    """Of money; None where no `costs.hour` is set."""
    tested: dict[str, Tested]
    """By task, in the order in which the sequential adapter learned them."""
    matrix: list[Cell]
    """Every adapter on every task."""
    generalist: list[TaskDifference]
    """Each task's own specialist less the generalist."""
    sequential: list[TaskDifference]
    """The same less the sequential adapter, after its last task."""
    forgetting: list[TaskDifference]
    """The sequential adapter after its own task less at the end; of the last task there is none."""
    costs: list[WayCost]
    notes: list[str]
    """What is to be minded."""

    def cell(self, task: str, adapter: str) -> Cell:
        return next(cell for cell in self.matrix if (cell.task, cell.adapter) == (task, adapter))

    @property
    def verdict(self) -> Verdict:
        """Over all tasks, of specialists and generalist."""
        found = {each.verdict for each in self.generalist}
        if {"better", "worse"} <= found:
            return "depends on the task"
        if found & {"better", "worse"}:
            return "specialists better" if "better" in found else "generalist better"
        return "INCONCLUSIVE" if "inconclusive" in found else "no difference shown"

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        found, tasks = Counter(each.verdict for each in self.generalist), len(self.generalist)
        better, worse, unclear = found["better"], found["worse"], found["inconclusive"]
        rest = f"; {unclear} INCONCLUSIVE" if unclear else ""
        match self.verdict:
            case "specialists better":
                return f"Specialists are better on {better} of {tasks} tasks, the generalist on none{rest}."
            case "generalist better":
                said = f"The generalist is better on {worse} of {tasks} tasks, specialists on none{rest}"
                return f"{said}." if unclear else f"{said}: specialists do not pay here."
            case "depends on the task":
                said = f"It depends on the task: specialists are better on {better} of {tasks}"
                return f"{said}, the generalist on {worse}{rest}."
            case "no difference shown":
                said = f"No difference is shown on any of {tasks} tasks"
                return f"{said}: one generalist is as good as {tasks} specialists, within the margins."
            case "INCONCLUSIVE":
                said = f"INCONCLUSIVE: on {unclear} of {tasks} tasks these rows and seeds do not tell specialists and"
                return f"{said} generalist apart, and on none is either better."

    @property
    def sentences(self) -> list[str]:
        """The verdict of each task, against the generalist and the sequential adapter, and what that has forgotten."""
        return [
            *(self._beside(each, GENERALIST) for each in self.generalist),
            *(self._beside(each, f"{SEQUENTIAL} adapter") for each in self.sequential),
            *(self._forgot(each) for each in self.forgetting),
        ]

    def word(self, found: TaskDifference) -> str:
        """The verdict of a specialist beside another adapter."""
        return WORDS[found.verdict].format(found.b)

    def _beside(self, found: TaskDifference, other: str) -> str:
        said = f"specialist {self._estimate(found.task, found.a)}, {other} {self._estimate(found.task, found.b)}"
        return f"{self._title(found)}: {said}, {self._difference(found)}: {self.word(found)}{self._remedy(found)}."

    def _forgot(self, found: TaskDifference) -> str:
        word = {
            "better": "forgotten",
            "worse": "better at the end",
            "no difference": "nothing forgotten, within the margin",
            "inconclusive": "INCONCLUSIVE",
        }[found.verdict]
        ends = f"{self._estimate(found.task, found.a)} after its own task, {self._estimate(found.task, found.b)} at the end"
        said = f"the sequential adapter {ends}, {self._difference(found)}"
        return f"{self._title(found)}: {said}: {word}{self._remedy(found)}."

    def _title(self, found: TaskDifference) -> str:
        return f"{found.task}, {self.tested[found.task].title}"

    def _estimate(self, task: str, adapter: str) -> str:
        cell = self.cell(task, adapter)
        return self.tested[task].scale.estimate(cell.value, cell.low, cell.high)

    def _difference(self, found: TaskDifference) -> str:
        shown = self.tested[found.task].scale.difference(found.difference, found.low, found.high)
        return f"{shown}, adjusted {p_value(found.adjusted_p)}"

    def _remedy(self, found: TaskDifference) -> str:
        if found.verdict != "inconclusive":
            return ""
        if found.rows_needed is None:
            return "; no number of test rows would settle it, more seeds may"
        return f"; about {plural(found.rows_needed, 'test row')} would settle it"

    def to_json(self) -> dict[str, Any]:
        """One document."""
        return {
            "base": self.base,
            "recipe": self.recipe,
            "seeds": self.seeds,
            "verdict": self.verdict,
            "headline": self.headline,
            "sentences": self.sentences,
            "notes": self.notes,
            "tasks": [asdict(each) for each in self.tested.values()],
            "matrix": [asdict(cell) for cell in self.matrix],
            "generalist": [asdict(each) for each in self.generalist],
            "sequential": [asdict(each) for each in self.sequential],
            "forgetting": [asdict(each) for each in self.forgetting],
            "costs": [asdict(each) for each in self.costs],
            "currency": self.currency,
        }
