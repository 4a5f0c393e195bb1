"""Checks of a task's own: a Python function that a domain expert can read, `fn(example)`.

It gives None, false or 0 for a sound row; a score above 0, true, or a sentence that says what is wrong; or all that it
knows: {"score": 0.8, "reason": "…", "fix": the example as it should be}, of which `score` (1) and `fix` may be left out.
"""

import math
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from sartor.curate.check import Check, Suspicion, Suspicions, check_names
from sartor.curate.pool import Pool
from sartor.data.example import Example
from sartor.errors import InputError
from sartor.functions import load_function, source_hash
from sartor.task import TaskSpec


class OwnCheck(Check):
    """A check that this task defines itself. Raises InputError where the function fails, with the row that it fails on."""

    def __init__(self, name: str, named: str, function: Callable[[Example], Any], source: str = "") -> None:
        """`source`: a hash of the function's file."""
        self.name = self.title = name  # type: ignore[misc]  # the only check whose name is the task's
        self._named, self._source = named, source
        self._function = function

    @property
    def version(self) -> str:
        return self._source

    def look(self, pool: Pool) -> Suspicions:
        found: Suspicions = {}
        for place, example in enumerate(pool.examples):
            try:
                said = self._function(example)
            except Exception as error:
                raise self._failure(example, f"raised {type(error).__name__}: {error}") from error
            suspicion = self._suspicion(example, said)
            if suspicion.score > 0:
                found[place] = suspicion
        return found

    def _suspicion(self, example: Example, said: Any) -> Suspicion:
        if isinstance(said, str):
            said = {"reason": said} if said.strip() else None
        elif not isinstance(said, dict):
            said = {"score": said or 0}
        said = {"score": 1, "reason": f"`{self.name}` says so", "fix": None, **(said or {"score": 0})}
        score, reason, fix = said["score"], said["reason"], said["fix"]
        if not isinstance(score, bool | int | float) or not math.isfinite(score) or score < 0:
            raise self._failure(example, f"gave the score {score!r}, which is no number from 0 up")
        if fix is not None and (not isinstance(fix, Example) or fix.id != example.id):
            raise self._failure(example, "gave a fix that is not the row's example with other content")
        return Suspicion(float(score), str(reason), {"function": self._named}, fix)

    def _failure(self, example: Example, what: str) -> InputError:
        return InputError(f"{self._named}, on row {example.id} ({example.source}): {what}; correct the function")


def own_checks(spec: TaskSpec, folder: Path, asked: Collection[str] = ()) -> list[OwnCheck]:
    """The checks that name a function and are not off, or are asked for, in the order of `curate`.

    Raises InputError for a file or function that is not there, and for a name that a check of Sartor's has.
    """
    named = {name: check for name, check in spec.curate.items() if check.action != "off" or name in asked}
    own = {name: check.function for name, check in named.items() if check.function}
    if taken := own.keys() & set(check_names(spec.kind)):
        raise InputError(
            f"curate: `{min(taken)}` is a check of Sartor's; give the one with the `function` another name"
        )
    return [
        OwnCheck(name, named, load_function(named, folder, "curate"), source_hash(named, folder))
        for name, named in own.items()
    ]
