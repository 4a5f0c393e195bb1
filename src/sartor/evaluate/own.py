"""KPIs of a task's own: a Python function that a domain expert can read, `fn(example, output)`, or a judge.

It gives a bool, a number from 0 to 1, or {"score": …, "reason": "shown beside the row"}. What it raises, and any other
value, makes the row unscored: counted as 0, with the reason.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sartor.data.example import Example
from sartor.evaluate.judge import Judge
from sartor.evaluate.metric import Mean, Scope, Unscored, text_of
from sartor.functions import load_function, source_hash
from sartor.generate.answer import Answer
from sartor.task import TaskSpec

OwnFunction = Callable[[Example, str], Any]


class OwnKpi(Mean):
    """A KPI that this task defines itself."""

    def __init__(self, scope: Scope, name: str) -> None:
        self.name = self.title = name  # type: ignore[misc]  # the only metric whose name is the task's
        super().__init__(scope)
        self.needs_target = self.option.judge is not None
        self._function = scope.functions[name]

    @property
    def signature(self) -> str:
        if isinstance(self._function, Judge):
            return f"{self.name}|{self._function.signature}"
        return f"{self.name}|function:{self.option.function}"

    @property
    def note(self) -> str:
        return self._function.note if isinstance(self._function, Judge) else ""

    def score(self, example: Example, answer: Answer) -> float:
        try:
            found = self._function(example, text_of(answer))
        except Unscored:
            raise
        except Exception as error:
            raise Unscored(f"{self.option.function} raised {type(error).__name__}: {error}") from error
        if isinstance(found, dict):
            if reason := found.get("reason"):
                self.reasons[example.id] = str(reason)
            found = found.get("score")
        if not isinstance(found, bool | int | float) or not math.isfinite(found) or not 0 <= found <= 1:
            raise Unscored(f"{self.option.function} gave {found!r}, not a bool or a number from 0 to 1")
        return float(found)


def load_functions(spec: TaskSpec, folder: Path) -> dict[str, OwnFunction]:
    """The functions that the task's KPIs name, by KPI. Raises InputError for a file or function that is not there."""
    return {kpi.name: load_function(kpi.function, folder, "kpis") for kpi in spec.kpis if kpi.function}


def source_hashes(spec: TaskSpec, folder: Path) -> dict[str, str]:
    """The hash of the file of every own KPI: a score is made anew when its function changes."""
    return {kpi.name: source_hash(kpi.function, folder) for kpi in spec.kpis if kpi.function}
