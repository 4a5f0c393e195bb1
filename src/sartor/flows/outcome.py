"""What a run comes to: plain values between the stages, and what the page is made of."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartor.adapters.registry import AdapterVersion
from sartor.evaluate.compare import Comparison
from sartor.evaluate.mistakes import Mistake
from sartor.evaluate.scorecard import Scorecard
from sartor.evaluate.verdict import Verdict
from sartor.flows.ask import Answered
from sartor.flows.check import CheckReport
from sartor.flows.halving import Tuned
from sartor.flows.prepare import Prepared, Task
from sartor.jobs.steps import StepResult
from sartor.train.loop import History
from sartor.train.meter import Meter


@dataclass(frozen=True, slots=True)
class Trained:
    folder: Path
    manifest: dict[str, Any]
    history: History
    step: StepResult
    meter: Meter

    @property
    def stored_bytes(self) -> int:
        return sum(file.stat().st_size for file in self.folder.rglob("*") if file.is_file())


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that the page shows, before it is put into words."""

    task: Task
    check: CheckReport
    prepared: Prepared
    answered: list[Answered]
    """The specialist last."""
    trained: Trained
    adapter: AdapterVersion
    scorecards: list[Scorecard]
    comparisons: list[Comparison]
    verdict: Verdict
    mistakes: list[Mistake]
    test_openings: int
    label_cost: float
    """What the labelled rows of training and validation cost."""
    tuned: Tuned | None = None
    """The search that found the recipe, where there was one."""
