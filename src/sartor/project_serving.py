"""A project's specialists behind an API, and what comes back of it. `sartor.open(folder).serving`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

# What the verbs need takes seconds to import, so each imports its own.
if TYPE_CHECKING:
    from sartor.access import ApiKeys
    from sartor.flows.drift import Drift
    from sartor.flows.routing import RouterCard
    from sartor.flows.serving import Offer, Specialists
    from sartor.project import Project


class Serving:
    """The part of a project that has to do with its server, with the project's own store, policy and audit trail."""

    def __init__(self, project: Project) -> None:
        self._project, self._ask, self._note = project, project._ask, project._note

    def offer(self, base: str | None = None) -> Offer:
        """What a server of the tasks on one base can tell without loading anything."""
        self._ask("serve", f"project {self._project.root.name}")
        from sartor.adapters import Registry
        from sartor.flows.serving import Offer, ServedTasks, one_base

        tasks = one_base(self._project.tasks(), base)
        served = ServedTasks(self._project.tasks_folder, tasks)
        self._note("serve", f"project {self._project.root.name}", {"base": served.base, "tasks": sorted(tasks)})
        return Offer(self._project.root, self._project._store, served, Registry(self._project._store), self.keys)

    @property
    def keys(self) -> ApiKeys:
        """The keys by which programs ask a server of this project."""
        self._ask("keep", "API keys")
        from sartor.access import ApiKeys

        return ApiKeys(self._project._store.records, self._project._policy[1])

    def specialists(self, base: str | None = None, most_bytes: int | None = None) -> Specialists:
        """What a server answers with: the adapters of all tasks on one base, which is to be named where there are several.

        `most_bytes` of them stay loaded.
        """
        self._ask("serve", f"project {self._project.root.name}")
        from sartor.flows.base import Bases
        from sartor.flows.serving import MOST_BYTES, ServedTasks, Specialists, one_base

        tasks = one_base(self._project.tasks(), base)
        served = ServedTasks(self._project.tasks_folder, tasks)
        bases = Bases(next(iter(tasks.values())))
        return Specialists(served, self._project._store, bases, MOST_BYTES if most_bytes is None else most_bytes)

    def fit_router(self, foreign: Sequence[str] = (), goal: float | None = None, base: str | None = None) -> RouterCard:
        """What `model: "auto"` of a server goes by, kept if it passes: so many of the test rows that it routes, `goal`, go to
        their own task. `foreign`: texts that are of no task."""
        self._ask("serve", f"project {self._project.root.name}")
        from sartor.flows.routing import GOAL, fit_router
        from sartor.flows.serving import one_base

        card = fit_router(
            one_base(self._project.tasks(), base), self._project._store, foreign, GOAL if goal is None else goal
        )
        self._note("fit router", f"project {self._project.root.name}", {"hash": card.hash, "verdict": card.verdict})
        return card

    def watch(self, task: str | None = None) -> str:
        """A server counts the task's requests from now on, against its rows, and keeps nothing of what is asked.

        The task's name.
        """
        found = self._project._allowed("serve", task)
        from sartor.flows.watching import watch
        from sartor.models.encoder import Encoder

        watch(found, self._project._store, Encoder.load())
        self._note("watch", f"task {found.spec.task}")
        return found.spec.task

    def drift(self, task: str | None = None, days: int = 30) -> Drift:
        """Whether what the task was asked in the last days has moved away from what it was trained on."""
        from sartor.flows.drift import drift

        return drift(self._project._allowed("serve", task), self._project._store, days)

    def feedback(self, task: str | None = None) -> list[dict[str, Any]]:
        """What programs sent back of the task's replies, as rows for people to look through."""
        from sartor.flows.feedback import as_rows, given

        found = self._project._allowed("show", task)
        lines = given(found.spec.task, self._project._store)
        self._note("show feedback", f"task {found.spec.task}", {"rows": len(lines)})
        return as_rows(found, self._project._store, lines)

    def forget(self, ids: Sequence[str], task: str | None = None) -> None:
        """Of the task's feedback these lines are gone for good."""
        from sartor.flows.feedback import forget

        found = self._project._allowed("show", task)
        forget(self._project._store, found.spec.task, ids)
        self._note("forget feedback", f"task {found.spec.task}", {"rows": len(ids)})
